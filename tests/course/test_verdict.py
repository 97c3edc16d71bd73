"""What a student sees: in a notebook, in a terminal, and nothing of it as HTML of their own."""

from __future__ import annotations

import html
import re

import pytest

from batchdemo.course import check, exercise, hint, predict


@pytest.mark.parametrize("shown", [check("ex01_1", 4), check("ex01_1", 3), check("ex01_1"), hint("ex01_1"),
                                   exercise("ex02_3"), predict(3), predict()])  # fmt: skip
def test_rich_and_plain_say_the_same(shown):
    page = shown._repr_html_()
    text = html.unescape(re.sub("<[^>]*>", " ", page))
    signs = {"✔", "✘", "…", "☞", "✎"}
    assert [word for word in text.split() if word not in signs] == [
        word for word in repr(shown).split() if word not in signs
    ]
    assert page.count("<div") == page.count("</div>") == 1


@pytest.mark.parametrize("answer", ["<script>alert(1)</script>", "<b>4</b>", '"><img src=x>'])
def test_an_answer_is_never_html(answer):
    for name in ("ex01_1", "ex01_3", "ex02_3"):
        assert "<script" not in check(name, answer)._repr_html_()
        assert "<b>4" not in check(name, answer)._repr_html_()
        assert "<img" not in check(name, answer)._repr_html_()


def test_signs_and_colours_differ_by_verdict():
    pages = [check("ex01_1", answer)._repr_html_() for answer in (4, 3, ...)]
    assert len({page[page.index("#") : page.index("#") + 7] for page in pages}) == 3
    assert [sign for page, sign in zip(pages, "✔✘…", strict=True) if sign in page] == list("✔✘…")


def test_a_task_holds_its_numbers():
    task = exercise("ex01_1")
    assert (task.numbers["n"], task.numbers["size"], task.points) == (18, 5, 1)
    assert str(task) == (
        "ex01_1 · How many batches? (1 point)\n18 messages are sent at once to a server that takes up to 5 every 5 s. "
        "How many batches will there be?\nAnswer with a whole number."
    )
