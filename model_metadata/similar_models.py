"""Find the models that a name without a provider may stand for, for the hint of an error. Nothing is guessed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping

from ..schemas.errors import UnknownModel
from ..schemas.model import Model
from ..schemas.nearest import closest
from .catalog import CATALOG
from .provider_ids import FOREIGN_IDS, canonical

_MOST_SHOWN = 3
_CLOSE = 0.85
"""The similarity from which on an id is suggested, from 0 to 1."""
_LONGEST = 80
"""The most characters of a name that is looked up."""
_MIN_FAMILY = 10
"""Ids that share their first letters (gpt, claude, llama) are a family if there are so many."""


def with_suggestion(error: UnknownModel, name: object, is_provider: Callable[[str], bool]) -> UnknownModel:
    """Return the error with the models that may be meant as its hint.

    name: what the caller gave as a model.
    is_provider: checks whether an id is that of a provider.
    """
    if not isinstance(name, str):
        return UnknownModel(f"a model cannot be a {type(name).__name__}", hint="name it 'provider:model-id'")
    meant = models_like(name, is_provider)
    return UnknownModel(error.message, hint=f"write {' or '.join(meant)}") if meant else error


def models_like(word: str, is_provider: Callable[[str], bool]) -> list[str]:
    """Return the models that a word without a provider may mean: some with that id, else one with a similar id.

    Ordinary words give an empty list: a model's name has a digit, a hyphen or a slash in it, and no space.
    """
    if not re.fullmatch(r"\S*[0-9/-]\S*", word) or "://" in word or len(word) > _LONGEST:
        return []
    word = word.lower()
    provider, slash, id = word.partition("/")
    if slash and id and is_provider(provider):
        return [f"{provider}:{id}"]
    if slash and id and (own := FOREIGN_IDS.get(canonical(provider))):
        return [f"{own}:{id}"]
    models, makers = _models_by_maker()
    meant = {word, id} if slash else {word}  # litellm writes gemini/ before the ids of models
    if same := [model for model in models if model.id.lower() in meant]:
        return _with_own(list(map(str, same[:_MOST_SHOWN])), word, makers)
    ids = {model.id.lower(): str(model) for model in reversed(models)}
    close = closest(word, ids, _CLOSE) if len(word) > 3 else None
    if close is None and re.fullmatch(r"[a-z]{3,}-?\d\S*", word):  # gpt5.1-large: the most similar of its family
        family = [each for each in ids if family_of(each) == family_of(word)]
        if len(family) >= _MIN_FAMILY:
            close = closest(word, family, 0.0)
    return [] if close is None else _with_own([ids[close]], word, makers)


def _with_own(found: list[str], word: str, makers: Mapping[str, str]) -> list[str]:
    """Return the models, with the most similar one of the family's maker where they are all those of others."""
    family = [id for id in makers if family_of(id) == family_of(word)]
    own = closest(word, family, 0.0)
    if own is None or not set(makers.values()).isdisjoint(found):
        return found
    return [*found[: _MOST_SHOWN - 1], makers[own]]


def family_of(id: str) -> str:
    """Return the letters at the beginning of an id: its family."""
    return re.split(r"[^a-z]", id, maxsplit=1)[0]


def _models_by_maker() -> tuple[list[Model], dict[str, str]]:
    """Return all models, those of the maker's own provider first: routers list "gpt-4o" as "openai/gpt-4o". Return also
    the names of these, by their ids."""
    models = CATALOG.find()
    makers = {(maker, id) for maker, slash, id in (model.id.lower().partition("/") for model in models) if slash}
    lengths = Counter(maker for maker, _ in makers)
    own = {model.id.lower(): str(model) for model in models if (model.provider, model.id.lower()) in makers}
    names = set(own.values())
    return sorted(models, key=lambda model: (str(model) not in names, -lengths[model.provider])), own
