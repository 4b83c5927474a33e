"""Tools that providers run, asked for by one name: each provider gets its own form, over the API that has it."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
from exchanges import KEYS

from stepwell import Client, Context, user
from stepwell.messages import server_tool
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas import errors
from stepwell.schemas.server_tools import SETTINGS

MODELS = {
    "openai": "openai:gpt-4o",
    "azure": "azure:mine",
    "anthropic": "anthropic:claude-sonnet-4-5",
    "google": "google:gemini-2.5-flash",
    "google_vertex": "google_vertex:gemini-2.5-flash",
    "amazon_bedrock": "amazon_bedrock:amazon.nova-pro-v1:0",
    "groq": "groq:openai/gpt-oss-20b",
    "openrouter": "openrouter:openai/gpt-5",
    "xai": "xai:grok-4",
    "mistral": "mistral:mistral-large-latest",
}
NEEDED: dict[str, dict[str, Any]] = {
    "file_search": {"stores": ["s1"]},
    "mcp": {"label": "deep", "url": "https://mcp.test", "token": "TOKEN", "allowed_tools": ["f"]},
}


def sent(model: str, *tools: Any, stream: bool = False, **options: Any) -> httpx.Request:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503, json={"error": {"message": "busy"}})

    with Client(transport=httpx.MockTransport(handler), api_keys=KEYS, retries=0) as client:
        with pytest.raises(errors.StepwellError) as caught:
            ask = client.stream_text if stream else client.generate_text
            list(ask(model, "Hi.", tools=list(tools), **options))  # type: ignore[arg-type]
        if not seen:
            raise caught.value
    return seen[0]


def test_each_provider_gets_its_form_or_the_call_is_refused_before_it_is_sent() -> None:
    for provider, model in MODELS.items():
        wires = REGISTRY.get_or_raise(provider).wires
        own = [wire for wire in wires if wire.operation == "chat" and wire.server_tools]
        runs = {kind for wire in own for kind in wire.server_tools}
        for kind in SETTINGS:
            tool = server_tool(kind, **NEEDED.get(kind, {}))
            for stream in (False, True):
                if kind not in runs:
                    with pytest.raises(errors.NotSupported, match=f"{provider} runs no {kind}"):
                        sent(model, tool, stream=stream)
                    continue
                body = sent(model, tool, stream=stream).content.decode()
                assert '"stepwell"' not in body and '"tools"' in body
                assert all(value in body for value in ("deep", "https://mcp.test", "TOKEN") if kind == "mcp")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("groq:llama-3.3-70b-versatile", "versatile runs no web_search; groq has it for openai/gpt-oss"),
        (
            "amazon_bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "runs no web_search; amazon_bedrock has it for",
        ),
        ("amazon_bedrock:openai.gpt-oss-120b-1:0", "runs no web_search; amazon_bedrock has it for"),
    ],
)
def test_a_model_that_does_not_run_the_tool_of_its_provider_gets_no_call(model: str, says: str) -> None:
    with pytest.raises(errors.NotSupported, match=says):
        sent(model, server_tool("web_search"))


def test_an_inference_profile_whose_model_is_unknown_gets_the_tool() -> None:
    profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    assert b"nova_grounding" in sent(f"amazon_bedrock:{profile}", server_tool("web_search")).content
    assert b"nova_grounding" in sent("amazon_bedrock:us.amazon.nova-premier-v1:0", server_tool("web_search")).content


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("claude-sonnet-4-5", "2025-01-24"),
        ("claude-opus-4-20250514", "2025-01-24"),
        ("claude-opus-4-5", "2025-11-24"),
        ("claude-sonnet-4-6", "2025-11-24"),
    ],
)
def test_claude_gets_the_version_of_the_computer_that_its_model_takes_with_its_beta(model: str, version: str) -> None:
    request = sent(f"anthropic:{model}", server_tool("computer_use", width=800, height=600))
    (tool,) = orjson.loads(request.content)["tools"]
    named = {"type": f"computer_{version.replace('-', '')}", "name": "computer"}
    assert tool == {**named, "display_width_px": 800, "display_height_px": 600}
    assert request.headers["anthropic-beta"] == f"computer-use-{version}"


def test_the_forms_and_where_settings_go() -> None:
    place = {"country": "CH", "city": "Bern"}
    search = server_tool("web_search", allowed_domains=["a.test"], max_uses=2, user_location=place)
    request = sent("openai:gpt-4o", search, provider_options={"include": ["x"]})
    body = orjson.loads(request.content)
    assert request.url.path == "/v1/responses" and body["include"] == ["x", "web_search_call.action.sources"]
    location = {"type": "approximate", **place}
    assert body["tools"] == [
        {"type": "web_search", "filters": {"allowed_domains": ["a.test"]}, "user_location": location}
    ]
    body = orjson.loads(sent("anthropic:claude-sonnet-4-5", search).content)
    named = {"type": "web_search_20250305", "name": "web_search"}
    assert body["tools"] == [{**named, "allowed_domains": ["a.test"], "max_uses": 2, "user_location": location}]
    request = sent("anthropic:claude-sonnet-4-5", server_tool("mcp", **NEEDED["mcp"]))
    body = orjson.loads(request.content)
    server = {"type": "url", "name": "deep", "url": "https://mcp.test", "authorization_token": "TOKEN"}
    assert body["mcp_servers"] == [server] and "mcp-client" in request.headers["anthropic-beta"]
    assert body["tools"][0]["default_config"] == {"enabled": False}
    body = orjson.loads(
        sent("google:gemini-2.5-flash", server_tool("file_search", stores=["s1"], max_results=3)).content
    )
    assert body["tools"] == [{"fileSearch": {"fileSearchStoreNames": ["s1"], "topK": 3}}]


def test_a_setting_that_a_provider_lacks_is_a_warning_or_an_error() -> None:
    tool = server_tool("web_search", max_uses=2)
    with Client(transport=httpx.MockTransport(lambda request: httpx.Response(503)), api_keys=KEYS, retries=0) as client:
        preview = client.preview("google:gemini-2.5-flash", "Hi.", tools=[tool])
        assert [(each.subject, each.why) for each in preview.warnings] == [
            ("max_uses", "google has no such setting of web_search")
        ]
        with pytest.raises(errors.InvalidOption, match="max_uses"):
            client.generate_text("google:gemini-2.5-flash", "Hi.", tools=[tool], on_unsupported="error")


def test_a_named_wire_is_kept_and_the_error_names_the_other() -> None:
    with pytest.raises(errors.NotSupported) as caught:
        sent("openai:gpt-4o", server_tool("web_search"), wire="openai_chat")
    assert "pass wire='openai_responses'" in str(caught.value)
    in_context = Context([user("Hi.")], [server_tool("web_search")])
    with Client(transport=httpx.MockTransport(lambda request: httpx.Response(503)), api_keys=KEYS, retries=0) as client:
        assert client.preview("openai:gpt-4o", in_context).url.endswith("/responses")


@pytest.mark.parametrize(
    ("kind", "settings", "error"),
    [
        ("web_serch", {}, "there is no server tool 'web_serch'; did you mean 'web_search'"),
        ("web_search", {"domains": ["a"]}, "has no setting 'domains'; it has .*allowed_domains"),
        ("web_search", {"max_uses": 0}, "max_uses"),
        ("file_search", {}, "needs stores"),
        ("mcp", {"label": "x"}, "needs url"),
    ],
)
def test_mistakes_are_found_when_the_tool_is_made(kind: str, settings: dict[str, Any], error: str) -> None:
    with pytest.raises(errors.ConfigError, match=error.replace("?", ".")):
        server_tool(kind, **settings)


def test_a_token_is_not_shown() -> None:
    tool = server_tool("mcp", **NEEDED["mcp"])
    assert "TOKEN" not in repr(tool) and tool.name == "deep"
    with pytest.raises(errors.ConfigError):
        Context([user("Hi.")], [tool]).to_json()
    stored = Context([user("Hi.")], [server_tool("web_search", max_uses=1)])
    assert Context.from_json(stored.to_json()) == stored
