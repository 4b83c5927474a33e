"""`stepwell embed`: texts to vectors, one line of JSON each."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ..api import Client
from ..embedder.embedder import Embedder
from ..embedder.result import Embeddings
from ..schemas.errors import ConfigError
from .ask import at_terminal, extra_options, is_model, piped


def embed(arguments: argparse.Namespace) -> None:
    """The texts are the arguments, the lines of --file, or the lines that come in."""
    words = list(arguments.words)
    more = len(words) > 1 or arguments.file or not at_terminal()
    model = words.pop(0) if words and more and is_model(words[0]) else None
    texts = words + _lines(arguments.file, words)
    if not texts:
        raise ConfigError("there is nothing to embed", hint="give texts, --file PATH, or lines on standard input")
    with Client() as client:
        embedder = Embedder(
            model,
            client=client,
            cache=arguments.cache,
            batch_size=arguments.batch_size,
            workers=arguments.workers,
            progress=False if sys.stdout.isatty() else None,  # the vectors themselves show how far it has come
            dimensions=arguments.dimensions,
            **extra_options(arguments.option),
        )
        found = embedder.embed(texts, kind=arguments.kind)
    if arguments.json:
        print(json.dumps(as_json(found)))
    else:
        for vector in found:
            print(json.dumps(vector.tolist()))
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def as_json(found: Embeddings) -> dict[str, object]:
    """The whole result as the command line prints it."""
    return {
        "model": str(found.model),
        "dimensions": found.dimensions,
        "vectors": [vector.tolist() for vector in found],
        "usage": {"input_tokens": found.usage.input_tokens},
        "cost": None if found.cost.total is None else str(found.cost.total),
        "calls": found.calls,
        "cached": found.cached,
        "warnings": [str(warning) for warning in found.warnings],
    }


def _lines(path: str | None, words: list[str]) -> list[str]:
    if path is not None:
        try:
            text = Path(path).read_text()
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path} is not text in {error.encoding}") from None
    else:
        text = "" if words else piped()
    return [line for line in text.splitlines() if line.strip()]
