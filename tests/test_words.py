"""The project's language: plain English and the field's standard terms, in names, prose and messages alike."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("stepwell", "providers", "pipeline", "schemas", "model_metadata", "tests", "examples", "benchmarks", "docs")
SKIPPED = {"recordings", "data", "__pycache__", ".build"}

# A word that needs the project's history to be understood, and what to write in its place.
INSTEAD = {
    r"colou?rs? of client|both colours?|colours?": "sync and async",
    r"twins?": "async version",
    r"strangers?": "unknown model, or foreign",
    r"kin": "accepted vendors",
    r"(?:is|are|was|were|be|been|nobody|not|as|it|unless) told": "reported, documented, or given",
    r"told": "reported, documented, or given",
    r"tells? of": "reports, describes",
    r"heed(?:s|ed|ing)?": "with constraints, respects",
    r"mend(?:s|ed|ing)?": "repair, fix",
    r"shelf|shelves": "catalog, provider models",
    r"seats?": "slot, place",
    r"lodg(?:e|es|ed|ing)": "store",
    r"asides?": "in a thread, separately",
    r"the well|the trades|the almanac|almanacs?": "pipeline, providers, catalog",
    r"the words|the face": "schemas, public API",
    r"further in|further out": "an inner step, an outer step",
    r"elsewhere": "another model, another address, in another place",
    r"whoever|whomever": "the caller, anyone who",
    r"films?": "video",
    r"last word": "end marker, final event",
}
IN_PROSE = re.compile(r"\b(?:" + "|".join(f"(?:{words})" for words in INSTEAD) + r")\b", re.IGNORECASE)
IN_NAMES = frozenset(
    [
        "colour",
        "colours",
        "twin",
        "twins",
        "stranger",
        "strangers",
        "kin",
        "told",
        "tells",
        "heeding",
        "heed",
        "mend",
        "mended",
        "mending",
        "shelf",
        "shelves",
        "seat",
        "seats",
        "lodge",
        "lodged",
        "aside",
        "elsewhere",
        "whoever",
        "film",
        "films",
        "almanac",
        "trades",
    ]
)

# What is the subject itself: the line holds this text, and the word is meant as everybody means it.
SOUND = ("tests/test_words.py",)


def sources(*suffixes: str) -> list[Path]:
    found = [path for path in ROOT.glob("*") if path.is_file() and path.suffix in suffixes]
    for folder in FOLDERS:
        found += (path for path in (ROOT / folder).rglob("*") if path.suffix in suffixes)
    kept = (path for path in found if not SKIPPED & set(path.relative_to(ROOT).parts))
    return sorted(path for path in kept if str(path.relative_to(ROOT)) not in SOUND)


STRINGS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
READ = {tokenize.NAME, tokenize.COMMENT, *STRINGS}


@cache
def tokens(path: Path) -> list[tokenize.TokenInfo]:
    """Return the tokens that are words of a person or a program: names, comments and strings."""
    reader = io.StringIO(path.read_text(encoding="utf-8")).readline
    return [token for token in tokenize.generate_tokens(reader) if token.type in READ]


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each line of text that a person reads: comments and strings of a program, all of a page."""
    if path.suffix == ".md":
        yield from enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        return
    for token in tokens(path):
        if token.type == tokenize.COMMENT or (token.type in STRINGS and " " in token.string):
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line


def names(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every identifier that a program writes down."""
    for token in tokens(path):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string


@cache
def parts(name: str) -> set[str]:
    return set(re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().split("_"))


def test_prose_and_messages_use_no_private_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {hit.group()!r} in: {text.strip()}"
        for path in sources(".py", ".md")
        if IN_PROSE.search(path.read_text(encoding="utf-8"))  # few have one in their code alone: reading tokens is slow
        for line, text in prose(path)
        if (hit := IN_PROSE.search(text))
    ]
    assert not found, "say it in plain words (INSTEAD has a better one for each):\n" + "\n".join(found)


def test_names_use_no_private_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sources(".py")
        if any(parts(word) & IN_NAMES for word in set(re.findall(r"\w+", path.read_text(encoding="utf-8"))))
        for line, name in names(path)
        if parts(name) & IN_NAMES
    ]
    assert not found, "names hold private words:\n" + "\n".join(found)


@pytest.mark.parametrize("line", ["a loss is told", "for both colours", "the async twin", "sent elsewhere"])
def test_the_list_finds_each_sample(line: str) -> None:
    assert IN_PROSE.search(line)


def test_no_public_class_or_function_has_two_meanings() -> None:
    """The same part of every wire has the same name on purpose, and a step's function has the step's name."""
    homes: dict[str, set[str]] = {}
    for folder in FOLDERS[:5]:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    homes.setdefault(node.name, set()).add(home_of(path))
    twice = {
        name: sorted(where)
        for name, where in sorted(homes.items())
        if len(where) > 1 and not name.startswith("_") and name not in STEP_FUNCTIONS
    }
    assert not twice, "one name, one meaning:\n" + "\n".join(f"{name}: {', '.join(at)}" for name, at in twice.items())


def home_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return "providers/wires" if relative.parts[:2] == ("providers", "wires") else str(relative)


STEP_FUNCTIONS = frozenset(
    [
        "override",  # replaces steps for some models: in the whole process, or in a row of a declaration
        "attach",
        "authenticate",
        "to_dialect",
        "build_body",
        "encode_body",
        "decode_response",
        "extract_usage",
        "find_error",
        "parse_stream_protocol",
        "init_stream_state",
        "decode_stream_event",
        "flush_stream_state",
        "begins_stream",
        "main",
    ]
)
