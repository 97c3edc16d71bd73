"""Exercises of notebook 08: right answers in many forms pass, plausible wrong ones are met with what they missed."""

from __future__ import annotations

import math
import random
from itertools import pairwise, permutations

import numpy as np
import pytest
from attempts import SEEDS, by_name, changed, words

from batchdemo.course import check, exercise
from batchdemo.course.ex08 import EXERCISES, RULES, _largest, _p99, mystery
from batchdemo.course.fifo import made_up
from batchdemo.course.knocking import ROUND_TRIP, knock, plot_knocks
from batchdemo.course.pressing import CASES, Manners, in_time
from batchdemo.policies import FixedInterval
from batchdemo.prediction import simulate

BY_NAME = by_name(EXERCISES)


# --- ex08_1 ---------------------------------------------------------------------------------------------------


def test_the_queue_after_a_while_is_the_simulators():
    for seed in SEEDS:
        given = BY_NAME["ex08_1"].numbers(seed)
        # Half a gap early, so that none comes at the very tick.
        count = round(given["rate"] * given["until"])
        times = [(at + 0.5) / given["rate"] for at in range(count)]
        table = simulate(FixedInterval(given["size"], float(given["interval"])), times).request_table
        waits = int((table.released > given["until"] + 1e-9).sum())
        right = [waits, float(table.released.max()) - given["until"]]
        assert check("ex08_1", right, seed=seed).passed, (given, right)
        assert check("ex08_1", np.array(right), seed=seed).passed
        assert check("ex08_1", tuple(right), seed=seed).passed


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([150, 50], "150 came in 100 s; how many of them have left by then?"),
        ([100, 50], "100 have left in 100 s; how many are still there?"),
        ([75, 50], "You said that 75 wait."),
        ([50, 100 / 3], "over the rate at which requests come; which rate empties it?"),
        ([50, 250], "one at a tick; up to 5 leave together"),
        ([50, 45], "how many batches is that, and how many does it need?"),
        (50, "Put it in square brackets"),
        ([50], "yours has 1 where 2 belong"),
    ],
)
def test_a_slip_about_the_queue_is_told(answer, said):
    assert said in words("ex08_1", answer)


# --- ex08_2 ---------------------------------------------------------------------------------------------------


def with_pandas(run, patience):
    table = run.requests
    return ((table["outcome"] == "served") & (table["received"] - table["sent"] <= patience)).mean()


def with_a_query(run, patience):
    good = run.requests.query("outcome == 'served' and received - sent <= @patience")
    return len(good) / len(run)


def with_a_loop(run, patience):
    good = [row for row in run.requests.itertuples() if row.outcome == "served" and row.latency <= patience]
    return len(good) / len(run.requests)


def with_numpy(run, patience):
    columns = run.columns
    return np.mean((columns["outcome"] == 0) & (columns["received"] - columns["sent"] <= patience))


def that_changes_what_it_gets(run, patience):
    answer = with_numpy(run, patience)
    run.columns["received"][:] = 0.0
    return answer


RIGHT = [with_pandas, with_a_query, with_a_loop, with_numpy, that_changes_what_it_gets, in_time]


@pytest.mark.parametrize("function", RIGHT)
def test_in_time_may_be_written_in_many_ways(function):
    for seed in SEEDS[:5]:
        verdict = check("ex08_2", function, seed=seed)
        assert verdict.passed, verdict


SHARE = """
def in_time(run, patience):
    table = run.requests
    took = table["received"] - table["sent"]
    good = (table["outcome"] == "served") & (took <= patience)
    return good.sum() / len(table)
"""
WRONG_SHARES = {
    "of those served": ("len(table)", '(table["outcome"] == "served").sum()'),
    "of those who heard": ("len(table)", 'table["received"].count()'),
    "whatever the outcome": ('(table["outcome"] == "served")', "True"),
    "refused no, expired yes": ('(table["outcome"] == "served")', '(table["outcome"] != "rejected")'),
    "expired no, refused yes": ('(table["outcome"] == "served")', '(table["outcome"] != "expired")'),
    "failed as well": ('(table["outcome"] == "served")', 'table["outcome"].isin(["served", "failed"])'),
    "strictly": ("took <= patience", "took < patience"),
    "too late": ("took <= patience", "took > patience"),
    "by the clock": ('table["received"] - table["sent"]', 'table["received"]'),
    "patience left away": ("took <= patience", "took <= 10"),
    "no patience": (" & (took <= patience)", ""),
    "percent": ("/ len(table)", "/ len(table) * 100"),
    "a count": (" / len(table)", ""),
    "a column": ("good.sum() / len(table)", "good"),
    "a text": ("good.sum() / len(table)", 'f"{good.mean():.0%}"'),
    "yes or no": ("good.sum() / len(table)", "bool(good.all())"),
}


