"""A file that somebody names is looked at before it is read: regular, of a bounded size, below a root if one is set."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stepwell
from stepwell.messages import Audio
from stepwell.providers.auth.oauth import TokenFile
from stepwell.providers.declare.environment import read_environment
from stepwell.providers.declare.google_accounts import read_account
from stepwell.schemas.errors import ConfigError
from stepwell.schemas.files import read_file
from stepwell.testing import Cassette

READERS: dict[str, Callable[[Path], Any]] = {
    "an image": stepwell.Image.from_file,
    "a document": stepwell.File.from_file,
    "a recording": Audio.from_file,
    "variables": read_environment,
    "tokens": lambda path: TokenFile(path).read(),
    "a service account": lambda path: read_account(str(path)),
    "a cassette": Cassette,
    "a new cassette": lambda path: Cassette(path, record="always"),
}


@pytest.mark.parametrize("what", READERS)
def test_what_is_no_regular_file_is_refused_at_once(what: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    (tmp_path / "device").symlink_to("/dev/zero")  # reading it would never end
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "device", "folder"):
        with pytest.raises(ConfigError, match=name) as caught:
            READERS[what](tmp_path / name)
        assert caught.value.__context__ is None, name


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(2**41)
    for read in READERS.values():
        if read is not READERS["a new cassette"]:
            with pytest.raises(ConfigError, match=r"large is larger than [\d,]+ bytes|no tokens could be read"):
                read(path)
    path.write_bytes(b"12345")
    assert read_file(path, at_most=5) == b"12345"
    with pytest.raises(ConfigError, match="larger than 4 bytes"):
        stepwell.Image.from_file(path, at_most=4)


def test_a_root_holds_against_each_way_out(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "secret"
    root.mkdir()
    outside.write_bytes(b"secret")
    (root / "cat.png").write_bytes(b"\x89PNG")
    (root / "link").symlink_to(outside)
    (root / "folder").symlink_to(tmp_path)
    (tmp_path / "root-2").mkdir()
    (tmp_path / "root-2" / "x").write_bytes(b"x")
    for path in ("cat.png", "./cat.png", "../root/cat.png", root / "cat.png"):
        assert stepwell.Image.from_file(path, root=root).data == b"\x89PNG"
    for path in ("../secret", outside, "link", "folder/secret", "/etc/passwd", "../root-2/x", "a\0b"):
        with pytest.raises(ConfigError, match="is outside of"):
            stepwell.Image.from_file(path, root=root)


def test_what_names_no_file_or_bound_is_a_typed_error() -> None:
    for path, at_most in ((None, 9), (0, 9), (b"a", 9), ("a", "9"), ("a", None)):
        with pytest.raises(ConfigError, match="is named by a path"):
            stepwell.Image.from_file(path, at_most=at_most)  # type: ignore[arg-type]


def test_what_cannot_be_read_is_a_typed_error() -> None:
    for path in ("/no/such/file", "a\0b"):
        with pytest.raises(ConfigError, match="the image .* cannot be read: ") as caught:
            stepwell.Image.from_file(path)
        assert caught.value.__context__ is None
