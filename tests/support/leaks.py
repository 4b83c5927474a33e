"""Where a secret may be found by whoever is handed an error: a crash reporter, a log, a curious colleague."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from typing import Any


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it was raised from or during, suppressed or not."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if all(each is not other for other in seen):
            seen.append(each)
            yield each
            waiting += [other for other in (each.__cause__, each.__context__) if other is not None]


def leaks(error: BaseException, secret: str) -> list[str]:
    """The places where the secret shows: texts, attributes, the locals of frames but the tests' own, the headers of
    requests held."""
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
        found += [f"{place} of {name}: {text[:2000]}" for place, text in places.items() if secret in text]
    try:
        pickled = pickle.dumps(error)
    except Exception:
        return found
    return found + ["its pickle"] * (secret.encode() in pickled)
