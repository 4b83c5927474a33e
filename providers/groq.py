"""Groq: OpenAI-compatible chat. https://console.groq.com/docs/api-reference"""

from attrs import evolve

from .declare.prefill import PrefillSupport
from .declare.provider import declare_provider, override
from .declare.rules import at_most, clamp, drop, efforts, only, rename, without_thinking
from .options.openai_options import TRANSCRIBING
from .options.server_tools import GROQ
from .wires.compatible_chats import compatible_responses
from .wires.openai_chat import openai_chat
from .wires.openai_chat.encode import body_with, replaying
from .wires.operations.openai_batches import openai_batches
from .wires.operations.openai_media import openai_speech, openai_transcription
from .wires.operations.openai_misc import openai_models

_RULES = (
    without_thinking,
    rename("max_tokens", "max_completion_tokens"),
    clamp("n", high=1, why="Groq gives one answer"),
    # https://console.groq.com/docs/api-reference#chat-create; it refuses unknown options.
    clamp("temperature", 0, 2, why="Groq's scale ends there"),
    at_most("stop", 4, why="Groq takes 4"),
    drop(
        *("logit_bias", "logprobs", "top_logprobs", "verbosity", "modalities", "audio", "prompt_cache_key"),
        *("presence_penalty", "frequency_penalty", "metadata", "store"),
        why="Groq does not support it",
    ),
)

groq = declare_provider(
    "groq",
    name="Groq",
    docs="https://console.groq.com/docs",
    # https://console.groq.com/docs/responses-api: it keeps no answers
    wire=[
        evolve(openai_chat, server_tools=GROQ, build_body=body_with(takes="images")),
        compatible_responses(),
        openai_speech,
        openai_transcription,
        openai_models,
        *openai_batches,
    ],
    base_url="https://api.groq.com/openai/v1",
    env_key="GROQ_API_KEY",
    # https://console.groq.com/docs/prefilling
    prefill={"openai_chat": PrefillSupport()},
    options={
        "service_tier": {"enum": ["auto", "on_demand", "flex", "performance"]},
        "reasoning_format": {"enum": ["hidden", "raw", "parsed"]},
    },
    translate_options=_RULES,
    # "json mode cannot be combined with tool/function calling": https://github.com/vercel/ai/pull/16540
    json_with_tools=False,
    # https://console.groq.com/docs/reasoning#reasoning-effort, and for the fields
    # https://github.com/groq/groq-python/tree/main/src/groq/types/chat
    models={
        **TRANSCRIBING,
        "openai/gpt-oss*": override(
            translate_options=[efforts("low", "medium", "high")], **replaying("reasoning", "images")
        ),
        "qwen/*": override(
            translate_options=[efforts("none", "high", spelt={"high": "default"})], **replaying("reasoning", "images")
        ),
        "qwen/qwen3.8*": override(translate_options=only(efforts("none", "low", "medium", "high"), *_RULES)),
    },
)
