"""A map whose client hides originals: its results have them again, live and by batches, also after a kill."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from mapping import BatchServer, Server, rows, simulated

from stepwell.steps import redact

ITEMS = ["mail ada@example.com", "from bob@example.org to ada@example.com", "nobody", "again ada@example.com"]
BATCHED: dict[str, Any] = {"model": "openai:gpt-4o-mini", "pipeline": redact("email"), "key": str}


@pytest.mark.parametrize("settings", [{"pipeline": redact("email")}, {"options": {"pipeline": redact("email")}}])
@pytest.mark.parametrize("mode", ["live", "batch", "auto"])
def test_the_originals_are_in_the_results(mode: str, settings: dict[str, Any], tmp_path: Path) -> None:
    out, server = tmp_path / "out.jsonl", Server() if mode == "live" else BatchServer()
    simulated(0, server, ITEMS, out, **{**BATCHED, "pipeline": None, "mode": mode, **settings})
    assert [row["text"] for row in rows(out)] == [f"re: {item}" for item in ITEMS]
    assert "from [EMAIL_1] to [EMAIL_2]" in server.sent and not any("@" in said for said in server.sent)


def test_after_a_kill_too_and_what_is_not_in_the_input_any_more_is_a_warning(tmp_path: Path) -> None:
    out, killed = tmp_path / "out.jsonl", [tmp_path / "same.jsonl", tmp_path / "fewer.jsonl"]

    def at_request(what: str) -> None:
        if what.startswith("GET /batches/"):
            for path in killed:
                shutil.copy(f"{out}.batches", f"{path}.batches")

    server = BatchServer(at_request)
    simulated(0, server, ITEMS, out, mode="batch", **BATCHED)
    server.at_request = lambda what: None
    server.created = [-3600.0]
    simulated(0, server, ITEMS, killed[0], mode="batch", **BATCHED)
    assert rows(killed[0]) == rows(out)
    simulated(0, server, ITEMS[1:], killed[1], mode="batch", **BATCHED)
    found = {row["key"]: row for row in rows(killed[1])}
    assert found[ITEMS[1]]["text"] == f"re: {ITEMS[1]}" and found[ITEMS[0]]["text"] == "re: mail [EMAIL_1]"
    assert [key for key, row in found.items() if "not put back" in str(row.get("warnings"))] == [ITEMS[0]]
    assert len(server.created) == 1
