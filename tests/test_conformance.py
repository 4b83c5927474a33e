"""Every provider of ours passes the suite that we give to authors; so does one with a protocol all its own."""

from __future__ import annotations

import pytest
from attrs import evolve

from stepwell.providers.dsl.provider import Provider
from stepwell.providers.dsl.registry import REGISTRY
from stepwell.schemas.chunks import Finish
from stepwell.testing import ConformanceError, conformance
from stepwell.testing.conformance import KEY

from toy import PARLEY_SAMPLES, parley

# Where not every name will do: the embedded server loads what it is asked for.
CREDENTIALS = {"amazon_bedrock": {"access_key": "a", "secret_key": "s", "region": "us-east-1"}}
URLS = {"azure": "https://resource.test", "cloudflare": "https://cloudflare.test"}
MODELS = {"local": "smollm2"}
OURS = [
    provider
    for provider in REGISTRY
    if provider.source != "models.dev" and any(wire.operation == "chat" for wire in provider.wires)
]


@pytest.mark.parametrize("provider", OURS, ids=lambda provider: provider.id)
def test_ours_conform(provider: Provider) -> None:
    provider = evolve(provider, base_url=URLS.get(provider.id, provider.base_url))
    settings = {"model": MODELS.get(provider.id, "some-model"), "credential": CREDENTIALS.get(provider.id, KEY)}
    assert conformance(provider, **settings).ok


def test_a_toy_provider_with_a_protocol_of_its_own_conforms() -> None:
    assert len(conformance(parley, samples=PARLEY_SAMPLES).checks) > 25


def test_a_provider_that_shortens_a_cut_stream_is_caught() -> None:
    def lenient(model: object, state: object) -> list[object]:
        return [Finish("stop")]

    careless = parley.with_steps(flush_stream_state=lenient)
    with pytest.raises(ConformanceError, match="cut at byte"):
        conformance(careless, samples=PARLEY_SAMPLES)


def test_a_provider_that_puts_its_key_into_the_url_is_caught() -> None:
    def authenticate(request):  # type: ignore[no-untyped-def]
        return request.replace(url=f"{request.url}?key={request.credential.reveal()}")

    report = conformance(parley.with_steps(authenticate=authenticate), samples=PARLEY_SAMPLES, raises=False)
    assert [check.name for check in report.failed] == ["the key is sent, and only in headers"]
