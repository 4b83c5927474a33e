"""The request of one call: canonical at first, changed step by step into the bytes for one provider."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, Generic, NoReturn, Protocol, Self, TypeVar

from attrs import field, fields, frozen
from attrs.exceptions import FrozenInstanceError

from ...schemas.attempt import Noted
from ...schemas.errors import StepError
from ...schemas.foreign_names import ATTRIBUTES, OPTION_OF_REQUEST, Hinted
from ...schemas.message import Context
from ...schemas.model import Model
from ...schemas.nearest import nearest
from ...schemas.reply import CallWarning, Reply
from ..world import REAL_WORLD, World
from .headers import Headers as Headers  # also for those who make requests
from .headers import sent
from .timeouts import DEFAULT_TIMEOUTS, Timeouts
from .urls import shown_url
from .vendor_names import COMMON_NAMES, VendorNames

T = TypeVar("T")


@frozen(eq=False)
class StateKey(Generic[T]):
    """The key of a note: `request.get(KEY)` reads it, `request.with_state(KEY, value)` returns a request with it.

    Two keys are never equal, whatever their names, so that the notes of two steps cannot collide.
    """

    name: str
    """for messages only"""
    default: T
    """what `get` returns where there is no note"""
    travels: bool = False
    """True for a note that goes along when the call moves to another model"""


class ModelPipeline(Protocol):
    """The part of Pipeline that a step may use for another model. A protocol, since Pipeline imports this module."""

    def __contains__(self, name: object, /) -> bool: ...

    def inside(self, name: str) -> Self: ...

    def flow(self, request: Request) -> Generator[Any, Any, Any]: ...


RequestForModel = Callable[["Request", str | Model | None, Mapping[str, Any]], tuple[ModelPipeline, "Request"]]

_NOTHING: Mapping[str, Any] = {}
RAW_OPTIONS: StateKey[Mapping[str, Any]] = StateKey("raw_options", _NOTHING)
"""Options that the provider's table does not have: they go into the body as given."""
PREFILLED: StateKey[bool] = StateKey("prefilled", False, travels=True)
"""True if the last message is a prefilled answer: fit_history raises NotSupported if the model continues none."""
PREFILL_ECHOED: StateKey[bool] = StateKey("prefill_echoed", False)
"""True if the server repeats the prefilled text in its answer."""
_FITTED: StateKey[tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...]] = StateKey("fitted_options", ())
"""Pairs of options, before and after a step that adapted them to the provider."""
_TRANSLATED: StateKey[Mapping[str, Any] | None] = StateKey("translated_options", None)
"""The options as they were before translate_options."""


def _refuse_change(self: object, name: str, value: object) -> NoReturn:
    error = FrozenInstanceError()
    how = f"go on with request.replace({name}=...)" if name in _NAMES else _hint(name)
    error.args = (f"a Request is not changed in place: {how}",)
    raise error


