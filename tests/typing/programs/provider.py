"""A provider of a known wire, with rules for its options, checked by the conformance suite."""

from collections.abc import Mapping
from typing import Any

import stepwell
from stepwell import Reply
from stepwell.declare import (
    EmbedLimit,
    Provider,
    Token,
    TokenSource,
    Wire,
    always_stream,
    clamp,
    declare_provider,
    drop,
    header_key,
    only,
    openai_chat,
    openai_embeddings,
    override,
    rename,
)
from stepwell.steps import Flow, Pipeline, Request, Response, Run
from stepwell.testing import FakeModel, conformance

acme: Provider = declare_provider(
    "acme",
    wire=openai_chat,
    base_url="https://api.acme.example/v1",
    env_key="ACME_API_KEY",
    options={"service_tier": {"enum": ["auto", "flex"]}},
    translate_options=[rename("max_tokens", "max_completion_tokens"), drop("seed", why="Acme has no seeds")],
)
stepwell.register(acme)


def body(request: Request) -> Mapping[str, Any]:
    return {**openai_chat.build_body(request), "user": "team-search"}


def decoded(data: Any, model: object) -> Reply:
    return Reply()


def decoded_with_status(data: Any, model: object, response: Response) -> Reply:
    return Reply(metadata={"status": response.status})


def without_retry(pipeline: Pipeline, provider: Provider, operation: str) -> Pipeline:
    return pipeline.without("retry") if operation == "chat" else pipeline


def fetch(request: Request) -> Flow:
    return Token((yield Run(lambda: "secret")), 1e9)


plain = Wire(name="plain", path="/ask", build_body=body, decode_response=decoded, init_stream_state=lambda model: 0)
whole = Wire(name="whole", path="/ask", build_body=body, decode_response=decoded_with_status)
declare_provider("plain", wire=[plain, whole, openai_embeddings], base_url="http://localhost:8000", key_optional=True)
declare_provider(
    "hub",
    wire=openai_chat,
    base_url="https://hub.example/v1",
    env_key={"key": "HUB_KEY"},
    auth=header_key("x-api-key"),
    headers={"x-team": "search"},
    models={"qwen*": override(build_body=body, translate_options=only(drop("seed", why="it has none")))},
    embed_batches={"*": EmbedLimit(96)},
    accepts_signatures_of="anthropic",
    usual_options={"max_tokens": 512},
    attach=without_retry,
    attach_stream=lambda pipeline, provider: always_stream(pipeline.without("retry")),
    decode_response=decoded,
    translate_options=lambda options, model: options,
)
declare_provider("tokens", wire=openai_chat, base_url="https://t.example", auth=TokenSource(fetch).authenticate)
print(conformance(acme))
print(stepwell.provider("acme").default_env_key(), clamp)
fake = FakeModel("hello")
print(fake)
