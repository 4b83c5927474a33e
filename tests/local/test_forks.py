"""Forked children of a process in which the model runs: they end when asked to, and may use it too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stepwell import Client
from stepwell.schemas import errors

pytestmark = pytest.mark.usefixtures("new_process", "local_model")

HEAD = """
import os, sys, stepwell
from stepwell.providers.local import server

def ask():
    return stepwell.generate_text(None, "Say hello.", max_tokens=3, temperature=0, seed=1, timeout=30).text

def forked(work):
    pid = os.fork()
    if pid == 0:
        work()
        sys.exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def run(script: str) -> list[str]:
    """Run the code in a new process and return its output; fail the test if it hangs."""
    done = subprocess.run([sys.executable, "-c", HEAD + script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "terminate called" not in done.stderr
    return done.stdout.split("\n")


def test_a_child_that_does_nothing_ends_with_its_own_status() -> None:
    assert run("ask(); print(forked(lambda: sys.exit(7)), forked(lambda: None))")[0] == "7 0"


def test_a_childs_output_is_not_lost() -> None:
    script = """
ask()
sys.stdout.flush()
import ctypes
print(forked(lambda: (print("by Python"), ctypes.CDLL(None).printf(b"by C\\n"))))
"""
    assert sorted(run(script)) == ["", "0", "by C", "by Python"]


def test_a_child_asks_the_model_in_its_parent_and_leaves_it_running() -> None:
    script = """
first = ask()
assert forked(lambda: sys.exit(ask() != first)) == 0
assert forked(lambda: sys.exit(forked(lambda: sys.exit(ask() != first)))) == 0, "a child of a child"
print(ask() == first, len(server._RUNNING))
"""
    assert run(script)[0] == "True 1"


def test_workers_that_are_forked_may_use_it() -> None:
    script = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
first = ask()
with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
    print(all(pool.submit(ask).result(40) == first for _ in range(3)))
"""
    assert run(script)[0] == "True"


def test_a_child_starts_its_own_server_if_the_parent_had_none() -> None:
    assert run("print(forked(lambda: sys.exit(not ask())))")[0] == "0"


def test_a_child_whose_parent_has_no_server_any_more_is_an_error() -> None:
    script = """
ask()
server.stop()
def work():
    try:
        ask()
    except stepwell.errors.ConfigError as error:
        print(error, flush=True)
print(forked(work))
"""
    assert "forked process" in run(script)[0]


def test_a_file_that_cannot_be_loaded_is_a_typed_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(200))
    with Client() as client, pytest.raises(errors.ConfigError, match=r"broken\.gguf cannot be loaded"):
        client.generate_text(f"local:{broken}", "hi")
