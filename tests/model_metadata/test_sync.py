from __future__ import annotations

import gzip
import json

import pytest

from stepwell.model_metadata import Catalog, sync
from stepwell.model_metadata.catalog import FOLDER
from stepwell.model_metadata.files import read_models
from stepwell.model_metadata.models_dev import parse_catalog
from stepwell.schemas.errors import ConfigError

ROW = {
    "id": "m-1",
    "name": "Model 1",
    "attachment": False,
    "reasoning": True,
    "tool_call": True,
    "interleaved": {"field": "reasoning_content"},
    "release_date": "2026-01-02",
    "last_updated": "2026-01-03",
    "modalities": {"input": ["text"], "output": ["text"]},
    "open_weights": False,
    "limit": {"context": 1_000, "output": 0},
    "cost": {
        "input": 0.30000000000000004,
        "output": 2,
        "cache_write": 0,
        "tiers": [{"input": 0.6, "output": 3, "tier": {"type": "context", "size": 128_000}}],
        "context_over_200k": {"input": 0.6, "output": 3},
    },
    "experimental": {"modes": {"fast": {"cost": {"input": 1, "output": 4}, "provider": {"body": {"speed": "fast"}}}}},
    "provider": {"npm": "@ai-sdk/openai", "shape": "responses"},
}


def api(**changes):
    row = {key: value for key, value in {**ROW, **changes}.items() if value is not None}
    return {
        "acme": {"id": "acme", "name": "Acme", "npm": "@ai-sdk/openai", "env": ["ACME_KEY"], "models": {"m-1": row}}
    }


@pytest.fixture
def run(tmp_path, capsys):
    """Synchronise a made-up api.json into a folder of its own, and return what was printed."""

    def run(content, *more):
        file = tmp_path / "api.json"
        file.write_text(json.dumps(content))
        assert sync.run_sync(["--from", str(file), "--to", str(tmp_path), *more]) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_a_row_is_cleaned():
    assert parse_catalog(api()).providers["acme"]["models"]["m-1"] == {
        "name": "Model 1",
        "attachment": False,
        "reasoning": True,
        "tool_call": True,
        "release_date": "2026-01-02",
        "open_weights": False,
        "limit": {"context": 1_000},
        "provider": {"npm": "@ai-sdk/openai", "shape": "responses"},
        "interleaved": "reasoning_content",
        "modes": {"fast": {"cost": {"input": 1, "output": 4}, "body": {"speed": "fast"}}},
        "cost": {"input": 0.3, "output": 2, "tiers": [{"over": 128_000, "input": 0.6, "output": 3}]},
    }


def test_a_long_context_without_a_size_starts_at_200k():
    cost = {"input": 1, "output": 2, "context_over_200k": {"input": 2, "output": 3}}
    row = parse_catalog(api(cost=cost)).providers["acme"]["models"]["m-1"]
    assert row["cost"]["tiers"] == [{"over": 200_000, "input": 2, "output": 3}]


def test_negative_prices_are_left_out_and_reported(run):
    lines = run(api(cost={"input": -1, "output": -1}))
    assert lines[-1] == "problem: acme:m-1: prices left out, input -1, output -1"


def test_a_free_model_stays_free():
    row = parse_catalog(api(cost={"input": 0, "output": 0, "cache_read": 0})).providers["acme"]["models"]["m-1"]
    assert row["cost"] == {"input": 0, "output": 0, "cache_read": 0}


def test_synced_data_can_be_read(run, tmp_path):
    run(api())
    catalog = Catalog(str(tmp_path))
    model = catalog.get("acme:m-1")
    assert (model.wire, model.release_date, model.prices.tiers[0].over) == ("openai_responses", "2026-01-02", 128_000)
    assert model.facts["interleaved"] == "reasoning_content"
    assert catalog.provider("acme").env == ("ACME_KEY",)


def test_the_difference_names_added_removed_and_changed_models(run):
    assert run(api()) == ["+ acme (1 models)", "1 providers, 1 models"]
    assert run(api()) == ["nothing changed", "1 providers, 1 models"]
    dearer = api(limit={"context": 2_000}, cost={"input": 0.5, "output": 2})
    dearer["acme"]["models"]["m-2"] = ROW
    dearer["zenith"] = {**api()["acme"], "id": "zenith"}
    assert run(dearer) == [
        "+ zenith (1 models)",
        "+ acme:m-2",
        "~ acme:m-1 cost.input 0.3 -> 0.5, cost.tiers [{'over': 128000, 'input': 0.6, 'output': 3}] -> none, "
        "limit.context 1000 -> 2000",
        "2 providers, 3 models",
    ]
    moved = api()
    moved["acme"]["api"] = "https://acme.test"
    assert run(moved)[:3] == ["- zenith (1 models)", "~ acme api none -> https://acme.test", "- acme:m-2"]


def test_files_of_providers_that_are_gone_are_removed(run, tmp_path):
    run({**api(), "zenith": {**api()["acme"], "id": "zenith"}})
    run(api())
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["acme.json"]


def test_a_dry_run_writes_nothing(run, tmp_path):
    assert run(api(), "--dry-run")[0] == "+ acme (1 models)"
    assert not (tmp_path / "index.json").exists()


