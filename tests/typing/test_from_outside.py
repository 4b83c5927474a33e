"""Programs that use stepwell pass both type checkers, against the built wheel, as they would at a user's."""

import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import stepwell

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
pytestmark = pytest.mark.usefixtures("new_process")
MISTAKES = PROGRAMS / "mistakes.py"
GOOD = sorted(path for path in PROGRAMS.glob("*.py") if path != MISTAKES)


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment that has the wheel, and sees what else is installed here."""
    folder = tmp_path_factory.mktemp("outside")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    packages = next((folder / "env" / "lib").glob("python*")) / "site-packages"
    zipfile.ZipFile(wheel).extractall(packages)
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "installed_here.pth").write_text(here)
    return folder / "env" / "bin" / "python"


def mypy(python: Path, *programs: Path) -> tuple[str, dict[str, set[int]]]:
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python)]
    command += ["--cache-dir", str(python.parents[2] / "mypy"), *map(str, programs)]
    done = subprocess.run(command, cwd=python.parents[2], capture_output=True, text=True)
    return done.stdout, lines_of(re.findall(r"(\w+\.py):(\d+): error", done.stdout))


def pyright(python: Path, *programs: Path) -> tuple[str, dict[str, set[int]]]:
    command = [sys.executable, "-m", "pyright", "--pythonpath", str(python), *map(str, programs)]
    done = subprocess.run(command, cwd=python.parents[2], capture_output=True, text=True)
    return done.stdout, lines_of(re.findall(r"(\w+\.py):(\d+):\d+ - error", done.stdout))


def lines_of(found: list[tuple[str, str]]) -> dict[str, set[int]]:
    lines: dict[str, set[int]] = {}
    for name, line in found:
        lines.setdefault(name, set()).add(int(line))
    return lines


def readme_program(folder: Path) -> Path:
    """Write down README's snippets as the one program that they make together."""
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    program = folder / "readme.py"
    program.write_text("\n".join(snippets), encoding="utf-8")
    return program


def names_program(folder: Path) -> Path:
    """Write a program that imports every public name, and uses each public module without an import of its own."""
    program = f"import stepwell\nfrom stepwell import {', '.join(stepwell.__all__)}\n"
    for name in stepwell.MODULES:
        names = getattr(getattr(stepwell, name), "__all__", ())
        program += "".join(f"from stepwell.{name} import {each} as {name}_{each}\n" for each in names)
        program += "".join(f"stepwell.{name}.{each}\n" for each in names[:1])
    path = folder / "names.py"
    path.write_text(program, encoding="utf-8")
    return path


def unknown_names_program(folder: Path) -> Path:
    """Write a program that looks for a name that does not exist, in the package and in each public module."""
    places = ["stepwell", *(f"stepwell.{name}" for name in stepwell.MODULES)]
    program = "import stepwell\n" + "".join(f"print({place}.no_such_name)  # error\n" for place in places)
    path = folder / "unknown_names.py"
    path.write_text(program, encoding="utf-8")
    return path


def wrong_lines(program: Path) -> set[int]:
    """Return the numbers of the lines that are marked as errors."""
    return {number for number, line in enumerate(program.read_text().splitlines(), 1) if "# error" in line}


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_users_programs_are_clean_and_their_mistakes_are_found(checker, python: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    wrong = [MISTAKES, unknown_names_program(tmp_path)]
    output, lines = checker(python, *GOOD, readme_program(tmp_path), names_program(tmp_path), *wrong)
    assert lines == {program.name: wrong_lines(program) for program in wrong}, output
