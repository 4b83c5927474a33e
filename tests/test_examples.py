"""Every example runs without errors, and so does every Python block of the documents, on the embedded model.

What it has answered to the same question before is taken from a file; test_first_use.py asks it anew.
"""

from __future__ import annotations

import re
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
WITHOUT_CODE = ("reading.md", "releasing.md")
DOCUMENTS = [
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name not in WITHOUT_CODE),
]


def blocks(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", path.read_text(), re.M | re.S)


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


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_blocks_of_a_document_run_one_after_another(path: Path, remembered_model: Any, tmp_path: Path) -> None:
    """As a reader would try them: in one session, from top to bottom, with no key at hand."""
    code = "\n".join(blocks(path))
    if not code:
        pytest.fail(f"{path.name} has no Python block, so it needs no test: take it off the list")
    session = tmp_path / "session.py"
    session.write_text(code)
    done = run(session, remembered_model, tmp_path)
    assert done.returncode == 0, done.stderr
