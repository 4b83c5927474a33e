"""Gateways that answer for several models, over a client's own pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .pipeline.edits import Edits
from .pipeline.pipeline import Pipeline
from .pipeline.request import Request
from .providers.gateways.cloudflare_universal import universal


def cloudflare_fallback(client: Any, *models: str) -> Edits:
    """Other models for the gateway to ask, in order, when the call's own fails, all in one request:

        client = Client(pipeline=cloudflare_ai_gateway("ACCOUNT", "GATEWAY"))
        reply = client.generate_text(MODEL, "hi", pipeline=cloudflare_fallback(client, "groq:openai/gpt-oss-20b"))

    `client` is the Client or AsyncClient that makes the calls; its pipeline must lead through `cloudflare_ai_gateway`.
    The reply is decoded by the provider that answered and names it: `reply.provider`, `reply.model`. Every model gets
    the call's options, and drops with a warning what it does not take. A call raises what any model of them raises
    before it would be sent.
    """

    def others(request: Request) -> Iterator[tuple[Pipeline, Request]]:
        core, input = client._core, request.context if request.input is None else request.input
        for model in models:
            options = dict(request.options)
            pipeline, asked = core.request(request.operation, model, input, options, stream=request.stream)
            yield (
                pipeline,
                asked.replace(
                    retries=request.retries,
                    timeouts=request.timeouts,
                    on_unsupported=request.on_unsupported,
                    started=request.started,
                ),
            )

    return Edits().prepend(universal(others))
