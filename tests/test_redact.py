"""redact: originals leave in no request, and are in every answer again."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from typing import Any

import httpx
import orjson
import pytest
from fault_answers import FORMATS
from fault_events import Answer
from hypothesis import given
from hypothesis import strategies as st

from stepwell import (
    AsyncClient,
    Client,
    Context,
    File,
    Image,
    Message,
    Tool,
    assistant,
    cache,
    errors,
    fallback,
    system,
    tool,
    tool_result,
    user,
)
from stepwell.chunks import TextDelta
from stepwell.messages import Reasoning, Text, ToolCall
from stepwell.pipeline.redaction.patterns import PATTERNS
from stepwell.pipeline.redaction.placeholders import Placeholders, PutBack
from stepwell.steps import CallModel, redact
from stepwell.stores import MemoryStore
from stepwell.testing import FakeModel, ServerAnswer, SimulatedWorld

from recordings import registry_of

MAIL, PHONE, CARD = "ada@example.com", "+44 20 7946 0958", "4111 1111 1111 1111"
IBAN, IP, KEY = "DE89 3704 0044 0532 0130 00", "192.168.7.21", "sk-abcdefghijklmnop1234"
PROMPT = f"I am {MAIL}, {PHONE}, {CARD}, {IBAN}, {IP}, {KEY}."


def asked(fake: FakeModel, prompt: Any, *what: Any, **options: Any) -> Any:
    with Client(registry=fake.registry, pipeline=redact(*what)) as client:
        return client.generate_text("fake:m", prompt, **options)


def test_what_is_found_leaves_as_a_placeholder_and_comes_back() -> None:
    fake = FakeModel(lambda request: f"You said: {request.context.messages[-1].text}")
    reply = asked(fake, PROMPT)
    sent = fake.requests[0].context.messages[0].text
    assert sent == "I am [EMAIL_1], [PHONE_1], [CARD_1], [IBAN_1], [IP_1], [KEY_1]."
    assert reply.text == f"You said: {PROMPT}" and reply.prompt.messages[0].text == PROMPT
    assert not reply.steps


FINDINGS: dict[str, tuple[list[str], list[str]]] = {
    "email": (["a.b+c@mail.example.co.uk", "x@y.de"], ["a@b", "@name", "a@b.c1"]),
    "card": ([CARD, "378282246310005"], ["4111 1111 1111 1112", "1234567890123456789012"]),
    "iban": ([IBAN, "GB29NWBK60161331926819"], ["DE88 3704 0044 0532 0130 00", "ABCD 1234"]),
    "ip": ([IP, "2001:db8::8a2e:370:7334"], ["1.2.3", "300.1.1.1", "12:30:45", "1.2.3.4.5"]),
    "phone": ([PHONE, "(030) 901820-11", "555-123-4567"], ["2024-08-06 12:30", "1800000000", "12345", "1.2.3.4"]),
    "key": ([KEY, "ghp_" + "a" * 36, "AKIAIOSFODNN7EXAMPLE"], ["sk-short", "task-abcdefghijklmnopqrst"]),
}


def test_patterns_find_what_they_are_for_and_nothing_else() -> None:
    for name, (found, not_found) in FINDINGS.items():
        for text in found:
            spans = [f"see {text}, then"[start:end] for start, end in PATTERNS[name](f"see {text}, then")]
            assert spans == [text], (name, text, spans)
        for text in not_found:
            assert not list(PATTERNS[name](f"see {text} then")), (name, text)
    assert [*PATTERNS["iban"](f"{IBAN} CALL ME")] == [(0, len(IBAN))]


def test_patterns_take_linear_time() -> None:
    """One that took quadratic time would need an hour here."""
    for find in PATTERNS.values():
        for piece in ("a.", "1 ", "a@", "1-", "DE89 ", "0:", "sk-", "-----BEGIN PRIVATE KEY-----", "+1("):
            list(find(piece * 4_000))


def test_placeholders_stay_the_same_from_turn_to_turn() -> None:
    fake = FakeModel("Noted, [EMAIL_2].", "Both: [EMAIL_1], [EMAIL_2], [EMAIL_3].")
    with Client(registry=fake.registry, pipeline=redact("email")) as client:
        first = client.generate_text("fake:m", f"{MAIL} and bob@example.com and {MAIL}")
        second = client.generate_text("fake:m", first.context.append("And eve@example.com?"))
    assert first.text == "Noted, bob@example.com."
    before, after = (request.context.messages for request in fake.requests)
    assert before[0].text == "[EMAIL_1] and [EMAIL_2] and [EMAIL_1]" == after[0].text
    assert after[1].text == "Noted, [EMAIL_2]." and after[2].text == "And [EMAIL_3]?"
    assert second.text == f"Both: {MAIL}, bob@example.com, eve@example.com."


@pytest.mark.parametrize(
    "written",
    ["[EMAIL_1]", "[email_1]", "[ EMAIL_1 ]", "[EMAIL 1]", "[Email-1]", r"[EMAIL\_1]", "EMAIL_1", r"EMAIL\_1"],
)
def test_spellings_of_models_are_understood(written: str) -> None:
    assert asked(FakeModel(f"<{written}>."), MAIL, "email").text == f"<{MAIL}>."


def test_what_is_no_placeholder_stays() -> None:
    said = "email_1 = EMAIL_12 [EMAIL_7] XEMAIL_1 e-mail 1 [EMAIL_1"
    assert asked(FakeModel(said), MAIL, "email").text == said.replace("[EMAIL_1", "[" + MAIL)
    assert asked(FakeModel("[EMAIL_1](mailto:EMAIL_1)"), MAIL, "email").text == f"[{MAIL}](mailto:{MAIL})"


def test_a_placeholder_in_the_callers_text_is_not_confused() -> None:
    fake = FakeModel("[QUOTED_1] stands for an address, such as [EMAIL_1].")
    reply = asked(fake, f"What is [EMAIL_1]? I am {MAIL}.", "email")
    assert fake.requests[0].context.messages[0].text == "What is [QUOTED_1]? I am [EMAIL_1]."
    assert reply.text == f"[EMAIL_1] stands for an address, such as {MAIL}."


CUSTOMERS = {"CUSTOMER": r"C-\d{6}", "NAME": ["Ada Lovelace", 'Bob "Bobby" Tables']}


def find_places(text: str) -> list[Any]:
    return [("Pune", "PLACE")] if "Pune" in text else []


def test_patterns_texts_and_functions_of_the_callers_own() -> None:
    fake = FakeModel("[NAME_1], [CUSTOMER_1], [PLACE_1], [ORIGINAL_1]")
    what = (CUSTOMERS, find_places, re.compile("secret-[a-z]+"))
    reply = asked(fake, "Ada Lovelace is C-123456 in Pune: secret-x", *what)
    assert fake.requests[0].context.messages[0].text == "[NAME_1] is [CUSTOMER_1] in [PLACE_1]: [ORIGINAL_1]"
    assert reply.text == "Ada Lovelace, C-123456, Pune, secret-x"


def test_an_async_function_works_with_an_async_client() -> None:
    async def find(text: str) -> list[str]:
        return ["Pune"] if "Pune" in text else []

    async def main() -> str:
        fake = FakeModel("In [ORIGINAL_1]", repeat=True)
        async with AsyncClient(registry=fake.registry, pipeline=redact(find)) as client:
            assert "".join([text async for text in client.stream_text("fake:m", "Pune?").text_deltas()]) == "In Pune"
            return (await client.generate_text("fake:m", "Pune?")).text

    assert asyncio.run(main()) == "In Pune"
    with pytest.raises(errors.ConfigError):
        asked(FakeModel("x"), "Pune?", find)


PAPER = File(data=f"of {MAIL}".encode(), media_type="text/plain", filename=f"{MAIL}.txt")


def everything() -> tuple[Context, dict[str, Any]]:
    """Return a conversation and options with an original in each place that has a text."""
    call = ToolCall("call_1", "mail", orjson.dumps({"to": MAIL, "note": f'say "{MAIL}"\n{MAIL}'}).decode())
    messages = (
        system(f"Serve {MAIL}."),
        user([Text(f"Read, {MAIL}"), PAPER]),
        assistant([Reasoning(f"so {MAIL}"), Text(f"Yes {MAIL}"), call]),
        tool_result("call_1", f"sent to {MAIL}"),
    )
    schema = {"type": "object", "properties": {"to": {"enum": [MAIL]}}}
    tools = [Tool("mail", f"Writes to {MAIL}.", schema)]
    return Context(messages), {"tools": tools, "user": MAIL, "metadata": {"who": MAIL}, "stop": [MAIL]}


def test_originals_are_in_no_request_cassette_log_or_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    context, options = everything()
    for column, form in FORMATS.items():
        bodies: list[bytes] = []

        def answer(request: httpx.Request, bodies: list[bytes] = bodies, form: Any = form) -> httpx.Response:
            bodies.append(request.content + str(request.url).encode() + str(request.headers.raw).encode())
            if len(bodies) == 1:
                return httpx.Response(503, json={"error": {"message": request.content.decode("utf-8", "replace")}})
            return httpx.Response(200, content=form.body(Answer(text=("To [EMAIL_1]",))))

        settings: dict[str, Any] = {"registry": registry_of(form.wire), "transport": httpx.MockTransport(answer)}
        store = MemoryStore()
        given = context
        if "openai" in column or column == "bedrock_converse":
            file = context.messages[1].content[1]
            parts = [part for part in context.messages[1].content if part is not file]
            given = Context((context.messages[0], user(parts), *context.messages[2:]))
        with Client(**settings, retries=1, pipeline=[redact("email"), cache(store)]) as client:
            try:
                reply = client.generate_text("recorded:m", given, **options)
                assert reply.text == f"To {MAIL}", column
            except errors.NotSupported:
                continue  # a wire that takes no files
        leaked = [body for body in bodies if MAIL.encode() in body or b"ada%40" in body]
        assert bodies and not leaked, (column, leaked)
        assert all(MAIL.encode() not in kept for kept in vars(store).get("_items", {}).values())
    assert MAIL not in caplog.text


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_streams_put_back_over_any_border_on_every_wire(size: int) -> None:
    said = "To [EMAIL_1] and EMAIL_2: [EMAIL_9]!"
    arguments = '{"to":"[NAME_1]"}'
    cut = lambda text: tuple(text[at : at + size] for at in range(0, len(text), size))
    answer = Answer(cut("For [email_2]"), cut(said), (), (("call_1", "look_up", cut(arguments)),), "tool_calls")
    prompt = f'{MAIL}, bob@example.com: Bob "Bobby" Tables'
    tools = [Tool("look_up", "Looks.", {"type": "object", "properties": {"to": {"type": "string"}}})]
    for column, form in FORMATS.items():
        content = b"".join(form.frames(form.stream(answer)))
        transport = httpx.MockTransport(
            lambda request, content=content, form=form: httpx.Response(
                200, content=content, headers={"content-type": form.kind}
            )
        )
        what = redact("email", CUSTOMERS)
        with Client(registry=registry_of(form.wire), transport=transport, retries=0, pipeline=what) as client:
            stream = client.stream_text("recorded:m", prompt, tools=tools)
            chunks = list(stream)
            reply = stream.reply()
        shown = "".join(chunk.text for chunk in chunks if type(chunk) is TextDelta)
        assert shown == reply.text == f"To {MAIL} and bob@example.com: [EMAIL_9]!", column
        assert reply.reasoning == "For bob@example.com", column
        (call,) = reply.tool_calls
        assert call.arguments == {"to": 'Bob "Bobby" Tables'}, (column, call)


PLACES = Placeholders(["EMAIL", "IP"])
PLACES.add(MAIL, "EMAIL")
PLACES.add(IP, "IP")
PIECES = st.lists(
    st.sampled_from(["[EMAIL_1]", "EMAIL_1", "[ip_1]", "E", "[", "IP_", "1", "]", " ", "(", "a", "_", "\\"])
)


@given(PIECES, st.lists(st.integers(1, 5)))
def test_a_text_in_pieces_is_the_text_at_once_and_little_is_held_back(words: list[str], sizes: list[int]) -> None:
    text, at, part, out = "".join(words), 0, PutBack(PLACES), []
    for size in [*sizes, len(text)]:
        out.append(part.feed(text[at : at + size]))
        at += size
        assert len(part._held) <= len("[ EMAIL\\\\_123456 ]")
    assert "".join([*out, part.flush()]) == PLACES.restored(text)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("EEMAIL_1, EMAIL_1", f"EEMAIL_1, {MAIL}"),
        ("[[EMAIL_1] [[IP_1", f"[{MAIL} [[{IP}"),
        ("\\nEMAIL_1 \\tIP_1", f"\\n{MAIL} \\t{IP}"),
        ("\\u00e9EMAIL_1 \\u00e9xEMAIL_1 u00e9IP_1", f"\\u00e9{MAIL} \\u00e9xEMAIL_1 u00e9IP_1"),
    ],
)
def test_where_a_bare_placeholder_begins_depends_on_no_border_of_pieces(text: str, whole: str) -> None:
    for first, second in itertools.combinations_with_replacement(range(len(text) + 1), 2):
        part = PutBack(PLACES, as_json=True)
        given = [part.feed(piece) for piece in (text[:first], text[first:second], text[second:])]
        assert "".join([*given, part.flush()]) == whole, (first, second)


def test_what_is_held_back_of_a_part_comes_before_the_next_part() -> None:
    fake = FakeModel([Reasoning("I ask [EMA"), "To [EM", "[EMAIL_1] [", "end"])
    with Client(registry=fake.registry, pipeline=redact("email")) as client:
        deltas = [chunk for chunk in client.stream_text("fake:m", MAIL) if hasattr(chunk, "text")]
    assert "".join(chunk.text for chunk in deltas) == f"I ask [EMATo [EM{MAIL} [end"
    assert [chunk.index for chunk in deltas] == sorted(chunk.index for chunk in deltas)


def test_text_without_placeholders_is_not_held_back() -> None:
    part = PutBack(PLACES)
    assert [part.feed(piece) for piece in ("A word ", "of mail", " [and", " more")] == [
        "A word ",
        "of mail",
        " [and",
        " more",
    ]


SIGNED = [
    Reasoning("I write to [EMAIL_1]", "c2ln", wire="openai_chat"),
    ToolCall("call_1", "mail", '{"to":"[EMAIL_1]"}'),
]


@pytest.mark.parametrize("stream", [False, True])
def test_signed_reasoning_goes_back_as_the_model_wrote_it(stream: bool) -> None:
    got: list[str] = []

    @tool
    def mail(to: str) -> str:
        """Write a mail."""
        got.append(to)
        return f"{to} is not {MAIL.upper()}"

    fake = FakeModel(SIGNED, "done, [EMAIL_1]")
    with Client(registry=fake.registry, pipeline=redact("email")) as client:
        run = client.stream_tools("fake:m", f"Write to {MAIL}", tools=[mail]) if stream else None
        reply = run.reply() if run else client.run_tools("fake:m", f"Write to {MAIL}", tools=[mail])
    assert got == [MAIL] and reply.text == f"done, {MAIL}"
    assert reply.steps[0].reasoning == f"I write to {MAIL}"
    sent = fake.requests[1].context
    thought, call = sent.messages[1].content
    assert (thought, call) == (SIGNED[0], SIGNED[1])
    assert sent.messages[2].text == "[EMAIL_1] is not [EMAIL_2]"
    stored = Context.from_json(reply.context.to_json())
    fake = FakeModel("x")
    asked(fake, Context((*stored.messages[:-1], user("more"))), "email")
    assert fake.requests[0].context.messages[1].content[0] == SIGNED[0], "also after it was stored"


def test_signed_reasoning_with_an_original_is_left_out() -> None:
    fake = FakeModel("x")
    history = Context((user("hi"), Message("assistant", (Reasoning(f"so {MAIL}", "c2ln"), Text("ok"))), user("go")))
    reply = asked(fake, history, "email")
    assert [part.type for part in fake.requests[0].context.messages[1].content] == ["text"]
    assert any("left out" in str(warning) for warning in reply.warnings)


def test_objects_are_whole_json_again() -> None:
    fake = FakeModel(*['{"who": "[NAME_1]"}'] * 2)
    schema = {"type": "object", "properties": {"who": {"type": "string"}}, "required": ["who"]}
    prompt = 'Who is Bob "Bobby" Tables?'
    with Client(registry=fake.registry, pipeline=redact(CUSTOMERS)) as client:
        assert client.generate_object("fake:m", prompt, schema).object == {"who": 'Bob "Bobby" Tables'}
        assert client.stream_object("fake:m", prompt, schema).reply().object == {"who": 'Bob "Bobby" Tables'}


def test_a_cache_gives_each_person_their_own_originals() -> None:
    fake = FakeModel("Hello [EMAIL_1]")
    with Client(registry=fake.registry, pipeline=[cache(MemoryStore()), redact("email")]) as client:
        replies = [client.generate_text("fake:m", f"I am {who}") for who in (MAIL, "bob@example.com")]
    assert [reply.text for reply in replies] == [f"Hello {MAIL}", "Hello bob@example.com"] and len(fake.requests) == 1


def test_other_operations_and_other_models_see_no_originals_either() -> None:
    fake = FakeModel([[1.0]], errors.Overloaded("busy"), "to [EMAIL_1]")
    for steps in ([redact("email"), fallback("fake:b")], [fallback("fake:b"), redact("email")]):
        fake = FakeModel([[1.0]], errors.Overloaded("busy"), "to [EMAIL_1]")
        with Client(registry=fake.registry, pipeline=steps) as client:
            client.embed("fake:a", [f"of {MAIL}"])
            assert client.generate_text("fake:a", MAIL).text == f"to {MAIL}"
        assert list(fake.requests[0].input) == ["of [EMAIL_1]"]
        assert [request.context.messages[0].text for request in fake.requests[1:]] == ["[EMAIL_1]"] * 2


def test_what_cannot_be_searched_is_a_warning_and_what_cannot_be_changed_an_error() -> None:
    reply = asked(FakeModel("x"), user(["see", Image(data=b"\x89PNG")]))
    assert any("not searched: image" in str(warning) for warning in reply.warnings)
    with pytest.raises(errors.NotSupported):
        asked(FakeModel("x"), user([Image(url=f"https://x.example/{MAIL}.png")]))


def test_what_arrived_before_an_error_has_the_originals() -> None:
    fake = FakeModel(["Hello [EMAIL_1]", errors.StreamTruncated("cut")])
    with Client(registry=fake.registry, pipeline=redact("email")) as client:
        with pytest.raises(errors.StreamTruncated) as caught:
            client.stream_text("fake:m", MAIL).reply()
    assert caught.value.partial.text == f"Hello {MAIL}"


def test_a_simulated_call_is_redacted() -> None:
    seen: list[bytes] = []

    def network(request: Any, chance: Any) -> ServerAnswer:
        seen.append(request.body)
        answer = {"index": 0, "message": {"role": "assistant", "content": "to [EMAIL_1]"}, "finish_reason": "stop"}
        return ServerAnswer(200, {}, orjson.dumps({"id": "1", "model": "m", "choices": [answer]}))

    world = SimulatedWorld(1, network)
    client = world.client(api_keys={"groq": "k"}, pipeline=redact("email", find_places))

    def ask() -> Any:
        return (yield CallModel("groq:m", f"{MAIL} in Pune"))

    (reply,) = world.run(client, [ask()])
    assert reply.text == f"to {MAIL}" and b"[EMAIL_1] in [PLACE_1]" in seen[0]


@pytest.mark.parametrize(
    "wrong", ["e-mail", 7, {"A1": "x"}, {"A" * 41: ["x"]}, {"A": "("}, {"QUOTED": "x"}, {"A": []}, re.compile(b"x")]
)
def test_mistakes_are_found_when_it_is_made(wrong: Any) -> None:
    with pytest.raises(errors.StepwellError):
        redact(wrong)
