"""Files are written completely or not at all: for any owner, through links, with any fault, at any moment."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from stepwell.errors import ConfigError
from stepwell.schemas import atomic_files
from stepwell.schemas.atomic_files import locked, update_file, write_file

ROOT = Path(__file__).parents[2]
OLD, NEW = b"all that was there before\n" * 100, b"all that is to come\n" * 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "kept.json"
    found.write_bytes(OLD)
    return found


def refuse(*_: Any, **__: Any) -> Any:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("name", ["open", "fdopen", "fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_no_other(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        real = getattr(os, name)
        failing = refuse if name != "open" else lambda p, *a: real(p, *a) if os.path.isdir(p) else refuse()
        patch.setattr(atomic_files.os, name, failing)
        with pytest.raises(ConfigError, match=r"cannot write .*kept.json: No space left on device"):
            write_file(path, NEW)
    assert path.read_bytes() == OLD and os.listdir(path.parent) == ["kept.json"]


@pytest.mark.usefixtures("new_process")
def test_a_disk_that_becomes_full_leaves_the_old_file(path: Path) -> None:
    pytest.importorskip("resource")
    code = (
        "import resource, signal, sys\n"
        "from stepwell.schemas.atomic_files import write_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "write_file(sys.argv[1], b'x' * 10_000)\n"
    )
    done = subprocess.run([sys.executable, "-B", "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert "ConfigError: cannot write" in done.stderr
    assert path.read_bytes() == OLD and os.listdir(path.parent) == ["kept.json"]


@pytest.mark.usefixtures("new_process")
def test_a_process_that_is_killed_leaves_one_whole_file_and_the_next_cleans_up(path: Path) -> None:
    code = (
        "import itertools, sys\n"
        "from stepwell.schemas.atomic_files import write_file\n"
        "for n in itertools.count():\n"
        "    write_file(sys.argv[1], (b'%d\\n' % n) * 300_000)\n"
        "    print(n, flush=True)\n"
    )
    for kill_after in (1, 2, 3):
        with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            for _ in range(kill_after):
                child.stdout.readline()
            child.kill()
            acknowledged = kill_after - 1 + len(child.stdout.read().splitlines())
        lines = path.read_bytes().splitlines()
        assert len(lines) == 300_000 and len(set(lines)) == 1 and int(lines[0]) >= acknowledged
    (path.parent / f"{_prefix(path)}1-left").write_bytes(b"half")
    write_file(path, NEW)
    assert path.read_bytes() == NEW and os.listdir(path.parent) == ["kept.json"]


def _prefix(path: Path) -> str:
    """Return the beginning of a temporary file's name, as seen while a file is written."""
    seen: list[str] = []
    real = os.replace
    try:
        os.replace = lambda a, b: (seen.append(os.path.basename(a)), real(a, b))[1]  # type: ignore[assignment]
        write_file(path, OLD)
    finally:
        os.replace = real
    found = re.match(r"\.stepwell-[0-9a-f]{8}-", seen[0])
    assert found is not None
    return found[0]


def test_permissions_are_kept_set_or_those_of_any_new_file(path: Path) -> None:
    path.chmod(0o640)
    write_file(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    write_file(path, NEW, mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    plain, fresh, secret = (path.with_name(name) for name in ("plain", "fresh", "secret"))
    plain.touch()
    write_file(fresh, NEW)
    write_file(secret, NEW, mode=0o600)
    assert fresh.stat().st_mode == plain.stat().st_mode
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_a_file_is_kept(path: Path) -> None:
    os.chown(path, 12, 34)
    write_file(path, NEW)
    assert (path.stat().st_uid, path.stat().st_gid) == (12, 34)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_file_is_left_alone(path: Path) -> None:
    path.chmod(0o400)
    with pytest.raises(ConfigError, match="read-only"):
        write_file(path, NEW)
    assert path.read_bytes() == OLD


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing yet"])
def test_a_symbolic_link_stays_and_its_target_is_written(path: Path, there: bool) -> None:
    (path.parent / "far").mkdir()
    target = path.parent / "far" / "target.json"
    if there:
        target.write_bytes(OLD)
    link = path.with_name("link.json")
    link.symlink_to(target)
    write_file(link, NEW)
    assert link.is_symlink() and target.read_bytes() == NEW
    assert os.listdir(target.parent) == ["target.json"]


@pytest.mark.parametrize("number", [13, 16, 18, 30], ids=["EACCES", "EBUSY", "EXDEV", "EROFS"])
def test_a_file_that_cannot_be_replaced_is_written_in_place(
    path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise OSError(number, "refused")

    with monkeypatch.context() as patch:
        patch.setattr(atomic_files.os, "replace", refused)
        write_file(path, NEW)
        with pytest.raises(ConfigError, match="refused"):
            write_file(path.with_name("new.json"), NEW)
    assert path.read_bytes() == NEW and os.listdir(path.parent) == ["kept.json"]


def test_a_device_file_is_written_to_and_not_replaced() -> None:
    write_file(os.devnull, NEW)
    assert not stat.S_ISREG(os.stat(os.devnull).st_mode)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write .*gone/x.json: No such file or directory"):
        write_file(tmp_path / "gone" / "x.json", NEW)
    with pytest.raises(ConfigError, match=r"cannot write .*: Is a directory"):
        write_file(tmp_path, NEW)


def test_updates_of_many_threads_come_one_after_another(path: Path) -> None:
    path.write_bytes(b"")

    def add() -> None:
        for _ in range(20):
            update_file(path, lambda: path.read_bytes() + b"x")

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == b"x" * 80


def test_a_lock_that_is_given_back_is_free_though_a_child_was_forked_under_it(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with locked(tmp_path) as descriptor:
        assert descriptor is not None
        copy = os.dup(descriptor)  # what a child has of it
    again = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if it is still held
    os.close(again)
    os.close(copy)


def test_nothing_of_the_product_writes_a_file_in_another_way() -> None:
    ways = re.compile(r"\.write_(bytes|text)\(|\bopen\([^)]*[\"'](w|a|x|r\+)b?[\"']|fdopen|NamedTemporaryFile|O_TRUNC")
    layers = ("schemas", "pipeline", "providers", "model_metadata", "stepwell")
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for layer in layers
        for path in (ROOT / layer).rglob("*.py")
        for line in path.read_text().splitlines()
        if ways.search(line) and path.name != "atomic_files.py"
    }
    assert found == {  # both under a name that nobody reads, and renamed once they are whole
        'providers/local/install.py: Path(folder, "licence").write_bytes(archive.read(LICENCE))',
        "stepwell/testing/tape_file.py: copy.write_bytes(content)",
    }
