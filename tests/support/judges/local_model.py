"""The packaged local model behind llama.cpp's own server, and what the vendors' SDKs read in its answers."""

from __future__ import annotations

import json
from typing import Any

from stepwell.providers.local.server import VECTORS, base_url

from .asking import SCHEMA, Line, end_of
from .installed import NotInstalled

MODEL = "smollm2"
PROMPT = "Name a large city of Norway."
WORDS = 6


def address(*, vectors: bool = False) -> str:
    """Start llama.cpp's server in this process and return its address. Raises NotInstalled."""
    try:
        return base_url(work=VECTORS) if vectors else base_url()
    except Exception as error:  # the library, the file, or the memory is missing: the page says which
        raise NotInstalled(f"the local model cannot be started: {error}") from None


def chat_line(url: str, *, key: str = "k", **options: Any) -> str:
    """Ask by OpenAI's SDK for a chat completion and write its line."""
    import openai

    def ask() -> Any:
        client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
        given = {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": WORDS, "temperature": 0, **options}
        (choice,) = client.chat.completions.create(model=MODEL, **given).choices
        calls = [(each.function.name, each.function.arguments) for each in choice.message.tool_calls or []]
        return _line(choice.message.content or "", calls, choice.finish_reason)

    return end_of(ask)


def responses_line(url: str, *, key: str = "k", **options: Any) -> str:
    """Ask by OpenAI's SDK for a response and write its line."""
    import openai

    def ask() -> Any:
        client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
        given = {"input": PROMPT, "max_output_tokens": WORDS, "temperature": 0, **options}
        answer = client.responses.create(model=MODEL, **given)
        calls = [(each.name, each.arguments) for each in answer.output if each.type == "function_call"]
        cut = answer.incomplete_details and answer.incomplete_details.reason == "max_output_tokens"
        end = "length" if cut else "tool_calls" if calls else "stop"
        return _line(answer.output_text, calls, end)

    return end_of(ask)


_ENDS = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}


def messages_line(url: str, *, key: str = "k", **options: Any) -> str:
    """Ask by Anthropic's SDK for a message and write its line."""
    import anthropic

    def ask() -> Any:
        client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)
        given = {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": WORDS, **options}
        answer = client.messages.create(model=MODEL, extra_body={"temperature": 0}, **given)
        text = "".join(each.text for each in answer.content if each.type == "text")
        calls = [(each.name, json.dumps(each.input)) for each in answer.content if each.type == "tool_use"]
        return _line(text, calls, _ENDS.get(str(answer.stop_reason), str(answer.stop_reason)))

    return end_of(ask)


def gemini_line(url: str, *, key: str = "k") -> str:
    """Ask by Google's SDK for content and write its line."""
    from google import genai

    def ask() -> Any:
        client = genai.Client(api_key=key, http_options={"base_url": url, "api_version": "v1beta"})
        config = {"max_output_tokens": WORDS, "temperature": 0}
        answer = client.models.generate_content(model=MODEL, contents=PROMPT, config=config)
        reason = answer.candidates[0].finish_reason.name
        return _line(answer.text or "", [], {"STOP": "stop", "MAX_TOKENS": "length"}.get(reason, reason))

    return end_of(ask)


def _line(text: str, calls: list[tuple[str, str]], end: str) -> Line:
    written = [f"{name}({json.dumps(json.loads(arguments))})" for name, arguments in calls]
    return Line(", ".join([*([repr(text)] if text else []), *written, end]))


CHAT_TOOL = {"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": SCHEMA}}
RESPONSES_TOOL = {"type": "function", "name": "weather", "description": "The weather.", "parameters": SCHEMA}
MESSAGES_TOOL = {"name": "weather", "description": "The weather.", "input_schema": SCHEMA}
SDK_LINES = {"openai_chat": chat_line, "openai_responses": responses_line, "anthropic_messages": messages_line}
"""For each wire, its vendor's SDK as a reader."""
SDK_TOOLS = {"openai_chat": CHAT_TOOL, "openai_responses": RESPONSES_TOOL, "anthropic_messages": MESSAGES_TOOL}
