"""What the benchmarks have in common: their options, the line about the machine, the table, the progress bar."""

from __future__ import annotations

import argparse
import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from statistics import median
from typing import Any

from tqdm import tqdm

FIGURE = re.compile(r"[-+]?[\d,.]+( of [\d,]+)?|–")
LIBRARIES = ("fastapi", "uvicorn", "websockets", "apscheduler")


def options(doc: str | None, **defaults: Any) -> argparse.Namespace:
    """Read the command line: an option for each default, of its type, and `--quick`.

    A default may be a pair (usual, quick) where a quick run needs another value than the usual one.
    Lists of whole numbers are written 1,100,1000.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run of a few seconds; its figures mean nothing")
    pairs = {name: value if isinstance(value, tuple) else (value, value) for name, value in defaults.items()}
    for name, (usual, _) in pairs.items():
        kind = _numbers if isinstance(usual, list) else type(usual)
        parser.add_argument(f"--{name}", type=kind, metavar=name.upper(), help=f"(default {usual})")
    chosen = parser.parse_args()
    for name, pair in pairs.items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, pair[chosen.quick])
    return chosen


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def progress(total: int) -> tqdm:
    """A bar on stderr, for what takes more than a second; each `update` is one measurement."""
    return tqdm(total=total, delay=1.0, leave=False, ncols=76, unit="run")


def median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the ratios within each round, which noise that lasts longer than a round cannot move."""
    return median(a / b for a, b in zip(over, under, strict=True))


def machine() -> str:
    """The line to be read before any figure."""
    cpus = os.cpu_count()
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{cpus} CPU{'s' * (cpus != 1)}, {platform.system()}, Python {platform.python_version()}, {libraries}."


def show(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print the line about the machine, and a Markdown table whose columns of figures are set to the right."""
    figures = [all(FIGURE.fullmatch(row[at]) for row in rows) for at in range(len(headings))]
    print(machine(), end="\n\n")
    for cells in (headings, ["---:" if right else "---" for right in figures], *rows):
        print(f"| {' | '.join(cells)} |")
