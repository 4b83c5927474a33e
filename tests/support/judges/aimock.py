"""aimock (npm `@copilotkit/aimock`): the APIs of eleven providers, the same scripted answers on each, and faults."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from stepwell.messages import Audio

from . import asking
from .asking import BOTH, PLAIN, STREAMED, Route, Row
from .installed import npm_package
from .running import free_port, server

NAME, REQUIREMENT = "aimock", "@copilotkit/aimock@1.43.0"
FIXTURES = Path(__file__).with_suffix(".json")
"""What it answers to which prompt."""
THREADS = 4
"""It keeps no state between requests, so routes are asked at the same time: most of a case is waiting."""

TEXT = "'The ferry to Ilmar leaves the northern pier at nine.', stop"
CALL = 'weather({"city": "Oslo"})'
_BEDROCK = {"access_key": "a", "secret_key": "s", "region": "us-east-1"}
_VERTEX = {"token": "t", "project": "p", "location": "us-central1"}

# name, route, our model, options, key
ROUTES: list[tuple[str, str, str, dict[str, Any], Any]] = [
    ("OpenAI chat", "/v1", "openai:gpt-4o", {"wire": "openai_chat"}, "k"),
    ("OpenAI responses", "/v1", "openai:gpt-4o", {"wire": "openai_responses"}, "k"),
    ("Azure, v1", "", "azure:gpt-4o", {"wire": "openai_chat"}, "k"),
    ("Azure, a deployment", "", "azure:gpt-4o", {"wire": "openai_chat"}, {"api_key": "k", "api_version": "2024-10-21"}),
    ("Anthropic messages", "/v1", "anthropic:claude-sonnet-4-5", {"max_tokens": 50}, "k"),
    ("Gemini", "/v1beta", "google:gemini-2.5-flash", {}, "k"),
    (
        "Vertex, Gemini",
        "/v1/projects/p/locations/us-central1/publishers/google",
        "google_vertex:gemini-2.5-flash",
        {},
        _VERTEX,
    ),
    ("Bedrock converse", "", "amazon_bedrock:amazon.nova-lite-v1:0", {}, _BEDROCK),
    (
        "Bedrock invoke, Claude",
        "",
        "amazon_bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0",
        {"wire": "bedrock_invoke_anthropic", "max_tokens": 50},
        _BEDROCK,
    ),
    ("Ollama", "", "ollama:llama3.2", {}, "k"),
    ("Cohere", "/v2", "cohere:command-r-plus-08-2024", {}, "k"),
    ("OpenRouter", "/api/v1", "openrouter:openai/gpt-4o", {}, "k"),
    ("Groq", "/openai/v1", "groq:llama-3.3-70b-versatile", {}, "k"),
    ("DeepSeek", "", "deepseek:deepseek-chat", {}, "k"),
]

_TOOLS = partial(asking.text, tools=[asking.weather])
# prompt, what a correct client ends with, ways, question
CASES: list[tuple[str, str, tuple[str, ...], Any]] = [
    ("text please", TEXT, BOTH, asking.text),
    ("reasoning please", "'At nine.', stop", BOTH, asking.text),
    ("call please", f"{CALL}, tool_calls", BOTH, _TOOLS),
    ("call please, in a loop", "'It is sunny in Oslo.', stop", BOTH, asking.loop),
    ("cut call", "weather(unreadable), tool_calls", BOTH, _TOOLS),
    ("call before text", f"'Looking it up.', {CALL}, tool_calls", BOTH, _TOOLS),
    ("search please", "'Found.', stop", BOTH, asking.text),
    ("length please", "'The ferry to', length", BOTH, asking.text),
    ("filter please", "'The ferry', content_filter", BOTH, asking.text),
    ("object please", "{'city': 'Oslo'}", BOTH, asking.an_object),
    ("truncated please", "StreamTruncated", STREAMED, asking.text),
    ("disconnected please", "StreamTruncated", STREAMED, asking.text),
    ("drop please", "ServerError 500", PLAIN, asking.text),
    ("malformed please", "DecodeError", PLAIN, asking.text),
    ("hang up please", "StreamTruncated", BOTH, asking.text),
    ("limit please", "RateLimitError 429", PLAIN, asking.text),
    ("overloaded please", "Overloaded 503", PLAIN, asking.text),
    ("no key please", "AuthError 401", BOTH, asking.text),
]


def _vectors(reply: Any) -> str:
    return f"{len(reply.embeddings)} vectors"


def _media(reply: Any) -> str:
    return ", ".join(type(part).__name__ for part in reply.message.content)


def _sound() -> Audio:
    return Audio(data=b"RIFF----WAVE", media_type="audio/wav")


# name, route, our model, method, arguments after the model, reader, what a correct client reads
OPERATIONS: list[tuple[str, str, str, str, tuple[Any, ...], Any, str]] = [
    ("OpenAI embeddings", "/v1", "openai:text-embedding-3-small", "embed", (["a", "b"],), _vectors, "2 vectors"),
    ("Gemini embeddings", "/v1beta", "google:gemini-embedding-001", "embed", (["a"],), _vectors, "1 vectors"),
    ("Ollama embeddings", "", "ollama:all-minilm", "embed", (["a", "b"],), _vectors, "2 vectors"),
    ("Cohere embeddings", "/v2", "cohere:embed-v4.0", "embed", (["a", "b"],), _vectors, "2 vectors"),
    ("Cohere rerank", "/v2", "cohere:rerank-v3.5", "rerank", ("a", ["a", "b"]), lambda reply: "scores", "scores"),
    ("OpenAI images", "/v1", "openai:gpt-image-1", "generate_image", ("an image",), _media, "Image"),
    ("OpenAI speech", "/v1", "openai:tts-1", "speak", ("a word",), _media, "Audio"),
    ("ElevenLabs speech", "/v1", "elevenlabs:eleven_v3", "speak", ("a word",), _media, "Audio"),
    (
        "OpenAI transcription",
        "/v1",
        "openai:whisper-1",
        "transcribe",
        (_sound(),),
        lambda reply: str(reply.text),
        "Hello world",
    ),
    (
        "OpenAI moderation",
        "/v1",
        "openai:omni-moderation-latest",
        "moderate",
        ("a",),
        lambda reply: "results",
        "results",
    ),
]


def judged() -> Iterator[Row]:
    """Ask every route in every case. Raises NotInstalled."""
    program = npm_package("aimock", REQUIREMENT, "@copilotkit/aimock/dist/cli.js")
    port = free_port()
    command = ["node", str(program), "-p", str(port), "-f", str(FIXTURES), "--log-level", "silent"]
    with server(command, port, "/health") as url, ThreadPoolExecutor(THREADS) as threads:
        for rows in threads.map(partial(_chats, url), ROUTES):
            yield from rows
        for rows in threads.map(partial(_operations, url), OPERATIONS):
            yield from rows


def _chats(url: str, row: tuple[str, str, str, dict[str, Any], Any]) -> list[Row]:
    name, path, model, options, key = row
    route = Route(NAME, name, model, url + path, options, key, retries=1)
    return [
        Row(route, prompt.removesuffix(" please"), way, wanted, ask(route, way, prompt))
        for prompt, wanted, ways, ask in CASES
        for way in ways
    ]


def _operations(url: str, row: tuple[str, str, str, str, tuple[Any, ...], Any, str]) -> list[Row]:
    name, path, model, method, arguments, read, wanted = row
    route = Route(NAME, name, model, url + path, retries=1)
    return [
        Row(route, method, way, wanted, asking.operation(route, way, method, model, *arguments, read=read))
        for way in PLAIN
    ]
