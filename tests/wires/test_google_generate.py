"""generateContent: the law of streams, what is sent, what Google's own types say of it, and every fault there is."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from attrs import evolve
from faults import cuts
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from stepwell import Audio, Context, File, Image, Message, Model, Opaque, Reasoning, Reply, Text, Tool, ToolCall, Video
from stepwell.pipeline.request import Request
from stepwell.pipeline.stream import StreamDecoder
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.google_generate.encode import NAME
from stepwell.schemas import errors
from stepwell.schemas.fold import chunks_of, fold
from stepwell.schemas.message import assistant, system, tool_result, user

from recordings import Recording, recordings, replay, respelt

GOOD = [each for each in recordings("google_generate") if each.status == 200]
STREAMS = [each for each in GOOD if each.streaming]
EVENTS = [each for each in STREAMS if each.body.startswith(b"data:")]
WHOLE = [each for each in GOOD if not each.streaming]
MODEL = Model("google", "gemini-9")
PCM = "audio/L16;codec=pcm;rate=24000"
USAGE = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}


def by_id(recording: Recording) -> str:
    return recording.id


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("recording", [each for each in STREAMS if each not in EVENTS], ids=by_id)
def test_a_json_array_may_come_in_any_pieces(recording: Recording, size: int) -> None:
    plain = replay(recording, google_generate)
    for start in (b"", b"\xef\xbb\xbf", b"\r\n  "):
        assert replay(respelt(recording, start + recording.body, size), google_generate) == plain


@pytest.mark.parametrize("recording", EVENTS, ids=by_id)
def test_both_protocols_give_the_same(recording: Recording) -> None:
    elements = [line[5:] for line in recording.body.replace(b"\r", b"").split(b"\n") if line.startswith(b"data:")]
    array = respelt(recording, b"[" + b"\n,\r\n".join(elements) + b"]")
    assert replay(array, google_generate) == replay(recording, google_generate)


@pytest.mark.parametrize("recording", EVENTS, ids=by_id)
def test_a_cut_is_an_error_that_keeps_what_came(recording: Recording) -> None:
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
        assert isinstance(replay(respelt(recording, recording.body[:at]), google_generate), errors.StreamTruncated)


def test_after_the_last_piece_the_bracket_may_be_missing() -> None:
    (recording, *_) = [each for each in STREAMS if each not in EVENTS]
    whole = replay(recording, google_generate)
    assert replay(respelt(recording, recording.body[: recording.body.rindex(b"}") + 1]), google_generate) == whole


@pytest.mark.parametrize("recording", GOOD, ids=by_id)
def test_a_reply_streams_and_folds_to_itself(recording: Recording) -> None:
    reply = replay(recording, google_generate)
    again = fold(chunks_of(reply))
    assert (again.message, again.finish_reason, again.usage) == (reply.message, reply.finish_reason, reply.usage)


def answered(*parts: dict[str, Any], finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, **more}
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "m", "responseId": "r-1"}


def streamed(*pieces: Any) -> Any:
    body = b"".join(b"data: " + orjson.dumps(piece) + b"\r\n\r\n" for piece in pieces)
    return replay(Recording("made", NAME, "p", "m", True, (), {}, 200, {}, (body,), {}), google_generate)


def decoded(body: Any) -> Any:
    return replay(Recording("made", NAME, "p", "m", False, (), {}, 200, {}, (orjson.dumps(body),), {}), google_generate)


def piece(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "m", "responseId": "r-1"}


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
    """A part as a stream may spread it: text alone comes in pieces."""
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
    whole = decode(answered(*parts, finish=finish, safetyRatings=[{"category": "C"}]))
    assert_same(whole, folded([*stream, {**last, "modelVersion": "m", "responseId": "r-1"}]))


@given(st.lists(a_part(), max_size=6))
def test_an_answer_is_sent_back_as_it_came(parts: list[dict[str, Any]]) -> None:
    """Byte for byte and in order, but that plain texts which stand side by side become one, and raw sounds, too."""
    contents = body_of(user("hi"), decode(answered(*parts)).message)["contents"]
    assert [part for turn in contents[1:] for part in turn["parts"]] == joined(once_each(parts))


def once_each(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without texts that say nothing, and without an id that another call has already."""
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


