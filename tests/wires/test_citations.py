"""Citations, the provider's own tools and their results: one form, from each vendor's own, streamed and not."""

from __future__ import annotations

import json
from typing import Any

import answers
import pytest
from chat_wires import RECORDED_CHATS

from stepwell import Context, Reply, user
from stepwell.chunks import TextDelta
from stepwell.declare import Wire
from stepwell.messages import Citation, ServerToolCall, ServerToolResult, Text
from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.cohere_chat import cohere_chat
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.mistral_chat import mistral_chat
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.schemas.fold import fold
from stepwell.schemas.reply_chunks import chunks_of

from recordings import recordings, replay


def cited(reply: Reply) -> list[tuple[str, str, str | None]]:
    """Return kind, source and supported words of each citation."""
    spans = ((each, each.start, each.end) for each in reply.citations)
    return [(each.kind, each.source, None if at is None else reply.text[at:to]) for each, at, to in spans]


def test_recorded_tools_and_citations_are_found_sent_back_and_stored() -> None:
    tools = citations = 0
    for wire in RECORDED_CHATS.values():
        for recording in recordings(wire.name):
            reply = replay(recording, wire)
            if not isinstance(reply, Reply):
                continue
            blocks = list(recording.expected.get("server_tool_calls") or ())
            ours = [part for part in reply.message.content if isinstance(part, ServerToolCall | ServerToolResult)]
            assert len([part for part in ours if part.data is not None]) >= len(blocks), recording.id
            assert all(part.kind and part.wire == wire.name for part in ours), recording.id
            for each in reply.citations:
                assert each.source and (each.start is None or 0 <= each.start <= (each.end or 0) <= len(reply.text))
            assert {result.id for result in reply.server_tool_results} <= {call.id for call in reply.server_tool_calls}
            stored = Context([user("?"), reply.message])
            assert Context.from_json(stored.to_json()) == stored
            chunks = chunks_of(reply)
            assert fold(chunks).message == reply.message
            assert "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta)) == reply.text, recording.id
            tools, citations = tools + len(reply.server_tool_calls), citations + len(reply.citations)
    assert tools >= 15 and citations >= 25, "the recordings hold them"


OPENAI_CITED = {"type": "url_citation", "url": "https://u.test", "title": "T", "start_index": 6, "end_index": 10}
CHAT: list[tuple[Wire, dict[str, Any], dict[str, Any], list[tuple[str, str, str | None]]]] = [
    # https://platform.openai.com/docs/guides/tools-web-search?api-mode=chat, OpenRouter's are the same
    (
        openai_chat,
        {"content": "It is 2 °C.", "annotations": [{"type": "url_citation", "url_citation": OPENAI_CITED}]},
        {},
        [("web", "https://u.test", "2 °C")],
    ),
    # https://docs.perplexity.ai/api-reference/chat-completions-post
    (
        openai_chat,
        {"content": "A[2] and B[1][2]."},
        {
            "citations": ["https://a.test", "https://b.test", "https://c.test"],
            "search_results": [{"url": f"https://{each}.test", "title": each.upper()} for each in "abc"],
        },
        [
            ("web", "https://c.test", None),
            ("web", "https://b.test", "[2]"),
            ("web", "https://a.test", "[1]"),
            ("web", "https://b.test", "[2]"),
        ],
    ),
    # https://docs.x.ai/docs/guides/live-search
    (openai_chat, {"content": "Hi."}, {"citations": ["https://x.test"]}, [("web", "https://x.test", None)]),
    # https://docs.mistral.ai/capabilities/citations/
    (
        mistral_chat,
        {
            "content": [
                {"type": "text", "text": "Han Kang"},
                {"type": "reference", "reference_ids": [0]},
                {"type": "text", "text": "."},
            ]
        },
        {},
        [("document", "0", "")],
    ),
]


@pytest.mark.parametrize(("wire", "message", "beside", "expected"), CHAT, ids=range(len(CHAT)))
def test_the_sources_of_chats(wire: Wire, message: Any, beside: Any, expected: Any) -> None:
    body = {"id": "r", "choices": [{"index": 0, "finish_reason": "stop", "message": message}], **beside}
    events = [
        {"id": "r", "choices": [{"index": 0, "delta": {name: value}}], **beside} for name, value in message.items()
    ]
    end = {"id": "r", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **beside}
    whole = answers.decoded(wire, body)
    streamed = answers.answered(wire, answers.events(*events, end) + b"data: [DONE]\n\n", stream=True)
    assert cited(whole) == cited(streamed) == expected
    assert whole.message == streamed.message and "citations" not in whole.metadata


