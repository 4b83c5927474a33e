"""Many streams over every transport at once, while three in ten go wrong. `make soak` runs for eight minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[1] / "support"


@pytest.mark.usefixtures("new_process")
def test_a_few_seconds_of_faults_leave_nothing_open_and_cost_no_other_call() -> None:
    command = [sys.executable, str(SUPPORT / "soak.py"), "--seconds", "3"]
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
