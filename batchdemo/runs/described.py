"""The figure that carries an alt text. Imports matplotlib, so nothing here is imported before something is drawn."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Collection
from os import PathLike
from pathlib import Path
from typing import Any

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

HTML, PNG, TEXT = "text/html", "image/png", "text/plain"


class DescribedFigure(Figure):
    """A figure that notebooks show with an alt text, and that writes it into PNG and SVG files."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.said: dict[Axes, str] = {}

    @property
    def alt(self) -> str:
        """What was said of the axes, in their order."""
        return " ".join(self.said[ax] for ax in self.axes if ax in self.said) or repr(self)

    def savefig(self, fname: Any, **kwargs: Any) -> None:
        """As for any figure; files that have a place for a description get the alt text."""
        ending = Path(fname).suffix[1:] if isinstance(fname, (str, PathLike)) else ""
        form = kwargs.get("format") or ending or rcParams["savefig.format"]
        if form.lower() in ("png", "svg"):
            kwargs["metadata"] = {"Description": self.alt, **(kwargs.get("metadata") or {})}
        super().savefig(fname, **kwargs)

    def png(self) -> bytes:
        """The picture, cut and scaled as Jupyter's inline backend does it."""
        out = io.BytesIO()
        self.savefig(out, format="png", dpi="figure", bbox_inches="tight")
        return out.getvalue()

    def img(self) -> str:
        """The picture as an HTML element that needs nothing from elsewhere."""
        return _element(self.png(), self.alt)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Both HTML and PNG: JupyterLab reads an alt text in the one only, nbconvert in the other's metadata."""
        wanted = {kind for kind in (include or (HTML, PNG, TEXT)) if kind not in (exclude or ())}
        data = {TEXT: self.alt}
        if wanted & {HTML, PNG}:
            picture = self.png()
            data |= {HTML: _element(picture, self.alt), PNG: base64.b64encode(picture).decode()}
        data = {kind: shown for kind, shown in data.items() if kind in wanted}
        return data, {PNG: {"alt": self.alt}} if PNG in data else {}


def _element(png: bytes, alt: str) -> str:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img src="{source}" alt="{html.escape(alt)}" style="max-width:100%">'
