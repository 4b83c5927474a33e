"""AWS's signatures (SigV4, by botocore) and bearer keys.

A credential is a string (a Bedrock API key), or a mapping with `access_key`, `secret_key`, perhaps `session_token`, and
`region`; or with `profile`. Without any, the environment's bearer key or botocore's own chain is used. Keys that are
given are never mixed with those of the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pipeline.effects import Call, Flow, Rest
from ...pipeline.pipeline import Pipeline
from ...pipeline.request import Headers, Request
from ...pipeline.step import around
from ...schemas.errors import ConfigError, MissingExtra, MissingKey
from ...schemas.secret import Hidden, Secret
from .environment import Environment, environment_of
from .provider import Provider

ADDRESS = "https://bedrock.invalid"
"""Stands for the address, which depends on the region."""
BEARER = "AWS_BEARER_TOKEN_BEDROCK"
_HINT = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass api_key={'access_key': …, 'secret_key': …, 'region': …}"
)


def into_region(request: Request) -> Request:
    """Puts the call into the region: of the credential, of the model's ARN, else of the environment."""
    if not request.url.startswith(ADDRESS):
        return request
    # Everything but the models themselves is told by the service's other host.
    host = "bedrock" if request.operation == "list_models" else "bedrock-runtime"
    return request.replace(url=f"https://{host}.{region_of(request)}.amazonaws.com{request.url.removeprefix(ADDRESS)}")


def region_of(request: Request) -> str:
    given = request.credential.get("region") if isinstance(request.credential, Mapping) else None
    if isinstance(given, Secret):
        given = given.reveal()
    arn = request.model.id.split(":")
    if not given and arn[0] == "arn" and len(arn) > 3:
        given = arn[3]
    variable = environment_of(request).get
    region = given or variable("AWS_REGION") or variable("AWS_DEFAULT_REGION") or "us-east-1"
    if not region.replace("-", "").isalnum():
        raise ConfigError(f"{region!r} is not an AWS region")
    return str(region)


def attach(pipeline: Pipeline, provider: Provider) -> Pipeline:
    """The usual steps, with each attempt signed."""
    return pipeline.replace("authenticate", around("authenticate", authenticate))


def authenticate(request: Request, call: Rest) -> Flow:
    """A bearer key in a header, or a signature over the final bytes."""
    credential = request.credential
    if isinstance(credential, Mapping) and isinstance(credential.get("api_key"), Secret):
        credential = credential["api_key"]
    if credential is None:
        credential = _of_environment(environment_of(request))
    if isinstance(credential, Secret):
        return (yield from call(request.with_headers(authorization=f"Bearer {credential.reveal()}")))
    if isinstance(credential, Mapping) and "access_key" in credential:
        keys = given_keys(credential)
    else:

        async def load_aside() -> Any:
            import anyio.to_thread  # comes with httpx; the chain may ask the network

            return await anyio.to_thread.run_sync(chain_keys, credential)

        keys = yield Call(lambda: chain_keys(credential), load_aside)
    return (yield from call(signed(request, keys, region_of(request))))


def _of_environment(environment: Environment) -> Any:
    """The keys that a client's own file of variables holds: botocore reads those of the process. The bearer key has
    been looked for already, by resolve_key, which knows where it may go."""
    if environment.of_file("AWS_ACCESS_KEY_ID") is None:
        return None
    found = ((name, environment.of_file(variable)) for name, variable in _VARIABLES.items())
    return {name: Secret(value) for name, value in found if value is not None}


_VARIABLES = {
    "access_key": "AWS_ACCESS_KEY_ID",
    "secret_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}


def given_keys(credential: Mapping[str, Any]) -> Any:
    """botocore's credentials of the keys that were given."""
    credentials = _botocore("credentials")
    values = Hidden(
        {name: value.reveal() if isinstance(value, Secret) else value for name, value in credential.items()}
    )
    if not values.get("secret_key"):
        raise MissingKey("an AWS access_key needs its secret_key", hint=_HINT)
    return credentials.Credentials(values["access_key"], values["secret_key"], values.get("session_token"))


def chain_keys(credential: Any) -> Any:
    """botocore's credentials of the profile named, or of its usual places."""
    session = _botocore("session")
    profile = credential.get("profile") if isinstance(credential, Mapping) else None
    if isinstance(profile, Secret):
        profile = profile.reveal()
    found = session.Session(profile=profile).get_credentials()
    if found is None:
        raise MissingKey("no AWS credentials were found", hint=_HINT)
    return found


def signed(request: Request, keys: Any, region: str) -> Request:
    """The request with SigV4's headers over its method, URL, body and headers."""
    auth, awsrequest = _botocore("auth"), _botocore("awsrequest")
    headers = {"content-type": request.headers["content-type"]}
    unsigned = awsrequest.AWSRequest(method=request.method, url=request.url, data=request.body, headers=headers)
    auth.SigV4Auth(keys.get_frozen_credentials(), "bedrock", region).add_auth(unsigned)
    sent = Headers(request.headers)
    sent.update((name.lower(), value) for name, value in unsigned.headers.items())
    return request.replace(headers=sent)


def _botocore(module: str) -> Any:
    from importlib import import_module  # the extra `bedrock`, heavy

    try:
        return import_module(f"botocore.{module}")
    except ImportError:
        raise MissingExtra("signing for AWS needs botocore", hint="run: pip install 'stepwell[bedrock]'") from None
