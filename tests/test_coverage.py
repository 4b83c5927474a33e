"""docs/coverage.md claims nothing that a recording or a test does not show."""

from __future__ import annotations

import re
from functools import cache

from tools.coverage import CONFORMANCE, KINDS, PAGE, ROOT, STRENGTH, Proofs, own_providers, proofs, written


@cache
def found() -> Proofs:
    return proofs()


def test_the_page_is_what_the_script_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == written(), "run: python -m tools.coverage"


def test_each_proof_is_a_file_that_names_its_provider_and_its_ability() -> None:
    texts: dict[str, str] = {}
    for (provider, ability), proof in found().items():
        text = texts.setdefault(proof.path, (ROOT / proof.path).read_text(encoding="utf-8"))
        assert proof.names in text, (provider, ability, proof)
        if proof.shows == "tested":
            assert ability.split()[-1] in text.replace("_", " "), (provider, ability, proof)
        if proof.path.endswith(".json") and ability in KINDS:
            assert any(f'"{kind}"' in text for kind in KINDS[ability]), (provider, ability, proof)


def rows(page: str) -> list[tuple[list[str], str]]:
    """Return the rows of the tables, each with the providers that share it."""
    return [(row.split(" | ")[0].strip("| ").split(", "), row) for row in re.findall(r"^\| .+", page, re.MULTILINE)]


def test_no_cell_of_the_page_is_without_a_proof() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shared = dict(re.findall(r"^\[(\d+)\]: \.\./(.+)$", text, re.MULTILINE))
    cells = re.findall(rf"\[(?:{'|'.join(STRENGTH)})\](?:\(\.\./([^)]+)\)|\[(\d+)\])", text)
    shown = [path or shared[number] for path, number in cells]
    assert {number for _, number in cells} - {""} == shared.keys()
    assert f"\n[conforms]: ../{CONFORMANCE}\n" in text, "the link of all cells that say so"
    shown += [CONFORMANCE] * sum(len(ids) * row.count("[conforms] |") for ids, row in rows(text))
    assert set(shown) <= {proof.path for proof in found().values()}
    assert len(shown) > 300


def test_each_provider_that_is_declared_here_is_on_the_page() -> None:
    listed = {id for ids, _ in rows(PAGE.read_text(encoding="utf-8")) for id in ids}
    assert [each.id for each in own_providers() if each.id not in listed] == []
