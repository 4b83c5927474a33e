"""vLLM. https://docs.vllm.ai"""

from .declare.object_support import ObjectSupport
from .declare.prefill import PrefillSupport
from .declare.provider import declare_provider
from .declare.rules import up_to
from .wires.compatible_chats import compatible_messages, compatible_responses
from .wires.openai_chat.encode import replaying
from .wires.openai_compatible import COMPATIBLE
from .wires.operations.embeddings import in_base64
from .wires.operations.rerank import rerank

vllm = declare_provider(
    "vllm",
    name="vLLM",
    docs="https://docs.vllm.ai",
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server: responses, and messages as Anthropic has them
    wire=in_base64(*COMPATIBLE, compatible_responses(stores=True), compatible_messages(), rerank),
    base_url="http://localhost:8000/v1",
    env_key="VLLM_API_KEY",
    key_optional=True,
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server: extra parameters of its chat
    prefill={"openai_chat": PrefillSupport(body={"continue_final_message": True, "add_generation_prompt": False})},
    base_url_env="VLLM_BASE_URL",
    options={
        "top_k": {"type": "integer"},
        "min_p": {"type": "number", "minimum": 0, "maximum": 1},
        "repetition_penalty": {"type": "number", "exclusiveMinimum": 0},
        "chat_template_kwargs": {"type": "object"},
        "structured_outputs": {"type": "object"},
    },
    # The template of the model's chat decides what it reads of it: https://docs.vllm.ai/en/latest/features/reasoning_outputs
    **replaying("reasoning_content"),
    # https://docs.vllm.ai/en/latest/features/reasoning_outputs
    translate_options=[up_to("high")],
    object_support=ObjectSupport(sure=True),
)
