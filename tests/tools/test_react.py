"""ReAct: the same loop and results, with plain text on the wire."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import stepwell
from stepwell import Context, Image, assistant, user
from stepwell.messages import Reasoning, Text, ToolCall

from scripted import MODEL, Scripted
from tool_loops import DRIVES, Run, add


@pytest.fixture(params=DRIVES, ids=lambda drive: drive.__name__)
def run(request: pytest.FixtureRequest) -> Run:
    return request.param  # type: ignore[no-any-return]


CALL = 'Thought: I need a sum.\nAction: add\nAction Input: {"a": 1, "b": 2}\nObservation: 99'
ANSWER = "Thought: I know it.\nAnswer: It is 3."


def test_calls_are_read_out_of_text_and_results_put_back_into_it(run: Run) -> None:
    script = Scripted([CALL, ANSWER])
    reply = run(script, [add], react=True)
    assert reply.text == "It is 3."
    assert reply.steps[0].tool_calls[0].arguments == {"a": 1, "b": 2}
    assert reply.steps[0].reasoning == "I need a sum."
    first, second = script.seen
    assert "tools" not in first and "tool_choice" not in first
    assert "Action Input" in first["messages"][0]["content"]
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant", "user"]
    assert second["messages"][2]["content"] == CALL.partition("\nObservation")[0]
    assert second["messages"][3]["content"] == "Observation: 3"
    assert "\nObservation:" in second["stop"]


def test_the_conversation_can_go_on_with_a_model_that_knows_tools(run: Run) -> None:
    reply = run(Scripted([CALL, ANSWER]), [add], react=True)
    onward = Scripted(["ok"])
    onward.client.generate_text(MODEL, reply.context.append("And now?"), tools=[add])
    roles = [message["role"] for message in onward.seen[0]["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


def test_what_a_tool_shows_and_what_another_model_said_are_not_lost(run: Run) -> None:
    picture = Image(data=b"\x89PNG\r\n\x1a\n")

    @stepwell.tool
    def look() -> list[object]:
        return ["A well.", picture]

    call = ToolCall("c", "look", "{}")
    spoken = assistant([Reasoning("I must see it."), Text("Let me look."), call])
    script = Scripted([ANSWER])
    run(script, [look], prompt=Context([user("Go."), spoken]), resume=True, react=True)
    *_, said, shown = script.seen[0]["messages"]
    assert said["content"].startswith("Thought: I must see it.\nThought: Let me look.\nAction: look")
    text, image = shown["content"]
    assert text["text"] == "Observation: A well." and image["image_url"]["url"].startswith("data:image/png")


def test_a_call_may_have_a_whole_pipeline_of_its_own() -> None:
    client = Scripted([CALL, ANSWER]).client
    reply = client.run_tools(MODEL, "Go.", [add], react=True, pipeline=client.pipeline_for(MODEL))
    assert reply.text == "It is 3."


def test_a_truncated_call_is_reported_to_the_model(run: Run) -> None:
    script = Scripted(['Thought: hm\nAction: add\nAction Input: {"a": 1,', CALL, ANSWER])
    reply = run(script, [add], react=True)
    assert reply.text == "It is 3."
    assert script.seen[1]["messages"][-1]["content"].startswith("Observation: Error:")


def test_an_unknown_tool_is_reported_to_the_model(run: Run) -> None:
    script = Scripted(["Thought: hm\nAction: subtract\nAction Input: {}", ANSWER])
    run(script, [add], react=True)
    assert "there is no tool 'subtract'" in script.seen[1]["messages"][-1]["content"]


def test_text_without_a_form_is_the_answer(run: Run) -> None:
    assert run(Scripted(["Just three."]), [add], react=True).text == "Just three."


def test_a_call_that_the_token_limit_may_have_cut_is_not_run() -> None:
    body = {"choices": [{"message": {"content": CALL.partition("\nObs")[0]}, "finish_reason": "length"}]}
    reply = Scripted([httpx.Response(200, json=body)]).client.run_tools(MODEL, "Go.", [add], react=True)
    assert reply.tool_calls == () and reply.finish_reason == "length"
    assert "Action Input" in reply.text


@pytest.mark.parametrize(("model", "native"), [("openai:gpt-4o", True), ("perplexity:sonar", False)])
def test_models_without_tool_support_are_asked_in_plain_text(model: str, native: bool) -> None:
    script = Scripted([ANSWER if not native else "It is 3."])
    transport = httpx.MockTransport(script)
    client = stepwell.Client(transport=transport, api_keys={"openai": "k", "perplexity": "k"})
    assert client.run_tools(model, "Go.", [add]).text == "It is 3."
    assert ("tools" in script.seen[0]) is native


def test_the_step_works_for_a_plain_call_too() -> None:
    script = Scripted([CALL, "no tools, no form"])
    client = script.client
    client.pipeline = stepwell.steps.react_tools()
    reply = client.generate_text(MODEL, "Go.", tools=[add], stop="END")
    assert reply.tool_calls[0].name == "add" and reply.finish_reason == "tool_calls"
    assert script.seen[0]["stop"] == ["END", "\nObservation:"]
    assert client.generate_text(MODEL, "Go.").text == "no tools, no form"


def test_streamed_and_whole_answers_are_the_same() -> None:
    def parts(reply: stepwell.Reply) -> Any:
        return [(part.type, getattr(part, "text", None) or part.name) for part in reply.message.content]  # type: ignore[union-attr]

    step = stepwell.steps.react_tools()
    for text in (CALL, ANSWER, "Just three."):
        whole = Scripted([text]).client.generate_text(MODEL, "Go.", tools=[add], pipeline=step)
        streamed = Scripted([text]).client.stream_text(MODEL, "Go.", tools=[add], pipeline=step).reply()
        assert parts(whole) == parts(streamed)


def test_arguments_that_are_no_json_are_shown_to_the_model_as_it_wrote_them(run: Run) -> None:
    script = Scripted(["Action: add\nAction Input: one and two", "Action: add", ANSWER])
    reply = run(script, [add], react=True)
    wrote = [step.tool_calls[0].arguments_json for step in reply.steps[:2]]
    assert wrote[0] == "one and two" and "incomplete call" in wrote[1]
    runs = [step.metadata["tool_runs"][0] for step in reply.steps[:2]]
    assert all(run.error is not None and run.value is None for run in runs)
    assert "one and two" in script.seen[1]["messages"][-2]["content"]
    assert "are not valid JSON" in script.seen[1]["messages"][-1]["content"]
