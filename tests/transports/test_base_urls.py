"""Addresses with a query or a fragment, as of gateways that take a key there: the path goes before the query."""

from __future__ import annotations

from contextlib import suppress

import pytest

from stepwell import Client, StepwellError
from stepwell.pipeline.http.urls import path_behind, with_query_last, without_dots

from loopback import answer, completion, serving

TAILS = ("/gate", "/gate?key=a%2Fb", "/gate/?key=a%2Fb&v=1", "/gate?key=a%2Fb#part", "?key=a%2Fb", "/gate#part")


@pytest.mark.parametrize("transport", ["fast", "httpx"])
@pytest.mark.parametrize(
    "model",
    ["openai:gpt-4o", "anthropic:claude-sonnet-5", "google:gemini-2.5-flash", "ollama:any", "cohere:command-a-03-2025"],
)
def test_the_path_goes_before_the_query_of_a_base_url(model: str, transport: str) -> None:
    provider = model.partition(":")[0]
    with serving(lambda request: [answer(completion())]) as server:
        for tail in TAILS:
            urls = {provider: server.url + tail}
            with Client(base_urls=urls, api_keys={provider: "k"}, retries=0, transport=transport) as client:
                for stream in (False, True):
                    with suppress(StepwellError):
                        client.stream_text(model, "hi").reply() if stream else client.generate_text(model, "hi")
        paths = [each.path for each in server.seen]
    plain, rest = paths[:2], paths[2:]
    for at, path in enumerate(rest):
        before, mark, query = path.partition("?")
        expected, _, own = plain[at % 2].partition("?")
        if at in (6, 7):
            expected = expected.removeprefix("/gate")
        given = "" if at in (8, 9) else "key=a%2Fb&v=1" if at in (2, 3) else "key=a%2Fb"
        assert before == expected and query == "&".join(filter(None, (own, given))), path
        assert mark == "?" or not query


def test_a_key_of_the_environment_goes_to_an_address_with_a_query(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda request: [answer(completion("yes"))]) as server:
        monkeypatch.setenv("VLLM_BASE_URL", f"{server.url}/v1?tenant=7")
        monkeypatch.setenv("VLLM_API_KEY", "of-the-environment")
        with Client(retries=0) as client:
            client.generate_text("vllm:any", "hi")
    assert server.seen[0].path.endswith("?tenant=7") and server.seen[0].path.startswith("/v1/")
    assert server.seen[0].headers["authorization"] == "Bearer of-the-environment"


def test_the_path_behind_a_base_url_is_found_again() -> None:
    for base in ("https://h", "https://h/", "https://h/v1?k=1", "https://h/v1/?k=1&l=2", "https://h?k", "https://h/#f"):
        for path in ("/chat", "/m:stream?alt=sse", "/x?k=1"):
            assert path_behind(with_query_last(base.rstrip("/") + path, base), base) == path, (base, path)
    assert with_query_last("https://other/x", "https://h?k=1") == "https://other/x"


def test_dots_in_the_path_of_an_address_are_resolved_over_every_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {
        "/v1/../v2": "/v2",
        "/v1/..": "",
        "/./v1/.": "/v1",
        "/../..//v1": "//v1",
        "/v1/../v2?a=/../b": "/v2",
        "/v1/...": "/v1/...",
        "/v1/.a/..b": "/v1/.a/..b",
    }
    with serving(lambda request: [answer(completion())]) as server:
        for given, sent in paths.items():
            monkeypatch.setenv("VLLM_BASE_URL", f"{server.url}{given}")
            monkeypatch.setenv("VLLM_API_KEY", "of-the-environment")
            for transport in ("fast", "httpx"):
                with Client(transport=transport, retries=0) as client:
                    client.generate_text("openai:gpt-4o", "hi", base_url=server.url + given, api_key="k")
                    client.generate_text("vllm:any", "hi")
                of_call, of_environment = server.seen[-2:]
                assert of_call.path.partition("?")[0] == f"{sent}/chat/completions", given
                assert of_environment.path.startswith(f"{sent}/"), given
                assert of_environment.headers["authorization"] == "Bearer of-the-environment", given
    assert without_dots("http://../x") == "http://../x"
