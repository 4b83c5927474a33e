"""Every built-in provider passes the conformance suite, and so does one with a protocol of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from attrs import evolve

from stepwell import around
from stepwell.declare import bearer, openai_chat
from stepwell.providers.declare.provider import Provider
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas.chunks import Finish
from stepwell.schemas.errors import ServerError
from stepwell.steps import Request
from stepwell.testing import ConformanceError, conformance
from stepwell.testing.chat_checks import PROMPT, RESULT, SYSTEM
from stepwell.testing.suite import KEY

from example_provider import PARLEY_SAMPLES, build_body, parley

# Where not every name will do: the embedded server loads what it is asked for.
CREDENTIALS = {"amazon_bedrock": {"access_key": "a", "secret_key": "s", "region": "us-east-1"}}
URLS = {"azure": "https://resource.test", "cloudflare": "https://cloudflare.test"}
MODELS = {"local": "smollm2"}
OURS = [each for each in REGISTRY if each.source != "models.dev" and "chat" in each.operations]


def conforms(provider: Provider) -> bool:
    provider = evolve(provider, base_url=URLS.get(provider.id, provider.base_url))
    settings = {"model": MODELS.get(provider.id, "some-model"), "credential": CREDENTIALS.get(provider.id, KEY)}
    return conformance(provider, **settings).ok


@pytest.mark.parametrize("provider", [each for each in OURS if each.id != "local"], ids=lambda provider: provider.id)
def test_built_in_providers_conform(provider: Provider) -> None:
    assert conforms(provider)


@pytest.mark.usefixtures("local_model")
def test_the_provider_of_the_embedded_model_conforms() -> None:
    assert conforms(next(provider for provider in OURS if provider.id == "local"))


def test_an_example_provider_with_its_own_protocol_conforms() -> None:
    assert len(conformance(parley, samples=PARLEY_SAMPLES).checks) > 25


def test_a_provider_that_shortens_a_cut_stream_is_caught() -> None:
    def lenient(model: object, state: object) -> list[object]:
        return [Finish("stop")]

    careless = parley.with_steps(flush_stream_state=lenient)
    with pytest.raises(ConformanceError, match="cut at byte"):
        conformance(careless, samples=PARLEY_SAMPLES)


def body_without(*, replaced: str = "", stream: bool | None = None, **changes: Any) -> Any:
    """Build the example provider's body with a key removed, or one text replaced by another."""

    def build(request: Request) -> Any:
        body = build_body(request if stream is None else request.replace(stream=stream))
        body = orjson.loads(orjson.dumps(body).replace(replaced.encode(), b"gone")) if replaced else body
        return {name: changes.get(name, value) for name, value in body.items()}

    return build


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda request: {}, "the system's message is not in the request"),
        (body_without(replaced=PROMPT), "the prompt is not in the request"),
        (body_without(replaced=SYSTEM), "the system's message is not in the request"),
        (body_without(engine="another"), "the model's name is not in the request"),
        (body_without(tools=[]), "the tool's name is not in the request"),
        (body_without(replaced="city"), "its parameter is not in the request"),
        (body_without(replaced="Timbuktu"), "its argument is not in the request"),
        (body_without(replaced=RESULT), "the tool's result is not in the request"),
        (body_without(temperature=1), "temperature is not in the request, and no warning names it"),
        (body_without(stream=False), "the request for a stream differs: .* are the same"),
    ],
    ids=["nothing", "prompt", "system", "model", "tools", "parameters", "arguments", "result", "options", "stream"],
)
def test_a_provider_that_does_not_send_the_request_is_caught(build: Any, said: str) -> None:
    with pytest.raises(ConformanceError, match=said):
        conformance(parley.with_steps(build_body=build), samples=PARLEY_SAMPLES)


def test_a_provider_that_sends_no_key_with_a_stream_is_caught() -> None:
    def authenticate(request: Request) -> Request:
        return request if request.stream else bearer(request)

    report = conformance(parley.with_steps(authenticate=authenticate), samples=PARLEY_SAMPLES, raises=False)
    assert [check.fault for check in report.failed] == ["AssertionError: the key was not sent"]


def test_a_provider_that_swallows_a_cancellation_is_caught() -> None:
    def stubborn(request: Request, call: Any) -> Any:
        try:
            return (yield from call(request))
        except BaseException as error:
            raise ServerError("the call was lost") from error

    def attach(pipeline: Any, provider: Provider) -> Any:
        return pipeline.before("send", around("stubborn", stubborn))

    report = conformance(evolve(parley, attach=attach), samples=PARLEY_SAMPLES, raises=False)
    assert [check.name for check in report.failed] == ["cancelling a call"]
    assert "cancel" in str(report.failed[0].fault)


def test_the_wire_that_is_named_is_the_one_that_is_checked() -> None:
    both = evolve(parley, wires=(openai_chat, *parley.wires))
    assert conformance(both, wire="parley_chat", samples=PARLEY_SAMPLES).ok
    assert conformance(both).ok


def test_a_provider_that_puts_its_key_into_the_url_is_caught() -> None:
    def authenticate(request):  # type: ignore[no-untyped-def]
        return request.replace(url=f"{request.url}?key={request.credential.reveal()}")

    report = conformance(parley.with_steps(authenticate=authenticate), samples=PARLEY_SAMPLES, raises=False)
    assert [check.name for check in report.failed] == ["the key is sent, and only in headers"]


VERDICTS = """
import json
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas.chunks import Finish
from stepwell.schemas.usage import Usage
from stepwell.testing import conformance
from example_provider import PARLEY_SAMPLES, parley

steps = {
    "nothing is sent": {"build_body": lambda request: {}},
    "no key": {"authenticate": lambda request: request},
    "a key in the URL": {"authenticate": lambda request: request.replace(url=f"{request.url}?k={request.credential}")},
    "a cut stream is whole": {"flush_stream_state": lambda model, state: [Finish("stop")]},
    "no chunk": {"decode_stream_event": lambda event, model, state: ([], state)},
    "no usage": {"extract_usage": lambda data, model: Usage()},
    "all is well": {"find_error": lambda response: None},
}
suites = [(parley.with_steps(**changed), PARLEY_SAMPLES) for changed in steps.values()]
suites += [(parley, PARLEY_SAMPLES), (REGISTRY.get_or_raise("openai"), None)]
reports = [conformance(provider, samples=samples, raises=False) for provider, samples in suites]
print(json.dumps([[[check.name, check.fault] for check in report.checks] for report in reports]))
"""


@pytest.fixture(scope="module")
def verdicts() -> list[list[list[str | None]]]:
    return verdicts_under()


def verdicts_under(*flags: str) -> list[list[list[str | None]]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent / "support"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *flags, "-c", VERDICTS]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    seen: list[list[list[str | None]]] = json.loads(done.stdout)
    return seen


@pytest.mark.usefixtures("new_process")
def test_each_broken_provider_fails_and_each_whole_one_passes(verdicts: list[list[list[str | None]]]) -> None:
    failed = [sum(fault is not None for _, fault in checks) for checks in verdicts]
    assert all(failed[:-2]) and failed[-2:] == [0, 0]


@pytest.mark.usefixtures("new_process")
@pytest.mark.parametrize("flag", ["-O", "-OO"])
def test_the_verdict_is_the_same_without_assertions_and_docstrings(
    flag: str, verdicts: list[list[list[str | None]]]
) -> None:
    assert verdicts_under(flag) == verdicts
