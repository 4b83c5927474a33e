"""Ask for an answer that a parser can read; where it cannot, show the model what is wrong and ask again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..pipeline.effects import Flow
from ..schemas.errors import ObjectInvalid
from ..schemas.message import Context, context_of, user
from ..schemas.model import Model
from ..schemas.reply import Reply, all_warnings
from ..schemas.usage import total_usage
from ..workflows.objects.generate import ask_until_read
from .parser import OutputParser, unreadable

MAX_SHOWN = 10
_AGAIN = """That could not be read:
{complaints}
Give the whole answer again, in the form that was asked for."""


def ask_and_parse(
    model: Model | str | None,
    prompt: object,
    parser: OutputParser[Any],
    options: Mapping[str, Any],
    max_repairs: int = 1,
) -> Flow:
    """Return a workflow that gives the Reply with the parsed value as its `object` and the usage of all attempts.

    Raises the parser's ObjectInvalid, with the last reply and all usage, when the repairs are used up. A refusal and an
    answer that was cut at the token limit are not repaired.

    model: the model to call.
    prompt: the conversation, to which the parser's instructions are added.
    parser: reads the answer.
    options: options of each call.
    max_repairs: how often the model is shown what is wrong.
    """
    original = context_of(prompt)
    replies, value = yield from ask_until_read(
        model, parser.format(original), options, max_repairs, lambda reply: parse_reply(parser, reply), _complain
    )
    result: Reply = replies[-1].replace(object=value, prompt=original)
    if len(replies) == 1:
        return result
    usage = total_usage(attempt.usage for attempt in replies)
    return result.replace(usage=usage, warnings=all_warnings(replies), steps=tuple(replies))


def parse_reply(parser: OutputParser[Any], reply: Reply) -> Any:
    """Parse the reply's text.

    Raises ObjectInvalid for text that the parser cannot read, and for an answer that was cut at the token limit in a
    form that does not show its own end (`closed`).
    """
    value = parser.parse(reply.text)
    if reply.finish_reason == "length" and not getattr(parser, "closed", False):
        raise unreadable("the answer was cut off at the token limit", reply.text, "raise max_tokens, or set stop")
    return value


def _complain(context: Context, reply: Reply, invalid: ObjectInvalid) -> Context:
    """Append the answer, and a message that asks the model to repair it."""
    rows = [f"- {violation}" for violation in invalid.violations[:MAX_SHOWN]]
    complaint = _AGAIN.format(complaints="\n".join(rows or [f"- {invalid.message}"]))
    return context.append(*((reply.message,) if reply.message.content else ()), user(complaint))