def _is_sound(part: dict[str, Any]) -> bool:
    return bool(part.get("inlineData", {}).get("mimeType") == PCM)


def decode(body: Any) -> Reply:
    reply = google_generate.decode_response(orjson.loads(orjson.dumps(body)), MODEL)
    return evolve(reply, usage=google_generate.extract_usage(body, MODEL) or reply.usage)


def folded(pieces: Iterable[Any]) -> Reply:
    decoder = StreamDecoder(google_generate.stream_steps(), MODEL)
    chunks = [chunk for each in pieces for chunk in decoder.feed(b"data: " + orjson.dumps(each) + b"\n\n")]
    return fold([*chunks, *decoder.end()])


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"text": "a", "thoughtSignature": "s"}, Text("a", {NAME: {"thoughtSignature": "s"}})),
        ({"text": "", "thoughtSignature": "s"}, Text("", {NAME: {"thoughtSignature": "s"}})),
        ({"text": "hm", "thought": True}, Reasoning("hm", wire=NAME)),
        ({"text": "hm", "thought": True, "thoughtSignature": "s"}, Reasoning("hm", "s", wire=NAME)),
        (
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}, "thoughtSignature": "s"},
            Image(data=b"\x89PNG", media_type="image/png", extra={NAME: {"thoughtSignature": "s"}}),
        ),
        (
            {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://b/a.pdf"}},
            File(url="gs://b/a.pdf", media_type="application/pdf"),
        ),
        (
            {"executableCode": {"code": "1"}, "thoughtSignature": "s"},
            Opaque(NAME, {"executableCode": {"code": "1"}, "thoughtSignature": "s"}),
        ),
        (
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}, "thought": True},
            Opaque(NAME, {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}, "thought": True}),
        ),
        (
            {"functionCall": {"name": "f", "args": {"x": 1}, "id": "w"}, "thoughtSignature": "s"},
            ToolCall("w", "f", '{"x":1}', {NAME: {"id": "w", "thoughtSignature": "s"}}),
        ),
        ({"functionCall": {"name": "f", "args": {}}}, ToolCall("call_r1_0", "f", "{}")),
    ],
)
def test_each_kind_of_part_is_decoded_and_goes_back_as_it_came(part: dict[str, Any], expected: Any) -> None:
    for reply in (decoded(answered(part)), streamed(piece(part), piece(finish="STOP"))):
        assert reply.message.content == (expected,)
        assert body_of(user("hi"), reply.message)["contents"][1]["parts"] == [part]


def test_base64_may_be_of_either_alphabet() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "-_8="}}
    assert decoded(answered(part)).images == (Image(data=b"\xfb\xff", media_type="image/png"),)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("LANGUAGE", "language"),
        ("OTHER", "other"),
        ("TOMORROWS_REASON", "tomorrows_reason"),
    ],
)
def test_why_it_ended(raw: str, reason: str) -> None:
    for reply in (decoded(answered({"text": "a"}, finish=raw)), streamed(piece({"text": "a"}), piece(finish=raw))):
        assert (reply.finish_reason, reply.finish_reason_raw) == (reason, raw)


def test_calls_make_a_stop_a_tool_call() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    for reply in (decoded(answered(call)), streamed(piece(call), piece(finish="STOP"))):
        assert (reply.finish_reason, reply.finish_reason_raw, len(reply.tool_calls)) == ("tool_calls", "STOP", 1)


