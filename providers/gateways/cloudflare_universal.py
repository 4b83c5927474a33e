"""Cloudflare's universal endpoint: one request holds those of several models, and the first that succeeds answers.

https://developers.cloudflare.com/ai-gateway/usage/universal, .../configuration/fallbacks

Each model's pipeline runs to the point where it would send. Their requests are sent as one list, and the pipeline of
the model that answered decodes the answer.
"""

from __future__ import annotations

import re
from functools import partial

from ...pipeline.around import around
from ...pipeline.effects import CallNext, Send, StepGenerator
from ...pipeline.http.request import Headers, Request
from ...pipeline.http.response import Response
from ...pipeline.offline import until_send
from ...pipeline.pipeline import other_pipeline
from ...pipeline.step import Step
from ...schemas.errors import ConfigError, DecodeError
from ...schemas.json_text import Fragment, dumps
from ...schemas.missing_argument import saying_how_it_is_made
from .cloudflare import ROOT

_PLACE = re.compile(rf"({re.escape(ROOT)}/[^/]+/[^/]+)/([^/]+)/(.+)")
_OURS = ("content-type", "user-agent", "accept-encoding")
_NAME = "cloudflare_fallback"


@saying_how_it_is_made
def cloudflare_fallback(*models: str) -> Step:
    """Make a step that lets the gateway call other models, in order, when the call's own fails, all in one request:

        client = Client(pipeline=cloudflare_ai_gateway("ACCOUNT", "GATEWAY"))
        reply = client.generate_text(MODEL, "hi", pipeline=cloudflare_fallback("groq:openai/gpt-oss-20b"))

    The reply names the model that answered: `reply.provider`, `reply.model`. Every model gets the options of the call,
    and drops with a warning those that it does not take. A retry sends the complete list again. Nothing is sent
    if the call to any of the models is invalid, or does not use the gateway (ConfigError): the error is raised.
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
    pipeline, other = other_pipeline(request, model, {}, inside=_NAME)
    return pipeline.flow(other)


def _first_of(flows: list[StepGenerator]) -> StepGenerator:
    waiting: list[tuple[StepGenerator, Request]] = []
    for flow in flows:
        result = yield from until_send(flow, partial(next, flow))
        if isinstance(result, Request):
            waiting.append((flow, result))
        elif not waiting:
            return result  # the first one needs no network: it was answered from a cache
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
        result = yield from until_send(waiting[at][0], resume)
        if not isinstance(result, Request):
            return result
        waiting[at] = (waiting[at][0], result)


def combined(sent: list[Request]) -> Request:
    """Combine the requests into one. Raises ConfigError if their gateways differ, or if a body is not JSON."""
    roots, entries = set(), []
    for request in sent:
        place = _PLACE.fullmatch(request.url)
        if place is None:
            hint = "put cloudflare_ai_gateway(...) into the client's pipeline"
            raise ConfigError(f"the call to {request.model} does not use Cloudflare's gateway", hint=hint)
        root, provider, endpoint = place.groups()
        roots.add(root)
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise ConfigError(f"{request.operation} sends no JSON, so Cloudflare's gateway has no fallback for it")
        headers = {name: value for name, value in request.headers.items() if not _is_ours(name)}
        headers["content-type"] = request.headers["content-type"]
        query = Fragment(request.body)
        entries.append({"provider": provider, "endpoint": endpoint, "headers": headers, "query": query})
    if len(roots) != 1:
        raise ConfigError("the models of a fallback use several gateways", hint="use one for all")
    ours = Headers({name: value for name, value in sent[0].headers.items() if _is_ours(name)})
    ours["accept"] = sent[0].headers.get("accept", "application/json")
    return sent[0].replace(url=roots.pop(), headers=ours, body=dumps(entries))


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith("cf-aig-")


def answered_by(response: Response, count: int) -> int:
    """Return the position of the request that was answered. Raises DecodeError if the gateway names another one."""
    step = response.headers.get("cf-aig-step", "0")
    if not step.isdigit() or int(step) >= count:
        raise DecodeError(f"Cloudflare's gateway names step {step[:20]!r} of {count} as the one that answered")
    return int(step)
