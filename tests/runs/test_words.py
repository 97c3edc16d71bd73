"""The sentence and the figures: exact words, counts that add up, and no mean that hides who was left behind."""

from __future__ import annotations

import math

import pytest
from make import NAN, Made, at_times, ideal, million, unanswered

from batchdemo.records import OUTCOMES
from batchdemo.runs.words import joined, listed, seconds


def test_the_sentence_of_the_ideal_run():
    assert ideal().describe() == (
        "18 requests in 4 batches of 5, 5, 5 and 3, in order, one batch every 5.00 s (worst tick 1.3 ms late)."
    )


def test_a_worst_tick_that_was_early_is_said_to_be_early():
    assert "(worst tick 2 ms early)" in Made(late=(0.001, -0.002)).run().describe()


SENTENCES = {
    "no request": (at_times(), "0 requests in no batch."),
    "one request": (Made((1,)).run(), "1 request in 1 batch of 1."),
    "two of one batch": (Made((2,)).run(), "2 requests in 1 batch of 2, in order."),
    "no reply at all": (unanswered(2).run(), "2 requests in no batch. Not served: 2 unknown (#1 and #2)."),
}


@pytest.mark.parametrize("kind", SENTENCES)
def test_short_runs_are_said_rightly(kind):
    run, sentence = SENTENCES[kind]
    assert run.describe() == sentence


def test_out_of_order_is_said():
    made = Made().change(6, received=10.002).change(7, received=10.001)
    assert ", out of order, " in made.run().describe()


def test_of_the_order_nothing_is_said_where_it_cannot_be_told():
    assert "order" not in Made().run(by_order=18).describe()


def test_who_was_not_served_is_said_by_outcome_and_number():
    made = Made().lose(7, outcome="cancelled").change(6, outcome="failed").lose(*range(10, 19))
    assert made.run().describe().endswith(
        "Not served: 1 cancelled (#7); 1 failed (#6); 9 unknown (#10, #11, #12 and 6 more)."
    )  # fmt: skip


def test_batches_that_were_inferred_are_said_to_be_and_nothing_is_called_late():
    said = Made().remote().run().describe()
    assert said == (
        "18 requests in 4 batches of 5, 5, 5 and 3, in order, one batch every 5.00 s. "
        "The batches were inferred from the gaps between the replies."
    )


def test_what_a_reader_should_know_stands_at_the_end():
    assert ideal().describe() + " Nothing came for 10 s." == Made().run(notes=("Nothing came for 10 s.",)).describe()


def test_batches_that_came_unevenly_are_not_given_a_rhythm():
    assert ", batches 1.00 s to 9.00 s apart" in at_times(1.0, 2.0, 11.0).describe()


def test_many_batches_are_counted_and_not_listed():
    assert " in 9 batches of 5, " in Made((5,) * 9).run().describe()
    assert " in 9 batches of 3 to 5 (mean 4.78), " in Made((5,) * 8 + (3,)).run().describe()
    assert "1,000,000 requests in 200,000 batches of 5, in order, one batch every 1 ms" in million().describe()


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0 ms"), (0.0013, "1.3 ms"), (0.25, "250 ms"), (0.9994, "999 ms"), (0.9996, "1.00 s"), (5.0, "5.00 s"),
     (-0.0013, "-1.3 ms"), (-5.0, "-5.00 s"), (61.234, "61.23 s"), (1e-6, "0.001 ms")],
)  # fmt: skip
def test_a_duration_is_said_in_milliseconds_or_seconds(value, said):
    assert seconds(value) == said


def test_lists_are_joined_as_one_would_say_them():
    assert joined(["5"]) == "5"
    assert joined(["5", "3"]) == "5 and 3"
    assert joined(["5", "5", "3"]) == "5, 5 and 3"
    assert listed(range(1, 9)) == "#1, #2, #3, #4, #5, #6, #7 and #8"
    assert listed(range(1, 10)) == "#1, #2, #3 and 6 more"


def test_the_counts_of_the_summary_add_up():
    made = Made().lose(7).reject(18).change(6, outcome="failed").change(3, outcome="cancelled", received=NAN)
    figures = made.run().summary()
    assert figures["requests"] == 18
    assert figures["served"] == 14
    assert {name: figures[name] for name in OUTCOMES[1:-1]} == {
        "rejected": 1, "expired": 0, "cancelled": 1, "failed": 1,
    }  # fmt: skip
    assert figures["served"] + figures["waiting"] + sum(figures[name] for name in OUTCOMES[1:-1]) == 18


def test_stable_is_false_as_soon_as_one_was_left_behind():
    assert ideal().summary()["stable"] is True
    assert Made().lose(18).run().summary()["stable"] is False


def test_the_figures_of_the_ideal_run_are_those_of_its_frames():
    run = ideal()
    figures, frame = run.summary(), run.requests
    for name in ("waiting_time", "latency"):
        assert figures[f"{name}_mean_s"] == pytest.approx(frame[name].mean())
        assert figures[f"{name}_median_s"] == pytest.approx(frame[name].median())
        assert figures[f"{name}_p99_s"] == pytest.approx(frame[name].quantile(0.99))
        assert figures[f"{name}_max_s"] == pytest.approx(frame[name].max())
    assert figures["duration_s"] == pytest.approx(frame.received.max() - frame.sent.min())
    assert figures["throughput_per_s"] == pytest.approx(18 / figures["duration_s"])
    assert (figures["batches"], figures["mean_batch_size"], figures["largest_batch"]) == (4, 4.5, 5)


def test_means_are_over_the_served():
    without = Made().lose(18).run()
    assert without.summary()["latency_mean_s"] == pytest.approx(without.requests.latency[:17].mean())
    rejected = Made().reject(18).run()
    assert rejected.summary()["latency_mean_s"] == pytest.approx(rejected.requests.latency[:17].mean())


def test_what_nobody_saw_is_nan_and_what_was_seen_is_given_all_the_same():
    figures = Made().remote().run().summary()
    assert math.isnan(figures["waiting_time_mean_s"])
    assert figures["latency_max_s"] == pytest.approx(20.0, rel=1e-3)


@pytest.mark.parametrize(
    "run",
    [at_times(), unanswered(3).run(), unanswered(3).change(1, 2, 3, sent=NAN).run()],
    ids=["no request", "no reply", "nothing sent"],
)
def test_a_run_without_replies_has_a_summary_of_zeros_and_nans(run):
    figures = run.summary()
    assert figures["served"] == 0
    assert all(math.isnan(figures[name]) for name in figures if name.endswith("_s"))


def test_the_summary_holds_plain_python_values():
    assert {type(value) for value in ideal().summary().values()} == {int, float, bool}


def test_a_million_requests_are_summarised():
    figures = million().summary()
    assert figures["served"] == 1_000_000
    assert figures["latency_max_s"] == pytest.approx(200.00001 - 0.999995)  # of the last batch's first
