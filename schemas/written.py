"""Writing a file so that whoever reads it, or is killed while writing it, never has half of one."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from zlib import crc32

from .errors import ConfigError

# What says that a file beside, or its renaming, is not to be had, though the file itself may be writable: a folder of
# someone else's, a single file mounted into a container.
_NOT_BESIDE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV}


def write_file(path: str | os.PathLike[str], content: bytes, *, mode: int | None = None) -> None:
    """Put `content` in the place of what the file holds, all of it or nothing.

    It is written beside, forced to the disk and renamed. A symbolic link stays, and what it points to is replaced. A
    file keeps its owner and permissions; `mode` sets them before anything is in it. Raises ConfigError where it cannot
    be written. What cannot be renamed into place (a device, a pipe, a file in a folder that takes no new ones) is
    written as it stands.
    """
    update_file(path, lambda: content, mode=mode)


def update_file(path: str | os.PathLike[str], content: Callable[[], bytes], *, mode: int | None = None) -> None:
    """Do the same with content that is made while no other process writes a file of this folder by these functions."""
    target = os.path.realpath(path)
    try:
        with locked(os.path.dirname(target)) as folder:
            _replace(target, content(), mode, folder)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: str | os.PathLike[str], error: OSError) -> ConfigError:
    """The error that says so to a user."""
    reason = error.strerror or type(error).__name__
    return ConfigError(f"cannot write {os.fspath(path)}: {reason}", hint="check the path, its permissions and the disk")


@contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[int | None]:
    """Keep other processes and threads that ask for the same folder waiting. Gives the folder's descriptor; None where
    the system has no such locks, and nothing is kept. The lock goes with the process, however it ends."""
    descriptor = _taken(folder)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            _given_back(descriptor)


def _taken(folder: str | os.PathLike[str]) -> int | None:
    descriptor = None
    try:
        import fcntl  # not on Windows

        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # some network file systems lock no folders
    except (ImportError, OSError):
        if descriptor is not None:
            os.close(descriptor)
        return None
    return descriptor


def _given_back(descriptor: int) -> None:
    import fcntl

    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # not by closing alone: a forked child may have the descriptor, too
    os.close(descriptor)


def _replace(target: str, content: bytes, mode: int | None, folder: int | None) -> None:
    before = os.stat(target) if os.path.exists(target) else None
    if before is not None and not stat.S_ISREG(before.st_mode):
        return _write_in_place(target, content)
    if before is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only")
    home, name = os.path.split(target)
    prefix = f".stepwell-{crc32(os.fsencode(name)):08x}-"
    if folder is not None:
        _sweep(home, prefix)  # nobody else is writing: what is there was left by a process that was killed
    beside = os.path.join(home, f"{prefix}{os.getpid()}-{os.urandom(4).hex()}")
    try:
        _write_beside(beside, content, mode, before)
        os.replace(beside, target)
    except OSError as error:
        if before is None or error.errno not in _NOT_BESIDE:
            raise
        _write_in_place(target, content)
    finally:
        with suppress(OSError):
            os.unlink(beside)
    if folder is not None:
        with suppress(OSError):
            os.fsync(folder)  # the new name, too


def _write_beside(path: str, content: bytes, mode: int | None, before: os.stat_result | None) -> None:
    if mode is None and before is not None:
        mode = stat.S_IMODE(before.st_mode)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o666 if mode is None else 0o600), "wb") as file:
        if before is not None and hasattr(os, "fchown"):
            with suppress(OSError):  # not everybody may give files away
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
        if mode is not None:
            os.chmod(path, mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _write_in_place(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)


def _sweep(folder: str, prefix: str) -> None:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(prefix):
                with suppress(OSError):
                    os.unlink(entry.path)
