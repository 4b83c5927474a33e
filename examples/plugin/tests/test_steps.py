"""The step masks what is sent, streamed or not, and says so."""

import pytest
from acme_stepwell import mask_emails

import stepwell
from stepwell.testing import FakeModel


@pytest.mark.parametrize("stream", [False, True])
def test_addresses_are_masked_before_anything_is_sent(stream: bool) -> None:
    fake = FakeModel("done")
    client = stepwell.Client(registry=fake.registry, pipeline=[mask_emails()])
    ask = (lambda *call: client.stream_text(*call).reply()) if stream else client.generate_text
    reply = ask("fake:m", "Write to ann@acme.example and bob@acme.example.")
    assert fake.requests[0].context[0].text == "Write to [email] and [email]."
    assert [str(warning.why) for warning in reply.warnings] == ["2 e-mail addresses were masked"]


def test_a_text_without_addresses_is_sent_as_it_is() -> None:
    fake = FakeModel("done")
    client = stepwell.Client(registry=fake.registry, pipeline=[mask_emails()])
    assert client.generate_text("fake:m", "hi @ all").warnings == ()
