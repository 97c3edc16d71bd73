"""What a notebook, a terminal and a screen reader are given; nothing that came over the wire runs in the page."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

import pytest
from make import RUNS, Made, ideal, million

from batchdemo.runs.show import ROWS, batch_rows, png, save_picture

pytestmark = pytest.mark.usefixtures("pyplot")
PNG = b"\x89PNG\r\n\x1a\n"
EVIL = "<script>alert('1')</script>"


def page(run):
    return run._repr_mimebundle_()[0]["text/html"]


@pytest.mark.parametrize("kind", RUNS)
def test_every_run_has_a_text_and_a_page_and_no_warning(kind):
    run = RUNS[kind]
    data, metadata = run._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
    assert metadata == {}
    assert data["text/plain"] == repr(run)


def test_the_text_is_the_sentence_the_verdicts_and_a_row_a_batch():
    lines = repr(ideal()).splitlines()
    assert lines[0] == ideal().describe()
    assert lines[1:7] == repr(ideal().check()).splitlines()
    assert lines[7:] == batch_rows(ideal())


def test_the_alt_text_is_the_sentence():
    shown = page(ideal())
    alt = re.search(r'<img [^>]*alt="([^"]*)"', shown)[1]
    assert html.unescape(alt) == ideal().describe()
    assert f"<p>{html.escape(ideal().describe())}</p>" in shown


def test_the_page_needs_nothing_from_elsewhere():
    assert not re.search(r"(src|href)=(?![\"']?data:)", page(ideal()))


def test_the_picture_in_the_page_is_a_png():
    data = re.search(r"data:image/png;base64,([^\"]+)", page(ideal()))[1]
    assert base64.b64decode(data).startswith(PNG)


@pytest.mark.parametrize("kind", ["unasked", "twice", "misdelivered"])
def test_what_came_over_the_wire_is_never_raw_in_the_page(kind):
    notes = (EVIL, '" onerror="alert(1)')
    shown = page(Made().stray(kind, 7, text=EVIL).run(notes=notes))
    assert "<script" not in shown
    assert re.findall(r"<img [^>]*>", shown)[0].count('"') == 6  # src, alt and style, and nothing smuggled in
    assert not re.search(r"<img [^>]*\sonerror=", re.sub(r'"[^"]*"', '""', shown))


def test_the_png_is_a_png_and_carries_the_sentence():
    picture = png(ideal())
    assert picture.startswith(PNG)
    assert ideal().describe().encode() in picture


@pytest.mark.parametrize(
    "note", [r"you owe $5 and \frac$", "漢字 \U0001f600", "naïve", "a\nline", "tab\there", "-" * 500]
)
def test_no_note_keeps_a_run_from_being_shown(note):
    assert png(Made().run(notes=(note,))).startswith(PNG)


def test_showing_a_run_leaves_no_figure_behind(pyplot):
    page(ideal())
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(("name", "magic"), [("run.png", PNG), ("run.svg", b"<?xml"), ("run.pdf", b"%PDF")])
def test_a_picture_is_saved_in_the_format_of_its_ending(name, magic, tmp_path):
    save_picture(ideal(), tmp_path / name)
    assert Path(tmp_path / name).read_bytes().startswith(magic)


def test_a_row_says_when_a_batch_left_why_how_many_which_and_how_long_they_waited():
    first, *_, last = batch_rows(ideal())
    assert first == "batch   1 at    5.000 s  tick        5  #1 … #5             waited 5.00 s"
    assert last.split()[5:9] == ["tick", "3", "#16", "…"]


def test_a_row_says_the_shortest_and_the_longest_wait_where_they_differ():
    assert batch_rows(Made().change(3, arrived=3.0).run())[0].endswith("waited 2.00 s to 5.00 s")


def test_a_row_says_nothing_of_a_wait_that_nobody_saw():
    assert batch_rows(Made().remote().run())[0] == "batch   1 at    5.000 s  unknown     5  #1 … #5"


def test_numbers_that_are_no_range_are_listed_and_cut_short():
    made = Made((6,)).change(2, number=20)
    assert "#1 #20 #3 #4 #5 …" in batch_rows(made.run())[0]


def test_many_batches_are_cut_short_and_counted():
    rows = batch_rows(Made((5,) * 30).run())
    assert len(rows) == ROWS + 1
    assert rows[-1] == f"… and {30 - ROWS} more batches"
    assert len(batch_rows(Made((5,) * 30).run(), most=40)) == 30


def test_a_million_requests_are_shown_on_a_page_of_modest_size():
    data = million()._repr_mimebundle_()[0]
    assert len(data["text/plain"].splitlines()) < 30
    assert len(data["text/html"]) < 500_000
    assert "… and 199,988 more batches" in data["text/plain"]
