"""A provider is one provider by all its names: ours, the one of its row in models.dev, with hyphens or underscores."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
from in_turn import in_turn

import stepwell
from stepwell import Client, errors
from stepwell.model_metadata.catalog import CATALOG
from stepwell.model_metadata.provider_ids import LISTED_AS, canonical
from stepwell.providers import BUILT_IN
from stepwell.providers.declare.registry import REGISTRY

NAMES = {own: (own, row, row.replace("-", "_"), own.upper()) for own, row in LISTED_AS.items()}
NAMES["zai_coding_plan"] = ("zai_coding_plan", "zai-coding-plan", "zai_coder", "zai_coding_plan")
NAMES["google_vertex"] = ("google_vertex", "google-vertex", "Google-Vertex", "google_vertex")
PAIRS = [(own, name) for own, names in NAMES.items() for name in names]
ANSWER = {
    "id": "x",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
}
VECTORS = {"model": "m", "data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 1, "total_tokens": 1}}


class Server:
    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return httpx.Response(200, json=VECTORS if b'"input"' in request.content else ANSWER)

    def client(self, **settings: Any) -> Client:
        return Client(transport=httpx.MockTransport(self), retries=0, **settings)


@in_turn(("own", "name"), PAIRS)
def test_every_name_finds_the_one_provider(own: str, name: str) -> None:
    assert stepwell.provider(name) is stepwell.provider(own)
    assert stepwell.provider(name).source != "models.dev"


@in_turn(("own", "name"), PAIRS)
def test_every_name_finds_the_rows_of_its_models(own: str, name: str) -> None:
    rows = stepwell.models.find(own)
    assert rows and stepwell.models.find(name) == rows
    for row in rows:
        found = stepwell.models.get(f"{name}:{row.id}")
        assert (found.context_window, found.prices, found.tools) == (row.context_window, row.prices, row.tools)


@pytest.mark.parametrize("id", sorted(BUILT_IN))
def test_the_catalog_knows_every_provider_of_the_package(id: str) -> None:
    assert all(canonical(model.provider) == id for model in stepwell.models.find(id))


def test_the_catalog_does_not_know_a_provider_that_is_none() -> None:
    with pytest.raises(errors.UnknownProvider, match="did you mean 'togetherai'"):
        stepwell.models.find("togetherr")


@pytest.mark.parametrize("keyed_by", NAMES["together"])
@pytest.mark.parametrize("name", NAMES["together"])
def test_a_call_under_any_name_takes_what_is_given_under_any_other(name: str, keyed_by: str) -> None:
    server = Server()
    model = stepwell.models.find("together")[0]
    client = server.client(api_keys={keyed_by: "k-together"}, base_urls={keyed_by: "https://mine.test/v1"})
    with client.override(f"{keyed_by}:*", prepare_request=lambda request: request.with_headers(x_mine="1")):
        reply = client.generate_text(f"{name}:{model.id}", "hi", provider_options={keyed_by: {"safety_model": "s"}})
        client.embed(f"{name}:some-embedding-model", "hi")
    chat, embed = server.seen
    assert chat.url.host == embed.url.host == "mine.test"
    assert chat.headers["authorization"] == "Bearer k-together"
    assert chat.headers["x-mine"] == "1"
    assert orjson.loads(chat.content)["safety_model"] == "s"
    assert model.prices is not None and model.prices.input is not None
    assert reply.cost.total is not None and not reply.warnings


@pytest.mark.parametrize("name", NAMES["together"])
def test_prices_may_be_patched_and_models_added_under_any_name(name: str) -> None:
    model = stepwell.models.find("together")[0].id
    with stepwell.models.patch(f"{name}:{model}", {"context_window": 77}):
        assert stepwell.models.get(f"together:{model}").context_window == 77
    with stepwell.models.add({"provider": name, "id": "mine", "context_window": 78}):
        assert stepwell.models.get("togetherai:mine").context_window == 78


def test_a_provider_is_listed_once() -> None:
    ids = REGISTRY.ids()
    assert len(ids) == len({canonical(id) for id in ids}) == len(set(ids))
    assert not {row.replace("-", "_") for row in LISTED_AS.values()} & set(ids)


@pytest.mark.parametrize("own", LISTED_AS)
def test_each_name_stands_for_a_row_that_exists(own: str) -> None:
    row = CATALOG.provider(LISTED_AS[own])
    assert row is not None and row.models > 0 and own in BUILT_IN
