"""Apply option rules to the options of a call, drop those that mean nothing in it, and report what is lost.

Options that mean nothing, or are refused, without another part of the call: OpenAI answers "'tool_choice' is only
allowed when 'tools' are specified" (likewise for parallel_tool_calls) and "'top_logprobs' is only allowed when
'logprobs' is true"; Anthropic "tool_choice may only be specified while providing tools".
https://platform.openai.com/docs/api-reference/chat/create

An empty list of stops is refused by OpenAI ("List should have at least 1 item after validation",
https://github.com/promptfoo/promptfoo/pull/280) and by Vertex ("a stopSequences value of 0",
https://github.com/google/generative-ai-go/issues/233), and switches the model's own stops off at Ollama
(https://github.com/ollama/ollama/issues/3629). vLLM refuses an empty text among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pipeline.http.request import RAW_OPTIONS, Request
from ...schemas.errors import ConfigError
from ...schemas.model import Model
from ...schemas.options import Option, plain
from ...schemas.reply import CallWarning
from .dropped import drop_options, report_dropped, warn_of_dropped
from .rule_tables import DroppedOptions, Options, Rules

_OF_TOOLS = ("tool_choice", "parallel_tool_calls")
DEPENDENT = frozenset((*_OF_TOOLS, "top_logprobs"))
"""The options that need another part of the call."""


def translate(
    steps: Rules, options: Options, model: Model, on_unsupported: str
) -> tuple[Options, tuple[CallWarning, ...]]:
    """Apply a table of rules, or a function that returns options or (options, warnings).

    steps: the rules or the function.
    options: canonical options, which are changed in place.
    model: the model of the call.
    on_unsupported: "warn" makes warnings of losses, "error" raises one InvalidOption, "ignore" drops them.
    """
    losses: DroppedOptions = []
    warnings: tuple[CallWarning, ...] = ()
    if callable(steps):
        result = steps(options, model)
        if isinstance(result, tuple):
            options, reported = result
            for item in reported:
                if isinstance(item, CallWarning):
                    warnings += (item,)
                else:
                    losses.append(item if isinstance(item, tuple) else ("options", str(item)))
        else:
            options = result
        if not isinstance(options, dict):
            raise ConfigError(
                "translate_options is a function that returned neither the options nor (options, warnings)",
                hint="put a single rule, which returns losses, into a list: translate_options=[rule]",
            )
    else:
        for rule in steps:
            losses += rule(options, model)
    return options, warnings + report_dropped(losses, model, on_unsupported)


def no_json_with_tools(request: Request) -> Request:
    """Drop a JSON response_format, with a warning, from a request with tools, for models and servers that refuse both
    together."""
    wanted = request.options.get("response_format")
    if wanted in (None, "text") or not request.context.tools:
        return request
    if isinstance(wanted, Mapping) and wanted.get("type") == "text":
        return request
    why = f"{request.model} takes no JSON answer beside tools; describe the form in the prompt"
    return drop_options(request, ["response_format"], why)


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
