"""Odd, wrong and hostile servers: a call is answered, or fails with a typed error, and the next call works."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx
import pytest
from carriers import MODEL, aclient_of, client_of

from stepwell import Timeouts
from stepwell.schemas import errors
from stepwell.transports import FastTransport

from loopback import CERTIFICATES, END, LONG, SOON, Hangup, answer, chunk, completion, serving, streaming

ways = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
schemes = pytest.mark.parametrize("certificate", ["", "good"], ids=["plain", "TLS"])

OK = b"HTTP/1.1 200 OK\r\n"
BODY = completion("hello")
LENGTH = b"content-length: %d\r\n" % len(BODY)
WHOLE = OK + LENGTH + b"\r\n" + BODY
CHUNKED = OK + b"transfer-encoding: chunked\r\n"
CHUNK = chunk(BODY)
CUT = errors.StreamTruncated

ANSWERED: dict[str, bytes | list[Any]] = {
    "1xx before it": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + WHOLE,
    "1xx of its own": [b"HTTP/1.1 102 Processing\r\n\r\n", 0.01, WHOLE],
    "empty lines before it": b"\r\n\r\n" + WHOLE,
    "trailers": CHUNKED + b"\r\n" + CHUNK + b"0\r\nx-sum: 1\r\ncontent-length: 7\r\n\r\n",
    "extensions of chunks": CHUNKED + b'\r\n%x;n=v;q="a b"\r\n%s\r\n0;last\r\n\r\n' % (len(BODY), BODY),
    "spaces after the size of a chunk": CHUNKED + b"\r\n%x  \r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a length beside chunks": CHUNKED + b"content-length: 3\r\n\r\n" + CHUNK + END,
    "no reason in the first line": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + BODY,
    "no spaces in headers": b"HTTP/1.1 200 OK\r\ncontent-length:%d\r\nx:\r\n\r\n%s" % (len(BODY), BODY),
    "a head byte by byte": [WHOLE[at : at + 1] for at in range(len(OK) + 20)] + [WHOLE[len(OK) + 20 :]],
    "a second answer in the same read": WHOLE + answer(completion("of another call")),
    "half of a second answer": WHOLE + OK + b"content-le",
    "junk after it": WHOLE + b"RUBBISH RUBBISH\r\n\r\n",
    "junk after the last chunk": CHUNKED + b"\r\n" + CHUNK + END + b"more",
    "a length and close": OK + b"connection: close\r\n" + LENGTH + b"\r\n" + BODY,
    "a length, close and junk": OK + b"connection: close\r\n" + LENGTH + b"\r\n" + BODY + b"junk",
}
ENDED_BY_CLOSE: dict[str, bytes] = {
    "no length": OK + b"\r\n" + BODY,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "HTTP/1.0 with a length": b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "connection: close": OK + b"connection: close\r\n\r\n" + BODY,
    "a coding that is not chunked": OK + b"transfer-encoding: identity\r\n\r\n" + BODY,
}
BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "half a head": OK + b"content-ty",
    "half a body": WHOLE[:-5],
    "half a chunk": CHUNKED + b"\r\n" + CHUNK[:-9],
    "no last chunk": CHUNKED + b"\r\n" + CHUNK,
    "half of the last chunk": CHUNKED + b"\r\n" + CHUNK + b"0\r\n",
    "only 1xx": b"HTTP/1.1 100 Continue\r\n\r\n",
}
WRONG: dict[str, bytes] = {
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n" * 9,
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
    "two lengths": OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    "a length below 0": OK + b"content-length: -5\r\n\r\nhello",
    "a length that is no number": OK + b"content-length: five\r\n\r\nhello",
    "an endless length": OK + b"content-length: " + b"9" * 30 + b"\r\n\r\nhello",
    "a chunk's size that is no number": CHUNKED + b"\r\nzz\r\nhello\r\n0\r\n\r\n",
    "an endless size of a chunk": CHUNKED + b"\r\n" + b"f" * 30 + b"\r\nhello",
    "a chunk longer than its size": CHUNKED + b"\r\n2\r\nhello\r\n0\r\n\r\n",
    "NUL in a header": OK + b"x-a: a\0b\r\n" + LENGTH + b"\r\n" + BODY,
    "a header without a colon": OK + b"no colon\r\n" + LENGTH + b"\r\n" + BODY,
    "a space before the colon": OK + b"content-length : 5\r\n\r\nhello",
    "another protocol asked for": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "no status": b"HTTP/1.1 \r\n\r\n",
}
ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "headers": (OK, b"x-more: and more\r\n" * 200),
    "a header": (OK + b"x-long: ", b"y" * 4000),
    "the first line": (b"HTTP/1.1 200 ", b"O" * 4000),
    "1xx": (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 200),
    "headers of 1xx": (b"HTTP/1.1 103 Early\r\n", b"link: x\r\n" * 400),
    "trailers": (CHUNKED + b"\r\n" + CHUNK + b"0\r\n", b"x-more: and more\r\n" * 200),
    "an extension of a chunk": (CHUNKED + b"\r\n5;e=", b"y" * 4000),
}


class Asker:
    """Calls over the fast transport, sync or async, that are made from sync code."""

    def __init__(self, server: Any, asynchronous: bool, **settings: Any) -> None:
        self._runner = asyncio.Runner() if asynchronous else None
        # A limit that is never reached: whatever goes wrong must end by itself.
        patient = Timeouts(connect=SOON, first_event=LONG)
        settings = {"transport": FastTransport(tls=trusting()), "timeout": patient} | settings
        self.client: Any = (aclient_of if asynchronous else client_of)(server, **settings)

    def __call__(self, prompt: str = "hi") -> str:
        text: str = self.run(self.client.generate_text(MODEL, prompt)).text
        return text

    def run(self, made: Any) -> Any:
        return self._runner.run(made) if self._runner else made

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.client.close())
        if self._runner:
            self._runner.close()


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))


def first_then_whole(*acts: Any, close: bool = False) -> Callable[[Any], Iterable[Any]]:
    """Answer the first request of each pair by `acts`, the second one well."""
    count = iter(range(10**6))

    def script(request: Any) -> Iterator[Any]:
        if next(count) % 2:
            yield WHOLE
            return
        yield from acts
        if close:
            raise Hangup

    return script


def check(acts: list[Any], expected: str | type, certificate: str, asynchronous: bool, *, close: bool = False) -> None:
    """Check what a call makes of `acts`, that nothing is sent twice, and that the next call is answered well."""
    with serving(first_then_whole(*acts, close=close), certificate) as server:
        with Asker(server, asynchronous) as ask:
            if isinstance(expected, str):
                assert ask() == expected
            else:
                with pytest.raises(expected):
                    ask()
            assert len(server.seen) == 1, "sent once"
            assert ask() == "hello", "the next call is not disturbed"
            assert len(server.seen) == 2
        assert server.wait_until_free()


@ways
@schemes
@pytest.mark.parametrize("case", ANSWERED)
def test_an_odd_answer_is_read(case: str, certificate: str, asynchronous: bool) -> None:
    acts = ANSWERED[case]
    check(acts if isinstance(acts, list) else [acts], "hello", certificate, asynchronous)


@ways
@schemes
@pytest.mark.parametrize("case", ENDED_BY_CLOSE)
def test_an_answer_that_ends_with_the_connection_is_read(case: str, certificate: str, asynchronous: bool) -> None:
    check([ENDED_BY_CLOSE[case]], "hello", certificate, asynchronous, close=True)


@ways
@schemes
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_answer_is_an_error(case: str, certificate: str, asynchronous: bool) -> None:
    check([BROKEN[case]], CUT, certificate, asynchronous, close=True)


@ways
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_is_an_error_although_the_server_waits(case: str, asynchronous: bool) -> None:
    check([WRONG[case], LONG], CUT, "", asynchronous)


@ways
@pytest.mark.parametrize("case", ENDLESS)
def test_what_never_comes_to_a_body_is_cut_off(case: str, asynchronous: bool) -> None:
    def acts() -> Iterator[bytes]:
        first, more = ENDLESS[case]
        yield first
        for _ in range(10_000):
            yield more

    check(acts(), CUT, "", asynchronous)  # type: ignore[arg-type]  # a generator, since it is long


@ways
def test_a_reset_is_an_error(asynchronous: bool) -> None:
    check([streaming() + CHUNK[:9]], CUT, "", asynchronous, close=True)


@ways
@schemes
def test_a_connection_that_the_server_has_closed_since_is_not_used(certificate: str, asynchronous: bool) -> None:
    def script(request: Any) -> Iterable[bytes]:
        yield WHOLE
        raise Hangup

    with serving(script, certificate) as server, Asker(server, asynchronous) as ask:
        for _ in range(3):
            assert ask() == "hello"
            assert server.wait_until_free()
            if asynchronous:
                ask.run(asyncio.sleep(0.01))  # the event loop hears of it
        assert server.connections == 3


@ways
def test_an_idle_connection_is_kept_no_longer_than_either_side_wants(asynchronous: bool) -> None:
    for said, keep_alive, kept in ((b"", 30.0, 1), (b"", 0.0, 3), (b"keep-alive: timeout=1, max=9\r\n", 30.0, 3)):
        with serving(lambda request, said=said: [OK + said + LENGTH + b"\r\n" + BODY]) as server:
            transport = FastTransport(keep_alive=keep_alive)
            with Asker(server, asynchronous, transport=transport) as ask:
                assert [ask(), ask(), ask()] == ["hello"] * 3
            assert server.connections == kept


@ways
@pytest.mark.parametrize("certificate", ["other_host", "expired", "unknown_ca"])
@pytest.mark.parametrize("library", ["fast", "httpx"])
def test_a_wrong_certificate_is_an_error_that_is_not_retried(
    library: str, certificate: str, asynchronous: bool
) -> None:
    kind: Any = httpx.AsyncClient if asynchronous else httpx.Client
    own = {} if library == "fast" else {"http": kind(verify=trusting())}
    with serving(lambda request: [WHOLE], certificate) as server:
        with Asker(server, asynchronous, retries=3, **own) as ask:
            with pytest.raises(errors.ConnectError, match=r"127\.0\.0\.1.*certificate") as caught:
                ask()
            assert not caught.value.retryable and server.connections == 1 and not server.seen
            if own:
                ask.run(own["http"].aclose() if asynchronous else own["http"].close())


@ways
def test_tls_to_a_server_without_it_and_the_other_way_round_are_errors(asynchronous: bool) -> None:
    for certificate, scheme in (("", "https"), ("good", "http")):
        with serving(lambda request: [WHOLE], certificate) as server:
            server.url = server.url.replace("https" if certificate else "http", scheme)
            with Asker(server, asynchronous) as ask, pytest.raises((errors.ConnectError, CUT)):
                ask()
