"""OpenRouter. https://openrouter.ai/docs"""

from fnmatch import fnmatchcase

from attrs import evolve

from ..schemas.model import Model
from ..schemas.options import CHAT_OPTIONS
from .auth.auth import bearer
from .declare.provider import declare_provider
from .declare.rule_tables import Options
from .declare.rules import BY_FACTS, clamp, drop, move, not_both, when
from .options.server_tools import OPENROUTER
from .wires.compatible_chats import compatible_messages, compatible_responses
from .wires.openai_chat.encode import body_with
from .wires.openai_compatible import COMPATIBLE_WITH_CACHE_MARKS

# https://openrouter.ai/docs/guides/best-practices/prompt-caching
_MARKED = ("*anthropic/claude*", "*google/gemini*", "qwen/*")


def _takes_no_marks(options: Options, model: Model) -> bool:
    return not any(fnmatchcase(model.id, pattern) for pattern in _MARKED)


_chat, *_others = COMPATIBLE_WITH_CACHE_MARKS

openrouter = declare_provider(
    "openrouter",
    name="OpenRouter",
    docs="https://openrouter.ai/docs",
    # https://openrouter.ai/docs/api/reference/responses/overview: it keeps no answers;
    # https://openrouter.ai/docs/api/api-reference/anthropic-messages/create-messages
    wire=[
        evolve(_chat, server_tools=OPENROUTER),
        *_others,
        compatible_responses(encrypts=True),
        # https://openrouter.ai/openapi.json: `output_config` of /messages has a format
        compatible_messages(auth=bearer, formats=True),
    ],
    base_url="https://openrouter.ai/api/v1",
    env_key="OPENROUTER_API_KEY",
    options={
        "top_k": {"type": "integer", "minimum": 0},
        "min_p": {"type": "number", "minimum": 0, "maximum": 1},
        "repetition_penalty": {"type": "number", "exclusiveMinimum": 0},
        "reasoning": {"type": "object"},
        "reasoning_budget": {"type": "integer", "minimum": 0},
        "models": {"type": "array", "items": {"type": "string"}},
        "route": {"type": "string"},
        "provider": {"type": "object"},
        "transforms": {"type": "array"},
        "plugins": {"type": "array"},
        "usage": {"type": "object"},
        "prompt_cache": CHAT_OPTIONS["prompt_cache"].schema,
    },
    # https://openrouter.ai/docs/features/multimodal/pdfs
    build_body=body_with(takes="file_urls", cache_marks=True),
    # Its unified form of reasoning: https://openrouter.ai/docs/use-cases/reasoning-tokens
    translate_options=[
        # It silently ignores what a model does not take: https://openrouter.ai/docs/api/reference/parameters
        *BY_FACTS,
        when(_takes_no_marks, drop("prompt_cache", why="this model's cache needs no marks, or it has none")),
        clamp("temperature", 0, 2, why="OpenRouter's scale ends there"),
        not_both(
            "reasoning_budget", "reasoning_effort", why="a budget is more exact, and OpenRouter takes one of them"
        ),
        move("reasoning_effort", "reasoning.effort"),
        move("reasoning_budget", "reasoning.max_tokens"),
    ],
)
