"""LlamaIndex on stepwell: LLM, embeddings, a query engine and agents, on the embedded model and on scripted answers."""

from __future__ import annotations

import pickle
from typing import Any

import httpx
import orjson
import pytest
from llama_index.core import Document, PromptTemplate, VectorStoreIndex
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock, ThinkingBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.tools import FunctionTool
from openai.types.chat import ChatCompletionMessageFunctionToolCall
from pydantic import BaseModel

from stepwell import Client
from stepwell.catalog import Catalog
from stepwell.integrations.llama_index import StepwellEmbedding, StepwellLLM
from stepwell.integrations.llama_index.messages import chat_message_of, messages_from_llama_index
from stepwell.messages import ToolCall
from stepwell.schemas.errors import InvalidOption, ToolFailed
from stepwell.schemas.message import Message
from stepwell.schemas.parts import Image, Opaque, Reasoning, Refusal, Text
from stepwell.schemas.reply import Reply
from stepwell.schemas.usage import Usage
from stepwell.testing.fake import FakeModel

MODEL = "local:smollm2"
STEADY: dict[str, Any] = {"temperature": 0, "seed": 1, "max_tokens": 60}
NOTES = ["Fresh bread comes out of the oven at five.", "Cats sleep for most of the day."]
# LlamaIndex's agents use what pydantic and LlamaIndex itself have deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.usefixtures("framework", "remembered_model"),
]


def get_weather(city: str) -> str:
    """Get the current weather of a city."""
    return f"It is sunny in {city}."


WEATHER = FunctionTool.from_defaults(get_weather)


@pytest.fixture
def llm() -> StepwellLLM:
    return StepwellLLM(model=MODEL, **STEADY)


def scripted(*turns: Any) -> tuple[StepwellLLM, FakeModel]:
    """Build an LLM with these answers, and the fake model that records its requests."""
    fake = FakeModel(*turns)
    return StepwellLLM(model="fake:m", client=Client(registry=fake.registry)), fake


def test_it_completes_and_chats_streamed_or_not(llm: StepwellLLM) -> None:
    whole = llm.complete("Say hello.")
    *_, last = llm.stream_complete("Say hello.")
    assert whole.text == last.text != ""
    chat = llm.chat([ChatMessage("Say hello.")])
    pieces = list(llm.stream_chat([ChatMessage("Say hello.")]))
    assert chat.message.content == pieces[-1].message.content == "".join(piece.delta or "" for piece in pieces)
    assert chat.additional_kwargs["prompt_tokens"] > 0 and pieces[-1].additional_kwargs["completion_tokens"] > 0


async def test_the_async_counterparts_give_the_same(llm: StepwellLLM) -> None:
    expected = llm.complete("Say hello.").text
    assert (await llm.acomplete("Say hello.")).text == expected
    assert [piece async for piece in await llm.astream_complete("Say hello.")][-1].text == expected
    assert (await llm.achat([ChatMessage("Say hello.")])).message.content == expected
    assert [piece async for piece in await llm.astream_chat([ChatMessage("Say hello.")])][
        -1
    ].message.content == expected


def test_a_query_engine_answers_from_notes(llm: StepwellLLM) -> None:
    documents = [Document(text=note) for note in NOTES]
    index = VectorStoreIndex.from_documents(documents, embed_model=StepwellEmbedding(model=MODEL))
    answer = index.as_query_engine(llm=llm, similarity_top_k=1).query("How long do cats sleep?")
    assert answer.source_nodes[0].text == NOTES[1]
    assert str(answer).strip()


async def test_an_agent_calls_a_tool_of_the_embedded_model_and_answers() -> None:
    agent = FunctionAgent(tools=[WEATHER], llm=StepwellLLM(model=MODEL, **STEADY), streaming=False)
    answer = await agent.run("What is the weather in Paris?")
    assert [(call.tool_name, call.tool_kwargs) for call in answer.tool_calls] == [("get_weather", {"city": "Paris"})]
    assert str(answer.tool_calls[0].tool_output) == "It is sunny in Paris."
    assert answer.response.content


