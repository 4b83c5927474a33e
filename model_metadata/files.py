"""Catalog files, in and out."""

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
"""The catalog of this package: a folder, or a place inside an archive."""


def opened(folder: str) -> Place:
    """A catalog's folder, to be read. The package's own may lie in an archive, where only its loader can reach it."""
    if folder != FOLDER or os.path.isdir(folder):
        return Path(folder)
    from importlib.resources import files  # takes 15 ms to import, and is seldom needed

    return files(__package__)


def json_files(folder: Place) -> list[Place]:
    """The JSON files of a folder, by name, if there is one."""
    found = [place for place in folder.iterdir() if place.name.endswith(".json")] if folder.is_dir() else []
    return sorted(found, key=lambda place: place.name)


def read_json(place: str | Place) -> Any:
    """The content of a JSON file; raises ConfigError, naming the file, if it cannot be read."""
    try:
        return loads(_content(place))
    except OSError as error:
        raise ConfigError(f"cannot read {place}: {error.strerror}", hint=_hint(place)) from error
    except KeyError as error:  # an archive's word for a member that is not there
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
            "the catalog is part of stepwell: install it anew; an application that packs it must take its data files "
            "along (PyInstaller: --collect-data stepwell)"
        )
    return "check the path and its permissions"
