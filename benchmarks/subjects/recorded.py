"""An httpx transport without a network: a stream from memory."""

from collections.abc import Iterator

import httpx

READ = 65536  # bytes at a time, as from a fast socket


class Recorded(httpx.BaseTransport):
    """A transport that answers every request with the same stream of server-sent events."""

    def __init__(self, data: bytes) -> None:
        self.reads = [data[at : at + READ] for at in range(0, len(data), READ)]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Reads(self.reads))


class Reads(httpx.SyncByteStream):
    def __init__(self, reads: list[bytes]) -> None:
        self.reads = reads

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.reads)
