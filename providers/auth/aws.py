"""AWS's signatures (SigV4, by botocore) and bearer keys.

A credential is a string (a Bedrock API key), or a mapping with `api_key`, with `access_key` and `secret_key` (and
`session_token`), or with `profile`, and optionally `region`. AWS's own spellings are accepted, too. Without a login,
the environment's bearer key or botocore's chain is used, and the region of that login unless one is named. Given keys
are never mixed with those of the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pipeline.blocking import in_call_time
from ...pipeline.effects import CallNext, StepGenerator, in_thread
from ...pipeline.http.library_logs import logging_in
from ...pipeline.http.request import Headers, Request
from ...pipeline.http.urls import split_url
from ...schemas.errors import ConfigError, MissingKey
from ...schemas.secret import MaskedDict, Secret
from ..declare.addresses import check_machine_login
from ..declare.aws_login import HINT, LOGGERS, LOGINS, AwsKeys, botocore
from ..declare.credentials import KEY, PLAIN, Credentials, Login, Value
from ..declare.environment import Environment, environment_of
from .auth import credential_value, known_credential

_REGION = "[a-z][a-z]-*-[0-9]"
HOSTS = (f"bedrock*.{_REGION}.amazonaws.com", f"bedrock*.{_REGION}.api.aws", f"*.bedrock*.{_REGION}.vpce.amazonaws.com")
"""Amazon's own hosts for Bedrock. Other names at amazonaws.com may belong to any customer."""
ADDRESS = "https://bedrock.invalid"
"""A placeholder for the address, which depends on the region."""
MANTLE = "https://bedrock-mantle.invalid"
"""The same for the endpoint that speaks the formats of OpenAI and Anthropic."""
_PLACEHOLDERS = (f"{ADDRESS}/", f"{MANTLE}/")
MANTLE_SERVICE = "bedrock-mantle"
BEARER = "AWS_BEARER_TOKEN_BEDROCK"
DEFAULT_REGION = "us-east-1"


