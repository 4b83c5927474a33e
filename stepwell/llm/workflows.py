"""What an LLM does with templates, written once for both colours (recipe.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import span
from ..parsers.asking import ask_and_parse, parse_reply
from ..parsers.parser import OutputParser
from ..recipe import Ask, Emit, Left, Open, Pull, Recipe, Shut
from ..schemas.chunks import TextDelta
from ..schemas.errors import ObjectInvalid
from ..schemas.message import Context
from ..schemas.reply import Reply
from ..workflows.objects.generate import object_error

Parser = OutputParser[Any] | None


def predict(model: Any, context: Context, parser: Parser, options: Mapping[str, Any], max_repairs: int) -> Recipe:
    """Returns the Reply; what the parser read is its `object`."""
    with span("predict", model=str(model)) as work:
        if parser is None:
            reply: Reply = yield Ask("chat", model, context, options)
        else:
            reply = yield from ask_and_parse(model, context, parser, options, max_repairs)
        work.note(usage=reply.usage)
        return reply


def stream_parsed(model: Any, context: Context, parser: Parser, options: Mapping[str, Any]) -> Recipe:
    """Emits the pieces of the text. Returns the Reply, as `predict` does, but nothing can be asked for again."""
    with span("stream", model=str(model)) as work:
        source = yield Open(model, parser.format(context) if parser else context, options)
        try:
            while (chunks := (yield Pull(source))) is not None:
                for chunk in chunks:
                    if type(chunk) is TextDelta:
                        yield Emit(chunk.text)
        except Left:
            yield Shut(source)
            raise
        reply: Reply = source._whole()
        work.note(usage=reply.usage)
        if parser is None:
            return reply
        try:
            return reply.replace(object=parse_reply(parser, reply), prompt=context)
        except ObjectInvalid as invalid:
            raise object_error(invalid, reply, [reply]) from None


def in_span(name: str, model: Any, recipe: Recipe) -> Recipe:
    """The same recipe, its Reply and its items, inside a span."""
    with span(name, model=str(model)) as work:
        reply: Reply = yield from recipe
        work.note(usage=reply.usage)
        return reply