@pytest.mark.parametrize("raw", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"])
def test_an_unsound_call_is_told_but_never_there_to_be_run(raw: str) -> None:
    call = {"functionCall": {"name": "f", "args": {"x": 1}}}
    body = answered(call, finish=raw, finishMessage="f(x=")
    stream = [piece({"text": ""}), piece(call), piece(finish=raw, finishMessage="f(x=")]
    for reply in (decoded(body), streamed(*stream)):
        assert reply.tool_calls == () and reply.finish_reason == raw.lower()
        assert reply.metadata["malformed_tool_calls"] == [{"name": "f", "args": {"x": 1}}]
        assert reply.metadata["finish_message"] == "f(x="


@pytest.mark.parametrize("content", [{}, {"role": "model"}, None])
def test_a_malformed_call_may_come_without_any_part(content: Any) -> None:
    body = {"candidates": [{"content": content, "finishReason": "MALFORMED_FUNCTION_CALL"}]}
    for reply in (decoded(body), streamed(body)):
        assert reply.finish_reason == "malformed_function_call" and reply.message.content == ()


@pytest.mark.parametrize("candidates", [{}, {"candidates": []}, {"candidates": None}])
def test_a_blocked_prompt_is_an_answer_that_was_filtered(candidates: dict[str, Any]) -> None:
    feedback = {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "no"}
    body = {**candidates, "promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4}}
    for reply in (decoded(body), streamed(body), streamed(piece({"text": "so f"}), body)):
        assert (reply.finish_reason, reply.finish_reason_raw) == ("content_filter", None)
        assert reply.metadata == {"block_reason": "PROHIBITED_CONTENT", "block_message": "no"}
        assert reply.usage.output_tokens == 0


def test_calls_of_an_answer_that_was_blocked_are_not_run() -> None:
    reply = streamed(piece({"functionCall": {"name": "f"}}), {"promptFeedback": {"blockReason": "SAFETY"}})
    assert reply.tool_calls == () and reply.finish_reason == "content_filter"


def test_neither_candidates_nor_a_reason_is_no_answer() -> None:
    assert isinstance(decoded({"usageMetadata": USAGE}), errors.DecodeError)
    assert isinstance(streamed({"usageMetadata": USAGE}), errors.StreamTruncated)


def test_empty_pieces_between_the_others_change_nothing() -> None:
    reply = streamed(
        {"candidates": []},
        {"usageMetadata": {"trafficType": "ON_DEMAND"}},
        piece({"text": "a"}),
        {"candidates": [{"content": {"role": "model"}, "index": 0}]},
        {"candidates": [{}]},
        piece(),
        piece({"text": ""}),
        piece({"text": "b"}),
        piece(finish="STOP"),
        {"usageMetadata": {**USAGE, "candidatesTokenCount": 4, "totalTokenCount": 9}},
    )
    assert reply.message.content == (Text("ab"),) and reply.usage.output_tokens == 4


def test_usage_counts_thoughts_tools_and_sound() -> None:
    raw = {
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 40,
        "cachedContentTokenCount": 30,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 50,
        "totalTokenCount": 197,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}, {"modality": "TEXT", "tokenCount": 40}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}],
    }
    usage = decoded({**answered({"text": "a"}), "usageMetadata": raw}).usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (140, 57, 197)
    assert (usage.cached_input_tokens, usage.reasoning_tokens) == (30, 50)
    assert (usage.input_audio_tokens, usage.output_audio_tokens) == (60, 7)


def test_usage_is_known_before_the_stream_breaks() -> None:
    def counted(count: int) -> dict[str, Any]:
        usage = {"promptTokenCount": 5, "candidatesTokenCount": count, "totalTokenCount": 5 + count}
        return {**piece({"text": "a"}), "usageMetadata": usage}

    error = streamed(*(counted(count) for count in range(1, 21)))
    assert isinstance(error, errors.StreamTruncated)
    assert error.usage.input_tokens == 5 and 12 < error.usage.output_tokens <= 20 and not error.usage.complete
    no_counts = {**piece({"text": "a"}), "usageMetadata": {"trafficType": "ON_DEMAND"}}
    assert streamed(counted(1), *[no_counts] * 20).usage.output_tokens == 1
    whole = streamed(*(counted(count) for count in range(1, 6)), piece(finish="STOP") | {"usageMetadata": None})
    assert whole.usage.output_tokens == 5


