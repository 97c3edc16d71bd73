"""nbgrader for real: handed out, graded, with feedback; for who did all, half and nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import build
import nbformat
import pytest
from nbgrader.api import Gradebook
from test_notebooks import grading

from batchdemo.course.registry import EXERCISES

SOURCES = build.sources()


def students(source):
    """Who hands it in: each is a kernel's run of a whole notebook, so who did nothing does so once."""
    return ("ada", "bob", "eve") if source == SOURCES[0] else ("ada", "bob")


def answered(student, name):
    """Ada did all, Bob every other exercise, Eve nothing."""
    return student == "ada" or (student == "bob" and name.endswith(("1", "3", "5")))


def hand_in(student, source, folder):
    """The student's version with the answers that the student gives."""
    released = folder / "release" / source.stem / source.name
    notebook = nbformat.read(released, as_version=4)
    solved = {grading(cell).get("grade_id"): cell.source for cell in nbformat.read(source, as_version=4).cells}
    for cell in notebook.cells:
        name = grading(cell).get("grade_id", "")
        if name in EXERCISES and answered(student, name):
            cell.source = re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", solved[name]).rstrip()
    path = folder / "submitted" / student / source.stem / source.name
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def nbgrader(folder, *arguments):
    # nbgrader looks for alembic on the PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "BATCHDEMO_SPEED": "10"}
    environ.pop("MPLBACKEND", None)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course folder."""
    folder = tmp_path_factory.mktemp("course")
    build.lay_out(folder)
    return folder


@pytest.mark.timeout(600)
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_points_are_as_they_should_be(course, source):
    nbgrader(course, "generate_assignment", source.stem)
    released = course / "release" / source.stem / source.name
    assert released.read_text(encoding="utf-8") == (build.NOTEBOOKS / source.name).read_text(encoding="utf-8")
    for student in students(source):
        hand_in(student, source, course)
    nbgrader(course, "autograde", source.stem)
    nbgrader(course, "generate_feedback", source.stem)
    mine = [found for found in EXERCISES.values() if found.name.startswith(f"ex{source.stem[:2]}_")]
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        for student in students(source):
            submission = gradebook.find_submission(source.stem, student)
            (graded,) = submission.notebooks
            points = {grade.name.removesuffix("_check"): grade.auto_score for grade in graded.grades}
            assert points == {found.name: found.points * answered(student, found.name) for found in mine}
            assert submission.max_score == sum(found.points for found in mine)
            assert not submission.needs_manual_grade
            page = (course / "feedback" / student / source.stem / f"{source.stem}.html").read_text(encoding="utf-8")
            assert f"(Score: {float(submission.score)} / {float(submission.max_score)})" in page
