"""Answers in which a model wrote its calls as text, each as its card or its chat template documents them."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from documented_bodies import Exchange, chat, message

BEFORE, AFTER = "I look at the sky.", "Then I answer."
BOTH = f"{BEFORE}\n\n{AFTER}"
_OSLO, _ROME = {"city": "Oslo", "days": 2}, {"city": "Rome"}
_LLAMA = "https://github.com/meta-llama/llama-models/blob/main/models"
_HUGGING_FACE = "https://huggingface.co"
_VLLM = "https://docs.vllm.ai/en/latest/api/vllm"
_SIZE = 5
"""The characters of a piece of a streamed answer: less than in any mark."""


@frozen
class WrittenCalls:
    """An answer with calls of `weather(city, days)` in its text."""

    exchange: Exchange
    arguments: list[dict[str, Any]]
    """those of each call"""
    shown: str
    """what is left of the text: BOTH, where a mark ends the block, BEFORE, or nothing where a call begins the answer"""
    named: tuple[str, ...]
    """the forms that the caller asks for; () where the model's family has them"""


def _written(
    address: str,
    provider: str,
    model: str,
    url: str,
    written: str,
    *arguments: dict[str, Any],
    shown: str = BOTH,
    named: tuple[str, ...] = (),
) -> WrittenCalls:
    text = {BOTH: f"{BEFORE}\n\n{written}\n\n{AFTER}", BEFORE: f"{BEFORE}\n{written}", "": written}[shown]
    is_chat = url.endswith("/chat/completions")
    body = chat(text, model=model) if is_chat else message({"type": "text", "text": text}, model=model)
    api = "openai_chat" if is_chat else "anthropic_messages"
    exchange = Exchange(api, provider, model, url, address, ("text_calls",), body, _SIZE)
    return WrittenCalls(exchange, list(arguments), shown, named)


