"""The embedded model with a memory: it answers what it was asked before from a file, and everything else itself.

It takes three seconds of a core to read a prompt with two tools, and the same prompts are asked in each run. The files
in tests/remembered/ have llama.cpp's answers to them, byte for byte; a question, a template or an option that changes
by one byte is put to the model itself, and counted at the end of the run. This writes the files anew, each with what
its tests ask for:

    REMEMBER=1 .venv/bin/pytest -n0 tests/test_examples.py

What the model itself can do, and how it is started and stopped, is tested without a memory: tests/local and
tests/test_first_use.py.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
from attrs import define, field

from stepwell.providers.local import install, server
from stepwell.providers.local.template import TEMPLATE

from loopback import END, Seen, chunk, serving, streaming

FOLDER = Path(__file__).parent.parent / "remembered"
_ID = re.compile(rb'"(?:id|tool_call_id|call_id|tool_use_id)":"([^"]+)"')
_EVENT = re.compile(r".+?(?:\n\n|\Z)", re.DOTALL)
_WORK = {work.name: work for work in (server.CHAT, server.VECTORS)}
Answer = tuple[str, str, str]
"""A status, a content type, and a text."""


@define
class Memory:
    """The questions and answers of one file of tests."""

    known: dict[str, Answer]
    ask: Callable[..., str]
    """gives the address of the model itself"""
    url: str = ""
    asked: int = 0
    """how many questions were put to the model itself"""
    used: dict[str, Answer] = field(factory=dict)

    def base_url(self, model: str | Path | None = None, work: server.ServerLoad = server.CHAT) -> str:
        """Stand for `server.base_url`."""
        if model is None or Path(model) == install.model_file():
            return f"{self.url}/{work.name}"
        return self.ask(model, work)

    def answer(self, request: Seen) -> Iterable[bytes]:
        key = _key(request)
        if key not in self.known:
            self.asked += 1
            read = []
            for status, kind, data in self._answer_of_model(request):
                if not read:
                    yield streaming(f"content-type: {kind}", status)
                read.append(data)
                yield chunk(data)
            self.known[key] = (status, kind, b"".join(read).decode())
        else:
            status, kind, text = self.known[key]
            yield streaming(f"content-type: {kind}", status)
            for event in _EVENT.findall(text):
                yield chunk(event.encode())
        yield END
        self.used[key] = self.known[key]

    def _answer_of_model(self, request: Seen) -> Iterator[tuple[str, str, bytes]]:
        _, work, path = request.path.split("/", 2)
        address, json = f"{self.ask(None, _WORK[work])}/{path}", {"content-type": "application/json"}
        with httpx.stream("POST", address, content=request.body, headers=json, timeout=240) as response:
            for data in response.iter_bytes():
                yield f"{response.status_code} {response.reason_phrase}", response.headers["content-type"], data


def _key(request: Seen) -> str:
    """Return what is the same for equal questions, whatever the ids of their tool calls, of which many are random."""
    question = {name: value for name, value in request.json.items() if name != "model"}
    asked = orjson.dumps(question, option=orjson.OPT_SORT_KEYS)
    for number, id in enumerate(dict.fromkeys(_ID.findall(asked))):
        asked = asked.replace(b'"%s"' % id, b'"id %d"' % number)
    return hashlib.sha256(request.path.encode() + TEMPLATE.encode() + asked).hexdigest()[:16]


@contextmanager
def remembering(name: str, ask: Callable[..., str]) -> Iterator[Memory]:
    """Start a server with the memory of that name."""
    path = FOLDER / f"{name}.json"
    memory = Memory(orjson.loads(path.read_bytes()) if path.exists() else {}, ask)
    with serving(memory.answer) as loopback:
        memory.url = loopback.url
        yield memory
    if os.environ.get("REMEMBER"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(orjson.dumps(memory.used, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n")
