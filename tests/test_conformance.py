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
from in_turn import in_turn

from stepwell import Reply, around, assistant, on_response
from stepwell.declare import OperationSample, Wire, bearer, declare_provider, no_key, openai_chat, openai_embeddings
from stepwell.providers.declare.provider import Provider
from stepwell.providers.declare.registry import REGISTRY
from stepwell.providers.wires.operations.sample_answers import SAMPLES as OPERATIONS
from stepwell.schemas.chunks import Finish
from stepwell.schemas.errors import ConfigError, ServerError
from stepwell.steps import Request
from stepwell.testing import ConformanceError, conformance
from stepwell.testing.chat_checks import PROMPT, RESULT, SYSTEM
from stepwell.testing.conformance import samples_of
from stepwell.testing.suite import KEY

from example_provider import PARLEY_SAMPLES, build_body, parley

# Where not every name will do: the embedded server loads what it is asked for.
CREDENTIALS = {"amazon_bedrock": {"access_key": "a", "secret_key": "s", "region": "us-east-1"}}
URLS = {"azure": "https://resource.test", "cloudflare": "https://cloudflare.test"}
MODELS = {"local": "smollm2"}
DECODING = ("decode_response", "extract_usage", "find_error", "parse_stream_protocol", "init_stream_state")
DECODING += ("begins_stream", "decode_stream_event", "flush_stream_state")
OURS = [each for each in REGISTRY if each.source != "models.dev"]


def conforms(provider: Provider, **settings: Any) -> bool:
    provider = evolve(provider, base_url=URLS.get(provider.id, provider.base_url))
    settings |= {"model": MODELS.get(provider.id, "some-model"), "credential": CREDENTIALS.get(provider.id, KEY)}
    return conformance(provider, **settings).ok


def chat_of(provider: Provider) -> Wire | None:
    return next((wire for wire in provider.wires if wire.operation == "chat"), None)


def decoding(provider: Provider) -> object:
    """Return what a provider's chats are decoded by: its wire, and what it changes in that."""
    wire, changes = chat_of(provider), (provider.steps, *(each.steps for each in provider.models.values()))
    changed = [{name: steps.get(name) for name in DECODING if name in steps} for steps in changes]
    own = provider.id if wire is None else wire.name
    return own, provider.attach, provider.attach_stream, [each for each in changed if each]


REMOTE = sorted((each for each in OURS if each.id != "local"), key=lambda each: each.id != "openai")
FIRST = [each for at, each in enumerate(REMOTE) if decoding(each) not in map(decoding, REMOTE[:at])]
OTHERS = [(each, chat) for each in REMOTE if each not in FIRST and (chat := chat_of(each))]


@pytest.mark.parametrize("provider", FIRST, ids=lambda provider: provider.id)
def test_built_in_providers_conform(provider: Provider) -> None:
    assert conforms(provider)


@pytest.mark.thorough
@pytest.mark.parametrize(("provider", "chat"), OTHERS, ids=[provider.id for provider, _ in OTHERS])
def test_built_in_providers_that_decode_as_another_does_conform(provider: Provider, chat: Wire) -> None:
    """Without the cut at every byte, which is half of the time, and depends on the decoding alone."""
    samples = samples_of(chat)
    assert conforms(provider, samples=evolve(samples, text=evolve(samples.text, whole_at=0)))


@pytest.mark.usefixtures("local_model")
def test_the_provider_of_the_embedded_model_conforms() -> None:
    local = next(provider for provider in OURS if provider.id == "local")
    # The model that ranks is one of the user's own.
    assert conforms(evolve(local, wires=tuple(wire for wire in local.wires if wire.operation != "rerank")))


def test_an_example_provider_with_its_own_protocol_conforms() -> None:
    assert len(conformance(parley, samples=PARLEY_SAMPLES).checks) > 25


def of_wire(name: str) -> Provider:
    """Return a provider with this wire alone."""
    wire = next(wire for provider in OURS for wire in provider.wires if wire.name == name)
    return declare_provider("acme", wire=wire, base_url="https://acme.test", env_key="ACME_KEY")


def test_every_wire_of_an_operation_is_checked_but_those_of_batches() -> None:
    wires = {wire.name for provider in OURS for wire in provider.wires if wire.operation != "chat"}
    assert {name for name in wires - OPERATIONS.keys() if "batch" not in name} == set()
    assert OPERATIONS.keys() <= wires


SILENT: Any = {"build_body": lambda request: {}, "encode_body": lambda body: b""}


@in_turn("wire", [name for name, sample in OPERATIONS.items() if sample.sent])
def test_a_request_of_an_operation_without_what_was_given_is_caught(wire: str) -> None:
    report = conformance(of_wire(wire).with_steps(operation="*", **SILENT), raises=False)
    assert any("is not in the request" in str(check.fault) for check in report.failed)


