"""The Gemini API: keys in a header, models in the path, and the differences between generations of models."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from stepwell import Client, Context, Reply, Tool
from stepwell.messages import ToolCall
from stepwell.providers.wires.google_generate.encode import NAME, SKIP_VALIDATION
from stepwell.schemas import errors
from stepwell.schemas.message import Message, assistant, tool_result, user

ANSWER = {"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]}
TOOL = Tool("f", "does")


def call_google(model: str, prompt: Any = "hi", *, keys: Any = None, **options: Any) -> tuple[Any, Reply]:
    """Return the request that was sent and the reply."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=ANSWER)

    keys = {"google": "k", "google_vertex": {"token": "t", "project": "p"}} if keys is None else keys
    with Client(transport=httpx.MockTransport(handler), api_keys=keys, retries=0) as client:
        reply = client.generate_text(model, prompt, **options)
    return seen[0], reply


def warnings_of(reply: Reply) -> list[str]:
    """Return the warnings except those for models missing from the catalog: many here are made up."""
    return [str(warning) for warning in reply.warnings if warning.subject != "model"]


def thinking(model: str, **options: Any) -> tuple[Any, list[str]]:
    """Return the thinkingConfig that was sent, and the warnings on the reply."""
    request, reply = call_google(model, **options)
    config = orjson.loads(request.content).get("generationConfig", {})
    return config.get("thinkingConfig"), warnings_of(reply)


@pytest.mark.parametrize("name", ["GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"])
def test_the_key_is_sent_in_a_header_and_never_in_the_url(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "secret")
    request, _ = call_google("google:gemini-2.5-pro", keys={})
    assert request.headers["x-goog-api-key"] == "secret" and "secret" not in str(request.url)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-pro", b"/v1beta/models/gemini-2.5-pro:generateContent"),
        ("models/gemini-2.5-pro", b"/v1beta/models/gemini-2.5-pro:generateContent"),
        ("tunedModels/mine", b"/v1beta/tunedModels/mine:generateContent"),
        ("../../x?k=1#y", b"/v1beta/models/..%2F..%2Fx%3Fk%3D1%23y:generateContent"),
        ("models/../x", b"/v1beta/models/..%2Fx:generateContent"),
    ],
)
def test_a_model_is_one_segment_of_the_path(model: str, path: bytes) -> None:
    request, _ = call_google(f"google:{model}")
    assert request.url.raw_path == path


@pytest.mark.parametrize("model", ["..", "models/..", "."])
def test_a_model_that_is_another_path_is_refused(model: str) -> None:
    with pytest.raises(errors.UnknownModel):
        call_google(f"google:{model}")


@pytest.mark.parametrize("provider", ["google", "google_vertex"])
@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0, "includeThoughts": False}),
        ("gemini-2.5-flash", "low", {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-flash", "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
        ("gemini-2.5-flash", "high", {"thinkingBudget": 24576, "includeThoughts": True}),
        ("gemini-2.5-flash", "xhigh", {"thinkingBudget": 24576, "includeThoughts": True}),
        ("gemini-2.5-pro", "xhigh", {"thinkingBudget": 32768, "includeThoughts": True}),
        ("gemini-2.5-flash-lite", "minimal", {"thinkingBudget": 512, "includeThoughts": True}),
        ("gemini-3-flash-preview", "minimal", {"thinkingLevel": "minimal", "includeThoughts": True}),
        ("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "medium", "includeThoughts": True}),
        ("gemini-4-whatever", "high", {"thinkingLevel": "high", "includeThoughts": True}),
        ("gemini-flash-latest", "low", {"thinkingLevel": "low", "includeThoughts": True}),
        ("some-model", "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
    ],
)
def test_effort_is_a_budget_or_a_level(provider: str, model: str, effort: str, config: dict[str, Any]) -> None:
    assert thinking(f"{provider}:{model}", reasoning_effort=effort) == (config, [])


@pytest.mark.parametrize(
    ("model", "effort", "sent", "reported"),
    [
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}, "always thinks"),
        ("gemini-3.1-pro-preview", "none", {"thinkingLevel": "low"}, "none became low"),
        ("gemini-3.1-pro-preview", "minimal", {"thinkingLevel": "low"}, "minimal became low"),
        ("gemini-3-flash-preview", "none", {"thinkingLevel": "minimal"}, "none became minimal"),
        ("gemini-3-flash-preview", "xhigh", {"thinkingLevel": "high"}, "xhigh became high"),
        ("gemini-3-pro-preview", "medium", {"thinkingLevel": "high"}, "medium became high"),
        ("gemini-2.5-flash-preview-tts", "low", None, "does not think"),
    ],
)
def test_an_effort_that_a_model_lacks_is_reported(model: str, effort: str, sent: Any, reported: str) -> None:
    config, warnings = thinking(f"google:{model}", reasoning_effort=effort)
    assert config == (sent and {**sent, "includeThoughts": True})
    assert len(warnings) == 1 and reported in warnings[0]


@pytest.mark.parametrize(
    ("model", "budget", "sent", "reported"),
    [
        ("gemini-2.5-flash", 0, 0, 0),
        ("gemini-2.5-flash", -1, -1, 0),
        ("gemini-2.5-flash", 5, 5, 0),
        ("gemini-2.5-flash-lite", 5, 512, 1),
        ("gemini-2.5-pro", 0, 128, 1),
        ("gemini-2.5-pro", 99_999, 32768, 1),
        ("gemini-3-flash-preview", 700, 700, 0),
    ],
)
def test_a_budget_is_sent_within_the_models_limits(model: str, budget: int, sent: int, reported: int) -> None:
    config, warnings = thinking(f"google:{model}", reasoning_budget=budget)
    assert config == {"thinkingBudget": sent, "includeThoughts": sent != 0} and len(warnings) == reported


