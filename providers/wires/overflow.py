"""Recognise errors about an input that is too long. Every provider words them differently.

Each pattern comes from a real error body; tests/options/overflow.json holds them, with similar errors that must not
match: limits on the answer, on tokens per minute, on bytes, characters, tools. The groups are the numbers, where the
body has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_N = r"[\d,]+"
_PATTERNS = tuple(
    re.compile(pattern.replace("<max>", f"(?P<max>{_N})").replace("<requested>", f"(?P<requested>{_N})"), re.I | re.S)
    for pattern in (
        # OpenAI (embeddings too) and those that copied it: DeepSeek, vLLM, OpenRouter, ...
        r"maximum context length is <max> tokens.{0,160}?for a total of at least <requested>",
        r"maximum context length (?:is|of) <max> tokens"
        r".{0,80}?(?:you requested|a total of|resulted in|has|contains)\D{0,40}<requested>",
        r"maximum context length(?: is|:| of)? <max>",
        r"input tokens exceed the configured limit of <max> tokens.{0,60}?resulted in <requested>",
        r"input tokens exceed the configured limit of <max>",
        r"maximum input length is <max> tokens",
        r"passed <requested> input tokens.{0,80}?context length is only <max>",
        r"reduce the length of the (?:messages|input|prompt).{0,40}?length is <requested> while limit is <max>",
        r"reduce the length of the (?:messages|input|prompt)",
        # Anthropic, and Claude on Bedrock and Vertex AI
        r"prompt is too long: <requested> tokens > <max>",
        r"input length and `?max_tokens`? exceed context limit: <requested> \+ [\d,]+ > <max>",
        r"prompt is too long",
        r"input is too long for (?:the )?requested model",
        # Google
        r"input token count is <requested> but (?:the )?model only supports up to <max>",
        r"input token count(?: \(?<requested>\)?)? exceeds the maximum number of tokens allowed \(?<max>",
        # Local servers: llama.cpp, Ollama, LM Studio, SGLang, text-generation-inference
        r"request \(<requested> tokens\) exceeds the available context size \(<max>",
        r"requested tokens \(<requested>\) exceeds? (?:the )?context window of <max>",
        r"prompt (?:is longer than the|too long; exceeded max) context length",
        r"keep the first <requested> tokens.{0,120}?context length of only <max>",
        r"input \(<requested> tokens\) is too (?:large to process|long).{0,80}?batch size: <max>",
        r"context (?:size|length|window) (?:has been |is )?exceed(?:ed|s)",
        r"input length \(?<requested>(?: tokens)?\)? exceeds the maximum (?:allowed )?length \(?<max>",
        r"input \(<requested> tokens\) is longer than the model's context length \(<max>",
        r"input length <requested> exceeds context length <max>",
        r"`?inputs`? tokens \+ `?max_new_tokens`? must be <= <max>\. given: <requested>",
        r"`?inputs`? must have less than <max> tokens\. given: <requested>",
        r"greater than the context length \(n_keep: <requested> ?>= ?n_ctx: <max>",
        r"n_keep \(<requested>\) >= n_ctx \(<max>",
        r"prompt \(length <requested>\) is longer than the maximum model length of <max>",
        # Bedrock's own models, Cloudflare
        r"too many input tokens\. max input tokens: <max>(?:,? request input token count: <requested>)?",
        r"number of input tokens exceeds (?:the )?maximum length",
        r"(?:tokens \(<requested>\) )?exceeded this model context window limit(?: \(<max>)?",
        # xAI, Mistral, Cohere, Moonshot, GitHub, Alibaba, SiliconFlow, Z.ai, Volcengine
        r"maximum prompt length is <max> but the request contains <requested>",
        r"prompt contains <requested> tokens.{0,60}?too large for model with <max>",
        r"too large for model with <max> maximum context length",
        r"too many tokens: total number of tokens.{0,40}?cannot exceed <max> - received <requested>",
        r"too many tokens: (?:total )?(?:size limit|max tokens)?"
        r".{0,60}?(?:exceeded|must be less than) ?(?:by|than)? ?(?:<max>)?",
        r"exceeded model token limit: <max> \(requested: <requested>",
        r"prompt token count of <requested> exceeds the limit of <max>",
        r"range of input length should be \[\d+, <max>\]",
        r"number of input tokens \(<requested>\) has exceeded max_prompt_tokens \(<max>",
        r"request body too large for .{0,80}?max size: <max> tokens",
        r"prompt (?:exceeds max length|too long|超长)",
        r"input length of \w+ is `?<requested>`? and exceeds? max_sequence_length: `?<max>",
        # Others
        r"exceeds? (?:the )?(?:available )?context (?:size|window|length)",
        r"exceed(?:s|ed)?(?: the)? (?:model'?s? )?(?:maximum )?context (?:length|window)(?: of <max>)?",
        r"total number of tokens(?! per).{0,40}exceeds the (?:maximum|limit)(?: of)? ?(?:<max>)?",
        r"length of all messages is too long",
        r"input (?:length|tokens) \(?<requested>\)?.{0,40}exceeds.{0,40}?<max>",
    )
)
# 502: gateways answer it when the provider behind them has refused the request.
_STATUSES = frozenset((None, 200, 400, 413, 422, 429, 500, 502))
_FIELDS: Mapping[str, str] = {"n_prompt_tokens": "requested_tokens", "n_ctx": "max_tokens"}
"""Where llama.cpp has the numbers: https://github.com/ggml-org/llama.cpp/pull/15780"""


def overflow_in(status: int | None, message: str, error: object) -> dict[str, int] | None:
    """Find the numbers of an overflow, as ContextOverflow's fields (those that the body has); None for any other error.

    status: the HTTP status; None inside a stream
    message: the error's message
    error: the parsed error object, or its text
    """
    if status not in _STATUSES:
        return None
    found = [_numbers(match) for pattern in _PATTERNS if (match := pattern.search(message))]
    if not found:
        return None
    fields = error if isinstance(error, Mapping) else {}
    counts = {name: fields[key] for key, name in _FIELDS.items() if isinstance(fields.get(key), int)}
    # Several patterns may match; the one with the most numbers is the one made for this body.
    most: dict[str, int] = max(found, key=len)
    return {**most, **counts}


def _numbers(match: re.Match[str]) -> dict[str, int]:
    names = {"requested": "requested_tokens", "max": "max_tokens"}
    return {names[name]: int(text.replace(",", "")) for name, text in match.groupdict().items() if text}
