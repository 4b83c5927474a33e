"""Map a dataset of Ray Data on a cluster: the work of `client.map`, block by block. Needs the extra `ray`.

A worker is an actor with one AsyncClient. For each block of the dataset it writes a file of results and a journal into
a folder that all workers see. A block that is begun again, by another worker or by a later run, goes on from there: no
item that has an answer is sent again. There is no scheduler here: Ray starts the workers, hands out the blocks, and
begins those of a lost worker again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, Self

from ..async_api import AsyncClient
from ..schemas.errors import ConfigError
from ..schemas.json_text import dumps, loads
from ..workflows.map.keys import key_or_error
from .common import missing

ANSWERS = {
    "key": "string",
    "answer": "string",
    "finish_reason": "string",
    "error": "string",
    "input_tokens": "int64",
    "output_tokens": "int64",
    "cost": "float64",
    "seconds": "float64",
    "maybe_billed": "bool",
}
"""The columns that are added to a dataset, with their Arrow types. `cost` is in dollars."""


class Table(Protocol):
    """The part of a pyarrow.Table that is used."""

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""

    def to_pylist(self) -> list[dict[str, Any]]:
        """Return the rows."""

    def append_column(self, name: str, column: Any) -> Self:
        """Return the table with one more column."""


class Dataset(Protocol):
    """The part of a ray.data.Dataset that is used."""

    def map_batches(self, fn: Any, **settings: Any) -> Any:
        """Return a dataset of the blocks that `fn` makes of these."""


def map_dataset(
    dataset: Dataset,
    *,
    folder: str,
    client: Callable[[], AsyncClient] = AsyncClient,
    concurrency: int | tuple[int, int] = 2,
    prefix: str = "",
    resources: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Ask the same about every row of a dataset, and return the dataset with the answers beside its columns.

    Nothing is sent before the result is read or written, as is usual for Ray Data.

    dataset: a ray.data.Dataset. Each of its blocks has its file of results, so that a later run finds them only if it
        reads the same blocks: from the same files, with the same `override_num_blocks`.
    folder: a folder that all workers see. Which results are in it belongs to one map; another needs its own.
    client: a function, called in the process of each worker, that returns its client. It must be picklable, which a
        client is not. Limits that all workers share are steps with a store: RateLimit(..., store=RedisStore(url)).
    concurrency: how many workers there are, or the minimum and the maximum.
    prefix: the beginning of the names of the columns that are added (default: none); see ANSWERS.
    resources: what a worker needs, as `Dataset.map_batches` takes it: num_cpus=, memory= and so on.
    options: those of `client.map`: model, prompt, schema, tools, key, workers (items at once in each worker), errors,
        retry_failed, and the options of the calls.

    Raises MissingExtra without Ray, and ConfigError for options that each block sets by itself, such as `out`.
    """
    if taken := {"out", "journal", "job", "order", "mode", "progress"} & options.keys():
        names = ", ".join(sorted(taken))
        raise ConfigError(f"map_dataset does not take {names}", hint="each block has files of its own in folder=")
    try:
        from ray.data import ActorPoolStrategy  # a large extra, and only here
    except ImportError as error:
        raise missing(error, "ray", "ray") from error
    smallest, largest = concurrency if isinstance(concurrency, tuple) else (concurrency, concurrency)
    settings = {"client": client, "folder": folder, "prefix": prefix, "options": options}
    return dataset.map_batches(
        BlockWorker,
        fn_constructor_kwargs=settings,
        batch_size=None,  # whole blocks, so that the next run finds their files again
        batch_format="pyarrow",
        compute=ActorPoolStrategy(min_size=smallest, max_size=largest),
        **(resources or {}),
    )


class BlockWorker:
    """A worker of `map_dataset`: it holds a client, and answers one block after the other.

    client, folder, prefix, options: see `map_dataset`.
    """

    def __init__(
        self, client: Callable[[], AsyncClient], folder: str, prefix: str = "", options: Mapping[str, Any] | None = None
    ) -> None:
        import asyncio  # heavy, and only for workers

        self._client = client()
        self._folder = Path(folder)
        self._prefix = prefix
        self._options = dict(options or {})
        self._runner = asyncio.Runner()  # one loop for all blocks, so that connections stay open between them

    def __call__(self, block: Table) -> Table:
        """Return the block with the answers. Raises what `client.map` raises."""
        names = [self._prefix + name for name in ANSWERS]
        if taken := next((name for name in names if name in block.column_names), None):
            raise ConfigError(f"the dataset already has a column {taken!r}", hint='pass prefix="answer_", for example')
        rows = block.to_pylist()
        answers = self._runner.run(self._answers(rows)) if rows else []
        return self._with_answers(block, answers)

    def close(self) -> None:
        """Close the connections and the event loop."""
        self._runner.run(self._client.close())
        self._runner.close()

    async def _answers(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Map the rows of a block, and return their answers in the order of the rows, from the file of results."""
        name = self._name(rows)
        self._folder.mkdir(parents=True, exist_ok=True)
        out = self._folder / f"{name}.jsonl"
        journal = self._folder / f"{name}.sqlite"
        await self._client.map(rows, out=out, journal=journal, progress=False, **self._options).run()
        with out.open("rb") as lines:
            return sorted(map(_answer, lines), key=lambda answer: answer["index"])

    def _name(self, rows: Sequence[dict[str, Any]]) -> str:
        """Return the name of a block: a digest of the keys of its items."""
        digest = blake2b(digest_size=10)
        for index, row in enumerate(rows):
            key, _ = key_or_error(row, index, self._options.get("key"))  # the map names the error of one without
            digest.update(key.encode("utf-8", "surrogatepass") + b"\n")
        return digest.hexdigest()

    def _with_answers(self, block: Table, answers: Sequence[Mapping[str, Any]]) -> Table:
        import pyarrow  # comes with Ray Data

        for name, kind in ANSWERS.items():
            values = [answer.get(name) for answer in answers]
            block = block.append_column(self._prefix + name, pyarrow.array(values, kind))
        return block


def _answer(line: bytes) -> dict[str, Any]:
    """Return the columns of ANSWERS, and the `index`, from a line of results."""
    found = loads(line)
    error, usage, cost = found.get("error"), found.get("usage") or {}, found.get("cost")
    return {
        **{name: found.get(name) for name in ("index", "key", "finish_reason", "seconds")},
        "answer": dumps(found["object"]).decode() if "object" in found else found.get("text"),
        "error": None if error is None else f"{error['class']}: {error['message']}",
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "cost": None if cost is None else float(cost),
        "maybe_billed": bool(found.get("maybe_billed")),
    }
