"""Vertex: addresses by project and region, tokens fetched once and renewed in time, keys sent to Google alone."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import trio
from leaks import leaks

from stepwell import AsyncClient, Client
from stepwell.providers.auth import google_cloud
from stepwell.providers.auth.tokens import TokenSources
from stepwell.schemas import errors

from loopback import SOON, Loopback, Seen

ANSWER = {"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]}
CLAUDE = {"type": "message", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"}
CHAT = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
GEMINI = "google_vertex:gemini-2.5-pro"
VARIABLES = (
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_VERTEX_PROJECT",
    "GOOGLE_CLOUD_LOCATION",
    "GOOGLE_VERTEX_LOCATION",
    "GOOGLE_VERTEX_ACCESS_TOKEN",
    "GOOGLE_VERTEX_API_KEY",
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(google_cloud, "GOOGLE_TOKENS", TokenSources(google_cloud.google_tokens))


def request_to_vertex(model: str, credential: Any = None, answer: Any = ANSWER, **options: Any) -> httpx.Request:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=answer)

    keys = {} if credential is None else {model.partition(":")[0]: credential}
    with Client(transport=httpx.MockTransport(handler), api_keys=keys, retries=0) as client:
        assert client.generate_text(model, "hi", **options).text == "hi"
    return seen[0]


@pytest.mark.parametrize(
    ("location", "host", "region"),
    [
        ({"location": "europe-west4"}, "europe-west4-aiplatform.googleapis.com", "europe-west4"),
        ({"region": "us-central1"}, "us-central1-aiplatform.googleapis.com", "us-central1"),
        ({"location": "global"}, "aiplatform.googleapis.com", "global"),
        ({"location": "eu"}, "aiplatform.eu.rep.googleapis.com", "eu"),
        ({}, "aiplatform.googleapis.com", "global"),
    ],
)
def test_the_address_is_made_of_project_and_region(location: dict[str, str], host: str, region: str) -> None:
    request = request_to_vertex(GEMINI, {"token": "t", "project": "p", **location})
    path = f"/v1/projects/p/locations/{region}/publishers/google/models/gemini-2.5-pro:generateContent"
    assert str(request.url) == f"https://{host}{path}"
    assert request.headers["authorization"] == "Bearer t"


def test_project_and_region_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us-east5")
    request = request_to_vertex(GEMINI, "any-token")
    assert str(request.url).startswith("https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/")
    assert request.headers["authorization"] == "Bearer any-token"


@pytest.mark.parametrize("region", ["evil.test/", "us east", "a@b", "Global"])
def test_a_region_cannot_lead_to_another_host(region: str) -> None:
    with pytest.raises(errors.ConfigError, match="not a Google Cloud region"):
        request_to_vertex(GEMINI, {"token": "t", "project": "p", "location": region})


def test_a_project_is_one_segment() -> None:
    request = request_to_vertex(GEMINI, {"token": "t", "project": "../x?"})
    assert request.url.raw_path.startswith(b"/v1/projects/..%2Fx%3F/locations/")


@pytest.mark.parametrize("credential", ["express-key", "AIza-key", "AQ.key", {"api_key": "key"}])
def test_an_api_key_without_a_project_is_express_mode(credential: Any) -> None:
    request = request_to_vertex(GEMINI, credential)
    assert str(request.url).startswith("https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-pro:")
    key = credential if isinstance(credential, str) else credential["api_key"]
    assert request.headers["x-goog-api-key"] == key and "authorization" not in request.headers


@pytest.mark.parametrize("credential", ["AIza-key", {"api_key": "key"}])
def test_an_api_key_may_be_used_with_a_project(credential: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    request = request_to_vertex(GEMINI, credential)
    assert "/projects/p/" in str(request.url) and "x-goog-api-key" in request.headers


def test_a_token_without_a_project_is_an_error_that_says_what_to_set() -> None:
    with pytest.raises(errors.ConfigError, match="GOOGLE_CLOUD_PROJECT"):
        request_to_vertex(GEMINI, "ya29.token")


def test_a_token_may_come_from_a_function() -> None:
    tokens = iter(("one", "two"))
    with_function = {"token": lambda: next(tokens), "project": "p"}
    assert [request_to_vertex(GEMINI, with_function).headers["authorization"] for _ in range(2)] == [
        "Bearer one",
        "Bearer two",
    ]


def test_streams_have_a_path_of_their_own() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"data: " + orjson.dumps(ANSWER) + b"\r\n\r\n")

    keys = {"google_vertex": {"token": "t", "project": "p"}}
    with Client(transport=httpx.MockTransport(handler), api_keys=keys) as client:
        assert client.stream_text(GEMINI, "hi").reply().text == "hi"
    assert str(seen[0].url).endswith("gemini-2.5-pro:streamGenerateContent?alt=sse")


@pytest.mark.parametrize("provider", ["google_vertex_anthropic", "google_vertex"])
def test_claude_on_vertex_has_its_version_in_the_body(provider: str) -> None:
    credential = {"token": "t", "project": "p", "location": "us-east5"}
    model = f"{provider}:claude-sonnet-4-5@20250929"
    request = request_to_vertex(model, credential, CLAUDE, provider_options={"anthropic_beta": ["context-1m"]})
    assert str(request.url).endswith("/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict")
    body = orjson.loads(request.content)
    assert body["anthropic_version"] == "vertex-2023-10-16" and "model" not in body and "stream" not in body
    assert request.headers["anthropic-beta"] == "context-1m" and "anthropic-version" not in request.headers


def test_a_stream_of_claude_is_asked_for_in_path_and_body() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(529, json={})

    keys = {"google_vertex_anthropic": {"token": "t", "project": "p"}}
    with Client(transport=httpx.MockTransport(handler), api_keys=keys, retries=0) as client:
        with pytest.raises(errors.Overloaded):
            client.stream_text("google_vertex_anthropic:claude-x", "hi")
    assert str(seen[0].url).endswith(":streamRawPredict") and orjson.loads(seen[0].content)["stream"] is True


@pytest.mark.parametrize("model", ["openai/gpt-oss-20b-maas", "deepseek-ai/deepseek-v3.2-maas"])
def test_open_models_use_openais_chat_format(model: str) -> None:
    credential = {"token": "t", "project": "p", "location": "us-east5"}
    request = request_to_vertex(f"google_vertex:{model}", credential, CHAT)
    assert str(request.url).endswith("/projects/p/locations/us-east5/endpoints/openapi/chat/completions")


def test_tokens_are_counted_in_the_form_of_each_api() -> None:
    answer = httpx.Response(200, json={"totalTokens": 7})
    seen: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: seen.append(request) or answer)
    keys = {"google": "k", "google_vertex": {"token": "t", "project": "p"}}
    with Client(transport=transport, api_keys=keys) as client:
        for model in ("google:gemini-9", "google_vertex:gemini-9"):
            assert client.count_tokens(model, "hi").usage.input_tokens == 7
    ours, vertex = (orjson.loads(request.content) for request in seen)
    assert ours["generateContentRequest"]["model"] == "models/gemini-9"
    assert ours["generateContentRequest"]["contents"] == vertex["contents"]


class FakeCredentials:
    """google-auth's interface: a token that lasts, counted."""

    def __init__(self, lasts: float) -> None:
        self._lasts = lasts
        self.fetched = 0
        self.token: str | None = None
        self.expiry: datetime | None = None

    def refresh(self, request: Any) -> None:
        time.sleep(0.02)
        self.fetched += 1
        self.token = f"token-{self.fetched}"
        self.expiry = (datetime.now(UTC) + timedelta(seconds=self._lasts)).replace(tzinfo=None)


