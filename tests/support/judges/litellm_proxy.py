"""LiteLLM's proxy: four vendors' formats in front of the local model, scripted answers, and its named failures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from . import asking, local_model
from .asking import BOTH, PLAIN, Route, Row
from .installed import FOLDER, python_packages
from .local_model import MODEL, PROMPT, WORDS
from .running import free_port, server

NAME, REQUIREMENT = "LiteLLM's proxy", "litellm[proxy]==1.108.7"
KEY = "sk-judges"
SAID = "The ferry to Ilmar leaves the northern pier at nine."

# Its scripted failures: https://docs.litellm.ai/docs/proxy/load_test_advanced, litellm.mock_response
FAILURES = [
    ("rate-limited", "litellm.RateLimitError", "RateLimitError 429"),
    ("too-long", "litellm.ContextWindowExceededError", "ContextOverflow 400"),
    ("failing", "litellm.InternalServerError", "ServerError 500"),
]

# name, path below the address, our provider, options
ROUTES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("chat completions", "/v1", "openai", {"wire": "openai_chat"}),
    ("responses", "/v1", "openai", {"wire": "openai_responses"}),
    ("messages", "/v1", "anthropic", {}),
    ("generateContent", "/v1beta", "google", {}),
]

SDK_LINES = {
    "chat completions": local_model.chat_line,
    "responses": local_model.responses_line,
    "messages": local_model.messages_line,
    "generateContent": local_model.gemini_line,
}
"""For each route, the vendor's SDK asked for the local model's text, as what a client is to read."""


def judged() -> Iterator[Row]:
    """Ask every route in every case. Raises NotInstalled."""
    program = python_packages("litellm", REQUIREMENT) / "litellm"
    local, vectors, port = local_model.address(), local_model.address(vectors=True), free_port()
    config = FOLDER / "litellm" / "config.yaml"
    config.write_text(json.dumps(_config(local, vectors)))
    command = [
        str(program),
        "--config",
        str(config),
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
        "--telemetry",
        "False",
    ]
    with server(command, port, "/health/liveliness", seconds=200) as url:
        for name, path, provider, options in ROUTES:
            yield from _asked(name, provider, url + path, options, SDK_LINES[name](url, key=KEY))
        route = Route(NAME, "embeddings", "openai:vectors", f"{url}/v1", key=KEY, retries=0)
        for way in PLAIN:
            ours = asking.operation(
                route, way, "embed", route.model, ["a", "b"], read=lambda reply: f"{len(reply.embeddings)} vectors"
            )
            yield Row(route, "embed", way, "2 vectors", ours)


def _config(local: str, vectors: str) -> dict[str, Any]:
    def model(name: str, base: str, **more: Any) -> dict[str, Any]:
        given = {"model": f"openai/{MODEL}", "api_base": f"{base}/v1", "api_key": "none", **more}
        return {"model_name": name, "litellm_params": given}

    models = [model(MODEL, local), model("vectors", vectors), model("said", local, mock_response=SAID)]
    models += [model(name, local, mock_response=failure) for name, failure, _ in FAILURES]
    return {
        "model_list": models,
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"num_retries": 0, "drop_params": True},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }


def _asked(name: str, provider: str, base: str, options: dict[str, Any], read: str) -> Iterator[Row]:
    limited = {"max_tokens": WORDS, "temperature": 0}

    def route(model: str, key: str = KEY) -> Route:
        return Route(NAME, name, f"{provider}:{model}", base, options, key, retries=0)

    for way in BOTH:
        yield Row(
            route("said"), "scripted text", way, f"{SAID!r}, stop", asking.text(route("said"), way, PROMPT, **limited)
        )
    for way in ("sync", "async streamed"):
        yield Row(route(MODEL), "text of the local model", way, read, asking.text(route(MODEL), way, PROMPT, **limited))
        wrong = asking.text(route("said", "no-key"), way, PROMPT, **limited)
        yield Row(route("said", "no-key"), "a wrong key", way, "AuthError 401", wrong)
    for model, _, wanted in FAILURES:
        for way in BOTH:
            yield Row(route(model), model, way, wanted, asking.text(route(model), way, PROMPT, **limited))
    yield Row(
        route("nobody"),
        "a model that is not there",
        "sync",
        "InvalidRequest 400",
        asking.text(route("nobody"), "sync", PROMPT, **limited),
    )
