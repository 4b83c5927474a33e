"""The fault matrix: every kind of answer on every wire under every fault, over real sockets and a mock transport, sync
and async.

A fault that loses nothing leaves the reply as it is; any other is the right typed error with what had arrived: text,
reasoning, usage, request id, and no tool call that could be run before it was complete. All calls of a transport go
over one connection, which must be free each time. `make faults` has all faults after each event, on every transport.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fault_answers import FORMATS
from fault_events import ANSWERS
from fault_matrix import EVERYWHERE, FAULTS, Cell, cells, listed
from fault_runs import PATIENT, Mock, acall, call, script, wrong

from stepwell import AsyncClient, Client, Timeouts

from loopback import LONG, Loopback, serving
from recordings import registry_of

pytestmark = pytest.mark.thorough  # every wire under every fault

columns = pytest.mark.parametrize("column", FORMATS)
CARRIERS = ("httpx", "httpx async", "fast", "fast async")
AT_ONCE = 32
STALLED = Timeouts(connect=LONG, first_event=4.0, idle=1.0)


def numbered(some: list[Cell]) -> dict[str, Cell]:
    return {str(number): cell for number, cell in enumerate(some)}


def taking_turns(column: str) -> dict[str, list[Cell]]:
    """Deal the cells of a wire out to the transports, so that each fault meets each of them."""
    turn = list(FORMATS).index(column)
    dealt: dict[str, list[Cell]] = {carrier: [] for carrier in CARRIERS}
    for cell in cells(column, mocked=False):
        place = list(FAULTS).index(cell.fault) + list(ANSWERS).index(cell.case.name) + turn
        for at, carrier in enumerate(CARRIERS):
            if EVERYWHERE or place % len(CARRIERS) == at:
                dealt[carrier].append(cell)
    return dealt


def settings_of(column: str, **more: Any) -> dict[str, Any]:
    return {"registry": registry_of(FORMATS[column].wire), "retries": 0, "timeout": PATIENT, **more}


async def arun(client: AsyncClient, named: dict[str, Cell], free: Callable[[], None]) -> list[str]:
    found = []
    async with client:
        for number, cell in named.items():
            found += wrong(cell, await acall(client, cell, number))
            free()
    return found


def run(client: Client, named: dict[str, Cell], free: Callable[[], None]) -> list[str]:
    found = []
    with client:
        for number, cell in named.items():
            found += wrong(cell, call(client, cell, number))
            free()
    return found


@columns
def test_over_a_mock_transport(column: str, record_property: Callable[[str, object], None]) -> None:
    named = numbered(cells(column, mocked=True))
    mock = Mock(named)

    def free() -> None:
        assert not mock.open, "the body is closed"

    settings = settings_of(column, transport=mock.transport)
    found = run(Client(**settings), named, free) + asyncio.run(arun(AsyncClient(**settings), named, free))
    assert not found
    record_property("cells of the fault matrix", 2 * len(named))


@columns
def test_over_sockets(column: str, record_property: Callable[[str, object], None]) -> None:
    found, count = [], 0
    for carrier, some in taking_turns(column).items():
        named = numbered([cell for cell in some if cell.sent.ending != "stall"])
        with serving(script(named)) as server:
            settings = at(server, column, carrier)
            if "async" in carrier:
                found += asyncio.run(arun(AsyncClient(**settings), named, lambda: None))
            else:
                found += run(Client(**settings), named, lambda: None)
            assert server.wait_until_free()
        count += len(named)
    assert not found
    record_property("cells of the fault matrix", count)


def at(server: Loopback, column: str, carrier: str, **more: Any) -> dict[str, Any]:
    address = {"base_urls": {"recorded": server.url}, "transport": carrier.split()[0], "max_connections": 1}
    return settings_of(column, **address, **more)


def test_stalls_over_sockets(record_property: Callable[[str, object], None]) -> None:
    """Of all wires at once, each with a client of its own: each takes a second."""
    dealt = [taking_turns(column) for column in FORMATS]
    stalls = {
        carrier: [cell for each in dealt for cell in each[carrier] if cell.sent.ending == "stall"]
        for carrier in CARRIERS
    }
    with ThreadPoolExecutor(len(CARRIERS)) as pool:
        runs = [pool.submit(all_at_once, carrier, numbered(some)) for carrier, some in stalls.items()]
    assert not [fault for each in runs for fault in each.result()]
    record_property("cells of the fault matrix", sum(map(len, stalls.values())))


def all_at_once(carrier: str, named: dict[str, Cell]) -> list[str]:
    with serving(script(named)) as server:

        def settings(cell: Cell) -> dict[str, Any]:
            return at(server, cell.case.column, carrier, timeout=STALLED)

        async def arun_all() -> list[list[str]]:
            room = asyncio.Semaphore(AT_ONCE)

            async def one(number: str, cell: Cell) -> list[str]:
                async with room:
                    return await arun(AsyncClient(**settings(cell)), {number: cell}, lambda: None)

            return await asyncio.gather(*(one(number, cell) for number, cell in named.items()))

        if "async" in carrier:
            found = asyncio.run(arun_all())
        else:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                work = lambda each: run(Client(**settings(each[1])), dict([each]), lambda: None)
                found = list(pool.map(work, named.items()))
        assert server.wait_until_free()
    return [fault for each in found for fault in each]


def test_the_lacking_cells_are_listed() -> None:
    """In lacking_cells.txt, with the reason: no more and no less than these."""
    had = {(cell.fault, cell.case.column, cell.case.name) for column in FORMATS for cell in cells(column, mocked=False)}
    every = {(fault, column, answer) for fault in FAULTS for column in FORMATS for answer in ANSWERS}
    assert set(listed()) == every - had
