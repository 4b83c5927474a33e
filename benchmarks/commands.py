"""The measurements that are commands of their own, for the report: own cost, growth and size, each in a new process."""

import json
import subprocess
import sys

from benchmarks.children import ENVIRONMENT
from benchmarks.curves import Curve
from benchmarks.peers import ROOT
from benchmarks.results import Results

COMMANDS = {"own_cost": ("--json",), "growth": ("--json", "--peers"), "size": ("--json",)}
"""Their modules and arguments."""
SECONDS = 120.0
"""that one of them may take; of one that takes longer, the lines printed until then count."""


def run(name: str, results: Results) -> None:
    """Run one of COMMANDS, and add what it finds to the results."""
    command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{name}", *COMMANDS[name]]
    process = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=-1, stderr=-1, text=True)
    why = ""
    try:
        out, errors = process.communicate(timeout=SECONDS)
        if process.returncode:
            why = (errors.strip().splitlines() or ["no output on stderr"])[-1][:200]
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        why = f"it was ended after {SECONDS:.0f} seconds"
    if why:
        results.unavailable[f"benchmarks.{name}"] = why
    for line in out.splitlines(keepends=True):
        if line.endswith("\n"):
            _ADD[name](json.loads(line), results)


def _add_own_cost(found: dict, results: Results) -> None:
    for kind, costs in found.items():
        for state, microseconds in zip(("warm", "cold"), costs, strict=True):
            results.add(f"own_cost_{kind}_{state}", "stepwell", 0, {"cpu": microseconds / 1e6})


def _add_curve(found: dict, results: Results) -> None:
    results.curves.append(Curve(**found))


def _add_size(found: dict, results: Results) -> None:
    results.sizes = found
    results.add("size", "stepwell", 0, {"memory": sum(found.values())})


_ADD = {"own_cost": _add_own_cost, "growth": _add_curve, "size": _add_size}
