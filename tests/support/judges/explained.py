"""Each known disagreement with a judge: what the vendor's documentation says of it, where, and what is done here."""

from __future__ import annotations

from fnmatch import fnmatchcase

from attrs import frozen

from .asking import Row

AWS = "https://docs.aws.amazon.com/bedrock/latest/APIReference"
OPENAI = "https://platform.openai.com/docs/api-reference"
UNKNOWN = "not known"


@frozen
class Explained:
    """Why the rows of one kind differ. `judge`, `route`, `case` and `outcome` may have wildcards."""

    judge: str
    route: str
    case: str
    found: str
    """what the judge has against the client, or "" where only the outcomes differ"""
    outcome: str
    """what came of the call here: any other is unexplained"""
    documented: str
    address: str
    ours: str


EXPLAINED = [
    Explained(
        "LLMock",
        "*",
        "truncated within the text",
        "error truncated_stream_accepted",
        "StreamTruncated",
        "a stream ends by its last event",
        f"{OPENAI}/chat-streaming",
        "raises StreamTruncated with the text so far. The judge sees requests only, so it takes a client that does not "
        "retry for one that saw nothing; text that was handed out cannot be asked for again",
    ),
    Explained(
        "LLMock",
        "*",
        "disconnected within the text",
        "warning gave_up",
        "StreamTruncated",
        UNKNOWN,
        "",
        "raises StreamTruncated with the text so far, and does not retry: the caller has text already. Before that "
        "it retries (see the case before)",
    ),
    Explained(
        "LLMock",
        "*",
        "a chunk that is no JSON",
        "warning malformed_chunk_ignored",
        "DecodeError",
        UNKNOWN,
        "",
        "raises DecodeError with the text so far. The judge sees only that the request was not made again",
    ),
    Explained(
        "LLMock",
        "Anthropic messages",
        "a call whose arguments are no JSON",
        "",
        "weather({}), tool_calls",
        "`input` of a tool use is an object",
        "https://docs.claude.com/en/api/messages",
        "as sent: unstreamed the judge has no place for broken text and sends an empty object",
    ),
    Explained(
        "LLMock",
        "Gemini",
        "a call whose arguments are no JSON",
        "",
        "weather({}), tool_calls",
        "`args` of a function call is an object",
        "https://ai.google.dev/api/caching#FunctionCall",
        "as sent: the judge has no place for broken text and sends an empty object",
    ),
    Explained(
        "LLMock",
        "Anthropic messages",
        "an object by a schema",
        "",
        "ObjectInvalid",
        "`output_config.format` makes the answer fit a schema",
        "https://docs.claude.com/en/docs/build-with-claude/structured-outputs",
        "sends that; the judge does not read it and answers in prose, which is reported as ObjectInvalid",
    ),
    Explained(
        "aimock",
        "Bedrock invoke, Claude",
        "*",
        "",
        "StreamTruncated",
        'an event of the stream is `{"bytes": base64}`',
        f"{AWS}/API_runtime_PayloadPart.html",
        "reads that; the judge writes the message's JSON without the envelope, so no event of it is read, and the "
        "stream counts as cut",
    ),
    Explained(
        "aimock",
        "*",
        "cut call",
        "",
        "weather({}), tool_calls",
        "arguments are an object in this format",
        UNKNOWN,
        "as sent: the judge makes an empty object of text that is no JSON",
    ),
    Explained(
        "aimock",
        "Cohere",
        "reasoning",
        "",
        "'The table says nine.At nine.', stop",
        "reasoning is content of type `thinking`",
        "https://docs.cohere.com/docs/reasoning",
        "reads that; the judge writes it as content of type `text`",
    ),
    Explained(
        "aimock",
        "Ollama",
        "length",
        "",
        "'The ferry to', stop",
        "`done_reason` is `length` at the limit",
        "https://docs.ollama.com/api/chat",
        "as sent: the judge writes `stop` whatever was scripted",
    ),
    Explained(
        "aimock",
        "Ollama",
        "filter",
        "",
        "'The ferry', stop",
        "no such reason is documented",
        "https://docs.ollama.com/api/chat",
        "as sent: the judge writes `stop` whatever was scripted",
    ),
    Explained(
        "aimock",
        "OpenAI responses",
        "length",
        "",
        "'The ferry to', incomplete",
        "`incomplete_details.reason` says why a response is incomplete",
        f"{OPENAI}/responses/object",
        "reads that; the judge leaves it out, so the reason is `incomplete`",
    ),
    Explained(
        "aimock",
        "OpenAI responses",
        "filter",
        "",
        "ServerError",
        "a filtered response is `incomplete` with the reason `content_filter`",
        f"{OPENAI}/responses/object",
        "reads that; the judge writes `failed`, which is raised as an error",
    ),
    Explained(
        "aimock",
        "Gemini embeddings",
        "embed",
        "",
        "NotFound 404",
        "`batchEmbedContents` takes several texts",
        "https://ai.google.dev/api/embeddings",
        "calls that, for one text too; the judge has `embedContent` only",
    ),
    Explained(
        "aimock",
        "Ollama embeddings",
        "embed",
        "",
        "DecodeError",
        "/api/embed answers with `embeddings`, a list of vectors",
        "https://docs.ollama.com/api/embed",
        "reads that; the judge answers with `embedding`, one vector, as the older /api/embeddings did: DecodeError",
    ),
    Explained(
        "aimock",
        "Cohere rerank",
        "rerank",
        "",
        "DecodeError",
        "`results` holds each document, unless `top_n` is less",
        "https://docs.cohere.com/reference/rerank",
        "reads that; the judge answers with no result for two documents: DecodeError",
    ),
    Explained(
        "LiteLLM's proxy",
        "*",
        "a wrong key",
        "",
        "InvalidRequest 400",
        "a key is looked up in the proxy's database",
        "https://docs.litellm.ai/docs/proxy/virtual_keys",
        "as sent: without a database the proxy answers 400, `No connected db.`",
    ),
    Explained(
        "LiteLLM's proxy",
        "responses",
        "scripted text",
        "",
        "ServerError 500",
        UNKNOWN,
        "",
        "as sent: the proxy cannot stream its own scripted answer in this format and answers 500",
    ),
    Explained(
        "LLMock",
        "Gemini",
        "a batch",
        "",
        "InvalidRequest 400",
        "`batch.inputConfig.requests.requests` holds the requests",
        "https://ai.google.dev/gemini-api/docs/batch-api",
        "sends that; the judge looks for `requests` or `src.inlinedRequests`",
    ),
    Explained(
        "LLMock",
        "Mistral",
        "a batch",
        "",
        "*has no answer*",
        "`output_file` is the id of a file",
        "https://docs.mistral.ai/api/#tag/batch",
        "reads that; the judge has an object there",
    ),
    Explained(
        "LLMock",
        "Cohere",
        "its models",
        "",
        "NotFound 404",
        "the list is at /v1/models",
        "https://docs.cohere.com/reference/list-models",
        "asks there; the judge has it at /v2/models only",
    ),
    Explained(
        "llama.cpp's server",
        "anthropic_messages",
        "an object by a schema",
        "",
        "ObjectI*",
        "a tool is called if the model's template knows tools",
        "https://github.com/ggml-org/llama.cpp/blob/master/docs/function-calling.md",
        "asks by a tool, since this endpoint passes over `output_config`; the packaged model's template has no tools",
    ),
    *[
        Explained(
            "LiteLLM's proxy",
            route,
            case,
            "",
            outcome,
            UNKNOWN,
            "",
            "as sent: in this format the proxy answers with the name of its scripted failure as the text, or by 500",
        )
        for route in ("responses", "generateContent")
        for case in ("rate-limited", "too-long", "failing")
        for outcome in ("'litellm.*', stop", "ServerError 500")
    ],
    Explained(
        "The vendors' SDKs",
        "ollama_chat at ollama",
        "*",
        "",
        "*.shift: unknown; .truncate: unknown",
        "`truncate` and `shift` say what becomes of a prompt that is too long, and `min_p` is an option of the runner",
        "https://github.com/ollama/ollama/blob/main/api/types.go",
        "sends them: the SDK's types lag behind its server's, which would cut a prompt in silence",
    ),
    Explained(
        "The vendors' SDKs",
        "openai_chat at groq",
        "*",
        "",
        ".stream_options: unknown",
        "`stream_options` with `include_usage`",
        "https://console.groq.com/docs/api-reference#chat-create",
        "sends it, so that streams have their usage",
    ),
    Explained(
        "The vendors' SDKs",
        "anthropic_messages at anthropic",
        "*",
        "",
        ".t*: unknown",
        "deprecated, and taken by the models that it is sent to",
        "https://platform.claude.com/docs/en/about-claude/model-deprecations#api-parameter-deprecations",
        "sends temperature, top_p and top_k to the models that take them, and drops them for others, with a warning",
    ),
]


def explanation_of(row: Row) -> Explained | None:
    """Find what is known of a disagreement."""
    for each in EXPLAINED:
        patterns = (
            (row.route.judge, each.judge),
            (row.route.name, each.route),
            (row.case, each.case),
            (row.ours, each.outcome),
        )
        if row.found == each.found and all(fnmatchcase(value, pattern) for value, pattern in patterns):
            return each
    return None
