"""Every example runs on the embedded model without errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("documents", "new_process", "local_model")

ROOT = Path(__file__).parent.parent
# test_first_use.py runs the tour, and looks at its answers.
EXAMPLES = sorted({*(ROOT / "examples").glob("*.py")} - {ROOT / "examples" / "tour.py"})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs(path: Path, tmp_path: Path) -> None:
    # LlamaIndex asks for an event loop in a way that Python 3.12 deprecates.
    theirs = "ignore::DeprecationWarning:llama_index.core.async_utils"
    command = [sys.executable, "-W", "error", "-W", theirs, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() and not done.stderr
