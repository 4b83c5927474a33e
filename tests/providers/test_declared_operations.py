"""A declared provider takes the wires of further operations from `stepwell.declare`, by the names that they have."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

import stepwell
from stepwell import declare
from stepwell.errors import AuthError
from stepwell.testing import conformance

ACME = declare.declare_provider(
    "acme_operations",
    wire=[declare.openai_chat, declare.openai_embeddings, declare.openai_models],
    base_url="https://api.acme.example/v1",
    env_key="ACME_OPERATIONS_KEY",
)


def server(request: httpx.Request) -> httpx.Response:
    if request.headers.get("authorization") != "Bearer right":
        return httpx.Response(401, json={"error": {"message": "wrong key"}})
    if request.url.path == "/v1/models":
        return httpx.Response(200, json={"data": [{"id": "b"}, {"id": "a"}]})
    assert request.url.path == "/v1/embeddings"
    texts = json.loads(request.content)["input"]
    return httpx.Response(200, json={"data": [{"index": at, "embedding": [1.0]} for at, _ in enumerate(texts)]})


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    stepwell.register(ACME)
    yield
    stepwell.unregister("acme_operations")


def client(key: str = "right") -> stepwell.Client:
    return stepwell.Client(transport=httpx.MockTransport(server), api_keys={"acme_operations": key})


@pytest.mark.parametrize(
    "name",
    [
        *("openai_embeddings", "openai_images", "openai_models", "openai_moderation", "openai_speech"),
        *("openai_transcription", "rerank"),
    ],
)
def test_each_wire_has_the_name_that_it_is_imported_by(name: str) -> None:
    wire = getattr(declare, name)
    assert isinstance(wire, declare.Wire) and wire.name == name and wire.operation != "chat"
    assert name in declare.__all__ and name in dir(declare)


def test_a_provider_with_further_wires_passes_the_checks_of_every_provider() -> None:
    assert conformance(ACME).ok


def test_embeddings_the_list_of_models_and_the_check_of_a_model_work() -> None:
    assert client().embed("acme_operations:a", ["one", "two"]).embeddings == [[1.0], [1.0]]
    assert [model.id for model in client().list_models("acme_operations").object] == ["a", "b"]
    health = client().health("acme_operations:a")
    assert (health.ok, health.key, health.listed) == (True, True, True)
    assert client().health("acme_operations:c").listed is False


def test_a_wrong_key_is_found_without_a_paid_call() -> None:
    health = client("wrong").health("acme_operations:a")
    assert (health.ok, health.key) == (False, False) and isinstance(health.error, AuthError)
