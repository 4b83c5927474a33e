"""Streams of generateContent: recordings in any pieces and cuts, folded and sent back."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from attrs import evolve
from faults import cuts
from gemini import MODEL, USAGE, answer, body_of, piece
from hypothesis import given
from hypothesis import strategies as st

from stepwell import Reply
from stepwell.pipeline.stream.decoder import StreamDecoder
from stepwell.providers.wires.google_generate import google_generate
from stepwell.schemas import errors
from stepwell.schemas.fold import fold
from stepwell.schemas.message import user
from stepwell.schemas.reply_chunks import chunks_of

from recordings import Recording, by_id, recordings, replay, with_body

GOOD = [each for each in recordings("google_generate") if each.status == 200]
STREAMS = [each for each in GOOD if each.streaming]
EVENTS = [each for each in STREAMS if each.body.startswith(b"data:")]
WHOLE = [each for each in GOOD if not each.streaming]
PCM = "audio/L16;codec=pcm;rate=24000"


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("recording", [each for each in STREAMS if each not in EVENTS], ids=by_id)
def test_a_json_array_may_come_in_any_pieces(recording: Recording, size: int) -> None:
    plain = replay(recording, google_generate)
    for start in (b"", b"\xef\xbb\xbf", b"\r\n  "):
        assert replay(with_body(recording, start + recording.body, size), google_generate) == plain


@pytest.mark.parametrize("recording", EVENTS, ids=by_id)
def test_both_protocols_give_the_same(recording: Recording) -> None:
    elements = [line[5:] for line in recording.body.replace(b"\r", b"").split(b"\n") if line.startswith(b"data:")]
    array = with_body(recording, b"[" + b"\n,\r\n".join(elements) + b"]")
    assert replay(array, google_generate) == replay(recording, google_generate)


@pytest.mark.parametrize("recording", EVENTS, ids=by_id)
def test_a_cut_is_an_error_with_the_partial_answer(recording: Recording) -> None:
    whole = replay(recording, google_generate)
    for _, cut in cuts(recording):
        outcome = replay(cut, google_generate)
        assert isinstance(outcome, errors.StreamTruncated)
        if outcome.partial is not None:
            assert whole.text.startswith(outcome.partial.text) and not outcome.partial.tool_calls
            assert not outcome.partial.usage.complete


def test_an_array_cut_anywhere_is_an_error() -> None:
    (recording, *_) = [each for each in STREAMS if each not in EVENTS]
    for at in range(0, recording.body.rindex(b"}"), 11):
        assert isinstance(replay(with_body(recording, recording.body[:at]), google_generate), errors.StreamTruncated)


@pytest.mark.parametrize("spoilt", [b"x", b", x]", b"] x"])
def test_an_array_that_is_spoilt_after_an_event_is_an_error_in_any_pieces(spoilt: bytes) -> None:
    data = orjson.dumps([piece({"text": "hello"}, finish="STOP")])[:-1] + spoilt
    for size in (len(data), 1):
        decoder = StreamDecoder(google_generate.stream_steps(), MODEL)
        with pytest.raises(errors.DecodeError):
            for at in range(0, len(data), size):
                decoder.received.feed(decoder.feed(data[at : at + size]))
            decoder.end()
        assert decoder.received.reply().text == "hello"


def test_after_the_last_piece_the_bracket_may_be_missing() -> None:
    (recording, *_) = [each for each in STREAMS if each not in EVENTS]
    whole = replay(recording, google_generate)
    assert replay(with_body(recording, recording.body[: recording.body.rindex(b"}") + 1]), google_generate) == whole


@pytest.mark.parametrize("recording", GOOD, ids=by_id)
def test_a_reply_streams_and_folds_to_itself(recording: Recording) -> None:
    reply = replay(recording, google_generate)
    again = fold(chunks_of(reply))
    assert (again.message, again.finish_reason, again.usage) == (reply.message, reply.finish_reason, reply.usage)


def assert_same(whole: Any, folded: Any) -> None:
    assert isinstance(whole, Reply) and isinstance(folded, Reply), (whole, folded)
    for name in ("message", "finish_reason", "finish_reason_raw", "usage", "id", "model", "metadata", "alternatives"):
        assert getattr(folded, name) == getattr(whole, name), name


words = st.text(max_size=6)
signature = st.none() | st.sampled_from(["c2ln", "x-y_z="])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words, lambda inner: st.lists(inner, max_size=2)
)


@st.composite
def a_part(draw: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from(["text", "thought", "call", "image", "sound", "file", "code", "unknown"]))
    part: dict[str, Any] = {
        "text": lambda: {"text": draw(words)},
        "thought": lambda: {"text": draw(words), "thought": True},
        "call": lambda: {
            "functionCall": {
                "name": draw(st.sampled_from(["f", "g"])),
                "args": draw(st.dictionaries(words, json_values, max_size=2)),
                **draw(st.sampled_from([{}, {"id": "wire-1"}, {"id": "wire-2"}])),
            }
        },
        "image": lambda: {"inlineData": {"mimeType": "image/png", "data": b64encode(draw(st.binary())).decode()}},
        "sound": lambda: {
            "inlineData": {
                "mimeType": draw(st.sampled_from([PCM, "audio/mpeg"])),
                "data": b64encode(draw(st.binary())).decode(),
            }
        },
        "file": lambda: {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/v.mp4"}},
        "code": lambda: {"executableCode": {"language": "PYTHON", "code": draw(words)}},
        "unknown": lambda: {"somethingNew": draw(words)},
    }[kind]()
    if (signed := draw(signature)) is not None:
        part["thoughtSignature"] = signed
    return part


def pieces_of(part: dict[str, Any], cut: int) -> list[dict[str, Any]]:
    """Split a part as a stream may: only text comes in pieces."""
    if "text" not in part or "thoughtSignature" in part:
        return [part]
    text = part["text"]
    return [{**part, "text": text[:cut]}, {**part, "text": text[cut:]}]


@given(
    st.lists(a_part(), max_size=6),
    st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "MALFORMED_FUNCTION_CALL", "BRAND_NEW"]),
    st.integers(0, 4),
    st.integers(1, 3),
)
def test_a_stream_folds_to_the_unstreamed_reply(
    parts: list[dict[str, Any]], finish: str, cut: int, together: int
) -> None:
    spread = [each for part in parts for each in pieces_of(part, cut)]
    batches = [spread[at : at + together] for at in range(0, len(spread), together)]
    stream = [piece(*batch) for batch in batches]
    last = {"candidates": [{"finishReason": finish, "safetyRatings": [{"category": "C"}]}], "usageMetadata": USAGE}
    whole = decode(answer(*parts, finish=finish, safetyRatings=[{"category": "C"}]))
    assert_same(whole, folded([*stream, {**last, "modelVersion": "m", "responseId": "r-1"}]))


@given(st.lists(a_part(), max_size=6))
def test_an_answer_is_sent_back_unchanged(parts: list[dict[str, Any]]) -> None:
    """Byte for byte and in order, but that plain texts which stand side by side become one, and raw sounds, too."""
    contents = body_of(user("hi"), decode(answer(*parts)).message)["contents"]
    assert [part for turn in contents[1:] for part in turn["parts"]] == joined(once_each(parts))


def once_each(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Remove empty texts, and ids that another call has already."""
    kept, ids = [], set()
    for part in parts:
        call = part.get("functionCall", {})
        if call.get("id") in ids:
            part = {**part, "functionCall": {"name": call["name"], "args": call["args"]}}
        ids.add(call.get("id") or "none")
        if part != {"text": ""} and part != {"text": "", "thought": True}:
            kept.append(part)
    return kept


def joined(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for part in parts:
        before = out[-1] if out else {}
        unsigned = "thoughtSignature" not in part and before.keys() == part.keys()
        if unsigned and "text" in part:
            out[-1] = {**before, "text": before["text"] + part["text"]}
        elif (
            unsigned
            and "inlineData" in part
            and part["inlineData"]["mimeType"] == before["inlineData"]["mimeType"] == PCM
        ):
            data = b64decode(before["inlineData"]["data"]) + b64decode(part["inlineData"]["data"])
            out[-1] = {"inlineData": {"mimeType": PCM, "data": b64encode(data).decode()}}
        else:
            out.append(part)
    return out


def decode(body: Any) -> Reply:
    reply = google_generate.decode_response(orjson.loads(orjson.dumps(body)), MODEL)
    return evolve(reply, usage=google_generate.extract_usage(body, MODEL) or reply.usage)


def folded(pieces: Iterable[Any]) -> Reply:
    decoder = StreamDecoder(google_generate.stream_steps(), MODEL)
    chunks = [chunk for each in pieces for chunk in decoder.feed(b"data: " + orjson.dumps(each) + b"\n\n")]
    return fold([*chunks, *decoder.end()])
