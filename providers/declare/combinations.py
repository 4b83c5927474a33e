"""Options that mean nothing, or are refused, without another part of the call: rules of every provider.

OpenAI answers "'tool_choice' is only allowed when 'tools' are specified" (likewise for parallel_tool_calls) and
"'top_logprobs' is only allowed when 'logprobs' is true"; Anthropic "tool_choice may only be specified while providing
tools". https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import Any

from ...pipeline.http.request import RAW_OPTIONS, Request
from .dropped import warn_of_dropped
from .rule_tables import DroppedOptions

_OF_TOOLS = ("tool_choice", "parallel_tool_calls")
DEPENDENT = frozenset((*_OF_TOOLS, "top_logprobs"))
"""The options that this module is about."""


def fit_combinations(request: Request) -> Request:
    """Drop the options of `DEPENDENT` that mean nothing without another option that was not given.

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
