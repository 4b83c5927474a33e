"""Tool calls written as text: however an answer is cut, beside other calls, on each wire, in each choice."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from written_calls import ALL, WRITTEN, search, streamed

import stepwell
from stepwell import Reply
from stepwell.providers.text_calls.stage import TextCalls
from stepwell.schemas.chunks import Alternative, Finish, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart
from stepwell.schemas.fold import fold

CALL = '<tool_call>\n{"name": "search", "arguments": {"query": "x"}}\n</tool_call>'
TEXT = f"Hi.\n{CALL}\n\nBye."
OPEN_ENDED = ("mistral", "mistral 11", "python tag", "json", "python")
"""The forms without a closing mark."""


def read(reply: Reply) -> Any:
    calls = [(call.name, call.arguments_json, call.error is None) for call in reply.tool_calls]
    return reply.text, calls, reply.finish_reason


def test_a_block_ends_at_its_mark_wherever_the_two_pieces_of_an_answer_meet() -> None:
    for family, (text, arguments) in WRITTEN.items():
        whole = text if family in OPEN_ENDED else f"Hi.\n{text}\n\nBye."
        expected = read(streamed([whole])[0])
        assert len(expected[1]) == len(arguments) and ("Bye." in expected[0]) == (family not in OPEN_ENDED)
        for cut in range(1, len(whole)):
            assert read(streamed([whole[:cut], whole[cut:]])[0]) == expected, (family, whole[:cut])


@pytest.mark.parametrize(
    "text",
    [
        "Models write <tool_call> before they search for things.",
        "Put `<tool_call>` and `</tool_call>` around the search.",
        "In HTML, <function= is no tag; search is one.",
        "[TOOL_CALLS] are how Mistral would search.",
        "The tag <|python_tag|> is what Llama writes to search.",
        'So:\n```xml\n<tool_call>\n{"name": ...}\n</tool_call>\n```\nand the search begins.',
    ],
)
def test_a_sentence_about_calls_stays_in_the_text_even_if_it_names_a_tool(text: str) -> None:
    for pieces in ([text], [*text]):
        assert read(streamed(pieces)[0]) == (text, [], "stop")
        assert streamed([*pieces, "\n", CALL])[0].text == text, "and a call after it is found"


QUOTED = [
    "To search, write `%s` and wait.",
    "- `%s`",
    'The page says "%s", no more.',
    "“%s” is a call.",
    "For example:\n```xml\n%s\n```\nThat is how.",
    "```\n%s\n```\n\nand it searches.",
]
NOT_QUOTED = ["```\n%s\n```", "So:\n```xml\n%s\n```\n", "He's here: %s", "say '%s now", '"Hi," %s']


def test_a_whole_call_that_an_answer_only_quotes_is_text_in_every_form() -> None:
    for family, (written, _) in WRITTEN.items():
        if family in ("json", "python"):
            continue
        call = written.partition("\n<tool_call>")[0] if family == "hermes" else written
        for around in QUOTED:
            text = around.replace("%s", call)
            if family in ("gemma 4, nested", "functiongemma") or (family in OPEN_ENDED and '"%s"' in around):
                continue  # several blocks; a block without an end, whose own quotation marks end the quotation
            for pieces in ([text], [*text], [text[:-1], text[-1]]):
                reply = streamed(pieces)[0]
                assert read(reply) == (text, [], "stop"), (family, around)
            assert len(streamed([text, "\n", CALL])[0].tool_calls) == 1, "and a call after it is found"
        for around in NOT_QUOTED if family not in OPEN_ENDED else ():
            for pieces in ([around.replace("%s", call)], [*around.replace("%s", call)]):
                assert streamed(pieces)[0].tool_calls, (family, around)


def test_every_call_has_an_id_of_its_own() -> None:
    call = '<|tool_call_begin|>functions.search:0<|tool_call_argument_begin|>{"query": "x"}<|tool_call_end|>'
    reply, _ = streamed([f"<|tool_calls_section_begin|>{call}{call}<|tool_calls_section_end|>"])
    first, second = reply.tool_calls
    assert first.id == "functions.search:0" != second.id


def test_a_call_that_the_server_has_read_and_left_in_the_text_is_one_call() -> None:
    for arguments, count in (('{"query":"x"}', 1), ('{"query":"y"}', 2)):
        stage = TextCalls(ALL, [search], lambda: "id")
        chunks = stage.feed([TextDelta(TEXT, 1), ToolCallStart(1000, "own", "search"), ToolCallDelta(1000, arguments)])
        chunks += stage.feed([ToolCallEnd(1000, {}, "own", "search", arguments), Finish("tool_calls")])
        reply = fold(chunks)
        assert reply.text == "Hi.\n\nBye." and reply.tool_calls[0].arguments_json == arguments
        assert len(reply.tool_calls) == count


def test_the_other_choices_are_read_each_for_itself() -> None:
    stage = TextCalls(ALL, [search], lambda: "id")
    pieces = [TEXT[at : at + 5] for at in range(0, len(TEXT), 5)]
    chunks = [chunk for each in pieces for chunk in stage.feed([TextDelta("No."), Alternative(1, TextDelta(each))])]
    reply = fold([*chunks, *stage.feed([Finish("stop")])])
    (other,) = reply.alternatives
    assert (other.text, [call.name for call in other.tool_calls]) == ("Hi.\n\nBye.", ["search"])
    assert (reply.tool_calls, reply.finish_reason) == ((), "stop")


def sse(*events: Any) -> bytes:
    return b"".join(
        f"event: {each.get('type', '')}\ndata: {json.dumps(each)}\n\n".replace("event: \n", "").encode()
        for each in events
    )


PIECES = [TEXT[at : at + 5] for at in range(0, len(TEXT), 5)]


def chat() -> tuple[Any, bytes]:
    whole = {"id": "r", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": TEXT}}]}
    events = [{"id": "r", "choices": [{"index": 0, "delta": {"content": each}}]} for each in PIECES]
    return whole, sse(*events, {"id": "r", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})


def responses() -> tuple[Any, bytes]:
    item = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    done = {**item, "content": [{"type": "output_text", "text": TEXT, "annotations": []}]}
    whole = {"id": "r", "status": "completed", "output": [done]}
    place = {"output_index": 0, "item_id": "m", "content_index": 0}
    return whole, sse(
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        *({"type": "response.output_text.delta", **place, "delta": each} for each in PIECES),
        {"type": "response.output_text.done", **place, "text": TEXT},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": whole},
    )


def messages() -> tuple[Any, bytes]:
    head = {"type": "message", "id": "m", "role": "assistant", "model": "m"}
    return {**head, "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn"}, sse(
        {"type": "message_start", "message": {**head, "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": each}}
            for each in PIECES
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    )


def test_a_streamed_answer_and_a_whole_one_hold_the_same_calls_on_each_wire() -> None:
    for wire, written in (("openai_chat", chat), ("openai_responses", responses), ("anthropic_messages", messages)):
        whole, stream = written()

        def answer(asked: httpx.Request, whole: Any = whole, stream: bytes = stream) -> httpx.Response:
            if json.loads(asked.content).get("stream"):
                return httpx.Response(200, content=stream, headers={"content-type": "text/event-stream"})
            return httpx.Response(200, json=whole)

        with stepwell.Client(transport=httpx.MockTransport(answer), api_keys={"vllm": "k"}) as it:
            model = "vllm:Qwen/Qwen3-8B"
            at_once = it.generate_text(model, "x", tools=[search], wire=wire)
            with it.stream_text(model, "x", tools=[search], wire=wire) as live:
                list(live)
            assert (
                read(at_once)
                == read(live.reply())
                == ("Hi.\n\nBye.", [("search", '{"query": "x"}', True)], "tool_calls")
            )
            assert [type(part) for part in at_once.message.content] == [
                type(part) for part in live.reply().message.content
            ]
            if wire == "openai_chat":
                server = stepwell.Tool("own", server={"type": "own"})
                assert it.generate_text(model, "x", tools=[server]).text == TEXT, "no function was offered"
