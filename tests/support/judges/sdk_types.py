"""The vendors' own SDKs: whether the bodies that are sent fit the types by which they are sent there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stepwell import Client, Message
from stepwell.errors import StepwellError
from stepwell.messages import Audio, File, Image, Text, ToolCall
from stepwell.schemas.message import assistant, system, tool_result, user

from .asking import SCHEMA, Route, Row
from .installed import python_packages

NAME = "The vendors' SDKs"
REQUIREMENT = (
    "openai==3.57.0 anthropic==2.15.0 groq==1.7.0 google-genai==3.6.1 mistralai==3.7.0 cohere==7.3.1 ollama==0.6.3 "
    "boto3==1.44.8"
)
FITS = "fits"
_AWS = {"access_key": "a", "secret_key": "s", "region": "us-east-1"}
ROUTES = [
    Route(NAME, f"{wire} at {model.partition(':')[0]}", model, "", {"wire": wire})
    for wire, model in [
        ("openai_chat", "openai:gpt-4o"),
        ("openai_chat", "openai:gpt-5.1"),
        ("openai_chat", "groq:llama-3.3-70b-versatile"),
        ("openai_responses", "openai:gpt-4o"),
        ("openai_responses", "openai:gpt-5.1"),
        ("anthropic_messages", "anthropic:claude-sonnet-4-5"),
        ("anthropic_messages", "anthropic:claude-opus-5"),
        ("google_generate", "google:gemini-2.5-flash"),
        ("mistral_chat", "mistral:mistral-large-latest"),
        ("cohere_chat", "cohere:command-a-03-2025"),
        ("ollama_chat", "ollama:qwen3"),
        ("bedrock_converse", "amazon_bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("bedrock_converse", "amazon_bedrock:amazon.nova-lite-v1:0"),
    ]
]
_TOOL = {"name": "look_up", "description": "Looks it up.", "parameters": SCHEMA}
_CALLS = (ToolCall("call_1", "look_up", '{"city": "Oslo"}'), ToolCall("call_2", "look_up", '{"city": "Rome"}'))
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
CONVERSATIONS: Mapping[str, list[Message]] = {
    "text": [system("Be brief."), user("Hi"), assistant("Hello."), user("Go on.")],
    "an image as bytes": [Message("user", [Text("Look."), Image(data=_PNG)])],
    "an image by address": [Message("user", [Image(url="https://a.example/b.png")])],
    "a document": [Message("user", [Text("Read."), File(data=b"%PDF-1.4 x", filename="a.pdf")])],
    "audio": [Message("user", [Audio(data=b"RIFF0000WAVE")])],
    "calls and results": [
        user("Go."),
        Message("assistant", [Text("Let me see."), *_CALLS]),
        tool_result(_CALLS[0], {"sun": True}),
        tool_result(_CALLS[1], "It is closed.", is_error=True),
        user("Well?"),
    ],
    "an image in a result": [
        user("Go."),
        Message("assistant", _CALLS[:1]),
        tool_result(_CALLS[0], [Text("a photo"), Image(data=_PNG)]),
    ],
}
OPTIONS: Mapping[str, tuple[Any, ...]] = {
    "temperature": (0.5,),
    "top_p": (0.9,),
    "top_k": (5,),
    "min_p": (0.1,),
    "max_tokens": (100,),
    "stop": ("END", ["a", "b"]),
    "seed": (7,),
    "n": (2,),
    "presence_penalty": (0.5,),
    "frequency_penalty": (0.5,),
    "repetition_penalty": (1.1,),
    "logit_bias": ({"50256": -100},),
    "logprobs": (True,),
    "top_logprobs": (2,),
    "reasoning_effort": ("none", "minimal", "low", "high", "xhigh", "max"),
    "reasoning_budget": (0, 2000),
    "reasoning_summary": ("none", "auto", "detailed"),
    "response_format": (
        "json",
        {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}},
    ),
    "verbosity": ("low",),
    "prompt_cache": (True, "1h"),
    "prompt_cache_key": ("a",),
    "user": ("a",),
    "metadata": ({"a": "b"},),
    "store": (True, False),
    "tool_choice": ("auto", "none", "required", {"name": "look_up"}),
    "parallel_tool_calls": (True, False),
}
_NEEDS_TOOLS = ("tool_choice", "parallel_tool_calls")


def judged() -> Iterator[Row]:
    """Check each conversation and each value of each option, streamed and not. Raises NotInstalled."""
    program = python_packages("sdk_types", REQUIREMENT) / "python"
    asked = [each for route in ROUTES for each in _bodies(route)]
    lines = "".join(json.dumps([*_format(route), way == "streamed", body]) + "\n" for route, _, way, body in asked)
    checker = Path(__file__).with_name("sdk_checker.py")
    checked = subprocess.run([program, checker], input=lines, capture_output=True, text=True, check=True)
    for (route, case, way, _), found in zip(asked, checked.stdout.splitlines(), strict=True):
        yield Row(route, case, way, FITS, "; ".join(json.loads(found)) or FITS)


def _format(route: Route) -> tuple[str, str]:
    return route.options["wire"], route.model.partition(":")[0]


def _bodies(route: Route) -> Iterator[tuple[Route, str, str, Any]]:
    """Yield the case, the way and the body of each request; none where the call is refused before it is sent."""
    _, provider = _format(route)
    client = Client(api_keys={provider: _AWS if provider == "amazon_bedrock" else "k"})
    cases = [
        (name, messages, {"tools": [_TOOL]} if "result" in name else {}) for name, messages in CONVERSATIONS.items()
    ]
    cases += [
        (
            name,
            CONVERSATIONS["text"],
            {name: value} | ({"tools": [_TOOL]} if name in _NEEDS_TOOLS else {}),
        )
        for name, values in OPTIONS.items()
        for value in values
    ]
    for case, messages, options in cases:
        for way in ("sync", "streamed"):
            try:
                preview = client.preview(route.model, messages, stream=way == "streamed", **route.options, **options)
            except StepwellError:
                continue
            yield route, case, way, preview.json
