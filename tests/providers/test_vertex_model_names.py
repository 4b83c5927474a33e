"""Models on Vertex by the full names of their resources."""

from __future__ import annotations

import httpx
import pytest

from stepwell import Client
from stepwell.schemas import errors

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
