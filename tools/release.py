"""Build what is released, twice, and write its hashes: `make release`. See docs/releasing.md.

It builds from the last commit alone, in two fresh folders, with the commit's time as the time of all files. Unless both
wheels are equal byte for byte, nothing is left in dist/.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
SUMS = "SHA256SUMS"


def git(*words: str) -> str:
    """Return what a command of git prints, without the line's end."""
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def refusal(version: str, changelog: str, status: str, tags: list[str]) -> str | None:
    """Return why the commit cannot be released; None if it can.

    version: the version of pyproject.toml.
    changelog: the text of CHANGELOG.md.
    status: what `git status --porcelain` prints.
    tags: the tags of the commit.
    """
    if status:
        return "the working tree has changes that are not committed"
    if f"v{version}" not in tags:
        return f"the commit has no tag v{version}: git tag -s v{version}"
    if f"## {version}\n" not in changelog:
        return f"CHANGELOG.md has no heading '## {version}', or it still says that it is unreleased"
    return None


def build(folder: Path, epoch: str) -> list[Path]:
    """Build wheel and source archive of the last commit in a folder, and return them."""
    source, out = folder / "source", folder / "out"
    source.mkdir(parents=True)
    archive = folder / "source.tar"
    git("archive", "--output", str(archive), "HEAD")
    shutil.unpack_archive(archive, source, filter="data")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch}
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out)]
    subprocess.run(command, cwd=source, check=True, env=environment, stdout=subprocess.DEVNULL)
    return sorted(out.iterdir())


def sums(files: list[Path]) -> str:
    """Return the lines that `sha256sum --check` reads."""
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


def main() -> int:
    """Build into dist/. Return 1 and say why if that cannot be done."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    why = refusal(
        version,
        (ROOT / "CHANGELOG.md").read_text(),
        git("status", "--porcelain"),
        git("tag", "--points-at", "HEAD").split(),
    )
    if why is not None:
        print(f"not released: {why}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        epoch = git("show", "--no-patch", "--format=%ct", "HEAD")
        first, second = (build(Path(name) / number, epoch) for number in ("1", "2"))
        wheels = [[file.read_bytes() for file in files if file.suffix == ".whl"] for files in (first, second)]
        if wheels[0] != wheels[1]:
            print("not released: two builds of the wheel differ", file=sys.stderr)
            return 1
        dist = ROOT / "dist"
        shutil.rmtree(dist, ignore_errors=True)
        dist.mkdir()
        for file in first:
            shutil.copy(file, dist)
    (dist / SUMS).write_text(sums(sorted(dist.iterdir())))
    print((dist / SUMS).read_text(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
