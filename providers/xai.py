"""xAI. https://docs.x.ai"""

from typing import Any

from attrs import evolve

from ..pipeline.http.request import Request
from .declare.provider import declare_provider
from .declare.rules import drop, rename
from .options.grok_options import GROK, grok_models
from .options.server_tools import XAI
from .wires.compatible_chats import compatible_responses
from .wires.openai_chat import openai_chat
from .wires.openai_chat.encode import build_body as build_chat_body
from .wires.operations.openai_media import openai_images
from .wires.operations.openai_misc import openai_models
from .wires.turns import EMPTY_RESULT_TEXT

# "Each message must have at least one content element": https://github.com/n8n-io/n8n/issues/14797,
# https://github.com/langbot-app/LangBot/issues/1205
_SHAPE = evolve(openai_chat.history_shape, empty=frozenset(("system", "user", "assistant")), empty_results=False)


def build_body(request: Request) -> dict[str, Any]:
    """Build the body of a chat, without messages that say nothing, and with a text for a result that does."""
    body = build_chat_body(request)
    messages = [turn for turn in body["messages"] if turn["content"] or turn["role"] == "tool" or "tool_calls" in turn]
    for turn in messages:
        if turn["role"] == "tool":
            turn["content"] = turn["content"] or EMPTY_RESULT_TEXT
    return {**body, "messages": messages}


_OWN = (
    rename("max_tokens", "max_completion_tokens"),
    drop("logit_bias", "verbosity", "modalities", "audio", "metadata", why="xAI has no such option"),
)

xai = declare_provider(
    "xai",
    name="xAI",
    docs="https://docs.x.ai",
    # https://docs.x.ai/docs/api-reference#create-new-response
    wire=[
        evolve(openai_chat, options=openai_chat.options - {"store"}, build_body=build_body, history_shape=_SHAPE),
        evolve(compatible_responses(stores=True, encrypts=True), server_tools=XAI),
        openai_images,
        openai_models,
    ],
    base_url="https://api.x.ai/v1",
    env_key="XAI_API_KEY",
    options={
        "search_parameters": {"type": "object"},
        "deferred": {"type": "boolean"},
    },
    translate_options=(*GROK, *_OWN),
    models=grok_models(*_OWN),
)
