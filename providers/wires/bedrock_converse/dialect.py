"""Amazon Bedrock's `toolSpec.inputSchema.json`, which the wire wraps as `{"json": schema}`.

https://docs.aws.amazon.com/nova/latest/userguide/tool-use-definition.html (read 2026-11): the root is an object, and
Nova takes only `type`, `properties` and `required` there, so references are written out.
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html (read 2026-11): strict tools and structured
outputs take what Anthropic's take.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from attrs import evolve

from ....schemas.errors import SchemaError
from ....schemas.json_schema.dialects import Dialected, Dropped
from ....schemas.json_schema.dialects.merging import ANNOTATIONS
from ....schemas.json_schema.dialects.plain import as_plain
from ....schemas.json_schema.dialects.writing import MAX_WRITTEN
from ....schemas.json_schema.keywords import (
    definition_name,
    leads_to_itself,
    objects_in,
    resolve_ref,
    with_parts,
)
from ....schemas.json_schema.safety import content_of, schema_from_json
from ....schemas.json_types import Schema
from ....schemas.memo import memo
from ..anthropic_messages import dialect as anthropic

_AT_ROOT: Final = ("type", "properties", "required")


def to_dialect(schema: object) -> Dialected:
    """Write the schema with its references written out and a bare object at the root; `strict` is always False.

    A recursive reference stays, with its definition in `$defs`: Claude takes that, Nova does not, and `dropped` says
    so. Raises SchemaError when the root cannot be an object.
    """
    return _bare_from[content_of(schema)]


@memo(4096)
def _bare_from(content: bytes) -> Dialected:
    return _bare(schema_from_json[content])


def _bare(root: Schema) -> Dialected:
    plain = as_plain(root)
    writer = _WrittenOut(plain.schema)
    written = with_parts({word: plain.schema[word] for word in _AT_ROOT if word in plain.schema}, writer.copy)
    dropped = [
        Dropped("", word, "Bedrock takes only type, properties and required at the root; checked locally")
        for word in plain.schema
        if word not in _AT_ROOT and word not in ANNOTATIONS
    ]
    if writer.recursive:
        written["$defs"] = writer.definitions()
        dropped.append(Dropped("", "$defs", "the schema is recursive, which Amazon's own models refuse"))
    return Dialected(written, (*plain.dropped, *dropped), strict=False)


class _WrittenOut:
    """Copies of schemas with references replaced by what they name; recursive references stay."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
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
        siblings = with_parts({word: value for word, value in schema.items() if word != "$ref"}, self.copy)
        if "$ref" not in schema:
            return siblings
        ref: str = schema["$ref"]
        if leads_to_itself(ref, self._leads):
            name = self.recursive.setdefault(ref, definition_name(ref, self.recursive.values()))
            return {**siblings, "$ref": f"#/$defs/{name}"}
        target = self.copy(resolve_ref(self._root, ref))
        if isinstance(target, dict) and siblings.keys() <= ANNOTATIONS:
            return {**target, **siblings}
        return {"allOf": [target, siblings]} if siblings else target

    def _references(self, ref: str) -> set[str]:
        """Collect the references inside the schema that a reference names."""
        return {node["$ref"] for node in objects_in(resolve_ref(self._root, ref)) if "$ref" in node}


to_strict_dialect: Final = evolve(anthropic.to_dialect, name="Bedrock", fall_back=_bare)
"""Write the schema as Bedrock enforces it (`strict: true`, or `outputConfig.textFormat`); else as `to_dialect`."""
