"""Read files that a user, or a user's input, names: regular ones, of a bounded size, in a folder if one is given."""

from __future__ import annotations

import os
import stat

from .errors import ConfigError

MIB = 2**20
RECORD_BYTES = 1024 * MIB
"""The most bytes of a cassette or a stored conversation."""
SETTINGS_BYTES = MIB
"""The most bytes of a file of variables, of tokens or of a key."""
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
# Without O_NONBLOCK, opening a pipe would wait for its writer.


def read_file(
    path: str | os.PathLike[str],
    *,
    at_most: int,
    root: str | os.PathLike[str] | None = None,
    label: str = "the file",
    hint: str = "check the path and its permissions",
    error: type[ConfigError] = ConfigError,
) -> bytes:
    """Return the content of a file.

    path: the file. With a root, a relative path begins there.
    at_most: the most bytes that it may have.
    root: a folder that it must be in, when all symbolic links are followed; None allows any place.
    label, hint: what errors call it, and what they advise.
    error: the class of the errors.

    Raises that error for a path outside the root, for a file that is missing, not regular (a pipe, a device, a folder)
    or too large.
    """
    if not isinstance(path, str | os.PathLike) or type(at_most) is not int:
        raise error(f"{label} is named by a path, not by a {type(path).__name__}, and bounded by a number of bytes")
    real = os.fspath(path) if root is None else _inside(path, root, label, error)
    try:
        with open(real, "rb", opener=lambda name, _: os.open(name, _FLAGS)) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise error(f"{label} {path} is not a regular file", hint="copy what it gives into a file")
            content = file.read(at_most + 1) if found.st_size <= at_most else None
    except (OSError, ValueError) as failed:
        why = getattr(failed, "strerror", None) or "the path is malformed"
        content, refused = None, error(f"{label} {path} cannot be read: {why}", hint=hint)
    else:
        refused = error(f"{label} {path} is larger than {at_most:,} bytes")
    if content is None or len(content) > at_most:
        raise refused  # outside the handler: a typed error, without one that the system raised
    return content


def refuse_address(path: object, name: str) -> None:
    """Raise ConfigError for an address in the place of a path. `name` is the class of the file."""
    if isinstance(path, str) and path.startswith(("http://", "https://", "data:")):
        raise ConfigError(f"{name}.from_file takes a path, not an address", hint=f"{name}.from_url(url)")


def _inside(path: str | os.PathLike[str], root: str | os.PathLike[str], label: str, error: type[ConfigError]) -> str:
    from pathlib import Path  # a first call needs no files

    try:
        folder, real = Path(os.path.realpath(root)), Path(os.path.realpath(Path(root) / path))
        inside = real.is_relative_to(folder)
    except ValueError:  # a null byte
        inside = False
    if not inside:
        raise error(f"{label} {path} is outside of {root}", hint="only files below that folder may be read")
    return str(real)
