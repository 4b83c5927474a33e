"""Looking models up: by name, by spelling, by ability.

Nothing is read at import. The first question about a provider reads its one file; every later answer is a dict
lookup. Changes replace what they change, never alter it, so readers need no lock.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from attrs import evolve, frozen

from ..schemas.errors import ConfigError, UnknownModel
from ..schemas.model import Model, split_name
from .families import base_url_of, wire_of
from .files import read_json
from .ids import ANY, NORMALIZERS, Normalizer, Spellings
from .patches import Patch, read_patches
from .rows import Row, as_row, model_of

FOLDER = os.path.dirname(__file__)

_REMEMBERED = 20_000
STABLE = "stable"


@frozen
class ProviderRow:
    """What models.dev says about a provider, with the wire and base URL that follow from it."""

    id: str
    name: str
    npm: str | None = None
    api: str | None = None
    env: tuple[str, ...] = ()
    """Environment variables that hold its key and the parts of its URL."""
    doc: str | None = None
    models: int = 0
    """How many models it lists, before patches."""

    @property
    def wire(self) -> str | None:
        return wire_of(self.npm)

    @property
    def base_url(self) -> str | None:
        return base_url_of(self.id, self.npm, self.api)


class _Shelf:
    """The rows of one provider, and the models already made of them. Never changed, only replaced."""

    __slots__ = ("as_of", "models", "rows", "source", "spellings")

    def __init__(self, rows: Mapping[str, Row | Model], as_of: str | None, source: str | None) -> None:
        self.rows = rows
        self.as_of = as_of
        self.source = source
        self.models: dict[str, Model] = {}
        self.spellings = Spellings(rows)

    def with_rows(self, rows: Mapping[str, Row | Model]) -> _Shelf:
        """A shelf of these rows; the models of those that are the same as before stand ready."""
        shelf = _Shelf(rows, self.as_of, self.source)
        shelf.models = {id: model for id, model in self.models.items() if rows.get(id) is self.rows.get(id)}
        return shelf


class Catalog:
    """The models of every provider, ours to read and yours to extend.

    `folder` holds `index.json`, `data/<provider>.json`, `own/*.json` (whole providers that models.dev does not list)
    and `patches/*.json`; None makes an empty catalog.
    """

    def __init__(self, folder: str | None = FOLDER) -> None:
        self.version = 0
        """Counts the changes made by add, patch and load, for those who keep what they looked up."""
        self._folder = folder
        self._lock = threading.RLock()
        self._shelves: dict[str, _Shelf] = {}
        self._index: dict[str, ProviderRow] | None = None
        self._patches: tuple[Patch, ...] = ()
        self._as_of: str | None = None
        self._source: str | None = None
        self._found: dict[tuple[str, tuple[Normalizer, ...] | None], Model | None] = {}

    def get(self, name: str, *, normalize: Iterable[Normalizer] | None = None) -> Model:
        """The model called "provider:model-id"; one with `known=False` if no row fits. Raises UnknownModel.

        An id that is not listed as it stands is looked up by its shorter spellings: `normalize` says which, by default
        those of `ids.NORMALIZERS`. The answer has the id as given; `facts["listed_as"]` names the row it is drawn from.
        """
        return self.find_exact(name, normalize=normalize) or Model(*split_name(name))

    def find_exact(self, name: str, *, normalize: Iterable[Normalizer] | None = None) -> Model | None:
        """The same, or None if no row fits. Pass `normalize=()` to accept no other spelling."""
        steps = None if normalize is None else tuple(normalize)
        found = self._found  # an edit swaps this dict for a new one, so a late write can never bring back an old answer
        key = (name, steps)
        try:
            return found[key]
        except KeyError:
            model = self._look_up(*split_name(name), steps)
        if len(found) >= _REMEMBERED:
            found.clear()
        found[key] = model
        return model

    def find(
        self,
        provider: str | None = None,
        *,
        reasoning: bool | None = None,
        tools: bool | None = None,
        structured_output: bool | None = None,
        input: str | Iterable[str] | None = None,
        output: str | Iterable[str] | None = None,
        context_at_least: int | None = None,
        max_input_price: Decimal | float | str | None = None,
        max_output_price: Decimal | float | str | None = None,
        status: str | None = None,
        text: str | None = None,
    ) -> list[Model]:
        """The models that fit everything asked for, by provider and id.

        `input` and `output` name modalities that all must be there; prices are dollars per million tokens, and a model
        without a known price fits no limit; `status` "stable" wants models that are neither alpha, beta nor
        deprecated; `text` is looked for in id, name and family.
        """
        flags = {"reasoning": reasoning, "tools": tools, "structured_output": structured_output}
        wanted = {name: value for name, value in flags.items() if value is not None}
        reads, writes = _words(input), _words(output)
        words = (text or "").lower().split()

        def fits(model: Model) -> bool:
            return (
                all(getattr(model, name) is value for name, value in wanted.items())
                and reads <= model.input
                and writes <= model.output
                and (context_at_least is None or (model.context_window or 0) >= context_at_least)
                and _costs_at_most(model, "input", max_input_price)
                and _costs_at_most(model, "output", max_output_price)
                and (status is None or (model.status or STABLE) == status)
                and all(word in f"{model.id} {model.name} {model.family}".lower() for word in words)
            )

        return [model for model in self._models(provider) if fits(model)]

    def ids(self, provider: str) -> list[str]:
        """The ids of a provider's models; none for one that is not listed."""
        row = self.provider(provider)
        shelf = self._shelf(row.id if row else provider)
        return sorted(shelf.rows) if shelf is not None else []

    def providers(self) -> list[ProviderRow]:
        """Every provider listed, by id; reads the index alone."""
        return [row for _, row in sorted(self._read_index().items())]

    def provider(self, id: str) -> ProviderRow | None:
        """One provider's row; underscores in `id` may stand for hyphens."""
        index = self._read_index()
        return index.get(id) or index.get(id.replace("_", "-"))

    def add(self, model: Model | Row) -> Model:
        """List a model of your own, in place of any of that name.

        A row needs "provider" and "id", and may use the names of Model's fields: `add({"provider": "acme", "id":
        "m-1", "context_window": 8192, "tools": True, "prices": {"input": "0.5", "output": 1}})`.
        """
        if isinstance(model, Model):
            row: Row | Model = model
            made = model
        else:
            row, made = _read_user_row(model)
        with self._lock:
            listed = self.provider(made.provider)
            under = listed.id if listed else made.provider
            shelf = self._shelf(under) or _Shelf({}, None, None)
            self._put(under, shelf.with_rows({**shelf.rows, made.id: row}))
        return made

    def patch(self, pattern: str, changes: Row) -> None:
        """Change what is said of each model that matches "provider:pattern", now and when its provider is first read.

        Both halves may hold `*`, `?` and `[...]`. Keys are those of rows or of Model's fields; objects are merged, and
        None takes a key away. Raises ConfigError for a price that is none.
        """
        provider, models = split_name(pattern)
        patch = Patch(provider, (models,), set=as_row(changes))
        listed = self._one_provider(provider)
        shelf = self._shelf(listed[0]) if listed else None
        if shelf is not None and not any(map(patch.matches, shelf.rows)):
            raise UnknownModel(f"no model of {listed[0]} matches {models!r}", hint="use add() to list a new one")
        self._apply(patch)

    def load(self, path: str) -> None:
        """Read a patch file, or a provider file: {"id": "acme", "api": ..., "models": {id: row}}."""
        content = read_json(path)
        if isinstance(content, dict) and "models" in content and "id" in content:
            self._load_provider(content)
            return
        for patch in read_patches(content, where=path):
            self._apply(patch)

    def _load_provider(self, content: Mapping[str, Any]) -> None:
        row, shelf = _provider_file(content)
        with self._lock:
            self._read_index()
            self._index = {**(self._index or {}), row.id: row}
            self._put(row.id, shelf)

    def _apply(self, patch: Patch) -> None:
        with self._lock:
            changed = {}
            for id in [id for id in self._shelves if patch.touches(id)] or self._one_provider(patch.provider):
                shelf = self._shelf(id)
                if shelf is not None:
                    changed[id] = _patched(id, shelf, patch)
            self._patches = (*self._patch_list(), patch)
            self.version += 1
            for id, shelf in changed.items():
                self._put(id, shelf)

    def _one_provider(self, pattern: str) -> list[str]:
        """The provider that a pattern without wildcards names: read now, so that a fault in a patch shows now."""
        row = self.provider(pattern)
        return [row.id] if row else []

    def _put(self, id: str, shelf: _Shelf) -> None:
        self._shelves = {**self._shelves, id: shelf}
        self._found = {}
        self.version += 1

    def _look_up(self, provider: str, id: str, steps: tuple[Normalizer, ...] | None) -> Model | None:
        row = self.provider(provider)
        listed_under = row.id if row else provider
        shelf = self._shelf(listed_under)
        if shelf is None:
            return None
        if id in shelf.rows:
            return _named(self._model(listed_under, shelf, id), provider, id)
        found = shelf.spellings.find(id, NORMALIZERS.get(listed_under, ANY) if steps is None else steps)
        if found is None:
            return None
        listed_as, same_price = found
        return _named(self._model(listed_under, shelf, listed_as), provider, id, same_price)

    def _models(self, provider: str | None) -> Iterator[Model]:
        if provider is None:
            ids = sorted(self._read_index().keys() | self._shelves.keys())
        else:
            row = self.provider(provider)
            ids = [row.id if row else provider]
        for id in ids:
            shelf = self._shelf(id)
            if shelf is not None:
                for name in sorted(shelf.rows):
                    yield self._model(id, shelf, name)

    def _model(self, provider: str, shelf: _Shelf, id: str) -> Model:
        model = shelf.models.get(id)
        if model is None:
            row = shelf.rows[id]
            if not isinstance(row, Model):
                row = model_of(provider, id, row, as_of=shelf.as_of, source=shelf.source)
            model = shelf.models.setdefault(id, row)
        return model

    def _shelf(self, provider: str) -> _Shelf | None:
        shelf = self._shelves.get(provider)
        if shelf is None and provider in self._read_index():
            with self._lock:
                shelf = self._shelves.get(provider) or self._read_shelf(provider)
        return shelf or self._shelves.get(provider)

    def _read_shelf(self, provider: str) -> _Shelf:
        content = read_json(os.path.join(self._folder or "", "data", f"{provider}.json"))
        rows: Mapping[str, Row | Model] = content["models"]
        for patch in self._patch_list():
            if patch.touches(provider):
                rows = patch.apply(rows)
        shelf = _Shelf(rows, self._as_of, self._source)
        self._shelves = {**self._shelves, provider: shelf}
        return shelf

    def _patch_list(self) -> tuple[Patch, ...]:
        self._read_index()
        return self._patches

    def _read_index(self) -> dict[str, ProviderRow]:
        if self._index is None:
            with self._lock:
                if self._index is None:
                    self._index = self._load_folder()
        return self._index

    def _load_folder(self) -> dict[str, ProviderRow]:
        if self._folder is None:
            return {}
        index = read_json(os.path.join(self._folder, "index.json"))
        self._as_of, self._source = index["as_of"], index["source"]
        for path in _files(os.path.join(self._folder, "patches")):
            self._patches += read_patches(read_json(path), where=os.path.basename(path))
        listed = {row["id"]: ProviderRow(**{**row, "env": tuple(row["env"])}) for row in index["providers"]}
        # Not among the providers listed: what is there has a declaration of its own, which is more than a row.
        for path in _files(os.path.join(self._folder, "own")):
            row, shelf = _provider_file(read_json(path))
            self._shelves = {**self._shelves, row.id: shelf}
        return listed


