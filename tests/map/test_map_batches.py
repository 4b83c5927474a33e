"""Maps by batches: the same results in the same file, for less; a killed run is continued with what it submitted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mapping import BatchServer, Server, rows, simulated

from stepwell.errors import ConfigError, RateLimitError, StreamTruncated
from stepwell.testing import ServerAnswer
from stepwell.workflows.map import batches

MODEL = "openai:gpt-4o-mini"
SCHEMA = {"type": "object", "properties": {"good": {"type": "boolean"}}, "required": ["good"]}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_CALLS", 10)


def batched(server: Any, items: Any, out: Path, **settings: Any) -> Any:
    return simulated(0, server, items, out, **{"model": MODEL, "mode": "batch", **settings})


def items() -> Iterator[object]:
    yield from (number if number != 7 else {"no": "item"} for number in range(25))


def prompt(item: Any) -> str:
    return f"Answer {item + 0}"


@pytest.mark.parametrize("order", ["kept", "as_done"])
def test_the_results_are_those_of_a_live_map_at_the_price_of_a_batch(order: str, tmp_path: Path) -> None:
    live, cheap, server = tmp_path / "live.jsonl", tmp_path / "cheap.jsonl", BatchServer(broken={"3", "24"})
    first = simulated(0, Server(), items(), live, model=MODEL, prompt=prompt)
    summary = batched(server, items(), cheap, prompt=prompt, order=order)
    assert (summary.answered, summary.errors, summary.mode) == (22, {"InvalidRequest": 2, "TypeError": 1}, "batch")
    assert list(map(len, server.files)) == [10, 10, 4] and first.cost.total is not None
    assert summary.cost.total == 22 * (first.cost.total / 24) * Decimal("0.5")
    texts = [{row["index"]: row.get("text") for row in rows(path)} for path in (live, cheap)]
    assert [row["index"] for row in rows(cheap)] == list(range(25)) or order == "as_done"
    assert {**texts[0], 3: None, 24: None} == texts[1] and len(rows(cheap)) == 25
    assert [path.name for path in tmp_path.glob("cheap*")] == ["cheap.jsonl"]
    again = batched(BatchServer(), items(), cheap, prompt=prompt, retry_failed=True, order=order)
    assert (again.answered, again.failed, again.skipped) == (2, 1, 22)


def test_killed_at_any_moment_what_was_submitted_is_fetched(tmp_path: Path) -> None:
    moments: list[tuple[Path, str, BatchServer]] = []

    def at_request(what: str) -> None:
        copy = tmp_path / f"at{len(moments)}"
        copy.mkdir()
        for path in tmp_path.glob("out.jsonl*"):
            shutil.copy(path, copy / path.name)
        known = BatchServer(files=list(server.files), created=list(server.created), sent=list(server.sent))
        known.submitted = list(server.submitted)
        moments.append((copy / "out.jsonl", what, known))

    server = BatchServer(at_request)
    batched(server, range(25), tmp_path / "out.jsonl")
    assert len(moments) > 12
    for out, what, known in moments:
        done = {f"{row['index']}" for row in rows(out)}
        before = len(known.created)
        known.created = [-3600.0] * before  # they were submitted an hour ago
        batched(known, range(25), out)
        again = [said for said in {*known.sent} if known.sent.count(said) > 1]
        assert again == [] and not done & set(known.sent[10 * before :]), what
        assert [row["index"] for row in rows(out)] == list(range(25))
        assert not any("maybe_billed" in row for row in rows(out)) or what in ("POST /files", "POST /batches")


def test_what_may_have_been_submitted_is_marked(tmp_path: Path) -> None:
    def lost(request: Any, chance: Any) -> Any:
        answer = server(request, chance)
        return (0.0, ConnectionResetError()) if request.url.endswith("/batches") else answer

    out, server = tmp_path / "out.jsonl", BatchServer()
    lost.world = None  # type: ignore[attr-defined]
    with pytest.raises(StreamTruncated):
        simulated(0, _With(lost, server), range(12), out, model=MODEL, mode="batch")
    batched(BatchServer(), range(12), out)
    assert [row["index"] for row in rows(out) if row.get("maybe_billed")] == list(range(10))


class _With:
    """A network function beside the server that knows the time."""

    def __init__(self, network: Any, server: BatchServer) -> None:
        self._network, self._server = network, server

    def __call__(self, request: Any, chance: Any) -> Any:
        return self._network(request, chance)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name == "world":
            self._server.world = value


def test_objects_are_read_from_batches(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    summary = batched(BatchServer(), ["x"], out, schema=SCHEMA, prompt='Answer {item}"good": true')
    (row,) = rows(out)
    assert summary.errors == {"ObjectInvalid": 1} and row["usage"]["output_tokens"] == 5


def test_auto_takes_what_costs_less_if_there_is_time(tmp_path: Path) -> None:
    def mode(name: str, out: bool = True, **settings: Any) -> tuple[str, str]:
        server = BatchServer() if settings.pop("batches", False) else Server()
        path = tmp_path / f"{name}.jsonl" if out else None
        summary = simulated(0, server, [1], path, **{"model": MODEL, "mode": "auto", **settings})  # type: ignore[arg-type]
        return summary.mode, summary.why

    assert mode("cheap", batches=True) == ("batch", "at 0.5 of the price")
    assert mode("days", batches=True, within="2d") == ("batch", "at 0.5 of the price")
    assert mode("soon", within="90m") == ("live", "a batch may take 24 hours")
    assert mode("soon too", within=3600) == ("live", "a batch may take 24 hours")
    assert mode("unknown", model="openai:nobody-knows") == ("live", "no price of a batch is known")
    assert mode("none", model="ollama:llama3.2") == ("live", "ollama has no batches")
    assert mode("nowhere", out=False) == ("live", "a batch is noted beside out=")
    for wrong in ("soon", "-1h", "", 0):
        with pytest.raises(ConfigError, match="within= cannot be"):
            mode("wrong", within=wrong)
    for settings in ({"tools": [prompt]}, {"model": "ollama:llama3.2"}):
        with pytest.raises(ConfigError, match="cannot be a batch"):
            mode("wrong", **{**settings, "mode": "batch"})


def test_a_batch_that_is_refused_ends_the_map_and_the_others_are_fetched_later(tmp_path: Path) -> None:
    def full(request: Any, chance: Any) -> Any:
        if request.url.endswith("/files") and len(server.created) == 2:
            return ServerAnswer(429, body=b'{"error": {"message": "too many", "code": "rate_limit_exceeded"}}')
        return server(request, chance)

    out, server = tmp_path / "out.jsonl", BatchServer()
    with pytest.raises(RateLimitError):
        simulated(0, _With(full, server), range(25), out, model=MODEL, mode="batch")
    server.created = [-3600.0, -3600.0]
    assert batched(server, range(25), out).answered == 25
    assert sorted(map(int, server.sent)) == list(range(25))
