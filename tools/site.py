"""Build the site of the documents into .build/site: `make docs`.

The pages are those of docs/, in the order of docs/index.md; the reference is made from the docstrings of the public
modules. Beside each page stands its Markdown, and llms.txt and llms-full.txt list and join them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tools import reference

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
BUILD = ROOT / ".build"
PAGES, SITE, TYPES = BUILD / "pages", BUILD / "site", BUILD / "types"
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]

SECTION = re.compile(r"^## (?P<title>.+)\n(?P<items>(?:.|\n)*?)(?=^## |\Z)", re.M)
NAMED = re.compile(r"\[(?P<page>\w+\.md)\]\((?P=page)(?=[#)])")
ITEM = re.compile(r"^- \[(?P<title>[^\]]+)\]\((?P<page>\w+\.md)\)", re.M)


def sections(index: str) -> dict[str, list[tuple[str, str]]]:
    """Return title and file of each page of docs/index.md, by the heading of its section."""
    found = {each["title"]: ITEM.findall(each["items"]) for each in SECTION.finditer(index)}
    return {title: items for title, items in found.items() if items}


def with_addresses(text: str) -> str:
    """Make each link to a file outside of docs/ an address."""
    return re.sub(r"(?m)(\]\(|^\[\w+\]: )\.\./(?=\S)", rf"\1{URLS['Source']}/blob/main/", text)


def with_titles(text: str, index: str) -> str:
    """Replace the names of files by titles, in links whose text is the name of the page: `[steps.md](steps.md)`."""
    titles = {page: title for items in sections(index).values() for title, page in items}
    return NAMED.sub(lambda found: f"[{titles[found['page']]}]({found['page']}", text)


def configuration(index: str) -> str:
    """Return docs/mkdocs.yml with the list of pages and the places of the folders."""
    lines = [f"docs_dir: {PAGES.name}", f"site_dir: {SITE.name}", "nav:", "  - Home: index.md"]
    for title, items in sections(index).items():
        lines.append(f"  - {title}:")
        lines += [f'      - "{name}": {page}' for name, page in items]
        if title == "Reference":
            lines += [f"      - {name}: reference/{name}.md" for name in reference.MODULES]
    text = (DOCS / "mkdocs.yml").read_text(encoding="utf-8")
    text = text.replace("        python:\n", f"        python:\n          paths: [{TYPES}]\n")
    return text.replace("tools/reference.py", str(ROOT / "tools/reference.py")) + "\n".join(lines) + "\n"


def stage() -> str:
    """Write the pages and the configuration that the site is built from; return the text of docs/index.md."""
    for folder in (PAGES, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    (PAGES / "reference").mkdir(parents=True)
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for path in DOCS.iterdir():
        if path.suffix == ".md":
            text = with_titles(path.read_text(encoding="utf-8"), index)
            (PAGES / path.name).write_text(with_addresses(text), encoding="utf-8")
        elif path.suffix in (".svg", ".css"):
            shutil.copyfile(path, PAGES / path.name)
    for module in reference.MODULES:
        (PAGES / "reference" / f"{module}.md").write_text(reference.page(module), encoding="utf-8")
    (BUILD / "mkdocs.yml").write_text(configuration(index), encoding="utf-8")
    link_packages()
    return index


def link_packages() -> None:
    """Lay out the folders as the package is: griffe reads files, and cannot follow an editable install."""
    (TYPES / "stepwell").mkdir(parents=True, exist_ok=True)
    places = {path.name: path for path in (ROOT / "stepwell").iterdir()}
    places |= {layer: ROOT / layer for layer in ("schemas", "pipeline", "providers", "model_metadata")}
    for name, path in places.items():
        link = TYPES / "stepwell" / name
        if not link.is_symlink():
            link.symlink_to(path)


def write_markdown(index: str) -> None:
    """Write the Markdown of each page beside it, and llms.txt and llms-full.txt, which language models read."""
    whole = []
    for path in sorted(PAGES.glob("*.md")):
        shutil.copyfile(path, SITE / path.name)
    for module in reference.MODULES:
        (SITE / "reference" / f"{module}.md").write_text(reference.plain_page(module), encoding="utf-8")
    for items in sections(index).values():
        whole += [(PAGES / page).read_text(encoding="utf-8") for _, page in items]
    (SITE / "llms.txt").write_text(llms_text(index), encoding="utf-8")
    (SITE / "llms-full.txt").write_text("\n\n".join(whole), encoding="utf-8")


def llms_text(index: str) -> str:
    """Return the list of pages in the form of llmstxt.org, with the reference of each module."""
    listed = "\n".join(f"- [{name}](reference/{name}.md)" for name in reference.MODULES)
    return f"{with_addresses(index).rstrip()}\n\n## Modules\n\n{listed}\n"


def main() -> int:
    """Build the site; a warning is an error."""
    index = stage()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    command = [
        str(Path(sys.executable).with_name("zensical")),
        "build",
        "--strict",
        "--clean",
        "-f",
        str(BUILD / "mkdocs.yml"),
    ]
    done = subprocess.run(command, cwd=BUILD, env=environment).returncode
    if done == 0:
        write_markdown(index)
        print(f"{SITE}/index.html")
    return done


if __name__ == "__main__":
    sys.exit(main())
