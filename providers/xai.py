"""xAI. https://docs.x.ai"""

from attrs import evolve

from .declare.provider import declare_provider
from .declare.rules import drop, rename
from .options.grok_options import GROK, grok_models
from .options.server_tools import XAI
from .wires.compatible_chats import compatible_responses
from .wires.openai_chat import openai_chat
from .wires.operations.openai_media import openai_images
from .wires.operations.openai_misc import openai_models

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
        evolve(openai_chat, options=openai_chat.options - {"store"}),
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
