"""HTTP/2 for threads: each connection has one call at a time, and one is used again when its call has ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from stepwell.one_call_each import OneCallEach

REQUEST = httpx.Request("POST", "https://a.test", extensions={"timeout": {"pool": 0.01}})


class Body(httpx.SyncByteStream):
    def __init__(self, link: Link) -> None:
        self._link = link

    def __iter__(self) -> Iterator[bytes]:
        yield b"body"

    def close(self) -> None:
        self._link.calls -= 1


class Link:
    """A client that notes how many calls it has at once."""

    def __init__(self) -> None:
        self.calls = self.most = 0
        self.closed = self.fails = False

    def send(self, request: httpx.Request, **_: Any) -> httpx.Response:
        self.calls += 1
        self.most = max(self.most, self.calls)
        if self.fails:
            self.calls -= 1
            raise httpx.ReadError("broken")
        return httpx.Response(200, stream=Body(self))

    def close(self) -> None:
        self.closed = True


def made(most: int) -> tuple[OneCallEach, list[Link]]:
    links: list[Link] = []

    def make() -> Link:
        links.append(Link())
        return links[-1]

    return OneCallEach(make, most), links


def send(client: OneCallEach, request: httpx.Request = REQUEST) -> httpx.Response:
    return client.send(request, stream=True, follow_redirects=False)


def test_calls_one_after_another_share_a_connection() -> None:
    client, links = made(5)
    for _ in range(3):
        response = send(client)
        assert b"".join(response.stream) == b"body"
        response.close()
        response.close()  # a second one does nothing
    assert len(links) == 1 and links[0].most == 1
    client.close()
    assert links[0].closed


def test_calls_at_once_have_connections_of_their_own_and_no_more_than_allowed() -> None:
    client, links = made(2)
    first, second = send(client), send(client)
    with pytest.raises(httpx.PoolTimeout):
        send(client)
    first.close()
    send(client).close()
    second.close()
    assert [link.most for link in links] == [1, 1]


def test_a_failed_call_gives_its_connection_back() -> None:
    client, links = made(1)
    send(client).close()
    links[0].fails = True
    for _ in range(3):
        with pytest.raises(httpx.ReadError):
            send(client)
    assert len(links) == 1


def test_threads_never_share_a_connection() -> None:
    client, links = made(16)
    gate = threading.Barrier(16)

    def work() -> None:
        gate.wait()
        for _ in range(50):
            send(client, httpx.Request("POST", "https://a.test")).close()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {link.most for link in links} == {1} and not any(link.calls for link in links)
