"""Steps, which work with every provider: `Client(pipeline=[mask_emails()])`."""

from __future__ import annotations

import re

from attrs import evolve

from stepwell import Context, Message, around
from stepwell.messages import Part, Text
from stepwell.steps import CallNext, Request, Step, StepGenerator

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def mask_emails(mask: str = "[email]") -> Step:
    """Make a step that takes the e-mail addresses out of the user's messages, with a warning on the reply."""

    def run(request: Request, call: CallNext) -> StepGenerator:
        # Streamed calls and plain ones, sync and async, all pass here.
        masked = [_masked(message, mask) for message in request.context]
        if count := sum(found for _, found in masked):
            context = Context([message for message, _ in masked], request.context.tools)
            request = request.replace(context=context).warn("prompt", f"{count} e-mail addresses were masked")
        return (yield from call(request))

    return around("mask_emails", run)


def _masked(message: Message, mask: str) -> tuple[Message, int]:
    """Return a message without addresses, and how many there were. Messages do not change: this makes another one."""
    parts: list[Part] = []
    count = 0
    for part in message.content:
        if message.role == "user" and isinstance(part, Text):
            text, found = _EMAIL.subn(lambda _: mask, part.text)
            part = evolve(part, text=text)
            count += found
        parts.append(part)
    return (evolve(message, content=parts), count) if count else (message, 0)
