"""How long a prompt is in tokens, reckoned here: for limits and budgets, where asking the provider is not worth a call.

No provider publishes one rule, and each model has its own vocabulary. So text is counted by what all of them share: a
common word is one token, a long one two or more; digits go by threes, signs in pairs, a line break takes its
indentation along, and scripts other than Latin have one to three tokens a word or sign. For prose, code and JSON the
estimate is within a quarter of what vendors count (tests/schemas/test_estimate.py holds it to recorded answers).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .json_text import dumps
from .message import Context, Message
from .parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from .tool import Tool

PER_MESSAGE = 4
"""Its role and its borders."""
PER_TOOL = 12
"""The frame in which a provider shows a tool to the model."""
IMAGE = 1000
"""A picture of about a megapixel: from 258 (Gemini) to 1,600 (Claude)."""
LOW_DETAIL = 85
"""One of low detail, at OpenAI."""
PAGE = 2000
"""A page of a PDF, which is read both as text and as a picture."""
BYTES_PER_TOKEN_OF_SOUND = 1000
"""Sound and film are 10 to 300 tokens a second, and a second 16,000 bytes of MP3 or 48,000 of WAV."""
UNSEEN = 2000
"""What is behind a URL or a file id, unless it is a picture."""

_LATIN = re.compile(r"[A-Za-z]{1,7}")
_LATIN_ABROAD = re.compile(r"[A-Za-z\u00c0-\u024f]{1,5}")
_ACCENTS = re.compile(r"[\u00c0-\u024f]")
_DIGITS = re.compile(r"[0-9]{1,3}")
_SIGNS = re.compile(r"[!-/:-@\[-`{-~]{1,2}")
_LINES = re.compile(r"\n\s*")
_OTHER_LETTERS = re.compile(r"[\u0250-\u1fff]{1,2}")
_WIDE = re.compile(r"[\u2e80-\ud7ff\uf900-\uffef]")
_SYMBOLS = re.compile(r"[\u2000-\u2e7f\ue000-\uf8ff\U00010000-\U0010ffff]")
_PAGE = re.compile(rb"/Type\s*/Page[^s]")


def estimate_text(text: str) -> int:
    """Tokens of a plain text. About 25 MB/s."""
    count = len(_DIGITS.findall(text)) + len(_SIGNS.findall(text)) + len(_LINES.findall(text))
    if text.isascii():
        return count + len(_LATIN.findall(text))
    # English has most of the vocabulary to itself: the words of other languages are cut shorter.
    abroad = 200 * len(_ACCENTS.findall(text)) > len(text)
    count += len((_LATIN_ABROAD if abroad else _LATIN).findall(text)) + len(_OTHER_LETTERS.findall(text))
    return count + len(_WIDE.findall(text)) + 2 * len(_SYMBOLS.findall(text))


def estimate_tokens(context: Context | Iterable[Message]) -> int:
    """Tokens of a conversation, its tools included."""
    tools: Iterable[Tool] = context.tools if isinstance(context, Context) else ()
    return sum(map(_message, context)) + sum(map(_tool, tools))


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
            return estimate_text(dumps(part.data, default=str).decode())
        case Image():
            return LOW_DETAIL if part.detail == "low" else IMAGE
    if part.data is None:
        return UNSEEN
    if isinstance(part, Audio):
        return max(1, len(part.data) // BYTES_PER_TOKEN_OF_SOUND)
    if isinstance(part, File):
        if part.sent_type.startswith("text/"):
            return estimate_text(part.data.decode("utf-8", "replace"))
        return PAGE * max(1, len(_PAGE.findall(part.data)))
    return max(UNSEEN, len(part.data) // BYTES_PER_TOKEN_OF_SOUND)
