"""TapeFile: the file of a cassette, complete after every exchange even if several processes write it or are killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..schemas.atomic_files import cannot_write, replace_end, update_file
from ..schemas.errors import ConfigError
from ..schemas.json_text import INDENT, JSONDecodeError, dumps, loads
from ..schemas.versions import refused_version

VERSION = 1
"""Version of the file format."""
_END, _BETWEEN = b"\n    }\n  ]\n}\n", b"\n    },"
"""How a file ends after its last row, and what is between two rows."""


class TapeFile:
    """A file of rows that one recording adds to, while other processes may add to it as well.

    Rows are appended in place, so that each costs the same however many there are. A process that is killed in the
    middle of one leaves a file without that row; see `rows_of`. The content from before the recording is kept in
    `<name>.before` from the first row until `finish`; if the process fails or is killed, it remains. Raises ConfigError
    at once for a path that cannot be written.
    """

    def __init__(self, path: Path, rows: Callable[[int], list[Any]]) -> None:
        """Check the path.

        path: the file.
        rows: returns the rows of this recording, from one of a given number on.
        """
        _check_writable(path)
        self.path = path
        self._before = path.with_name(f"{path.name}.before")
        self._rows = rows
        self._first = _digest(_content(path))
        """Digest of the file as it was found; it differs if another process has written it."""
        self._starts_anew = path.exists()
        self._keeps = False
        self._saved = 0

    def save(self) -> None:
        """Write the new rows of this recording to the end of the file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = self._rows(self._saved)
            if not self._saved or not _append(self.path, new):
                update_file(self.path, self._joined)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._saved += len(new)
        self._starts_anew = False

    def finish(self) -> None:
        """End the recording: what was recorded before is no longer needed."""
        if self._keeps:
            self._keeps = False
            with suppress(OSError):
                self._before.unlink()

    def _joined(self) -> bytes:
        """Return the content for a file that is not as `save` has left it."""
        content = _content(self.path)
        rows: list[Any] = []
        if self._starts_anew and content is not None and _digest(content) == self._first:
            self._back_up(content)
        elif content is not None:
            rows = rows_of(content, self.path)
        rows += self._rows(self._saved if content is not None else 0)
        return dumps({"version": VERSION, "exchanges": rows}, option=INDENT) + b"\n"

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


def _append(path: Path, rows: list[Any]) -> bool:
    """Add rows to the end of a file. Return False for a file that does not end as ours do."""
    more = dumps({"exchanges": rows}, option=INDENT)
    return replace_end(path, _END, _BETWEEN + more[more.index(b"[") + 1 :] + b"\n")


def rows_of(content: bytes, path: Path) -> list[Any]:
    """Return the exchanges in a cassette's content, without one whose writing was broken off.

    Raises ConfigError for content that is no cassette.
    """
    try:
        data = _loaded(content)
        if why := refused_version(data.get("version"), VERSION, f"the cassette {path}"):
            raise ConfigError(why, hint="update stepwell, or record again")
        rows: list[Any] = data["exchanges"]
    except (JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} is not a cassette: {error!r:.80}", hint="delete it, and record again") from None
    return rows


def _loaded(content: bytes) -> Any:
    try:
        return loads(content)
    except JSONDecodeError:
        end = content.rfind(_BETWEEN)
        if end < 0:
            raise
        return loads(content[:end] + _END)


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
    fits = existing.is_file() if existing == path else existing.is_dir()
    if not fits or not os.access(existing, os.W_OK):
        raise ConfigError(f"cannot write a cassette at {path}", hint=f"check the permissions of {existing}")
