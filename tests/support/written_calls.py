"""What each family of models writes as calls, and an answer that is read in pieces."""

from __future__ import annotations

from typing import Any

import stepwell
from stepwell.providers.text_calls.forms import FORMS, KnownForms
from stepwell.providers.text_calls.stage import TextCalls
from stepwell.schemas.chunks import Finish, TextDelta
from stepwell.schemas.fold import fold


@stepwell.tool
def search(query: str, limit: int | None = None, tags: list[str] | None = None) -> str:
    """Search for something."""
    return f"found {query}"


# What each family writes, from the chat templates of its models: two calls where a block may hold two.
WRITTEN: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "hermes": (
        '<tool_call>\n{"name": "search", "arguments": {"query": "a > b </b>", "limit": 2}}\n</tool_call>\n'
        '<tool_call>\n{"name": "search", "arguments": {"query": "</tool_call>"}}\n</tool_call>',
        [{"query": "a > b </b>", "limit": 2}, {"query": "</tool_call>"}],
    ),
    "qwen3-coder": (
        "<tool_call>\n<function=search>\n<parameter=query>\n12\nlines\n</parameter>\n<parameter=limit>\n3\n</parameter>\n"
        '<parameter=tags>\n["x", "y"]\n</parameter>\n</function>\n</tool_call>',
        [{"query": "12\nlines", "limit": 3, "tags": ["x", "y"]}],
    ),
    "function": ('<function=search>{"query": "x"}</function>', [{"query": "x"}]),
    "invoke": (
        '<function_calls>\n<invoke name="search">\n<parameter name="query">7</parameter>\n'
        '<parameter name="limit">7</parameter>\n</invoke>\n<invoke name="search"><parameter name="query">y</parameter>'
        "</invoke>\n</function_calls>",
        [{"query": "7", "limit": 7}, {"query": "y"}],
    ),
    "olmo": (
        '<function_calls>\nsearch(query="x", limit=null)\nsearch(query="y")\n</function_calls>',
        [{"query": "x", "limit": None}, {"query": "y"}],
    ),
    "lfm": (
        '<|tool_call_start|>[search(query="x", limit=2), search(query="y")]<|tool_call_end|>',
        [{"query": "x", "limit": 2}, {"query": "y"}],
    ),
    "bare invoke": ('<invoke name="search"><parameter name="query">x</parameter></invoke>', [{"query": "x"}]),
    "minimax": (
        '<minimax:tool_call>\n<invoke name="search">\n<parameter name="query">x</parameter>\n</invoke>\n'
        "</minimax:tool_call>",
        [{"query": "x"}],
    ),
    "deepseek 3.2": (
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="search">\n<｜DSML｜parameter name="query" string="true">x'
        '</｜DSML｜parameter>\n<｜DSML｜parameter name="limit" string="false">5</｜DSML｜parameter>\n</｜DSML｜invoke>'
        "\n"
        "</｜DSML｜function_calls>",
        [{"query": "x", "limit": 5}],
    ),
    "deepseek 4.1": (
        '<｜DSML｜ calls>\n<｜DSML｜ invoke name="search">\n<｜DSML｜ parameter name="query" string="true">x'
        '</｜DSML｜ parameter>\n<｜DSML｜ parameter name="limit" string="false">5</｜DSML｜ parameter>\n'
        "</｜DSML｜ invoke>\n</｜DSML｜ calls>",
        [{"query": "x", "limit": 5}],
    ),
    "deepseek 3": (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>search\n```json\n{"query": "x"}\n```'
        '<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>search\n```json\n{"query": "y"}\n```'
        "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        [{"query": "x"}, {"query": "y"}],
    ),
    "deepseek 3.1": (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>search<｜tool▁sep｜>{"query": "x"}<｜tool▁call▁end｜>'
        "<｜tool▁calls▁end｜>",
        [{"query": "x"}],
    ),
    "kimi": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.search:0<|tool_call_argument_begin|>"
        '{"query": "x"}<|tool_call_end|><|tool_call_begin|>functions.search:1<|tool_call_argument_begin|>'
        '{"query": "y"}<|tool_call_end|><|tool_calls_section_end|>',
        [{"query": "x"}, {"query": "y"}],
    ),
    "glm": (
        "<tool_call>search\n<arg_key>query</arg_key>\n<arg_value>8</arg_value>\n<arg_key>limit</arg_key>\n"
        "<arg_value>8</arg_value>\n</tool_call>",
        [{"query": "8", "limit": 8}],
    ),
    "mistral": ('[TOOL_CALLS] [{"name": "search", "arguments": {"query": "x"}}]', [{"query": "x"}]),
    "mistral 11": (
        '[TOOL_CALLS]search[ARGS]{"query": "x"}[TOOL_CALLS]search[ARGS]{"query": "[y]"}',
        [{"query": "x"}, {"query": "[y]"}],
    ),
    "llama 3.1": (
        '<|python_tag|>{"name": "search", "parameters": {"query": "x"}}; {"name": "search", "parameters": '
        '{"query": "y"}}<|eom_id|>',
        [{"query": "x"}, {"query": "y"}],
    ),
    "python tag": ('<|python_tag|>search.call(query="x", tags=["a", "b"])', [{"query": "x", "tags": ["a", "b"]}]),
    "llama 4": (
        '<|python_start|>[search(query="x", limit=3), search("y", tags=null)]<|python_end|>',
        [{"query": "x", "limit": 3}, {"query": "y", "tags": None}],
    ),
    "invoke, marks in an argument": (
        '<function_calls>\n<invoke name="search">\n<parameter name="query">a </invoke> b </parameter> c</parameter>\n'
        "</invoke>\n</function_calls>",
        [{"query": "a </invoke> b </parameter> c"}],
    ),
    "gpt-oss after its thinking": (
        '<|start|>assistant<|channel|>commentary to=functions.search<|constrain|>json<|message|>{"query": "x"}<|call|>',
        [{"query": "x"}],
    ),
    "qwen3-coder, marks in an argument": (
        "<tool_call>\n<function=search>\n<parameter=query>\na </function> b </parameter> </tool_call> c\n</parameter>\n"
        "</function>\n</tool_call>",
        [{"query": "a </function> b </parameter> </tool_call> c"}],
    ),
    "gpt-oss": (
        '<|channel|>commentary to=functions.search <|constrain|>json<|message|>{"query": "x"}<|call|>',
        [{"query": "x"}],
    ),
    "nemotron": ('<TOOLCALL>[{"name": "search", "arguments": {"query": "x"}}]</TOOLCALL>', [{"query": "x"}]),
    "command r": (
        '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "search", "parameters": {"query": "x"}}]<|END_ACTION|>',
        [{"query": "x"}],
    ),
    "seed": (
        "<seed:tool_call><function=search><parameter=query>x</parameter></function></seed:tool_call>",
        [{"query": "x"}],
    ),
    "gemma 4": (
        '<|tool_call>call:search{limit:2,query:<|"|>a "b", {c: <tool_call|>} d<|"|>,tags:[<|"|>x<|"|>,<|"|>y: z<|"|>]}'
        "<tool_call|>",
        [{"limit": 2, "query": 'a "b", {c: <tool_call|>} d', "tags": ["x", "y: z"]}],
    ),
    "gemma 4, nested": (
        '<|tool_call>call:search{query:{at:{n:-1.5,ok:true,no:null},on:[{k:<|"|><|"|>}]}}<tool_call|>'
        '<|tool_call>call:search{query:"a: b, c",limit:7}<tool_call|><|tool_call>call:search{}<tool_call|>',
        [
            {"query": {"at": {"n": -1.5, "ok": True, "no": None}, "on": [{"k": ""}]}},
            {"query": "a: b, c", "limit": 7},
            {},
        ],
    ),
    "functiongemma": (
        "<start_function_call>call:search{query:<escape>it's <b>\n12<escape>,limit:3}<end_function_call>"
        "<start_function_call>call:search{query:Rome and Paris}<end_function_call>",
        [{"query": "it's <b>\n12", "limit": 3}, {"query": "Rome and Paris"}],
    ),
    "apertus": (
        '<|tools_prefix|>[{"search": {"query": "x", "limit": 2}}, {"search": {"query": "<|tools_suffix|>"}}]'
        "<|tools_suffix|>",
        [{"query": "x", "limit": 2}, {"query": "<|tools_suffix|>"}],
    ),
    "step 3": (
        '<｜tool_calls_begin｜>\n<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="search">\n'
        '<steptml:parameter name="query">if a < b</steptml:parameter>\n<steptml:parameter name="limit">3'
        "</steptml:parameter>\n</steptml:invoke><｜tool_call_end｜>\n<｜tool_call_begin｜>function<｜tool_sep｜>"
        '<steptml:invoke name="search"><steptml:parameter name="query">y</steptml:parameter></steptml:invoke>'
        "<｜tool_call_end｜>\n<｜tool_calls_end｜>",
        [{"query": "if a < b", "limit": 3}, {"query": "y"}],
    ),
    "json": ('```json\n{"name": "search", "parameters": {"query": "x"}}\n```', [{"query": "x"}]),
    "python": ('[search(query="x"), search(query="y")]', [{"query": "x"}, {"query": "y"}]),
}
ALL = KnownForms(*FORMS)


def streamed(pieces: list[str], reason: str = "stop") -> tuple[stepwell.Reply, list[Any]]:
    """Return the reply and the chunks of an answer that came in these pieces of text."""
    ids = iter(range(1000))
    stage = TextCalls(ALL, [search], lambda: str(next(ids)))
    chunks = [chunk for piece in pieces for chunk in stage.feed([TextDelta(piece)])]
    chunks += [*stage.feed([Finish(reason)]), *stage.flush()]
    return fold(chunks), chunks
