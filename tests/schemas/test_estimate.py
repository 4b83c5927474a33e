"""The estimate of tokens, compared with vendors' counts and a real tokenizer."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell import Context, File, Image, Tool, assistant, tool_result, user
from stepwell.messages import Audio
from stepwell.providers.local import server
from stepwell.schemas.estimate import IMAGE, LOW_DETAIL, PAGE, UNSEEN, estimate_text, estimate_tokens
from stepwell.schemas.message import context_of
from stepwell.schemas.parts import ToolCall

from recordings import Recording, recordings

ROOT = Path(__file__).parent.parent.parent

# Prompts of words and function tools alone, of vendors that add no preamble of their own: Claude and Cohere put
# 300 to 1,500 tokens before tools, and some models a system message of their own.
PLAIN = {
    "mistral_chat-mistral-730a2216a904",
    "mistral_chat-mistral-a89acc0c7191",
    "openai_chat-azure-38ffece9404e",
    "openai_chat-cerebras-7b598908fd84",
    "openai_chat-groq-0aaa455b9e88",
    "openai_chat-groq-f23689580221",
    "openai_chat-openrouter-528423b91eb7",
    "openai_chat-zai-1e6c215ea529",
}


def prompt_of(recording: Recording) -> Context:
    body = recording.request["json"]
    functions = [tool["function"] for tool in body.get("tools") or ()]
    tools = [Tool(each["name"], each.get("description") or "", each.get("parameters")) for each in functions]
    return context_of(body["messages"]).with_tools(*tools)


PROMPTS = [each for each in recordings("openai_chat", "mistral_chat") if each.id in PLAIN]


def test_the_recordings_are_there():
    assert {each.id for each in PROMPTS} == PLAIN


@pytest.mark.parametrize("recording", PROMPTS, ids=lambda recording: recording.id)
def test_a_recorded_prompt_is_estimated_within_a_quarter(recording):
    counted = recording.expected["usage"]["input_tokens"]
    assert 0.75 <= estimate_tokens(prompt_of(recording)) / counted <= 1.25


TEXTS = {
    "prose": (ROOT / "CONTRIBUTING.md").read_text(),
    "code": (ROOT / "stepwell" / "planner.py").read_text(),
    "JSON": json.dumps(json.loads((ROOT / "model_metadata" / "data" / "groq.json").read_text()), indent=1)[:8000],
    "a licence": (ROOT / "LICENSE").read_text(),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.usefixtures("local_model")
def test_a_text_is_estimated_within_a_quarter_of_the_local_models_tokenizer(name):
    root = server.base_url(None).removesuffix("/v1")
    tokens = httpx.post(f"{root}/tokenize", json={"content": TEXTS[name]}).json()["tokens"]
    assert 0.75 <= estimate_text(TEXTS[name]) / len(tokens) <= 1.25


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("水井位于村庄的边缘", 7, 12), ("Колодец находится на краю деревни", 10, 20), ("🎉🎉", 2, 6), ("1234567", 3, 4)],
)
def test_other_scripts_and_numbers_have_more_tokens_than_words(text, least, most):
    assert least <= estimate_text(text) <= most


def test_tools_calls_and_results_count():
    call = ToolCall("c1", "weather", '{"city": "Paris"}')
    bare = Context((user("hi"),))
    more = bare.append(assistant([call]), tool_result(call, "sunny"))
    tool = Tool("weather", "The weather in a city", {"type": "object", "properties": {"city": {"type": "string"}}})
    assert estimate_tokens(bare) < estimate_tokens(more) < estimate_tokens(more.with_tools(tool))


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (Image(data=b"\x89PNG"), IMAGE),
        (Image(url="https://a.test/b.png", detail="low"), LOW_DETAIL),
        (File(data=b"%PDF /Type /Pages /Type /Page\n/Type/Page>>"), 2 * PAGE),
        (File(data=b"hello there", media_type="text/plain"), 2),
        (File(file_id="f-1"), UNSEEN),
        (Audio(data=b"\0" * 48_000), 48),
    ],
    ids=str,
)
def test_parts_other_than_text_have_a_flat_estimate(part, tokens):
    assert estimate_tokens([user([part])]) - estimate_tokens([user("")]) == tokens


@given(st.text(), st.text())
def test_more_text_never_has_fewer_estimated_tokens_except_at_joins(first, second):
    assert estimate_text(first + "\n" + second) >= max(estimate_text(first), estimate_text(second)) - 8


@given(st.binary(min_size=1))
def test_any_text_file_can_be_estimated(data):
    assert estimate_tokens([user([File(data=data, media_type="text/plain")])]) >= 0
    assert estimate_text(b64encode(data).decode()) >= 1
