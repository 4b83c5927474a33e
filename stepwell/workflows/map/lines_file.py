"""A file of lines to which each line is appended by a single write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from ...schemas.atomic_files import cannot_write
from ...schemas.errors import ConfigError

_BLOCK = 2**18


class LinesFile:
    """Lines of JSON in a file that one process writes. The caller holds a lock.

    A process that is killed leaves whole lines. Only a machine that crashes may leave a part of the last one, which
    `open` cuts off.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0
        """Bytes."""
        self._file = -1

    @property
    def is_open(self) -> bool:
        """Whether the file is open."""
        return self._file >= 0

    def open(self) -> None:
        """Open the file, create it if it is missing, and cut off a last line without a line end.

        Raises ConfigError if it cannot be written, or if another process has it open.
        """
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._file = os.open(self.path, flags, 0o666)
            self._lock()
            self.size = os.fstat(self._file).st_size
            end = self._end_of_last_line()
            if end < self.size:
                self.cut(end)
        except OSError as error:
            self.close()
            raise cannot_write(self.path, error) from error

    def append(self, line: bytes) -> int:
        """Append a line, given with its line end, and return its offset in bytes.

        Raises ConfigError if it cannot be written; the file is then as long as before.
        """
        at = self.size
        try:
            if os.write(self._file, line) < len(line):  # a full disk
                os.ftruncate(self._file, at)
                raise OSError(28, os.strerror(28))
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.size = at + len(line)
        return at

    def line_at(self, at: int) -> bytes:
        """Return the line at an offset, with its line end."""
        os.lseek(self._file, at, os.SEEK_SET)
        data = os.read(self._file, 4096)
        while b"\n" not in data:
            more = os.read(self._file, _BLOCK)
            if not more:
                break
            data += more
        return data[: data.index(b"\n") + 1]

    def lines(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield the offset of each line and the line. Lines that are appended meanwhile are left out."""
        at, read, rest, end = start, start, b"", self.size
        while read < end:
            os.lseek(self._file, read, os.SEEK_SET)
            block = os.read(self._file, min(_BLOCK, end - read))
            read += len(block)
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                yield at, line + b"\n"
                at += len(line) + 1

    def cut(self, size: int) -> None:
        """Shorten the file to `size` bytes."""
        os.ftruncate(self._file, size)
        self.size = size

    def flush(self) -> None:
        """Wait until all data is on the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def remove(self) -> None:
        """Close the file and delete it."""
        self.close()
        with suppress(OSError):
            os.unlink(self.path)

    def _lock(self) -> None:
        with suppress(ImportError):
            import fcntl  # not on Windows

            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"another process or map is writing {self.path}",
                    hint="give each its own out=",
                ) from None
            except OSError:
                pass  # some network file systems have no locks

    def _end_of_last_line(self) -> int:
        end = self.size
        while end:
            start = max(0, end - _BLOCK)
            os.lseek(self._file, start, os.SEEK_SET)
            found = os.read(self._file, end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0
