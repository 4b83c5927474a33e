"""Run the Python snippets of the documents, and compare or write the outputs below them: `python -m tools.snippets`.

A snippet is a block that begins with ```python. It stands alone: each runs in an empty folder and in a process of its
own, forked from one that has imported stepwell; those that load the local model share a process. What it prints follows
it in a block that begins with ```text title="Output". The output of a model may differ between machines: a block that
begins with ```text title="Output, for example" is not compared. Blocks with other words after `python` show the code of
other libraries, and do not run.

A snippet sees the packages of the base installation and of the local model, and no others, unless the paragraph above
it says what to install: `pip install ...`.

`--write` replaces the outputs in the documents by those of now, where they differ.
"""

from __future__ import annotations

import atexit
import linecache
import os
import re
import signal
import sys
import tempfile
import traceback
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import IO, NamedTuple

from tools.base_packages import further_packages, hide

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
LOCAL = '"local:'
SECONDS = 120
"""the longest that a snippet may run"""

BLOCK = re.compile(
    r'^```python\n(?P<code>.*?)^```\n(?:\n*```text title="Output(?P<loose>, for example)?"\n(?P<output>.*?)^```\n)?',
    re.M | re.S,
)

MASKS = (
    (r"\b\d+(\.\d+)? ?(ms|s|seconds)\b", "0 s"),
    (r"\b(seconds|wait|after|at)=\d+\.\d+", r"\1=0.0"),
    (r"\b0x[0-9a-f]+", "0x0"),
    (r"(?<![0-9a-f])[0-9a-f]{12,}", "id"),
    (r"/tmp/tmp\w+", "folder"),
    (r"\b127\.0\.0\.1:\d+", "127.0.0.1:0"),
    (r"\.py:\d+", ".py:0"),
    (r"\bstepwell/[\d.]+", "stepwell/0"),
    (r" {2,}", "  "),
)
"""patterns of what differs from run to run, and their replacements for a comparison"""


class Snippet(NamedTuple):
    """A snippet with its output in the page, and that of a run."""

    line: int
    shown: str
    loose: bool
    code: int
    """the exit code of its process"""
    output: str
    errors: str

    @property
    def differs(self) -> bool:
        """Whether it failed, or printed something other than what the page shows."""
        return self.code != 0 or (not self.loose and masked(self.shown) != masked(self.output))


def masked(text: str) -> str:
    """Return an output without what differs from run to run."""
    for pattern, stand_in in MASKS:
        text = re.sub(pattern, stand_in, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def run_page(text: str, name: str) -> list[Snippet]:
    """Run all snippets of a page, each in a child process but for those that load the local model.

    These share two: one for those that need more than the base installation, one for the others.
    """
    blocks = list(BLOCK.finditer(text))
    lines = [text.count("\n", 0, block.start()) + 2 for block in blocks]
    more = [needs_more(text[: block.start()]) for block in blocks]
    alone = [[at] for at, block in enumerate(blocks) if LOCAL not in block["code"]]
    local = [at for at, block in enumerate(blocks) if LOCAL in block["code"]]
    together = [[at for at in local if more[at] is kind] for kind in (False, True)]
    found: dict[int, Snippet] = {}
    for group in filter(None, [*alone, *together]):
        codes = [(f"{name}:{lines[at]}", blocks[at]["code"]) for at in group]
        for at, result in zip(group, run_in_child(codes, base=not more[group[0]]), strict=True):
            found[at] = Snippet(lines[at], blocks[at]["output"] or "", bool(blocks[at]["loose"]), *result)
    return [found[at] for at in range(len(blocks))]


def needs_more(before: str) -> bool:
    """Return whether the last paragraph of the text before a snippet says what to install."""
    return "pip install" in before.rstrip().rpartition("\n\n")[2]


def run_in_child(codes: list[tuple[str, str]], *, base: bool) -> list[tuple[int, str, str]]:
    """Run named codes in one forked process, each as a main module and in an empty folder of its own.

    base: whether they see the packages of the base installation alone.

    Returns exit code, output and errors of each; the codes after one that ended the process have not run.
    """
    hidden = further_packages() if base else frozenset()
    with ExitStack() as stack:
        folders = [stack.enter_context(tempfile.TemporaryDirectory()) for _ in codes]
        files = [[stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)] for _ in codes]
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            hide(hidden)
            for (name, code), folder, (output, errors, result) in zip(codes, folders, files, strict=True):
                os.chdir(folder)
                os.dup2(output.fileno(), 1)
                os.dup2(errors.fileno(), 2)
                signal.alarm(SECONDS)
                os.write(result.fileno(), b"%d" % _run(code, name))
            atexit._run_exitfuncs()
            os._exit(0)
        os.waitpid(child, 0)
        return [_read(folder, *three) for folder, three in zip(folders, files, strict=True)]


def _read(folder: str, output: IO[bytes], errors: IO[bytes], result: IO[bytes]) -> tuple[int, str, str]:
    texts = []
    for file in (output, errors, result):
        file.seek(0)
        texts.append(file.read().decode().replace(os.path.realpath(folder), ".").replace(f"{ROOT}/", ""))
    return int(texts[2] or -1), texts[0], texts[1]


def _run(code: str, name: str) -> int:
    """Run code as the main module of this process; return 1 if it failed."""
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    result = 0
    try:
        exec(compile(code, name, "exec"), main.__dict__)
    except BaseException:
        traceback.print_exc()
        result = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return result


def with_outputs(text: str, snippets: list[Snippet]) -> str:
    """Return the page with the outputs of a run in place of its own, where these differ."""
    runs = iter(snippets)

    def written(block: re.Match[str]) -> str:
        run = next(runs)
        code = f"```python\n{block['code']}```\n"
        shown = block["output"] or "" if (run.loose and run.shown.strip()) or not run.differs else run.output
        if not shown.strip():
            return code + ("" if block["output"] is None else "\n")
        lines = "\n".join(line.rstrip() for line in shown.strip("\n").splitlines())
        return f'{code}\n```text title="Output{", for example" if run.loose else ""}"\n{lines}\n```\n'

    return BLOCK.sub(written, text)


def main(arguments: list[str]) -> int:
    """Run the pages that are named, or all; return 1 if one of their snippets fails or prints something else."""
    import asyncio  # noqa: F401  what most snippets import, once for all of them

    import httpx  # noqa: F401

    import stepwell.functions
    import stepwell.steps
    import stepwell.testing  # noqa: F401

    for name in list(os.environ):
        if name.startswith("STEPWELL_") or name.endswith(("_KEY", "_TOKEN")):
            del os.environ[name]
    write = "--write" in arguments
    pages = [Path(each) for each in arguments if each != "--write"] or [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
    wrong = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        snippets = run_page(text, page.name)
        failed = [each for each in snippets if (each.code if write else each.differs)]
        for each in failed:
            print(f"{page.name}:{each.line} ended with {each.code}\n{each.errors}")
            if not each.code:
                print(f"--- the page\n{each.shown.strip()}\n--- this run\n{each.output.strip()}\n")
        wrong += len(failed)
        if write and not failed and (new := with_outputs(text, snippets)) != text:
            page.write_text(new, encoding="utf-8")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
