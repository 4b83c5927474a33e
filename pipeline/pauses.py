"""Pauses of a flow that does very many small things without waiting, so that an event loop gets on with the others."""

from __future__ import annotations

from .effects import Run

_WORK = 256 * 1024
"""The work between two pauses, counted in bytes that are read or written: some milliseconds."""


def _nothing() -> None:
    """Do nothing: another thread needs no pause to go on."""


async def _let_others_go_on() -> None:
    import anyio  # comes with httpx; works on whichever event loop runs

    await anyio.sleep(0)


PAUSE = Run(_nothing, _let_others_go_on, recorded=False)
"""The effect: the other tasks of an event loop go on."""


class Pauses:
    """Counts the work of a flow: `if pauses.due(work): yield PAUSE`.

    By what is done and not by the clock: the flow of a job takes the same turns in each run.
    """

    def __init__(self) -> None:
        self._done = 0

    def due(self, work: int) -> bool:
        """Count some more, and return whether to pause."""
        self._done += work
        if self._done < _WORK:
            return False
        self._done = 0
        return True
