"""First use: `make run`, whose questions a model of 135M parameters answers correctly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("new_process")

ROOT = Path(__file__).parent.parent


def test_the_tour_gives_right_answers_and_ends_with_two_commands() -> None:
    command = [sys.executable, "-W", "error", ROOT / "examples" / "tour.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Rayleigh scattering" in done.stdout
    assert "and answers: The weather in Paris is sunny, 21 degrees Celsius." in done.stdout
    assert " at 0x" not in done.stdout
    commands = [line.strip() for line in done.stdout.splitlines()[-2:]]
    assert all(command.startswith(".venv/bin/stepwell ") for command in commands)


def test_make_announces_what_it_installs() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    for at, line in enumerate(lines):
        if "pip install" in line:
            recipe = lines[: at + 1][::-1]
            before = next(place for place, each in enumerate(recipe) if not each.startswith("\t"))
            assert any("@echo" in each for each in recipe[:before]), line
