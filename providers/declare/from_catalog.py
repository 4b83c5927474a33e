"""Make providers of rows of models.dev: a provider whose wire is known needs no file here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

from ...model_metadata.catalog import CATALOG
from ...model_metadata.families import ALSO_SPEAKS
from ...model_metadata.provider_ids import canonical
from ...model_metadata.provider_models import ProviderRow
from ...schemas.errors import ConfigError
from ...schemas.late_pattern import late_pattern
from .. import WIRES
from .addresses import variables
from .provider import Provider
from .rule_tables import PACKAGE
from .rules import BY_FACTS
from .wire import Wire

# Names of environment variables that hold something else than a key.
_NO_KEY = late_pattern(r"_ID$|PROJECT|LOCATION|REGION|_HOST$|ENDPOINT|RESOURCE|ACCOUNT|BASE_URL|CREDENTIALS")


def from_catalog(id: str) -> Provider | None:
    """Return the provider that a row describes; None if there is no such row, or its wire is unknown."""
    row = CATALOG.provider(id)
    if row is None or row.wire is None or not row.base_url:
        return None
    names = [row.wire, *ALSO_SPEAKS.get(row.npm or "", ())]
    names += sorted({model.wire for model in CATALOG.find(row.id) if model.wire} - set(names))
    wires = [wire for name in names if (wire := wire_named(name)) is not None]
    if not wires:
        return None
    if row.wire == "openai_chat":
        wires += [
            load("wires.operations.embeddings", "openai_embeddings", "its wire"),
            load("wires.operations.openai_misc", "openai_models", "its wire"),
        ]
    in_url = variables(row.base_url)
    return Provider(
        id=canonical(row.id),
        name=row.name,
        wires=tuple(wires),
        base_url=_root(row.base_url, wires),
        docs=row.doc or "",
        env_key=[name for name in row.env if name not in in_url and not _NO_KEY.search(name)],
        translate_options=BY_FACTS,
        source="models.dev",
    )


def _root(url: str, wires: Iterable[Wire]) -> str:
    """Return the base URL: some rows have the address of an operation, with its path."""
    paths = (wire.path for wire in wires if wire.operation == "chat" and isinstance(wire.path, str))
    return next((url.removesuffix(path) for path in paths if url.endswith(path)), url)


def load(module: str, name: str, label: str) -> Any:
    """Import an object of a module of `providers`.

    module: the name of the module within `providers`.
    name: the name of the object in it.
    label: how to name it in an error.

    Raises ConfigError if the module cannot be imported or has no such object.
    """
    try:
        return getattr(import_module(f"{PACKAGE}.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{label} is part of stepwell, and cannot be imported: {error}",
            hint="install stepwell again; an application that packs it must include all its modules "
            "(PyInstaller: --collect-submodules stepwell)",
        ) from error


def wire_named(name: str) -> Wire | None:
    """Return a wire of this package by its name; None for an unknown name."""
    return _wire(name) if name in WIRES else None


@cache
def _wire(name: str) -> Wire:
    wire: Wire = load(f"wires.{name}", name, f"the wire {name!r}")
    return wire


def is_in_catalog(id: str) -> bool:
    """Check whether a row with a known wire has this id, in the registry's spelling."""
    return _is_usable(CATALOG.provider(id))


def catalog_ids() -> list[str]:
    """Return the ids of all rows with a known wire, in the registry's spelling."""
    return [canonical(row.id) for row in CATALOG.providers() if _is_usable(row)]


def _is_usable(row: ProviderRow | None) -> bool:
    return bool(row and row.wire and row.base_url)
