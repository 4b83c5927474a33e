"""Options that mean nothing, or are refused, because they are empty or lack another part of the call: rules of every
provider.

OpenAI answers "'tool_choice' is only allowed when 'tools' are specified" (likewise for parallel_tool_calls) and
"'top_logprobs' is only allowed when 'logprobs' is true"; Anthropic "tool_choice may only be specified while providing
tools". https://platform.openai.com/docs/api-reference/chat/create

An empty list of stops is refused by OpenAI ("List should have at least 1 item after validation",
https://github.com/promptfoo/promptfoo/pull/280) and by Vertex ("a stopSequences value of 0",
https://github.com/google/generative-ai-go/issues/233), and switches the model's own stops off at Ollama
(https://github.com/ollama/ollama/issues/3629). vLLM refuses an empty text among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pipeline.http.request import RAW_OPTIONS, Request
from ...schemas.options import Option, plain
from .dropped import warn_of_dropped
from .rules import DroppedOptions

_OF_TOOLS = ("tool_choice", "parallel_tool_calls")
DEPENDENT = frozenset((*_OF_TOOLS, "top_logprobs"))
"""The options that this module is about."""


def fit_combinations(request: Request) -> Request:
    """Return the request, which has one of the options of `DEPENDENT`, without those that nothing else gives a meaning.

    Raises InvalidOption for them if the caller wants an error of unsupported options.
    """
    options: dict[str, Any] = dict(request.options)
    losses: DroppedOptions = []
    more = {*request.get(RAW_OPTIONS), *options}.difference(_OF_TOOLS)
    if not request.context.tools and not any("tool" in name or "mcp" in name for name in more):
        losses += [(name, "it needs tools") for name in _OF_TOOLS if options.pop(name, None) is not None]
    if options.get("top_logprobs") is not None and options.get("logprobs") is False:
        del options["top_logprobs"]
        losses.append(("top_logprobs", "logprobs=False was given, too"))
    return warn_of_dropped(request.with_options(options), losses) if losses else request


def without_empty(request: Request, options: dict[str, Any], table: Mapping[str, Option]) -> Request:
    """Take out of `options`, in place, what is empty: a list or an object without entries is as if it were not given,
    and of `stop`, each empty text is dropped with a warning, which the returned request has.

    options: those of a call, each of which fits its schema; its tuples and mappings become lists and dicts.
    table: the options that exist. One that any value fits is left: an empty JSON Schema has a meaning.

    Raises InvalidOption for an empty text if the caller wants an error of unsupported options.
    """
    for name, given in [*options.items()]:
        options[name] = value = plain(given)
        if value in ([], {}) and table[name].schema:
            del options[name]
    stop = options.get("stop")
    if stop is None or (stop and all(stop)):
        return request
    del options["stop"]
    if said := [text for text in stop if text]:
        options["stop"] = said
    return warn_of_dropped(request, [("stop", "an empty text ends no answer")])