def test_thoughts_are_hidden_where_no_summary_is_wanted() -> None:
    hidden = {"thinkingLevel": "low", "includeThoughts": False}
    assert thinking("google:gemini-9", reasoning_effort="low", reasoning_summary="none") == (hidden, [])
    assert thinking("google:gemini-9", reasoning_summary="auto") == ({"includeThoughts": True}, [])
    assert thinking("google:gemini-9") == (None, [])


def test_the_vendors_own_object_takes_precedence() -> None:
    config, warnings = thinking(
        "google:gemini-9", provider_options={"thinking_config": {"thinkingLevel": "medium"}}, reasoning_effort="low"
    )
    assert config == {"thinkingLevel": "medium"} and "thinking_config" in warnings[0]


FOREIGN = (
    user("go"),
    assistant([ToolCall("toolu_1", "f", '{"n":1}'), ToolCall("toolu_2", "f", '{"n":2}')]),
    tool_result("toolu_1", "one"),
    tool_result("toolu_2", "two"),
)


def parts_sent(model: str, *messages: Message) -> tuple[list[dict[str, Any]], list[str]]:
    request, reply = call_google(model, Context(messages, (TOOL,)))
    contents = orjson.loads(request.content)["contents"]
    parts = [part for turn in contents if turn["role"] == "model" for part in turn["parts"]]
    return parts, warnings_of(reply)


@pytest.mark.parametrize("provider", ["google", "google_vertex"])
@pytest.mark.parametrize("model", ["gemini-3-pro-preview", "gemini-3.6-flash", "gemini-5", "gemini-pro-latest"])
def test_calls_of_another_model_get_the_placeholder_signature(provider: str, model: str) -> None:
    (first, second), warnings = parts_sent(f"{provider}:{model}", *FOREIGN)
    assert first["thoughtSignature"] == SKIP_VALIDATION and "thoughtSignature" not in second
    assert len(warnings) == 1 and "thought signatures" in warnings[0]


def test_the_models_own_calls_keep_their_signatures() -> None:
    own = ToolCall("1", "f", "{}", {NAME: {"thoughtSignature": "real"}})
    turns = (user("go"), assistant([own, ToolCall("2", "f", "{}")]), tool_result("1", "a"), tool_result("2", "b"))
    (first, second), warnings = parts_sent("google:gemini-9", *turns)
    assert (first["thoughtSignature"], "thoughtSignature" in second, warnings) == ("real", False, [])


def test_models_that_do_not_require_signatures_cause_no_warning() -> None:
    (first, _), warnings = parts_sent("google:gemini-2.5-flash", *FOREIGN)
    assert "thoughtSignature" not in first and warnings == []


def test_the_stored_history_stays_as_it_was() -> None:
    _, reply = call_google("google:gemini-9", Context(FOREIGN, (TOOL,)))
    assert reply.context.messages[1] == FOREIGN[1]


def test_options_it_does_not_have_are_reported() -> None:
    _, reply = call_google("google:gemini-9", parallel_tool_calls=False, user="u")
    assert sorted({warning.subject for warning in reply.warnings} - {"model"}) == ["parallel_tool_calls", "user"]


def test_metadata_is_sent_as_vertexes_labels() -> None:
    request, reply = call_google("google_vertex:gemini-9", metadata={"team": "a"})
    assert orjson.loads(request.content)["labels"] == {"team": "a"} and warnings_of(reply) == []


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (
            400,
            {
                "message": "API key not valid. Please pass a valid API key.",
                "status": "INVALID_ARGUMENT",
                "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
            },
            errors.AuthError,
        ),
        (400, {"message": "Invalid JSON payload received.", "status": "INVALID_ARGUMENT"}, errors.InvalidRequest),
        (403, {"message": "no", "status": "PERMISSION_DENIED"}, errors.AuthError),
        (429, {"message": "You exceeded your current quota", "status": "RESOURCE_EXHAUSTED"}, errors.RateLimitError),
        (503, {"message": "The model is overloaded.", "status": "UNAVAILABLE"}, errors.Overloaded),
        (504, {"message": "Deadline expired", "status": "DEADLINE_EXCEEDED"}, errors.ServerError),
    ],
)
def test_errors_are_recognised_by_googles_details(status: int, error: dict[str, Any], kind: type) -> None:
    for body in ({"error": {"code": status, **error}}, [{"error": {"code": status, **error}}]):
        transport = httpx.MockTransport(lambda request, body=body: httpx.Response(status, json=body))
        with Client(transport=transport, api_keys={"google": "k"}, retries=0) as client:
            with pytest.raises(kind) as caught:
                client.generate_text("google:gemini-9", "hi")
        assert type(caught.value) is kind and error["message"] in str(caught.value)


@pytest.mark.parametrize(
    "message",
    [
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Unable to submit request because the input token count is 1200000 but model only supports up to 1048576. "
        "Reduce the input token count and try again.",
    ],
)
def test_an_input_that_is_too_long_is_reported_with_its_numbers(message: str) -> None:
    body = {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}
    transport = httpx.MockTransport(lambda request: httpx.Response(400, json=body))
    with Client(transport=transport, api_keys={"google": "k"}) as client:
        with pytest.raises(errors.ContextOverflow) as caught:
            client.generate_text("google:gemini-9", "hi")
    assert (caught.value.requested_tokens, caught.value.max_tokens) == (1_200_000, 1_048_576)
