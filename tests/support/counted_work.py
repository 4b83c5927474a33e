"""Count the work that something takes: the instructions of Python that run in this package, which no clock disturbs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import stepwell

_PACKAGE = str(Path(stepwell.__file__).parent.parent)


def instructions(work: Callable[[], object]) -> int:
    """Run something, and return how many instructions of the package's own code that took in this thread."""
    count = 0

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        if event == "opcode":
            count += 1
        return local

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith((_PACKAGE, "<attrs")) or "site-packages" in name:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return local

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def growth(work: Callable[[int], Callable[[], object]], size: int, times: int = 8) -> float:
    """Return how many times as many instructions it takes for so many times the size.

    work: returns for a size what is to be run, twice: the first run fills memos.
    """
    counts = []
    for each in (size, times * size):
        work(each)()
        counts.append(instructions(work(each)))
    return counts[1] / counts[0]
