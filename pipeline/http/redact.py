"""Take credentials and prompts out of errors: some servers quote what they refuse, with the text around it.

Messages of errors end up in logs and traces. The server's own words stay in `body`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote, unquote

from ...schemas.errors import StepwellError
from ...schemas.late_pattern import late_pattern
from ...schemas.secret import MASK, Secret
from .request import Request
from .urls import SECRET_QUERY

_SHORTEST = 4  # what is shorter protects nothing, and occurs in every text
_WORD = 8  # what is shorter may be a part of a word, and is a key only where it stands alone
_ENOUGH = 16
_STEP, _PROBE = 5, 12  # of `_ENOUGH` characters in a row, one probe of 12 begins at a multiple of 5
_OCCURRENCES = 10
_DIGITS = frozenset("0123456789")
_BEARING = late_pattern(r"auth|key|token|secret|cookie")


def mask_secrets(error: StepwellError, request: Request) -> None:
    """Mask the credentials of a request in all parts of an error: message, hint, bodies, headers, request id.

    In the message, texts of the call's input are replaced by "…" as well, also from their middle. An exception behind
    the error that holds what was received is left out, and so are the frames of an error in which a server quotes a
    credential.
    """
    error.args = tuple(_unquoted(value, request) if isinstance(value, str) else value for value in error.args)
    _leave_out_received(error)
    patterns = _patterns(request)
    if patterns is None:
        return
    quoted = False
    for name in ("args", "hint", "code", "body", "payload", "headers", "request_id"):
        if value := getattr(error, name, None):
            hidden = _masked(value, *patterns)
            if hidden != value:
                quoted = True
                setattr(error, name, hidden)
    if quoted:
        error.__traceback__ = None  # their locals hold the answer


def bare(error: StepwellError) -> StepwellError:
    """Return an error to raise again; if a credential was masked in it, without its traceback and its causes.

    The locals of those frames still hold the server's answer, which quotes the credential.
    """
    held = (*error.args, getattr(error, "payload", b""), getattr(error, "body", b""))
    if any(MASK in text if isinstance(text, str) else MASK.encode() in text for text in held):
        error.__cause__ = error.__context__ = error.__traceback__ = None
    return error


def _leave_out_received(error: BaseException) -> None:
    """End the chain of exceptions before one that holds what was received: a JSONDecodeError, a UnicodeError."""
    while (inner := error.__cause__ or error.__context__) is not None:
        if hasattr(inner, "doc") or hasattr(inner, "object"):
            error.__cause__ = error.__context__ = None
            return
        error = inner


def masked(value: Any, request: Request) -> Any:
    """Return a value, also a mapping or a tuple of some, with the credentials of a request masked."""
    patterns = _patterns(request)
    return value if patterns is None else _masked(value, *patterns)


def sent_secrets(request: Request) -> list[str]:
    """Return the secrets that were sent with a request, without those that a good answer may contain as a word.

    A server that takes any key is given one such as "test" or "not-needed", and answers may speak of tests.
    """
    found: list[str] = []
    for each in _sent_secrets(request):
        size = len(each)
        if each not in found and (size >= _ENOUGH or (size >= _WORD and not _DIGITS.isdisjoint(each))):
            found.append(each)
    return found


def without_secrets(data: bytes, secrets: Sequence[str]) -> bytes:
    """Return what was received with these secrets masked."""
    return re.sub("|".join(map(_pattern, secrets)).encode(), MASK.encode(), data)


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers in which those for credentials are masked, except for a scheme in front (`Bearer`, `Basic`)."""
    return {name: _shown_header(value) if _is_bearing(name) else value for name, value in headers.items()}


