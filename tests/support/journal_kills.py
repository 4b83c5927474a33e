"""Tool loops with a journal that are killed: what was answered is given again, and no tool runs twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson

from stepwell import Client

from loopback import completion


def _answer(request: httpx.Request) -> httpx.Response:
    """Call the tool with the number in the question, then repeat what it gave."""
    last = orjson.loads(request.content)["messages"][-1]
    if last["role"] == "tool":
        return httpx.Response(200, content=completion(f"it is {last['content']}"))
    call = {"name": "note", "arguments": orjson.dumps({"number": int(last["content"].split()[-1])}).decode()}
    message = {"role": "assistant", "content": None, "tool_calls": [{"id": "t", "type": "function", "function": call}]}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
    return httpx.Response(200, content=completion(choices=[choice]))


def _offline(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nothing may be sent")


class JournalledLoops:
    """Tool loops, each a job; the tool adds a line to a file."""

    def __init__(self, folder: Path) -> None:
        self._path, self._notes = folder / "work.sqlite", folder / "notes"

    def _client(self, send: Callable[[httpx.Request], httpx.Response]) -> Client:
        return Client(transport=httpx.MockTransport(send), api_keys={"openai": "k"}, retries=0, journal=self._path)

    def _ask(self, client: Client, number: int) -> str:
        def note(number: int) -> int:
            """Note a number."""
            with self._notes.open("a") as notes:
                notes.write(f"{number}\n")
            return number

        options: Any = {"job": f"item {number}", "wire": "openai_chat"}
        return client.run_tools("openai:gpt-4.1", f"note {number}", [note], **options).text

    def work(self, first: int) -> Iterator[int]:
        with self._client(_answer) as client:
            for number in range(first, first + 10_000):
                self._ask(client, number)
                yield number

    def faults(self, first: int, acknowledged: list[int]) -> list[str]:
        with self._client(_offline) as client:
            wrong = [f"answer {each}" for each in acknowledged if self._ask(client, each) != f"it is {each}"]
        with self._client(_answer) as client:  # the one that was at work goes on
            at_work = first + len(acknowledged)
            if self._ask(client, at_work) != f"it is {at_work}":
                wrong.append(f"answer {at_work}, which was at work")
        ran = Counter(map(int, self._notes.read_text().split()))
        return wrong + [f"the tool ran {ran[each]} times for {each}" for each in acknowledged if ran[each] != 1]