def test_a_dated_and_gzipped_file(tmp_path):
    file = tmp_path / "api.json.gz"
    file.write_bytes(gzip.compress(json.dumps({"generated_at": "2026-08-18T08:14:34", "providers": api()}).encode()))
    assert sync.run_sync(["--from", str(file), "--to", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "index.json").read_text())["as_of"] == "2026-08-18"
    assert Catalog(str(tmp_path)).get("acme:m-1").prices.as_of == "2026-08-18"


def test_an_id_that_is_no_file_name_is_left_out(run, tmp_path):
    lines = run({**api(), "../evil": {**api()["acme"], "id": "../evil"}})
    assert lines[-1] == "problem: '../evil' left out: it cannot be a file name"


@pytest.mark.parametrize("content", [[], {"acme": 1}, {"acme": {"name": "Acme"}}])
def test_data_in_another_form_than_models_devs_is_refused(content):
    with pytest.raises(ConfigError, match=r"this is not models\.dev data"):
        parse_catalog(content)


def test_a_missing_file_is_reported_on_stderr(capsys, tmp_path):
    assert sync.run_sync(["--from", str(tmp_path / "absent.json")]) == 1
    assert "cannot read" in capsys.readouterr().err


def test_data_is_fetched_from_the_origin(httpx_mock, tmp_path, capsys):
    httpx_mock.add_response(url=sync.URL, json=api())
    assert sync.run_sync(["--to", str(tmp_path)]) == 0
    assert "+ acme (1 models)" in capsys.readouterr().out


def test_a_refusal_while_fetching_changes_nothing(httpx_mock, tmp_path, capsys):
    httpx_mock.add_response(url=sync.URL, status_code=302, headers={"location": "https://elsewhere.test"})
    assert sync.run_sync(["--to", str(tmp_path)]) == 1
    assert "answered with status 302" in capsys.readouterr().err
    assert not (tmp_path / "index.json").exists()


@pytest.mark.parametrize("values", [[True, True, False, None], [None, None, True, False], [["text"], ["text"], [], 1]])
def test_a_file_gives_each_model_the_fields_that_it_had(values, tmp_path):
    rows = {f"m{at}": {"name": "M"} | ({} if each is None else {"tool_call": each}) for at, each in enumerate(values)}
    path = tmp_path / "acme.json"
    path.write_text(json.dumps(sync.with_common_fields(rows)))
    assert read_models(path) == rows


def test_the_packaged_catalog_is_what_a_sync_writes(tmp_path):
    shipped = sync.stored(FOLDER)
    again = parse_catalog(shipped)
    assert again.problems == []
    assert sync.difference(shipped, again.providers)[0] == "nothing changed"


@pytest.fixture
def stored(tmp_path):
    """Make a folder with the files of three providers."""
    rows = {id: {"id": id, "models": {"m": dict(ROW)}} for id in ("a", "b", "c")}
    sync.sync(parse_catalog(rows), str(tmp_path))
    return tmp_path


def files(folder):
    return {path.name: path.read_text() for path in (folder / "data").iterdir()}


@pytest.mark.parametrize("content", [{}, {"providers": {}}, {"a": {"models": {}}}, {"a": {"models": {"m": "x"}}}])
def test_an_origin_without_models_empties_nothing(stored, tmp_path, capsys, content):
    before = files(stored)
    origin = tmp_path / "api.json"
    origin.write_text(json.dumps(content))
    assert sync.run_sync(["--from", str(origin), "--to", str(stored), "--shrink"]) == 1
    assert "no model was found" in capsys.readouterr().err
    assert files(stored) == before


def test_most_providers_are_not_removed_without_confirmation(stored, tmp_path, capsys):
    before = files(stored)
    origin = tmp_path / "api.json"
    origin.write_text(json.dumps({"a": {"models": {"m": ROW}}}))
    assert sync.run_sync(["--from", str(origin), "--to", str(stored)]) == 1
    assert "only 1 providers were found where 3 are stored" in capsys.readouterr().err
    assert files(stored) == before
    assert sync.run_sync(["--from", str(origin), "--to", str(stored), "--dry-run"]) == 0
    assert files(stored) == before
    assert sync.run_sync(["--from", str(origin), "--to", str(stored), "--shrink"]) == 0
    assert set(files(stored)) == {"a.json"}


@pytest.mark.parametrize("change", [{"limit": "x"}, {"cost": 5}, {"provider": "x"}, {"experimental": "x"}])
def test_a_row_of_another_form_is_left_out_and_reported(run, change):
    content = api()
    content["acme"]["models"]["odd"] = {**ROW, **change}
    lines = run(content)
    assert lines[-1].startswith("problem: acme:odd left out: it does not have the form of a row")
    assert "1 models" in lines[-2]


def test_a_broken_gzip_file_is_an_error_of_one_line(tmp_path, capsys):
    for name, content in (("a.json.gz", b"not gzip"), ("b.json.gz", gzip.compress(b"{}" * 99)[:-9])):
        (tmp_path / name).write_bytes(content)
        assert sync.run_sync(["--from", str(tmp_path / name), "--to", str(tmp_path)]) == 1
        assert capsys.readouterr().err.startswith(f"sync: {tmp_path / name} is not a gzip file")
