"""What holds for a family of models wherever it is served: found by the family's name within a model's id.

Gateways and clouds write the ids in their own ways: anthropic/claude-opus-4.6, us.anthropic.claude-opus-4-6-v1,
databricks-claude-opus-4-6, claude-4.6-opus.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from ...model_metadata.ids import find_family
from ..declare.patterns import matching
from ..declare.resolve import Family
from ..declare.server_tools import kinds_asked
from ..declare.wire import Wire
from ..text_calls.models import forms_of_model

_MODULES = {
    "claude": "claude_options",
    "gemini": "gemini_options",
    "grok": "grok_options",
    **dict.fromkeys(("gpt", "chatgpt", "o1", "o3", "o4"), "openai_options"),
}
"""The module with the tables of each family."""
_SPELLINGS = (
    (re.compile(r"^claude-(\d)(?:[.-](\d))?-(opus|sonnet|haiku)"), r"claude-\3-\1-\2"),
    (re.compile(r"^claude-(opus|sonnet|haiku)-?(\d)[.-](\d)(?!\d)"), r"claude-\1-\2-\3"),
    (re.compile(r"^(gpt|gemini)-(\d)-(\d)(?!\d)"), r"\1-\2.\3"),
)


@lru_cache(1000)
def family_id(model_id: str) -> str:
    """Return the id from the family's name on, as its vendor writes it; "" for a family without a table."""
    id = model_id.lower()
    found = find_family(id)
    if found is None or found[1] not in _MODULES:
        return ""
    id = id[found.start(1) :]
    for pattern, spelt in _SPELLINGS:
        id = pattern.sub(spelt, id)
    return id


def _tables_of(id: str) -> Any:
    name = find_family(id)
    return import_module(f".{_MODULES[name[1]]}", __package__) if name else None


def facts_of_family(model_id: str, wire: Wire) -> Family | None:
    """Return the facts of a model's family for a wire; None for a family that has none."""
    if wire.operation != "chat":
        return None
    if not (id := family_id(model_id)):
        return Family(text_calls=forms) if (forms := forms_of_model(model_id)) else None
    tables = _tables_of(id)
    native = (wire.history_format or wire.name) in tables.FORMATS
    rules = next(matching(tables.NATIVE if native else tables.OTHER_FORMATS, id), ())
    return Family(tuple(rules), next(matching(tables.NATIVE_FITS if native else tables.FITS, id), None))


def needed_wire(
    wires: Iterable[Wire], wire: Wire, provider: str, model_id: str, is_own: Callable[[object], bool]
) -> Callable[[Mapping[str, object], object], str | None] | None:
    """Return a function from the options and the tools of a call to the name of the wire that it needs: for its tools,
    or to go on with a conversation that the provider keeps.

    The function returns None where the usual wire will do. None in its place: the usual wire always does.

    wires: those of the provider.
    wire: the usual one.
    provider: the provider's id.
    model_id: the model.
    is_own: whether an address is the provider's own (None: that of the call). Another server may not have that wire.
    """
    id = family_id(model_id) if wire.operation == "chat" else ""
    tables = _tables_of(id) if id else None
    other, models = getattr(tables, "WIRE_WITH_TOOLS", ("", {}))
    offered = any(each.name == other and not each.by_name_only for each in wires)
    needs = next(matching(models, id), None) if wire.name != other and offered else None
    able = [each for each in reversed(list(wires)) if each.operation == wire.operation]
    hosted = {kind: each.name for each in able for kind in each.server_tools if kind not in wire.server_tools}
    kept = {name: each.name for each in able for name in each.conversation_id_options - wire.conversation_id_options}
    if needs is None and not hosted and not kept:
        return None

    def find(options: Mapping[str, object], tools: object) -> str | None:
        extra = options.get("provider_options") if kept else None
        if not tools and not extra and kept.keys().isdisjoint(options):
            return None
        if not is_own(options.get("base_url")):
            return None
        given = [options]
        if isinstance(extra, Mapping):
            given += [each for each in (extra, extra.get(provider)) if isinstance(each, Mapping)]
        names = [name for each in given for name, value in each.items() if name in kept and value is not None]
        if names or not tools:
            return kept[names[0]] if names else None
        name = next((hosted[kind] for kind in kinds_asked(tools) if kind in hosted), None)
        return name or (other if needs is not None and needs(options) else None)

    return find
