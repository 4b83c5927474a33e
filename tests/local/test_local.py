"""The real embedded model: text, streams, tools, schemas, errors, leaving early. Nothing here is mocked."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import stepwell
from stepwell import AsyncClient, Client, Context, Tool
from stepwell.providers.local import install, server
from stepwell.schemas import errors
from stepwell.schemas.chunks import TextDelta

pytestmark = pytest.mark.usefixtures("local_model")

MODEL = "local:smollm2"
STEADY = {"temperature": 0, "seed": 1}
WEATHER = Tool(
    "get_weather",
    "The current weather of a city",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
)
ADD = Tool(
    "add",
    "Add two numbers",
    {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
)


@pytest.fixture
def client() -> Iterator[Client]:
    with Client() as client:
        yield client


def test_text_streamed_and_not_is_the_same(client: Client) -> None:
    whole = client.generate_text(MODEL, "Say hello.", max_tokens=30, **STEADY)
    stream = client.stream_text(MODEL, "Say hello.", max_tokens=30, **STEADY)
    assert "".join(stream.text_deltas()) == whole.text != ""
    assert stream.usage == whole.usage or stream.usage.output_tokens == whole.usage.output_tokens  # type: ignore[union-attr]
    assert stream.finish_reason == whole.finish_reason


def test_async_and_sync_give_the_same(client: Client) -> None:
    async def ask() -> tuple[str, str]:
        async with AsyncClient() as aclient:
            reply = await aclient.generate_text(MODEL, "Say hello.", max_tokens=20, **STEADY)
            text = "".join(
                [t async for t in aclient.stream_text(MODEL, "Say hello.", max_tokens=20, **STEADY).text_deltas()]
            )
            return reply.text, text

    expected = client.generate_text(MODEL, "Say hello.", max_tokens=20, **STEADY).text
    assert asyncio.run(ask()) == (expected, expected)


def test_the_local_model_is_the_default(client: Client) -> None:
    assert client.generate_text(None, "Say hello.", max_tokens=5, **STEADY).provider == "local"


def test_the_token_limit_is_reported(client: Client) -> None:
    reply = client.generate_text(MODEL, "Tell a long story.", max_tokens=8, **STEADY)
    assert reply.finish_reason == "length" and reply.usage.output_tokens == 8


def test_stop_ends_the_answer(client: Client) -> None:
    assert "e" not in client.generate_text(MODEL, "Say hello.", stop="e", max_tokens=30, **STEADY).text


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "unstreamed"])
def test_a_tool_is_called_and_its_result_answered(client: Client, stream: bool) -> None:
    def ask(prompt: Any, **options: Any) -> Any:
        options = {**STEADY, **options}
        return (
            client.stream_text(MODEL, prompt, **options).reply()
            if stream
            else client.generate_text(MODEL, prompt, **options)
        )

    reply = ask("What is the weather in Paris?", tools=[WEATHER, ADD])
    (call,) = reply.tool_calls
    assert (call.name, call.arguments) == ("get_weather", {"city": "Paris"})
    assert reply.finish_reason == "tool_calls" and reply.text == ""
    assert [message.role for message in reply.context] == ["user", "assistant"], "the conversation is the caller's own"
    answer = ask(reply.context.append(stepwell.tool_result(call, "sunny, 21 degrees")), max_tokens=40)
    assert "21" in answer.text and answer.tool_calls == ()


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "unstreamed"])
@pytest.mark.parametrize("wire", ["openai_chat", "openai_responses", "anthropic_messages"])
def test_one_model_works_over_three_wires(client: Client, wire: str, stream: bool) -> None:
    """One server, three formats: text, usage, and a tool call over each."""

    def ask(prompt: str, **options: Any) -> Any:
        options = {"temperature": 0, "wire": wire, **options}
        return (
            client.stream_text(MODEL, prompt, **options).reply()
            if stream
            else client.generate_text(MODEL, prompt, **options)
        )

    reply = ask("Say hello.", max_tokens=10)
    assert "Hello" in reply.text and reply.usage.output_tokens == 10 and reply.id
    (call,) = ask("What is the weather in Paris?", tools=[WEATHER], tool_choice="required", max_tokens=60).tool_calls
    assert (call.name, call.arguments) == ("get_weather", {"city": "Paris"})


def test_a_choice_among_tools_is_kept(client: Client) -> None:
    forced = client.generate_text(MODEL, "Hello!", tools=[WEATHER, ADD], tool_choice={"name": "add"}, **STEADY)
    assert [call.name for call in forced.tool_calls] == ["add"]
    assert client.generate_text(MODEL, "Hello!", tools=[WEATHER], tool_choice="none", max_tokens=9, **STEADY).text
    required = client.generate_text(MODEL, "Hello!", tools=[WEATHER, ADD], tool_choice="required", **STEADY)
    assert required.tool_calls[0].name in ("get_weather", "add")


def test_a_schema_is_enforced(client: Client) -> None:
    schema = {
        "type": "object",
        "properties": {"capital": {"type": "string"}, "size": {"enum": ["small", "big"]}},
        "required": ["capital", "size"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    reply = client.generate_text(MODEL, "What is the capital of France?", response_format=wanted, **STEADY)
    said = json.loads(reply.text)
    assert said.keys() == {"capital", "size"} and said["size"] in ("small", "big")


def test_a_context_too_long_is_a_typed_error(client: Client) -> None:
    with pytest.raises(errors.ContextOverflow) as caught:
        client.generate_text(MODEL, "word " * 6000)
    assert caught.value.max_tokens == server.CHAT.tokens and (caught.value.requested_tokens or 0) > 6000


def test_leaving_a_stream_early_frees_the_server(client: Client) -> None:
    for _ in range(10):
        for chunk in client.stream_text(MODEL, "Count to a thousand.", max_tokens=500, **STEADY):
            if isinstance(chunk, TextDelta):
                break
    assert client.generate_text(MODEL, "Say hello.", max_tokens=3, **STEADY).text


def test_cancelling_a_task_frees_the_server() -> None:
    async def run() -> str:
        async with AsyncClient() as client:

            async def read() -> None:
                async for _ in client.stream_text(MODEL, "Count to a thousand.", max_tokens=500, **STEADY):
                    pass

            tasks = [asyncio.create_task(read()) for _ in range(4)]
            await asyncio.sleep(0.5)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return (await client.generate_text(MODEL, "Say hello.", max_tokens=3, **STEADY)).text

    assert asyncio.run(run())


def test_a_conversation_can_continue(client: Client) -> None:
    first = client.generate_text(MODEL, "My name is Ada.", max_tokens=12, **STEADY)
    second = client.generate_text(MODEL, first.context.append("Who am I?"), max_tokens=12, **STEADY)
    assert [message.role for message in second.context] == ["user", "assistant", "user", "assistant"]
    assert Context.from_json(second.context.to_json()) == second.context


def test_first_use_by_many_threads_starts_one_server() -> None:
    server.stop()
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: server.base_url(), range(8)))) == 1


def test_the_server_listens_on_loopback_alone_and_stops_cleanly() -> None:
    before = server.base_url()
    assert before.startswith("http://127.0.0.1:")
    server.stop()
    deadline = time.monotonic() + 10
    while _answers(before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _answers(before)
    assert _answers(server.base_url()), "a later call starts it again"


def _answers(url: str) -> bool:
    import httpx

    try:
        return httpx.get(f"{url}/health", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.usefixtures("new_process")
def test_a_local_call_prints_nothing(tmp_path: Path) -> None:
    code = (
        "import stepwell; print(stepwell.generate_text(None, 'Say hello.', max_tokens=3, temperature=0).finish_reason)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert (done.stdout, done.stderr) == ("length\n", "")


def test_a_missing_model_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_CACHE", str(tmp_path))
    with pytest.raises(errors.ConfigError, match="stepwell local install"):
        install.model_file()


@pytest.mark.parametrize("content", [None, b"not a model"])
def test_a_custom_model_file_must_be_a_gguf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    path = tmp_path / "mine.gguf"
    if content:
        path.write_bytes(content)
    monkeypatch.setenv("STEPWELL_LOCAL_MODEL", str(path))
    with pytest.raises(errors.ConfigError, match="GGUF|no model file"):
        install.model_file()


def test_a_model_may_be_named_by_its_path(client: Client) -> None:
    path = install.cache_folder() / os.path.basename(install.MEMBER)
    assert client.generate_text(f"local:{path}", "Say hello.", max_tokens=3, **STEADY).finish_reason == "length"


def test_the_missing_extra_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    server.stop()
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(errors.MissingExtra, match=r"pip install 'stepwell\[local\]'"):
        server.base_url()


def test_an_unexpected_download_is_discarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forged(folder: Path) -> Path:
        (folder / "x.whl").write_bytes(b"forged")
        return folder / "x.whl"

    monkeypatch.setenv("STEPWELL_CACHE", str(tmp_path))
    monkeypatch.setattr(install, "_download", forged)
    with pytest.raises(errors.ConfigError, match="SHA-256"):
        install.install()
    assert list(tmp_path.iterdir()) == []


def test_a_dropped_client_closes_its_connections_once_no_stream_needs_them(recwarn: pytest.WarningsRecorder) -> None:
    stream = stepwell.Client().stream_text("local:smollm2", "Count.", max_tokens=8)
    gc.collect()
    assert stream.reply().finish_reason in ("length", "stop")
    del stream
    gc.collect()
    assert not [warning for warning in recwarn if issubclass(warning.category, ResourceWarning)]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "unstreamed"])
@pytest.mark.parametrize("wire", ["openai_chat", "openai_responses", "anthropic_messages"])
def test_an_answer_names_its_model_by_the_id_that_calls_it(client: Client, wire: str, stream: bool) -> None:
    options: Any = {"wire": wire, "max_tokens": 2, **STEADY}
    if stream:
        reply = client.stream_text(MODEL, "Say hello.", **options).reply()
    else:
        reply = client.generate_text(MODEL, "Say hello.", **options)
    assert f"{reply.provider}:{reply.model}" == MODEL


def test_vectors_name_their_model_by_the_id_too(client: Client) -> None:
    assert client.run("embed", MODEL, ["a cat"]).model == "smollm2"
