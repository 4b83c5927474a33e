"""Plain functions of the user's that are generators: async code runs them in a thread, not on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from stepwell import AsyncClient
from stepwell.embeddings import Embedder
from stepwell.messages import ToolCall
from stepwell.retrieval import Node, Retriever
from stepwell.steps import redact
from stepwell.testing import FakeModel

from loopback import SOON


class Gate:
    """What a generator waits for; only an event loop that goes on opens it."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def yields(self, *items: Any) -> Iterator[Any]:
        self.reached.set()
        assert self.opened.wait(SOON), "the event loop waits as well"
        yield from items


def found(gate: Gate) -> Coroutine[Any, Any, Any]:
    class Found(Retriever):
        def find(self, search: Any) -> Iterator[Node]:
            yield from gate.yields(Node("a"))

    return Found().aretrieve("q")


def pointed_to(gate: Gate) -> Coroutine[Any, Any, Any]:
    class Pointing(Retriever):
        def find(self, search: Any) -> list[Node]:
            return [Node("see there", target=lambda query: gate.yields("a"))]

    return Pointing().aretrieve("q")


def embedded(gate: Gate) -> Coroutine[Any, Any, Any]:
    return Embedder(lambda texts: gate.yields(*[[1.0]] * len(texts))).aembed(["a", "b"])


def redacted(gate: Gate) -> Coroutine[Any, Any, Any]:
    def names(text: str) -> Iterator[str]:
        return gate.yields("Ann")

    client = AsyncClient(registry=FakeModel("hi", repeat=True).registry, pipeline=redact(names))
    return client.generate_text("fake:m", "Ann")


def called(gate: Gate) -> Coroutine[Any, Any, Any]:
    def look(city: str) -> Iterator[str]:
        """Look."""
        return gate.yields(city)

    fake = FakeModel(ToolCall("1", "look", '{"city": "Pune"}'), "done")
    return AsyncClient(registry=fake.registry).run_tools("fake:m", "go", [look])


@pytest.mark.parametrize("work", [found, pointed_to, embedded, redacted, called])
def test_the_event_loop_goes_on_while_a_generator_of_the_user_runs(
    work: Callable[[Gate], Coroutine[Any, Any, Any]],
) -> None:
    gate = Gate()

    async def main() -> Any:
        working = asyncio.ensure_future(work(gate))
        while not gate.reached.is_set() and not working.done():
            await asyncio.sleep(0)
        gate.opened.set()
        return await working

    assert asyncio.run(main())
