"""A canary: the places where a key can be, the ways in which a call can fail, and a server that does so."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from attrs import field, frozen

from stepwell.providers.wires.bedrock_converse.samples import SAMPLES as BEDROCK
from stepwell.providers.wires.google_generate.samples import SAMPLES as GOOGLE
from stepwell.providers.wires.openai_chat.samples import SAMPLES as CHAT
from stepwell.providers.wires.openai_responses.samples import SAMPLES as RESPONSES

from loopback import DONE, Hangup, Loopback, Seen, answer, chunk, event, serving, streaming

CANARY = "canary-0123456789-abcdefgh"
BASIC = b64encode(f"user:{CANARY}".encode()).decode()


@frozen
class Place:
    """How calls are made that have the canary in one place."""

    model: str
    """with {} for the failure"""
    client: dict[str, Any]
    call: dict[str, Any] = field(factory=dict)
    secret: str = CANARY


@frozen
class World:
    """What places need."""

    server: Loopback
    folder: Path
    set: Callable[[str, str], None]
    """sets a variable of the environment"""


def openai(world: World, query: str = "", **call: Any) -> Place:
    return Place(
        "openai:{}", {"base_urls": {"openai": f"{world.server.url}/v1{query}"}}, {"api_key": "other-key", **call}
    )


def of_environment(world: World) -> Place:
    world.set("VLLM_API_KEY", CANARY)
    world.set("VLLM_BASE_URL", world.server.url)
    return Place("vllm:{}", {})


def of_a_file_of_variables(world: World) -> Place:
    path = world.folder / ".env"
    path.write_text(f"VLLM_API_KEY='{CANARY}'\nVLLM_BASE_URL={world.server.url}\n")
    return Place("vllm:{}", {"env_file": path})


def of_aws(world: World, name: str, **more: str) -> Place:
    keys = {"access_key": "AKIDEXAMPLE", "secret_key": "other-secret", "region": "us-east-1", **more, name: CANARY}
    return Place("amazon_bedrock:anthropic.{}", {"base_urls": {"amazon_bedrock": world.server.url}}, {"api_key": keys})


def of_aws_environment(world: World) -> Place:
    world.set("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    world.set("AWS_SECRET_ACCESS_KEY", "other-secret")
    world.set("AWS_SESSION_TOKEN", CANARY)
    world.set("AWS_REGION", "us-east-1")
    world.set("HTTPS_PROXY", world.server.url)  # the login of a machine is sent to Amazon alone, and so to nobody here
    return Place("amazon_bedrock:anthropic.{}", {})


def of_a_login(world: World) -> Place:
    path = world.folder / "auth.json"
    path.write_bytes(orjson.dumps({"tokens": {"access_token": CANARY, "refresh_token": CANARY, "account_id": "a"}}))
    urls = {"openai_codex": world.server.url}
    return Place("openai_codex:{}", {"api_keys": {"openai_codex": {"auth_file": str(path)}}, "base_urls": urls})


def of_a_service_account(world: World) -> Place:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()
    account = {
        "type": "service_account",
        "private_key": pem,
        "client_email": "robot@example.com",
        "token_uri": f"{world.server.url}/token",
    }
    given = {"service_account": account, "project": "p", "location": "global"}
    client = {"api_keys": {"google_vertex": given}, "base_urls": {"google_vertex": world.server.url}}
    return Place("google_vertex:gemini-{}", client, secret=pem[100:130])


def of_a_proxy(world: World) -> Place:
    world.set("HTTP_PROXY", world.server.url.replace("//", f"//user:{CANARY}@"))
    return Place("openai:{}", {"base_urls": {"openai": "http://127.0.0.1.invalid/v1"}}, {"api_key": "other-key"})


PLACES: dict[str, Callable[[World], Place]] = {
    "the argument of a call": lambda world: openai(world, api_key=CANARY),
    "the argument of a client": lambda world: evolved(openai(world), api_keys={"openai": CANARY}),
    "the environment": of_environment,
    "a file of variables": of_a_file_of_variables,
    "a header": lambda world: openai(world, headers={"Authorization": f"Bearer {CANARY}"}),
    "a header of one's own": lambda world: openai(world, headers={"x-gateway-token": CANARY}),
    "the client's header": lambda world: evolved(openai(world), headers={"x-gateway-token": CANARY}),
    "a cookie": lambda world: openai(world, headers={"cookie": f"a=b; session={CANARY}; c=d"}),
    "a login of Basic": lambda world: openai(world, headers={"authorization": f"Basic {BASIC}"}),
    "the query of an address": lambda world: openai(world, f"?api_key={CANARY}"),
    "the query of a call's address": lambda world: openai(world, base_url=f"{world.server.url}/v1?sig={CANARY}"),
    "the login of an address": lambda world: openai(world, base_url=f"http://user:{CANARY}@127.0.0.1:9/v1"),
    "AWS's key": lambda world: of_aws(world, "secret_key"),
    "AWS's session": lambda world: of_aws(world, "session_token"),
    "AWS's bearer": lambda world: evolved(of_aws(world, "token"), call={"api_key": CANARY}),
    "AWS's environment": of_aws_environment,
    "a login's file": of_a_login,
    "a service account": of_a_service_account,
    "a proxy": of_a_proxy,
}


def evolved(place: Place, call: dict[str, Any] | None = None, **client: Any) -> Place:
    given = {name: value for name, value in place.call.items() if name not in ("api_key",) or "api_keys" not in client}
    return Place(place.model, {**place.client, **client}, given if call is None else call, place.secret)


def quoting(seen: Seen) -> str:
    return f"refused: {seen.path} {seen.headers} {seen.body[:200]!r}"


def status(line: str) -> Callable[[Seen], Iterable[bytes | float]]:
    def act(seen: Seen) -> Iterable[bytes | float]:
        said = quoting(seen)
        body = {"error": {"message": said, "code": said[:100]}, "message": said}
        return [answer(orjson.dumps(body), line, f"content-type: application/json\r\nx-request-id: {said[-80:]!r}")]

    return act


def hang_up(seen: Seen, *acts: bytes) -> Iterator[bytes]:
    yield from acts
    raise Hangup


FAILURES: dict[str, Callable[[Seen], Iterable[bytes | float]]] = {
    **{
        line[:3]: status(line)
        for line in ("400 Bad", "401 No", "403 No", "404 None", "413 Big", "429 Slow", "500 Oh", "503 Busy")
    },
    "302": lambda seen: [answer(b"", "302 Found", f"location: https://example.com/?{quoting(seen)}")],
    "no-json": lambda seen: [answer(b"<p>" + quoting(seen).encode())],
    "no-chat": lambda seen: [answer(orjson.dumps({"choices": 5, "output": 1, "quoted": quoting(seen)}))],
    "no-head": lambda seen: hang_up(seen, b"what? " + quoting(seen).encode() + b"\r\n\r\n"),
    "no-answer": lambda seen: hang_up(seen),
    "cut": lambda seen: hang_up(seen, streaming() + chunk(event("a"))),
    "silent": lambda seen: [streaming(), chunk(event("a")), 60.0],
    "inside": lambda seen: [streaming(), chunk(b"data: %s\n\n" % orjson.dumps({"error": {"message": quoting(seen)}}))],
    "bad-event": lambda seen: [streaming(), chunk(b"data: {%s\n\n" % quoting(seen).encode()), chunk(DONE)],
}
BAD_INPUT: dict[str, dict[str, Any]] = {
    "a misspelt option": {"temprature": 1},
    "an option of a wrong type": {"temperature": "hot"},
    "a header that cannot be sent": {"headers": {"authorization": f"Bearer {CANARY}\n"}},
    "a key that cannot be sent": {"api_key": f"{CANARY}\u200b"},
    "a credential of nobody": {"api_key": {"secret_kee": CANARY}},
    "an address that is none": {"base_url": f"no-address?key={CANARY}"},
}


def serve(seen: Seen) -> Iterable[bytes | float]:
    """Fail as the model's name says; grant tokens; give the sample of a good answer to all else."""
    if seen.path.endswith("/token"):
        return [answer(orjson.dumps({"access_token": "ya29.other", "expires_in": 3600}))]
    said = seen.path.encode() + seen.body
    for name, act in FAILURES.items():
        if f"fail-{name}-".encode() in said:
            return act(seen)
    samples = BEDROCK if "/converse" in seen.path else GOOGLE if "enerateContent" in seen.path else CHAT
    if "/responses" in seen.path:
        samples = RESPONSES
    if b'"stream":true' in seen.body or "stream" in seen.path.lower():
        return [streaming("content-type: text/event-stream") + chunk(samples.text.stream) + b"0\r\n\r\n"]
    return [answer(samples.text.body)]


@contextmanager
def prepared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Start the server, without proxies and logins of the machine."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(folder))
    with serving(serve) as server:
        yield World(server, folder, monkeypatch.setenv)
