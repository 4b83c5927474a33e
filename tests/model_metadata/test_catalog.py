from __future__ import annotations

import json
import subprocess
import sys
import threading
from decimal import Decimal

import pytest

from stepwell.model_metadata import Catalog, ids
from stepwell.model_metadata import catalog as module
from stepwell.schemas.errors import ConfigError, UnknownModel
from stepwell.schemas.model import Model
from stepwell.schemas.prices import Prices, price
from stepwell.schemas.usage import Usage


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return Catalog()


@pytest.fixture
def catalog() -> Catalog:
    """Provide a catalog that the test may change."""
    return Catalog()


# Looking up


def test_a_row_becomes_a_model(shipped):
    model = shipped.get("anthropic:claude-sonnet-5")
    assert (str(model), model.known, model.name) == ("anthropic:claude-sonnet-5", True, "Claude Sonnet 5")
    assert (model.context_window, model.max_output_tokens) == (1_000_000, 128_000)
    assert (model.input, model.output) == ({"text", "image", "pdf"}, {"text"})
    assert (model.tools, model.reasoning, model.temperature) == (True, True, False)
    assert (model.prices.input, model.prices.cache_read, model.prices.cache_write) == (
        2,
        Decimal("0.2"),
        Decimal("2.5"),
    )
    assert (model.prices.as_of, model.prices.source) == ("2026-08-18", "models.dev (MIT)")


def test_the_rest_of_a_row_is_kept_as_facts(shipped):
    facts = shipped.get("openai:gpt-5.4").facts
    assert facts["open_weights"] is False
    assert facts["max_input_tokens"] == 922_000
    assert facts["modes"]["fast"]["body"] == {"service_tier": "priority"}


def test_a_faster_mode_has_its_own_prices(shipped):
    assert shipped.get("openai:gpt-5.4").prices.modes["fast"].output == 30


def test_a_catalog_model_is_made_once(shipped):
    assert shipped.get("openai:gpt-4o") is shipped.get("openai:gpt-4o")


def test_an_unreported_ability_is_none(shipped):
    assert shipped.get("302ai:MiniMax-M1").structured_output is None


@pytest.mark.parametrize("name", ["openai:gpt-99", "nobody:anything", "openai:../../etc/passwd", "../../x:y", "a:b:c"])
def test_an_unknown_model_passes_through(shipped, name):
    model = shipped.get(name)
    assert (str(model), model.known, model.prices, model.tools) == (name, False, None, None)
    assert shipped.find_exact(name) is None
    cost = price(Usage(input_tokens=1, output_tokens=1), model.prices)
    assert (cost.total, cost.reason) == (None, "no price is known for this model")


@pytest.mark.parametrize("name", ["", "gpt-4o", ":gpt-4o", "openai:", "openai: ", "write a poem: about wells", None, 3])
def test_a_name_of_another_form_is_an_error_that_shows_the_form(shipped, name):
    with pytest.raises(UnknownModel, match='write "provider:model-id"'):
        shipped.get(name)


def test_a_prompt_in_the_place_of_the_model_is_not_repeated(shipped):
    with pytest.raises(UnknownModel) as error:
        shipped.get("write a poem: about my secret")
    assert "secret" not in str(error.value)


# Spellings


@pytest.mark.parametrize(
    ("name", "listed_as"),
    [
        ("openai:gpt-5-2025-08-07", "gpt-5"),
        ("openai:gpt-4.1-2025-04-14", "gpt-4.1"),
        ("anthropic:claude-opus-4-6-20260205", "claude-opus-4-6"),
        ("anthropic:claude-opus-4-6-latest", "claude-opus-4-6"),
        ("amazon-bedrock:us.anthropic.claude-opus-4-6-v1:0", "us.anthropic.claude-opus-4-6-v1"),
        ("amazon-bedrock:apac.anthropic.claude-sonnet-5", "anthropic.claude-sonnet-5"),
        (
            "amazon-bedrock:arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-opus-5",
            "eu.anthropic.claude-opus-5",
        ),
        ("google:models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google:gemini-2.5-flash-001", "gemini-2.5-flash"),
        ("google-vertex:claude-opus-5", "claude-opus-5@default"),
        ("fireworks-ai:kimi-k3", "accounts/fireworks/models/kimi-k3"),
    ],
)
def test_other_spellings_have_the_facts_of_their_row(shipped, name, listed_as):
    model, row = shipped.get(name), shipped.get(name.partition(":")[0] + ":" + listed_as)
    assert str(model) == name
    assert model.facts["listed_as"] == listed_as
    assert (model.known, model.prices, model.context_window) == (True, row.prices, row.context_window)


