"""Cloudflare's gateway: addresses as its documentation has them, headers, stored keys, and models to fall back on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import orjson
import pytest

from stepwell import AsyncClient, Client
from stepwell.options import Secret
from stepwell.providers.wires.anthropic_messages.samples import SAMPLES as ANTHROPIC
from stepwell.providers.wires.openai_chat.samples import SAMPLES as OPENAI
from stepwell.schemas import errors
from stepwell.steps import cloudflare_ai_gateway, cloudflare_fallback

ROOT = "https://gateway.ai.cloudflare.com/v1/acc/gate"
AWS = {"access_key": "AKIDEXAMPLE", "secret_key": "s", "region": "eu-west-1"}
VERTEX = {"token": "t", "project": "mine", "location": "europe-west4"}
CLAUDE = "claude-sonnet-4-20250514"


class Gateway:
    """Cloudflare's side: records requests, and answers in the form of the path, or as configured."""

    def __init__(self, *answers: Callable[[httpx.Request], httpx.Response]) -> None:
        self.seen: list[httpx.Request] = []
        self.answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return self.answers.pop(0)(request) if self.answers else httpx.Response(200, content=OPENAI.text.body)

    def client(self, **settings: Any) -> Client:
        keys = {"openai": "k-openai", "anthropic": "k-anthropic", "amazon_bedrock": AWS, "google_vertex": VERTEX}
        gateway = settings.pop("pipeline", None) or cloudflare_ai_gateway("acc", "gate", token="cf")
        given = {"transport": httpx.MockTransport(self), "api_keys": keys, "pipeline": gateway, "retries": 0}
        return Client(**{**given, **settings})


def address(model: str, key: Any = "k", operation: str = "chat", **options: Any) -> str:
    gateway = Gateway()
    keys = {model.partition(":")[0]: key}
    with gateway.client(api_keys=keys) as client:
        # The answer is openai_chat's whatever was asked: here the address alone counts.
        with suppress(errors.DecodeError, errors.ProviderError):
            client.run(operation, model, "hi", **options)
    return str(gateway.seen[0].url).removeprefix(ROOT)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("openai:gpt-4o", "/openai/chat/completions"),
        ("openai:gpt-5-pro", "/openai/responses"),
        ("anthropic:claude-sonnet-4-5", "/anthropic/v1/messages"),
        ("google:gemini-2.5-flash", "/google-ai-studio/v1beta/models/gemini-2.5-flash:generateContent"),
        ("groq:llama-3.3-70b-versatile", "/groq/chat/completions"),
        ("mistral:mistral-small-latest", "/mistral/v1/chat/completions"),
        ("cohere:command-a-03-2025", "/cohere/v2/chat"),
        ("xai:grok-4", "/grok/v1/chat/completions"),
        ("openrouter:openai/gpt-5-mini", "/openrouter/v1/chat/completions"),
        ("deepseek:deepseek-chat", "/deepseek/chat/completions"),
        ("perplexity:sonar", "/perplexity-ai/chat/completions"),
        ("cerebras:llama3.1-8b", "/cerebras/chat/completions"),
    ],
)
def test_the_address_is_the_documented_one(model: str, path: str) -> None:
    assert address(model) == path


def test_cloud_addresses_keep_region_project_and_deployment() -> None:
    vertex = "/google-vertex-ai/v1/projects/mine/locations/europe-west4/publishers/google/models/"
    assert address("google_vertex:gemini-2.5-flash", VERTEX) == f"{vertex}gemini-2.5-flash:generateContent"
    bedrock = "/aws-bedrock/bedrock-runtime/eu-west-1/model/amazon.nova-lite-v1%3A0/converse"
    assert address("amazon_bedrock:amazon.nova-lite-v1:0", AWS) == bedrock
    key = {"api_key": "k", "endpoint": "https://mine.openai.azure.com"}
    azure = "/azure-openai/mine/gpt/chat/completions?api-version=2025-04-01-preview"
    assert (
        address("azure:gpt", key, provider_options={"api_version": "2025-04-01-preview"}, wire="openai_chat") == azure
    )


def test_other_operations_use_the_same_route(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address("openai:text-embedding-3-small", operation="embed") == "/openai/embeddings"
    assert address("elevenlabs:eleven_v3", operation="speak", voice="v").startswith("/elevenlabs/v1/text-to-speech/v")
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "acc")
    assert address("cloudflare:@cf/meta/llama-3.1-8b-instruct") == "/workers-ai/v1/chat/completions"


