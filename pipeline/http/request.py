"""What is to be sent: canonical at first, and step by step the bytes of one provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from attrs import field, fields, frozen

from ...schemas.errors import InvalidOption
from ...schemas.message import Context
from ...schemas.model import Model
from ...schemas.reply import CallWarning
from .headers import Headers as Headers  # also for those who make requests
from .headers import sent
from .timeouts import DEFAULT_TIMEOUTS, Timeouts

if TYPE_CHECKING:
    from ..pipeline import Pipeline

    RequestForModel = Callable[["Request", Any, Mapping[str, Any]], tuple[Pipeline, "Request"]]

_OF_ONE_PROVIDER: set[str] = set()


def of_one_provider(name: str) -> str:
    """A name in `step_state` for what is good for one provider alone: it stays behind when the call goes to another."""
    _OF_ONE_PROVIDER.add(name)
    return name


RAW_OPTIONS = of_one_provider("raw_options")
"""Where in `step_state` the options stand that the provider's table does not know: they go into the body as given."""
_FITTED = of_one_provider("fitted_options")
"""Where in `step_state` stand the pairs of options, before and after, of the steps that made them the provider's
own."""
_TRANSLATED = of_one_provider("translated_options")
"""Where in `step_state` the options stand as they were before translate_options."""

_FRAMING = frozenset(("content-length", "transfer-encoding"))


def check_sendable(headers: Headers) -> None:
    """Raises InvalidOption, without the value, for a header that HTTP libraries treat each in its own way: one with a
    line break in it, which may pass for two, or one that says how long the body is, which they know themselves."""
    if not _FRAMING.isdisjoint(headers):
        name = min(_FRAMING & headers.keys())
        raise InvalidOption(f"the header {name!r} cannot be set", hint="leave it out: it follows from the body")
    if not _plain(headers):
        name = next(name for name in headers if not _plain({name: headers[name]}))
        raise InvalidOption(
            f"the header {name!r:.60} cannot be sent", hint="its name and value must be ASCII without line breaks"
        )


def _plain(headers: Mapping[str, str]) -> bool:
    # One text searched for all of them: 0.5 µs in place of 3. In a frame of its own, which no traceback shows.
    try:
        text = "".join([*headers, *headers.values()])
    except TypeError:
        return False
    return text.isascii() and "\n" not in text and "\r" not in text and "\0" not in text


@frozen
class Request:
    """One call. Steps pass it inwards, each with what it adds.

    `operation` is chat, embed, rerank, image, ...; `context` the conversation of a chat and `input` the matter of
    any other operation. `options` are canonical until translate_options and the provider's own after it.
    `credential` is a Secret, or a mapping of several, and never shows. `step_state` is for a step's own notes,
    under a key that bears its name; they go along to another model, but for those `of_one_provider`.
    `started` is time.monotonic() at the start of the call.

    `request_for_model(request, model, options)` is set by the client: the pipeline and the request of the same call to
    another model, with what `options` change. A key and an address given for this call go along to models of its own
    provider, which they were meant for, and to no others; headers given for it stay behind.
    """

    operation: str
    model: Model
    context: Context = field(factory=Context, repr=False)
    input: Any = field(default=None, repr=False)
    options: Mapping[str, Any] = field(factory=dict, repr=False)
    stream: bool = False
    method: str = "POST"
    base_url: str = ""
    url: str = ""
    headers: Headers = field(factory=Headers, converter=sent)
    body: bytes = field(default=b"", repr=False)
    credential: Any = field(default=None, repr=False)
    retries: int = 2
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    on_unsupported: str = "warn"
    warnings: tuple[CallWarning, ...] = ()
    step_state: Mapping[str, Any] = field(factory=dict, repr=False)
    started: float = field(default=0.0, repr=False)
    request_for_model: RequestForModel | None = field(default=None, repr=False)

    def replace(self, **changes: Any) -> Request:
        """This request with some fields changed."""
        # attrs.evolve takes 2.5 times as long, and every step calls this.
        return Request(**dict(zip(_NAMES, _values(self), strict=True), **changes)) if changes else self

    def with_headers(self, **headers: str) -> Request:
        """More headers, named with underscores for hyphens."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.replace(headers=Headers(self.headers, **more))

    def with_options(self, options: Mapping[str, Any], **step_state: Any) -> Request:
        """This request with options made the provider's own, and notes; `given_options` still knows the others."""
        pairs = (*self.step_state.get(_FITTED, ()), (self.options, options))
        return self.replace(options=options, step_state={**self.step_state, **step_state, _FITTED: pairs})

    def translated(self, options: Mapping[str, Any], warnings: tuple[CallWarning, ...]) -> Request:
        """This request with its options in the provider's words: from here on they are its own whatever is changed."""
        step_state = {**self.step_state, _TRANSLATED: self.options}
        return self.replace(options=options, warnings=warnings, step_state=step_state)

    def given_options(self) -> Mapping[str, Any]:
        """The options as any provider takes them: without what was done to them for the one that is being asked."""
        options: Mapping[str, Any] = self.step_state.get(_TRANSLATED, self.options)
        for before, after in reversed(self.step_state.get(_FITTED, ())):
            options = _undone(options, before, after)
        return options

    def travelling(self) -> Mapping[str, Any]:
        """The notes of `step_state` that go along to another model."""
        return {name: note for name, note in self.step_state.items() if name not in _OF_ONE_PROVIDER}

    def warn(self, subject: str, why: str) -> Request:
        """The same request with one more warning, which ends up on the reply."""
        return self.replace(warnings=(*self.warnings, CallWarning(subject, why, str(self.model))))


_MISSING = object()


def _undone(options: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The options with what was changed between `before` and `after` as it was before; other changes stay."""
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
