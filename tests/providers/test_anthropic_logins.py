"""Anthropic's two logins, a key and a token, go as its own SDK sends them, over each of its formats."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell import Client
from stepwell.errors import InvalidOption

CLAUDE = "anthropic:claude-sonnet-4-5"
TOKEN = ("auth_token", "bearer_token", "ANTHROPIC_AUTH_TOKEN")


def login_of(key: Any, **options: Any) -> dict[str, str]:
    """Return the headers of a request that have to do with the login, with the names of their values alone."""
    with Client(api_keys={"anthropic": key}) as client:
        headers = client.preview(CLAUDE, "hi", **options).headers
    return {name: headers[name].partition(" ")[0] for name in ("authorization", "x-api-key") if name in headers}


@pytest.mark.parametrize("key", ["k-1", {"api_key": "k-1"}])
def test_a_key_goes_in_x_api_key(key: Any) -> None:
    assert login_of(key).keys() == {"x-api-key"}


@pytest.mark.parametrize("name", TOKEN)
def test_a_token_goes_as_a_bearer_token(name: str) -> None:
    assert login_of({name: "t-1"}) == {"authorization": "Bearer"}


@pytest.mark.parametrize("key", ["k-1", {"api_key": "k-1"}, {"auth_token": "t-1"}])
def test_its_compatible_endpoint_takes_both_as_bearer_tokens(key: Any) -> None:
    assert login_of(key, wire="openai_chat") == {"authorization": "Bearer"}


def test_a_key_beside_a_token_is_refused() -> None:
    with pytest.raises(InvalidOption, match="another login"):
        login_of({"api_key": "k-1", "auth_token": "t-1"})
