"""The table of the forms in which models write tool calls as text.

From the parsers and chat templates of the servers that know them:
https://docs.vllm.ai/en/latest/features/tool_calling, https://docs.sglang.io/advanced_features/tool_parser.html,
https://github.com/ggml-org/llama.cpp/blob/master/docs/function-calling.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from attrs import frozen

from ...schemas.errors import InvalidOption
from ...schemas.nearest import nearest
from .readers import (
    Read,
    read_bare_keys,
    read_channel,
    read_functions,
    read_invokes,
    read_invokes_or_python,
    read_json_by_names,
    read_json_calls,
    read_json_or_python,
    read_marked,
    read_python,
    read_section,
    read_separated,
    read_tagged,
)


@frozen
class TextForm:
    """A way of writing tool calls."""

    opens: tuple[str, ...]
    """marks, one of which begins a block of calls"""
    closes: tuple[str, ...]
    """marks that end it; without them, or until then, the block goes on to the end of the text"""
    read: Read
    keeps_marks: bool = False
    """whether the marks are a part of what the reader reads"""
    begins: re.Pattern[str] | None = None
    """in place of marks: how an answer begins that is nothing but calls, all of tools that were offered"""


_JSON_CALL = re.compile(
    r"\s*(?:```(?:json)?\s*)?\[?\s*\{\s*\"(?:name|tool|tool_name|action|function|type)\"\s*:", re.ASCII
)
_PYTHON_CALL = re.compile(r"\s*\[\s*[A-Za-z_][\w.]{0,63}\(", re.ASCII)

# https://huggingface.co/deepseek-ai/DeepSeek-V4-Pro/blob/main/encoding/README.md, https://docs.vllm.ai/en/latest/api/vllm/parser
_DSML = ("｜DSML｜function_calls", "｜DSML｜tool_calls", "｜DSML｜ calls")

FORMS: Mapping[str, TextForm] = {
    # Hermes, Qwen (JSON); Qwen3-Coder (<function=...> inside); GLM (keys and values inside)
    "tool_call": TextForm(("<tool_call>",), ("</tool_call>",), read_tagged),
    "function": TextForm(("<function=",), ("</function>",), read_functions, keeps_marks=True),
    # Claude's older form, Olmo 3 (Python inside), MiniMax M2, DeepSeek V3.2, V4 and V4.1 (whose marks hold ｜DSML｜)
    "invoke": TextForm(
        ("<function_calls>", "<minimax:tool_call>", *(f"<{mark}>" for mark in _DSML)),
        ("</function_calls>", "</minimax:tool_call>", *(f"</{mark}>" for mark in _DSML)),
        read_invokes_or_python,
    ),
    "bare_invoke": TextForm(("<invoke name=",), ("</invoke>",), read_invokes, keeps_marks=True),
    "seed": TextForm(("<seed:tool_call>",), ("</seed:tool_call>",), read_functions),
    # DeepSeek V3, R1 and V3.1
    "separated": TextForm(("<｜tool▁calls▁begin｜>",), ("<｜tool▁calls▁end｜>",), read_separated),
    # Kimi K2
    "section": TextForm(("<|tool_calls_section_begin|>",), ("<|tool_calls_section_end|>",), read_section),
    # Mistral
    "marked": TextForm(("[TOOL_CALLS]",), ("</s>",), read_marked),
    # Llama 3, Llama 4
    "python_tag": TextForm(("<|python_tag|>",), ("<|eom_id|>", "<|eot_id|>"), read_json_or_python),
    "python_block": TextForm(("<|python_start|>",), ("<|python_end|>",), read_python),
    # LFM2
    "liquid": TextForm(("<|tool_call_start|>",), ("<|tool_call_end|>",), read_json_or_python),
    # gpt-oss
    "channel": TextForm(
        ("<|channel|>commentary to=", "<|start|>assistant<|channel|>commentary to=", "<|start|>assistant to="),
        ("<|call|>",),
        read_channel,
        keeps_marks=True,
    ),
    # Gemma 4 and FunctionGemma: https://docs.vllm.ai/en/latest/api/vllm/tool_parsers/gemma4_utils,
    # https://ai.google.dev/gemma/docs/functiongemma/formatting-and-best-practices
    "gemma": TextForm(
        ("<|tool_call>", "<start_function_call>"), ("<tool_call|>", "<end_function_call>"), read_bare_keys
    ),
    # Apertus: https://github.com/swiss-ai/apertus_format/blob/main/docs/format.md
    "apertus": TextForm(("<|tools_prefix|>",), ("<|tools_suffix|>",), read_json_by_names),
    # Step 3: https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/function_call/step3_detector.py
    "step": TextForm(("<｜tool_calls_begin｜>",), ("<｜tool_calls_end｜>",), read_invokes),
    # Nemotron, Jamba, Granite and Phi, Command R, InternLM
    "list": TextForm(
        ("<TOOLCALL>", "<tool_calls>", "<|tool_call|>", "<|START_ACTION|>", "<|action_start|><|plugin|>"),
        ("</TOOLCALL>", "</tool_calls>", "<|/tool_call|>", "<|END_ACTION|>", "<|action_end|>"),
        read_json_calls,
    ),
    "json": TextForm((), (), read_json_calls, begins=_JSON_CALL),
    "python": TextForm((), (), read_python, begins=_PYTHON_CALL),
}

MARKED = tuple(name for name, form in FORMS.items() if form.opens)
"""The forms that begin with a mark, which ordinary text does not hold."""


class KnownForms:
    """Some of the forms, with what finds them in text.

    names: the names of the forms; without any, all that begin with a mark.

    Raises InvalidOption for another name.
    """

    def __init__(self, *names: str) -> None:
        for name in names:
            if name not in FORMS:
                raise InvalidOption(f"no form of tool calls is named {name!r}", hint=nearest(name, FORMS))
        forms = [FORMS[name] for name in names or MARKED]
        self.by_mark = {mark: form for form in forms for mark in form.opens}
        """the forms by their opening marks"""
        self.opening = re.compile("|".join(map(re.escape, self.by_mark)) or _NOTHING)
        """finds an opening mark"""
        self.half_opening = re.compile("|".join(sorted(map(_begun, self.by_mark))) or _NOTHING)
        """finds the beginning of an opening mark at the end of a text"""
        self.longest = max((len(mark) for form in forms for mark in (*form.opens, *form.closes)), default=1)
        """the characters of the longest mark"""
        self.beginnings = tuple((form.begins, form) for form in forms if form.begins is not None)
        """the forms without marks"""

        starts = [f"\\A(?:{begins.pattern})" for begins, _ in self.beginnings]
        self.anywhere = re.compile("|".join((*map(re.escape, self.by_mark), *starts)) or _NOTHING, re.ASCII)
        """finds where a block of calls may begin"""


@lru_cache(100)
def known_forms(*names: str) -> KnownForms:
    """Return these forms, made once for all models of a family."""
    return KnownForms(*names)


_NOTHING = r"(?!)"


def _begun(mark: str) -> str:
    """Return an expression for each beginning of the mark, at the end of a text: `<(?:t(?:o)?)?\\Z`."""
    nested = ""
    for character in reversed(mark[1:-1]):
        nested = f"(?:{re.escape(character)}{nested})?"
    return f"{re.escape(mark[0])}{nested}\\Z"
