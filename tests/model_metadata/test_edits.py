"""Changing the catalog: rows are checked, a pattern that matches nothing is an error, every change can be undone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stepwell.catalog import Catalog, Model
from stepwell.model_metadata.catalog import FOLDER
from stepwell.model_metadata.checks import checked_row
from stepwell.model_metadata.files import read_json
from stepwell.model_metadata.patches import read_patches
from stepwell.schemas.errors import ConfigError, InvalidOption, UnknownModel, UnknownProvider


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


def added(catalog: Catalog, **row: Any) -> Model:
    catalog.add({"provider": "acme", "id": "m", **row})
    return catalog.get("acme:m")


@pytest.mark.parametrize(
    "row", [{"input": "image", "output": ["text"]}, {"modalities": {"input": "image", "output": ("text",)}}]
)
def test_a_modality_given_as_a_string_is_one_modality(catalog, row):
    model = added(catalog, **row)
    assert (model.input, model.output) == ({"image"}, {"text"})
    assert [str(found) for found in catalog.find("acme", input="image")] == ["acme:m"]


WRONG = [
    ({"context_window": "8192"}, "the limit 'context' cannot be '8192'; it is a whole number"),
    ({"context_window": True}, "the limit 'context' cannot be True"),
    ({"limit": {"contxt": 1}}, "did you mean 'context'"),
    ({"limit": 5}, "'limit' cannot be 5"),
    ({"contxt_window": 8192}, "a row has no 'contxt_window'; did you mean 'context_window'"),
    ({"prces": {"input": 1}}, "did you mean 'prices'"),
    ({"prices": {"inptu": 1}}, "did you mean 'input'"),
    ({"prices": {"tiers": [{"over": 5, "ouput": 1}]}}, "did you mean 'output'"),
    ({"limit": 5, "context_window": 8192}, "'limit' cannot be 5"),
    ({"prices": 5}, "'cost' cannot be 5"),
    ({"input": 5}, "input cannot be or contain 5"),
    ({"input": "pictures"}, "input cannot be or contain 'pictures'; known are"),
    ({"input": ["imgae"]}, "did you mean 'image'"),
    ({"tools": "yes"}, "'tool_call' cannot be 'yes'; it is a bool"),
    ({"status": "stabel"}, "status cannot be or contain 'stabel'"),
    ({"wire": 5}, "'wire' cannot be 5"),
]


@pytest.mark.parametrize(("row", "says"), WRONG)
def test_an_invalid_row_is_refused_and_changes_nothing(catalog, row, says, tmp_path):
    file = tmp_path / "mine.json"
    before = catalog.version
    for change in (
        lambda: added(catalog, **row),
        lambda: catalog.patch("openai:gpt-4o", row),
        lambda: catalog.load(written(file, {"provider": "openai", "models": "gpt-4o", "set": row})),
        lambda: catalog.load(written(file, {"provider": "openai", "add": {"new": row}})),
        lambda: catalog.load(written(file, {"id": "acme", "models": {"m": row}})),
    ):
        with pytest.raises(ConfigError, match=says):
            change()
    assert catalog.version == before and not catalog.get("acme:m").known


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"set": 5}, "the facts of a model cannot be 5"),
        ({"add": {"new": 5}}, "the facts of a model cannot be 5"),
        ({"add": ["new"]}, r"'add' of the patch of groq in .*mine.json cannot be \['new'\]; it is new models by id"),
        ({"models": 5}, "'models' of the patch of groq"),
        ({"models": [5], "set": {"tools": True}}, "'models' of the patch of groq"),
        ({"exclude": {"new": 1}}, "'exclude' of the patch of groq"),
    ],
)
def test_a_patch_of_another_form_is_refused_with_the_whole_file(catalog, wrong, says, tmp_path):
    before = catalog.version
    with pytest.raises(ConfigError, match=says):
        catalog.load(written(tmp_path / "mine.json", [{"provider": "groq", "set": {}}, {"provider": "groq", **wrong}]))
    for change in (lambda: catalog.add("groq:m"), lambda: catalog.patch("groq:*", 5)):
        with pytest.raises(ConfigError, match="the facts of a model cannot be"):
            change()
    assert catalog.version == before


def written(file: Path, content: Any) -> str:
    file.write_text(json.dumps(content))
    return str(file)


def test_any_other_name_is_a_custom_fact(catalog):
    assert added(catalog, tier="gold", x=1).facts == {"tier": "gold", "x": 1}


def test_none_removes_a_value_under_any_key(catalog):
    catalog.patch("openai:gpt-4o", {"context_window": None, "status": None, "input": None, "prices": None})
    model = catalog.get("openai:gpt-4o")
    assert (model.context_window, model.input, model.prices) == (None, {"text"}, None)


@pytest.mark.parametrize("path", sorted(Path(FOLDER, "patches").glob("*.json")), ids=lambda path: path.stem)
def test_our_own_patches_pass_the_checks_of_user_patches(path):
    for patch in read_patches(read_json(str(path)), where=path.name):
        for row in (patch.set, *patch.add.values()):
            assert checked_row(row, path.name) == row


@pytest.mark.parametrize(
    ("pattern", "error", "says"),
    [
        ("opnai:gpt-4o", UnknownProvider, "no model of a provider 'opnai' is listed; did you mean 'openai'"),
        ("nobody-at-all:*", UnknownProvider, "models.providers"),
        ("opnai*:*", UnknownProvider, "opnai"),
        ("amazon_bedrock:gpt-4o", UnknownModel, "no model of amazon-bedrock matches 'gpt-4o'"),
    ],
)
def test_a_pattern_that_nothing_matches_is_an_error(catalog, pattern, error, says, tmp_path):
    with pytest.raises(error, match=says):
        catalog.patch(pattern, {"tools": False})
    provider, _, models = pattern.partition(":")
    patch = {"provider": provider, "models": models, "set": {"tools": False}}
    with pytest.raises(error, match=says):
        catalog.load(written(tmp_path / "p.json", patch))


def test_a_file_is_applied_completely_or_not_at_all(catalog, tmp_path):
    good = {"provider": "openai", "models": "gpt-4o", "set": {"knowledge": "2030"}}
    for bad in (
        {"provider": "openai", "models": ["gpt-5", "gpt5"], "set": {"tools": False}},
        {"provider": "openai", "exclude": ["gpt5"]},
        {"provider": "opnai", "add": {"m": {"tools": True}}},
    ):
        with pytest.raises((UnknownModel, UnknownProvider)):
            catalog.load(written(tmp_path / "p.json", [good, bad]))
        assert catalog.get("openai:gpt-4o").knowledge != "2030"
    catalog.load(written(tmp_path / "p.json", [good, {"provider": "amazon_bedrock", "add": {"m": {"tools": True}}}]))
    assert catalog.get("openai:gpt-4o").knowledge == "2030" and catalog.get("amazon-bedrock:m").tools


def test_a_patch_by_an_underscored_name_applies_to_a_provider_that_is_read_again(catalog):
    catalog.patch("amazon_bedrock:*nova*", {"tools": False})
    catalog.add({"provider": "amazon-bedrock", "id": "mine"}).undo()
    assert catalog.get("amazon-bedrock:amazon.nova-lite-v1:0").tools is False


def test_each_change_can_be_undone_separately(catalog):
    name = "openai:gpt-4o"
    real = catalog.get(name).context_window
    first = catalog.patch(name, {"context_window": 1})
    second = catalog.patch(name, {"context_window": 2, "knowledge": "2030"})
    third = catalog.add({"provider": "openai", "id": "mine", "context_window": 3})
    second.undo()
    assert (catalog.get(name).context_window, catalog.get("openai:mine").context_window) == (1, 3)
    third.undo()
    first.undo()
    first.undo()
    assert catalog.get(name) == Catalog().get(name) and catalog.get(name).context_window == real
    assert not catalog.get("openai:mine").known


def test_a_change_can_be_limited_to_a_with_block(catalog):
    with catalog.add({"provider": "acme", "id": "m"}), catalog.patch("acme:m", {"context_window": 7}):
        assert catalog.get("acme:m").context_window == 7
        assert [str(model) for model in catalog.find("acme")] == ["acme:m"]
    assert not catalog.get("acme:m").known
    with pytest.raises(UnknownProvider):
        catalog.find("acme")


def test_a_model_that_replaces_a_listed_one_can_be_undone(catalog):
    with catalog.add(Model("openai", "gpt-4o", known=True, context_window=5)):
        assert catalog.get("openai:gpt-4o").context_window == 5
    assert catalog.get("openai:gpt-4o") == Catalog().get("openai:gpt-4o")


def test_a_patch_over_many_providers_is_undone_in_all_of_them(catalog):
    change = catalog.patch("*:*gpt-oss-120b*", {"tools": False})
    assert catalog.get("groq:openai/gpt-oss-120b").tools is False
    change.undo()
    assert catalog.get("groq:openai/gpt-oss-120b").tools is True
    assert catalog.get("cerebras:gpt-oss-120b").tools is True


def test_a_loaded_file_can_be_undone(catalog, tmp_path):
    provider = {"id": "openai", "api": "https://mine.test", "models": {"m": {"tools": True}}}
    with catalog.load(written(tmp_path / "o.json", provider)):
        assert catalog.get("openai:m").tools and not catalog.get("openai:gpt-4o").known
    assert catalog.get("openai:gpt-4o") == Catalog().get("openai:gpt-4o")
    assert catalog.provider("openai") == Catalog().provider("openai")
    with catalog.load(written(tmp_path / "p.json", {"provider": "groq", "add": {"m": {"tools": True}}})):
        assert catalog.get("groq:m").known
    assert not catalog.get("groq:m").known


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"provider": "anthropc"}, UnknownProvider, "did you mean 'anthropic'"),
        ({"input": "pictures"}, InvalidOption, "no model has the input 'pictures'"),
        ({"output": ["text", "vide"]}, InvalidOption, "did you mean 'video'"),
        ({"status": "stabl"}, InvalidOption, "did you mean 'stable'"),
        ({"max_input_price": "abc"}, InvalidOption, "max_input_price cannot be 'abc'"),
        ({"max_output_price": "nan"}, InvalidOption, "max_output_price"),
        ({"context_at_least": "8k"}, InvalidOption, "context_at_least cannot be '8k'"),
        ({"text": 4}, InvalidOption, "text cannot be 4"),
        ({"provider": 4}, InvalidOption, "provider cannot be 4"),
    ],
)
def test_an_invalid_search_of_models_is_an_error(catalog, asked, error, says):
    with pytest.raises(error, match=says):
        catalog.find(**asked)
