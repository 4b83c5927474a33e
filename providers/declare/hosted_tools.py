"""Put the tools of `server_tool` into a provider's own form, before its options are checked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import evolve

from ...pipeline.http.request import Request
from ...schemas.errors import NotSupported
from ...schemas.server_tools import asked
from ...schemas.tool import Tool
from .dropped import report_dropped
from .server_tools import ServerTools


def with_server_tools(
    request: Request, tools: ServerTools, provider: str, others: Mapping[str, str] = MappingProxyType({})
) -> Request:
    """Return the request with each tool of `server_tool` in the provider's own form.

    request: the request.
    tools: the provider's forms for the wire of the call.
    provider: its id, for messages.
    others: by kind, the name of another of its wires, which has the tool, for the hint.

    Settings without a place are left out; warns or raises as `report_dropped` does. Raises NotSupported for a kind that
    the provider does not run.
    """
    losses, made, more = list[tuple[str, str]](), list[Tool](), dict[str, list[Any]]()
    for tool in request.context.tools:
        wanted = asked(tool)
        if wanted is None:
            made.append(tool)
            continue
        kind, settings = wanted
        known = tools.get(kind)
        form = None if known is None else known.form_for(request.model.id)
        if known is not None and form is None:
            raise NotSupported(
                f"{request.model} runs no {kind}", hint=f"{provider} has it for {', '.join(known.models)}"
            )
        if form is None:
            runs = f"it runs {', '.join(sorted(tools))}" if tools else "pass a function of yours as the tool"
            hint = f"pass wire={others[kind]!r}" if kind in others else runs
            raise NotSupported(f"{provider} runs no {kind} for this call", hint=hint)
        declaration, beside, lost = form.made(settings)
        losses += [(name, f"{provider} has no such setting of {kind}") for name in lost]
        made.append(evolve(tool, server=declaration))
        if form.beside:
            more.setdefault(form.beside, []).append(beside)
        if form.include:
            more.setdefault("include", []).extend(form.include)
    dropped = report_dropped(losses, request.model, request.on_unsupported)
    request = request.replace(context=request.context.with_tools(*made), warnings=request.warnings + dropped)
    if not more:
        return request
    options = request.options
    return request.with_options(
        {**options, "provider_options": _extended(options.get("provider_options"), more, provider)}
    )


def _extended(given: Mapping[str, Any] | None, more: Mapping[str, list[Any]], provider: str) -> dict[str, Any]:
    """Add to lists among the provider's own options, which may be under its id."""
    given = dict(given or {})
    if isinstance(own := given.get(provider), Mapping):
        return {**given, provider: _extended(own, more, "")}
    new = {name: [*(given.get(name) or ()), *values] for name, values in more.items()}
    return {**given, **{name: [*{str(each): each for each in values}.values()] for name, values in new.items()}}
