"""What each vendor's SDK reads in an answer that was written from its documentation, over a real connection."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from documented_bodies import Exchange

from loopback import answer, serving

Read = dict[str, Any]

_PACKAGES = {
    "openai_chat": "openai",
    "openai_responses": "openai",
    "anthropic_messages": "anthropic",
    "google_generate": "google-genai",
    "bedrock_converse": "botocore",
    "mistral_chat": "mistralai",
    "cohere_chat": "cohere",
    "perplexity_embeddings": "perplexityai",
}
_ASKED = [{"role": "user", "content": "When does the ferry leave?"}]


def oracle_of(api: str) -> str:
    """Return the SDK's name and version."""
    return f"{_PACKAGES[api]}=={version(_PACKAGES[api])}"


def expected(exchange: Exchange, streaming: bool) -> Read:
    """Let the vendor's SDK read the answer."""
    return read_by_sdk(exchange.api, exchange.model, *exchange.answer(streaming), streaming=streaming)


def read_by_sdk(api: str, model: str, body: bytes, kind: str, *, streaming: bool) -> Read:
    """Return what the SDK reads in this body of this media type."""
    with serving(lambda seen: [answer(body, headers=f"content-type: {kind}")]) as server:
        return _READERS[api](server.url, model, streaming)


def _read(text: str, end: str, counts: tuple[int, int], **more: Any) -> Read:
    usage = {"input_tokens": counts[0], "output_tokens": counts[1]}
    base = {"text": text, "reasoning_text": "", "tool_calls": [], "finish_reason_raw": end, "usage": usage}
    return {**base, **{name: value for name, value in more.items() if value}}


def _openai_chat(url: str, model: str, streaming: bool) -> Read:
    import openai

    client = openai.OpenAI(base_url=url, api_key="k", max_retries=0)
    ask = {"model": model, "messages": _ASKED}
    if streaming:
        chunks = list(client.chat.completions.create(**ask, stream=True))
        last, choices = chunks[-1], [each.choices[0] for each in chunks if each.choices]
        said = [each.delta for each in choices]
    else:
        last = client.chat.completions.create(**ask)
        choices = last.choices
        said = [each.message for each in choices]
    extra = [each.model_extra or {} for each in said]
    notes = [note for each in said for note in getattr(each, "annotations", None) or []]
    urls = [note["url_citation"]["url"] if isinstance(note, dict) else note.url_citation.url for note in notes]
    urls += [each["url"] for each in (last.model_extra or {}).get("search_results", [])]
    tokens = [each for choice in choices if choice.logprobs for each in choice.logprobs.content or []]
    return _read(
        "".join(each.content or "" for each in said),
        next(each.finish_reason for each in reversed(choices)),
        (last.usage.prompt_tokens, last.usage.completion_tokens),
        citations=urls,
        logprobs=[[each.token, each.logprob] for each in tokens],
        executed_tools=[tool["type"] for each in extra for tool in each.get("executed_tools", [])],
    )


def _responses(url: str, model: str, streaming: bool) -> Read:
    import openai

    client = openai.OpenAI(base_url=url, api_key="k", max_retries=0)
    given: Any = client.responses.create(model=model, input="?", stream=streaming)
    if streaming:
        given = list(given)[-1].response
    parts = [part for item in given.output if item.type == "message" for part in item.content]
    notes = [note for part in parts for note in part.annotations]
    tools = [item for item in given.output if item.type != "message"]
    return _read(
        given.output_text,
        given.status,
        (given.usage.input_tokens, given.usage.output_tokens),
        citations=[getattr(each, "url", None) or each.filename for each in notes],
        logprobs=[[each.token, each.logprob] for part in parts for each in part.logprobs or []],
        server_tool_calls=[{"id": each.id, "type": each.type} for each in tools],
    )


def _anthropic(url: str, model: str, streaming: bool) -> Read:
    import anthropic

    client = anthropic.Anthropic(base_url=url, api_key="k", max_retries=0)
    ask: Any = {"model": model, "messages": _ASKED, "max_tokens": 100}
    if streaming:
        with client.messages.stream(**ask) as stream:
            given = stream.get_final_message()
    else:
        given = client.messages.create(**ask)
    texts = [each for each in given.content if each.type == "text"]
    thoughts = [each for each in given.content if each.type == "thinking"]
    tools = [each for each in given.content if each.type not in ("text", "thinking")]
    notes = [note for each in texts for note in each.citations or []]
    return _read(
        "".join(each.text for each in texts),
        str(given.stop_reason),
        (given.usage.input_tokens, given.usage.output_tokens),
        reasoning_text="".join(each.thinking for each in thoughts),
        reasoning_signatures=[_signed(each.signature) for each in thoughts],
        citations=[getattr(each, "url", None) or each.document_title for each in notes],
        server_tool_calls=[_tool(each.to_dict()) for each in tools],
    )


def _tool(block: dict[str, Any]) -> dict[str, Any]:
    named = {"name": block["name"]} if "name" in block else {}
    return {"id": block.get("id") or block["tool_use_id"], "type": block["type"], **named}


