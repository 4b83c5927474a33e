"""The answers of the fault matrix on every wire, as events with what has arrived by each of them.

Each writer builds the events of a stream and the unstreamed answer from the same plain description, so that what is
expected after any number of events does not come from the decoders.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

from attrs import evolve
from fault_answers_of_others import (
    BEDROCK,
    BEDROCK_COUNTS,
    COHERE,
    GOOGLE,
    GOOGLE_COUNTS,
    OLLAMA,
    RESPONSES,
)
from fault_events import FAILED, Answer, Event, Format, Log, failed

from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.bedrock_invoke import bedrock_invoke_anthropic, bedrock_invoke_openai
from stepwell.providers.wires.cohere_chat import cohere_chat
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.mistral_chat import mistral_chat
from stepwell.providers.wires.ollama_chat import ollama_chat
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.providers.wires.protocols.aws_event_stream import encode
from stepwell.schemas import errors
from stepwell.schemas.json_text import dumps, loads

# --- OpenAI's chat, and Mistral's -------------------------------------------------------------------------------------

_CHAT = {"id": "chat-1", "created": 1, "model": "sample"}
_CHAT_FAILURE = ("", {"error": {"message": FAILED, "type": "server_error", "code": 503}})
_LATE_COUNTS = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}


def _chat_thought(piece: str) -> dict[str, Any]:
    return {"reasoning_content": piece}


def _mistral_thought(piece: str) -> dict[str, Any]:
    return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": piece}]}]}


def _chat_stream(thought: Callable[[str], dict[str, Any]]) -> Callable[[Answer], list[Event]]:
    def stream(answer: Answer) -> list[Event]:
        log = Log()

        def add(delta: Any, finish: str | None = None, *, usage: Any = None, **arrived: Any) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            counted = {"usage": usage} if usage else {}
            if usage:
                arrived["usage"] = (usage["prompt_tokens"], usage["completion_tokens"])
            log.add("", {**_CHAT, "object": "chat.completion.chunk", "choices": [choice], **counted}, **arrived)

        early = None if answer.late else {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 13}
        add({"role": "assistant", "content": ""}, usage=early)
        for piece in answer.reasoning:
            add(thought(piece), reasoning=piece)
        for piece in answer.text:
            add({"content": piece}, text=piece)
        for piece in answer.refusal:
            add({"refusal": piece}, refusal=piece)
        for at, (id, name, pieces) in enumerate(answer.calls):
            begun = {"index": at, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}
            add({"tool_calls": [begun]})
            for piece in pieces:
                add({"tool_calls": [{"index": at, "function": {"arguments": piece}}]})
        if answer.fails:
            return failed(log, _CHAT_FAILURE)
        add({}, answer.reason, usage=early and _LATE_COUNTS, whole=True, ended=len(answer.calls))
        if answer.late:
            log.add("", {**_CHAT, "choices": [], "usage": _LATE_COUNTS}, usage=(12, 7))
        log.add("", b"[DONE]", marker=True)
        return log.events

    return stream


def _chat_body(thought: Callable[[str], dict[str, Any]]) -> Callable[[Answer], bytes]:
    def body(answer: Answer) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(answer.text)}
        if answer.reasoning:
            extra = thought("".join(answer.reasoning))
            message |= extra
            if "content" in extra:
                message["content"] = [*extra["content"], {"type": "text", "text": "".join(answer.text)}]
        if answer.refusal:
            message |= {"content": None, "refusal": "".join(answer.refusal)}
        if answer.calls:
            message["tool_calls"] = [
                {"id": id, "type": "function", "function": {"name": name, "arguments": "".join(pieces)}}
                for id, name, pieces in answer.calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": answer.reason}
        return dumps({**_CHAT, "object": "chat.completion", "choices": [choice], "usage": _LATE_COUNTS})

    return body


# --- Anthropic --------------------------------------------------------------------------------------------------------

_MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "sample"}
_ANTHROPIC_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_MESSAGES_FAILURE = ("error", {"type": "error", "error": {"type": "overloaded_error", "message": FAILED}})


def _anthropic_reason(answer: Answer) -> str:
    return "refusal" if answer.refusal else _ANTHROPIC_REASONS[answer.reason]


def _messages_stream(answer: Answer) -> list[Event]:
    log = Log()

    def add(type: str, *, arrived: Any = None, **data: Any) -> None:
        log.add(type, {"type": type, **data}, **(arrived or {}))

    start = {**_MESSAGE, "content": [], "stop_reason": None, "usage": {"input_tokens": 12, "output_tokens": 1}}
    add("message_start", message=start, arrived={"usage": (12, 1)})
    index = 0

    def block(begun: Any, deltas: list[tuple[Any, dict[str, Any]]], **ended: Any) -> None:
        nonlocal index
        add("content_block_start", index=index, content_block=begun)
        for delta, arrived in deltas:
            add("content_block_delta", index=index, delta=delta, arrived=arrived)
        add("content_block_stop", index=index, arrived=ended)
        index += 1

    if answer.reasoning:
        thoughts: list[Any] = [
            ({"type": "thinking_delta", "thinking": piece}, {"reasoning": piece}) for piece in answer.reasoning
        ]
        signed = ({"type": "signature_delta", "signature": "c2lnbmVk"}, {})
        block({"type": "thinking", "thinking": "", "signature": ""}, [*thoughts, signed])
    if text := answer.text or answer.refusal:
        block(
            {"type": "text", "text": ""}, [({"type": "text_delta", "text": piece}, {"text": piece}) for piece in text]
        )
    for at, (id, name, pieces) in enumerate(answer.calls):
        deltas: list[Any] = [({"type": "input_json_delta", "partial_json": piece}, {}) for piece in pieces]
        block({"type": "tool_use", "id": id, "name": name, "input": {}}, deltas, ended=at + 1)
    if answer.fails:
        return failed(log, _MESSAGES_FAILURE)
    end = {"stop_reason": _anthropic_reason(answer), "stop_sequence": None}
    add("message_delta", delta=end, usage={"output_tokens": 7}, arrived={"usage": (12, 7), "whole": True})
    log.add("message_stop", {"type": "message_stop"}, marker=True)
    return log.events


def _messages_body(answer: Answer) -> bytes:
    content: list[Any] = []
    if answer.reasoning:
        content.append({"type": "thinking", "thinking": "".join(answer.reasoning), "signature": "c2lnbmVk"})
    if text := answer.text or answer.refusal:
        content.append({"type": "text", "text": "".join(text)})
    content += [
        {"type": "tool_use", "id": id, "name": name, "input": loads("".join(pieces).encode())}
        for id, name, pieces in answer.calls
    ]
    end = {"stop_reason": _anthropic_reason(answer), "stop_sequence": None}
    return dumps({**_MESSAGE, "content": content, **end, "usage": {"input_tokens": 12, "output_tokens": 7}})


# --- in AWS's frames --------------------------------------------------------------------------------------------------

_THROTTLED = encode(
    {":message-type": "exception", ":exception-type": "throttlingException"}, dumps({"message": FAILED})
)


def _in_chunk(event: Event) -> Event:
    if event.name == "exception":
        return event
    return evolve(event, name="chunk", data=dumps({"bytes": b64encode(event.data).decode()}))


def _invoked(stream: Callable[[Answer], list[Event]]) -> Callable[[Answer], list[Event]]:
    def wrapped(answer: Answer) -> list[Event]:
        events = [_in_chunk(event) for event in stream(answer) if event.data != b"[DONE]"]
        if answer.fails:
            events[-1] = evolve(events[-1], name="exception", data=_THROTTLED)
        return events

    return wrapped


# --- all of them ------------------------------------------------------------------------------------------------------

_SSE, _AWS = "text/event-stream", "application/vnd.amazon.eventstream"
_CHAT_COUNTS = ("", {**_CHAT, "choices": [], "usage": _LATE_COUNTS})
_MESSAGES_COUNTS = ("message_delta", {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 7}})


def _formats() -> dict[str, Format]:
    chat = Format(
        openai_chat,
        "sse",
        _SSE,
        _chat_stream(_chat_thought),
        _chat_body(_chat_thought),
        _CHAT_FAILURE,
        errors.Overloaded,
        choices="choices",
        usage=_CHAT_COUNTS,
    )
    messages = Format(
        anthropic_messages,
        "sse",
        _SSE,
        _messages_stream,
        _messages_body,
        _MESSAGES_FAILURE,
        errors.Overloaded,
        usage=_MESSAGES_COUNTS,
    )
    google = Format(
        google_generate, "sse", _SSE, *GOOGLE, errors.Overloaded, choices="candidates", usage=GOOGLE_COUNTS, ends=False
    )
    thinking = {"stream": _chat_stream(_mistral_thought), "body": _chat_body(_mistral_thought)}
    throttled: dict[str, Any] = {"failure": ("exception", _THROTTLED), "failure_type": errors.RateLimitError}
    framed: dict[str, Any] = {"protocol": "aws", "kind": _AWS, **throttled, "ends": False, "wrap": _in_chunk}
    return {
        "openai_chat": chat,
        "mistral_chat": evolve(chat, wire=mistral_chat, **thinking),
        "openai_responses": Format(openai_responses, "sse", _SSE, *RESPONSES, errors.ServerError),
        "anthropic_messages": messages,
        "google_generate": google,
        "google_generate, array": evolve(google, protocol="array", kind="application/json"),
        "cohere_chat": Format(cohere_chat, "sse", _SSE, *COHERE, errors.ProviderError),
        "ollama_chat": Format(
            ollama_chat, "ndjson", "application/x-ndjson", *OLLAMA, errors.ProviderError, has_refusal=False
        ),
        "bedrock_converse": Format(
            bedrock_converse, "aws", _AWS, *BEDROCK, errors.RateLimitError, usage=BEDROCK_COUNTS, ends=False
        ),
        "bedrock_invoke_anthropic": evolve(
            messages, wire=bedrock_invoke_anthropic, stream=_invoked(messages.stream), **framed
        ),
        "bedrock_invoke_openai": evolve(chat, wire=bedrock_invoke_openai, stream=_invoked(chat.stream), **framed),
    }


FORMATS = _formats()
"""Every wire, by the name of its column."""