def test_a_model_with_its_own_row_is_not_another_spelling(shipped):
    model = shipped.get("openai:gpt-4o-2024-05-13")
    assert "listed_as" not in model.facts
    assert model.prices.input == 5


@pytest.mark.parametrize("name", ["openrouter:anthropic/claude-sonnet-5:nitro", "openai:ft:gpt-4.1-mini:acme::x"])
def test_tokens_with_an_unknown_separate_price_have_no_price(shipped, name):
    model = shipped.get(name)
    assert (model.known, model.tools, model.prices) == (True, True, None)


def test_an_opaque_profile_stays_unknown(shipped):
    name = "amazon-bedrock:arn:aws:bedrock:us-east-1:1:application-inference-profile/x"
    assert shipped.get(name).known is False


def test_underscores_are_equal_to_hyphens(shipped):
    model = shipped.get("amazon_bedrock:amazon.nova-pro-v1:0")
    assert (model.known, model.provider) == (True, "amazon_bedrock")


def test_the_caller_may_bring_the_spellings(shipped):
    assert shipped.get("groq:groq/openai/gpt-oss-20b").known is False
    named = shipped.get("groq:groq/openai/gpt-oss-20b", normalize=[lambda id: id.removeprefix("groq/")])
    assert (named.known, named.id) == (True, "groq/openai/gpt-oss-20b")
    assert shipped.get("openai:gpt-5-2025-08-07", normalize=()).known is False
    assert shipped.get("groq:openai/gpt-oss-20b-2026-01-01", normalize=[ids.without_date]).known


# Wires


@pytest.mark.parametrize(
    ("name", "wire", "base_url"),
    [
        ("openai:gpt-4o", None, None),
        ("openai:o3-pro", "openai_responses", None),
        ("openai:gpt-5.3-codex", "openai_responses", None),
        ("azure:gpt-5.4-pro", "openai_responses", None),
        ("opencode:claude-opus-5", "anthropic_messages", None),
        ("opencode:gemini-3.7-flash", "google_generate", None),
        ("sakana:fugu", "openai_responses", None),
        ("zenmux:anthropic/claude-sonnet-5", "anthropic_messages", "https://zenmux.ai/api/anthropic/v1"),
        ("google-vertex:claude-opus-5@default", "anthropic_messages", None),
        (
            "azure:claude-opus-5",
            "anthropic_messages",
            "https://${AZURE_RESOURCE_NAME}.services.ai.azure.com/anthropic/v1",
        ),
    ],
)
def test_a_model_may_speak_another_wire_than_its_provider(shipped, name, wire, base_url):
    model = shipped.get(name)
    assert (model.wire, model.base_url) == (wire, base_url)


def test_providers_are_listed_with_wire_and_place(shipped):
    rows = {row.id: row for row in shipped.providers()}
    assert len(rows) == 191
    groq = rows["groq"]
    assert (groq.wire, groq.base_url, groq.env) == ("openai_chat", "https://api.groq.com/openai/v1", ("GROQ_API_KEY",))
    assert rows["fireworks-ai"].base_url == "https://api.fireworks.ai/inference/v1"
    assert shipped.provider("nobody") is None


# Finding


