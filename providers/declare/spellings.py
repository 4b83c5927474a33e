"""Recognise options by the names that other libraries and vendors give them."""

from __future__ import annotations

from collections.abc import Mapping

from ...schemas.nearest import nearest
from ...schemas.options import CALL_OPTIONS, Option


def suggest_option(name: str, table: Mapping[str, Option]) -> str:
    """Return a hint for an option that the table does not have.

    It names the option that others call by this name, or what to use in its place, else the nearest known name.
    """
    if name in _INSTEAD:
        return _INSTEAD[name]
    synonyms = [
        each
        for each in _OTHER_SPELLINGS.get(name.replace("_", "").lower(), ())
        if each in table or each in CALL_OPTIONS
    ]
    return f"did you mean {' or '.join(map(repr, synonyms))}?" if synonyms else nearest(name, table)


_INSTEAD: Mapping[str, str] = {
    "stream": "call stream_text(...), which gives a stream",
    "messages": "pass the conversation as the prompt",
    "response_model": "call generate_object(model, prompt, schema)",
}
_OTHER_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("stopsequences", "stopsequence", "stopwords"), ("stop",)),
    **dict.fromkeys(
        ("maxoutputtokens", "maxcompletiontokens", "maxnewtokens", "maxlength", "numpredict", "npredict"),
        ("max_tokens",),
    ),
    **dict.fromkeys(("thinking", "reasoning", "think", "thinkingconfig"), ("reasoning_effort", "reasoning_budget")),
    **dict.fromkeys(("thinkingbudget", "budgettokens", "reasoningmaxtokens"), ("reasoning_budget",)),
    **dict.fromkeys(("systemprompt", "systeminstruction", "systemmessage", "instructions"), ("system",)),
    **dict.fromkeys(("functions", "tool", "toolconfig"), ("tools",)),
    **dict.fromkeys(("functioncall",), ("tool_choice",)),
    **dict.fromkeys(
        ("responseschema", "jsonschema", "schema", "responsemimetype", "outputschema"), ("response_format",)
    ),
    **dict.fromkeys(("numcompletions", "candidatecount", "bestof"), ("n",)),
    **dict.fromkeys(("randomseed",), ("seed",)),
    **dict.fromkeys(("maxretries", "numretries"), ("retries",)),
    **dict.fromkeys(("apibase", "baseurl", "endpoint"), ("base_url",)),
    **dict.fromkeys(("key", "token"), ("api_key",)),
    **dict.fromkeys(("extraheaders", "defaultheaders"), ("headers",)),
    **dict.fromkeys(("extrabody", "modelkwargs", "additionalmodelrequestfields"), ("provider_options",)),
    **dict.fromkeys(("requesttimeout",), ("timeout",)),
}
"""Our options by what others call them, in lower case and without underscores."""
