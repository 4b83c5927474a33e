"""Acme passes the checks of every provider, and is found where this package is installed."""

import pytest
from acme_stepwell import acme

import stepwell
from stepwell.errors import InvalidOption
from stepwell.testing import conformance

CLIENT = stepwell.Client(api_keys={"acme": "any"})


def test_it_passes_the_checks_of_every_provider() -> None:
    assert conformance(acme).ok


def test_it_is_found_by_its_entry_point() -> None:
    assert stepwell.provider("acme") is acme


def test_options_are_sent_as_acme_calls_them() -> None:
    sent = CLIENT.preview("acme:m", "hi", max_tokens=5, temperature=1.5, seed=1, provider_options={"tone": "warm"})
    assert sent.url == "https://api.acme.example/v1/chat/completions"
    assert (sent.json["max_completion_tokens"], sent.json["temperature"], sent.json["tone"]) == (5, 1, "warm")
    assert {warning.subject for warning in sent.warnings} == {"temperature", "seed"}


def test_a_wrong_value_of_its_own_option_is_an_error() -> None:
    with pytest.raises(InvalidOption, match="plain"):
        CLIENT.preview("acme:m", "hi", provider_options={"tone": "loud"})
