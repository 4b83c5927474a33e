"""Perplexity. https://docs.perplexity.ai

It is strict about the order of messages: "After the (optional) system message(s), user and assistant roles should be
alternating" (https://github.com/perplexityai/api-discussion/issues/265, https://github.com/pipecat-ai/pipecat/pull/4009).
"""

from itertools import groupby
from operator import itemgetter
from typing import Any

from attrs import evolve

from ..pipeline.http.request import Request
from ..schemas.errors import NotSupported
from .declare.embed_limits import EmbedLimit
from .declare.object_support import ObjectSupport
from .declare.provider import declare_provider
from .declare.rules import BY_FACTS, clamp, drop, up_to
from .wires.openai_chat import openai_chat
from .wires.openai_chat.encode import body_with
from .wires.operations.embeddings import perplexity_embeddings
from .wires.turns import EMPTY_USER_TEXT

# Usage comes in every stream; stream_options is not documented.
_chat_body = body_with(usage_in_stream=False, takes="file_urls")


def build_body(request: Request) -> dict[str, Any]:
    """Build the body: system messages first, then turns of user and assistant, with files in Perplexity's form."""
    body = _chat_body(request)
    system = [message for message in body["messages"] if message["role"] == "system"]
    turns: list[dict[str, Any]] = []
    others = (message for message in body["messages"] if message["role"] != "system")
    for role, group in groupby(others, itemgetter("role")):
        messages = list(group)
        turns += messages if role == "tool" else [_joined(messages)]
    opening = [_OPENING] if not turns or turns[0]["role"] == "assistant" else []
    return {**body, "messages": [*system, *opening, *turns]}


_OPENING = {"role": "user", "content": EMPTY_USER_TEXT}


def _joined(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Join messages of one role."""
    whole: dict[str, Any] = {}
    for message in messages:
        whole |= message
    contents = [message["content"] for message in messages if message["content"]]
    if any(isinstance(content, list) for content in contents):
        whole["content"] = [_file(block) for content in contents for block in _blocks(content)]
    elif len(messages) > 1:
        whole["content"] = "\n\n".join(contents)
    return whole


def _blocks(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _file(block: dict[str, Any]) -> dict[str, Any]:
    """Write a block: a document by its address, or its bytes in base64 without a `data:` before them.

    https://docs.perplexity.ai/guides/file-attachments,
    https://github.com/vercel/ai/blob/main/packages/perplexity/src/convert-to-perplexity-messages.ts
    """
    if block["type"] != "file":
        return block
    file = block["file"]
    if "file_data" not in file:
        raise NotSupported("Perplexity's chat takes no file by file id", hint="it takes files as bytes and by URL")
    address = file["file_data"]
    url = address.partition(",")[2] if address.startswith("data:") else address
    return {"type": "file_url", "file_url": {"url": url}, "file_name": file["filename"]}


_SHAPE = evolve(openai_chat.history_shape, system_first=True, alternates=True, opens_with_user=True)

perplexity = declare_provider(
    "perplexity",
    name="Perplexity",
    docs="https://docs.perplexity.ai",
    wire=[evolve(openai_chat, build_body=build_body, history_shape=_SHAPE), perplexity_embeddings],
    base_url="https://api.perplexity.ai",
    env_key=["PERPLEXITY_API_KEY", "PPLX_API_KEY"],
    # https://docs.perplexity.ai/api-reference/embeddings-post
    embed_batches={"*": EmbedLimit(512, 120_000)},
    options={
        "top_k": {"type": "integer", "minimum": 0},
        "search_domain_filter": {"type": "array", "items": {"type": "string"}},
        "search_recency_filter": {"type": "string"},
        "search_mode": {"enum": ["web", "academic", "sec"]},
        "return_images": {"type": "boolean"},
        "return_related_questions": {"type": "boolean"},
        "web_search_options": {"type": "object"},
    },
    translate_options=[
        # https://docs.perplexity.ai/api-reference/chat-completions-post
        up_to("high"),
        *BY_FACTS,
        drop("seed", "stop", "n", "logit_bias", why="Perplexity does not support it"),
        # https://docs.perplexity.ai/api-reference/chat-completions-post: below 2
        clamp("temperature", 0, 1.99, why="Perplexity's scale ends below 2"),
    ],
    # https://docs.perplexity.ai/guides/structured-outputs
    object_support=ObjectSupport(modes=("json_schema", "prompt"), sure=True),
)
