"""Update the catalog from models.dev: `python -m stepwell.model_metadata.sync [--from FILE_OR_URL] [--to FOLDER]`.

Rewrites `index.json` and `data/*.json` and prints what changed. Patches are not changed.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..schemas.atomic_files import cannot_write, write_file
from ..schemas.errors import ConfigError, StepwellError
from ..schemas.json_text import JSONDecodeError, dumps, loads
from .difference import difference
from .files import FOLDER, file_content, read_json
from .models_dev import SOURCE, ParsedCatalog, parse_catalog

URL = "https://models.dev/api.json"

_MAX_BYTES = 64 * 1024 * 1024
_SECONDS = 60.0


def run_sync(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m stepwell.model_metadata.sync", description=__doc__)
    parser.add_argument("--from", dest="origin", default=URL, metavar="FILE_OR_URL", help=f"default: {URL}")
    parser.add_argument("--to", dest="folder", default=FOLDER, help="the catalog's folder; default: this package")
    parser.add_argument("--dry-run", action="store_true", help="print the difference, write nothing")
    parser.add_argument("--shrink", action="store_true", help="write even if most providers are missing")
    options = parser.parse_args(arguments)
    try:
        catalog = parse_catalog(read_source(options.origin))
        print(sync(catalog, options.folder, write=not options.dry_run, shrink=options.shrink))
    except StepwellError as error:
        print(f"sync: {error}", file=sys.stderr)
        return 1
    return 0


def sync(catalog: ParsedCatalog, folder: str, *, write: bool = True, shrink: bool = False) -> str:
    """Update a catalog and return a description of the changes.

    catalog: the new content.
    folder: the catalog's folder.
    write: False to only compare.
    shrink: write even if most of the stored providers are missing.

    Raises ConfigError, and writes nothing, if no model was found or, without `shrink`, if most of the stored providers
    are missing: a broken source must not empty the catalog.
    """
    before = stored(folder)
    if not any(provider["models"] for provider in catalog.providers.values()):
        raise ConfigError("no model was found", hint="the source is broken, or is not models.dev; nothing was written")
    if write and not shrink and len(before.keys() & catalog.providers.keys()) < len(before) / 2:
        raise ConfigError(
            f"only {len(catalog.providers)} providers were found where {len(before)} are stored",
            hint="nothing was written; --shrink writes it nevertheless",
        )
    if write:
        store(catalog, folder)
    problems = [f"problem: {problem}" for problem in catalog.problems]
    return "\n".join([*difference(before, catalog.providers), *problems])


def read_source(origin: str) -> Any:
    """Return the JSON at a URL, or in a .json or .json.gz file. Raises ConfigError if it cannot be read."""
    content = _download(origin) if "://" in origin else file_content(origin)
    try:
        return loads(gzip.decompress(content) if origin.endswith(".gz") else content)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{origin} is not a gzip file: {error}") from error
    except JSONDecodeError as error:
        raise ConfigError(f"{origin} is not JSON: {error}") from error


def stored(folder: str) -> dict[str, Any]:
    """Return the providers that a catalog's folder holds now, by id."""
    path = os.path.join(folder, "index.json")
    if not os.path.exists(path):
        return {}
    data = os.path.join(folder, "data")
    return {
        row["id"]: {**row, **read_json(os.path.join(data, f"{row['id']}.json"))} for row in read_json(path)["providers"]
    }


def store(catalog: ParsedCatalog, folder: str) -> None:
    """Write the models of each provider and an index of the rest, and remove files of providers no longer listed."""
    data = os.path.join(folder, "data")
    try:
        os.makedirs(data, exist_ok=True)
    except OSError as error:
        raise cannot_write(data, error) from error
    for id, provider in catalog.providers.items():
        _write(os.path.join(data, f"{id}.json"), {"models": provider["models"]}, "models")
    index = {
        "source": SOURCE,
        "as_of": catalog.as_of or time.strftime("%Y-%m-%d", time.gmtime()),
        "providers": [{**provider, "models": len(provider["models"])} for provider in catalog.providers.values()],
    }
    _write(os.path.join(folder, "index.json"), index, "providers")
    # Last, after everything new has been written.
    for name in os.listdir(data):
        if name.endswith(".json") and name.removesuffix(".json") not in catalog.providers:
            os.remove(os.path.join(data, name))


def _write(path: str, content: Mapping[str, Any], unfold: str) -> None:
    """Write compact JSON with one line for each entry of `content[unfold]`, so that a diff shows what changed."""
    inner = content[unfold]
    opening, closing = "{}" if isinstance(inner, Mapping) else "[]"
    entries = [{key: value} for key, value in inner.items()] if isinstance(inner, Mapping) else [[one] for one in inner]
    head = "".join(dumps({key: value}).decode()[1:-1] + "," for key, value in content.items() if key != unfold)
    body = ",\n".join(dumps(entry).decode()[1:-1] for entry in entries)
    write_file(path, f'{{{head}"{unfold}":{opening}\n{body}\n{closing}}}\n'.encode())


def _download(url: str) -> bytes:
    import httpx  # only here: the catalog itself does not use the network

    received = bytearray()
    try:
        with httpx.stream("GET", url, timeout=_SECONDS) as response:
            if response.status_code != 200:
                raise ConfigError(
                    f"{url} answered with status {response.status_code}", hint="or pass a file with --from"
                )
            for chunk in response.iter_bytes():
                received += chunk
                if len(received) > _MAX_BYTES:
                    raise ConfigError(f"{url} sends more than {_MAX_BYTES} bytes")
    except httpx.HTTPError as error:
        raise ConfigError(f"cannot fetch {url}: {error}", hint="or pass a file with --from") from error
    return bytes(received)


if __name__ == "__main__":
    sys.exit(run_sync())
