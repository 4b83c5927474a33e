"""TapeFile: the file of a cassette, complete after every exchange even if several processes write it or are killed."""

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
"""Version of the file format."""


class TapeFile:
    """A file of rows that one recording adds to, while other processes may add to it as well.

    The content from before the recording is kept in `<name>.before` from the first row until `finish`; if the process
    fails or is killed, it remains. Raises ConfigError at once for a path that cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = path.with_name(f"{path.name}.before")
        content = _content(path)
        self._last = _digest(content)
        """Digest of what this process last read or wrote; the file differs if another process has written it."""
        self._starts_anew = content is not None
        self._keeps = False
        self._others: list[Any] = []
        self._written: list[Any] = []
        _check_writable(path)

    def save(self, rows: list[Any]) -> None:
        """Write all rows of this recording, behind those of other processes."""
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
            self._back_up(content)
        self._starts_anew = False
        data = dumps({"version": VERSION, "exchanges": [*self._others, *rows]}, option=INDENT) + b"\n"
        self._last = _digest(data)
        return data

    def _back_up(self, content: bytes) -> None:
        """Keep the previous recording, by a hard link where the file system has them.

        If there is a backup, it is the complete one: a later recording did not end.
        """
        self._keeps = True
        if self._before.exists():
            return
        try:
            os.link(self.path.resolve(), self._before)
        except OSError:  # no links: write a copy, and rename it when it is complete
            copy = self._before.with_name(f"{self._before.name}.new")
            with suppress(OSError):  # recording continues even if there can be no backup
                copy.write_bytes(content)
                os.replace(copy, self._before)


def rows_of(content: bytes, path: Path) -> list[Any]:
    """Return the exchanges in a cassette's content. Raises ConfigError for content that is no cassette."""
    try:
        data = loads(content)
        if why := refused_version(data.get("version"), VERSION, f"the cassette {path}"):
            raise ConfigError(why, hint="update stepwell, or record again")
        rows: list[Any] = data["exchanges"]
    except (JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} is not a cassette: {error!r:.80}", hint="delete it, and record again") from None
    return rows


def _without(rows: list[Any], known: list[Any]) -> list[Any]:
    """Return the rows without the known ones. A row that is known once is removed once: there may be equal rows."""
    remaining = list(known)
    others = []
    for row in rows:
        if row in remaining:
            remaining.remove(row)
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


def _check_writable(path: Path) -> None:
    """Raise ConfigError if the file cannot be written, before a request is sent that costs money."""
    existing = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not os.access(existing, os.W_OK) or (existing != path and not existing.is_dir()):
        raise ConfigError(f"cannot write a cassette at {path}", hint=f"check the permissions of {existing}")
