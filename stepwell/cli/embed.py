"""`stepwell embed`: print the vectors of texts, one line of JSON each."""

from __future__ import annotations

import argparse
import sys

from ..api import Client
from ..schemas.errors import ConfigError
from ..schemas.files import RECORD_BYTES, read_file
from ..workflows.embed.embedder import Embedder
from ..workflows.embed.result import Embeddings
from .ask import at_terminal, extra_options, piped
from .naming import model_and_text, say_who
from .printing import print_json, print_warnings


def run_embed(arguments: argparse.Namespace) -> None:
    """Embed the arguments and the lines of --file; without either, the lines of standard input."""
    alone = at_terminal() and not arguments.file
    model, words = model_and_text(arguments.words, arguments.model_flag, alone=alone)
    texts = words + _lines(arguments.file, words)
    if not texts:
        raise ConfigError("there is nothing to embed", hint="give texts, --file PATH, or lines on standard input")
    with Client() as client:
        if model is None:
            say_who(client.default_model, "embeds")
        embedder = Embedder(
            model,
            client=client,
            cache=arguments.cache,
            batch_size=arguments.batch_size,
            workers=arguments.workers,
            progress=False if sys.stdout.isatty() else None,  # on a terminal the vectors would be mixed with the bar
            dimensions=arguments.dimensions,
            **extra_options(arguments.option),
        )
        found = embedder.embed(texts, kind=arguments.kind)
    if arguments.json:
        print_json(embeddings_as_json(found))
    else:
        for vector in found:
            print_json(vector.tolist())
    print_warnings(found.warnings)


def embeddings_as_json(embeddings: Embeddings) -> dict[str, object]:
    """Return a result as `--json` prints it."""
    return {
        "model": str(embeddings.model),
        "dimensions": embeddings.dimensions,
        "vectors": [vector.tolist() for vector in embeddings],
        "usage": {"input_tokens": embeddings.usage.input_tokens},
        "cost": None if embeddings.cost.total is None else str(embeddings.cost.total),
        "calls": embeddings.calls,
        "cached": embeddings.cached,
        "warnings": [str(warning) for warning in embeddings.warnings],
    }


def _lines(path: str | None, words: list[str]) -> list[str]:
    if path is not None:
        try:
            text = read_file(path, at_most=RECORD_BYTES).decode()
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path} is not text in {error.encoding}", hint="save it in UTF-8") from None
    else:
        text = "" if words else piped()
    return [line for line in text.split("\n") if line.strip()]
