"""The log: one file to which records are appended. What a call of `append` has written survives the end of the process.

A frame has the records of one part of a job that are written together. It is the length of its payload, its CRC-32 and
a check of both, 4 bytes each, little-endian, and the payload: a line of JSON `[part, before, [[kind, path, number,
data, bytes], ...]]`, and the bodies of the records, of so many bytes each. `before` is the offset of the frame before
it of the same part, -1 for the first. So the last offset finds all of a part, and memory does not grow with the others.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from ..pipeline.journal.records import Record
from ..schemas.atomic_files import flush_name
from ..schemas.errors import JournalError
from ..schemas.json_text import dumps, loads_fast

MAGIC = b"stepwell journal 2\n"
_HEAD = struct.Struct("<III")
_CHECK = 0x4A4F5552
"""What the third number of a head is made with: a head is whole or cut, so that one which does not fit is damaged."""
_ID_BYTES = 32
START = len(MAGIC) + _ID_BYTES + 1
"""The offset of the first frame, after the magic and the log's id."""
_BEFORE, _AFTER = 16_384, 4096
"""How many bytes in front of a frame, and from there on, are read together with it."""
_AT_ONCE = 1 << 20


def frame(part: int, before: int, records: Sequence[Record]) -> bytes:
    """Return the frame of some records."""
    heads, bodies = [], b"\n"
    for kind, path, number, data, body in records:
        heads.append((kind, path, number, data, len(body)))
        if body:
            bodies += body
    payload = dumps((part, before, heads)) + bodies
    size, crc = len(payload), crc32(payload)
    return _HEAD.pack(size, crc, size ^ crc ^ _CHECK) + payload


def records_in(payload: bytes) -> tuple[int, int, list[Record]]:
    """Return the part, the offset of the frame before, and the records."""
    line, _, bodies = payload.partition(b"\n")
    part, before, heads = loads_fast(line)
    records, at = [], 0
    for kind, path, number, data, size in heads:
        records.append((kind, tuple(path), number, data, bodies[at : at + size]))
        at += size
    return part, before, records


