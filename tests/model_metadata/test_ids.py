from __future__ import annotations

import pytest
from in_turn import in_turn

from stepwell.model_metadata import ids
from stepwell.model_metadata.ids import Spellings


@pytest.mark.parametrize(
    ("normalize", "spelling", "short"),
    [
        (ids.without_date, "gpt-4o-2024-08-06", "gpt-4o"),
        (ids.without_date, "claude-opus-4-6-20260205", "claude-opus-4-6"),
        (ids.without_date, "claude-sonnet-4@20250514", "claude-sonnet-4"),
        (ids.without_date, "mistral-large-2512", "mistral-large-2512"),
        (ids.without_latest, "ministral-8b-latest", "ministral-8b"),
        (ids.without_default, "claude-opus-5@default", "claude-opus-5"),
        (ids.without_version, "anthropic.claude-opus-4-6-v1:0", "anthropic.claude-opus-4-6"),
        (ids.without_version, "openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b-1"),
        (ids.without_region, "us-gov.anthropic.claude-opus-5", "anthropic.claude-opus-5"),
        (ids.without_region, "us.model", "us.model"),
        (ids.without_arn, "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.x.y", "eu.x.y"),
        (ids.without_variant, "deepseek/deepseek-r1:free", "deepseek/deepseek-r1"),
        (ids.without_variant, "gemma4:31b", "gemma4:31b"),
        (ids.without_revision, "gemini-2.5-flash-001", "gemini-2.5-flash"),
        (ids.without_models_prefix, "models/gemini-2.5-pro", "gemini-2.5-pro"),
        (ids.without_folders, "accounts/fireworks/models/kimi-k3", "kimi-k3"),
        (ids.base_of_fine_tune, "ft:gpt-4.1-mini:acme::7p4lURel", "gpt-4.1-mini"),
    ],
)
def test_an_id_is_shortened(normalize, spelling, short):
    assert normalize(spelling) == short


@in_turn("normalize", sorted({*sum(ids.NORMALIZERS.values(), ids.ANY)}, key=lambda f: f.__name__))
@in_turn("odd", ["", ":", "/", "ft:", "arn:", "-latest", "@default", "models/", "../../etc/passwd"])
def test_no_id_breaks_them(normalize, odd):
    assert isinstance(normalize(odd), str)


def test_the_least_shortened_match_wins():
    spellings = Spellings(["claude-v1", "us.claude-v1"])
    steps = (ids.without_version, lambda id: id.removeprefix("us."))
    assert spellings.find("us.claude-v2:0", steps) == ("us.claude-v1", True)
    assert spellings.find("claude-v2:0", steps) == ("claude-v1", True)


def test_an_undated_row_takes_precedence_over_dated_ones():
    spellings = Spellings(["gpt-4o-2024-05-13", "gpt-4o", "gpt-4o-2024-11-20"])
    assert spellings.find("gpt-4o-2025-01-01", (ids.without_date,)) == ("gpt-4o", True)


def test_a_variant_shares_the_abilities_of_its_row_but_not_its_price():
    assert Spellings(["a/b"]).find("a/b:nitro", (ids.without_variant,)) == ("a/b", False)
    assert Spellings(["a/b:free"]).find("a/b", (ids.without_variant,)) == ("a/b:free", False)


def test_an_unknown_model_stays_unknown():
    assert Spellings(["a"]).find("b-2024-01-01", ids.ANY) is None
