"""Files beside a map that are not as a map has left them: foreign, edited, deleted, or of another question."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from mapping import BatchServer, Server, echo, map_async, map_sync, rows, simulated

from stepwell.errors import ConfigError, InvalidRequest
from stepwell.testing import FakeModel, ServerAnswer

BATCHED: dict[str, Any] = {"model": "openai:gpt-4o-mini", "mode": "batch"}


@pytest.mark.parametrize("suffix", ["", ".waiting", ".batches"])
def test_a_file_that_no_map_has_written_is_left_as_it_is(suffix: str, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    path = Path(f"{out}{suffix}")
    for content in (b"notes", b"a\nb", b'{"a": 1}', b'{"a": 1,\n "b": 2}', b'{"a"', b"[1, 2]\n", b"\n", b"xx\n{}"):
        path.write_bytes(content)
        server = BatchServer()
        with pytest.raises(ConfigError, match="is not a result of a map, and nothing was changed"):
            simulated(0, server, range(2), out, **BATCHED)
        assert path.read_bytes() == content and server.sent == []
        path.unlink()


def test_what_an_editor_changes_about_lines_costs_no_answer(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    simulated(0, Server(), range(3), out)
    whole = out.read_bytes()
    for edited in (whole[:-1], whole.replace(b"\n", b"\r\n"), whole.replace(b":", b": "), b"\xef\xbb\xbf" + whole):
        out.write_bytes(edited)
        assert simulated(0, server := Server(), range(4), out).skipped == 3
        assert server.sent == ["3"] and len(out.read_bytes().splitlines()) == 4


@pytest.mark.parametrize("mapped", [map_sync, map_async])
def test_results_are_not_written_to_a_file_that_was_deleted(mapped: Any, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    def answer(request: Any) -> str:
        out.unlink(missing_ok=True)
        return echo(request)

    fake = FakeModel(answer, repeat=True)
    with pytest.raises(ConfigError, match="it was deleted meanwhile") as raised:
        mapped(fake, range(500), prompt="{item}", out=out, workers=2)
    assert raised.value.partial is not None and len(fake.requests) < 100


@pytest.mark.parametrize("order", ["kept", "as_done"])
def test_a_file_that_was_deleted_under_the_last_items_is_an_error_at_the_end(order: str, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    def at_request(said: str) -> None:
        if said == "3":
            out.unlink()

    with pytest.raises(ConfigError, match="it was deleted meanwhile"):
        simulated(0, Server(at_request), range(4), out, order=order)


def pending(folder: Path, **settings: Any) -> tuple[Path, BatchServer]:
    """Return the file of a map, and its server, as they were when its batch was waited for."""
    out, copy, known = folder / "out.jsonl", folder / "killed.jsonl", BatchServer()

    def at_request(what: str) -> None:
        if what.startswith("GET /batches/") and not known.created:
            shutil.copy(f"{out}.batches", f"{copy}.batches")
            known.files, known.submitted, known.sent = map(list, (server.files, server.submitted, server.sent))
            known.created = [-3600.0]

    server = BatchServer(at_request)
    simulated(0, server, range(3), out, **{**BATCHED, **settings})
    return copy, known


def test_batches_belong_to_one_question(tmp_path: Path) -> None:
    out, server = pending(tmp_path)
    for other in ({"prompt": "Another {item}"}, {"model": "openai:gpt-4.1"}):
        with pytest.raises(ConfigError, match="is of a map with another model, prompt"):
            simulated(0, server, range(3), out, **{**BATCHED, **other})
    with pytest.raises(ConfigError, match="has batches of a run before"):
        simulated(0, server, range(3), out, **{**BATCHED, "mode": "live"})
    log = Path(f"{out}.batches")
    log.write_bytes(log.read_bytes()[:-1])
    summary = simulated(0, server, range(3), out, **{**BATCHED, "mode": "auto", "within": "1h"})
    assert (summary.answered, summary.maybe_billed, summary.mode, len(server.sent)) == (3, 0, "batch", 3)


def test_a_batch_that_was_refused_is_submitted_again_and_not_marked(tmp_path: Path) -> None:
    class Refusing(BatchServer):
        refused = False

        def __call__(self, request: Any, chance: Any) -> ServerAnswer:
            if request.url.endswith("/batches") and not Refusing.refused:
                Refusing.refused = True
                return ServerAnswer(status=400, body=b'{"error": {"message": "no"}}')
            return super().__call__(request, chance)

    out, server = tmp_path / "out.jsonl", Refusing()
    with pytest.raises(InvalidRequest):
        simulated(0, server, range(3), out, **BATCHED)
    assert simulated(0, server, range(3), out, **BATCHED).maybe_billed == 0
    assert not any("maybe_billed" in row for row in rows(out)) and os.listdir(tmp_path) == ["out.jsonl"]


@pytest.mark.parametrize("mapped", [map_sync, map_async])
def test_an_item_has_the_same_key_in_each_run_whatever_it_is(mapped: Any, tmp_path: Path) -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ValueError("no text")

    def key(item: Any) -> str:
        return str(item["id"] + "")

    for name, given in (("none", None), ("field", "id"), ("function", key)):
        out = tmp_path / f"{name}.jsonl"
        for answered, skipped in ((1, 0), (0, 5)):
            items = [Odd(), {"id": "a"}, {"id": "a"}, {"id": object()}, "\ud800"][: 5 if name != "none" else 2]
            summary = mapped(FakeModel(echo, repeat=True), items, prompt=lambda item: "hi", out=out, key=given)
            assert summary.answered <= 2 and summary.skipped == min(skipped, len(items)), (name, answered)
        assert len({row["key"] for row in rows(out)}) == len(items)


def test_an_item_without_json_is_known_to_a_journal_by_its_key(tmp_path: Path) -> None:
    server = Server()
    settings: dict[str, Any] = {"prompt": lambda item: "Answer me", "key": lambda item: "k"}
    for _ in range(2):
        summary = simulated(0, server, [object()], None, journal=tmp_path / "j.sqlite", **settings)
        assert (summary.answered, len(server.sent)) == (1, 1)


def test_workers_without_items_are_not_started() -> None:
    threads = set[int]()

    def answer(request: Any) -> str:
        threads.add(threading.get_ident())
        return "a"

    map_sync(FakeModel(answer, repeat=True), range(300), prompt="{item}", workers=300)
    assert len(threads) < 100
