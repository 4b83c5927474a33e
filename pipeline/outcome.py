"""Tell by the finish reason which answers are none: failed, cancelled, or still being made."""

from __future__ import annotations

from collections.abc import Mapping

from ..schemas.errors import AnswerUnfinished, ProviderError, ServerError, StepwellError
from ..schemas.model import Model

PENDING = frozenset(
    ("queued", "in_queue", "in_progress", "pending", "processing", "running", "created", "submitted", "starting")
)
"""What providers call an answer that they still work on."""
_FAILED = dict.fromkeys(("error", "failed"), "failed") | dict.fromkeys(("cancelled", "canceled"), "was cancelled")
NO_ANSWERS: Mapping[str, str] = _FAILED | dict.fromkeys(PENDING, "is not finished")
"""The finish reasons of answers that are none, and what is said of these."""


def failure_of(reason: str, raw: str | None, model: Model, answer_id: str | None = None) -> StepwellError:
    """Make the error for an answer that ended with a reason of `NO_ANSWERS`.

    reason: the reason
    raw: the provider's own name for it
    model: the model that answered
    answer_id: the provider's id of the answer
    """
    where = f"the answer of {model} {NO_ANSWERS[reason]}"
    if reason in PENDING:
        return unfinished(where, raw or reason, answer_id)
    kind = ServerError if _FAILED[reason] == "failed" else ProviderError
    return kind(f"{where}: it ended with {raw or reason!r}", code=raw or reason, hint="what came of it is on .partial")


def unfinished(where: str, state: str, answer_id: object) -> AnswerUnfinished:
    """Make the error for an answer that the provider still works on.

    where: what is not finished
    state: what the provider calls this
    answer_id: its id of the answer
    """
    id = answer_id if isinstance(answer_id, str) and answer_id else None
    hint = f"fetch {id!r} later, or ask for an answer that is not made in the background" if id else "try again later"
    return AnswerUnfinished(f"{where}: it is {state!r}", hint=hint, state=state, answer_id=id)
