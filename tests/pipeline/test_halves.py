"""Characters split between chunks of a stream are joined within their part, whatever comes between its deltas."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.pipeline.stream.halves import Halves
from stepwell.schemas.chunks import (
    Alternative,
    Finish,
    MetadataUpdate,
    PartDone,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from stepwell.schemas.parts import Opaque

HIGH, LOW, SMILE, LOST = "\ud83d", "\ude00", "\U0001f600", "\ufffd"


def more(kind: Any, text: str, index: int = 0) -> Any:
    return kind(index, text) if kind is ToolCallDelta else kind(text, index)


@pytest.mark.parametrize("kind", [TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta])
def test_the_halves_of_one_part_are_joined_though_others_grow_between_them(kind: Any) -> None:
    halves = Halves()
    given = [more(kind, f"a{HIGH}"), more(kind, HIGH, 1), Alternative(1, more(kind, "b")), more(kind, f"{LOW}c")]
    assert halves.join(given[:2]) == [more(kind, "a")]
    assert halves.join(given[2:]) == [Alternative(1, more(kind, "b")), more(kind, f"{SMILE}c")]
    assert halves.join([more(kind, LOW, 1), Finish("stop")]) == [more(kind, SMILE, 1), Finish("stop")]


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        (TextDelta, PartEnd(0)),
        (ReasoningDelta, PartEnd(0, {"signature": "s"})),
        (ToolCallDelta, ToolCallEnd(0)),
        (TextDelta, Finish("stop")),
    ],
    ids=["text", "reasoning", "call", "finish"],
)
def test_half_of_a_character_is_replaced_before_the_end_of_its_part(kind: Any, end: Any) -> None:
    assert Halves().join([more(kind, f"a{HIGH}"), end]) == [more(kind, "a"), more(kind, LOST), end]


def test_the_end_of_another_part_or_choice_does_not_flush_a_half() -> None:
    between = [PartEnd(1), Alternative(1, PartEnd(0))]
    assert Halves().join([TextDelta(HIGH), *between, TextDelta(LOW)]) == [*between, TextDelta(SMILE)]


def test_a_pending_half_is_replaced_when_its_choice_ends() -> None:
    given = [Alternative(2, TextDelta(HIGH)), Finish("stop")]
    assert Halves().join(given) == [Alternative(2, TextDelta(LOST)), Finish("stop")]


def test_other_texts_of_a_stream_have_complete_characters() -> None:
    given = [
        ToolCallStart(0, "id", f"look{HIGH}"),
        PartDone(Opaque("wire", {"a": [LOW, {HIGH: 1}]}), 1),
        MetadataUpdate({"citations": [HIGH + LOW]}),
        Finish("stop", HIGH),
    ]
    assert Halves().join(given) == [
        ToolCallStart(0, "id", f"look{LOST}"),
        PartDone(Opaque("wire", {"a": [LOST, {LOST: 1}]}), 1),
        MetadataUpdate({"citations": [SMILE]}),
        Finish("stop", LOST),
    ]
