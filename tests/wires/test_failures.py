"""Refusals of providers, in their own words, and the errors that they become."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from stepwell.pipeline.http.request import Headers
from stepwell.pipeline.http.response import Response
from stepwell.providers.declare.errors import find_error
from stepwell.providers.wires.bedrock_converse.errors import find_error as find_bedrock_error
from stepwell.schemas import errors

from driving import request

SPENT = (
    "Your team 1 has either used all available credits or reached its monthly spending limit. To continue, buy more."
)
VIOLATING = "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again."
FLAGGED = {"reasons": ["violence"], "flagged_input": "…", "provider_name": "OpenAI", "model_slug": "openai/gpt-4o"}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        # Z.ai, in its own words and in Anthropic's: https://docs.z.ai/api-reference/api-code
        (429, {"error": {"code": "1113", "message": "Your account is in arrears."}}, errors.QuotaError),
        (429, {"error": {"message": "Insufficient balance or no resource package."}}, errors.QuotaError),
        (429, {"type": "error", "error": {"type": "1113", "message": "Please recharge."}}, errors.QuotaError),
        (429, {"error": {"code": "1302", "message": "High concurrency usage of this API"}}, errors.RateLimitError),
        (429, {"error": {"message": "You exceeded your current quota, please wait"}}, errors.RateLimitError),
        (403, {"error": {"message": "You exceeded your current quota"}}, errors.QuotaError),
        # OpenRouter: https://openrouter.ai/docs/api/reference/errors-and-debugging
        (403, {"error": {"code": 403, "message": "no", "metadata": FLAGGED}}, errors.ContentFiltered),
        (
            403,
            {"error": {"code": 403, "message": 'm requires moderation on P. Your input was flagged for "violence".'}},
            errors.ContentFiltered,
        ),
        (403, {"error": {"code": 403, "message": "Key limit exceeded"}}, errors.AuthError),
        # xAI
        (
            400,
            {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***."},
            errors.AuthError,
        ),
        # https://github.com/continuedev/continue/issues/10373, https://github.com/warpdotdev/warp/issues/14867
        (429, {"code": "Some resource has been exhausted", "error": SPENT}, errors.QuotaError),
        (403, {"code": "The caller does not have permission", "error": SPENT}, errors.QuotaError),
        # https://github.com/deepseek-ai/DeepSeek-V2/issues/30
        (400, {"error": {"message": "Content Exists Risk", "code": "invalid_request_error"}}, errors.ContentFiltered),
        (400, {"detail": "Content Exists Risk"}, errors.ContentFiltered),
        # https://github.com/BeehiveInnovations/pal-mcp-server/issues/178
        (400, {"error": {"message": VIOLATING, "code": "invalid_prompt"}}, errors.ContentFiltered),
        (400, {"error": {"message": "Invalid prompt: it is empty.", "code": "invalid_prompt"}}, errors.InvalidRequest),
        (400, {"error": {"code": "1301", "message": "unsafe or sensitive content"}}, errors.ContentFiltered),
        (400, {"error": {"message": "the tool lookup_api_key is invalid"}}, errors.InvalidRequest),
    ],
)
def test_an_error_answer_has_the_class_of_its_meaning(status: int, body: Any, kind: type) -> None:
    error = find_error(Response(request(), status, body=orjson.dumps(body)))
    assert type(error) is kind


@pytest.mark.parametrize(
    ("status", "named", "kind"),
    [
        (424, "ModelErrorException", errors.ServerError),
        (400, "ServiceQuotaExceededException", errors.QuotaError),
        (400, "ValidationException", errors.InvalidRequest),
        (429, "ThrottlingException", errors.RateLimitError),
    ],
)
def test_bedrock_names_its_refusals_in_a_header(status: int, named: str, kind: type) -> None:
    headers = Headers({"x-amzn-errortype": f"{named}:http://internal.amazon.com/"})
    error = find_bedrock_error(Response(request(), status, headers, body=b'{"message":"no"}'))
    assert type(error) is kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":{"message":"slow down","code":429}}', errors.RateLimitError),
        (b' \n {\n "error" : {"message":"slow down","code":429}}', errors.RateLimitError),
        (b'{"type": "error", "error": {"type":"overloaded_error","message":"Overloaded"}}', errors.Overloaded),
        (b'{"error":"Insufficient credits"}', errors.QuotaError),
    ],
)
def test_an_error_under_a_200_is_an_error(body: bytes, kind: type) -> None:
    error = find_error(Response(request(), 200, body=body))
    assert type(error) is kind and error.status == 200


@pytest.mark.parametrize("body", [b"", b'{"error":null,"choices":[]}', b'{"type":"message"}', b"[]", b'"error"'])
def test_other_bodies_with_status_200_are_no_errors(body: bytes) -> None:
    assert find_error(Response(request(), 200, body=body)) is None
