"""What servers and models say cannot steer the terminal: control characters are shown as escapes."""

from __future__ import annotations

import ast
import sys
from typing import Any

import orjson
import pytest

from stepwell.cli import main
from stepwell.errors import InvalidRequest, StepwellError

from command_line import Terminal
from loopback import answer, serving
from sources import ROOT

EVIL = "\x1b]52;c;cm0gLXJmIH4=\x07\x1b[2J\x9b31m\x7fsafe\rover\x08"
SHOWN = "\\x1b]52;c;cm0gLXJmIH4=\\x07\\x1b[2J\\x9b31m\\x7fsafeover\\x08"


def chat_body(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "reasoning_content": text}
    return {"id": text, "choices": [{"index": 0, "message": message, "delta": message, "finish_reason": "stop"}]}


def said_by(monkeypatch: pytest.MonkeyPatch, body: bytes, status: str, *words: str, terminal: bool = True) -> str:
    """Return what a command prints on both outputs."""
    outputs = [Terminal() if terminal else type("Pipe", (Terminal,), {"isatty": lambda self: False})() for _ in "oe"]
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stdout", outputs[0])
    monkeypatch.setattr(sys, "stderr", outputs[1])
    kind = "text/event-stream" if body.startswith(b"data:") else "application/json"
    with serving(lambda request: [answer(body, status, f"content-type: {kind}")]) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        main(words)
    return "".join(each.getvalue() for each in outputs)


@pytest.mark.parametrize("stream", [False, True], ids=["unstreamed", "streamed"])
def test_answers_and_errors_are_shown_with_escapes(monkeypatch: pytest.MonkeyPatch, stream: bool) -> None:
    command = ["ask", "vllm:m", "hi", *(["--no-stream"] if not stream else [])]
    good, bad = orjson.dumps(chat_body(EVIL)), orjson.dumps({"error": {"message": EVIL, "code": EVIL}})
    if stream:
        good = b"data: " + good + b"\n\ndata: [DONE]\n\n"
    for body, status in ((good, "200 OK"), (bad, "400 Bad Request")):
        said = said_by(monkeypatch, body, status, *command)
        assert SHOWN in said and not set(said) & set("\x1b\x07\x9b\x7f\r\x08"), status
    assert said_by(monkeypatch, good, "200 OK", *command, terminal=False).count(EVIL) == 1 + stream, "a pipe gets all"


def test_no_error_holds_a_control_character() -> None:
    error = InvalidRequest(f"it said {EVIL}", hint=EVIL)
    error.request_id = EVIL
    assert str(error).count(SHOWN) == 3 and error.message == f"it said {SHOWN}"
    assert str(StepwellError("lines\n\tstay, ü too")) == "lines\n\tstay, ü too"


def test_commands_print_by_one_function() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted((ROOT / "stepwell" / "cli").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert len(found) == 1 and found[0].startswith("printing.py"), found
