"""Mistral AI. https://docs.mistral.ai"""

from ..schemas.model import Model
from .declare.embed_limits import EmbedLimit
from .declare.prefill import PrefillSupport
from .declare.provider import declare_provider, override
from .declare.rule_tables import DroppedOptions, Options
from .declare.rules import clamp, degrees_lost, drop, efforts, rename, when, without_thinking
from .wires.mistral_chat import mistral_chat
from .wires.operations.embeddings import openai_embeddings
from .wires.operations.mistral_ocr import mistral_ocr
from .wires.operations.openai_batches import mistral_batches
from .wires.operations.openai_media import openai_transcription
from .wires.operations.openai_misc import openai_models, openai_moderation


def prompted_thinking(options: Options, model: Model) -> DroppedOptions:
    """Turn reasoning_effort into `prompt_mode`: Magistral thinks when its system prompt asks for it, which that
    adds."""
    effort, budget = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    if effort not in (None, "none"):
        options.setdefault("prompt_mode", "reasoning")
    return degrees_lost(effort) + ([] if budget is None else [("reasoning_budget", "Mistral takes no budget")])


def _is_greedy(options: Options, model: Model) -> bool:
    return options.get("temperature") == 0 and options.get("top_p") != 1


mistral = declare_provider(
    "mistral",
    name="Mistral AI",
    docs="https://docs.mistral.ai",
    wire=[
        mistral_chat,
        openai_embeddings,
        openai_transcription,
        openai_moderation,
        openai_models,
        mistral_ocr,
        *mistral_batches,
    ],
    base_url="https://api.mistral.ai/v1",
    env_key="MISTRAL_API_KEY",
    # https://docs.mistral.ai/guides/prefix: the encoder marks it, and the answer begins with it.
    prefill={"mistral_chat": PrefillSupport(echoed=True)},
    # "Too many tokens in batch. Max is 16384": https://github.com/aurelio-labs/semantic-router/issues/297
    embed_batches={"*": EmbedLimit(128, 16_384)},
    options={
        "safe_prompt": {"type": "boolean"},
        "top_k": {"type": "integer", "minimum": 0},
        "repetition_penalty": {"type": "number", "exclusiveMinimum": 0},
        "logprobs": {"type": "boolean"},
        "top_logprobs": {"type": "integer", "minimum": 0},
        "reasoning_budget": {"type": "integer", "minimum": 0},
        "prompt_mode": {"enum": ["reasoning"]},
        "document_image_limit": {"type": "integer"},
        "document_page_limit": {"type": "integer"},
        # https://github.com/mistralai/client-python: ChatCompletionRequest
        "service_tier": {"enum": ["auto", "standard_only"]},
    },
    translate_options=[
        without_thinking,
        # https://docs.mistral.ai/capabilities/reasoning: thinking is on or off.
        efforts("none", "high"),
        rename("seed", "random_seed"),
        # https://docs.mistral.ai/api/#tag/chat/operation/chat_completion_v1_chat_completions_post
        clamp("temperature", 0, 1.5, why="Mistral's scale ends there"),
        # "top_p must be 1 when using greedy sampling": https://docs.mistral.ai/api/#tag/chat
        when(_is_greedy, drop("top_p", why="Mistral takes none at temperature 0")),
        drop("audio", why="Mistral has no such option"),
    ],
    models={"magistral*": override(translate_options=[prompted_thinking])},
)
