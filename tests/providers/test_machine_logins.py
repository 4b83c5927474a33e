"""The machine's own logins: their source, their destination, and errors for incomplete ones."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import botocore.session
import google.auth
import httpx
import orjson
import pytest

from stepwell import AsyncClient, Client
from stepwell.schemas import errors

NOVA, GEMINI = "amazon_bedrock:amazon.nova-lite-v1:0", "google_vertex:gemini-2.5-pro"
CONFIG = """
[default]
region = eu-central-1
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = s
[profile other]
region = eu-west-3
aws_access_key_id = AKIDOTHER
aws_secret_access_key = s
[profile nowhere]
aws_access_key_id = AKIDNOWHERE
aws_secret_access_key = s
[profile half]
aws_access_key_id = AKIDHALF
"""
ACCOUNT = {
    "type": "service_account",
    "client_email": "robot@own.test",
    "private_key": "-----BEGIN PRIVATE KEY-----",
    "token_uri": "https://tokens.test",
    "project_id": "of-the-account",
}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Provide a machine with three AWS profiles and no variables."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION", "DEFAULT_REGION", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("CLOUD_PROJECT", "VERTEX_PROJECT", "CLOUD_LOCATION", "VERTEX_LOCATION", "VERTEX_ACCESS_TOKEN"):
        monkeypatch.delenv(f"GOOGLE_{name}", raising=False)
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    path = tmp_path / "config"
    path.write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class Network:
    """A network that refuses and records all requests."""

    def __init__(self, status: int = 400) -> None:
        self.seen: list[httpx.Request] = []
        self.status = status
        self.kind = ""
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        headers = {"x-amzn-errortype": self.kind} if self.kind else {}
        return httpx.Response(self.status, json={"message": "no"}, headers=headers)

    def ask(self, model: str, *, asynchronous: bool = False, env_file: Any = None, **options: Any) -> Any:
        """Return the error of one call."""

        async def run() -> None:
            async with AsyncClient(transport=self.transport, retries=0, env_file=env_file) as client:
                await client.generate_text(model, "hi", **options)

        with pytest.raises(errors.StepwellError) as caught:
            if asynchronous:
                asyncio.run(run())
            else:
                with Client(transport=self.transport, retries=0, env_file=env_file) as client:
                    client.generate_text(model, "hi", **options)
        return caught.value


@pytest.fixture
def network() -> Network:
    return Network()


both = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


def signed_in(request: httpx.Request) -> tuple[str, str, str]:
    """Return the key that signed the request, the region of the signature, and the region of the host."""
    scope = request.headers["authorization"].split("Credential=")[1].split("/")
    return scope[0], scope[2], request.url.host.split(".")[1]


@both
@pytest.mark.parametrize("profile", [None, "other"])
@pytest.mark.parametrize("variable", ["AWS_PROFILE", None])
def test_a_call_is_sent_to_the_region_of_its_profile(
    asynchronous: bool, profile: str | None, variable: str | None, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {}
    if profile and variable:
        monkeypatch.setenv(variable, profile)
    elif profile:
        given = {"api_key": {"profile": profile}}
    network.ask(NOVA, asynchronous=asynchronous, **given)
    region = botocore.session.Session(profile=profile).get_config_variable("region")
    assert signed_in(network.seen[0]) == (f"AKID{(profile or 'default').upper()}", region, region)


@both
def test_a_given_region_takes_precedence_over_the_profiles(
    asynchronous: bool, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.ask(NOVA, asynchronous=asynchronous, api_key={"profile": "other", "region": "us-west-2"})
    network.ask(NOVA, asynchronous=asynchronous, api_key={"region": "us-west-2"})
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    network.ask(NOVA, asynchronous=asynchronous, api_key={"profile": "other"})
    assert list(map(signed_in, network.seen)) == [
        ("AKIDOTHER", "us-west-2", "us-west-2"),
        ("AKIDDEFAULT", "us-west-2", "us-west-2"),
        ("AKIDOTHER", "ap-south-1", "ap-south-1"),
    ]


@pytest.mark.parametrize(
    "credential",
    ["bearer", {"access_key": "A", "secret_key": "s"}, {"profile": "nowhere"}],
    ids=["key", "keys", "profile"],
)
def test_a_missing_region_is_reported(credential: Any) -> None:
    answer = {"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}, "stopReason": "end_turn"}
    seen: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: seen.append(request) or httpx.Response(200, json=answer))
    with Client(transport=transport) as client:
        reply = client.generate_text(NOVA, "hi", api_key=credential)
    assert seen[0].url.host == "bedrock-runtime.us-east-1.amazonaws.com"
    (warning,) = reply.warnings
    assert warning.subject == "region" and "us-east-1" in str(warning) and "AWS_REGION" in str(warning)


@both
@pytest.mark.parametrize("profile", ["half", "no-such-profile"])
def test_a_profile_that_is_not_whole_is_an_error(asynchronous: bool, profile: str, network: Network) -> None:
    error = network.ask(NOVA, asynchronous=asynchronous, api_key={"profile": profile})
    assert type(error) is errors.MissingKey and profile in str(error) and network.seen == []
    assert error.__cause__ is None and error.__context__ is None


@both
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
@pytest.mark.parametrize("place", ["environment", "file"])
def test_an_incomplete_login_in_variables_is_an_error(
    asynchronous: bool, name: str, place: str, network: Network, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"{name}=half\n" if place == "file" else "")
    if place == "environment":
        monkeypatch.setenv(name, "half")
    error = network.ask(NOVA, asynchronous=asynchronous, env_file=file)
    assert type(error) is errors.MissingKey and network.seen == []
    assert (
        "AWS_ACCESS_KEY_ID" in str(error) and "AWS_SECRET_ACCESS_KEY" in str(error) and "is set without" in str(error)
    )


def test_a_profile_in_a_file_of_variables_is_that_of_its_client(network: Network, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AWS_PROFILE=other\n")
    network.ask(NOVA, env_file=tmp_path / ".env")
    assert signed_in(network.seen[0])[0] == "AKIDOTHER"


def test_a_key_of_the_environment_goes_to_the_region_that_was_given(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bearer")
    network.ask(NOVA, api_key={"region": "eu-west-1"})
    assert network.seen[0].headers["authorization"] == "Bearer bearer" and ".eu-west-1." in network.seen[0].url.host


@both
def test_the_credential_chain_is_resolved_once_until_its_keys_are_refused(
    asynchronous: bool, network: Network, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[Any] = []
    session = botocore.session.Session
    monkeypatch.setattr(botocore.session, "Session", lambda **given: made.append(given) or session(**given))
    monkeypatch.setenv("AWS_APP_ID", tmp_path.name)  # another environment than that of any other test
    for _ in range(3):
        network.ask(NOVA, asynchronous=asynchronous)
    assert len(made) == 1
    network.status, network.kind = 403, "AccessDeniedException:http://internal.amazon.com/"  # to this model
    for _ in range(3):
        network.ask(NOVA, asynchronous=asynchronous)
    assert len(made) == 1
    network.kind = "" if asynchronous else "ExpiredTokenException"
    network.ask(NOVA, asynchronous=asynchronous)
    network.ask(NOVA, asynchronous=asynchronous)
    assert len(made) == 2


@pytest.fixture
def no_default_login(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_on_look_up(**_: Any) -> Any:
        raise AssertionError("the machine's own login was looked for")

    monkeypatch.setattr(google.auth, "default", fail_on_look_up)


@both
@pytest.mark.parametrize("form", ["mapping", "text", "path", "whole"])
@pytest.mark.parametrize("lacking", ["private_key", "client_email", "token_uri"])
@pytest.mark.usefixtures("no_default_login")
def test_a_part_of_a_service_accounts_key_is_an_error(
    asynchronous: bool, form: str, lacking: str, network: Network, tmp_path: Path
) -> None:
    part = {name: value for name, value in ACCOUNT.items() if name != lacking}
    path = tmp_path / "key.json"
    path.write_bytes(orjson.dumps(part))
    given: Any = {"mapping": part, "text": orjson.dumps(part).decode(), "path": str(path), "whole": None}[form]
    credential = part if form == "whole" else {"service_account": given}
    error = network.ask(GEMINI, asynchronous=asynchronous, api_key=credential)
    assert type(error) is errors.MissingKey and repr(lacking) in str(error) and network.seen == []
    assert "BEGIN" not in str(error)


@pytest.mark.usefixtures("no_default_login")
def test_a_key_file_that_is_not_there_is_an_error(network: Network, tmp_path: Path) -> None:
    for path in (tmp_path / "none", str(tmp_path / "none.json"), tmp_path):
        error = network.ask(GEMINI, api_key={"service_account": path})
        assert type(error) is errors.MissingKey and str(tmp_path) in str(error) and network.seen == []


@pytest.fixture
def any_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patch service accounts so that their tokens need no network."""
    from datetime import datetime, timedelta

    from google.oauth2 import service_account

    class Account:
        token, expiry = "ya29.t", datetime.now() + timedelta(days=2)

        def __init__(self, info: dict[str, Any]) -> None:
            self.project_id = info.get("project_id")

        def refresh(self, request: Any) -> None: ...

        @classmethod
        def from_service_account_info(cls, info: dict[str, Any], **_: Any) -> Account:
            return cls(info)

    monkeypatch.setattr(service_account, "Credentials", Account)


