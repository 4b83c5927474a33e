"""The request of one call: canonical at first, changed step by step into the bytes for one provider."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from operator import attrgetter
from time import monotonic
from typing import Any, Protocol, Self

from attrs import field, fields, frozen

from ...schemas.message import Context
from ...schemas.model import Model
from ...schemas.reply import CallWarning
from .headers import Headers as Headers  # also for those who make requests
from .headers import sent
from .timeouts import DEFAULT_TIMEOUTS, Timeouts
from .vendor_names import COMMON_NAMES, VendorNames


class ModelPipeline(Protocol):
    """The part of Pipeline that a step may use for another model. A protocol, since Pipeline imports this module."""

    def __contains__(self, name: object, /) -> bool: ...

    def inside(self, name: str) -> Self: ...

    def flow(self, request: Request) -> Generator[Any, Any, Any]: ...


RequestForModel = Callable[["Request", str | Model | None, Mapping[str, Any]], tuple[ModelPipeline, "Request"]]

_OF_ONE_PROVIDER: set[str] = set()


def of_one_provider(name: str) -> str:
    """Declare a key of `step_state` whose note holds for one provider: it is dropped when the call goes to another."""
    _OF_ONE_PROVIDER.add(name)
    return name


RAW_OPTIONS = of_one_provider("raw_options")
"""The key of `step_state` for options that the provider's table does not have: they go into the body as given."""
_FITTED = of_one_provider("fitted_options")
"""The key of `step_state` for pairs of options, before and after a step that adapted them to the provider."""
_TRANSLATED = of_one_provider("translated_options")
"""The key of `step_state` for the options as they were before translate_options."""


@frozen
class Request:
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
    url: str = ""
    headers: Headers = field(factory=Headers, converter=sent)
    body: bytes = field(default=b"", repr=False)
    credential: Any = field(default=None, repr=False)
    """a Secret, or a mapping of several; never shown"""
    retries: int = 2
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    on_unsupported: str = "warn"
    """what to do with an option that the model does not take: warn, raise or ignore"""
    warnings: tuple[CallWarning, ...] = ()
    step_state: Mapping[str, Any] = field(factory=dict, repr=False)
    """a step's own notes, under a key that bears its name; they go along to another model, but for those of
    `of_one_provider`"""
    started: float = field(default=0.0, repr=False)
    """time.monotonic() at the start of the call"""
    request_for_model: RequestForModel | None = field(default=None, repr=False)
    """Set by the client: `request_for_model(request, model, options)` makes the pipeline and the request of the same
    call to another model, with `options` changed. A key and an address given for this call are passed on to models of
    its own provider, for which they were given, and to no others; headers given for it are not passed on."""
    names: VendorNames = field(default=COMMON_NAMES, repr=False)
    """what the vendor calls the headers and fields that general steps look for; set by prepare_request"""

    def replace(self, **changes: Any) -> Request:
        """Return a copy with some fields changed."""
        # attrs.evolve takes 2.5 times as long, and every step calls this.
        return Request(**dict(zip(_NAMES, _values(self), strict=True), **changes)) if changes else self

    def with_headers(self, **headers: str) -> Request:
        """Return a copy with more headers, whose names have underscores for hyphens."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.replace(headers=Headers(self.headers, **more))

    def with_options(self, options: Mapping[str, Any], **step_state: Any) -> Request:
        """Return a copy with options adapted to the provider, and more notes. `given_options` can undo the change."""
        pairs = (*self.step_state.get(_FITTED, ()), (self.options, options))
        return self.replace(options=options, step_state={**self.step_state, **step_state, _FITTED: pairs})

    def translated(self, options: Mapping[str, Any], warnings: tuple[CallWarning, ...]) -> Request:
        """Return a copy with translated options: from here on, options have the provider's names."""
        step_state = {**self.step_state, _TRANSLATED: self.options}
        return self.replace(options=options, warnings=warnings, step_state=step_state)

    def given_options(self) -> Mapping[str, Any]:
        """Return the options as the caller gave them, without the changes made for this provider."""
        options: Mapping[str, Any] = self.step_state.get(_TRANSLATED, self.options)
        for before, after in reversed(self.step_state.get(_FITTED, ())):
            options = _undone(options, before, after)
        return options

    def seconds_left(self) -> float | None:
        """Return the seconds until the total timeout, below zero once it has passed; None without one."""
        total = self.timeouts.total
        return None if total is None else self.started + total - monotonic()

    def travelling(self) -> Mapping[str, Any]:
        """Return the notes of `step_state` that go along to another model."""
        return {name: note for name, note in self.step_state.items() if name not in _OF_ONE_PROVIDER}

    def warn(self, subject: str, why: str) -> Request:
        """Return a copy with one more warning, which ends up on the reply."""
        return self.replace(warnings=(*self.warnings, CallWarning(subject, why, str(self.model))))


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


_NAMES = tuple(attribute.name for attribute in fields(Request))
_values = attrgetter(*_NAMES)
