"""Contexts: the values that make one, and its JSON form."""

from __future__ import annotations

from datetime import date
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell import Context, File, Image, Message, Reply, Tool
from stepwell.chunks import ToolRun
from stepwell.messages import Audio, CallWarning, Opaque, Reasoning, Refusal, Text, ToolCall, Video
from stepwell.schemas.errors import ConfigError, DecodeError
from stepwell.schemas.message import assistant, context_of, system, tool_result, user


@attrs.frozen
class City:
    name: str


text = st.text(max_size=20)
plain = st.dictionaries(
    st.sampled_from(["__class__", "lc", "type", "id", "x"]), st.integers(-(2**80), 2**80) | text | st.lists(text)
)
media = st.one_of(
    st.builds(lambda data: {"data": data}, st.binary()),
    st.builds(lambda url: {"url": url}, text.filter(bool)),
    st.builds(lambda id: {"file_id": id}, text.filter(bool)),
)
parts = st.one_of(
    st.builds(Text, text, plain),
    st.builds(Refusal, text),
    st.builds(Reasoning, text, st.none() | text, st.none() | text, st.none() | text, st.none() | text),
    st.builds(
        lambda cls, how, extra: cls(**how, extra=extra), st.sampled_from([Image, File, Audio, Video]), media, plain
    ),
    st.builds(ToolCall, text, text, text, plain),
    st.builds(Opaque, text, plain | st.lists(plain)),
)
messages = st.builds(
    Message, st.sampled_from(["system", "user", "assistant", "tool"]), st.lists(parts, max_size=4), st.none() | text
)
tools = st.builds(
    Tool, st.just("look_up"), text, st.just({"type": "object", "properties": {"type": {"type": "string"}}})
)


@given(st.builds(Context, st.lists(messages, max_size=4), st.lists(tools, max_size=2)))
def test_a_context_is_equal_after_a_round_trip(context: Context) -> None:
    assert Context.from_json(context.to_json()) == context


def test_hostile_keys_stay_plain_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "canary")
    bait = {"lc": 1, "type": "secret", "id": ["SECRET"], "__class__": "os.system", "__reduce__": ["x"]}
    context = Context((assistant([Opaque("w", bait), Text("t", {"w": bait})]),))
    again = Context.from_json(context.to_json())
    assert again.messages[0].content[0] == Opaque("w", bait)
    assert "canary" not in again.to_json()


@pytest.mark.parametrize(
    "bad",
    [
        b"not json",
        b"[]",
        b'{"stepwell": "context", "version": 2}',
        b'{"stepwell": "context", "version": 1, "messages": [{"role": "user", "content": [{"type": "os"}]}]}',
        b'{"stepwell": "context", "version": 1, "messages": [{"role": "user", "content": [], "__class__": "x"}]}',
    ],
)
def test_other_json_is_refused(bad: bytes) -> None:
    with pytest.raises(DecodeError):
        Context.from_json(bad)


def test_the_callback_of_a_tool_stays_behind() -> None:
    context = Context((user("hi"),), (Tool("f", callback=print),))
    assert Context.from_json(context.to_json()).tools[0].callback is None
    assert "print" not in context.to_json()


@pytest.mark.parametrize(
    ("prompt", "messages"),
    [
        ("hi", [user("hi")]),
        (user("hi"), [user("hi")]),
        (["one", "two"], [user(["one", "two"])]),
        ([system("s"), "hi"], [system("s"), user("hi")]),
        ({"role": "user", "content": "hi"}, [user("hi")]),
        ([{"role": "developer", "content": "s"}, {"role": "user", "content": "hi"}], [system("s"), user("hi")]),
        ([Image(url="https://x/y.png"), "what is this?"], [user([Image(url="https://x/y.png"), "what is this?"])]),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}],
            [user(Image(url="https://x/y.png"))],
        ),
        (
            [
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}],
                },
                {"role": "tool", "tool_call_id": "1", "content": "42"},
            ],
            [assistant(ToolCall("1", "f", "{}")), tool_result("1", "42")],
        ),
        (
            # What the answer of OpenAI's own client dumps as, DeepSeek's word for thinking added.
            [
                {
                    "role": "assistant",
                    "content": None,
                    "refusal": "no",
                    "annotations": [],
                    "audio": None,
                    "function_call": None,
                    "tool_calls": None,
                    "reasoning_content": "hm",
                },
                "why?",
            ],
            [assistant([Reasoning("hm"), Refusal("no")]), user("why?")],
        ),
    ],
)
def test_a_prompt_is_accepted_in_every_form(prompt: Any, messages: list[Message]) -> None:
    assert context_of(prompt) == Context(messages)


