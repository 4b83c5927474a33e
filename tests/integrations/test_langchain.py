"""ChatStepwell and StepwellEmbeddings beyond the standard suites: options, tools, schemas, errors, callbacks."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.exceptions import ContextOverflowError, ModelError, ModelRateLimitError, OutputParserException
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

import stepwell
from stepwell import AsyncClient, Client, Tool
from stepwell.catalog import Catalog
from stepwell.integrations.common import missing
from stepwell.integrations.langchain import ChatStepwell, StepwellEmbeddings
from stepwell.messages import ToolCall
from stepwell.schemas import errors
from stepwell.schemas.message import Message
from stepwell.schemas.parts import Reasoning, Refusal, Text
from stepwell.schemas.reply import Reply
from stepwell.schemas.usage import Usage
from stepwell.testing.fake import FakeModel

pytestmark = pytest.mark.usefixtures("framework")


def scripted(*turns: Any, **settings: Any) -> tuple[ChatStepwell, FakeModel]:
    """Build a chat model with these answers, and the fake model that records its requests."""
    fake = FakeModel(*turns)
    return ChatStepwell(model="fake:m", client=Client(registry=fake.registry), **settings), fake


@tool
def get_weather(city: str) -> str:
    """Get the current weather of a city."""
    return f"It is sunny in {city}."


@tool
def get_time(city: str) -> str:
    """Get the time in a city."""
    return "noon"


class Place(BaseModel):
    """A place and how it is there."""

    city: str
    sunny: bool = True


def test_options_come_from_the_model_the_binding_and_the_call() -> None:
    chat, fake = scripted("hello", temperature=0.5, seed=7, stop=["x"])
    chat.bind(top_p=0.5).invoke("hi", temperature=0, stop=["y"])
    assert fake.requests[0].options == {"temperature": 0, "seed": 7, "top_p": 0.5, "stop": ["y"]}


def test_langchains_standard_names_are_understood() -> None:
    chat = ChatStepwell(model="openai:gpt-4o", max_retries=0, stop_sequences=["x"], timeout=5)
    assert (chat.retries, chat.stop, chat.timeout) == (0, ["x"], 5)


def test_a_misspelt_option_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(errors.InvalidOption, match="temperatur"):
        ChatStepwell(model="local:smollm2", temperatur=0).invoke("hi")


def test_the_key_is_used_but_never_shown() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.extend((request.headers["authorization"], request.headers["x-gate"]))
        return httpx.Response(200, json={"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]})

    client = Client(transport=httpx.MockTransport(answer))
    settings: dict[str, Any] = {"api_key": "sk-test", "headers": {"x-gate": "sk-test"}, "wire": "openai_chat"}
    chat = ChatStepwell(model="openai:gpt-4o", client=client, **settings)
    chat.invoke("hi")
    assert seen == ["Bearer sk-test", "sk-test"]
    assert "sk-test" not in repr(chat) + dumps(chat) + str(chat.asdict())


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
def test_a_chat_model_is_stored_and_loaded_without_its_key() -> None:
    chat = ChatStepwell(model="openai:gpt-4o", api_key="sk-test", seed=1)
    again = loads(dumps(chat), allowed_objects=[ChatStepwell], valid_namespaces=["stepwell"])
    assert again.asdict() == chat.asdict() and again.api_key is None


@pytest.mark.parametrize("make", [ChatStepwell, StepwellEmbeddings], ids=lambda make: make.__name__)
def test_an_adapter_can_be_pickled(make: Any) -> None:
    one = make(model="openai:text-embedding-3-small", options={"user": "u"})
    assert pickle.loads(pickle.dumps(one)).model_dump() == one.model_dump()


def test_the_trace_names_provider_and_model_apart() -> None:
    params = ChatStepwell(model="openai:gpt-4o", temperature=0, stop="x")._get_ls_params()
    assert (params["ls_provider"], params["ls_model_name"], params["ls_stop"]) == ("openai", "gpt-4o", ["x"])


def test_the_profile_is_the_catalogs() -> None:
    profile = ChatStepwell(model="openai:gpt-4o").profile
    assert profile and profile["max_input_tokens"] == 128_000 and profile["image_inputs"] and profile["tool_calling"]
    assert ChatStepwell(model="ollama:unheard-of").profile is None


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, None),
        ("auto", "auto"),
        ("any", "required"),
        (True, "required"),
        ("none", "none"),
        ("get_weather", {"name": "get_weather"}),
        ({"type": "function", "function": {"name": "get_weather"}}, {"name": "get_weather"}),
        ({"type": "tool", "name": "get_weather"}, {"name": "get_weather"}),
        ({"type": "any"}, "required"),
    ],
    ids=str,
)
def test_a_tool_choice_is_accepted_in_every_vendors_form(choice: Any, sent: Any) -> None:
    chat, fake = scripted("hello")
    chat.bind_tools([get_weather], tool_choice=choice).invoke("hi")
    assert fake.requests[0].options.get("tool_choice") == sent


def test_a_choice_of_a_tool_that_is_not_there_is_refused() -> None:
    with pytest.raises(errors.ConfigError, match="get_wether"):
        ChatStepwell().bind_tools([get_weather], tool_choice="get_wether")


def test_tools_in_every_form_reach_the_model() -> None:
    def double(n: int) -> int:
        """Multiply a number by two."""
        return 2 * n

    server = {"type": "web_search_20250305", "name": "web_search"}
    anthropics = {"name": "pick", "description": "Pick.", "input_schema": {"type": "object", "properties": {}}}
    flat = {"type": "function", "name": "flat", "parameters": {"type": "object", "properties": {}}}
    ours = Tool("ours", "Ours.", extra={"anthropic_messages": {"cache_control": {"type": "ephemeral"}}})
    chat, fake = scripted("hello")
    chat.bind_tools([get_weather, double, Place, anthropics, flat, ours, server], strict=True).invoke("hi")
    tools = fake.requests[0].context.tools
    assert [each.name for each in tools] == ["get_weather", "double", "Place", "pick", "flat", "ours", "web_search"]
    assert tools[0].parameters["properties"] == {"city": {"type": "string"}} and tools[0].strict
    assert tools[5] is ours and tools[6].server == server


def test_parallel_calls_are_streamed_apart_by_their_index() -> None:
    calls = [ToolCall("1", "get_weather", '{"city": "Pune"}'), ToolCall("2", "get_time", '{"city": "Rome"}')]
    chat, _ = scripted(["Let me look.", *calls])
    whole = None
    for chunk in chat.bind_tools([get_weather, get_time], parallel_tool_calls=True).stream("hi"):
        whole = chunk if whole is None else whole + chunk
    assert isinstance(whole, AIMessage)
    assert [(call["id"], call["name"], call["args"]) for call in whole.tool_calls] == [
        ("1", "get_weather", {"city": "Pune"}),
        ("2", "get_time", {"city": "Rome"}),
    ]
    assert whole.text == "Let me look."


@pytest.mark.usefixtures("remembered_model")
def test_a_loop_of_calls_and_results_on_the_embedded_model() -> None:
    chat = ChatStepwell(model="local:smollm2", temperature=0, seed=1, max_tokens=40).bind_tools([get_weather])
    asked: list[Any] = [HumanMessage("What is the weather in Paris?")]
    called = chat.invoke(asked)
    assert [(call["name"], call["args"]) for call in called.tool_calls] == [("get_weather", {"city": "Paris"})]
    results = [get_weather.invoke(call) for call in called.tool_calls]
    assert isinstance(results[0], ToolMessage)
    assert chat.invoke([*asked, called, *results]).text


@pytest.mark.parametrize(("method", "said"), [("json_schema", '{"city": "Pune"}'), ("json_mode", '{"city": "Pune"}')])
def test_structured_output_by_the_models_own_means(method: str, said: str) -> None:
    chat, fake = scripted(said, said)
    assert chat.with_structured_output(Place, method=method).invoke("hi") == Place(city="Pune")
    assert chat.with_structured_output(Place.model_json_schema(), method=method).invoke("hi") == {"city": "Pune"}
    wanted = fake.requests[0].options["response_format"]
    assert wanted == "json" or wanted["json_schema"]["schema"]["properties"].keys() == {"city", "sunny"}


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.usefixtures("remembered_model")
def test_structured_output_on_the_embedded_model(method: str) -> None:
    chat = ChatStepwell(model="local:smollm2", temperature=0, seed=1, max_tokens=60)
    place = chat.with_structured_output(Place, method=method).invoke("It is sunny in Paris.")
    assert isinstance(place, Place) and place.city


def test_structured_output_takes_the_models_schema_where_the_catalog_knows_of_one() -> None:
    assert "response_format" in ChatStepwell(model="openai:gpt-4o").with_structured_output(Place).steps[0].kwargs  # type: ignore[attr-defined]
    assert "tools" in ChatStepwell(model="ollama:unheard-of").with_structured_output(Place).steps[0].kwargs  # type: ignore[attr-defined]


def ended(reason: str, *parts: Any) -> Reply:
    return Reply(Message("assistant", parts), reason)


UNSOUND = {
    "no call": ("function_calling", ended("stop", Text("Sunny.")), "made no valid call.*text"),
    "incomplete call": (
        "function_calling",
        ended("length", ToolCall("1", "Place", '{"ci')),
        "arguments are no.*length",
    ),
    "a refusal": ("json_schema", ended("stop", Refusal("I will not.")), "the model refused: I will not"),
    "half an object": ("json_schema", ended("length", Text('{"city": "Pune"')), "broke off .finish reason length"),
    "a filtered one": (
        "json_mode",
        ended("content_filter", Text('{"city": "Pune", ')),
        "broke off .finish reason content_filter",
    ),
}


@pytest.mark.parametrize(("method", "turn", "says"), UNSOUND.values(), ids=UNSOUND)
@pytest.mark.parametrize("schema", [Place, Place.model_json_schema()], ids=["class", "dict"])
async def test_an_incomplete_object_is_an_error_and_never_none_or_a_part(
    method: str, turn: Reply, says: str, schema: Any
) -> None:
    chat, _ = scripted(*[turn] * 5)
    plain = chat.with_structured_output(schema, method=method)
    with pytest.raises(OutputParserException, match=says):
        plain.invoke("hi")
    with pytest.raises(OutputParserException, match=says):
        await plain.ainvoke("hi")
    with pytest.raises(OutputParserException, match=says):
        list(plain.stream("hi"))
    with pytest.raises(OutputParserException, match=says):
        async for _ in plain.astream("hi"):
            pass
    beside = chat.with_structured_output(schema, method=method, include_raw=True).invoke("hi")
    assert beside["parsed"] is None and isinstance(beside["parsing_error"], OutputParserException) and beside["raw"]


def test_an_object_that_grows_is_still_shown_as_it_grows() -> None:
    chat, _ = scripted(Reply(Message("assistant", [Text('{"city": '), Text('"Pune"}')]), "stop"))
    grown = list(chat.with_structured_output(Place.model_json_schema(), method="json_schema").stream("hi"))
    assert grown == [{}, {"city": "Pune"}]


def test_the_cache_and_the_profile_know_the_clients_server_and_catalog() -> None:
    fake, cache = FakeModel("one", "two"), InMemoryCache()
    for client in (
        Client(registry=fake.registry),
        Client(registry=fake.registry, base_urls={"fake": "http://a.local"}),
    ):
        for _ in range(2):
            ChatStepwell(model="fake:m", client=client, cache=cache).invoke("hi")
    assert len(fake.requests) == 2
    catalog = Catalog()
    catalog.add({"provider": "openai", "id": "mine", "context_window": 77})
    profile = ChatStepwell(model="openai:mine", client=Client(catalog=catalog)).profile
    assert profile and profile["max_input_tokens"] == 77


def test_structured_output_keeps_the_raw_answer_with_its_error() -> None:
    chat, _ = scripted("no JSON")
    result = chat.with_structured_output(Place, method="json_schema", include_raw=True).invoke("hi")
    assert result["raw"].text == "no JSON" and result["parsed"] is None and result["parsing_error"]


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(errors.ConfigError, match="telepathy"):
        ChatStepwell().with_structured_output(Place, method="telepathy")


def test_reasoning_is_a_block_and_is_sent_back_with_its_signature() -> None:
    said = Message("assistant", [Reasoning("Hm.", signature="s", wire="openai_chat"), Text("Hello")])
    chat, fake = scripted(Reply(said, "stop"), "Bye")
    answer = chat.invoke("hi")
    assert [block["type"] for block in answer.content_blocks] == ["reasoning", "text"]
    chat.invoke([HumanMessage("hi"), answer, HumanMessage("bye")])
    assert fake.requests[1].context.messages[1] == said


async def test_either_client_serves_sync_and_async() -> None:
    fake = FakeModel("one", "two", "three")
    chat = ChatStepwell(model="fake:m", client=Client(registry=fake.registry))
    assert (await chat.ainvoke("hi")).text == "one"
    assert "".join([chunk.text async for chunk in chat.astream("hi")]) == "two"
    assert ChatStepwell(model="fake:m", async_client=AsyncClient(registry=fake.registry)).invoke("hi").text == "three"


def test_callbacks_see_each_token_and_the_usage() -> None:
    tokens: list[str] = []

    class Watch(UsageMetadataCallbackHandler):
        def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
            tokens.append(token)

    chat, _ = scripted(Reply(Message("assistant", "hello"), "stop", usage=Usage(3, 2)))
    watch = Watch()
    list(chat.stream("hi", config={"callbacks": [watch]}))
    assert "".join(tokens) == "hello"
    assert watch.usage_metadata["fake:m"]["total_tokens"] == 5


def test_several_answers_are_not_streamed_silently() -> None:
    chat, _ = scripted()
    with pytest.raises(errors.ConfigError, match="one answer"):
        list(chat.stream("hi", n=2))


def test_errors_are_stepwells_and_langchains_and_lose_nothing() -> None:
    chat, _ = scripted(errors.RateLimitError("slow down", retry_after=3.0, request_id="q1"))
    with pytest.raises(ModelRateLimitError) as caught:
        chat.invoke("hi")
    assert isinstance(caught.value, errors.RateLimitError)
    assert (caught.value.retry_after, caught.value.request_id) == (3.0, "q1")
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, ModelError) and again.retry_after == 3.0  # type: ignore[attr-defined]
    with pytest.raises(ContextOverflowError):
        list(scripted(errors.ContextOverflow("too long"))[0].stream("hi"))


def test_a_fallback_of_langchains_catches_them() -> None:
    broken, _ = scripted(errors.Overloaded("busy"))
    spare, _ = scripted("hello")
    assert broken.with_fallbacks([spare], exceptions_to_handle=(ModelError,)).invoke("hi").text == "hello"


def test_tokens_are_counted_by_the_provider() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"input_tokens": 9})

    client = Client(transport=httpx.MockTransport(answer), api_keys={"anthropic": "k"})
    assert ChatStepwell(model="anthropic:claude-sonnet-4-5", client=client).get_num_tokens("hi") == 9


def test_many_documents_are_sent_in_batches_and_keep_their_order() -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        import json

        texts = json.loads(request.content)["input"]
        sizes.append(len(texts))
        data = [{"index": n, "embedding": [float(text)]} for n, text in enumerate(texts)]
        return httpx.Response(200, json={"data": data, "model": "m"})

    client = Client(transport=httpx.MockTransport(answer), api_keys={"openai": "k"})
    vectors = StepwellEmbeddings(model="openai:text-embedding-3-small", client=client, batch_size=2)
    assert vectors.embed_documents(["1", "2", "3"]) == [[1.0], [2.0], [3.0]]
    assert sizes == [2, 1]
    assert vectors.embed_documents([]) == []


@pytest.mark.usefixtures("new_process")
def test_a_missing_framework_is_reported_with_the_command_that_installs_it() -> None:
    code = "import sys; sys.modules['{0}'] = None; import stepwell.integrations.{1}"
    for package, extra in (("langchain_core", "langchain"), ("llama_index", "llama-index")):
        command = [sys.executable, "-c", code.format(package, extra.replace("-", "_"))]
        done = subprocess.run(command, capture_output=True, text=True)
        assert f"MissingExtra: this adapter needs {package.replace('_', '-')}" in done.stderr
        assert f"pip install 'stepwell[{extra}]'" in done.stderr


def test_an_error_inside_the_framework_is_not_blamed_on_a_missing_extra() -> None:
    error = ImportError("broken", name="numpy")
    assert missing(error, "langchain_core", "langchain") is error


@pytest.mark.usefixtures("new_process")
def test_importing_stepwell_loads_no_framework() -> None:
    code = "import stepwell, sys; print(sorted(set(sys.modules) & {'langchain_core', 'llama_index', 'pydantic'}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
    assert stepwell.__version__
