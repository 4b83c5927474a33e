"""Every example runs without errors, on the embedded model and what it remembers; test_first_use.py asks it anew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("documents", "new_process")

ROOT = Path(__file__).parent.parent
RUNNER = ROOT / "tests" / "support" / "run_remembered.py"
# test_first_use.py runs the tour, and looks at its answers.
EXAMPLES = sorted({*(ROOT / "examples").glob("*.py")} - {ROOT / "examples" / "tour.py"})


def run(program: Path, model: Any, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *flags, str(RUNNER), model.url, str(program)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=240)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs(path: Path, remembered_model: Any, tmp_path: Path) -> None:
    # LlamaIndex asks for an event loop in a way that Python 3.12 deprecates.
    theirs = "ignore::DeprecationWarning:llama_index.core.async_utils"
    done = run(path, remembered_model, tmp_path, "-W", "error", "-W", theirs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() and not done.stderr
