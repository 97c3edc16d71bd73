"""The life of one request: as a sentence, and as bars in the lanes of client, queue and handler."""

from __future__ import annotations

import re

import numpy as np
import pytest
from make import NAN, Made, at_times, ideal, million, unanswered

from batchdemo.errors import ArgumentError
from batchdemo.records import REASONS
from batchdemo.runs.life import ordinal
from batchdemo.runs.swimlane import CLIENT, HANDLER, MATES, QUEUE, TICKS

GONE = {"received": NAN, "outcome": "cancelled"}
WAITING = {"released": NAN, "replied": NAN, "received": NAN, "batch": 0, "position": 0, "outcome": "unknown"}
REFUSED = {**WAITING, "received": 0.0012, "outcome": "rejected"}
CAME = "#7 was sent at 0.001 s, came into the queue 0.2 ms later, waited 10.00 s for the tick"
LEFT = f"{CAME}, left at 10.001 s as 2nd of 5 in batch 2"
SAID = {
    "served": (Made(), f"{LEFT}, was handled in 0.1 ms and its reply was back 0.12 ms later: 10.00 s in all."),
    "one of several clients": (Made(clients=3), LEFT.replace("sent", "sent by client 1")
                               + ", was handled in 0.1 ms and its reply was back 0.12 ms later: 10.00 s in all."),
    "failed": (Made().change(7, outcome="failed"), f"{LEFT}, failed in the handler after 0.1 ms and "
               "its error reply was back 0.12 ms later: 10.00 s in all."),
    "cancelled": (Made().change(7, **GONE), f"{LEFT}, was handled in 0.1 ms and its client was gone by then."),
    "unseen reply": (Made().change(7, **GONE).change(7, outcome="unknown"),
                     f"{LEFT}, was handled in 0.1 ms and its reply was not seen."),
    "being handled": (Made().change(7, **GONE).change(7, outcome="unknown", replied=NAN),
                      f"{LEFT} and was not yet answered when the run ended."),
    "still waiting": (Made().change(7, **WAITING), "#7 was sent at 0.001 s, came to the queue 0.2 ms later and was "
                      "still waiting when the run ended at 20.001 s."),
    "expired": (Made().change(7, **WAITING).change(7, outcome="expired"),
                "#7 was sent at 0.001 s, came to the queue 0.2 ms later and expired there."),
    "rejected": (Made().change(7, **REFUSED), "#7 was sent at 0.001 s, came to the queue 0.2 ms later, was refused "
                 "there and the refusal was back 0.4 ms later: 0.6 ms in all."),
    "never sent": (Made().lose(7).change(7, sent=NAN), "#7 was never sent."),
    "lost": (Made().lose(7), "#7 was sent at 0.001 s and no reply was seen. "
             "What the server did meanwhile was not seen from here."),
    "remote": (Made().remote(), "#7 was sent at 0.001 s and its reply was back at 10.002 s, as 2nd of 5 in what seems "
               "to be batch 2: 10.00 s in all. What the server did meanwhile was not seen from here."),
    "remote, with JSON": (Made().remote(batches_from="the replies' JSON"), "#7 was sent at 0.001 s and its reply was "
                          "back at 10.002 s, as 2nd of 5 in batch 2: 10.00 s in all. "
                          "What the server did meanwhile was not seen from here."),
    "remote, failed": (Made().remote().change(7, outcome="failed", batch=0, position=0),
                       "#7 was sent at 0.001 s and its error reply was back at 10.002 s: 10.00 s in all. "
                       "What the server did meanwhile was not seen from here."),
    "remote, rejected": (Made().remote().reject(7), "#7 was sent at 0.001 s and was refused at 0.001 s: 0.3 ms in all. "
                         "What the server did meanwhile was not seen from here."),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAID)
def test_the_life_of_a_request_is_said_in_a_sentence(kind):
    made, says = SAID[kind]
    assert made.run().describe_request(7) == says


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("kind", SAID)
def test_every_life_is_drawn_with_its_sentence_above_and_as_the_alt_text(kind):
    made, says = SAID[kind]
    ax = made.run().plot_request(7)
    assert " ".join(ax.get_title(loc="left").split()) == ax.figure.alt == says
    assert ax.get_xlabel().startswith("time since the run began (s)")
    ax.figure.canvas.draw()


UNTIL = {"tick": " for the tick", "full": " until the batch was full", "timeout": " until the timeout",
         "idle": " until the handler was free", "deadline": " until the deadline",
         "drain": " until the queue was drained", "unknown": ""}  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
def test_why_its_batch_left_is_said_for_every_reason(reason, ax):
    made = Made()
    made.batches[1] = made.batches[1]._replace(reason=reason)
    assert f", waited 10.00 s{UNTIL[reason]}, left at " in made.run().describe_request(7)
    made.run().plot_request(7, ax)
    assert f"waiting{UNTIL[reason]}: 10.00 s" in words(ax)


def busy():
    """Its batch left at 10 s, and the handler, free from 12 s on, took half a second."""
    made = Made()
    for number in range(6, 11):
        made.change(number, released=10.0, replied=12.5, received=12.6)
    made.batches[1] = made.batches[1]._replace(released=10.0, duration=0.5)
    return made.run()


def test_a_batch_that_stood_before_a_busy_handler_says_so(ax):
    assert "stood before the busy handler for 2.00 s, was handled in 500 ms and" in busy().describe_request(7)
    busy().plot_request(7, ax)
    assert bars(ax)[HANDLER] == [(10.0, pytest.approx(2.0)), (pytest.approx(12.0), 0.5)]
    assert "the handler is busy: 2.00 s" in words(ax)


