"""Amazon Bedrock's `toolSpec.inputSchema.json`, which the wire wraps as `{"json": schema}`.

https://docs.aws.amazon.com/nova/latest/userguide/tool-use-definition.html (read 2026-11): the root is an object, and
Nova takes only `type`, `properties` and `required` there, so references are written out.
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html (read 2026-11): strict tools and structured
outputs take what Anthropic's take.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from attrs import evolve

from ....schemas.errors import SchemaError
from ....schemas.json_schema.dialects import Dialected, Dropped
from ....schemas.json_schema.dialects.merging import ANNOTATIONS
from ....schemas.json_schema.dialects.plain import as_plain
from ....schemas.json_schema.dialects.writing import MAX_WRITTEN, definition_name, write_dialect
from ....schemas.json_schema.keywords import LISTS, MAPS, ONE, objects_in, resolve_ref
from ....schemas.json_schema.safety import content_of, schema_from_json
from ....schemas.json_types import Schema
from ..anthropic_messages import dialect as anthropic

_AT_ROOT: Final = ("type", "properties", "required")


def to_dialect(schema: object) -> Dialected:
    """Write the schema with its references written out and a bare object at the root; `strict` is always False.

    A recursive reference stays, with its definition in `$defs`: Claude takes that, Nova does not, and `dropped` says
    so. Raises SchemaError when the root cannot be an object.
    """
    return _bare_from(content_of(schema))


def to_strict_dialect(schema: object) -> Dialected:
    """Write the schema as Bedrock enforces it (`strict: true`, or `outputConfig.textFormat`); else as `to_dialect`."""
    return write_dialect(schema, STRICT)


@lru_cache(maxsize=256)
def _bare_from(content: bytes) -> Dialected:
    return _bare(schema_from_json(content))


def _bare(root: Schema) -> Dialected:
    plain = as_plain(root)
    writer = _WritesOut(plain.schema)
    written: dict[str, Any] = {
        word: writer.write(plain.schema[word], word) for word in _AT_ROOT if word in plain.schema
    }
    dropped = [
        Dropped("", word, "Bedrock takes only type, properties and required at the root; checked locally")
        for word in plain.schema
        if word not in _AT_ROOT and word not in ANNOTATIONS
    ]
    if writer.recursive:
        written["$defs"] = writer.definitions()
        dropped.append(Dropped("", "$defs", "the schema is recursive, which Amazon's own models refuse"))
    return Dialected(written, (*plain.dropped, *dropped), strict=False)


class _WritesOut:
    """Copies schemas with references replaced by what they name; recursive references stay."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._count = 0
        self._leads: dict[str, set[str]] = {}
        self.recursive: dict[str, str] = {}

    def write(self, value: Any, keyword: str) -> Any:
        """Copy the value of a keyword."""
        if keyword in MAPS:
            return {name: self._schema(part) for name, part in value.items()}
        if keyword in LISTS:
            return [self._schema(part) for part in value]
        return self._schema(value) if keyword in ONE else value

    def definitions(self) -> dict[str, Any]:
        """Write the recursive schemas, by name."""
        written: dict[str, Any] = {}
        while missing := [ref for ref, name in self.recursive.items() if name not in written]:
            for ref in missing:
                written[self.recursive[ref]] = self._schema(resolve_ref(self._root, ref))
        return written

    def _schema(self, schema: Schema) -> Schema:
        self._count += 1
        if self._count > MAX_WRITTEN:
            raise SchemaError("the schema is too large for Bedrock once its references are written out")
        if isinstance(schema, bool):
            return schema
        siblings = {word: self.write(value, word) for word, value in schema.items() if word != "$ref"}
        if "$ref" not in schema:
            return siblings
        ref: str = schema["$ref"]
        if self._is_recursive(ref):
            name = self.recursive.get(ref) or definition_name(ref, set(self.recursive.values()))
            self.recursive[ref] = name
            return {**siblings, "$ref": f"#/$defs/{name}"}
        target = self._schema(resolve_ref(self._root, ref))
        if isinstance(target, dict) and siblings.keys() <= ANNOTATIONS:
            return {**target, **siblings}
        return {"allOf": [target, siblings]} if siblings else target

    def _is_recursive(self, ref: str) -> bool:
        seen: set[str] = set()
        waiting = [ref]
        while waiting:
            leads = self._references(waiting.pop())
            if ref in leads:
                return True
            waiting += leads - seen
            seen |= leads
        return False

    def _references(self, ref: str) -> set[str]:
        """Collect the references inside the schema that a reference names."""
        if ref not in self._leads:
            inside = objects_in(resolve_ref(self._root, ref))
            self._leads[ref] = {node["$ref"] for node in inside if "$ref" in node}
        return self._leads[ref]


STRICT: Final = evolve(anthropic.RULES, name="Bedrock", fall_back=_bare)
