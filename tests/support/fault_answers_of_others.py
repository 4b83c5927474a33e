"""The answers of the fault matrix on the wires that resemble no other."""

from __future__ import annotations

from typing import Any

from fault_events import FAILED, Answer, Event, Log, failed

from stepwell.providers.wires.protocols.aws_event_stream import encode
from stepwell.schemas.json_text import dumps, loads

_INPUT, _OUTPUT = 12, 7


def _parsed(pieces: tuple[str, ...]) -> Any:
    return loads("".join(pieces).encode())


# --- Google -----------------------------------------------------------------------------------------------------------

_GOOGLE_REASONS = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS"}
_GOOGLE_FAILURE = ("", {"error": {"code": 503, "message": FAILED, "status": "UNAVAILABLE"}})
_COUNTS = {"promptTokenCount": _INPUT, "candidatesTokenCount": _OUTPUT, "totalTokenCount": _INPUT + _OUTPUT}


def _google_call(id: str, name: str, pieces: tuple[str, ...]) -> dict[str, Any]:
    return {"functionCall": {"id": id, "name": name, "args": _parsed(pieces)}}


def _google_reason(answer: Answer) -> str:
    return "SAFETY" if answer.refusal else _GOOGLE_REASONS[answer.reason]


def _google(parts: list[Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate = {
        "content": {"role": "model", "parts": parts},
        "index": 0,
        **({"finishReason": finish} if finish else {}),
    }
    return {"candidates": [candidate], "modelVersion": "sample", "responseId": "r-1", **more}


def _google_stream(answer: Answer) -> list[Event]:
    log = Log()

    def add(part: dict[str, Any], **arrived: Any) -> None:
        """Add a piece, with the counts so far: each counts for one more token."""
        output = len(log.events) + 1
        counts = {**_COUNTS, "candidatesTokenCount": output, "totalTokenCount": _INPUT + output}
        more = {} if answer.late else {"usageMetadata": counts}
        counted = {} if answer.late else {"usage": (_INPUT, output)}
        log.add("", _google([part], **more), **arrived, **counted)

    for piece in answer.reasoning:
        add({"text": piece, "thought": True}, reasoning=piece)
    for piece in answer.text or answer.refusal:
        add({"text": piece}, text=piece)
    for call in answer.calls:
        add(_google_call(*call))
    if answer.fails:
        return failed(log, _GOOGLE_FAILURE)
    end = {} if answer.late else {"usageMetadata": _COUNTS}
    counted = {} if answer.late else {"usage": (_INPUT, _OUTPUT)}
    log.add("", _google([{"text": ""}], _google_reason(answer), **end), whole=True, ended=len(answer.calls), **counted)
    log.add(*GOOGLE_COUNTS, usage=(_INPUT, _OUTPUT))
    return log.events


def _google_body(answer: Answer) -> bytes:
    parts: list[Any] = [{"text": "".join(answer.reasoning), "thought": True}] if answer.reasoning else []
    parts += [{"text": "".join(text)}] if (text := answer.text or answer.refusal) else []
    parts += [_google_call(*call) for call in answer.calls]
    return dumps(_google(parts, _google_reason(answer), usageMetadata=_COUNTS))


GOOGLE_COUNTS = ("", {"modelVersion": "sample", "responseId": "r-1", "usageMetadata": _COUNTS})
GOOGLE = (_google_stream, _google_body, _GOOGLE_FAILURE)


# --- Ollama -----------------------------------------------------------------------------------------------------------

_OLLAMA_FAILURE = ("", {"error": FAILED})


def _line(content: str = "", *, done: dict[str, Any] | None = None, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **message}
    head = {"model": "sample", "created_at": "2026-01-01T00:00:00Z", "message": said}
    return {**head, "done": done is not None, **(done or {})}


def _ollama_end(answer: Answer) -> dict[str, Any]:
    reason = "length" if answer.reason == "length" else "stop"
    return {"done_reason": reason, "prompt_eval_count": _INPUT, "eval_count": _OUTPUT}


def _ollama_call(id: str, name: str, pieces: tuple[str, ...]) -> dict[str, Any]:
    return {"id": id, "function": {"name": name, "arguments": _parsed(pieces)}}


def _ollama_stream(answer: Answer) -> list[Event]:
    log = Log()
    for piece in answer.reasoning:
        log.add("", _line(thinking=piece), reasoning=piece)
    for piece in answer.text:
        log.add("", _line(piece), text=piece)
    for at, call in enumerate(answer.calls):
        log.add("", _line(tool_calls=[_ollama_call(*call)]), ended=at + 1)
    if answer.fails:
        return failed(log, _OLLAMA_FAILURE)
    log.add("", _line(done=_ollama_end(answer)), whole=True, usage=(_INPUT, _OUTPUT))
    return log.events


def _ollama_body(answer: Answer) -> bytes:
    thought = {"thinking": "".join(answer.reasoning)} if answer.reasoning else {}
    calls = {"tool_calls": [_ollama_call(*call) for call in answer.calls]} if answer.calls else {}
    return dumps(_line("".join(answer.text), done=_ollama_end(answer), **thought, **calls))


OLLAMA = (_ollama_stream, _ollama_body, _OLLAMA_FAILURE)


# --- Cohere -----------------------------------------------------------------------------------------------------------

_COHERE_REASONS = {"stop": "COMPLETE", "tool_calls": "TOOL_CALL", "length": "MAX_TOKENS"}
_COHERE_USAGE = {"tokens": {"input_tokens": _INPUT, "output_tokens": _OUTPUT}}
_COHERE_FAILURE = ("message-end", {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": FAILED}})


def _cohere_reason(answer: Answer) -> str:
    return "ERROR_TOXIC" if answer.refusal else _COHERE_REASONS[answer.reason]


def _cohere_stream(answer: Answer) -> list[Event]:
    log = Log()

    def add(type: str, index: int | None = None, message: Any = None, **arrived: Any) -> None:
        place = {} if index is None else {"index": index}
        delta = {} if message is None else {"delta": {"message": message}}
        log.add(type, {"type": type, **place, **delta}, **arrived)

    log.add("message-start", {"type": "message-start", "id": "1", "delta": {"message": {"role": "assistant"}}})
    index = 0
    for kind, pieces in (("thinking", answer.reasoning), ("text", answer.text or answer.refusal)):
        if not pieces:
            continue
        add("content-start", index, {"content": {"type": kind, kind: ""}})
        for piece in pieces:
            add(
                "content-delta", index, {"content": {kind: piece}}, **{"text" if kind == "text" else "reasoning": piece}
            )
        add("content-end", index)
        index += 1
    for at, (id, name, pieces) in enumerate(answer.calls):
        begun = {"id": id, "type": "function", "function": {"name": name, "arguments": ""}}
        add("tool-call-start", at, {"tool_calls": begun})
        for piece in pieces:
            add("tool-call-delta", at, {"tool_calls": {"function": {"arguments": piece}}})
        add("tool-call-end", at, ended=at + 1)
    if answer.fails:
        return failed(log, _COHERE_FAILURE)
    end = {"finish_reason": _cohere_reason(answer), "usage": _COHERE_USAGE}
    log.add("message-end", {"type": "message-end", "delta": end}, whole=True, usage=(_INPUT, _OUTPUT))
    return log.events


def _cohere_body(answer: Answer) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": []}
    for kind, pieces in (("thinking", answer.reasoning), ("text", answer.text or answer.refusal)):
        if pieces:
            message["content"].append({"type": kind, kind: "".join(pieces)})
    if answer.calls:
        message["tool_calls"] = [
            {"id": id, "type": "function", "function": {"name": name, "arguments": "".join(pieces)}}
            for id, name, pieces in answer.calls
        ]
    return dumps({"id": "1", "message": message, "finish_reason": _cohere_reason(answer), "usage": _COHERE_USAGE})


COHERE = (_cohere_stream, _cohere_body, _COHERE_FAILURE)


# --- Bedrock's Converse -----------------------------------------------------------------------------------------------

_BEDROCK_REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}
_BEDROCK_USAGE = {"inputTokens": _INPUT, "outputTokens": _OUTPUT, "totalTokens": _INPUT + _OUTPUT}
_BEDROCK_FAILURE = (
    "exception",
    encode({":message-type": "exception", ":exception-type": "throttlingException"}, dumps({"message": FAILED})),
)


def _bedrock_reason(answer: Answer) -> str:
    return "content_filtered" if answer.refusal else _BEDROCK_REASONS[answer.reason]


def _bedrock_stream(answer: Answer) -> list[Event]:
    log = Log()
    log.add("messageStart", {"role": "assistant"})
    index = 0

    def block(deltas: list[tuple[Any, dict[str, Any]]], start: Any = None, **ended: Any) -> None:
        nonlocal index
        place = {"contentBlockIndex": index}
        if start:
            log.add("contentBlockStart", {**place, "start": start})
        for delta, arrived in deltas:
            log.add("contentBlockDelta", {**place, "delta": delta}, **arrived)
        log.add("contentBlockStop", place, **ended)
        index += 1

    if answer.reasoning:
        block([({"reasoningContent": {"text": piece}}, {"reasoning": piece}) for piece in answer.reasoning])
    if text := answer.text or answer.refusal:
        block([({"text": piece}, {"text": piece}) for piece in text])
    for at, (id, name, pieces) in enumerate(answer.calls):
        start = {"toolUse": {"toolUseId": id, "name": name}}
        block([({"toolUse": {"input": piece}}, {}) for piece in pieces], start, ended=at + 1)
    if answer.fails:
        return failed(log, _BEDROCK_FAILURE)
    log.add("messageStop", {"stopReason": _bedrock_reason(answer)}, whole=True)
    log.add(*BEDROCK_COUNTS, usage=(_INPUT, _OUTPUT))
    return log.events


def _bedrock_body(answer: Answer) -> bytes:
    content: list[Any] = []
    if answer.reasoning:
        content.append({"reasoningContent": {"reasoningText": {"text": "".join(answer.reasoning)}}})
    if text := answer.text or answer.refusal:
        content.append({"text": "".join(text)})
    content += [
        {"toolUse": {"toolUseId": id, "name": name, "input": _parsed(pieces)}} for id, name, pieces in answer.calls
    ]
    output = {"message": {"role": "assistant", "content": content}}
    return dumps({"output": output, "stopReason": _bedrock_reason(answer), "usage": _BEDROCK_USAGE})


BEDROCK_COUNTS = ("metadata", {"usage": _BEDROCK_USAGE})
BEDROCK = (_bedrock_stream, _bedrock_body, _BEDROCK_FAILURE)


# --- OpenAI's responses -----------------------------------------------------------------------------------------------

_RESPONSES_FAILURE = ("error", {"type": "error", "code": "server_error", "message": FAILED, "param": None})
_SAID = {"type": "message", "id": "msg_1", "role": "assistant"}
_RESPONSES_USAGE = {"input_tokens": _INPUT, "output_tokens": _OUTPUT, "total_tokens": _INPUT + _OUTPUT}


def _response(answer: Answer, items: list[Any] | None = None) -> dict[str, Any]:
    head = {"id": "resp_1", "object": "response", "model": "sample"}
    if items is None:
        return {**head, "status": "in_progress", "output": [], "usage": None}
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    ended = cut if answer.reason == "length" else {"status": "completed"}
    return {**head, **ended, "output": items, "usage": _RESPONSES_USAGE}


def _items(answer: Answer) -> list[tuple[dict[str, Any], str, tuple[str, ...]]]:
    """Return each item, with the kind and the pieces of its deltas."""
    found: list[Any] = []
    if answer.reasoning:
        summary = [{"type": "summary_text", "text": "".join(answer.reasoning)}]
        thought = {"type": "reasoning", "id": "rs_1", "summary": summary}
        found.append((thought, "reasoning_summary_text", answer.reasoning))
    if answer.text:
        content: list[Any] = [{"type": "output_text", "text": "".join(answer.text), "annotations": []}]
        found.append(({**_SAID, "content": content}, "output_text", answer.text))
    if answer.refusal:
        content = [{"type": "refusal", "refusal": "".join(answer.refusal)}]
        found.append(({**_SAID, "content": content}, "refusal", answer.refusal))
    for id, name, pieces in answer.calls:
        call = {"type": "function_call", "id": f"fc_{id}", "call_id": id, "name": name, "arguments": "".join(pieces)}
        found.append((call, "function_call_arguments", pieces))
    return found


_ARRIVES = {"reasoning_summary_text": "reasoning", "output_text": "text", "refusal": "refusal"}


def _responses_stream(answer: Answer) -> list[Event]:
    log, ended = Log(), 0

    def add(type: str, arrived: Any = None, **data: Any) -> None:
        log.add(f"response.{type}", {"type": f"response.{type}", **data}, **(arrived or {}))

    add("created", response=_response(answer))
    items = _items(answer)
    for index, (item, kind, pieces) in enumerate(items):
        empty = {name: type(value)() for name, value in item.items() if name in ("summary", "content", "arguments")}
        add("output_item.added", output_index=index, item={**item, **empty})
        place = {"output_index": index, "item_id": item["id"], "content_index": 0, "summary_index": 0}
        for piece in pieces:
            arrived = {_ARRIVES[kind]: piece} if kind in _ARRIVES else {}
            add(f"{kind}.delta", arrived, **place, delta=piece)
        ended += item["type"] == "function_call"
        add("output_item.done", {"ended": ended}, output_index=index, item=item)
    if answer.fails:
        return failed(log, _RESPONSES_FAILURE)
    response = _response(answer, [item for item, _, _ in items])
    add(response["status"], {"whole": True, "usage": (_INPUT, _OUTPUT)}, response=response)
    return log.events


def _responses_body(answer: Answer) -> bytes:
    return dumps(_response(answer, [item for item, _, _ in _items(answer)]))


RESPONSES = (_responses_stream, _responses_body, _RESPONSES_FAILURE)
