"""A run as a JSON document: loss-free, versioned, readable by a person while it is short."""

from __future__ import annotations

import json
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchdemo.arguments import refuse

if TYPE_CHECKING:
    from batchdemo.runs.run import Run

FORMAT = "batchdemo.run"
VERSION = 1


def to_json(run: Run) -> str:
    """The whole run as one JSON document. Floats are written to the last bit; NaN is null."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "describe": run.describe(),  # for the reader; not read back
        "about": asdict(run.about),
        "requests": run.request_table.plain(),
        "batches": run.batch_table.plain(),
        "ticks": run.tick_table.plain(),
        "strays": [asdict(stray) for stray in run.strays],
    }
    return json.dumps(document, allow_nan=False)  # in ASCII: a stray reply may hold half a character


def a_path(path: Any) -> Path:
    """The path, or the error that it is none."""
    if not isinstance(path, (str, PathLike)):
        refuse("path", "a path, as 'run.json'", path)
    return Path(path)


def save(run: Run, path: str | PathLike[str]) -> None:
    """Write `to_json` to a file, whole or not at all."""
    target = a_path(path)
    part = target.with_name(target.name + ".part")
    text = to_json(run) + "\n"
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