def test_a_signature_is_the_providers_own_and_the_gateways_token_is_another_header() -> None:
    gateway = Gateway()
    with gateway.client() as client, pytest.raises(errors.DecodeError):
        client.generate_text("amazon_bedrock:amazon.nova-lite-v1:0", "hi")
    headers = gateway.seen[0].headers
    assert "Credential=AKIDEXAMPLE/" in headers["authorization"] and headers["cf-aig-authorization"] == "Bearer cf"
    with gateway.client(pipeline=cloudflare_ai_gateway("acc", "gate")) as client:
        client.generate_text("openai:gpt-4o", "hi")
    assert gateway.seen[1].headers["authorization"] == "Bearer k-openai"
    assert "cf-aig-authorization" not in gateway.seen[1].headers


def test_with_stored_keys_no_key_is_needed_or_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "of-the-environment")
    gateway = Gateway(lambda request: httpx.Response(200, content=ANTHROPIC.text.body))
    pipeline = cloudflare_ai_gateway("acc", "gate", token=Secret("cf"), stored_keys=True)
    with gateway.client(pipeline=pipeline, api_keys={}) as client:
        assert client.generate_text(f"anthropic:{CLAUDE}", "hi").text == ANTHROPIC.text.text
    assert not {"authorization", "x-api-key"} & set(gateway.seen[0].headers)


def test_the_environments_key_is_used_where_the_address_names_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "acc")
    monkeypatch.setenv("CLOUDFLARE_API_KEY", "of-env")
    gateway = Gateway()
    with Client(transport=httpx.MockTransport(gateway)) as client:
        client.generate_text("cloudflare:@cf/meta/llama-3.1-8b-instruct", "hi")
    assert gateway.seen[0].url.path == "/client/v4/accounts/acc/ai/v1/chat/completions"
    assert gateway.seen[0].headers["authorization"] == "Bearer of-env"


def test_account_and_gateway_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOUDFLARE_GATEWAY_ID", raising=False)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "of-env")
    with pytest.raises(errors.ConfigError, match="CLOUDFLARE_GATEWAY_ID"):
        cloudflare_ai_gateway()
    gateway = Gateway()
    with gateway.client(pipeline=cloudflare_ai_gateway(gateway="my gate")) as client:
        client.generate_text("openai:gpt-4o", "hi")
    assert str(gateway.seen[0].url).startswith("https://gateway.ai.cloudflare.com/v1/of-env/my%20gate/openai/")


def test_settings_are_sent_as_headers() -> None:
    gateway = Gateway()
    settings = cloudflare_ai_gateway(
        "acc",
        "gate",
        cache_ttl=3600,
        skip_cache=False,
        cache_key="key",
        collect_log=True,
        metadata={"user": "Ä", "paying": True},
        request_timeout=2.5,
        max_attempts=3,
        retry_delay=0.5,
        backoff="exponential",
        custom_cost={"per_token_in": 0.1},
        byok_alias="second",
        event_id="e-1",
    )
    with gateway.client(pipeline=settings) as client:
        client.generate_text("openai:gpt-4o", "hi")
    sent = {name: value for name, value in gateway.seen[0].headers.items() if name.startswith("cf-aig-")}
    assert sent == {
        "cf-aig-cache-ttl": "3600",
        "cf-aig-skip-cache": "false",
        "cf-aig-cache-key": "key",
        "cf-aig-collect-log": "true",
        "cf-aig-metadata": '{"user": "\\u00c4", "paying": true}',
        "cf-aig-request-timeout": "2500",
        "cf-aig-max-attempts": "3",
        "cf-aig-retry-delay": "500",
        "cf-aig-backoff": "exponential",
        "cf-aig-custom-cost": '{"per_token_in": 0.1}',
        "cf-aig-byok-alias": "second",
        "cf-aig-event-id": "e-1",
    }


@pytest.mark.parametrize(
    "setting",
    [
        {"cache": 1},
        {"max_attempts": 6},
        {"retry_delay": 6},
        {"backoff": "random"},
        {"metadata": dict.fromkeys("abcdef", 1)},
        {"metadata": {"a": [1]}},
        {"cache_key": "line\nbreak"},
    ],
    ids=str,
)
def test_settings_that_the_gateway_would_refuse_are_refused_here(setting: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidOption, match=next(iter(setting))):
        cloudflare_ai_gateway("acc", "gate", **setting)


