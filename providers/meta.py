"""Meta Llama API. https://llama.developer.meta.com/docs"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS, rename
from .wires.openai_compatible import COMPATIBLE

meta = declare_provider(
    "meta",
    name="Meta Llama API",
    docs="https://llama.developer.meta.com/docs",
    wire=COMPATIBLE,
    base_url="https://api.llama.com/compat/v1",
    env_key=["LLAMA_API_KEY"],
    translate_options=[*BY_FACTS, rename("max_tokens", "max_completion_tokens")],
)
