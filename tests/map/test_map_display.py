"""What a person sees of a map: its progress, its summary, its plot, and the command."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from mapping import FAKE, Server, echo, map_sync, rows, simulated

import stepwell
import stepwell.cli.map_items
from stepwell.errors import InvalidRequest
from stepwell.testing import FakeModel
from stepwell.workflows.map.summary import MapSummary

from command_line import Terminal, run


def screen_of(monkeypatch: pytest.MonkeyPatch, screen: io.StringIO, progress: Any, seconds: float = 1.0) -> str:
    monkeypatch.setattr(sys, "stderr", screen)
    items = [*range(60), {"broken": True}]
    prompt = lambda item: f"Answer {item + 0}"
    simulated(0, Server(seconds=lambda said, chance: seconds), items, None, prompt=prompt, progress=progress)
    return screen.getvalue()


def test_where_there_is_no_terminal_a_line_is_printed_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = screen_of(monkeypatch, io.StringIO(), True, seconds=2.0).splitlines()
    assert len(lines) == 3 + 1 and all(len(line) <= 80 for line in lines)
    assert re.fullmatch(r"map: (1[6-9]|20) of 61 items, (1\.\d|2\.0)/s, 0 failed, cost unknown, 2\d s left", lines[0])
    assert lines[-1].startswith("map: 61 items, ") and "1 failed" in lines[-1]


def test_nobody_asked_for_lines_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert screen_of(monkeypatch, io.StringIO(), None) == screen_of(monkeypatch, Terminal(), False) == ""


def test_a_terminal_has_one_line_that_is_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    shown = screen_of(monkeypatch, Terminal(), None)
    first, *_, last = [line for line in shown.split("\r") if line]
    assert " of 61 items, " in first and not last.strip() and "\n" not in shown


def test_a_terminal_has_a_bar_where_tqdm_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = screen_of(monkeypatch, Terminal(), True)
    assert re.search(r"map: .*/61 .*0 failed, cost unknown", shown)


def test_a_function_gets_the_summary_so_far() -> None:
    seen: list[MapSummary] = []
    map_sync(FakeModel(echo, repeat=True), list("abc"), progress=seen.append)
    assert seen[-1].answered == 3 and seen[0].answered <= 3


def test_a_summary_says_in_few_columns_what_became_of_the_items(tmp_path: Path) -> None:
    turns = ["fine"] * 8 + [InvalidRequest("no"), InvalidRequest("no"), ValueError("odd")]
    summary = map_sync(FakeModel(*turns), list("abcdefghijk"), workers=1, errors="keep")
    assert repr(summary).startswith("MapSummary(8 answered, 3 failed, cost unknown, ")
    assert summary.errors == {"InvalidRequest": 2, "ValueError": 1}
    lines = str(summary).splitlines()
    assert lines[:2] == ["fake:m (live)", "8 answered, 3 failed, 0 done before"]
    assert lines[2:5] == ["  2 InvalidRequest", "    no", "  1 ValueError"]
    assert all(len(line) <= 80 for line in lines) and summary.p50 and summary.p99 and summary.p50 <= summary.p99
    summary.plot(tmp_path / "plot.svg")
    drawn = "".join(ElementTree.parse(tmp_path / "plot.svg").getroot().itertext())
    assert all(word in drawn for word in ("answered", "InvalidRequest", "ValueError", "p50", "p90", "p99", FAKE))
    MapSummary().plot(tmp_path / "empty.svg")
    ElementTree.parse(tmp_path / "empty.svg")


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    fake = FakeModel(echo, repeat=True)
    monkeypatch.setattr(stepwell.cli.map_items, "Client", lambda: stepwell.Client(registry=fake.registry))
    return fake


def test_the_command_writes_results_and_goes_on(
    faked: FakeModel, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    source, out, plot = tmp_path / "in.csv", tmp_path / "out.jsonl", tmp_path / "plot.svg"
    source.write_text("id,text\n1,good\n2,bad\n")
    words = ["map", str(source), "--model", FAKE, "--prompt", "is {text} good?", "--out", str(out), "--key", "id"]
    code, stdout, stderr = run(monkeypatch, capsys, *words, "--plot", str(plot))
    assert (code, stdout) == (0, "") and "2 answered, 0 failed, 0 done before" in stderr
    assert [(row["key"], row["text"]) for row in rows(out)] == [("1", "IS GOOD GOOD?"), ("2", "IS BAD GOOD?")]
    assert plot.read_text().startswith("<svg")
    source.write_text("id,text\n1,good\n2,bad\n3\n")
    code, _, stderr = run(monkeypatch, capsys, *words, "--retry-failed", "--as-done", "--workers", "2")
    assert code == 1 and "0 answered, 1 failed, 2 done before" in stderr and len(faked.requests) == 2


def test_the_command_reads_and_writes_pipes(
    faked: FakeModel, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'"one"\n{"prompt": "two"}\n')))
    monkeypatch.setattr("command_line.io.StringIO", lambda text: sys.stdin)
    code, stdout, _ = run(monkeypatch, capsys, "map", "-", "--model", FAKE, stdin="given above")
    assert code == 0 and [json.loads(line)["text"] for line in stdout.splitlines()] == ["ONE", "TWO"]
    (tmp_path / "bad.json").write_text("{")
    code, _, stderr = run(monkeypatch, capsys, "map", "in.csv", "--model", FAKE, "--schema", str(tmp_path / "bad.json"))
    assert code == 2 and "is not JSON" in stderr
