"""Catalog files, in and out."""

from __future__ import annotations

from typing import Any

from ..schemas.errors import ConfigError
from ..schemas.json_text import JSONDecodeError, loads


def read_json(path: str) -> Any:
    """The content of a JSON file; raises ConfigError, naming the file, if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return loads(file.read())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint="check the path and its permissions") from error
    except JSONDecodeError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
