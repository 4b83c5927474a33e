"""The items of a map from files: read row by row, and a row that cannot be read is the error of one item."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import pytest
from mapping import echo, map_async, read_async, read_sync, rows

from stepwell.errors import ConfigError, MissingExtra
from stepwell.testing import FakeModel
from stepwell.workflows.map.inputs import Unreadable, input_of


def read(path: Path, content: bytes) -> list[Any]:
    """Return the rows of a file; of one that cannot be read, what is said of it."""
    path.write_bytes(content)
    source = input_of(path)
    try:
        found = [row.error.message if isinstance(row, Unreadable) else row for row in source.rows]  # type: ignore[union-attr]
    finally:
        source.close()
    return [row.replace(str(path), "FILE") if isinstance(row, str) else row for row in found]


def test_each_line_of_json_is_an_item(tmp_path: Path) -> None:
    found = read(tmp_path / "in.jsonl", b'{"a": 1}\n\n  \n["b"]\r\n{"c": \n3')
    assert found == [{"a": 1}, ["b"], "line 5 of FILE is not JSON: unexpected end of data", 3]


def test_each_row_of_a_table_is_an_item_by_the_names_of_its_columns(tmp_path: Path) -> None:
    assert read(tmp_path / "in.csv", b'\xef\xbb\xbf"id",text\r\n1,"two\nlines, and a comma"\n\n2,\xc3\xa9\n') == [
        {"id": "1", "text": "two\nlines, and a comma"},
        {"id": "2", "text": "é"},
    ]
    assert read(tmp_path / "blank.csv", b"\n\nid\n1\n") == [{"id": "1"}]
    assert read(tmp_path / "in.tsv", b"id\ttext\n1\ta,b\n") == [{"id": "1", "text": "a,b"}]


def test_a_row_that_does_not_fit_is_one_error(tmp_path: Path) -> None:
    found = read(tmp_path / "in.csv", b"id,text\n1\n2,\xff\n3,c,d\n4,d\n5," + b"x" * 200_000 + b"\n6,f\n")
    assert found == [
        "line 2 of FILE has 1 cells, and the first line 2",
        "line 3 of FILE is not text in UTF-8",
        "line 4 of FILE has 3 cells, and the first line 2",
        {"id": "4", "text": "d"},
        "line 6 of FILE is not CSV: field larger than field limit (131072)",
        {"id": "6", "text": "f"},
    ]


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_of_a_table(tmp_path: Path) -> None:
    for rest in (b"", b"\n", b"\n3,c\n4,d", b"\n3,c\n\n4,d\n"):
        found = read(tmp_path / "in.csv", b'id,text\n1,a\n2,"b' + rest)
        assert found == [{"id": "1", "text": "a"}, "line 3 of FILE has a quote that is never closed"], rest
    with pytest.raises(
        ConfigError, match=r"line 1 of .*in.csv has a quote that is never closed; all that follows, to "
    ):
        read(tmp_path / "in.csv", b'id,"text\n1,a\n')
    assert read(tmp_path / "in.csv", b'id,text\n1,"a\n""b"""\n2,""') == [
        {"id": "1", "text": 'a\n"b"'},
        {"id": "2", "text": ""},
    ]
    long = read(tmp_path / "in.csv", b'id,text\n1,"a\n' + b"2,b\n" * 40_000)
    assert long[0] == "line 2 of FILE is not CSV: field larger than field limit (131072)" and len(long) > 1000


def test_a_table_needs_names(tmp_path: Path) -> None:
    for content in (b"a,a\n1,2\n", b",\n1,2\n"):
        with pytest.raises(ConfigError, match="has (two columns named 'a'|a column without a name)"):
            read(tmp_path / "in.csv", content)
    assert read(tmp_path / "empty.csv", b"") == []


def test_a_table_in_another_encoding_is_one_error_and_not_one_for_each_row(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-16-le", "latin-1"):
        with pytest.raises(
            ConfigError, match=r"the first line of .*in.csv is not text in UTF-8; save the file as UTF-8"
        ):
            read(tmp_path / "in.csv", "größe,text\n1,a\n2,b\n".encode(encoding))


def test_lines_in_another_encoding_are_one_error_too(tmp_path: Path) -> None:
    for mark, encoding in (("\ufeff", "utf-16-le"), ("\ufeff", "utf-16-be")):
        with pytest.raises(ConfigError, match=r"in.jsonl is in UTF-16; save the file as UTF-8"):
            read(tmp_path / "in.jsonl", (mark + '{"a": 1}\n{"a": 2}\n').encode(encoding))


def test_no_column_hides_another_one_of_its_name(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = [arrow.array([1]), arrow.array([2])]
    parquet.write_table(arrow.table(columns, names=["text", "text"]), path := tmp_path / "in.parquet")
    (tmp_path / "in.csv").write_text("text,text\n1,2\n")
    for each in (path, tmp_path / "in.csv"):
        with pytest.raises(ConfigError, match="has two columns named 'text'"):
            source = input_of(each)
            try:
                list(source.rows)  # type: ignore[arg-type]
            finally:
                source.close()


def test_a_cell_that_is_too_long_says_how_longer_ones_are_allowed(tmp_path: Path) -> None:
    for cell in (b"x" * 200_000, b'"' + b"x\n" * 100_000 + b'"'):
        (tmp_path / "in.csv").write_bytes(b"id,text\n1," + cell + b"\n2,b\n")
        source = input_of(tmp_path / "in.csv")
        first = next(source.rows)  # type: ignore[arg-type]
        source.close()
        assert isinstance(first, Unreadable)
        assert "csv.field_size_limit(10_000_000) allows longer cells" in str(first.error)
    before = csv.field_size_limit(10_000_000)
    try:
        assert [len(row["text"]) for row in read(tmp_path / "in.csv", b"id,text\n1," + cell + b"\n2,b\n")] == [
            200_000,
            1,
        ]
    finally:
        csv.field_size_limit(before)


def test_a_file_says_about_how_many_items_it_has(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "some"}\n' * 5000)
    source = input_of(tmp_path / "in.jsonl")
    assert [source.expected(count) for count, _ in enumerate(source.rows)][2500] == pytest.approx(5000, rel=0.3)  # type: ignore[arg-type]
    source.close()


@pytest.mark.parametrize("read_all", [read_sync, read_async], ids=["sync", "async"])
def test_a_broken_line_has_its_number(read_all: Any, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{broken\n{"text": "c"}\n')
    results = read_all(FakeModel(echo, repeat=True), str(tmp_path / "in.jsonl"), prompt="{text}")
    assert [each.text for each in results] == ["A", None, "C"]
    assert "line 2 of" in str(results[1].error)


def test_rows_of_parquet_are_read_by_groups(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path, out = tmp_path / "in.parquet", tmp_path / "out.jsonl"
    parquet.write_table(arrow.table({"id": list(range(700)), "text": [f"t{n}" for n in range(700)]}), path)
    source = input_of(path)
    assert source.expected(0) == 700
    source.close()
    map_async(FakeModel(echo, repeat=True), path, prompt="{text}", key="id", out=out)
    assert [(row["key"], row["text"]) for row in rows(out)] == [(f"{n}", f"T{n}") for n in range(700)]
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(ConfigError, match="cannot be read as Parquet"):
        input_of(path)


def test_what_is_missing_for_parquet_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtra, match=r"stepwell\[parquet\]"):
        input_of(tmp_path / "in.parquet")
