"""Cloudflare Workers AI. https://developers.cloudflare.com/workers-ai"""

from typing import Any

from attrs import evolve

from ..pipeline.http.request import Request
from .declare.addresses import rewrite_path
from .declare.embed_limits import EmbedLimit
from .declare.provider import declare_provider
from .declare.rules import BY_FACTS
from .wires.openai_chat import openai_chat
from .wires.openai_chat.encode import build_body, with_plain_texts
from .wires.operations.embeddings import openai_embeddings
from .wires.operations.openai_misc import models_by, openai_models


def _build_body(request: Request) -> dict[str, Any]:
    """Build the body, with a string as the content of each message: null, beside calls, is refused, and so is a list by
    most models. https://github.com/we-promise/sure/pull/467, https://github.com/diegosouzapw/OmniRoute/issues/2539"""
    body = with_plain_texts(build_body(request))
    for turn in body["messages"]:
        turn["content"] = turn["content"] or ""
    return body


cloudflare = declare_provider(
    "cloudflare",
    name="Cloudflare Workers AI",
    docs="https://developers.cloudflare.com/workers-ai",
    wire=[openai_chat, openai_embeddings, evolve(openai_models, decode_response=models_by("name"))],
    base_url="https://api.cloudflare.com/client/v4/accounts/${CLOUDFLARE_ACCOUNT_ID}/ai/v1",
    # https://developers.cloudflare.com/api/resources/ai/subresources/models/methods/list
    prepare_request=rewrite_path("list_models", "/ai/v1/models", "/ai/models/search?per_page=1000"),
    env_key=["CLOUDFLARE_API_KEY", "CLOUDFLARE_API_TOKEN"],
    translate_options=BY_FACTS,
    build_body=_build_body,
    # https://developers.cloudflare.com/workers-ai/models/bge-base-en-v1.5: 100 texts
    embed_batches={"*": EmbedLimit(100)},
)
