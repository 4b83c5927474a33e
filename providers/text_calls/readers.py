"""Read the calls out of a block of text: one function for each way of writing them.

A reader gets the block without its marks, the tools, and whether the closing mark was there. It returns the calls in
their order; None for a block in which one is not whole or is written in no known way.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ...schemas.errors import DecodeError
from ...schemas.json_schema.partial import PartialJSON
from ...schemas.json_text import spaced
from ...schemas.lines import LINE_END
from ...schemas.tool import Tool
from .arguments import named_call, read_arguments

Tools = Mapping[str, Tool]


class WrittenCall(NamedTuple):
    """A call as a model wrote it."""

    name: str
    arguments_json: str
    id: str = ""
    """the model's own id for it; "" for none"""


Read = Callable[[str, Tools, bool], "list[WrittenCall] | None"]

_FENCE = re.compile(r"\A```\w*\s*|\s*```\s*\Z")
_BETWEEN = re.compile(r"[\s;,]*")
_MOST_NESTED = 50
_LONGEST_CODE = 100_000


def read_json_calls(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read objects with a name and arguments: one, a list, or several after each other."""
    text = _FENCE.sub("", text.strip())
    found: list[WrittenCall] = []
    at = 0
    while at < len(text):
        reader = PartialJSON(loose=True, followed=True)
        try:
            value, end = reader.finish(text[at:]), at + reader.end
        except DecodeError:
            # Perhaps all of the text is one object with faults that `read_arguments` knows.
            if found or (whole := read_arguments(text, {})) is None:
                return None
            value, end = PartialJSON().finish(whole), len(text)
        calls = [named_call(each) for each in (value if isinstance(value, list) else [value])]
        found += [WrittenCall(*_with_arguments(call)) for call in calls if call is not None]
        if not found or None in calls:
            return None
        at = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]
    return found or None


def _with_arguments(call: tuple[str, str]) -> tuple[str, str]:
    """Return the name and the arguments of a call, "{}" for none."""
    return call[0], call[1] or "{}"


def read_json_by_names(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read a list of objects whose key is a tool's name, with its arguments as the value; or as `read_json_calls`."""
    try:
        value = PartialJSON(loose=True).finish(text)
    except DecodeError:
        return None
    found: list[WrittenCall] = []
    for each in value if isinstance(value, list) else [value]:
        for name, arguments in each.items() if isinstance(each, dict) else [("", None)]:
            if not isinstance(arguments, dict) or not _NAME.fullmatch(name):
                return read_json_calls(text, tools, closed)
            found.append(WrittenCall(name, spaced(arguments)))
    return found or None


_NAME = re.compile(r"[\w.:/-]{1,128}")
_BARE_CALL = re.compile(r"\s*call:\s*([\w.:/-]{1,128})\s*(?:\{(.*)\}|\((.*)\))\s*\Z", re.S)
_QUOTE_MARK = re.compile(r'<\|"\|>|<escape>')
_BARE = re.compile(
    r"""(?P<text>"(?:[^"\\]++|\\.)*+"?)|(?P<key>[A-Za-z_$][\w.$-]*+)(?=\s*:)|(?P<word>[^\s"{}\[\],:][^"{}\[\],]*+)""",
    re.S,
)
_IS_JSON = re.compile(r"\s*(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*")


def read_bare_keys(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read `call:name{key:value,...}`: keys without quotes, texts between marks, all else as in JSON."""
    call = _BARE_CALL.match(text)
    if call is None:
        return None
    # Between two marks stands a text, so that every second piece is one.
    pieces = _QUOTE_MARK.split(call[2] or call[3] or "")
    if len(pieces) % 2 == 0:
        return None  # a text without an end
    written = [spaced(each) if at % 2 else _BARE.sub(_as_json, each) for at, each in enumerate(pieces)]
    try:
        arguments = PartialJSON(loose=True).finish(f"{{{''.join(written)}}}")
    except DecodeError:
        return None
    return [WrittenCall(call[1], spaced(arguments))]


def _as_json(found: re.Match[str]) -> str:
    if found["text"] or (found["word"] and _IS_JSON.fullmatch(found["word"])):
        return found[0]
    return spaced(found[0].strip())


# A closing mark ends something only where nothing follows it that an argument might go on with.
_FUNCTION = re.compile(
    r"<function(?:=| name=\"?)([\w.:/-]{1,128})\"?>(.*?)"
    r"(</function>(?=\s*(?:<function[= ]|\Z))|(?=<function[= ])|\Z)",
    re.S,
)
_PARAMETER = re.compile(
    r"\s*<parameter=([^>\n]{1,128})>(.*?)(?:</parameter>(?=\s*(?:<parameter=|\Z))|(?=<parameter=))\s*", re.S
)


def read_functions(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read `<function=name>`, with arguments in JSON or as `<parameter=name>value</parameter>`."""
    found: list[WrittenCall] = []
    for function in _FUNCTION.finditer(text):
        name, body = function[1], function[2]
        if "<parameter=" in body or not body.strip():
            pairs = [(pair[1].strip(), pair[2]) for pair in _PARAMETER.finditer(body)]
            if not function[3] or _PARAMETER.sub("", body).strip():
                return None
            found.append(_from_pairs(name, pairs, tools))
        elif (arguments := _object(body, bool(function[3]))) is not None:
            found.append(WrittenCall(name, arguments))
        else:
            return None
    return found or None


_INVOKE = re.compile(
    r"<(?:\w+:)?invoke name=\"?([\w.:/-]{1,128})\"?>(.*?)(</(?:\w+:)?invoke>(?=\s*(?:<(?:\w+:)?invoke |\Z))|\Z)", re.S
)
_AROUND_INVOKES = re.compile("｜DSML｜ ?|<｜tool_call_begin｜>(?:function)?(?:<｜tool_sep｜>)?|<｜tool_call_end｜>")
"""Marks of DeepSeek's and of Step 3 that say no more than the tags beside them."""
_NAMED_PARAMETER = re.compile(
    r"\s*<(?:\w+:)?parameter name=\"?([^\">\n]{1,128})\"?(?: string=\"(true|false)\")?>(.*?)"
    r"(?:</(?:\w+:)?parameter>(?=\s*(?:<(?:\w+:)?parameter |\Z))|(?=<(?:\w+:)?parameter name=))\s*",
    re.S,
)


def read_invokes(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read `<invoke name="...">` with `<parameter name="...">value</parameter>` in it."""
    found: list[WrittenCall] = []
    for invoke in _INVOKE.finditer(_AROUND_INVOKES.sub("", text)):
        if not invoke[3] or _NAMED_PARAMETER.sub("", invoke[2]).strip():
            return None
        given = list(_NAMED_PARAMETER.finditer(invoke[2]))
        strings = {each[1] for each in given if each[2] == "true"}
        found.append(_from_pairs(invoke[1], [(each[1], each[3]) for each in given], tools, strings))
    return found or None


_PAIR = re.compile(r"<arg_key>(.{1,128}?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.S)
_NAME_FIRST = re.compile(r"\s*([\w.:/-]{1,128})\s*(?=<arg_key>|\Z)")


def read_keys_and_values(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read a name, followed by `<arg_key>name</arg_key><arg_value>value</arg_value>`."""
    name = _NAME_FIRST.match(text)
    if name is None or not closed or (name[1] not in tools and "<arg_key>" not in text):
        return None
    return [_from_pairs(name[1], [(pair[1].strip(), pair[2]) for pair in _PAIR.finditer(text)], tools)]


def read_tagged(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read what stands in `<tool_call>`, in which several families write in their own ways."""
    if "<function" in text:
        return read_functions(text, tools, closed)
    if "invoke name=" in text:
        return read_invokes(text, tools, closed)
    return read_keys_and_values(text, tools, closed) or read_json_calls(text, tools, closed)


_SEPARATED = re.compile(r"\s*(?:function\s*)?<｜tool▁sep｜>\s*([\w.:/-]{1,128})\s*(.*)\Z", re.S)
_NAME_BEFORE = re.compile(r"\s*([\w.:/-]{1,128})\s*<｜tool▁sep｜>(.*)\Z", re.S)


def read_separated(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read `function<｜tool▁sep｜>name` and JSON in a code fence, or `name<｜tool▁sep｜>` and JSON."""
    written: list[tuple[str, str | None, str]] = []
    for each in text.split("<｜tool▁call▁begin｜>")[1:]:
        body, ended, _ = each.partition("<｜tool▁call▁end｜>")
        parts = _SEPARATED.match(body) or _NAME_BEFORE.match(body)
        written.append((parts[1], _object(parts[2], bool(ended)), "") if parts else ("", None, ""))
    return _if_all_whole(written)


_SECTION = re.compile(
    r"<\|tool_call_begin\|>\s*((?:functions\.)?([\w./-]{1,128}?)(?::\d{1,6})?)\s*"
    r"<\|tool_call_argument_begin\|>(.*?)(?:<\|tool_call_end\|>|\Z)",
    re.S,
)


def read_section(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read `<|tool_call_begin|>functions.name:0<|tool_call_argument_begin|>` and JSON."""
    return _if_all_whole((call[2], _object(call[3], closed), call[1]) for call in _SECTION.finditer(text))


_NAME_AND_JSON = re.compile(r"\s*([\w.:/-]{1,128})\s*(?:\[CALL_ID\](\w{1,64}))?\s*(?:\[ARGS\])?\s*(?=\{)")


def read_marked(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read, after `[TOOL_CALLS]`, a list of JSON, or `name[ARGS]{...}` for each call."""
    if text.lstrip()[:1] in ("[", "{"):
        return read_json_calls(text.replace("[TOOL_CALLS]", ""), tools)
    written: list[tuple[str, str | None, str]] = []
    for each in text.split("[TOOL_CALLS]"):
        head = _NAME_AND_JSON.match(each)
        written.append((head[1], _object(each[head.end() :], closed), head[2] or "") if head else ("", None, ""))
    return _if_all_whole(written)


_CHANNEL = re.compile(
    r"to=functions\.([\w./-]{1,128})[^{]{0,200}?<\|message\|>(.*?)(?=<\|call\|>|<\|start\|>|<\|channel\|>|\Z)", re.S
)


def read_channel(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read `to=functions.name ...<|message|>` and JSON."""
    return _if_all_whole((call[1], _object(call[2], closed), "") for call in _CHANNEL.finditer(text))


def read_python(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read calls in Python's spelling: `[search(query="x"), now()]`, `search.call(query="x")`, or one to a line."""
    text = text.strip()
    if len(text) > _LONGEST_CODE:
        return None
    if not text.startswith("["):
        text = f"[{', '.join(line.strip() for line in LINE_END.split(text) if line.strip())}]"
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = tree.elts if isinstance(tree, ast.List) else []
    found = [_python_call(each, tools) for each in calls]
    return None if not found or None in found else [call for call in found if call]


def read_invokes_or_python(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read `<invoke name="...">`, or else calls in Python's spelling, which Olmo writes into the same marks."""
    return read_invokes(text, tools, closed) or read_python(text, tools, closed)


def read_json_or_python(text: str, tools: Tools, closed: bool = True) -> list[WrittenCall] | None:
    """Read JSON, or else calls in Python's spelling."""
    return read_json_calls(text, tools, closed) or read_python(text, tools, closed)


def _python_call(node: ast.expr, tools: Tools) -> WrittenCall | None:
    """Read a call such as `weather("Rome", unit="C")`; return None for any other expression."""
    if not isinstance(node, ast.Call):
        return None
    name = ast.unparse(node.func).removesuffix(".call")
    names = list(_parameters(name, tools).get("properties", ()))
    if len(node.args) > len(names) or not re.fullmatch(r"[\w.]{1,128}", name):
        return None
    try:
        given = dict(zip(names, map(_python_value, node.args), strict=False))
        given |= {str(each.arg): _python_value(each.value) for each in node.keywords}
    except (ValueError, TypeError):
        return None
    return WrittenCall(name, spaced(given))


_WORDS = {"true": True, "false": False, "null": None}


def _python_value(node: ast.expr, depth: int = 0) -> Any:
    """Return the value of a literal. Raises ValueError for anything that would have to be run."""
    if depth > _MOST_NESTED:
        raise ValueError("nested too deeply")
    if isinstance(node, ast.List | ast.Tuple):
        return [_python_value(each, depth + 1) for each in node.elts]
    if isinstance(node, ast.Dict):
        keys = [_python_value(key, depth + 1) for key in node.keys if key is not None]
        return {str(key): _python_value(value, depth + 1) for key, value in zip(keys, node.values, strict=True)}
    if isinstance(node, ast.Name) and node.id in _WORDS:
        return _WORDS[node.id]
    value = ast.literal_eval(node)
    if isinstance(value, bytes | complex | set):
        raise ValueError("no value of JSON")
    return value


def _if_all_whole(written: Iterable[tuple[str, str | None, str]]) -> list[WrittenCall] | None:
    """Return the calls of these names, arguments and ids; None if there are none, or one has no arguments."""
    found: list[WrittenCall] = []
    for name, arguments, id in written:
        if arguments is None:
            return None
        found.append(WrittenCall(name, arguments, id))
    return found or None


def _object(text: str, closed: bool) -> str | None:
    """Return arguments as the JSON text of an object; None if it is incomplete.

    closed: whether the call has ended: no text at all is then an empty object.
    """
    if not text.strip():
        return "{}" if closed else None
    return read_arguments(text, {}) if "{" in text else None


def _parameters(name: str, tools: Tools) -> Mapping[str, Any]:
    tool = tools.get(name)
    return tool.parameters if tool is not None else {}


def _from_pairs(
    name: str, pairs: list[tuple[str, str]], tools: Tools, strings: set[str] | frozenset[str] = frozenset()
) -> WrittenCall:
    """Make a call of the names and values of its arguments, which are text where the tool says so, and else JSON.

    name: the tool's name.
    pairs: the names and the values, as written.
    tools: the tools.
    strings: the arguments that the model itself marked as text.
    """
    properties = _parameters(name, tools).get("properties", {})
    return WrittenCall(name, spaced({key: _value(text, properties.get(key), key in strings) for key, text in pairs}))


def _value(text: str, schema: object, is_text: bool) -> Any:
    """Return the value of an argument; one line end on each side belongs to the tags."""
    text = text.removeprefix("\r").removeprefix("\n").removesuffix("\n").removesuffix("\r")
    kinds = set(_kinds(schema))
    bare = {"True": "true", "False": "false", "None": "null"}.get(text.strip(), text.strip())
    if is_text or kinds == {"string"} or (kinds == {"string", "null"} and bare != "null"):
        return text
    try:
        return PartialJSON(loose=True).finish(bare)
    except DecodeError:
        return text


def _kinds(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping):
        kind = schema.get("type", ())
        yield from [kind] if isinstance(kind, str) else kind
        for each in schema.get("anyOf", ()):
            yield from _kinds(each)