def test_a_provider_that_the_gateway_lacks_is_an_error_before_anything_is_sent() -> None:
    gateway = Gateway()
    with gateway.client(api_keys={"together": "k", "openai": "k", "azure": "k"}) as client:
        with pytest.raises(errors.ConfigError, match="does not know together"):
            client.generate_text("together:some/model", "hi")
        with pytest.raises(errors.ConfigError, match=r"no route for https://mine\.test"):
            client.generate_text("openai:gpt-4o", "hi", base_url="https://mine.test/v1", api_key="k")
        with pytest.raises(errors.ConfigError, match="pass api_version="):
            client.generate_text("azure:gpt", "hi", base_url="https://mine.openai.azure.com", api_key="k")
    assert not gateway.seen


def test_a_custom_provider_keeps_its_whole_path() -> None:
    gateway = Gateway()
    pipeline = cloudflare_ai_gateway("acc", "gate", custom={"together": "custom-together"})
    with gateway.client(pipeline=pipeline, api_keys={"together": "k"}) as client:
        client.generate_text("together:some/model", "hi")
    assert str(gateway.seen[0].url) == f"{ROOT}/custom-together/v1/chat/completions"


def test_the_gateways_own_error_is_reported() -> None:
    body = {"success": False, "result": [], "messages": [], "error": [{"code": 2009, "message": "Unauthorized"}]}
    gateway = Gateway(lambda request: httpx.Response(401, json=body))
    with gateway.client() as client, pytest.raises(errors.AuthError, match="answered 401: Unauthorized") as caught:
        client.generate_text("openai:gpt-4o", "hi")
    assert caught.value.code == "2009"
    workers = {"result": None, "success": False, "errors": [{"code": 7009, "message": "Upstream service unavailable"}]}
    gateway.answers = [lambda request: httpx.Response(500, json=workers)]
    with gateway.client() as client, pytest.raises(errors.ServerError, match="answered 500: Upstream service"):
        client.generate_text("openai:gpt-4o", "hi")


# -- the universal endpoint ----------------------------------------------------------------------------------------

MODELS = ("openai:gpt-4o", f"anthropic:{CLAUDE}")


