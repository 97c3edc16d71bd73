"""`predict`: what you expect, said before the run, and held against it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from batchdemo.arguments import real, refuse
from batchdemo.course.answers import Misfit, Real, Several, shown
from batchdemo.course.verdict import Verdict

if TYPE_CHECKING:
    from batchdemo.runs import Run


def predict(said: Any = ..., *, speed: float = 1.0) -> Prediction:
    """Keep a prediction, before the run: `...` for none yet, a number, or a list of seconds, one a request.

    `run.plot(predicted=guess)` draws a list over the measurement and says the gap in words;
    `guess.against(measured)` says it alone, for a number or for a run. `speed` is that of the notebook: a list
    is said in the tutorial's seconds, and a run at speed 20 takes a twentieth of them.
    """
    speed = real("speed", speed, 1e-3, 1e4, "times as fast")
    if said is ... or said is None:
        return Prediction(None, speed)
    kind = Real("a number") if isinstance(said, (int, float)) else Several(Real(), "a list of seconds, one a request")
    try:
        return Prediction(kind.read(said), speed)
    except Misfit as misfit:
        refuse("said", "a number, or a list of seconds, one a request", said, str(misfit))


class Prediction:
    """What was said, and when. Iterating gives the seconds of a list at the speed of the run."""

    def __init__(self, said: float | list[float] | None, speed: float) -> None:
        self.said = said
        self.made = datetime.now(UTC)
        self._speed = speed

    @property
    def answered(self) -> bool:
        """Whether anything was predicted yet. The plots leave out a prediction that was not."""
        return self.said is not None

    def __iter__(self) -> Iterator[float]:
        if not isinstance(self.said, list):
            refuse("predicted", "a list of seconds, one a request", self.said)
        return (seconds / self._speed for seconds in self.said)

    def __len__(self) -> int:
        return len(self.said) if isinstance(self.said, list) else 0

    def against(self, measured: Run | float) -> str:
        """The gap between what was said and what was measured, in words."""
        if self.said is None:
            return "There is no prediction to hold against it: put yours in place of the dots."
        if isinstance(self.said, list):
            from batchdemo.runs.run import Run  # noqa: PLC0415  - NumPy, for those who predict runs

            if not isinstance(measured, Run):
                refuse("measured", "a run, as the prediction is a list", measured)
            late = self.made > datetime.fromisoformat(measured.about.began)
            after = " But it was made after the run had begun: no prediction any more." if late else ""
            return measured.gap(self) + after
        value = real("measured", measured, -1e300, 1e300, "the same unit as the prediction")
        return f"You said {self.said:g}, it was {value:.3g}: {_apart(self.said, value)}."

    def __repr__(self) -> str:
        return str(self._verdict())

    def _repr_html_(self) -> str:
        return self._verdict()._repr_html_()

    def _verdict(self) -> Verdict:
        if self.said is None:
            return Verdict("your prediction", None, "Put it in place of the dots, before you run on.")
        return _Kept("your prediction", True, shown(self.said) if isinstance(self.said, list) else f"{self.said:g}")


class _Kept(Verdict):
    """A prediction is neither right nor wrong yet."""

    @property
    def _head(self) -> str:
        return "Your prediction is kept:"


def _apart(said: float, value: float) -> str:
    if said == value:
        return "exactly that"
    if said > 0 and value > 0:
        ratio = max(said / value, value / said)
        if ratio < 1.1:
            return "within a tenth of it"
        return f"{ratio:.3g} times too {'much' if said > value else 'little'}"
    return f"{abs(said - value):.3g} too {'much' if said > value else 'little'}"
