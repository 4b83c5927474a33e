"""A file of variables: read only on request, with less precedence than the environment, and its values are secret."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from stepwell import AsyncClient, Client
from stepwell.providers.declare.environment import parsed, read_environment
from stepwell.schemas import errors

from loopback import completion

CANARY = "sk-canary-123456789"


class Network:
    """A network that answers every request, and records it."""

    def __init__(self) -> None:
        self.sent: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(200, content=completion())


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Network:
    """Enter a folder with a `.env` whose variables are not in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "GROQ_API_KEY", "STEPWELL_ENV_FILE", "STEPWELL_MODEL", "VLLM_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={CANARY}\nVLLM_BASE_URL=http://vllm.test:9\nGROQ_API_KEY=\n")
    return Network()


def test_no_file_is_read_unless_asked_for(network: Network) -> None:
    with pytest.raises(errors.MissingKey):
        Client(transport=network.transport).generate_text("openai:m", "hi")
    assert network.sent == []


def test_a_client_that_names_a_file_finds_its_keys_and_addresses_there(network: Network) -> None:
    before = dict(os.environ)
    client = Client(transport=network.transport, env_file=".env")
    client.generate_text("openai:m", "hi")
    client.generate_text("vllm:m", "hi")
    assert network.sent[0].headers["authorization"] == f"Bearer {CANARY}"
    assert network.sent[1].url.host == "vllm.test" and os.environ == before


def test_the_asynchronous_client_does_the_same(network: Network) -> None:
    asyncio.run(AsyncClient(transport=network.transport, env_file=Path(".env")).generate_text("openai:m", "hi"))
    assert network.sent[0].headers["authorization"] == f"Bearer {CANARY}"


def test_a_variable_may_name_the_file_for_a_whole_process(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(transport=network.transport)
    monkeypatch.setenv("STEPWELL_ENV_FILE", ".env")
    client.generate_text("openai:m", "hi")
    assert network.sent[0].headers["authorization"] == f"Bearer {CANARY}"
    monkeypatch.setenv("STEPWELL_ENV_FILE", "gone.env")
    with pytest.raises(errors.ConfigError, match=r"gone.env cannot be read"):
        Client(transport=network.transport).generate_text("openai:m", "hi")


def test_the_real_environment_takes_precedence(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "real")
    Client(transport=network.transport, env_file=".env").generate_text("openai:m", "hi")
    assert network.sent[0].headers["authorization"] == "Bearer real"


def test_an_empty_line_of_a_template_is_no_key(network: Network) -> None:
    with pytest.raises(errors.MissingKey, match="set GROQ_API_KEY"):
        Client(transport=network.transport, env_file=".env").generate_text("groq:m", "hi")


def test_a_key_of_the_file_is_never_sent_to_a_custom_address(network: Network) -> None:
    client = Client(transport=network.transport, env_file=".env", base_urls={"openai": "https://evil.test"})
    with pytest.raises(errors.MissingKey, match="only to"):
        client.generate_text("openai:m", "hi")
    with pytest.raises(errors.MissingKey, match="only to"):
        Client(transport=network.transport, env_file=".env").generate_text(
            "openai:m", "hi", base_url="https://evil.test"
        )
    assert network.sent == []


def test_a_file_of_variables_can_name_the_default_model(network: Network, tmp_path: Path) -> None:
    (tmp_path / "mine.env").write_text("STEPWELL_MODEL=vllm:tiny\n")
    assert str(Client(transport=network.transport, env_file="mine.env").generate_text(None, "hi").provider) == "vllm"


def test_the_keys_of_aws_are_taken_from_the_file_together(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "aws.env").write_text(f"AWS_ACCESS_KEY_ID=AKIA\nAWS_SECRET_ACCESS_KEY={CANARY}\nAWS_REGION=eu-west-1\n")
    with pytest.raises(errors.DecodeError):  # the answer is not in Bedrock's format
        Client(transport=network.transport, env_file="aws.env").generate_text("amazon_bedrock:m", "hi")
    (request,) = network.sent
    assert "Credential=AKIA/" in request.headers["authorization"] and "eu-west-1" in request.url.host


def test_a_files_values_are_in_no_repr_and_no_error(network: Network, tmp_path: Path) -> None:
    client = Client(transport=network.transport, env_file=".env")
    assert CANARY not in repr(vars(client.planner)) + repr(vars(read_environment(".env")))
    (tmp_path / "odd.env").write_text(f"# mine\nOPENAI_API_KEY='{CANARY}")
    with pytest.raises(errors.ConfigError, match="line 2 of odd.env is not NAME=value") as caught:
        Client(env_file="odd.env")
    assert CANARY not in str(caught.value)
    (tmp_path / "odd.env").write_text(f"OPENAI_API_KEY='a\n{CANARY}'")
    with pytest.raises(errors.InvalidKey, match=r"OPENAI_API_KEY in odd.env contains a line break") as caught_too:
        Client(env_file="odd.env").generate_text("openai:m", "hi")
    assert CANARY not in str(caught_too.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("export A = x y  # why\n", {"A": "x y"}),
        ("# a\n\n  # b\nA=1", {"A": "1"}),
        ("A=a#b\nB=#c\nC= # d\nD=http://x/#e", {"A": "a#b", "B": "#c", "D": "http://x/#e"}),
        ("A=\nB=''\nC=1", {"C": "1"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=it's\nB==b=c", {"A": "it's", "B": "=b=c"}),
        ("A='x # $Y \\n' # why\nB=2", {"A": "x # $Y \\n", "B": "2"}),
        ('A="x\\n\\"y\\" \\\\ $Z"\nB=2', {"A": 'x\n"y" \\ $Z', "B": "2"}),
        ('KEY="-----BEGIN-----\nabc=\n-----END-----"\nB=2', {"KEY": "-----BEGIN-----\nabc=\n-----END-----", "B": "2"}),
        ("A=x\r\nB=y\r\n", {"A": "x", "B": "y"}),
        ("", {}),
    ],
)
def test_lines_are_read_as_a_shell_would_read_them(text: str, found: dict[str, str]) -> None:
    assert {name: value.reveal() for name, value in parsed(text).items()} == found


@pytest.mark.parametrize("text", ["A", "1A=2", "A='x", 'A="x"y', "A='a' 'b'", "A B=c", "=x"])
def test_any_other_line_is_reported_with_its_number(text: str) -> None:
    with pytest.raises(errors.ConfigError, match="line 2"):
        parsed(f"# first\n{text}")


def test_a_file_with_a_mark_or_of_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbfA=1\n")
    assert read_environment(tmp_path / "bom").get("A") == "1"
    (tmp_path / "latin").write_bytes(b"A=\xe9\n")
    for path, says in ((tmp_path / "latin", "not UTF-8"), (tmp_path, "cannot be read")):
        with pytest.raises(errors.ConfigError, match=says):
            read_environment(path)


def test_values_are_secrets() -> None:
    found: Any = parsed(f"A={CANARY}")
    assert CANARY not in repr(found)
