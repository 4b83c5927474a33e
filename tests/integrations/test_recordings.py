"""Every recorded answer is sent through each adapter and comes back unchanged."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from attrs import evolve
from chat_wires import RECORDED_CHATS
from langchain_core.messages import AIMessage, AIMessageChunk
from llama_index.core.base.llms.types import ChatMessage

from stepwell import Client, Message
from stepwell.declare import Wire
from stepwell.integrations.langchain import ChatStepwell
from stepwell.integrations.langchain.incoming import messages_from_langchain as from_langchain
from stepwell.integrations.llama_index import StepwellLLM
from stepwell.integrations.llama_index.messages import messages_from_llama_index as from_llama_index
from stepwell.messages import Text, ToolCall
from stepwell.schemas.reply import Reply

from recordings import Recording, answering, recordings, registry_of, replay

pytestmark = pytest.mark.usefixtures("framework")

ANSWERED = [each for each in recordings(*RECORDED_CHATS) if isinstance(replay(each, RECORDED_CHATS[each.api]), Reply)]


def client_of(recording: Recording) -> Client:
    wire: Wire = RECORDED_CHATS[recording.api]
    return Client(transport=answering(recording), registry=registry_of(wire), retries=0)


def plain(message: Message) -> Message:
    """Join adjacent texts of the message, and write arguments in one notation."""
    parts: list[Any] = []
    for part in message.content:
        before = parts[-1] if parts else None
        if isinstance(part, Text) and not part.extra and isinstance(before, Text) and not before.extra:
            parts[-1] = Text(before.text + part.text)
        elif isinstance(part, ToolCall) and part.arguments is not None:
            parts.append(evolve(part, arguments_json=orjson.dumps(part.arguments).decode()))
        else:
            parts.append(part)
    return Message("assistant", parts)


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("recording", ANSWERED, ids=lambda each: each.id)
def test_recorded_answers_round_trip_through_langchain(recording: Recording, version: str) -> None:
    said = replay(recording, RECORDED_CHATS[recording.api])
    client = client_of(recording)
    chat = ChatStepwell(model=f"recorded:{recording.model}", client=client, output_version=version)
    answer: Any = None
    if recording.streaming:
        for chunk in chat.stream("hi"):
            assert isinstance(chunk, AIMessageChunk)
            answer = chunk if answer is None else answer + chunk
    else:
        answer = chat.invoke("hi")
    assert isinstance(answer, AIMessage)
    again = AIMessage.model_validate({**answer.model_dump(), "type": "ai"})
    (back,) = from_langchain([again])
    assert plain(back) == plain(said.message)
    assert answer.text == said.text
    assert [call["args"] for call in answer.tool_calls] == [c.arguments for c in said.tool_calls if not c.error]


@pytest.mark.parametrize("recording", ANSWERED, ids=lambda each: each.id)
def test_recorded_answers_round_trip_through_llama_index(recording: Recording) -> None:
    said = replay(recording, RECORDED_CHATS[recording.api])
    llm = StepwellLLM(model=f"recorded:{recording.model}", client=client_of(recording))
    asked = [ChatMessage("hi")]
    response = list(llm.stream_chat(asked))[-1] if recording.streaming else llm.chat(asked)
    again = ChatMessage.model_validate(response.message.model_dump())
    assert from_llama_index([again]) == [said.message]
