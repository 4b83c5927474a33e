"""Tools of newer models go by the wire that takes them while the model thinks, wherever it is offered."""

from __future__ import annotations

import pytest
from catalog_hosts import TOOL, rows, sent

from stepwell import Client, Context, user
from stepwell.declare import override
from stepwell.providers.declare.registry import REGISTRY
from stepwell.providers.options.families import family_id


@pytest.mark.parametrize("model", ["openai:{}", "azure:{}", "github_copilot:{}"])
@pytest.mark.parametrize(
    ("id", "options", "responses"),
    [
        ("gpt-5.4", {}, False),
        ("gpt-5.4", {"reasoning_effort": "none"}, False),
        ("gpt-5.4", {"reasoning_effort": "low"}, True),
        ("gpt-5.4", {"reasoning_budget": 3000}, True),
        ("gpt-5.5", {}, True),
        ("gpt-5.6-terra", {}, True),
        ("gpt-5.6-terra", {"reasoning_effort": "none"}, False),
        ("gpt-6-luna", {}, True),
        ("gpt-5.1", {"reasoning_effort": "high"}, False),
        ("gpt-4.1", {}, False),
    ],
)
def test_the_wire_follows_from_the_tools_and_the_effort(model, id, options, responses):
    model = model.format(id)
    if sent(model)[0].endswith("/responses"):  # some models are served by that wire alone
        return
    url, body, warned = sent(model, tools=[TOOL], **options)
    assert url.endswith("/responses") is responses and body["tools"]
    assert sent(model, Context((user("hi"),), (TOOL,)), **options)[0] == url
    assert sent(model, tools=[TOOL], wire="openai_chat", **options)[0].endswith("/chat/completions"), "a wire= wins"
    assert "wire" not in warned


def test_another_server_gets_tools_by_the_usual_wire():
    """A server at an address of the caller's own may not have the other wire; `wire=` names it."""
    model, own = "openai:gpt-5.6-terra", {"base_url": "https://proxy.example/v1", "api_key": "k"}
    assert sent(model, tools=[TOOL], **own)[0] == "https://proxy.example/v1/chat/completions"
    assert sent(model, tools=[TOOL], wire="openai_responses", **own)[0] == "https://proxy.example/v1/responses"
    assert sent(model, tools=[TOOL], base_url="https://eu.api.openai.com/v1")[0].endswith("/responses")
    client = Client(base_urls={"openai": own["base_url"]}, api_keys={"openai": "k"})
    assert client.planner.request("chat", model, "hi", {"tools": [TOOL]})[1].base_url == own["base_url"]


def test_overrides_that_do_not_hold_for_the_other_wire_are_warned_of():
    model, labelled = "openai:gpt-5.6-terra", lambda request: {"model": "m", "messages": []}
    for wire, subjects in (("openai_chat", ["wire"]), ("openai_responses", []), ("*", [])):
        overrides = override(wire=wire, build_body=labelled)
        assert sent(model, tools=[TOOL], overrides=overrides)[2] == subjects
        assert sent(model, overrides=overrides)[2] == []


def test_every_host_that_offers_the_wire_gets_tools_by_it():
    for name in rows(lambda model: family_id(model.id) in ("gpt-5.5", "gpt-5.6-sol") and model.wire is None):
        provider = REGISTRY.get(name.partition(":")[0])
        wires = {wire.name for wire in provider.wires if not wire.by_name_only} if provider else set()
        if {"openai_chat", "openai_responses"} <= wires:
            assert sent(name, tools=[TOOL])[0].endswith("/responses"), name
