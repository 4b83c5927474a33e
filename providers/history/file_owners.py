"""Whose a stored file is: a file by reference goes to the provider that stores it, and to no other.

Another provider cannot read it, and would learn an id or a private address that is none of its business. An answer that
the model gives without the file would be wrong in silence, so a message with such a file is refused before it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, TypeGuard

from attrs import evolve

from ...model_metadata.provider_ids import canonical
from ...pipeline.http.request import Request
from ...schemas.errors import ConfigError, NotSupported
from ...schemas.message import Context, Message
from ...schemas.parts import MEDIA, Audio, File, Image, Text, Video

Media = Image | File | Audio | Video

OWNERS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    # https://ai.google.dev/gemini-api/docs/files: the name and the address of a file. Buckets are Vertex's, and the
    # Gemini API reads registered ones: https://ai.google.dev/gemini-api/docs/file-input-methods
    (r"https://generativelanguage\.googleapis\.com/|files/", frozenset(("google",))),
    (r"gs://", frozenset(("google", "google_vertex"))),
    # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_S3Location.html
    (r"s3://", frozenset(("amazon_bedrock",))),
    # https://platform.openai.com/docs/api-reference/files/object, https://docs.x.ai/developers/files/managing-files
    (r"file-", frozenset(("openai", "openai_codex", "azure", "xai"))),
    (r"assistant-", frozenset(("azure",))),
    # https://platform.claude.com/docs/en/build-with-claude/files, also for Claude at Azure;
    # https://console.groq.com/docs/api-reference#files
    (r"file_", frozenset(("anthropic", "azure", "groq", "xai"))),
    # https://docs.mistral.ai/api/#tag/files: a UUID
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", frozenset(("mistral",))),
)
"""The providers whose references have a form, by the beginning of the id or address."""
_FORMS: Final = re.compile("|".join(f"(?P<f{at}>{form})" for at, (form, _) in enumerate(OWNERS)), re.I)


MEDIA_NAMES = {Image: "an image", Audio: "an audio file", Video: "a video", File: "a file"}
"""What a message calls a part of each class."""


def known_owners(part: Media) -> frozenset[str]:
    """Return the providers that may store a part's file: the one that the part names, else those whose references have
    this form. Empty for an unknown form, and for a part that refers to no stored file."""
    if part.provider is not None:
        return frozenset((canonical(part.provider),))
    match = _FORMS.match(part.file_id or part.url or "")
    return frozenset() if match is None else OWNERS[int((match.lastgroup or "f0")[1:])][1]


def other_owner(part: Media, provider: str, *, by_form: bool = True) -> str | None:
    """Return the provider that stores a part's file, if that is another than `provider`; None if it may be this one.

    by_form: whether the form of a reference without an owner counts. It does not for providers of a user's own: a
        gateway may give out ids in the form of another.
    """
    if part.data is not None or (part.provider is None and not by_form):
        return None
    owners = known_owners(part)
    return " or ".join(sorted(owners)) if owners and canonical(provider) not in owners else None


def input_for_others(request: Request) -> Any:
    """Return the conversation of a call, or its other input, for the same call to a model of another provider.

    A file by its id that has no owner is then that of the provider that was called first.
    """
    context, value, provider = request.context, request.input, request.model.provider
    if context.messages:
        messages = [_owned_message(message, provider) for message in context.messages]
        same = all(new is old for new, old in zip(messages, context.messages, strict=True))
        return context if same else Context(messages, context.tools)
    return [_owned(each, provider) for each in value] if isinstance(value, list) else _owned(value, provider)


def _owned_message(message: Message, provider: str) -> Message:
    if message.role == "assistant" or all(type(part) is Text for part in message.content):
        return message
    parts = [_owned(part, provider) for part in message.content]
    same = all(new is old for new, old in zip(parts, message.content, strict=True))
    return message if same else evolve(message, content=parts)


def is_unowned(part: object) -> TypeGuard[Media]:
    """Check whether this is a file by its id, and neither its owner nor its form says whose."""
    return isinstance(part, MEDIA) and part.file_id is not None and not known_owners(part)


def _owned(part: Any, provider: str) -> Any:
    return evolve(part, provider=provider) if is_unowned(part) else part


def check_owners(parts: Iterable[object], provider: str, *, by_form: bool = True) -> None:
    """Raise NotSupported for a file by reference that another provider stores, ConfigError for a path as an address."""
    for part in parts:
        if isinstance(part, MEDIA) and part.is_path and not known_owners(part):
            kind = type(part).__name__
            raise ConfigError(
                f"the address of {MEDIA_NAMES[type(part)]} is no address that a provider can read",
                hint=f"{kind}.from_file(path) for a file of this machine, else https://… or data:…;base64,…",
            )
        if isinstance(part, MEDIA) and (owner := other_owner(part, provider, by_form=by_form)) is not None:
            raise stored_by_others(part, owner, provider)


def stored_by_others(part: Media, owner: str, provider: str) -> NotSupported:
    """Return the error for a file by reference that another provider stores. It does not quote the reference."""
    return NotSupported(
        f"{MEDIA_NAMES[type(part)]} of the call is stored at {owner}, and is not sent to {provider}",
        hint=f"call a model of {owner}, or pass the file as data=; if {provider} stores it, say provider={provider!r}",
    )
