"""Stepwell works silently under every switch of the interpreter; the minimum versions of pyproject.toml can be
pinned."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from floors import PYPROJECT, floors

pytestmark = pytest.mark.usefixtures("new_process")

PROGRAM = """
import asyncio, gc, json, pkgutil, importlib, sys
import httpx, stepwell
from stepwell.schemas.parts import ToolCall

# Frameworks take seconds to import, and only classes without docstrings could trouble ours.
LEFT_OUT = (".__main__", ".pyinstaller", *[".integrations"] * (sys.flags.optimize < 2))

def import_all(package):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if not module.name.endswith(LEFT_OUT):
            found = importlib.import_module(module.name)
            if module.ispkg:
                import_all(found)

import_all(stepwell)

def answer(request):
    if json.loads(request.content).get("stream"):
        delta = {"choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop"}]}
        text = f"data: {json.dumps(delta)}\\n\\ndata: [DONE]\\n\\n"
        return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})
    return httpx.Response(200, json={"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]})

@stepwell.tool
def look(path: str) -> str:
    "Look at it."
    return path

how = {"transport": httpx.MockTransport(answer), "api_keys": {"openai": "k"}}
with stepwell.Client(**how) as client:
    assert client.generate_text("openai:gpt-4o", "hi", tools=[look]).text == "hello"
    assert client.stream_text("openai:gpt-4o", "hi").reply().text == "hello"
    next(iter(client.stream_text("openai:gpt-4o", "hi")))  # left early

async def main():
    async with stepwell.AsyncClient(**how) as client:
        assert (await client.generate_text("openai:gpt-4o", "hi")).text == "hello"
        assert (await client.stream_text("openai:gpt-4o", "hi").reply()).text == "hello"

asyncio.run(main())
gc.collect()
print("done")
"""
SWITCHES = [
    ["-W", "error"],
    ["-X", "dev", "-W", "error"],
    ["-O", "-W", "error"],
    ["-OO", "-W", "error"],
    ["-b", "-W", "error"],
    ["-I", "-W", "error"],
    ["-X", "warn_default_encoding", "-W", "error::EncodingWarning:stepwell"],
]


@pytest.mark.parametrize("switches", SWITCHES, ids=" ".join)
def test_stepwell_works_silently_under_every_switch(switches: list[str], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run([sys.executable, *switches, program], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_every_minimum_version_can_be_pinned() -> None:
    pinned = floors(PYPROJECT.read_text())
    assert len(pinned) > 10 and all(re.fullmatch(r"[a-z0-9-]+(\[\w+\])?==[\d.]+", each) for each in pinned)
    assert {each.partition("==")[0] for each in pinned} >= {"httpx", "attrs", "cattrs", "orjson", "jsonschema"}


@pytest.mark.parametrize(
    ("dependencies", "pinned"),
    [
        ('["a>=1", "b[x]>=2.1"]', ["a==1", "b[x]==2.1"]),
        ('["a>=1", "a[x]"]', ["a==1", "a[x]==1"]),
        ('["a"]', "has no floor"),
        ('["a>=1,<2"]', ["a==1"]),
        ('["a<2"]', "is not written as"),
    ],
)
def test_minimum_versions_are_read_from_pyproject(dependencies: str, pinned: list[str] | str) -> None:
    text = f"[project]\ndependencies = {dependencies}\n[project.optional-dependencies]\ndev = ['z']\n"
    if isinstance(pinned, str):
        with pytest.raises(ValueError, match=pinned):
            floors(text)
    else:
        assert floors(text) == pinned
