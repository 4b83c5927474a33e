"""Cohere. https://docs.cohere.com/reference/about"""

from ..schemas.model import Model
from .declare.addresses import rewrite_path
from .declare.embed_limits import EmbedLimit
from .declare.provider import declare_provider
from .declare.rule_tables import DroppedOptions, Options
from .declare.rules import at_most, bounded_switch, clamp, degrees_lost, without_thinking
from .wires.cohere_chat import cohere_chat
from .wires.operations.embeddings import cohere_embeddings
from .wires.operations.openai_misc import openai_models
from .wires.operations.rerank import rerank


def cohere_thinking(options: Options, model: Model) -> DroppedOptions:
    """Turn thinking on or off by reasoning_effort, and bound it by reasoning_budget: https://docs.cohere.com/docs/reasoning"""
    losses = bounded_switch(options, model)
    effort, budget = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    if effort == "none" or budget == 0:
        options["thinking"] = {"type": "disabled"}
    elif effort is not None or budget is not None:
        options["thinking"] = {"type": "enabled", **({"token_budget": budget} if budget else {})}
    return losses + degrees_lost(effort)


cohere = declare_provider(
    "cohere",
    name="Cohere",
    docs="https://docs.cohere.com",
    wire=[cohere_chat, cohere_embeddings, rerank, openai_models],
    base_url="https://api.cohere.com/v2",
    # https://docs.cohere.com/reference/list-models: only the first version of the API has it
    prepare_request=rewrite_path("list_models", "/v2/models", "/v1/models?page_size=1000"),
    env_key=["COHERE_API_KEY", "CO_API_KEY"],
    # https://docs.cohere.com/reference/chat#request.body.response_format
    json_with_tools=False,
    # https://docs.cohere.com/reference/embed: 96 texts; 128,000 tokens is embed-v4's context.
    embed_batches={"*": EmbedLimit(96, 128_000)},
    options={
        "reasoning_effort": {"type": "string"},
        "reasoning_budget": {"type": "integer", "minimum": 0},
        "thinking": {"type": "object"},
        "documents": {"type": "array"},
        "citation_options": {"type": "object"},
        "safety_mode": {"enum": ["CONTEXTUAL", "STRICT", "OFF"]},
        "strict_tools": {"type": "boolean"},
    },
    translate_options=[
        without_thinking,
        cohere_thinking,
        # https://docs.cohere.com/reference/chat#request.body
        clamp("top_p", 0.01, 0.99, why="Cohere takes 0.01 to 0.99"),
        clamp("presence_penalty", 0, 1, why="Cohere takes 0 to 1"),
        clamp("frequency_penalty", 0, 1, why="Cohere takes 0 to 1"),
        at_most("stop", 5, why="Cohere takes 5"),
    ],
)
