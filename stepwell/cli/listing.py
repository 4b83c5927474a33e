"""`stepwell models`, `providers` and `pipeline`: list models, providers and the steps of a call."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from ..api import Client
from ..catalog import models as CATALOG
from ..providers.declare.environment import Environment, process_environment
from ..providers.declare.provider import Provider
from ..providers.declare.registry import REGISTRY
from ..schemas.model import Model
from ..schemas.nearest import misspelt
from .naming import one_model
from .printing import print_json, print_table, print_warnings, print_wrapped, say


def print_models(arguments: argparse.Namespace) -> None:
    """Print a table, or JSON, of the models that fit. A first word that is a provider's id means the provider."""
    provider, text = arguments.provider, arguments.text
    if provider is None and text is not None and CATALOG.provider(text) is not None:
        provider, text = text, None
    elif provider is None and text is not None and CATALOG.provider(text.partition(":")[0]) is not None:
        provider, _, text = text.partition(":")  # the name of a model, as a call takes it
    found = CATALOG.find(
        provider,
        reasoning=arguments.reasoning,
        tools=arguments.tools,
        structured_output=arguments.structured_output,
        input=arguments.input,
        output=arguments.output,
        context_at_least=arguments.context_at_least,
        max_input_price=arguments.max_input_price,
        max_output_price=arguments.max_output_price,
        text=text,
    )
    if arguments.json:
        print_json([_model(model) for model in found])
        return
    if not found:
        meant = misspelt(arguments.text or "", [each.id for each in CATALOG.providers()]) if provider is None else None
        say(f"no model fits; did you mean {meant!r}?" if meant else "no model fits", on_stderr=True)
        return
    print_table(("model", "context", "output", "$/M in", "$/M out"), map(_row, found))


def _model(model: Model) -> dict[str, Any]:
    prices = model.prices
    return {
        "model": str(model),
        "name": model.name,
        "context_window": model.context_window,
        "max_output_tokens": model.max_output_tokens,
        "input": sorted(model.input),
        "output": sorted(model.output),
        "reasoning": model.reasoning,
        "tools": model.tools,
        "structured_output": model.structured_output,
        "knowledge": model.knowledge,
        "status": model.status,
        "input_price": str(prices.input) if prices and prices.input is not None else None,
        "output_price": str(prices.output) if prices and prices.output is not None else None,
    }


def _row(model: Model) -> tuple[tuple[str, ...], list[str]]:
    facts = _model(model)
    abilities = [name for name in ("reasoning", "tools", "structured_output") if facts[name]]
    kinds = [kind for kind in facts["input"] if kind != "text"]
    numbers = (facts[name] for name in ("context_window", "max_output_tokens", "input_price", "output_price"))
    cells = (str(model), *("?" if number is None else str(number) for number in numbers))
    can = " ".join([*abilities, *kinds])
    return cells, [can] if can else []


def providers(arguments: argparse.Namespace) -> None:
    """Print a table, or JSON, of the providers."""
    environment = process_environment()
    found = [_provider(provider, environment) for provider in REGISTRY]
    if arguments.json:
        print_json(found)
    else:
        print_table(("provider", "key"), map(_provider_row, found))
    for id in REGISTRY.broken:
        say(f"warning: {REGISTRY.plugin_error(id)}", on_stderr=True)


def _provider(provider: Provider, environment: Environment) -> dict[str, Any]:
    return {
        "id": provider.id,
        "name": provider.name,
        "wires": [wire.name for wire in provider.wires],
        "chat_wires": [wire.name for wire in provider.wires if wire.operation == "chat"],
        "operations": sorted(provider.operations),
        "base_url": provider.place or provider.address(environment),
        "env_key": list(provider.key_variables),
        "key_present": (all if isinstance(provider.env_key, Mapping) else any)(
            environment.get(name) for name in provider.key_variables
        ),
        "key_needed": not provider.key_optional,
    }


def _provider_row(row: dict[str, Any]) -> tuple[tuple[str, ...], list[str]]:
    # The five operations of batches are shown as one.
    others = {"batch" if "batch" in operation else operation for operation in row["operations"]} - {"chat"}
    below = [" ".join(row["env_key"]), row["base_url"], " ".join([*row["chat_wires"], *sorted(others)])]
    key = "present" if row["key_present"] else "missing" if row["key_needed"] else "not needed"
    return (row["id"], key), [text for text in below if text]


def pipeline(arguments: argparse.Namespace) -> None:
    """Print the steps of a call, the outermost first; on stderr, the warning that a call would have."""
    model = one_model(arguments.model, arguments.model_flag)
    with Client() as client:
        plan = client.planner.plan(arguments.operation, model, stream=arguments.stream, wire=arguments.wire)
    for line in plan.pipeline.describe().splitlines():
        # The parts of a step are indented less than describe() does, to fit into the terminal's width.
        text = line.lstrip()
        print_wrapped(f"      {text}" if text.startswith("- ") else line, 6)
    if plan.model_warning is not None:
        print_warnings([plan.model_warning])
