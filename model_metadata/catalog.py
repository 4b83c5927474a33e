"""Looking models up: by name, by spelling, by ability.

Nothing is read at import. The first question about a provider reads its one file; every later answer is a dict
lookup. Changes replace what they change, never alter it, so readers need no lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from attrs import evolve

from ..schemas.errors import ConfigError, UnknownModel
from ..schemas.model import Model, split_name
from ..schemas.undo import Undo
from .checks import STABLE, checked_row, checked_status, dollars, unlisted, words
from .files import FOLDER, json_files, opened, read_json
from .ids import ANY, NORMALIZERS, Normalizer
from .patches import Patch, read_patches
from .provider_models import ProviderModels, ProviderRow, provider_file
from .rows import Row, as_row, model_of

_REMEMBERED = 20_000


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
        self._by_provider: dict[str, ProviderModels] = {}
        self._base: dict[str, ProviderModels] = {}
        """Rows that do not come from the folder's data: whole providers, before they are patched."""
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
        deprecated; `text` is looked for in id, name and family. Raises UnknownProvider for a provider that is not
        listed and InvalidOption for a modality, price or status that is none.
        """
        flags = {"reasoning": reasoning, "tools": tools, "structured_output": structured_output}
        wanted = {name: value for name, value in flags.items() if value is not None}
        reads, writes = words(input, "input"), words(output, "output")
        cheap_in, cheap_out = dollars(max_input_price, "max_input_price"), dollars(max_output_price, "max_output_price")
        status = checked_status(status)
        parts = (text or "").lower().split()

        def fits(model: Model) -> bool:
            return (
                all(getattr(model, name) is value for name, value in wanted.items())
                and reads <= model.input
                and writes <= model.output
                and (context_at_least is None or (model.context_window or 0) >= context_at_least)
                and _costs_at_most(model, "input", cheap_in)
                and _costs_at_most(model, "output", cheap_out)
                and (status is None or (model.status or STABLE) == status)
                and all(part in f"{model.id} {model.name} {model.family}".lower() for part in parts)
            )

        return [model for model in self._models(provider) if fits(model)]

    def ids(self, provider: str) -> list[str]:
        """The ids of a provider's models; none for one that is not listed."""
        row = self.provider(provider)
        provider_models = self._models_of(row.id if row else provider)
        return sorted(provider_models.rows) if provider_models is not None else []

    def providers(self) -> list[ProviderRow]:
        """Every provider listed, by id; reads the index alone."""
        return [row for _, row in sorted(self._read_index().items())]

    def provider(self, id: str) -> ProviderRow | None:
        """One provider's row; underscores in `id` may stand for hyphens."""
        index = self._read_index()
        return index.get(id) or index.get(id.replace("_", "-"))

    def add(self, model: Model | Row) -> Undo:
        """List a model of your own, in place of any of that name.

        A row needs "provider" and "id", and may use the names of Model's fields: `add({"provider": "acme", "id":
        "m-1", "context_window": 8192, "tools": True, "prices": {"input": "0.5", "output": 1}})`. It is listed until the
        `undo()` of what is returned, or to the end of a `with` block. Raises ConfigError for a row that will not do.
        """
        row, provider, id = (model, model.provider, model.id) if isinstance(model, Model) else _read_user_row(model)
        return self._apply(Patch(self._listed_as(provider) or provider, put={id: row}))

    def patch(self, pattern: str, changes: Row) -> Undo:
        """Change what is said of each model that matches "provider:pattern", now and when its provider is first read.

        Both halves may hold `*`, `?` and `[...]`. Keys are those of rows or of Model's fields; objects are merged, and
        None takes a key away. It holds until the `undo()` of what is returned, or to the end of a `with` block. Raises
        ConfigError for what no row may say, UnknownProvider and UnknownModel for a pattern that nothing matches.
        """
        provider, models = split_name(pattern)
        return self._apply(self._checked_patch(Patch(provider, (models,), set=as_row(changes)), pattern))

    def load(self, path: str) -> Undo:
        """Read a patch file, or a provider file: {"id": "acme", "api": ..., "models": {id: row}}. All of it or nothing:
        raises like `patch`."""
        content = read_json(path)
        if isinstance(content, dict) and "models" in content and "id" in content:
            return self._load_provider(content)
        made: list[Undo] = []

        def undo() -> None:
            for change in reversed(made):
                change.undo()

        try:
            for patch in read_patches(content, where=path):
                made.append(self._apply(self._checked_patch(patch, f"{path}, {patch.provider}")))
        except ConfigError:
            undo()
            raise
        return Undo(undo)

    def _load_provider(self, content: Mapping[str, Any]) -> Undo:
        row, provider_models = provider_file(content)
        with self._lock:
            before = self._read_index().get(row.id), self._base.get(row.id)
            self._set_provider(row.id, row, provider_models)
        return Undo(lambda: self._set_provider(row.id, *before))

    def _set_provider(self, id: str, row: ProviderRow | None, base: ProviderModels | None) -> None:
        """Take this for a provider's row and rows, or with None what the folder has, if anything."""
        with self._lock:
            index = {key: each for key, each in self._read_index().items() if key != id}
            bases = {key: each for key, each in self._base.items() if key != id}
            self._index = index if row is None else {**index, id: row}
            self._base = bases if base is None else {**bases, id: base}
            self._rebuild(id)

    def _checked_patch(self, patch: Patch, where: str) -> Patch:
        """A patch that a person wrote, checked: its rows may be said, and there is something that it changes."""
        rows = {id: checked_row(row, where) for id, row in patch.add.items()}
        listed = self._listed_as(patch.provider)
        if listed is None and not any(map(patch.touches, self._ids())):
            raise unlisted(patch.provider, self._ids())
        provider_models = self._models_of(listed) if listed else None
        missed = patch.misses(provider_models.rows) if provider_models else None
        if missed is not None:
            raise UnknownModel(f"no model of {listed} matches {missed!r}", hint="use add() to list a new one")
        return evolve(patch, provider=listed or patch.provider, set=checked_row(patch.set, where), add=rows)

    def _apply(self, patch: Patch) -> Undo:
        with self._lock:
            # A provider that is named is read now, so that a fault in a patch shows now.
            named = self._listed_as(patch.provider) or (patch.provider if patch.put else None)
            ids = [*filter(patch.touches, self._by_provider), *([named] if named else [])]
            by_provider = {id: self._models_of(id) or ProviderModels({}) for id in ids}
            changed = {id: provider_models.patched([patch]) for id, provider_models in by_provider.items()}
            for id, provider_models in changed.items():
                provider_models.check(id, by_provider[id])
            self._patches = (*self._patch_list(), patch)
            self._put(changed)
        return Undo(lambda: self._take_back(patch))

    def _take_back(self, patch: Patch) -> None:
        with self._lock:
            self._patches = tuple(each for each in self._patches if each is not patch)
            for id in list(filter(patch.touches, self._by_provider)):
                self._rebuild(id)

    def _rebuild(self, id: str) -> None:
        """Read a provider's rows anew, and change them by what is in force."""
        self._by_provider = {key: provider_models for key, provider_models in self._by_provider.items() if key != id}
        provider_models = self._models_of(id)
        self._put({} if provider_models is None else {id: provider_models})

    def _put(self, by_provider: Mapping[str, ProviderModels]) -> None:
        self._by_provider = {**self._by_provider, **by_provider}
        self._found = {}
        self.version += 1

    def _ids(self) -> set[str]:
        """The providers of which something is listed."""
        return {*self._read_index(), *self._base, *self._by_provider}

    def _listed_as(self, provider: str) -> str | None:
        """The id under which a provider is listed: hyphens where underscores were given."""
        row = self.provider(provider)
        id = row.id if row else provider
        return id if id in self._ids() else None

    def _look_up(self, provider: str, id: str, steps: tuple[Normalizer, ...] | None) -> Model | None:
        row = self.provider(provider)
        listed_under = row.id if row else provider
        provider_models = self._models_of(listed_under)
        if provider_models is None:
            return None
        if id in provider_models.rows:
            return _named(self._model(listed_under, provider_models, id), provider, id)
        found = provider_models.spellings.find(id, NORMALIZERS.get(listed_under, ANY) if steps is None else steps)
        if found is None:
            return None
        listed_as, same_price = found
        return _named(self._model(listed_under, provider_models, listed_as), provider, id, same_price)

    def _models(self, provider: str | None) -> Iterator[Model]:
        listed = None if provider is None else self._listed_as(provider)
        if provider is not None and listed is None:
            raise unlisted(provider, self._ids())
        for id in sorted(self._ids()) if listed is None else [listed]:
            provider_models = self._models_of(id)
            if provider_models is not None:
                for name in sorted(provider_models.rows):
                    yield self._model(id, provider_models, name)

    def _model(self, provider: str, provider_models: ProviderModels, id: str) -> Model:
        model = provider_models.models.get(id)
        if model is None:
            row = provider_models.rows[id]
            if not isinstance(row, Model):
                row = model_of(provider, id, row, as_of=provider_models.as_of, source=provider_models.source)
            model = provider_models.models.setdefault(id, row)
        return model

    def _models_of(self, provider: str) -> ProviderModels | None:
        provider_models = self._by_provider.get(provider)
        if provider_models is None:
            with self._lock:
                provider_models = self._by_provider.get(provider) or self._read_models(provider)
        return provider_models

    def _read_models(self, provider: str) -> ProviderModels | None:
        base = self._base.get(provider)
        if base is None and provider in self._read_index():
            content = read_json(opened(self._folder or "") / "data" / f"{provider}.json")
            base = ProviderModels(content["models"], self._as_of, self._source)
        patches = [patch for patch in self._patch_list() if patch.touches(provider)]
        if base is None and not any(patch.put for patch in patches):
            return None
        provider_models = (base or ProviderModels({})).patched(patches)
        self._by_provider = {**self._by_provider, provider: provider_models}
        return provider_models

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
        folder = opened(self._folder)
        index = read_json(folder / "index.json")
        self._as_of, self._source = index["as_of"], index["source"]
        for path in json_files(folder / "patches"):
            self._patches += read_patches(read_json(path), where=path.name)
        listed = {row["id"]: ProviderRow(**{**row, "env": tuple(row["env"])}) for row in index["providers"]}
        # Not among the providers listed: what is there has a declaration of its own, which is more than a row.
        for path in json_files(folder / "own"):
            row, provider_models = provider_file(read_json(path))
            self._base[row.id] = provider_models
        return listed


def _named(model: Model, provider: str, id: str, same_price: bool = True) -> Model:
    """`model`, under the names that the caller used for it."""
    if model.provider == provider and model.id == id:
        return model
    facts = model.facts if model.id == id else {**model.facts, "listed_as": model.id}
    return evolve(model, provider=provider, id=id, facts=facts, prices=model.prices if same_price else None)


def _read_user_row(given: Row) -> tuple[Row, str, str]:
    row = as_row(given)
    provider, id = row.pop("provider", None), row.pop("id", None)
    if not (isinstance(provider, str) and provider and isinstance(id, str) and id):
        hint = '{"provider": "acme", "id": "model-1", ...}'
        raise ConfigError('a row to add needs a "provider" and an "id"', hint=hint)
    return checked_row(row, f"{provider}:{id}"), provider, id


def _costs_at_most(model: Model, bucket: str, limit: Decimal | None) -> bool:
    if limit is None:
        return True
    price = getattr(model.prices, bucket, None)
    return price is not None and price <= limit


CATALOG = Catalog()
"""The catalog that every client shares unless it is given one of its own. Public as `stepwell.models`."""
models = CATALOG
