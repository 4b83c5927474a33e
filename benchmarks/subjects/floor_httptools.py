"""The floor of the fast transport: bare sockets, httptools (llhttp) for the framing, and orjson."""

import child  # noqa: F401  # isort: skip - first, for its clock

import sockets
from httptools import HttpResponseParser


class Answer:
    """An answer that llhttp reads."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.done = False
        self.on_body = self.pieces.append
        self.parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        if not data:
            raise ConnectionError("the server has closed the connection")
        self.parser.feed_data(data)

    def on_headers_complete(self) -> None:
        if self.parser.get_status_code() != 200:
            raise ValueError(f"status {self.parser.get_status_code()}")

    def on_message_complete(self) -> None:
        self.done = True
        self.parser = None  # ends the reference cycle


sockets.serve(Answer, ["httptools", "orjson"])
