"""Table and the DataFrames: columns of a fixed kind, and <NA> rather than a made-up number."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from make import NAN, Made, at_times, ideal, million

from batchdemo.records import OUTCOMES, REASONS, BatchRecord, RequestRecord, TickRecord
from batchdemo.runs import table
from batchdemo.runs.table import Table

ROW = RequestRecord(1, 1, 0.0, 0.1, 5.0, 5.1, 5.2, 1, 1, "served")


def test_a_table_of_rows_gives_columns_by_name():
    rows = table.requests([ROW, ROW._replace(number=2, received=NAN)])
    assert len(rows) == 2
    assert rows.number.tolist() == [1, 2]
    assert np.isnan(rows.received[1])


@pytest.mark.parametrize("make", [table.requests, table.batches, table.ticks])
def test_a_table_of_no_rows_has_every_column_all_the_same(make):
    empty = make([])
    assert len(empty) == 0
    assert list(empty.columns) == list(empty.kind._fields)


@pytest.mark.parametrize(
    ("kind", "integers"),
    [
        (RequestRecord, {"number", "client", "batch", "position"}),
        (BatchRecord, {"batch", "size", "waiting_before", "waiting_after", "clients"}),
        (TickRecord, set()),
    ],
)
def test_times_are_float64_numbers_int64_and_words_one_byte(kind, integers):
    columns = Table.of(kind, []).columns
    for name, column in columns.items():
        assert column.dtype == (np.int8 if name in ("outcome", "reason") else np.int64 if name in integers else float)


def test_words_are_kept_as_codes_of_the_fixed_lists():
    rows = table.requests([ROW._replace(outcome=word) for word in OUTCOMES])
    assert rows.outcome.tolist() == list(range(len(OUTCOMES)))


def test_an_unknown_word_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"^outcome must be one of served, .*, unknown, got 'lost'$"):
        table.requests([ROW._replace(outcome="lost")])


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one length"):
        Table(TickRecord, {"due": [1.0, 2.0], "ran": [1.0]})


def test_a_missing_column_is_refused_by_name():
    with pytest.raises(KeyError, match="ran"):
        Table(TickRecord, {"due": [1.0]})


def test_an_unknown_column_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="'recieved'"):
        _ = ideal().request_table.recieved


def test_tables_are_equal_by_value_and_nan_equals_nan():
    assert table.requests([ROW._replace(received=NAN)]) == table.requests([ROW._replace(received=NAN)])
    assert table.requests([ROW]) != table.requests([ROW._replace(received=5.3)])
    assert table.requests([ROW]) != table.requests([ROW, ROW])
    assert table.requests([]) != table.batches([])
    assert table.requests([ROW]) != [ROW]


def test_a_table_survives_copying_and_pickling():
    rows = ideal().request_table
    assert copy.deepcopy(rows) == rows
    assert pickle.loads(pickle.dumps(rows)) == rows


def test_runs_are_equal_by_value():
    assert ideal() == ideal()
    assert ideal() != Made().change(7, received=9.0).run()
    assert ideal() != Made().run(notes=("a note",))
    assert ideal() != Made().stray("twice", 7).run()
    assert ideal() != "a run"


def test_the_frame_of_requests_has_the_records_columns_and_then_the_derived_ones():
    frame = ideal().requests
    assert list(frame) == [*RequestRecord._fields, "waiting_time", "latency"]
    assert len(frame) == 18
    assert frame.waiting_time.tolist() == pytest.approx((frame.released - frame.arrived).tolist())
    assert frame.latency.tolist() == pytest.approx((frame.received - frame.sent).tolist())


def test_the_kinds_of_the_frames_columns_are_those_that_pandas_users_expect():
    kinds = {name: str(kind) for name, kind in ideal().requests.dtypes.items()}
    assert {kinds[name] for name in ("number", "client")} == {"int64"}
    assert {kinds[name] for name in ("batch", "position")} == {"Int64"}
    assert {kinds[name] for name in ("sent", "released", "received", "waiting_time", "latency")} == {"float64"}
    assert kinds["outcome"] == "category"


def test_batch_and_position_are_na_where_there_was_no_batch():
    frame = Made().lose(18).run().requests
    assert frame.batch.isna().tolist() == [False] * 17 + [True]
    assert frame.position[17] is pd.NA
    assert frame.batch[16] == 4


def test_what_was_not_seen_is_nan_in_the_derived_columns_too():
    frame = Made().lose(18).run().requests
    assert frame.loc[17, ["waiting_time", "latency"]].isna().all()
    assert frame.loc[:16, ["waiting_time", "latency"]].notna().all(axis=None)


def test_words_are_categories_of_all_the_words_there_are():
    frame = Made().lose(18).run().requests
    assert tuple(frame.outcome.cat.categories) == OUTCOMES
    assert frame.outcome.value_counts()["served"] == 17
    assert tuple(ideal().batches.reason.cat.categories) == REASONS
    assert set(ideal().batches.reason) == {"tick"}


def test_a_batch_is_never_na_in_the_table_of_batches():
    assert ideal().batches.batch.tolist() == [1, 2, 3, 4]
    assert str(ideal().batches.dtypes["batch"]) == "int64"


def test_the_frame_of_ticks_says_how_late_each_was():
    frame = ideal().ticks
    assert list(frame) == ["due", "ran", "lateness"]
    assert frame.lateness.tolist() == pytest.approx([0.0002, 0.0013, -0.0004, 0.0003])


@pytest.mark.parametrize("name", ["requests", "batches", "ticks"])
def test_the_frames_of_an_empty_run_have_their_columns(name):
    frame = getattr(at_times(), name)
    assert len(frame) == 0
    assert list(getattr(ideal(), name)) == list(frame)


def test_a_frame_is_a_copy_so_that_a_run_cannot_be_spoilt_through_it():
    run = ideal()
    for name in ("requests", "batches", "ticks"):
        frame = getattr(run, name)
        for column in frame.select_dtypes("number"):
            frame.loc[0, column] = 99
    assert run == ideal()


def test_a_million_rows_become_a_frame():
    frame = million().requests
    assert len(frame) == 1_000_000
    assert frame.batch.max() == 200_000
