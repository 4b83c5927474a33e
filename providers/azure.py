"""Azure OpenAI and Foundry: models under a resource of your own, a deployment's name in place of the model's.

https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from ..pipeline.request import Headers, Request
from ..pipeline.response import Response
from ..schemas.errors import ConfigError, NotFound, ProviderError
from ..schemas.secret import Secret
from .dsl.auth import reveal
from .dsl.batches import Batch
from .dsl.openai_models import OPENAI, openai_families
from .dsl.provider import declare_provider
from .wires.openai_chat import openai_chat
from .wires.openai_chat.decode import find_error as find_chat_error
from .wires.openai_responses import openai_responses
from .wires.operations.openai_embeddings import openai_embeddings
from .wires.operations.openai_media import openai_images, openai_speech, openai_transcription

_TAIL = re.compile(r"(/openai(/v1|/deployments(/[^/]+)?)?|/models)?(/chat/completions|/responses|/embeddings)?$")


def resource_root(endpoint: str) -> str:
    """The resource's own address, however it was spelt: with a path, a deployment or an api-version behind."""
    address = endpoint.partition("?")[0].rstrip("/")
    return _TAIL.sub("", address).rstrip("/")


def to_resource(request: Request) -> Request:
    """The final address: of the v1 API, or with `api_version` of the dated API and its deployments."""
    if not request.model.id.strip():
        raise ConfigError("the deployment's name is empty", hint="name the model azure:your-deployment")
    path = request.url.removeprefix(request.base_url.rstrip("/"))
    given = request.credential.get("endpoint") if isinstance(request.credential, Mapping) else None
    given = given.reveal() if isinstance(given, Secret) else given
    root = resource_root(given or request.base_url)
    version = request.options.get("api_version")
    if version is None:
        return request.replace(url=f"{root}/openai/v1{path}")
    options = {name: value for name, value in request.options.items() if name != "api_version"}
    deployment = f"/openai/deployments/{quote(request.model.id, safe='')}" if path != "/responses" else "/openai"
    return request.replace(url=f"{root}{deployment}{path}?api-version={quote(version)}", options=options)


def authenticate(request: Request) -> Request:
    """A resource's key, or an Entra token: `{"token": ...}`, or a function that gives one."""
    credential = request.credential
    token: object = None
    if callable(credential):
        token = credential()
    elif isinstance(credential, Mapping) and "token" in credential:
        token = credential["token"]
    if token is None:
        return request.replace(headers=Headers(request.headers, **{"api-key": reveal(request)}))
    text = token.reveal() if isinstance(token, Secret) else str(token)
    return request.replace(headers=Headers(request.headers, authorization=f"Bearer {text}"))


def find_error(response: Response) -> ProviderError | None:
    """A 404 here is nearly always a wrong address or deployment, so it shows both."""
    error = find_chat_error(response)
    if isinstance(error, NotFound):
        request = response.request
        error.hint = f"no deployment {request.model.id!r} answers at {request.url.partition('?')[0]}"
    return error


azure = declare_provider(
    "azure",
    name="Azure OpenAI",
    docs="https://learn.microsoft.com/azure/ai-foundry/openai",
    wire=[openai_chat, openai_responses, openai_embeddings, openai_images, openai_speech, openai_transcription],
    base_url="https://${AZURE_RESOURCE_NAME}.openai.azure.com",
    base_url_env="AZURE_OPENAI_ENDPOINT",
    env_key=["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"],
    # https://learn.microsoft.com/azure/ai-foundry/openai/reference#embeddings
    embed_batches={"*": Batch(2048, 300_000)},
    options={
        "api_version": {"type": "string"},
        "include": {"type": "array"},
    },
    translate_options=OPENAI,
    models=openai_families(),
    prepare_request=to_resource,
    authenticate=authenticate,
    find_error=find_error,
)
