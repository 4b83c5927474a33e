"""Places where an error could reveal a secret to a crash reporter, a log or a reader."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from typing import Any


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all errors that it was raised from or during, suppressed or not."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if all(each is not other for other in seen):
            seen.append(each)
            yield each
            waiting += [other for other in (each.__cause__, each.__context__) if other is not None]


def leaks(error: BaseException, secret: str) -> list[str]:
    """List the places where the secret shows: texts, attributes, locals of frames except the tests', headers of
    the requests that they hold."""
    found = []
    for each in chain(error):
        name = type(each).__name__
        shown = traceback.TracebackException.from_exception(each, capture_locals=True)
        places: dict[str, Any] = {
            "text": str(each) + repr(each),
            "attributes": repr(vars(each)),
            "frames": "".join(
                f"{frame.name} {frame.locals}\n" for frame in shown.stack if "/tests/" not in frame.filename
            ),
        }
        for held in vars(each).values():
            headers = getattr(held, "headers", None)
            places[f"headers of its {type(held).__name__}"] = repr(dict(headers.items()) if headers else "")
        found += [f"{place} of {name}: {around(text, secret)}" for place, text in places.items() if secret in text]
    try:
        pickled = pickle.dumps(error)
    except Exception:
        return found
    return found + ["its pickle"] * (secret.encode() in pickled)


def around(text: str, secret: str) -> str:
    """Return what is before a secret in its line."""
    at = text.index(secret)
    start = text.rfind("\n", 0, at) + 1
    return f"{text[start : start + 60]} ... {text[max(start, at - 200) : at]}"
