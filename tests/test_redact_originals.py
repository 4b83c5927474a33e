"""redact: what is hidden, wherever it is and however it is written."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

import httpx
import pytest
from batch_services import MODELS, SERVICES

from stepwell import Client, Context, File, Message, Tool, user
from stepwell.messages import Reasoning, Text, ToolCall
from stepwell.steps import around, redact
from stepwell.testing import FakeModel

MAIL, PHONE, CARD = "ada@example.com", "+44 20 7946 0958", "4111 1111 1111 1111"
IBAN, KEY = "DE89 3704 0044 0532 0130 00", "sk-abcdefghijklmnop1234"
ORIGINALS = [
    *(MAIL, "x@y.de", "ada@exämple.de", "ada@пример.рф", "o'brien@example.com", "a" * 70 + "@example.com"),
    *(CARD, "378282246310005", CARD.replace(" ", "\u00a0"), IBAN, IBAN.lower()),
    *(PHONE, "(030) 901820-11", f"{PHONE}x12", PHONE.replace(" ", "\u00a0")),
    *("192.168.7.21", "2001:db8::8a2e:370:7334", "::ffff:192.168.7.21"),
    *(KEY, "sk-" + "a" * 300, "ghp_" + "a" * 36, "AKIAIOSFODNN7EXAMPLE"),
    f"-----BEGIN PRIVATE KEY-----\n{'MIIE' * 3_000}\n-----END PRIVATE KEY-----",
]
BORDERS = ["これは{}です", "Nr.{}", "ref-{}!", "k={};", "_{}_", "«{}»", "2024 {} 12/27", "{} ext 12"]
WORDS = ["José García", 'Bob "Bobby" Tables', "12 High St\nLeeds"]


def asked(fake: FakeModel, prompt: Any, *what: Any, **options: Any) -> Any:
    with Client(registry=fake.registry, pipeline=redact(*what)) as client:
        return client.generate_text("fake:m", prompt, **options)


def test_an_original_is_found_between_whatever_characters() -> None:
    texts = [(border.format(original), original) for original in ORIGINALS for border in BORDERS]
    fake = FakeModel([[1.0]] * len(texts))
    with Client(registry=fake.registry, pipeline=redact()) as client:
        client.embed("fake:m", [text for text, _ in texts])
    for (text, original), sent in zip(texts, fake.requests[0].input, strict=True):
        left = re.sub(r"\[[A-Z]+_\d+\]", "", sent)
        assert left != sent, text
        assert not [piece for piece in re.findall(r"\w{4,}", original) if piece in left], (text, sent)


def test_an_original_is_found_where_it_is_escaped() -> None:
    for word in WORDS:
        written = {"JSON": json.dumps({"of": word}), "in an address": f"https://x.example/?of={quote(word)}"}
        written["JSON in JSON"] = json.dumps({"text": written["JSON"]})
        for form, text in written.items():
            fake = FakeModel("so [NAME_1]")
            reply = asked(fake, user([text, File(data=text.encode(), media_type="application/json")]), {"NAME": WORDS})
            prompt, file = fake.requests[0].context[0].content
            sent = [prompt.text, file.data.decode()]
            assert all("[NAME_1]" in each and word[:3] not in each for each in sent), (form, sent)
            assert reply.text == f"so {word}", form
    decomposed = normalize("NFD", WORDS[0])
    fake = FakeModel("[NAME_1]")
    assert asked(fake, decomposed, {"NAME": WORDS}).text == decomposed and "[NAME_1]" in str(fake.requests[0].context)


def test_thousands_of_originals_are_hidden_in_time_that_is_linear() -> None:
    """A pattern of all of them would need minutes here; what functions have found must not be lost on the way."""
    people = [f"user{number}@example.com" for number in range(10_000)]
    fake = FakeModel([[1.0]] * 3_000)
    find = lambda text: [word for word in text.split() if word.startswith("code")]
    with Client(registry=fake.registry, pipeline=redact("email", find)) as client:
        client.embed("fake:m", [" ".join(people), *(f"a code{number}" for number in range(2_999))])
    first, *others = fake.requests[0].input
    assert "@" not in first and not [text for text in others if "ORIGINAL" not in text]


class Who(str, Enum):  # noqa: UP042 - a StrEnum's hash is that of its text
    ADA = MAIL


def test_names_that_other_fields_refer_to_stay() -> None:
    fake = FakeModel("x")
    schema = {"type": "object", "properties": {"acme_id": {"type": "string"}}, "required": ["acme_id"]}
    tools = [Tool("acme_find", "Finds acme.", schema)]
    asked(fake, "hi", {"NAME": ["acme"]}, tools=tools, tool_choice={"name": "acme_find"}, user=Who.ADA)
    sent = fake.requests[0]
    assert sent.context.tools == (Tool("acme_find", "Finds [NAME_1].", schema),)
    assert sent.options["tool_choice"] == {"name": "acme_find"}
    asked(fake := FakeModel("x"), "hi", "email", user=Who.ADA)
    assert fake.requests[0].options["user"] == "[EMAIL_1]", "also of an enum"


def test_a_file_of_text_is_searched_in_its_encoding_or_named_in_a_warning() -> None:
    for encoding, is_read in (("utf-8", True), ("utf-8-sig", True), ("utf-16", True), ("latin-1", False)):
        fake = FakeModel("x")
        data = f"é {MAIL}".encode(encoding)
        reply = asked(fake, user(["see", File(data=data, media_type="Text/Plain; charset=x")]), "email")
        (sent,) = [part for part in fake.requests[0].context[0].content if isinstance(part, File)]
        assert sent.data == ("é [EMAIL_1]".encode(encoding) if is_read else data), encoding
        assert any("not searched: file" in str(warning) for warning in reply.warnings) is not is_read


def test_further_answers_have_the_originals_where_the_first_is_empty() -> None:
    texts = enumerate(["", "[EMAIL_1]"])
    choices = [{"index": at, "message": {"content": text}, "finish_reason": "stop"} for at, text in texts]
    body = {"id": "1", "model": "m", "choices": choices}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    with Client(api_keys={"groq": "k"}, transport=transport, pipeline=redact("email")) as client:
        assert client.generate_text("groq:m", MAIL, n=2).alternatives[0].text == MAIL


def test_notes_that_are_none_are_left_alone() -> None:
    for note in ({"originals": {"[EMAIL_1]": 5, 5: "x"}}, {"originals": "abc"}, {"originals": {"[EMAIL_1]": ""}}, [1]):
        thought = Reasoning("so", "c2ln", extra={"redact": note})
        history = Context((user(MAIL), Message("assistant", (thought, Text("ok"))), user("go")))
        asked(fake := FakeModel("x"), history, "email")
        assert fake.requests[0].context[0].text == "[EMAIL_1]"


@pytest.mark.parametrize("vendor", SERVICES)
def test_no_call_of_a_batch_has_an_original(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    service = SERVICES[vendor]()
    for where in ("client", "batch"):
        settings = service.settings(pipeline=redact({"WORD": ["Say"]}) if where == "client" else None)
        options = {"pipeline": redact({"WORD": ["Say"]})} if where == "batch" else {}
        with Client(**settings) as client:
            client.submit_batch(MODELS[vendor], ["Say hello."], **options)
    bodies = b"".join(request.content for request in service.seen)
    assert b"[WORD_1] hello." in bodies and b"Say" not in bodies


def test_a_step_inside_that_waits_for_the_end_sees_placeholders_then_too() -> None:
    seen: list[Any] = []
    watch = around("watch", watched(seen))
    call = ToolCall("call_1", "mail", '{"to":"[NAME_1]"}')
    for place in (0, 1):
        fake = FakeModel(*[[Reasoning("of [EMAIL_1]"), Text("x[EMAIL_1] [NAME_1]"), call]] * 2)
        steps = [watch, redact("email", {"NAME": WORDS})]
        with Client(registry=fake.registry, pipeline=steps[::-1] if place else steps) as client:
            prompt = f"{MAIL} {WORDS[1]}"
            replies = [client.generate_text("fake:m", prompt), client.stream_text("fake:m", prompt).reply()]
        assert all(f"x{MAIL} {WORDS[1]}" == reply.text for reply in replies)
        for reply in seen[-2:]:
            shown = str((reply.message, reply.prompt, reply.tool_calls[0].arguments))
            assert ("[NAME_1]" in shown and MAIL not in shown and "Bobby" not in shown) is bool(place)
    assert len(seen) == 4


def watched(seen: list[Any]) -> Any:
    def run(request: Any, call: Any) -> Any:
        response = yield from call(request)
        return response.on_end(lambda reply, error: seen.append(reply))

    return run
