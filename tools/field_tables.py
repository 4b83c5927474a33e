"""The tables of fields in the documents: what an entry of a model, its prices, a patch and a declaration may have.

The words are the docstrings below the fields of the classes, or those of WORDS.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Mapping

from stepwell.model_metadata.patches import FIELDS as PATCH_FIELDS
from stepwell.providers.declare.constraints import KEYS
from stepwell.providers.declare.provider import Provider
from stepwell.providers.declare.steps import StepOverrides
from stepwell.schemas.model import Model
from stepwell.schemas.prices import Prices

_TYPES: Mapping[str, str] = {
    "str": "string",
    "int": "whole number",
    "bool": "True or False",
    "Decimal": "number",
    "frozenset[str]": "a word, or a list of them",
    "Prices": "object",
    "Mapping[str, Decimal]": "object",
    "tuple[Tier, ...]": "list of objects",
}
_NOT_GIVEN = ("known", "facts")
"""What a model has, and an entry does not give."""
_NOT_IN_A_COST = ("modes",)

WORDS: Mapping[str, str] = {
    "Prices.input": "tokens of input",
    "Prices.output": "tokens of output",
    "Prices.cache_read": "tokens of input that are read from the provider's cache",
    "Prices.cache_read_audio": "the same for tokens of audio",
    "Prices.cache_write_1h": "writing to the cache with a lifetime of an hour",
    "Prices.reasoning": "tokens of reasoning",
    "Prices.input_audio": "tokens of audio in the input",
    "Prices.output_audio": "tokens of audio in the output",
    "Provider.headers": "more headers of every request",
    "Provider.tool_call_id_policy": "the ids of tool calls that it accepts, where they differ from the wire's",
    "Provider.prepare_request": "changes a request before its options are translated: its address, its headers",
}
"""What fields mean whose classes do not say it, by class and field."""


def documented(fields_of: type) -> dict[str, tuple[str, str]]:
    """Return type and meaning of each field of a class, by its name; a docstring is on the lines below the field.

    Raises ValueError for a field that neither a docstring nor WORDS explains.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(fields_of))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, tuple[str, str]] = {}
    for each, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            name = f"{fields_of.__name__}.{each.target.id}"
            has_docstring = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            text = after.value.value if has_docstring else WORDS.get(name)
            if not isinstance(text, str):
                raise ValueError(f"nothing says what {name} is")
            found[each.target.id] = ast.unparse(each.annotation), _sentence(text)
    return found


def _sentence(docstring: str) -> str:
    """Return a docstring in one line, with a small letter first and no full stop at its end."""
    words = re.sub(r"[:;] see \w+\.py$", "", " ".join(docstring.split()).removesuffix("."))
    return words if words[:2].isupper() or words.startswith("False") else words[0].lower() + words[1:]


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [list(head), *map(list, rows)]
    first, *others = ("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
    return "\n".join([first, "|---" * len(lines[0]) + "|", *others]).replace("|  |", "| |")


def _described(fields_of: type, left_out: Iterable[str]) -> str:
    rows = []
    for name, (annotation, text) in documented(fields_of).items():
        if name not in left_out:
            rows.append([f"`{name}`", _TYPES[annotation.removesuffix(" | None")], text])
    return table(("field", "value", "meaning"), rows)


def model_fields() -> str:
    """Return the table of the fields of `stepwell.models.add`."""
    return _described(Model, _NOT_GIVEN)


def price_fields() -> str:
    """Return the table of the fields of `prices`."""
    return _described(Prices, _NOT_IN_A_COST)


def patch_fields() -> str:
    """Return the table of the fields of a patch file."""
    return table(("field", "meaning"), ([f"`{name}`", text] for name, text in PATCH_FIELDS.items()))


def constraints() -> str:
    """Return the table of the keys of `thinking_constraints`."""
    return table(("key", "meaning"), ([f"`{name}`", text] for name, text in KEYS.items()))


DECLARED = (
    *("id", "name", "docs", "base_url", "base_url_env", "trusted_hosts", "env_key", "key_optional", "auth"),
    *("credentials", "headers", "options", "translate_options", "models", "model_facts", "embed_batches"),
    *("thinking_constraints", "json_with_tools", "normalize_model_id", "prepare_request", "attach", "attach_stream"),
    *("tool_call_id_policy", "accepts_signatures_of", "prefill"),
)
"""The fields of a declaration in the order of its table; `wire` stands in the text."""


def steps() -> str:
    """Return the table of the steps that an override can replace."""
    return table(
        ("step", "what it does"), ([f"`{name}`", text] for name, (_, text) in documented(StepOverrides).items())
    )


def declaration_fields() -> str:
    """Return the table of the arguments of `declare_provider`."""
    found = documented(Provider)
    return table(("argument", "meaning"), ([f"`{name}`", found[name][1]] for name in DECLARED))
