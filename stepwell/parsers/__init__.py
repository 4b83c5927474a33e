"""Text that a model wrote, read as what was asked for. Names are loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .choice import ChoiceParser
    from .json import JSONParser, SchemaParser
    from .lists import ListParser
    from .parser import OutputParser
    from .react import ReActParser
    from .regex import RegexParser
    from .tagged import TagParser

__all__ = [
    "ChoiceParser",
    "JSONParser",
    "ListParser",
    "OutputParser",
    "ReActParser",
    "RegexParser",
    "SchemaParser",
    "TagParser",
]
_MODULES = {
    "ChoiceParser": "choice",
    "JSONParser": "json",
    "ListParser": "lists",
    "OutputParser": "parser",
    "ReActParser": "react",
    "RegexParser": "regex",
    "SchemaParser": "json",
    "TagParser": "tagged",
}


if not TYPE_CHECKING:  # a type checker is to refuse names that there are not

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
