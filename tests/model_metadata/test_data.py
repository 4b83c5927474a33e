"""The packaged catalog is valid, complete, small and properly licensed."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from stepwell.model_metadata import Catalog, ProviderRow
from stepwell.model_metadata.catalog import FOLDER
from stepwell.model_metadata.families import ALSO_SPEAKS, BASE_URLS, WIRE_OF_NPM
from stepwell.model_metadata.files import read_models
from stepwell.model_metadata.patches import Patch, read_patches

ROOT = Path(FOLDER)
INDEX = json.loads((ROOT / "index.json").read_text())
PATCH_FILES = sorted((ROOT / "patches").glob("*.json"))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog()


def test_the_data_carries_its_licence_source_and_date():
    licence = (ROOT / "data" / "LICENSE-models.dev").read_text()
    assert "MIT License" in licence
    assert "https://models.dev" in licence
    assert INDEX["source"] == "models.dev (MIT)"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", INDEX["as_of"])


def test_the_index_agrees_with_the_files():
    files = {path.stem: json.loads(path.read_text()) for path in (ROOT / "data").glob("*.json")}
    assert files.keys() == {row["id"] for row in INDEX["providers"]}
    for row in INDEX["providers"]:
        file = files[row["id"]]
        assert row["models"] == len(file["models"]) and file.keys() == {"common", "models"}, "all else is in the index"


def test_every_provider_and_model_is_there(catalog):
    assert len(INDEX["providers"]) == 191
    assert sum(row["models"] for row in INDEX["providers"]) == 6_731
    assert len(catalog.find()) >= 6_731


def test_every_row_makes_a_model(catalog):
    for model in catalog.find():
        assert model.known
        assert model.input
        assert model.output
        assert model.id
        assert model.status in {None, "alpha", "beta", "deprecated"}


def test_the_catalog_is_small():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (*(ROOT / "data").iterdir(), *PATCH_FILES, ROOT / "index.json"):
            archive.write(path, path.relative_to(ROOT))
    assert len(packed.getvalue()) < 500_000
    assert all(path.stat().st_size < 400_000 for path in (ROOT / "data").iterdir())
    assert (ROOT / "index.json").stat().st_size < 60_000


UNCOVERED = {
    "gitlab-ai-provider": "GitLab Duo issues a short-lived token per call and proxies other vendors' wires",
    "@jerome-benoit/sap-ai-provider-v2": "SAP AI Core has an orchestration API of its own, behind an OAuth service key",
    "watsonx-ai-provider": "watsonx.ai has a text/chat API of its own, behind IAM tokens and project ids",
}
"""Packages without a wire of ours, and why."""


def test_every_family_is_covered_or_listed_as_uncovered(catalog):
    served = [*(row.npm for row in catalog.providers()), *_overrides()]
    assert set(served) <= WIRE_OF_NPM.keys() | UNCOVERED.keys()
    assert not WIRE_OF_NPM.keys() & UNCOVERED.keys()
    assert ALSO_SPEAKS.keys() <= WIRE_OF_NPM.keys()
    assert BASE_URLS.keys() <= WIRE_OF_NPM.keys()


def test_every_covered_provider_has_an_address(catalog):
    for row in catalog.providers():
        assert (row.wire is None) == (row.npm in UNCOVERED), row.id
        if row.wire:
            assert re.match(r"https?://|\$\{", row.base_url or ""), row.id
            assert not (row.base_url or "").endswith("/")


def test_open_fields_of_an_address_are_environment_variables_of_the_provider(catalog):
    other_server = {"AWS_REGION", "GOOGLE_VERTEX_ENDPOINT"}
    for row in catalog.providers():
        places = [row.base_url, *(model.base_url for model in catalog.find(row.id))]
        named = {name for place in places for name in re.findall(r"\$\{(\w+)\}", place or "")}
        assert named <= {*row.env, *other_server}, row.id


def test_each_wire_covers_the_expected_number_of_models(catalog):
    providers = {row.id: row for row in catalog.providers()}
    by_provider = Counter(row.wire for row in providers.values())
    by_model = Counter(
        model.wire or providers[model.provider].wire for model in catalog.find() if model.provider in providers
    )
    assert by_provider[None] == 3
    assert by_model[None] < 80
    assert by_provider["openai_chat"] > 160
    assert set(by_model) == {*WIRE_OF_NPM.values(), None}


@pytest.mark.parametrize("path", PATCH_FILES, ids=lambda path: path.stem)
def test_each_patch_is_needed_and_has_a_reason(path, catalog):
    content = json.loads(path.read_text())
    rows = {row["id"]: read_models(ROOT / "data" / f"{row['id']}.json") for row in INDEX["providers"]}
    for entry, patch in zip(content, read_patches(content, where=path.name), strict=True):
        assert entry["why"]
        assert "cost" not in entry.get("set", {}) or entry["as_of"]
        assert _meets(patch, rows, catalog.providers()), entry


def _meets(patch: Patch, rows: dict[str, dict[str, object]], providers: list[ProviderRow]) -> bool:
    touched = [row.id for row in providers if patch.touches(row.id)]
    if patch.add:
        return all(touched) and not any(patch.add.keys() & rows[id].keys() for id in touched)
    return all(any(_missed(pattern, rows[name]) is None for name in touched) for pattern in patch.models)


def _missed(pattern: str, rows: dict[str, object]) -> str | None:
    return Patch("*", (pattern,), set={"seen": True}).misses(rows)


def _overrides() -> set[str]:
    found = set()
    for path in (ROOT / "data").glob("*.json"):
        for row in json.loads(path.read_text())["models"].values():
            npm = row.get("provider", {}).get("npm")
            if npm:
                found.add(npm)
    return found
