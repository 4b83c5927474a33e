"""What a worker of a Ray cluster does with its blocks; `make test-ray` runs a cluster."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from stepwell import AsyncClient
from stepwell.integrations.ray import ANSWERS, BlockWorker, map_dataset
from stepwell.pipeline.http.request import Request
from stepwell.schemas.errors import ConfigError, MissingExtra
from stepwell.testing import FakeModel

pytestmark = pytest.mark.usefixtures("framework")


def echo(request: Request) -> str:
    return f"{request.context.messages[-1].text}!"


def mapped(folder: Path, model: FakeModel, block: Any, **options: Any) -> Any:
    """Have a new worker answer a block."""
    settings = {"model": "fake:m", "prompt": "Say {id}", "key": "id", **options}
    with closing(BlockWorker(lambda: AsyncClient(registry=model.registry), str(folder), "", settings)) as worker:
        return worker(block)


def table(*ids: str) -> Any:
    return pyarrow.table({"id": list(ids), "size": list(range(len(ids)))})


def test_a_block_has_its_answers_beside_its_columns(tmp_path: Path) -> None:
    found = mapped(tmp_path, FakeModel(echo, repeat=True), table("a", "b", "c"))
    assert found.column_names == ["id", "size", *ANSWERS]
    assert found.column("answer").to_pylist() == ["Say a!", "Say b!", "Say c!"]
    assert found.column("error").to_pylist() == [None] * 3 and found.column("maybe_billed").to_pylist() == [False] * 3


def test_another_worker_sends_nothing_for_a_block_that_is_done(tmp_path: Path) -> None:
    model = FakeModel(echo, repeat=True)
    first = mapped(tmp_path, model, table("a", "b"))
    again = mapped(tmp_path, model, table("a", "b"))
    assert again.equals(first) and len(model.requests) == 2
    mapped(tmp_path, model, table("b", "c"))
    assert len(model.requests) == 4, "another block has files of its own"


def test_an_object_is_json_and_an_error_is_text(tmp_path: Path) -> None:
    texts = {"Say a": '{"n": 1}', "Say b": "no JSON"}
    model = FakeModel(lambda request: texts.get(request.context.messages[-1].text, "no JSON"), repeat=True)
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    found = mapped(tmp_path, model, table("a", "b"), schema=schema, max_repairs=0)
    assert found.column("answer").to_pylist() == ['{"n":1}', None]
    assert [str(each).partition(":")[0] for each in found.column("error").to_pylist()] == ["None", "ObjectInvalid"]


def test_a_column_of_the_dataset_is_not_replaced(tmp_path: Path) -> None:
    block, model = pyarrow.table({"id": ["a"], "answer": ["mine"]}), FakeModel(echo, repeat=True)
    with pytest.raises(ConfigError, match="column 'answer'"):
        mapped(tmp_path, model, block)
    assert len(model.requests) == 0


def test_a_row_without_a_key_is_the_error_of_one_item(tmp_path: Path) -> None:
    block = pyarrow.table({"id": ["a", None], "image": [b"\xff", b"\x00"]})
    found = mapped(tmp_path, FakeModel(echo, repeat=True), block).to_pylist()
    assert found[0]["answer"] == "Say a!" and found[1]["error"].startswith("ConfigError: a key cannot be null")


def test_an_empty_block_has_the_same_columns(tmp_path: Path) -> None:
    found = mapped(tmp_path, FakeModel(echo), table())
    assert found.column_names == ["id", "size", *ANSWERS] and found.num_rows == 0


def test_what_each_block_has_of_its_own_is_refused(tmp_path: Path) -> None:
    for name in ("out", "journal", "job", "order", "mode", "progress"):
        with pytest.raises(ConfigError, match=f"does not take {name}"):
            map_dataset(None, folder=str(tmp_path), **{name: "x"})  # type: ignore[arg-type]


def test_without_ray_the_extra_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingExtra, match="ray"):
        map_dataset(None, folder=str(tmp_path))  # type: ignore[arg-type]
