"""Models on Vertex by the full names of their resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stepwell import Client
from stepwell.embeddings import Embedder
from stepwell.schemas import errors

Call = Callable[[Client, str], Any]
ANSWER = {"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]}


@pytest.mark.parametrize(
    ("name", "host", "path"),
    [
        ("endpoints/7", "us-east5-aiplatform", "projects/p/locations/us-east5/endpoints/7"),
        ("projects/o/locations/us-west1/endpoints/7", "us-west1-aiplatform", None),
        ("projects/o/locations/global/publishers/google/models/gemini-x", "aiplatform", None),
        (
            "publishers/google/models/gemini-x",
            "us-east5-aiplatform",
            "projects/p/locations/us-east5/publishers/google/models/gemini-x",
        ),
        ("endpoints/7?k=v/../8", None, ""),
        ("projects/o/locations/evil.test/endpoints/7", None, ""),
    ],
)
def test_a_model_may_have_the_full_name_of_its_resource(name: str, host: str | None, path: str | None) -> None:
    """As a tuned model has none other."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=ANSWER)

    login = {"token": "t", "project": "p", "location": "us-east5"}
    client = Client(transport=httpx.MockTransport(handler), api_keys={"google_vertex": login}, retries=0)
    if host is None:
        with pytest.raises((errors.UnknownModel, errors.ConfigError)):
            client.generate_text(f"google_vertex:{name}", "hi")
        assert not seen
        return
    assert client.generate_text(f"google_vertex:{name}", "hi").text == "hi"
    assert str(seen[0].url) == f"https://{host}.googleapis.com/v1/{path or name}:generateContent"


LOGIN = {"token": "t", "project": "p", "location": "us-east5"}
PLACES = ("{publisher}/{id}", "publishers/{publisher}/models/{id}")
WHOLE = "projects/p/locations/us-east5/publishers/{publisher}/models/{id}"
CALLS: dict[str, tuple[str, Call]] = {
    "gemini-2.5-pro": ("google", lambda client, model: client.generate_text(model, "hi", reasoning_effort="none")),
    "gemini-3-flash-preview": (
        "google",
        lambda client, model: client.generate_text(model, "hi", reasoning_effort="low"),
    ),
    "claude-sonnet-4-6": ("anthropic", lambda client, model: client.generate_text(model, "hi", reasoning_effort="low")),
    "gemini-embedding-001": ("google", lambda client, model: client.embed(model, "hi", kind="query")),
    "gemini-embedding-2": ("google", lambda client, model: client.embed(model, "hi")),
    "text-embedding-005": ("google", lambda client, model: client.embed(model, "hi")),
    "imagen-4.0": ("google", lambda client, model: client.generate_image(model, "a cat")),
    "gemini-2.5-flash": ("google", lambda client, model: client.count_tokens(model, "hi")),
}


def sent(provider: str, model: str, call: Call) -> tuple[str, bytes]:
    """Return the path and the body that a call sends; the answer to it is an error."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(400, json={"error": {"message": "no"}})

    keys = {"google_vertex": LOGIN, "google_vertex_anthropic": LOGIN, "google": "k"}
    client = Client(transport=httpx.MockTransport(handler), api_keys=keys, retries=0)
    with pytest.raises(errors.InvalidRequest):
        call(client, f"{provider}:{model}")
    return seen[0].url.raw_path.decode(), seen[0].content


@pytest.mark.parametrize("id", CALLS)
def test_an_id_with_its_publisher_is_the_same_model_for_every_operation(id: str) -> None:
    """Google's own SDK takes them: google/genai/_transformers.py (t_model)."""
    publisher, call = CALLS[id]
    bare = sent("google_vertex", id, call)
    for place in (*PLACES, WHOLE):
        assert sent("google_vertex", place.format(publisher=publisher, id=id), call) == bare, place
    if publisher == "google":
        assert sent("google", f"models/{id}", call) == sent("google", id, call)
        assert sent("google_vertex", f"models/{id}", call) == bare


def test_claude_by_its_publisher_is_counted_and_called() -> None:
    for call in (CALLS["claude-sonnet-4-6"][1], CALLS["gemini-2.5-flash"][1]):
        bare = sent("google_vertex_anthropic", "claude-sonnet-4-6", call)
        for place in (*PLACES, WHOLE, "models/{id}"):
            named = place.format(publisher="anthropic", id="claude-sonnet-4-6")
            assert sent("google_vertex_anthropic", named, call) == bare


def test_a_publishers_name_leads_to_no_other_path() -> None:
    for name in ("../x", "google/../../x", "google/..", "/x", "google//x"):
        path, _ = sent("google_vertex", name, CALLS["gemini-2.5-pro"][1])
        assert ".." not in path.split("/")


def test_the_limit_of_texts_holds_for_every_spelling() -> None:
    client = Client(api_keys={"google_vertex": LOGIN})
    for place in ("{id}", *PLACES, WHOLE):
        model = place.format(publisher="google", id="gemini-embedding-001")
        assert Embedder(f"google_vertex:{model}", client=client).limit.texts == 1
