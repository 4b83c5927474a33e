"""Names and numbers of hosts that are none are known over every transport, and not tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from carriers import MODEL, aclient_of, all_carriers, client_of, is_async, name_of, own_client

from stepwell import AsyncClient, Client
from stepwell.pipeline.http.fast.errors import InvalidURL
from stepwell.pipeline.http.fast.target import Target
from stepwell.schemas import errors

from loopback import answer, completion, serving

NONE_AT_ALL = ("a..b", ".b", f"{'a' * 64}.test", "a." * 200 + "test", "256.256.256.256", "1.2.3.999:8080")


def asked(carrier: str, url: str) -> Any:
    class Server:
        pass

    server: Any = Server()
    server.url = url

    async def run() -> Any:
        async with own_client(carrier) as http, aclient_of(server, transport=name_of(carrier), http=http) as client:
            return await client.generate_text(MODEL, "hi")

    if is_async(carrier):
        return asyncio.run(run())
    with own_client(carrier) as http, client_of(server, transport=name_of(carrier), http=http) as client:
        return client.generate_text(MODEL, "hi")


@all_carriers
def test_a_host_that_is_none_is_not_tried_again(carrier: str) -> None:
    for host in NONE_AT_ALL:
        with pytest.raises(errors.ConnectError) as caught:
            asked(carrier, f"http://{host}/v1")
        assert caught.value.retryable is False and caught.value.hint == "check the address", host


@all_carriers
def test_the_scheme_of_an_address_may_be_in_capitals(carrier: str) -> None:
    with serving(lambda request: [answer(completion())]) as server:
        assert asked(carrier, server.url.replace("http://", "HTTP://") + "/V1").text == "hello"
        assert server.seen[0].path == "/V1/chat/completions"


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_an_address_that_cannot_be_sent_to_says_why(client: Any) -> None:
    for url, why in {
        "http://bücher.test": "letters beyond ASCII; write the name of a host as xn--",
        "http://host/päth": "letters beyond ASCII; .*%C3%A4",
        "http://[::1]extra:80": "no host and port",
        "http://[::1": "no host and port",
        "ftp://host": "not an http:// or https:// address",
    }.items():
        with pytest.raises(errors.InvalidOption, match=why):
            client(base_urls={"openai": url})


def test_names_beyond_ascii_are_those_that_httpx_looks_up() -> None:
    import httpx

    for name in ("bücher.test", "faß.test", "BÜCHER.test", "日本語.test"):
        assert Target(f"http://{name}/").host.encode() == httpx.URL(f"http://{name}/").raw_host
    with pytest.raises(InvalidURL):
        Target("http://☃.test/")