def test_log_probabilities_take_openais_form_and_grow() -> None:
    def result(token: str) -> dict[str, Any]:
        chosen = {"token": token, "tokenId": 7, "logProbability": -0.5}
        return {"chosenCandidates": [chosen], "topCandidates": [{"candidates": [chosen]}]}

    one = {"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "a", "logprob": -0.5}]}
    reply = streamed(piece({"text": "a"}, logprobsResult=result("a")), piece(finish="STOP", logprobsResult=result("b")))
    assert reply.logprobs[0] == one and [each["token"] for each in reply.logprobs] == ["a", "b"]
    assert decoded(answered({"text": "a"}, logprobsResult=result("a"))).logprobs == [one]


def test_what_is_told_beside_the_answer_is_kept() -> None:
    told = {"groundingMetadata": {"webSearchQueries": ["q"]}, "urlContextMetadata": {"urlMetadata": []}}
    last = {"groundingMetadata": {}, "citationMetadata": {"citationSources": []}}
    for reply in (
        decoded(answered({"text": "a"}, **{**told, "citationMetadata": {"citationSources": []}})),
        streamed(piece({"text": "a"}, **told), piece(finish="STOP", **last)),
    ):
        assert reply.metadata["grounding"] == {"webSearchQueries": ["q"]}
        assert reply.metadata["url_context"] and reply.metadata["citations"]


def test_several_candidates() -> None:
    def candidate(index: int, text: str, finish: str | None = None) -> dict[str, Any]:
        made: dict[str, Any] = {"index": index, "content": {"parts": [{"text": text}]}}
        return {**made, "finishReason": finish} if finish else made

    body = {"candidates": [candidate(0, "ab", "STOP"), candidate(1, "cd", "STOP")]}
    stream = [
        {"candidates": [candidate(0, "a"), candidate(1, "c")]},
        {"candidates": [candidate(0, "b", "STOP")]},
        {"candidates": [candidate(1, "d", "STOP")]},
    ]
    for reply in (decoded(body), streamed(*stream)):
        assert reply.text == "ab" and [each.text for each in reply.alternatives] == ["cd"]
    assert isinstance(streamed(*stream[:2]), errors.StreamTruncated), "one of them is not whole"


def test_calls_without_ids_get_unique_ones_that_are_the_same_streamed_and_not() -> None:
    calls = [{"functionCall": {"name": "f", "args": {"n": n}}} for n in (1, 2)]
    whole, folded_ = decoded(answered(*calls)), streamed(piece(calls[0]), piece(calls[1], finish="STOP"))
    assert whole.tool_calls == folded_.tool_calls
    assert len({call.id for call in whole.tool_calls}) == 2
    sent = body_of(user("hi"), whole.message)["contents"][1]["parts"]
    assert sent == calls, "ids that we made up stay with us"


def test_ids_that_the_wire_gave_twice_are_told_apart() -> None:
    calls = [{"functionCall": {"name": "f", "args": {}, "id": "same"}} for _ in range(2)]
    first, second = decoded(answered(*calls)).tool_calls
    assert first.id == "same" and second.id not in ("same", "")


def test_arguments_streamed_by_path() -> None:
    def part(call: dict[str, Any]) -> dict[str, Any]:
        return piece({"functionCall": call})

    def partial(path: str, **value: Any) -> dict[str, Any]:
        return {"partialArgs": [{"jsonPath": path, **value}], "willContinue": True}

    reply = streamed(
        part({"name": "f", "willContinue": True}),
        part(partial("$.city", stringValue="Pu", willContinue=True)),
        part(partial("$.city", stringValue="ne")),
        part(partial("$.days[0].n", numberValue=1)),
        part(partial("$.days[1].n", numberValue=2.5)),
        part(partial("$['odd.name']", boolValue=False)),
        part(partial("$.none", nullValue="NULL_VALUE")),
        part({}),
        piece({"functionCall": {"name": "g", "args": {"whole": True}}}, finish="STOP"),
    )
    first, second = reply.tool_calls
    assert first.arguments == {"city": "Pune", "days": [{"n": 1}, {"n": 2.5}], "odd.name": False, "none": None}
    assert (second.name, second.arguments) == ("g", {"whole": True})


def test_a_call_that_was_to_go_on_is_never_run() -> None:
    begun = piece({"functionCall": {"name": "f", "args": {"n": 1}, "willContinue": True}})
    assert streamed(begun, piece(finish="MAX_TOKENS")).tool_calls == ()
    cut = streamed(begun)
    assert isinstance(cut, errors.StreamTruncated) and cut.partial.tool_calls == ()


@pytest.mark.parametrize("path", ["$.a[1000000000]", "$.a[0].b"])
def test_paths_that_lead_nowhere_are_an_error(path: str) -> None:
    outcome = streamed(
        piece({"functionCall": {"name": "f", "args": {"a": "text"}, "willContinue": True}}),
        piece({"functionCall": {"partialArgs": [{"jsonPath": path, "stringValue": "x"}]}}),
    )
    assert isinstance(outcome, errors.DecodeError)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}, errors.Overloaded),
        ({"code": 500, "message": "internal", "status": "INTERNAL"}, errors.ServerError),
        (
            {"code": 400, "message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."},
            errors.ContextOverflow,
        ),
        ("just words", errors.ProviderError),
    ],
)
def test_an_error_inside_a_stream_is_the_error_that_a_status_would_be(error: Any, kind: type) -> None:
    for frame in ({"error": error}, [{"error": error}]):
        outcome = streamed(piece({"text": "so far"}), frame)
        assert type(outcome) is kind
        assert (outcome.partial.text, outcome.usage.input_tokens, outcome.usage.complete) == ("so far", 5, False)


