"""The limit: bare sockets, and the least parsing that reads the same. Nothing that Python can do is left out."""

import child  # noqa: F401  # isort: skip - first, for its clock

import sockets


class Answer:
    """An answer of a known length, or in chunks."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.done = False
        self.rest = b""
        self.head = True
        self.left = -1  # bytes of the body that are missing; -1 where it comes in chunks

    def feed(self, data: bytes) -> None:
        if not data:
            raise ConnectionError("the server has closed the connection")
        at = 0
        if self.rest:
            data = self.rest + data
        if self.head:
            at = self._read_head(data)
            if not at:
                self.rest = data
                return
        if self.left < 0:
            self._read_chunks(data, at)
        else:
            self.pieces.append(data[at:] if at else data)
            self.left -= len(data) - at
            self.done = not self.left

    def _read_head(self, data: bytes) -> int:
        """Return where the body begins; 0 if the head is not complete."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        if data[9:12] != b"200":
            raise ValueError(f"status {data[9:12].decode()}")
        head = data[:end].lower()
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            self.left = int(head[at + 17 :].split(b"\r\n", 1)[0])
        self.head, self.rest = False, b""
        return end + 4

    def _read_chunks(self, data: bytes, at: int) -> None:
        find, length, pieces = data.find, len(data), self.pieces
        while (line := find(b"\r\n", at)) >= 0:
            size = int(data[at:line], 16)
            stop = line + 2 + size
            if stop + 2 > length:
                break
            if not size:
                self.done = True
                return
            pieces.append(data[line + 2 : stop])
            at = stop + 2
        self.rest = data[at:]


sockets.serve(Answer, ["orjson"])
