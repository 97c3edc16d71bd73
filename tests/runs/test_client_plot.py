"""The picture of fairness: a strip a client, everybody in it, and words for who cannot see it."""

from __future__ import annotations

import numpy as np
import pytest
from make import NAN, RUNS, Made, ideal, million

import batchdemo as bd
from batchdemo.runs.plots import COLOURS, MARKERS, MOST

FOUR = Made(clients=4).lose(16, 17, 18)


def simulated(clients, requests=240):
    return bd.simulate(bd.FixedInterval(5, 5.0), bd.arrivals.poisson(1.0, requests, clients=clients, seed=1))


def drawn(ax):
    return {(x, y) for line in ax.lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)}


@pytest.mark.parametrize("kind", RUNS)
def test_every_run_is_drawn_on_the_axes_that_were_given(kind, ax):
    assert RUNS[kind].plot_clients(ax) is ax
    assert RUNS[kind].plot_clients(ax=ax) is ax
    ax.figure.canvas.draw()


def test_without_axes_a_figure_is_made(pyplot):
    made = ideal().plot_clients()
    assert pyplot.get_fignums() == [made.figure.number]


def test_it_changes_no_setting_and_not_the_current_axes(pyplot):
    mine, other = pyplot.subplots(1, 2)[1]
    before = pyplot.rcParams.copy()
    pyplot.sca(other)
    ideal().plot_clients(mine)
    assert pyplot.rcParams == before
    assert pyplot.gca() is other
    assert not other.has_data()


@pytest.mark.parametrize("clients", [1, 2, 6, 60])
def test_every_request_is_a_point_in_the_strip_of_its_client(clients, ax):
    run = simulated(clients)
    points = drawn(run.plot_clients(ax))
    table = run.request_table
    assert len(points) == len(table)
    strips = sorted((round(x) + 1, y) for x, y in points)
    assert strips == sorted(zip(table.client.tolist(), (table.released - table.arrived).tolist(), strict=True))
    left, right = ax.get_xlim()
    assert left < -0.5
    assert right > clients - 0.5
    assert len(ax.get_xticks()) <= 20


def test_in_a_strip_requests_go_from_left_to_right_as_they_arrived(ax):
    line = simulated(1, 20).plot_clients(ax).lines[0]
    waits = simulated(1, 20).requests["waiting_time"].tolist()
    assert [wait for _, wait in sorted(zip(line.get_xdata(), line.get_ydata(), strict=True))] == waits


def test_clients_beside_each_other_differ_in_colour_and_in_marker(ax):
    looks = [(line.get_color(), line.get_marker()) for line in simulated(6).plot_clients(ax).lines]
    assert looks == list(zip(COLOURS, MARKERS, strict=True))


def test_the_means_are_those_of_the_table(ax):
    run = simulated(6)
    (lines,) = run.plot_clients(ax).collections
    means = [path.vertices[0, 1] for path in lines.get_paths()]
    assert means == pytest.approx(run.by_client["waiting_time_mean"].tolist())


def test_who_waits_still_is_a_cross_at_its_time_so_far(ax):
    run = FOUR.run()
    (cross,) = [line for line in run.plot_clients(ax).lines if line.get_marker() == "x"]
    assert cross.get_ydata() == pytest.approx([20.0] * 3, abs=0.01)
    assert np.round(cross.get_xdata()).tolist() == [3, 0, 1]


def test_each_axis_says_what_it_shows_and_in_which_unit(ax):
    ideal().plot_clients(ax)
    assert ax.get_xlabel().startswith("client ")
    assert ax.get_ylabel() == "waiting time (s)"


def test_from_outside_it_is_the_latency(ax):
    assert Made(clients=2).remote().run().plot_clients(ax).get_ylabel() == "latency (s)"
    assert "mean latency" in ax.get_title(loc="left")


@pytest.mark.usefixtures("pyplot")
def test_the_alt_text_says_the_figures_and_begins_with_the_title():
    ax = FOUR.run().plot_clients()
    assert ax.figure.alt == (
        "4 clients: mean waiting time 11.00 s (client 1) to 12.50 s (client 4). "
        "Jain's index: 1.00 of the means; 1 is fair, 1/n one of n having all. "
        "3 requests not served count with the time so far. "
        "By client: 1: 11.00 s, at most 20.00 s; 2: 12.00 s, at most 20.00 s; 3: 11.25 s, at most 15.00 s; "
        "4: 12.50 s, at most 20.00 s."
    )
    assert ax.figure.alt.startswith(" ".join(ax.get_title(loc="left").split()))


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("clients", [2, 8, 9, 60])
def test_the_title_holds_both_indices_and_the_alt_text_stays_short(clients):
    run = simulated(clients)
    alt = run.plot_clients().figure.alt
    assert f"{run.jain('waiting_time'):.2f} of the means, {run.jain('served'):.2f} of what was served" in alt
    assert len(alt) < 500


@pytest.mark.usefixtures("pyplot")
def test_where_nothing_is_known_it_says_so():
    run = Made((3,)).change(1, 2, 3, arrived=NAN, released=NAN, received=NAN, sent=NAN, outcome="unknown").run()
    assert run.plot_clients().figure.alt == "1 client: of no request is it known how long it took."


def test_a_million_requests_are_drawn_with_a_bounded_number_of_points_and_the_longest(ax):
    table = million().request_table
    points = drawn(million().plot_clients(ax))
    assert MOST / 2 < len(points) <= MOST + 1
    assert max(y for _, y in points) == (table.released - table.arrived).max()
    assert np.isfinite(ax.get_ylim()).all()