CALLS = [
    _written(
        f"{_HUGGING_FACE}/NousResearch/Hermes-3-Llama-3.1-8B",
        "lmstudio",
        "hermes-3-llama-3.1-8b",
        "http://localhost:1234/v1/chat/completions",
        '<tool_call>\n{"arguments": {"city": "Oslo", "days": 2}, "name": "weather"}\n</tool_call>',
        _OSLO,
    ),
    _written(
        "https://qwen.readthedocs.io/en/latest/framework/function_call.html",
        "vllm",
        "Qwen/Qwen3-8B",
        "http://localhost:8000/v1/chat/completions",
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo", "days": 2}}\n</tool_call>\n'
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>',
        _OSLO,
        _ROME,
    ),
    _written(
        f"{_HUGGING_FACE}/Qwen/Qwen3-Coder-480B-A35B-Instruct/blob/main/chat_template.jinja",
        "together",
        "Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8",
        "https://api.together.xyz/v1/chat/completions",
        "<tool_call>\n<function=weather>\n<parameter=city>\nOslo\n</parameter>\n<parameter=days>\n2\n</parameter>\n"
        "</function>\n</tool_call>",
        _OSLO,
    ),
    _written(
        f"{_LLAMA}/llama3_1/prompt_format.md#json-based-tool-calling",
        "llama_cpp",
        "Llama-3.1-8B-Instruct",
        "http://localhost:8080/v1/chat/completions",
        '<|python_tag|>{\n    "type": "function",\n    "name": "weather",\n    "parameters": {\n'
        '        "city": "Oslo",\n        "days": 2\n    }\n}<|eom_id|>',
        _OSLO,
    ),
    _written(
        f"{_LLAMA}/llama3_1/prompt_format.md#builtin-tool-calling",
        "groq",
        "llama-3.3-70b-versatile",
        "https://api.groq.com/openai/v1/chat/completions",
        '<|python_tag|>weather.call(city="Oslo", days=2)<|eom_id|>',
        _OSLO,
    ),
    _written(
        f"{_LLAMA}/llama3_1/prompt_format.md#function-based-tool-calling",
        "nvidia",
        "meta/llama-3.1-70b-instruct",
        "https://integrate.api.nvidia.com/v1/chat/completions",
        '<function=weather>{"city": "Oslo", "days": 2}</function>',
        _OSLO,
    ),
    _written(
        f"{_LLAMA}/llama3_2/text_prompt_format.md#zero-shot-function-calling",
        "openrouter",
        "meta-llama/llama-3.2-3b-instruct",
        "https://openrouter.ai/api/v1/chat/completions",
        "[weather(city='Oslo', days=2), weather(city='Rome')]",
        _OSLO,
        _ROME,
        shown="",
    ),
    _written(
        f"{_VLLM}/tool_parsers/llama4_pythonic_tool_parser/",
        "groq",
        "meta-llama/llama-4-scout-17b-16e-instruct",
        "https://api.groq.com/openai/v1/chat/completions",
        "<|python_start|>[weather(city='Oslo', days=2), weather(city='Rome')]<|python_end|>",
        _OSLO,
        _ROME,
    ),
    _written(
        f"{_HUGGING_FACE}/mistralai/Mistral-7B-Instruct-v0.3",
        "vllm",
        "mistralai/Mistral-7B-Instruct-v0.3",
        "http://localhost:8000/v1/chat/completions",
        '[TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Oslo", "days": 2}}, '
        '{"name": "weather", "arguments": {"city": "Rome"}}]',
        _OSLO,
        _ROME,
        shown=BEFORE,
    ),
    _written(
        f"{_VLLM}/tool_parsers/mistral_tool_parser/",
        "llama_cpp",
        "Devstral-Small-2507",
        "http://localhost:8080/v1/chat/completions",
        '[TOOL_CALLS]weather[ARGS]{"city": "Oslo", "days": 2}[TOOL_CALLS]weather[ARGS]{"city": "Rome"}',
        _OSLO,
        _ROME,
        shown=BEFORE,
    ),
    _written(
        f"{_HUGGING_FACE}/MiniMaxAI/MiniMax-M2/blob/main/docs/tool_calling_guide.md",
        "minimax",
        "MiniMax-M2",
        "https://api.minimax.io/anthropic/v1/messages",
        '<minimax:tool_call>\n<invoke name="weather">\n<parameter name="city">Oslo</parameter>\n'
        '<parameter name="days">2</parameter>\n</invoke>\n<invoke name="weather">\n'
        '<parameter name="city">Rome</parameter>\n</invoke>\n</minimax:tool_call>',
        _OSLO,
        _ROME,
    ),
    _written(
        f"{_HUGGING_FACE}/MiniMaxAI/MiniMax-M2/blob/main/docs/tool_calling_guide.md#manually-parsing-model-output",
        "vllm",
        "our-model",  # the name that the server was started with is of no family
        "http://localhost:8000/v1/chat/completions",
        '<invoke name="weather">\n<parameter name="city">Oslo</parameter>\n<parameter name="days">2</parameter>\n'
        "</invoke>",
        _OSLO,
        named=("bare_invoke",),
    ),
    _written(
        f"{_HUGGING_FACE}/deepseek-ai/DeepSeek-V3-0324",
        "fireworks",
        "accounts/fireworks/models/deepseek-v3-0324",
        "https://api.fireworks.ai/inference/v1/chat/completions",
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n"
        '{"city": "Oslo", "days": 2}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>'
        'weather\n```json\n{"city": "Rome"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        _OSLO,
        _ROME,
    ),
    _written(
        f"{_HUGGING_FACE}/deepseek-ai/DeepSeek-V3.1#toolcall",
        "deepseek",
        "deepseek-chat",
        "https://api.deepseek.com/chat/completions",
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{"city": "Oslo", "days": 2}<｜tool▁call▁end｜>'
        '<｜tool▁call▁begin｜>weather<｜tool▁sep｜>{"city": "Rome"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        _OSLO,
        _ROME,
    ),
    _written(
        f"{_VLLM}/parser/deepseek_v32/",
        "huggingface",
        "deepseek-ai/DeepSeek-V3.2",
        "https://router.huggingface.co/v1/chat/completions",
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="weather">\n<｜DSML｜parameter name="city" string="true">Oslo'
        '</｜DSML｜parameter>\n<｜DSML｜parameter name="days" string="false">2</｜DSML｜parameter>\n</｜DSML｜invoke>\n'
        "</｜DSML｜function_calls>",
        _OSLO,
    ),
    _written(
        f"{_HUGGING_FACE}/deepseek-ai/DeepSeek-V4-Pro/blob/main/encoding/README.md",
        "together",
        "deepseek-ai/DeepSeek-V4-Pro",
        "https://api.together.xyz/v1/chat/completions",
        '<｜DSML｜tool_calls>\n<｜DSML｜invoke name="weather">\n<｜DSML｜parameter name="city" string="true">Oslo'
        '</｜DSML｜parameter>\n<｜DSML｜parameter name="days" string="false">2</｜DSML｜parameter>\n</｜DSML｜invoke>\n'
        "</｜DSML｜tool_calls>",
        _OSLO,
    ),
    _written(
        f"{_HUGGING_FACE}/zai-org/GLM-4.7/blob/main/chat_template.jinja",
        "zai",
        "glm-4.7",
        "https://api.z.ai/api/paas/v4/chat/completions",
        "<tool_call>weather<arg_key>city</arg_key><arg_value>Oslo</arg_value><arg_key>days</arg_key>"
        "<arg_value>2</arg_value></tool_call>",
        _OSLO,
    ),
    _written(
        "https://github.com/MoonshotAI/Kimi-K2/blob/main/docs/tool_call_guidance.md",
        "moonshot",
        "kimi-k2-0905-preview",
        "https://api.moonshot.ai/v1/chat/completions",
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>"
        '{"city": "Oslo", "days": 2}<|tool_call_end|><|tool_calls_section_end|>',
        _OSLO,
    ),
]
