"""An error that a server reports under a good status is the same typed error on every wire, however it is spelled: in
place of the answer, at the beginning of a stream, and in the middle of one, there with the partial answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from reported import ask, framed, pieces

from stepwell import Client
from stepwell.pipeline.http.reported_error import SUSPECT, reported_error
from stepwell.schemas import errors
from stepwell.testing.conformance import samples_of

from odd_fields import KEYS, SPEAKERS, speaker, wires
from recordings import recordings

_SLOW = {"message": "slow down", "code": 429}
SPELLINGS: list[tuple[Any, type[errors.ProviderError]]] = [
    ({"error": _SLOW}, errors.RateLimitError),
    ({"error": [_SLOW]}, errors.RateLimitError),
    ([{"error": _SLOW}], errors.RateLimitError),
    (_SLOW, errors.RateLimitError),
    ({"id": "r", "request_id": "q", **_SLOW}, errors.RateLimitError),
    ({"code": "rate_limit_exceeded", "message": "no", "param": None}, errors.RateLimitError),
    ({"error": orjson.dumps({"error": _SLOW}).decode()}, errors.RateLimitError),
    ({"error": {"message": orjson.dumps({"error": _SLOW}).decode(), "code": 500}}, errors.RateLimitError),
    (orjson.dumps({"error": _SLOW}).decode(), errors.RateLimitError),
    ({"message": "Too many requests"}, errors.RateLimitError),
    ({"success": False, "errors": [{"code": 429, "message": "no"}], "messages": []}, errors.RateLimitError),
    ({"object": "error", "message": "boom", "type": "InternalServerError", "code": 500}, errors.ServerError),
    ({"object": "error", "message": "boom", "type": "InternalServerError", "param": None}, errors.ServerError),
    ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, errors.Overloaded),
    ({"type": "error", "code": "server_error", "message": "no", "sequence_number": 3}, errors.ServerError),
    ({"error": "over_capacity"}, errors.Overloaded),
    ({"status": 503, "title": "busy", "detail": "come back"}, errors.Overloaded),
    ({"detail": "Internal error"}, errors.ServerError),
    ({"detail": [{"msg": "Internal Server Error", "type": "x"}]}, errors.ServerError),
    ({"error_code": 500, "error_msg": "no"}, errors.ServerError),
    ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, errors.RateLimitError),
    ({"__type": "ThrottlingException", "message": "no"}, errors.RateLimitError),
    ({"error": {"message": "the request exceeds the available context size", "code": 400}}, errors.ContextOverflow),
    ({"error": {"message": "no", "code": "content_filter"}}, errors.ContentFiltered),
    ({"error": {"message": "no", "status": "UNAUTHENTICATED"}}, errors.AuthError),
    ({"error": "Insufficient credits"}, errors.QuotaError),
]


def in_stream(name: str, event: bytes, before: int, way: str = "streamed") -> Any:
    """Return the outcome of a stream that is cut by this event after some of its own, and then ends well."""
    start = pieces(name)[:before]
    done = b"data: [DONE]\n\n" if name in ("openai_chat", "mistral_chat") else b""
    return ask(name, b"".join([*start, event, done]), way, samples_of(speaker(name)).text.stream_type)


def middle(name: str) -> int:
    """Return after how many events of its sample stream a wire has shown some text, and not all of it."""
    text = samples_of(speaker(name)).text.text
    for before in range(1, len(pieces(name))):
        cut = in_stream(name, b"", before)
        if isinstance(cut, errors.StreamTruncated) and cut.partial is not None and cut.partial.text not in ("", text):
            return before
    raise AssertionError("no piece of it is only a part")


@wires
def test_an_error_is_the_same_in_every_spelling_and_place(name: str) -> None:
    found, at = [], middle(name)
    for error, kind in SPELLINGS:
        data = orjson.dumps(error)
        places = {
            "whole": ask(name, data, "sync"),
            "whole, for a stream": ask(name, data, "streamed"),
            "at once": in_stream(name, framed(name, data), 0),
            "in the middle": in_stream(name, framed(name, data), at),
            "in the middle, async": in_stream(name, framed(name, data), at, "async streamed"),
        }
        for place, outcome in places.items():
            good = type(outcome) is kind and outcome.request_id == "q1"
            if place.startswith("in the middle"):
                good = (
                    good and bool(outcome.partial.text) and samples_of(speaker(name)).text.text != outcome.partial.text
                )
                good = good and not outcome.partial.usage.complete
            found += [] if good else [(place, error, outcome)]
    assert found == []


@wires
def test_an_error_says_the_same_under_a_bad_status_as_under_a_good_one(name: str) -> None:
    """Its class may differ: there the status counts first."""
    more = [{"errors": ["slow down"]}, {"errorMessage": "slow down"}, {"fault": {"faultstring": "slow down"}}]
    found = []
    for error in (*more, *(error for error, _ in SPELLINGS)):
        good, bad = (ask(name, orjson.dumps(error), "sync", status=status) for status in (200, 429))
        said, again = (each.message.partition(": ")[2] for each in (good, bad))
        same = said == again and "no message" not in again
        found += [] if same and isinstance(bad, errors.ProviderError) else [(error, good, bad)]
    assert found == []


@pytest.mark.parametrize("name", sorted(SPEAKERS.keys() - {"bedrock_converse", "ollama_chat"}))
def test_an_error_in_an_event_of_its_own_kind(name: str) -> None:
    """As a field named `error` (llama.cpp to 2025), as JSON without a field, and as text in an event named `error`."""
    error = orjson.dumps({"code": 500, "message": "Internal error", "type": "server_error"})
    at, found = middle(name), []
    for event in (
        b"error: " + error + b"\n\n",
        b'{"error": ' + error + b"}\n\n",
        b"event: error\ndata: Internal error\n\n",
        b'event: error\ndata: {"reason": "server_error"}\n\n',
        b"data: data: " + error + b"\n\n",
        b"event: error\ndata: " + error + b"\n\n",
    ):
        for before in (0, at):
            outcome = in_stream(name, event, before)
            good = isinstance(outcome, errors.ProviderError) and (
                b"reason" in event or type(outcome) is errors.ServerError
            )
            found += [] if good and (not before or outcome.partial.text) else [(event, before, outcome)]
    assert found == []


@wires
def test_an_answer_beside_an_error_is_its_partial_answer(name: str) -> None:
    body = orjson.loads(samples_of(speaker(name)).text.body)
    for way in ("sync", "streamed"):
        outcome = ask(name, orjson.dumps({**body, "error": _SLOW}), way)
        assert type(outcome) is errors.RateLimitError, (way, outcome)
        assert outcome.partial.text == samples_of(speaker(name)).text.text
        assert outcome.usage.input_tokens and outcome.request_id == "q1"


def test_an_error_in_a_chunk_keeps_the_text_and_the_usage_beside_it() -> None:
    choice = {"index": 0, "delta": {"content": "last"}, "finish_reason": "error"}
    usage = {"prompt_tokens": 9, "completion_tokens": 2}
    for error in ({"error": _SLOW}, {"x_groq": {"error": "rate_limit_exceeded"}}):
        event = orjson.dumps({"id": "1", "choices": [choice], "usage": usage, **error})
        outcome = in_stream("openai_chat", framed("openai_chat", event), middle("openai_chat"))
        assert type(outcome) is errors.RateLimitError and outcome.partial.text.endswith("last")
        assert outcome.usage.input_tokens >= 9


def test_an_end_mark_without_a_reason_is_no_end() -> None:
    outcome = in_stream("openai_chat", b"", middle("openai_chat"))
    assert type(outcome) is errors.StreamTruncated and outcome.partial.text


def test_errors_before_any_content_are_sent_again_and_others_are_not() -> None:
    at = middle("openai_chat")
    for before, spelling, sent in ((0, _SLOW, 3), (0, {"detail": "no"}, 1), (at, _SLOW, 1)):
        asked: list[httpx.Request] = []
        body = b"".join([*pieces("openai_chat")[:before], framed("openai_chat", orjson.dumps(spelling))])

        def handler(request: httpx.Request, body: bytes = body, asked: list[httpx.Request] = asked) -> httpx.Response:
            asked.append(request)
            return httpx.Response(200, content=body, headers={"content-type": "text/event-stream", "retry-after": "0"})

        client = Client(transport=httpx.MockTransport(handler), api_keys=KEYS, retries=2)
        with pytest.raises(errors.ProviderError):
            client.stream_text("groq:m", "hi").reply()
        assert len(asked) == sent, (before, spelling)


def good_bodies() -> Iterator[bytes]:
    apis = ("openai_chat", "openai_responses", "anthropic_messages", "google_generate", "bedrock_converse")
    for recording in recordings(*apis, "cohere_chat", "mistral_chat", "openai_embeddings", streaming=False):
        if recording.status == 200 and "error" not in recording.expected:
            yield recording.body
    for name in SPEAKERS:
        yield samples_of(speaker(name)).text.body


def test_no_good_answer_is_taken_for_an_error() -> None:
    bodies = list(good_bodies())
    assert len(bodies) > 40
    assert not [body for body in bodies if SUSPECT.match(body)]
    assert not [body for body in bodies if reported_error(orjson.loads(body))]
    odd = {"code": 429, "message": {"text": "slow down"}}
    assert reported_error(odd, failed=True) == odd and reported_error(odd) is None
    for fine in ({"code": 0, "message": "success", "data": [1]}, {"type": "ping", "message": "hi"}, {"message": {}}):
        assert reported_error(fine) is None
