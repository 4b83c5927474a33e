"""A file of lines to which each line is appended by a single write."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ...schemas.atomic_files import cannot_write
from ...schemas.errors import ConfigError
from ...schemas.json_text import JSONDecodeError, loads

_BLOCK = 2**18


class LinesFile:
    """Lines of JSON in a file that one process writes. The caller holds a lock.

    path: the file.
    job: the value of the field `map` in all lines, which only lines of the same map have.
    begin: the first bytes of every line, with the name of its first field: `{"index":`.

    A process that is killed leaves whole lines. Only a machine that crashes may leave a part of the last one.
    """

    def __init__(self, path: str, job: str, begin: bytes) -> None:
        self.path = path
        self.size = 0
        """Bytes of whole lines."""
        self._job = job
        self._begin = begin
        self._field = begin.decode()[2:-2]
        self._file = -1

    @property
    def is_open(self) -> bool:
        """Whether the file is open."""
        return self._file >= 0

    def open(self) -> None:
        """Open the file, and create it if it is missing.

        Before you write, read `rows` to the end, which checks them, and then call `settle`.

        Raises ConfigError if it cannot be written, if another process has it open, or if it does not end as a file of a
        map.
        """
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._file = os.open(self.path, flags, 0o666)
            found = os.fstat(self._file)
            if not stat.S_ISREG(found.st_mode):
                raise ConfigError(f"{self.path} is a device or a pipe", hint="name another file in out=")
            self._lock()
            self.size = found.st_size
            end = self._end_of_last_line()
            if end < self.size and not self._is_whole(end):
                self.size = end
        except ValueError as error:
            raise ConfigError(f"{self.path!r:.80} is not a path: {error}") from None
        except OSError as error:
            self.close()
            raise cannot_write(self.path, error) from error
        except ConfigError:
            self.close()
            raise

    def settle(self) -> None:
        """Cut off a part of a line at the end, and give a whole one its line end."""
        if not self.size:
            self.cut(0)
            return
        self.cut(self.size)
        os.lseek(self._file, self.size - 1, os.SEEK_SET)
        if os.read(self._file, 1) != b"\n":  # an editor may leave it out
            self.append(b"\n")

    def rows(self) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
        """Yield the lines with their values. Raises ConfigError for one that no map, or another map, has written."""
        for number, (at, line) in enumerate(self.lines(), 1):
            try:
                row = loads(line)
            except JSONDecodeError:
                row = None
            if not isinstance(row, dict) or self._field not in row or "map" not in row:
                raise self._foreign(number)
            if row["map"] != self._job:
                raise ConfigError(
                    f"{self.path} is of a map with another model, prompt, schema or tools",
                    hint="give another out=, or move that file away to begin anew",
                )
            yield at, line, row

    def _is_whole(self, at: int) -> bool:
        """Check whether a last line without an end is whole. Raises ConfigError for one that no map has written."""
        os.lseek(self._file, at, os.SEEK_SET)
        rest = os.read(self._file, 1)
        if rest in b"{\0":
            rest += b"".join(iter(lambda: os.read(self._file, _BLOCK), b""))
            with suppress(JSONDecodeError):
                return isinstance(loads(rest), dict)  # rows() looks at what is in it
        begin = self._begin
        if begin.startswith(rest) or rest.startswith(begin) or not rest.strip(b"\0"):  # zeros: after a power cut
            return False
        raise self._foreign(None)

    def _foreign(self, number: int | None) -> ConfigError:
        where = "the last line" if number is None else f"line {number}"
        return ConfigError(
            f"{where} of {self.path} is not a result of a map, and nothing was changed",
            hint="give another out=, or move that file away",
        )

    def append(self, lines: bytes) -> int:
        """Append a line, or several, given with their line ends, and return the offset of the first in bytes.

        Raises ConfigError if they cannot be written; the file is then as long as before.
        """
        at = self.size
        try:
            if os.write(self._file, lines) < len(lines):  # a full disk
                os.ftruncate(self._file, at)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.size = at + len(lines)
        return at

    def check_present(self) -> None:
        """Raise ConfigError if the file was deleted meanwhile: its lines would be lost."""
        try:
            if not os.fstat(self._file).st_nlink:
                raise OSError(errno.ENOENT, "it was deleted meanwhile")
        except OSError as error:
            raise cannot_write(self.path, error) from error

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
        if rest:
            yield at, rest + b"\n"

    def cut(self, size: int) -> None:
        """Shorten the file to `size` bytes. Raises ConfigError if that fails."""
        try:
            os.ftruncate(self._file, size)
        except OSError as error:
            raise cannot_write(self.path, error) from error
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
