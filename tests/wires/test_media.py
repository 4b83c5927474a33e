"""Images, audio, video and files over every wire: each arrives, or the call is refused; nothing is lost silently."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import answers
import httpx
import orjson
import pytest
from chat_wires import CHAT_WIRES
from in_turn import in_turn

from stepwell import Client, File, Image, Message
from stepwell.declare import Wire
from stepwell.messages import Audio, Text, ToolCall, Video
from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.schemas import errors
from stepwell.schemas.message import assistant, tool_result, user
from stepwell.testing.conformance import samples_of

from recordings import registry_of

MARK = b"marked \xff\xfe bytes"
CODE = b64encode(MARK).decode()
KINDS: dict[type, str] = {Image: "image/png", Audio: "audio/mpeg", Video: "video/mp4", File: "application/pdf"}
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
CALL = [user("go"), assistant(ToolCall("1", "f", "{}"))]


def forms(kind: type) -> dict[str, tuple[Any, str]]:
    """Return a part of this kind in each form, and what of it must be in the body."""
    return {
        "bytes": (kind(data=MARK, media_type=KINDS[kind]), CODE),
        "a data: address": (kind(url=f"data:{KINDS[kind]};base64,{CODE}"), CODE),
        "an address": (kind(url="https://x.test/marked", media_type=KINDS[kind]), "https://x.test/marked"),
        "a file's id": (kind(file_id="file-marked", media_type=KINDS[kind]), "file-marked"),
    }


def body(wire: Wire, messages: list[Message]) -> str:
    return orjson.dumps(answers.body_of(wire, messages)).decode()


@in_turn("form", forms(Image))
@in_turn("kind", KINDS)
@pytest.mark.parametrize("wire", CHAT_WIRES.values(), ids=lambda wire: wire.name)
@in_turn("said_by", ["user", "tool"])
def test_media_arrive_or_are_refused(wire: Wire, kind: type, form: str, said_by: str) -> None:
    part, marker = forms(kind)[form]
    messages = [user(["see", part])] if said_by == "user" else [*CALL, tool_result("1", ["see", part])]
    try:
        sent = body(wire, messages)
    except errors.NotSupported as error:
        assert part.type in str(error) and "it takes" in str(error)
    else:
        assert marker in sent and '""' not in sent.replace('"content":""', "").replace('"text":""', "")


TAKEN = {
    "anthropic_messages": {Image, File},
    "bedrock_converse": {Image, Audio, Video, File},
    "cohere_chat": {Image},
    "google_generate": {Image, Audio, Video, File},
    "mistral_chat": {Image, Audio, File},
    "ollama_chat": {Image},
    "openai_chat": {Image, Audio, Video, File},
    "openai_responses": {Image, File},
}


@pytest.mark.parametrize("wire", CHAT_WIRES.values(), ids=lambda wire: wire.name)
def test_media_that_a_format_supports_are_accepted(wire: Wire) -> None:
    for kind in KINDS:
        part, marker = forms(kind)["bytes"]
        if kind in TAKEN[wire.name]:
            assert marker in body(wire, [user(part)])
        else:
            with pytest.raises(errors.NotSupported, match=f"takes no {part.type}"):
                body(wire, [user(part)])


@in_turn("kind", KINDS)
@pytest.mark.parametrize("wire", CHAT_WIRES.values(), ids=lambda wire: wire.name)
def test_an_answers_media_go_back_or_the_loss_is_reported(wire: Wire, kind: type) -> None:
    """Answers hold pictures and sounds; only few formats take them back."""
    bodies: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content.decode())
        return httpx.Response(200, content=samples_of(wire).text.body)

    part, marker = forms(kind)["bytes"]
    history = [user("draw"), assistant([Text("here"), part]), user("more")]
    with Client(transport=httpx.MockTransport(handler), registry=registry_of(wire)) as client:
        reply = client.generate_text("recorded:m", history)
    reported = [str(warning) for warning in reply.warnings]
    assert (marker in bodies[0]) != any("of an answer cannot be sent" in text for text in reported), reported
    assert "here" in bodies[0] and reply.context.messages[1].content == history[1].content


def test_a_document_is_sent_by_url_only_to_chats_that_fetch_it() -> None:
    bodies: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(orjson.loads(request.content))
        return httpx.Response(200, content=samples_of(openai_chat).text.body)

    file = File(url="https://x.test/y.pdf", filename="y.pdf")
    with Client(transport=httpx.MockTransport(handler), api_keys={"openai": "k", "openrouter": "k"}) as client:
        client.generate_text("openrouter:x/y", [user(["read", file])])
        with pytest.raises(errors.NotSupported, match="takes no file .* by address.*responses"):
            client.generate_text("openai:gpt-4o", [user(["read", file])])
    (sent,) = bodies
    assert sent["messages"][0]["content"][1]["file"] == {"filename": "y.pdf", "file_data": "https://x.test/y.pdf"}


def test_a_models_own_image_is_sent_back_as_its_item_without_a_warning() -> None:
    item = {"type": "image_generation_call", "id": "ig_1", "result": CODE, "output_format": "png"}
    answer = {"id": "r", "status": "completed", "output": [item], "model": "m"}
    bodies: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(orjson.loads(request.content))
        return httpx.Response(200, json=answer)

    with Client(transport=httpx.MockTransport(handler), registry=registry_of(openai_responses)) as client:
        first = client.generate_text("recorded:m", "draw")
        again = client.generate_text("recorded:m", [*first.context.messages, user("larger")])
    assert first.images[0].data == MARK
    assert bodies[1]["input"][1] == item and again.warnings == ()


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        (Image(data=MARK, media_type="image/jpg"), "image/jpeg"),
        (Image(url=f"data:image/jpg;base64,{CODE}"), "image/jpeg"),
    ],
)
def test_media_types_are_sent_as_they_are_registered(part: Any, kind: str) -> None:
    (sent,) = answers.body_of(google_generate, [user(part)])["contents"][0]["parts"]
    assert sent == {"inlineData": {"mimeType": kind, "data": CODE}}


@pytest.mark.parametrize(
    ("file", "anthropic", "bedrock"),
    [
        (File(data=b"plain", filename="a.txt"), "plain", "txt"),
        (File(data=b"a,b", filename="a.csv"), "a,b", "csv"),
        (File(data=b'{"a":1}', filename="a.json"), '{"a":1}', "txt"),
        (File(data=b"%PDF-1", filename="a.pdf"), "application/pdf", "pdf"),
        (File(data=b"PK", media_type=WORD), None, "docx"),
        (File(data=b"\xff\xfe\x00", filename="a.bin"), None, None),
    ],
    ids=lambda value: getattr(value, "filename", None) or str(value),
)
def test_documents_are_sent_with_their_media_type(file: File, anthropic: str | None, bedrock: str | None) -> None:
    if anthropic is None:
        with pytest.raises(errors.NotSupported, match="PDF or plain text"):
            answers.body_of(anthropic_messages, [user(file)])
    else:
        (block,) = answers.body_of(anthropic_messages, [user(file)])["messages"][0]["content"]
        assert anthropic in (block["source"]["data"], block["source"]["media_type"])
    if bedrock is None:
        with pytest.raises(errors.NotSupported, match="documents in pdf, csv"):
            answers.body_of(bedrock_converse, [user(file)])
    else:
        block, words = answers.body_of(bedrock_converse, [user([file, "see"])])["messages"][0]["content"]
        assert words == {"text": "see"}
        assert block["document"]["format"] == bedrock


@pytest.mark.parametrize(
    ("part", "place", "word"),
    [
        (Image(data=b"x", media_type="image/jpg"), "image", "jpeg"),
        (Image(url="data:image/webp;base64,eA=="), "image", "webp"),
        (Audio(data=b"ID3"), "audio", "mp3"),
        (Audio(data=b"x", media_type="audio/x-wav"), "audio", "wav"),
        (Video(data=b"x", media_type="video/quicktime"), "video", "mov"),
        (Video(url="s3://bucket/film.mkv", media_type="video/x-matroska"), "video", "mkv"),
    ],
)
def test_converse_has_its_own_names_of_media_types(part: Any, place: str, word: str) -> None:
    (block,) = answers.body_of(bedrock_converse, [user(part)])["messages"][0]["content"]
    assert block[place]["format"] == word
    if part.url and part.url.startswith("s3:"):
        assert block[place]["source"] == {"s3Location": {"uri": part.url}}


@pytest.mark.parametrize("wire", ["openai_chat", "openai_responses"])
@pytest.mark.parametrize(
    ("file", "name"),
    [
        (File(data=b"%PDF-1.4 x"), "file.pdf"),
        (File(url="data:application/pdf;base64,JVBERi0xLjQgeA=="), "file.pdf"),
        (File(data=b"a,b", media_type="text/csv; charset=utf-8"), "file.csv"),
        (File(data=b"abc", media_type="application/x-of-no-known-ending"), "file"),
        (File(data=b"%PDF-1.4 x", filename="report"), "report"),
    ],
    ids=["bytes", "data URL", "parameters", "unknown", "named"],
)
def test_a_file_without_a_name_gets_the_ending_of_its_type(wire: str, file: File, name: str) -> None:
    client = Client(api_keys={"openai": "k"})
    body = client.preview("openai:gpt-4o", [Message("user", [file])], wire=wire).body.decode()
    assert f'"filename":"{name}"' in body