@both
@pytest.mark.parametrize("form", ["mapping", "text", "path", "whole"])
@pytest.mark.parametrize("ambient", [None, "of-the-environment"])
@pytest.mark.usefixtures("no_default_login", "any_account")
def test_a_service_accounts_own_project_takes_precedence_over_the_environments(
    asynchronous: bool,
    form: str,
    ambient: str | None,
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if ambient:
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", ambient)
    path = tmp_path / "key.json"
    path.write_bytes(orjson.dumps(ACCOUNT))
    given: Any = {"mapping": ACCOUNT, "text": orjson.dumps(ACCOUNT).decode(), "path": path, "whole": None}[form]
    credential = ACCOUNT if form == "whole" else {"service_account": given}
    network.ask(GEMINI, asynchronous=asynchronous, api_key=credential)
    network.ask(GEMINI, asynchronous=asynchronous, api_key={**credential, "project": "named", "location": "eu"})
    first, second = (str(request.url) for request in network.seen)
    assert "/projects/of-the-account/locations/global/" in first
    assert "/projects/named/locations/eu/" in second


def test_a_codex_token_is_used_in_the_place_of_the_machines_login(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: pytest.fail("the machine's own login was looked for"))
    network.ask("openai_codex:gpt-5", api_key={"access_token": "t", "account_id": "mine"})
    sent = network.seen[0].headers
    assert (sent["authorization"], sent["chatgpt-account-id"]) == ("Bearer t", "mine")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"azure_endpoint": "https://r.openai.azure.com"}, "https://r.openai.azure.com/openai/v1/chat/completions"),
        ({"resource_name": "r"}, "https://r.openai.azure.com/openai/v1/chat/completions"),
        (
            {"endpoint": "r.openai.azure.com", "api_version": "2024-10-21"},
            "https://r.openai.azure.com/openai/deployments/mine/chat/completions?api-version=2024-10-21",
        ),
    ],
)
@pytest.mark.parametrize("login", [{"api_key": "k"}, {"azure_ad_token": "k"}, {"azure_ad_token_provider": lambda: "k"}])
def test_azures_own_spellings_name_the_endpoint_and_the_credential(
    given: dict[str, Any], url: str, login: dict[str, Any], network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://of-the-environment.openai.azure.com")
    network.ask("azure:mine", api_key={**login, **given})
    (request,) = network.seen
    assert str(request.url) == url
    assert request.headers["api-key" if "api_key" in login else "authorization"] in ("k", "Bearer k")
