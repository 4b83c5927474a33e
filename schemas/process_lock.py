"""ProcessLock: a lock that a forked child finds free."""

from __future__ import annotations

import os
import threading


class ProcessLock:
    """A reentrant lock that is free in a forked child: the thread of the parent that held it does not exist there.

    Hold it for a few instructions that leave what they change whole at every moment, since a fork may come between.
    """

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: dict[int, threading.RLock] = {}

    def acquire(self, blocking: bool = True) -> bool:
        """Take the lock, and return whether it is held now; without `blocking`, do not wait for another thread."""
        process = os.getpid()
        lock = self._locks.get(process)
        if lock is None:
            lock = self._locks.setdefault(process, threading.RLock())  # atomic
        return lock.acquire(blocking)

    def release(self) -> None:
        """Free the lock."""
        self._locks[os.getpid()].release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
