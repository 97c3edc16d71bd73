"""Columns as arrays: eighteen rows or a million, in a few bytes a cell, and a DataFrame only when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import numpy as np
import numpy.typing as npt

from batchdemo.records import OUTCOMES, REASONS, BatchRecord, RequestRecord, TickRecord

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]
WORDS = {"outcome": OUTCOMES, "reason": REASONS}
"""Columns of words from a fixed list, kept as codes of one byte."""


class Table:
    """The rows of one kind of record. `table.released` is a column; `len(table)` counts the rows."""

    def __init__(self, kind: type[NamedTuple], columns: Mapping[str, Any]) -> None:
        self.kind = kind
        self.columns: dict[str, Array] = {}
        for name, hint in get_type_hints(kind).items():
            values = columns[name]
            if name in WORDS:
                self.columns[name] = _codes(name, values)
            else:
                self.columns[name] = np.asarray(values, dtype=np.float64 if hint is float else np.int64)
        if len({len(column) for column in self.columns.values()}) > 1:
            lengths = {name: len(column) for name, column in self.columns.items()}
            raise ValueError(f"columns must be of one length, got {lengths}")

    @classmethod
    def of(cls, kind: type[NamedTuple], rows: Iterable[tuple[Any, ...]]) -> Table:
        """A table from rows."""
        columns = list(zip(*rows, strict=True)) or [()] * len(kind._fields)
        return cls(kind, dict(zip(kind._fields, columns, strict=True)))

    def __getattr__(self, name: str) -> Array:
        try:
            return self.__dict__["columns"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no column {name!r}") from None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Table)
            and self.kind is other.kind
            and all(np.array_equal(column, other.columns[name], equal_nan=column.dtype.kind == "f")
                    for name, column in self.columns.items())
        )  # fmt: skip

    __hash__ = None  # type: ignore[assignment]

    def frame(self) -> pd.DataFrame:
        """The table for pandas: words as categories; batch and position are <NA> where there was none."""
        import pandas as pd  # noqa: PLC0415  - a third of a second, for those who want a DataFrame

        data: dict[str, Any] = {}
        for name, column in self.columns.items():
            if name in WORDS:
                data[name] = pd.Categorical.from_codes(column, pd.Index(WORDS[name]))
            elif self.kind is RequestRecord and name in ("batch", "position"):
                data[name] = pd.array(np.where(column > 0, column, 0), dtype="Int64")
                data[name][column <= 0] = pd.NA
            else:
                data[name] = column
        return pd.DataFrame(data)

    def plain(self) -> dict[str, list[Any]]:
        """The columns as lists for JSON: words spelled out, NaN as None."""
        lists: dict[str, list[Any]] = {}
        for name, column in self.columns.items():
            if name in WORDS:
                lists[name] = [WORDS[name][code] for code in column]
            elif column.dtype.kind == "f":
                lists[name] = [None if value != value else value for value in column.tolist()]  # noqa: PLR0124
            else:
                lists[name] = column.tolist()
        return lists


def _codes(name: str, values: Any) -> Array:
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        return values.astype(np.int8)
    codes = {word: code for code, word in enumerate(WORDS[name])}
    try:
        return np.array([codes[word] for word in values], dtype=np.int8)
    except KeyError as error:
        raise ValueError(f"{name} must be one of {', '.join(WORDS[name])}, got {error.args[0]!r}") from None


def requests(rows: Iterable[tuple[Any, ...]]) -> Table:
    """A table of requests."""
    return Table.of(RequestRecord, rows)


def batches(rows: Iterable[tuple[Any, ...]]) -> Table:
    """A table of batches."""
    return Table.of(BatchRecord, rows)


def ticks(rows: Iterable[tuple[Any, ...]]) -> Table:
    """A table of ticks."""
    return Table.of(TickRecord, rows)
