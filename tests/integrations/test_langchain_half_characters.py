"""Arguments that come in pieces hold the characters that they hold when they come whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("langchain_core")

from stepwell.integrations.langchain.chunks import ChunkWriter
from stepwell.schemas.chunks import ToolCallDelta, ToolCallEnd, ToolCallStart
from stepwell.schemas.parts import ToolCall

PIECES = st.lists(st.sampled_from(["\\ud83d", "\\ude00", "\\\\", "\\n", "a", "\\u00e9", "ud83d"]), max_size=6)


@given(PIECES, st.integers(1, 5))
def test_halves_of_characters_in_arguments_become_what_they_are_when_whole(pieces: list[str], size: int) -> None:
    arguments = '{"s": "' + "".join(pieces) + '"}'
    writer = ChunkWriter()
    deltas = [ToolCallDelta(index=0, arguments_json=arguments[at : at + size]) for at in range(0, len(arguments), size)]
    text = ""
    for chunk in [ToolCallStart(index=0, id="c", name="f"), *deltas, ToolCallEnd(index=0)]:
        if written := writer.feed(chunk):
            text += "".join(each["args"] or "" for each in written.message.tool_call_chunks)  # type: ignore[attr-defined]
    assert json.loads(text) == ToolCall("c", "f", arguments).arguments