@pytest.mark.parametrize("name", WRONG_SHARES)
def test_one_thing_wrong_with_a_share_is_found_out(name):
    assert check("ex08_2", changed(SHARE, "in_time", "good", "good")).passed
    # "took <= 10" is right where 10 is the patience.
    for seed in SEEDS[1:4] if name == "patience left away" else SEEDS[:4]:
        assert words("ex08_2", changed(SHARE, "in_time", *WRONG_SHARES[name]), seed).startswith("in_time")


def test_the_run_that_shows_it_is_told_row_by_row():
    said = words("ex08_2", changed(SHARE, "in_time", *WRONG_SHARES["whatever the outcome"]))
    assert said.startswith(
        "in_time gave 1 for this run and a patience of 10 s: a request that was rejected at once, and one that was "
        "served.\n#1: sent at 0 s, served at 4 s\n#2: sent at 1 s, rejected at 1.1 s\n"
    )
    assert "raised AttributeError" in words("ex08_2", lambda run, patience: run.rows)
    assert "raised TypeError" in words("ex08_2", lambda run: 1)
    assert check("ex08_2", lambda run, patience: None).passed is None


def test_no_constant_fits_the_made_up_runs():
    shares = [with_a_loop(made_up(rows), 10) for _, rows in CASES]
    assert [in_time(made_up(rows), 10) for _, rows in CASES] == shares
    assert len(set(shares)) >= 4


# --- ex08_3 ---------------------------------------------------------------------------------------------------


def test_of_all_bounds_one_is_the_answer_and_it_holds_on_other_seeds_and_longer_runs():
    from batchdemo.prediction import arrivals

    seen = set()
    for seed in SEEDS:
        given = BY_NAME["ex08_3"].numbers(seed)
        largest = _largest(given)
        if (key := tuple(given.values())) in seen:
            continue
        seen.add(key)
        near = range(max(1, largest - 12), largest + 13)
        assert [bound for bound in near if check("ex08_3", bound, seed=seed).passed] == [largest]
        policy = FixedInterval(given["size"], float(given["interval"]))
        coming = arrivals.poisson(given["rate"], 5_000, seed=seed)
        for bound, kept in ((largest, True), (largest + 1, False)):
            waits = simulate(policy, coming, max_queue_size=bound).requests["waiting_time"]
            assert (waits.quantile(0.99) <= given["wait"]) == kept
    assert len(seen) > 5


def test_a_bound_far_off_is_told_which_way():
    assert "lets nobody in" in words("ex08_3", 0)
    assert "lets nobody in" in words("ex08_3", -5)
    assert "With max_queue_size=30 one in a hundred of those served waits" in words("ex08_3", 30)
    assert "One place more keeps it too".lower() in words("ex08_3", 10).lower()
    assert "one in a hundred" in words("ex08_3", 10**12)
    assert check("ex08_3", 20.0).passed
    assert check("ex08_3", np.int64(20)).passed
    assert "asked for is a whole number" in words("ex08_3", 19.5)
    assert all(
        earlier <= later for earlier, later in pairwise(_p99(EXERCISES[2].numbers(0), n) for n in (5, 10, 20, 40))
    )


# --- ex08_4 ---------------------------------------------------------------------------------------------------


def in_steps(given):
    def wait_before(tried, retry_after, dice):
        if tried >= given["attempts"]:
            return None
        span = given["base"]
        for _ in range(tried - 1):
            span *= 2
        span = min(span, given["cap"])
        wait = dice.random() * span
        if retry_after is not None:
            wait += retry_after
        return wait

    return wait_before


def with_numbers_of_numpy(given):
    def wait_before(tried, retry_after, dice):
        if tried < given["attempts"]:
            span = np.minimum(given["cap"], given["base"] * np.exp2(tried - 1))
            return np.float64(0 if retry_after is None else retry_after) + dice.uniform(0, span)
        return None

    return wait_before


def in_a_class(given):
    class Waiter:
        def __call__(self, tried, retry_after, dice):
            return Manners(given["attempts"], given["base"], given["cap"]).wait(tried, retry_after, dice)

    return Waiter()


def in_milliseconds(given):
    def wait_before(tried, retry_after, dice):
        if tried >= given["attempts"]:
            return None
        span = min(given["cap"], given["base"] * 2 ** (tried - 1))
        return (retry_after or 0) + dice.randint(0, round(span * 1000)) / 1000

    return wait_before


