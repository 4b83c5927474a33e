"""Find and read the files of a catalog."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..schemas.errors import ConfigError
from ..schemas.json_text import JSONDecodeError, loads

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    Place: TypeAlias = Path | Traversable

FOLDER = os.path.dirname(__file__)
"""The catalog of this package: a folder, or a path inside an archive."""


def catalog_folder(folder: str) -> Place:
    """Return a catalog's folder. The package may be in an archive, whose folders only its loader can read."""
    if folder != FOLDER or os.path.isdir(folder):
        return Path(folder)
    from importlib.resources import files  # takes 15 ms to import, and is rarely needed

    return files(__package__)


def json_files(folder: Place) -> list[Place]:
    """Return the JSON files of a folder in the order of their names; none if there is no such folder."""
    found = [place for place in folder.iterdir() if place.name.endswith(".json")] if folder.is_dir() else []
    return sorted(found, key=lambda place: place.name)


def read_json(place: str | Place) -> Any:
    """Return the content of a JSON file. Raises ConfigError, with its path, if it cannot be read."""
    try:
        return loads(_content(place))
    except OSError as error:
        raise ConfigError(f"cannot read {place}: {error.strerror}", hint=_hint(place)) from error
    except KeyError as error:  # how an archive reports a missing member
        raise ConfigError(f"cannot read {place}: it is not in the archive", hint=_hint(place)) from error
    except JSONDecodeError as error:
        raise ConfigError(f"{place} is not JSON: {error}") from error


def _content(place: str | Place) -> bytes:
    if not isinstance(place, str | Path):
        return place.read_bytes()
    with open(place, "rb") as file:
        return file.read()


def _hint(place: str | Place) -> str:
    if str(place).startswith(FOLDER):
        return (
            "the catalog is part of stepwell: reinstall it; a packaged application must include its data files "
            "(PyInstaller: --collect-data stepwell)"
        )
    return "check the path and its permissions"
