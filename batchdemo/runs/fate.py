"""What became of each number: served, twice, silent, lost or failed; and the grid that shows it, a cell a number.

A client alone cannot tell `lost` from `silent`: no reply came, and that is all it knows. Who knows what was really
done, from a book that the handler keeps, gives it as `done`.

Imports no matplotlib: axes bring their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import refuse
from batchdemo.runs.figure import describe, new_axes, title
from batchdemo.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Each fate with its mark, its colour of Okabe and Ito's, its hatch where cells are too narrow for marks, its meaning.
FATES = {
    "served": ("✓", "#009E73", "", "done once, and answered"),
    "twice": ("2+", "#E69F00", "//", "more than once"),
    "silent": ("?", "#56B4E9", "..", "no reply, and not known to be lost"),
    "lost": ("✕", "#D55E00", "xx", "never done"),
    "failed": ("!", "#CC79A7", "--", "not done, and the client was told"),
    "misled": ("≠", "#F0E442", "oo", "told the contrary of what was done"),
}
NAMED = 40  # numbers up to which each cell holds its mark, and each number stands below
MOST = 400  # numbers that are drawn; beyond, every k-th
SAID = 8  # ways up to which the alt text says each


def fates(of: Run | Iterable[int], replies: Iterable[int] = (), *, done: Iterable[int] | None = None) -> dict[int, str]:
    """What became of each number, in the order of sending: a key of `FATES`.

    of        a run; or the numbers that were sent
    replies   only with numbers: those that were answered, each as often as a reply came
    done      the numbers that the handler really did, each as often as it did. Where it is left out, only the replies
              tell: a number that got none is `silent`, one that got two is `twice`, and no number is `lost`

    Of a run, a reply that came twice is one of its `strays`; what was refused, expired or failed is `failed`.
    """
    told: dict[int, str] = {}
    if isinstance(of, Run):
        numbers = [int(number) for number in of.request_table.number]
        outcomes = of.requests["outcome"].astype(str)
        answers = Counter(number for number, one in zip(numbers, outcomes, strict=True) if one == "served")
        answers.update(stray.number for stray in of.strays if stray.kind == "twice" and stray.number is not None)
        told = {n: one for n, one in zip(numbers, outcomes, strict=True) if one not in ("served", "unknown")}
    else:
        numbers, answers = _counted("of", of), Counter(_counted("replies", replies))
    did = None if done is None else Counter(_counted("done", done))
    return {n: _fate(answers[n], None if did is None else did[n], failed=n in told) for n in dict.fromkeys(numbers)}


def _fate(answers: int, did: int | None, *, failed: bool) -> str:
    """From how often it was answered and done."""
    if did is None:
        return "twice" if answers > 1 else "served" if answers else "failed" if failed else "silent"
    if did > 1:
        return "twice"
    if did:
        return "served" if answers else "misled" if failed else "silent"
    return "misled" if answers else "failed" if failed else "lost"


def _counted(name: str, numbers: Iterable[int]) -> list[int]:
    try:
        return [int(number) for number in numbers]
    except (TypeError, ValueError):
        refuse(name, "whole numbers, as [1, 2, 2, 3]", numbers)


def describe_fates(ways: Mapping[str, Run | Mapping[int, str]]) -> str:
    """The grid in words: a sentence a way of doing it."""
    rows = [(way, _read(way, fate)) for way, fate in ways.items()]
    more = f" And {len(rows) - SAID:,} more." if len(rows) > SAID else ""
    return " ".join(_sentence(way, fate) for way, fate in rows[:SAID]) + more if rows else "Nothing was sent."


def _sentence(way: str, fate: Mapping[int, str]) -> str:
    parts = []
    for kind in FATES:
        mine = [number for number, one in fate.items() if one == kind]
        if mine:
            which = "" if len(mine) == len(fate) or kind == "served" else f" ({_spans(mine)})"
            parts.append(f"{len(mine):,} {kind}{which}")
    return f"{way[:1].upper()}{way[1:]}: {', '.join(parts) or 'nothing was sent'}."


def _spans(numbers: list[int]) -> str:
    """`#3, #11 to #18`; a few of them, where they are many."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    said = [_span(one, other) for one, other in spans[:4]]
    return ", ".join(said) + (", …" if len(spans) > 4 else "")


