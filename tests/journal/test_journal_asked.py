"""What differs between two requests, found from the digests of the first alone."""

from __future__ import annotations

from typing import Any

import orjson
from attrs import evolve

from stepwell.pipeline.http.request import Request
from stepwell.pipeline.journal.asked import asked_of, changed_fields
from stepwell.schemas.model import Model


def test_a_difference_is_named_by_its_fields_in_bodies_of_any_length() -> None:
    def request(fields: dict[str, Any]) -> Request:
        return Request("chat", Model("openai", "m"), url="https://x.example/v1/chat", body=orjson.dumps(fields))

    for length in (1, 5, 200):
        fields = {"model": 'a,"b', "messages": [{"role": "user", "content": str(at)} for at in range(length)], "n": {}}
        before = asked_of(request(fields))[1]
        assert changed_fields(before, request({**fields, "model": "b"})) == "'model'"
        changed = {**fields, "messages": [{"role": "user", "content": "other"}, *fields["messages"][1:]]}
        assert changed_fields(before, request(changed)) == "'messages'"
        assert "'n'" in changed_fields(before, request({**fields, "n": {"a": 1}})).split(", ")
        assert "'seed'" in changed_fields(before, request({**fields, "seed": 1})).split(", ")
        fewer = {name: value for name, value in fields.items() if name != "n"}
        assert "'n'" not in (missing := changed_fields(before, request(fewer))) and missing
        other = evolve(request(fields), url="https://x.example/v2/chat")
        assert changed_fields(before, other) == "the model or the path"
        assert "secret" not in changed_fields(before, request({**fields, "model": "a secret"}))
