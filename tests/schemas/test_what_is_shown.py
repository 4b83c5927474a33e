"""What a person sees who prints a result: the text, one short line, and a pipeline without addresses in memory."""

from __future__ import annotations

import pickle
from decimal import Decimal
from typing import Any

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st
from in_turn import in_turn

import stepwell
from stepwell import Reply
from stepwell.costs import Usage
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas.errors import DecodeError
from stepwell.schemas.message import Message
from stepwell.schemas.parts import Reasoning, Refusal, Text, ToolCall
from stepwell.schemas.reply import CallWarning

COUNTS = [each.name for each in fields(Usage) if each.type in ("int | None", int | None)]


def reply(text: str = "hello", **facts: Any) -> Reply:
    return Reply(message=Message("assistant", text), **facts)


@given(st.text())
def test_a_printed_reply_is_its_text(text: str) -> None:
    assert str(reply(text)) == f"{reply(text)}" == text


@given(
    text=st.text(),
    object=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)),
    counts=st.dictionaries(st.sampled_from(COUNTS), st.integers(0, 10**9)),
    finish=st.none() | st.text(max_size=20),
)
def test_the_repr_of_any_reply_is_one_short_line(text: str, object: Any, counts: dict[str, int], finish: Any) -> None:
    made = reply(
        text, object=object, finish_reason=finish, usage=Usage(**counts), warnings=(CallWarning("a", "b" * 500),)
    )
    line = repr(made)
    assert "\n" not in line and len(line) < 800 and line.startswith("Reply(")


def test_the_repr_of_a_reply_shows_only_what_is_set() -> None:
    parts = (Reasoning("hm"), Text("It is sunny."), Refusal("no"), ToolCall("1", "look", {"a": 1}))
    full = Reply(
        message=Message("assistant", parts),
        finish_reason="stop",
        model="m",
        provider="p",
        usage=Usage(3, 4),
        object=False,
    )
    assert repr(full) == (
        "Reply(text='It is sunny.', refusal='no', tool_calls=['look'], finish_reason='stop', model='p:m', "
        "object=False, usage=Usage(input_tokens=3, output_tokens=4))"
    )
    assert repr(Reply()) == "Reply(usage=Usage(complete=False))"
    assert "None" not in repr(full) and "None" not in repr(Reply())


def test_the_repr_of_usage_shows_known_counts() -> None:
    usage = Usage(input_tokens=3, output_tokens=0, complete=False, reported_cost=Decimal("0.1"), raw={"a": 1})
    assert repr(usage) == "Usage(input_tokens=3, output_tokens=0, complete=False, reported_cost=Decimal('0.1'))"


def objects_at_an_address() -> list[Any]:
    class Callable:
        def __call__(self, request: Any) -> Any:
            return request

    return [Callable(), lambda request: request, Callable().__call__]


WITH_CHAT = [each.id for each in REGISTRY if "chat" in each.operations]


@in_turn("provider", WITH_CHAT)
def test_a_pipeline_is_described_without_addresses_of_objects(provider: str) -> None:
    for stream in (False, True):
        assert " at 0x" not in stepwell.pipeline_for(f"{provider}:a-model", stream=stream).describe()


@pytest.mark.parametrize("step", objects_at_an_address())
def test_custom_steps_are_described_without_addresses_too(step: Any) -> None:
    pipeline = stepwell.pipeline_for("vllm:m").append(stepwell.on_request("mine", step))
    assert " at 0x" not in pipeline.describe() and "mine" in pipeline.describe()
    with stepwell.override("vllm:m", build_body=step):
        assert " at 0x" not in stepwell.pipeline_for("vllm:m").describe()


@pytest.mark.parametrize("received", [b"short", b"x" * 5_000, bytearray(b"y" * 5_000)], ids=["short", "long", "buffer"])
def test_an_error_keeps_the_first_2_000_bytes_of_what_cannot_be_decoded(received: bytes | bytearray) -> None:
    made, changed = DecodeError("not JSON", payload=received), DecodeError("not JSON")
    changed.payload = bytes(received)
    assert made.payload == changed.payload == received[:2_000]
    assert pickle.loads(pickle.dumps(made)).payload == made.payload and type(made.payload) is bytes


def test_a_printed_provider_is_its_name_and_its_wires() -> None:
    for provider in REGISTRY:
        shown = repr(provider)
        assert shown.startswith(f"Provider({provider.id!r}, base_url=")
        assert len(shown) < 1000 and all(f"Wire({wire.name!r}" in shown for wire in provider.wires)
