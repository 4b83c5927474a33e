"""Stored data has a format version: older forms are read, newer ones refused with a hint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from stepwell.schemas.errors import StepwellError
from stepwell.schemas.message import Context, Message
from stepwell.schemas.reply import Reply
from stepwell.testing import Cassette

from scripted import MODEL, Scripted

Read = Callable[[bytes], Any]


def context(tmp_path: Path) -> tuple[bytes, Read]:
    return Context(("hi",)).to_json().encode(), Context.from_json


def reply(tmp_path: Path) -> tuple[bytes, Read]:
    return Reply(message=Message("assistant", "hi")).to_json().encode(), Reply.from_json


def cassette(tmp_path: Path) -> tuple[bytes, Read]:
    import httpx

    import stepwell

    path = tmp_path / "kept.json"
    tape = Cassette(path, transport=httpx.MockTransport(Scripted(["hello"])))
    stepwell.Client(transport=tape, api_keys={"openai": "test"}).generate_text(MODEL, "hi")

    def read(data: bytes) -> Any:
        path.write_bytes(data)
        return Cassette(path, record="never").exchanges

    return path.read_bytes(), read


STORED = [context, reply, cassette]


@pytest.mark.parametrize("made", STORED)
def test_stored_data_has_a_version_and_is_read_without_one(made: Any, tmp_path: Path) -> None:
    data, read = made(tmp_path)
    body = orjson.loads(data)
    kept = read(data)
    assert body.pop("version") == 1
    assert read(orjson.dumps(body)) == kept


@pytest.mark.parametrize("made", STORED)
@pytest.mark.parametrize(
    ("version", "says"),
    [
        (2, "version 2, which a newer stepwell wrote; this one reads up to version 1.*update stepwell"),
        (99, "version 99.*update stepwell"),
        (0, "an impossible format version: 0"),
        ("1", "an impossible format version: '1'"),
        (True, "impossible format version"),
        ([1], "impossible format version"),
    ],
)
def test_a_newer_version_is_refused(made: Any, version: Any, says: str, tmp_path: Path) -> None:
    data, read = made(tmp_path)
    with pytest.raises(StepwellError, match=says):
        read(orjson.dumps({**orjson.loads(data), "version": version}))


@pytest.mark.parametrize("made", STORED)
@pytest.mark.parametrize("data", [b"[]", b"1", b"{}", b"null", b"not JSON", b'{"version": 1}'])
def test_other_data_is_an_error_too(made: Any, data: bytes, tmp_path: Path) -> None:
    _, read = made(tmp_path)
    with pytest.raises(StepwellError):
        read(data)
