"""What a plain first call loads: nothing that it does not need, and nothing heavy on an event loop's thread."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from loopback import CERTIFICATES, answer, completion, serving

pytestmark = pytest.mark.usefixtures("new_process")

CALL = """
import asyncio, json, sys, threading
address, provider, model, wire, transport, kind = sys.argv[1:]
begun_on_loop, main = [], threading.main_thread()
class Noted:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is main:
            begun_on_loop.append(name)
if kind == "sync":
    del sys.modules["asyncio"], asyncio
before = set(sys.modules)
import stepwell
settings = {"transport": transport, "api_keys": {provider: "k"}, "base_urls": {provider: address}}
if kind == "sync":
    text = stepwell.Client(**settings).generate_text(model, "hi", wire=wire).text
else:
    async def call():
        client = stepwell.AsyncClient(**settings)
        sys.meta_path.insert(0, Noted())
        return (await client.generate_text(model, "hi", wire=wire)).text
    text = asyncio.run(call())
compiled = [name for name in sys.modules["linecache"].cache if name.startswith("<attrs generated methods stepwell.")]
print(json.dumps([text, sorted(set(sys.modules) - before), begun_on_loop, len(compiled)]))
"""
UNUSED = {
    *("cattrs", "jsonschema", "logging", "email", "urllib.request", "http.client", "mimetypes"),
    *("random", "hashlib", "shutil", "sqlite3", "numpy", "importlib.metadata"),
}
"""Modules that no call over the fast transport needs."""
UNUSED_OURS = (
    *("batch", "cli", "declare", "embeddings", "health_check", "integrations", "llm", "parsers", "retrieval", "stores"),
    *(
        "testing",
        "workflows",
        "schemas.batch",
        "options",
        "request_preview",
        "spending",
        "caching",
        "async_api",
        "schemas.json_schema",
    ),
    *("schemas.serialise", "providers.local", "providers.gateways", "pipeline.steps.fallback", "pipeline.steps.cache"),
)
ANSWERS = {
    "openai:gpt-4o": completion("hello"),
    "anthropic:claude-haiku-4-5": json.dumps(
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "claude-haiku-4-5",
            "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "hello"}],
            "usage": {"input_tokens": 5, "output_tokens": 2},
        }
    ).encode(),
    "google:gemini-2.5-flash": json.dumps(
        {"candidates": [{"content": {"parts": [{"text": "hello"}], "role": "model"}, "finishReason": "STOP"}]}
    ).encode(),
}
WIRES = {"openai": "openai_chat", "anthropic": "anthropic_messages", "google": "google_generate"}
MOST = {"openai": (203, 104), "anthropic": (199, 104), "google": (205, 104)}
"""Modules of our own, and classes of which attrs compiles methods; lower them when fewer are needed."""


def first_call(model: str, transport: str, kind: str, *, tls: bool = False) -> tuple[set[str], set[str], int]:
    """Make the first call of a new process; return the modules that it loads, those begun on the main thread of an
    async call, and how many classes attrs compiles methods for."""
    provider = model.partition(":")[0]
    body = ANSWERS[model]
    environment = {"SSL_CERT_FILE": str(CERTIFICATES / "ca.pem"), "PATH": ""}
    with serving(lambda seen: [body if body.startswith(b"HTTP") else answer(body)], "good" if tls else "") as server:
        command = [sys.executable, "-c", CALL, server.url, provider, model, WIRES[provider], transport, kind]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr
    text, loaded, on_loop, compiled = json.loads(done.stdout)
    assert text == "hello"
    return set(loaded), set(on_loop), compiled


@pytest.mark.parametrize("model", ANSWERS)
def test_a_first_call_loads_only_what_it_needs(model: str) -> None:
    loaded, _, compiled = first_call(model, "fast", "sync")
    ours = {name.removeprefix("stepwell.") for name in loaded if name.startswith("stepwell.")}
    assert not loaded & (UNUSED | {"asyncio", "httpx", "anyio"})
    assert not {name for name in ours if any(f"{name}.".startswith(f"{each}.") for each in UNUSED_OURS)}
    provider = model.partition(":")[0]
    wires = {name.split(".")[2] for name in ours if name.startswith("providers.wires.")}
    # Two providers also speak OpenAI's wire, and OpenAI two.
    assert wires & set(WIRES.values()) <= {WIRES[provider], "openai_chat"}
    most_modules, most_classes = MOST[provider]
    assert len(ours) <= most_modules, f"{len(ours)}: {sorted(ours)}"
    assert compiled <= most_classes


@pytest.mark.parametrize("transport", ["fast", "httpx"])
def test_a_first_async_call_loads_its_modules_in_a_thread(transport: str) -> None:
    loaded, on_loop, _ = first_call("openai:gpt-4o", transport, "async", tls=True)
    assert not loaded & {"cattrs", "jsonschema"}
    # What starts a thread, and what httpcore looks for at each step.
    assert on_loop & loaded <= {"concurrent.futures.thread", "queue", "_queue", "sniffio"}
