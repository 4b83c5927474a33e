"""What a forked child needs: locks that it finds free, and no module that another thread was importing."""

from __future__ import annotations

import os
import sys
import threading
from types import FrameType
from typing import Any

PROCESS = [os.getpid()]
"""The id of this process, at the price of a look-up; changed in each forked child."""
_IMPORT_SYSTEM = "<frozen importlib._bootstrap>"


class ProcessLock:
    """A reentrant lock that is free in a forked child: the thread of the parent that held it does not exist there.

    Hold it for a few instructions that leave what they change whole at every moment, since a fork may come between.
    """

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: dict[int, threading.RLock] = {}

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock, and return whether it is held now.

        blocking: whether to wait for another thread.
        timeout: the most seconds to wait; -1 for no limit.
        """
        process = os.getpid()
        lock = self._locks.get(process)
        if lock is None:
            lock = self._locks.setdefault(process, threading.RLock())  # atomic
        return lock.acquire(blocking, timeout)

    def release(self) -> None:
        """Free the lock."""
        self._locks[os.getpid()].release()

    def __enter__(self) -> None:
        lock = self._locks.get(os.getpid())  # in place of a call of `acquire`, which would double what this takes
        if lock is None:
            self.acquire()
        else:
            lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._locks[os.getpid()].release()


def wait_for_imports() -> None:
    """Wait until no other thread imports what a call of ours needs, at most a second; run before each fork.

    A module's lock stays held in the child, where its thread does not exist: the first call would wait for it for ever.
    """
    own = threading.get_ident()
    for _ in range(1000):
        if not any(_imports(frame) for thread, frame in sys._current_frames().items() if thread != own):
            return
        threading.Event().wait(0.001)  # seconds


def _imports(frame: FrameType | None) -> bool:
    """Return whether code of ours is importing a module in this thread."""
    importing = False
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT_SYSTEM:
            importing = True
        elif importing and frame.f_globals.get("__name__", "").startswith("stepwell."):
            return True
        frame = frame.f_back
    return False


def import_anew() -> None:
    """Forget the imports that other threads had begun at a fork, so that the child can repeat them; run in each child.

    An import may have begun after the wait for it. Its lock is then held by a thread that the child does not have, and
    its module is incomplete: both are removed.
    """
    locks: dict[str, Any] = getattr(sys.modules.get("_frozen_importlib"), "_module_locks", {})
    own = threading.get_ident()
    for name, reference in list(locks.items()):
        if getattr(reference(), "owner", None) in (None, own):
            continue
        locks.pop(name, None)
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if getattr(spec, "_initializing", False):
            del sys.modules[name]


if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
    os.register_at_fork(before=wait_for_imports, after_in_child=import_anew)
    os.register_at_fork(after_in_child=lambda: PROCESS.__setitem__(0, os.getpid()))
