"""A base URL with the path of an endpoint, as vendors' pages show it, is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from catalog_hosts import KEYS, prepared
from in_turn import in_turn
from kinds import one_of_each_kind

from stepwell import Client
from stepwell.errors import InvalidOption
from stepwell.model_metadata.provider_ids import canonical
from stepwell.pipeline.http.request import Request
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas.errors import StepwellError
from stepwell.schemas.options import OPERATION_OPTIONS

HOST = "https://gate.example/v1"
INPUTS: dict[str, Any] = {
    "chat": "hi",
    "count_tokens": "hi",
    "embed": ["hi"],
    "rerank": {"query": "q", "documents": ["a"]},
    "image": "a cat",
    "speak": "hi",
    "moderate": ["hi"],
    "list_models": None,
}


def request_of(model: str, operation: str, base_url: str | None, *, stream: bool = False, **options: Any) -> Request:
    """Return the request as it would be sent."""
    provider = model.partition(":")[0]
    keys = {provider: KEYS.get(canonical(provider), "k")}
    with Client(api_keys=keys, base_urls={provider: base_url} if base_url else None) as client:
        return prepared(client, operation, model, INPUTS[operation], options, stream=stream)


def calls() -> Iterator[tuple[str, str, str]]:
    for provider in one_of_each_kind(REGISTRY):
        if provider.id != "local":  # its models are files
            for wire in provider.wires:
                if wire.operation in INPUTS:
                    yield f"{provider.id}:any-model", wire.operation, wire.name


def url_of(model: str, operation: str, base: str | None, **options: Any) -> str | None:
    """Return the address of a call; None for one that cannot be made so."""
    try:
        return request_of(model, operation, base, **options).url
    except StepwellError as error:
        assert not isinstance(error, InvalidOption), error
        return None


@in_turn(("model", "operation", "wire"), calls())
def test_the_path_of_an_endpoint_is_refused_or_cut_in_each_form(model: str, operation: str, wire: str) -> None:
    plain = url_of(model, operation, HOST, wire=wire)
    if plain is None or operation == "list_models":
        return
    assert plain.startswith("https://")
    whole = plain.partition("?")[0]
    streamed = operation == "chat" and url_of(model, operation, HOST, wire=wire, stream=True)
    for given in (whole, f"{whole}/", f"{whole}?version=1", f"{whole}#part"):
        for stream in (False, True) if operation == "chat" else (False,):
            try:
                url = request_of(model, operation, given, stream=stream, wire=wire).url
            except InvalidOption as error:
                assert "ends with" in str(error) and "leave it off" in str(error.hint)
            else:  # a provider that makes its address itself
                assert url.partition("?")[0] == str(streamed if stream else plain).partition("?")[0]


@pytest.mark.parametrize("operation", ["chat", "count_tokens", "embed", "image", "speak", "moderate", "list_models"])
@pytest.mark.parametrize("path", ["/chat/completions", "/responses", "/embeddings", "/audio/transcriptions"])
def test_the_path_of_another_call_is_refused_too(operation: str, path: str) -> None:
    with pytest.raises(InvalidOption, match=f"base_url of openai ends with '{path}', the path of an endpoint"):
        request_of("openai:gpt-4o", operation, HOST + path)


@pytest.mark.parametrize(
    ("model", "variable"),
    [("vllm:any", "VLLM_BASE_URL"), ("lmstudio:any", "LMSTUDIO_BASE_URL"), ("ollama:any", "OLLAMA_HOST")],
)
def test_a_variable_with_the_path_of_an_endpoint_is_named(
    model: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/v1/chat/completions", "/v1/chat/completions/", "/v1/responses?tenant=1"):
        for host in ("gate.example:8000", "http://gate.example:8000"):
            monkeypatch.setenv(variable, host + path)
            with pytest.raises(InvalidOption) as caught:
                request_of(model, "chat", None)
            assert variable in str(caught.value.hint)
            assert request_of(model, "chat", "http://other.example/v1").url.startswith("http://other.example/v1/")
            monkeypatch.setenv(variable, host)
            assert request_of(model, "chat", None).url.startswith("http://gate.example:8000/")


@pytest.mark.parametrize(
    "base",
    [
        "https://gate.example/models",
        "https://gate.example/files",
        "https://gate.example/my-responses",
        "https://h/v1/chat",
    ],
)
def test_a_folder_of_a_gateway_is_no_endpoint(base: str) -> None:
    for operation in ("chat", "embed", "list_models"):
        assert request_of("openai:gpt-4o", operation, base).url.startswith(base + "/")


def test_the_operations_of_calls_are_tried() -> None:
    assert INPUTS.keys() | {"transcribe", "ocr"} == OPERATION_OPTIONS.keys()