class Log:
    """An open log file.

    path: the file; made if it is missing, unless `writes` is False.
    id: what a new file is named by, 32 characters, so that an index of another one is not taken for its own.
    power: whether each append waits until the disk has it.
    writes: whether it is opened to be changed.

    Raises JournalError for a file that is no log or cannot be used.
    """

    _end: int
    """Its length; ~length from before a frame until that is whole, and after one that was broken off: the next one
    takes its place. An interrupt may come at any moment, and mostly comes while the disk is waited for."""

    def __init__(self, path: Path, id: str, *, power: bool = False, writes: bool = True) -> None:
        self.path = path
        self._power = power
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT if writes else os.O_RDONLY
        try:
            self.descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            raise self.failed("opened", error) from None
        try:
            found = os.fstat(self.descriptor)
            if not stat.S_ISREG(found.st_mode):  # reading a pipe would wait for ever
                raise JournalError(f"{path} is not a file", hint="name another file in journal=")
            self._end = found.st_size
            head = os.read(self.descriptor, START)
            if not head.startswith(MAGIC) and not MAGIC.startswith(head[: len(MAGIC)]):
                raise JournalError(f"{path} is not the log of a journal", hint="name another file in journal=")
            if len(head) < START:  # a new file, or one whose process was killed as it made it
                head = MAGIC + id.encode() + b"\n"
                if writes:
                    self.cut(0)
                    self.append(head)
                    if power:
                        flush_name(path)
            self.id = head[len(MAGIC) : START - 1].decode("latin-1")
        except BaseException as error:
            os.close(self.descriptor)
            if isinstance(error, OSError):
                raise self.failed("read", error) from None
            raise

    @property
    def end(self) -> int:
        """The offset after the last frame that was written to its end."""
        return self._end if self._end >= 0 else ~self._end

    def append(self, data: bytes) -> int:
        """Write frames at the end, and return their offset. Raises JournalError if they cannot be written whole.

        One call of the system writes them: the kernel has them then, whatever becomes of the process.
        """
        at = self._end
        try:
            if at < 0:
                at = ~at
                os.ftruncate(self.descriptor, at)
            self._end = ~at
            written = os.write(self.descriptor, data)
            while written < len(data):  # a full disk takes a part at first, and is an error then
                written += os.write(self.descriptor, data[written:])
            if self._power:
                _flush(self.descriptor)
        except OSError as error:
            with suppress(OSError):
                self.cut(at)
            raise self.failed("written", error) from None
        self._end = at + len(data)
        return at

    def records_of(self, last: int) -> list[Record]:
        """Return the records of a part in their order. Raises JournalError for a damaged frame.

        last: the offset of its last frame.
        """
        found: list[list[Record]] = []
        start, block = 0, b""  # what was read around the frame before: most frames of a part are near each other
        while last >= 0:
            if not start <= last <= start + len(block) - _HEAD.size:
                start = max(0, last - _BEFORE)
                block = self._read(start, last - start + _AFTER)
                if len(block) < last - start + _HEAD.size:
                    raise self._damaged(last)
            size, crc, check = _HEAD.unpack_from(block, at := last - start)
            payload = block[at + _HEAD.size : at + _HEAD.size + size]
            if len(payload) < size <= self.end - last:
                payload += self._read(start + len(block), size - len(payload))
            if check != size ^ crc ^ _CHECK or len(payload) != size or crc32(payload) != crc:
                raise self._damaged(last)
            _, last, records = records_in(payload)
            found.append(records)
        return [record for records in reversed(found) for record in records]

    def _read(self, offset: int, size: int) -> bytes:
        try:
            os.lseek(self.descriptor, offset, os.SEEK_SET)
            return os.read(self.descriptor, size)
        except OSError as error:
            raise self.failed("read", error) from None

    def scan(self, offset: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield the offset, the offset after it and the payload of each frame from an offset on.

        It ends at a last frame that is torn: `torn` is its offset then, else None. Raises JournalError for a damaged
        frame that others follow.
        """
        self.torn: int | None = None
        with open(self.path, "rb") as file:
            file.seek(offset)
            while head := file.read(_HEAD.size):
                if len(head) < _HEAD.size:
                    break
                size, crc, check = _HEAD.unpack(head)
                if check != size ^ crc ^ _CHECK:
                    if head.strip(b"\0") or file.read().strip(b"\0"):  # zeros are what a power cut may leave
                        raise self._damaged(offset)
                    break
                payload = file.read(size)
                if len(payload) < size or crc32(payload) != crc:
                    if file.read(1):
                        raise self._damaged(offset)
                    break
                yield offset, (offset := offset + _HEAD.size + size), payload
            else:
                return
            self.torn = offset

    def cut(self, offset: int) -> None:
        """Remove what is torn at the end."""
        os.ftruncate(self.descriptor, offset)
        self._end = offset

    def close(self) -> None:
        """Close the file."""
        descriptor, self.descriptor = self.descriptor, -1  # before: another file may get its number
        if descriptor >= 0:
            os.close(descriptor)

    def failed(self, what: str, error: OSError) -> JournalError:
        reason = error.strerror or type(error).__name__
        return JournalError(
            f"the journal {self.path} cannot be {what}: {reason}",
            hint="check the path, its permissions and the disk; what was recorded before is kept",
        )

    def _damaged(self, offset: int) -> JournalError:
        return JournalError(
            f"the journal {self.path} is damaged at byte {offset:,}", hint="restore the file, or begin a new one"
        )


def rewritten(log: Log, parts: set[int], id: str) -> dict[int, int]:
    """Write a log anew with the records of these parts alone, and return the offset of the last record of each.

    The old log is whole until the new one takes its place, which an index of the old one does not fit.
    """
    path = Path(f"{log.path}.new")
    path.unlink(missing_ok=True)
    fresh, ends = Log(path, id), dict.fromkeys(parts, -1)
    forgotten: dict[int, int] = {}
    """Where a part was forgotten whose number a later one has got."""
    for offset, _, payload in log.scan(START):
        part, _, records = records_in(payload)
        if records[0][0] == "F":
            forgotten.update(dict.fromkeys(records[0][3], offset))
    try:
        batch: list[bytes] = []
        at = fresh.end
        for offset, _, payload in log.scan(START):
            part, _, records = records_in(payload)
            if part not in ends or offset < forgotten.get(part, -1):
                continue
            batch.append(frame(part, ends[part], records))
            ends[part], at = at, at + len(batch[-1])
            if at - fresh.end > _AT_ONCE:
                fresh.append(b"".join(batch))
                batch.clear()
        fresh.append(b"".join(batch))
        os.fsync(fresh.descriptor)
    finally:
        fresh.close()
    os.replace(path, log.path)
    flush_name(path)
    return ends


def _flush(file: int) -> None:
    getattr(os, "fdatasync", os.fsync)(file)
