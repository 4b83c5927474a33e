"""Ask, read the answer with a parser, and where it cannot be read, show the model what is wrong and ask again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..recipe import Ask, Recipe
from ..schemas.errors import ConfigError, ObjectInvalid, StepwellError
from ..schemas.message import context_of, user
from ..schemas.reply import Reply
from ..schemas.usage import total_usage
from ..workflows.objects.generate import object_error, with_earlier_replies, worth_repair
from .parser import OutputParser, unreadable

MAX_SHOWN = 10
_AGAIN = """That could not be read:
{complaints}
Give the whole answer again, in the form that was asked for."""


def ask_and_parse(
    model: Any, prompt: Any, parser: OutputParser[Any], options: Mapping[str, Any], max_repairs: int = 1
) -> Recipe:
    """The recipe: returns the Reply with what the parser read as its `object`, and the usage of all attempts.

    The model is shown what is wrong `max_repairs` times; then the parser's ObjectInvalid is raised, with the last reply
    and all the usage. A refusal and an answer cut at the token limit are not asked for again.
    """
    if max_repairs < 0:
        raise ConfigError("max_repairs cannot be less than 0")
    asked = context_of(prompt)
    context = parser.format(asked)
    replies: list[Reply] = []
    while True:
        try:
            reply: Reply = yield Ask("chat", model, context, options)
        except StepwellError as error:
            raise with_earlier_replies(error, replies) from None
        replies.append(reply)
        try:
            value = parse_reply(parser, reply)
        except ObjectInvalid as invalid:
            if len(replies) > max_repairs or not worth_repair(reply):
                raise object_error(invalid, reply, replies) from None
            said = (reply.message,) if reply.message.content else ()
            context = context.append(*said, user(complaint(invalid)))
        else:
            whole = reply.replace(object=value, prompt=asked)
            if len(replies) > 1:
                whole = whole.replace(usage=total_usage(each.usage for each in replies), steps=tuple(replies))
            return whole


def parse_reply(parser: OutputParser[Any], reply: Reply) -> Any:
    """What the parser reads in the reply. Raises ObjectInvalid also for an answer that was cut, if its form has no end
    that would show."""
    value = parser.parse(reply.text)
    if reply.finish_reason == "length" and not getattr(parser, "closed", False):
        raise unreadable("the answer was cut off at the token limit", reply.text, "raise max_tokens, or give a stop")
    return value


def complaint(invalid: ObjectInvalid) -> str:
    """What to tell a model about an answer that could not be read."""
    rows = [f"- {violation}" for violation in invalid.violations[:MAX_SHOWN]]
    return _AGAIN.format(complaints="\n".join(rows or [f"- {invalid.message}"]))
