"""The media type of a file is that of its bytes, whatever its name or the caller says."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwell import Client, File, Image
from stepwell.errors import ConfigError
from stepwell.messages import Audio, Video
from stepwell.schemas.media_types import media_type_of, wrongly_declared

STARTS = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "image/gif": b"GIF89a",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "image/bmp": b"BM\x10\0\0\0",
    "image/tiff": b"II*\0\x08\0\0\0",
    "image/avif": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1",
    "image/heic": b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
    "application/pdf": b"%PDF-1.7\n",
    "audio/wav": b"RIFF\x10\0\0\0WAVEfmt ",
    "audio/mpeg": b"ID3\4\0\0",
    "audio/ogg": b"OggS\0\2",
    "audio/flac": b"fLaC\0\0\0\x22",
    "audio/mp4": b"\0\0\0\x20ftypM4A \0\0\2\0",
    "audio/aiff": b"FORM\0\0\x10\0AIFFCOMM",
    "video/mp4": b"\0\0\0\x20ftypisom\0\0\2\0",
    "video/webm": b"\x1aE\xdf\xa3\x9fB\x86webm",
}
CLASSES = {"image": Image, "audio": Audio, "video": Video, "application": File}


def test_a_file_has_the_media_type_of_its_bytes_and_not_of_its_name(tmp_path: Path) -> None:
    for media_type, start in STARTS.items():
        kind = CLASSES[media_type.partition("/")[0]]
        for name in ("right", "lying.png", "lying.mp3", "lying.txt"):
            (tmp_path / name).write_bytes(start)
            part = kind.from_file(tmp_path / name)
            assert (part.sent_type, part.filename) == (media_type, name)


def test_a_file_of_unknown_bytes_has_the_media_type_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_bytes(b"BM,ID3,OggS of the 1234ftype")
    assert File.from_file(tmp_path / "notes.csv").sent_type == "text/csv"


def test_a_file_of_another_kind_than_its_class_is_refused_with_the_right_class(tmp_path: Path) -> None:
    for media_type, start in STARTS.items():
        if media_type == "image/bmp":
            continue  # two letters show it, where an image is expected only
        (tmp_path / "file").write_bytes(start)
        family = media_type.partition("/")[0]
        heard = (Audio, Video) if family in ("audio", "video") else ()  # one container holds either
        for kind in {Image, Audio, Video} - {CLASSES[family], *heard}:
            with pytest.raises(ConfigError, match=rf"the (image|file) .*is {media_type}; call \w+\.from_file\(path\)"):
                kind.from_file(tmp_path / "file")
        assert File.from_file(tmp_path / "file").data == start


def test_text_and_an_empty_file_are_no_image_whatever_their_name(tmp_path: Path) -> None:
    for name, content in (
        ("passwd", b"root:x:0:0"),
        ("cat.png", b"<html>"),
        ("cut.png", b"a" * 511 + "é".encode()),
        ("a.wav", b""),
    ):
        (tmp_path / name).write_bytes(content)
        for kind in (Image, Audio, Video):
            with pytest.raises(ConfigError, match="is empty or text, and no"):
                kind.from_file(tmp_path / name)
        assert File.from_file(tmp_path / name).data == content
    for name, content in (("a.svg", b"<svg/>"), ("raw.png", b"\0\1\2"), ("raw.bin", b"\xff" * 9)):
        (tmp_path / name).write_bytes(content)
        assert Image.from_file(tmp_path / name).data == content


def test_a_media_type_adds_no_line_to_a_form() -> None:
    with pytest.raises(ConfigError, match="control character"):
        Audio(data=b"x", media_type="audio/wav\r\nX-More: 1")


def test_what_the_bytes_contradict_is_corrected_and_nothing_else() -> None:
    for media_type, start in STARTS.items():
        for declared in STARTS:
            family = media_type.partition("/")[0]
            found = media_type_of(start, family)
            same_container = {found, declared} == {"audio/mp4", "video/mp4"}
            expected = None if declared == found or same_container else found
            assert wrongly_declared(f"{declared.upper()}; x=1", start, family) == expected
        # What other formats are built on, other names, and what only looks alike.
        for declared in ("image/x-adobe-dng", "text/plain", "application/zip", "audio/x-of-my-own"):
            assert wrongly_declared(declared, start, media_type.partition("/")[0]) is None
    assert wrongly_declared("audio/mp3", STARTS["audio/mpeg"], "audio") is None
    assert Image(data=STARTS["image/gif"], media_type="application/octet-stream").sent_type == "image/gif"


def test_the_input_of_another_operation_is_corrected_too() -> None:
    client = Client(api_keys={"mistral": "k"})
    page = Image(data=STARTS["image/jpeg"], media_type="image/png")
    preview = client.preview("mistral:mistral-ocr-latest", page, operation="ocr")
    assert "data:image/jpeg;base64," in str(preview) and "is sent as image/jpeg" in str(preview.warnings)


def test_an_address_is_passed_on_and_a_path_is_none() -> None:
    for url in ("https://x.test/cat", "data:image/png;base64,eA==", "gs://bucket/cat.png", "file:///media/cat.png"):
        assert Image.from_url(url) == Image(url=url)
    assert Image.from_url("https://x.test/cat.webp?size=2").sent_type == "image/webp"
    for path in ("cat.png", "/home/ann/cat.png", "C:\\cat.png", "./a:b.png"):
        with pytest.raises(ConfigError, match=r"an address, not a path; Image\.from_file\(path\)"):
            Image.from_url(path)