@pytest.mark.parametrize("make", [in_steps, with_numbers_of_numpy, in_a_class, in_milliseconds])
def test_a_polite_retry_may_be_written_in_many_ways(make):
    for seed in SEEDS[:8]:
        verdict = check("ex08_4", make(BY_NAME["ex08_4"].numbers(seed)), seed=seed)
        assert verdict.passed, verdict


POLITE = """
def wait_before(tried, retry_after, dice):
    if tried >= 6:
        return None
    span = min(3, 0.5 * 2 ** (tried - 1))
    return (retry_after or 0) + dice.uniform(0, span)
"""
RUDE = {
    "no jitter": ("dice.uniform(0, span)", "span"),
    "nothing but what was asked": ("dice.uniform(0, span)", "0"),
    "asked is not heard": ("(retry_after or 0) + ", ""),
    "the longer": ("(retry_after or 0) + dice.uniform(0, span)", "max(retry_after or 0, dice.uniform(0, span))"),
    "sooner than asked": ("dice.uniform(0, span)", "dice.uniform(-span, span)"),
    "a share of what was asked": ("(retry_after or 0) +", "(retry_after or 0) / 2 +"),
    "None is no number": ("(retry_after or 0)", "retry_after"),
    "equal jitter": ("dice.uniform(0, span)", "span / 2 + dice.uniform(0, span / 2)"),
    "half of the span": ("dice.uniform(0, span)", "dice.uniform(0, span / 2)"),
    "twice the span": ("dice.uniform(0, span)", "dice.uniform(0, 2 * span)"),
    "one of two": ("dice.uniform(0, span)", "dice.choice([0, span])"),
    "short waits rather": ("dice.uniform(0, span)", "span * dice.random() ** 3"),
    "long waits rather": ("dice.uniform(0, span)", "span * dice.random() ** 0.3"),
    "in whole seconds": ("dice.uniform(0, span)", "dice.randint(0, round(span))"),
    "no cap": ("min(3, 0.5 * 2 ** (tried - 1))", "0.5 * 2 ** (tried - 1)"),
    "the cap always": ("min(3, 0.5 * 2 ** (tried - 1))", "3"),
    "the longer of cap and step": ("min(3,", "max(3,"),
    "a cap over all": ("return (retry_after or 0) + dice.uniform(0, span)",
                       "return min(3, (retry_after or 0) + dice.uniform(0, span))"),
    "no growth": ("2 ** (tried - 1)", "1"),
    "linear": ("2 ** (tried - 1)", "tried"),
    "one doubling too many": ("(tried - 1)", "tried"),
    "another base": ("0.5 *", "0.6 *"),
    "another growth": ("2 **", "1.5 **"),
    "never gives up": ("tried >= 6", "False"),
    "one too many": ("tried >= 6", "tried > 6"),
    "one too few": ("tried >= 6", "tried >= 5"),
    "gives up once": ("tried >= 6", "tried == 6"),
    "gives up with 0": ("return None", "return 0"),
    "gives up with an error": ("return None", "raise TimeoutError('enough')"),
    "other dice": ("dice.uniform", "random.uniform"),
    "a text": ("return (retry_after or 0) + dice.uniform(0, span)", "return 'later'"),
    "infinite": ("dice.uniform(0, span)", "float('inf')"),
    "not a number": ("dice.uniform(0, span)", "float('nan')"),
    "sleeps itself": ("return (retry_after or 0)", "import time; time.sleep(0.5); return (retry_after or 0)"),
}  # fmt: skip


@pytest.mark.parametrize("name", RUDE)
def test_one_thing_wrong_with_the_manners_is_found_out(name):
    said = words("ex08_4", changed(POLITE, "wait_before", *RUDE[name], random=random))
    assert "wait_before" in said


def test_a_right_answer_passes_and_an_empty_one_waits():
    assert check("ex08_4", changed(POLITE, "wait_before", "span", "span", random=random)).passed
    assert check("ex08_4", lambda tried, retry_after, dice: None).passed is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no jitter", "gave 0.5 s each time: all who were refused together come back together"),
        ("asked is not heard", "sooner than the server asked for"),
        ("equal jitter", "Full jitter uses all of its span, from 0 on"),
        ("never gives up", "after 6 tries it is time to give up, with None"),
        ("one too few", "gave up after 5 of 6 tries"),
        ("other dice", "Draw from the dice that it is given"),
        ("one of two", "Is it uniform?"),
        ("None is no number", "wait_before(1, None, dice) raised TypeError"),
        ("a text", "a number of seconds is wanted"),
    ],
)
def test_the_word_names_the_slip(name, said):
    assert said in words("ex08_4", changed(POLITE, "wait_before", *RUDE[name], random=random))


