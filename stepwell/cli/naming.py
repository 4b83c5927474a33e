"""Find the model that a command names, if it names one. Nothing is guessed."""

from __future__ import annotations

import re
from collections import Counter

from ..model_metadata.catalog import CATALOG
from ..providers.declare.registry import REGISTRY
from ..schemas.errors import ConfigError, UnknownModel
from ..schemas.model import Model
from ..schemas.nearest import closest
from .printing import say

_MOST_SHOWN = 3
_CLOSE = 0.85
_MIN_FAMILY = 10
"""A beginning that this many ids share is a family: gpt, claude, llama."""


def model_and_text(words: list[str], *, alone: bool) -> tuple[str | None, list[str]]:
    """Return the model named by the first word (None if it is not a model), and the other words.

    Raises UnknownModel for a first word that is similar to a model's name, and ConfigError for a model without a text.

    words: the arguments of the command line.
    alone: True if there is no other input.
    """
    if not words:
        return None, []
    first, *others = words
    if is_model(first):
        if others or not alone:
            return first, others
        if REGISTRY.knows(first.partition(":")[0]):
            raise ConfigError(f"there is no text for {first}", hint="write the text after the model's name")
    elif meant := models_like(first):
        raise UnknownModel(
            f"{first!r} does not name a model", hint=f"write {' or '.join(meant)}, or put the whole text in quotes"
        )
    return None, words


def named(model: str | None) -> str | None:
    """Return a model's name unchanged. Raises UnknownModel, with suggestions, for a name without a provider."""
    if model is not None and ":" not in model and (meant := models_like(model)):
        raise UnknownModel(f"{model!r} does not name a model", hint=f"write {' or '.join(meant)}")
    return model


def is_model(word: str) -> bool:
    """Return whether a word is a model's name and not the beginning of a prompt."""
    provider, colon, id = word.partition(":")
    return (
        bool(colon and id)
        and not id.startswith("//")  # a URL
        and provider.replace("_", "").replace("-", "").isalnum()
        and not any(map(str.isspace, word))
    )


def models_like(word: str) -> list[str]:
    """Return the models that a word without a provider may mean: some with that id, else one with a similar id.

    Ordinary words give an empty list: a model's name has a digit, a hyphen or a slash in it, and no space.
    """
    if not re.fullmatch(r"\S*[0-9/-]\S*", word) or "://" in word:
        return []
    word = word.lower()
    provider, slash, id = word.partition("/")
    if slash and id and REGISTRY.knows(provider):
        return [f"{provider}:{id}"]
    models = _models_by_maker()
    if same := [model for model in models if model.id.lower() == word]:
        return list(map(str, same[:_MOST_SHOWN]))
    ids = {model.id.lower(): str(model) for model in reversed(models)}
    close = closest(word, ids, _CLOSE) if len(word) > 3 else None
    if close is None and re.fullmatch(r"[a-z]{3,}-?\d\S*", word):
        family = [each for each in ids if family_of(each) == family_of(word)]
        if len(family) >= _MIN_FAMILY:
            close = closest(word, family, 0.0)
    return [] if close is None else [ids[close]]


def family_of(id: str) -> str:
    """Return the letters that an id begins with."""
    return re.split(r"[^a-z]", id, maxsplit=1)[0]


def _models_by_maker() -> list[Model]:
    """Return all models, those of the maker's own provider first: routers list "gpt-4o" as "openai/gpt-4o"."""
    models = CATALOG.find()
    makers = {(maker, id) for maker, slash, id in (model.id.lower().partition("/") for model in models) if slash}
    lengths = Counter(maker for maker, _ in makers)
    return sorted(
        models,
        key=lambda model: ((model.provider, model.id.lower()) not in makers, -lengths[model.provider]),
    )


def say_who(model: str, does: str) -> None:
    """Print on stderr which model is used, if the user named none. `does` is its verb: "answers", "embeds"."""
    say(f"{model} {does}; for another, write provider:model-id first", on_stderr=True)
