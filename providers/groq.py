"""Groq: OpenAI-compatible chat. https://console.groq.com/docs/api-reference"""

from .dsl.provider import declare_provider
from .dsl.rules import drop, rename
from .wires.openai_chat import openai_chat
from .wires.operations.openai_media import openai_speech, openai_transcription
from .wires.operations.openai_misc import openai_models

groq = declare_provider(
    "groq",
    name="Groq",
    docs="https://console.groq.com/docs",
    wire=[openai_chat, openai_speech, openai_transcription, openai_models],
    base_url="https://api.groq.com/openai/v1",
    env_key="GROQ_API_KEY",
    options={
        "service_tier": {"enum": ["auto", "on_demand", "flex", "performance"]},
        "reasoning_format": {"enum": ["hidden", "raw", "parsed"]},
    },
    translate_options=[
        rename("max_tokens", "max_completion_tokens"),
        drop("logit_bias", "logprobs", "top_logprobs", why="Groq does not support it"),
    ],
)
