"""Amazon Bedrock. https://docs.aws.amazon.com/bedrock. Keys are signed with by the extra `bedrock` (botocore)."""

from __future__ import annotations

from ..model_metadata.ids import NORMALIZERS, reduced
from .dsl.aws import ADDRESS, BEARER, attach, into_region
from .dsl.batches import Batch
from .dsl.provider import declare_provider, override
from .dsl.thinking import ADAPTIVE, adaptive_thinking, budgeted_thinking
from .wires.bedrock_converse import bedrock_converse
from .wires.bedrock_invoke import bedrock_invoke_anthropic, bedrock_invoke_openai
from .wires.operations.bedrock_embeddings import bedrock_embeddings


def base_id(model_id: str) -> str:
    """A model's id without region, version and date: `us.anthropic.claude-sonnet-4-5-20250929-v1:0`, an ARN."""
    return reduced(model_id, NORMALIZERS["amazon-bedrock"])


amazon_bedrock = declare_provider(
    "amazon_bedrock",
    name="Amazon Bedrock",
    docs="https://docs.aws.amazon.com/bedrock",
    wire=[bedrock_converse, bedrock_invoke_anthropic, bedrock_invoke_openai, bedrock_embeddings],
    base_url=ADDRESS,
    env_key=[BEARER],
    key_optional=True,
    # Titan and Nova take one text a call; for Cohere see
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html
    embed_batches={"*": Batch(1), "*cohere.embed*": Batch(96, 128_000)},
    options={
        "top_k": {"type": "integer", "minimum": 0},
        "reasoning_effort": {"type": "string"},
        "reasoning_budget": {"type": "integer", "minimum": 0},
        "thinking": {"type": "object"},
        "output_config": {"type": "object"},
        "anthropic_beta": {"type": "array"},
        "additional_model_request_fields": {"type": "object"},
        "guardrailConfig": {"type": "object"},
        "performanceConfig": {"type": "object"},
    },
    normalize_model_id=base_id,
    thinking_constraints={"temperature": 1, "min_budget": 1024, "min_max_tokens": 4001},
    models={
        "*anthropic.claude*": override(translate_options=(budgeted_thinking,)),
        **{f"*anthropic.{pattern}": override(translate_options=(adaptive_thinking,)) for pattern in ADAPTIVE},
    },
    prepare_request=into_region,
    attach=attach,
)
