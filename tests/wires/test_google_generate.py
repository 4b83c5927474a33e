"""Answers of generateContent: each kind of part, finish reasons, blocked or malformed answers, usage, errors."""

from __future__ import annotations

from typing import Any

import pytest
from gemini import USAGE, answer, body_of, decoded, piece, streamed

from stepwell import File, Image
from stepwell.messages import Opaque, Reasoning, ServerToolCall, Text, TokenLogprob, ToolCall
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.google_generate.encode import NAME
from stepwell.schemas import errors
from stepwell.schemas.message import user

from recordings import Recording, replay


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
            ServerToolCall(
                NAME,
                {"executableCode": {"code": "1"}, "thoughtSignature": "s"},
                "code_execution",
                name="executableCode",
                arguments={"code": "1"},
            ),
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
def test_each_kind_of_part_is_decoded_and_sent_back_unchanged(part: dict[str, Any], expected: Any) -> None:
    for reply in (decoded(answer(part)), streamed(piece(part), piece(finish="STOP"))):
        assert reply.message.content == (expected,)
        assert body_of(user("hi"), reply.message)["contents"][1]["parts"] == [part]


def test_base64_may_be_of_either_alphabet() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "-_8="}}
    assert decoded(answer(part)).images == (Image(data=b"\xfb\xff", media_type="image/png"),)


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
def test_each_finish_reason_is_decoded(raw: str, reason: str) -> None:
    for reply in (decoded(answer({"text": "a"}, finish=raw)), streamed(piece({"text": "a"}), piece(finish=raw))):
        assert (reply.finish_reason, reply.finish_reason_raw) == (reason, raw)


def test_calls_make_a_stop_a_tool_call() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    for reply in (decoded(answer(call)), streamed(piece(call), piece(finish="STOP"))):
        assert (reply.finish_reason, reply.finish_reason_raw, len(reply.tool_calls)) == ("tool_calls", "STOP", 1)


@pytest.mark.parametrize("raw", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"])
def test_an_invalid_call_is_reported_but_cannot_be_run(raw: str) -> None:
    call = {"functionCall": {"name": "f", "args": {"x": 1}}}
    body = answer(call, finish=raw, finishMessage="f(x=")
    stream = [piece({"text": ""}), piece(call), piece(finish=raw, finishMessage="f(x=")]
    for reply in (decoded(body), streamed(*stream)):
        assert reply.tool_calls == () and reply.finish_reason == raw.lower()
        assert reply.metadata["malformed_tool_calls"] == [{"name": "f", "args": {"x": 1}}]
        assert reply.metadata["finish_message"] == "f(x="


@pytest.mark.parametrize("content", [{}, {"role": "model"}, None])
def test_a_malformed_call_may_arrive_without_any_part(content: Any) -> None:
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
        assert reply.usage.output_tokens == (3 if reply.text else 0)  # what was counted before is not taken back


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


def test_usage_counts_thoughts_tools_and_audio() -> None:
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
    usage = decoded({**answer({"text": "a"}), "usageMetadata": raw}).usage
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

    one = TokenLogprob("a", -0.5, (TokenLogprob("a", -0.5),))
    reply = streamed(piece({"text": "a"}, logprobsResult=result("a")), piece(finish="STOP", logprobsResult=result("b")))
    assert reply.logprobs[0] == one and [each.token for each in reply.logprobs] == ["a", "b"]
    assert decoded(answer({"text": "a"}, logprobsResult=result("a"))).logprobs == (one,)


def test_other_fields_of_the_answer_are_kept_as_metadata() -> None:
    reported = {"groundingMetadata": {"webSearchQueries": ["q"]}, "urlContextMetadata": {"urlMetadata": []}}
    last = {"groundingMetadata": {}, "citationMetadata": {"citationSources": []}}
    for reply in (
        decoded(answer({"text": "a"}, **{**reported, "citationMetadata": {"citationSources": []}})),
        streamed(piece({"text": "a"}, **reported), piece(finish="STOP", **last)),
    ):
        assert reply.metadata["grounding"] == {"webSearchQueries": ["q"]}
        assert reply.metadata["url_context"] and [each.arguments for each in reply.server_tool_calls] == [
            {"queries": ["q"]}
        ]


def test_several_candidates_are_alternatives() -> None:
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
    whole, folded_ = decoded(answer(*calls)), streamed(piece(calls[0]), piece(calls[1], finish="STOP"))
    assert whole.tool_calls == folded_.tool_calls
    assert len({call.id for call in whole.tool_calls}) == 2
    sent = body_of(user("hi"), whole.message)["contents"][1]["parts"]
    assert sent == calls, "ids that we made up stay with us"


def test_ids_that_the_wire_gave_twice_are_distinguished() -> None:
    calls = [{"functionCall": {"name": "f", "args": {}, "id": "same"}} for _ in range(2)]
    first, second = decoded(answer(*calls)).tool_calls
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


def test_an_unfinished_call_is_never_run() -> None:
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


def test_an_error_may_come_in_place_of_the_array() -> None:
    for body in (b'{"error": {"code": 503, "message": "busy"}}', b'[{"error": {"code": 503, "message": "busy"}}]'):
        recording = Recording("made", NAME, "p", "m", True, (), {}, 200, {}, (body,), {})
        assert isinstance(replay(recording, google_generate), errors.Overloaded)
