"""The simulator: the tutorial's figures, the shortcut equal to the engine, service times, and bad input."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdemo.errors import ArgumentError, PolicyError
from batchdemo.policies import FixedInterval, Release, Wait
from batchdemo.prediction import arrivals, engine, shortcut
from batchdemo.prediction.costs import Costs
from batchdemo.prediction.simulating import replay, simulate


def test_the_tutorials_eighteen():
    run = simulate(FixedInterval(5, 5.0), arrivals.burst(18))
    assert run.describe().startswith("18 requests in 4 batches of 5, 5, 5 and 3, in order, one batch every 5.00 s")
    assert run.batches["released"].tolist() == [5.0, 10.0, 15.0, 20.0]
    assert run.requests["latency"].mean() == pytest.approx(11.67, abs=0.005)
    assert run.check().ok
    assert run.about.world == "simulated"
    assert run.batches[["waiting_before", "waiting_after"]].values.tolist() == [[18, 13], [13, 8], [8, 3], [3, 0]]


def drawn_run(n, size, interval):
    """The ideal run of a burst, on virtual time."""
    return simulate(FixedInterval(size, interval), arrivals.burst(n))


def unmeasured(run):
    """The same run as one saw it who does not know how long batches were handled."""
    run.batch_table.columns["duration"][:] = math.nan
    return run


TIMES = st.lists(st.integers(0, 4_000).map(lambda at: at / 100), min_size=1, max_size=80).map(sorted)


@settings(max_examples=300)
@given(TIMES, st.integers(1, 9), st.sampled_from([0.01, 0.03, 0.1, 0.25, 1.0, 7.3]))
def test_the_shortcut_is_the_engine_to_the_last_request(times, size, interval):
    policy = FixedInterval(size, interval)
    slow = engine.simulate(FixedInterval(size, interval), times, None, 1)
    fast = shortcut.simulate(policy, np.array(times))
    for name in ("released", "size", "reason", "first", "waiting", "began", "finished"):
        assert list(getattr(fast, name)) == getattr(slow, name), name


@settings(max_examples=300)
@given(st.floats(0, 1e6), st.sampled_from([0.001, 0.1, 0.3, 1.0, 5.0]))
def test_the_first_tick_is_the_first_at_or_after_the_arrival(at, interval):
    (tick,) = shortcut.first_ticks(np.array([at]), interval)
    assert tick * interval >= at
    assert tick == 1 or (tick - 1) * interval < at


@dataclasses.dataclass
class Greedy:
    """Takes all that wait, whenever the executor is free."""

    def decide(self, view):
        return Release(view.waiting, "idle") if view.waiting and view.free else Wait()

    def observe(self, batch):
        pass


def test_a_policy_of_ten_lines_runs():
    run = simulate(Greedy(), [0.0, 1.0, 1.5, 2.0, 9.0], service=(0.5, 1.0))
    assert run.batches["size"].tolist() == [1, 1, 2, 1]
    assert run.batches["released"].tolist() == [0.0, 1.5, 3.0, 9.0]
    assert run.batches["duration"].tolist() == [1.5, 1.5, 2.0, 1.5]
    assert run.requests["received"].tolist() == [1.5, 3.0, 5.0, 5.0, 10.5]


def test_at_the_same_instant_a_batch_is_finished_before_a_request_arrives():
    run = simulate(Greedy(), [0.0, 1.0, 1.0], service=1.0)
    assert run.batches["size"].tolist() == [1, 1, 1]
    assert run.batches["released"].tolist() == [0.0, 1.0, 2.0]


def test_two_slots_handle_two_batches_at_once():
    run = simulate(FixedInterval(1, 1.0), arrivals.burst(4), service=1.5, max_concurrent_batches=2)
    assert run.requests["received"].tolist() == [2.5, 3.5, 4.5, 5.5]
    run = simulate(FixedInterval(1, 1.0), arrivals.burst(4), service=1.5)
    assert run.requests["received"].tolist() == [2.5, 4.0, 5.5, 7.0]


def test_the_policy_that_was_given_stays_as_it_was():
    policy = FixedInterval(5, 5.0)
    first, again = (simulate(policy, arrivals.burst(18), service=0.1) for _ in range(2))
    assert first == again


SERVICES = {
    "seconds": (2.0, [2.0, 2.0]),
    "a and b": ((0.5, 1.0), [2.0, 1.5]),
    "a function": (lambda n: n / 4, [0.5, 0.25]),
    "costs": (Costs((1, 3), [[1.5, 2.5]]), [2.0, 1.5]),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_time_may_be_said_in_many_ways(name):
    service, durations = SERVICES[name]
    run = simulate(FixedInterval(2, 5.0), arrivals.burst(3), service=service)
    assert run.batches["duration"].tolist() == pytest.approx(durations)


def test_a_drawn_service_time_follows_the_seed():
    def drawn(n, dice):
        return dice.exponential(1.0)

    class Fixed:
        def rvs(self, random_state):
            return random_state.exponential(1.0)

    runs = [simulate(FixedInterval(1, 5.0), arrivals.burst(9), service=drawn, seed=seed) for seed in (1, 1, 2)]
    assert (runs[0] == runs[1], runs[0] == runs[2]) == (True, False)
    assert simulate(FixedInterval(1, 5.0), arrivals.burst(9), service=Fixed(), seed=1) == runs[0]


def test_a_run_gives_its_durations_to_a_simulation():
    recorded = simulate(FixedInterval(2, 5.0), arrivals.burst(5), service=(0.5, 1.0))
    again = simulate(FixedInterval(2, 5.0), arrivals.burst(4), service=recorded)
    assert set(again.batches["duration"]) == {2.0}
    larger = simulate(FixedInterval(9, 5.0), arrivals.burst(9), service=recorded)
    assert set(larger.batches["duration"]) == {2.0}  # the nearest size that was seen


def test_replay_asks_what_another_policy_would_have_done():
    recorded = simulate(FixedInterval(5, 5.0), arrivals.burst(18), service=(0.0, 0.25))
    run = replay(recorded, FixedInterval(9, 1.0))
    assert run.batches["size"].tolist() == [9, 9]
    assert run.requests["received"].tolist() == [1.25] * 9 + [2.25] * 9
    assert replay(recorded, FixedInterval(9, 1.0), service=0.0).requests["received"].max() == 2.0
    assert (
        replay(unmeasured(drawn_run(18, 5, 5.0)), FixedInterval(5, 5.0)).request_table
        == drawn_run(18, 5, 5.0).request_table
    )


def test_clients_go_with_their_requests():
    run = simulate(FixedInterval(5, 5.0), arrivals.burst(18, clients=3))
    assert run.requests["client"].tolist() == [at % 3 + 1 for at in range(18)]
    assert run.batches["clients"].tolist() == [3, 3, 3, 3]
    run = simulate(FixedInterval(2, 5.0), arrivals.Arrivals([0.0] * 4, [1, 1, 1, 2]))
    assert run.batches["clients"].tolist() == [1, 2]


class Broken:
    def __init__(self, *answers):
        self.answers = answers

    def decide(self, view):
        return next((answer for at, answer in self.answers if view.now >= at and view.waiting), Wait())

    def observe(self, batch):
        pass


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Release(3, "full"), "answered Release(size=3, reason='full') at 2 s, when 2 were waiting"),
        (Release(0, "full"), "at 2 s, when 2 were waiting"),
        (Release(1, "because"), "the reason must be one of"),
        (Wait(1.0), "it must wait until a time that is yet to come"),
        (Wait(math.nan), "a time in seconds"),
        (None, "it must answer"),
    ],
)
def test_a_policy_that_misbehaves_is_caught(answer, said):
    with pytest.raises(PolicyError, match="answered") as caught:
        simulate(Broken((2.0, answer)), [1.0, 2.0])
    assert said in str(caught.value)


def test_a_policy_that_never_releases_is_caught():
    with pytest.raises(PolicyError, match="never releases the 2 that wait"):
        simulate(Broken(), [1.0, 2.0])


def test_a_policy_that_only_ever_waits_is_caught(monkeypatch):
    class Later:
        def decide(self, view):
            return Wait(view.now + 1.0)

        def observe(self, batch):
            pass

    monkeypatch.setattr(engine, "IDLE_TIMERS", 1000)
    with pytest.raises(PolicyError, match="never releases the 1 that wait"):
        simulate(Later(), [1.0])


def test_a_policy_without_words_is_called_by_its_class():
    assert simulate(Greedy(), [0.0]).about.policy.startswith("Greedy")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"policy": 5}, "policy must be a policy, with decide(view) and observe(batch), got 5."),
        ({"policy": FixedInterval}, "policy must be a policy"),
        ({"service": -1.0}, "service must be a number of seconds"),
        ({"service": math.nan}, "service must be a number of seconds"),
        ({"service": "fast"}, "service must be a number of seconds"),
        ({"service": (1.0,)}, "service must be seconds, (a, b) for a·n + b"),
        ({"service": (-1.0, 0.0)}, "service[0] must be a number of seconds"),
        ({"service": lambda n: -1.0}, "service must be a function that gives seconds from 0 on, got -1.0."),
        ({"service": lambda n: math.nan}, "service must be a function that gives seconds from 0 on, got nan."),
        ({"service": lambda n: "x"}, "service must be a function that gives seconds from 0 on, got 'x'."),
        ({"service": unmeasured(drawn_run(5, 5, 1.0))}, "service must be a run whose batches have a duration"),
        ({"max_concurrent_batches": 0}, "max_concurrent_batches must be a whole number"),
        ({"seed": "one"}, "seed must be a whole number"),
        ({"arrivals": [2.0, 1.0]}, "arrivals must be seconds from 0 on, in rising order"),
    ],
)
def test_bad_input_is_named(arguments, said):
    given = {"policy": FixedInterval(5, 5.0), "arrivals": [1.0], "service": 0.0, **arguments}
    with pytest.raises(ArgumentError) as caught:
        simulate(**given)
    assert str(caught.value).startswith(said)


def test_a_replay_without_times_says_which_column_is_missing():
    run = drawn_run(3, 5, 5.0)
    run.columns["arrived"][:] = [0.0, math.nan, math.nan]  # and so `sent`, which is the same array
    with pytest.raises(ArgumentError, match=r"column arrived or sent in every row(.|\n)*\{'arrived': 1, 'sent': 1\}"):
        replay(run, FixedInterval(5, 5.0))


def test_a_million_requests_keep_to_a_small_record():
    run = simulate(FixedInterval(5, 5.0), arrivals.poisson(0.9, 1_000_000, seed=1))
    held = sum(column.nbytes for column in run.columns.values())
    assert held <= 80 * len(run)
    assert run.summary()["waiting_time_mean_s"] == pytest.approx(6.383, rel=0.1)
