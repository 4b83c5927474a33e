"""Command lines as people write them who know other programs: they work, or the error says what to write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepwell.cli.main import _COMMANDS as COMMANDS

from command_line import run
from loopback import Loopback, answer, completion, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with serving(lambda request: [answer(completion("yes"))]) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        monkeypatch.delenv("STEPWELL_MODEL", raising=False)
        yield server


@pytest.fixture
def items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "items.jsonl").write_text('{"text":"hi"}\n')
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize(
    "words",
    [
        *(["ask", "vllm:m", "hi"], ["ask", "-m", "vllm:m", "hi"], ["ask", "hi", "--model", "vllm:m"]),
        *(["ask", "vllm:m", "-t", "0", "hi", "-n", "5"], ["ask", "-t", "0", "vllm:m", "-n", "5", "hi"]),
        *(["map", "vllm:m", "items.jsonl"], ["map", "items.jsonl", "vllm:m"], ["map", "items.jsonl", "-m", "vllm:m"]),
        ["map", "vllm:m", "--workers", "2", "items.jsonl"],
    ],
    ids=" ".join,
)
def test_the_model_is_taken_where_it_is_written(
    words: list[str], server: Loopback, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    more = ["--prompt", "{text}"] if words[0] == "map" else ["--no-stream"]
    code, out, err = run(monkeypatch, capsys, *words, *more)
    assert (code, "yes" in out) == (0, True), err
    (sent,) = server.seen
    assert sent.json["model"] == "m" and sent.json["messages"] == [{"role": "user", "content": "hi"}]  # type: ignore[index]
    assert "answers" not in err


@pytest.mark.parametrize("command", ["chat", "pipeline"])
def test_a_flag_names_the_model_of_each_command(
    command: str, server: Loopback, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for words in (["vllm:m"], ["--model", "vllm:m"], ["-m", "vllm:m"]):
        code, _, err = run(monkeypatch, capsys, command, *words, stdin="")
        assert code == 0 and "smollm2" not in err
    assert "two models are named" in run(monkeypatch, capsys, command, "vllm:m", "-m", "vllm:n", stdin="")[2]


def test_vectors_are_made_by_the_model_of_the_flag(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    body = {"data": [{"index": 0, "embedding": [0.5]}], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    with serving(lambda request: [answer(json.dumps(body).encode())]) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        assert run(monkeypatch, capsys, "embed", "-m", "vllm:m", "a", "--batch-size", "1")[:2] == (0, "[0.5]\n")


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ask hi --max_tokens 5", "there is no --max_tokens; did you mean --max-tokens?"),
        ("ask hi --max_tokens=5", "there is no --max_tokens; did you mean --max-tokens?"),
        ("ask hi --temprature 1", "did you mean --temperature?"),
        ("ask hi --top-p 0.5", "write -o top_p=VALUE"),
        ("ask hi --seed=1", "write -o seed=VALUE"),
        ("ask hi --stream", "answers are streamed, unless there is --no-stream"),
        ("ask --prompt hi", "the prompt is written without it"),
        ("ask --frobnicate hi", "known are --effort"),
        ("ask -m gpt-4o hi", "write openai:gpt-4o"),
        ("ask gpt-4o hi", "write openai:gpt-4o"),
        ("chat vllm:m hello", "unexpected: 'hello'"),
        ("chat gpt-4o", "write openai:gpt-4o"),
        ("chat -m gpt-4o", "write openai:gpt-4o"),
        ("map", "there are no items; name a file of items"),
        ("map vllm:m", "there are no items; name a file of items"),
        ("map gpt-4o items.jsonl", "write openai:gpt-4o"),
        ("map items.jsonl {text}", "not also '{text}'; write --prompt '{text}'"),
        ("map vllm:m items.jsonl results.jsonl", "not also 'results.jsonl'; write --out 'results.jsonl'"),
        ("map vllm:m items.jsonl --output results.jsonl", "there is no --output; did you mean --out?"),
        ("map vllm:m items.jsonl --concurrency 3", "did you mean --workers?"),
        ("map vllm:m items.jsonl -o results.jsonl", "results go to --out FILE.jsonl"),
        ("map items.json", "its name must end in .jsonl"),
        ("map vllm:m items.jsonl -m vllm:n", "two models are named"),
        ("pipeline --model gpt-4o", "write openai:gpt-4o"),
        ("providers openai", "stepwell models openai lists the models of one"),
        ("model", "did you mean: stepwell models"),
        ("lists", "known are ask, chat"),
        ("list", "did you mean: stepwell models"),
        ("help", "did you mean: stepwell --help"),
        ("version", "did you mean: stepwell --version"),
        ("--model vllm:m", "write a command first: ask, chat"),
        ("vllm:m hi", "did you mean: stepwell ask vllm:m"),
        ("local instal", "choose from"),
    ],
)
def test_a_mistake_is_answered_with_what_to_write(
    line: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    code, out, err = run(monkeypatch, capsys, *line.split(" "), stdin="")
    assert code == 2 and says in err.replace("\n", " ") and out == "" and "Traceback" not in err, err


def test_a_prompt_without_a_command_is_answered_with_ask(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert "did you mean: stepwell ask ..." in run(monkeypatch, capsys, "Why is the sky blue?")[2]


def test_each_command_that_calls_a_model_takes_it_by_flag_and_by_place() -> None:
    for name, row in COMMANDS.items():
        flags = [flag for flags, _ in row.arguments for flag in flags]
        assert ("--import" in flags) == ("--model" in flags) == ("-m" in flags), name
        assert ("--import" in flags) == bool({"model", "words"} & {*flags} and name != "docs"), name
