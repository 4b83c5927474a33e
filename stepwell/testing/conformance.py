"""The suite that every provider must pass, offline, in both colours: text, streams, tools, errors, cuts, early leaving.

    from stepwell.testing import conformance
    conformance(my_provider)

A provider of a known wire needs nothing more. One with a wire of its own brings `samples=`: what its server says in a
few scenes, as bytes (see providers/wires/samples.py).
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

from attrs import define, field, frozen

from ..client import AsyncClient, Client
from ..pipeline.steps.always_stream import GATHER
from ..providers.dsl.provider import Provider
from ..providers.dsl.registry import Registry
from ..providers.dsl.wire import Wire
from ..providers.wires.samples import Sample, Samples
from ..schemas import errors
from ..schemas.reply import Reply
from ..schemas.tool import Tool

KEY = "test-key-that-must-not-leak"
TOOL = Tool("look_up", "Look a city up.", {"type": "object", "properties": {"city": {"type": "string"}}})
STATUSES = {401: errors.AuthError, 404: errors.NotFound, 429: errors.RateLimitError, 500: errors.ServerError}


class ConformanceError(AssertionError):
    """The provider does not conform; the text lists each failed check."""


@frozen
class Check:
    """One check of the suite: `fault` is None when it passed."""

    name: str
    fault: str | None = None


@define
class Report:
    """What was checked. `ok` when nothing failed."""

    provider: str
    checks: list[Check] = field(factory=list)

    @property
    def ok(self) -> bool:
        return not self.failed

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if check.fault]

    def __str__(self) -> str:
        lines = [
            f"{'FAIL' if check.fault else 'ok':<5}{check.name}{': ' if check.fault else ''}{check.fault or ''}"
            for check in self.checks
        ]
        return "\n".join(
            [f"{self.provider}: {len(self.checks) - len(self.failed)} of {len(self.checks)} checks passed", *lines]
        )


def conformance(
    provider: Provider,
    *,
    samples: Samples | None = None,
    model: str = "some-model",
    wire: str | None = None,
    credential: Any = KEY,
    raises: bool = True,
) -> Report:
    """Run the suite over a provider. Raises ConformanceError, with the report, unless `raises=False`.

    `wire` picks one of several chat wires; `credential` is for providers that want more than one key.
    """
    spoken = next(each for each in provider.wires if each.operation == "chat" and wire in (None, each.name))
    suite = _Suite(provider, spoken, samples or samples_of(spoken), f"{provider.id}:{model}", credential)
    report = Report(provider.id)
    for name, check in suite.checks():
        try:
            check()
        except Exception as error:
            report.checks.append(Check(name, f"{type(error).__name__}: {error}"))
        else:
            report.checks.append(Check(name))
    if raises and not report.ok:
        raise ConformanceError(str(report))
    return report


def samples_of(wire: Wire) -> Samples:
    """The samples that a known wire keeps. Raises ConfigError for a wire without."""
    home = Wire.__module__.rpartition(".dsl.")[0]
    try:
        found: Samples = import_module(f"{home}.wires.{wire.name}.samples").SAMPLES
    except ModuleNotFoundError:
        raise errors.ConfigError(f"the wire {wire.name!r} has no samples", hint="pass samples=Samples(...)") from None
    return found


@frozen
class _Suite:
    provider: Provider
    wire: Wire
    samples: Samples
    model: str
    credential: Any

    def checks(self) -> Iterator[tuple[str, Callable[[], None]]]:
        for colour in ("sync", "async"):
            for scene, sample in (("text", self.samples.text), ("tools", self.samples.tools)):
                yield f"{scene}, unstreamed, {colour}", partial(self._decodes, sample, colour, False)
                yield f"{scene}, streamed, {colour}", partial(self._decodes, sample, colour, True)
                yield f"{scene}, byte by byte, {colour}", partial(self._split, sample, colour)
            for status, kind in STATUSES.items():
                yield f"status {status}, {colour}", partial(self._fails, status, kind, colour)
            yield f"leaving early, {colour}", partial(self._leaves, colour)
            if self.samples.stream_error is not None:
                yield f"error inside a stream, {colour}", partial(self._fails_midway, colour)
        yield "cut at every byte", self._cut
        yield "a stream folds to the unstreamed reply", self._law
        yield "the key is sent, and only in headers", self._key
        yield "a missing key is told", self._no_key
        yield "a misspelt option is told", self._misspelt

    def _decodes(self, sample: Sample, colour: str, stream: bool) -> None:
        _expect(self._ask(self._said(sample, stream), colour, stream, sample), sample)

    def _split(self, sample: Sample, colour: str) -> None:
        _expect(self._ask(sample.stream, colour, True, sample, size=1), sample)

    def _law(self) -> None:
        for sample in (self.samples.text, self.samples.tools):
            whole = self._ask(self._said(sample, False), "sync", False, sample)
            folded = self._ask(sample.stream, "sync", True, sample)
            for name in ("message", "finish_reason", "finish_reason_raw", "usage", "id", "model"):
                assert getattr(whole, name) == getattr(folded, name), (
                    f"{name}: {getattr(whole, name)!r} unstreamed, {getattr(folded, name)!r} streamed"
                )

    def _cut(self) -> None:
        sample = self.samples.text
        for at in range(sample.whole_at):
            try:
                self._ask(sample.stream[:at], "sync", True, sample)
            except errors.StreamTruncated as error:
                said = error.partial.text if error.partial else ""
                assert sample.text.startswith(said), f"cut at byte {at}, the partial text is {said!r}"
            else:
                raise AssertionError(f"cut at byte {at} of {sample.whole_at}, the stream counts as whole")

    def _fails(self, status: int, kind: type[errors.ProviderError], colour: str) -> None:
        try:
            self._ask(self.samples.error, colour, colour == "sync", status=status)
        except kind as error:
            assert error.status == status and error.provider == self.provider.id and KEY not in str(error)
        else:
            raise AssertionError(f"no {kind.__name__} was raised")

    def _fails_midway(self, colour: str) -> None:
        try:
            self._ask(self.samples.stream_error or b"", colour, True)
        except errors.ProviderError as error:
            assert error.partial.text == self.samples.stream_error_text, f"the partial text is {error.partial.text!r}"
        else:
            raise AssertionError("no ProviderError was raised")

    def _leaves(self, colour: str) -> None:
        body = _Body(self.samples.text.stream, 16)
        if colour == "sync":
            with self._client(body) as client:
                for _ in client.stream_text(self.model, "hi"):
                    break
        else:
            _run(self._leave_async(body))
        assert body.closed, "the connection was not given back"

    async def _leave_async(self, body: _Body) -> None:
        async with self._aclient(body) as client, client.stream_text(self.model, "hi") as stream:
            async for _ in stream:
                break

    def _key(self) -> None:
        sample = self.samples.text
        seen: list[Any] = []
        self._ask(self._said(sample, False), "sync", False, sample, seen=seen)
        assert KEY not in str(seen[0].url), "the key stands in the URL"
        sent = any(KEY in value for value in seen[0].headers.values())
        assert sent or self.credential is not KEY, "the key was not sent"

    def _no_key(self) -> None:
        if self.provider.key_optional or self.credential is not KEY:
            return
        with self._client(_Body(b""), keys={}) as client:
            try:
                client.generate_text(self.model, "hi", base_url="http://elsewhere.invalid")
            except errors.MissingKey:
                return
        raise AssertionError("no MissingKey was raised")

    def _misspelt(self) -> None:
        with self._client(_Body(b"")) as client:
            try:
                client.generate_text(self.model, "hi", temprature=1)
            except errors.InvalidOption as error:
                assert "temperature" in str(error), "the right name is not given"
                return
        raise AssertionError("no InvalidOption was raised")

    def _said(self, sample: Sample, stream: bool) -> bytes:
        """What the server answers; one that only streams does so even where the caller wants the answer whole."""
        with self._client(_Body(b"")) as client:
            streams = stream or GATHER in client.pipeline_for(self.model)
        return sample.stream if streams else sample.body

    def _ask(
        self,
        data: bytes,
        colour: str,
        stream: bool,
        sample: Sample | None = None,
        *,
        size: int = 0,
        status: int = 200,
        seen: list[Any] | None = None,
    ) -> Reply:
        body = _Body(data, size, status, sample.stream_type if stream and sample else None, seen)
        options = {"tools": [TOOL]} if sample is self.samples.tools else {}
        if colour == "async":
            reply: Reply = _run(self._aask(body, stream, options))
            return reply
        with self._client(body) as client:
            if stream:
                return client.stream_text(self.model, "hi", **options).reply()
            return client.generate_text(self.model, "hi", **options)

    async def _aask(self, body: _Body, stream: bool, options: dict[str, Any]) -> Reply:
        async with self._aclient(body) as client:
            if stream:
                return await client.stream_text(self.model, "hi", **options).reply()
            return await client.generate_text(self.model, "hi", **options)

    def _settings(self, body: _Body, keys: Any = None) -> dict[str, Any]:
        registry = Registry()
        registry.register(self.provider)
        keys = {self.provider.id: self.credential} if keys is None else keys
        return {"transport": _transport(body), "registry": registry, "api_keys": keys, "retries": 0}

    def _client(self, body: _Body, keys: Any = None) -> Client:
        return Client(**self._settings(body, keys))

    def _aclient(self, body: _Body) -> AsyncClient:
        return AsyncClient(**self._settings(body))


def _expect(reply: Reply, sample: Sample) -> None:
    assert reply.text == sample.text, f"the text is {reply.text!r}"
    assert reply.reasoning == sample.reasoning, f"the reasoning is {reply.reasoning!r}"
    calls = tuple((call.name, call.arguments) for call in reply.tool_calls)
    assert calls == sample.tool_calls, f"the tool calls are {calls!r}"
    counts = (reply.usage.input_tokens, reply.usage.output_tokens)
    assert counts == (sample.input_tokens, sample.output_tokens), f"the usage is {counts!r}"
    wanted = "tool_calls" if sample.tool_calls else "stop"
    assert reply.finish_reason == wanted, f"the finish reason is {reply.finish_reason!r}"


class _Body:
    """An answer to every request, in reads of `size` bytes (0: one read)."""

    def __init__(
        self, data: bytes, size: int = 0, status: int = 200, kind: str | None = None, seen: Any = None
    ) -> None:
        self.status = status
        self.headers = {"content-type": kind or "application/json"}
        self.seen = seen if seen is not None else []
        self.closed = False
        self._pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def _transport(body: _Body) -> Any:
    import httpx  # heavy: only when something is to be sent

    class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return iter(body)

        def __aiter__(self) -> AsyncIterator[bytes]:
            return body.__aiter__()

        def close(self) -> None:
            body.close()

        async def aclose(self) -> None:
            body.close()

    def handler(request: Any) -> Any:
        body.seen.append(request)
        return httpx.Response(body.status, headers=body.headers, stream=Stream())

    return httpx.MockTransport(handler)


def _run(coroutine: Any) -> Any:
    """Run a coroutine to its end, in a thread of its own so that it works inside a running event loop, too."""
    import asyncio  # heavy, and for this suite alone

    outcome: list[Any] = []

    def target() -> None:
        try:
            outcome.append((asyncio.run(coroutine), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result