def test_the_annotations_of_openais_texts() -> None:
    """https://platform.openai.com/docs/api-reference/responses/object"""
    files = {"type": "container_file_citation", "container_id": "c", "file_id": "f", "filename": "a.md"}
    notes = [
        OPENAI_CITED,
        {**files, "start_index": 0, "end_index": 2},
        {"type": "file_citation", "file_id": "g", "index": 3},
    ]
    text = {"type": "output_text", "text": "It is 2 °C.", "annotations": notes}
    item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]}
    body = {"id": "r", "status": "completed", "output": [item]}
    events = answers.events(
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": body},
    )
    whole, streamed = answers.decoded(openai_responses, body), answers.answered(openai_responses, events, stream=True)
    assert whole.message == streamed.message
    assert cited(whole) == [("web", "https://u.test", "2 °C"), ("document", "a.md", "It"), ("document", "g", None)]
    assert answers.body_of(openai_responses, [user("?"), whole.message, user("more")])["input"][1] == item


ANTHROPIC = [
    (
        {
            "type": "char_location",
            "document_index": 1,
            "document_title": "D",
            "start_char_index": 2,
            "end_char_index": 5,
        },
        "document",
        "D",
        {"document": 1, "characters": [2, 5]},
    ),
    (
        {
            "type": "page_location",
            "document_index": 0,
            "document_title": "D",
            "start_page_number": 1,
            "end_page_number": 2,
        },
        "document",
        "D",
        {"document": 0, "pages": [1, 2]},
    ),
    (
        {
            "type": "content_block_location",
            "document_index": 0,
            "start_block_index": 3,
            "end_block_index": 4,
            "file_id": "f",
        },
        "document",
        "f",
        {"document": 0, "blocks": [3, 4]},
    ),
    (
        {"type": "web_search_result_location", "url": "https://u.test", "title": "T", "encrypted_index": "e"},
        "web",
        "https://u.test",
        {},
    ),
    (
        {
            "type": "search_result_location",
            "source": "kb/1",
            "title": "T",
            "search_result_index": 0,
            "start_block_index": 0,
            "end_block_index": 1,
        },
        "search_result",
        "T",
        {"document": 0, "blocks": [0, 1]},
    ),
]


def test_each_location_of_anthropic() -> None:
    for raw, kind, source, location in ANTHROPIC:
        block = {"type": "text", "text": "Blue.", "citations": [{**raw, "cited_text": "said"}]}
        body = {
            "type": "message",
            "id": "m",
            "content": [{"type": "text", "text": "It is "}, block],
            "stop_reason": "end_turn",
        }
        reply = answers.decoded(anthropic_messages, body)
        (citation,) = reply.citations
        assert (citation.kind, citation.source, citation.text) == (kind, source, "said"), raw
        assert citation.location == location and reply.text[citation.start : citation.end] == "Blue."
        sent = answers.body_of(anthropic_messages, [user("?"), reply.message, user("more")])["messages"][1]["content"]
        assert sent[1] == block, "sent back as it came"


def test_gemini_counts_bytes_and_names_the_words() -> None:
    """https://ai.google.dev/api/generate-content#Segment: "Start index in the given Part, measured in bytes"."""
    text = "Zürich é Bern. Über Genf."
    first, second = "Zürich é Bern.", "Über Genf."
    at = len(b"Z\xc3\xbcrich \xc3\xa9 Bern. ")
    metadata = {
        "webSearchQueries": ["q"],
        "groundingChunks": [
            {"web": {"uri": "https://u.test", "title": "u"}},
            {"retrievedContext": {"uri": "gs://b/a", "title": "a"}},
        ],
        "groundingSupports": [
            {"segment": {"endIndex": at - 1, "text": first}, "groundingChunkIndices": [0]},
            {
                "segment": {"startIndex": at, "endIndex": at + 11, "text": second},
                "groundingChunkIndices": [0, 1],
                "confidenceScores": [0.5, 0.7],
            },
            {"segment": {"startIndex": 0, "endIndex": 4, "text": second}, "groundingChunkIndices": [1, 9]},
        ],
    }
    expected = [
        ("web", "https://u.test", first),
        ("web", "https://u.test", second),
        ("document", "gs://b/a", second),
        ("document", "gs://b/a", second),
    ]

    def piece(text: str, **more: Any) -> dict[str, Any]:
        return {"responseId": "r", "candidates": [{"content": {"parts": [{"text": text}]}, **more}]}

    for cut in range(len(text)):
        events = answers.events(
            piece(text[:cut]), piece(text[cut:]), piece("", finishReason="STOP", groundingMetadata=metadata)
        )
        streamed = answers.answered(google_generate, events, stream=True)
        assert cited(streamed) == expected, cut
    whole = answers.decoded(google_generate, piece(text, finishReason="STOP", groundingMetadata=metadata))
    assert whole.message == streamed.message and [each.score for each in whole.citations] == [None, 0.5, 0.7, None]
    sent = answers.body_of(google_generate, [user("?"), whole.message, user("more")])["contents"][1]["parts"]
    assert sent == [{"text": text}]


