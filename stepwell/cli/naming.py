"""Find the model that a command names, if it names one. Nothing is guessed."""

from __future__ import annotations

from ..model_metadata.similar_models import models_like
from ..providers.declare.registry import REGISTRY
from ..schemas.errors import ConfigError, UnknownModel
from .printing import say


def model_and_text(words: list[str], flag: str | None, *, alone: bool) -> tuple[str | None, list[str]]:
    """Return the model named by --model, or by the first word (None if it is not a model), and the other words.

    Raises UnknownModel for a first word that is similar to a model's name, and ConfigError for a model without a text.

    words: the arguments of the command line.
    flag: what was given with --model.
    alone: True if there is no other input.
    """
    if flag is not None or not words:
        return named(flag), words
    first, *others = words
    if is_model(first):
        if others or not alone:
            return first, others
        if REGISTRY.knows(first.partition(":")[0]):
            raise ConfigError(f"there is no text for {first}", hint="write the text after the model's name")
    elif meant := models_like(first, REGISTRY.knows):
        raise UnknownModel(
            f"{first!r} does not name a model", hint=f"write {' or '.join(meant)}, or put the whole text in quotes"
        )
    return None, words


def named(model: str | None) -> str | None:
    """Return a model's name unchanged. Raises UnknownModel, with suggestions, for a name without a provider."""
    if model is not None and ":" not in model and (meant := models_like(model, REGISTRY.knows)):
        raise UnknownModel(f"{model!r} does not name a model", hint=f"write {' or '.join(meant)}")
    return model


def one_model(word: str | None, flag: str | None) -> str | None:
    """Return the model that a command is given, as a word or with --model. Raises ConfigError for both, UnknownModel
    for a name without a provider."""
    if word is not None and flag is not None:
        raise ConfigError(f"two models are named: {word!r} and --model {flag!r}", hint="leave one out")
    return named(word if flag is None else flag)


def is_model(word: str) -> bool:
    """Return whether a word is a model's name and not the beginning of a prompt."""
    provider, colon, id = word.partition(":")
    return (
        bool(colon and id)
        and not id.startswith("//")  # a URL
        and provider.replace("_", "").replace("-", "").isalnum()
        and not any(map(str.isspace, word))
    )


def say_who(model: str, does: str, other: str = "put provider:model-id first") -> None:
    """Print on stderr which model is used, if the user named none. `does` is its verb: "answers", "embeds"."""
    say(f"{model} {does}; {other}, or set STEPWELL_MODEL", on_stderr=True)
