"""Taking something by its name out of a module of this package, which an application may have been packed without."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ...schemas.errors import ConfigError

PACKAGE = __name__.rpartition(".declare.")[0]


def load(module: str, name: str, what: str) -> Any:
    """What a module of `providers` calls by this name. Raises ConfigError when it cannot be imported or has none."""
    try:
        return getattr(import_module(f"{PACKAGE}.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{what} is part of stepwell, and cannot be imported: {error}",
            hint="install stepwell anew; an application that packs it must take all its modules along "
            "(PyInstaller: --collect-submodules stepwell)",
        ) from error
