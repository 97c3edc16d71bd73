"""Saved runs: read back equal to the last bit, and a clear word for every file that is none."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make import NAN, Made, at_times, ideal, unanswered

from batchdemo.errors import ArgumentError, RunFileError
from batchdemo.records import OUTCOMES, REASONS, BatchRecord, RequestRecord, TickRecord
from batchdemo.runs import load
from batchdemo.runs.reading import parse
from batchdemo.runs.run import About, Run, Stray
from batchdemo.runs.table import batches, requests, ticks

SEEN = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
TIME = SEEN | st.just(NAN)
WHOLE = st.integers(-(2**53), 2**53)
COUNT = st.integers(-1, 2**53)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def again(run):
    """The run, written and read, without a file."""
    return parse(json.loads(run.to_json()), "a test")


RUNS = st.builds(
    Run,
    st.builds(About, TEXT, TEXT, TEXT, st.none() | st.integers(1, 10**6), st.none(), TEXT,
              st.integers(0, 99), st.lists(TEXT, max_size=3).map(tuple)),
    st.lists(st.tuples(WHOLE, WHOLE, TIME, TIME, TIME, TIME, TIME, COUNT, COUNT, st.sampled_from(OUTCOMES)),
             max_size=6).map(requests),
    st.lists(st.tuples(COUNT, SEEN, COUNT, st.sampled_from(REASONS), COUNT, COUNT, COUNT, TIME),
             max_size=6).map(batches),
    st.lists(st.tuples(TIME, TIME), max_size=6).map(ticks),
    st.lists(st.builds(Stray, SEEN, COUNT, TEXT, TEXT, st.none() | WHOLE), max_size=3).map(tuple),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(RUNS)
def test_whatever_a_run_holds_it_is_read_back_equal(run):
    assert again(run) == run


@pytest.mark.parametrize(
    "value", [sys.float_info.max, -sys.float_info.max, sys.float_info.min, 5e-324, -0.0, 0.1, 1 / 3, NAN]
)
def test_extreme_times_are_kept_to_the_last_bit(value):
    run = Run(About("live", "a test"), requests([]), batches([]), ticks([(value, value)]))
    assert again(run).tick_table.due.tobytes() == run.tick_table.due.tobytes()


@pytest.mark.parametrize(
    "made", [Made(), Made(clients=3).lose(7).stray("twice", 8), Made().remote(by_order=2), unanswered(2)]
)
def test_a_run_saved_to_a_file_is_loaded_equal(made, tmp_path):
    run = made.run(notes=("naïve, and 漢字 \U0001f600", 'a "quoted"\nline'))
    run.save(tmp_path / "run.json")
    assert load(tmp_path / "run.json") == run
    assert load(str(tmp_path / "run.json")).describe() == run.describe()


def test_a_run_of_nothing_is_saved_and_loaded(tmp_path):
    at_times().save(tmp_path / "run.json")
    assert load(tmp_path / "run.json") == at_times()


def test_a_hundred_thousand_rows_are_saved_and_loaded(tmp_path):
    run = Made((5,) * 20_000).run()
    run.save(tmp_path / "run.json")
    assert load(tmp_path / "run.json") == run


def test_a_save_takes_the_place_of_an_older_one_and_leaves_nothing_beside_it(tmp_path):
    Made((1,)).run().save(tmp_path / "run.json")
    ideal().save(tmp_path / "run.json")
    assert load(tmp_path / "run.json") == ideal()
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_save_that_fails_leaves_nothing_beside_what_was_there(tmp_path):
    (tmp_path / "run.json").mkdir()
    with pytest.raises(OSError, match=r"run\.json"):
        ideal().save(tmp_path / "run.json")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_half_a_character_that_a_server_sent_does_not_keep_a_run_from_being_saved(tmp_path):
    run = Made().stray("unasked", text="\ud800").run()  # json.loads('"\\ud800"') gives such a text
    run.save(tmp_path / "run.json")
    assert load(tmp_path / "run.json").check()["none twice"].holds is False


def test_the_document_names_its_format_and_says_the_sentence():
    document = json.loads(ideal().to_json())
    assert (document["format"], document["version"]) == ("batchdemo.run", 1)
    assert document["describe"] == ideal().describe()
    assert document["requests"]["outcome"] == ["served"] * 18
    assert json.loads(Made().lose(7).run().to_json())["requests"]["received"][6] is None


def document(**changes):
    return {**json.loads(ideal().to_json()), **changes}


def without(name, whole):
    return {key: values for key, values in whole.items() if key != name}


def requests_with(**columns):
    return document(requests={**document()["requests"], **columns})


def about_with(**fields):
    return document(about={**document()["about"], **fields})


DAMAGED = {
    "another document": {"a": 1},
    "a list": [1, 2, 3],
    "a number": 5,
    "null": None,
    "another format": document(format="csv"),
    "a newer version": document(version=2),
    "no version": without("version", document()),
    "no table": without("batches", document()),
    "no strays": without("strays", document()),
    "a missing column": document(requests=without("received", document()["requests"])),
    "columns of different length": requests_with(received=[1.0]),
    "an unknown outcome": requests_with(outcome=["lost"] * 18),
    "an unknown reason": document(batches={**document()["batches"], "reason": ["whim"] * 4}),
    "words for numbers": requests_with(number=["one"] * 18),
    "null for numbers": requests_with(number=[None] * 18),
    "fractions for numbers": requests_with(number=[1.5] * 18),
    "numbers too large": requests_with(number=[2**70] * 18),
    "lists for times": requests_with(received=[[1.0]] * 18),
    "a number for a column": requests_with(received=5),
    "a list for a table": document(requests=[1, 2]),
    "null for a table": document(requests=None),
    "about is a list": document(about=[]),
    "about has more": about_with(colour="red"),
    "about has a word for a number": about_with(interval="five"),
    "strays are numbers": document(strays=[1]),
}
FOREIGN = {
    **{kind: json.dumps(content).encode() for kind, content in DAMAGED.items()},
    "empty": b"",
    "no JSON": b"18 requests in 4 batches",
    "cut short": json.dumps(document()).encode()[:-100],
    "nested too deeply": b"[" * 100_000,
    "binary": b"\x80\x03\xff\x00\xfe" * 100,
    "a PNG": b"\x89PNG\r\n\x1a\n\x00\x00",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_no_run_is_refused_with_its_path(kind, tmp_path):
    path = tmp_path / "strange.json"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(RunFileError, match=r"strange\.json"):
        load(path)


@pytest.mark.parametrize("name", ["missing.json", "folder", "missing/run.json", "null\0byte.json"])
def test_a_path_that_cannot_be_read_is_refused_by_name(name, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunFileError, match=name.split("\0")[0]):
        load(tmp_path / name)


@pytest.mark.parametrize("path", [None, 5, b"run.json", ["run.json"]], ids=repr)
def test_what_is_no_path_is_refused_by_name(path):
    with pytest.raises(ArgumentError, match=r"^path must be a path, as 'run\.json', got "):
        load(path)
    with pytest.raises(ArgumentError, match=r"^path must be a path, as 'run\.json', got "):
        ideal().save(path)


def test_a_csv_is_the_frame(tmp_path):
    for table in ("requests", "batches", "ticks"):
        ideal().to_csv(tmp_path / "run.csv", table)
        read = pd.read_csv(tmp_path / "run.csv")
        expected = getattr(ideal(), table)
        assert list(read) == list(expected)
        assert np.allclose(read.select_dtypes("number"), expected.select_dtypes("number").astype(float))


def test_a_csv_of_an_unknown_table_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"^table must be requests, batches or ticks, got 'rows'"):
        ideal().to_csv(tmp_path / "run.csv", "rows")


@pytest.mark.parametrize(
    ("name", "kind"), [("requests", RequestRecord), ("batches", BatchRecord), ("ticks", TickRecord)]
)
def test_every_column_of_every_record_is_written(name, kind):
    assert list(document()[name]) == list(kind._fields)
