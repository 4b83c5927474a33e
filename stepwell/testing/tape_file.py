"""The file that a cassette records to: whole after every exchange, by however many processes, killed or not."""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..schemas.atomic_files import cannot_write, update_file
from ..schemas.errors import ConfigError
from ..schemas.json_text import INDENT, JSONDecodeError, dumps, loads
from ..schemas.versions import refused_version

VERSION = 1
"""Of the file's form."""


class TapeFile:
    """A file of rows that one recording adds to, and that others may add to at the same time.

    What the file holds when the recording begins is kept beside it, from the first row until `finish`: a process that
    fails or is killed leaves it there. Raises ConfigError at once for a place that cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = path.with_name(f"{path.name}.before")
        content = _content(path)
        self._last = _digest(content)
        """Of what the file holds unless somebody else has written it."""
        self._starts_anew = content is not None
        self._keeps = False
        self._others: list[Any] = []
        self._written: list[Any] = []
        _check(path)

    def save(self, rows: list[Any]) -> None:
        """Write these rows, all of this recording, behind those of others."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        update_file(self.path, lambda: self._joined(rows))
        self._written = rows

    def finish(self) -> None:
        """End the recording: what was recorded before is no longer needed."""
        if self._keeps:
            self._keeps = False
            with suppress(OSError):
                self._before.unlink()

    def _joined(self, rows: list[Any]) -> bytes:
        content = _content(self.path)
        if content is not None and _digest(content) != self._last:
            self._others = _without(rows_of(content, self.path), self._written)
        elif self._starts_anew and content is not None:
            self._keep(content)
        self._starts_anew = False
        data = dumps({"version": VERSION, "exchanges": [*self._others, *rows]}, option=INDENT) + b"\n"
        self._last = _digest(data)
        return data

    def _keep(self, content: bytes) -> None:
        """Keep the earlier recording beside. One that is there is older, and whole: what came after it did not
        come to its end."""
        if not self._before.exists():
            _keep_beside(self.path, content, self._before)
        self._keeps = True


def rows_of(content: bytes, path: Path) -> list[Any]:
    """The exchanges that a cassette holds. Raises ConfigError for what is none."""
    try:
        data = loads(content)
        if why := refused_version(data.get("version"), VERSION, f"the cassette {path}"):
            raise ConfigError(why, hint="update stepwell, or record it anew")
        rows: list[Any] = data["exchanges"]
    except (JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} is not a cassette: {error!r:.80}") from None
    return rows


def _without(rows: list[Any], known: list[Any]) -> list[Any]:
    """The rows less the known ones, each once: equal exchanges may have been recorded twice."""
    left = list(known)
    others = []
    for row in rows:
        if row in left:
            left.remove(row)
        else:
            others.append(row)
    return others


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _digest(content: bytes | None) -> bytes:
    return sha256(content or b"").digest()


def _check(path: Path) -> None:
    """See that there is a place to write to before anything is asked that costs."""
    place = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not os.access(place, os.W_OK) or (place != path and not place.is_dir()):
        raise ConfigError(f"cannot write a cassette at {path}", hint=f"check the permissions of {place}")


def _keep_beside(path: Path, content: bytes, place: Path) -> None:
    try:
        os.link(path.resolve(), place)
    except OSError:  # a file system without links: a copy, which has its name only once it is whole
        copy = place.with_name(f"{place.name}.new")
        with suppress(OSError):  # where not even that can be kept, recording goes on without
            copy.write_bytes(content)
            os.replace(copy, place)
