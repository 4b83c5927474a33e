"""Check the fields of a provider's declaration, so that one of another type is an error before the first call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...schemas.errors import InvalidOption
from .credentials import Credentials

_TEXTS: Final = ("name", "docs", "place")
_SWITCHES: Final = ("key_optional", "json_with_tools")
_MAPPINGS: Final[Mapping[str, str]] = {
    "headers": "headers={'x-team': 'search'}",
    "options": "options={'greedy': {'type': 'boolean'}}: each with the JSON Schema of its values",
    "usual_options": "usual_options={'max_tokens': 512}",
    "model_facts": "model_facts={'acme-large': {'context_window': 32_768}}",
    "prefill": "its keys are names of wires",
    "embed_batches": "its keys are patterns of models",
    "spoken": "its keys are patterns of models",
}
_LISTS: Final[Mapping[str, str]] = {
    "trusted_hosts": "trusted_hosts=('.acme.example',)",
    "accepts_signatures_of": "accepts_signatures_of=('anthropic',)",
}


def check_fields(id: str, facts: Mapping[str, Any]) -> None:
    """Check the fields that are plain data, and the address. Raises InvalidOption."""
    for name, value in facts.items():
        if name in _TEXTS and not isinstance(value, str):
            raise _error(id, name, value, "it is a text")
        if name in _SWITCHES and not isinstance(value, bool):
            raise _error(id, name, value, "it is True or False")
        if name == "base_url_env" and not isinstance(value, str | None):
            raise _error(id, name, value, "base_url_env='ACME_URL'")
        if name == "credentials" and not isinstance(value, Credentials | None):
            raise _error(id, name, value, "the keys go with a client: Client(api_keys={…}); env_key= names variables")
        if name in _MAPPINGS and not isinstance(value, Mapping):
            raise _error(id, name, value, _MAPPINGS[name])
        if name in _LISTS and not _are_texts(value):
            raise _error(id, name, value, _LISTS[name])
    for name, schema in facts.get("options", {}).items():
        if not isinstance(schema, Mapping):
            raise InvalidOption(f"the option {name!r:.40} of {id} has no JSON Schema", hint=_MAPPINGS["options"])
    base_url = facts.get("base_url", "")
    if not isinstance(base_url, str) or not base_url.startswith(("https://", "http://", "${")):
        raise InvalidOption(f"the base_url of {id} is not an http:// or https:// address", hint="base_url='https://…'")


def texts(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return no text, one or several as a tuple."""
    return () if given is None else (given,) if isinstance(given, str) else tuple(given)


def _are_texts(value: object) -> bool:
    return isinstance(value, str | None) or (
        isinstance(value, tuple | list | frozenset | set) and all(isinstance(each, str) for each in value)
    )


def _error(id: str, name: str, value: object, hint: str) -> InvalidOption:
    return InvalidOption(f"{name} of {id} cannot be a {type(value).__name__}", hint=hint)