async def test_an_agent_streams_and_runs_parallel_calls() -> None:
    calls = [ToolCall("1", "get_weather", '{"city": "Pune"}'), ToolCall("2", "get_weather", '{"city": "Rome"}')]
    llm, fake = scripted(["Let me look.", *calls], "Sunny in both.")
    answer = await FunctionAgent(tools=[WEATHER], llm=llm).run("How is it in Pune and Rome?")
    assert str(answer) == "Sunny in both."
    asked = fake.requests[1].context.messages
    assert [(m.role, m.tool_call_id, m.text) for m in asked[-2:]] == [
        ("tool", "1", "It is sunny in Pune."),
        ("tool", "2", "It is sunny in Rome."),
    ]
    assert asked[-3] == Message("assistant", [Text("Let me look."), *calls])


async def test_a_react_agent_needs_no_tools_of_the_model() -> None:
    first = 'Thought: I need the tool.\nAction: get_weather\nAction Input: {"city": "Pune"}'
    llm, fake = scripted(first, "Thought: I can answer.\nAnswer: Sunny.")
    assert str(await ReActAgent(tools=[WEATHER], llm=llm).run("How is it in Pune?")) == "Sunny."
    assert "Observation: It is sunny in Pune." in fake.requests[1].context.messages[-1].text
    assert not fake.requests[0].context.tools


def test_predict_and_call_runs_the_tool(llm: StepwellLLM) -> None:
    answer = llm.predict_and_call([WEATHER], "What is the weather in Paris?", tool_required=True)
    assert str(answer) == "It is sunny in Paris."


def test_one_call_is_kept_where_one_is_allowed() -> None:
    calls = [ToolCall(str(n), "get_weather", '{"city": "Pune"}') for n in range(2)]
    llm, fake = scripted(calls)
    response = llm.chat_with_tools([WEATHER], "How is it?", tool_required=True)
    assert [call.tool_id for call in llm.get_tool_calls_from_response(response)] == ["0"]
    assert fake.requests[0].options["tool_choice"] == "required"


def test_a_kept_call_keeps_the_data_that_its_provider_needs_back() -> None:
    calls = [ToolCall(str(n), "get_weather", "{}", {"google_generate": {"thoughtSignature": "x"}}) for n in range(2)]
    llm, _ = scripted(["Look.", *calls])
    message = llm.chat_with_tools([WEATHER], "How is it?").message
    assert messages_from_llama_index([message]) == [Message("assistant", [Text("Look."), calls[0]])]
    assert [call["id"] for call in message.additional_kwargs["tool_calls"]] == ["0"]


def test_a_call_that_does_not_parse_is_never_run() -> None:
    llm, _ = scripted(ToolCall("1", "get_weather", '{"city": "Pu'))
    response = llm.chat_with_tools([WEATHER], "How is it?")
    with pytest.raises(ToolFailed, match="get_weather"):
        llm.get_tool_calls_from_response(response)


def test_a_call_of_an_answer_that_was_cut_is_never_run() -> None:
    cut = Reply(Message("assistant", ToolCall("1", "get_weather", '{"city": "Pune"}')), "length")
    llm, _ = scripted(cut)
    response = llm.chat_with_tools([WEATHER], "How is it?")
    with pytest.raises(ToolFailed, match="length"):
        llm.get_tool_calls_from_response(response)


class Place(BaseModel):
    """A place and how it is there."""

    city: str
    sunny: bool


def test_a_structured_prediction_gives_an_object(llm: StepwellLLM) -> None:
    place = llm.structured_predict(Place, PromptTemplate("It is sunny in Paris."))
    assert isinstance(place, Place) and place.city


def in_pieces(*arguments: str) -> Client:
    """Build a client whose model streams a call of Place with its arguments in these pieces."""
    first: Any = {"id": "1", "function": {"name": "Place", "arguments": ""}}
    calls = [first, *({"function": {"arguments": piece}} for piece in arguments)]
    deltas = [{"delta": {"tool_calls": [{"index": 0, **call}]}} for call in calls]
    events = [{"choices": [choice]} for choice in (*deltas, {"delta": {}, "finish_reason": "tool_calls"})]
    body = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, content=body, headers={"content-type": "text/event-stream"})
    )
    return Client(transport=transport, api_keys={"openai": "k"})


async def test_a_streamed_prediction_grows_to_the_complete_object() -> None:
    def llm() -> StepwellLLM:
        client = in_pieces('{"city": "Pa', 'ris", "sun', 'ny": tr', "ue}")
        return StepwellLLM(model="openai:gpt-4o", client=client, wire="openai_chat")

    prompt = PromptTemplate("{how}")
    grown = list(llm().stream_structured_predict(Place, prompt, how="Sunny."))
    assert [each.city for each in grown] == ["Pa", "Paris", "Paris", "Paris", "Paris", "Paris"]
    assert grown[-1] == Place(city="Paris", sunny=True)
    awaited = [each async for each in await llm().astream_structured_predict(Place, prompt, how="Sunny.")]
    assert [each.model_dump() for each in awaited] == [each.model_dump() for each in grown]
    *_, last = llm().as_structured_llm(Place).stream_chat([ChatMessage("Sunny.")])
    assert last.raw == grown[-1]