@pytest.fixture
def credentials(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeCredentials:
    """Provide the machine's own login, of the project `own`."""
    made = FakeCredentials(getattr(request, "param", 3600))
    monkeypatch.setattr(google_cloud, "load_credentials", lambda account: (made, "own"))
    return made


def only_token_1(request: httpx.Request) -> httpx.Response:
    assert request.headers["authorization"] == "Bearer token-1"
    return httpx.Response(200, json=ANSWER)


def test_a_hundred_calls_twenty_at_once_fetch_one_token(credentials: FakeCredentials) -> None:
    async def run() -> None:
        async with AsyncClient(transport=httpx.MockTransport(only_token_1)) as client:
            for _ in range(5):
                await asyncio.gather(*(client.generate_text(GEMINI, "hi") for _ in range(20)))

    asyncio.run(run())
    assert credentials.fetched == 1


def test_twenty_threads_fetch_one_token(credentials: FakeCredentials) -> None:
    with Client(transport=httpx.MockTransport(only_token_1)) as client, ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: client.generate_text(GEMINI, "hi"), range(60)))
    assert credentials.fetched == 1


def test_trio_fetches_one_token_too(credentials: FakeCredentials) -> None:
    async def run() -> None:
        async with AsyncClient(transport=httpx.MockTransport(only_token_1)) as client, trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(client.generate_text, GEMINI, "hi")

    trio.run(run)
    assert credentials.fetched == 1


@pytest.mark.parametrize("credentials", [0], indirect=True)
def test_a_token_that_expires_is_renewed(credentials: FakeCredentials) -> None:
    for turn in (1, 2):
        assert request_to_vertex(GEMINI).headers["authorization"] == f"Bearer token-{turn}"


