"""A preview shows what a call would send, byte for byte but for the credentials, and sends nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from stepwell import AsyncClient, Budget, Client, RateLimit, cache, on_request
from stepwell.errors import InvalidOption, StepwellError
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas.message import assistant
from stepwell.schemas.reply import Reply
from stepwell.steps import circuit_breaker, concurrency
from stepwell.stores import MemoryStore

KEY = "sk-0123456789abcdef0123456789"


class Recording(httpx.BaseTransport):
    """Keeps the requests, and answers none."""

    def __init__(self) -> None:
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(500, json={})


def keys() -> dict[str, Any]:
    return {each.id: KEY for each in REGISTRY if each.key_variables and not isinstance(each.env_key, dict)}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_it_is_what_the_call_sends_without_the_credentials(stream: bool) -> None:
    transport = Recording()
    shown = 0
    with Client(transport=transport, api_keys=keys(), retries=0) as client:
        for provider in keys():
            model = f"{provider}:some-model"
            try:
                preview = client.preview(model, "hi", stream=stream, max_tokens=5)
            except StepwellError:
                continue  # a provider without a chat, or with an address of one's own
            assert transport.sent == []
            with pytest.raises(StepwellError):
                (client.stream_text if stream else client.generate_text)(model, "hi", max_tokens=5)
            sent = transport.sent.pop()
            assert KEY not in f"{preview}{preview!r}{preview.headers}"
            assert (preview.method, preview.body) == (sent.method, sent.content)
            assert preview.url.split("?")[0] == str(sent.url).split("?")[0]
            assert preview.headers.keys() <= set(sent.headers)
            assert preview.json is None or '"' in str(preview)
            transport.sent.clear()
            shown += 1
    assert shown > 100


def test_limits_and_caches_know_nothing_of_it() -> None:
    budget, limit, store = Budget("0.01"), RateLimit(requests=1, per=3600), MemoryStore()
    steps = [budget, limit, cache(store), concurrency(1), circuit_breaker(failures=1)]
    with Client(transport=Recording(), api_keys={"openai": KEY}, pipeline=steps) as client:
        for _ in range(3):
            client.preview("openai:gpt-4.1", "hi", max_tokens=10)
    assert (budget.calls, budget.reserved, budget.estimated, len(store)) == (0, 0, 0, 0)


def test_steps_that_change_the_request_run() -> None:
    greeting = on_request("greeting", lambda request: request.replace(context=request.context.append("and bye")))
    with Client(api_keys={"openai": KEY}, pipeline=greeting) as client:
        assert client.preview("openai:gpt-4.1", "hi").json["messages"][-1]["content"] == "and bye"


def test_other_operations_and_warnings_are_shown() -> None:
    with Client(api_keys={"openai": KEY, "groq": KEY}) as client:
        assert client.preview("openai:text-embedding-3-small", ["a", "b"], operation="embed").json["input"] == [
            "a",
            "b",
        ]
        (warning,) = client.preview("groq:llama-3.3-70b-versatile", "hi", top_k=3).warnings
        assert warning.subject == "top_k"


def test_what_would_fail_before_it_is_sent_fails_here_too() -> None:
    answers = on_request("answers", lambda request: Reply(assistant("no need")))
    with Client(api_keys={"openai": KEY}) as client:
        with pytest.raises(InvalidOption, match="temperature"):
            client.preview("openai:gpt-4.1", "hi", temperature="hot")  # type: ignore[arg-type]
        with pytest.raises(StepwellError, match="would send nothing"):
            client.preview("openai:gpt-4.1", "hi", pipeline=answers)


def test_an_async_client_shows_the_same() -> None:
    async def shown() -> str:
        async with AsyncClient(api_keys={"openai": KEY}) as client:
            return str(await client.preview("openai:gpt-4.1", "hi"))

    with Client(api_keys={"openai": KEY}) as client:
        assert asyncio.run(shown()) == str(client.preview("openai:gpt-4.1", "hi"))