def bars(ax):
    """By lane: when each bar begins and how long it is."""
    found = {}
    for bar in ax.patches:
        lane = round(bar.get_y() + bar.get_height() / 2)
        found.setdefault(lane, []).append((bar.get_x(), bar.get_width()))
    return found


def words(ax):
    return [text.get_text() for text in ax.texts]


def lanes(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_each_stage_is_a_bar_in_its_lane_with_its_duration_beside_it(ax):
    ideal().plot_request(7, ax)
    assert lanes(ax) == ["client", "queue", "handler"]
    row = {name: float(column[6]) for name, column in ideal().columns.items()}
    assert bars(ax) == {
        CLIENT: [(row["sent"], pytest.approx(2e-4)), (row["replied"], pytest.approx(1.2e-4))],
        QUEUE: [(row["arrived"], pytest.approx(row["released"] - row["arrived"]))],
        HANDLER: [(row["released"], pytest.approx(1e-4))],
    }
    assert words(ax) == ["4 more of its batch", "on its way there: 0.2 ms", "waiting for the tick: 10.00 s",
                         "2nd of 5 in batch 2, handled: 0.1 ms", "on its way back: 0.12 ms"]  # fmt: skip


def thin(ax, start):
    """The thin lines whose right end is a given time: where each begins."""
    ends = [path.vertices for lines in ax.collections for path in lines.get_paths()]
    return [float(end[0, 0]) for end in ends if end[0, 1] == end[1, 1] and end[1, 0] == pytest.approx(start)]


def test_its_batch_mates_end_where_it_leaves_the_queue(ax):
    run = Made((3, 3)).change(4, arrived=2.0).run()
    run.plot_request(5, ax)
    assert thin(ax, 10.0013) == [2.0, pytest.approx(7e-4)]


def test_mates_that_came_long_before_do_not_squeeze_it(ax):
    run = Made((5, 5)).change(7, sent=9.0, arrived=9.0).run()
    run.plot_request(7, ax)
    assert ax.get_xlim()[0] == pytest.approx(8.0, abs=0.2)


def test_ticks_are_dotted_lines_and_said_to_be(ax):
    ideal().plot_request(7, ax)
    dotted = [path.vertices[0, 0] for path in ax.collections[0].get_paths()]
    assert dotted == pytest.approx([5.0002, 10.0013])
    assert ax.get_xlabel().endswith("; dotted: ticks of the server")


def test_from_outside_the_server_is_one_bar_that_says_it_was_not_seen(ax):
    Made().remote().run().plot_request(7, ax)
    assert " ".join(lanes(ax)[1].split()) == "server (not seen inside)"
    assert bars(ax)[QUEUE] == [(pytest.approx(6e-4), pytest.approx(10.0, abs=0.01))]
    assert "on its way, waiting and handled, 2nd of 5 in what seems to be batch 2: 10.00 s" in words(ax)


def test_a_refusal_never_reaches_the_handler(ax):
    Made().change(7, **REFUSED).run().plot_request(7, ax)
    assert HANDLER not in bars(ax)
    assert words(ax) == ["on its way there: 0.2 ms", "refused", "on its way back: 0.4 ms"]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("cancelled", "its client was gone"),
        ("unseen reply", "no reply was seen"),
        ("still waiting", "no reply was seen"),
    ],
)
def test_without_a_reply_the_picture_says_why(kind, says, ax):
    SAID[kind][0].run().plot_request(7, ax)
    assert says in words(ax)


def test_one_of_a_million_is_drawn_with_few_mates_and_few_ticks(ax):
    run = million()
    run.plot_request(777_777, ax)
    assert "left at 155.556 s as 2nd of 5 in batch 155,556" in run.describe_request(777_777)
    assert sum(len(lines.get_paths()) for lines in ax.collections) <= MATES + TICKS


def test_of_a_large_batch_a_few_mates_are_drawn_and_counted(ax):
    Made((1000,)).run().plot_request(500, ax)
    assert f"{MATES} of 999 more of its batch" in words(ax)
    assert len(thin(ax, 5.0002)) == MATES


@pytest.mark.parametrize(
    ("run", "number", "said"),
    [
        (ideal(), 19, "number must be one that was sent: 1 to 18, got 19."),
        (Made((3,)).change(2, number=20).run(), 2, "number must be one that was sent: #1, #3 and #20, got 2."),
        (at_times(1.0), 7, "number must be one that was sent: #1, got 7."),
        (at_times(), 1, "number must be one that was sent: there was none, got 1."),
    ],
)
def test_an_unknown_number_is_refused_with_those_there_are(run, number, said):
    with pytest.raises(ArgumentError, match=f"^{re.escape(said)}$"):
        run.describe_request(number)


@pytest.mark.parametrize("number", [None, 7.0, "7", True, 2**60])
def test_what_is_no_number_is_refused(number):
    with pytest.raises(ArgumentError, match=r"^number must be "):
        ideal().plot_request(number)


def test_a_number_may_be_numpys():
    assert ideal().describe_request(np.int64(7)) == ideal().describe_request(7)


def test_a_refused_number_leaves_no_figure_behind(pyplot):
    with pytest.raises(ArgumentError):
        ideal().plot_request(19)
    assert pyplot.get_fignums() == []


def test_a_run_in_which_nothing_ended_is_drawn(ax):
    made = unanswered(1)
    made.ticks = []
    made.run().plot_request(1, ax)
    assert "no reply until the run ended: 0 ms" in words(ax)


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"),
     (111, "111th"), (1_000, "1,000th"), (1_022, "1,022nd")],
)  # fmt: skip
def test_places_are_said_as_one_would_say_them(number, said):
    assert ordinal(number) == said
