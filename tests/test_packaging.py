"""The wheel: what it holds, that it installs into an empty environment, and what importing it costs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("new_process")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build an environment with only the wheel and its requirements, and return its interpreter."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder)
    python = folder / "bin" / "python"
    # The pip of this environment installs into that one, which needs none; what is imported is compiled then.
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-compile"]
    subprocess.run([*command, "--disable-pip-version-check", str(wheel)], check=True)
    return python


def test_the_wheel_contains_only_our_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"stepwell", next(top for top in tops if top.endswith(".dist-info"))}
    assert "stepwell/py.typed" in names and "stepwell/model_metadata/index.json" in names
    assert not [name for name in names if name.endswith(".pth") or "/test_" in name]
    assert wheel.stat().st_size < 2_000_000


def test_every_module_and_page_is_in_the_wheel(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    layers = ("schemas", "pipeline", "providers", "model_metadata")
    ours = {f"stepwell/{path.relative_to(ROOT)}" for layer in layers for path in (ROOT / layer).rglob("*.py")}
    ours |= {str(path.relative_to(ROOT)) for path in (ROOT / "stepwell").rglob("*.py")}
    ours |= {f"stepwell/docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert ours <= held


def run(python: Path, code: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True, cwd="/", env=clean)
    return done.stdout


def test_it_is_small_with_all_its_dependencies(python: Path) -> None:
    files = [each for each in python.parent.parent.rglob("site-packages/**/*") if each.is_file()]
    size = sum(each.stat().st_size for each in files if "__pycache__" not in each.parts)
    assert 2**20 < size < 10 * 2**20, f"{size / 2**20:.1f} MiB"


def test_it_works_in_an_empty_environment(python: Path) -> None:
    code = """
import stepwell, httpx, json
body = {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}
transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
client = stepwell.Client(transport=transport, api_keys={"openai": "k"})
print(client.generate_text("openai:gpt-4o", "hi").text)
from stepwell.cli import main
main(["docs", "errors"])
"""
    assert run(python, code).startswith("hello\n# Errors\n")


def test_the_wheel_installs_nothing_outside_the_package(python: Path) -> None:
    folders = ("schemas", "pipeline", "providers", "model_metadata")
    code = f"import importlib.util as u; print([n for n in {folders} if u.find_spec(n)])"
    assert run(python, code) == "[]\n"


def test_importing_does_nothing_and_loads_nothing_heavy(python: Path) -> None:
    code = """
import json, logging, os, socket, sys
class Refused:
    def __init__(self, *a, **k): raise AssertionError("network on import")
socket.socket = Refused
before = dict(os.environ), os.getcwd(), list(logging.root.handlers)
import stepwell
assert before == (dict(os.environ), os.getcwd(), list(logging.root.handlers))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    loaded = set(json.loads(run(python, code)))
    assert not loaded & {"httpx", "jsonschema", "cattrs", "asyncio", "orjson", "attrs", "ssl"}


def test_importing_takes_a_few_megabytes(python: Path) -> None:
    code = """
def pages(): return int(open('/proc/self/statm').read().split()[1])
before = pages()
import stepwell, json, os
alone = pages() - before
for name in stepwell.__all__: getattr(stepwell, name)
print(json.dumps([each * os.sysconf('SC_PAGE_SIZE') for each in (alone, pages() - before)]))
"""
    alone, with_all_names = json.loads(run(python, code))
    assert alone < 15 * 2**20 and 2**20 < with_all_names < 40 * 2**20, "resident bytes; modules are compiled here, too"


def test_there_are_five_runtime_dependencies(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        lines = archive.read(name).decode().splitlines()
    needed = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    always = {re.split(r"[^\w-]", each)[0] for each in needed if "extra ==" not in each}
    assert always == {"httpx", "attrs", "cattrs", "orjson", "jsonschema"}


def test_the_public_names_cost_no_network_library(python: Path) -> None:
    code = """
import sys, stepwell
for name in stepwell.__all__: getattr(stepwell, name)
print(sorted(set(sys.modules) & {"httpx", "jsonschema", "cattrs", "asyncio", "ssl", "anyio"}))
"""
    assert run(python, code) == "[]\n"
