"""Answers written from the vendors' documentation, for what the recorded traffic lacks.

EXCHANGES: chats; VECTORS: embeddings; documented_calls.py: chats in which calls stand in the text.

`PYTHONPATH=tests/support:. python -m documented_exchanges` writes each of them, whole and streamed, into
tests/recordings, with what the vendor's SDK reads in it (documented_oracles.py).
"""

from __future__ import annotations

import json
from base64 import b64encode

from documented_bodies import FIRST, LOGPROBS, PAGE, TEXT, TITLE, Exchange, chat, gemini, message, response, said, span
from documented_calls import CALLS
from documented_hosts import HOSTS

from recordings import FOLDER

_OPENAI = "https://platform.openai.com/docs"
_CITED = {"type": "url_citation", "url": PAGE, "title": TITLE}
_SEARCH = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "ferry"},
}
_CHAT, _RESPONSES, _MESSAGES = "/chat/completions", "/responses", "/messages"

# What the new parts look like at the vendors that have them.
PARTS = [
    Exchange(
        "openai_chat",
        "openai",
        "gpt-4o-search-preview",
        f"https://api.openai.com/v1{_CHAT}",
        f"{_OPENAI}/guides/tools-web-search?api-mode=chat",
        ("citations",),
        chat(TEXT, annotations=[{"type": "url_citation", "url_citation": span(url=PAGE, title=TITLE)}]),
    ),
    Exchange(
        "openai_chat",
        "openai",
        "gpt-4o-mini",
        f"https://api.openai.com/v1{_CHAT}",
        f"{_OPENAI}/api-reference/chat/object#logprobs",
        ("logprobs",),
        chat(TEXT, logprobs={"content": LOGPROBS, "refusal": None}),
    ),
    Exchange(
        "openai_chat",
        "openrouter",
        "openai/gpt-4o:online",
        f"https://openrouter.ai/api/v1{_CHAT}",
        "https://openrouter.ai/docs/features/web-search",
        ("citations",),
        chat(
            TEXT, annotations=[{"type": "url_citation", "url_citation": span(url=PAGE, title=TITLE, content="At 9.")}]
        ),
    ),
    Exchange(
        "openai_chat",
        "perplexity",
        "sonar",
        f"https://api.perplexity.ai{_CHAT}",
        "https://docs.perplexity.ai/api-reference/chat-completions-post",
        ("citations",),
        chat(
            "It leaves at nine[1].",
            beside={
                "citations": [PAGE],
                "search_results": [{"title": TITLE, "url": PAGE, "date": "2026-01-02"}],
            },
        ),
    ),
    Exchange(
        "openai_chat",
        "groq",
        "openai/gpt-oss-20b",
        f"https://api.groq.com/openai/v1{_CHAT}",
        "https://console.groq.com/docs/browser-search",
        ("server_tools",),
        chat(
            TEXT,
            executed_tools=[
                {"index": 0, "type": "browser.search", "arguments": '{"query": "ferry"}', "output": "At 9."}
            ],
        ),
    ),
    Exchange(
        "openai_responses",
        "openai",
        "gpt-5.1",
        f"https://api.openai.com/v1{_RESPONSES}",
        f"{_OPENAI}/guides/tools-web-search",
        ("citations", "server_tools"),
        response(_SEARCH, said(span(**_CITED))),
    ),
    Exchange(
        "openai_responses",
        "openai",
        "gpt-4.1-mini",
        f"https://api.openai.com/v1{_RESPONSES}",
        f"{_OPENAI}/api-reference/responses/object#logprobs",
        ("logprobs",),
        response(said(logprobs=LOGPROBS)),
    ),
    Exchange(
        "openai_responses",
        "openai",
        "gpt-5.1",
        f"https://api.openai.com/v1{_RESPONSES}",
        f"{_OPENAI}/guides/tools-file-search",
        ("citations", "server_tools"),
        response(
            {"id": "fs_1", "type": "file_search_call", "status": "completed", "queries": ["ferry"], "results": None},
            said({"type": "file_citation", "index": 24, "file_id": "file-1", "filename": "ferry.md"}),
        ),
    ),
    Exchange(
        "openai_responses",
        "openai",
        "gpt-5.1",
        f"https://api.openai.com/v1{_RESPONSES}",
        f"{_OPENAI}/guides/tools-connectors-mcp",
        ("server_tools",),
        response(
            {
                "id": "mcp_1",
                "type": "mcp_call",
                "name": "times",
                "server_label": "port",
                "arguments": "{}",
                "output": "At 9.",
                "error": None,
                "approval_request_id": None,
                "status": "completed",
            },
            said(),
        ),
    ),
    Exchange(
        "anthropic_messages",
        "anthropic",
        "claude-sonnet-4-5",
        f"https://api.anthropic.com/v1{_MESSAGES}",
        "https://docs.claude.com/en/docs/build-with-claude/citations",
        ("citations",),
        message(
            {
                "type": "text",
                "text": FIRST,
                "citations": [
                    {
                        "type": "char_location",
                        "cited_text": "At 9.",
                        "document_index": 0,
                        "document_title": TITLE,
                        "start_char_index": 0,
                        "end_char_index": 5,
                        "file_id": None,
                    },
                ],
            },
            {"type": "text", "text": " Bring a coat."},
        ),
    ),
    Exchange(
        "anthropic_messages",
        "anthropic",
        "claude-sonnet-4-5",
        f"https://api.anthropic.com/v1{_MESSAGES}",
        "https://docs.claude.com/en/docs/agents-and-tools/tool-use/web-search-tool",
        ("citations", "server_tools"),
        message(
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "ferry"}},
            {
                "type": "web_search_tool_result",
                "tool_use_id": "srvtoolu_1",
                "content": [
                    {
                        "type": "web_search_result",
                        "url": PAGE,
                        "title": TITLE,
                        "encrypted_content": "eA==",
                        "page_age": None,
                    },
                ],
            },
            {
                "type": "text",
                "text": FIRST,
                "citations": [
                    {
                        "type": "web_search_result_location",
                        "url": PAGE,
                        "title": TITLE,
                        "cited_text": "At 9.",
                        "encrypted_index": "eQ==",
                    },
                ],
            },
        ),
    ),
    Exchange(
        "google_generate",
        "google",
        "gemini-2.5-flash",
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent",
        "https://ai.google.dev/gemini-api/docs/google-search",
        ("citations", "server_tools"),
        gemini(
            {"text": TEXT},
            groundingMetadata={
                "webSearchQueries": ["ferry"],
                "groundingChunks": [{"web": {"uri": PAGE, "title": TITLE}}],
                "groundingSupports": [
                    {"segment": {"startIndex": 0, "endIndex": len(FIRST), "text": FIRST}, "groundingChunkIndices": [0]},
                ],
            },
        ),
    ),
    Exchange(
        "google_generate",
        "google",
        "gemini-2.5-flash",
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent",
        "https://ai.google.dev/gemini-api/docs/url-context",
        ("server_tools",),
        gemini(
            {"text": TEXT},
            urlContextMetadata={
                "urlMetadata": [{"retrievedUrl": PAGE, "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"}],
            },
        ),
    ),
    Exchange(
        "google_generate",
        "google_vertex",
        "gemini-2.5-flash",
        "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google/models/"
        "gemini-2.5-flash:generateContent",
        "https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#LogprobsResult",
        ("logprobs",),
        gemini(
            {"text": TEXT},
            avgLogprobs=-0.25,
            logprobsResult={
                "chosenCandidates": [{"token": TEXT, "tokenId": 1, "logProbability": -0.25}],
                "topCandidates": [
                    {
                        "candidates": [
                            {"token": TEXT, "tokenId": 1, "logProbability": -0.25},
                            {"token": "No.", "tokenId": 2, "logProbability": -2.5},
                        ]
                    }
                ],
            },
        ),
    ),
    Exchange(
        "bedrock_converse",
        "amazon_bedrock",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
        "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CitationsContentBlock.html",
        ("citations",),
        {
            "output": {
                "message": {
                    "role": "assistant",
                    "content": [
                        {
                            "citationsContent": {
                                "content": [{"text": FIRST}],
                                "citations": [
                                    {
                                        "title": TITLE,
                                        "sourceContent": [{"text": "At 9."}],
                                        "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 5}},
                                    }
                                ],
                            }
                        }
                    ],
                }
            },
            "stopReason": "end_turn",
            "usage": {"inputTokens": 11, "outputTokens": 12, "totalTokens": 23},
            "metrics": {"latencyMs": 100},
        },
    ),
    Exchange(
        "cohere_chat",
        "cohere",
        "command-a-03-2025",
        "https://api.cohere.com/v2/chat",
        "https://docs.cohere.com/reference/chat#response.body.logprobs",
        ("logprobs",),
        {
            "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4",
            "finish_reason": "COMPLETE",
            "message": {"role": "assistant", "content": [{"type": "text", "text": TEXT}]},
            "usage": {
                "billed_units": {"input_tokens": 5, "output_tokens": 12},
                "tokens": {"input_tokens": 11, "output_tokens": 12},
            },
            "logprobs": [
                {"text": FIRST, "token_ids": [1, 2], "logprobs": [-0.25, -0.5]},
                {"text": TEXT.removeprefix(FIRST), "token_ids": [3], "logprobs": [-2.5]},
            ],
        },
    ),
    Exchange(
        "mistral_chat",
        "mistral",
        "mistral-medium-latest",
        f"https://api.mistral.ai/v1{_CHAT}",
        "https://docs.mistral.ai/capabilities/citations",
        ("citations",),
        chat([{"type": "text", "text": FIRST}, {"type": "reference", "reference_ids": [0]}]),
    ),
]

