"""A provider that is registered replaces another of its id, in clients that were made before, too."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest

from stepwell import AsyncClient, Client
from stepwell.declare import declare_provider, openai_chat
from stepwell.providers.declare.provider import Provider
from stepwell.providers.declare.registry import Registry

from loopback import answer, completion, serving, whole_stream


def acme(url: str, id: str = "acme-x", **facts: Any) -> Provider:
    return declare_provider(id, wire=openai_chat, base_url=url, key_optional=True, **facts)


@pytest.mark.parametrize("id", ["acme-x", "acme_x", "Acme-X"])
def test_the_last_one_of_an_id_counts_in_clients_that_were_made_before(id: str) -> None:
    def script(name: str) -> Any:
        return lambda seen: [whole_stream(name) if seen.json.get("stream") else answer(completion(name))]

    async def ask(client: AsyncClient) -> str:
        async with client:
            return (await client.generate_text("acme-x:m", "hi")).text

    registry = Registry()
    with serving(script("one")) as first, serving(script("two")) as second, warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.register(acme(first.url))
        with Client(registry=registry) as client:
            assert client.generate_text("acme-x:m", "hi").text == "one"
            registry.register(acme(second.url, id))
            assert client.generate_text("acme-x:m", "hi").text == "two"
            assert client.stream_text("acme-x:m", "hi").reply().text == "two"
            assert asyncio.run(ask(AsyncClient(registry=registry))) == "two"


def test_declaring_alone_registers_nothing() -> None:
    registry = Registry()
    known = registry.register(acme("https://one.test"))
    acme("https://two.test")
    assert registry.get("acme-x") is known