@in_turn("wire", OPERATIONS)
def test_an_answer_of_an_operation_that_is_read_wrongly_is_caught(wire: str) -> None:
    wrong = of_wire(wire).with_steps(
        operation="*", decode_response=lambda data, model: Reply(object=[], finish_reason="stop")
    )
    failed = [check.name for check in conformance(wrong, raises=False).failed]
    assert f"{wire}: the answer, sync" in failed and f"{wire}: the answer, byte by byte, async" in failed


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"authenticate": lambda request: request}, "the key is sent, and only in headers"),
        ({"find_error": lambda response: None}, "status 429, async"),
        ({"attach": lambda pipeline, provider: pipeline.without("resolve_key")}, "a missing key is an error"),
        ({"attach": lambda pipeline, provider: pipeline.without("check_options")}, "a misspelt option is an error"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
@pytest.mark.parametrize("wire", ["openai_embeddings", "rerank", "openai_speech", "anthropic_count_tokens"])
def test_what_every_operation_must_do_is_checked_of_each(wire: str, change: Any, name: str) -> None:
    report = conformance(of_wire(wire).with_steps(operation="*", **change), raises=False)
    assert f"{wire}: {name}" in [check.name for check in report.failed]


def summary(body: bytes) -> OperationSample:
    return OperationSample(input="a longtext", body=body, expected="short", sent=("a longtext",))


def test_an_operation_of_ones_own_is_checked_by_its_own_sample() -> None:
    wire = Wire(
        name="acme_summarise",
        operation="summarise",
        path="/summarise",
        build_body=lambda request: {"model": request.model.id, "text": request.input},
        decode_response=lambda data, model: Reply(object=data["s"], finish_reason="stop"),
    )
    provider = declare_provider("acme", wire=wire, base_url="https://acme.test", env_key="ACME_KEY")
    unchecked = conformance(provider)
    assert (unchecked.checks, unchecked.unchecked) == ([], ["acme_summarise"])
    assert "acme_summarise was not checked" in str(unchecked)
    assert len(conformance(provider, operation_samples={wire.name: summary(b'{"s": "short"}')}).checks) > 15
    with pytest.raises(ConformanceError, match="read as 'long'"):
        conformance(provider, operation_samples={wire.name: summary(b'{"s": "long"}')})


def test_a_wire_that_the_provider_does_not_have_is_an_error() -> None:
    with pytest.raises(ConfigError, match="parley has no wire 'openai_chat'"):
        conformance(parley, wire="openai_chat")


def changed_replies(**changes: Any) -> Any:
    """Make a step that changes each whole answer."""
    return lambda pipeline, provider: pipeline.prepend(
        on_response("change", lambda response: change(response, changes))
    )


def change(response: Any, changes: Any) -> Any:
    if response.reply is not None:
        response.reply = response.reply.replace(**{name: make(response.reply) for name, make in changes.items()})
    return response


@pytest.mark.parametrize(
    ("attach", "scene"),
    [
        (changed_replies(message=lambda reply: assistant(reply.text)), "reasoning"),
        (changed_replies(usage=lambda reply: evolve(reply.usage, cached_input_tokens=None)), "reasoning"),
        (
            changed_replies(finish_reason=lambda reply: reply.finish_reason.replace("length", "stop")),
            "cut at the limit",
        ),
        (
            changed_replies(finish_reason=lambda reply: reply.finish_reason.replace("content_filter", "stop")),
            "withheld",
        ),
    ],
    ids=["reasoning", "cached tokens", "length", "content filter"],
)
def test_a_provider_that_loses_a_part_of_an_answer_is_caught(attach: Any, scene: str) -> None:
    provider = declare_provider(
        "acme", wire=openai_chat, base_url="https://acme.test", env_key="ACME_KEY", attach=attach
    )
    assert f"{scene}, unstreamed, async" in [check.name for check in conformance(provider, raises=False).failed]


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


@pytest.mark.parametrize("of", [openai_chat, openai_embeddings], ids=["a chat", "an operation"])
def test_a_provider_whose_calls_need_no_key_passes(of: Wire) -> None:
    url = "https://api.acme.example/v1"
    assert conformance(declare_provider("acme", wire=of, base_url=url, auth=no_key)).ok
    assert conformance(declare_provider("acme", wire=of, base_url=url, key_optional=True)).ok

    def of_its_own(request: Request) -> Request:  # it may find a key by itself, so none has to be given
        return bearer(request) if request.credential else request

    assert conformance(declare_provider("acme", wire=of, base_url=url, auth=of_its_own)).ok
    sent = around("sent", lambda request, call: call(bearer(request)))
    leaking = declare_provider(
        "acme", wire=of, base_url=url, auth=no_key, attach=lambda pipeline, provider: pipeline.before("send", sent)
    )
    (fault,) = conformance(leaking, raises=False).failed
    assert "the key was sent, though auth is no_key" in str(fault.fault)


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