def test_the_wait_that_an_error_asks_for_is_known() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]
    error = {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", "details": details}
    assert streamed({"error": error}).retry_after == 34.5


def test_an_error_may_stand_in_the_place_of_the_array() -> None:
    for body in (b'{"error": {"code": 503, "message": "busy"}}', b'[{"error": {"code": 503, "message": "busy"}}]'):
        recording = Recording("made", NAME, "p", "m", True, (), {}, 200, {}, (body,), {})
        assert isinstance(replay(recording, google_generate), errors.Overloaded)


def body_of(*messages: Message, tools: Iterable[Tool] = (), **options: Any) -> dict[str, Any]:
    asked = Request("chat", MODEL, Context(messages, tools), options=options)
    body: dict[str, Any] = orjson.loads(orjson.dumps(google_generate.build_body(asked)))
    return body


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (user("hi"), {"role": "user", "parts": [{"text": "hi"}]}),
        (assistant("yes"), {"role": "model", "parts": [{"text": "yes"}]}),
        (
            user(["see", Image(data=b"\x89PNG")]),
            {"role": "user", "parts": [{"text": "see"}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}]},
        ),
        (
            user(Image(url="data:image/gif;base64,R0lG")),
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/gif", "data": "R0lG"}}]},
        ),
        (
            user(Video(url="gs://b/v.mp4", extra={NAME: {"videoMetadata": {"fps": 1}}})),
            {
                "role": "user",
                "parts": [
                    {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/v.mp4"}, "videoMetadata": {"fps": 1}}
                ],
            },
        ),
        (
            user(File(file_id="https://generativelanguage.googleapis.com/v1beta/files/a")),
            {
                "role": "user",
                "parts": [{"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}}],
            },
        ),
        (
            user(Audio(data=b"ID3")),
            {"role": "user", "parts": [{"inlineData": {"mimeType": "audio/mpeg", "data": "SUQz"}}]},
        ),
        (
            assistant([Reasoning("hm", "sig", wire="anthropic_messages"), Opaque("openai_responses", {}), Text("yes")]),
            {"role": "model", "parts": [{"text": "yes"}]},
        ),
    ],
)
def test_each_kind_of_turn_is_encoded(message: Message, encoded: dict[str, Any]) -> None:
    assert body_of(message)["contents"] == [encoded]


def test_turns_of_one_role_are_one_and_empty_ones_none() -> None:
    body = body_of(
        system("be kind"), user("a"), user(["", "b"]), assistant(""), system("be brief"), assistant("c"), assistant("d")
    )
    assert body["systemInstruction"] == {"parts": [{"text": "be kind"}, {"text": "be brief"}]}
    assert [(turn["role"], [part["text"] for part in turn["parts"]]) for turn in body["contents"]] == [
        ("user", ["a", "b"]),
        ("model", ["c", "d"]),
    ]


def test_results_follow_their_calls_in_order_by_name_and_before_all_else() -> None:
    calls = [ToolCall("x", "f", '{"n":1}'), ToolCall("y", "g", ""), ToolCall("z", "f", '{"n":2}')]
    results = [tool_result("z", "three"), user("and?"), tool_result("y", "no", is_error=True), tool_result("x", "one")]
    _, model, answers = body_of(user("go"), assistant(calls), *results)["contents"]
    assert [part["functionCall"] for part in model["parts"]] == [
        {"name": "f", "args": {"n": 1}},
        {"name": "g", "args": {}},
        {"name": "f", "args": {"n": 2}},
    ]
    assert answers == {
        "role": "user",
        "parts": [
            {"functionResponse": {"name": "f", "response": {"output": "one"}}},
            {"functionResponse": {"name": "g", "response": {"error": "no"}}},
            {"functionResponse": {"name": "f", "response": {"output": "three"}}},
            {"text": "and?"},
        ],
    }


def test_a_result_bears_the_calls_id_where_the_wire_gave_one() -> None:
    call = decoded(answered({"functionCall": {"name": "f", "args": {}, "id": "w-1"}})).tool_calls[0]
    _, model, answers = body_of(user("go"), assistant([call]), tool_result(call, "ok"))["contents"]
    assert model["parts"][0]["functionCall"]["id"] == answers["parts"][0]["functionResponse"]["id"] == "w-1"


def test_ids_used_again_in_a_later_turn_mean_the_later_call() -> None:
    turns = [assistant([ToolCall("0", name, "")]) for name in ("f", "g")]
    contents = body_of(user("go"), turns[0], tool_result("0", "a"), turns[1], tool_result("0", "b"))["contents"]
    assert [each["parts"][0]["functionResponse"]["name"] for each in contents[2::2]] == ["f", "g"]


def test_pictures_of_a_result_stand_in_it_or_beside_it() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}
    turns = [
        user("go"),
        assistant([ToolCall("1", "f", ""), ToolCall("2", "f", "")]),
        tool_result("1", ["see", Image(data=b"\x89PNG"), Video(url="gs://b/v.mp4")]),
        tool_result("2", "ok"),
    ]
    inside = body_of(*turns, media_in_results=True)["contents"][2]["parts"]
    assert inside[0]["functionResponse"]["parts"] == [picture]
    assert [next(iter(part)) for part in inside] == ["functionResponse", "functionResponse", "fileData"]
    beside = body_of(*turns)["contents"][2]["parts"]
    assert [next(iter(part)) for part in beside] == ["functionResponse", "functionResponse", "inlineData", "fileData"]


