"""A line of a batch that cannot be read is the error of its own request, and costs no other one its answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from batch_services import MODELS, SERVICES, Google

from stepwell import Client, errors
from stepwell.providers.wires.anthropic_messages.samples import SAMPLES as ANTHROPIC
from stepwell.providers.wires.google_generate.samples import SAMPLES as GOOGLE
from stepwell.providers.wires.openai_chat.samples import SAMPLES as OPENAI

from costs import thorough_after
from odd_fields import ODD, places, put

pytestmark = pytest.mark.usefixtures("no_sleep")

PROMPTS = {"first": "a", "second": "b", "third": "c"}
TEXT = OPENAI.text.text
NO_LINES = (None, 7, "x", [1], {}, True)
vendors = pytest.mark.parametrize("vendor", SERVICES)


def answered(vendor: str, id: str) -> Any:
    """Give the line of a request that was answered."""
    if vendor == "anthropic":
        return {"custom_id": id, "result": {"type": "succeeded", "message": orjson.loads(ANTHROPIC.text.body)}}
    if vendor == "google":
        return {"metadata": {"key": id}, "response": orjson.loads(GOOGLE.text.body)}
    answer = {"status_code": 200, "request_id": "r", "body": orjson.loads(OPENAI.text.body)}
    return {"id": "x", "custom_id": id, "response": answer, "error": None}


def refused(vendor: str, id: str) -> list[Any]:
    """Give lines of a request that was not."""
    error = {"code": 3, "message": "no", "type": "invalid_request_error"}
    if vendor == "anthropic":
        return [{"custom_id": id, "result": {"type": "errored", "error": {"type": "error", "error": error}}}]
    if vendor == "google":
        return [{"metadata": {"key": id}, "error": error}]
    bad = {"status_code": 400, "request_id": "r", "body": {"error": error}}
    return [{"custom_id": id, "response": bad, "error": None}, {"custom_id": id, "response": None, "error": error}]


def results(vendor: str, rows: list[Any], state: Any = None, *, found: bool = False) -> dict[str, Any]:
    service: Any = SERVICES[vendor]()
    written, plain = b"\n".join(map(orjson.dumps, rows)), service.state

    def reported() -> Any:
        now = plain()
        if isinstance(service, Google) and "output" in now["metadata"]:
            now["metadata"]["output"] = {"inlinedResponses": {"inlinedResponses": rows}}
        return now if state is None else state(now)

    service.output, service.failures, service.state = (lambda: written), (lambda: b""), reported
    with Client(**service.settings()) as client:
        job = client.submit_batch(MODELS[vendor], PROMPTS)
        job.wait(poll=0)
        return client.batch_job(MODELS[vendor], job.id).results() if found else job.results()


def is_answer(result: Any) -> bool:
    return isinstance(result, errors.StepwellError) or isinstance(repr(result) + str(result.cost.total), str)


@pytest.mark.parametrize("vendor", thorough_after(1, SERVICES))
def test_a_line_with_an_odd_field_is_the_error_of_its_own_request(vendor: str) -> None:
    lost = []
    for line in (answered(vendor, "second"), *refused(vendor, "second")):
        for place in places(line):
            if len(place) > 3:
                continue  # the answer itself, which is read as any other
            for other in ODD:
                try:
                    rows = [answered(vendor, "first"), put(line, place, other), answered(vendor, "third")]
                    found = results(vendor, rows)
                    good = found["first"].text == found["third"].text == TEXT and is_answer(found["second"])
                except Exception as error:
                    good, other = False, (other, error)
                lost += [] if good else [(line, place, other)]
    assert not lost


@vendors
def test_what_is_no_line_costs_only_its_own_request(vendor: str) -> None:
    for other in NO_LINES:
        found = results(vendor, [answered(vendor, "first"), other, answered(vendor, "third")])
        assert found["first"].text == found["third"].text == TEXT, other
        assert isinstance(found["second"], errors.ProviderError)


@pytest.mark.parametrize("status", ["200", "abc", None, [200], {}, True])
@pytest.mark.parametrize("vendor", ["openai", "groq", "mistral"])
def test_where_a_status_is_no_number_the_body_shows_whether_it_is_an_answer(vendor: str, status: Any) -> None:
    good, bad = answered(vendor, "second"), refused(vendor, "third")[0]
    lines = [put(line, ("response", "status_code"), status) for line in (good, bad)]
    found = results(vendor, [answered(vendor, "first"), *lines])
    assert found["first"].text == found["second"].text == TEXT
    assert isinstance(found["third"], errors.ProviderError)


@vendors
def test_counts_of_a_batch_that_cannot_be_read_cost_nothing(vendor: str) -> None:
    counters = ("request_counts", "total_requests", "succeeded_requests", "failed_requests", "batchStats", "errors")
    rows = [answered(vendor, id) for id in PROMPTS]
    service: Any = SERVICES[vendor](rounds=0)
    for place in places(service.state()):
        if not counters_in(place, counters):
            continue
        for other in ODD:
            found = results(vendor, rows, lambda state, place=place, other=other: spoiled(state, place, other))
            assert [found[id].text for id in PROMPTS] == [TEXT] * 3, (place, other)


def counters_in(place: tuple[Any, ...], counters: tuple[str, ...]) -> bool:
    return any(name in counters for name in place)


def spoiled(state: Any, place: tuple[Any, ...], other: Any) -> Any:
    try:
        return put(state, place, other)
    except (KeyError, IndexError):  # not reported yet
        return state


@vendors
def test_results_of_which_no_line_can_be_read_are_an_error(vendor: str) -> None:
    with pytest.raises(errors.DecodeError):
        results(vendor, [7, "x", [1]])


@vendors
def test_a_job_found_by_its_id_warns_of_answers_that_are_missing(vendor: str) -> None:
    rows = [answered(vendor, "first"), answered(vendor, "second")]
    for found, warned in ((results(vendor, rows, found=True), True), (results(vendor, rows), False)):
        why = [each.why for each in found["first"].warnings if each.subject == "batch"]
        assert why == (["only 2 of 3 requests have an answer"] if warned else [])
