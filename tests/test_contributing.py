"""The guide for contributors, followed step by step in a copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("documents", "new_process")

ROOT = Path(__file__).parent.parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Copy the package, laid out as installed, to a folder where files may be added."""
    shutil.copytree(ROOT / "stepwell", tmp_path / "stepwell")
    for layer in ("schemas", "pipeline", "providers", "model_metadata"):
        shutil.copytree(ROOT / layer, tmp_path / "stepwell" / layer)
    return tmp_path


def run(tree: Path, code: str) -> str:
    # -P and a path of our own put the copy before the installed package; its import hook comes after the path.
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tree)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_provider_of_a_known_wire_is_one_file(tree: Path) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S)
    assert len(block.splitlines()) <= 20
    (tree / "stepwell" / "providers" / "acme.py").write_text(block)
    out = run(
        tree,
        "import stepwell\n"
        "from stepwell.testing import conformance\n"
        "print(stepwell.__file__)\n"
        "print(conformance(stepwell.provider('acme')).ok)\n"
        "print(stepwell.pipeline_for('acme:any-model').names()[0])\n",
    )
    place, ok, first = out.splitlines()
    assert place.startswith(str(tree)) and (ok, first) == ("True", "check_options")


def test_a_foreign_provider_is_found_by_its_entry_point(tree: Path) -> None:
    package = tree / "acme_stepwell-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-stepwell\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[stepwell.providers]\nparley = example_provider:parley\n")
    shutil.copy(ROOT / "tests" / "support" / "example_provider.py", tree)
    out = run(
        tree,
        "import stepwell, example_provider\n"
        "from stepwell.testing import conformance\n"
        "print(conformance(stepwell.provider('parley'), samples=example_provider.PARLEY_SAMPLES).ok)\n",
    )
    assert out == "True\n"
