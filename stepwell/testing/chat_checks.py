"""The checks of chat: text, streams, tools, errors, cut answers, and that a request holds what the caller asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from attrs import frozen

from ..options import PromptLike
from ..pipeline.steps.always_stream import COLLECT_STREAM
from ..providers.wires.samples import OBJECT, Sample, Samples
from ..schemas import errors
from ..schemas.message import Context, assistant, system, tool_result, user
from ..schemas.parts import ToolCall
from ..schemas.reply import Reply
from ..schemas.tool import Tool
from .network import MockBody, cancelled, require, run
from .suite import Checks, Suite, raised, text_of

TOOL = Tool("look_up", "Whatisknown of it.", {"type": "object", "properties": {"city": {"type": "string"}}})
SCHEMA = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
# Texts and numbers that occur nowhere by chance, and are written alike in JSON, forms and URLs.
SYSTEM, PROMPT, RESULT = "besystematic", "askedbyuser", "resultoftool"
CALL = ToolCall("call00001", TOOL.name, '{"city":"Timbuktu"}')
OPTIONS = {"max_tokens": 4321, "temperature": 0.375, "top_p": 0.625, "stop": ["stopword"]}


@frozen
class ChatSuite(Suite):
    """The checks of chat."""

    samples: Samples

    def checks(self) -> Checks:
        for driver in ("sync", "async"):
            for scene, each in self._scenes().items():
                yield f"{scene}, unstreamed, {driver}", partial(self._check_reply, each, driver, False)
                yield f"{scene}, streamed, {driver}", partial(self._check_reply, each, driver, True)
                yield f"{scene}, byte by byte, {driver}", partial(self._check_reply, each, driver, True, size=1)
            if (sample := self.samples.more.get(OBJECT)) is not None:
                for stream, manner in ((False, "whole"), (True, "streamed")):
                    yield (
                        f"an object of a schema, {manner}, {driver}",
                        partial(self._check_object, sample, driver, stream),
                    )
            yield from self.checks_of(driver, self.samples.error)
            yield f"leaving early, {driver}", partial(self._check_early_leaving, driver)
            if driver == "async":
                yield "cancelling a call", partial(self._check_cancelling, False)
                yield "cancelling a stream", partial(self._check_cancelling, True)
            if self.samples.stream_error is not None:
                yield f"error inside a stream, {driver}", partial(self._check_stream_error, driver)
        yield "cut at every byte", self._check_cuts
        yield "a stream folds to the unstreamed reply", self._check_fold
        held = {
            "the prompt and the model": self._check_prompt,
            "the tools": self._check_tools,
            "a call and its result": self._check_tool_result,
            "the options, or warnings name them": self._check_options,
        }
        for stream, manner in ((False, "unstreamed"), (True, "streamed")):
            for what, check in held.items():
                yield f"the request holds {what}, {manner}", partial(check, stream)
        yield "the request for a stream differs", self._check_stream_flag
        yield "the key is sent, and only in headers", self._check_key
        yield from super().checks()
        yield "the error of a misspelt option has the right name", self._check_suggestion

    def _check_reply(self, sample: Sample, driver: str, stream: bool, size: int = 0) -> None:
        _require_sample(self._call(self._server_answer(sample, stream), driver, stream, sample, size=size), sample)

    def _scenes(self) -> dict[str, Sample]:
        return {"text": self.samples.text, "tools": self.samples.tools, **self.samples.more}

    def _check_object(self, sample: Sample, driver: str, stream: bool) -> None:
        body = MockBody(self._server_answer(sample, stream), kind=sample.stream_type if stream else None)

        def ask(client: Any) -> Any:
            if stream:
                return client.stream_object(self.model, "hi", SCHEMA, mode="prompt", wire=self.wire.name).reply()
            return client.generate_object(self.model, "hi", SCHEMA, mode="prompt", wire=self.wire.name)

        found = self.call(body, driver, ask).object
        require(found == {"answer": 4}, f"the object is {found!r}")

    def _check_fold(self) -> None:
        for sample in self._scenes().values():
            whole = self._call(self._server_answer(sample, False), "sync", False, sample)
            folded = self._call(sample.stream, "sync", True, sample)
            for name in ("message", "finish_reason", "finish_reason_raw", "usage", "id", "model"):
                one, other = getattr(whole, name), getattr(folded, name)
                require(one == other, f"{name}: {one!r} unstreamed, {other!r} streamed")

    def _check_cuts(self) -> None:
        sample = self.samples.text
        body = MockBody(b"", kind=sample.stream_type)
        with self.client(body) as client:  # one for hundreds of calls, as planning the first costs more than a call
            read = partial(self.ask(True), client)
            for at in range(sample.whole_at):
                body.data = sample.stream[:at]
                error = raised(errors.StreamTruncated, read, f" for a stream cut at byte {at} of {sample.whole_at}")
                text = error.partial.text if error.partial else ""
                require(sample.text.startswith(text), f"cut at byte {at}, the partial text is {text!r}")

    def ask(self, stream: bool, prompt: PromptLike = "hi", **options: Any) -> Callable[[Any], Any]:
        options["wire"] = self.wire.name
        if stream:
            return lambda client: client.stream_text(self.model, prompt, **options).reply()
        return lambda client: client.generate_text(self.model, prompt, **options)

    def _check_stream_error(self, driver: str) -> None:
        error = raised(errors.ProviderError, partial(self._call, self.samples.stream_error or b"", driver, True))
        partial_text = error.partial.text if error.partial else ""
        require(partial_text == self.samples.stream_error_text, f"the partial text is {partial_text!r}")

    def _check_early_leaving(self, driver: str) -> None:
        def leave(client: Any) -> object:
            return next(iter(client.stream_text(self.model, "hi", wire=self.wire.name)))

        async def leave_async(client: Any) -> None:
            async with client.stream_text(self.model, "hi", wire=self.wire.name) as stream:
                await anext(aiter(stream))

        body = MockBody(self.samples.text.stream, 16)
        self.call(body, driver, leave_async if driver == "async" else leave)
        require(body.closed, "the connection was not released")

    def _check_cancelling(self, stream: bool) -> None:
        sample = self.samples.text
        data = sample.stream[: sample.whole_at // 2] if stream else self._server_answer(sample, False)[:10]
        body = MockBody(data, 16, kind=sample.stream_type if stream else None, stalls=True)
        run(cancelled(body, self.acall(body, self.ask(stream))))

    def _check_prompt(self, stream: bool) -> None:
        sent = self._request_and_reply(stream, Context((system(SYSTEM), user(PROMPT))))[0]
        _require_in(sent, {"the system's message": SYSTEM, "the prompt": PROMPT})
        self.require_model(sent)

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
        answer = self._server_answer(sample, stream)
        reply = self._call(answer, "sync", stream, sample, seen=seen, prompt=prompt, options=options)
        require(bool(seen), "nothing was sent")
        return text_of(seen[0]), reply

    def _check_key(self) -> None:
        sample = self.samples.text
        for stream in (False, True):
            seen: list[Any] = []
            self._call(self._server_answer(sample, stream), "sync", stream, sample, seen=seen)
            self.require_key(seen[0])

    def _check_suggestion(self) -> None:
        misspelt: Any = {"temprature": 1}
        with self.client(MockBody(b"")) as client:
            error = raised(errors.InvalidOption, lambda: client.generate_text(self.model, "hi", **misspelt))
        require("temperature" in str(error), "the error does not suggest the right name")

    def _server_answer(self, sample: Sample, stream: bool) -> bytes:
        """Return the server's answer. One that can only stream does so for unstreamed calls as well."""
        return sample.stream if stream or self._always_streams() else sample.body

    def _always_streams(self) -> bool:
        """Return whether the server can only stream."""
        with self.client(MockBody(b"")) as client:
            return COLLECT_STREAM in client.pipeline_for(self.model, wire=self.wire.name)

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
        reply: Reply = self.call(body, driver, self.ask(stream, prompt, **tools, **(options or {})))
        return reply


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
    cached = reply.usage.cached_input_tokens
    require(sample.cached_tokens in (None, cached), f"the usage has {cached!r} cached tokens")
    finish_reason = sample.finish_reason or ("tool_calls" if sample.tool_calls else "stop")
    require(reply.finish_reason == finish_reason, f"the finish reason is {reply.finish_reason!r}")
