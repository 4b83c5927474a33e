"""Import an object of this package by name, from a module that a packed application may lack."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ...schemas.errors import ConfigError

PACKAGE = __name__.rpartition(".declare.")[0]


def load(module: str, name: str, what: str) -> Any:
    """Import an object of a module of `providers`.

    module: the name of the module within `providers`.
    name: the name of the object in it.
    what: what it is, for the error.

    Raises ConfigError if the module cannot be imported or has no such object.
    """
    try:
        return getattr(import_module(f"{PACKAGE}.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{what} is part of stepwell, and cannot be imported: {error}",
            hint="install stepwell again; an application that packs it must include all its modules "
            "(PyInstaller: --collect-submodules stepwell)",
        ) from error
