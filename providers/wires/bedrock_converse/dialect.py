"""Amazon Bedrock's `toolSpec.inputSchema.json`, which the wire wraps as `{"json": schema}`.

https://docs.aws.amazon.com/nova/latest/userguide/tool-use-definition.html (read 2026-11): the root is an object, and
Nova takes only `type`, `properties` and `required` there, so references are written out.
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html (read 2026-11): strict tools and structured
outputs take what Anthropic's take.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any, Final

from attrs import evolve

from ....schemas.errors import SchemaError
from ....schemas.json_schema.dialects import Dialected, Dropped
from ....schemas.json_schema.dialects.plain import as_plain, through_plain
from ....schemas.json_schema.dialects.writing import MAX_WRITTEN
from ....schemas.json_schema.keywords import (
    ANNOTATIONS,
    definition_name,
    leads_to_itself,
    objects_in,
    resolve_ref,
    with_parts,
)
from ....schemas.json_types import Schema
from ..anthropic_messages import dialect as anthropic

_WRITTEN_OUT: Final = ("$ref", "$defs", "definitions")
_AT_ROOT: Final = ("type", "properties", "required")


def _bare(root: Schema, *, recursive: bool = True) -> Dialected:
    """Write a schema with its references written out and a bare object at the root; `strict` is always False.

    root: the schema.
    recursive: recursive references stay, with their definitions in `$defs`, as Claude takes them. Amazon's own models
        refuse them: for those, the schema is written out once more, and then ends.
    """
    plain = as_plain(root)
    writer = _WrittenOut(plain.schema, recursive)
    written = with_parts({word: plain.schema[word] for word in _AT_ROOT if word in plain.schema}, writer.copy)
    why = "Bedrock takes only type, properties and required at the root"
    dropped = [
        # What arguments of any name may be, the model must know; all else is checked here.
        Dropped("", word, why if isinstance(part, dict) and word.endswith("Properties") else f"{why}; checked locally")
        for word, part in plain.schema.items()
        if word not in _AT_ROOT and word not in ANNOTATIONS
    ]
    if writer.recursive and recursive:
        written["$defs"] = writer.definitions()
    elif writer.recursive:
        dropped.append(Dropped("", "$ref", "the schema is recursive, and Amazon's own models take no references"))
    return Dialected(written, (*plain.dropped, *dropped), strict=False)


to_dialect: Final = through_plain(partial(_bare, recursive=False))
"""Write the parameters of a tool for any model. Raises SchemaError when the root cannot be an object."""


def _for_claude(schema: dict[str, Any]) -> Dialected:
    named = anthropic.name_properties(schema)
    bare = _bare(named.schema)
    said = {"description": named.schema["description"]} if "description" in named.schema else {}
    return Dialected({**bare.schema, **said}, (*named.dropped, *bare.dropped), strict=False)


to_claude_dialect: Final = through_plain(_for_claude)
"""The same for Claude, which takes recursive schemas and a description, but not all names of properties."""


class _WrittenOut:
    """Copies of schemas with references replaced by what they name; recursive references stay."""

    def __init__(self, root: dict[str, Any], keep_recursive: bool) -> None:
        self._root = root
        self._keep_recursive = keep_recursive
        self._open: list[str] = []
        self._count = 0
        self._leads = cache(self._references)
        self.recursive: dict[str, str] = {}

    def definitions(self) -> dict[str, Any]:
        """Copy the recursive schemas, by name."""
        written: dict[str, Any] = {}
        while missing := [ref for ref, name in self.recursive.items() if name not in written]:
            for ref in missing:
                written[self.recursive[ref]] = self.copy(resolve_ref(self._root, ref))
        return written

    def copy(self, schema: Schema) -> Schema:
        """Copy a schema. Raises SchemaError once too many are written."""
        self._count += 1
        if self._count > MAX_WRITTEN:
            raise SchemaError("the schema is too large for Bedrock once its references are written out")
        if isinstance(schema, bool):
            return schema
        siblings = with_parts({word: value for word, value in schema.items() if word not in _WRITTEN_OUT}, self.copy)
        if "$ref" not in schema:
            return siblings
        ref: str = schema["$ref"]
        if recursive := leads_to_itself(ref, self._leads):
            name = self.recursive.setdefault(ref, definition_name(ref, self.recursive.values()))
            if self._keep_recursive:
                return {**siblings, "$ref": f"#/$defs/{name}"}
            if ref in self._open:
                return {**siblings, "type": "object"} if self._is_object(ref) else siblings
            self._open.append(ref)
        target = self.copy(resolve_ref(self._root, ref))
        if recursive:
            self._open.pop()
        if isinstance(target, dict) and siblings.keys() <= ANNOTATIONS:
            return {**target, **siblings}
        return {"allOf": [target, siblings]} if siblings else target

    def _is_object(self, ref: str) -> bool:
        target = resolve_ref(self._root, ref)
        return isinstance(target, dict) and target.get("type") == "object"

    def _references(self, ref: str) -> set[str]:
        """Collect the references inside the schema that a reference names."""
        return {node["$ref"] for node in objects_in(resolve_ref(self._root, ref)) if "$ref" in node}


to_strict_dialect: Final = evolve(anthropic.to_dialect, name="Bedrock", fall_back=_bare)
"""Write the schema as Bedrock enforces it (`strict: true`, or `outputConfig.textFormat`); else as `to_dialect`."""