async def test_a_prediction_requires_the_call_streamed_or_not() -> None:
    call, prompt = ToolCall("1", "Place", '{"city": "Rome", "sunny": false}'), PromptTemplate("{how}")
    llm, fake = scripted(*[call] * 4)
    llm.structured_predict(Place, prompt, how="x")
    await llm.astructured_predict(Place, prompt, how="x")
    list(llm.stream_structured_predict(Place, prompt, how="x"))
    async for _ in await llm.astream_structured_predict(Place, prompt, how="x"):
        pass
    assert [request.options["tool_choice"] for request in fake.requests] == ["required"] * 4


async def test_an_agent_sees_a_call_grow_and_runs_it_once_it_is_whole() -> None:
    ran: list[str] = []

    def look(city: str) -> str:
        """Look."""
        ran.append(city)
        return "sunny"

    client = in_pieces('{"city": "Pa', 'ris"}')
    llm = StepwellLLM(model="openai:gpt-4o", client=client, wire="openai_chat")
    tool = FunctionTool.from_defaults(look, name="Place", return_direct=True)
    handler = FunctionAgent(tools=[tool], llm=llm).run("How is it?")
    seen = [event.tool_calls[0].tool_kwargs async for event in handler.stream_events() if type(event) is AgentStream]
    assert str(await handler) == "sunny" and ran == ["Paris"]
    assert seen == [{"city": "Pa"}, *[{"city": "Paris"}] * 3]


def test_a_truncated_call_is_not_in_the_final_response() -> None:
    llm = StepwellLLM(model="openai:gpt-4o", client=in_pieces('{"city": "Pa'), wire="openai_chat")
    pieces = list(llm.stream_chat([ChatMessage("hi")]))
    with pytest.raises(ToolFailed, match="Place"):
        llm.get_tool_calls_from_response(pieces[-1])


def test_a_refusal_is_streamed() -> None:
    llm, _ = scripted([Refusal("I will not.")])
    assert "".join(piece.delta or "" for piece in llm.stream_chat([ChatMessage("hi")])) == "I will not."


@pytest.mark.parametrize("whole", [True, False], ids=["dict", "object"])
def test_calls_of_an_old_history_are_read(whole: bool) -> None:
    old: Any = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Pune"}'}}
    call = old if whole else ChatCompletionMessageFunctionToolCall.model_validate(old)
    (said,) = messages_from_llama_index(
        [ChatMessage(role="assistant", content=None, additional_kwargs={"tool_calls": [call]})]
    )
    assert said.tool_calls == (ToolCall("1", "get_weather", '{"city": "Pune"}'),)


def test_the_catalog_is_the_clients() -> None:
    catalog = Catalog()
    catalog.add({"provider": "openai", "id": "mine", "context_window": 77})
    assert StepwellLLM(model="openai:mine", client=Client(catalog=catalog)).metadata.context_window == 77


def test_the_catalog_fills_the_metadata() -> None:
    metadata = StepwellLLM(model="openai:gpt-4o", max_tokens=500).metadata
    assert (metadata.context_window, metadata.num_output) == (128_000, 500)
    assert metadata.is_chat_model and metadata.is_function_calling_model
    assert not StepwellLLM(model="groq:allam-2-7b").metadata.is_function_calling_model
    assert StepwellLLM(model="local:smollm2", context_window=4096).metadata.context_window == 4096


def test_options_pass_through_and_a_misspelt_one_is_refused_before_sending() -> None:
    llm, fake = scripted("hello")
    llm.options = {"seed": 7}
    llm.chat([ChatMessage("hi")], top_p=0.5)
    assert fake.requests[0].options == {"seed": 7, "top_p": 0.5}
    with pytest.raises(InvalidOption, match="temperatur"):
        StepwellLLM(model=MODEL, temperatur=1).complete("hi")


