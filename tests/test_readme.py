"""The examples of the README, run as they stand."""

from __future__ import annotations

import ast
import json
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import batchdemo as bd

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def block(word):
    """The one example in which the word stands."""
    (found,) = [text for text in BLOCKS if word in text]
    return found


def test_every_example_is_python():
    for text in BLOCKS:
        compile(text, "README.md", "exec")


def test_batching_in_your_own_fastapi():
    space = {"bd": bd}
    exec(block("bd.Batcher("), space)
    with bd.background(space["app"]) as server, ThreadPoolExecutor(20) as callers:

        def ask(number):
            with urllib.request.urlopen(f"{server.url}double/{number}", timeout=30) as answer:
                return json.load(answer)

        assert list(callers.map(ask, range(20))) == [2 * number for number in range(20)]
        run = space["batcher"].run
    assert len(run) == 20
    assert run.summary()["served"] == 20


def test_virtual_time_and_theory():
    from matplotlib import pyplot

    space = {"bd": bd}
    exec(block("bd.simulate("), space)
    pyplot.close("all")
    assert space["run"].check()["every reply came"].holds


def test_the_course_kit():
    space = {}
    exec(block('check("ex01_2", 10)'), space)
    said = str(space["check"]("ex01_2", 10))
    assert "not yet. #12 comes in the third batch; you said 10 s, which is when the second leaves." in said
    assert "First find the batch in which it leaves." in str(space["hint"]("ex01_2", level=1))


def test_durability(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = {"bd": bd}
    exec(block("bd.Client("), space)
    assert space["lasting"].requests["outcome"].tolist() == ["served"] * 18
    assert space["lasting"].strays == ()
    assert space["ann"].duplicates == 0


POLICIES = [name for name in bd.__all__ if hasattr(getattr(bd, name), "decide")]


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_stands_in_the_table(name):
    table = README[README.index("## Policies") : README.index("## Virtual time")]
    assert f"| `{name}(" in table
    assert len(POLICIES) == 10


NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", README)


def test_the_threats_have_tests():
    table = README[README.index("| what could go wrong") : README.index("## Figures")]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 15
    assert all("::test_" in row for row in rows)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_exists(file, name):
    tree = ast.parse((Path(__file__).parents[1] / file).read_text(encoding="utf-8"))
    assert name in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def test_a_server_under_pressure():
    space = {"bd": bd}
    exec(block("busy = bd.Server("), space)
    run = space["run"]
    assert set(run.requests["outcome"]) == {"served"}
    assert len(run.by_client) == 3
