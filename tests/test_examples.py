"""Every example runs on the embedded model without errors, and so does every Python block of the documents."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("documents", "new_process", "local_model")

ROOT = Path(__file__).parent.parent
# test_first_use.py runs the tour, and looks at its answers.
EXAMPLES = sorted({*(ROOT / "examples").glob("*.py")} - {ROOT / "examples" / "tour.py"})
WITHOUT_CODE = ("reading.md", "releasing.md")
DOCUMENTS = [
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name not in WITHOUT_CODE),
]


def blocks(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", path.read_text(), re.M | re.S)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs(path: Path, tmp_path: Path) -> None:
    # LlamaIndex asks for an event loop in a way that Python 3.12 deprecates.
    theirs = "ignore::DeprecationWarning:llama_index.core.async_utils"
    command = [sys.executable, "-W", "error", "-W", theirs, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() and not done.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_blocks_of_a_document_run_one_after_another(path: Path, tmp_path: Path) -> None:
    """As a reader would try them: in one session, from top to bottom, with no key at hand."""
    code = "\n".join(blocks(path))
    if not code:
        pytest.fail(f"{path.name} has no Python block, so it needs no test: take it off the list")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