def _shown_header(value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {MASK}" if space else MASK


def _is_bearing(name: str) -> bool:
    return _BEARING.search(name.lower()) is not None


@lru_cache(256)  # most requests have headers of the same names
def _bearing_names(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if _is_bearing(name)]


def _unquoted(message: str, request: Request) -> str:
    """Return an error's message without the call's texts: short ones as a whole, and runs of 16 characters."""
    if request.operation == "chat":
        texts = [text for turn in request.context.messages for part in turn.content for text in _texts_of(part)]
    else:
        texts = list(_texts_of(request.input))
    for text in texts:
        text = text.strip()
        if _WORD <= len(text) < _ENOUGH:
            message = message.replace(text, "…")
        elif len(text) >= _ENOUGH:
            message = _without_runs_of(text, message)
    return message


def _texts_of(value: object, depth: int = 4) -> Iterator[str]:
    """Yield the texts in a part of a message, or in the input of another operation."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, list | tuple):
        for each in value:
            yield from _texts_of(each, depth - 1)
    elif depth and isinstance(value, Mapping):
        yield from _texts_of(list(value.values()), depth - 1)
    else:
        for name in ("text", "arguments_json", "content"):
            if (inner := getattr(value, name, None)) and depth:
                yield from _texts_of(inner, depth - 1)


def _without_runs_of(text: str, message: str) -> str:
    """Replace what a message shares with a text, 16 characters in a row or more, by "…"."""
    at = 0
    while at + _PROBE <= len(message):
        start, end = _longest_run(text, message, at)
        if end - start < _ENOUGH:
            at += _STEP
        else:
            message = f"{message[:start]}…{message[end:]}"
            at = start + 1
    return message


def _longest_run(text: str, message: str, at: int) -> tuple[int, int]:
    """Return the start and the end of the longest part of a message around `at` that is in the text."""
    probe = message[at : at + _PROBE]
    best, place = (at, at), text.find(probe)
    for _ in range(_OCCURRENCES):
        if place < 0:
            break
        before, after = 0, _PROBE
        while before < min(at, place) and message[at - before - 1] == text[place - before - 1]:
            before += 1
        while at + after < len(message) and place + after < len(text) and message[at + after] == text[place + after]:
            after += 1
        best = max(best, (at - before, at + after), key=lambda run: run[1] - run[0])
        place = text.find(probe, place + 1)
    return best


def _patterns(request: Request) -> tuple[re.Pattern[str], re.Pattern[bytes]] | None:
    """Return the pattern of all secrets of a request, for text and for bytes; None if it has none."""
    found = {each for each in _secrets(request) if len(each) >= _SHORTEST}
    found.discard(request.model.provider)  # a placeholder, as in api_key="ollama"
    secrets = sorted(found, key=len, reverse=True)
    if not secrets:
        return None
    pattern = "|".join(map(_pattern, secrets))
    return re.compile(pattern), re.compile(pattern.encode())


def _pattern(secret: str) -> str:
    """Return a pattern for the secret: its beginning if it is long, since a text may end in the middle of it."""
    if len(secret) < _WORD:
        return rf"(?<![\w-]){spellings(secret)}(?![\w-])"
    if len(secret) <= _ENOUGH:
        return spellings(secret)
    return spellings(secret[:_ENOUGH]) + r"""(?:&#?\w+;|[^\s"'<>,;])*"""


def spellings(secret: str) -> str:
    """Return a pattern for a secret as it is, and as it stands in a URL, in JSON (PHP's writes `\\/`, that of .NET
    `\\u002B`), in JSON within JSON, and in HTML."""
    return "".join(each if each.isalnum() or each in "-_" else _spelled(each) for each in secret)


def _spelled(character: str) -> str:
    plain, code = re.escape(character), ord(character)
    in_url, in_html = re.escape(quote(character, safe="")), re.escape(escape(character))
    return rf"(?:\\*{plain}|(?i:{in_url}|\\+u{code:04x}|{in_html}|&#0*{code};|&#x0*{code:x};))"


def _sent_secrets(request: Request) -> list[str]:
    """Return the credential, and what headers and the URL hold of one, without a scheme in front (`Bearer`)."""
    credential = request.credential
    if type(credential) is Secret:
        found = [credential.reveal()]
    else:
        values = credential.values() if isinstance(credential, Mapping) else ()
        found = [value.reveal() for value in values if isinstance(value, Secret)]
    headers = request.headers
    for name in _bearing_names(tuple(headers)):
        found.append((header := headers[name]).rpartition(" ")[2])
        if "cookie" in name:
            found += [crumb.partition("=")[2] for crumb in header.split("; ")]
    for url in (request.url, request.base_url):
        if "?" in url:
            found += [each[2] for each in SECRET_QUERY.finditer(url)]
    return found


def _secrets(request: Request) -> Iterator[str]:
    """Yield all that a server or a proxy may quote of what is secret in a request."""
    yield from _sent_secrets(request)
    environ = request.world.environ
    for name in environ:  # a look-up of every value would take most of the time that an error takes
        if name.lower().endswith("_proxy") and "@" in (value := environ[name]):
            login = unquote(value.rpartition("@")[0].rpartition("/")[2])
            yield login.partition(":")[2]
            yield b64encode(login.encode()).decode()


def _masked(value: Any, text_pattern: re.Pattern[str], bytes_pattern: re.Pattern[bytes]) -> Any:
    """Return a copy of a value without what the patterns match, also inside mappings and tuples."""
    if isinstance(value, str):
        return text_pattern.sub(MASK, value)
    if isinstance(value, bytes):
        return bytes_pattern.sub(MASK.encode(), value)
    if isinstance(value, Mapping):
        return {name: _masked(each, text_pattern, bytes_pattern) for name, each in value.items()}
    if isinstance(value, tuple):
        return tuple(_masked(each, text_pattern, bytes_pattern) for each in value)
    return value
