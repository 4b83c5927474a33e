"""The bytes of a file that is part of a message, and what is passed in their place."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from stepwell import File, Image
from stepwell.errors import ConfigError
from stepwell.messages import Audio, Video

CLASSES = pytest.mark.parametrize("kind", [Image, File, Audio, Video])


@CLASSES
@pytest.mark.parametrize("data", [bytearray(b"abc"), memoryview(b"abc")])
def test_other_bytes_become_bytes(kind: Any, data: Any) -> None:
    assert kind(data=data).data == b"abc"


@CLASSES
@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("YWJj", r"is text, not bytes; pass base64.b64decode\(text\)"),
        (BytesIO(b"abc"), r"cannot be a BytesIO; pass its read\(\)"),
        (Path("cat.png"), r"cannot be a .*Path; pass the bytes of a file, or call \w+.from_file\(path\)"),
        ([1, 2], "cannot be a list"),
    ],
    ids=["text", "file", "path", "list"],
)
def test_what_is_no_bytes_is_refused_when_it_is_made(kind: Any, data: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=f"the data of {kind.__name__} {says}"):
        kind(data=data)


@CLASSES
@pytest.mark.parametrize("address", ["https://example.org/cat.png", "http://x/y", "data:image/png;base64,YWJj"])
def test_an_address_is_no_path(kind: Any, address: str) -> None:
    with pytest.raises(ConfigError, match=rf"takes a path, not an address; {kind.__name__}.from_url\(url\)"):
        kind.from_file(address)
