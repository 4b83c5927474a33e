"""Go on with a streamed answer that broke off, where the provider or the model can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from weakref import proxy

from ...schemas.attempt import attempts_of
from ...schemas.chunks import Seam, StreamChunk, Warned
from ...schemas.errors import (
    ConfigError,
    DecodeError,
    NotSupported,
    ProviderError,
    StepwellError,
    TotalTimeout,
    TransportError,
)
from ...schemas.message import Context, Message
from ...schemas.missing_argument import saying_how_it_is_made
from ...schemas.parts import Text
from ...schemas.reply import CallWarning
from ..around import around
from ..effects import CallNext, Cancelled, Emit, Flow, Sleep, StepGenerator, closed
from ..http.request import PREFILL_ECHOED, PREFILLED, Request
from ..http.response import Response
from ..step import Step
from ..stream.chunk_reader import ChunkReader
from ..stream.continuation import Continuation, Received
from ..stream.decoder import RESUMED
from .model_order import Kinds, When, condition
from .retry import backoff, explain

How = Literal["cursor", "beginning", "anew"]
_WAIT, _LONGEST_WAIT = 0.5, 8.0
_TEXT_FORMATS = (None, "text", {"type": "text"})


@saying_how_it_is_made
def continue_stream(
    *, attempts: int = 2, anew: bool = False, when: When | Kinds | None = None, name: str = "continue_stream"
) -> Step:
    """Make a step that goes on with a streamed answer after a cut in its middle:

        client = Client(pipeline=continue_stream())

    attempts: how often it goes on with one answer.
    anew: whether to ask for a whole new answer where nothing else is possible. It begins again after a Seam chunk with
        `how` "anew": only for readers that then drop what they have shown.
    when: the errors that count: classes, or a function of the error (default: a broken connection, a stream that ended
        early or is unreadable, and errors of the server that may pass, such as an overload).
    name: the name of the step.

    In this order: from the provider's cursor, if it keeps the events (`background` of OpenAI's responses); from the
    text so far, sent back as the beginning of the answer, if the model takes one (a row of each provider); anew, if
    `anew` allows it or only reasoning has come. A Seam chunk marks the place; a warning on the reply says what
    happened, `reply.attempts` has the attempt that failed, and usage and cost are those of all parts.

    Nothing goes on after a finished tool call or another finished part than text and reasoning, nor with a beginning
    where the answer must have a form (`response_format`, a forced tool call) or `n` is not 1: then the error is raised
    as without this step, with the partial answer. If all attempts fail, the first error is raised, with the others as
    notes. Retries before the first chunk stay those of `retry`. Unstreamed calls are left alone. Put it outside
    `fallback`, so that another model may go on, or inside. Raises ConfigError for attempts below 1.
    """
    if type(attempts) is not int or attempts < 1 or type(anew) is not bool:
        raise ConfigError(
            "attempts= of continue_stream is no whole number from 1 on, or anew= neither True nor False",
            hint="continue_stream(attempts=2)",
        )
    counts = condition(when, name) if when is not None else _may_pass

    def run(request: Request, call: CallNext) -> StepGenerator:
        response = yield from call(request)
        if not request.stream or request.operation != "chat" or (response.source or response.flow) is None:
            return response
        whole = Response(response.request, response.status, response.headers, transport=response.transport)
        flow = _Continuing(request, call, response, proxy(whole), attempts, anew).chunks(counts)
        whole.flow = flow
        return whole

    return around(name, run)


def _may_pass(error: StepwellError) -> bool:
    """Check whether an error in the middle of an answer may not come again."""
    if isinstance(error, TotalTimeout):
        return False
    return isinstance(error, DecodeError) or (isinstance(error, TransportError | ProviderError) and error.retryable)


class _Continuing:
    """One answer, from as many streams as it takes."""

    def __init__(
        self, request: Request, call: CallNext, response: Response, whole: Response, attempts: int, anew: bool
    ) -> None:
        self._request = request
        self._call = call
        self._part = response  # the stream that is read
        self._whole = whole  # the response that the caller has: it holds this object, so the reference is weak
        self._attempts, self._tried = attempts, 0
        self._anew = anew
        self._received = Received()
        self._first: StepwellError | None = None
        self._earlier: list[Response] = []
        """Those whose stages have gone on to the next part, and may refer to them."""
        self._is_one_exchange = True
        """Whether the provider counts all parts as one exchange."""

    def chunks(self, counts: When) -> Flow:
        """Emit the chunks of the answer."""
        continuation: Continuation | None = None
        while True:
            reader = ChunkReader(self._part, resumable=True)
            try:
                while (batch := (yield from reader.next())) is not None:
                    batch = batch if continuation is None else continuation.feed(batch)
                    self._received.feed(batch)
                    yield Emit(batch)
            except (Cancelled, GeneratorExit) as stop:
                if type(stop) is Cancelled:
                    yield from reader.close()
                raise
            except StepwellError as error:
                if not counts(error):
                    raise self._failed(error) from None
                found = yield from self._next_part(error)
                if found is None:
                    raise self._failed(error) from None
                how, self._part, continuation = found
                self._is_one_exchange = self._is_one_exchange and how == "cursor"
                error.__traceback__ = None
                seam = [Seam(how, type(error).__name__), self._warning(how, error)]
                self._received.feed(seam)
                yield Emit(seam)
            else:
                if self._is_one_exchange:  # the reply of the last part is that of the whole answer
                    self._whole.call = self._part.call
                return

    def _next_part(self, error: StepwellError) -> Flow:
        """Ask for the rest of the answer. Return how it goes on, its response, and what changes its chunks into a
        continuation; None if it cannot go on."""
        while self._tried < self._attempts:
            self._tried += 1
            if not (ways := self._ways(error)):
                return None
            if not (yield from self._wait(error)):
                return None
            for how, request in ways:
                try:
                    response = yield from self._call(request)
                except NotSupported as refusal:  # before anything was sent: this model continues no prefilled answer
                    error.add_note(f"it was not continued: {refusal.message}")
                    continue
                except StepwellError as failure:
                    self._note(error)
                    self._note(failure)
                    break
                if how == "cursor" and response.decoder is not self._part.decoder:
                    yield from closed(response)  # of another model, which a step inside has asked in its place
                    continue
                self._note(error)
                self._adopt(how, response)
                return how, response, self._continuation(how, response)
            else:
                return None
        return None

    def _ways(self, error: StepwellError) -> list[tuple[How, Request]]:
        """Return the requests that may go on, the best first."""
        received, request = self._received, self._request
        if received.has_finished_part:
            return []
        ways: list[tuple[How, Request]] = []
        decoder, sent = self._part.decoder, self._part.request
        if decoder is not None and not isinstance(error, ProviderError) and decoder.rest(sent.url) is not None:
            ways.append(("cursor", request.with_state(RESUMED, decoder)))
        if received.text.strip() and not received.has_others and _takes_any_text(request.options):
            ways.append(("beginning", self._prefilled(request)))
        if self._anew or not received.is_shown:
            ways.append(("anew", request))
        return ways

    def _prefilled(self, request: Request) -> Request:
        """Return the request with the text so far as a prefilled answer, and max_tokens less what it has used."""
        text = self._received.text.rstrip()  # some providers refuse white space at the end
        before = list(request.context.messages)
        if before and before[-1].role == "assistant" and all(type(part) is Text for part in before[-1].content):
            text = before.pop().text + text
        prefill = Message("assistant", (Text(text),), model=str(self._part.request.model))
        options = dict(request.options)
        if isinstance(most := options.get("max_tokens"), int):
            options["max_tokens"] = max(1, most - self._received.tokens())
        context = Context((*before, prefill), request.context.tools)
        return request.replace(context=context, options=options).with_state(PREFILLED, True)

    def _adopt(self, how: How, response: Response) -> None:
        """Take over the request, status and headers of the next part."""
        whole, before = self._whole, self._part
        whole.request = response.request.replace(context=before.request.context)
        whole.status, whole.headers, whole.transport = response.status, response.headers, response.transport
        if how == "cursor":
            # The same answer: what was read of it counts with the rest, and its stages hold what they have read.
            response.call, response.stages, response.closing = before.call, before.stages, before.closing
            self._earlier.append(before)

    def _continuation(self, how: How, response: Response) -> Continuation | None:
        """Return what changes the chunks of the next part; None for a cursor, whose decoder goes on by itself."""
        if how == "cursor":
            return None
        echoed = response.request.get(PREFILL_ECHOED) and response.request.context.messages[-1:]
        return Continuation(self._received, is_new=how == "anew", echoed=echoed[0].text if echoed else "")

    def _wait(self, error: StepwellError) -> Flow:
        """Wait as `retry` does, but not after the first cut of a connection. Return False if the wait is too long."""
        # The first cut of a connection is no sign of a busy server.
        base = _WAIT if self._tried > 1 or isinstance(error, ProviderError) else 0.0
        delay = backoff(self._request, self._tried - 1, error, base, _LONGEST_WAIT)
        if delay is None:
            explain(self._request, error)
        elif delay:
            yield Sleep(delay)
        return delay is not None

    def _note(self, error: StepwellError) -> None:
        if self._first is None:
            self._first = error
        elif error is not self._first:
            self._first.add_note(f"then {type(error).__name__}: {error.message}")

    def _failed(self, error: StepwellError) -> StepwellError:
        """Return the error to raise in the end: the first."""
        self._note(error)
        first = self._first or error
        first.attempts = attempts_of(self._request.attempts or ())
        return first

    def _warning(self, how: How, error: StepwellError) -> StreamChunk:
        went_on = {
            "cursor": "the provider had kept the rest",
            "beginning": "the model went on with what it had said",
            "anew": "the answer began anew",
        }
        model = self._whole.request.model
        self._request.world.report("continued", model=model, error=type(error).__name__, how=how)
        why = f"it broke off ({type(error).__name__}), and {went_on[how]}"
        return Warned((CallWarning("stream", why, str(model)),))


def _takes_any_text(options: Mapping[str, Any]) -> bool:
    """Check that the rest of an answer may be any text: no form of the whole, no forced call, one answer."""
    return (
        options.get("response_format") in _TEXT_FORMATS
        and options.get("tool_choice") in (None, "auto", "none")
        and options.get("n") in (None, 1)
    )
