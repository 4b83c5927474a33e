"""The name of a document is sent on every wire, or its loss is a warning."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import stepwell
from stepwell.errors import NotSupported, StepwellError
from stepwell.messages import File

NAME = "quarterly-numbers"
PDF = b"%PDF-1.4 of pages"
FILES = {
    "bytes": File(data=PDF, media_type="application/pdf", filename=f"{NAME}.pdf"),
    "text": File(data=b"a,b", media_type="text/csv", filename=f"{NAME}.csv"),
    "data URL": File(url="data:application/pdf;base64,JVBERi0xLjQ=", filename=f"{NAME}.pdf"),
    "address": File(url="https://files.test/7.pdf", media_type="application/pdf", filename=f"{NAME}.pdf"),
}
WIRES = {
    "openai_chat": "openai:gpt-4o",
    "openai_responses": "openai:gpt-5",
    "anthropic_messages": "anthropic:claude-sonnet-4-5",
    "google_generate": "google:gemini-2.5-flash",
    "mistral_chat": "mistral:mistral-large-latest",
    "cohere_chat": "cohere:command-a-03-2025",
    "ollama_chat": "ollama:any",
    "bedrock_converse": "amazon_bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0",
    "perplexity": "perplexity:sonar-pro",
    "openrouter": "openrouter:openai/gpt-4o",
}


@pytest.mark.parametrize("wire", WIRES)
def test_the_name_of_a_document_is_sent_or_its_loss_is_a_warning(wire: str) -> None:
    model, bodies = WIRES[wire], []
    settings: dict[str, Any] = {"wire": wire} if wire.startswith("openai_") else {}

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content.decode())
        return httpx.Response(400, json={"error": {"message": "no"}})

    keys = {model.partition(":")[0]: "k"}
    sent = set()
    with stepwell.Client(transport=httpx.MockTransport(answer), api_keys=keys, retries=0) as client:
        for source, file in FILES.items():
            with pytest.raises(StepwellError) as caught:
                client.generate_text(model, [stepwell.user(["What is in it?", file])], **settings)
            if isinstance(caught.value, NotSupported):
                continue
            lost = [each.why for each in caught.value.warnings if "name of a file" in each.why]
            assert (NAME in bodies[-1]) is not bool(lost), (source, lost)
            sent.add(source)
    assert sent or wire in ("cohere_chat", "ollama_chat")


def test_a_document_without_a_name_and_one_at_the_provider_lose_none() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(400, json={}))
    with stepwell.Client(transport=transport, api_keys={"google": "k"}, retries=0) as client:
        for file in (
            File(data=PDF),
            File(file_id="https://generativelanguage.googleapis.com/v1beta/files/7", filename="x"),
        ):
            with pytest.raises(StepwellError) as caught:
                client.generate_text("google:gemini-2.5-flash", [stepwell.user(["hi", file])])
            assert not any("name of a file" in each.why for each in caught.value.warnings)
