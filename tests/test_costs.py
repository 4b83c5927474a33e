"""The test suite itself: tests declare what they cost, their ids are stable, and random examples are reproducible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import settings
from in_turn import in_turn
from kinds import one_of_each_kind

from stepwell.declare import declare_provider, drop, header_key, openai_chat

from chance import tries
from sources import ROOT

UNSTABLE = """
import pytest
@pytest.mark.parametrize("value", [object()], ids=str)
def test_address(value): pass
@pytest.mark.parametrize("value", {"one", "two"})
def test_set(value): pass
@pytest.mark.parametrize("value", [{"one", "two"}], ids=str)
def test_values(value): pass
@pytest.mark.parametrize("value", [{"one"}, {1, 2}, 0x1234567], ids=str)
def test_stable(value): pass
"""
UNASKED = """
import os, subprocess, sys
from stepwell.providers.local import server
def test_run(): subprocess.run([sys.executable, "-c", ""])
def test_fork(): os.fork()
def test_model(): server.base_url()
"""
ASKED = """
import subprocess, sys, pytest
def marks(request): return {mark.name for mark in request.node.iter_markers()} - {"usefixtures"}
@pytest.mark.usefixtures("new_process")
def test_run(request):
    subprocess.run([sys.executable, "-c", ""], check=True)
    assert marks(request) == {"process"}
@pytest.mark.usefixtures("documents", "framework")
def test_other(request): assert marks(request) == {"docs", "framework"}
def test_cheap(request): assert not marks(request)
"""
UNORDERED = """
import pytest
ran = []
def test_cheap(): assert ran == ["framework", "framework", "docs"]
@pytest.mark.usefixtures("documents")
def test_document(): ran.append("docs")
@pytest.mark.usefixtures("framework")
def test_framework(): ran.append("framework")
@pytest.mark.usefixtures("local_model", "framework")
def test_both(): ran.append("framework")
@pytest.fixture
def local_model(): pass
"""


def run(folder: Path, code: str) -> tuple[int, str]:
    """Run pytest on a test file with this project's conftest and marks, without plugins, and return its output."""
    marks = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    support = ROOT / "tests" / "support"
    ini = ["[pytest]", f"pythonpath = {support}", "addopts = -q --strict-markers -p no:cacheprovider", "markers ="]
    (folder / "pytest.ini").write_text("\n    ".join(["\n".join(ini), *marks]))
    (folder / "test_it.py").write_text(code)
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.usefixtures("new_process")
def test_ids_that_differ_from_process_to_process_are_refused(tmp_path: Path) -> None:
    status, said = run(tmp_path, UNSTABLE)
    assert status == pytest.ExitCode.TESTS_FAILED and "3 passed, 4 errors" in said
    assert said.count("ids of their own") >= 4
    names = ("test_address", "test_set", "test_values")
    assert [said.count(f"ERROR at setup of {name}[") for name in names] == [1, 2, 1]


@pytest.mark.usefixtures("new_process")
def test_what_is_dear_must_be_asked_for(tmp_path: Path) -> None:
    status, said = run(tmp_path, UNASKED)
    assert status == pytest.ExitCode.TESTS_FAILED and "3 failed" in said
    assert said.count("usefixtures('new_process')") >= 2 and "usefixtures('local_model')" in said


@pytest.mark.usefixtures("new_process")
def test_marks_follow_from_the_fixtures_asked_for(tmp_path: Path) -> None:
    status, said = run(tmp_path, ASKED)
    assert status == 0 and "3 passed" in said, said


@pytest.mark.usefixtures("new_process")
def test_what_is_dear_runs_first_and_together(tmp_path: Path) -> None:
    status, said = run(tmp_path, UNORDERED)
    assert status == 0 and "4 passed" in said, said


def test_no_example_is_timed_and_none_is_left_to_chance() -> None:
    for name in ("quick", "default"):
        profile = settings.get_profile(name)
        assert profile.deadline is None and profile.derandomize
    assert settings.get_profile("quick").max_examples == 20
    assert tries(3).max_examples == 3 * settings.default.max_examples  # type: ignore[union-attr]


def test_rows_of_one_test_all_run_and_the_one_that_fails_is_named() -> None:
    ran: list[tuple[str, int, int]] = []

    @in_turn("one", [1, 2])
    @in_turn(("two", "three"), [(1, 2), (3, 4)])
    def test(fixture: str, one: int, two: int, three: int) -> None:
        ran.append((fixture, one, two))
        assert (one, three) != (2, 4), "not this one"

    with pytest.raises(AssertionError, match="not this one") as caught:
        test(fixture="f")
    assert ran == [("f", 1, 1), ("f", 1, 3), ("f", 2, 1), ("f", 2, 3)]
    assert caught.value.__notes__ == ["in row 1: two=3, three=4", "in row 1: one=2"]
    with pytest.raises(ValueError, match="no rows of one"):
        in_turn("one", [])


def test_what_a_row_patches_is_undone_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN", "by a fixture")

    @in_turn("row", ["first", "second"])
    def test(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "OWN" not in os.environ and os.environ["GIVEN"] == "by a fixture"
        monkeypatch.setenv("OWN", row)
        monkeypatch.setenv("GIVEN", row)

    test(monkeypatch=monkeypatch)


def test_providers_are_of_one_kind_only_if_nothing_but_names_differs() -> None:
    acme, other = [
        declare_provider(name, name=name, wire=openai_chat, base_url=f"https://{name}.test", env_key=name.upper())
        for name in ("acme", "other")
    ]
    assert one_of_each_kind([acme, other]) == [acme]
    changes: dict[str, Any] = {
        "base_url": "https://${OTHER}.test",
        "env_key": ("OTHER", "OTHER_TOO"),
        "key_optional": True,
        "headers": {"x-other": "1"},
        "translate_options": (drop("seed", why="no"),),
        "auth": header_key("x-api-key"),
    }
    for name, value in changes.items():
        assert len(one_of_each_kind([acme, evolve(other, **{name: value})])) == 2, name