def test_find_by_ability(shipped):
    found = shipped.find("openai", reasoning=True, tools=True, input={"image", "pdf"}, context_at_least=400_000)
    assert "gpt-5.4" in {model.id for model in found}
    assert all(model.reasoning and model.tools and {"image", "pdf"} <= model.input for model in found)


def test_find_by_price_leaves_out_models_without_a_price(shipped):
    found = shipped.find("openai", max_input_price="0.25", max_output_price=1)
    assert "gpt-4.1-nano" not in {model.id for model in found if model.prices is None}
    assert found
    assert all(model.prices.input <= Decimal("0.25") and model.prices.output <= 1 for model in found)


def test_find_by_status(shipped):
    deprecated = shipped.find("openai", status="deprecated")
    assert {model.id for model in deprecated} >= {"gpt-4"}
    assert not {str(model) for model in deprecated} & {str(model) for model in shipped.find("openai", status="stable")}


def test_find_by_text(shipped):
    assert shipped.find("anthropic", text="SONNET 5")[-1].id == "claude-sonnet-5"


def test_find_over_every_provider(shipped):
    embedders = shipped.find(output="embedding")
    assert {"openai:text-embedding-3-small", "cohere:embed-v4.0"} <= {str(model) for model in embedders}
    assert all(model.output == {"embedding"} for model in embedders)
    assert {"ranking"} == {output for model in shipped.find("cohere", text="rerank") for output in model.output}


# Changing


def test_a_model_of_your_own(catalog):
    catalog.add(Model("acme", "m-1", known=True, context_window=8192, prices=Prices(input=1, output=2)))
    assert catalog.get("acme:m-1").context_window == 8192
    assert [str(model) for model in catalog.find("acme")] == ["acme:m-1"]


def test_a_row_of_your_own_may_use_the_names_of_a_model(catalog):
    row = {"provider": "openai", "id": "mine", "context_window": 10, "tools": True, "prices": {"input": "0.5"}, "x": 1}
    catalog.add(row)
    model = catalog.get("openai:mine")
    assert (model.known, model.context_window, model.tools, model.reasoning) == (True, 10, True, None)
    assert (model.prices.input, model.facts) == (Decimal("0.5"), {"x": 1})
    assert catalog.get("openai:gpt-4o").known


def test_a_row_without_a_name_is_refused(catalog):
    with pytest.raises(ConfigError, match='"provider" and an "id"'):
        catalog.add({"id": "m"})


def test_a_patch_changes_only_matching_models(catalog):
    before = catalog.get("openai:gpt-5")
    catalog.patch("openai:gpt-4.1*", {"context_window": 5, "cost": {"input": 9}, "family": None})
    model = catalog.get("openai:gpt-4.1-mini")
    assert (model.context_window, model.max_output_tokens) == (5, 32_768)
    assert (model.prices.input, model.prices.output, model.family) == (9, Decimal("1.6"), None)
    assert catalog.get("openai:gpt-5") is before


def test_a_patch_reaches_providers_that_are_read_later(catalog):
    catalog.patch("*:*gpt-oss-120b*", {"tools": False})
    assert catalog.get("groq:openai/gpt-oss-120b").tools is False
    assert catalog.get("cerebras:gpt-oss-120b").tools is False
    assert catalog.get("groq:openai/gpt-oss-20b").tools is True


def test_a_patch_that_matches_nothing_is_an_error(catalog):
    with pytest.raises(UnknownModel, match="no model of openai matches 'gpt5'"):
        catalog.patch("openai:gpt5", {"tools": False})


@pytest.mark.parametrize(
    "cost", [{"input": -1}, {"tiers": [{"over": 5, "input": -1}]}, {"output": {"of": "input"}}, "free", {"input": "x"}]
)
def test_a_price_below_zero_or_malformed_is_refused_and_changes_nothing(catalog, cost):
    with pytest.raises(ConfigError, match="openai:gpt-4o: "):
        catalog.patch("openai:gpt-4o", {"cost": cost})
    assert catalog.get("openai:gpt-4o").prices.input == Decimal("2.5")


