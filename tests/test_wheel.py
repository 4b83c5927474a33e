"""The wheel's metadata: source, audience, licences, the same in every build."""

from __future__ import annotations

import email
import re
import time
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from wheels import build_wheel

pytestmark = pytest.mark.usefixtures("new_process")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(name))


def test_two_builds_of_the_same_sources_are_equal_byte_for_byte(wheel: Path, tmp_path: Path) -> None:
    second = build_wheel(tmp_path, mtime=time.time() - 1_000_000)
    assert second.name == wheel.name and second.read_bytes() == wheel.read_bytes()


def test_the_metadata_has_source_and_audience(metadata: Message) -> None:
    urls = dict(each.split(", ", 1) for each in metadata.get_all("Project-URL", []))
    assert {"Homepage", "Documentation", "Source", "Issues", "Changelog"} <= urls.keys()
    assert all(url.startswith("https://") for url in urls.values())
    classifiers = metadata.get_all("Classifier", [])
    assert {"Typing :: Typed", "Intended Audience :: Developers"} <= set(classifiers)
    versions = {each.rpartition(" ")[2] for each in classifiers if "Python :: 3." in each}
    assert {"3.11", "3.12", "3.13"} <= versions and metadata["Requires-Python"] == ">=3.11"


def test_the_licences_of_code_and_data_are_in_the_wheel(wheel: Path, metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    files = metadata.get_all("License-File", [])
    assert {Path(each).name for each in files} == {"LICENSE", "LICENSE-models.dev"}
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert all(any(name.endswith(f"licenses/{each}") for name in names) for each in files)


def test_every_link_of_the_readme_is_absolute_and_leads_to_a_file(metadata: Message) -> None:
    text = metadata.get_payload()
    assert isinstance(text, str) and metadata["Description-Content-Type"].startswith("text/markdown")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(links) > 10 and all(re.match(r"https?://|#", link) for link in links)
    ours = [link.partition("/blob/main/")[2].partition("#")[0] for link in links if "/blob/main/" in link]
    assert ours and all((ROOT / path).exists() for path in ours)
