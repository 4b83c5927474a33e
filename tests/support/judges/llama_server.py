"""llama.cpp's own server with the packaged model: its three wires, held against the vendors' SDKs asked the same."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from attrs import evolve

from . import asking, local_model
from .asking import BOTH, PLAIN, Route, Row
from .local_model import PROMPT, SDK_LINES, SDK_TOOLS, WORDS

NAME, REQUIREMENT = "llama.cpp's server", "xllamacpp, of the extra `local`"
_LIMITED: dict[str, Any] = {"max_tokens": WORDS, "temperature": 0}
_TOO_LONG = "word " * 9000


def judged() -> Iterator[Row]:
    """Ask each wire in every case. Raises NotInstalled."""
    url = local_model.address()
    for wire, sdk in SDK_LINES.items():
        route = Route(NAME, wire, "llama_cpp:smollm2", url + "/v1", {"wire": wire}, retries=0)
        # Without a limit a model as small as this one fills the whole context with blanks.
        limited = evolve(route, options={"wire": wire, "max_tokens": 40, "temperature": 0})
        text = sdk(url)
        offered = sdk(url, tools=[SDK_TOOLS[wire]])
        ask = partial(asking.text, tools=[asking.weather])
        for way in BOTH:
            yield Row(route, "text", way, text, asking.text(route, way, PROMPT, **_LIMITED))
            yield Row(route, "a tool offered", way, offered, ask(route, way, PROMPT, **_LIMITED))
            yield Row(route, "too long", way, "ContextOverflow 400", asking.text(route, way, _TOO_LONG, **_LIMITED))
        for way in PLAIN:
            ours = asking.an_object(limited, way, PROMPT)
            yield Row(route, "an object by a schema", way, "{'city'", ours[:7])
    for method, wanted in (("embed", "2 vectors"), ("list_models", "models")):
        vectors = local_model.address(vectors=True)
        route = Route(NAME, method, "llama_cpp:smollm2", vectors + "/v1", retries=0)
        for way in PLAIN:
            if method == "embed":
                ours = asking.operation(route, way, "embed", route.model, ["a", "b"], read=_vectors)
            else:
                ours = asking.operation(route, way, "list_models", "llama_cpp", read=_models)
            yield Row(route, method, way, wanted, ours)


def _vectors(reply: Any) -> str:
    return f"{len(reply.embeddings)} vectors"


def _models(reply: Any) -> str:
    return "models" if reply.object else "no models"
