"""Amazon Bedrock. https://docs.aws.amazon.com/bedrock. Signing with AWS keys needs the extra `bedrock` (botocore)."""

from __future__ import annotations

from attrs import evolve

from ..schemas.model import Model
from .auth.aws import ADDRESS, BEARER, CREDENTIALS, HOSTS, authenticate, into_region
from .declare.embed_limits import EmbedLimit
from .declare.object_support import lazy_dialect
from .declare.provider import declare_provider, override
from .declare.rule_tables import DroppedOptions, Options
from .declare.rules import clamp, drop, efforts, move, only, without_thinking
from .options.claude_options import CLAUDE, CLAUDE_PREFILL, claude_models
from .options.server_tools import BEDROCK as BEDROCK_TOOLS
from .wires.bedrock_converse import bedrock_converse, bedrock_count_tokens
from .wires.bedrock_invoke import bedrock_invoke_anthropic, bedrock_invoke_openai
from .wires.operations.embeddings import bedrock_embeddings
from .wires.operations.openai_misc import models_by, openai_models

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
_SCALE = clamp("temperature", 0, 1, why="Converse's scale ends there")
_MORE = "additional_model_request_fields"
_NO_SWITCH = (
    without_thinking,
    drop("reasoning_effort", "reasoning_budget", "reasoning_summary", why="this model has no such switch on Bedrock"),
)
_NO_TOP_K = drop("top_k", why="this model takes none on Bedrock")
_NOVA_TOP_K = move("top_k", f"{_MORE}.inferenceConfig.topK")


# https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html#prompt-caching-models
_NO_CACHE = drop("prompt_cache", why="this model takes no cache points on Bedrock")


def _five_minutes(options: Options, model: Model) -> DroppedOptions:
    """Leave the time of cache points at five minutes, for models that take no hour."""
    if options.get("prompt_cache") != "1h":
        return []
    options["prompt_cache"] = "5m"
    return [("prompt_cache", "1h became 5m, the only time that this model's cache has")]


def _nova_cache(options: Options, model: Model) -> DroppedOptions:
    """Let cache points follow text alone: Nova takes none after tools and their results."""
    losses = _five_minutes(options, model)
    if options.get("prompt_cache"):
        options["prompt_cache"] = "text"
    return losses


_NOT_WHEN_HIGH = drop(
    "temperature", "top_p", "top_k", "max_tokens", why="this model takes none of them while its effort is high"
)


def _nova_effort(options: Options, model: Model) -> DroppedOptions:
    """Turn reasoning_effort into Nova's reasoningConfig.

    https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
    """
    losses = efforts("none", "low", "medium", "high")(options, model)
    effort = options.pop("reasoning_effort", None)
    if effort is not None:
        thinking = {"type": "disabled"} if effort == "none" else {"type": "enabled", "maxReasoningEffort": effort}
        options[_MORE] = {**options.get(_MORE, {}), "reasoningConfig": thinking}
    if effort == "high":
        losses += _NOT_WHEN_HIGH(options, model)
    return losses


amazon_bedrock = declare_provider(
    "amazon_bedrock",
    name="Amazon Bedrock",
    docs="https://docs.aws.amazon.com/bedrock",
    wire=[
        evolve(bedrock_converse, server_tools=BEDROCK_TOOLS),
        bedrock_invoke_anthropic,
        bedrock_invoke_openai,
        bedrock_embeddings,
        bedrock_count_tokens,
        # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
        evolve(
            openai_models,
            name="bedrock_models",
            path="/foundation-models",
            find_error=bedrock_converse.find_error,
            decode_response=models_by("modelId"),
        ),
    ],
    base_url=ADDRESS,
    place="https://bedrock-runtime.${AWS_REGION}.amazonaws.com",
    trusted_hosts=HOSTS,
    env_key=[BEARER],
    key_optional=True,
    prefill=dict.fromkeys(("bedrock_converse", "bedrock_invoke_anthropic"), CLAUDE_PREFILL),
    # Titan and Nova take one text a call; for Cohere see
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html
    embed_batches={"*": EmbedLimit(1), "*cohere.embed*": EmbedLimit(96, 128_000)},
    options={
        "top_k": {"type": "integer", "minimum": 0},
        "thinking": {"type": "object"},
        "output_config": {"type": "object"},
        "anthropic_beta": {"type": "array"},
        "additional_model_request_fields": {"type": "object"},
        "guardrailConfig": {"type": "object"},
        "performanceConfig": {"type": "object"},
        # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ServiceTier.html
        "service_tier": {"enum": ["priority", "default", "flex", "reserved"]},
    },
    # Converse has no field for these; models that take them use a field of their own, and refuse all other names.
    translate_options=[*_NO_SWITCH, _NO_TOP_K, _NO_CACHE, _SCALE],
    models={
        "*mistral.*": override(translate_options=only(*_NO_SWITCH, _NO_CACHE, _SCALE)),
        # https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html
        "*amazon.nova*": override(translate_options=only(*_NO_SWITCH, _NOVA_TOP_K, _nova_cache, _SCALE)),
        "*amazon.nova-2*": override(translate_options=only(_nova_effort, _NOVA_TOP_K, _nova_cache, _SCALE)),
        "*openai.gpt-oss*": override(
            translate_options=only(
                efforts("low", "medium", "high", to=f"{_MORE}.reasoning_effort"), _NO_TOP_K, _NO_CACHE, _SCALE
            )
        ),
        "*anthropic.claude*": override(translate_options=only(*CLAUDE)),
        "*anthropic.claude-*": override(
            wire="bedrock_converse",
            object_support=evolve(
                bedrock_converse.object_support,
                tools=lazy_dialect("wires.bedrock_converse.dialect", "to_claude_dialect"),
            ),
        ),
        **claude_models(prefix="*anthropic."),
        **dict.fromkeys(
            ("*anthropic.claude-[12iv]*", "*anthropic.claude-3-[hos]*", "*anthropic.claude-3-5-sonnet-20240620*"),
            override(translate_options=[_NO_CACHE]),
        ),
        **dict.fromkeys(
            ("*anthropic.claude-3-[57]*", "*anthropic.claude-*-4-2025*", "*anthropic.claude-opus-4-1*"),
            override(translate_options=[_five_minutes]),
        ),
    },
    # Claude's signatures; see anthropic.py.
    accepts_signatures_of=["anthropic", "google_vertex", "google_vertex_anthropic"],
    credentials=CREDENTIALS,
    prepare_request=into_region,
    auth=authenticate,
)
