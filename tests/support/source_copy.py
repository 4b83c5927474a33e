"""A copy of what a wheel is built from: two builds in one folder get in each other's way."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_BUILT = ("tests/", "benchmarks/", "docs/", "examples/")


def copy_sources(folder: Path) -> Path:
    """Copy the files that git tracks, without those that no wheel holds, and return the folder of the copy."""
    copy = folder / "source"
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if not name.startswith(NOT_BUILT) and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    return copy
