"""Saved runs read back, with a clear word for every file that is none."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from batchdemo.errors import RunFileError
from batchdemo.records import BatchRecord, RequestRecord, TickRecord
from batchdemo.runs.files import FORMAT, VERSION
from batchdemo.runs.run import About, Run, Stray
from batchdemo.runs.table import Table

TABLES: dict[str, type[NamedTuple]] = {"requests": RequestRecord, "batches": BatchRecord, "ticks": TickRecord}


def load(path: str | PathLike[str]) -> Run:
    """Read a run that `Run.save` or `batchdemo demo --json` wrote; equal to the one that was saved."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunFileError(f"{path} cannot be read: {error}") from error
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunFileError(f"{path} must be a JSON document, but {error}. Was it cut short?") from error
    return parse(document, str(path))


def parse(document: Any, path: str) -> Run:
    """The run in a document; `path` is for the errors."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise RunFileError(f'{path} is JSON, but no saved run: it has no "format": "{FORMAT}".')
    if document.get("version") != VERSION:
        version = document.get("version")
        raise RunFileError(f"{path} must be of version {VERSION}, got {version!r}. A newer batchdemo may read it.")
    try:
        requests, batches, ticks = (_table(kind, document[name]) for name, kind in TABLES.items())
        about = About(**{**document["about"], "notes": tuple(document["about"]["notes"])})
        strays = tuple(Stray(**stray) for stray in document["strays"])
    except KeyError as error:
        raise RunFileError(f"{path} lacks {error}, so it is damaged or was edited.") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RunFileError(f"{path} is damaged or was edited: {error}") from error
    return Run(about, requests, batches, ticks, strays)


def _table(kind: type[NamedTuple], columns: dict[str, list[Any]]) -> Table:
    floats = {name for name, hint in get_type_hints(kind).items() if hint is float}
    nan = float("nan")
    return Table(
        kind,
        {
            name: [nan if value is None else value for value in columns[name]] if name in floats else columns[name]
            for name in kind._fields
        },
    )