def step(at: int, content: bytes, status: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(status, content=content, headers={"cf-aig-step": str(at)})


def test_all_models_are_sent_in_one_request() -> None:
    gateway = Gateway(step(0, OPENAI.text.body))
    with gateway.client() as client:
        fallback = cloudflare_fallback(MODELS[1])
        client.generate_text(MODELS[0], "hi", pipeline=fallback, max_tokens=9, frequency_penalty=1)
    (request,) = gateway.seen
    first, second = orjson.loads(request.content)
    assert str(request.url) == ROOT and request.headers["cf-aig-authorization"] == "Bearer cf"
    assert "authorization" not in request.headers
    assert (first["provider"], first["endpoint"]) == ("openai", "chat/completions")
    assert first["headers"]["authorization"] == "Bearer k-openai" and first["query"]["max_completion_tokens"] == 9
    assert (second["provider"], second["endpoint"]) == ("anthropic", "v1/messages")
    assert second["headers"]["x-api-key"] == "k-anthropic" and second["headers"]["anthropic-version"]
    assert second["query"]["max_tokens"] == 9 and "frequency_penalty" not in second["query"]
    assert not any(name.startswith("cf-aig") for entry in (first, second) for name in entry["headers"])


@pytest.mark.parametrize(("at", "sample"), [(0, OPENAI), (1, ANTHROPIC)])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("driver", ["sync", "async"])
def test_the_provider_that_answers_is_decoded_as_its_own(at: int, sample: Any, stream: bool, driver: str) -> None:
    gateway = Gateway(step(at, sample.tools.stream if stream else sample.tools.body))
    settings: dict[str, Any] = {
        "transport": httpx.MockTransport(gateway),
        "api_keys": {"openai": "k", "anthropic": "k"},
        "pipeline": cloudflare_ai_gateway("acc", "gate"),
    }

    async def ask() -> Any:
        async with AsyncClient(**settings) as client:
            how = {"pipeline": cloudflare_fallback(MODELS[1])}
            if stream:
                return await client.stream_text(MODELS[0], "hi", **how).reply()
            return await client.generate_text(MODELS[0], "hi", **how)

    if driver == "async":
        reply = asyncio.run(ask())
    else:
        with Client(**settings) as client:
            how = {"pipeline": cloudflare_fallback(MODELS[1])}
            reply = (
                client.stream_text(MODELS[0], "hi", **how).reply()
                if stream
                else client.generate_text(MODELS[0], "hi", **how)
            )
    assert [(call.name, call.arguments) for call in reply.tool_calls] == list(sample.tools.tool_calls)
    assert f"{reply.provider}:{reply.model}".startswith(MODELS[at].partition(":")[0])
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (
        sample.tools.input_tokens,
        sample.tools.output_tokens,
    )


def test_when_all_fail_the_last_ones_error_is_raised_and_retries_ask_all_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    busy = orjson.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
    gateway = Gateway(step(1, busy, 529), step(0, OPENAI.text.body))
    with gateway.client(retries=1) as client:
        fallback = cloudflare_fallback(MODELS[1])
        assert client.generate_text(MODELS[0], "hi", pipeline=fallback).provider == "openai"
        gateway.answers = [step(1, busy, 529)]
        with pytest.raises(errors.Overloaded, match="anthropic answered 529: busy"):
            client.generate_text(MODELS[0], "hi", pipeline=fallback, retries=0)
    assert [len(orjson.loads(request.content)) for request in gateway.seen] == [2, 2, 2]


def test_fallbacks_may_belong_to_the_client() -> None:
    gateway = Gateway(step(1, ANTHROPIC.text.body))
    with gateway.client() as client:
        client.pipeline = client.pipeline.prepend(cloudflare_fallback(MODELS[1]))
        assert client.generate_text(MODELS[0], "hi").provider == "anthropic"
    assert len(orjson.loads(gateway.seen[0].content)) == 2


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("at", "sample"), [(0, OPENAI), (1, ANTHROPIC)])
def test_an_inner_fallback_sends_each_provider_its_own_options_only(at: int, sample: Any, stream: bool) -> None:
    wanted = cloudflare_fallback(MODELS[1])
    body = sample.text.stream if stream else sample.text.body
    options = {"provider_options": {"x_tenant": "of one"}, "max_tokens": 90, "reasoning_effort": "low"}
    with Gateway().client() as client:
        names = client.pipeline_for(MODELS[0], stream=stream).names()
    seconds = []
    for name in names[: names.index("authenticate")]:
        gateway = Gateway(step(at, body))
        with gateway.client() as client:
            how = {**options, "pipeline": lambda pipeline, name=name: pipeline.after(name, wanted)}
            ask = client.stream_text if stream else client.generate_text
            answer: Any = ask(MODELS[0], "hi", **how)
            reply = answer.reply() if stream else answer
        assert (reply.text, reply.usage.output_tokens) == (sample.text.text, sample.text.output_tokens), (
            f"inside {name}"
        )
        first, second = orjson.loads(gateway.seen[0].content)
        assert first["query"]["x_tenant"] == "of one" and "x_tenant" not in second["query"], f"inside {name}"
        seconds.append(second)
    assert all(second == seconds[0] for second in seconds)


def test_fallbacks_need_the_gateway_and_a_step_that_sends() -> None:
    with Client(transport=httpx.MockTransport(Gateway()), api_keys={"openai": "k", "anthropic": "k"}) as client:
        with pytest.raises(errors.ConfigError, match=r"put cloudflare_ai_gateway\(\.\.\.\)"):
            client.generate_text(MODELS[0], "hi", pipeline=cloudflare_fallback(MODELS[1]))
    with (
        Gateway(step(7, OPENAI.text.body)).client() as client,
        pytest.raises(errors.DecodeError, match="step '7' of 2"),
    ):
        client.generate_text(MODELS[0], "hi", pipeline=cloudflare_fallback(MODELS[1]))


def test_a_model_without_a_key_is_reported_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    gateway = Gateway()
    with gateway.client() as client, pytest.raises(errors.MissingKey, match="groq"):
        client.generate_text(MODELS[0], "hi", pipeline=cloudflare_fallback("groq:some-model"))
    assert not gateway.seen
