"""`stepwell models`, `providers` and `pipeline`: what there is."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from ..api import Client
from ..model_metadata.catalog import CATALOG
from ..providers.dsl.environment import Environment, process_environment
from ..providers.dsl.provider import Provider
from ..providers.dsl.registry import REGISTRY
from ..schemas.errors import ConfigError
from ..schemas.model import Model


def models(arguments: argparse.Namespace) -> None:
    """A table, or JSON, of the models that fit."""
    found = CATALOG.find(
        arguments.provider,
        reasoning=arguments.reasoning,
        tools=arguments.tools,
        structured_output=arguments.structured_output,
        input=arguments.input,
        output=arguments.output,
        context_at_least=arguments.context_at_least,
        max_input_price=arguments.max_input_price,
        max_output_price=arguments.max_output_price,
        text=arguments.text,
    )
    if arguments.json:
        print(json.dumps([_model(model) for model in found]))
        return
    if not found:
        print("no model fits", file=sys.stderr)
        return
    rows = [_row(model) for model in found]
    table(("model", "context", "output", "$/M in", "$/M out", "can"), rows)


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


def _row(model: Model) -> tuple[str, ...]:
    told = _model(model)
    abilities = [name for name in ("reasoning", "tools", "structured_output") if told[name]]
    kinds = [kind for kind in told["input"] if kind != "text"]
    numbers = (told[name] for name in ("context_window", "max_output_tokens", "input_price", "output_price"))
    return str(model), *("?" if number is None else str(number) for number in numbers), " ".join([*abilities, *kinds])


def providers(arguments: argparse.Namespace) -> None:
    """A table, or JSON, of the providers."""
    environment = process_environment()
    told = [_provider(provider, environment) for provider in REGISTRY]
    if arguments.json:
        print(json.dumps(told))
        return
    head = ("provider", "chat wires", "key variable", "key", "address", "other operations")
    # What may be longer than a line comes last.
    table(head, [_told(row) for row in told])


def _provider(provider: Provider, environment: Environment) -> dict[str, Any]:
    return {
        "id": provider.id,
        "name": provider.name,
        "wires": [wire.name for wire in provider.wires],
        "chat_wires": [wire.name for wire in provider.wires if wire.operation == "chat"],
        "operations": sorted({wire.operation for wire in provider.wires}),
        "base_url": provider.place or provider.address(environment),
        "env_key": list(provider.env_key),
        "key_present": any(environment.get(name) for name in provider.env_key),
        "key_needed": not provider.key_optional,
    }


def _told(row: dict[str, Any]) -> tuple[str, ...]:
    # The five calls that make a batch are one thing to whoever reads a table.
    others = {"batch" if "batch" in operation else operation for operation in row["operations"]} - {"chat"}
    wires, keys, more = (" ".join(words) or "-" for words in (row["chat_wires"], row["env_key"], sorted(others)))
    return row["id"], wires, keys, _presence(row), row["base_url"], more


def _presence(row: dict[str, Any]) -> str:
    return "present" if row["key_present"] else "missing" if row["key_needed"] else "not needed"


def pipeline(arguments: argparse.Namespace) -> None:
    """The steps of a call, from the outside in; what a call would warn of on stderr."""
    for name in arguments.modules:
        _import(name)
    with Client() as client:
        plan = client._core.plan(arguments.operation, arguments.model, stream=arguments.stream, wire=arguments.wire)
    print(plan.pipeline.describe())
    if plan.stranger is not None:
        print(f"warning: {plan.stranger}", file=sys.stderr)


def _import(name: str) -> None:
    """A module of the user's, which may override, register and patch; the folder it is called from comes first."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        import_module(name)
    except ImportError as error:
        raise ConfigError(f"cannot import {name!r}: {error}", hint="name a module, as for python -m") from None


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what stands in them."""
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
