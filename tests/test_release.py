"""What is released comes from a tagged commit whose changelog names it, and its hashes can be checked."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tools.release import SUMS, refusal, sums


def test_only_a_tagged_commit_with_its_changelog_is_released() -> None:
    good = ("0.2.0", "# Changelog\n\n## 0.2.0\n", "", ["v0.2.0"])
    assert refusal(*good) is None
    for changed, why in (
        ((*good[:2], " M x.py", good[3]), "not committed"),
        ((*good[:3], ["v0.1.0"]), "no tag v0.2.0"),
        ((good[0], "## 0.2.0 (unreleased)\n", *good[2:]), "no heading"),
    ):
        assert why in str(refusal(*changed))


@pytest.mark.usefixtures("new_process")
def test_the_hashes_are_those_that_sha256sum_checks(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"wheel")
    (tmp_path / SUMS).write_text(sums([tmp_path / "a.whl"]))
    program = shutil.which("sha256sum")
    assert program is not None
    done = subprocess.run([program, "--check", SUMS], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "a.whl: OK\n"