def _provider_file(content: Mapping[str, Any]) -> tuple[ProviderRow, _Shelf]:
    """A whole provider from one file; raises ConfigError for one that is not of that form."""
    id, models = content["id"], content["models"]
    if not (
        isinstance(id, str) and id and isinstance(models, dict) and all(isinstance(r, dict) for r in models.values())
    ):
        raise ConfigError('a provider file needs an "id" and "models", an object of rows by model id')
    rows = {name: as_row(row) for name, row in models.items()}
    for name, row in rows.items():
        model_of(id, name, row)
    head = {key: content.get(key) for key in ("npm", "api", "doc")}
    listed = ProviderRow(id, content.get("name") or id, env=tuple(content.get("env") or ()), models=len(rows), **head)
    return listed, _Shelf(rows, content.get("as_of"), content.get("source"))


def _files(folder: str) -> list[str]:
    """The JSON files of a folder, if there is one."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [os.path.join(folder, name) for name in names if name.endswith(".json")]


def _named(model: Model, provider: str, id: str, same_price: bool = True) -> Model:
    """`model`, under the names that the caller used for it."""
    if model.provider == provider and model.id == id:
        return model
    facts = model.facts if model.id == id else {**model.facts, "listed_as": model.id}
    return evolve(model, provider=provider, id=id, facts=facts, prices=model.prices if same_price else None)


def _patched(provider: str, shelf: _Shelf, patch: Patch) -> _Shelf:
    """The shelf with the patch applied; raises ConfigError if a row that it touched no longer makes a model."""
    new = shelf.with_rows(patch.apply(shelf.rows))
    for id, row in new.rows.items():
        if isinstance(row, Mapping) and row is not shelf.rows.get(id):
            model_of(provider, id, row)
    return new


def _read_user_row(given: Row) -> tuple[Row, Model]:
    row = as_row(given)
    provider, id = row.pop("provider", None), row.pop("id", None)
    if isinstance(provider, str) and provider and isinstance(id, str) and id:
        return row, model_of(provider, id, row)
    raise ConfigError('a row to add needs a "provider" and an "id"', hint='{"provider": "acme", "id": "model-1", ...}')


def _words(given: str | Iterable[str] | None) -> frozenset[str]:
    return frozenset((given,) if isinstance(given, str) else given or ())


def _costs_at_most(model: Model, bucket: str, limit: Decimal | float | str | None) -> bool:
    if limit is None:
        return True
    price = getattr(model.prices, bucket, None)
    return price is not None and price <= Decimal(str(limit))


CATALOG = Catalog()
"""The catalog that every client shares unless it is given one of its own. Public as `stepwell.models`."""
models = CATALOG
