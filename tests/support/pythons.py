"""Run a part of the tests under every supported Python of this machine, and once with the oldest allowed versions of
all dependencies.

`make pythons`; `python tests/support/pythons.py 3.13 floors` runs only those. Each has an environment of its own under
.build/pythons, which is made again when pyproject.toml changes.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from floors import PYPROJECT, floors

ROOT = PYPROJECT.parent
BUILD = ROOT / ".build" / "pythons"
OLDEST = (3, 11)
EXTRAS = "local,vertex,redis,fast,langchain,llama-index,otel"
TOOLS = [
    *("pytest", "pytest-asyncio", "pytest-httpx", "hypothesis", "trio"),
    *("fakeredis", "opentelemetry-sdk", "numpy", "openai"),
]
CHOSEN = [
    "tests/schemas/test_context.py",
    "tests/schemas/test_pickles.py",
    "tests/json_schema/test_docstrings.py",
    "tests/json_schema/test_from_type.py",
    "tests/json_schema/test_optimised.py",
    "tests/json_schema/test_signature.py",
    "tests/json_schema/test_structure.py",
    "tests/tools/test_class_methods.py",
    "tests/tools/test_define.py",
    "tests/tools/test_run_tools.py",
    "tests/pipeline/test_steps.py",
    "tests/stores",
    "tests/integrations/test_opentelemetry.py",
    "tests/integrations/test_langchain_messages.py",
    "tests/integrations/test_llama_index.py::test_a_prediction_requires_the_call_streamed_or_not",
    "tests/integrations/test_llama_index.py::test_the_key_is_used_but_never_shown",
    "tests/local/test_vectors.py::test_texts_become_vectors_in_order",
    "tests/local/test_vectors.py::test_documents_are_ranked_by_a_model_that_ranks",
    "tests/llm/test_llm.py",
    "tests/transports/test_headers.py",
]
"""What depends on the Python or on a version: types, signatures, copies, event loops, the libraries' own classes."""
SETTINGS = [
    "--import-mode=importlib",
    "--strict-markers",
    "-q",
    "-p",
    "no:cacheprovider",
    "-o",
    "addopts=",
    # Warnings of ours are errors; those of old libraries about themselves cannot be fixed here.
    "-o",
    "filterwarnings=error:::stepwell",
]
SECONDS = 90
"""What they may take on a machine with nothing else to do; more is said, and much more is an error."""


def pythons() -> dict[str, Path]:
    """Find the supported interpreters of this machine, one for each minor version: pyenv's and those on the path."""
    found: dict[tuple[int, int], Path] = {}
    candidates = sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python"))
    candidates += [Path(path) for minor in range(11, 30) if (path := shutil.which(f"python3.{minor}"))]
    for path in candidates:
        done = subprocess.run([path, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
        words = done.stdout.split()
        if done.returncode == 0 and len(words) == 2 and (version := (int(words[0]), int(words[1]))) >= OLDEST:
            found.setdefault(version, path)
    return {".".join(map(str, version)): found[version] for version in sorted(found)}


def environment(name: str, python: Path, wanted: list[str]) -> Path:
    """Return the interpreter of an environment with these requirements, made if it is missing or outdated."""
    folder = BUILD / name
    mark, key = folder / ".made", hashlib.sha256("\n".join([str(python), *wanted]).encode()).hexdigest()
    if not mark.exists() or mark.read_text() != key:
        print(f"{name}: installing ...", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted], check=True, stderr=subprocess.DEVNULL)
        # Without what it depends on: that is installed, and nothing may be exchanged for something newer.
        subprocess.run([*pip, "--no-deps", "-e", ROOT], check=True, stderr=subprocess.DEVNULL)
        mark.write_text(key)
    return folder / "bin" / "python"


def requirements() -> list[str]:
    """Return the requirements of the package and its extras, in their newest versions."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *(each for extra in EXTRAS.split(",") for each in extras[extra])]


def run(name: str, python: Path, wanted: list[str]) -> bool:
    """Run the tests there, and say how it went."""
    interpreter = environment(name, python, [*wanted, *TOOLS])
    began = time.monotonic()
    try:
        done = subprocess.run([interpreter, "-m", "pytest", *SETTINGS, *CHOSEN], cwd=ROOT, timeout=10 * SECONDS)
    except subprocess.TimeoutExpired:
        print(f"{name}: not done in {10 * SECONDS} s", flush=True)
        return False
    took = time.monotonic() - began
    slow = f", more than {SECONDS} s: choose fewer tests, or a free machine" if took > SECONDS else ""
    print(f"{name}: {'passed' if done.returncode == 0 else 'FAILED'} in {took:.0f} s{slow}", flush=True)
    return done.returncode == 0


def main(names: list[str]) -> int:
    """Run under those that are named, else under all; gives the exit code."""
    found = pythons()
    if not found:
        print("there is no Python 3.11 or newer here", file=sys.stderr)
        return 1
    jobs = {name: (path, requirements()) for name, path in found.items()}
    jobs["floors"] = (next(iter(found.values())), floors(PYPROJECT.read_text()))
    if unknown := [name for name in names if name not in jobs]:
        print(f"there is no {', '.join(unknown)} here; there are {', '.join(jobs)}", file=sys.stderr)
        return 1
    failed = [name for name in names or jobs if not run(name, *jobs[name])]
    print(f"failed under {', '.join(failed)}" if failed else f"passed under {', '.join(names or jobs)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
