"""The embedded model reads text only: whatever else is in a prompt is refused before the model is started."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from stepwell import AsyncClient, Client, Context, File, Image, assistant, tool_result, user
from stepwell.errors import NotSupported
from stepwell.messages import Audio, ToolCall, Video
from stepwell.providers.local import server

from command_line import run

MODEL = "local:smollm2"
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PARTS = [
    Image(data=DOT),
    Image(url="https://example.org/dot.png"),
    File(data=b"%PDF-1.4", media_type="application/pdf"),
    File(data=b"hello", media_type="text/plain"),
    Audio(data=b"RIFF0000WAVE", media_type="audio/wav"),
    Video(data=b"0", media_type="video/mp4"),
]


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: Any) -> str:
        raise AssertionError("the model was started")

    monkeypatch.setattr(server, "base_url", start)


@pytest.mark.parametrize("model", [MODEL, "local:/any/other.gguf"])
@pytest.mark.parametrize("wire", ["openai_chat", "openai_responses", "anthropic_messages"])
@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.type} {part.sent_type}")
def test_what_is_not_text_is_refused_before_anything_is_sent(model: str, wire: str, part: Any) -> None:
    prompt, says = user("What is it?", part), f"{model} reads text, and no {part.type}"
    with Client() as client:
        with pytest.raises(NotSupported, match=says):
            client.generate_text(model, prompt, wire=wire)
        with pytest.raises(NotSupported, match=says):
            client.stream_text(model, prompt, wire=wire).reply()


def test_so_it_is_in_a_loop_and_in_the_result_of_a_tool() -> None:
    call = ToolCall("c1", "look", "{}")
    talk = Context().append(user("Look."), assistant(call), tool_result(call, PARTS[0]))

    async def ask() -> None:
        async with AsyncClient() as client:
            await client.generate_text(MODEL, talk)

    with pytest.raises(NotSupported, match="no image; `stepwell models --input image` lists models that do"):
        asyncio.run(ask())


def test_the_command_line_says_so(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(DOT)
    code, out, err = run(monkeypatch, capsys, "ask", MODEL, "What?", "--image", str(tmp_path / "dot.png"))
    assert (code, out) == (2, "") and err.startswith("stepwell: local:smollm2 reads text, and no image; ")
