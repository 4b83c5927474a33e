"""The command line: stdout, stderr, and the exit code of each class of error."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stepwell.cli import main
from stepwell.cli.naming import is_model

from command_line import Terminal, run
from loopback import answer, completion, serving, whole_stream


@pytest.mark.usefixtures("local_model")
def test_ask_prints_the_answer_and_nothing_else(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    code, out, err = run(monkeypatch, capsys, "ask", "local:smollm2", "Say", "hello.", "-t", "0", "-n", "60")
    assert code == 0 and "ello" in out and out.endswith("\n") and err == ""


@pytest.mark.usefixtures("local_model")
def test_ask_gives_json(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    code, out, _ = run(monkeypatch, capsys, "ask", "local:smollm2", "Say hello.", "--json", "-n", "4", "-o", "seed=1")
    reported = json.loads(out)
    assert code == 0 and reported["usage"]["output_tokens"] == 4 and reported["finish_reason"] == "length"


def test_ask_takes_its_prompt_from_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    with serving(lambda request: [answer(completion(str(request.json["messages"])))]) as server:  # type: ignore[index]
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        code, out, _ = run(monkeypatch, capsys, "ask", "vllm:m", "Summarise:", "--no-stream", stdin="the text\n")
    assert code == 0 and "Summarise:\\n\\nthe text" in out


def test_reasoning_and_warnings_go_to_stderr(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    event = b'data: {"choices": [{"index": 0, "delta": {"reasoning_content": "hmm"}, "finish_reason": null}]}\n\n'
    head, _, tail = whole_stream("yes").partition(b"\r\n\r\n")
    body = head + b"\r\n\r\n" + b"%x\r\n%s\r\n" % (len(event), event) + tail
    with serving(lambda request: [body]) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        code, out, err = run(monkeypatch, capsys, "ask", "vllm:m", "hi", "-o", "store=true", "-o", "audio={}")
        assert (code, out) == (0, "yes\n") and err == "hmm\n"
        assert run(monkeypatch, capsys, "ask", "vllm:m", "hi", "--hide-reasoning")[2] == ""


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["ask", "opnai:gpt", "hi"], 2, "did you mean 'openai'"),
        (["ask", "openai:gpt", "hi"], 3, "set OPENAI_API_KEY"),
        (["ask", "vllm:m", "hi", "-o", "temprature=1"], 2, "did you mean 'temperature'"),
        (["ask", "vllm:m", "hi", "-o", "nonsense"], 2, "NAME=VALUE"),
        (["ask", "vllm:m", "hi", "-o", "retries=0"], 7, "cannot connect"),
        (["pipeline", "vllm:m", "--wire", "morse"], 2, "morse"),
        (["pipeline", "vllm:m", "--import", "no_such_module"], 2, "cannot import 'no_such_module'"),
        (["models", "--max-input-price", "abc"], 2, "max_input_price cannot be 'abc'"),
        (["models", "--provider", "anthropc"], 2, "did you mean 'anthropic'"),
        (["models", "--input", "pictures"], 2, "no model has the input 'pictures'"),
        (["ask"], 2, "nothing to ask"),
        (["ask", "  "], 2, "nothing to ask"),
        (["ask", "--image", "no/such.png", "hi"], 2, "no/such.png cannot be read"),
        (["ask", "--image", ".", "hi"], 2, "cannot be read"),
        (["ask", "nowhere_at_all:x", "hi"], 2, "known is similar, and `stepwell providers` lists them"),
        (["models", "--max-output-price", "nan"], 2, "max_output_price cannot be 'nan'"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(
    words: list[str], code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("VLLM_BASE_URL", "http://127.0.0.1:9")
    got, out, err = run(monkeypatch, capsys, *words)
    assert got == code and says in err and err.count("\n") == 1 and out == ""


def test_providers_shows_whether_a_key_is_set_and_where(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "secret-canary")
    rows = {row["id"]: row for row in json.loads(run(monkeypatch, capsys, "providers", "--json")[1])}
    assert rows["groq"]["key_present"] and "openai_chat" in rows["groq"]["wires"]
    _, table, _ = run(monkeypatch, capsys, "providers")
    assert "https://api.groq.com/openai/v1" in table and "GROQ_API_KEY" in table and "canary" not in table


def test_providers_shows_the_address_and_operations_of_each(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    _, table, _ = run(monkeypatch, capsys, "providers")
    # Details of a provider are indented below its name.
    reported = {words[0]: words for words in map(str.split, re.split(r"\n(?! )", table)) if words}
    assert ".invalid" not in table
    assert "https://bedrock-runtime.${AWS_REGION}.amazonaws.com" in reported["amazon_bedrock"]
    assert "in this process" in " ".join(reported["local"])
    assert reported["groq"][-4:] == ["batch", "list_models", "speak", "transcribe"]
    row = next(row for row in json.loads(run(monkeypatch, capsys, "providers", "--json")[1]) if row["id"] == "groq")
    assert {"chat", "speak", "transcribe", "create_batch"} <= set(row["operations"])


def test_models_filters_and_prints(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    words = ["models", "--provider", "openai", "--reasoning", "--tools", "--max-input-price", "1"]
    _, table, _ = run(monkeypatch, capsys, *words)
    models = json.loads(run(monkeypatch, capsys, *words, "--json")[1])
    names = [line.split()[0] for line in table.splitlines()[1:] if not line.startswith(" ")]
    assert names == [model["model"] for model in models] and len(names) > 1
    assert all(model["reasoning"] and model["tools"] and float(model["input_price"]) <= 1 for model in models)


def test_pipeline_prints_the_steps(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    _, out, _ = run(monkeypatch, capsys, "pipeline", "openai:gpt-4o")
    lines = [line.split()[0] for line in out.splitlines()]
    assert lines.index("retry") < lines.index("authenticate") < lines.index("send")


def test_pipeline_warns_of_a_model_that_is_not_listed_as_a_call_would(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    _, out, err = run(monkeypatch, capsys, "pipeline", "openai:gpt-4o-mni")
    assert "send" in out and err.startswith("warning: model: not in our list") and "did you mean 'gpt-4o-mini'" in err
    assert run(monkeypatch, capsys, "pipeline", "openai:gpt-4o-mini")[2] == ""


@pytest.mark.usefixtures("new_process")
def test_pipeline_shows_the_overrides_of_a_module_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "house_rules.py").write_text(
        "import stepwell\nfrom stepwell.declare import drop\n"
        "stepwell.override('openai:gpt-4o', translate_options=[drop('user', why='no ids leave the house')])\n"
    )
    command = [sys.executable, "-P", "-m", "stepwell", "pipeline", "openai:gpt-4o", "--import", "house_rules"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "drop user: no ids leave the house  (process, override of openai:gpt-4o)" in done.stdout


@pytest.mark.usefixtures("new_process")
def test_a_provider_of_the_users_answers_once_its_module_is_imported(tmp_path: Path) -> None:
    (tmp_path / "own_models.py").write_text(
        "import attrs, stepwell\nfrom stepwell.testing import FakeModel\n"
        "fake = FakeModel('Good day!', repeat=True, stands_for='own:*')\n"
        "stepwell.register(attrs.evolve(fake.provider, id='own'))\n"
    )
    (tmp_path / "items.jsonl").write_text('"hi"\n')
    for words, stdin, wanted in (
        (["ask", "own:m", "hi"], "", "Good day!"),
        (["chat", "own:m"], "hi\n/quit\n", "Good day!"),
        (["map", "items.jsonl", "--model", "own:m"], "", '"text":"Good day!"'),
    ):
        command = [sys.executable, "-P", "-m", "stepwell", *words]
        given = {"input": stdin, "capture_output": True, "text": True, "cwd": tmp_path}
        alone = subprocess.run(command, **given)
        assert alone.returncode == 2 and "one of your own needs --import MODULE" in alone.stderr, alone.stderr
        done = subprocess.run([*command, "--import", "own_models"], **given)
        assert done.returncode == 0 and wanted in done.stdout, done.stderr


def test_every_command_that_calls_a_model_imports_a_module_first(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for words in (["ask", "vllm:m", "hi"], ["chat", "vllm:m"], ["embed", "vllm:m", "hi"], ["map", "-"], ["pipeline"]):
        code, _, err = run(monkeypatch, capsys, *words, "--import", "no_such_module", stdin="")
        assert code == 2 and "cannot import 'no_such_module'" in err, words


def test_a_search_without_a_fitting_model_says_so(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert run(monkeypatch, capsys, "models", "no such model anywhere") == (0, "", "no model fits\n")
    assert run(monkeypatch, capsys, "models", "no such model anywhere", "--json")[1] == "[]\n"


def test_chat_keeps_the_conversation(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> None:
    def script(request: Any) -> list[bytes]:
        return [whole_stream(str(len(request.json["messages"])))]

    with serving(script) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        kept = tmp_path / "kept.json"
        talk = f"one\ntwo\n/save {kept}\n/clear\nthree\n/load {kept}\nfour\n/quit\nnever\n"
        code, out, _ = run(monkeypatch, capsys, "chat", "vllm:m", stdin=talk)
    assert (code, out.split()) == (0, ["1", "3", "1", "5"])


@pytest.mark.parametrize("words", [["ask"], ["ask", "vllm:m"]])
def test_an_empty_pipe_is_an_error(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    code, out, err = run(monkeypatch, capsys, *words, stdin=" \n")
    assert code == 2 and "nothing to ask" in err and out == ""


def test_an_image_needs_no_text(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    with serving(lambda request: [answer(completion())]) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        words = ["ask", "vllm:m", "--image", str(tmp_path / "x.png"), "--no-stream"]
        assert run(monkeypatch, capsys, *words, stdin="")[:2] == (0, "hello\n")
        (message,) = server.seen[0].json["messages"]  # type: ignore[index]
    assert [part["type"] for part in message["content"]] == ["image_url"]


def test_standard_input_may_be_closed(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    with serving(lambda request: [answer(completion())]) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        monkeypatch.setattr(sys, "stdin", None)
        assert main(["ask", "vllm:m", "hi", "--no-stream"]) == 0
        assert main(["chat", "vllm:m"]) == 0
        assert main(["embed"]) == 2
    assert capsys.readouterr().out == "hello\n"


def test_piped_input_that_is_not_text_is_an_error(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="utf-8"))
    assert main(["ask", "what?"]) == 2
    assert "not text in utf-8" in capsys.readouterr().err


def test_the_environment_can_name_the_model(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    with serving(lambda request: [whole_stream(str(request.json["model"]))]) as server:  # type: ignore[index]
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        monkeypatch.setenv("STEPWELL_MODEL", "vllm:mine")
        assert run(monkeypatch, capsys, "ask", "hi")[1] == "mine\n"
        monkeypatch.setattr(sys, "stdin", Terminal("/quit\n"))
        assert main(["chat"]) == 0
    assert "vllm:mine: /quit leaves" in capsys.readouterr().err


def test_a_chat_continues_after_a_failed_command_and_a_stopped_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    def script(request: Any) -> list[bytes]:
        return [whole_stream(str(len(request.json["messages"])))]

    class Stdout(io.StringIO):
        def write(self, text: str) -> int:
            if text == "3":
                raise KeyboardInterrupt  # pressed while the second answer is printed
            return super().write(text)

    talk = f"one\n/load /no/such\n/save {tmp_path}/no/such\ntwo\nthree\n/quit\n"
    with serving(script) as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        monkeypatch.setattr(sys, "stdin", Terminal(talk))
        monkeypatch.setattr(sys, "stdout", printed := Stdout())
        assert main(["chat", "vllm:m"]) == 0
        asked = [[message["content"] for message in seen.json["messages"]] for seen in server.seen]  # type: ignore[index]
    err = capsys.readouterr().err
    assert "/no/such cannot be read" in err and "cannot write" in err and "(stopped)" in err
    # What had come of the answer that was stopped is part of the talk.
    assert asked == [["one"], ["one", "1", "two"], ["one", "1", "two", "3", "three"]]
    assert printed.getvalue().split() == ["1", "5"]


def test_in_a_pipe_a_failed_command_ends_the_talk(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    code, _, err = run(monkeypatch, capsys, "chat", "vllm:m", stdin="/save /no/such/file\n")
    assert code == 2 and "cannot write /no/such/file" in err


@pytest.mark.usefixtures("new_process")
def test_output_works_in_a_pipe_that_is_closed_early() -> None:
    command = f"{sys.executable} -m stepwell models | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("model") and done.stderr == ""


@pytest.mark.usefixtures("new_process")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_behind_the_output_is_one_line_whether_it_shows_at_once_or_at_the_end() -> None:
    for words in ("models", "pipeline openai:gpt-4o"):
        with open("/dev/full", "wb") as full:
            command = [sys.executable, "-m", "stepwell", *words.split()]
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (
            1,
            "stepwell: the output cannot be written: No space left on device\n",
        )


@pytest.mark.parametrize(
    ("word", "is_one"),
    [
        ("openai:gpt-4o", True),
        ("local:/path/x.gguf", True),
        ("Why:", False),
        ("hello", False),
        ("note: this", False),
        ("http://x.test", False),
    ],
)
def test_a_first_word_that_looks_like_a_model_is_the_model(word: str, is_one: bool) -> None:
    assert is_model(word) is is_one


@pytest.mark.usefixtures("local_model")
def test_embed_prints_a_line_of_json_for_each_text(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    code, out, err = run(monkeypatch, capsys, "embed", "local:smollm2", "a cat", "a dog")
    assert code == 0 and [len(json.loads(line)) for line in out.splitlines()] == [576, 576] and err == ""
    cache = ["--cache", str(tmp_path / "vectors.sqlite")]
    (tmp_path / "texts").write_text("a cat\n\na horse\n")
    for words, stdin, cached in [
        (["a cat"], None, 0),
        (["--file", str(tmp_path / "texts")], None, 1),
        ([], "a horse\n", 1),
    ]:
        code, out, _ = run(monkeypatch, capsys, "embed", *words, *cache, "--json", stdin=stdin)
        reported = json.loads(out)
        assert (code, reported["model"], reported["cached"]) == (0, "local:smollm2", cached)
    assert run(monkeypatch, capsys, "embed")[0] == 2
    assert "cannot be read" in run(monkeypatch, capsys, "embed", "--file", str(tmp_path / "none"))[2]