def _unfold_answer(credential: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what an answer of AWS with keys has besides them: when they end, say, which AWS checks itself.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html, and of credential_process
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    """
    if "SecretAccessKey" not in credential:
        return credential
    return {name: value for name, value in credential.items() if name not in ("Expiration", "Version", "AccountId")}


CREDENTIALS = Credentials(
    (
        Value("api_key", KEY, ("key", "token", "bearer_token", "bedrock_api_key", BEARER)),
        Value("access_key", KEY, ("access_key_id", "aws_access_key", "aws_access_key_id")),
        Value("secret_key", KEY, ("secret_access_key", "aws_secret_key", "aws_secret_access_key")),
        Value("session_token", KEY, ("security_token", "aws_session_token", "aws_security_token")),
        Value("profile", PLAIN, ("profile_name", "aws_profile", "aws_profile_name")),
        Value("region", PLAIN, ("region_name", "aws_region", "aws_region_name", "aws_default_region")),
    ),
    (Login(("api_key",)), Login(("access_key", "secret_key"), ("session_token",)), Login(("profile",))),
    alone=True,
    unfold=_unfold_answer,
)


def into_region(request: Request) -> Request:
    """Set the address of the region: that of the credential, of the model's ARN, or of the environment.

    If none of them names one, the address is set later for a login of botocore, which may have its own region.
    """
    if not request.url.startswith(_PLACEHOLDERS):
        return request
    region = named_region(request)
    if region is None and not _is_of_botocore(request):
        request, region = _defaulted(request)
    return request if region is None else _at(request, region)


def named_region(request: Request) -> str | None:
    """Return the region of the credential, of the model's ARN, or of the environment."""
    arn = request.model.id.split(":")
    of_model = arn[3] if arn[0] == "arn" and len(arn) > 3 else None
    variable = environment_of(request).get
    return (
        credential_value(request, "region")
        or of_model
        or variable("AWS_REGION")
        or variable("AWS_DEFAULT_REGION")
        or None
    )


def _defaulted(request: Request) -> tuple[Request, str]:
    hint = "pass api_key={..., 'region': ...}, or set AWS_REGION"
    return request.warn("region", f"none was named, so {DEFAULT_REGION} is used; {hint}"), DEFAULT_REGION


def _at(request: Request, region: str) -> Request:
    if not region.replace("-", "").isalnum():
        raise ConfigError(f"{region!r} is not an AWS region")
    if request.url.startswith(MANTLE):
        return request.replace(url=f"https://{MANTLE_SERVICE}.{region}.api.aws{request.url.removeprefix(MANTLE)}")
    # The list of models is served by the other host.
    host = "bedrock" if request.operation == "list_models" else "bedrock-runtime"
    return request.replace(url=f"https://{host}.{region}.amazonaws.com{request.url.removeprefix(ADDRESS)}")


def _is_of_botocore(request: Request) -> bool:
    """Check whether botocore has to find the login: a profile's, or the machine's."""
    credential = request.credential or {}
    if isinstance(credential, Mapping) and not CREDENTIALS.has_login(credential):
        return environment_of(request).of_file("AWS_ACCESS_KEY_ID") is None
    return isinstance(credential, Mapping) and "profile" in credential


def authenticate(request: Request, call: CallNext) -> StepGenerator:
    """Send a bearer key in a header, or a signature over the final bytes.

    Raises MissingKey for a base_url of the caller without a login: the machine's is sent only to Amazon.
    """
    credential = known_credential(request)
    if isinstance(credential, Mapping):
        credential = CREDENTIALS.read(credential, where="the credential", provider=request.model.provider)
        credential = credential.get("api_key", credential)
    if isinstance(credential, Secret):
        return (yield from call(request.with_headers(authorization=f"Bearer {credential.reveal()}")))
    if not request.url.startswith(_PLACEHOLDERS) and not (credential and CREDENTIALS.has_login(credential)):
        check_machine_login(request, HOSTS)
    if _is_of_botocore(request):
        return (yield from _by_botocore(request, call))
    keys = given_keys(credential if credential and "access_key" in credential else _of_file(environment_of(request)))
    return (yield from call(signed(request, keys, named_region(request) or DEFAULT_REGION)))


def _by_botocore(request: Request, call: CallNext) -> StepGenerator:
    """Send the call signed with a login of botocore, to the region of that login unless another one is named."""
    environment = environment_of(request)
    profile = credential_value(request, "profile")
    if profile is None:
        check_variables(environment)
        if not environment.get("AWS_ACCESS_KEY_ID"):
            profile = environment.of_file("AWS_PROFILE")
    login = LOGINS.of(profile)
    keys = login.fresh() or (yield from in_call_time(request, in_thread(login.keys)))  # the chain may use the network
    region = named_region(request) or login.region
    if region is None:
        request, region = _defaulted(request)
    if request.url.startswith(_PLACEHOLDERS):
        request = _at(request, region)
    response = yield from call(signed(request, keys, region))
    # Access that is denied, to a model say, is no fault of the login, which all other calls go on with
    # (https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html).
    if response.status in (401, 403) and not response.headers.get("x-amzn-errortype", "").startswith("AccessDenied"):
        LOGINS.forget(login)
    return response


def _of_file(environment: Environment) -> Mapping[str, Any]:
    """Return the keys in a client's own file of variables: botocore reads only the process's environment.

    The step resolve_key has looked for the bearer key already.
    """
    check_variables(environment)
    found = ((name, environment.of_file(variable)) for name, variable in _VARIABLES.items())
    return MaskedDict({name: Secret(value) for name, value in found if value})


_VARIABLES = {
    "access_key": "AWS_ACCESS_KEY_ID",
    "secret_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}


def check_variables(environment: Environment) -> None:
    """Raise MissingKey if one of the two variables is set without the other: botocore would ignore it and take another
    login."""
    names = (_VARIABLES["access_key"], _VARIABLES["secret_key"])
    for name, other in (names, names[::-1]):
        if environment.get(name) and not environment.get(other):
            raise MissingKey(f"{environment.describe_source(name)} is set without {other}", hint=HINT)


def given_keys(credential: Mapping[str, Any]) -> AwsKeys:
    """Make botocore's credentials of given keys. Raises MissingKey if one of the two is missing."""
    values = MaskedDict(
        {name: value.reveal() if isinstance(value, Secret) else value for name, value in credential.items()}
    )
    if not values.get("access_key") or not values.get("secret_key"):
        raise MissingKey("an AWS access_key needs its secret_key", hint=HINT)
    credentials = botocore("credentials")
    names = ("access_key", "secret_key", "session_token")
    return AwsKeys(credentials.ReadOnlyCredentials(*map(values.get, names)))


def signed(request: Request, keys: AwsKeys, region: str) -> Request:
    """Add the headers of SigV4, which sign method, URL, body and headers.

    keys: the login.
    region: the region of the address.
    """
    auth, awsrequest = botocore("auth"), botocore("awsrequest")
    headers = {"content-type": request.headers["content-type"]}
    unsigned = awsrequest.AWSRequest(method=request.method, url=request.url, data=request.body, headers=headers)
    service = MANTLE_SERVICE if split_url(request.url)[1].startswith(f"{MANTLE_SERVICE}.") else "bedrock"
    with logging_in(LOGGERS):
        auth.SigV4Auth(keys.keys, service, region).add_auth(unsigned)
    sent = Headers(request.headers)
    sent.update((name.lower(), value) for name, value in unsigned.headers.items())
    return request.replace(headers=sent)
