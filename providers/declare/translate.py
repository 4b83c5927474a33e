"""Apply option rules to the options of a call, and report what is lost."""

from __future__ import annotations

from collections.abc import Mapping

from ...pipeline.http.request import Request
from ...schemas.errors import ConfigError
from ...schemas.model import Model
from ...schemas.reply import CallWarning
from .dropped import drop_options, report_dropped
from .rule_tables import DroppedOptions, Options, Rules


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
