"""Saved runs read back, with a clear word for every file that is none."""

from __future__ import annotations

import json
import math
from os import PathLike
from typing import Any, NamedTuple, get_type_hints

from batchdemo.errors import RunFileError
from batchdemo.records import BatchRecord, RequestRecord, TickRecord
from batchdemo.runs.files import FORMAT, VERSION, a_path
from batchdemo.runs.run import About, Run, Stray
from batchdemo.runs.table import Table

KINDS: dict[Any, Any] = {float | None: float | int | None}  # JSON does not tell 5.0 from 5
TABLES: dict[str, type[NamedTuple]] = {"requests": RequestRecord, "batches": BatchRecord, "ticks": TickRecord}


def load(path: str | PathLike[str]) -> Run:
    """Read a run that `Run.save` or `batchdemo demo --json` wrote; equal to the one that was saved.

    RunFileError where the file cannot be read or is no such run, ArgumentError where `path` is no path.
    """
    file = a_path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or no possible path
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
        about = _about(document["about"])
        strays = tuple(Stray(**stray) for stray in document["strays"])
    except KeyError as error:
        raise RunFileError(f"{path} lacks {error}, so it is damaged or was edited.") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RunFileError(f"{path} is damaged or was edited: {error}") from error
    return Run(about, requests, batches, ticks, strays)


def _about(said: dict[str, Any]) -> About:
    about = About(**{**said, "notes": tuple(said["notes"])})
    for name, kind in get_type_hints(About).items():
        value = getattr(about, name)
        if isinstance(value, bool) or not isinstance(value, tuple if name == "notes" else KINDS.get(kind, kind)):
            raise TypeError(f"about: {name} cannot be {value!r}")
    return about


def _table(kind: type[NamedTuple], columns: dict[str, list[Any]]) -> Table:
    """The table of plain columns. NumPy would take 1.5 for a whole number and True for 1, so types are checked."""
    checked: dict[str, list[Any]] = {}
    for name, hint in get_type_hints(kind).items():
        values = columns[name]
        wanted = (float, int) if hint is float else hint
        odd = [
            value for value in values if value is not None and (type(value) is bool or not isinstance(value, wanted))
        ]
        if odd or (hint is not float and None in values):
            raise TypeError(f"{name} cannot be {odd[0] if odd else None!r}")
        checked[name] = [math.nan if value is None else value for value in values]
    return Table(kind, checked)
