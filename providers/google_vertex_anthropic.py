"""Anthropic's models on Vertex AI. https://docs.claude.com/en/docs/build-with-claude/claude-on-vertex-ai"""

from __future__ import annotations

import re
from typing import Any

from attrs import evolve

from ..pipeline.http.request import Request
from .auth.google_cloud import ADDRESS, HOSTS, PLACE, authenticate, into_project
from .declare.google_accounts import CREDENTIALS
from .declare.provider import declare_provider
from .options.claude_options import CLAUDE, CLAUDE_OPTIONS, CLAUDE_PREFILL, claude_models, user_id_alone
from .options.server_tools import CLAUDE_ON_VERTEX
from .wires.anthropic_messages import anthropic_count_tokens, anthropic_messages, build_count_body
from .wires.anthropic_messages.betas import with_betas
from .wires.anthropic_messages.encode import body_for
from .wires.paths import google_method_path

_VERSION = "vertex-2023-10-16"
_body = body_for(_VERSION)
_in_project = into_project("publishers/anthropic")


_PUBLISHER = re.compile(
    r"models/|(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/(?:google|anthropic)/models/|google/|anthropic/)"
)


def without_publisher(model_id: str) -> str:
    """Return the id by which Vertex lists a model of Google's or Anthropic's: `google/gemini-2.5-pro` has its
    publisher."""
    named = _PUBLISHER.match(model_id)
    return model_id[named.end() :] if named else model_id


def _count_body(request: Request) -> dict[str, Any]:
    body = build_count_body(request)
    return {**body, "model": without_publisher(request.model.id), "anthropic_version": _VERSION}


def build_body(request: Request) -> dict[str, Any]:
    """Build the body of a message request. The URL holds the model, but `stream` must be in the body all the same."""
    body = _body(request)
    return {**body, "stream": True} if request.stream else body


def prepare_request(request: Request) -> Request:
    return _in_project(with_betas(request))


google_vertex_anthropic = declare_provider(
    "google_vertex_anthropic",
    name="Anthropic on Vertex AI",
    docs="https://docs.claude.com",
    wire=[
        evolve(
            anthropic_messages,
            headers={},
            path=google_method_path("rawPredict"),
            stream_path=google_method_path("streamRawPredict"),
            build_body=build_body,
            server_tools=CLAUDE_ON_VERTEX,
        ),
        evolve(
            anthropic_count_tokens,
            headers={},
            path="/models/count-tokens:rawPredict",
            build_body=_count_body,
        ),
    ],
    base_url=ADDRESS,
    place=PLACE,
    trusted_hosts=HOSTS,
    env_key=("GOOGLE_VERTEX_ACCESS_TOKEN", "GOOGLE_VERTEX_API_KEY"),
    key_optional=True,
    credentials=CREDENTIALS,
    normalize_model_id=without_publisher,
    prefill={"anthropic_messages": CLAUDE_PREFILL},
    options=CLAUDE_OPTIONS,
    translate_options=(user_id_alone, *CLAUDE),
    models=claude_models(user_id_alone),
    accepts_signatures_of=("anthropic", "amazon_bedrock", "google_vertex"),
    prepare_request=prepare_request,
    auth=authenticate,
)
