"""Estimate the tokens of a prompt locally, for limits and budgets that are not worth a call to the provider.

Each model has its own vocabulary, so text is counted by what all of them have in common: a common word is one token, a
long one two or more; digits count by threes, punctuation by pairs, a line break with its indentation as one; scripts
other than Latin have one to three tokens per word or character. For prose, code and JSON the estimate is within 25% of
what providers count (tests/schemas/test_estimate.py compares it with recorded answers).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from .json_text import dumps
from .message import Context, Message
from .parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from .tool import Tool

PER_MESSAGE = 4
"""Tokens of a message's role and delimiters."""
PER_TOOL = 12
"""Tokens of what a provider adds to present a tool to the model."""
IMAGE = 1000
"""Tokens of an image of about a megapixel; providers count from 258 to 1,600."""
LOW_DETAIL = 85
"""Tokens of an image that is sent with low detail."""
PAGE = 2000
"""Tokens of a page of a PDF, which is read both as text and as an image."""
BYTES_PER_TOKEN_OF_AUDIO = 1000
"""Audio and video are 10 to 300 tokens per second; a second is 16,000 bytes of MP3 or 48,000 of WAV."""
UNSEEN = 2000
"""Tokens of a file behind a URL or a file id, unless it is an image."""

WINDOW = 2**16
"""Letters of a long text that are searched at once: while an expression runs, no other thread does."""
_LETTERS_PER_TOKEN = 8
"""How many letters, at least, are nearly always more than one token."""

_LATIN = re.compile(r"[A-Za-z]{1,7}")
_LATIN_NOT_ENGLISH = re.compile(r"[A-Za-z\u00c0-\u024f]{1,5}")
_ACCENTS = re.compile(r"[\u00c0-\u024f]")
_DIGITS = re.compile(r"[0-9]{1,3}")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]{1,2}")
_LINES = re.compile(r"\n\s*")
_OTHER_LETTERS = re.compile(r"[\u0250-\u1fff]{1,2}")
_WIDE = re.compile(r"[\u2e80-\ud7ff\uf900-\uffef]")
_SYMBOLS = re.compile(r"[\u2000-\u2e7f\ue000-\uf8ff\U00010000-\U0010ffff]")
_PAGE = re.compile(rb"/Type\s*/Page[^s]")


def estimate_text(text: str, *, foreign: bool | None = None) -> int:
    """Estimate the tokens of a text, at about 25 MB/s.

    foreign: whether to count its words as those of another language than English (default: if many have accents).
    """
    count = len(_DIGITS.findall(text)) + len(_PUNCTUATION.findall(text)) + len(_LINES.findall(text))
    if text.isascii() and not foreign:
        return count + len(_LATIN.findall(text))
    if foreign is None:
        # Vocabularies consist mostly of English: words of other languages are split into more tokens.
        foreign = 200 * len(_ACCENTS.findall(text)) > len(text)
    count += len((_LATIN_NOT_ENGLISH if foreign else _LATIN).findall(text)) + len(_OTHER_LETTERS.findall(text))
    return count + len(_WIDE.findall(text)) + 2 * len(_SYMBOLS.findall(text))


def is_longer(text: str, tokens: int) -> bool:
    """Check whether a text is estimated at more tokens, without reading all of one that is much longer."""
    begin = text[: _LETTERS_PER_TOKEN * tokens]
    # The beginning of a text has no more tokens than all of it, in either way of counting.
    if len(begin) < len(text) and tokens < min(estimate_text(begin, foreign=each) for each in (False, True)):
        return True
    return estimate_text(text) > tokens


def bound_for_parts(text: str) -> Callable[[str], int]:
    """Return a bound on the estimate of a part of a text, for which parts that are joined have their sum at most."""
    if text.isascii() or not any(_ACCENTS.search(text, at, at + WINDOW) for at in range(0, len(text), WINDOW)):
        return estimate_text
    return lambda part: max(estimate_text(part, foreign=False), estimate_text(part, foreign=True))


def estimate_tokens(context: Context | Iterable[Message]) -> int:
    """Estimate the tokens of a conversation, its tools included."""
    return sum(map(_message, context)) + (sum(map(_tool, context.tools)) if isinstance(context, Context) else 0)


def _message(message: Message) -> int:
    return PER_MESSAGE + sum(map(_part, message.content))


def _tool(tool: Tool) -> int:
    described = tool.server if tool.server is not None else tool.parameters
    return PER_TOOL + estimate_text(f"{tool.name} {tool.description}") + estimate_text(dumps(described).decode())


def _part(part: Part) -> int:
    match part:
        case Text() | Refusal():
            return estimate_text(part.text)
        case Reasoning():
            return estimate_text(part.text) + len(part.encrypted or "") // 4
        case ToolCall():
            return PER_MESSAGE + estimate_text(part.name) + estimate_text(part.arguments_json)
        case Opaque():
            if part.data is None:
                return 0
            return estimate_text(dumps(part.data, default=str).decode())
        case Image():
            return LOW_DETAIL if part.detail == "low" else IMAGE
    if part.data is None:
        return UNSEEN
    if isinstance(part, Audio):
        return max(1, len(part.data) // BYTES_PER_TOKEN_OF_AUDIO)
    if isinstance(part, File):
        if part.sent_type.startswith("text/"):
            return estimate_text(part.data.decode("utf-8", "replace"))
        return PAGE * max(1, len(_PAGE.findall(part.data)))
    return max(UNSEEN, len(part.data) // BYTES_PER_TOKEN_OF_AUDIO)