def test_a_history_that_begins_with_a_call_gets_a_turn_before_it() -> None:
    contents = body_of(assistant([ToolCall("1", "f", "")]), tool_result("1", "ok"))["contents"]
    assert [turn["role"] for turn in contents] == ["user", "model", "user"]


@pytest.mark.parametrize(
    ("given_json", "sent"),
    [
        ("", {}),
        ("  ", {}),
        ("null", {}),
        ('{"a":', {"invalid_arguments": '{"a":'}),
        ("[1]", {"invalid_arguments": "[1]"}),
        ('{"n": 123456789012345678901234567890}', {"n": 1.2345678901234568e29}),
    ],
)
def test_arguments_are_always_an_object(given_json: str, sent: Any) -> None:
    contents = body_of(user("go"), assistant([ToolCall("1", "f", given_json)]))["contents"]
    assert contents[1]["parts"][0]["functionCall"]["args"] == sent


def test_a_prefix_of_a_history_is_a_prefix_of_its_body() -> None:
    turns = [
        user("go"),
        assistant([ToolCall("1", "f", "")]),
        tool_result("1", "ok"),
        assistant("fine"),
        user("more"),
        assistant("yes"),
    ]
    whole = body_of(*turns)["contents"]
    for at in (1, 2, 3, 4, 5):
        assert body_of(*turns[:at])["contents"] == whole[:at]


