"""Bad input: a clear typed error, before anything is sent where that is possible, with no secret in it, picklable."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import httpx
import pytest

from stepwell import Client
from stepwell.declare import declare_provider
from stepwell.options import Secret
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas import errors
from stepwell.schemas.secret import header_secret

from recording_network import CANARY, PROMPT, RecordingNetwork, clean, failing


def test_an_unknown_provider_is_an_error_with_the_nearest() -> None:
    failing(errors.UnknownProvider, lambda: Client().generate_text("opnai:gpt", "hi"), says="did you mean 'openai'")


@pytest.mark.parametrize("name", ["gpt-4o", "openai:", ":gpt", "", 7, "open ai:gpt"])
def test_a_model_without_provider_or_id_is_shown_the_form(name: Any) -> None:
    failing(
        errors.UnknownModel,
        lambda: Client().generate_text(name, "hi"),
        says="provider:model-id|write openai:gpt-4o|cannot be a",
    )


def test_a_missing_key_names_the_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    tap = RecordingNetwork()
    call = lambda: tap.client(api_keys={}).generate_text("openai:gpt", PROMPT)
    failing(errors.MissingKey, call, says="set OPENAI_API_KEY")
    assert tap.sent == []


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (CANARY + "\nX: y", "line break"),
        (CANARY + "\r\n y", "line break"),
        ("", "empty"),
        (CANARY + "\u200b", "non-ASCII"),
    ],
)
def test_a_key_that_cannot_be_sent_is_refused_on_entry(key: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tap = RecordingNetwork()
    failing(errors.InvalidKey, lambda: tap.client(api_keys={"openai": key}), says=says)
    failing(errors.InvalidKey, lambda: tap.client().generate_text("openai:gpt", PROMPT, api_key=key), says=says)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    failing(errors.InvalidKey, lambda: tap.client(api_keys={}).generate_text("openai:gpt", PROMPT), says=says)
    assert tap.sent == []


def test_white_space_around_a_key_is_stripped() -> None:
    tap = RecordingNetwork()
    tap.client(api_keys={"openai": f"  {CANARY}\n"}).generate_text("openai:gpt", "hi")
    assert tap.sent[0].headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"temprature": 1}, "did you mean 'temperature'"),
        ({"max_tokens": "ten"}, "'max_tokens'.*use integer, at least 1"),
        ({"max_tokens": 0}, "'max_tokens'"),
        ({"temperature": True}, "'temperature'"),
        ({"temperature": float("nan")}, "'temperature'"),
        ({"logit_bias": {"1": float("inf")}}, "'logit_bias'.*not a finite number, at /1"),
        ({"provider_options": {"a": [{"b": float("nan")}]}}, "not a finite number, at /a/0/b"),
        ({"provider_options": "x"}, "'provider_options'.*object"),
        ({"provider_options": ["x"]}, "'provider_options'.*object"),
        ({"provider_options": 5}, "'provider_options'.*object"),
        ({"headers": "x-a: b"}, "headers"),
        ({"stream": True}, r"stream_text\("),
        ({"api_keys": {"openai": "k"}}, "api_key"),
        ({"top_p": 2}, "at least 0, at most 1"),
        ({"reasoning_effort": "huge"}, "use one of none, minimal"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": 10**400}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"retries": -1}, "'retries'"),
        ({"wire": "morse"}, "does not speak 'morse'"),
        ({"base_url": "ftp://x"}, "http"),
        ({"base_url": f"https://me:{CANARY}@x"}, "user name or password"),
        ({"headers": {"x-a": "b\r\nEvil: 1"}}, "cannot be sent"),
        ({"headers": {"x a": "b"}}, "not a header name"),
        ({"on_unsupported": "shrug"}, "use one of warn, error, ignore"),
        ({"top_k": 3, "on_unsupported": "error"}, "'top_k'"),
    ],
    ids=str,
)
def test_a_bad_option_is_refused_before_sending(options: dict[str, Any], says: str) -> None:
    tap = RecordingNetwork()
    failing(errors.InvalidOption, lambda: tap.client().generate_text("openai:gpt", PROMPT, **options), says=says)
    assert tap.sent == []


def test_a_key_given_with_the_call_leaves_no_plain_copy_in_a_frame() -> None:
    tap = RecordingNetwork(lambda request: httpx.Response(500, content=b"{}"))
    with pytest.raises(errors.ServerError) as caught:
        tap.client(api_keys={}).generate_text("openai:gpt", PROMPT, api_key=CANARY)
    clean(caught.value)


def test_a_prompt_that_is_not_unicode_is_sent_with_the_replacement_character_and_a_warning() -> None:
    reply = RecordingNetwork().client().generate_text("openai:gpt", "a \ud800")
    said = [str(warning) for warning in reply.warnings]
    assert "text: half of a surrogate pair, which JSON cannot hold, became U+FFFD (openai:gpt)" in said


def test_a_body_that_has_no_json_form_is_refused() -> None:
    options = {"provider_options": {"a": {1, 2}}}
    failing(
        errors.ConfigError,
        lambda: RecordingNetwork().client().generate_text("openai:gpt", "\ud800", **options),  # type: ignore[arg-type]
        says="cannot be encoded",
    )


def test_an_unknown_model_is_called_nevertheless() -> None:
    assert RecordingNetwork().client().generate_text("openai:gpt-99-not-yet-made", "hi").text == "hello"


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (httpx.Response(200, text="hello there"), errors.DecodeError, "is not JSON"),
        (httpx.Response(200, html="<html>proxy login</html>"), errors.DecodeError, "not JSON but text/html"),
        (httpx.Response(200, content=b""), errors.DecodeError, "is empty"),
        (httpx.Response(200, json=[1]), errors.DecodeError, "shape of its wire"),
        (httpx.Response(200, json={"choices": []}), errors.DecodeError, "no choices"),
        (httpx.Response(200, json={"choices": 3}), errors.DecodeError, "shape of its wire"),
        (httpx.Response(200, content=b"[" * 100_000), errors.DecodeError, "is not JSON"),
        (httpx.Response(502, html="<html>bad gateway</html>"), errors.ServerError, "answered 502: an HTML page"),
        (httpx.Response(500, content=b"null"), errors.ServerError, "answered 500: no message"),
        (httpx.Response(500, content=b'"oops"'), errors.ServerError, "oops"),
        (httpx.Response(400, content=b"[1]"), errors.InvalidRequest, "answered 400"),
        (httpx.Response(400, json={"error": "just text"}), errors.InvalidRequest, "just text"),
        (httpx.Response(400, json={"error": {"message": "author 429 not found"}}), errors.InvalidRequest, "author"),
        (httpx.Response(401, json={"error": {"message": "no"}}), errors.AuthError, "check the API key"),
        (httpx.Response(404, json={"error": {"message": "no"}}), errors.NotFound, "check the model's name"),
        (httpx.Response(418, content=b""), errors.InvalidRequest, "answered 418"),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else str(each),
)
def test_a_bad_answer_is_a_typed_error(answer: httpx.Response, kind: Any, says: str) -> None:
    tap = RecordingNetwork(
        lambda request: httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
    )
    error = failing(kind, lambda: tap.client().generate_text("openai:gpt", PROMPT), says=says)
    assert error.provider == "openai" and error.model == "gpt"


def test_the_error_has_the_request_id() -> None:
    tap = RecordingNetwork(lambda request: httpx.Response(500, headers={"x-request-id": "req-7"}, content=b"{}"))
    error = failing(errors.ServerError, lambda: tap.client().generate_text("openai:gpt", PROMPT), says="req-7")
    assert error.request_id == "req-7"


def test_a_key_from_the_environment_is_never_sent_to_a_custom_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    tap = RecordingNetwork()
    call = lambda: tap.client(api_keys={}).generate_text("openai:gpt", PROMPT, base_url="https://evil.test/v1")
    failing(errors.MissingKey, call, says="only to https://api.openai.com/v1")
    call = lambda: tap.client(api_keys={}, base_urls={"openai": "https://evil.test"}).generate_text("openai:gpt", "hi")
    failing(errors.MissingKey, call, says="only to")
    assert tap.sent == []


def test_a_clients_key_does_not_follow_a_calls_address() -> None:
    tap = RecordingNetwork()
    call = lambda: tap.client().generate_text("openai:gpt", PROMPT, base_url="https://evil.test/v1")
    failing(errors.MissingKey, call, says="api_key= with the call that has base_url=")
    tap.client().generate_text("openai:gpt", PROMPT, base_url="https://mine.test/v1", api_key="my-own")
    assert [request.headers["authorization"] for request in tap.sent] == ["Bearer my-own"]


@pytest.mark.parametrize(
    ("address", "client_address", "kept"),
    [
        ("https://eu.api.openai.com/v1", None, True),
        ("https://api.openai.com/v2", None, True),
        ("https://API.openai.com:443/v1/", None, True),
        ("https://mine.test/v2", "https://mine.test/v1", True),
        ("http://localhost:1234/v2", "http://localhost:1234/v1", True),
        ("http://api.openai.com/v1", None, False),
        ("https://api.openai.com:8443/v1", None, False),
        ("https://api.openai.com.evil.test/v1", None, False),
        ("https://notapi.openai.com/v1", None, False),
        ("https://evil.test#.api.openai.com", None, False),
        ("https://evil.test?x=.api.openai.com", None, False),
        ("https://evil.test\\.api.openai.com", None, False),
        ("https://evil.test:x.api.openai.com", None, False),
        ("http://localhost:4321/v1", "http://localhost:1234/v1", False),
        # The key that was given for a proxy of one's own is not for OpenAI.
        ("https://eu.api.openai.com/v1", "https://mine.test/v1", False),
    ],
)
def test_a_clients_key_goes_to_the_clients_address_and_the_providers_own_hosts(
    address: str, client_address: str | None, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    tap = RecordingNetwork()
    client = tap.client(base_urls={"openai": client_address} if client_address else {})
    if kept:
        client.generate_text("openai:gpt", PROMPT, base_url=address)
        assert tap.sent[0].headers["authorization"] == f"Bearer {CANARY}"
    else:
        with pytest.raises(errors.ConfigError, match="pass api_key=|no host and port"):
            client.generate_text("openai:gpt", PROMPT, base_url=address)
        assert tap.sent == []


@pytest.mark.parametrize("address", ["api.test/v1", "ftp://api.test", "https://a.test https://b.test"])
def test_an_invalid_address_is_an_error_at_once(address: str) -> None:
    tap = RecordingNetwork()
    with pytest.raises(errors.InvalidOption, match="'openai'.* is not an http"):
        tap.client(base_urls={"openai": address})
    call = lambda: tap.client().generate_text("openai:gpt", PROMPT, base_url=address)
    failing(errors.InvalidOption, call, says="base_url is not an http")


def test_spaces_around_an_address_are_taken_off() -> None:
    tap = RecordingNetwork()
    tap.client(base_urls={"openai": " https://mine.test/v1\n"}).generate_text("openai:gpt", PROMPT)
    assert str(tap.sent[0].url) == "https://mine.test/v1/chat/completions"


def test_a_secret_is_masked_everywhere() -> None:
    import json

    import attrs
    import orjson

    secret = Secret(CANARY)
    holder = attrs.make_class("Holder", {"key": attrs.field()})(secret)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        repr(holder),
        str(attrs.asdict(holder)),
        repr([secret]),
    ]
    assert CANARY not in "".join(shown)
    for dump in (lambda: pickle.dumps(secret), lambda: json.dumps(secret), lambda: orjson.dumps(secret)):
        with pytest.raises(TypeError):
            dump()
    assert copy.deepcopy(secret) is secret and header_secret(f" {CANARY} ", where="a test").reveal() == CANARY


def test_the_credential_is_in_no_repr_of_the_request() -> None:
    tap = RecordingNetwork()
    from stepwell import around

    kept: list[Any] = []

    def spy(request: Any, call: Any) -> Any:
        response = yield from call(request)
        kept.extend((request, response, response.request))
        return response

    client = tap.client(pipeline=lambda pipeline: pipeline.before("send", around("spy", spy)))
    client.generate_text("openai:gpt", PROMPT)
    assert kept[0].headers["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in repr(kept) and PROMPT not in repr(kept)


def test_every_error_pickles() -> None:
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.StepwellError):
            error = kind(f"{name} happened", hint="do this", request_id="r-1")
            error.__cause__ = ValueError("below")
            copied = pickle.loads(pickle.dumps(error))
            assert str(copied) == str(error) == f"{name} happened; do this (request id r-1)"
            assert vars(copied) == vars(error)


def test_a_plugin_that_breaks_is_reported_and_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    from stepwell.providers.declare.registry import Registry

    class Broken:
        name = "broken-one"

        def load(self) -> Any:
            raise ImportError("no module named 'gone'")

    class Good:
        name = "good-one"

        def load(self) -> Any:
            return declare_provider(
                "good_one", wire=REGISTRY.get_or_raise("openai").wires, base_url="https://good.test"
            )

    class Misnamed(Good):
        name = "misnamed"

    registry = Registry()
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [Broken(), Good(), Misnamed()])
    assert registry.get("misnamed") is None, "its keys would not be found under this name"
    assert str(registry.broken["misnamed"]) == "the provider of the entry point is called 'good_one'"
    assert registry.get("good_one") and registry.get("good-one") is registry.get("good_one")
    assert registry.get("broken-one") is None
    assert isinstance(registry.broken["broken_one"], ImportError)
    registry.unregister("good-one")
    with pytest.raises(errors.UnknownProvider):
        registry.get_or_raise("good-one")
