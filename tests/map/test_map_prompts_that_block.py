"""A function of a map's prompts may take its time: with an AsyncClient, others of the event loop go on meanwhile."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from pathlib import Path
from typing import Any

import pytest

from stepwell import AsyncClient, Client
from stepwell.testing import FakeModel

from loopback import LONG

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


def fake() -> Any:
    return FakeModel("hi", repeat=True).registry


@pytest.mark.parametrize("schema", [None, {"type": "object", "properties": {}}], ids=["text", "object"])
async def test_a_prompt_that_blocks_does_not_block_the_event_loop(schema: Any) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def prompt(item: int) -> str:
        begun.set()
        assert go_on.wait(LONG)
        return f"about {item}"

    async def release() -> None:
        while not begun.is_set():
            await asyncio.sleep(0.001)
        go_on.set()

    registry = FakeModel("{}", repeat=True).registry
    async with AsyncClient(registry=registry) as client:
        given: dict[str, Any] = {} if schema is None else {"schema": schema}
        work = client.map(range(3), model="fake:any", prompt=prompt, workers=2, **given).run()
        summary, _ = await asyncio.wait_for(asyncio.gather(work, release()), LONG)
    assert (summary.answered, summary.failed) == (3, 0)


async def test_a_prompt_sees_the_context_of_the_map_and_its_error_is_the_items() -> None:
    def prompt(item: int) -> str:
        if item == 1:
            raise LookupError("nothing about one")
        return WHO.get()

    WHO.set("me")
    model = FakeModel("hi", repeat=True)
    async with (
        AsyncClient(registry=model.registry) as client,
        client.map(range(3), model="fake:any", prompt=prompt, workers=1) as run,
    ):
        results = [each async for each in run]
    assert [type(each.error) for each in results] == [type(None), LookupError, type(None)]
    assert [request.context[-1].text for request in model.requests] == ["me", "me"]


def test_a_sync_map_makes_its_prompts_where_it_answers_them() -> None:
    threads: list[int] = []

    def prompt(item: int) -> str:
        threads.append(threading.get_ident())
        return str(item)

    with Client(registry=fake()) as client:
        client.map(range(5), model="fake:any", prompt=prompt, workers=1).run()
    assert len(threads) == 5


def test_a_job_whose_prompts_a_function_makes_goes_on(tmp_path: Path) -> None:
    made: list[int] = []

    def prompt(item: int) -> str:
        made.append(item)
        return f"about {item}"

    for _ in range(2):
        model = FakeModel("hi", repeat=True)
        with Client(registry=model.registry, journal=tmp_path / "work.sqlite") as client:
            summary = client.map(range(4), model="fake:any", prompt=prompt, job="a", workers=2).run()
        assert summary.answered == 4
    assert not model.requests and {*made} == {0, 1, 2, 3}
