"""`stepwell jobs`: a part is found by the beginning of its name, and errors name commands of the shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import stepwell

from command_line import run
from loopback import completion

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Write the journal of a job `reviews` with a part for each of twelve items, and of one without parts."""
    path = tmp_path / "my work.sqlite"
    network = httpx.MockTransport(lambda request: httpx.Response(200, content=completion("yes")))
    with stepwell.Client(transport=network, api_keys={"openai": "k"}, journal=path) as client:
        items = [{"id": f"i{at}"} for at in range(12)]
        client.map(items, model="openai:gpt-4o", prompt="{id}", key="id", job="reviews").run()
        client.map(list("abcdefghijkl"), model="openai:gpt-4o", job="letters").run()
        client.generate_text("openai:gpt-4o", "hi", job="alone")
    return path


@pytest.fixture
def jobs(journal: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    return lambda *words: run(monkeypatch, capsys, "jobs", str(journal), *words)


def names(jobs: Run) -> list[str]:
    return [line.partition("  ")[0] for line in jobs("show", "reviews")[1].splitlines()[1:]]


def test_a_part_is_shown_by_the_words_that_its_name_begins_with(jobs: Run) -> None:
    name = next(name for name in names(jobs) if name.startswith("i1 "))
    whole = jobs("show", "reviews", "--part", name)
    assert whole[0] == 0 and "send" in whole[1]
    assert jobs("show", "reviews", "--part", "i1") == whole, "although there are i10 and i11"
    assert jobs("show", "reviews", "--part", name[:-1]) == whole


def test_a_part_of_a_map_without_keys_is_shown_by_its_number(jobs: Run) -> None:
    code, out, _ = jobs("show", "letters", "--part", "1")
    assert code == 0 and "send" in out


def test_a_part_that_may_be_several_or_none_is_an_error_with_the_command_that_lists_them(
    jobs: Run, journal: Path
) -> None:
    listing = f"stepwell jobs '{journal}' show reviews lists its parts\n"
    letter = names(jobs)[0][0]
    for part, says in ((letter, f"parts of job 'reviews' begin with '{letter}'"), ("zz", "has no part 'zz'")):
        code, out, err = jobs("show", "reviews", "--part", part)
        assert (code, out) == (2, "") and says in err and err.endswith(listing)


@pytest.mark.parametrize("action", ["show", "forget"])
def test_a_job_that_is_not_there_is_an_error_with_the_command_that_lists_all(
    action: str, jobs: Run, journal: Path
) -> None:
    code, _, err = jobs(action, "reviewz")
    assert code == 2 and err == f"stepwell: there is no job 'reviewz'; stepwell jobs '{journal}' lists all\n"


def test_what_is_forgotten_is_named_by_whole_words(jobs: Run) -> None:
    first, *others = names(jobs)
    assert jobs("forget", "reviews", "--part", first[:-1])[0] == 2 and names(jobs) == [first, *others]
    code, out, _ = jobs("forget", "reviews", "--part", first.split()[0])
    assert (code, out) == (0, f"forgot {first} of reviews\n") and names(jobs) == others


def test_a_job_without_parts_has_none_to_name(jobs: Run) -> None:
    assert jobs("show", "alone")[0] == 0
    assert "has no part 'x'" in jobs("show", "alone", "--part", "x")[2]


def test_a_name_of_several_lines_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    path = tmp_path / "work.sqlite"
    network = httpx.MockTransport(lambda request: httpx.Response(200, content=completion("yes")))
    with stepwell.Client(transport=network, api_keys={"openai": "k"}, journal=path) as client:
        client.generate_text("openai:gpt-4o", "hi", job="first line\nsecond line\r")
    _, out, _ = run(monkeypatch, capsys, "jobs", str(path))
    assert [line.partition("  ")[0] for line in out.splitlines()] == ["JOB", "first line\\nsecond line\\r"]
