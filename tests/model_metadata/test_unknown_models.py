"""Models that are missing from the catalog, and the catalog shared by all clients."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

import stepwell
from stepwell import Client


def warnings_of_call(client: Client, model: str) -> tuple[str, ...]:
    """Return the warnings of a call."""
    return tuple(str(warning) for warning in client.generate_text(model, "hi").warnings)


@pytest.fixture
def client() -> Iterator[Client]:
    body = {"choices": [{"message": {"content": "yes"}}]}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    with Client(transport=transport, api_keys={"openai": "k", "vllm": "k"}) as client:
        yield client


def test_an_unlisted_model_works_with_one_warning(client):
    (warning,) = warnings_of_call(client, "openai:gpt-7-ultra")
    assert warning.startswith("model: not in our list of openai's models: its limits, abilities and prices are unknown")
    assert warnings_of_call(client, "openai:gpt-7-ultra") == ()


def test_a_misspelt_name_is_an_error_with_the_right_one(client):
    (warning,) = warnings_of_call(client, "openai:gpt-4o-mimi")
    assert "did you mean 'gpt-4o-mini'?" in warning


@pytest.mark.parametrize("model", ["openai:gpt-4o", "openai:gpt-4o-2024-08-06", "vllm:my-own"])
def test_listed_models_and_providers_without_a_list_cause_no_warning(client, model):
    assert warnings_of_call(client, model) == ()


def test_a_custom_server_causes_no_warning_either(client):
    assert client.generate_text("openai:mine", "hi", base_url="http://localhost:1/v1", api_key="k").warnings == ()


def test_the_shared_catalog_is_public():
    assert stepwell.models.get("anthropic:claude-sonnet-5").tools is True
    assert stepwell.models is Client().planner.catalog
    fitting = stepwell.models.find(
        provider="anthropic", reasoning=True, tools=True, input="image", context_at_least=500_000, max_input_price=3
    )
    assert "claude-sonnet-5" in [model.id for model in fitting]


def test_the_embedded_model_is_listed_and_free():
    model = stepwell.models.get("local:smollm2")
    assert (model.known, model.tools, model.context_window) == (True, True, 4096)
    assert model.prices is not None and model.prices.input == model.prices.output == 0
    assert [str(each) for each in stepwell.models.find("local")] == ["local:smollm2"]
