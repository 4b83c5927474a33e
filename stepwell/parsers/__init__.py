"""Output parsers: ask a model for a form of answer, and read its text as values. Names are loaded when first used."""

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


if not TYPE_CHECKING:  # hidden from type checkers, which would otherwise accept any name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            from ..schemas.other_names import refuse_name  # only for a mistake

            refuse_name(__name__, name)
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)

    def __dir__() -> list[str]:
        return [*__all__]
