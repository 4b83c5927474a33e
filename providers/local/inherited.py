"""What a forked child does with a native library whose threads have stayed behind in its parent.

llama.cpp's server joins its threads when it goes, and so do its static objects when the process ends: in a child, which
has none of these threads, that hangs or aborts. Nor can the library start a server there again. So a child leaves all
of it alone: objects are never destroyed, the exit passes by the library's own handlers, and the model is asked where it
runs, in the parent.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

_owner: int | None = None


def guard(forked: Callable[[], None]) -> None:
    """The library is in use from now on, in this process; `forked` runs in each child of it."""
    global _owner
    if _owner is None:
        _owner = os.getpid()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=lambda: _enter(forked))


def from_a_parent() -> bool:
    """Whether this process has got the library from its parent, which had used it."""
    return _owner is not None and _owner != os.getpid()


def keep_for_ever(thing: Any) -> None:
    """Let an object outlive even the interpreter."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _enter(forked: Callable[[], None]) -> None:
    forked()
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "on_exit"):
        return  # not glibc: processes that end by os._exit, as those of multiprocessing do, are safe all the same
    # Handlers run in reverse. The first of ours writes out what C programs have buffered, the second ends the process
    # with its status before the library's are reached; on_exit hands it over, and who takes no argument ignores it.
    libc.on_exit(libc._exit, None)
    libc.on_exit(libc.fcloseall, None)
