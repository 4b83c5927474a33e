"""Write a log anew, without the records of forgotten parts."""

from __future__ import annotations

import os
from pathlib import Path

from .index import Row
from .log import START, Log, frame, record_of

_AT_ONCE = 1 << 20


def compacted(log: Log, rows: dict[int, Row], id: str, *, power: bool) -> Log:
    """Return a new log at the same path with the records of these parts, whose rows are changed accordingly.

    The old log is whole until the new one takes its place; an index that is not written after that is of another log.
    """
    path = Path(f"{log.path}.new")
    path.unlink(missing_ok=True)
    fresh = Log(path, id)
    try:
        ends = dict.fromkeys(rows, -1)
        batch: list[bytes] = []
        at = fresh.end
        for _, _, payload in log.scan(START):
            part, _, record = record_of(payload)
            if part not in rows:
                continue
            batch.append(frame(part, ends[part], record))
            ends[part], at = at, at + len(batch[-1])
            if at - fresh.end > _AT_ONCE:
                fresh.append(b"".join(batch))
                batch.clear()
        fresh.append(b"".join(batch))
        os.fsync(fresh.descriptor)
        os.replace(path, log.path)
    except BaseException:
        fresh.close()
        path.unlink(missing_ok=True)
        raise
    fresh.close()
    for part, row in rows.items():
        row.last = ends[part]
    return Log(log.path, id, power=power)
