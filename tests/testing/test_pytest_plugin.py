"""The pytest plugin, in a pytest of its own: its fixtures, its guard, and that it costs nothing until it is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("new_process")

APPLICATION = """
import stepwell

CLIENT = stepwell.Client(api_keys={"openai": "k"}, retries=0)

def summarise(text):
    first = stepwell.generate_text("openai:gpt-4o-mini", text).text
    return first + CLIENT.generate_text("anthropic:claude-x", text).text
"""
TESTS = """
import asyncio, sys
import httpx, pytest

def test_nothing_is_imported_before_it_is_used():
    assert {name for name in sys.modules if name.startswith("stepwell")} == {"stepwell", "stepwell.pytest_plugin"}

def test_the_application_gets_the_fake(fake_model):
    import application
    fake = fake_model("one ", "two")
    assert application.summarise("secret") == "one two" and len(fake.requests) == 2

def test_the_fake_stands_for_some(fake_model):
    import stepwell
    fake_model("hi", stands_for="openai:*")
    with pytest.raises(stepwell.errors.ConfigError, match="does not stand for groq:m"):
        stepwell.generate_text("groq:m", "hi")

def test_it_has_ended():
    import application, stepwell
    assert "fake_turn" not in stepwell.pipeline_for("openai:gpt-4o-mini")

@pytest.mark.parametrize("transport", ["fast", "httpx"])
def test_reaches_a_provider(transport):
    import stepwell
    stepwell.Client(api_keys={"openai": "k"}, transport=transport).generate_text("openai:m", "hi")

@pytest.mark.parametrize("transport", ["fast", "httpx"])
def test_reaches_a_provider_async(transport):
    import stepwell
    client = stepwell.AsyncClient(api_keys={"anthropic": "k"}, transport=transport)
    asyncio.run(client.generate_text("anthropic:m", "hi"))

@pytest.mark.real_provider
def test_is_marked():
    import socket
    with pytest.raises(OSError):
        socket.getaddrinfo("api.openai.com", "no such service")

def test_may_use_other_hosts_and_local_ones():
    import socket, stepwell
    stepwell.pipeline_for("openai:m")
    socket.getaddrinfo("localhost", 80)
    with pytest.raises(OSError):
        socket.getaddrinfo("database.invalid", 80)

def test_reaches_a_provider_in_a_thread():
    import socket, threading
    thread = threading.Thread(target=lambda: pytest.raises(BaseException, socket.getaddrinfo, "api.openai.com", 443))
    thread.start()
    thread.join()

FILES = set()

def its_own(cassette):
    assert cassette.path not in FILES
    FILES.add(cassette.path)

@pytest.mark.parametrize("id", ["a/b", "a_b", "a b", "a" * 300 + "1", "a" * 300 + "2"])
def test_own(cassette, id):
    its_own(cassette)

def test_own_a_b(cassette):
    its_own(cassette)

class TestOne:
    def test_own(self, cassette):
        its_own(cassette)

class TestTwo:
    def test_own(self, cassette):
        its_own(cassette)

ANSWER = {"choices": [{"message": {"content": "recorded"}, "finish_reason": "stop"}]}

def test_is_recorded(cassette):
    import stepwell
    cassette._transport = cassette._transport or httpx.MockTransport(lambda request: httpx.Response(200, json=ANSWER))
    client = stepwell.Client(transport=cassette, api_keys={"openai": "k"})
    assert client.generate_text("openai:m", "hi", wire="openai_chat").text == "recorded"
"""


def run(folder: Path, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PLUGINS, *arguments]
    variables = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(folder),
        "CI": "",
        **environment,
    }
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True).stdout


PLUGINS = ("-p", "stepwell.pytest_plugin")


def test_fixtures_guard_and_cassettes(tmp_path: Path) -> None:
    (tmp_path / "application.py").write_text(APPLICATION)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nstepwell_guard = true\naddopts = --strict-markers\n")
    out = run(tmp_path)
    assert "5 failed, 15 passed" in out, out
    assert out.count("Failed: a test reached for the provider at api.") == 5, out
    assert (tmp_path / "cassettes" / "test_it" / "test_is_recorded.json").exists()
    again = run(tmp_path, "-k", "is_recorded", CI="true")
    assert "1 passed" in again, again


def test_the_guard_is_for_those_who_ask_for_it(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import socket\n\ndef test_it():\n    assert socket.getaddrinfo.__module__ == 'socket'\n"
    )
    assert "1 passed" in run(tmp_path)


def test_the_entry_point_names_it() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"stepwell": "stepwell.pytest_plugin"}