def test_the_manners_are_those_of_the_bench():
    from batchdemo.live.retrying import Retry

    ours, asked = Retry(6, 0.5, 3.0, seed=5).waits(), random.Random(5)
    mine = Manners(6, 0.5, 3.0)
    for tried, after in [(1, None), (2, 1.5), (3, 0.0), (5, 4.0), (6, 1.0)]:
        assert ours.before_next(tried, after) == mine.wait(tried, after, asked)


# --- ex08_5 ---------------------------------------------------------------------------------------------------


def ruled_by(run):
    """Told from the table alone, as the hints say."""
    table = run.requests
    lost = table[table["outcome"] != "served"]
    if lost.empty:
        return "wait"
    after = lost["received"] - lost["sent"]
    if after.max() == 0:
        return "reject"
    return "deadline" if after.max() - after.min() < 1e-6 else "drop_oldest"


def test_of_all_orders_one_is_the_answer_and_the_runs_show_it():
    for seed in SEEDS:
        found = [ruled_by(run) for run in mystery(seed).values()]
        assert sorted(found) == sorted(RULES)
        assert check("ex08_5", found, seed=seed).passed
    right = [order for order in permutations(RULES) if check("ex08_5", list(order)).passed]
    assert len(right) == 1


def test_the_text_does_not_say_the_word_that_gives_it_away():
    for seed in SEEDS:
        told = exercise("ex08_5", seed).text.split("\n")[1:-1]
        assert len(told) == 4
        assert not any(word in line for line in told for word in ("rejected", "expired", "dropped"))
        assert sum("not served" in line for line in told) == 3


def test_a_wrong_rule_is_told_by_what_it_would_show():
    right = list(EXERCISES[4].numbers(0)["order"])
    swapped = [right[1], right[0], *right[2:]]
    assert words("ex08_5", swapped).startswith(f"A cannot be {right[1]!r}: ")
    assert "exactly one letter" in words("ex08_5", ["wait"] * 4)
    assert "one of the texts" in words("ex08_5", ["refuse", *right[1:]])


# --- those who knock ------------------------------------------------------------------------------------------


def at_once(tried, retry_after, dice):
    return 0.0


def polite(tried, retry_after, dice):
    return Manners(6, 0.5, 3.0).wait(tried, retry_after, dice)


@pytest.mark.parametrize("spread", [True, False])
@pytest.mark.parametrize("rule", [at_once, polite, lambda *_: None, lambda tried, after, dice: after])
@pytest.mark.parametrize(("clients", "size", "interval", "places"), [(60, 5, 5.0, 20), (7, 3, 0.3, 1), (1, 1, 1.0, 1)])
def test_nobody_who_knocks_is_lost_and_no_tick_serves_too_many(rule, spread, clients, size, interval, places):
    seen = knock(rule, clients=clients, size=size, interval=interval, places=places, spread=spread)
    assert len(seen.served) + seen.gave_up == clients
    assert len(seen.tries) == len(seen.refused) + len(seen.served)
    assert seen.tries == sorted(seen.tries)
    ticks, counts = np.unique(np.round(np.array(seen.served) / interval, 6), return_counts=True)
    assert np.allclose(ticks, np.round(ticks))
    assert counts.max(initial=0) <= min(size, places)


def test_polite_ones_need_few_tries_and_are_served_as_soon_as_a_storm():
    storm, calm = knock(at_once), knock(polite)
    assert len(storm.tries) > 50 * len(calm.tries)
    assert max(storm.served) == max(calm.served) == 60.0
    assert calm.gave_up == 0
    assert knock(polite, seed=3) == knock(polite, seed=3)


def test_a_rule_that_asks_for_less_than_a_round_trip_gets_no_more():
    seen = knock(at_once, clients=2, size=1, interval=1.0, places=1)
    gaps = np.diff(np.array(seen.tries[1:]))
    assert gaps.min() == pytest.approx(ROUND_TRIP)


def test_all_told_the_same_come_together():
    seen = knock(lambda tried, after, dice: after, spread=False)
    assert seen.tries.count(5.0) == 40
    assert seen.tries.count(10.0) == 35


@pytest.mark.parametrize("name", ["", "at once"])
def test_the_picture_says_what_it_shows(name):
    from matplotlib import pyplot

    ax = plot_knocks(knock(at_once), None, name)
    said = ax.figure.alt
    assert "17,547 tries, 17,487 of them refused; 60 served, the last at 60 s; 0 gave up." in said
    assert said.startswith(name)
    assert sum(bar.get_height() for bar in ax.containers[0]) == 17_547
    assert sum(bar.get_height() for bar in ax.containers[1]) == 17_487
    pyplot.close(ax.figure)
    assert math.isclose(ax.get_xlim()[0], 0)
