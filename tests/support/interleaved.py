"""Threads that take turns: which one goes on is decided at each line of a module, in the same way for the same seed."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType, ModuleType
from typing import Any


class Stuck(Exception):
    """All functions that have not ended wait for something."""


class Interleaved:
    """Runs functions in threads, one line of a module at a time:

        Interleaved(seed, module).run([reader, worker, worker])

    A function waits by `wait(condition)`. Raises Stuck if all of them do and no condition holds.
    """

    def __init__(self, seed: int, module: ModuleType) -> None:
        self._chance = random.Random(seed)
        self._file = module.__file__
        self._waiting: dict[int, Callable[[], bool]] = {}
        """What each function waits for that has not ended, by its number."""
        self._turns: list[threading.Semaphore] = []
        self._own = threading.local()
        self._over = threading.Event()
        self._failed: list[BaseException] = []

    def run(self, works: Sequence[Callable[[], object]]) -> None:
        """Run functions until all of them have ended. Raises the first error that one of them raised."""
        self._turns = [threading.Semaphore(0) for _ in works]
        self._waiting = {number: lambda: True for number in range(len(works))}
        for number, work in enumerate(works):
            threading.Thread(target=self._run, args=(number, work), daemon=True).start()
        self._pass_on()
        self._over.wait()
        if self._failed:
            raise self._failed[0]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Let the other functions go on until the condition holds."""
        self._waiting[self._own.number] = condition
        self._pass_on()
        self._turns[self._own.number].acquire()
        if self._failed:
            raise SystemExit

    def _run(self, number: int, work: Callable[[], object]) -> None:
        self._own.number = number
        self._turns[number].acquire()
        sys.settrace(self._trace)
        try:
            work()
        except Exception as error:
            self._failed.append(error)
        except SystemExit:
            return
        finally:
            sys.settrace(None)
        del self._waiting[number]
        self._pass_on()

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != self._file:
            return None
        if event == "line":
            self.wait(lambda: True)
        return self._trace

    def _pass_on(self) -> None:
        """Wake a function that can go on."""
        ready = [number for number, condition in self._waiting.items() if condition()]
        if not ready and self._waiting and not self._failed:
            self._failed.append(Stuck(f"{len(self._waiting)} functions wait"))
        if self._failed or not ready:
            self._over.set()
            for turn in self._turns:
                turn.release()
        else:
            self._turns[self._chance.choice(ready)].release()
