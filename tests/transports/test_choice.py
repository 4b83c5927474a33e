"""Choice of the HTTP library: by default, by name, by environment."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from stepwell import AsyncClient, Client
from stepwell.connect import AsyncRawTransport
from stepwell.pipeline.http.aiohttp_transport import AiohttpClient
from stepwell.schemas import errors

from loopback import Loopback, answer, completion, serving

MODEL = "openai:m"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "STEPWELL_TRANSPORT"):
        monkeypatch.delenv(name, raising=False)


def settings(server: Loopback, **more: Any) -> dict[str, Any]:
    return {"base_urls": {"openai": server.url}, "api_keys": {"openai": "k"}, "retries": 0, **more}


async def carrier(server: Loopback, **more: Any) -> type:
    """Return the class of the HTTP client that an async call used."""
    async with AsyncClient(**settings(server, **more)) as client:
        assert (await client.generate_text(MODEL, "hi")).text == "hello"
        return type((await client.connections.open()).client)


def carried(**more: Any) -> type:
    with serving(lambda request: [answer(completion())]) as server:
        return asyncio.run(carrier(server, **more))


def test_async_calls_take_aiohttp_where_it_is_installed() -> None:
    assert carried() is AiohttpClient


def test_a_transport_by_name_turns_that_off() -> None:
    assert carried(transport="httpx") is AsyncRawTransport


def test_the_environment_turns_that_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_TRANSPORT", "httpx")
    assert carried() is AsyncRawTransport
    assert carried(transport="aiohttp") is AiohttpClient, "what the client says comes first"


def test_a_proxy_in_the_environment_is_honoured_by_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda request: [answer(completion())]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        client = AsyncClient(base_urls={"openai": "http://openai.test/v1"}, api_keys={"openai": "k"}, retries=0)
        assert asyncio.run(client.generate_text(MODEL, "hi")).text == "hello"
        assert proxy.seen[0].path == "http://openai.test/v1/chat/completions"


def test_httpx_is_used_on_trio() -> None:
    trio = pytest.importorskip("trio")
    with serving(lambda request: [answer(completion())]) as server:
        assert trio.run(carrier, server) is AsyncRawTransport


def test_sync_calls_use_httpx_whatever_async_ones_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_TRANSPORT", "aiohttp")
    with serving(lambda request: [answer(completion())]) as server, Client(**settings(server)) as client:
        assert client.generate_text(MODEL, "hi").text == "hello"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_an_invalid_name_is_refused_at_once(kind: type) -> None:
    with pytest.raises(errors.ConfigError, match="one of httpx, aiohttp, http2"):
        kind(transport="htpx")


def test_a_wrong_name_in_the_environment_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_TRANSPORT", "urllib3")
    with pytest.raises(errors.ConfigError, match="no transport 'urllib3'"):
        Client(api_keys={"openai": "k"}).generate_text(MODEL, "hi")


def test_a_sync_client_cannot_have_aiohttp() -> None:
    with pytest.raises(errors.ConfigError, match="async calls only"):
        Client(transport="aiohttp")


@pytest.mark.parametrize(("name", "module"), [("aiohttp", "aiohttp"), ("http2", "h2")])
@pytest.mark.usefixtures("new_process")
def test_a_transport_that_is_not_installed_names_its_extra(name: str, module: str) -> None:
    code = f"""
import importlib.util, stepwell
found = importlib.util.find_spec
stepwell.connect.find_spec = lambda name: None if name == {module!r} else found(name)
try:
    stepwell.AsyncClient(transport={name!r})
except stepwell.errors.ConfigError as error:
    print(error)
"""
    code = code.replace("import importlib.util, stepwell", "import importlib.util, stepwell, stepwell.connect")
    code = code.replace("stepwell.errors.", "stepwell.schemas.errors.")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert f"pip install 'stepwell[{name}]'" in done.stdout
