"""Measure what an installation takes: `python -m benchmarks.size` prints the MiB of stepwell and of all that it needs.

The wheel is built from a copy of the tree's files and installed with its five dependencies, and theirs, into a new
folder, without extras and without byte code (which `pip` may write, and Python writes when it runs). This needs a
network, or pip's cache. When pip fails, what it printed is printed, and the command ends with status 1.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")


def built() -> list[str]:
    """Return the folders that the wheel is built from, as pyproject.toml names them."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    return sorted(tables["setuptools"]["package-dir"].values())


def copy_tree(source: Path) -> None:
    """Copy what the wheel is built from into a folder, which is made."""
    for folder in built():
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, source)


def installed() -> dict[str, int]:
    """Return the bytes of each folder and file of an installation.

    Raises CalledProcessError when pip fails: its `stdout` is all that pip printed.
    """
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name, "source"), Path(name, "target")
        copy_tree(source)
        pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
        words = ["install", "--no-build-isolation", "--no-compile", "--target", str(target), str(source)]
        subprocess.run(
            [*pip, *words], check=True, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return {path.name: _bytes(path) for path in sorted(target.iterdir())}


def _bytes(path: Path) -> int:
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files if each.is_file())


def main(words: list[str]) -> None:
    """Print the largest folders and files with the sum; with `--json` as `words`, all of them as one line of JSON."""
    try:
        found = installed()
    except subprocess.CalledProcessError as error:
        print(error.stdout, file=sys.stderr)
        # The report of a run shows the last line. An error of pip's own says only what it was doing, in one word.
        errors = [line.strip()[7:] for line in error.stdout.splitlines() if line.strip()[:7].lower() == "error: "]
        why = next((each for each in errors if " " in each), "see what it printed")
        sys.exit(f"pip could not install the tree (exit code {error.returncode}): {why}")
    if words == ["--json"]:
        print(json.dumps(found))
        return
    for name, size in sorted(found.items(), key=lambda item: -item[1])[:12]:
        print(f"{name:34} {size / 2**20:6.2f} MiB")
    print(f"{'all':34} {sum(found.values()) / 2**20:6.2f} MiB")


if __name__ == "__main__":
    main(sys.argv[1:])
