"""The judges' own environments under `.build/judges`, made once; nothing of them comes into `.venv`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[3] / ".build" / "judges"
LIMIT = 420.0
"""Seconds that installing one judge may take."""


class NotInstalled(Exception):
    """A judge that cannot be had here; the text says why."""


def python_packages(name: str, requirements: str) -> Path:
    """Install packages of PyPI into an environment of their own and return that environment's folder of programs.

    requirements: with spaces between them.
    """
    programs = FOLDER / name / "bin"
    return _once(
        FOLDER / name,
        programs,
        [sys.executable, "-m", "venv", str(FOLDER / name)],
        [str(programs / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements.split()],
    )


def npm_package(name: str, requirement: str, path: str) -> Path:
    """Install a package of npm and return `path` below its folder of modules. Node.js and npm must be there."""
    folder = FOLDER / name
    return _once(
        folder,
        folder / "node_modules" / path,
        ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", requirement],
    )


def _once(folder: Path, result: Path, *commands: list[str]) -> Path:
    done = folder / "installed"
    if done.exists():
        return result
    folder.mkdir(parents=True, exist_ok=True)
    for command in commands:
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
        except FileNotFoundError:
            raise NotInstalled(f"{command[0]} is not on this machine") from None
        except subprocess.TimeoutExpired:
            raise NotInstalled(f"installing took more than {LIMIT:.0f} s") from None
        if ran.returncode:
            lines = [each for each in ran.stderr.splitlines() if "error" in each.lower()] or ["it gave no reason"]
            raise NotInstalled(f"the package cannot be installed: {lines[-1][:160]}")
    done.touch()
    return result
