"""JSON that fast parsers reject: integers over 64 bits, and halves of surrogate pairs, anywhere in an answer and in a
request. Every wire, streamed and not, in every frame and split."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from exchanges import exchanged, reported
from hypothesis import given
from hypothesis import strategies as st
from in_turn import in_turn
from vendor_rules import WIRES

import stepwell
from stepwell import Context, Reply
from stepwell.messages import ToolCall
from stepwell.pipeline.stream.decoder import StreamDecoder
from stepwell.providers.declare.wire import Wire
from stepwell.providers.wires.bedrock_invoke import bedrock_invoke_anthropic, bedrock_invoke_openai
from stepwell.providers.wires.protocols import aws_event_stream
from stepwell.schemas.model import Model
from stepwell.testing import FakeModel
from stepwell.testing.conformance import samples_of

HIGH, LOW, SMILE = "\ud83d", "\ude00", "\U0001f600"
LONG = 123_456_789_012_345_678_901_234_567_890
MODEL = Model("some", "model")
PIECES = ("Grüß ", "Gott", ", 世界")
BASE: dict[str, Wire] = {wire.name: wire for wire, _ in WIRES}
INVOKED = {"bedrock_invoke_anthropic": "anthropic_messages", "bedrock_invoke_openai": "openai_chat"}
SPOKEN: dict[str, Wire] = {
    **BASE,
    "bedrock_invoke_anthropic": bedrock_invoke_anthropic,
    "bedrock_invoke_openai": bedrock_invoke_openai,
    "google_generate, as an array": BASE["google_generate"],
}
MODELS = {
    "openai_chat": "groq:m",
    "openai_responses": "openai:gpt-5",
    "anthropic_messages": "anthropic:claude-sonnet-4-5",
    "google_generate": "google:gemini-2.5-flash",
    "bedrock_converse": "amazon_bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere_chat": "cohere:command-a-03-2025",
    "mistral_chat": "mistral:mistral-large-latest",
    "ollama_chat": "ollama:llama3.2",
}
wires = pytest.mark.parametrize("name", SPOKEN)
base_wires = pytest.mark.parametrize("name", BASE)

EDGES = (2**63, 2**64, -(2**63) - 1, 10**299, 1.0, 0.5, -0.0, 1e30, None, True)
texts = st.text(st.sampled_from(["a", "ü", "世", SMILE, HIGH, LOW, "\\", '"', "\n"]), max_size=4)
values = st.recursive(
    st.integers(-(2**80), 2**80) | st.sampled_from(EDGES) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=6,
)


def quoted(value: Any) -> bytes:
    return json.dumps(value).encode()


def whole_characters(value: Any) -> Any:
    """Return the expected value: surrogate pairs joined, halves replaced."""
    return json.loads(
        json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


def saying(data: bytes, pieces: tuple[str, str, str]) -> bytes:
    """Return a sample with another text."""
    data = data.replace('"Grüß Gott, 世界"'.encode(), quoted("".join(pieces)))
    for known, piece in zip(PIECES, pieces, strict=True):
        data = data.replace(f'"{known}"'.encode(), quoted(piece))
    return data


def calling(data: bytes, value: Any) -> bytes:
    """Return a sample with another argument in its call: inside JSON text, or as JSON."""
    return data.replace(b'\\"Pune\\"', quoted(json.dumps(value))[1:-1]).replace(b'"Pune"', quoted(value))


def events(name: str, scene: str) -> list[Any]:
    base = BASE[INVOKED.get(name, name.partition(",")[0])]
    assert base.parse_stream_protocol is not None
    return base.parse_stream_protocol(getattr(samples_of(base), scene).stream, b"")[0]


def data_of(event: Any) -> bytes:
    data: bytes = event if isinstance(event, bytes) else event[1]
    return data


def frames(name: str, reported_events: list[Any], change: Any) -> bytes:
    """Write the events with changed data, as they come over the network."""
    if "array" in name:
        return b"[" + b",\n".join(change(data) for _, data in reported_events) + b"]"
    out = b""
    for event in reported_events:
        if isinstance(event, bytes):
            out += change(event) + b"\n"
        elif isinstance(event[0], dict):
            out += aws_event_stream.encode(event[0], change(event[1]))
        elif name in INVOKED:
            payload = quoted({"bytes": b64encode(change(event[1])).decode()})
            out += aws_event_stream.encode({":event-type": "chunk", ":message-type": "event"}, payload)
        else:
            out += b"event: %s\ndata: %s\n\n" % (event[0].encode(), change(event[1]))
    return out


def streamed(name: str, data: bytes, size: int = 0) -> Reply:
    decoder = StreamDecoder(SPOKEN[name].stream_steps(), MODEL)
    fold = decoder.received
    for start in range(0, len(data), size or len(data)):
        fold.feed(decoder.feed(data[start : start + (size or len(data))]))
    fold.feed(decoder.end() if not decoder.finished else [])
    return fold.reply()


def unstreamed(name: str, scene: str, change: Any) -> Reply:
    base = BASE[INVOKED.get(name, name.partition(",")[0])]
    _, reply = exchanged(
        MODELS[base.name], Context("hi"), change(getattr(samples_of(base), scene).body), wire=base.name
    )
    return reply


@wires
@given(pieces=st.tuples(texts, texts, texts).filter(lambda pieces: "".join(pieces).strip() != ""))
def test_a_character_split_over_two_deltas_is_joined_and_a_half_is_replaced(
    name: str, pieces: tuple[str, str, str]
) -> None:
    said = frames(name, events(name, "text"), lambda data: saying(data, pieces))
    whole = "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert streamed(name, said).text == whole


@wires
def test_every_split_of_the_bytes_has_the_same_result(name: str) -> None:
    said = frames(name, events(name, "text"), lambda data: saying(data, (f"a{HIGH}", f"{LOW}b{HIGH}", HIGH)))
    assert {streamed(name, said, size).text for size in range(1, 40)} == {f"a{SMILE}b\ufffd\ufffd"}


@base_wires
def test_an_unstreamed_answer_has_the_replacement_character_for_half_of_one(name: str) -> None:
    reply = unstreamed(name, "text", lambda data: saying(data, (HIGH, f"a{LOW}", HIGH + LOW)))
    assert reply.text == f"\ufffda\ufffd{SMILE}"
    assert reply.raw is not None


@base_wires
@pytest.mark.parametrize("broken", [b"\xff", b"\xc3", b"\xe4\xb8"], ids=repr)
def test_bytes_that_are_not_text_become_one_replacement_character(name: str, broken: bytes) -> None:
    def spoil(data: bytes) -> bytes:
        return data.replace("世".encode(), broken)

    text = "Grüß Gott, \ufffd界"
    assert unstreamed(name, "text", spoil).text == text
    assert streamed(name, frames(name, events(name, "text"), spoil)).text == text


@wires
@given(value=values)
def test_arguments_of_calls_are_exact(name: str, value: Any) -> None:
    said = frames(name, events(name, "tools"), lambda data: calling(data, value))
    (call,) = streamed(name, said).tool_calls
    assert call.error is None
    assert call.arguments is not None
    assert json.dumps(call.arguments) == json.dumps({"city": whole_characters(value)})


@base_wires
@in_turn("value", [LONG, -LONG, [LONG, {"a": LONG}], 2**64, f"x{HIGH}y", 1.0, -0.0, 1e300])
def test_arguments_are_the_same_streamed_and_whole(name: str, value: Any) -> None:
    (whole,) = unstreamed(name, "tools", lambda data: calling(data, value)).tool_calls
    (grown,) = streamed(name, frames(name, events(name, "tools"), lambda data: calling(data, value))).tool_calls
    assert json.dumps(whole.arguments) == json.dumps(grown.arguments) == json.dumps({"city": whole_characters(value)})


@pytest.mark.parametrize(
    "name", [name for name in SPOKEN if any(b'{\\"city\\":' in data_of(event) for event in events(name, "tools"))]
)
def test_a_character_of_an_argument_split_over_two_deltas_is_joined(name: str) -> None:
    def cut(data: bytes) -> bytes:
        return (
            data.replace(b'{\\"city\\":"', b'{\\"city\\":\\"\\ud83d"')
            .replace(b' \\"Pune', b'\\"Pune')
            .replace(b'\\"Pune\\"}"', b'\\ude00\\"}"')
        )

    (call,) = streamed(name, frames(name, events(name, "tools"), cut)).tool_calls
    assert call.arguments == {"city": SMILE}


def history(*result: str) -> Context:
    call = ToolCall("call_1", "pay", f'{{"wei": {LONG}, "to": "\\ud83d"}}')
    said = [stepwell.user("pay"), stepwell.assistant([call]), stepwell.tool_result(call, *result), stepwell.user("on")]
    return Context(said)


@base_wires
def test_a_history_with_both_is_sent_exactly_and_the_change_is_reported(name: str) -> None:
    body, reply = exchanged(MODELS[name], history(f"file{HIGH}.txt"), wire=name)
    sent = json.dumps(body, ensure_ascii=False)
    assert str(LONG) in sent
    assert "file\ufffd.txt" in sent
    assert "ud83d" not in sent
    assert reported(reply, "text") == ["half of a surrogate pair, which JSON cannot hold, became U+FFFD"]


@base_wires
def test_options_and_schemas_are_sent_exactly(name: str) -> None:
    wei = {"type": "integer", "maximum": 10**30}
    tool = stepwell.Tool("pay", "Pay.", {"type": "object", "properties": {"wei": wei}})
    body, reply = exchanged(
        MODELS[name], Context("hi"), wire=name, tools=[tool], provider_options={"seed_of_mine": LONG}
    )
    assert body["seed_of_mine"] == LONG
    assert str(10**30) in json.dumps(body) or reply.warnings
    assert not reported(reply, "text")


@base_wires
def test_errors_with_both_in_them_are_typed_and_can_be_printed(name: str) -> None:
    with pytest.raises(stepwell.StepwellError) as caught:
        unstreamed(name, "text", lambda data: b'{"error": {"message": "no \\ud83d %d", "code": %d}}' % (LONG, LONG))
    str(caught.value).encode()


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_in_the_process_gives_whole_characters_as_any_other(stream: bool) -> None:
    client = stepwell.Client(registry=FakeModel("a\ud83d").registry)
    reply = client.stream_text("fake:m", "hi").reply() if stream else client.generate_text("fake:m", "hi")
    assert reply.text == "a\ufffd"
