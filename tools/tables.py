"""Write the tables and the picture in the documents that are made from the code: `python -m tools.tables`.

Each table stands in a page between `<!-- table: NAME -->` and `<!-- end of table -->`. A test compares the pages with
what this script writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from stepwell.providers import BUILT_IN
from stepwell.providers.declare.credentials import Login
from stepwell.providers.declare.provider import Provider
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas.json_types import JSONSchema
from stepwell.schemas.options import CALL_OPTIONS, OPERATION_OPTIONS, Option
from tools import field_tables
from tools.dialect_table import dialects
from tools.field_tables import table
from tools.picture import picture

DOCS = Path(__file__).parents[1] / "docs"
PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.S)


def values(schema: JSONSchema, type: str) -> str:
    """Describe the values that fit a schema in words."""
    if "enum" in schema:
        return " ".join(f"`{str(each).lower() if isinstance(each, bool) else each}`" for each in schema["enum"])
    kind = schema.get("type", "")
    words = type if not kind else " or ".join(kind) if isinstance(kind, list) else str(kind)
    bounds = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
    return ", ".join([words, *(f"{word} {schema[key]}" for key, word in bounds.items() if key in schema)])


def options(found: Mapping[str, Option]) -> str:
    """Return the table of some options."""
    return table(
        ("option", "value", "meaning"),
        ([f"`{name}`", values(option.schema, option.type), option.doc] for name, option in found.items()),
    )


def operation_options() -> str:
    """Return the tables of the options of all operations but chat."""
    parts = []
    for operation, found in OPERATION_OPTIONS.items():
        if operation not in ("chat", "count_tokens") and found:
            parts.append(f"**{operation}**\n\n{options(found)}")
    return "\n\n".join(parts)


def _built_in() -> list[Provider]:
    return [provider for provider in REGISTRY if provider.id in BUILT_IN]


def providers() -> str:
    """Return the table of the providers that are declared in this package."""
    return table(("provider", "id", "key", "wires of chat"), map(_row, _built_in()))


def _row(provider: Provider) -> list[str]:
    name = f"[{provider.name}]({provider.docs})" if provider.docs else provider.name
    keys = " ".join(f"`{each}`" for each in provider.key_variables) or "none"
    wires = " ".join(f"`{wire.name}`" for wire in provider.wires if wire.operation == "chat")
    return [name, f"`{provider.id}`", f"{keys} (optional)" if provider.key_optional and keys != "none" else keys, wires]


SHOWN = ("embed", "rerank", "image", "transcribe", "speak", "moderate", "ocr", "count_tokens", "list_models", "batch")


def operations() -> str:
    """Return for each operation the built-in providers that have it."""
    rows = []
    for name in SHOWN:
        having = [each.id for each in _built_in() if any(op == name or name in op for op in each.operations)]
        rows.append([f"`{name}`", " ".join(f"`{each}`" for each in having)])
    return table(("operation", "providers"), rows)


def logins() -> str:
    """Return the credentials of the providers that take more than one key."""
    rows = []
    for provider in _built_in():
        taken = provider.takes()
        if len(taken.values) > 1:
            known = {name for login in taken.logins for name in (*login.needs, *login.may)}
            settings = [f"`{value.name}`" for value in taken.values if value.name not in known]
            ways = " or ".join(_login(login) for login in taken.logins)
            rows.append([f"`{provider.id}`", ways, " ".join(settings), "yes" if taken.alone else ""])
    return table(("id", "a login is", "settings beside it", "finds the machine's own login"), rows)


def _login(login: Login) -> str:
    return " + ".join(f"`{name}`" for name in login.needs) + "".join(f" (+ `{name}`)" for name in login.may)


def catalog_providers() -> str:
    """Return the table of the providers that are made from a catalog's entry.

    Their names are left out where they have the letters of the id: the page is part of the package.
    """
    rows = [_catalog_row(each) for each in REGISTRY if each.id not in BUILT_IN]
    return table(("id", "name", "key"), rows)


def _catalog_row(provider: Provider) -> list[str]:
    name = "" if _letters(provider.name) == _letters(provider.id) else provider.name
    return [provider.id, name, " ".join(provider.key_variables)]


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


TABLES: Mapping[str, Callable[[], str]] = {
    "chat_options": lambda: options(OPERATION_OPTIONS["chat"]),
    "call_options": lambda: options(CALL_OPTIONS),
    "operation_options": operation_options,
    "providers": providers,
    "operations": operations,
    "logins": logins,
    "catalog_providers": catalog_providers,
    "model_fields": field_tables.model_fields,
    "price_fields": field_tables.price_fields,
    "patch_fields": field_tables.patch_fields,
    "thinking_constraints": field_tables.constraints,
    "dialects": dialects,
    "steps": field_tables.steps,
    "declaration": field_tables.declaration_fields,
}


def with_tables(text: str) -> str:
    """Return a page with its tables as they are now."""
    return PLACE.sub(lambda place: f"{place[1]}\n{TABLES[place[2]]()}\n\n{place[3]}", text)


def main() -> None:
    """Write the tables of all pages, and the picture."""
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if (new := with_tables(text)) != text:
            path.write_text(new, encoding="utf-8")
    (DOCS / "pipeline.svg").write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
