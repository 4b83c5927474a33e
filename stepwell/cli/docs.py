"""`stepwell docs`: list the pages of the documentation, show one, or search them for words."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ..schemas.errors import ConfigError
from ..schemas.nearest import nearest
from .printing import WIDTH, print_wrapped, say

_LINK = re.compile(r"!?\[([^\]]+)\](?:\(([^)\s]+)\)|\[\d+\])")
_LISTED = re.compile(r"^- \[([^\]]+)\]\((\w+)\.md\)(?:: (.+))?$")
_COMMENT = re.compile(r"^(?:<!-- .*-->\n\n?|\[\w+\]: .*\n)", re.M)
"""Comments, and the addresses of links."""
_ITEM = re.compile(r"(?:- |\d+\. )")


def docs(arguments: argparse.Namespace) -> None:
    """Print the list of pages, the page that a single word names, or the headings of sections with all words.

    Raises ConfigError if nothing is found.
    """
    pages = _pages()
    words: list[str] = arguments.words
    name = words[0].removesuffix(".md").replace("-", "_") if len(words) == 1 else ""
    if not words:
        _print_list(pages["index"])
    elif name in pages:
        for line in _plain(pages[name].read_text(encoding="utf-8")):
            say(line)
    elif found := list(_found(pages, [word.lower() for word in words])):
        for page, heading in found:
            print_wrapped(f"{page:<26}  {heading}", 26)
    else:
        hint = nearest(name or words[0], pages)
        raise ConfigError(f"no page is named or contains {' '.join(words)!r:.60}", hint=hint)


def _pages() -> dict[str, Traversable]:
    """Return the pages by name, of the package or of a checkout's docs/. Raises ConfigError without any."""
    folder: Traversable = files("stepwell") / "docs"
    if not folder.is_dir():
        folder = Path(__file__).resolve().parents[2] / "docs"
    if not folder.is_dir():
        raise ConfigError("this installation has no documentation", hint="see https://github.com/stepwell/stepwell")
    found = {each.name.removesuffix(".md"): each for each in folder.iterdir() if each.name.endswith(".md")}
    return dict(sorted(found.items()))


def _print_list(index: Traversable) -> None:
    for line in index.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            say(f"\n{line[3:]}")
        elif listed := _LISTED.match(line):
            title, page, about = listed.groups()
            print_wrapped(f"  {page:<24}  {about or title}", 26)
    say("\nstepwell docs PAGE shows a page, stepwell docs WORD ... finds words")


def _found(pages: dict[str, Traversable], words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield page and heading of each section in which all words occur."""
    for name, page in pages.items():
        # Only ## begins a section: a line with one # may be a comment in code.
        for section in re.split(r"^(?=##+ )", page.read_text(encoding="utf-8"), flags=re.M):
            if all(word in section.lower() for word in words):
                yield name, section.partition("\n")[0].lstrip("# ")


def _plain(text: str) -> Iterator[str]:
    """Yield the lines of a page: code unchanged, text within 80 columns, links to other pages as their texts."""
    paragraph: list[str] = []
    in_code = False
    for line in [*_COMMENT.sub("", text).splitlines(), ""]:
        fence = line.startswith("```")
        if paragraph and (fence or not line.strip() or _ITEM.match(line.lstrip()) or line.startswith(("|", "#", ">"))):
            yield from _wrapped(" ".join(paragraph))
            paragraph = []
        if fence:
            in_code = not in_code
            if in_code and (title := re.search(r'title="([^"]+)"', line)):
                yield f"    {title[1]}:"
        elif in_code:
            yield f"    {line}".rstrip()
        elif line.startswith("|"):
            yield from _row(line)
        elif line.startswith("#") or not line.strip():
            yield line
        else:
            paragraph.append(line if not paragraph else line.strip())


def _wrapped(text: str) -> list[str]:
    text = _LINK.sub(_shown, text)
    start = re.match(r"\s*(?:- |\d+\. |> )?", text)
    indent = len(start[0]) if start else 0
    return _lines(text, indent) or [""]


def _row(line: str) -> list[str]:
    """Return the lines of a table's row: its first cell, a colon and the others, indented where they are wrapped."""
    cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
    if all(set(cell) <= set("-: ") for cell in cells):
        return []
    first, *others = (_LINK.sub(_shown, cell) for cell in cells)
    rest = "; ".join(cell for cell in others if cell)
    return _lines(f"{first}: {rest}" if rest else first, 4)


def _lines(text: str, indent: int) -> list[str]:
    """Wrap a text, with all lines but the first indented. Neither URLs nor names of options are broken."""
    spaces = " " * indent
    return textwrap.wrap(text, WIDTH, subsequent_indent=spaces, break_on_hyphens=False, break_long_words=False)


def _shown(link: re.Match[str]) -> str:
    """Return a link as text, with its address if that is outside of the documentation."""
    return f"{link[1]} ({link[2]})" if (link[2] or "").startswith("http") else link[1]
