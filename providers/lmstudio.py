"""LM Studio. https://lmstudio.ai/docs"""

from .declare.object_support import BY_GRAMMAR
from .declare.provider import declare_provider
from .declare.rules import rename, up_to
from .wires.compatible_chats import compatible_messages, compatible_responses
from .wires.openai_compatible import COMPATIBLE

lmstudio = declare_provider(
    "lmstudio",
    name="LM Studio",
    docs="https://lmstudio.ai/docs",
    # https://lmstudio.ai/docs/developer/openai-compat/responses, https://lmstudio.ai/docs/developer/anthropic-compat
    wire=[*COMPATIBLE, compatible_responses(stores=True), compatible_messages()],
    base_url="http://localhost:1234/v1",
    env_key="LMSTUDIO_API_KEY",
    key_optional=True,
    base_url_env="LMSTUDIO_BASE_URL",
    options={
        "top_k": {"type": "integer", "minimum": 0},
        "repetition_penalty": {"type": "number", "exclusiveMinimum": 0},
        "ttl": {"type": "integer"},
    },
    translate_options=[rename("repetition_penalty", "repeat_penalty"), up_to("high")],
    object_support=BY_GRAMMAR,
)
