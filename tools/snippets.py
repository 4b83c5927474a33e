"""Run the Python snippets of the documents, and compare or write the outputs below them: `python -m tools.snippets`.

A snippet is a block that begins with ```python. It stands alone: each runs in a process of its own, forked from one that has
imported stepwell, in an empty folder. What it prints follows it in a block that begins with ```text title="Output". The
output of a model differs between machines: its block begins with ```text title="Output, for example", and is not compared.
Blocks with other words after `python` show the code of other libraries, and do not run.

`--write` replaces the outputs in the documents by those of now, where they differ.
"""

from __future__ import annotations

import linecache
import os
import re
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
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
    (r"\b[0-9a-f]{12,}\b", "id"),
    (r"\b127\.0\.0\.1:\d+", "127.0.0.1:0"),
    (r"\.py:\d+", ".py:0"),
    (r" {2,}", "  "),
)
"""what differs from run to run, and what stands for it in a comparison"""


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
        """Whether it failed, or printed something else than the page says."""
        return self.code != 0 or (not self.loose and masked(self.shown) != masked(self.output))


def masked(text: str) -> str:
    """Return an output without what differs from run to run."""
    for pattern, stand_in in MASKS:
        text = re.sub(pattern, stand_in, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def run_page(text: str, name: str) -> list[Snippet]:
    """Run all snippets of a page, each in a child process."""
    found = []
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 2
        code, output, errors = run_alone(block["code"], f"{name}:{line}")
        found.append(Snippet(line, block["output"] or "", bool(block["loose"]), code, output, errors))
    return found


def run_alone(code: str, name: str) -> tuple[int, str, str]:
    """Run code in a forked process and an empty folder; return the exit code, the output and the errors."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.chdir(folder)
            os.dup2(output.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            signal.alarm(SECONDS)
            os._exit(_run(code, name))
        _, status = os.waitpid(child, 0)
        said = []
        for file in (output, errors):
            file.seek(0)
            said.append(file.read().decode().replace(os.path.realpath(folder), ".").replace(str(ROOT) + "/", ""))
        return os.waitstatus_to_exitcode(status), said[0], said[1]


def _run(code: str, name: str) -> int:
    """Run code as the main module of this process, with what happens at its end."""
    import atexit

    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    result = 0
    try:
        exec(compile(code, name, "exec"), main.__dict__)
    except BaseException:
        traceback.print_exc()
        result = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return result


def with_outputs(text: str, snippets: list[Snippet]) -> str:
    """Return the page with the outputs of a run in place of its own, where these differ."""
    runs = iter(snippets)

    def written(block: re.Match[str]) -> str:
        run = next(runs)
        code = f"```python\n{block['code']}```\n"
        shown = block["output"] or "" if run.loose and run.shown.strip() or not run.differs else run.output
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
