"""xAI. https://docs.x.ai"""

from .declare.provider import declare_provider, override
from .declare.rules import at_most, clamp, drop, efforts, only, rename, when, without_thinking
from .wires.openai_chat import openai_chat
from .wires.operations.openai_media import openai_images
from .wires.operations.openai_misc import openai_models

_RULES = (
    without_thinking,
    rename("max_tokens", "max_completion_tokens"),
    drop("logit_bias", "verbosity", "modalities", "audio", "metadata", "store", why="xAI has no such option"),
    when(
        lambda options, model: bool(model.reasoning),
        drop("presence_penalty", "frequency_penalty", "stop", why="xAI's reasoning models refuse it"),
    ),
    # https://docs.x.ai/docs/api-reference#chat-completions
    clamp("temperature", 0, 2, why="xAI's scale ends there"),
    at_most("stop", 4, why="xAI takes 4"),
)

_NO_EFFORT = drop("reasoning_effort", "reasoning_budget", why="this model chooses the effort itself")

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
    translate_options=_RULES,
    # https://docs.x.ai/docs/guides/reasoning. Later rows win; unknown newer models are treated like the newest known
    # one.
    models={
        "grok-3-mini*": override(translate_options=[efforts("low", "high")]),
        **dict.fromkeys(
            ("grok-4*", "grok-code*", "grok-build*"), override(translate_options=[without_thinking, _NO_EFFORT])
        ),
        "grok-4.20-multi-agent*": override(translate_options=only(efforts("low", "medium", "high", "xhigh"), *_RULES)),
        "grok-4.3*": override(translate_options=only(efforts("none", "low", "medium", "high"), *_RULES)),
        "grok-4.5*": override(translate_options=only(efforts("low", "medium", "high"), *_RULES)),
        "grok-4.[6-9]*": override(translate_options=only(efforts("low", "medium", "high", "xhigh"), *_RULES)),
    },
)
