"""`stepwell new-provider`: what it writes passes as it is written, and it overwrites and hides nothing."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import stepwell
from stepwell.providers import WIRES

from command_line import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def test_what_it_writes_passes_its_own_tests(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    url = "https://api.acme.example/v2"
    code, out, err = run(monkeypatch, capsys, "new-provider", "acme_cloud", "--base-url", url)
    assert (code, err) == (0, "")
    assert {path.name for path in folder.iterdir()} == {"acme_cloud.py", "test_acme_cloud.py"}
    assert "[project.entry-points" in out and 'env_key="ACME_CLOUD_API_KEY"' in (folder / "acme_cloud.py").read_text()
    written = "".join(path.read_text() for path in folder.iterdir())
    assert max(map(len, [*out.splitlines(), *written.splitlines()])) <= 80
    tests = importlib.import_module("test_acme_cloud")
    ran = [test() for name, test in vars(tests).items() if name.startswith("test_")]
    assert len(ran) == 2 and tests.acme_cloud.base_url == url
    stepwell.unregister("acme_cloud")


def test_it_declares_each_wire(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for wire in sorted(WIRES):
        name = f"with_{wire}"
        assert run(monkeypatch, capsys, "new-provider", name, "--wire", wire)[0] == 0
        assert getattr(importlib.import_module(name), name).wires == (getattr(stepwell.declare, wire),)


def test_it_declares_a_server_without_a_key(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert run(monkeypatch, capsys, "new-provider", "acme_here", "--no-key")[0] == 0
    tests = importlib.import_module("test_acme_here")
    ran = [test() for name, test in vars(tests).items() if name.startswith("test_")]
    assert len(ran) == 2 and "authorization" not in stepwell.Client().preview("acme_here:m", "hi").headers
    stepwell.unregister("acme_here")


@pytest.mark.parametrize("name", ["my-prov", "MyProvider", "acme.cloud-2"])
def test_a_name_of_a_provider_becomes_that_of_a_module(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """It takes the names that `declare_provider` takes, as far as a module can be named after them."""
    module = name.lower().replace("-", "_").replace(".", "_")
    code, out, err = run(monkeypatch, capsys, "new-provider", name)
    assert (code, err) == (0, "") and f"python -m pytest test_{module}.py" in out and "pip install pytest" in out
    entries = tomllib.loads(re.search(r"\[project.*?\n\n", out, re.S)[0])["project"]["entry-points"]
    assert entries == {"stepwell.providers": {name: f"{module}:{module}"}}
    tests = importlib.import_module(f"test_{module}")
    ran = [test() for test_name, test in vars(tests).items() if test_name.startswith("test_")]
    assert len(ran) == 2 and getattr(tests, module).id == name
    stepwell.unregister(name)


def test_it_writes_nothing_where_something_is(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for taken in ("acme.py", "test_acme.py"):
        (folder / taken).write_text("mine")
        code, out, err = run(monkeypatch, capsys, "new-provider", "acme")
        assert (code, out) == (2, "") and f"{taken} exists, and nothing was written" in err
        assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(taken, "mine")]
        (folder / taken).unlink()
    (folder / "acme.py").symlink_to(folder / "elsewhere.py")
    assert run(monkeypatch, capsys, "new-provider", "acme")[0] == 2 and not (folder / "elsewhere.py").exists()


def test_a_name_or_an_address_that_cannot_be_used_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    mistakes = {
        **dict.fromkeys(["7up", "../acme", "a/b", "a:b", "class", "Class", "é", ""], "cannot name a provider"),
        **dict.fromkeys(["x" * 32, "-".join("x" * 17)], "cannot name a provider"),
        **dict.fromkeys(["openai", "groq"], "stepwell already has a provider"),
        **dict.fromkeys(["json", "httpx", "HTTPX", "stepwell"], "there is a module"),
    }
    for name, says in mistakes.items():
        code, _, err = run(monkeypatch, capsys, "new-provider", name)
        assert code == 2 and says in err, name
    for url in ("acme.example", "ftp://acme.example", "https://user:word@acme.example"):
        assert run(monkeypatch, capsys, "new-provider", "acme", "--base-url", url)[0] == 2
    assert list(folder.iterdir()) == []
    run(monkeypatch, capsys, "new-provider", "acme", "--base-url", 'https://acme.example/"+__import__("os").sep+"')
    assert importlib.import_module("acme").acme.base_url == 'https://acme.example/"+__import__("os").sep+"'
