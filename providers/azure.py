"""Azure OpenAI and Foundry: models under a resource of your own, addressed by the deployment's name.

https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle; Claude is served in Anthropic's own format:
https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-foundry-models-claude
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from attrs import evolve

from ..pipeline.effects import CallNext, StepGenerator
from ..pipeline.http.request import Headers, Request
from ..schemas.errors import ConfigError, NotFound
from ..schemas.options import CHAT_OPTIONS
from .auth.auth import credential_value, reveal, token_from
from .declare.addresses import normalize_url
from .declare.credentials import KEY, PLACE, PLAIN, TOKEN, Credentials, Login, Value
from .declare.embed_limits import EmbedLimit
from .declare.environment import environment_of
from .declare.provider import declare_provider, override
from .declare.rules import only
from .options.claude_options import CLAUDE, CLAUDE_OPTIONS, CLAUDE_PREFILL, claude_models, user_id_alone
from .options.openai_options import OPENAI, TRANSCRIBING, fit_to_path, openai_families
from .options.server_tools import OPENAI as OPENAI_TOOLS
from .wires.anthropic_messages import anthropic_count_tokens, anthropic_messages
from .wires.anthropic_messages.betas import with_betas
from .wires.openai_chat import openai_chat
from .wires.openai_responses import openai_responses
from .wires.operations.embeddings import in_base64, openai_embeddings
from .wires.operations.openai_media import openai_images, openai_speech, openai_transcription
from .wires.operations.openai_misc import openai_models

ENDPOINT = "AZURE_OPENAI_ENDPOINT"
_CLAUDE = "/anthropic/v1"
_TAIL = re.compile(
    r"(/openai(/v1|/deployments(/[^/]+)?)?|/models|/anthropic(/v1)?)?"
    r"(/chat/completions|/responses|/embeddings|/messages(/count_tokens)?|/images/generations|/audio/[a-z]+)?$"
)
# A project's endpoint serves the v1 API (as azure-ai-projects asks it); deployments and Claude are the resource's.
_PROJECT = re.compile(r"(?<=\.services\.ai\.azure\.com)/api/projects/[^/]+$", re.I)
_OTHER_HOSTS = re.compile(r"^(https://[^./]+)\.(openai|cognitiveservices)\.azure\.com", re.I)


_TOKEN_NAMES = ("ad_token", "azure_ad_token", "token_provider", "ad_token_provider", "azure_ad_token_provider")
CREDENTIALS = Credentials(
    (
        Value("api_key", KEY, ("key", "azure_api_key", "azure_openai_api_key", "subscription_key")),
        Value("token", TOKEN, ("access_token", "entra_token", *_TOKEN_NAMES)),
        Value("endpoint", PLACE, ("azure_endpoint", "resource_endpoint", ENDPOINT)),
        Value("azure_resource_name", PLACE, ("resource_name", "resource")),
        Value("api_version", PLAIN, ("azure_api_version", "openai_api_version")),
    ),
    (Login(("api_key",)), Login(("token",))),
)


def resource_root(endpoint: str) -> str:
    """Reduce an endpoint to the resource's own address: without path, deployment or api-version."""
    return _TAIL.sub("", endpoint.partition("?")[0].rstrip("/")).rstrip("/")


def endpoint_of(request: Request) -> str:
    """Find the resource's address: from the credential, the call or the client, else from the environment.

    Raises ConfigError when it is not an address.
    """
    if value := credential_value(request, "endpoint"):
        return normalize_url(value, "the endpoint that came with the key")
    if value := credential_value(request, "azure_resource_name"):
        return normalize_url(f"{value}.openai.azure.com", "the resource that came with the key")
    # An address from the catalog may contain ${…} for the resource's name, as the default one does.
    variables = environment_of(request)
    if "${" in request.base_url and (named := (variables.get(ENDPOINT) or "").strip()):
        return normalize_url(named, variables.describe_source(ENDPOINT))
    return request.base_url


def to_resource(request: Request) -> Request:
    """Put the final address on the request: the v1 API's, with `api_version` a deployment's, or that of Claude's API.

    Raises ConfigError for an empty deployment name.
    """
    if not request.model.id.strip():
        raise ConfigError("the deployment's name is empty", hint="name the model azure:your-deployment")
    request = fit_to_path(request)
    path = request.url.removeprefix(request.base_url.rstrip("/"))
    root = resource_root(endpoint_of(request))
    version = request.options.get("api_version", credential_value(request, "api_version"))
    options = {name: value for name, value in request.options.items() if name != "api_version"}
    if path.startswith(_CLAUDE):
        host = _OTHER_HOSTS.sub(r"\1.services.ai.azure.com", _PROJECT.sub("", root))
        return with_betas(request.replace(url=host + path, options=options))
    if version is None:
        return request.replace(url=f"{root}/openai/v1{path}")
    undeployed = path in ("/responses", "/models")
    deployment = "/openai" if undeployed else f"/openai/deployments/{quote(request.model.id, safe='')}"
    return request.replace(
        url=f"{_PROJECT.sub('', root)}{deployment}{path}?api-version={quote(version)}", options=options
    )


def authenticate(request: Request, call: CallNext) -> StepGenerator:
    """Send the resource's key, or an Entra token: `{"token": ...}`, or a sync or async function that returns one."""
    credential = request.credential
    token = credential.get("token") if isinstance(credential, Mapping) else credential if callable(credential) else None
    if callable(token):
        token = yield from token_from(request, token)
    if token is None:
        name = "x-api-key" if _CLAUDE in request.url else "api-key"
        return (yield from call(request.replace(headers=Headers(request.headers, **{name: reveal(request)}))))
    return (yield from call(request.with_headers(authorization=f"Bearer {token.reveal()}")))


def address_hint(request: Request) -> str:
    """Name the address and the deployment: a 404 here is nearly always a wrong one of them."""
    return f"no deployment {request.model.id!r} answers at {request.url.partition('?')[0]}"


_WIRES = (
    openai_chat,
    evolve(openai_responses, server_tools=OPENAI_TOOLS),
    evolve(anthropic_messages, path=f"{_CLAUDE}/messages"),
    openai_embeddings,
    openai_images,
    openai_speech,
    openai_transcription,
    evolve(anthropic_count_tokens, path=f"{_CLAUDE}/messages/count_tokens"),
    openai_models,
)


azure = declare_provider(
    "azure",
    name="Azure OpenAI",
    docs="https://learn.microsoft.com/azure/ai-foundry/openai",
    wire=[wire.with_error_hint(NotFound, address_hint) for wire in in_base64(*_WIRES)],
    base_url="https://${AZURE_RESOURCE_NAME}.openai.azure.com",
    base_url_env=ENDPOINT,
    trusted_hosts=(".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"),
    env_key=["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"],
    credentials=CREDENTIALS,
    prefill={"anthropic_messages": CLAUDE_PREFILL},
    # https://learn.microsoft.com/azure/ai-foundry/openai/reference#embeddings
    embed_batches={"*": EmbedLimit(2048, 300_000)},
    options={
        # Those of all providers are named by the wires: chat completions take no summary.
        **{name: schema for name, schema in CLAUDE_OPTIONS.items() if name not in CHAT_OPTIONS},
        "api_version": {"type": "string"},
        "include": {"type": "array"},
    },
    translate_options=OPENAI,
    models={
        **openai_families(),
        **TRANSCRIBING,
        "claude-*": override(translate_options=only(user_id_alone, *CLAUDE)),
        **claude_models(user_id_alone),
    },
    prepare_request=to_resource,
    auth=authenticate,
)
