"""retrieve_context: notes are sent with the question, citations come back, and nothing else changes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import stepwell
from stepwell import AsyncClient, Client, Context, user
from stepwell.messages import Citation, Text
from stepwell.retrieval import Node, Retriever, ScoredNode, retrieve_context
from stepwell.schemas import errors
from stepwell.schemas.citation import numbers_in
from stepwell.schemas.reply import Reply

from scripted import MODEL, Scripted, calls


class Notes(Retriever):
    """A retriever that finds the same for every query, and records the queries."""

    def __init__(self, *found: Any, error: Exception | None = None) -> None:
        self.found, self.error = found, error
        self.queries: list[str] = []

    def find(self, search: Any) -> Any:
        self.queries.append(search.text)
        if self.error:
            raise self.error
        return self.found


WARRANTY = Node("The warranty is two years.", "terms.md", {"page": 3})
NOTES = (ScoredNode(WARRANTY, 0.9), ScoredNode(Node("We ship worldwide."), 0.0))
SHOWN = "[1] (terms.md) The warranty is two years.\n\n[2] We ship worldwide.\n\n"


def ask(client: Client, prompt: Any, **options: Any) -> Reply:
    return client.generate_text(MODEL, prompt, **options)


def ask_streamed(client: Client, prompt: Any, **options: Any) -> Reply:
    return client.stream_text(MODEL, prompt, **options).reply()


def ask_async(client: AsyncClient, prompt: Any, **options: Any) -> Reply:
    return asyncio.run(client.generate_text(MODEL, prompt, **options))


def ask_async_streamed(client: AsyncClient, prompt: Any, **options: Any) -> Reply:
    async def read() -> Reply:
        async with client.stream_text(MODEL, prompt, **options) as stream:
            return await stream.reply()

    return asyncio.run(read())


every_way = pytest.mark.parametrize("way", [ask, ask_streamed, ask_async, ask_async_streamed])


def client_for(way: Any, script: Scripted, *steps: Any) -> Any:
    client = script.async_client if "async" in way.__name__ else script.client
    client.pipeline = list(steps)
    return client


@every_way
def test_numbered_notes_are_sent_and_citations_come_back(way: Any) -> None:
    notes, script = Notes(*NOTES), Scripted(["Two years [1]."])
    reply = way(client_for(way, script, retrieve_context(notes)), "How long is the warranty?")
    (sent,) = script.seen[0]["messages"]
    assert notes.queries == ["How long is the warranty?"]
    assert SHOWN in str(sent["content"]).replace("\\n", "\n") and "How long is the warranty?" in str(sent["content"])
    (cited,) = reply.citations
    assert (cited.kind, cited.number, cited.source, cited.text) == ("note", 1, "terms.md", "The warranty is two years.")
    assert (cited.score, cited.metadata, reply.text[cited.start : cited.end]) == (0.9, {"page": 3}, "[1]")
    assert [(note["number"], note["score"]) for note in reply.metadata["notes"]] == [(1, 0.9), (2, 0.0)]


@every_way
def test_the_conversation_stays_the_caller_s_own(way: Any) -> None:
    script = Scripted(["One [1].", "Two [2]."])
    client = client_for(way, script, retrieve_context(Notes(*NOTES)))
    first = way(client, "First?")
    assert first.context == Context((user("First?"), first.message))
    second = way(client, first.context.append("Second?"))
    asked = [str(message["content"]) for message in script.seen[1]["messages"]]
    assert "warranty" not in asked[0] and "warranty" in asked[2]
    assert [each.number for each in second.citations] == [2]


def weather(city: str) -> str:
    """Get the weather.

    city: where
    """
    return "sunny"


@pytest.mark.parametrize("way", ["run_tools", "stream_tools", "async"])
def test_a_tool_loop_retrieves_once_and_is_sent_the_same_notes_at_every_step(way: str) -> None:
    notes = Notes(*NOTES)
    turns = [calls(("c1", "weather", {"city": "Rome"})), calls(("c2", "weather", {"city": "Oslo"})), "Sunny [2]."]
    script = Scripted(turns)
    step, tools = retrieve_context(notes), [stepwell.tool(weather)]
    if way == "async":
        client = script.async_client
        client.pipeline = [step]
        reply = asyncio.run(client.run_tools(MODEL, "Weather?", tools))
    else:
        sync = script.client
        sync.pipeline = [step]
        reply = sync.run_tools(MODEL, "Weather?", tools) if way == "run_tools" else _read(sync, tools)
    assert notes.queries == ["Weather?"]
    assert len(script.seen) == 3 and all("worldwide" in str(body["messages"][0]) for body in script.seen)
    assert [each.number for each in reply.citations] == [2]
    assert "worldwide" not in str(reply.context)


def _read(client: Client, tools: Any) -> Reply:
    with client.stream_tools(MODEL, "Weather?", tools) as stream:
        for _ in stream:
            pass
        return stream.reply()


def test_a_repair_does_not_retrieve_again() -> None:
    notes = Notes(*NOTES)
    script = Scripted(["no JSON at all", '{"years": 2}'])
    client = script.client
    client.pipeline = [retrieve_context(notes)]
    schema = {"type": "object", "properties": {"years": {"type": "integer"}}, "required": ["years"]}
    reply = client.generate_object(MODEL, "How long is the warranty?", schema, mode="prompt")
    assert reply.object == {"years": 2} and notes.queries == ["How long is the warranty?"]
    assert "two years" in str(script.seen[1]["messages"]) and "two years" not in str(script.seen[1]["messages"][-1])


def test_notes_of_one_message_are_never_another_s() -> None:
    """Two users may say the same and be allowed to see different notes."""
    notes, script = Notes("for Ada"), Scripted(["a"] * 4)
    client = script.client
    client.pipeline = [retrieve_context(notes)]
    one, other = Context((user("Who am I?"),)), Context((user("Who am I?"),))
    client.generate_text(MODEL, one)
    notes.found = ("for Bob",)
    client.generate_text(MODEL, other)
    call = stepwell.messages.ToolCall("c1", "f", "{}")
    done = (stepwell.assistant([call]), stepwell.tool_result(call, "done"))
    client.generate_text(MODEL, one.append(*done))
    client.generate_text(MODEL, other.append(*done))
    seen = [str(body["messages"][0]) for body in script.seen]
    assert ["for Ada" in text for text in seen] == [True, False, True, False]
    assert len(notes.queries) == 2


def test_notes_are_retrieved_for_a_loop_from_a_stored_history_too() -> None:
    notes, script = Notes("a note"), Scripted(["done"])
    client = script.client
    client.pipeline = [retrieve_context(notes)]
    call = stepwell.messages.ToolCall("c1", "f", "{}")
    context = Context((user("Who?"), stepwell.assistant([call]), stepwell.tool_result(call, "done")))
    client.generate_text(MODEL, Context.from_json(context.to_json()))
    assert notes.queries == ["Who?"] and "a note" in str(script.seen[0]["messages"][0])


@every_way
def test_without_results_the_question_is_sent_unchanged(way: Any) -> None:
    script = Scripted(["I do not know."])
    reply = way(client_for(way, script, retrieve_context(Notes())), "Who?")
    assert script.seen[0]["messages"] == [{"role": "user", "content": "Who?"}]
    assert reply.citations == () and "notes" not in reply.metadata


@every_way
def test_a_retriever_that_fails_fails_the_call_or_leaves_a_warning(way: Any) -> None:
    broken = Notes(error=errors.StepwellError("the index is gone"))
    with pytest.raises(errors.StepwellError, match="the index is gone"):
        way(client_for(way, Scripted([]), retrieve_context(broken)), "Who?")
    script = Scripted(["Nobody."])
    reply = way(client_for(way, script, retrieve_context(broken, required=False)), "Who?")
    assert reply.text == "Nobody."
    assert [(each.subject, each.why) for each in reply.warnings] == [
        ("retrieve_context", "retrieval failed, so no notes were sent: the index is gone")
    ]
    foreign = Notes(error=OSError("no route"))
    reply = way(client_for(way, Scripted(["Nobody."]), retrieve_context(foreign, required=False)), "Who?")
    assert reply.warnings[0].why == "retrieval failed, so no notes were sent: OSError: no route"


def test_the_query_and_the_wording_can_be_customised() -> None:
    notes, script = Notes("a note"), Scripted(["a", "b"])
    client = script.client
    client.pipeline = [
        retrieve_context(
            notes,
            query=lambda context: None if "hello" in context.messages[-1].text else f"{len(context)} messages",
            write=lambda found: f"<notes>{found[0].text}</notes>",
        )
    ]
    client.generate_text(MODEL, "hello")
    client.generate_text(MODEL, ["Who?"])
    assert notes.queries == ["1 messages"]
    assert "notes" not in str(script.seen[0]) and "<notes>a note</notes>" in str(script.seen[1])


@pytest.mark.parametrize("how", [{"query": lambda context: 5}, {"write": lambda found: None}])
def test_a_query_or_wording_that_is_not_text_is_refused(how: Any) -> None:
    script = Scripted(["unasked"])
    client = script.client
    client.pipeline = [retrieve_context(Notes(*NOTES), **how)]
    with pytest.raises(errors.ConfigError, match=r"retrieve_context returned a (int|NoneType)"):
        ask(client, "q")
    assert script.seen == []


def test_a_message_without_text_and_other_operations_are_left_alone() -> None:
    notes, script = Notes("a note"), Scripted(["a picture", "x"])
    client = script.client
    client.pipeline = [retrieve_context(notes)]
    client.generate_text(MODEL, stepwell.Image(url="https://example.org/x.png"))
    with pytest.raises(errors.StepwellError):
        client.embed("openai:text-embedding-3-small", "text")
    assert notes.queries == []


def test_citations_that_the_provider_gives_stay() -> None:
    script = Scripted(["Two years [1]."])
    client = script.client

    def add(reply: Any) -> Any:
        text = Text("Two years [1].", citations=(Citation(url="https://example.org"),))
        reply.reply = reply.reply.replace(message=stepwell.assistant(text))
        return reply

    client.pipeline = [retrieve_context(Notes(*NOTES)), stepwell.on_response("provider", add)]
    reply = client.generate_text(MODEL, "How long?")
    assert [(each.source, each.number) for each in reply.citations] == [("https://example.org", None), ("terms.md", 1)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("none", set()),
        ("[1] and [2]", {1, 2}),
        ("[1][3]", {1, 3}),
        ("[1, 4; 6]", {1, 4, 6}),
        ("[2-4] [7–8]", {2, 3, 4, 7, 8}),
        ("[ 12 ]", {12}),
        ("[x] [1a] [] [12345]", set()),
        ("[9999-1]", {9999}),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, numbers: set[int]) -> None:
    assert {number for number, _, _ in numbers_in(text)} == numbers


@pytest.mark.usefixtures("local_model")
def test_a_question_is_answered_from_notes_by_the_embedded_model() -> None:
    with stepwell.retrieval.VectorRetriever("local:smollm2") as notes:
        notes.add([Node("The museum of ships is closed on Mondays.", "museum.md"), "The ferry leaves every two hours."])
        client = Client(pipeline=[retrieve_context(notes, top_k=1)])
        question = "On which day is the museum of ships closed?"
        with client.stream_text("local:smollm2", question, max_tokens=40, temperature=0, seed=1) as stream:
            reply = stream.reply()
    assert "Monday" in reply.text
    assert [note["source"] for note in reply.metadata["notes"]] == ["museum.md"]


@every_way
def test_a_second_step_goes_on_with_the_numbers(way: Any) -> None:
    more = Notes(ScoredNode(Node("Batteries are excluded.", "faq.md"), 0.8))
    script = Scripted(["Two years [1], but not the battery [3]."])
    client = client_for(way, script, retrieve_context(Notes(*NOTES)), retrieve_context(more, name="faq"))
    reply = way(client, "How long?")
    sent = str(script.seen[0]["messages"][0]["content"]).replace("\\n", "\n")
    assert "[3] (faq.md) Batteries are excluded." in sent and SHOWN in sent
    assert sorted((each.number, each.text) for each in reply.citations) == [
        (1, WARRANTY.text),
        (3, "Batteries are excluded."),
    ]
    assert [each["number"] for each in reply.metadata["notes"]] == [1, 2, 3]


def test_a_function_of_the_callers_gets_the_first_number() -> None:
    def written(found: Any, *, first: int) -> str:
        return f"from {first}: {found[0].text}"

    more = Notes(ScoredNode(Node("Batteries are excluded."), 0.8))
    script = Scripted(["Yes."])
    second = retrieve_context(more, name="faq", write=written)
    ask(client_for(ask, script, retrieve_context(Notes(*NOTES)), second), "How long?")
    assert "from 3: Batteries are excluded." in str(script.seen[0]["messages"])
