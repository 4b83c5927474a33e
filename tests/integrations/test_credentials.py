"""The adapters take what a call takes as `api_key`, and show none of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from stepwell import Client
from stepwell.integrations.langchain import ChatStepwell, StepwellEmbeddings
from stepwell.integrations.llama_index import StepwellEmbedding, StepwellLLM
from stepwell.schemas.secret import Secret

CHAT, VECTORS = "azure:gpt-4o", "azure:text-embedding-3-small"
ADAPTERS: dict[Any, tuple[str, Any]] = {
    ChatStepwell: (CHAT, lambda adapter: adapter.invoke("hi")),
    StepwellLLM: (CHAT, lambda adapter: adapter.complete("hi")),
    StepwellEmbeddings: (VECTORS, lambda adapter: adapter.embed_query("hi")),
    StepwellEmbedding: (VECTORS, lambda adapter: adapter.get_query_embedding("hi")),
}


@pytest.mark.parametrize("make", ADAPTERS, ids=lambda make: make.__name__)
@pytest.mark.usefixtures("framework")
def test_every_kind_of_credential_arrives_and_none_is_shown(make: Any) -> None:
    model, call = ADAPTERS[make]
    address = "https://unit.openai.azure.com"
    for key in ("TOPSECRET", Secret("TOPSECRET"), {"token": "TOPSECRET", "endpoint": address}, lambda: "TOPSECRET"):
        seen: list[str] = []

        def answer(request: httpx.Request, seen: list[str] = seen) -> httpx.Response:
            seen.append(request.headers.get("authorization") or request.headers["api-key"])
            message = {"message": {"content": "hello"}, "finish_reason": "stop"}
            return httpx.Response(200, json={"choices": [message], "data": [{"index": 0, "embedding": [1.0]}]})

        client = Client(transport=httpx.MockTransport(answer), base_urls={"azure": address})
        adapter = make(model=model, api_key=key, client=client)
        call(adapter)
        assert len(seen) == 1 and seen[0].endswith("TOPSECRET")
        assert "TOPSECRET" not in repr(adapter) + str(adapter) + str(adapter.model_dump())


@pytest.mark.parametrize("make", ADAPTERS, ids=lambda make: make.__name__)
@pytest.mark.usefixtures("framework")
def test_a_wrong_argument_does_not_show_the_key(make: Any) -> None:
    with pytest.raises(ValueError, match="a string, a mapping of several values, or a function") as caught:
        make(model=ADAPTERS[make][0], api_key=["TOPSECRET"])
    assert "TOPSECRET" not in str(caught.value)
