"""Those who come from another library: what they write by habit works, or fails with the right word."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from collections.abc import Callable
from inspect import getattr_static, signature
from typing import Any

import httpx
import pytest

import stepwell
from stepwell import (
    AsyncClient,
    Budget,
    Client,
    Context,
    File,
    Image,
    RateLimit,
    Timeouts,
    Tool,
    around,
    on_chunk,
    on_error,
    on_request,
    on_response,
    user,
)
from stepwell.client import ClientSettings
from stepwell.llm import LLM
from stepwell.messages import Message, Reply, ToolCall
from stepwell.pipeline.step import Step
from stepwell.pipeline.stream.chunk_reader import OpenAnswer
from stepwell.schemas import foreign_arguments, foreign_names
from stepwell.schemas.chunks import Start, TextDelta
from stepwell.schemas.foreign_names import ForeignName
from stepwell.schemas.options import CALL_OPTIONS, CHAT_OPTIONS
from stepwell.schemas.usage import Usage
from stepwell.steps import Request, Response

from scripted import MODEL, Scripted

CLIENT = Scripted(["hi"] * 99).client
REPLY = CLIENT.generate_text(MODEL, "x")
CALL = ToolCall("1", "f", "{}")
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
WEATHER = Tool("weather")


def option(**options: Any) -> Callable[[], Any]:
    return lambda: CLIENT.generate_text(MODEL, "x", **options)


def in_step(step: Step) -> Callable[[], Any]:
    return lambda: CLIENT.generate_text(MODEL, "x", pipeline=step)


def with_seed(inherited: Any, request: Any) -> Any: ...


def changed(request: Any) -> Any:
    request.context = Context("y")


HABITS: dict[str, tuple[Callable[[], Any], str]] = {
    # Options.
    "max_completion_tokens=": (option(max_completion_tokens=3), "did you mean 'max_tokens'"),
    "maxTokens=": (option(maxTokens=3), "did you mean 'max_tokens'"),
    "stop_sequences=": (option(stop_sequences=["a"]), "did you mean 'stop'"),
    "stream=True": (option(stream=True), r"call stream_text\(...\), or stream_tools\(...\) and stream_object"),
    "messages= beside a prompt": (option(messages=[]), "pass the conversation as the prompt"),
    "messages= in place of it": (
        lambda: CLIENT.generate_text(MODEL, messages=[]),
        "lacks its argument 'prompt'.*others call it messages=",
    ),  # type: ignore[call-arg]
    "functions=": (option(functions=[]), "did you mean 'tools'"),
    "function_call=": (option(function_call="auto"), "did you mean 'tool_choice'"),
    "api_base=": (option(api_base="https://x"), "did you mean 'base_url'"),
    "extra_body=": (option(extra_body={}), "did you mean 'provider_options'"),
    "system_prompt=": (option(system_prompt="x"), "did you mean 'system'"),
    "max_retries=": (option(max_retries=3), "did you mean 'retries'"),
    "thinking=": (option(thinking={}), "did you mean 'reasoning_effort' or 'reasoning_budget'"),
    "response_model=": (option(response_model=Context), r"call generate_object\(model, prompt, schema\)"),
    "a class as response_format": (option(response_format=Context), "pass a class to generate_object"),
    "drop_params=": (option(drop_params=True), "on_unsupported='ignore'"),
    "fallbacks=": (option(fallbacks=[]), r"pipeline=stepwell.fallback\("),
    "callbacks=": (option(callbacks=[]), "they are steps"),
    "num_ctx=": (option(num_ctx=4096), "go in provider_options"),
    "images=": (option(images=[]), r"put Image.from_file\(path\)"),
    "deps= of a plain call": (option(deps=3), r"call run_tools\("),
    "timeout=(3, 30)": (option(timeout=(3, 30)), r"not a tuple; stepwell.Timeouts\(connect=5, total=30\)"),
    "a number in quotes": (option(temperature="0.5"), "must be of type number"),
    "the name of a tool as a choice": (option(tools=[WEATHER], tool_choice="weather"), "write {'name': 'weather'}"),
    "history=": (option(history=[]), "pass the conversation as the prompt"),
    "memory=": (option(memory=[]), "pass the conversation as the prompt"),
    "context=": (option(context=[]), "pass the conversation as the prompt"),
    "conversation=": (option(conversation=[]), "pass the conversation as the prompt"),
    "cache=": (option(cache=True), r"it is a step: pipeline=stepwell.cache\(\)"),
    "retry=": (option(retry=3), "did you mean 'retries'"),
    "retry_count=": (option(retry_count=3), "did you mean 'retries'"),
    "time_out=": (option(time_out=3), "did you mean 'timeout'"),
    "temp=": (option(temp=0), "did you mean 'temperature'"),
    "an option of no library": (option(top_a=1), "known are .*retries.*temperature.*timeout"),
    "max_turns=": (lambda: CLIENT.run_tools(MODEL, "x", [WEATHER], max_turns=3), "max_steps= of run_tools"),  # type: ignore[call-arg]
    "max_iterations=": (lambda: [*CLIENT.stream_tools(MODEL, "x", [], max_iterations=3)], "max_steps= of run_tools"),  # type: ignore[call-arg]
    "a loop with stream=": (lambda: CLIENT.run_tools(MODEL, "x", [], stream=True), r"stream_tools\(...\)"),  # type: ignore[call-arg]
    "an object with stream=": (lambda: CLIENT.generate_object(MODEL, "x", int, stream=True), r"stream_object\(...\)"),  # type: ignore[call-overload]
    # Models and prompts.
    "a fake model of no registry": (lambda: Client().generate_text("fake:a", "x"), r"Client\(registry=fake.registry\)"),
    "a model's name as its provider": (lambda: Client().generate_text("claude:4", "x"), "did you mean 'anthropic'"),
    "a model without its provider": (lambda: CLIENT.generate_text("gpt-4o", "x"), "write openai:gpt-4o"),
    "a slash for the colon": (lambda: CLIENT.generate_text("openai/gpt-4o", "x"), "write openai:gpt-4o"),
    "another name of a provider": (lambda: CLIENT.generate_text("gemini/gemini-2.5-pro", "x"), "google:gemini-2.5-pro"),
    "the prompt first": (lambda: CLIENT.generate_text("Hello you", MODEL), "before the prompt"),
    "the role human": (lambda: CLIENT.generate_text(MODEL, [{"role": "human", "content": "x"}]), "use system, user"),
    "a tuple as a message": (lambda: CLIENT.generate_text(MODEL, [("human", "x")]), 'pass {"role": "user"'),  # type: ignore[list-item]
    "an image in another form": (lambda: user(PICTURE), "pass {'type': 'image_url'|use text, parts"),  # type: ignore[arg-type]
    "the same in a message": (lambda: Context([{"role": "user", "content": [PICTURE]}]), "pass {'type': 'image_url'"),
    "parts for content": (lambda: Context([{"role": "user", "parts": []}, {"role": "user", "parts": [1]}]), "content"),
    "a path as an address": (lambda: CLIENT.generate_text(MODEL, Image(url="cat.png")), r"Image.from_file\(path\)"),
    # Replies, streams and chunks.
    "choices[0].message.content": (lambda: REPLY.choices, "the text is reply.text"),  # type: ignore[attr-defined]
    "reply.content": (lambda: REPLY.content, "the text is reply.text"),  # type: ignore[attr-defined]
    "reply.stop_reason": (lambda: REPLY.stop_reason, "it is reply.finish_reason"),  # type: ignore[attr-defined]
    "reply.model_dump()": (lambda: REPLY.model_dump(), r"reply.to_json\(\)"),  # type: ignore[attr-defined]
    "reply.all_messages()": (lambda: REPLY.all_messages(), "is reply.context"),  # type: ignore[attr-defined]
    "usage.prompt_tokens": (lambda: REPLY.usage.prompt_tokens, "it is usage.input_tokens"),  # type: ignore[attr-defined]
    "call.function.name": (lambda: CALL.function, "call.name and call.arguments"),  # type: ignore[attr-defined]
    "call.args": (lambda: CALL.args, "call.arguments, a dict"),  # type: ignore[attr-defined]
    "chunk.text of any chunk": (lambda: Start().text, r"iterate stream.text_deltas\(\)"),  # type: ignore[attr-defined]
    "chunk.choices": (lambda: TextDelta("x").choices, r"stream.text_deltas\(\)"),  # type: ignore[attr-defined]
    "stream.text_stream": (lambda: CLIENT.stream_text(MODEL, "x").text_stream, "stream.text_deltas"),  # type: ignore[attr-defined]
    "the text of a tool stream": (lambda: CLIENT.stream_tools(MODEL, "x", []).text, "stream.text_deltas"),  # type: ignore[attr-defined]
    "the objects of a stream": (
        lambda: CLIENT.stream_object(MODEL, "x", int).partial_object_stream,  # type: ignore[attr-defined]
        "iterate the stream itself",
    ),
    # Steps.
    "request.messages": (
        in_step(on_request("mine", lambda request: request.messages)),
        "the conversation is request.context",
    ),
    "request.temperature": (
        in_step(on_request("mine", lambda request: request.temperature)),
        "it is in request.options",
    ),
    "request.context = ": (in_step(on_request(changed)), r"go on with request.replace\(context=...\)"),
    "a list as a context": (
        in_step(on_request("mine", lambda request: request.replace(context=[{"role": "user", "content": "y"}]))),
        r"write Context\(\[...\]\), or request.context.append",
    ),
    "context.add": (lambda: Context("x").add("y"), r"context.append\(...\)"),  # type: ignore[attr-defined]
    "response.text": (in_step(on_response("mine", lambda response: response.text)), "it is response.reply.text"),
    "response.status_code": (
        in_step(on_response("mine", lambda response: response.status_code)),
        "it is response.status",
    ),
    **{
        f"{maker.__name__} of a name": (
            lambda maker=maker: maker("mine"),
            "step 'mine' has no function; pass it after the name",
        )
        for maker in (around, on_request, on_response, on_error, on_chunk)
    },
    "an extending step as it is": (
        lambda: CLIENT.override(MODEL, build_body=with_seed),
        r"write extending\(with_seed\)",
    ),
    # Arguments of what is made.
    "Budget(usd=)": (lambda: Budget(usd=3), r'argument .usd.; write Budget\("2.50"\) for dollars'),  # type: ignore[call-arg]
    "RateLimit(rpm=)": (lambda: RateLimit(rpm=3), r"argument 'rpm'; write RateLimit\(requests=500"),  # type: ignore[call-arg]
    "Timeouts(read=)": (lambda: Timeouts(read=3), r"argument 'read'; write Timeouts\(connect=, first_event=, idle="),  # type: ignore[call-arg]
    "five timeouts": (lambda: Timeouts(1, 2, 3, 4, 5), "too many arguments without a name; write Timeouts"),  # type: ignore[call-arg]
    "ToolCall(arguments=)": (
        lambda: ToolCall("1", "f", arguments={"city": "Oslo"}),  # type: ignore[call-arg]
        r"argument 'arguments'; write ToolCall\(id, name, '\{\"city\": \"Oslo\"\}'\), with the arguments as JSON",
    ),
    "ToolCall(name=)": (lambda: ToolCall(name="f"), r"missing 1 .* 'id'; write ToolCall\(id, name"),  # type: ignore[call-arg]
    "Tool(function=)": (lambda: Tool(function=len), "argument 'function'; decorate a function"),  # type: ignore[call-arg]
    "Image(path=)": (lambda: Image(path="cat.png"), r"no argument 'path'; Image.from_file\(path\)"),  # type: ignore[call-arg]
    "File(file=)": (lambda: File(file="a.pdf"), r"no argument 'file'; File.from_file\(path\)"),  # type: ignore[call-arg]
    # Clients.
    "client.chat.completions": (lambda: CLIENT.chat, r"call client.generate_text\(model, prompt\)"),  # type: ignore[attr-defined]
    "client.embeddings": (lambda: CLIENT.embeddings, r"call client.embed\("),  # type: ignore[attr-defined]
    "llm.invoke": (lambda: LLM(MODEL).invoke, r"call llm.chat\("),  # type: ignore[attr-defined]
    "stepwell.completion": (lambda: stepwell.completion, r"call generate_text\("),  # type: ignore[attr-defined]
    "stepwell.AsyncOpenAI": (lambda: stepwell.AsyncOpenAI, "make a stepwell.AsyncClient"),  # type: ignore[attr-defined]
    "stepwell.HumanMessage": (lambda: stepwell.HumanMessage, r"call user\(text\)"),  # type: ignore[attr-defined]
    "proxies= of a client": (lambda: Client(proxies={}), r"http=httpx.Client\(proxy="),  # type: ignore[arg-type]
    "http_client=": (lambda: Client(http_client=httpx.Client()), "pass http="),  # type: ignore[arg-type]
    "a model of a client": (lambda: Client(model=MODEL), "name the model with each call"),  # type: ignore[arg-type]
    "steps= of a client": (lambda: Client(steps=[]), r"it is pipeline=\[...\]"),  # type: ignore[arg-type]
    "middleware= of a client": (lambda: Client(middleware=[]), r"it is pipeline=\[...\]"),  # type: ignore[arg-type]
    "steps=": (option(steps=[]), r"it is pipeline=\[...\]"),
    # Objects as dicts and lists.
    "reply['choices']": (lambda: REPLY["choices"], "no items; the text is reply.text"),  # type: ignore[index]
    "reply['usage']": (lambda: REPLY["usage"], "no items; write reply.usage"),  # type: ignore[index]
    "reply[0]": (lambda: REPLY[0], "no items; the text is reply.text"),  # type: ignore[index]
    "embedded.data": (lambda: REPLY.data, "vectors are reply.embeddings"),  # type: ignore[attr-defined]
    "embedded[0]": (lambda: REPLY[0], "vectors are reply.embeddings"),  # type: ignore[index]
    "for each in reply": (lambda: list(REPLY), "no items; the text is reply.text"),  # type: ignore[call-overload]
    "'x' in reply": (lambda: "x" in REPLY, "no items; the text is reply.text"),  # type: ignore[operator]
    "usage['prompt_tokens']": (lambda: REPLY.usage["prompt_tokens"], "it is usage.input_tokens"),  # type: ignore[index]
    "message['content']": (lambda: REPLY.message["content"], "write message.content"),  # type: ignore[index]
    "call['arguments']": (lambda: CALL["arguments"], "write call.arguments"),  # type: ignore[index]
    "call['args']": (lambda: CALL["args"], "the parsed arguments are call.arguments"),  # type: ignore[index]
    "chunk['choices']": (lambda: TextDelta("x")["choices"], r"stream.text_deltas\(\)"),  # type: ignore[index]
}
"""What is written, and what the error says."""
WORKS: dict[str, Callable[[], Any]] = {
    "a response_format of chat completions": option(
        response_format={"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    ),
    "json_object": option(response_format={"type": "json_object"}),
    "a tool in Anthropic's form": option(tools=[{"name": "f", "input_schema": {"type": "object", "properties": {}}}]),
    "a tool in OpenAI's form": option(tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}]),
    "a tool_choice in OpenAI's form": option(
        tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "weather"}}
    ),
    "system=": option(system="be brief"),
    "n=": option(n=1),
    "one stop": option(stop="x"),
    "model= and prompt= by name": lambda: CLIENT.generate_text(prompt="x", model=MODEL),
}


def test_a_habit_fails_with_the_right_word() -> None:
    for habit, (write, says) in HABITS.items():
        with pytest.raises((stepwell.StepwellError, AttributeError, TypeError)) as caught:
            write()
        assert re.search(says, str(caught.value)), (habit, str(caught.value))
        assert "\n" not in str(caught.value), habit


@pytest.mark.parametrize("habit", WORKS)
def test_a_habit_that_works(habit: str) -> None:
    assert WORKS[habit]().text == "hi"


CLASSES = {
    "reply": Reply,
    "usage": Usage,
    "call": ToolCall,
    "message": Message,
    "stream": stepwell.Stream,
    "client": Client,
    "llm": LLM,
    "context": Context,
    "request": Request,
    "response": Response,
}


def names_of(cls: type) -> set[str]:
    """Return the attributes of a class and its objects, without those that only give a hint."""
    found = {*dir(cls), *getattr(cls, "__annotations__", ())}
    return {name for name in found if not isinstance(getattr_static(cls, name, None), ForeignName)}


def test_each_hint_names_what_there_is_for_what_there_is_not() -> None:
    owners = {**CLASSES, "stream": OpenAnswer, "client": AsyncClient, "chunk": Start}
    for name, table in foreign_names.ATTRIBUTES.items():
        owner = owners.get(name)
        for foreign, hint in table.items():
            assert owner is None or foreign not in names_of(owner), (name, foreign)
            for subject, attribute in re.findall(
                r"\b(reply|usage|call|message|stream|client|llm|context|request|response)\.(\w+)", hint
            ):
                assert attribute in names_of(CLASSES[subject]), hint
    settings = signature(ClientSettings).parameters.keys()
    assert settings.isdisjoint(foreign_arguments.SETTINGS)
    assert foreign_arguments.OPTIONS.keys().isdisjoint({*CHAT_OPTIONS, *CALL_OPTIONS})


def test_a_reply_that_is_compared_with_a_text_is_a_warning_at_the_comparison() -> None:
    reply = REPLY.replace(message=Message("assistant", "yes"))
    for compare in (lambda: reply == "yes", lambda: "yes" == reply, lambda: not reply != "yes"):  # noqa: SIM202, SIM300
        with pytest.warns(RuntimeWarning, match=r"compare reply\.text"):
            assert not compare()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reply == copy.copy(reply) != REPLY and reply is not None and reply != 3


def test_hints_change_nothing_else() -> None:
    assert copy.deepcopy(REPLY) == REPLY == copy.copy(REPLY) and pickle.loads(pickle.dumps(CALL)) == CALL
    assert not hasattr(REPLY, "no_such_name") and getattr(REPLY, "choices", 3) == 3
    assert "choices" not in dir(REPLY) and {"text", "finish_reason", "replace"} <= set(dir(REPLY))
    assert "text" in dir(TextDelta("a")) and "delta" not in dir(TextDelta("a"))
    with pytest.raises(AttributeError, match="'Reply' object has no attribute 'no_such_name'$"):
        REPLY.no_such_name  # type: ignore[attr-defined]  # noqa: B018

    class Mine(LLM):
        @property
        def broken(self) -> str:
            return None.inner  # type: ignore[attr-defined, no-any-return]

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'inner'"):
        Mine(MODEL).broken  # noqa: B018
