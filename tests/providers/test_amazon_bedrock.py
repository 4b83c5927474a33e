"""Bedrock: regions, signatures, bearer keys, and bodies that AWS's own service model accepts."""

from __future__ import annotations

import hashlib
import hmac
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
from converse_model import request_faults

from stepwell import Client, Context, File, Image, Tool
from stepwell.catalog import Model
from stepwell.messages import Reasoning, Text, ToolCall
from stepwell.pipeline.http.request import Request
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.schemas import errors
from stepwell.schemas.message import assistant, system, tool_result, user

KEYS = {"access_key": "AKIDEXAMPLE", "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "region": "eu-west-1"}
ANSWER = {"output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}}, "stopReason": "end_turn"}
ARN = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/a1b2"


def request_to_bedrock(model: str, credential: Any = KEYS, answer: httpx.Response | None = None) -> httpx.Request:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer or httpx.Response(200, json=ANSWER)

    keys = {"amazon_bedrock": credential} if credential else {}
    with Client(transport=httpx.MockTransport(handler), api_keys=keys, retries=0) as client:
        client.generate_text(f"amazon_bedrock:{model}", "hi")
    return seen[0]


def signature_of(request: httpx.Request, secret: str) -> str:
    """Compute SigV4 as AWS's documentation describes it, without botocore.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    scheme, *fields = request.headers["authorization"].replace(",", "").split()
    given = dict(field.split("=", 1) for field in fields)
    assert scheme == "AWS4-HMAC-SHA256"
    names = given["SignedHeaders"].split(";")
    path = quote(request.url.raw_path.decode(), safe="/~")  # encoded once on the wire, and once more for the signature
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    body = hashlib.sha256(request.content).hexdigest()
    canonical = "\n".join((request.method, path, "", headers, ";".join(names), body))
    scope = given["Credential"].split("/", 1)[1]
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join((scheme, request.headers["x-amz-date"], scope, digest))
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    assert given["Signature"] == hmac.digest(key, text.encode(), "sha256").hex()
    return scope


@pytest.mark.parametrize("model", ["amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", ARN])
@pytest.mark.parametrize("token", [None, "session-token"])
def test_the_signature_equals_that_computed_by_aws(model: str, token: str | None) -> None:
    request = request_to_bedrock(model, {**KEYS, "session_token": token} if token else KEYS)
    assert request.url.host == "bedrock-runtime.eu-west-1.amazonaws.com"
    assert request.url.raw_path.decode() == f"/model/{quote(model, safe='')}/converse"
    assert signature_of(request, KEYS["secret_key"]).endswith("/eu-west-1/bedrock/aws4_request")
    assert request.headers.get("x-amz-security-token") == token


def test_given_keys_are_not_mixed_with_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-someone-else")
    assert "x-amz-security-token" not in request_to_bedrock("amazon.nova-lite-v1:0").headers


def test_the_region_may_come_from_the_arn() -> None:
    keys = {name: value for name, value in KEYS.items() if name != "region"}
    assert request_to_bedrock(ARN, keys).url.host == "bedrock-runtime.us-west-2.amazonaws.com"


def test_a_bearer_key_needs_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    assert request_to_bedrock("amazon.nova-lite-v1:0", "bedrock-key").headers["authorization"] == "Bearer bedrock-key"
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "from-the-environment")
    assert request_to_bedrock("amazon.nova-lite-v1:0", None).headers["authorization"] == "Bearer from-the-environment"


def test_botocores_chain_is_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDCHAIN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "chain-secret")
    request = request_to_bedrock("amazon.nova-lite-v1:0", None)
    assert "Credential=AKIDCHAIN/" in request.headers["authorization"]
    signature_of(request, "chain-secret")


def test_a_model_that_wants_a_profile_gets_a_hint() -> None:
    message = "Invocation of model ID x with on-demand throughput isn't supported. Retry with an inference profile."
    headers = {"x-amzn-errortype": "ValidationException:http://internal"}
    answer = httpx.Response(400, json={"message": message}, headers=headers)
    with pytest.raises(errors.InvalidRequest, match=r"put us\., eu\., apac\. or global\.") as caught:
        request_to_bedrock("anthropic.claude-sonnet-4-5-20250929-v1:0", answer=answer)
    assert caught.value.code == "ValidationException"


@pytest.mark.parametrize("body", [b"[]", b'"slow down"', b"<html>busy</html>", b"\xff", b""])
def test_the_header_names_the_kind_of_an_error_whatever_its_body_is(body: bytes) -> None:
    answer = httpx.Response(400, content=body, headers={"x-amzn-errortype": "ValidationException"})
    with pytest.raises(errors.InvalidRequest) as caught:
        request_to_bedrock("anthropic.claude-sonnet-4-5-20250929-v1:0", answer=answer)
    assert caught.value.code == "ValidationException" and caught.value.status == 400


HISTORIES = {
    "plain": [system("be kind"), user("hi")],
    "tools": [
        user("what now?"),
        assistant([Text("let me look"), ToolCall("t-1", "look_up", '{"city": "Pune"}'), ToolCall("t-2", "f", "")]),
        tool_result("t-1", "sunny"),
        tool_result("t-2", "", is_error=True),
        user("so?"),
    ],
    "thinking": [
        user("think"),
        assistant(
            [Reasoning("hmm", "sig", wire="bedrock_converse"), Reasoning("no", "s", wire="openai_chat"), Text("ok")]
        ),
        user("more"),
    ],
    "files": [user(["see", Image(data=b"\x89PNG"), File(data=b"%PDF", filename="my_report (1).final.pdf")])],
    "same role twice": [user("a"), user("b"), assistant(""), user("c")],
}


def body_of(messages: Any, tools: Any = (), **options: Any) -> dict[str, Any]:
    request = Request("chat", Model("amazon_bedrock", "m"), Context(messages, tools), options=options)
    body: dict[str, Any] = orjson.loads(orjson.dumps(bedrock_converse.build_body(request)))
    return body


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0, "max_tokens": 9, "top_p": 0.5, "stop": "x", "tool_choice": "required", "prompt_cache": True},
        {"tool_choice": {"name": "f"}, "top_k": 3, "metadata": {"a": "b"}, "thinking": {"type": "enabled"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}},
    ],
    ids=["bare", "usual", "named tool", "schema"],
)
def test_the_body_fits_the_service_model(history: Any, options: dict[str, Any]) -> None:
    tools = [
        Tool("f", "does f"),
        Tool("look_up", parameters={"type": "object", "properties": {"x": {"type": "string"}}}),
    ]
    body = body_of(history, tools, **options)
    assert not request_faults(body)
    roles = [turn["role"] for turn in body["messages"]]
    assert all(a != b for a, b in pairwise(roles)) and roles[0] == "user"


def test_a_history_with_calls_includes_its_tools() -> None:
    body = body_of(HISTORIES["tools"])
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["look_up", "f"]
    assert body["messages"][1]["content"][1]["toolUse"]["name"] == "look_up"


def test_thinking_of_this_wire_alone_is_sent_back() -> None:
    content = body_of(HISTORIES["thinking"])["messages"][1]["content"]
    assert content == [{"reasoningContent": {"reasoningText": {"text": "hmm", "signature": "sig"}}}, {"text": "ok"}]
