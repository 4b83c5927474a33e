"""A function of your own in the place of an embedding model."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from ...pipeline.around import around
from ...pipeline.effects import CallNext, Run, StepGenerator
from ...pipeline.http.library_errors import transport_error
from ...pipeline.http.request import Request
from ...pipeline.http.timeouts import Clock
from ...pipeline.step import halt_with
from ...pipeline.steps.check_answer import MANY_VECTORS
from ...providers.declare.provider import Provider, declare_provider
from ...providers.declare.wire import Wire
from ...providers.wires.operations.vectors import texts_of
from ...schemas.errors import ConfigError, StepError
from ...schemas.functions import taken
from ...schemas.model import Model
from ...schemas.options import OPERATION_OPTIONS
from ...schemas.reply import Reply
from ...user_functions import run_function

EmbeddingFunction = Callable[..., Any]
"""Takes a list of texts and returns a vector for each, as lists of numbers or as the rows of an array."""


def custom_embedding(id: str, function: EmbeddingFunction) -> Provider:
    """Declare a provider of embeddings that a function makes:

        register(custom_embedding("mine", lambda texts: model.encode(texts)))
        embed("mine:default", ["a text"])

    id: the provider's id; what follows the colon in the name of a model is up to you.
    function: takes a list of texts and returns their vectors, in order. It may be async, and is called in a thread
        where an async client calls a plain one. A parameter named `model` gets the id of the model, and those with
        names of options of embed (`kind`, `dimensions`) get these; other options are dropped with a warning.

    The function is the step that sends, in a pipeline that has all others: your own steps, retries and checks run
    around it. Several calls may be made at once. Raises InvalidOption for an unusable id; a call
    raises StepError if it returns more or fewer vectors than it got texts.
    """
    known = OPERATION_OPTIONS["embed"].keys()

    def send(request: Request, call: CallNext) -> StepGenerator:
        clock = Clock(request.timeouts, request.started, request.world.now)
        arguments = taken(function, {**request.options, "model": request.model.id})
        try:
            vectors = yield run_function(function, clock, texts_of(request), **arguments)
        except Exception as error:
            found = transport_error(error, clock, id)
            if found is error:
                raise
            raise found from None
        texts = texts_of(request)
        rows = yield Run(lambda: _numbers(vectors, id), blocks=len(texts) > MANY_VECTORS, recorded=False)
        if len(rows) != len(texts):
            raise StepError(
                f"the function of {id} returned {len(rows)} vectors for {len(texts)} texts",
                hint="return one vector for each text, in their order",
            )
        return halt_with(request, Reply(object=rows))

    wire = Wire(
        name=f"{id}_embed",
        operation="embed",
        path="",
        options=frozenset(("kind", *taken(function, dict.fromkeys(known)))),  # Embedder always passes `kind`
        build_body=lambda request: {},
        decode_response=_never,
    )
    return declare_provider(
        id,
        wire=wire,
        base_url=f"http://{id.replace('_', '-')}.invalid",
        key_optional=True,
        attach=lambda pipeline, provider: pipeline.replace("send", around("send", send)),
    )


def id_of(function: EmbeddingFunction, *, cached: bool) -> str:
    """Make a provider's id of the module and the name of a function.

    cached: whether vectors are stored under it. Raises ConfigError then for a lambda: others would have the same id.
    """
    named: Any = function if hasattr(function, "__qualname__") else type(function)
    if cached and "<lambda>" in named.__qualname__:
        raise ConfigError("a lambda has no name to store its vectors under", hint="define the function with def")
    return re.sub(r"[^\w.]+", "_", f"{named.__module__}.{named.__qualname__}").strip("_.")


def _numbers(vectors: Any, id: str) -> list[Sequence[float]]:
    try:
        return [
            each[:] if type(each) is array else list(each.tolist() if hasattr(each, "tolist") else each)
            for each in vectors
        ]
    except TypeError:
        raise StepError(
            f"the function of {id} returned {type(vectors).__name__} instead of a vector for each text",
            hint="return a list of lists of numbers",
        ) from None


def _never(data: object, model: Model) -> Reply:
    raise AssertionError("the send step gives replies")
