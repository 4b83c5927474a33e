"""The suite that every provider must pass, offline, in both colours: text, streams, tools, errors, cuts, early leaving,
cancelling; and that what was asked for stands in the request.

    from stepwell.testing import conformance
    conformance(my_provider)

A provider of a known wire needs nothing more. One with a wire of its own brings `samples=`: what its server says in a
few scenes, as bytes (see providers/wires/samples.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any
from urllib.parse import unquote

from attrs import define, field, frozen

from ..api import Client
from ..async_api import AsyncClient
from ..pipeline.steps.always_stream import COLLECT_STREAM
from ..providers.declare.provider import Provider
from ..providers.declare.registry import Registry
from ..providers.declare.wire import Wire
from ..providers.wires.samples import Sample, Samples
from ..schemas import errors
from ..schemas.message import Context, assistant, system, tool_result, user
from ..schemas.parts import ToolCall
from ..schemas.reply import Reply
from ..schemas.tool import Tool
from .network import MockBody, cancelled, require, run, transport_of

KEY = "test-key-that-must-not-leak"
TOOL = Tool("look_up", "Whatisknown of it.", {"type": "object", "properties": {"city": {"type": "string"}}})
# What is asked for in words and numbers that occur nowhere else, and are written alike in JSON, forms and addresses.
SYSTEM, PROMPT, RESULT = "besystematic", "askedbyuser", "resultoftool"
CALL = ToolCall("call00001", TOOL.name, '{"city":"Timbuktu"}')
OPTIONS = {"max_tokens": 4321, "temperature": 0.375, "top_p": 0.625, "stop": ["stopword"]}
STATUSES = {401: errors.AuthError, 404: errors.NotFound, 429: errors.RateLimitError, 500: errors.ServerError}


class ConformanceError(AssertionError):
    """The provider does not conform; the text lists each failed check."""


@frozen
class Check:
    """One check of the suite: `fault` is None when it passed."""

    name: str
    fault: str | None = None


@define
class ConformanceReport:
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
) -> ConformanceReport:
    """Run the suite over a provider. Raises ConformanceError, with the report, unless `raises=False`.

    `wire` picks one of several chat wires; `credential` is for providers that want more than one key.
    """
    spoken = next(each for each in provider.wires if each.operation == "chat" and wire in (None, each.name))
    suite = _Suite(provider, spoken, samples or samples_of(spoken), f"{provider.id}:{model}", credential)
    report = ConformanceReport(provider.id)
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
    home = Wire.__module__.rpartition(".declare.")[0]
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
        for driver in ("sync", "async"):
            for scene, sample in (("text", self.samples.text), ("tools", self.samples.tools)):
                yield f"{scene}, unstreamed, {driver}", partial(self._decodes, sample, driver, False)
                yield f"{scene}, streamed, {driver}", partial(self._decodes, sample, driver, True)
                yield f"{scene}, byte by byte, {driver}", partial(self._split, sample, driver)
            for status, kind in STATUSES.items():
                yield f"status {status}, {driver}", partial(self._fails, status, kind, driver)
            yield f"leaving early, {driver}", partial(self._leaves, driver)
            if driver == "async":
                yield "cancelling a call", partial(self._cancels, False)
                yield "cancelling a stream", partial(self._cancels, True)
            if self.samples.stream_error is not None:
                yield f"error inside a stream, {driver}", partial(self._fails_midway, driver)
        yield "cut at every byte", self._cut
        yield "a stream folds to the unstreamed reply", self._law
        for stream, manner in ((False, "unstreamed"), (True, "streamed")):
            yield f"the request holds the prompt and the model, {manner}", partial(self._asks, stream)
            yield f"the request holds the tools, {manner}", partial(self._offers, stream)
            yield f"the request holds a call and its result, {manner}", partial(self._answers, stream)
            yield f"the request holds the options, or they are told of, {manner}", partial(self._obeys, stream)
        yield "a stream is asked for", self._asks_for_stream
        yield "the key is sent, and only in headers", self._key
        yield "a missing key is told", self._no_key
        yield "a misspelt option is told", self._misspelt

    def _decodes(self, sample: Sample, driver: str, stream: bool) -> None:
        _expect(self._ask(self._answer(sample, stream), driver, stream, sample), sample)

    def _split(self, sample: Sample, driver: str) -> None:
        _expect(self._ask(sample.stream, driver, True, sample, size=1), sample)

    def _law(self) -> None:
        for sample in (self.samples.text, self.samples.tools):
            whole = self._ask(self._answer(sample, False), "sync", False, sample)
            folded = self._ask(sample.stream, "sync", True, sample)
            for name in ("message", "finish_reason", "finish_reason_raw", "usage", "id", "model"):
                one, other = getattr(whole, name), getattr(folded, name)
                require(one == other, f"{name}: {one!r} unstreamed, {other!r} streamed")

    def _cut(self) -> None:
        sample = self.samples.text
        for at in range(sample.whole_at):
            try:
                self._ask(sample.stream[:at], "sync", True, sample)
            except errors.StreamTruncated as error:
                said = error.partial.text if error.partial else ""
                require(sample.text.startswith(said), f"cut at byte {at}, the partial text is {said!r}")
            else:
                raise AssertionError(f"cut at byte {at} of {sample.whole_at}, the stream counts as whole")

    def _fails(self, status: int, kind: type[errors.ProviderError], driver: str) -> None:
        try:
            self._ask(self.samples.error, driver, driver == "sync", status=status)
        except kind as error:
            require(error.status == status, f"the error's status is {error.status!r}")
            require(error.provider == self.provider.id, f"the error's provider is {error.provider!r}")
            require(KEY not in str(error), "the key stands in the error's message")
        else:
            raise AssertionError(f"no {kind.__name__} was raised")

    def _fails_midway(self, driver: str) -> None:
        try:
            self._ask(self.samples.stream_error or b"", driver, True)
        except errors.ProviderError as error:
            said = error.partial.text if error.partial else ""
            require(said == self.samples.stream_error_text, f"the partial text is {said!r}")
        else:
            raise AssertionError("no ProviderError was raised")

    def _leaves(self, driver: str) -> None:
        body = MockBody(self.samples.text.stream, 16)
        if driver == "sync":
            with self._client(body) as client:
                for _ in client.stream_text(self.model, "hi", **self._chosen):
                    break
        else:
            run(self._leave_async(body))
        require(body.closed, "the connection was not given back")

    async def _leave_async(self, body: MockBody) -> None:
        async with self._aclient(body) as client, client.stream_text(self.model, "hi", **self._chosen) as stream:
            async for _ in stream:
                break

    def _cancels(self, stream: bool) -> None:
        sample = self.samples.text
        data = sample.stream[: sample.whole_at // 2] if stream else self._answer(sample, False)[:10]
        body = MockBody(data, 16, kind=sample.stream_type if stream else None, stalls=True)
        run(cancelled(body, self._endless(body, stream)))
        require(body.closed, "the connection was not given back")

    async def _endless(self, body: MockBody, stream: bool) -> None:
        async with self._aclient(body) as client:
            if not stream:
                await client.generate_text(self.model, "hi", **self._chosen)
            async for _ in client.stream_text(self.model, "hi", **self._chosen):
                pass

    def _asks(self, stream: bool) -> None:
        sent = self._sent(stream, Context((system(SYSTEM), user(PROMPT))))[0]
        _holds(sent, {"the system's message": SYSTEM, "the prompt": PROMPT})
        id = self.model.partition(":")[2]
        names = {id, self.provider.normalize_model_id(id)}
        require(any(name in sent for name in names), "the model's name is not in the request")

    def _offers(self, stream: bool) -> None:
        sent, reply = self._sent(stream, PROMPT, tools=[TOOL])
        if not _has_warning(reply, "tools"):
            _holds(sent, {"the tool's name": TOOL.name, "its description": TOOL.description, "its parameter": "city"})

    def _answers(self, stream: bool) -> None:
        said = Context((user(PROMPT), assistant([CALL]), tool_result(CALL, RESULT)))
        sent, reply = self._sent(stream, said, tools=[TOOL])
        if not _has_warning(reply, "tools"):
            _holds(sent, {"the call's name": CALL.name, "its argument": "Timbuktu", "the tool's result": RESULT})

    def _obeys(self, stream: bool) -> None:
        sent, reply = self._sent(stream, PROMPT, **OPTIONS)
        for name, value in OPTIONS.items():
            written = value[0] if isinstance(value, list) else str(value)
            warned = any(name in f"{warning.subject} {warning.why}" for warning in reply.warnings)
            require(written in sent or warned, f"{name} is not in the request, and no warning tells of it")

    def _asks_for_stream(self) -> None:
        with self._client(MockBody(b"")) as client:
            if COLLECT_STREAM in client.pipeline_for(self.model, wire=self.wire.name):
                return  # it always streams
        require(self._sent(False, PROMPT)[0] != self._sent(True, PROMPT)[0], "it is asked for in the same words")

    def _sent(self, stream: bool, prompt: Any, **options: Any) -> tuple[str, Reply]:
        """The address and body of a request, and the reply."""
        sample, seen = self.samples.text, list[Any]()
        reply = self._ask(self._answer(sample, stream), "sync", stream, sample, seen=seen, prompt=prompt, **options)
        require(bool(seen), "nothing was sent")
        return f"{unquote(str(seen[0].url))}\n{seen[0].content.decode('utf-8', 'replace')}", reply

    def _key(self) -> None:
        sample = self.samples.text
        for stream in (False, True):
            seen: list[Any] = []
            self._ask(self._answer(sample, stream), "sync", stream, sample, seen=seen)
            require(KEY not in str(seen[0].url), "the key stands in the URL")
            require(KEY.encode() not in seen[0].content, "the key stands in the body")
            sent = any(KEY in value for value in seen[0].headers.values())
            require(sent or self.credential is not KEY, "the key was not sent")

    def _no_key(self) -> None:
        if self.provider.key_optional or self.credential is not KEY:
            return
        with self._client(MockBody(b""), keys={}) as client:
            try:
                client.generate_text(self.model, "hi", base_url="http://elsewhere.invalid")
            except errors.MissingKey:
                return
        raise AssertionError("no MissingKey was raised")

    def _misspelt(self) -> None:
        misspelt: Any = {"temprature": 1}
        with self._client(MockBody(b"")) as client:
            try:
                client.generate_text(self.model, "hi", **misspelt)
            except errors.InvalidOption as error:
                require("temperature" in str(error), "the right name is not given")
                return
        raise AssertionError("no InvalidOption was raised")

    def _answer(self, sample: Sample, stream: bool) -> bytes:
        """What the server answers; one that only streams does so even where the caller wants the answer whole."""
        with self._client(MockBody(b"")) as client:
            streams = stream or COLLECT_STREAM in client.pipeline_for(self.model, wire=self.wire.name)
        return sample.stream if streams else sample.body

    def _ask(
        self,
        data: bytes,
        driver: str,
        stream: bool,
        sample: Sample | None = None,
        *,
        size: int = 0,
        status: int = 200,
        seen: list[Any] | None = None,
        prompt: Any = "hi",
        **options: Any,
    ) -> Reply:
        body = MockBody(data, size, status, sample.stream_type if stream and sample else None, seen)
        options = {**self._chosen, **({"tools": [TOOL]} if sample is self.samples.tools else {}), **options}
        if driver == "async":
            reply: Reply = run(self._aask(body, stream, prompt, options))
            return reply
        with self._client(body) as client:
            if stream:
                return client.stream_text(self.model, prompt, **options).reply()
            return client.generate_text(self.model, prompt, **options)

    async def _aask(self, body: MockBody, stream: bool, prompt: Any, options: dict[str, Any]) -> Reply:
        async with self._aclient(body) as client:
            if stream:
                return await client.stream_text(self.model, prompt, **options).reply()
            return await client.generate_text(self.model, prompt, **options)

    @property
    def _chosen(self) -> dict[str, Any]:
        return {"wire": self.wire.name}

    def _settings(self, body: MockBody, keys: Any = None) -> dict[str, Any]:
        registry = Registry()
        registry.register(self.provider)
        keys = {self.provider.id: self.credential} if keys is None else keys
        return {"transport": transport_of(body), "registry": registry, "api_keys": keys, "retries": 0}

    def _client(self, body: MockBody, keys: Any = None) -> Client:
        return Client(**self._settings(body, keys))

    def _aclient(self, body: MockBody) -> AsyncClient:
        return AsyncClient(**self._settings(body))


def _holds(sent: str, wanted: dict[str, str]) -> None:
    for what, text in wanted.items():
        require(text in sent, f"{what} is not in the request")


def _has_warning(reply: Reply, subject: str) -> bool:
    return any(warning.subject == subject for warning in reply.warnings)


def _expect(reply: Reply, sample: Sample) -> None:
    require(reply.text == sample.text, f"the text is {reply.text!r}")
    require(reply.reasoning == sample.reasoning, f"the reasoning is {reply.reasoning!r}")
    calls = tuple((call.name, call.arguments) for call in reply.tool_calls)
    require(calls == sample.tool_calls, f"the tool calls are {calls!r}")
    counts = (reply.usage.input_tokens, reply.usage.output_tokens)
    require(counts == (sample.input_tokens, sample.output_tokens), f"the usage is {counts!r}")
    wanted = "tool_calls" if sample.tool_calls else "stop"
    require(reply.finish_reason == wanted, f"the finish reason is {reply.finish_reason!r}")