def test_the_key_is_used_but_never_shown() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.extend((request.headers["authorization"], request.headers["x-gate"]))
        return httpx.Response(200, json={"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]})

    client = Client(transport=httpx.MockTransport(answer))
    settings: dict[str, Any] = {"api_key": "sk-test", "headers": {"x-gate": "sk-test"}, "wire": "openai_chat"}
    llm = StepwellLLM(model="openai:gpt-4o", client=client, **settings)
    vectors = StepwellEmbedding(model="openai:text-embedding-3-small", api_key="sk-test")
    llm.complete("hi")
    assert seen == ["Bearer sk-test", "sk-test"]
    for each in (llm, vectors):
        assert "sk-test" not in repr(each) + str(each.to_dict()) + str(getattr(each, "to_payload", each.to_dict)())


@pytest.mark.parametrize("make", [StepwellLLM, StepwellEmbedding], ids=lambda make: make.__name__)
def test_an_adapter_can_be_pickled(make: Any) -> None:
    one = make(model="openai:text-embedding-3-small", options={"user": "u"})
    assert pickle.loads(pickle.dumps(one)).to_dict() == one.to_dict()


def test_parts_without_a_llama_index_block_round_trip() -> None:
    said = Message(
        "assistant",
        [
            Reasoning("Hm.", signature="s", wire="anthropic_messages"),
            Text("Let me look."),
            Opaque("anthropic_messages", {"type": "server_tool_use"}),
            ToolCall("1", "get_weather", '{"city":   "Pune"}', {"google_generate": {"thoughtSignature": "x"}}),
        ],
    )
    message = chat_message_of(said)
    assert [type(block).__name__ for block in message.blocks] == ["ThinkingBlock", "TextBlock", "ToolCallBlock"]
    assert messages_from_llama_index([ChatMessage.model_validate(message.model_dump())]) == [said]
    message.blocks[1] = TextBlock(text="Changed.")
    assert messages_from_llama_index([message])[0].text == "Changed."


def test_thinking_is_streamed_apart_from_the_text() -> None:
    llm, _ = scripted(Reply(Message("assistant", [Reasoning("Hm."), Text("Hello")]), "stop", usage=Usage(3, 2)))
    pieces = list(llm.stream_chat([ChatMessage("hi")]))
    assert [piece.additional_kwargs.get("thinking_delta") for piece in pieces] == ["Hm.", None, None]
    assert [type(block) for block in pieces[-1].message.blocks] == [ThinkingBlock, TextBlock]
    assert pieces[-1].additional_kwargs["total_tokens"] == 5


def test_images_are_sent_as_bytes_or_by_address() -> None:
    blocks = [ImageBlock(image=b"\x89PNG\r\n"), ImageBlock(url="https://example.org/a.png"), TextBlock(text="What?")]
    (message,) = messages_from_llama_index([ChatMessage(role=MessageRole.USER, blocks=blocks)])
    here, there, _ = message.content
    assert isinstance(here, Image) and here.data == b"\x89PNG\r\n"
    assert isinstance(there, Image) and there.url == "https://example.org/a.png"


def test_llama_index_counts_the_tokens() -> None:
    counter = TokenCountingHandler()
    llm, _ = scripted(*[Reply(Message("assistant", "hello"), "stop", usage=Usage(11, 4))] * 4)
    llm.callback_manager = CallbackManager([counter])
    for times, ask in enumerate((llm.chat, llm.stream_chat, llm.complete, llm.stream_complete), start=1):
        for _ in ask("hi" if times > 2 else [ChatMessage("hi")]):
            pass
        assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (11 * times, 4 * times)


async def test_a_stream_without_a_reader_is_never_opened() -> None:
    llm, fake = scripted("never said")
    llm.stream_chat([ChatMessage("hi")])
    await llm.astream_chat([ChatMessage("hi")])
    assert fake.requests == []


def test_embeddings_keep_their_order_in_batches() -> None:
    model = StepwellEmbedding(model=MODEL, embed_batch_size=2)
    texts = ["a cat", "a dog", "a ship"]
    vectors = model.get_text_embedding_batch(texts)
    assert vectors[2] == pytest.approx(model.get_text_embedding("a ship"), abs=1e-3)
    assert len(vectors) == 3 and len(vectors[0]) == len(model.get_query_embedding("a cat"))


async def test_embeddings_async_are_the_same() -> None:
    model = StepwellEmbedding(model=MODEL)
    assert await model.aget_query_embedding("a cat") == pytest.approx(model.get_query_embedding("a cat"), abs=1e-3)
    assert len(await model.aget_text_embedding_batch(["a", "b"])) == 2
