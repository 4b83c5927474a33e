"""Venice. https://docs.venice.ai"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS
from .wires.openai_compatible import COMPATIBLE

venice = declare_provider(
    "venice",
    name="Venice",
    docs="https://docs.venice.ai",
    wire=COMPATIBLE,
    base_url="https://api.venice.ai/api/v1",
    env_key=["VENICE_API_KEY"],
    translate_options=BY_FACTS,
    options={
        "venice_parameters": {"type": "object"},
        "top_k": {"type": "integer", "minimum": 0},
        "min_p": {"type": "number", "minimum": 0, "maximum": 1},
        "repetition_penalty": {"type": "number", "exclusiveMinimum": 0},
    },
)
