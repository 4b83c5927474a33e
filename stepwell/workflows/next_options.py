"""The options of the next call of a workflow, after an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..schemas.reply import Reply

STORED = "previous_response_id"


def options_after(reply: Reply, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options of the call after this answer: where the provider keeps the conversation, it goes on from it.

    Only what comes after the last answer is sent there, so that the provider must know that answer.
    """
    return {**options, STORED: reply.id} if options.get(STORED) and reply.id else options
