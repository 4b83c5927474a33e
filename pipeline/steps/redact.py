"""Keep originals from the provider: placeholders stand for them in requests, and are put back in answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from attrs import evolve

from ...schemas.errors import ConfigError, InvalidOption, StepError, StepwellError
from ...schemas.functions import checked_function, read_whole
from ...schemas.late_pattern import late_pattern
from ...schemas.memo import Memo
from ...schemas.missing_argument import saying_how_it_is_made
from ...schemas.nearest import nearest
from ...schemas.parts import Reasoning
from ...schemas.reply import Reply
from ..around import around
from ..blocking import in_call_time
from ..effects import CallNext, Run, StepGenerator, in_thread
from ..http.request import Request
from ..http.response import OnEnd
from ..redaction.answers import NOTE, Restoring, restored_part
from ..redaction.patterns import PATTERNS, Find, search_of, search_of_words
from ..redaction.placeholders import QUOTED, Placeholders, Span
from ..redaction.requests import Rewriting
from ..redaction.views import views
from ..step import Step
from ..stream.rewrite_text import pass_through

Found = Iterable[str | tuple[str, str]]
"""The originals in a text, each alone or with its label."""
FindOriginals = Callable[[str], Found] | Callable[[str], Awaitable[Found]]
What = str | re.Pattern[str] | Mapping[str, str | re.Pattern[str] | Iterable[str]] | FindOriginals
_LABEL = late_pattern(r"[A-Z](?:_?[A-Z])*\Z")
_OWN = "ORIGINAL"
"""The label of what has no name of its own."""
_LONGEST = 40
"""Characters of a label, so that its placeholder is recognised however a stream cuts it."""


@saying_how_it_is_made
def redact(*what: What, name: str = "redact") -> Step:
    """Make a step that keeps originals from the provider and puts them back into its answers:

        client = Client(pipeline=redact("email", "phone", {"CUSTOMER": r"C-\\d{6}", "NAME": ["Ada Lovelace"]}))

    what: any number of: a pattern by its name (email, phone, card, iban, ip, key; default: all of them); a regular
        expression; a mapping from a label to a regular expression or a list of texts; a function `(text)`, which
        returns the originals in it, each alone or as a pair with its label. An async function needs an AsyncClient.
    name: the name of the step.

    Placeholders such as [EMAIL_1] are numbered by appearance, so they are the same in every turn of a conversation.
    They replace originals in all texts of a request before it is encoded: messages, results and arguments of tools,
    tools, options, names of files, files of text, the input of other operations. They are put back in text, reasoning,
    refusals, arguments of calls (escaped as JSON needs it) and objects, also where a stream cuts them; only what may be
    the beginning of one is held back. What looks like a placeholder in the caller's own text is hidden as well, so that
    it comes back as it was. Signed reasoning goes back as the model wrote it.

    Images, audio and other files are not searched, which is a warning. It is added outermost: retries, other models,
    caches, logs and cassettes inside it see placeholders only, and a cache may give two people the same stored answer,
    each with their own originals.

    Raises InvalidOption and ConfigError for what cannot be searched for; a call raises NotSupported for the address of
    a file that holds an original.
    """
    finders: list[tuple[str, Find]] = []
    functions: list[FindOriginals] = []
    for each in what or tuple(PATTERNS):
        if callable(each) and not isinstance(each, re.Pattern):
            functions.append(each if iscoroutinefunction(each) else checked_function(each, "a function of redact", 1))
        else:
            finders += _finders(each)
    labels = {label for label, _ in finders}
    known = [Memo[str, list[tuple[str, str]]](2000) for _ in functions]

    def run(request: Request, call: CallNext) -> StepGenerator:
        found: dict[str, list[tuple[str, str]]] = {}
        texts = _texts_of(request)
        for function, memo in zip(functions, known, strict=True):
            memo.hold(len(texts))
            pairs = {text: memo.get(text) for text in texts}  # the memo may lose some of them meanwhile
            missing = [text for text in texts if pairs[text] is None]
            if missing:
                results = yield from in_call_time(request, _run(function, missing))
                for text, result in zip(missing, results, strict=True):
                    pairs[text] = memo.put(text, _pairs(result))
            for text in texts:
                found.setdefault(text, []).extend(pairs[text] or ())
        own = {label for pairs in found.values() for _, label in pairs}
        hiding = _Hiding(finders, found, Placeholders(labels | own | {_OWN}))
        sent = hiding.request(request, texts)
        placeholders = hiding.placeholders
        try:
            response = yield from call(sent)
        except StepwellError as error:
            _restore_partial(error, placeholders)
            raise
        reply = response.reply
        empty = reply is not None and not reply.message.content and not reply.alternatives
        if not placeholders or empty:  # vectors, ranks and the like
            return response
        if response.request.calls is sent.calls:  # else it answers a call of its own, which has passed a step like this
            response.callbacks = [_with_placeholders(each, placeholders, sent) for each in response.callbacks]
        as_json = request.options.get("response_format") not in (None, "text", {"type": "text"})
        return pass_through(response, Restoring(placeholders, as_json=as_json))

    return evolve(around(name, run), in_batches=True)


def _finders(each: object) -> Iterator[tuple[str, Find]]:
    """Yield the labels and searches that one argument stands for."""
    if isinstance(each, str):
        if each not in PATTERNS:
            hint = f"{nearest(each, PATTERNS) or 'a regular expression has a label'}: redact({{'LABEL': r'...'}})"
            raise InvalidOption(f"redact has no pattern named {each!r:.40}", hint=hint)
        yield each.upper(), PATTERNS[each]
    elif isinstance(each, re.Pattern):
        yield _OWN, _search(each)
    elif isinstance(each, Mapping):
        for label, searched in each.items():
            yield _checked_label(label), _search(searched)
    else:
        raise InvalidOption(
            f"redact cannot search for a {type(each).__name__}",
            hint="pass a name, a pattern, a function, or texts under a label: redact({'NAME': ['Ada Lovelace']})",
        )


def _search(searched: object) -> Find:
    if isinstance(searched, str):
        try:
            searched = re.compile(searched)
        except re.error as error:
            raise ConfigError(f"a pattern of redact is no regular expression: {error}") from None
    if isinstance(searched, re.Pattern):
        if not isinstance(searched.pattern, str):
            raise InvalidOption("a pattern of redact is one of bytes", hint="re.compile(r'...')")
        return search_of(searched)
    if isinstance(searched, Iterable):
        words = [each for each in searched if isinstance(each, str) and each]
        if words:
            return search_of_words(words)
    raise InvalidOption(f"redact cannot search for a {type(searched).__name__}", hint="a regular expression, or texts")


def _checked_label(label: object) -> str:
    text = label.upper() if isinstance(label, str) else ""
    if not _LABEL.match(text) or len(text) > _LONGEST or text == QUOTED:
        raise InvalidOption(
            f"a label of redact is a word of letters and underscores, {_LONGEST} at most",
            hint='redact({"CUSTOMER": ...})',
        )
    return text


def _run(function: FindOriginals, texts: list[str]) -> Run:
    if not iscoroutinefunction(function):
        return in_thread(lambda: [read_whole(function(text)) for text in texts])

    def refuse() -> object:
        raise ConfigError("an async function of redact needs an AsyncClient", hint="pass a plain function to a Client")

    async def search() -> list[Any]:
        return [await function(text) for text in texts]

    return Run(refuse, search, recorded=False)


def _pairs(result: object) -> list[tuple[str, str]]:
    """Return what a function has found, as pairs of an original and its label. Raises StepError for anything else."""
    if isinstance(result, str) or not isinstance(result, Iterable):
        raise StepError(f"a function of redact returned a {type(result).__name__}", hint="return a list of texts")
    pairs = [(each, _OWN) if isinstance(each, str) else each for each in result]
    for pair in pairs:
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)):
            raise StepError("a function of redact returned items that are not texts", hint="return texts, or pairs")
    return [(original, _checked_label(label)) for original, label in pairs if original]


def _texts_of(request: Request) -> list[str]:
    """Return all texts of a request, in order, each once, and what they are without escapes."""
    texts: dict[str, None] = {}

    def note(text: str) -> str:
        if text and text not in texts:
            texts[text] = None
            texts.update((view, None) for view, _ in views(text))
        return text

    Rewriting(note).request(request)
    return list(texts)


class _Hiding:
    """Replaces the originals of one request."""

    def __init__(
        self,
        finders: list[tuple[str, Find]],
        found: Mapping[str, list[tuple[str, str]]],
        placeholders: Placeholders,
    ) -> None:
        self._finders = finders
        self._found = found
        self._spans: dict[str, list[Span]] = {}
        self._find_originals: Find = lambda text: iter(())
        self.placeholders = placeholders

    def request(self, request: Request, texts: list[str]) -> Request:
        """Return the request with placeholders."""
        for message in request.context.messages:
            for part in message.content:
                note = part.extra.get(NOTE) if isinstance(part, Reasoning) else None
                originals = note.get("originals") if isinstance(note, Mapping) else None
                for placeholder, original in originals.items() if isinstance(originals, Mapping) else ():
                    self.placeholders.reserve(placeholder, original)
        for text in texts:
            spans = self._spans[text] = _apart(self._search(text))
            for start, end, label, _ in spans:
                self.placeholders.add(text[start:end], label)
        self._find_originals = self.placeholders.originals()
        rewriting = Rewriting(self._hidden)
        request = rewriting.request(request) if self.placeholders else request
        if not self.placeholders:
            rewriting = Rewriting(lambda text: text)
            rewriting.request(request)
        if rewriting.unread:
            request = request.warn("redact", f"not searched: {', '.join(rewriting.unread)}")
        if rewriting.lost:
            why = "signed reasoning with an original in it was left out: it cannot be changed"
            request = request.warn("redact", why)
        return request

    def _search(self, text: str) -> Iterator[Span]:
        yield from self.placeholders.like_placeholders(text)
        for label, find in self._finders:
            for start, end in find(text):
                yield start, end, label, ""
        for original, label in self._found.get(text, ()):
            yield from ((at.start(), at.end(), label, "") for at in re.finditer(re.escape(original), text))

    def _hidden(self, text: str) -> str:
        """Return the text with placeholders for what is found in it, also where that is escaped."""
        spans = self._all_spans(text)
        for view, places in views(text):
            for start, end, label, _ in _apart(self._all_spans(view)):
                first, last = places[start], places[end]
                if text[first:last] != view[start:end]:
                    spans.append((first, last, label, view[start:end]))
        return self.placeholders.hidden(text, _apart(spans)) if spans else text

    def _all_spans(self, text: str) -> list[Span]:
        found = [(start, end, _OWN, "") for start, end in self._find_originals(text)]
        return [*self._spans.get(text, ()), *found]


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that overlap joined to one, so that no end of any is left in the text."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span[0], -span[1])):
        start, end, *_ = span
        if kept and start < kept[-1][1]:
            first, last, kind, _ = kept[-1]
            if end > last:
                kept[-1] = (first, end, kind, "")
        elif start < end:
            kept.append(span)
    return kept


def _with_placeholders(callback: OnEnd, placeholders: Placeholders, sent: Request) -> OnEnd:
    """Return a callback of a step inside, for a reply that has the originals: it sees what has passed that step."""
    rewriting = Rewriting(placeholders.hidden_again)

    def ended(reply: Reply | None, error: BaseException | None) -> None:
        if reply is not None:
            message, *others = map(rewriting.message, (reply.message, *reply.alternatives))
            reply = reply.replace(message=message, alternatives=tuple(others), prompt=sent.context)
        callback(reply, error)

    return ended


def _restore_partial(error: StepwellError, placeholders: Placeholders) -> None:
    """Put the originals back into what had arrived before an error."""
    partial_reply = getattr(error, "partial", None)
    if placeholders and partial_reply is not None and hasattr(partial_reply, "message"):
        restore = partial(restored_part, placeholders=placeholders)
        message = partial_reply.message
        error.partial = partial_reply.replace(message=evolve(message, content=tuple(map(restore, message.content))))
