"""Forked children of a process that uses the native library: the library's threads exist only in the parent.

llama.cpp's server joins its threads when it is destroyed, and so do its static objects when the process ends: in a
child, which has none of these threads, that hangs or aborts. Nor can the library start a server there again. So a child
leaves the library alone: objects are never destroyed, the exit skips the library's own handlers, and calls go to the
model that runs in the parent.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

_owner: int | None = None


def guard(forked: Callable[[], None]) -> None:
    """Note that this process uses the library from now on; `forked` runs in each of its children."""
    global _owner
    if _owner is None:
        _owner = os.getpid()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=lambda: _enter(forked))


def from_a_parent() -> bool:
    """Check whether this process inherited the library from a parent that used it."""
    return _owner is not None and _owner != os.getpid()


def keep_for_ever(value: object) -> None:
    """Never destroy an object, not even when the interpreter ends."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


def _enter(forked: Callable[[], None]) -> None:
    forked()
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "on_exit"):
        return  # not glibc: processes that end by os._exit, as those of multiprocessing do, are safe anyway
    # Handlers run in reverse order. fcloseall writes out C's buffers, then _exit ends the process before the library's
    # handlers are reached; on_exit passes the exit status, and fcloseall, which takes no argument, ignores it.
    libc.on_exit(libc._exit, None)
    libc.on_exit(libc.fcloseall, None)
