"""Headers: one type for requests and answers, case-insensitive."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.pipeline.http.headers import Headers, from_lines, received
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.http.response import Response
from stepwell.schemas.model import Model

NAMES = st.sampled_from(["x-a", "X-A", "x-A", "authorization", "Authorization", "AUTHORIZATION", "b"])
VALUES = st.sampled_from(["1", "2", "3"])
PAIRS = st.lists(st.tuples(NAMES, VALUES))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), NAMES, VALUES),
        st.tuples(st.just("update"), PAIRS),
        st.tuples(st.just("or"), PAIRS),
        st.tuples(st.just("pop"), NAMES),
        st.tuples(st.just("default"), NAMES, VALUES),
    )
)


def lowered(pairs: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in pairs}


@given(PAIRS, STEPS, NAMES)
def test_headers_behave_like_a_dict_of_lower_case_names(pairs: Any, steps: Any, name: str) -> None:
    ours, plain = Headers(pairs), lowered(pairs)
    for what, *args in steps:
        match what:
            case "set":
                ours[args[0]], plain[args[0].lower()] = args[1], args[1]
            case "update":
                ours.update(args[0])
                plain.update(lowered(args[0]))
            case "or":
                ours, plain = ours | dict(args[0]), plain | lowered(dict(args[0]).items())
            case "pop":
                assert ours.pop(args[0], "") == plain.pop(args[0].lower(), "")
            case "default":
                assert ours.setdefault(*args) == plain.setdefault(args[0].lower(), args[1])
    assert ours == plain and type(ours) is Headers
    assert (name in ours) is (name.lower() in plain)
    assert ours.get(name) == plain.get(name.lower())
    for made in (copy.copy(ours), ours.copy(), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), Headers(ours)):
        assert made == ours and type(made) is Headers


def test_a_name_that_is_not_there_is_an_error_as_in_a_dict() -> None:
    with pytest.raises(KeyError, match="x-a"):
        Headers()["X-A"]
    with pytest.raises(KeyError):
        del Headers({"x-b": "1"})["X-A"]


def test_a_steps_header_replaces_the_earlier_one_in_any_spelling() -> None:
    asked = Request("chat", Model("openai", "m"), headers={"Authorization": "old"})  # type: ignore[arg-type]
    assert asked.replace(headers={**asked.headers, "authorization": "new"}).headers == {"authorization": "new"}
    assert asked.with_headers(AUTHORIZATION="new").headers == {"authorization": "new"}


def test_headers_of_a_steps_response_are_case_insensitive() -> None:
    response = Response(Request("chat", Model("openai", "m")), 200, {"X-Request-ID": "id"})
    assert response.request_id == "id" and response.headers == {"x-request-id": "id"}


def test_repeated_encodings_are_both_listed() -> None:
    from multidict import CIMultiDict

    twice = CIMultiDict([("Content-Encoding", "gzip"), ("content-encoding", "gzip")])
    assert received(twice)["content-encoding"] == "gzip, gzip"


def test_bytes_that_are_not_utf_8_can_be_recorded() -> None:
    hidden = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert received({"X-Said": hidden, b"x-raw": b"caf\xe9"}) == {"x-said": "café", "x-raw": "café"}


def test_answers_share_the_names_of_their_headers() -> None:
    """A hundred open streams with twenty headers each hold two thousand names."""
    said = {"X-Request-Id-Of-The-Vendor": "1", "Content-Type": "text/event-stream"}
    of_httpx = [received(httpx.Headers(said)) for _ in range(2)]
    of_lines = [from_lines(b"HTTP/1.1 200 OK" + b"".join(f"\r\n{n}: {v}".encode() for n, v in said.items()))]
    for each in (*of_httpx, *of_lines):
        assert each == {"x-request-id-of-the-vendor": "1", "content-type": "text/event-stream"}
        assert [id(name) for name in each] == [id(name) for name in of_httpx[0]]
