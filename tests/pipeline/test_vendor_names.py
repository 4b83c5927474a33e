"""General steps find what they look for in the requests and answers of every vendor."""

from __future__ import annotations

from itertools import product

import orjson
import pytest
from in_turn import in_turn

from stepwell import Client
from stepwell.declare import Provider, Wire
from stepwell.pipeline.effects import Send
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.http.response import Response
from stepwell.pipeline.steps.expected import expected_usage
from stepwell.providers.declare.registry import Registry
from stepwell.providers.declare.vendor_names import VENDOR_NAMES
from stepwell.schemas.model import Model
from stepwell.steps import Pipeline

from driving import request

CHATS = [(provider, wire) for provider in Registry() for wire in provider.wires if wire.operation == "chat"]
LIMITED = [(provider, wire) for provider, wire in CHATS if "max_tokens" in wire.options]
LIMIT = 77
NEEDED = ("check_options", "prepare_request", "translate_options", "encode_body")
"""The steps that make the address and the body, without those that need a key."""


def prepared(provider: Provider, wire: Wire, **changes: object) -> Request:
    """Run the steps of the provider's pipeline that prepare a request, and return it as it would be sent."""
    # Azure's deployments are taken for OpenAI's models where their names do not say otherwise.
    model = Model(provider.id, "claude-sonnet-4-5" if wire.name == "anthropic_messages" else "some-model")
    pipeline = Client().pipeline_for(str(model), wire=wire.name)
    chat = request(base_url="https://acme.test/v1", **changes).replace(model=model)
    effect = next(Pipeline(step for step in pipeline if step.name in NEEDED).flow(chat))
    assert isinstance(effect, Send)
    return effect.request


@in_turn(("provider", "wire"), LIMITED)
def test_the_limit_of_an_answer_is_found_in_the_body_of_every_wire(provider: Provider, wire: Wire) -> None:
    sent = prepared(provider, wire, options={"max_tokens": LIMIT})
    if "max_tokens" not in {warning.subject for warning in sent.warnings}:  # a few services refuse it
        assert expected_usage(sent.replace(options={}), 5).output_tokens == LIMIT


@in_turn(("group", "name"), list(product(["", *VENDOR_NAMES.groups], VENDOR_NAMES.output_limit)))
def test_a_limit_counts_under_every_name_and_in_every_group(group: str, name: str) -> None:
    body = {group: {name: LIMIT}} if group else {name: LIMIT}
    sent = request(body=orjson.dumps(body), names=VENDOR_NAMES)
    assert expected_usage(sent, 5).output_tokens == LIMIT


@pytest.mark.parametrize("name", VENDOR_NAMES.request_id)
def test_the_request_id_is_found_in_the_header_of_every_vendor(name: str) -> None:
    assert Response(request(names=VENDOR_NAMES), headers={name.title(): "id-1"}).request_id == "id-1"


@in_turn(("provider", "wire"), CHATS)
def test_every_call_knows_the_names_of_its_wire(provider: Provider, wire: Wire) -> None:
    assert prepared(provider, wire).names is wire.names
