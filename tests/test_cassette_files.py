"""A cassette's file: complete at every moment, also if a process is killed or several record at once."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import stepwell
from stepwell.errors import ConfigError
from stepwell.testing import Cassette

from scripted import MODEL, Scripted

pytestmark = pytest.mark.usefixtures("new_process")

RECORD = """
import sys
import httpx, stepwell
from stepwell.testing import Cassette
from scripted import MODEL, Scripted
path, record, name, count = sys.argv[1:]
count = int(count)
cassette = Cassette(path, record=record, transport=httpx.MockTransport(Scripted(["answer"] * count)))
client = stepwell.Client(transport=cassette, api_keys={"openai": "k"})
print("ready", flush=True)
sys.stdin.readline()
for n in range(count):
    client.generate_text(MODEL, f"{name} {n} " + "x" * 2000)
    print(n, flush=True)
"""


def recorder(path: Path, name: str, *, record: str = "always", count: int = 500) -> subprocess.Popen[str]:
    """Start a process that records `count` exchanges."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent / "support")}
    command = [sys.executable, "-c", RECORD, str(path), record, name, str(count)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    return child


def start(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def killed_after(child: subprocess.Popen[str], count: int) -> int:
    """Kill it once it has reported that many recorded exchanges; return how many it reported."""
    assert child.stdout is not None
    with child:
        start(child)
        for _ in range(count):
            child.stdout.readline()
        child.kill()
        return count + len(child.stdout.read().splitlines())


def prompts(path: Path) -> list[str]:
    """Return the beginning of each prompt in the cassette, in order."""
    return [
        " ".join(each.body["messages"][0]["content"].split()[:2]) for each in Cassette(path, record="never").exchanges
    ]


def one_more(path: Path, *, record: str = "always") -> Cassette:
    cassette = Cassette(path, record=record, transport=httpx.MockTransport(Scripted(["answer"])))
    stepwell.Client(transport=cassette, api_keys={"openai": "k"}).generate_text(MODEL, "one more")
    return cassette


@pytest.mark.usefixtures("new_process")
def test_new_and_earlier_recordings_survive_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    first = killed_after(recorder(path, "first", record="once"), 5)
    earlier = prompts(path)
    assert len(earlier) >= first and earlier == [f"first {n}" for n in range(len(earlier))]
    for name, count in (("second", 1), ("third", 3), ("fourth", 8)):
        acknowledged = killed_after(recorder(path, name), count)
        seen = prompts(path)
        assert len(seen) >= acknowledged and seen == [f"{name} {n}" for n in range(len(seen))]
        assert prompts(tmp_path / "t.json.before") == earlier
    one_more(path).close()
    assert prompts(path) == ["one more"] and os.listdir(tmp_path) == ["t.json"]


FAILING = """
import asyncio, sys
import httpx, stepwell
from stepwell.testing import Cassette
from scripted import MODEL, Scripted
path, how = sys.argv[1:]
cassette = Cassette(path, record="always", transport=httpx.MockTransport(Scripted(["answer"] * 2)))
client = stepwell.Client(transport=cassette, api_keys={"openai": "k"})
def record():
    client.generate_text(MODEL, "new 0")
    client.generate_text(MODEL, "new 1")
    if how != "no close":
        raise RuntimeError("a test failed")
if how == "cassette":
    with cassette:
        record()
elif how == "client":
    with client:
        record()
elif how == "finally":
    try:
        record()
    finally:
        client.close()
elif how == "async":
    async def main():
        async with stepwell.AsyncClient(transport=cassette, api_keys={"openai": "k"}) as client:
            await client.generate_text(MODEL, "new 0")
            await client.generate_text(MODEL, "new 1")
            raise RuntimeError("a test failed")
    asyncio.run(main())
elif how == "async, no close":
    async def main():
        client = stepwell.AsyncClient(transport=cassette, api_keys={"openai": "k"})
        await client.generate_text(MODEL, "new 0")
        await client.generate_text(MODEL, "new 1")
        raise RuntimeError("a test failed")
    asyncio.run(main())
else:
    record()
"""


@pytest.mark.parametrize("how", ["no close", "error", "cassette", "client", "finally", "async", "async, no close"])
def test_a_recording_without_an_end_leaves_the_earlier_one_to_be_restored(tmp_path: Path, how: str) -> None:
    path = tmp_path / "t.json"
    one_more(path).close()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent / "support")}
    child = subprocess.run(
        [sys.executable, "-c", FAILING, path, how], env=environment, capture_output=True, check=False
    )
    assert (child.returncode == 0) == (how == "no close") and (b"a test failed" in child.stderr) == (how != "no close")
    assert prompts(path) == ["new 0", "new 1"]
    assert prompts(tmp_path / "t.json.before") == ["one more"]


