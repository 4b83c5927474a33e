"""Progress: shown where it is wanted, and only there."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import Any

import pytest

from stepwell.stores import MemoryStore
from stepwell.workflows.embed import progress

from vectors import Vectors


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=["tqdm", "ours"])
def bars(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "ours":
        monkeypatch.setitem(sys.modules, "tqdm", None)


def output_of(monkeypatch: pytest.MonkeyPatch, screen: io.StringIO, asked: Any) -> str:
    monkeypatch.setattr(sys, "stderr", screen)
    Vectors().embedder(batch_size=2, progress=asked).embed([f"text {n}" for n in range(8)])
    return screen.getvalue()


def test_a_bar_is_shown_when_asked_for(bars: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = output_of(monkeypatch, io.StringIO(), True)
    assert "embedding" in shown and "8" in shown


def test_short_work_shows_nothing(bars: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert output_of(monkeypatch, io.StringIO(), None) == "", "stderr is no terminal"
    assert output_of(monkeypatch, Terminal(), False) == ""
    monkeypatch.setattr(progress, "SHOW_AFTER", 3600.0)
    assert output_of(monkeypatch, Terminal(), None) == ""


def test_long_work_shows_a_bar_on_a_terminal(bars: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SHOW_AFTER", 0.0)
    assert "8" in output_of(monkeypatch, Terminal(), None)


def test_our_own_bar_wipes_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert output_of(monkeypatch, Terminal(), True).endswith(" \r")


def test_a_progress_function_gets_numbers_that_include_cached_texts() -> None:
    reported: list[tuple[int, int]] = []
    store = MemoryStore()
    Vectors().embedder(cache=store).embed(["b"])
    embedder = Vectors().embedder(
        batch_size=2, workers=1, cache=store, progress=lambda done, total: reported.append((done, total))
    )
    asyncio.run(embedder.aembed(["a", "b", "c", "a", "d"]))
    assert reported == [(1, 4), (3, 4), (4, 4)]
