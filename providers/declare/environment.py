"""Look up variables: in the process's environment and, if requested, in a file.

The lines of the file are `NAME=value`, optionally with `export` before them, with comments after a `#`, and with values
in quotes, which may have several lines. `\\n`, `\\t`, `\\"` and `\\\\` are escapes in double quotes; `$NAME` is not
replaced.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...pipeline.http.request import Request, StateKey
from ...pipeline.world import REAL_WORLD
from ...schemas.errors import ConfigError, InvalidOption
from ...schemas.late_pattern import late_pattern
from ...schemas.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

FILE_VARIABLE = "STEPWELL_ENV_FILE"
"""The variable that names the file of every client without an `env_file=`."""

_LINE = late_pattern(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)[ \t]*=
        (?:[ \t]*(?:'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*)")[ \t]*(?:\#[^\n]*)?
          |(?![ \t]*['"])(?P<bare>[^\n]*)
        )(?:\n|\Z)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_COMMENT = late_pattern(r"\s#.*")
_BLANK = late_pattern(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_ESCAPE = late_pattern(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


class Environment:
    """Variables by name: those of the process, read at each look-up, and after them those of a file."""

    def __init__(self, file: Mapping[str, Secret] | None = None, path: str = "") -> None:
        self._process = REAL_WORLD.environ
        self._file = file or {}
        self._path = path

    def get(self, name: str) -> str | None:
        """Return the value of a variable. An empty one of the process hides the one of the file, as in a shell."""
        if (value := self._process.get(name)) is not None:
            return value
        return self._file[name].reveal() if name in self._file else None

    def of_file(self, name: str) -> str | None:
        """Return the value in the file, if the process has none: for variables that other libraries read themselves."""
        return None if name in self._process or name not in self._file else self._file[name].reveal()

    def describe_source(self, name: str) -> str:
        """Describe where the variable is set, for messages."""
        return f"the environment variable {name}" if name in self._process else f"{name} in {self._path}"


def variable_names(value: Any) -> tuple[str, ...] | Mapping[str, str]:
    """Return the variables of a key, or those of the values of a credential by their names.

    value: one variable, several, or a mapping. Raises InvalidOption for anything else.
    """
    names = value.values() if isinstance(value, Mapping) else (value,) if isinstance(value, str) else (value or ())
    if not isinstance(names, Iterable) or not all(isinstance(name, str) for name in names):
        raise InvalidOption("the env_key is not the name of a variable", hint="env_key='ACME_API_KEY'")
    return value if isinstance(value, Mapping) else tuple(names)


PROCESS = Environment()
"""The process's environment alone."""
ENVIRONMENT: StateKey[Environment] = StateKey("environment", PROCESS)
"""The Environment of the client, if that has a file."""


def environment_of(request: Request) -> Environment:
    """Return the environment of the client that made the request."""
    return request.get(ENVIRONMENT)


def home_folder(instead: str) -> Path:
    """Return the user's home folder. Raises ConfigError without one, as in a container with a user of no name.

    instead: the variable that names what is looked for there.
    """
    from pathlib import Path  # only where there is a file

    try:
        return Path.home()
    except RuntimeError:
        failed = ConfigError("this user has no home folder", hint=f"set HOME, or {instead}")
    raise failed


def process_environment() -> Environment:
    """Return the process's environment, with the file that STEPWELL_ENV_FILE names, if any."""
    path = REAL_WORLD.environ.get(FILE_VARIABLE)
    return read_environment(path) if path else PROCESS


def read_environment(path: str | os.PathLike[str]) -> Environment:
    """Return the process's environment, with a file.

    Raises ConfigError, without any value, for a file that cannot be read or that has other lines than `NAME=value`.
    """
    from ...schemas.files import SETTINGS_BYTES, read_file  # few programs have such a file

    try:
        text = read_file(path, at_most=SETTINGS_BYTES, label="the file of variables").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"the file of variables {path} is not UTF-8") from None
    return Environment(parsed(text, str(path)), str(path))


def parsed(text: str, path: str = "the text") -> dict[str, Secret]:
    """Parse the text of a file of variables. A variable without a value is left out."""
    found: dict[str, Secret] = {}
    text = text.replace("\r\n", "\n")
    at = 0
    while at < len(text):
        line = _BLANK.match(text, at) or _LINE.match(text, at)
        if line is None:
            number = text.count("\n", 0, at) + 1
            raise ConfigError(
                f"line {number} of {path} is not NAME=value", hint="close its quotes, or put a # before it"
            )
        if "name" in line.re.groupindex:
            found[line["name"]] = Secret(_value(line))
        at = line.end()
    return {name: value for name, value in found.items() if value}


def _value(line: re.Match[str]) -> str:
    if line["single"] is not None:
        return line["single"]
    if line["double"] is not None:
        return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), line["double"])
    return _COMMENT.sub("", line["bare"]).strip()
