"""Together AI. https://docs.together.ai"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS, up_to
from .options.openai_options import TRANSCRIBING
from .wires.openai_compatible import COMPATIBLE
from .wires.operations.openai_media import openai_images, openai_speech, openai_transcription
from .wires.operations.rerank import rerank

together = declare_provider(
    "together",
    name="Together AI",
    docs="https://docs.together.ai",
    wire=[*COMPATIBLE, rerank, openai_images, openai_speech, openai_transcription],
    base_url="https://api.together.xyz/v1",
    env_key="TOGETHER_API_KEY",
    # https://docs.together.ai/docs/openai-gpt-oss#reasoning-effort-parameter
    translate_options=[up_to("high"), *BY_FACTS],
    models=TRANSCRIBING,
    options={
        "top_k": {"type": "integer", "minimum": 0},
        "min_p": {"type": "number", "minimum": 0, "maximum": 1},
        "repetition_penalty": {"type": "number", "exclusiveMinimum": 0},
        "safety_model": {"type": "string"},
    },
)
