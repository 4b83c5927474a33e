"""The fault matrix: what networks and servers do to a stream, and the expected outcome.

Lossless faults change nothing in the answer; the others are typed errors that keep what had arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stepwell.providers.wires.protocols import sse

from recordings import Recording, with_body

Transform = Callable[[Recording], Recording]


def events(recording: Recording) -> list[bytes]:
    """Split a server-sent stream into its blocks, each with its blank line."""
    body = recording.body.replace(b"\r\n", b"\n")
    return [block + b"\n\n" for block in body.split(b"\n\n") if block.strip()]


def _lines(ending: bytes) -> Transform:
    return lambda recording: with_body(recording, b"".join(events(recording)).replace(b"\n", ending))


def _join(change: Callable[[list[bytes]], list[bytes]]) -> Transform:
    return lambda recording: with_body(recording, b"".join(change(events(recording))))


def _split_data(block: bytes) -> bytes:
    """Split one `data:` line in two after the first comma: they join with a newline, which JSON allows."""
    lines = []
    for line in block.strip(b"\n").split(b"\n"):
        head, comma, tail = line.partition(b',"')
        whole = line.startswith(b"data: {") and comma and head.count(b'"') % 2 == 0
        lines.append(head + b'\ndata: ,"' + tail if whole else line)
    return b"\n".join(lines) + b"\n\n"


LOSSLESS: dict[str, Transform] = {
    "one byte at a time": lambda recording: with_body(recording, recording.body, 1),
    "three bytes at a time": lambda recording: with_body(recording, recording.body, 3),
    "CR": _lines(b"\r"),
    "CRLF": _lines(b"\r\n"),
    "CRLF, one byte at a time": lambda recording: with_body(recording, _lines(b"\r\n")(recording).body, 1),
    "a BOM": _join(lambda blocks: [b"\xef\xbb\xbf", *blocks]),
    "comments between all events": _join(lambda blocks: [b": ping\n\n" + block for block in blocks]),
    "keep-alives in data": _join(lambda blocks: [b"data: : keepalive\n\ndata:\n\n" + block for block in blocks]),
    "no space after data:": _join(lambda blocks: [block.replace(b"data: ", b"data:", 1) for block in blocks]),
    "data on several lines": _join(lambda blocks: [_split_data(block) for block in blocks]),
    "no last blank line": _join(lambda blocks: [*blocks[:-1], blocks[-1].rstrip(b"\n")]),
    "an unknown event": _join(lambda blocks: [b"event: keepalive\n\nid: 7\nretry: 5\n\n" + block for block in blocks]),
}


def cuts(recording: Recording) -> Iterator[tuple[int, Recording]]:
    """Yield the recording cut after each event except the last few, which may be trailers."""
    blocks = events(recording)
    for at in range(len(blocks)):
        yield at, with_body(recording, b"".join(blocks[:at]))


def framed(recording: Recording) -> list[tuple[str, bytes]]:
    """Parse the events by stepwell's parser."""
    found, buffer = sse.parse(recording.body, b"")
    return found + sse.parse(b"", buffer)[0]
