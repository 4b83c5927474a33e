"""Fireworks AI. https://docs.fireworks.ai"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS, at_most, clamp
from .wires.openai_compatible import COMPATIBLE
from .wires.operations.rerank import rerank

fireworks = declare_provider(
    "fireworks",
    name="Fireworks AI",
    docs="https://docs.fireworks.ai",
    wire=[*COMPATIBLE, rerank],
    base_url="https://api.fireworks.ai/inference/v1",
    env_key="FIREWORKS_API_KEY",
    # https://docs.fireworks.ai/api-reference/post-chatcompletions
    translate_options=[
        *BY_FACTS,
        clamp("temperature", 0, 2, why="Fireworks' scale ends there"),
        at_most("stop", 4, why="Fireworks takes 4"),
    ],
    options={
        "top_k": {"type": "integer", "minimum": 0},
        "min_p": {"type": "number", "minimum": 0, "maximum": 1},
        "repetition_penalty": {"type": "number", "exclusiveMinimum": 0},
        "context_length_exceeded_behavior": {"enum": ["truncate", "error"]},
    },
)
