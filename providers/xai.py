"""xAI. https://docs.x.ai"""

from .dsl.provider import declare_provider
from .dsl.rules import drop, rename, when
from .wires.openai_chat import openai_chat
from .wires.operations.openai_media import openai_images
from .wires.operations.openai_misc import openai_models

xai = declare_provider(
    "xai",
    name="xAI",
    docs="https://docs.x.ai",
    wire=[openai_chat, openai_images, openai_models],
    base_url="https://api.x.ai/v1",
    env_key="XAI_API_KEY",
    options={
        "search_parameters": {"type": "object"},
        "deferred": {"type": "boolean"},
    },
    translate_options=[
        rename("max_tokens", "max_completion_tokens"),
        when(
            lambda options, model: bool(model.reasoning),
            drop("presence_penalty", "frequency_penalty", "stop", why="xAI's reasoning models refuse it"),
        ),
    ],
)