def test_a_context_accepts_every_form_of_prompt() -> None:
    said = [system("s"), "hi", {"role": "assistant", "content": "yes"}]
    wanted = Context((system("s"), user("hi"), assistant("yes")))
    assert Context(said) == Context().append(*said) == wanted
    assert Context("hi") == Context(user("hi")) == Context((user("hi"),))


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"a": {1}}, "set"),
        ({"a": [float("nan")]}, "JSON does not have, at /messages/0/extra/a/0"),
        ({"a": float("inf")}, "JSON does not have"),
    ],
    ids=str,
)
def test_values_that_json_cannot_represent_are_refused_and_not_changed(extra: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Context((Message("user", "null", extra=extra),)).to_json()


@pytest.mark.parametrize("prompt", ["", "  \n", [], 3, None, {"content": "x"}, [{"role": "boss", "content": "x"}], [3]])
def test_an_invalid_prompt_is_refused_with_a_hint(prompt: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        context_of(prompt)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("arguments", "parsed"),
    [
        ("", {}),
        ("  \n", {}),
        ("null", {}),
        ("{}", {}),
        ('"{}"', {}),
        ('{"a": 1}', {"a": 1}),
        ('{"n": 123456789012345678901234567890}', {"n": 123456789012345678901234567890}),
        ('{"a":', None),
        ('{"a": 1}{"b": 2}', None),
        ("[1]", None),
        ('"text"', None),
        ('{"a": NaN}', None),
        ('{"a": 1, "a": 2}', None),
        ('{"a": [{"b": 1, "b": 1}]}', None),
        ('{"a": "x:y", "b": ":::"}', {"a": "x:y", "b": ":::"}),
    ],
)
def test_the_arguments_of_a_call(arguments: str, parsed: dict[str, Any] | None) -> None:
    call = ToolCall("1", "f", arguments)
    assert call.arguments == parsed
    assert (call.error is None) == (parsed is not None)
    assert call.arguments_json == arguments


def test_a_media_part_holds_exactly_one_thing() -> None:
    with pytest.raises(ConfigError):
        Image()
    with pytest.raises(ConfigError):
        Image(url="https://x", data=b"x")
    assert Audio(url="https://x/a.mp3?sig=1").sent_type == "audio/mpeg"


@pytest.mark.parametrize(
    ("part", "media_type"),
    [
        (Image(data=b"\x89PNG..."), "image/png"),
        (Image(data=b"\xff\xd8\xff\xe0"), "image/jpeg"),
        (Image(data=b"RIFF\x10\0\0\0WEBPVP8 "), "image/webp"),
        (Image(data=b"\0\0\0\x20ftypavif\0"), "image/avif"),
        (Image(data=b"\0\0\0\x20ftypheic\0"), "image/heic"),
        (Image(data=b"BM\x10\0"), "image/bmp"),
        (Image(data=b"nothing we know"), "image/png"),
        (File(data=b"%PDF-1.7"), "application/pdf"),
        (File(data=b"BMW was founded in 1916"), "application/octet-stream"),
        (File(data="text".encode("utf-16")), "application/octet-stream"),
        (File(data=b"\0\0\0\x20ftypisom"), "video/mp4"),
        (Audio(data=b"ID3\x04"), "audio/mpeg"),
        (Audio(data=b"\xff\xfb\x90\x44"), "audio/mpeg"),
        (Audio(data=b"\xff\xf3\x84\xc4"), "audio/mpeg"),
        (Audio(data=b"\xff\xf1\x50\x80"), "audio/aac"),
        (Audio(data=b"\xff\xff\xff\xff"), "audio/wav"),
        (Audio(data=b"RIFF\x10\0\0\0WAVEfmt "), "audio/wav"),
        (Audio(data=b"\0\0\0\x20ftypM4A "), "audio/mp4"),
        (Audio(data=b"\x1aE\xdf\xa3..."), "audio/webm"),
        (Video(data=b"\x1aE\xdf\xa3..."), "video/webm"),
        (Video(data=b"\0\0\0\x14ftypqt  "), "video/quicktime"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value.data[:12]),
)
def test_the_first_bytes_show_the_media_type(part: Any, media_type: str) -> None:
    assert part.sent_type == media_type


def test_bodies_do_not_show_in_a_repr() -> None:
    assert "AAAA" not in repr(Image(data=b"AAAA" * 100))
    assert (
        orjson.loads(Context((user(Image(data=b"AAAA")),)).to_json())["messages"][0]["content"][0]["data"] == "QUFBQQ=="
    )


def test_a_context_is_a_sequence_of_its_messages() -> None:
    tools = (Tool("look_up"),)
    context = Context((system("s"), user("a"), assistant("b")), tools)
    assert (context[0], context[-1], len(context)) == (system("s"), assistant("b"), 3)
    assert list(context) == [*context.messages] and list(reversed(context)) == [*context.messages][::-1]
    assert context[1:] == Context((user("a"), assistant("b")), tools) and context[5:] == Context((), tools)
    with pytest.raises(IndexError):
        context[3]


def test_json_is_text_and_is_read_as_text_or_bytes() -> None:
    context, reply = Context("é"), Reply(assistant("é"), warnings=(CallWarning("seed", "no"),))
    for value in (context, reply):
        written: str = value.to_json()  # type: ignore[attr-defined]
        assert "é" in written
        for data in (written, written.encode()):
            assert type(value).from_json(data) == value  # type: ignore[attr-defined]


def test_the_json_of_a_reply_holds_the_answer_and_nothing_of_the_exchange() -> None:
    secret = {"authorization": "canary"}
    run = ToolRun(ToolCall("1", "f"), "Error: x", object(), ValueError("x"))
    notes = {"runs": [run], "notes": (1, date(2026, 1, 2))}
    reply = Reply(object=City("Pune"), headers=secret, raw=secret, prompt=Context("canary"), metadata=notes)
    body = orjson.loads(reply.to_json())
    assert "canary" not in reply.to_json()
    assert body["object"] == {"name": "Pune"} and body["metadata"] == {"notes": [1, "2026-01-02"]}
    with pytest.raises(ConfigError, match="no JSON form"):
        reply.to_json(exact=True)
    with pytest.raises(ConfigError, match="the object of this answer has no JSON form"):
        reply.replace(object=object()).to_json()
