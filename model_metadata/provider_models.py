"""The rows of one provider, as the catalog stores them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from ..schemas.errors import ConfigError
from ..schemas.model import Model
from .checks import checked_row
from .families import base_url_of, wire_of
from .ids import Spellings
from .patches import Patch
from .rows import Row, as_row, model_of


@frozen
class ProviderRow:
    """The row of a provider in models.dev, with the wire and base URL that follow from it."""

    id: str
    name: str
    npm: str | None = None
    api: str | None = None
    env: tuple[str, ...] = ()
    """The environment variables that hold its key and the parts of its URL."""
    doc: str | None = None
    models: int = 0
    """How many models it has, before patches."""

    @property
    def wire(self) -> str | None:
        """The name of its default wire, if there is one of ours."""
        return wire_of(self.npm)

    @property
    def base_url(self) -> str | None:
        """Where it is served, if that is known."""
        return base_url_of(self.id, self.npm, self.api)


class ProviderModels:
    """The rows of one provider, and the models made of them so far.

    Replaced as a whole and never changed, except that new rows are added in place.
    """

    __slots__ = ("as_of", "models", "rows", "source", "spellings")

    def __init__(self, rows: dict[str, Row | Model], as_of: str | None = None, source: str | None = None) -> None:
        self.rows = rows
        self.as_of = as_of
        self.source = source
        self.models: dict[str, Model] = {}
        self.spellings = Spellings(rows)

    def patched(self, patches: Iterable[Patch]) -> ProviderModels:
        """Return these rows with patches applied; the models of unchanged rows are reused."""
        rows = dict(self.rows)
        for patch in patches:
            patch.apply(rows)
        changed = ProviderModels(rows, self.as_of, self.source)
        changed.models = {id: model for id, model in self.models.items() if rows.get(id) is self.rows.get(id)}
        return changed

    def extend(self, provider: str, rows: Mapping[str, Row | Model]) -> None:
        """Add rows with new ids, so that each of many costs the same. Raises ConfigError for one that gives no Model.

        No reader can know a model of these ids that would be outdated now.
        """
        ProviderModels(dict(rows)).check(provider, ProviderModels({}))
        self.rows.update(rows)
        self.spellings = Spellings(self.rows)

    def check(self, provider: str, before: ProviderModels) -> None:
        """Check the rows that differ from those before. Raises ConfigError for a row that gives no Model."""
        for id, row in self.rows.items():
            if isinstance(row, Mapping) and row is not before.rows.get(id):
                model_of(provider, id, row)


def provider_file(content: Mapping[str, Any]) -> tuple[ProviderRow, ProviderModels]:
    """Read a whole provider from the content of a provider file. Raises ConfigError for anything else."""
    id, models = content["id"], content["models"]
    if not (
        isinstance(id, str) and id and isinstance(models, dict) and all(isinstance(r, dict) for r in models.values())
    ):
        raise ConfigError('a provider file needs an "id" and "models", an object of rows by model id')
    rows = {name: checked_row(as_row(row), f"{id}:{name}") for name, row in models.items()}
    for name, row in rows.items():
        model_of(id, name, row)
    head = {key: content.get(key) for key in ("npm", "api", "doc")}
    listed = ProviderRow(id, content.get("name") or id, env=tuple(content.get("env") or ()), models=len(rows), **head)
    return listed, ProviderModels({**rows}, content.get("as_of"), content.get("source"))