def test_a_citation_that_cannot_be_read_costs_nothing_else() -> None:
    odd: list[Any] = [
        None,
        1,
        "x",
        [],
        {},
        {"type": []},
        {"url": 1},
        {"start_index": "a", "url": "https://u.test", "end_index": -1},
        {"url": "https://u.test", "title": "9" * 5000, "score": 10**400, "start_index": 10**400, "end_index": 10**400},
        {"segment": {"endIndex": 9}, "groundingChunkIndices": [10**400], "confidenceScores": [10**400]},
    ]
    for raw in odd:
        chat = {
            "id": "r",
            "choices": [
                {"finish_reason": "stop", "message": {"content": "Hi.", "annotations": [raw], "executed_tools": [raw]}}
            ],
            "citations": [raw],
            "search_results": [raw],
        }
        content = [{"type": "output_text", "text": "Hi.", "annotations": [raw]}]
        bodies: list[tuple[Wire, dict[str, Any]]] = [
            (openai_chat, chat),
            (
                openai_responses,
                {
                    "id": "r",
                    "status": "completed",
                    "output": [
                        {"type": "message", "id": "m", "content": content},
                        {"type": "web_search_call", "id": "w", "action": raw, "results": [raw], "outputs": raw},
                    ],
                },
            ),
            (
                anthropic_messages,
                {
                    "type": "message",
                    "id": "m",
                    "stop_reason": "end_turn",
                    "content": [
                        {"type": "text", "text": "Hi.", "citations": [raw]},
                        {"type": "web_search_tool_result", "tool_use_id": "t", "content": [raw]},
                    ],
                },
            ),
            (
                google_generate,
                {
                    "candidates": [
                        {
                            "content": {"parts": [{"text": "Hi."}, {"executableCode": raw}]},
                            "finishReason": "STOP",
                            "groundingMetadata": {
                                "groundingChunks": [raw],
                                "groundingSupports": [raw, {"segment": raw, "groundingChunkIndices": [0, raw]}],
                                "webSearchQueries": [raw],
                            },
                            "citationMetadata": {"citationSources": [raw]},
                            "urlContextMetadata": {"urlMetadata": [raw]},
                        }
                    ]
                },
            ),
            (
                bedrock_converse,
                {
                    "stopReason": "end_turn",
                    "output": {
                        "message": {
                            "content": [{"citationsContent": {"content": [{"text": "Hi."}], "citations": [raw]}}]
                        }
                    },
                },
            ),
            (
                cohere_chat,
                {
                    "finish_reason": "COMPLETE",
                    "message": {"content": [{"type": "text", "text": "Hi."}], "citations": [raw]},
                },
            ),
        ]
        for wire, body in bodies:
            reply = answers.answered(wire, json.dumps(body).encode())
            assert isinstance(reply, Reply) and reply.text == "Hi.", (wire, raw)


def test_the_spans_of_a_reply_count_in_its_text_and_those_of_a_part_in_the_part() -> None:
    one = Text("Über.", citations=(Citation(url="a", start=0, end=4),))
    two = Text("Genf.", citations=(Citation(url="b", start=0, end=4), Citation(url="c")))
    reply = fold(
        chunks_of(Reply(message=Context([user("?")]).append({"role": "assistant", "content": [one, two]}).messages[-1]))
    )
    assert cited(reply) == [("web", "a", "Über"), ("web", "b", "Genf"), ("web", "c", None)]
