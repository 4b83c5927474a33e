"""Tokens of every kind are fetched once for any number of calls, in threads and on event loops, and renewed in time."""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import anyio
import httpx
import orjson
import pytest
from attrs import evolve
from leaks import leaks

from stepwell import AsyncClient, Client
from stepwell.declare import Token, TokenSource, declare_provider, oauth_tokens, openai_chat
from stepwell.errors import AuthError, ConnectError, StepError
from stepwell.providers import github_copilot
from stepwell.providers.auth import google_cloud
from stepwell.providers.auth.tokens import TokenSources
from stepwell.providers.declare.registry import Registry
from stepwell.providers.wires.google_generate.samples import SAMPLES as GEMINI
from stepwell.providers.wires.openai_chat.samples import SAMPLES as CHAT
from stepwell.providers.wires.openai_responses.samples import SAMPLES as RESPONSES
from stepwell.schemas.secret import Secret
from stepwell.steps import Request, Run

from odd_fields import ABSENT, STRANGE, written

LOGIN = "https://login.test/token"
FIELDS = {"grant_type": "client_credentials", "client_id": "me", "client_secret": Secret("hush-hush")}


class Service:
    """Servers of logins and of models: tokens are counted, and the model's server notes the ones that it sees."""

    def __init__(self, *, lasts: float = 3600, status: int = 200, refused: str = "") -> None:
        self.fetched = 0
        self.forms: list[dict[str, str]] = []
        self.seen: list[str] = []
        self._lasts, self._status, self._refused = lasts, status, refused

    def token(self) -> str:
        self.fetched += 1
        time.sleep(0.02)
        claims = orjson.dumps({"exp": time.time() + self._lasts})
        return f"{self.fetched}.{urlsafe_b64encode(claims).decode().rstrip('=')}.x"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if host in ("login.test", "api.github.com", "auth.openai.com"):
            self.forms.append(dict(parse_qsl(request.content.decode())))
            value, until = self.token(), time.time() + self._lasts
            body = {"token": value, "access_token": value, "expires_at": until, "expires_in": self._lasts}
            return httpx.Response(self._status, json={**body, "refresh_token": f"again-{self.fetched}"})
        self.seen.append(request.headers["authorization"].removeprefix("Bearer "))
        if self.seen[-1].startswith(self._refused or "never"):
            return httpx.Response(401, json={"error": {"message": "token expired"}})
        samples = GEMINI.text.body if "aiplatform" in host else RESPONSES.text.stream if "chatgpt" in host else None
        return httpx.Response(200, content=samples or CHAT.text.body)


Settings = tuple[str, dict[str, Any]]
Kind = Callable[[Service, Path, pytest.MonkeyPatch], Settings]


def declared(source: TokenSource) -> Settings:
    registry = Registry()
    registry.register(
        declare_provider("acme", wire=openai_chat, base_url="https://acme.test", auth=source.authenticate)
    )
    return "acme:m", {"registry": registry}


