"""docs/security.md names, for each fault that other libraries have had, a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from stepwell import Client
from stepwell.errors import DecodeError

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/security.md").read_text()
ROWS = re.findall(r"^\| (.+) \| \[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\) \|$", PAGE, re.M)


def test_every_test_of_the_page_exists() -> None:
    missing = [name for _, name, file in ROWS if f"def {name}(" not in (ROOT / file).read_text()]
    assert missing == [] and len(ROWS) >= 77 and len({what for what, _, _ in ROWS}) == len(ROWS)


def test_every_row_of_its_tables_is_a_link_to_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    heads = [row for row in rows if row.startswith("| what goes wrong")]
    assert len(rows) - len(heads) == len(ROWS)


@pytest.mark.parametrize(
    "value", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000, "1e400", "-" + "9" * 1_000_000, "NaN"]
)
def test_an_answer_of_endless_depth_or_digits_is_read_or_a_typed_error_at_once(value: str) -> None:
    body = '{"odd": %s, "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}' % value  # noqa: UP031
    answer = httpx.MockTransport(lambda request: httpx.Response(200, text=body))
    with Client(transport=answer, api_keys={"openai": "k"}, retries=0) as client:
        try:
            assert client.generate_text("openai:gpt-4o", "hi").text == "hi"
        except DecodeError as error:
            assert len(str(error)) < 1000 and len(error.payload) <= 2000
