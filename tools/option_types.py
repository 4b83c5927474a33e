"""Generate stepwell/options.py from the option tables; run by `python -m tools.api`.

The tables (schemas/options.py) are checked at run time. Type checkers cannot read them, so the same names are written
down as TypedDicts. A test compares the file with what this script writes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from stepwell.schemas.options import CALL_OPTIONS, OPERATION_OPTIONS, Option

OPTIONS = Path(__file__).parents[1] / "stepwell" / "options.py"

TAIL = """if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
"""
HEAD = '''"""The options of each operation as TypedDicts, for `**options: Unpack[ChatOptions]` in functions of your own.

Written by `python -m tools.api` from the tables in schemas/options.py; change those, not this file.
None means not given, for every option.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from .schemas.other_names import suggesting
from .pipeline.edits import PipelineEdits
from .pipeline.pipeline import Pipeline
from .pipeline.step import Step
from .pipeline.http.timeouts import Timeouts
from .providers.declare.provider import Override
from .schemas.message import Context, MessageLike
from .schemas.model import Model
from .schemas.secret import Secret
from .schemas.tool import Tool, ToolLike

ModelLike: TypeAlias = str | Model | None
"""A model: `provider:model-id`, a Model, or None for the default one."""

PromptLike: TypeAlias = Context | MessageLike | Iterable[MessageLike]
"""A prompt: text, a Context, one message or several, as Messages or in the dict form of OpenAI."""

Credential: TypeAlias = str | Secret | Mapping[str, object] | Callable[[], str]
"""A key, several under their names, or a function that returns one."""

StepLike: TypeAlias = Step | PipelineEdits | Callable[[Pipeline], Pipeline]
"""A step, or what edits a pipeline."""

PipelineLike: TypeAlias = Pipeline | StepLike | Iterable[StepLike]
"""A pipeline, or what changes the usual one."""
'''

ALIASES = ("Credential", "ModelLike", "PipelineLike", "PromptLike", "Secret", "StepLike", "Timeouts", "ToolLike")

CLASSES = {
    "chat": "ChatOptions",
    "embed": "EmbedOptions",
    "rerank": "RerankOptions",
    "image": "ImageOptions",
    "speak": "SpeakOptions",
    "transcribe": "TranscribeOptions",
    "moderate": "ModerateOptions",
    "ocr": "OcrOptions",
    "count_tokens": "CountTokensOptions",
    "list_models": "ListModelsOptions",
}

PLAIN = {"number": "float", "integer": "int", "boolean": "bool", "string": "str", "object": "Mapping[str, object]"}


def annotation(option: Option) -> str:
    """Return the Python type of an option's value: its row's, else one made of its schema."""
    if option.type:
        return option.type
    schema = option.schema
    if "enum" in schema:
        return f"Literal[{', '.join(repr(each) for each in schema['enum'])}]".replace("'", '"')
    kind = schema["type"]
    if kind == "array":
        return f"Sequence[{annotation(Option(schema['items'], ''))}]"
    if isinstance(kind, list):
        each = {name: annotation(Option({**schema, "type": name}, "")) for name in kind}
        return " | ".join(each.values())
    return PLAIN[kind]


def fields(table: Mapping[str, Option]) -> str:
    """Return a TypedDict's body: each option with its type, and its meaning below it."""
    rows = (f'    {name}: {annotation(option)} | None\n    """{option.doc}"""\n' for name, option in table.items())
    return "".join(rows)


def option_types() -> str:
    """Return the whole text of stepwell/options.py, before it is formatted."""
    chat = OPERATION_OPTIONS["chat"]
    not_for_objects = ("tools", "tool_choice", "response_format")
    common = {name: option for name, option in chat.items() if name not in not_for_objects}
    parts = [
        HEAD,
        _class("CallOptions", "TypedDict", "Options of every call, whatever the operation.", CALL_OPTIONS),
        _class("ObjectOptions", "CallOptions", "Options of a call for an object.", common),
        _class(
            "ToolLoopOptions",
            "ObjectOptions",
            "Options of a tool loop, whose tools are an argument.",
            {name: chat[name] for name in not_for_objects[1:]},
        ),
        _class("ChatOptions", "ToolLoopOptions", "Options of a chat call.", {"tools": chat["tools"]}),
    ]
    for operation, name in CLASSES.items():
        if operation != "chat":
            doc = f"Options of the operation {operation!r}."
            parts.append(_class(name, "CallOptions", doc, OPERATION_OPTIONS[operation]))
    names = ["CallOptions", "ObjectOptions", "ToolLoopOptions", *CLASSES.values(), *ALIASES]
    parts += [f"__all__ = {sorted(names)!r}\n", TAIL]
    return "\n\n".join(parts)


def _class(name: str, base: str, doc: str, table: Mapping[str, Option]) -> str:
    return f'class {name}({base}, total=False):\n    """{doc}"""\n\n{fields(table)}'


def formatted(text: str, path: Path) -> str:
    """Return the text with imports sorted and formatted by ruff."""
    ruff = [sys.executable, "-m", "ruff"]
    sort = [*ruff, "check", "--quiet", "--fix-only", "--select", "I,F401", "--stdin-filename", str(path), "-"]
    if path.suffix == ".pyi":  # all of its names are written twice: one statement for each module
        sort += ["--config", "lint.isort.combine-as-imports=true", "--config", "lint.per-file-ignores={}"]
    for command in (sort, [*ruff, "format", "--stdin-filename", str(path), "-"]):
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    return text
