"""A file by reference goes to the provider that stores it, and never to another."""

from __future__ import annotations

import httpx
import orjson
import pytest
from exchanges import exchanged
from exchanges import sent as to_provider_of_own

from stepwell import Client, Context, File, Image, errors, fallback
from stepwell.messages import Audio, ToolCall
from stepwell.providers.wires.openai_chat.samples import SAMPLES as OPENAI
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.schemas.message import assistant, tool_result, user
from stepwell.schemas.parts import Part

MODELS = {
    "openai": "openai:gpt-5.1",
    "azure": "azure:mine",
    "anthropic": "anthropic:claude-sonnet-4-5",
    "google": "google:gemini-2.5-flash",
    "google_vertex": "google_vertex:gemini-2.5-flash",
    "amazon_bedrock": "amazon_bedrock:amazon.nova-pro-v1:0",
    "mistral": "mistral:mistral-large-latest",
    "groq": "groq:llama",
}
PDF = {"media_type": "application/pdf"}
FILES: list[tuple[File, set[str]]] = [
    (File(file_id="file-6F2ksmvXxt4VdoqmHRw6kL"), {"openai", "azure"}),
    (File(file_id="file_011CNha8iCJcU1wXNR6q4V8w"), {"anthropic", "azure", "groq"}),
    (File(url="https://generativelanguage.googleapis.com/v1beta/files/abc", **PDF), {"google"}),
    (File(file_id="https://generativelanguage.googleapis.com/v1beta/files/abc", **PDF), {"google"}),
    (File(url="gs://bucket/a.pdf", **PDF), {"google", "google_vertex"}),
    (File(url="s3://bucket/a.pdf", **PDF), {"amazon_bedrock"}),
    (File(file_id="0b5cb9d7-9a2c-4b2e-8f4e-3b6b6a0c5f11"), {"mistral"}),
    (File(file_id="any-id", provider="Mistral"), {"mistral"}),
]


def sent(model: str, context: Context) -> str:
    wire = "openai_responses" if model.partition(":")[0] in ("openai", "azure") else None
    return orjson.dumps(exchanged(model, context, wire=wire)[0]).decode()


@pytest.mark.parametrize(("file", "owners"), FILES, ids=range(len(FILES)))
def test_a_file_goes_to_its_owner_and_is_refused_for_all_others(file: File, owners: set[str]) -> None:
    reference = file.file_id or file.url or ""
    result = [user("go"), assistant(ToolCall("c", "f", "{}")), tool_result("c", ["see", file])]
    for provider, model in MODELS.items():
        for context in (Context([user(["see", file])]), Context(result)):
            if provider not in owners:
                with pytest.raises(errors.NotSupported, match=f"stored at .*, and is not sent to {provider}") as caught:
                    sent(model, context)
                assert reference not in str(caught.value)
            elif context.messages[-1].role == "user" and provider != "groq":
                assert reference in sent(model, context)


def test_a_users_own_provider_takes_ids_of_any_form_unless_they_name_an_owner() -> None:
    context = Context([user(["see", File(file_id="file-1")])])
    assert "file-1" in orjson.dumps(to_provider_of_own(openai_responses, context)[0]).decode()
    with pytest.raises(errors.NotSupported, match="stored at openai"):
        to_provider_of_own(openai_responses, Context([user(["see", File(file_id="file-1", provider="openai")])]))


@pytest.mark.parametrize(
    "file", [File(file_id="of-no-known-form"), Image(file_id="file-6F2ksmvX")], ids=["any", "form"]
)
def test_a_fallback_takes_no_file_along(file: Part) -> None:
    hosts: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(503, json={"error": {"message": "busy"}})

    client = Client(
        transport=httpx.MockTransport(handler),
        api_keys={"openai": "k", "anthropic": "k"},
        retries=0,
        pipeline=fallback("anthropic:claude-sonnet-4-5", "openai:gpt-5.1"),
    )
    for stream in (False, True):
        hosts.clear()
        with pytest.raises(errors.ProviderError, match="busy") as caught:
            if stream:
                list(client.stream_text("openai:gpt-5.2", ["see", file], wire="openai_responses"))
            else:
                client.generate_text("openai:gpt-5.2", ["see", file], wire="openai_responses")
        assert hosts == ["api.openai.com"] * len(hosts)
        assert any("stored at" in note for note in caught.value.__notes__)
    client.close()


def test_a_conversation_that_moves_on_refuses_a_file_that_another_provider_has_answered_about() -> None:
    begun = [user(["see", File(file_id="of-no-known-form")])]
    _, reply = exchanged("mistral:mistral-large-latest", Context(begun), orjson.loads(OPENAI.text.body))
    more = Context.from_json(reply.context.append("more").to_json())
    assert "of-no-known-form" in sent("mistral:mistral-large-latest", more)
    with pytest.raises(errors.NotSupported, match="stored at mistral"):
        sent("anthropic:claude-sonnet-4-5", more)


def test_a_stored_file_of_an_answer_is_left_out_for_others_with_a_warning() -> None:
    spoken = Context([user("go"), assistant(["ok", Audio(file_id="audio_1", provider="openai")]), user("on")])
    body, _ = exchanged("openai:gpt-audio", spoken, wire="openai_chat")
    assert "audio_1" in orjson.dumps(body).decode()
    body, reply = exchanged("groq:llama", spoken)
    assert "audio_1" not in orjson.dumps(body).decode()
    assert any("an audio file that is stored at openai" in str(warning) for warning in reply.warnings)