def _span(first: int, last: int) -> str:
    if last - first < 2:
        return ", ".join(f"#{number}" for number in dict.fromkeys((first, last)))
    return f"#{first} to #{last}"


def _read(way: str, fate: Run | Mapping[int, str]) -> Mapping[int, str]:
    if isinstance(fate, Run):
        return fates(fate)
    for one in fate.values():
        if one not in FATES:
            refuse(f"ways[{way!r}]", f"for each number one of {', '.join(FATES)}", one)
    return fate


def plot_fates(ways: Mapping[str, Run | Mapping[int, str]], ax: Axes | None = None) -> Axes:
    """The grid of what became of each number: a row a way of doing it, a cell a number, with a colour and a mark.

    `ways`: a run, or what `fates` returned, under the name of the way; from top to bottom. Numbers that were not sent
    in a way have no cell there. `describe_fates` is the alt text. ArgumentError: a fate that there is not.
    """
    rows = [(way, _read(way, fate)) for way, fate in ways.items()]
    numbers = sorted({number for _, fate in rows for number in fate})
    shown = numbers
    if len(numbers) > MOST:
        shown = [numbers[at] for at in np.unique(np.linspace(0, len(numbers) - 1, MOST).astype(int))]
    if ax is None:
        ax = new_axes(figsize=(9.0, 1.5 + 0.45 * max(1, len(rows))))
    marked = len(shown) <= NAMED
    for row, (_, fate) in enumerate(rows):
        for kind in FATES:
            _cells(ax, row, [at for at, number in enumerate(shown) if fate.get(number) == kind], kind, marked)
    _axes(ax, rows, shown)
    thinned = [] if len(shown) == len(numbers) else [f"Drawn: {len(shown):,} of {len(numbers):,}."]
    words = describe_fates(ways)
    title(ax, *[words] * (len(rows) == 1), *thinned)
    describe(ax, " ".join([*thinned, words]))
    return ax


def _cells(ax: Axes, row: int, places: list[int], kind: str, marked: bool) -> None:
    """The cells of one fate in one row."""
    if not places:
        return
    mark, colour, hatch, _ = FATES[kind]
    gap = 0.06 if marked else 0.0
    spans = [(place - 0.5 + gap, 1 - 2 * gap) for place in places]
    hatched: dict[str, Any] = {} if marked else {"hatch": hatch, "edgecolor": "black"}
    ax.broken_barh(spans, (row - 0.42, 0.84), facecolor=colour, lw=0, **hatched)
    if marked:
        for place in places:
            ax.text(place, row, mark, color="black", ha="center", va="center", fontsize=10, weight="bold")


def _axes(ax: Axes, rows: list[tuple[str, Mapping[int, str]]], shown: list[int]) -> None:
    found = {one for _, fate in rows for one in fate.values()}
    marked = len(shown) <= NAMED
    for kind, (mark, colour, hatch, means) in FATES.items():
        if kind in found:
            label = f"{mark}  {kind}: {means}" if marked else f"{kind}: {means}"
            ax.bar(0, 0, color=colour, hatch="" if marked else hatch, edgecolor="black", lw=0, label=label)
    every = 1 if marked else -(-len(shown) // 20)
    ax.set_xticks(range(0, len(shown), every), [str(number) for number in shown[::every]])
    ax.set_yticks(range(len(rows)), [way.replace("$", r"\$") for way, _ in rows])  # a $ begins a formula
    ax.set_xlim(-0.6, max(len(shown), 1) - 0.4)
    ax.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    ax.tick_params(length=0)
    ax.set_xlabel("number")
    if found:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=4.5, ncols=2, fontsize=9, frameon=False)
