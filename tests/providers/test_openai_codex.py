"""Codex: the login's token is read from its file, renewed once for any number of calls, and written back."""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from leaks import leaks

from stepwell import AsyncClient, Client
from stepwell.providers.wires.openai_responses.samples import SAMPLES
from stepwell.schemas import errors

MODEL = "openai_codex:gpt-5-codex"


def jwt(lasts: float, **more: Any) -> str:
    claims = {"exp": time.time() + lasts, "https://api.openai.com/auth": {"chatgpt_account_id": "acc-1"}, **more}
    return f"x.{urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip('=')}.y"


def login(path: Path, lasts: float) -> Path:
    tokens = {"access_token": jwt(lasts), "refresh_token": "refresh-1", "account_id": "acc-1"}
    path.write_bytes(orjson.dumps({"tokens": tokens, "kept": "as it is"}))
    return path


class Service:
    """A server in ChatGPT's place, which counts renewals of the token and answers with a stream."""

    def __init__(self, status: int = 200) -> None:
        self.renewals = 0
        self.status = status
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.openai.com":
            self.renewals += 1
            time.sleep(0.05)
            return httpx.Response(self.status, json={"access_token": jwt(3600), "refresh_token": "refresh-2"})
        self.seen.append(request)
        return httpx.Response(200, content=SAMPLES.text.stream)


def test_a_valid_token_is_used_as_it_is(tmp_path: Path) -> None:
    service, path = Service(), login(tmp_path / "auth.json", 3600)
    keys = {"openai_codex": {"auth_file": str(path)}}
    with Client(transport=httpx.MockTransport(service), api_keys=keys) as client:
        assert client.stream_text(MODEL, "hi").reply().text == SAMPLES.text.text
    (request,) = service.seen
    assert str(request.url) == "https://chatgpt.com/backend-api/codex/responses" and service.renewals == 0
    assert request.headers["chatgpt-account-id"] == "acc-1" and request.headers["originator"] == "stepwell"
    body = orjson.loads(request.content)
    assert body["store"] is False and body["include"] == ["reasoning.encrypted_content"] and body["instructions"]


def test_a_hundred_calls_at_once_renew_an_old_token_once(tmp_path: Path) -> None:
    service, path = Service(), login(tmp_path / "auth.json", 60)

    async def run() -> None:
        keys = {"openai_codex": {"auth_file": str(path)}}
        async with AsyncClient(transport=httpx.MockTransport(service), api_keys=keys) as client:
            await asyncio.gather(*(client.stream_text(MODEL, "hi").reply() for _ in range(100)))

    asyncio.run(run())
    kept = orjson.loads(path.read_bytes())
    assert service.renewals == 1 and len(service.seen) == 100
    assert kept["tokens"]["refresh_token"] == "refresh-2" and kept["kept"] == "as it is"
    assert path.stat().st_mode & 0o777 == 0o600
    assert {request.headers["authorization"] for request in service.seen} == {
        f"Bearer {kept['tokens']['access_token']}"
    }


def test_a_refused_renewal_has_the_hint_to_log_in_again(tmp_path: Path) -> None:
    keys = {"openai_codex": {"auth_file": str(login(tmp_path / "auth.json", 60))}}
    with Client(transport=httpx.MockTransport(Service(400)), api_keys=keys, retries=0) as client:
        for _ in range(2):
            with pytest.raises(errors.AuthError, match="log in again"):
                client.stream_text(MODEL, "hi")


def test_a_missing_login_is_an_error_that_says_how_to_get_one(tmp_path: Path) -> None:
    keys = {"openai_codex": {"auth_file": str(tmp_path / "none.json")}}
    with Client(transport=httpx.MockTransport(Service()), api_keys=keys) as client:
        with pytest.raises(errors.MissingKey, match="codex login"):
            client.stream_text(MODEL, "hi")


def test_a_token_may_be_given_as_the_key() -> None:
    service = Service()
    with Client(transport=httpx.MockTransport(service), api_keys={"openai_codex": jwt(3600)}) as client:
        client.stream_text(MODEL, "hi").reply()
    assert service.seen[0].headers["chatgpt-account-id"] == "acc-1"


@pytest.mark.parametrize("driver", ["sync", "async"])
def test_an_unstreamed_answer_is_collected_from_a_stream(tmp_path: Path, driver: str) -> None:
    service, path = Service(), login(tmp_path / "auth.json", 3600)
    settings: dict[str, Any] = {
        "transport": httpx.MockTransport(service),
        "api_keys": {"openai_codex": {"auth_file": str(path)}},
    }

    async def run() -> Any:
        async with AsyncClient(**settings) as client:
            return await client.generate_text(MODEL, "hi")

    with Client(**settings) as client:
        reply = asyncio.run(run()) if driver == "async" else client.generate_text(MODEL, "hi")
        assert reply == client.stream_text(MODEL, "hi").reply()
    assert reply.text == SAMPLES.text.text and reply.usage.complete
    assert orjson.loads(service.seen[0].content)["stream"] is True
    assert service.seen[0].headers["accept"] == "text/event-stream"


def test_options_that_the_service_refuses_are_dropped_and_reported() -> None:
    service = Service()
    with Client(transport=httpx.MockTransport(service), api_keys={"openai_codex": jwt(3600)}) as client:
        options = {"max_tokens": 5, "temperature": 0}
        own = {"include": ["web_search_call.action.sources"]}
        reply = client.generate_text(MODEL, "hi", provider_options=own, **options)
    body = orjson.loads(service.seen[0].content)
    assert not {"max_output_tokens", "temperature"} & body.keys()
    assert body["include"] == ["web_search_call.action.sources", "reasoning.encrypted_content"]
    assert {warning.subject for warning in reply.warnings} >= {"max_tokens", "temperature"}


@pytest.mark.parametrize("lasts", [3600, 60], ids=["fresh", "to be renewed"])
def test_no_error_contains_a_value_of_the_file(tmp_path: Path, lasts: float) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"error": {"message": f"not {request.headers.get('authorization')}"}})

    path = login(tmp_path / "auth.json", lasts)
    secret = orjson.loads(path.read_bytes())["tokens"]["access_token"]
    keys = {"openai_codex": {"auth_file": str(path)}}
    with Client(transport=httpx.MockTransport(refuse), api_keys=keys, retries=0) as client:
        with pytest.raises(errors.AuthError) as caught:
            client.generate_text(MODEL, "hi")
    assert leaks(caught.value, secret) == [] and leaks(caught.value, "refresh-1") == []


def test_a_broken_login_file_does_not_leak_its_tokens(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.write_text('{"tokens": {"access_token": "sk-canary-123"')
    with Client(api_keys={"openai_codex": {"auth_file": str(path)}}, retries=0) as client:
        with pytest.raises(errors.MissingKey, match="no tokens could be read") as caught:
            client.generate_text(MODEL, "hi")
    assert caught.value.__context__ is None and leaks(caught.value, "sk-canary-123") == []