EXCHANGES = [*PARTS, *HOSTS]
VECTORS = Exchange(
    "perplexity_embeddings",
    "perplexity",
    "pplx-embed-v1-0.6b",
    "https://api.perplexity.ai/v1/embeddings",
    "https://docs.perplexity.ai/api-reference/embeddings-post",
    ("embeddings",),
    {
        "object": "list",
        "model": "pplx-embed-v1-0.6b",
        # 128 numbers from -128 to 127 each: https://docs.perplexity.ai/docs/embeddings/best-practices
        "data": [
            {"object": "embedding", "index": at, "embedding": b64encode(bytes(range(at, 256, 2))).decode()}
            for at in (0, 1)
        ],
        "usage": {
            "prompt_tokens": 11,
            "total_tokens": 11,
            "cost": {"currency": "USD", "input_cost": 4.4e-8, "total_cost": 4.4e-8},
        },
    },
)
ALL = [*EXCHANGES, *(each.exchange for each in CALLS), VECTORS]


def write() -> None:
    """Write every exchange, whole and streamed, over what is there."""
    from documented_oracles import expected, oracle_of

    for each in ALL:
        for streaming in each.ways:
            body, kind = each.answer(streaming)
            said = {"id": each.id(streaming), "source": each.address, "license": "MIT", "api": each.api}
            who = {"provider": each.provider, "model": each.model, "streaming": streaming, "kinds": list(each.kinds)}
            request = {"method": "POST", "url": each.url, "headers": {}, "json": None}
            response = {"status": 200, "headers": {"content-type": kind}, "body_b64": b64encode(body).decode()}
            read = {**expected(each, streaming), "oracle": oracle_of(each.api)}
            data = {
                **said,
                **who,
                "fidelity": "documentation",
                "request": request,
                "response": response,
                "expected": read,
            }
            (FOLDER / f"{each.id(streaming)}.json").write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    write()
