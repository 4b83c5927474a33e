"""conformance: the checks that every provider must pass, offline, sync and async.

They cover text, streams, tools, errors, cut answers, streams that are left early, cancelling, and that a request holds
what the caller asked for.

    from stepwell.testing import conformance
    conformance(my_provider)

A provider of a known wire needs nothing more. One with a wire of its own passes `samples=`: answers of its server as
bytes (see providers/wires/samples.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import unquote

from attrs import define, field, frozen

from ..api import Client
from ..async_api import AsyncClient
from ..options import Credential, PromptLike
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
# Texts and numbers that occur nowhere by chance, and are written alike in JSON, forms and URLs.
SYSTEM, PROMPT, RESULT = "besystematic", "askedbyuser", "resultoftool"
CALL = ToolCall("call00001", TOOL.name, '{"city":"Timbuktu"}')
OPTIONS = {"max_tokens": 4321, "temperature": 0.375, "top_p": 0.625, "stop": ["stopword"]}
STATUSES = {401: errors.AuthError, 404: errors.NotFound, 429: errors.RateLimitError, 500: errors.ServerError}


ErrorType = TypeVar("ErrorType", bound=errors.StepwellError)


class ConformanceError(AssertionError):
    """A provider that failed checks, which the message lists."""


@frozen
class Check:
    """One check of the suite."""

    name: str
    fault: str | None = None
    """Why it failed; None if it passed."""


@define
class ConformanceReport:
    """The checks of a provider."""

    provider: str
    checks: list[Check] = field(factory=list)

    @property
    def ok(self) -> bool:
        """Whether all checks passed."""
        return not self.failed

    @property
    def failed(self) -> list[Check]:
        """The checks that did not pass."""
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
    credential: Credential = KEY,
    raises: bool = True,
) -> ConformanceReport:
    """Run the checks on a provider. Raises ConformanceError, with the report, if one fails.

    provider: the provider; it needs a chat wire.
    samples: answers of its server; None: those of the known wire.
    model: the id to call.
    wire: the name of one of several chat wires; None: the first.
    credential: for providers that need more than one key.
    raises: whether to raise for a failed check; otherwise see the report.
    """
    chat = next(each for each in provider.wires if each.operation == "chat" and wire in (None, each.name))
    suite = _Suite(provider, chat, samples or samples_of(chat), f"{provider.id}:{model}", credential)
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
    """Return the samples of a known wire. Raises ConfigError for a wire without samples."""
    home = Wire.__module__.rpartition(".declare.")[0]
    try:
        found: Samples = import_module(f"{home}.wires.{wire.name}.samples").SAMPLES
    except ModuleNotFoundError:
        raise errors.ConfigError(f"the wire {wire.name!r} has no samples", hint="pass samples=Samples(...)") from None
    return found


@frozen
class _Suite:
    """The checks of one provider on one wire. A check raises AssertionError, or the error that it did not expect."""

    provider: Provider
    wire: Wire
    samples: Samples
    model: str
    credential: Credential

    def checks(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Yield the name of each check and the function that runs it."""
        for driver in ("sync", "async"):
            for scene, sample in (("text", self.samples.text), ("tools", self.samples.tools)):
                yield f"{scene}, unstreamed, {driver}", partial(self._check_reply, sample, driver, False)
                yield f"{scene}, streamed, {driver}", partial(self._check_reply, sample, driver, True)
                yield f"{scene}, byte by byte, {driver}", partial(self._check_split_reads, sample, driver)
            for status, kind in STATUSES.items():
                yield f"status {status}, {driver}", partial(self._check_status, status, kind, driver)
            yield f"leaving early, {driver}", partial(self._check_early_leaving, driver)
            if driver == "async":
                yield "cancelling a call", partial(self._check_cancelling, False)
                yield "cancelling a stream", partial(self._check_cancelling, True)
            if self.samples.stream_error is not None:
                yield f"error inside a stream, {driver}", partial(self._check_stream_error, driver)
        yield "cut at every byte", self._check_cuts
        yield "a stream folds to the unstreamed reply", self._check_fold
        for stream, manner in ((False, "unstreamed"), (True, "streamed")):
            yield f"the request holds the prompt and the model, {manner}", partial(self._check_prompt, stream)
            yield f"the request holds the tools, {manner}", partial(self._check_tools, stream)
            yield f"the request holds a call and its result, {manner}", partial(self._check_tool_result, stream)
            yield (
                f"the request holds the options, or warnings name them, {manner}",
                partial(self._check_options, stream),
            )
        yield "the request for a stream differs", self._check_stream_flag
        yield "the key is sent, and only in headers", self._check_key
        yield "a missing key is an error", self._check_missing_key
        yield "a misspelt option is an error", self._check_misspelt_option

    def _check_reply(self, sample: Sample, driver: str, stream: bool) -> None:
        _require_sample(self._call(self._server_answer(sample, stream), driver, stream, sample), sample)

    def _check_split_reads(self, sample: Sample, driver: str) -> None:
        _require_sample(self._call(sample.stream, driver, True, sample, size=1), sample)

    def _check_fold(self) -> None:
        for sample in (self.samples.text, self.samples.tools):
            whole = self._call(self._server_answer(sample, False), "sync", False, sample)
            folded = self._call(sample.stream, "sync", True, sample)
            for name in ("message", "finish_reason", "finish_reason_raw", "usage", "id", "model"):
                one, other = getattr(whole, name), getattr(folded, name)
                require(one == other, f"{name}: {one!r} unstreamed, {other!r} streamed")

    def _check_cuts(self) -> None:
        sample = self.samples.text
        for at in range(sample.whole_at):
            read = partial(self._call, sample.stream[:at], "sync", True, sample)
            error = _raised(errors.StreamTruncated, read, f" for a stream cut at byte {at} of {sample.whole_at}")
            partial_text = error.partial.text if error.partial else ""
            require(sample.text.startswith(partial_text), f"cut at byte {at}, the partial text is {partial_text!r}")

    def _check_status(self, status: int, kind: type[errors.ProviderError], driver: str) -> None:
        error = _raised(kind, partial(self._call, self.samples.error, driver, driver == "sync", status=status))
        require(error.status == status, f"the error's status is {error.status!r}")
        require(error.provider == self.provider.id, f"the error's provider is {error.provider!r}")
        require(KEY not in str(error), "the key is in the error's message")

    def _check_stream_error(self, driver: str) -> None:
        error = _raised(errors.ProviderError, partial(self._call, self.samples.stream_error or b"", driver, True))
        partial_text = error.partial.text if error.partial else ""
        require(partial_text == self.samples.stream_error_text, f"the partial text is {partial_text!r}")

    def _check_early_leaving(self, driver: str) -> None:
        body = MockBody(self.samples.text.stream, 16)
        if driver == "sync":
            with self._client(body) as client:
                for _ in client.stream_text(self.model, "hi", **self._wire_option):
                    break
        else:
            run(self._leave_async(body))
        require(body.closed, "the connection was not released")

    async def _leave_async(self, body: MockBody) -> None:
        async with self._aclient(body) as client, client.stream_text(self.model, "hi", **self._wire_option) as stream:
            async for _ in stream:
                break

    def _check_cancelling(self, stream: bool) -> None:
        sample = self.samples.text
        data = sample.stream[: sample.whole_at // 2] if stream else self._server_answer(sample, False)[:10]
        body = MockBody(data, 16, kind=sample.stream_type if stream else None, stalls=True)
        run(cancelled(body, self._call_without_end(body, stream)))
        require(body.closed, "the connection was not released")

    async def _call_without_end(self, body: MockBody, stream: bool) -> None:
        async with self._aclient(body) as client:
            if not stream:
                await client.generate_text(self.model, "hi", **self._wire_option)
            async for _ in client.stream_text(self.model, "hi", **self._wire_option):
                pass

    def _check_prompt(self, stream: bool) -> None:
        sent = self._request_and_reply(stream, Context((system(SYSTEM), user(PROMPT))))[0]
        _require_in(sent, {"the system's message": SYSTEM, "the prompt": PROMPT})
        id = self.model.partition(":")[2]
        names = {id, self.provider.normalize_model_id(id)}
        require(any(name in sent for name in names), "the model's name is not in the request")

    def _check_tools(self, stream: bool) -> None:
        sent, reply = self._request_and_reply(stream, PROMPT, {"tools": [TOOL]})
        if not _has_warning(reply, "tools"):
            _require_in(
                sent, {"the tool's name": TOOL.name, "its description": TOOL.description, "its parameter": "city"}
            )

    def _check_tool_result(self, stream: bool) -> None:
        context = Context((user(PROMPT), assistant([CALL]), tool_result(CALL, RESULT)))
        sent, reply = self._request_and_reply(stream, context, {"tools": [TOOL]})
        if not _has_warning(reply, "tools"):
            _require_in(sent, {"the call's name": CALL.name, "its argument": "Timbuktu", "the tool's result": RESULT})

    def _check_options(self, stream: bool) -> None:
        sent, reply = self._request_and_reply(stream, PROMPT, OPTIONS)
        for name, value in OPTIONS.items():
            written = value[0] if isinstance(value, list) else str(value)
            warned = any(name in f"{warning.subject} {warning.why}" for warning in reply.warnings)
            require(written in sent or warned, f"{name} is not in the request, and no warning names it")

    def _check_stream_flag(self) -> None:
        if self._always_streams():
            return
        unstreamed, streamed = (self._request_and_reply(stream, PROMPT)[0] for stream in (False, True))
        require(unstreamed != streamed, "the requests for a stream and for a whole answer are the same")

    def _request_and_reply(
        self, stream: bool, prompt: PromptLike, options: Mapping[str, Any] | None = None
    ) -> tuple[str, Reply]:
        """Call the model; return the URL and body of the request, and the reply."""
        sample, seen = self.samples.text, list[Any]()
        data = self._server_answer(sample, stream)
        reply = self._call(data, "sync", stream, sample, seen=seen, prompt=prompt, options=options)
        require(bool(seen), "nothing was sent")
        return f"{unquote(str(seen[0].url))}\n{seen[0].content.decode('utf-8', 'replace')}", reply

    def _check_key(self) -> None:
        sample = self.samples.text
        for stream in (False, True):
            seen: list[Any] = []
            self._call(self._server_answer(sample, stream), "sync", stream, sample, seen=seen)
            require(KEY not in str(seen[0].url), "the key is in the URL")
            require(KEY.encode() not in seen[0].content, "the key is in the body")
            sent = any(KEY in value for value in seen[0].headers.values())
            require(sent or self.credential is not KEY, "the key was not sent")

    def _check_missing_key(self) -> None:
        if self.provider.key_optional or self.credential is not KEY:
            return
        with self._client(MockBody(b""), keys={}) as client:
            _raised(errors.MissingKey, lambda: client.generate_text(self.model, "hi", base_url="http://other.invalid"))

    def _check_misspelt_option(self) -> None:
        misspelt: Any = {"temprature": 1}
        with self._client(MockBody(b"")) as client:
            error = _raised(errors.InvalidOption, lambda: client.generate_text(self.model, "hi", **misspelt))
        require("temperature" in str(error), "the error does not suggest the right name")

    def _server_answer(self, sample: Sample, stream: bool) -> bytes:
        """Return the server's answer. One that can only stream does so for unstreamed calls as well."""
        return sample.stream if stream or self._always_streams() else sample.body

    def _always_streams(self) -> bool:
        """Return whether the server can only stream."""
        with self._client(MockBody(b"")) as client:
            return COLLECT_STREAM in client.pipeline_for(self.model, **self._wire_option)

    def _call(
        self,
        data: bytes,
        driver: str,
        stream: bool,
        sample: Sample | None = None,
        *,
        size: int = 0,
        status: int = 200,
        seen: list[Any] | None = None,
        prompt: PromptLike = "hi",
        options: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Call the model and return its reply.

        data: the server's answer.
        driver: "sync" or "async".
        stream: whether to stream.
        sample: the sample that the answer is of.
        size: bytes of one read (0: all in one).
        status: the HTTP status.
        seen: gets the requests.
        prompt: the prompt.
        options: options of the call.
        """
        body = MockBody(data, size, status, sample.stream_type if stream and sample else None, seen)
        tools = {"tools": [TOOL]} if sample is self.samples.tools else {}
        every: dict[str, Any] = {**self._wire_option, **tools, **(options or {})}
        if driver == "async":
            return run(self._acall(body, stream, prompt, every))
        with self._client(body) as client:
            if stream:
                return client.stream_text(self.model, prompt, **every).reply()
            return client.generate_text(self.model, prompt, **every)

    async def _acall(self, body: MockBody, stream: bool, prompt: PromptLike, options: dict[str, Any]) -> Reply:
        async with self._aclient(body) as client:
            if stream:
                return await client.stream_text(self.model, prompt, **options).reply()
            return await client.generate_text(self.model, prompt, **options)

    @property
    def _wire_option(self) -> dict[str, Any]:
        return {"wire": self.wire.name}

    def _client_settings(self, body: MockBody, keys: Mapping[str, Credential] | None = None) -> dict[str, Any]:
        registry = Registry()
        registry.register(self.provider)
        keys = {self.provider.id: self.credential} if keys is None else keys
        return {"transport": transport_of(body), "registry": registry, "api_keys": keys, "retries": 0}

    def _client(self, body: MockBody, keys: Mapping[str, Credential] | None = None) -> Client:
        return Client(**self._client_settings(body, keys))

    def _aclient(self, body: MockBody) -> AsyncClient:
        return AsyncClient(**self._client_settings(body))


def _raised(kind: type[ErrorType], call: Callable[[], object], when: str = "") -> ErrorType:
    """Return the error of this kind that the call raises. Raises AssertionError, which says when, if it raises none."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised{when}")


def _require_in(sent: str, texts: dict[str, str]) -> None:
    for what, text in texts.items():
        require(text in sent, f"{what} is not in the request")


def _has_warning(reply: Reply, subject: str) -> bool:
    return any(warning.subject == subject for warning in reply.warnings)


def _require_sample(reply: Reply, sample: Sample) -> None:
    require(reply.text == sample.text, f"the text is {reply.text!r}")
    require(reply.reasoning == sample.reasoning, f"the reasoning is {reply.reasoning!r}")
    calls = tuple((call.name, call.arguments) for call in reply.tool_calls)
    require(calls == sample.tool_calls, f"the tool calls are {calls!r}")
    counts = (reply.usage.input_tokens, reply.usage.output_tokens)
    require(counts == (sample.input_tokens, sample.output_tokens), f"the usage is {counts!r}")
    finish_reason = "tool_calls" if sample.tool_calls else "stop"
    require(reply.finish_reason == finish_reason, f"the finish reason is {reply.finish_reason!r}")
