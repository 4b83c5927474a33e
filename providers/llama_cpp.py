"""llama.cpp. https://github.com/ggml-org/llama.cpp/tree/master/tools/server"""

from .declare.object_support import BY_GRAMMAR
from .declare.prefill import PrefillSupport
from .declare.provider import declare_provider
from .declare.rules import rename
from .wires.compatible_chats import LLAMA_RESPONSES, compatible_messages
from .wires.openai_chat.encode import replaying
from .wires.openai_compatible import COMPATIBLE
from .wires.operations.embeddings import in_base64
from .wires.operations.rerank import rerank

llama_cpp = declare_provider(
    "llama_cpp",
    name="llama.cpp",
    docs="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
    wire=in_base64(*COMPATIBLE, LLAMA_RESPONSES, compatible_messages(), rerank),
    base_url="http://localhost:8080/v1",
    env_key="LLAMA_API_KEY",
    key_optional=True,
    # The last message is taken for the beginning, unless the server was started with --no-prefill-assistant.
    prefill={"openai_chat": PrefillSupport()},
    base_url_env="LLAMA_CPP_HOST",
    options={
        "top_k": {"type": "integer", "minimum": 0},
        "min_p": {"type": "number", "minimum": 0, "maximum": 1},
        "repetition_penalty": {"type": "number", "exclusiveMinimum": 0},
        "grammar": {"type": "string"},
        "chat_template_kwargs": {"type": "object"},
        "cache_prompt": {"type": "boolean"},
    },
    translate_options=[rename("repetition_penalty", "repeat_penalty")],
    # The template of the model's chat decides what it reads of it.
    **replaying("reasoning_content"),
    object_support=BY_GRAMMAR,
)
