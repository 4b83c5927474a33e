"""Processes of a run: the loopback server, and one child for each subject."""

import json
import os
import resource
import select
import subprocess
import sys
import tempfile
from typing import Any, Self

from benchmarks.payloads import TOOL, payload, words
from benchmarks.peers import ROOT, Subject
from benchmarks.scenarios import Scenario
from benchmarks.server import NAME

# A child gets no key and no proxy, and litellm must not fetch its price table.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")
ENVIRONMENT = {
    **{name: os.environ[name] for name in KEPT if name in os.environ},
    "PYTHONHASHSEED": "0",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "SSL_CERT_FILE": str(ROOT / "benchmarks" / "authority.pem"),  # whose certificate the server has
}
TIMEOUT = 90.0  # seconds that a child may take for one job


class Unavailable(Exception):
    """A subject that does not start, or has stopped answering; the message says why."""


def allow_files() -> None:
    """Raise the limit of open files as far as the system allows it, for this process and those that it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Server:
    """benchmarks/server.py in a process of its own."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.server"]
        self.process = subprocess.Popen(command, stdin=-1, stdout=-1, cwd=ROOT, env=ENVIRONMENT, text=True)
        assert self.process.stdout
        plain, tls = (int(self.process.stdout.readline()) for _ in range(2))
        self.urls = (f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{tls}")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()  # closes its stdin, which ends it


class Child:
    """A process of one subject. Raises Unavailable when it does not start."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - close() closes it
        script = ROOT / "benchmarks" / "subjects" / subject.file
        command = [str(subject.python), "-W", "ignore", str(script), *subject.modules]
        environment = ENVIRONMENT | ({"PYTHONPATH": subject.path} if subject.path else {})
        try:
            self.process = subprocess.Popen(
                command, stdin=-1, stdout=-1, stderr=self.errors, env=environment, cwd=tempfile.gettempdir(), text=True
            )
        except OSError as error:
            self.errors.close()
            raise Unavailable(str(error)) from None
        try:
            self.hello = self._read()
        except Unavailable:
            self.close()
            raise

    def can(self, scenario: Scenario) -> bool:
        """Return whether the subject supports a scenario."""
        return scenario.do in self.hello["can"] and scenario.wire in self.hello["wires"]

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """Run one job; return cpu, wall and memory, or an error. Raises Unavailable if the child has ended."""
        assert self.process.stdin
        try:
            print(json.dumps(job), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise Unavailable(self._why()) from None
        return self._read()

    def close(self) -> None:
        """End the process, and wait for its end."""
        try:
            self.process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        self.errors.close()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        if not select.select([self.process.stdout], [], [], TIMEOUT)[0]:
            self.process.kill()
            raise Unavailable(f"no answer within {TIMEOUT:.0f} seconds")
        line = self.process.stdout.readline()
        if not line:
            raise Unavailable(self._why())
        return json.loads(line)

    def _why(self) -> str:
        self.process.wait(TIMEOUT)
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no output on stderr")
        return f"{last[:200]} (exit code {self.process.returncode})"


class Jobs:
    """Jobs of scenarios.

    urls: those of the server, plain and by TLS.
    folder: where payloads to decode without a network are written to.
    """

    def __init__(self, urls: tuple[str, str], folder: str) -> None:
        self.urls, self.folder = urls, folder

    def job(self, scenario: Scenario, *, do: str = "", repeat: int = 1, warm: bool = False) -> dict[str, Any]:
        """Return the job of a scenario.

        scenario: what to measure.
        do: the function to run; "": the scenario's.
        repeat: how many times to run it.
        warm: whether to run it a few times before the measurement.
        """
        match = NAME.fullmatch(scenario.answer)
        assert match, scenario.answer
        kind, count = match[1], int(match[2])
        do = do or scenario.do
        return {
            "do": do,
            "url": f"{self.urls[scenario.tls]}/{scenario.answer}",
            "wire": scenario.wire,
            "messages": messages(scenario.messages, scenario.tokens),
            "tools": tools(scenario.tools),
            "first_only": scenario.first_only,
            "file": self._file(scenario.wire, kind, count) if do == "decode" else None,
            "repeat": repeat,
            "at_once": scenario.at_once,
            "threads": scenario.threads,
            "warm": warm,
            "characters": payload(scenario.wire, kind, count).characters,
        }

    def _file(self, wire: str, kind: str, count: int) -> str:
        path = os.path.join(self.folder, f"{wire}-{kind}-{count}")
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(b"".join(payload(wire, kind, count).pieces))
        return path


def messages(count: int, tokens: int = 0) -> list[dict[str, str]]:
    """Write `count` messages that begin and end with the user's; the first has `tokens` words more."""
    last = count - 1
    conversation = [
        {
            "role": "assistant" if at % 2 and at < last else "user",
            "content": f"{at}: which step leads down to the water?",
        }
        for at in range(count)
    ]
    conversation[0]["content"] += "".join(words(tokens))
    return conversation


def tools(count: int) -> list[dict[str, Any]]:
    """Write `count` function definitions in OpenAI's form, the first under its plain name."""
    names = [TOOL["name"], *(f"{TOOL['name']}_{at}" for at in range(1, count))][:count]
    return [{"type": "function", "function": {**TOOL, "name": name}} for name in names]
