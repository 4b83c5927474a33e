"""The package in examples/plugin is installed as a user's would be, and passes its own tests there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("new_process")

PLUGIN = Path(__file__).parents[1] / "examples" / "plugin"


def test_the_template_is_installed_and_its_tests_pass(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(PLUGIN, source)  # a build leaves files beside the sources
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    pip += ["--disable-pip-version-check", "--no-compile", "--target", str(target), str(source)]
    done = subprocess.run(pip, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(source / "acme_stepwell")  # what is tested is what was installed
    environment = {**os.environ, "PYTHONPATH": str(target), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=source, env=environment)
    assert done.returncode == 0 and "7 passed" in done.stdout, done.stdout + done.stderr