def of_oauth(service: Service, path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return declared(oauth_tokens(LOGIN, FIELDS))


def of_a_function(service: Service, path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    def fetch(request: Request) -> Generator[Any, Any, Token]:
        return Token((yield Run(service.token)), time.time() + 3600)

    return declared(TokenSource(fetch))


def of_copilot(service: Service, path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(github_copilot, "COPILOT_TOKENS", TokenSources(github_copilot.copilot_tokens))
    return "github_copilot:gpt-4.1", {"api_keys": {"github_copilot": {"oauth_token": "gho_1"}}}


def of_codex(service: Service, path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    old = f"0.{urlsafe_b64encode(orjson.dumps({'exp': 1})).decode().rstrip('=')}.x"
    (path / "auth.json").write_bytes(orjson.dumps({"tokens": {"access_token": old, "refresh_token": "r"}}))
    return "openai_codex:gpt-5-codex", {"api_keys": {"openai_codex": {"auth_file": str(path / "auth.json")}}}


def of_google(service: Service, path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    class Account:
        token, expiry = "", None

        def refresh(self, request: Any) -> None:
            self.token = service.token()

    monkeypatch.setattr(google_cloud, "GOOGLE_TOKENS", TokenSources(google_cloud.google_tokens))
    monkeypatch.setattr(google_cloud, "load_credentials", lambda account: (Account(), "p"))
    monkeypatch.delenv("GOOGLE_VERTEX_ACCESS_TOKEN", raising=False)
    monkeypatch.delenv("GOOGLE_VERTEX_API_KEY", raising=False)
    return "google_vertex:gemini-2.5-pro", {}


every_kind = pytest.mark.parametrize("kind", [of_oauth, of_a_function, of_copilot, of_codex, of_google])


@every_kind
def test_threads_share_one_token(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    model, settings = kind(service, tmp_path, monkeypatch)
    with Client(transport=httpx.MockTransport(service), **settings) as client, ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: client.generate_text(model, "hi"), range(32)))
    assert service.fetched == 1 and len(service.seen) == 32 and len(set(service.seen)) == 1


# httpx's own mock of a stream, which Codex answers with, is left open on trio.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@every_kind
@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_tasks_share_one_token(kind: Kind, loop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    model, settings = kind(service, tmp_path, monkeypatch)

    async def run() -> None:
        async with AsyncClient(transport=httpx.MockTransport(service), **settings) as client:
            async with anyio.create_task_group() as group:
                for _ in range(32):
                    group.start_soon(client.generate_text, model, "hi")

    anyio.run(run, backend=loop)
    assert service.fetched == 1 and len(service.seen) == 32 and len(set(service.seen)) == 1


@pytest.mark.parametrize("kind", [of_oauth, of_copilot])
def test_a_token_that_is_refused_is_not_used_again(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(refused="1.")
    model, settings = kind(service, tmp_path, monkeypatch)
    with Client(transport=httpx.MockTransport(service), retries=0, **settings) as client:
        with pytest.raises(AuthError, match="token expired"):
            client.generate_text(model, "hi")
        client.generate_text(model, "hi")
    assert [token[:2] for token in service.seen] == ["1.", "2."]


def fetched_at(times: list[float], service: Service, answer: Any) -> list[int]:
    """Return how many tokens have been fetched after a call at each of these times."""
    model, settings = declared(oauth_tokens(LOGIN, FIELDS))
    counts, now = [], [0.0]
    with Client(transport=httpx.MockTransport(answer), retries=0, **settings) as client:
        client.planner.world = evolve(client.planner.world, time=lambda: now[0])
        for now[0] in times:
            client.generate_text(model, "hi")
            counts.append(service.fetched)
    return counts


@pytest.mark.parametrize(
    ("lasts", "times"),
    [(3600, [0, 3299, 3301]), (700, [0, 399, 401]), (300, [0, 149, 151]), (60, [0, 29, 31])],
)
def test_a_token_is_renewed_before_it_expires_but_not_at_each_call(lasts: float, times: list[float]) -> None:
    """Five minutes is what Keycloak gives, less than the time before the end at which a longer one is renewed."""
    service = Service(lasts=lasts)
    assert fetched_at(times, service, service) == [1, 1, 2]


def test_a_token_that_cannot_be_renewed_yet_is_used_as_long_as_it_is_good() -> None:
    service, asked = Service(lasts=3600), [0]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "login.test":
            asked[0] += 1
            if service.fetched:
                raise httpx.ConnectError("nobody listens")
        return service(request)

    assert fetched_at([0, 3400, 3420, 3431, 3599], service, answer) == [1] * 5
    assert asked[0] == 4, "asked again, but not by each call"
    with pytest.raises(ConnectError):
        fetched_at([0, 3601], service, answer)


def test_the_server_is_sent_the_fields_and_then_its_own_refresh_token() -> None:
    service = Service(lasts=-1)
    model, settings = declared(oauth_tokens(LOGIN, {"grant_type": "refresh_token", "refresh_token": Secret("first")}))
    with Client(transport=httpx.MockTransport(service), **settings) as client:
        client.generate_text(model, "hi")
        client.generate_text(model, "hi")
    assert [form["refresh_token"] for form in service.forms] == ["first", "again-1"]
    assert {form["grant_type"] for form in service.forms} == {"refresh_token"}


@pytest.mark.parametrize(("status", "error"), [(400, AuthError), (403, AuthError), (503, ConnectError)])
def test_a_server_that_gives_no_token_is_an_error_without_secrets(status: int, error: type[Exception]) -> None:
    service = Service(status=status)
    model, settings = declared(oauth_tokens(LOGIN, FIELDS))
    with Client(transport=httpx.MockTransport(service), retries=0, **settings) as client:
        with pytest.raises(error, match=f"acme's login server gave no token \\({status}\\)") as caught:
            client.generate_text(model, "hi")
    assert leaks(caught.value, "hush-hush") == [] and not service.seen


@pytest.mark.parametrize("body", [b"", b"<html>hush-hush</html>", b"[]", b'{"no": "token"}'])
def test_an_answer_without_a_token_is_an_error_without_its_text(body: bytes) -> None:
    model, settings = declared(oauth_tokens(LOGIN, FIELDS))
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body))
    with Client(transport=transport, retries=0, **settings) as client:
        with pytest.raises(AuthError) as caught:
            client.generate_text(model, "hi")
    assert leaks(caught.value, "hush-hush") == []


def test_what_a_login_server_states_beside_its_token_costs_no_call() -> None:
    beside = ("refresh_token", "expires_in", "expires_at", "endpoints")
    for nth, other in enumerate(STRANGE):
        body = {"access_token": "t", "token": "t"} | ({} if other is ABSENT else dict.fromkeys(beside, other))

        def answer(request: httpx.Request, body: Any = body) -> httpx.Response:
            login = request.url.host in ("login.test", "api.github.com")
            return httpx.Response(200, content=written(body) if login else CHAT.text.body)

        copilot = {"api_keys": {"github_copilot": {"oauth_token": f"gho_odd{nth}"}}}
        for model, settings in (declared(oauth_tokens(LOGIN, FIELDS)), ("github_copilot:gpt-4.1", copilot)):
            with Client(transport=httpx.MockTransport(answer), retries=0, **settings) as client:
                assert client.generate_text(model, "hi").text, other


def test_a_login_that_fails_for_a_moment_is_asked_again() -> None:
    service, refused = Service(), [1]

    def answer(request: httpx.Request) -> httpx.Response:
        if refused and request.url.host == "login.test":
            refused.pop()
            return httpx.Response(503)
        return service(request)

    model, settings = declared(oauth_tokens(LOGIN, FIELDS))

    async def run() -> None:
        async with AsyncClient(transport=httpx.MockTransport(answer), **settings) as client:
            await asyncio.gather(*(client.generate_text(model, "hi", retries=1) for _ in range(5)))

    asyncio.run(run())
    assert service.fetched == 1 and len(service.seen) == 5


def test_the_sources_of_many_logins_do_not_fill_the_memory() -> None:
    sources = TokenSources(lambda login: oauth_tokens(LOGIN, {"client_id": login}))
    first = sources.of("0")
    assert sources.of("0") is first
    for number in range(500):
        sources.of(str(number))
    assert len(sources._sources) <= 100


def test_a_token_may_be_made_without_effects_and_what_is_no_token_is_named() -> None:
    def sent(fetch: Any) -> str:
        model, settings = declared(TokenSource(fetch))
        service = Service()
        Client(**settings, transport=httpx.MockTransport(service)).generate_text(model, "hi")
        return service.seen[-1]

    def text(request: Request) -> Generator[Any, Any, Any]:
        yield Run(list)
        return "t-1"

    assert sent(lambda request: Token("t-1")) == "t-1"
    with pytest.raises(StepError, match=r"returned a str; return Token\(value, expires\)"):
        sent(text)
    with pytest.raises(StepError, match="a TokenSource takes flows, and got a str"):
        sent(lambda request: "t-1")