@pytest.mark.parametrize("how", ["cassette", "client", "httpx", "async"])
def test_a_recording_that_ends_replaces_the_earlier_one(tmp_path: Path, how: str) -> None:
    path = tmp_path / "t.json"
    one_more(path).close()
    cassette = Cassette(path, record="always", transport=httpx.MockTransport(Scripted(["answer"])))
    if how == "async":

        async def main() -> None:
            async with stepwell.AsyncClient(transport=cassette, api_keys={"openai": "k"}) as client:
                await client.generate_text(MODEL, "new 0")

        asyncio.run(main())
    elif how == "httpx":
        with httpx.Client(transport=cassette) as http:
            stepwell.Client(http=http, api_keys={"openai": "k"}).generate_text(MODEL, "new 0")
    else:
        client = stepwell.Client(transport=cassette, api_keys={"openai": "k"})
        with cassette if how == "cassette" else client:
            client.generate_text(MODEL, "new 0")
    assert prompts(path) == ["new 0"] and os.listdir(tmp_path) == ["t.json"]


def test_a_run_that_is_killed_before_its_first_exchange_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    one_more(path).close()
    content = path.read_bytes()
    with recorder(path, "late") as child:
        child.kill()
    assert path.read_bytes() == content and os.listdir(tmp_path) == ["t.json"]


@pytest.mark.usefixtures("new_process")
@pytest.mark.parametrize("record", ["once", "always"])
def test_processes_that_record_at_once_keep_each_others_exchanges(tmp_path: Path, record: str) -> None:
    path = tmp_path / "t.json"
    if record == "always":
        one_more(path)
    children = [recorder(path, name, record=record, count=20) for name in ("left", "right")]
    for child in children:
        start(child)
    for child in children:
        with child:
            assert child.stdout is not None
            child.stdout.read()
        assert child.returncode == 0
    seen = prompts(path)
    for name in ("left", "right"):
        assert [each for each in seen if each.startswith(name)] == [f"{name} {n}" for n in range(20)]
    assert len(seen) == 40


def test_equal_exchanges_of_two_recordings_are_both_kept(tmp_path: Path) -> None:
    cassettes = [
        Cassette(tmp_path / "t.json", transport=httpx.MockTransport(Scripted(["answer"] * 3))) for _ in range(2)
    ]
    for _ in range(3):
        for cassette in cassettes:
            stepwell.Client(transport=cassette, api_keys={"openai": "k"}).generate_text(MODEL, "the same")
    assert prompts(tmp_path / "t.json") == ["the same"] * 6


def test_a_temporarily_full_disk_loses_no_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "t.json"
    cassette = Cassette(path, transport=httpx.MockTransport(Scripted(["answer"] * 3)))
    client = stepwell.Client(transport=cassette, api_keys={"openai": "k"})
    client.generate_text(MODEL, "before that")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ConfigError, match="cannot write .*No space left"):
            client.generate_text(MODEL, "during that")
    assert prompts(path) == ["before that"]
    client.generate_text(MODEL, "after that")
    assert prompts(path) == ["before that", "during that", "after that"]


def test_a_cassette_stays_where_its_link_points_with_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    real, link = tmp_path / "far" / "real.json", tmp_path / "t.json"
    link.symlink_to(real)
    one_more(link, record="once")
    real.chmod(0o604)
    earlier = real.read_bytes()
    cassette = one_more(link)
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o604
    assert (tmp_path / "t.json.before").read_bytes() == earlier and cassette.recording


def test_an_unwritable_path_is_an_error_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write a cassette at"):
        Cassette(tmp_path / "file" / "t.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        Cassette(tmp_path)


def test_a_cassette_is_one_json_document_with_its_version(tmp_path: Path) -> None:
    one_more(tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_bytes())["version"] == 1
