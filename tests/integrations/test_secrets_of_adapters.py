"""The adapters take every credential that a call takes, and show none: neither in a repr or a dump, nor in an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from stepwell.errors import StepwellError

CANARY = "sk-canary-123456789"
CREDENTIALS: list[Any] = [CANARY, {"access_key": CANARY, "secret_key": CANARY}]


def adapters() -> list[tuple[Any, str]]:
    from stepwell.integrations.langchain import ChatStepwell, StepwellEmbeddings
    from stepwell.integrations.llama_index import StepwellEmbedding, StepwellLLM

    chats = [(each, "amazon_bedrock:anthropic.claude-3") for each in (ChatStepwell, StepwellLLM)]
    return [*chats, *((each, "amazon_bedrock:amazon.titan") for each in (StepwellEmbeddings, StepwellEmbedding))]


@pytest.mark.usefixtures("framework")
def test_every_credential_of_a_call_is_taken_and_none_is_shown() -> None:
    for adapter, model in adapters():
        for credential in CREDENTIALS:
            made = adapter(model=model, api_key=credential)
            dumped = made.model_dump()
            shown = [repr(made), str(made), repr(dumped), json.dumps(dumped, default=repr), repr(vars(made))]
            assert not [text for text in shown if CANARY in text], (adapter, credential)


@pytest.mark.usefixtures("framework")
def test_no_error_about_an_argument_shows_a_credential() -> None:
    wrong: list[dict[str, Any]] = [
        {"api_key": {1: CANARY}},
        {"api_key": [CANARY]},
        {"api_key": CANARY.encode() + b"\xff"},
        {"headers": {"authorization": [CANARY]}},
        {"headers": CANARY},
        {"api_key": CANARY, "client": CANARY},
        {"api_key": CANARY, "model": 1},
        {"api_key": {"acces_key": CANARY}},
    ]
    refused = 0
    for adapter, model in adapters():
        for arguments in wrong:
            try:
                adapter(**{"model": model, **arguments})
            except (ValidationError, StepwellError) as error:
                refused += 1
                assert CANARY not in str(error) + repr(error), (adapter, arguments)
    assert refused > 20
