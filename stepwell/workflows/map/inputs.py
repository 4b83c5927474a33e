"""The items of a map, from an iterable or the rows of a file, read as they are needed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sized
from contextlib import suppress
from functools import partial
from typing import IO, Any

from attrs import define, frozen

from ...schemas.errors import ConfigError, MissingExtra
from ...schemas.json_text import JSONDecodeError, loads

Items = Iterable[object] | AsyncIterable[object] | str | os.PathLike[str]
"""The input of a map: an iterable, also an async one, or the path of a file."""


@frozen
class Unreadable:
    """A row of a file that cannot be read."""

    error: ConfigError
    raw: str
    """The text of the row, for its key."""


@define(eq=False)
class Input:
    """Where items come from."""

    rows: Iterator[object] | AsyncIterator[object]
    is_file: bool = False
    expected: Callable[[int], float | None] = lambda count: None
    """Returns about how many items there are, given how many were read; None if that is unknown."""
    close: Callable[[], object] = lambda: None

    @property
    def is_async(self) -> bool:
        """Whether only an async client can read them."""
        return not isinstance(self.rows, Iterator)


def input_of(items: Items) -> Input:
    """Open the source of the items. Raises ConfigError for what has no items, and for a file that cannot be read."""
    if isinstance(items, str | os.PathLike):
        return _open_file(os.fspath(items))
    if isinstance(items, AsyncIterable):
        return Input(aiter(items))
    if not isinstance(items, Iterable) or isinstance(items, Mapping | bytes):
        raise ConfigError(
            f"a {type(items).__name__} has no items to map", hint="pass an iterable, or the path of a JSONL or CSV file"
        )
    count = len(items) if isinstance(items, Sized) else None
    return Input(iter(items), expected=lambda read: count)


def _open_file(path: str) -> Input:
    suffix = os.path.splitext(path)[1].lower()
    if suffix == ".parquet":
        return _parquet(path)
    read = _READERS.get(suffix)
    if read is None:
        raise ConfigError(
            f"{path} is not a file of items", hint=f"its name must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        )
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed by the source
        size = os.fstat(file.fileno()).st_size
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", error)
        raise ConfigError(f"{path} cannot be read: {why}", hint="check the path") from None

    def expected(count: int) -> float | None:
        if size == 0 or file.closed or not (at := file.tell()):
            return None
        return count * size / at

    return Input(read(file, path), True, expected, file.close)


def json_lines(file: IO[bytes], path: str) -> Iterator[object]:
    """Yield the value of each line of JSON, and Unreadable for a line that is not JSON. Blank lines are passed over.

    Raises ConfigError for a file in UTF-16, of which no line can be read.
    """
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        if number == 1 and line.startswith(_UTF_16):
            raise ConfigError(f"{path} is in UTF-16", hint="save the file as UTF-8")
        try:
            yield loads(line)
        except JSONDecodeError as error:
            why = ConfigError(f"line {number} of {path} is not JSON: {error.msg}", hint="each line is one JSON value")
            yield Unreadable(why, line.decode("utf-8", "replace"))


def csv_rows(file: IO[bytes], path: str, *, delimiter: str) -> Iterator[object]:
    """Yield each row as a dict by the names in the first row, and Unreadable for a row that does not fit.

    Raises ConfigError for a column without a name, for two of one name, and for a quote in them that is never closed.
    """
    import csv  # only for files of this kind

    over: list[bool] = []  # not empty once the file was read to its end
    reader = csv.reader(_text_lines(file, over), delimiter=delimiter)
    names: list[str] | None = None
    while True:
        begins, hint = reader.line_num + 1, None
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field limit" in str(error):
                hint = "csv.field_size_limit(10_000_000) allows longer cells; lines of JSON have no limit"
            if reader.line_num > begins:
                hint = f"the row goes on to line {reader.line_num}: is a quote not closed? Else {hint}"
            yield Unreadable(
                ConfigError(f"line {begins} of {path} is not CSV: {error}", hint=hint), f"{reader.line_num}"
            )
            continue
        if over:  # the reader looks for another line only within quotes
            unclosed = ConfigError(
                f"line {begins} of {path} has a quote that is never closed",
                hint=f"all that follows, to line {reader.line_num}, is taken for one cell: close it, or double it",
            )
            if names is None:
                raise unclosed
            yield Unreadable(unclosed, "\0".join(row))
            continue
        if not row:  # a blank line
            continue
        if names is None:
            _check_names(names := row, path)
        elif why := _misfit(row, names):
            yield Unreadable(ConfigError(f"line {reader.line_num} of {path} {why}"), "\0".join(row))
        else:
            yield dict(zip(names, row, strict=True))


def _text_lines(file: IO[bytes], over: list[bool]) -> Iterator[str]:
    """Yield the lines without the mark that the first may begin with: before a quote, that would hide the quote.

    over: gets a member after the last line.
    """
    mark = b"\xef\xbb\xbf"
    for line in file:
        yield line.removeprefix(mark).decode("utf-8", "surrogateescape")
        mark = b""
    over.append(True)


def _check_names(names: list[str], path: str) -> None:
    if not _is_utf8(names):
        raise ConfigError(f"the first line of {path} is not text in UTF-8", hint="save the file as UTF-8")
    if not all(names) or (doubled := _doubled(names)):
        what = f"two columns named {doubled!r}" if all(names) else "a column without a name"
        raise ConfigError(f"{path} has {what}", hint="give each column a name of its own")


def _doubled(names: list[str]) -> str | None:
    """Return a name that is there twice, None if there is none."""
    return next((name for at, name in enumerate(names) if name in names[:at]), None)


def _misfit(row: list[str], names: list[str]) -> str:
    """Return why a row cannot be an item, empty if it can."""
    if len(row) != len(names):
        return f"has {len(row)} cells, and the first line {len(names)}"
    return "" if _is_utf8(row) else "is not text in UTF-8"


def _is_utf8(row: list[str]) -> bool:
    with suppress(UnicodeEncodeError):
        for cell in row:
            if not cell.isascii():
                cell.encode()
        return True
    return False


def _parquet(path: str) -> Input:
    try:
        import pyarrow.parquet as parquet  # optional, and heavy
    except ImportError:
        raise MissingExtra("Parquet files need pyarrow", hint="run: pip install 'stepwell[parquet]'") from None
    try:
        file = parquet.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as Parquet: {type(error).__name__}", hint="check the file") from None
    if doubled := _doubled(file.schema_arrow.names):  # a row would have the last one alone
        file.close()
        raise ConfigError(f"{path} has two columns named {doubled!r}", hint="give each column a name of its own")

    def rows() -> Iterator[Any]:
        for batch in file.iter_batches(batch_size=_ROWS, use_threads=False):  # a row group at a time
            yield from batch.to_pylist()

    return Input(rows(), True, lambda count: file.metadata.num_rows, file.close)


_ROWS = 256
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""Marks that a file in UTF-16 begins with, as PowerShell writes them."""
_READERS: dict[str, Callable[[IO[bytes], str], Iterator[object]]] = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".csv": partial(csv_rows, delimiter=","),
    ".tsv": partial(csv_rows, delimiter="\t"),
}
ENDINGS = (*_READERS, ".parquet")
"""The ends of the names of files that can be read."""
