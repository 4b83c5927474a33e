"""Alibaba Cloud Model Studio. https://help.aliyun.com/zh/model-studio"""

from ..schemas.model import Model
from .declare.constraints import unthinking_if_forced
from .declare.embed_limits import EmbedLimit
from .declare.prefill import PrefillSupport
from .declare.provider import declare_provider
from .declare.rule_tables import DroppedOptions, Options
from .declare.rules import bounded_switch, clamp, switch, without_thinking
from .wires.openai_compatible import COMPATIBLE_WITH_CACHE_MARKS


def thinking_budget(options: Options, model: Model) -> DroppedOptions:
    """Turn reasoning_budget into Alibaba's switch and budget: https://help.aliyun.com/zh/model-studio/deep-thinking"""
    budget = options.pop("reasoning_budget", None)
    if budget is not None:
        options.setdefault("enable_thinking", budget > 0)
    if budget:
        options["thinking_budget"] = budget
    return []


alibaba = declare_provider(
    "alibaba",
    name="Alibaba Cloud Model Studio",
    docs="https://help.aliyun.com/zh/model-studio",
    wire=COMPATIBLE_WITH_CACHE_MARKS,
    base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    env_key=["DASHSCOPE_API_KEY"],
    # https://help.aliyun.com/zh/model-studio/partial-mode: not while it thinks
    prefill={"openai_chat": PrefillSupport(("qwen*",), message={"partial": True})},
    # "batch size is invalid, it should not be larger than 10": https://github.com/zilliztech/claude-context/issues/177
    embed_batches={"*": EmbedLimit(10)},
    options={
        "reasoning_effort": {"type": "string"},
        "reasoning_budget": {"type": "integer", "minimum": 0},
        "top_k": {"type": "integer", "minimum": 0},
        "repetition_penalty": {"type": "number", "exclusiveMinimum": 0},
        "enable_search": {"type": "boolean"},
        "enable_thinking": {"type": "boolean"},
    },
    translate_options=[
        without_thinking,
        # https://help.aliyun.com/zh/model-studio/qwen-function-calling
        unthinking_if_forced("enable_thinking", False),
        bounded_switch,
        thinking_budget,
        switch("enable_thinking", on=True, off=False),
        # https://help.aliyun.com/zh/model-studio/use-qwen-by-calling-api: [0, 2)
        clamp("temperature", 0, 1.99, why="Alibaba's scale ends below 2"),
    ],
)
