"""Name the types of JSON documents and JSON Schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

JSONValue: TypeAlias = "bool | int | float | str | list[JSONValue] | dict[str, JSONValue] | None"
"""Any JSON value, as `json_text.loads` reads it."""

JSONObject: TypeAlias = Mapping[str, Any]
"""A JSON object whose members have no type of their own."""

JSONSchema: TypeAlias = Mapping[str, Any]
"""A JSON Schema that is an object, to be read and not changed."""

Schema: TypeAlias = dict[str, Any] | bool
"""A JSON Schema as it stands inside another: an object, or true (any value) or false (none)."""
