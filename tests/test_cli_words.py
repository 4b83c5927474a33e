"""Words on the command line and its output: nothing is guessed, the answering model is named, lines fit 80 columns, and
every locale works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from stepwell.cli import main
from stepwell.model_metadata.similar_models import models_like
from stepwell.planner import DEFAULT_MODEL
from stepwell.providers.declare.registry import REGISTRY

from command_line import Terminal, run
from loopback import Loopback, answer, completion, serving

pytestmark = pytest.mark.usefixtures("new_process")

COMMANDS = ["ask", "chat", "embed", "models", "providers", "pipeline", "local", "docs", "new-provider"]
LISTINGS = [
    ["models"],
    ["models", "groq", "--reasoning"],
    ["providers"],
    *(["pipeline", name, *more] for name in ("openai:gpt-4o", "local:smollm2") for more in ([], ["--stream"])),
]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """Register a model that answers with text that no ASCII terminal can print."""
    with serving(lambda request: [answer(completion("naïve – 日本"))]) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        yield server


@pytest.mark.parametrize("command", ["ask", "embed"])
@pytest.mark.parametrize("stdin", [None, "more\n"], ids=["terminal", "pipe"])
@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("gpt-4o", "openai:gpt-4o"),
        ("openai/gpt-4o", "openai:gpt-4o"),
        ("GPT-4o", "openai:gpt-4o"),
        ("claude-sonet-5", "anthropic:claude-sonnet-5"),
        ("text-embedding-3-small", "openai:text-embedding-3-small"),
        ("smollm2", "local:smollm2"),
        ("gpt-99-ultra", "gpt-"),
    ],
)
def test_a_word_like_a_model_that_is_unknown_is_an_error_with_the_right_name(
    command: str, stdin: str | None, word: str, meant: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for words in ([word, "Say hello."], [word]):
        code, out, err = run(monkeypatch, capsys, command, *words, stdin=stdin)
        assert (code, out) == (2, "") and f"{word!r} does not name a model" in err and meant in err
        assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["chat", "pipeline"])
def test_where_a_model_is_wanted_the_right_name_is_reported_too(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    code, _, err = run(monkeypatch, capsys, command, "gpt-4o")
    assert code == 2 and "write openai:gpt-4o" in err


@pytest.mark.parametrize(
    "word",
    ["Say", "COVID-19", "e-mail", "and/or", "24/7", "3.14", "utf-8", "Python-3", "-1", "https://x.test/gpt-4o", "2+2"],
)
def test_ordinary_words_are_not_taken_for_models(word: str) -> None:
    assert models_like(word, REGISTRY.knows) == []


def test_a_prompt_in_quotes_is_a_prompt_with_any_beginning(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("STEPWELL_MODEL", "vllm:mine")
    assert run(monkeypatch, capsys, "ask", "gpt-4o or not?", "--no-stream")[0] == 0
    assert server.seen[0].json["messages"][0]["content"] == "gpt-4o or not?"  # type: ignore[index]


def test_a_model_without_a_prompt_is_an_error(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    code, out, err = run(monkeypatch, capsys, "ask", "openai:gpt-4o")
    assert (code, out) == (2, "") and "no text for openai:gpt-4o" in err


@pytest.mark.parametrize(("words", "stdin"), [(["ask", "hi", "--no-stream"], None), (["chat"], "/quit\n")])
def test_the_answering_model_is_named_if_none_was_given(
    words: list[str], stdin: str | None, server: Loopback, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("STEPWELL_MODEL", "vllm:mine")
    code, _, err = run(monkeypatch, capsys, *words, stdin=stdin)
    assert code == 0 and err.startswith("vllm:mine answers; ") and "or set STEPWELL_MODEL\n" in err and len(err) <= 80
    command, *others = words
    assert "answers" not in run(monkeypatch, capsys, command, "vllm:mine", *others, stdin=stdin)[2]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["opnai:x"], 2, "did you mean 'openai'"),
        (["openai:gpt-4o"], 3, "set OPENAI_API_KEY"),
        (["local:smollm2", "-o", "temprature=1"], 2, "did you mean 'temperature'"),
    ],
)
def test_a_chat_with_an_unusable_model_does_not_begin(
    words: list[str], code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(sys, "stdin", Terminal("hi\n"))
    assert main(["chat", *words]) == code
    out, err = capsys.readouterr()
    assert says in err and out == "" and ">" not in err


@pytest.mark.parametrize("words", LISTINGS, ids=" ".join)
def test_listings_fit_80_columns(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    code, out, _ = run(monkeypatch, capsys, *words)
    assert code == 0 and [line for line in out.splitlines() if len(line) > 80] == []


def test_a_provider_named_first_is_the_provider(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    found = [
        json.loads(run(monkeypatch, capsys, "models", *words, "--json")[1])
        for words in (["groq"], ["--provider", "groq"])
    ]
    assert found[0] == found[1] != []


def in_ascii(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "80"}
    return subprocess.run([sys.executable, "-m", "stepwell", *words], capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("command", ["ask", "chat", "embed", "map"])
def test_help_names_the_model_that_answers_if_none_is_given(command: str, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"(default: $STEPWELL_MODEL, else {DEFAULT_MODEL})" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_is_ascii_and_fits_80_columns(words: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(words)
    out = capsys.readouterr().out
    assert out.isascii() and max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("words", [["ask", "--help"], ["ask", "opnai:x", "naïve"], *LISTINGS[1:3]], ids=" ".join)
def test_every_command_works_in_an_ascii_locale(words: list[str]) -> None:
    done = in_ascii(*words)
    assert "Traceback" not in done.stderr and done.returncode in (0, 2) and done.stdout + done.stderr


def test_an_answer_is_printed_in_an_ascii_locale_as_well_as_can_be(server: Loopback) -> None:
    plain = in_ascii("ask", "vllm:mine", "hi", "--no-stream")
    assert (plain.returncode, plain.stdout) == (0, "na\\xefve \\u2013 \\u65e5\\u672c\n")
    assert json.loads(in_ascii("ask", "vllm:mine", "hi", "--json").stdout)["text"] == "naïve – 日本"
