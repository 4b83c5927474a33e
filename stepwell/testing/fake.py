"""FakeModel: a model whose answers a test writes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Never

from attrs import define, evolve

from ..pipeline.annotate import annotate, note_reply
from ..pipeline.around import around
from ..pipeline.effects import CallNext, Emit, Flow, Run, Sleep, StepGenerator
from ..pipeline.http.library_errors import transport_error
from ..pipeline.http.request import Request, StateKey
from ..pipeline.http.response import Response
from ..pipeline.http.timeouts import Clock
from ..pipeline.http.urls import split_url
from ..pipeline.pipeline import Pipeline
from ..pipeline.step import on_request
from ..providers.declare.provider import Provider, declare_provider
from ..providers.declare.registry import Registry
from ..providers.wires.openai_chat import openai_chat
from ..providers.wires.openai_responses import openai_count_tokens
from ..providers.wires.operations.embeddings import openai_embeddings
from ..providers.wires.operations.mistral_ocr import mistral_ocr
from ..providers.wires.operations.openai_media import openai_images, openai_speech, openai_transcription
from ..providers.wires.operations.openai_misc import openai_models, openai_moderation
from ..providers.wires.operations.rerank import rerank
from ..schemas.errors import ConfigError, InvalidOption
from ..schemas.json_text import well_formed
from ..schemas.process_lock import ProcessLock
from ..schemas.reply_chunks import chunks_of
from .fake_answers import Said, altered, said_in_chat, scripted_reply
from .fault_kinds import Fault, Pause

if TYPE_CHECKING:
    from .faults import Faults


class FakeModel:
    """A provider named `fake` that answers with given turns, for any model id and every operation.

        fake = FakeModel("hello", ToolCall("1", "look_up", '{"city": "Pune"}'))
        client = Client(registry=fake.registry)
        client.generate_text("fake:m", "hi").text   # hello
        fake.requests[0].context                    # the conversation that was sent

    Its clients reach no network: a call to a model that it does not stand for is a ConfigError. All steps run as for a
    real provider, retries too, but those for the key. A call after the last turn raises AssertionError.

    With a journal, the turn of a call is recorded as an answer would be: the same job takes no further one.

    turns: one for each call. In a chat: text, a part such as a ToolCall, a Reply, or a list of texts and parts, in
        which a Pause waits and an exception breaks off: `["The answer ", Pause(0.1), "is", StreamTruncated("cut")]`. In
        another operation: what the operation gives, such as a list of vectors, or a Reply. In all: an exception
        that the call ends with, without a retry; or a function of the request that returns a turn.
    repeat: whether the last turn is repeated for ever.
    stands_for: the models of real providers that it answers for, by patterns: "openai:gpt-5*", or a list of these.
    pieces: the most characters of a piece of streamed text; None for whole texts.
    faults: what goes wrong with attempts, which are repeated as usual: Faults({1: Status(503)}). Its bytes are those
        of the text.
    """

    def __init__(
        self,
        *turns: object,
        repeat: bool = False,
        stands_for: str | Sequence[str] = (),
        pieces: int | None = None,
        faults: Faults | None = None,
        **unknown: Never,
    ) -> None:
        if unknown:
            hint = "turns have no name, and each is an argument: FakeModel('one', 'two'), or FakeModel(*answers)"
            raise InvalidOption(f"a FakeModel has no {next(iter(unknown))!r}", hint=hint)
        if pieces is not None and (type(pieces) is not int or pieces < 1):
            raise ConfigError(f"pieces must be a number of characters above 0, not {pieces!r:.40}")
        patterns = [stands_for] if isinstance(stands_for, str) else stands_for
        if not isinstance(patterns, Iterable) or not all(isinstance(each, str) for each in patterns):
            raise ConfigError(f"stands_for= of a FakeModel cannot be {stands_for!r:.40}", hint="stands_for='openai:*'")
        if faults is not None and not hasattr(faults, "next"):
            raise ConfigError(
                f"faults= of a FakeModel cannot be a {type(faults).__name__}", hint="faults=Faults([Status(503)])"
            )
        self._turns: list[Any] = list(turns)
        self._listed = len(turns) == 1 and isinstance(turns[0], list | tuple)
        self._repeat = repeat
        self._pieces = pieces
        self._faults = faults
        self._patterns = ("fake:*", *patterns)
        self.requests: list[Request] = []
        self._lock = ProcessLock()
        self.open = 0
        """How many streams are open."""
        self.provider: Provider = evolve(_FAKE, attach=self._attach_own, attach_stream=self._attach_own)
        self.registry: Registry = _FakeRegistry(self)

    def attach(self, pipeline: Pipeline, provider: Provider | None = None) -> Pipeline:
        """Make a pipeline end here, in place of the network: `stepwell.override("*", attach=fake.attach)`."""
        for name in _OF_KEYS:
            if name in pipeline:
                pipeline = pipeline.replace(name, on_request(name, lambda request: request))
        outermost = "retry" if "retry" in pipeline else "send"
        pipeline = pipeline.before(outermost, around("fake_turn", self._turn, counts=True))
        # A preview leaves out what counts, and stops at `send`, which no call reaches.
        return pipeline.before("send", around("fake_answer", self._answer, counts=True))

    def _attach_own(self, pipeline: Pipeline, provider: Provider) -> Pipeline:
        # A fake reads any history, so that `requests` show the conversation as it was given.
        return self.attach(pipeline.without("fit_history"))

    def _turn(self, request: Request, call: CallNext) -> StepGenerator:
        """Take the turn of a call; raise it if it is an exception, which is the outcome of the call."""
        if not any(fnmatchcase(str(request.model), pattern) for pattern in self._patterns):
            raise ConfigError(
                f"a FakeModel of {', '.join(self._patterns)} does not stand for {request.model}, and nothing was sent",
                hint=f"pass stands_for='{request.model}' to it",
            )
        script: object = None
        if in_job := request.world.job() is not None:
            turn, request = yield from self._recorded(request)
        else:
            script = self._next(request)
            turn = _made(script, request)
        if isinstance(turn, Exception):
            if request.attempts is not None:
                at = request.world.now() - request.started
                request.attempts.append((request.model, at, 0.0, None, type(turn).__name__, 0.0, "fake"))
            raise turn
        taken = _Taken(turn)
        try:
            return (yield from call(request.with_state(_TURN, taken)))
        finally:
            if not (taken.is_sent or in_job):
                self._give_back(script, request)

    def _recorded(self, request: Request) -> Flow:
        """Take the turn of a call of a job, or the recorded one, and return it with the request."""
        from .fake_turns import turn_data, turn_of  # only for jobs

        fresh = False

        def taken() -> object:
            nonlocal fresh
            fresh, turn = True, _made(self._next(request), request)
            # A turn may have objects such as Ranked, which only a Reply can write; of a list of Models it cannot.
            as_it_is = request.operation in ("chat", "list_models") or isinstance(turn, Exception)
            return turn if as_it_is else scripted_reply(request.operation, turn, request.model)

        turn = turn_of((yield Run(taken, recorded=turn_data, name="fake_turn")))
        return turn, request if fresh else request.with_state(_REPEATED, True)

    def _answer(self, request: Request, call: CallNext) -> StepGenerator:
        """Answer one attempt."""
        taken = request.get(_TURN)
        taken.is_sent = True
        clock, chance = Clock(request.timeouts, request.started, request.world.now), None
        faults: tuple[Fault, ...] = ()
        if self._faults is not None and not request.get(_REPEATED):
            faults, chance = self._faults.next(request.method, request.url)
        for fault in faults:
            instead = fault.instead()
            if isinstance(instead, Exception):
                raise _meaning(instead, clock, request)
            if instead is not None:
                return Response(request, instead.status, *instead.content(), transport="fake")
        turn = taken.turn
        for fault in faults:
            happens = fault.at_head({})
            if happens is not None:
                yield from _happened(happens, clock, request)
        response = Response(request, transport="fake", call=object())  # a call that counts, as by a network
        if request.operation != "chat":
            reply = well_formed(scripted_reply(request.operation, turn, request.model))
            response.reply = annotate(reply, response)
            note_reply(response, reply)
            if request.stream:
                response.reply, response.ready = None, chunks_of(reply)
            return response
        said = deque(well_formed(said_in_chat(turn, self._pieces)))
        if chance is not None:
            said = altered(said, [each for fault in faults if (each := fault.on_body(chance)) is not None])
        while said and not isinstance(said[0], list):  # before the answer begins, where it can be sent again
            yield from _happened(said.popleft(), clock, request)
        response.flow = self._flow(said, clock, request)
        return response

    def _flow(self, said: Iterable[Said], clock: Clock, request: Request) -> Flow:
        self.open += 1
        try:
            for item in said:
                if isinstance(item, list):
                    clock.begin()
                    yield Emit(item)
                else:
                    yield from _happened(item, clock, request)
        finally:
            self.open -= 1

    def _next(self, request: Request) -> object:
        """Note a request, and return what is scripted for it."""
        self.requests.append(request)
        if not self._turns:
            hint = "pass more turns, or repeat=True"
            if self._listed:
                hint += "; a list is one turn, so write FakeModel(*answers)"
            raise AssertionError(f"the fake model has no turn left for call {len(self.requests)}: {hint}")
        return self._turns[0] if self._repeats else self._turns.pop(0)

    @property
    def _repeats(self) -> bool:
        return self._repeat and len(self._turns) == 1

    def _give_back(self, script: object, request: Request) -> None:
        """Forget a request that a step held back, so that nothing was sent, and leave its turn to the next call."""
        with self._lock:  # others may add requests meanwhile, but not remove any
            for at, each in enumerate(self.requests):
                if each is request:
                    del self.requests[at]
                    break
        if not (self._repeats and self._turns[0] is script):
            self._turns.insert(0, script)


def _made(script: Any, request: Request) -> object:
    """Return the turn that is scripted: a function is called for it. Raises ConfigError for a class."""
    if isinstance(script, type):
        raise ConfigError(f"a turn cannot be the class {script.__name__}", hint=f"{script.__name__}(...)")
    return script(request) if callable(script) else script


@define(eq=False)
class _Taken:
    """The turn of a call, and whether an attempt of it came as far as the network."""

    turn: object = None
    is_sent: bool = False


class _FakeRegistry(Registry):
    """The providers of clients that must not reach a network: every pipeline ends in the fake."""

    def __init__(self, fake: FakeModel) -> None:
        super().__init__()
        self._fake = fake
        self._ended: dict[str, tuple[Provider, Provider]] = {}
        self.register(fake.provider)

    def get(self, id: str) -> Provider | None:
        """Return the provider with pipelines that end in the fake; see Registry.get."""
        found = super().get(id)
        if found is None or found is self._fake.provider:
            return found
        known = self._ended.get(found.id)
        if known is None or known[0] is not found:
            attach = self._fake.attach
            known = self._ended[found.id] = found, evolve(found, attach=attach, attach_stream=attach)
        return known[1]


_TURN: StateKey[_Taken] = StateKey("fake_turn", _Taken())
_REPEATED: StateKey[bool] = StateKey("fake_repeated", False)
"""Whether a journal has given the turn: nothing is sent then, and no fault happens to it."""
_OF_KEYS = ("resolve_key", "authenticate")
_FAKE = declare_provider(
    "fake",
    wire=[
        openai_chat,
        openai_embeddings,
        rerank,
        openai_images,
        openai_speech,
        openai_transcription,
        openai_moderation,
        mistral_ocr,
        openai_count_tokens,
        openai_models,
    ],
    base_url="http://fake.invalid",
    key_optional=True,
)


def _happened(item: Said, clock: Clock, request: Request) -> Flow:
    """Wait, as a read does: until the limit of the call at most, whose error is then raised. Or raise the item."""
    if isinstance(item, Exception):
        raise _meaning(item, clock, request)
    if isinstance(item, Pause):
        allowed = clock.allowance()
        yield Sleep(item.seconds if allowed is None else min(item.seconds, allowed))
        if allowed is not None and item.seconds >= allowed:
            raise clock.error()


def _meaning(error: Exception, clock: Clock, request: Request) -> BaseException:
    """Return the typed error for one of a network."""
    return transport_error(error, clock, split_url(request.url)[1])
