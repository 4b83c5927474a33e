"""The rows of the catalog hold no fact that nothing reads, and a deprecated model is a warning."""

from __future__ import annotations

import json

import httpx
from catalog_hosts import preview

from stepwell import Client, models
from stepwell.model_metadata.files import FOLDER, catalog_folder

from sources import python_files


def test_each_field_of_a_row_is_read_somewhere():
    folder = catalog_folder(FOLDER)
    fields = {
        field
        for path in sorted((folder / "data").iterdir())
        if path.name.endswith(".json")
        for row in json.loads(path.read_text())["models"].values()
        for part in (row, *(row.get("modes") or {}).values())
        for field in part
    } | {"retires", "successor"}
    code = "\n".join(
        path.read_text()
        for path in python_files("schemas", "model_metadata", "pipeline", "providers", "stepwell")
        if path.name not in ("checks.py", "models_dev.py")
    )
    unread = {field for field in fields if not any(f"{quote}{field}{quote}" in code for quote in ('"', "'"))}
    assert not unread


def test_a_way_of_being_served_brings_the_header_that_it_needs():
    fast = preview("anthropic:claude-opus-5", "hi", provider_options={"speed": "fast"})
    assert json.loads(fast.body)["speed"] == "fast" and fast.headers["anthropic-beta"] == "fast-mode-2026-02-01"
    assert "anthropic-beta" not in preview("anthropic:claude-opus-5", "hi").headers


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})


def test_a_deprecated_model_is_a_warning_with_the_day_and_the_successor_once():
    with Client(transport=httpx.MockTransport(answer), api_keys={"openai": "k", "togetherai": "k"}) as client:
        (warning,) = client.generate_text("openai:o1", "hi").warnings
        assert (warning.subject, warning.model) == ("model", "openai:o1")
        assert "2026-10-23" in warning.why and "gpt-5.6-sol" in warning.why
        assert client.generate_text("openai:o1", "hi").warnings == ()
        (undated,) = client.generate_text("togetherai:deepseek-ai/DeepSeek-V3", "hi").warnings
        assert undated.why == "togetherai has deprecated it"


def test_a_row_of_ones_own_can_say_it_and_another_server_is_none_of_its_provider():
    row = {"status": "deprecated", "retires": "2027-01-31", "successor": "m-2"}
    with models.patch("openai:gpt-4.1-mini", row):
        with Client(transport=httpx.MockTransport(answer), api_keys={"openai": "k"}) as client:
            (warning,) = client.generate_text("openai:gpt-4.1-mini", "hi").warnings
            assert "2027-01-31" in warning.why and "m-2" in warning.why
        urls = {"openai": "https://mine.example/v1"}
        with Client(transport=httpx.MockTransport(answer), api_keys={"openai": "k"}, base_urls=urls) as client:
            assert client.generate_text("openai:gpt-4.1-mini", "hi").warnings == ()
