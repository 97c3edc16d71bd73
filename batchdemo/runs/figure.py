"""Figures that say what they show: one that is made here carries an alt text into every notebook and PNG.

matplotlib takes half a second to import, so it is asked for only when something is drawn.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (8.0, 4.5)  # inches
WIDTH = 90  # characters of a title that fit above the axes of such a figure


def new_axes(rows: int = 1, columns: int = 1, figsize: tuple[float, float] = SIZE) -> Any:
    """Axes to draw on, of a new pyplot figure that can be described: one, or an array of rows by columns.

    As `pyplot.subplots`, where one row or one column gives a flat array. `figsize`: width and height in inches.
    """
    from matplotlib import pyplot  # noqa: PLC0415  - half a second, for those who draw

    from batchdemo.runs.described import DescribedFigure  # noqa: PLC0415

    return pyplot.subplots(rows, columns, figsize=figsize, layout="constrained", FigureClass=DescribedFigure)[1]


def describe(ax: Axes, text: str) -> None:
    """Say in words what these axes show, in place of what was said before. A plain figure cannot carry it.

    The alt text of a figure is what was said of its axes, in their order.
    """
    from batchdemo.runs.described import DescribedFigure  # noqa: PLC0415

    figure = ax.get_figure(root=True)
    if isinstance(figure, DescribedFigure):
        figure.said[ax] = text


def title(ax: Axes, *lines: str) -> None:
    """Write these above the axes, each wrapped to the width of a figure of the usual size."""
    text = "\n".join(textwrap.fill(line, WIDTH) for line in lines)
    ax.set_title(text.replace("$", r"\$"), loc="left", fontsize=10)  # a $ begins a formula
