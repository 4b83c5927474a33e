"""A field of a declaration that cannot be used is an error when it is declared, not at the first call."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell import Client
from stepwell.declare import Provider, declare_provider, openai_chat
from stepwell.errors import ConfigError, InvalidOption
from stepwell.providers.declare.registry import Registry

URL = "https://api.acme.example/v1"
NONE_ALLOWED = ("base_url_env", "credentials", "trusted_hosts", "accepts_signatures_of", "env_key")


def acme(**facts: Any) -> Provider:
    return declare_provider("acme", wire=openai_chat, base_url=facts.pop("base_url", URL), **facts)


FIELDS = [
    *("name", "docs", "place", "base_url", "base_url_env", "key_optional", "json_with_tools", "credentials"),
    *("headers", "options", "usual_options", "model_facts", "prefill", "embed_batches", "spoken"),
    *("trusted_hosts", "accepts_signatures_of", "env_key"),
]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [5, None, [5]], ids=repr)
def test_a_field_of_another_type_is_refused(field: str, value: Any) -> None:
    if value is None and field in NONE_ALLOWED:
        acme(**{field: value})
        return
    with pytest.raises(InvalidOption, match=field):
        acme(**{field: value})


@pytest.mark.parametrize("field", ["headers", "options", "model_facts", "prefill", "embed_batches", "spoken"])
@pytest.mark.parametrize("value", ["acme", [("acme", "large")], ["acme"]], ids=repr)
def test_a_list_or_a_text_is_no_mapping(field: str, value: Any) -> None:
    with pytest.raises(InvalidOption, match=f"{field} of acme cannot be a (str|list)"):
        acme(**{field: value})


def test_one_host_may_be_a_text() -> None:
    assert acme(trusted_hosts=".acme.example").trusted_hosts == (".acme.example",)


def test_an_option_needs_its_schema() -> None:
    with pytest.raises(InvalidOption, match="'greedy' of acme has no JSON Schema"):
        acme(options={"greedy": True})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("context", "context_window"),
        ("context_length", "context_window"),
        ("max_tokens", "max_output_tokens"),
        ("pricing", "prices"),
        ("function_calling", "tools"),
        ("vision", "input"),
    ],
)
def test_what_other_catalogs_call_a_fact_is_no_fact_of_a_users_own(name: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"has no '{name}'; did you mean '{meant}'"):
        acme(model_facts={"acme-large": {name: 1000}})


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("way", ["declared", "client", "call"])
def test_an_address_that_holds_the_path_of_the_calls_is_refused(way: str, end: str) -> None:
    whole = f"http://localhost:8000/v1/chat/completions{end}"
    registry = Registry()
    registry.register(acme(key_optional=True, base_url=whole if way == "declared" else URL))
    client = Client(registry=registry, base_urls={"acme": whole} if way == "client" else {})
    with pytest.raises(InvalidOption, match="base_url of acme ends with '/chat/completions', the path of an endpoint"):
        client.preview("acme:any", "hi", base_url=whole if way == "call" else None)
