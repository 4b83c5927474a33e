"""A map's summary says why items failed, and how many answers were cut, in bounded memory and without their prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from mapping import FAKE, map_sync

import stepwell
import stepwell.cli.map_items
from stepwell import Reply, assistant
from stepwell.errors import InvalidRequest, StepwellError
from stepwell.testing import FakeModel

from command_line import run

SECRET = "the patient's name is Ada"


def test_the_summary_has_the_first_message_of_each_class() -> None:
    summary = map_sync(
        FakeModel(InvalidRequest("no such voice", hint="ask for alto"), InvalidRequest("no")), ["a", "b"]
    )
    assert summary.errors == {"InvalidRequest": 2}
    assert summary.reasons == {"InvalidRequest": "no such voice; ask for alto"}
    assert "  2 InvalidRequest\n    no such voice; ask for alto\n" in str(summary)


def test_a_field_that_is_missing_is_named_without_a_file_of_results() -> None:
    summary = map_sync(FakeModel("yes"), [{"text": SECRET}], prompt="Is this kind? {review}")
    assert "'review'" in str(summary) and "ConfigError" in summary.reasons and SECRET not in str(summary)


def test_messages_are_cut_and_lines_fit_a_terminal() -> None:
    long = InvalidRequest("no\nsuch thing " * 40)
    summary = map_sync(FakeModel(long), ["a"])
    assert len(summary.reasons["InvalidRequest"]) == 200 and summary.reasons["InvalidRequest"].endswith("…")
    assert all(len(line) <= 80 for line in str(summary).splitlines())


def test_of_many_classes_the_first_twenty_are_kept() -> None:
    classes = [type(f"Odd{at}", (StepwellError,), {}) for at in range(25)]
    summary = map_sync(FakeModel(*(each("no") for each in classes)), list(range(25)), prompt=str, workers=1)
    assert len(summary.errors) == 25 and len(summary.reasons) == 20


def test_the_message_of_an_error_of_the_users_own_code_may_quote_an_item_and_is_left_out() -> None:
    def prompt(item: str) -> str:
        raise ValueError(f"cannot read {item!r}")

    summary = map_sync(FakeModel("yes"), [SECRET], prompt=prompt)
    assert summary.reasons["ValueError"].startswith("raised by prompt, test_map_reasons.py:")
    assert SECRET not in str(summary) + repr(summary)


def test_a_provider_that_quotes_the_prompt_does_not_bring_it_into_the_summary() -> None:
    body = {"error": {"message": f"cannot answer this prompt: {SECRET}"}}
    network = httpx.MockTransport(lambda request: httpx.Response(400, json=body))
    with stepwell.Client(transport=network, api_keys={"openai": "any"}) as client:
        summary = client.map([SECRET], model="openai:gpt-4o-mini").run()
    assert summary.failed == 1 and "InvalidRequest" in summary.reasons and "Ada" not in str(summary)


def test_answers_that_were_cut_are_counted() -> None:
    cut = Reply(message=assistant("Once"), finish_reason="length")
    summary = map_sync(FakeModel("whole", cut, cut), list("abc"))
    assert (summary.answered, summary.cut) == (3, 2) and "2 of the answers were cut" in str(summary)
    assert "cut" not in str(map_sync(FakeModel("whole"), ["a"]))


def test_the_command_prints_the_reason(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> None:
    fake = FakeModel(InvalidRequest("no such voice"))
    monkeypatch.setattr(stepwell.cli.map_items, "Client", lambda: stepwell.Client(registry=fake.registry))
    (tmp_path / "in.jsonl").write_text('"hi"\n')
    code, _, stderr = run(monkeypatch, capsys, "map", str(tmp_path / "in.jsonl"), "--model", FAKE)
    assert code == 1 and "1 InvalidRequest\n    no such voice\n" in stderr
