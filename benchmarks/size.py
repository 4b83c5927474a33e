"""Measure what an installation takes: `python -m benchmarks.size` prints the MiB of stepwell and of all that it needs.

The wheel is built from a copy of the tree's files and installed with its five dependencies, and theirs, into a new
folder, without extras and without byte code (which `pip` may write, and Python writes when it runs). This needs a
network, or pip's cache.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = ("stepwell", "schemas", "model_metadata", "pipeline", "providers")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")


def installed() -> dict[str, int]:
    """Return the bytes of each folder and file of an installation. Raises CalledProcessError when pip fails."""
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name, "source"), Path(name, "target")
        for folder in BUILT:
            shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
        for file in FILES:
            shutil.copy(ROOT / file, source)
        pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
        words = ["install", "--no-build-isolation", "--no-compile", "--target", str(target), str(source)]
        subprocess.run([*pip, *words], check=True, timeout=120, capture_output=True)
        return {path.name: _bytes(path) for path in sorted(target.iterdir())}


def _bytes(path: Path) -> int:
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files if each.is_file())


if __name__ == "__main__":
    found = installed()
    if sys.argv[1:] == ["--json"]:
        print(json.dumps(found))
        sys.exit()
    for name, size in sorted(found.items(), key=lambda item: -item[1])[:12]:
        print(f"{name:34} {size / 2**20:6.2f} MiB")
    print(f"{'all':34} {sum(found.values()) / 2**20:6.2f} MiB")
