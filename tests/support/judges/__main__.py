"""Run the judges and write docs/judges.md: `python -m judges [--only NAME]`. Ends with 1 if anything is unexplained."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from . import aimock, litellm_proxy, llama_server, llmock, sdk_types
from .asking import Row
from .installed import NotInstalled
from .page import JudgeReport, page, unexplained

PAGE = Path(__file__).parents[3] / "docs" / "judges.md"
GROUPS: tuple[tuple[ModuleType, ...], ...] = ((llmock, aimock), (sdk_types,), (llama_server,), (litellm_proxy,))
"""Those of a group run at the same time: the first two wait more than they work, the others use the processor."""
LIMIT = 240.0
"""Seconds for the calls of one judge, after which it is left."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="the module of one judge; the page is then printed")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else the judges' servers would outlive this process
    only = parser.parse_args().only
    reports: list[JudgeReport] = []
    for group in GROUPS:
        wanted = [each for each in group if only in ("", each.__name__.rpartition(".")[2])]
        with ThreadPoolExecutor(max(1, len(wanted))) as threads:
            reports += threads.map(run_judge, wanted)
    written = page(reports)
    if only:
        print(written)
    else:
        PAGE.write_text(written)
    for row in unexplained(reports):
        print(f"{row.route.judge}, {row.route.name}, {row.case}, {row.way}: {row.wanted} != {row.ours} {row.found}")
    return 1 if unexplained(reports) else 0


def run_judge(judge: ModuleType) -> JudgeReport:
    """Run one judge, for LIMIT seconds at most."""
    rows: list[Row] = []
    started = time.monotonic()
    missing = ""
    print(f"{judge.NAME} ...", file=sys.stderr)
    try:
        asked = judge.judged()
        for row in asked:
            rows.append(row)
            if time.monotonic() - started > LIMIT:
                asked.close()
                missing = f"Left after {LIMIT:.0f} s: not all routes were asked."
                break
    except NotInstalled as error:
        missing = f"Not run here: {error}."
    print(f"{judge.NAME}: {len(rows)} calls in {time.monotonic() - started:.0f} s. {missing}", file=sys.stderr)
    return JudgeReport(judge.NAME, judge.REQUIREMENT, rows, missing)


if __name__ == "__main__":
    sys.exit(main())
