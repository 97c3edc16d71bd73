"""Runs side by side, and advice: what is said is what the figures say, and every warning can be had."""

from __future__ import annotations

import math

import pytest

from batchdemo.errors import ArgumentError
from batchdemo.policies import FixedInterval, NoBatching, SizeOrTimeout, TakeAll
from batchdemo.prediction import arrivals
from batchdemo.prediction.advising import advise
from batchdemo.prediction.comparing import compare
from batchdemo.prediction.hockey_stick import plot_waiting_time, simulated
from batchdemo.prediction.simulating import simulate
from batchdemo.runs.described import DescribedFigure

COST = (0.1, 0.5)
POLICIES = (FixedInterval(5, 5.0), SizeOrTimeout(5, 5.0), TakeAll(5))


def drawn_run(n, size, interval):
    """The ideal run of a burst, on virtual time."""
    return simulate(FixedInterval(size, interval), arrivals.burst(n))


@pytest.fixture(autouse=True)
def figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def runs():
    return [simulate(policy, arrivals.burst(18), service=COST) for policy in POLICIES]


def test_a_row_a_run_under_the_name_of_its_policy():
    table = compare(runs()).table
    assert list(table.index) == [str(policy) for policy in POLICIES]
    assert table["served"].tolist() == [18, 18, 18]
    assert table["latency_max_s"].tolist() == pytest.approx([20.8, 5.8, 4.3])


def test_the_sentence_names_the_best_and_the_worst():
    said = compare({"ticks": runs()[0], "greedy": runs()[2]}).describe()
    assert said == (
        "The lowest median latency has greedy (2.60 s), the highest ticks (11.00 s). "
        "The lowest 99th percentile has greedy (4.30 s), the highest ticks (20.80 s)."
    )


def test_who_left_requests_behind_is_named():
    lost = drawn_run(9, 5, 5.0)
    lost.columns["received"][8] = math.nan
    lost.columns["outcome"][8] = 5
    assert "Requests were left behind by lost:" in compare({"whole": drawn_run(9, 5, 5.0), "lost": lost}).describe()


def test_two_of_one_policy_keep_two_names():
    assert len(compare([runs()[0], runs()[0]]).table) == 2


def test_the_figure_has_three_panels_and_says_what_it_shows():
    axes = compare(runs()).plot()
    assert [ax.get_xlabel()[-3:] for ax in axes] == ["(s)"] * 3
    assert isinstance(axes[0].figure, DescribedFigure)
    assert "The lowest median latency has" in axes[0].figure.alt
    assert len(axes[0].figure.legends) == 1


def test_it_draws_on_axes_that_are_given():
    from matplotlib import pyplot

    given = pyplot.subplots(1, 3)[1]
    assert compare(runs()).plot(given) is given
    with pytest.raises(ArgumentError, match="axes must be three axes"):
        compare(runs()).plot(given[:2])


@pytest.mark.parametrize("bad", [[], {}, 5, "runs", [5], {"a": 5}, {3: None}, [drawn_run(5, 5, 1.0)] * 13])
def test_what_cannot_be_compared(bad):
    with pytest.raises(ArgumentError, match=r"runs.* must be"):
        compare(bad)


def test_rich_and_plain_forms():
    together = compare(runs())
    assert together.describe() in repr(together)
    assert "<table" in together._repr_html_()


# --- advice ------------------------------------------------------------------------------------------------


def test_a_slow_handler_and_a_steady_stream_should_be_greedy():
    advice = advise(arrivals.poisson(300, 4_000, seed=1), service=(0.001, 0.05))
    assert advice.pays
    assert isinstance(advice.recommended, TakeAll)
    assert "one at a time the server does not keep up" in advice.describe()
    assert advice.run.summary()["latency_p99_s"] == pytest.approx(advice.table["latency_p99_s"].min())


def test_batching_that_does_not_pay_is_said_not_to():
    advice = advise(arrivals.poisson(5, 2_000, seed=1), service=(0.001, 0.0))
    assert not advice.pays
    assert advice.recommended == NoBatching()
    assert "Batching does not pay here" in advice.describe()


def test_a_size_that_is_never_reached_is_warned_of():
    advice = advise(arrivals.poisson(300, 4_000, seed=1), service=(0.001, 0.05))
    assert any("is never reached: the largest held" in warning for warning in advice.warnings)


def test_load_above_capacity_is_warned_of():
    advice = advise(arrivals.poisson(5_000, 4_000, seed=1), service=(0.001, 0.05))
    assert any("The load is above capacity" in warning for warning in advice.warnings)


def test_an_objective_that_nobody_meets_is_warned_of_and_why():
    advice = advise(arrivals.poisson(300, 2_000, seed=1), service=(0.001, 0.05), objective=0.03)
    assert "No policy meets the objective of 30 ms. A request alone takes 51 ms." in advice.describe()


def test_an_objective_prefers_the_policy_that_spares_the_handler():
    free = advise(arrivals.poisson(20, 2_000, seed=1), service=(0.001, 0.01))
    bound = advise(arrivals.poisson(20, 2_000, seed=1), service=(0.001, 0.01), objective=0.5)
    busy = {name: advice.run.batch_table.duration.sum() for name, advice in (("free", free), ("bound", bound))}
    assert bound.run.summary()["latency_p99_s"] <= 0.5
    assert busy["bound"] < busy["free"]


def test_advice_from_a_recorded_run():
    recorded = simulate(FixedInterval(5, 1.0), arrivals.poisson(3, 500, seed=1), service=(0.01, 0.2))
    advice = advise(recorded, service=recorded)
    assert advice.recommended is not None
    assert advice.describe() in repr(advice)
    assert len(advice.plot()) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"service": None}, "service must be how long a batch takes"),
        ({"service": -1}, "service must be"),
        ({"objective": 0}, "objective must be a number of seconds"),
        ({"objective": math.nan}, "objective must be a number of seconds"),
        ({"traffic": [2, 1]}, "arrivals must be seconds"),
        ({"traffic": "all"}, "arrivals must be seconds"),
    ],
)
def test_bad_input_to_advice(arguments, said):
    given = {"traffic": [0.0, 1.0], "service": 0.1, **arguments}
    with pytest.raises(ArgumentError, match=said.replace("(", r"\(")):
        advise(given.pop("traffic"), **given)


# --- the hockey stick --------------------------------------------------------------------------------------


def test_the_hockey_stick_says_what_it_shows():
    ax = plot_waiting_time(loads=(0.5, 0.9), requests=200, replications=3, measured={0.5: drawn_run(18, 5, 5.0)})
    assert "the mean wait is 2.65 s at half load, 6.38 s at nine tenths" in ax.figure.alt
    assert "Measured: 11.7 s at 0.5." in ax.figure.alt
    assert ax.get_ylabel() == "mean waiting time (s)"


def test_simulated_means_follow_the_seed():
    first, again, other = (simulated(5, 5.0, [0.5], 200, 2, seed).tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    "bad",
    [
        {"loads": []},
        {"loads": [1.2]},
        {"interval": 0},
        {"max_batch_size": 0},
        {"measured": [1]},
        {"measured": {0.5: 1}},
        {"replications": 1},
    ],
)
def test_bad_input_to_the_hockey_stick(bad):
    with pytest.raises(ArgumentError, match=" must be "):
        plot_waiting_time(**bad)
