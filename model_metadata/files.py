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

_CHECK_PATH = "check the path and its permissions"
_REINSTALL = (
    "the catalog is part of stepwell: reinstall it; a packaged application must include its data files "
    "(PyInstaller: --collect-data stepwell)"
)
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
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted((place for place in found if place.name.endswith(".json")), key=lambda place: place.name)


def read_json(place: str | Place) -> Any:
    """Return the content of a JSON file. Raises ConfigError, with its path, if it cannot be read."""
    try:
        return loads(file_content(place))
    except JSONDecodeError as error:
        raise ConfigError(f"{place} is not JSON: {error}") from error


def read_models(place: str | Place) -> dict[str, Any]:
    """Return the rows of a provider's file in `data`, by model. Raises ConfigError as `read_json` does.

    The fields that most of the models share stand once in the file, under `common`. A model that has another value has
    it in its row, and null there if it has none; see `with_common_fields` in sync.py.
    """
    content = read_json(place)
    common, rows = content.get("common"), content["models"]
    return {id: _whole(common, row) for id, row in rows.items()} if common else rows


def _whole(common: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    whole = {**common, **row}
    return {name: value for name, value in whole.items() if value is not None} if None in row.values() else whole


def file_content(place: str | Place) -> bytes:
    """Return the content of a file. Raises ConfigError, with its path, if it cannot be read."""
    try:
        return (Path(place) if isinstance(place, str) else place).read_bytes()
    except (OSError, KeyError) as error:
        # A KeyError is how an archive reports a missing member.
        reason = error.strerror if isinstance(error, OSError) else "it is not in the archive"
        own = str(place).startswith(FOLDER)
        raise ConfigError(f"cannot read {place}: {reason}", hint=_REINSTALL if own else _CHECK_PATH) from error
