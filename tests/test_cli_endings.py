"""An answer that is not whole says so on stderr, and a model that may never stop has a limit on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from stepwell.declare import declare_provider, openai_chat
from stepwell.providers.declare.registry import REGISTRY

from command_line import run
from loopback import DONE, END, Loopback, Seen, answer, chunk, event, serving, streaming

CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}


def _answering(message: dict[str, Any], finish: str) -> Any:
    """Return a script that answers with this message, streamed to those who ask for a stream."""

    def script(request: Seen) -> list[bytes]:
        choice = {"index": 0, "finish_reason": finish}
        if not request.json.get("stream"):
            return [answer(orjson.dumps({"id": "1", "model": "m", "choices": [{**choice, "message": message}]}))]
        delta = {**message, "tool_calls": [{"index": 0, **each} for each in message.get("tool_calls", ())]}
        begun = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta}]}
        first = b"data: " + orjson.dumps(begun) + b"\n\n"
        return [streaming() + b"".join(map(chunk, [first, event(None, finish), DONE])) + END]

    return script


@pytest.mark.parametrize("command", ["ask", "ask --no-stream", "chat"])
@pytest.mark.parametrize(
    ("finish", "message", "words", "says"),
    [
        ("length", {"content": "Once"}, "-n 5", "(cut: the limit of max_tokens, 5, was reached; --max-tokens sets"),
        ("length", {"content": "Once"}, "", "(cut: the model's own limit of tokens was reached)"),
        ("content_filter", {"content": "Once"}, "", "(cut: a filter of the provider stopped it"),
        ("stop", {"content": "", "refusal": "I cannot."}, "", "(refused: I cannot.)"),
        ("out_of_luck", {"content": "Once"}, "", "(perhaps cut: it ended with 'out_of_luck')"),
        ("tool_calls", {"content": None, "tool_calls": [CALL]}, "", "(no text: it calls get_weather"),
    ],
)
def test_an_answer_that_is_not_whole_says_so_on_stderr(
    command: str,
    finish: str,
    message: dict[str, Any],
    words: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    name, *more = command.split()
    with serving(_answering(message, finish)) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        prompt = ["Tell."] if name == "ask" else []
        given = [name, "vllm:m", *prompt, *more, *words.split()]
        code, out, err = run(monkeypatch, capsys, *given, stdin="" if prompt else "Tell.\n")
    assert code == 0 and out == f"{message['content'] or ''}\n"
    assert err.startswith(says) and err.count("\n") == 1


@pytest.mark.parametrize("command", [["ask", "vllm:m", "Tell."], ["ask", "vllm:m", "Tell.", "--no-stream"]])
def test_nothing_is_said_of_a_whole_answer(command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    with serving(_answering({"content": "All."}, "stop")) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        assert run(monkeypatch, capsys, *command) == (0, "All.\n", "")


@pytest.fixture
def endless() -> Iterator[Loopback]:
    """Register a provider whose models have a limit on the command line."""
    with serving(_answering({"content": "and"}, "length")) as server:
        REGISTRY.register(
            declare_provider(
                "endless", wire=openai_chat, base_url=server.url, key_optional=True, usual_options={"max_tokens": 7}
            )
        )
        yield server
        REGISTRY.unregister("endless")


@pytest.mark.parametrize("words", [["ask", "endless:m", "Tell."], ["ask", "Tell."], ["chat", "endless:m"], ["chat"]])
def test_a_provider_has_options_for_the_command_line_which_given_ones_replace(
    words: list[str], endless: Loopback, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("STEPWELL_MODEL", "endless:m")
    stdin = None if "ask" in words else "Tell.\n"
    for more in ([], ["-n", "9"], ["-o", "max_tokens=11"]):
        _, _, err = run(monkeypatch, capsys, *words, *more, stdin=stdin)
        assert "was reached" in err
    assert [seen.json["max_tokens"] for seen in endless.seen] == [7, 9, 11]


def test_the_local_model_has_a_limit_on_the_command_line() -> None:
    assert 0 < REGISTRY.get_or_raise("local").usual_options["max_tokens"] < 2000  # type: ignore[operator]


@pytest.mark.usefixtures("local_model")
def test_a_story_of_the_local_model_that_is_cut_says_so(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    code, out, err = run(monkeypatch, capsys, "ask", "local:smollm2", "Tell me a story", "--max-tokens", "5")
    assert (
        code == 0
        and out.strip()
        and err == "(cut: the limit of max_tokens, 5, was reached; --max-tokens sets another)\n"
    )
