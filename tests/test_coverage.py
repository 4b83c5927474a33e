"""docs/coverage.md claims nothing that a recording or a test does not show."""

from __future__ import annotations

import re
from functools import cache

from tools.coverage import CONFORMANCE, KINDS, PAGE, ROOT, STRENGTH, Proofs, own_providers, proofs, written
from tools.site import with_addresses


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


def test_no_cell_of_the_page_is_without_a_proof() -> None:
    text = PAGE.read_text(encoding="utf-8")
    kinds, addresses = "|".join(STRENGTH), dict(re.findall(r"^\[(\d+)\]: \.\./(.+)$", text, re.MULTILINE))
    shown = re.findall(rf"\[(?:{kinds})\]\(\.\./([^)]+)\)", text)
    shown += [addresses[number] for number in re.findall(rf"\[(?:{kinds})\]\[(\d+)\]", text)]
    assert f"\n[conforms]: ../{CONFORMANCE}\n" in text, "the link of all cells that say so"
    rows = re.findall(r"^\| ([a-z0-9_, ]+) \| (.*)$", text, re.MULTILINE)
    shown += [CONFORMANCE] * sum(len(names.split(", ")) * row.count("[conforms] |") for names, row in rows)
    assert set(shown) <= {proof.path for proof in found().values()}
    assert len(shown) > 300


def test_each_provider_that_is_declared_here_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    names = {name for row in re.findall(r"^\| ([a-z0-9_, ]+) \|", page, re.MULTILINE) for name in row.split(", ")}
    assert [each.id for each in own_providers() if each.id not in names] == []


def test_the_site_links_to_the_repository_for_each_proof() -> None:
    page = with_addresses(PAGE.read_text(encoding="utf-8"))
    assert "../" not in page and "/blob/main/tests/recordings/" in page
