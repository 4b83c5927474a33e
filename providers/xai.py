"""xAI. https://docs.x.ai"""

from .dsl.provider import declare_provider
from .dsl.rules import drop, rename, when
from .wires.openai_chat import openai_chat

xai = declare_provider(
    "xai",
    name="xAI",
    docs="https://docs.x.ai",
    wire=openai_chat,
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
