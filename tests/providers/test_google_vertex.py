"""Vertex: addresses by project and region, tokens fetched once and renewed in time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from stepwell import AsyncClient, Client
from stepwell.providers.dsl import google_cloud
from stepwell.schemas import errors

ANSWER = {"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]}
CLAUDE = {"type": "message", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"}


def asked(model: str, credential: Any, answer: Any = ANSWER, **options: Any) -> httpx.Request:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=answer)

    keys = {} if credential is None else {model.partition(":")[0]: credential}
    with Client(transport=httpx.MockTransport(handler), api_keys=keys, retries=0) as client:
        assert client.generate_text(model, "hi", **options).text == "hi"
    return seen[0]


@pytest.mark.parametrize(
    ("credential", "url", "header"),
    [
        (
            {"token": "t", "project": "p", "location": "europe-west4"},
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/publishers/google"
            "/models/gemini-2.5-pro:generateContent",
            ("authorization", "Bearer t"),
        ),
        (
            {"token": "t", "project": "p"},
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google"
            "/models/gemini-2.5-pro:generateContent",
            ("authorization", "Bearer t"),
        ),
        (
            "express-key",
            "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-pro:generateContent",
            ("x-goog-api-key", "express-key"),
        ),
    ],
)
def test_the_address_is_made_of_project_and_region(
    credential: Any, url: str, header: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    request = asked("google_vertex:gemini-2.5-pro", credential)
    assert str(request.url) == url and request.headers[header[0]] == header[1]


def test_claude_on_vertex_has_its_version_in_the_body() -> None:
    credential = {"token": "t", "project": "p", "location": "us-east5"}
    request = asked("google_vertex_anthropic:claude-sonnet-4-5@20250929", credential, CLAUDE)
    assert str(request.url).endswith("/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict")
    body = orjson.loads(request.content)
    assert body["anthropic_version"] == "vertex-2023-10-16" and "model" not in body


def test_without_project_or_key_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "GOOGLE_VERTEX_PROJECT", "GOOGLE_VERTEX_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(errors.ConfigError, match="GOOGLE_CLOUD_PROJECT"):
        asked("google_vertex:gemini-2.5-pro", None)


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
    made = FakeCredentials(getattr(request, "param", 3600))
    monkeypatch.setattr(google_cloud, "load_credentials", lambda account: (made, "p-1"))
    monkeypatch.setattr(google_cloud, "TOKENS", google_cloud._Tokens())
    return made


def test_a_hundred_calls_twenty_at_once_fetch_one_token(credentials: FakeCredentials) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer token-1"
        return httpx.Response(200, json=ANSWER)

    async def run() -> None:
        keys = {"google_vertex": {"project": "p"}}
        async with AsyncClient(transport=httpx.MockTransport(handler), api_keys=keys) as client:
            for _ in range(5):
                calls = (client.generate_text("google_vertex:gemini-2.5-pro", "hi") for _ in range(20))
                await asyncio.gather(*calls)

    asyncio.run(run())
    assert credentials.fetched == 1


@pytest.mark.parametrize("credentials", [200], indirect=True)
def test_a_token_is_renewed_before_it_expires(credentials: FakeCredentials) -> None:
    for turn in (1, 2):
        request = asked("google_vertex:gemini-2.5-pro", {"project": "p"})
        assert request.headers["authorization"] == f"Bearer token-{turn}"


def test_a_failed_login_is_told_without_details(credentials: FakeCredentials, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: Any) -> None:
        raise ValueError("secret inside")

    monkeypatch.setattr(credentials, "refresh", refuse)
    with pytest.raises(errors.AuthError, match="gcloud auth application-default login") as caught:
        asked("google_vertex:gemini-2.5-pro", {"project": "p"})
    assert "secret inside" not in str(caught.value)
