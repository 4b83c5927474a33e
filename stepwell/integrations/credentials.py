"""The `api_key` of an adapter: what a call takes, kept so that no framework shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr

from ..schemas.secret import MaskedDict, Secret


def hidden_key(value: object) -> object:
    """Return a credential with its texts as SecretStr. Raises ValueError for what no call takes.

    value: a string, a Secret, a mapping of several values, a function that returns the key, or None.
    """
    if isinstance(value, str | Secret):
        return SecretStr(value.reveal() if isinstance(value, Secret) else value)
    if isinstance(value, Mapping):
        return MaskedDict({name: each if _is_plain(each) else hidden_key(each) for name, each in value.items()})
    if value is None or isinstance(value, SecretStr) or callable(value):
        return value
    raise ValueError("an api_key is a string, a mapping of several values, or a function")


def revealed_key(key: Any) -> Any:
    """Return a credential as a call takes it."""
    if isinstance(key, SecretStr):
        return key.get_secret_value()
    if isinstance(key, Mapping):
        return MaskedDict({name: revealed_key(each) for name, each in key.items()})
    return key


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float)


ApiKey = Annotated[Any, BeforeValidator(hidden_key)]
"""The type of the field: SecretStr for a string, a MaskedDict of them for a mapping."""
