"""An input that is too long is a ContextOverflow in every provider's wording, and no other refusal is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from in_turn import in_turn

from stepwell.providers.declare.errors import find_error
from stepwell.schemas.errors import ContextOverflow

from driving import request
from recordings import FOLDER, Recording, recordings

TABLE = json.loads((Path(__file__).parent / "overflow.json").read_text())
APIS = sorted({path.name.partition("-")[0] for path in FOLDER.glob("*.json")})
REFUSED = [each for each in recordings(*APIS) if each.status >= 400]
TOO_LONG = {"anthropic_messages-anthropic-07aabfe49d9e", "openai_chat-ollama-31fc7e13b35f"}


def error_of(status: int, body: bytes) -> Any:
    from stepwell.pipeline.http.response import Response

    return find_error(Response(request(), status, body=body))


def name(row: Any) -> str:
    return row.id if isinstance(row, Recording) else f"{row['provider']}-{row['source'].rpartition('github.com/')[2]}"


@in_turn("row", TABLE["overflows"])
def test_a_prompt_that_is_too_long_is_recognised_with_its_numbers(row):
    error = error_of(row["status"], json.dumps(row["body"]).encode())
    assert type(error) is ContextOverflow, error
    assert (error.requested_tokens, error.max_tokens) == (row["requested"], row["most"])
    assert "shorten" in error.hint


@in_turn("row", TABLE["near_misses"])
def test_similar_messages_are_not_overflows(row):
    assert type(error_of(row["status"], json.dumps(row["body"]).encode())).__name__ == row["error"]


@pytest.mark.parametrize("recording", REFUSED, ids=name)
def test_only_recorded_refusals_of_long_prompts_are_overflows(recording):
    error = error_of(recording.status, recording.body)
    assert (type(error) is ContextOverflow) == (recording.id in TOO_LONG), error


def test_the_table_is_long_enough():
    assert len(TABLE["overflows"]) >= 25
    assert len(TABLE["near_misses"]) >= 15
    assert all(row["source"] for row in (*TABLE["overflows"], *TABLE["near_misses"]))
