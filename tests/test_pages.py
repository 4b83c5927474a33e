"""The pages of docs/: snippets stand alone and print what the page shows, tables are those of the code, and every page
is listed, short, and shown by `stepwell docs`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools import snippets, tables
from tools.picture import picture
from tools.site import with_addresses

from command_line import run

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
WITH_SNIPPETS = [path for path in [ROOT / "README.md", *PAGES] if "\n```python\n" in path.read_text(encoding="utf-8")]
GROUPS = 4
"""Pages run in this many processes, each of which imports stepwell once."""


@pytest.mark.usefixtures("documents", "new_process")
@pytest.mark.parametrize("first", range(GROUPS))
def test_each_snippet_stands_alone_and_prints_what_the_page_shows(first: int, remembered_model: Any) -> None:
    """If only outputs differ, `make docs-outputs` writes them anew."""
    program = [str(ROOT / "tools" / "snippets.py"), *map(str, WITH_SNIPPETS[first::GROUPS])]
    command = [sys.executable, str(ROOT / "tests" / "support" / "run_remembered.py"), remembered_model.url, *program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


NEEDY = """Text.

```python
import attrs, httpx
try:
    import pydantic
    print("pydantic is here")
except ImportError:
    print("the base installation")
```
"""


@pytest.mark.usefixtures("documents", "new_process")
def test_a_snippet_that_needs_another_package_has_a_line_above_it_that_installs_it(tmp_path: Path) -> None:
    """What others see is `pip install stepwell`, with the extras `local` and `fast`."""
    for name, above in {
        "without": "",
        "far": "`pip install pydantic`\n\n",
        "near": "For this, `pip install pydantic`:\n",
    }.items():
        (tmp_path / f"{name}.md").write_text(above + NEEDY)
    command = [sys.executable, str(ROOT / "tools" / "snippets.py"), "--write", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = {path.stem: path.read_text().rstrip("`\n").splitlines()[-1] for path in tmp_path.iterdir()}
    assert last == {"without": "the base installation", "far": "the base installation", "near": "pydantic is here"}


def test_a_snippet_that_asks_for_the_fast_transport_has_a_line_above_it_that_installs_it() -> None:
    for path in WITH_SNIPPETS:
        text = path.read_text(encoding="utf-8")
        for block in snippets.BLOCK.finditer(text):
            if re.search(r"""^[^#\n]*(?:=\s*["']fast["']|FastTransport\()""", block["code"], re.M):
                above = text[: block.start()].rstrip().rpartition("\n\n")[2]
                assert re.search(r"pip install 'stepwell\[.*fast", above), f"{path.name}: {block['code'][:200]}"


def test_tables_and_picture_are_those_of_the_code() -> None:
    old = [path.name for path in PAGES if tables.with_tables(text := path.read_text(encoding="utf-8")) != text]
    assert not old and (DOCS / "pipeline.svg").read_text(encoding="utf-8") == picture(), "make docs-outputs"


def test_every_page_is_listed_once_and_short() -> None:
    listed = re.findall(r"^- \[.+?\]\((\w+\.md)\)", (DOCS / "index.md").read_text(encoding="utf-8"), re.M)
    assert sorted([*listed, "index.md"]) == [path.name for path in PAGES]
    assert not [path.name for path in PAGES if path.read_text(encoding="utf-8").count("\n") > 340]


def test_the_readme_fits_on_one_screen() -> None:
    assert (ROOT / "README.md").read_text(encoding="utf-8").count("\n") <= 85


def test_pages_are_listed_shown_and_searched_within_80_columns(monkeypatch: Any, capsys: Any) -> None:
    code, out, _ = run(monkeypatch, capsys, "docs")
    assert code == 0 and all(len(line) <= 80 for line in out.splitlines())
    assert {path.stem for path in PAGES} - {"index"} <= set(re.findall(r"^  (\w+)", out, re.M))
    code, out, _ = run(monkeypatch, capsys, "docs", "errors")
    assert code == 0 and out.startswith("# Errors\n") and "](" not in out
    assert all(len(line) <= 80 for line in out.splitlines() if not line.startswith("    "))
    code, out, _ = run(monkeypatch, capsys, "docs", "coverage")
    assert code == 0 and "../tests" not in out and "][" not in out
    code, out, _ = run(monkeypatch, capsys, "docs", "full", "jitter")
    assert code == 0 and out.startswith("reliability ")
    code, _, err = run(monkeypatch, capsys, "docs", "relabilty")
    assert code == 2 and "did you mean 'reliability'" in err


def test_the_site_links_to_the_repository_for_files_outside_of_the_pages() -> None:
    for path in PAGES:
        assert "](../" not in (text := with_addresses(path.read_text(encoding="utf-8"))) and "]: ../" not in text


def slug(heading: str) -> str:
    """Return the anchor of a heading, which is the same on GitHub and on the site."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def test_every_anchor_leads_to_a_heading() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in PAGES}
    anchors = {name: {slug(each) for each in re.findall(r"^#+ (.+)", text, re.M)} for name, text in texts.items()}
    links = [(name, *link) for name, text in texts.items() for link in re.findall(r"\]\((\w+\.md)#([^)]+)\)", text)]
    assert len(links) > 20 and not [link for link in links if link[2] not in anchors[link[1]]]
