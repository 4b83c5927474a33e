"""The package as a type checker sees it in a user's program: every public name, and no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import stepwell

pytestmark = pytest.mark.usefixtures("new_process")

ROOT = Path(__file__).parents[2]
SUBMODULES = [name for name in stepwell.MODULES if hasattr(getattr(stepwell, name), "__all__")]

mypy = pytest.importorskip("mypy.api", reason="mypy comes with the extra dev")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay the package out as it is installed: mypy cannot follow an editable install."""
    package = tmp_path_factory.mktemp("installed") / "stepwell"
    package.mkdir()
    for path in (ROOT / "stepwell").iterdir():
        (package / path.name).symlink_to(path)
    for layer in ("schemas", "pipeline", "providers", "model_metadata"):
        (package / layer).symlink_to(ROOT / layer)
    return package.parent


def complaints(program: str, installed: Path, folder: Path) -> list[str]:
    """Run mypy --strict on a user's program without our settings, and return its lines."""
    (folder / "program.py").write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary", "program.py"]
    command += ["--cache-dir", str(ROOT / ".build" / "mypy_user"), "--follow-imports", "silent"]
    environment = {"MYPYPATH": str(installed), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    return done.stdout.splitlines()


def test_every_public_name_is_known_to_a_strict_type_checker(installed: Path, tmp_path: Path) -> None:
    program = f"from stepwell import {', '.join(stepwell.__all__)}\n"
    for name in SUBMODULES:
        public = getattr(stepwell, name).__all__
        program += f"from stepwell.{name} import {', '.join(f'{each} as {name}_{each}' for each in public)}\n"
    program += "import stepwell\n"
    program += "".join(f"stepwell.{name}.{getattr(stepwell, name).__all__[0]}\n" for name in SUBMODULES)
    program += "text: str = stepwell.generate_text(None, 'hi').text\n"
    assert complaints(program, installed, tmp_path) == []


def test_an_unknown_name_is_an_error_on_its_own_line_alone(installed: Path, tmp_path: Path) -> None:
    places = ["stepwell", *(f"stepwell.{name}" for name in SUBMODULES)]
    program = "import stepwell\n" + "".join(f"{place}.no_such_name\n" for place in places)
    said = complaints(program, installed, tmp_path)
    assert [line.split(":")[1] for line in said if "error" in line] == [str(2 + at) for at in range(len(places))]
