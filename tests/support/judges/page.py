"""Write docs/judges.md from the reports of the judges."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import frozen

from .asking import Row
from .explained import Explained, explanation_of
from every_way import WAYS

HEAD = """# Independent judges

Servers by other authors that speak providers' formats, some with faults on demand, and what came of calls to them.
This page is written by `make judges`, which installs each judge into `.build/judges`, starts it on a loopback port and
asks every route that it knows in all ways that the case allows: sync, streamed, async, async streamed.
The vendors' SDKs are asked no questions: what would be sent is held against the types by which they send it.

"""


@frozen
class JudgeReport:
    """The rows of one judge, and why some or all are missing."""

    name: str
    requirement: str
    rows: list[Row]
    missing: str = ""


def page(reports: Iterable[JudgeReport]) -> str:
    """Write the page."""
    reports = list(reports)
    sections = [HEAD, _summary(reports)]
    for judge in reports:
        sections.append(f"\n## {judge.name}\n\nInstalled as {judge.requirement}. {judge.missing}".rstrip() + "\n")
        if judge.rows:
            sections += ["\n", _cases(judge.rows), _disagreements(judge.rows)]
    return "".join(sections)


def unexplained(reports: Iterable[JudgeReport]) -> list[Row]:
    """Return the rows in which a judge and this client differ without an explanation."""
    return [row for judge in reports for row in judge.rows if not row.agrees and explanation_of(row) is None]


def _summary(reports: list[JudgeReport]) -> str:
    lines = [
        "| judge | routes | calls | agree | differ, explained | differ, unexplained |",
        "|---|---|---|---|---|---|",
    ]
    for judge in reports:
        agree = sum(row.agrees for row in judge.rows)
        open_ = len(unexplained([judge]))
        known = len(judge.rows) - agree - open_
        routes = len({row.route.name for row in judge.rows})
        lines.append(f"| {judge.name} | {routes} | {len(judge.rows)} | {agree} | {known} | {open_} |")
    return "\n".join(lines) + "\n"


def _cases(rows: list[Row]) -> str:
    """Write which routes were asked what: a line for each case."""
    cases: dict[str, list[Row]] = {}
    for row in rows:
        cases.setdefault(row.case, []).append(row)
    lines = ["| case | routes | ways | a correct client ends with |", "|---|---|---|---|"]
    for case, those in cases.items():
        routes = list(dict.fromkeys(row.route.name for row in those))
        wanted = list(dict.fromkeys(row.wanted for row in those))
        named = ", ".join(routes) if len(routes) < 4 else f"{len(routes)}"
        shown = _code(wanted[0]) if len(wanted) == 1 else "what the judge, or the vendor's SDK, says"
        lines.append(f"| {_cell(case)} | {named} | {_ways(those)} | {shown} |")
    return "\n".join(lines) + "\n"


def _ways(rows: list[Row]) -> str:
    ways = [way for way in WAYS if way in {row.way for row in rows}]
    return "all" if len(ways) == len(WAYS) else ", ".join(ways)


def _disagreements(rows: list[Row]) -> str:
    """Write a table of the disagreements: a line for each explanation, and for each case without one."""
    kinds: dict[object, list[Row]] = {}
    for row in rows:
        if not row.agrees:
            known = explanation_of(row)
            about = (known.documented, known.ours) if known else (row.route.name, row.case, row.found, row.ours)
            kinds.setdefault(about, []).append(row)
    if not kinds:
        return "\nNo disagreement.\n"
    head = ["case", "routes", "what the judge says", "what the vendor's documentation says", "ours"]
    lines = ["", f"| {' | '.join(head)} |", "|---|---|---|---|---|"]
    for those in kinds.values():
        known = explanation_of(those[0])
        cases = f"{_listed(_cell(row.case) for row in those)} ({_ways(those)})"
        says = _listed(row.found or _code(row.wanted) for row in those)
        ours = f"{_listed(_code(row.ours) for row in those)}: {known.ours if known else 'UNEXPLAINED'}"
        cells = [cases, _listed(row.route.name for row in those), says, _documented(known), ours]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _listed(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _documented(known: Explained | None) -> str:
    if known is None:
        return "not known"
    return f"{known.documented}: {known.address}" if known.address.startswith("http") else known.documented


def _code(text: str) -> str:
    """Write a line that a client ended with, in which long texts are cut."""
    return "`" + re.sub(_LONG_TEXT, r"'\1…'", _cell(text)) + "`"


_LONG_TEXT = r"'([^'`]{24})[^'`]{12,}'"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