TOOL = Tool("look_up", "Look a city up.", {"type": "object", "properties": {"city": {"type": "string"}}})
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"a": {}}}}}


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ({"name": "look_up"}, {"mode": "ANY", "allowedFunctionNames": ["look_up"]}),
        ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (["look_up", TOOL], {"mode": "ANY", "allowedFunctionNames": ["look_up", "look_up"]}),
    ],
)
def test_the_choice_of_tools(choice: Any, config: dict[str, Any]) -> None:
    assert body_of(user("hi"), tools=[TOOL], tool_choice=choice)["toolConfig"] == {"functionCallingConfig": config}
    assert "toolConfig" not in body_of(user("hi"), tool_choice=choice), "which the vendor refuses without tools"


@pytest.mark.parametrize("first", ["tool_choice", "tool_config"])
def test_the_vendors_own_tool_config_is_added_to_the_choice(first: str) -> None:
    own = {"functionCallingConfig": {"mode": "NONE", "streamFunctionCallArguments": True}, "retrievalConfig": {}}
    options = {"tool_choice": "auto", "tool_config": own}
    in_order = {first: options.pop(first), **options}
    assert body_of(user("hi"), tools=[TOOL], **in_order)["toolConfig"] == {
        "functionCallingConfig": {"mode": "AUTO", "streamFunctionCallArguments": True},
        "retrievalConfig": {},
    }


def test_a_choice_of_no_known_form_is_an_error() -> None:
    with pytest.raises(errors.InvalidOption, match="tool_choice"):
        body_of(user("hi"), tools=[TOOL], tool_choice="sometimes")


def test_tools_are_declared_together_and_built_in_ones_as_they_stand() -> None:
    search = Tool("search", server={"googleSearch": {}})
    body = body_of(user("hi"), tools=[search, TOOL, Tool("now", "The time.")])
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "look_up",
                    "description": "Look a city up.",
                    "parametersJsonSchema": {"type": "object", "properties": {"city": {"type": "string"}}},
                },
                {"name": "now", "description": "The time."},
            ]
        },
        {"googleSearch": {}},
    ]