def test_a_login_that_came_too_late_for_one_call_is_that_of_the_next(
    credentials: FakeCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else calls of a second would never get a login of two, and make it again and again."""
    go_on, refresh = threading.Event(), credentials.refresh
    monkeypatch.setattr(credentials, "refresh", lambda request: [go_on.wait(SOON), refresh(request)])
    with Client(transport=httpx.MockTransport(only_token_1)) as client:
        with pytest.raises(errors.TotalTimeout):
            client.generate_text(GEMINI, "hi", timeout=0.1)
        go_on.set()
        assert client.generate_text(GEMINI, "hi").text
    assert credentials.fetched == 1


def test_the_project_may_be_that_of_the_credentials(credentials: FakeCredentials) -> None:
    assert "/projects/own/locations/global/" in str(request_to_vertex(GEMINI).url)
    assert "/projects/p/locations/global/" in str(request_to_vertex(GEMINI, {"project": "p"}).url)


def test_a_token_that_was_refused_is_not_used_again(credentials: FakeCredentials) -> None:
    refused = httpx.MockTransport(lambda request: httpx.Response(401, json={"error": {"message": "revoked"}}))
    with Client(transport=refused) as client, pytest.raises(errors.AuthError):
        client.generate_text(GEMINI, "hi")
    assert request_to_vertex(GEMINI).headers["authorization"] == "Bearer token-2"


def test_the_machines_own_token_is_sent_to_google_alone(credentials: FakeCredentials) -> None:
    with pytest.raises(errors.MissingKey, match="base_url of your own"):
        request_to_vertex(GEMINI, base_url="https://aiplatform.googleapis.com.evil.test/v1")
    request = request_to_vertex(GEMINI, base_url="https://gateway.test/v1", api_key={"token": "t"})
    assert str(request.url) == "https://gateway.test/v1/models/gemini-2.5-pro:generateContent"
    assert credentials.fetched == 0


def test_a_failed_login_is_reported_without_details(
    credentials: FakeCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: Any) -> None:
        raise ValueError("secret inside")

    monkeypatch.setattr(credentials, "refresh", refuse)
    with pytest.raises(errors.AuthError, match="gcloud auth application-default login") as caught:
        request_to_vertex(GEMINI)
    assert "secret inside" not in str(caught.value) and caught.value.__cause__ is None


def test_an_unreachable_token_server_is_tried_again(
    credentials: FakeCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.auth.exceptions import TransportError

    outages = iter((TransportError("down"), None))
    refresh = credentials.refresh

    def flaky(request: Any) -> None:
        if (outage := next(outages)) is not None:
            raise outage
        refresh(request)

    monkeypatch.setattr(credentials, "refresh", flaky)
    with Client(transport=httpx.MockTransport(only_token_1), retries=1) as client:
        assert client.generate_text(GEMINI, "hi").text == "hi"


def test_a_missing_project_and_login_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    import google.auth

    def nothing(**_: Any) -> Any:
        raise google.auth.exceptions.DefaultCredentialsError("none")

    monkeypatch.setattr(google.auth, "default", nothing)
    with pytest.raises(errors.MissingKey, match="GOOGLE_CLOUD_PROJECT"):
        request_to_vertex(GEMINI)


@pytest.fixture
def token_server() -> Iterator[Loopback]:
    """Run Google's token endpoint as far as a service account needs it."""

    def script(seen: Seen) -> Iterator[bytes]:
        body = orjson.dumps({"access_token": f"ya29.{len(server.seen)}", "expires_in": 3600, "token_type": "Bearer"})
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        yield head.encode() + body

    server = Loopback(script)
    yield server
    server.stop()


@pytest.fixture
def account(token_server: Loopback) -> dict[str, str]:
    """Build the content of a service account's key file."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "project_id": "of-the-account",
        "private_key_id": "k1",
        "private_key": pem.decode(),
        "client_email": "robot@of-the-account.iam.gserviceaccount.com",
        "token_uri": f"{token_server.url}/token",
    }


@pytest.mark.parametrize("form", ["mapping", "text", "path"])
def test_a_service_account_signs_for_its_token_once(
    form: str, account: dict[str, str], token_server: Loopback, tmp_path: Path
) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(orjson.dumps(account))
    given = {"mapping": account, "text": orjson.dumps(account).decode(), "path": str(path)}[form]
    project = {"project": "p"} if form == "path" else {}
    for _ in range(3):
        request = request_to_vertex(GEMINI, {"service_account": given, **project})
        assert request.headers["authorization"] == "Bearer ya29.1"
        assert f"/projects/{project.get('project', 'of-the-account')}/" in str(request.url)
    (exchange,) = token_server.seen
    assert b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer" in exchange.body


@pytest.mark.parametrize("broken", ["private_key", "token_uri", None])
def test_a_service_accounts_key_is_nowhere_in_an_error(account: dict[str, str], broken: str | None) -> None:
    secret = account["private_key"][100:140]
    if broken:
        account[broken] = account[broken].replace("A", "B") if broken == "private_key" else "http://127.0.0.1:9/token"
    refusing = httpx.MockTransport(lambda request: httpx.Response(403, json={"error": {"message": "no"}}))
    keys = {"google_vertex": {"service_account": account, "project": "p"}}
    with Client(transport=refusing, api_keys=keys, retries=0) as client:
        with pytest.raises(errors.StepwellError) as caught:
            client.generate_text(GEMINI, "hi")
    assert leaks(caught.value, secret) == [] and leaks(caught.value, "BEGIN PRIVATE KEY") == []
