"""Maps with a journal: what a killed run has received is not sent for again, whether its line was written or not."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from mapping import FAKE, Server, echo, map_sync, rows, simulated

import stepwell
from stepwell.errors import JournalMismatch
from stepwell.testing import FakeModel
from stepwell.workflows.map.summary import MapSummary

from scripted import Scripted, calls

PRICED = "openai:gpt-4o-mini"


def without_times(path: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows(path)]


def test_an_answer_without_its_line_is_read_from_the_journal(tmp_path: Path) -> None:
    out, journal = tmp_path / "out.jsonl", tmp_path / "work.sqlite"
    simulated(0, Server(), range(12), out, journal=journal, model=PRICED)
    before = without_times(out)
    out.write_bytes(b"".join(out.read_bytes().splitlines(keepends=True)[:5]))
    server = Server()
    summary = simulated(1, server, range(13), out, journal=journal, model=PRICED)
    assert server.sent == ["12"] and without_times(out)[:12] == before
    assert (summary.answered, summary.skipped) == (8, 5)


def test_what_was_in_flight_is_sent_again_and_marked(tmp_path: Path) -> None:
    moments: list[Path] = []

    def at_request(said: str) -> None:
        copy = tmp_path / f"at{len(moments)}"
        copy.mkdir()
        for path in (*tmp_path.glob("out.jsonl*"), *tmp_path.glob("work.sqlite*")):
            shutil.copy(path, copy / path.name)
        moments.append(copy)

    first = Server(at_request)
    simulated(0, first, range(12), tmp_path / "out.jsonl", journal=tmp_path / "work.sqlite")
    for number, folder in enumerate(moments):
        out, server = folder / "out.jsonl", Server()
        written = {str(row["index"]) for row in rows(out)} | {str(row["index"]) for row in rows(Path(f"{out}.waiting"))}
        in_flight = set(first.sent[: number + 1]) - written
        summary = simulated(number, server, range(12), out, journal=folder / "work.sqlite")
        assert set(server.sent) == {str(item) for item in range(12)} - written
        assert {str(row["index"]) for row in rows(out) if row.get("maybe_billed")} == in_flight
        assert summary.maybe_billed == len(in_flight)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_tool_that_has_run_does_not_run_again(kind: str, tmp_path: Path) -> None:
    ran: list[int] = []

    def double(number: int) -> int:
        """Double a number."""
        ran.append(number)
        return 2 * number

    settings: dict[str, Any] = {
        "tools": [double],
        "out": tmp_path / "out.jsonl",
        "journal": tmp_path / "work.sqlite",
        "key": lambda item: item,
    }

    def run(*turns: Any, **more: Any) -> MapSummary:
        script = Scripted(list(turns))
        if kind == "sync":
            with script.client as client:
                return client.map(["twice 4?"], model=PRICED, **settings, **more).run()

        async def main() -> MapSummary:
            async with script.async_client as client:
                return await client.map(["twice 4?"], model=PRICED, **settings, **more).run()

        return asyncio.run(main())

    assert run(calls(("1", "double", {"number": 4})), httpx.Response(400)).failed == 1
    assert run("eight", retry_failed=True).answered == 1
    assert ran == [4] and rows(tmp_path / "out.jsonl")[0]["text"] == "eight"


def test_the_journal_of_the_client_is_used_under_the_name_of_a_job(tmp_path: Path) -> None:
    fake = FakeModel(echo, repeat=True)
    with stepwell.Client(registry=fake.registry, journal=tmp_path / "work.sqlite") as client:
        for _ in range(2):
            assert client.map(["a", "b"], model=FAKE, job="letters").run().answered == 2
        assert client.journal is not None and client.journal.count("letters")["finished"] == 2
    with pytest.raises(stepwell.errors.ConfigError, match="needs a journal"):
        map_sync(fake, ["a"], job="letters", errors="raise")


def in_job(path: Path, items: Any, prompt: Any = "say {item}", **more: Any) -> MapSummary:
    settings = {"model": PRICED, "prompt": prompt, "job": "letters", **more}
    with Scripted(["fine"] * 3).client as client:
        return client.map(list(items), journal=path, workers=1, **settings).run()


def name_of(changed: dict[str, Any]) -> str:
    return next(iter(changed))


@pytest.mark.parametrize("key", [None, str], ids=["digests", "keys"])
@pytest.mark.parametrize(
    "changed", [{"prompt": "shout {item}"}, {"model": "openai:gpt-4o"}, {"temperature": 0.5}], ids=name_of
)
def test_a_question_that_has_changed_ends_the_map_with_its_first_item(
    changed: dict[str, Any], key: Any, tmp_path: Path
) -> None:
    journal, out = tmp_path / "work.sqlite", tmp_path / "out.jsonl"
    assert in_job(journal, "abc", key=key).answered == 3
    with pytest.raises(JournalMismatch) as caught:
        in_job(journal, "abc", key=key, out=out, **changed)
    assert caught.value.partial.failed == 0 and rows(out) == []
    assert "it came from item 0" in caught.value.__notes__[0]
    assert in_job(journal, "abc", key=key).answered == 3


class Text:
    """An item without a JSON form."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


def test_a_prompt_that_has_changed_for_one_item_is_the_error_of_that_item(tmp_path: Path) -> None:
    files = {"a": "first", "b": "second", "c": "third"}
    for _ in range(2):
        summary = in_job(tmp_path / "read.sqlite", "abc", files.get)
        files["b"] = "changed"
    assert (summary.answered, summary.errors) == (2, {"JournalMismatch": 1})
    for texts in (["1 a", "2 b"], ["1 a", "2 c"]):
        items = [Text(each) for each in texts]
        summary = in_job(tmp_path / "keys.sqlite", items, "say {item}", key=lambda item: item.text[0])
    assert (summary.answered, summary.errors) == (1, {"JournalMismatch": 1})
