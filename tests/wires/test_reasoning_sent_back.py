"""Reasoning goes back to the models whose rows ask for it; where it stays behind, there is a warning."""

from __future__ import annotations

import json
from importlib import import_module

import httpx
import pytest
from attrs import evolve
from catalog_hosts import KEYS, preview, rows

from stepwell import Client, models, tool_result, user
from stepwell.model_metadata.catalog import CATALOG
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas.message import Message
from stepwell.schemas.parts import Reasoning, ToolCall

THOUGHT = "I must look it up"


def loop(model: str, wire: str | None = None, **details):
    call = ToolCall("call_1", "look", "{}")
    answer = Message("assistant", (Reasoning(THOUGHT, wire=wire, **details), call), model=model)
    return [user("hi"), answer, tool_result(call, "ok")]


def of(model: str, prompt):
    request = preview(model, prompt)
    return json.loads(request.body), [str(warning) for warning in request.warnings if warning.subject == "history"]


def test_the_rows_are_many():
    assert len([*rows(lambda model: model.facts.get("interleaved"))]) > 700


def test_each_model_whose_row_names_a_field_gets_its_reasoning_back_within_a_tool_loop():
    for name in rows(lambda model: model.facts.get("interleaved")):
        provider = REGISTRY.get_or_raise(name.partition(":")[0])
        wire = provider.wire_for("chat", CATALOG.get(name)).name
        if wire == "openai_responses":
            continue  # it sends back whole items: test_openai_responses
        body, warned = of(name, loop(name, None if wire == "openai_chat" else wire))
        assert THOUGHT in json.dumps(body) and not warned, (name, wire)


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("cerebras:gpt-oss-120b", "reasoning"),  # it refuses reasoning_content
        ("groq:openai/gpt-oss-120b", "reasoning"),
        ("openrouter:minimax/minimax-m2.5", "reasoning"),  # the row names reasoning_details, which are more than a text
        ("deepseek:deepseek-v4-pro", "reasoning_content"),
        ("vllm:MiniMaxAI/MiniMax-M2", "reasoning_content"),
        ("llama_cpp:qwen", "reasoning_content"),
    ],
)
def test_the_field_is_the_one_that_the_server_takes(model, field):
    if model.startswith("openrouter"):
        assert models.get(model).facts["interleaved"] == "reasoning_details"
    turn = of(model, loop(model))[0]["messages"][1]
    assert {name: value for name, value in turn.items() if value == THOUGHT} == {field: THOUGHT}


@pytest.mark.parametrize("model", ["lmstudio:qwen", "perplexity:sonar-reasoning-pro", "xai:grok-4.3"])
def test_what_stays_behind_is_a_warning(model):
    body, warned = of(model, loop(model))
    assert THOUGHT not in json.dumps(body) and len(warned) == 1 and "reasoning" in warned[0]
    finished = [*loop(model), Message("assistant", "done", model=model), user("and now?")]
    assert len(of(model, finished)[1]) == 1


@pytest.mark.parametrize("model", ["openai:gpt-5.4", "groq:llama-3.3-70b-versatile", "google:gemini-2.5-pro"])
def test_after_a_fallback_it_stays_behind_with_a_warning(model):
    body, warned = of(model, loop("anthropic:claude-opus-4-6", "anthropic_messages", signature="s"))
    assert THOUGHT not in json.dumps(body) and any("reasoning" in why for why in warned)


WIRES = {
    "openai_chat": ("groq:openai/gpt-oss-120b", "xai:grok-4.3", "openrouter:anthropic/claude-opus-4.8"),
    "openai_responses": ("openai:gpt-5.4",),
    "anthropic_messages": ("anthropic:claude-sonnet-4-5",),
    "google_generate": ("google:gemini-2.5-pro",),
    "bedrock_converse": ("amazon_bedrock:us.anthropic.claude-sonnet-4-6",),
    "cohere_chat": ("cohere:command-a-reasoning-08-2025",),
    "mistral_chat": ("mistral:magistral-medium-latest",),
    "ollama_chat": ("ollama:qwen3",),
}


@pytest.mark.parametrize(("wire", "model"), [(wire, model) for wire, named in WIRES.items() for model in named])
def test_in_every_format_the_reasoning_of_a_running_answer_goes_back_or_is_a_warning(wire, model):
    sample = import_module(f"stepwell.providers.wires.{wire}.samples").SAMPLES.more["reasoning"]
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=sample.body))
    keys = {model.partition(":")[0]: KEYS.get(model.partition(":")[0], "k")}
    with Client(transport=transport, api_keys=keys) as client:
        reply = client.generate_text(model, "hi", wire=wire)
    assert reply.reasoning == sample.reasoning
    call = ToolCall("call_1", "look", "{}")
    answer = evolve(reply.message, content=(*reply.message.content, call))
    body, warned = of(model, [user("hi"), answer, tool_result(call, "ok")])
    assert (sample.reasoning in json.dumps(body)) != bool(warned)
    foreign = evolve(answer, model="another:model")
    body, warned = of(model, [user("hi"), foreign, tool_result(call, "ok")])
    assert sample.reasoning in json.dumps(body) or warned, "after a fallback"
