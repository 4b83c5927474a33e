"""The models of the whole catalog, and what a call to one of them would send, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from stepwell import Client, Tool, models
from stepwell.model_metadata.provider_ids import canonical
from stepwell.providers.declare.registry import REGISTRY
from stepwell.steps import Run

TOOL = Tool("look", "Look something up", {"type": "object", "properties": {}})
KEYS: dict[str, Any] = {
    "amazon_bedrock": {"access_key": "a", "secret_key": "b", "region": "us-east-1"},
    "azure": {"api_key": "k", "endpoint": "https://r.openai.azure.com"},
    **{id: {"token": "t", "project": "p", "location": "global"} for id in ("google_vertex", "google_vertex_anthropic")},
}


@cache
def client_of(provider: str) -> Client:
    row = models.provider(provider)
    has_variables = row is not None and "${" in (row.base_url or "") and canonical(provider) not in KEYS
    urls = {provider: "https://host.example/v1"} if has_variables else None
    return Client(api_keys={provider: KEYS.get(canonical(provider), "k")}, base_urls=urls, retries=0)


def sent(model: str, prompt: Any = "hi", **options: Any) -> tuple[str, dict[str, Any], list[str]]:
    """Return the path and the body that a call would send, and the subjects of its warnings."""
    request = preview(model, prompt, **options)
    return request.url, json.loads(request.body), [warning.subject for warning in request.warnings]


def preview(model: str, prompt: Any, **options: Any) -> Any:
    client = client_of(model.partition(":")[0])
    return prepared(client, "chat", model, prompt, options)


def prepared(
    client: Client, operation: str, model: str, input: Any, options: dict[str, Any], *, stream: bool = False
) -> Any:
    """Return the request of a call as it would be sent."""
    pipeline, asked = client.planner.request(operation, model, input, options, stream=stream)
    flow = pipeline.flow(asked)
    effect = next(flow)
    while isinstance(effect, Run):
        effect = flow.send(effect.sync_fn())
    flow.close()
    return effect.request


def rows(test: Any) -> Iterator[str]:
    """Yield the names of the chat models in the catalog whose row passes the test, of providers that can be called."""
    for row in models.providers():
        for model in models.find(row.id) if REGISTRY.knows(row.id) else ():
            if test(model) and "text" in model.output and "${" not in (model.base_url or ""):
                yield str(model)


def flat(value: object) -> Iterator[tuple[str, object]]:
    """Yield all names in a body with their values, however deep."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name, inner
        yield from flat(inner)
