"""Amazon Bedrock's endpoint for the formats of OpenAI and Anthropic. Signing needs the extra `bedrock` (botocore).

https://docs.aws.amazon.com/bedrock/latest/userguide/endpoints.html
"""

from __future__ import annotations

from attrs import evolve

from ..pipeline.effects import CallNext, StepGenerator
from ..pipeline.http.request import Request
from ..schemas.secret import Secret
from .auth.auth import header_key
from .auth.aws import BEARER, CREDENTIALS, HOSTS, MANTLE, authenticate, into_region
from .declare.provider import declare_provider, override
from .options.claude_options import CLAUDE_OPTIONS
from .wires.anthropic_messages.betas import with_betas
from .wires.compatible_chats import compatible_messages, compatible_responses
from .wires.openai_chat import openai_chat
from .wires.operations.openai_misc import openai_models

_NEWEST = "openai.gpt-5"
_x_api_key = header_key("x-api-key")


def _root(request: Request) -> str:
    """Return the path of OpenAI's formats, which is another for its newest models.

    https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html
    """
    return "/openai/v1" if request.model.id.startswith(_NEWEST) else "/v1"


def authenticate_messages(request: Request, call: CallNext) -> StepGenerator:
    """Send a key as Anthropic's SDK does, in x-api-key; sign with any other login."""
    if isinstance(request.credential, Secret):
        return (yield from call(_x_api_key(request)))
    return (yield from authenticate(request, call))


amazon_bedrock_mantle = declare_provider(
    "amazon_bedrock_mantle",
    name="Amazon Bedrock (Mantle)",
    docs="https://docs.aws.amazon.com/bedrock/latest/userguide/endpoints.html",
    wire=[
        evolve(openai_chat, path=lambda request: f"{_root(request)}/chat/completions"),
        evolve(
            compatible_responses(stores=True, encrypts=True),
            path=lambda request: f"{_root(request)}/responses",
            by_name_only=False,
        ),
        evolve(compatible_messages("/anthropic/v1/messages", formats=True), by_name_only=False),
        evolve(openai_models, path="/v1/models"),
    ],
    base_url=MANTLE,
    place="https://bedrock-mantle.${AWS_REGION}.api.aws",
    trusted_hosts=HOSTS,
    env_key=[BEARER],
    key_optional=True,
    credentials=CREDENTIALS,
    prepare_request=into_region,
    auth=authenticate,
    spoken={"*anthropic.claude*": "anthropic_messages"},
    models={
        "*": override(
            wire="anthropic_messages",
            authenticate=authenticate_messages,
            prepare_request=lambda request: into_region(with_betas(request)),
        )
    },
    options=CLAUDE_OPTIONS,
    accepts_signatures_of=["anthropic", "amazon_bedrock", "google_vertex", "google_vertex_anthropic"],
)