@pytest.mark.parametrize(
    ("options", "config"),
    [
        ({"temperature": 0, "top_p": 0.5, "top_k": 0}, {"temperature": 0, "topP": 0.5, "topK": 0}),
        ({"max_tokens": 5, "seed": 0, "n": 2}, {"maxOutputTokens": 5, "seed": 0, "candidateCount": 2}),
        ({"stop": "x"}, {"stopSequences": ["x"]}),
        ({"stop": ["x", "y"]}, {"stopSequences": ["x", "y"]}),
        ({"presence_penalty": 1, "frequency_penalty": -1}, {"presencePenalty": 1, "frequencyPenalty": -1}),
        ({"logprobs": True, "top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"modalities": ["text", "image"]}, {"responseModalities": ["TEXT", "IMAGE"]}),
        (
            {"audio": {"voice": "Kore"}},
            {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}},
        ),
        ({"response_format": "text"}, None),
        ({"response_format": "json"}, {"responseMimeType": "application/json"}),
        ({"thinking_config": {"thinkingBudget": 0}}, {"thinkingConfig": {"thinkingBudget": 0}}),
        ({"generation_config": {"mediaResolution": "M"}, "seed": 1}, {"mediaResolution": "M", "seed": 1}),
    ],
)
def test_options_stand_in_the_generation_config(options: dict[str, Any], config: Any) -> None:
    assert body_of(user("hi"), **options).get("generationConfig") == config


def test_options_of_the_body_itself() -> None:
    options = {"safety_settings": [{"category": "C"}], "cached_content": "cachedContents/1", "labels": {"a": "b"}}
    body = body_of(user("hi"), service_tier="flex", tool_config={"retrievalConfig": {}}, **options)
    assert (body["safetySettings"], body["cachedContent"]) == ([{"category": "C"}], "cachedContents/1")
    assert (body["labels"], body["serviceTier"]) == ({"a": "b"}, "flex")
    assert body["toolConfig"] == {"retrievalConfig": {}}


def test_a_schema_goes_where_the_model_reads_it() -> None:
    new = body_of(user("hi"), tools=[TOOL], response_format=SCHEMA)
    assert new["generationConfig"].keys() == {"responseMimeType", "responseJsonSchema"}
    old = body_of(user("hi"), tools=[TOOL], response_format=SCHEMA, json_schema=False)
    assert old["generationConfig"].keys() == {"responseMimeType", "responseSchema"}
    assert "parameters" in old["tools"][0]["functionDeclarations"][0]


EVERYTHING: dict[str, Any] = {
    "temperature": 0,
    "top_k": 3,
    "n": 1,
    "stop": ["x"],
    "seed": 1,
    "max_tokens": 9,
    "logprobs": True,
    "top_logprobs": 2,
    "modalities": ["text"],
    "audio": {"voice": "Kore"},
    "response_format": SCHEMA,
    "tool_choice": {"name": "look_up"},
    "thinking_config": {"thinkingLevel": "low", "includeThoughts": True},
    "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
}


def test_googles_own_types_accept_all_that_we_send() -> None:
    call = ToolCall("w", "look_up", '{"city":"Pune"}', {NAME: {"id": "w", "thoughtSignature": "c2ln"}})
    turns = [
        system("be kind"),
        user(["hi", Image(data=b"\x89PNG"), File(url="gs://b/a.pdf"), Video(url="gs://b/v.mp4")]),
        assistant([Reasoning("hm", "c2ln", wire=NAME), Text("", {NAME: {"thoughtSignature": "c2ln"}}), call]),
        tool_result(call, ["ok", Image(data=b"\x89PNG")]),
        assistant([Opaque(NAME, {"executableCode": {"language": "PYTHON", "code": "1"}}), Text("done")]),
        user("more"),
    ]
    body = body_of(*turns, tools=[TOOL], media_in_results=True, **EVERYTHING)
    for turn in body["contents"]:
        types.Content.model_validate(turn)
        for part in turn["parts"]:
            assert types.Part.model_validate(part).model_dump(by_alias=True, exclude_none=True).keys() == part.keys()
    types.Content.model_validate(body["systemInstruction"])
    types.GenerationConfig.model_validate(body["generationConfig"])
    types.ToolConfig.model_validate(body["toolConfig"])
    for tool in body["tools"]:
        types.Tool.model_validate(tool)
    for setting in body["safetySettings"]:
        types.SafetySetting.model_validate(setting)


@pytest.mark.parametrize("recording", WHOLE, ids=by_id)
def test_what_was_answered_goes_back_as_google_reads_it(recording: Recording) -> None:
    """The parts as Google's SDK parses them, before and after they went through a Reply."""
    reply = replay(recording, google_generate)
    original = orjson.loads(recording.body).get("candidates", [{}])[0].get("content", {}).get("parts", [])
    sent = body_of(user("hi"), reply.message)["contents"][1:]
    again = sent[0]["parts"] if sent else []
    assert [types.Part.model_validate(part) for part in again] == [types.Part.model_validate(part) for part in original]
