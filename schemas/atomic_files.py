"""Write files atomically: a reader, or a process killed while writing, never leaves or sees half a file."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from zlib import crc32

from .errors import ConfigError

# Errors which mean that no temporary file can be created beside the file, or renamed to it, although the file itself
# may be writable: in a folder of another user, or for a single file mounted into a container.
_NO_TEMPORARY_FILE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV}


def write_file(path: str | os.PathLike[str], content: bytes, *, mode: int | None = None) -> None:
    """Replace the content of a file, completely or not at all.

    path: the file. Of a symbolic link, the file that it points to is replaced.
    content: its new content.
    mode: its permissions, set before the content is written; by default those it has.

    A temporary file beside it is written, flushed to the disk and renamed. The owner stays the same. What cannot be
    replaced by renaming (a device, a pipe, a file in a folder without write permission) is written in place. Raises
    ConfigError if the file cannot be written.
    """
    update_file(path, lambda: content, mode=mode)


def update_file(path: str | os.PathLike[str], content: Callable[[], bytes], *, mode: int | None = None) -> None:
    """Replace the content of a file with the result of a function that runs under the folder's lock.

    path: the file.
    content: makes the new content while no other process writes a file of this folder by these functions.
    mode: its permissions; by default those it has.

    Raises ConfigError if the file cannot be written.
    """
    target = os.path.realpath(path)
    try:
        with locked(os.path.dirname(target)) as folder:
            _replace(target, content(), mode, folder)
    except OSError as error:
        raise cannot_write(path, error) from error


def replace_end(path: str | os.PathLike[str], old: bytes, new: bytes) -> bool:
    """Write over the end of a file in place, flushed to the disk, under the folder's lock.

    It costs the same however long the file is. A process that is killed meanwhile may leave a part of the new end.

    path: the file.
    old: how it must end now; else nothing is written, and the result is False. So it is without a file.
    new: its new end, longer than the old one.

    Raises OSError, and leaves the old end, if it cannot be written.
    """
    target = os.path.realpath(path)
    with locked(os.path.dirname(target)), suppress(FileNotFoundError), open(target, "r+b", buffering=0) as file:
        at = file.seek(0, os.SEEK_END) - len(old)
        if file.seek(max(at, 0)) == at and file.read() == old:
            try:
                file.seek(at)
                if file.write(new) < len(new):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError:
                file.truncate(at)
                file.seek(at)
                file.write(old)
                raise
            return True
    return False


def cannot_write(path: str | os.PathLike[str], error: OSError) -> ConfigError:
    """Return the error for a file that cannot be written."""
    reason = error.strerror or type(error).__name__
    return ConfigError(f"cannot write {os.fspath(path)}: {reason}", hint="check the path, its permissions and the disk")


@contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[int | None]:
    """Hold a lock on a folder, for which other processes and threads wait.

    Yields the folder's descriptor, or None where the system has no such locks: nothing is locked then. The lock ends
    with the process, however that ends.
    """
    with ExitStack() as at_end:
        yield _lock(folder, at_end)


def _lock(folder: str | os.PathLike[str], at_end: ExitStack) -> int | None:
    with suppress(ImportError, OSError):
        import fcntl  # not on Windows

        descriptor = os.open(folder, os.O_RDONLY)
        at_end.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # fails on some network file systems
        at_end.callback(_unlock, descriptor)
        return descriptor
    return None


def _unlock(descriptor: int) -> None:
    import fcntl

    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough: a forked child may have the descriptor, too


def _replace(target: str, content: bytes, mode: int | None, folder: int | None) -> None:
    before = os.stat(target) if os.path.exists(target) else None
    if before is not None and not stat.S_ISREG(before.st_mode):
        Path(target).write_bytes(content)
        return
    if before is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only")
    home, name = os.path.split(target)
    prefix = f".stepwell-{crc32(os.fsencode(name)):08x}-"
    if folder is not None:
        _sweep(home, prefix)  # no one else is writing: these were left by processes that were killed
    temporary = os.path.join(home, f"{prefix}{os.getpid()}-{os.urandom(4).hex()}")
    try:
        _write_temporary(temporary, content, mode, before)
        os.replace(temporary, target)
    except OSError as error:
        if before is None or error.errno not in _NO_TEMPORARY_FILE:
            raise
        Path(target).write_bytes(content)
    finally:
        with suppress(OSError):
            os.unlink(temporary)
    if folder is not None:
        with suppress(OSError):
            os.fsync(folder)  # makes the new name durable, too


def flush_name(path: str | os.PathLike[str]) -> None:
    """Wait until the disk has the name of a file that was made or renamed, where the system can do that."""
    with suppress(OSError):  # Windows opens no folders
        folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write_temporary(path: str, content: bytes, mode: int | None, before: os.stat_result | None) -> None:
    if mode is None and before is not None:
        mode = stat.S_IMODE(before.st_mode)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o666 if mode is None else 0o600), "wb") as file:
        if before is not None and hasattr(os, "fchown"):
            with suppress(OSError):  # may need more rights than the user has
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
        if mode is not None:
            os.chmod(path, mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sweep(folder: str, prefix: str) -> None:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(prefix):
                with suppress(OSError):
                    os.unlink(entry.path)
