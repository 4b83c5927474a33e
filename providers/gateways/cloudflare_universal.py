"""Cloudflare's universal endpoint: one request holds those of several models, and the first that succeeds answers.

https://developers.cloudflare.com/ai-gateway/usage/universal, .../configuration/fallbacks

Each model's pipeline runs up to the point where it would send. What they would have sent goes out as one list; the
answer goes on through the pipeline of the model that gave it, which decodes it as its own.
"""

from __future__ import annotations

import re
from functools import partial

from ...pipeline.effects import CallNext, Send, StepGenerator
from ...pipeline.http.request import Headers, Request
from ...pipeline.http.response import Response
from ...pipeline.offline import until_send
from ...pipeline.step import Step, around
from ...schemas.errors import ConfigError, DecodeError
from ...schemas.json_text import Fragment, dumps
from .cloudflare import ROOT

_PLACE = re.compile(rf"({re.escape(ROOT)}/[^/]+/[^/]+)/([^/]+)/(.+)")
_OURS = ("content-type", "user-agent", "accept-encoding")
_NAME = "cloudflare_fallback"


def cloudflare_fallback(*models: str) -> Step:
    """Other models for the gateway to ask, in order, when the call's own fails, all in one request:

        client = Client(pipeline=cloudflare_ai_gateway("ACCOUNT", "GATEWAY"))
        reply = client.generate_text(MODEL, "hi", pipeline=cloudflare_fallback("groq:openai/gpt-oss-20b"))

    The reply is decoded by the provider that answered and names it: `reply.provider`, `reply.model`. Every model gets
    the call's options, and drops with a warning what it does not take. A retry sends the whole list again. A call
    raises what any model of them raises before it would be sent, and ConfigError where one is not asked through the
    gateway.
    """

    def run(request: Request, call: CallNext) -> StepGenerator:
        flows = [call(request), *(_call_to(request, model) for model in models)]
        try:
            return (yield from _first_of(flows))
        finally:
            for flow in flows:
                flow.close()

    return around(_NAME, run)


def _call_to(request: Request, model: str) -> StepGenerator:
    if request.request_for_model is None:
        raise ConfigError("only a client's own calls can be asked of another model", hint="use Client or AsyncClient")
    pipeline, asked = request.request_for_model(request, model, {})
    return (pipeline.inside(_NAME) if _NAME in pipeline else pipeline).flow(asked)


def _first_of(flows: list[StepGenerator]) -> StepGenerator:
    waiting: list[tuple[StepGenerator, Request]] = []
    for flow in flows:
        asked = yield from until_send(flow, partial(next, flow))
        if isinstance(asked, Request):
            waiting.append((flow, asked))
        elif not waiting:
            return asked  # the first of them needs no network: a cache knew the answer
    at = 0
    while True:
        try:
            response: Response = yield Send(combined([request for _, request in waiting]))
        except Exception as error:
            resume = partial(waiting[at][0].throw, error)
        else:
            at = answered_by(response, len(waiting))
            response.request = waiting[at][1]
            resume = partial(waiting[at][0].send, response)
        asked = yield from until_send(waiting[at][0], resume)
        if not isinstance(asked, Request):
            return asked
        waiting[at] = (waiting[at][0], asked)


def combined(sent: list[Request]) -> Request:
    """The one request that holds them all."""
    roots, entries = set(), []
    for request in sent:
        place = _PLACE.fullmatch(request.url)
        if place is None:
            hint = "put cloudflare_ai_gateway(...) into the client's pipeline"
            raise ConfigError(f"{request.model} is not asked through Cloudflare's gateway", hint=hint)
        root, provider, endpoint = place.groups()
        roots.add(root)
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise ConfigError(f"{request.operation} sends no JSON, and so has no fallback at Cloudflare's gateway")
        headers = {name: value for name, value in request.headers.items() if not _is_ours(name)}
        headers["content-type"] = request.headers["content-type"]
        query = Fragment(request.body)
        entries.append({"provider": provider, "endpoint": endpoint, "headers": headers, "query": query})
    if len(roots) != 1:
        raise ConfigError("the models of a fallback are asked through several gateways", hint="use one for all")
    ours = Headers({name: value for name, value in sent[0].headers.items() if _is_ours(name)})
    ours["accept"] = sent[0].headers.get("accept", "application/json")
    return sent[0].replace(url=roots.pop(), headers=ours, body=dumps(entries))


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith("cf-aig-")


def answered_by(response: Response, count: int) -> int:
    """Which of them answered. Raises DecodeError when the gateway names none that was sent."""
    step = response.headers.get("cf-aig-step", "0")
    if not step.isdigit() or int(step) >= count:
        raise DecodeError(f"Cloudflare's gateway says that step {step[:20]!r} of {count} answered")
    return int(step)