@frozen(slots=False)
class Request(Hinted, hints="request"):
    """One call. Each step passes it inwards with what the step adds."""

    operation: str
    """chat, embed, rerank, image, ..."""
    model: Model
    context: Context = field(factory=Context, repr=False)
    """the conversation, for a chat"""
    input: Any = field(default=None, repr=False)
    """the input of any other operation"""
    options: Mapping[str, Any] = field(factory=dict, repr=False)
    """canonical until translate_options, the provider's own after it"""
    stream: bool = False
    method: str = "POST"
    base_url: str = ""
    url: str = field(default="", repr=lambda url: repr(shown_url(url)))
    headers: Headers = field(factory=Headers, converter=sent)
    body: bytes = field(default=b"", repr=False)
    credential: Any = field(default=None, repr=False)
    """a Secret, or a mapping of several; never shown"""
    retries: int = 2
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    on_unsupported: str = "warn"
    """what to do with an option that the model does not take: warn, error or ignore"""
    warnings: tuple[CallWarning, ...] = ()
    state: Mapping[StateKey[Any], Any] = field(factory=dict, repr=False)
    """notes of steps; read and written by `get` and `with_state`"""
    world: World = field(default=REAL_WORLD, repr=False)
    """where steps take time, chance and ids from"""
    started: float = field(default=0.0, repr=False)
    """`world.now()` at the start of the call"""
    request_for_model: RequestForModel | None = field(default=None, repr=False)
    """Set by the client: `request_for_model(request, model, options)` makes the pipeline and the request of the same
    call to another model, with `options` changed. A key and an address given for this call are passed on to models of
    its own provider, for which they were given, and to no others; headers given for it are not passed on."""
    calls: list[tuple[object, Reply]] | None = field(default=None, repr=False, eq=False)
    """The replies of all calls that were made for this one, each with the mark of its response; set by the client. See
    inner_calls.py."""
    attempts: list[Noted] | None = field(default=None, repr=False, eq=False)
    """The attempts of this call, also those to other models; set by the client."""
    names: VendorNames = field(default=COMMON_NAMES, repr=False)
    """what the vendor calls the headers and fields that general steps look for; set by prepare_request"""

    def replace(self, **changes: Any) -> Request:
        """Return a copy with some fields changed.

        Raises StepError for a name that is not a field, and for a model or a context that is none.
        """
        # attrs.evolve would take twenty times as long, and every step calls this.
        values = self.__dict__ | changes
        if len(values) != _COUNT:
            name = min(changes.keys() - _NAMES)
            raise StepError(f"a Request has no field {name!r}", hint=_hint(name))
        if "headers" in changes and type(changes["headers"]) is not Headers:
            values["headers"] = sent(changes["headers"])
        if "model" in changes or "context" in changes:
            model, context = values["model"], values["context"]
            if type(model) is not Model or type(context) is not Context:  # no further call for what is usual
                _check_types(model, context)
        copy: Request = _new(Request)
        _set(copy, "__dict__", values)
        return copy

    def with_headers(self, **headers: str) -> Request:
        """Return a copy with more headers, whose names have underscores for hyphens."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.replace(headers=Headers(self.headers, **more))

    def get(self, key: StateKey[T]) -> T:
        """Return the note under this key, or the key's default."""
        note: T = self.state.get(key, key.default)
        return note

    def with_state(self, key: StateKey[T], note: T) -> Request:
        """Return a copy with a note under this key."""
        return self.replace(state={**self.state, key: note})

    def with_options(self, options: Mapping[str, Any]) -> Request:
        """Return a copy with options adapted to the provider. `given_options` can undo the change."""
        pairs = (*self.get(_FITTED), (self.options, options))
        return self.replace(options=options, state={**self.state, _FITTED: pairs})

    def translated(self, options: Mapping[str, Any], warnings: tuple[CallWarning, ...]) -> Request:
        """Return a copy with translated options: from here on, options have the provider's names."""
        state = {**self.state, _TRANSLATED: self.options}
        return self.replace(options=options, warnings=warnings, state=state)

    def given_options(self) -> Mapping[str, Any]:
        """Return the options as the caller gave them, without the changes made for this provider."""
        translated = self.get(_TRANSLATED)
        options = self.options if translated is None else translated
        pairs = self.get(_FITTED)
        for before, after in reversed(pairs):
            options = _undone(options, before, after)
        return options

    def seconds_left(self) -> float | None:
        """Return the seconds until the total timeout, below zero once it has passed; None without one."""
        total = self.timeouts.total
        return None if total is None else self.started + total - self.world.now()

    def travelling(self) -> Mapping[StateKey[Any], Any]:
        """Return the notes that go along to another model."""
        return {key: note for key, note in self.state.items() if key.travels}

    def warn(self, subject: str, why: str) -> Request:
        """Return a copy with one more warning, which ends up on the reply of a call that is made with it.

        About an answer that is there, `response.warn` warns.
        """
        return self.replace(warnings=(*self.warnings, CallWarning(subject, why, str(self.model))))


def _hint(name: str) -> str:
    """Return what to write for a field that a Request does not have."""
    meant = ATTRIBUTES["request"].get(name)
    if meant == OPTION_OF_REQUEST:
        return f"{meant}: go on with request.replace(options={{**request.options, {name!r}: ...}})"
    return meant or nearest(name, _NAMES)


def _check_types(model: object, context: object) -> None:
    if not isinstance(model, Model):
        hint = "another model is called by other_pipeline(request, 'provider:model-id', {}, inside='the step')"
        raise StepError(f"the model of a Request cannot be a {type(model).__name__}", hint=hint)
    if not isinstance(context, Context):
        hint = "write Context([...]), or request.context.append(...)"
        raise StepError(f"the context of a Request cannot be a {type(context).__name__}", hint=hint)


_MISSING = object()


def _undone(options: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Undo the changes from `before` to `after` in the options; other changes stay."""
    out = dict(options)
    for name in before.keys() | after.keys():
        old = before.get(name, _MISSING)
        if old is after.get(name, _MISSING):
            continue
        if old is _MISSING:
            out.pop(name, None)
        else:
            out[name] = old
    return out


Request.__setattr__ = _refuse_change  # type: ignore[method-assign]  # that of attrs says less
_new, _set = object.__new__, object.__setattr__
_NAMES = frozenset(attribute.name for attribute in fields(Request))
_COUNT = len(_NAMES)
