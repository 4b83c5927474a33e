"""What networks and servers do to a stream without changing its answer: changes of the frames of server-sent events.

Each takes the frames of a stream, one event each, and returns the pieces to send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from attrs import evolve

from feeding import every
from recordings import Recording, with_body

Change = Callable[[list[bytes]], list[bytes]]
BOM = b"\xef\xbb\xbf"


def _lines(ending: bytes) -> Change:
    return lambda frames: [frame.replace(b"\n", ending) for frame in frames]


def _before_each(data: bytes) -> Change:
    return lambda frames: [data + frame for frame in frames]


def _split_data(block: bytes) -> bytes:
    """Split one `data:` line in two after the first comma: they join with a newline, which JSON allows."""
    lines = []
    for line in block.strip(b"\n").split(b"\n"):
        head, comma, tail = line.partition(b',"')
        whole = line.startswith(b"data: {") and comma and head.count(b'"') % 2 == 0
        lines.append(head + b'\ndata: ,"' + tail if whole else line)
    return b"\n".join(lines) + b"\n\n"


def in_characters(frames: list[bytes]) -> list[bytes]:
    """Cut within each character of more than one byte, after each of its bytes."""
    data = b"".join(frames)
    edges = [0, *(at for at in range(1, len(data)) if 0x80 <= data[at] < 0xC0), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def byte_by_byte(frames: list[bytes]) -> list[bytes]:
    return every(1, b"".join(frames))


def without_last_blank_line(frames: list[bytes]) -> list[bytes]:
    return [*frames[:-1], frames[-1].rstrip(b"\n")]


LOSSLESS: dict[str, Change] = {
    "one byte at a time": byte_by_byte,
    "three bytes at a time": lambda frames: every(3, b"".join(frames)),
    "cuts within characters": in_characters,
    "CR": _lines(b"\r"),
    "CRLF": _lines(b"\r\n"),
    "CRLF, one byte at a time": lambda frames: byte_by_byte(_lines(b"\r\n")(frames)),
    "a BOM": lambda frames: [BOM, *frames],
    "comments between all events": _before_each(b": ping\n\n"),
    "keep-alives in data": _before_each(b"data: : keepalive\n\ndata:\n\n"),
    "no space after data:": lambda frames: [frame.replace(b"data: ", b"data:", 1) for frame in frames],
    "data on several lines": lambda frames: [_split_data(frame) for frame in frames],
    "no last blank line": without_last_blank_line,
    "an unknown event": _before_each(b"event: keepalive\n\nid: 7\nretry: 5\n\n"),
}


def events(recording: Recording) -> list[bytes]:
    """Split a server-sent stream into its blocks, each with its blank line."""
    body = recording.body.replace(b"\r\n", b"\n")
    return [block + b"\n\n" for block in body.split(b"\n\n") if block.strip()]


def changed(recording: Recording, fault: str) -> Recording:
    """Copy the recording with what the fault makes of its stream."""
    return evolve(recording, chunks=tuple(LOSSLESS[fault](events(recording))))


def cuts(recording: Recording) -> Iterator[tuple[int, Recording]]:
    """Yield the recording cut after each event except the last few, which may be trailers."""
    blocks = events(recording)
    for at in range(len(blocks)):
        yield at, with_body(recording, b"".join(blocks[:at]))