def test_catalogs_do_not_share_their_changes(catalog):
    catalog.patch("openai:gpt-4o", {"tools": None})
    assert catalog.get("openai:gpt-4o").tools is None
    assert Catalog().get("openai:gpt-4o").tools is True


def test_changes_are_counted(catalog):
    versions = [catalog.version]
    catalog.get("openai:gpt-4o")
    versions.append(catalog.version)
    catalog.patch("openai:gpt-4o", {"tools": False})
    versions.append(catalog.version)
    catalog.add(Model("acme", "m"))
    versions.append(catalog.version)
    assert versions[0] == versions[1] < versions[2] < versions[3]


def test_a_provider_from_a_file(catalog, tmp_path):
    rows = {"m-1": {"limit": {"context": 4096}, "cost": {"input": 1, "output": 2}}}
    file = tmp_path / "acme.json"
    file.write_text(json.dumps({"id": "acme", "npm": "@ai-sdk/openai", "api": "https://a.test/v1/", "models": rows}))
    catalog.load(str(file))
    row = catalog.provider("acme")
    assert (row.wire, row.base_url, row.models) == ("openai_responses", "https://a.test/v1", 1)
    assert catalog.get("acme:m-1").context_window == 4096


def test_a_patch_from_a_file(catalog, tmp_path):
    file = tmp_path / "ours.json"
    patch = {"provider": "openai", "exclude": ["gpt-3*"], "add": {"new": {"tools": True}}, "set": {"knowledge": "2030"}}
    file.write_text(json.dumps(patch))
    catalog.load(str(file))
    assert catalog.get("openai:gpt-3.5-turbo").known is False
    assert catalog.get("openai:new").tools is True
    assert catalog.get("openai:gpt-4o").knowledge == "2030"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "is not JSON"),
        ("{}", "names no provider"),
        ('{"provider": "openai", "sets": {}}', "unknown keys: sets"),
        ('{"id": "acme", "models": ["m-1"]}', 'needs an "id" and "models"'),
        ('{"id": "acme", "models": {"m": {"cost": {"input": -1}}}}', "acme:m: a price must be zero or more"),
    ],
)
def test_an_unusable_file_is_an_error_with_the_reason(catalog, tmp_path, content, fault):
    file = tmp_path / "bad.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=fault):
        catalog.load(str(file))


def test_a_missing_file_is_an_error(catalog, tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        catalog.load(str(tmp_path / "absent.json"))


def test_an_empty_catalog_knows_nothing():
    empty = Catalog(None)
    assert (empty.providers(), empty.find(), empty.get("openai:gpt-4o").known) == ([], [], False)


# Manners


@pytest.mark.usefixtures("new_process")
def test_importing_reads_no_catalog_file():
    script = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, what: opened.append(str(what[0])) if event == 'open' else None)\n"
        "from stepwell.model_metadata import CATALOG\n"
        "assert not [path for path in opened if path.endswith('.json')], opened\n"
        "assert not {'httpx', 'jsonschema', 'cattrs', 'asyncio'} & sys.modules.keys()\n"
        "CATALOG.get('groq:openai/gpt-oss-20b')\n"
        "read = [path for path in opened if '/data/' in path]\n"
        "assert len(read) == 1 and read[0].endswith('groq.json'), read\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_many_threads_read_each_file_once(monkeypatch):
    reads: list[str] = []
    real = module.read_json
    monkeypatch.setattr(module, "read_json", lambda path: (reads.append(path), real(path))[1])
    catalog, seen, start = Catalog(), [], threading.Barrier(16)

    def look() -> None:
        start.wait()
        seen.extend(catalog.get(name) for name in ("openai:gpt-4o", "groq:openai/gpt-oss-20b", "openai:gpt-4o"))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=look) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(reads) == len(set(reads))
    assert len({id(model) for model in seen}) == 2


def test_an_endless_stream_of_names_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED", 10)
    catalog = Catalog(None)
    for number in range(100):
        catalog.get(f"acme:model-{number}")
    assert len(catalog._found) <= 10
