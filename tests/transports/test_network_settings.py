"""What the environment says of the network is honoured, or refused by an error that names the variable."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from carriers import MODEL

from stepwell import AsyncClient, Client, network_settings
from stepwell.pipeline.http.library_errors import transport_error
from stepwell.schemas import errors

from loopback import answer, completion, serving

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    network_settings.tls_settings.cache_clear()
    yield
    network_settings.tls_settings.cache_clear()


def ways(**settings: Any) -> Iterator[Any]:
    """Yield functions that make a call, over each transport: sync, async and streamed."""
    for transport in ("fast", "httpx"):
        given: dict[str, Any] = {"transport": transport, "retries": 0, "api_keys": {"openai": "k"}, **settings}
        yield lambda given=given: Client(**given).generate_text(MODEL, "hi")
        yield lambda given=given: asyncio.run(AsyncClient(**given).generate_text(MODEL, "hi"))
        yield lambda given=given: Client(**given).stream_text(MODEL, "hi").reply()


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost,[::1]"}, "NO_PROXY"),
        ({"HTTPS_PROXY": "127.0.0.1:port"}, "HTTPS_PROXY"),
        ({"HTTP_PROXY": "http://127.0.0.1:65536"}, "HTTP_PROXY"),
        ({"http_proxy": "ftp://user:secret@host"}, "http_proxy"),
        ({"ALL_PROXY": "http://"}, "ALL_PROXY"),
        ({"ALL_PROXY": "socks4://user:secret@127.0.0.1:1"}, "ALL_PROXY"),
        ({"SSL_CERT_FILE": "/nonexistent.pem"}, "SSL_CERT_FILE"),
        ({"SSL_CERT_FILE": __file__}, "SSL_CERT_FILE"),
        ({"SSL_CERT_DIR": "/nonexistent"}, "SSL_CERT_DIR"),
    ],
    ids=lambda value: next(iter(value.values()))[:12] if isinstance(value, dict) else "",
)
def test_a_variable_that_cannot_be_used_is_named(
    variables: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with serving(lambda request: [answer(completion())], "good") as server:
        for call in ways(base_urls={"openai": server.url}):
            with pytest.raises(errors.ConfigError, match=named) as caught:
                call()
            assert "secret" not in str(caught.value)


def test_a_socks_proxy_without_its_package_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setattr(network_settings, "find_spec", lambda name: None)
    for call in ways():
        with pytest.raises(errors.MissingExtra, match=r"ALL_PROXY .* pip install 'httpx\[socks\]'"):
            call()


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@127.0.0.1:1")
    for call in ways(base_urls={"openai": "http://server.invalid"}):
        with pytest.raises(errors.ConnectError, match="proxy of HTTP_PROXY") as caught:
            call()
        assert "secret" not in str(caught.value)


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(lambda request: [answer(completion("direct"))]) as server:
        for call in ways(base_urls={"openai": server.url}):
            assert call().usage.input_tokens == 3
        assert len(server.seen) == 6


@pytest.mark.parametrize(
    ("status", "retried"), [("407 No", False), ("403 No", False), ("302 Found", False), ("502 No", True)]
)
def test_a_proxy_that_refuses_is_named_with_its_status(
    status: str, retried: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda request: [answer(b"no", status)]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        for call in ways(base_urls={"openai": "https://openai.test"}):
            with pytest.raises(errors.ConnectError, match=f"proxy refused .*status {status[:3]}") as caught:
                call()
            assert caught.value.retryable is retried


def test_a_login_that_a_proxy_wants_is_named_without_a_tunnel_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda request: [answer(b"no", "407 No")]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        for call in ways(base_urls={"openai": "http://openai.test"}):
            with pytest.raises(errors.ConnectError, match=r"proxy refused .*status 407.*user:password") as caught:
                call()
            assert caught.value.retryable is False
        assert proxy.wait_until_free()


@pytest.mark.parametrize(
    ("said", "hint", "retried"),
    [
        ("Requested NO AUTHENTICATION REQUIRED from proxy server, but got USERNAME/PASSWORD.", "socks5://user:", False),
        ("Invalid username/password", "does not accept the user name", False),
        ("Proxy Server could not connect: Connection not allowed by ruleset.", "rules do not allow", False),
        ("Proxy Server could not connect: Host unreachable.", "no way to it at the moment", True),
        ("something else", "check HTTPS_PROXY", True),
    ],
)
def test_a_socks_proxy_that_refuses_has_its_reason_in_the_hint(said: str, hint: str, retried: bool) -> None:
    failed = transport_error(httpx.ProxyError(said), None, "host")
    assert isinstance(failed, errors.ConnectError) and "the proxy refused" in str(failed)
    assert hint in str(failed.hint) and failed.retryable is retried


@pytest.mark.usefixtures("local_model")
def test_a_machine_without_a_home_is_an_error_that_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    for name in ("HOME", "XDG_CACHE_HOME", "STEPWELL_CACHE", "CODEX_AUTH_FILE", "STEPWELL_LOCAL_MODEL"):
        monkeypatch.delenv(name, raising=False)
    for model, variable in (("local:smollm2", "STEPWELL_CACHE"), ("openai_codex:gpt-5", "CODEX_AUTH_FILE")):
        with pytest.raises(errors.ConfigError, match=f"HOME.*{variable}"):
            Client().generate_text(model, "hi")