def _signed(signature: str) -> dict[str, Any]:
    return {"length": len(signature), "sha256": hashlib.sha256(signature.encode()).hexdigest()[:16]}


def _google(url: str, model: str, streaming: bool) -> Read:
    from google import genai

    client = genai.Client(api_key="k", http_options={"base_url": url})
    ask: Any = {"model": model, "contents": "?"}
    models = client.models
    answers = list(models.generate_content_stream(**ask)) if streaming else [models.generate_content(**ask)]
    last = answers[-1]
    candidate = last.candidates[0]
    grounding, fetched, logs = candidate.grounding_metadata, candidate.url_context_metadata, candidate.logprobs_result
    urls = [each.web.uri for each in grounding.grounding_chunks] if grounding else []
    return _read(
        "".join(each.text or "" for each in answers),
        candidate.finish_reason.value,
        (last.usage_metadata.prompt_token_count, last.usage_metadata.candidates_token_count),
        citations=urls,
        sources=[each.retrieved_url for each in fetched.url_metadata] if fetched else [],
        logprobs=[[each.token, each.log_probability] for each in logs.chosen_candidates] if logs else [],
    )


def _bedrock(url: str, model: str, streaming: bool) -> Read:
    import botocore.session

    session = botocore.session.get_session()
    session.set_credentials("a", "s")
    client = session.create_client("bedrock-runtime", region_name="us-east-1", endpoint_url=url)
    ask: Any = {"modelId": model, "messages": [{"role": "user", "content": [{"text": "?"}]}]}
    if not streaming:
        given = client.converse(**ask)
        (block,) = given["output"]["message"]["content"]
        cited = block["citationsContent"]
        text, notes = cited["content"][0]["text"], cited["citations"]
        usage, end = given["usage"], given["stopReason"]
    else:
        events = list(client.converse_stream(**ask)["stream"])
        deltas = [each["contentBlockDelta"]["delta"] for each in events if "contentBlockDelta" in each]
        text = "".join(each.get("text", "") for each in deltas)
        notes = [each["citation"] for each in deltas if "citation" in each]
        usage = next(each["metadata"]["usage"] for each in events if "metadata" in each)
        end = next(each["messageStop"]["stopReason"] for each in events if "messageStop" in each)
    return _read(text, end, (usage["inputTokens"], usage["outputTokens"]), citations=[each["title"] for each in notes])


def _mistral(url: str, model: str, streaming: bool) -> Read:
    from mistralai.client import Mistral

    client = Mistral(api_key="k", server_url=url)
    ask: Any = {"model": model, "messages": _ASKED}
    if streaming:
        events = [each.data for each in client.chat.stream(**ask)]
        last, choices = events[-1], [each.choices[0] for each in events if each.choices]
        contents = [each.delta.content for each in choices]
    else:
        last = client.chat.complete(**ask)
        choices = last.choices
        contents = [each.message.content for each in choices]
    chunks = [chunk for each in contents if isinstance(each, list) for chunk in each]
    return _read(
        "".join(each.text for each in chunks if each.type == "text"),
        str(next(each.finish_reason for each in reversed(choices) if each.finish_reason)),
        (last.usage.prompt_tokens, last.usage.completion_tokens),
        citations=[str(id) for each in chunks if each.type == "reference" for id in each.reference_ids],
    )


def _cohere(url: str, model: str, streaming: bool) -> Read:
    import cohere

    client = cohere.ClientV2("k", base_url=url)
    ask: Any = {"model": model, "messages": _ASKED}
    if streaming:
        events = list(client.chat_stream(**ask))
        pieces = [each for each in events if each.type == "content-delta"]
        text = "".join(each.delta.message.content.text for each in pieces)
        logprobs, end = [each.logprobs for each in pieces], events[-1].delta
    else:
        end = client.chat(**ask)
        text, logprobs = end.message.content[0].text, end.logprobs
    tokens = end.usage.tokens
    return _read(
        text,
        end.finish_reason,
        (int(tokens.input_tokens), int(tokens.output_tokens)),
        logprobs=[[each.text, sum(each.logprobs)] for each in logprobs],
    )


def _perplexity_vectors(url: str, model: str, streaming: bool) -> Read:
    import perplexity  # not among the tests' requirements: pip install perplexityai

    given = perplexity.Perplexity(api_key="k", base_url=url).embeddings.create(input=["a", "b"], model=model)
    vectors = [memoryview(b64decode(each.embedding)).cast("b").tolist() for each in given.data]
    found = {"count": len(vectors), "dimensions": len(vectors[0]), "first": vectors[0][:4]}
    usage = {"input_tokens": given.usage.prompt_tokens, "output_tokens": None}
    return {"embeddings": {**found, "sums": [sum(each) for each in vectors]}, "usage": usage}


_READERS: dict[str, Callable[[str, str, bool], Read]] = {
    "openai_chat": _openai_chat,
    "openai_responses": _responses,
    "anthropic_messages": _anthropic,
    "google_generate": _google,
    "bedrock_converse": _bedrock,
    "mistral_chat": _mistral,
    "cohere_chat": _cohere,
    "perplexity_embeddings": _perplexity_vectors,
}
