"""Build the wheel from a copy of its sources: two builds in one folder get in each other's way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_BUILT = ("tests/", "benchmarks/", "examples/")


def build_wheel(folder: Path, *, mtime: float | None = None) -> Path:
    """Build the wheel in `folder` and return it.

    mtime: when the sources were last written, in seconds since 1970; None is now.
    """
    copy = folder / "copy"
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if not name.startswith(NOT_BUILT) and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    if mtime is not None:
        for path in copy.rglob("*"):
            os.utime(path, (mtime, mtime))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), "."]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(command, check=True, cwd=copy, env=environment)
    (wheel,) = folder.glob("*.whl")
    return wheel
