"""Where variables are looked up: the process's environment, and a file of them for whoever asked to have it read.

A file's lines are `NAME=value`, perhaps with `export` before them, comments behind a `#`, and values in quotes that may
go over several lines. `\\n`, `\\t`, `\\"` and `\\\\` mean something in double quotes; `$NAME` is not replaced anywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ...pipeline.http.request import Request, of_one_provider
from ...schemas.errors import ConfigError
from ...schemas.secret import Secret

ENVIRONMENT = of_one_provider("environment")
"""Where in a request's `private` the Environment of its client stands, when that is more than the process's own."""

FILE_VARIABLE = "STEPWELL_ENV_FILE"
"""Names a file to be read as `env_file=` is, by every client that has no such setting."""

_LINE = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)[ \t]*=
        (?:[ \t]*(?:'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*)")[ \t]*(?:\#[^\n]*)?
          |(?![ \t]*['"])(?P<bare>[^\n]*)
        )(?:\n|\Z)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_COMMENT = re.compile(r"\s#.*")
_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


class Environment:
    """Variables by name: the process's own, read when asked for, and behind them those of a file."""

    def __init__(self, file: Mapping[str, Secret] | None = None, path: str = "") -> None:
        self._file = file or {}
        self._path = path

    @property
    def has_file(self) -> bool:
        return bool(self._file)

    def get(self, name: str) -> str | None:
        """What the variable holds; an empty one of the process's own hides the file's, as a shell's user means it."""
        if (value := os.environ.get(name)) is not None:
            return value
        return self._file[name].reveal() if name in self._file else None

    def of_file(self, name: str) -> str | None:
        """What the file alone has to say, for variables that other libraries read in the process's environment."""
        return None if name in os.environ or name not in self._file else self._file[name].reveal()

    def describe_source(self, name: str) -> str:
        """Where the variable stands, for messages."""
        return f"the environment variable {name}" if name in os.environ else f"{name} in {self._path}"


PROCESS = Environment()
"""The process's environment alone."""


def environment_of(request: Request) -> Environment:
    """The variables that this call may use."""
    found: Environment = request.step_state.get(ENVIRONMENT, PROCESS)
    return found


def process_environment() -> Environment:
    """The process's environment, with the file behind it that STEPWELL_ENV_FILE names, if it names one."""
    path = os.environ.get(FILE_VARIABLE)
    return read_environment(path) if path else PROCESS


def read_environment(path: str | os.PathLike[str]) -> Environment:
    """The process's environment with a file behind it. Raises ConfigError, without any value, for a file that cannot
    be read or has other lines than `NAME=value`."""
    path = Path(path)
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"the file of variables {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the file of variables {path} is not UTF-8") from None
    return Environment(parsed(text, str(path)), str(path))


def parsed(text: str, path: str = "the text") -> dict[str, Secret]:
    """The variables of a file's text; one without a value counts as not there."""
    found: dict[str, Secret] = {}
    text = text.replace("\r\n", "\n")
    at = 0
    while at < len(text):
        if blank := _BLANK.match(text, at):
            at = blank.end()
            continue
        line = _LINE.match(text, at)
        if line is None:
            number = text.count("\n", 0, at) + 1
            raise ConfigError(
                f"line {number} of {path} is not NAME=value", hint="close its quotes, or put a # before it"
            )
        if value := _value(line):
            found[line["name"]] = Secret(value)
        else:
            found.pop(line["name"], None)
        at = line.end()
    return found


def _value(line: re.Match[str]) -> str:
    if line["single"] is not None:
        return line["single"]
    if line["double"] is not None:
        return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), line["double"])
    return _COMMENT.sub("", line["bare"]).strip()
