"""GitHub Models and Copilot: initiators, images, and logins exchanged once for many calls."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import orjson
import pytest

import stepwell
from stepwell import AsyncClient, Client, Image
from stepwell.messages import ToolCall
from stepwell.providers import github_copilot
from stepwell.providers.auth.tokens import TokenSources
from stepwell.providers.wires.anthropic_messages.samples import SAMPLES as MESSAGES
from stepwell.schemas import errors
from stepwell.schemas.message import assistant, system, tool_result, user

from loopback import completion

MODEL = "github_copilot:gpt-4.1"
PNG = Image(data=b"\x89PNG")
CALL = assistant(ToolCall("1", "f", "{}"))


class Service:
    """A server in GitHub's place, which exchanges logins and answers."""

    def __init__(
        self, *, lasts: float = 1500, status: int = 200, address: str | None = None, expired: int | None = None
    ) -> None:
        self.exchanges: list[httpx.Request] = []
        self.seen: list[httpx.Request] = []
        self.lasts, self.status, self.address, self.expired = lasts, status, address, expired

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.github.com":
            self.exchanges.append(request)
            time.sleep(0.02)
            body: dict[str, Any] = {"token": f"tid={len(self.exchanges)}", "expires_at": time.time() + self.lasts}
            if self.address:
                body["endpoints"] = {"api": self.address}
            return httpx.Response(self.status, json=body)
        self.seen.append(request)
        if request.headers["authorization"] == f"Bearer tid={self.expired}":
            return httpx.Response(401, json={"error": {"message": "token expired"}})
        content = MESSAGES.text.body if request.url.path.endswith("/messages") else completion()
        return httpx.Response(200, content=content)


@pytest.fixture(autouse=True)
def no_tokens_left_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_copilot, "COPILOT_TOKENS", TokenSources(github_copilot.copilot_tokens))


def sent(prompt: Any = "hi", key: Any = "gho_1", service: Service | None = None, **options: Any) -> httpx.Request:
    service = service or Service()
    with Client(transport=httpx.MockTransport(service), api_keys={"github_copilot": key}) as client:
        client.generate_text(MODEL, prompt, **options)
    return service.seen[-1]


def test_an_oauth_token_is_sent_as_it_is() -> None:
    request = sent()
    assert str(request.url) == "https://api.githubcopilot.com/chat/completions"
    assert request.headers["authorization"] == "Bearer gho_1"
    assert request.headers["editor-version"].startswith("stepwell/")
    assert "copilot-integration-id" not in request.headers


def test_the_codex_models_are_asked_for_responses() -> None:
    assert stepwell.pipeline_for("github_copilot:gpt-5.3-codex").describe().count("openai_responses") > 2


@pytest.mark.parametrize(
    ("prompt", "initiator"),
    [
        ("hi", "user"),
        ([user("go"), CALL, tool_result("1", "ok")], "agent"),
        ([user("go"), CALL, tool_result("1", "ok"), user("and?")], "user"),
        ([user("go"), assistant("I was")], "agent"),
        ([system("be kind"), user("go")], "user"),
    ],
)
def test_the_initiator_depends_on_the_last_message(prompt: Any, initiator: str) -> None:
    assert sent(prompt).headers["x-initiator"] == initiator


def test_a_tools_images_are_sent_as_the_users_with_the_header() -> None:
    request = sent([user("go"), CALL, tool_result("1", ["see", PNG])])
    assert orjson.loads(request.content)["messages"][-1]["role"] == request.headers["x-initiator"] == "user"


def test_an_initiator_set_by_the_caller_is_kept() -> None:
    assert sent(headers={"x-initiator": "agent"}).headers["x-initiator"] == "agent"


def test_images_are_labelled() -> None:
    assert sent([user(["see", PNG])]).headers["copilot-vision-request"] == "true"
    assert sent([user(["see", PNG]), assistant("a dot"), user("sure?")]).headers["copilot-vision-request"] == "true"
    assert "copilot-vision-request" not in sent().headers


def test_other_wires_use_the_same_key() -> None:
    request = sent(wire="anthropic_messages")
    assert str(request.url) == "https://api.githubcopilot.com/v1/messages"
    assert request.headers["authorization"] == "Bearer gho_1" and "x-api-key" not in request.headers


def test_a_login_is_exchanged_once_for_many_calls() -> None:
    service = Service()

    async def run() -> None:
        keys = {"github_copilot": {"oauth_token": "gho_1"}}
        async with AsyncClient(transport=httpx.MockTransport(service), api_keys=keys) as client:
            await asyncio.gather(*(client.generate_text(MODEL, "hi") for _ in range(50)))

    asyncio.run(run())
    (exchange,) = service.exchanges
    assert exchange.method == "GET" and exchange.headers["authorization"] == "token gho_1"
    assert {request.headers["authorization"] for request in service.seen} == {"Bearer tid=1"}
    assert {request.headers["copilot-integration-id"] for request in service.seen} == {"vscode-chat"}


def test_a_token_that_expires_is_exchanged_again() -> None:
    service = Service(lasts=0)
    tokens = [sent(key={"oauth_token": "gho_1"}, service=service).headers["authorization"] for _ in range(2)]
    assert tokens == ["Bearer tid=1", "Bearer tid=2"]


def test_a_refused_token_is_not_used_again() -> None:
    service = Service(expired=1)
    with pytest.raises(errors.AuthError, match="token expired"):
        sent(key={"oauth_token": "gho_1"}, service=service)
    assert sent(key={"oauth_token": "gho_1"}, service=service).headers["authorization"] == "Bearer tid=2"


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://api.business.githubcopilot.com", "api.business.githubcopilot.com"),
        ("https://evil.test", "api.githubcopilot.com"),
        ("http://api.business.githubcopilot.com", "api.githubcopilot.com"),
    ],
)
def test_the_token_names_the_address_if_it_is_githubs(address: str, host: str) -> None:
    request = sent(key={"oauth_token": "gho_1"}, service=Service(address=address))
    assert str(request.url) == f"https://{host}/chat/completions"


def test_a_refused_exchange_is_an_error_with_the_kind_of_token_it_needs() -> None:
    with pytest.raises(
        errors.AuthError, match=r"\(403\); the login needs Copilot, and must be an OAuth token"
    ) as caught:
        sent(key={"oauth_token": "github_pat_1"}, service=Service(status=403))
    assert "github_pat_1" not in repr(caught.value)


def test_github_models_has_its_version_in_a_header() -> None:
    service = Service()
    with Client(transport=httpx.MockTransport(service), api_keys={"github": "k"}) as client:
        client.generate_text("github:openai/gpt-4.1", "hi")
    (request,) = service.seen
    assert str(request.url) == "https://models.github.ai/inference/chat/completions"
    assert request.headers["x-github-api-version"] == "2022-11-28" and request.headers["authorization"] == "Bearer k"
