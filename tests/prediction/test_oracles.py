"""The simulator against two others that know nothing of it: Ciw's slotted services, and processes in SimPy.

All times are whole numbers of 2⁻³⁰ s, so every sum is exact in floating point and every comparison is `==`. Arrivals
are at odd ones, and so never at a tick: which of the two is first at one instant, each simulator settles its own way.
"""

from __future__ import annotations

import ciw
import numpy as np
import pytest
import simpy

from batchdemo.policies import FixedInterval, SizeOrTimeout, TakeAll
from batchdemo.prediction import arrivals
from batchdemo.prediction.simulating import simulate

GRAIN = 2**-30  # seconds
LINES = [(0.0, 0.0), (0.0, 0.25), (0.125, 0.0), (0.125, 1.5)]  # (a, b) of a·n + b


def poisson(rate, n, seed):
    """Poisson arrivals at odd multiples of the grain, no two at one instant."""
    times = (np.floor(arrivals.poisson(rate, n, seed=seed).times / GRAIN / 2) * 2 + 1) * GRAIN
    assert (np.diff(times) > 0).all()
    return times


# --- the others ------------------------------------------------------------------------------------------


def ciw_slots(times, size, interval):
    """The slot at which each customer leaves, by Ciw: `size` of them every `interval`, in no time."""
    gaps = np.diff(times, prepend=0.0).tolist()
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Sequential([*gaps, float("inf")])],
        service_distributions=[ciw.dists.Deterministic(value=0.0)],
        number_of_servers=[ciw.Slotted(slots=[interval], slot_sizes=[size])],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(len(gaps), method="Finish")
    records = sorted(simulation.get_all_records(), key=lambda record: record.id_number)
    return [record.service_start_date for record in records]


def come(env, times, arrive):
    """The arrivals, as a process: `arrive(number)` for each in turn."""
    for number, at in enumerate(times):
        yield env.timeout(at - env.now)
        arrive(number)


def simpy_ticks(times, size, interval, a=0.0, b=0.0):
    """(released, finished) of each customer: `size` of them every `interval`, one executor behind."""
    env = simpy.Environment()
    queue, batches = [], simpy.Store(env)
    released, finished = [None] * len(times), [None] * len(times)

    def tick():
        gone = 0
        while gone < len(times):
            yield env.timeout(interval)
            batch = queue[:size]
            del queue[:size]
            gone += len(batch)
            for number in batch:
                released[number] = env.now
            if batch:
                batches.put(batch)

    env.process(come(env, times, queue.append))
    env.process(tick())
    env.process(execute(env, batches, finished, a, b))
    env.run()
    return released, finished


def execute(env, batches, finished, a, b):
    """One executor: a batch after the other, a·n + b each."""
    while True:
        batch = yield batches.get()
        yield env.timeout(a * len(batch) + b)
        for number in batch:
            finished[number] = env.now


def simpy_size_or_timeout(times, size, wait, a=0.0, b=0.0):
    """(released, finished) of each customer: gather from the first on, until there are enough or it has waited."""
    env = simpy.Environment()
    queue, batches = simpy.Store(env), simpy.Store(env)
    released, finished = [None] * len(times), [None] * len(times)

    def gather():
        while True:
            batch = [(yield queue.get())]
            over = env.timeout(wait)
            while len(batch) < size:
                another = queue.get()
                yield another | over
                if not another.triggered:
                    another.cancel()
                    break
                batch.append(another.value)
            for number in batch:
                released[number] = env.now
            batches.put(batch)

    env.process(come(env, times, queue.put))
    env.process(gather())
    env.process(execute(env, batches, finished, a, b))
    env.run()
    return released, finished


def simpy_take_all(times, size, a=0.0, b=0.0):
    """(released, finished) of each customer: an executor that takes all that wait, up to `size`."""
    env = simpy.Environment()
    queue = simpy.Store(env)
    released, finished = [None] * len(times), [None] * len(times)

    def executor():
        while True:
            batch = [(yield queue.get())]
            while len(batch) < size and queue.items:
                batch.append((yield queue.get()))
            for number in batch:
                released[number] = env.now
            yield env.timeout(a * len(batch) + b)
            for number in batch:
                finished[number] = env.now

    env.process(come(env, times, queue.put))
    env.process(executor())
    env.run()
    return released, finished


# --- customer by customer --------------------------------------------------------------------------------


def simulated(policy, times, **service):
    """(released, finished) of each customer, by ours."""
    table = simulate(policy, times, **service).request_table
    return table.released.tolist(), table.received.tolist()


SLOTS = [(1, 1.0), (2, 0.125), (5, 5.0), (5, 1.25), (50, 2.0)]


@pytest.mark.parametrize("rho", [0.3, 0.9, 1.2])
@pytest.mark.parametrize(("size", "interval"), SLOTS)
def test_ciws_slotted_service_lets_each_leave_at_the_same_slot(size, interval, rho):
    times = poisson(rho * size / interval, 1500, seed=size)
    assert simulated(FixedInterval(size, interval), times)[0] == ciw_slots(times, size, interval)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("rho", [0.3, 0.9, 1.2])
@pytest.mark.parametrize(("size", "interval"), SLOTS)
def test_simpys_ticks_release_and_finish_each_at_the_same_time(size, interval, rho, line):
    times = poisson(rho * size / interval, 1500, seed=size + 1)
    ours = simulated(FixedInterval(size, interval), times, service=line)
    assert ours == simpy_ticks(times.tolist(), size, interval, *line)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("rate", [0.5, 2.0, 8.0])
@pytest.mark.parametrize(("size", "timeout"), [(1, 1.0), (5, 2.0), (5, 0.25), (50, 1.0), (3, 60.0)])
def test_simpys_gatherer_releases_and_finishes_each_at_the_same_time(size, timeout, rate, line):
    times = poisson(rate, 1500, seed=size + 2)
    ours = simulated(SizeOrTimeout(size, timeout), times, service=line)
    assert ours == simpy_size_or_timeout(times.tolist(), size, timeout, *line)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("rate", [0.5, 2.0, 8.0])
@pytest.mark.parametrize("size", [1, 2, 8, 1000])
def test_simpys_greedy_executor_releases_and_finishes_each_at_the_same_time(size, rate, line):
    times = poisson(rate, 1500, seed=size + 3)
    ours = simulated(TakeAll(size), times, service=line)
    assert ours == simpy_take_all(times.tolist(), size, *line)
