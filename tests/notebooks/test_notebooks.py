"""The notebooks as they are committed: one source each, the student version made from it, described pictures."""

from __future__ import annotations

import re
from pathlib import Path

import build
import nbformat
import pytest

from batchdemo.course import exercise
from batchdemo.course.registry import EXERCISES

SOURCES = build.sources()
each = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def cells(path, kind="code"):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def grading(cell):
    return cell.metadata.get("nbgrader", {})


def test_there_are_notebooks_one_student_version_each():
    assert [path.stem for path in SOURCES] == [
        "01_first_light",
        "02_why_batch",
        "03_inside_the_server",
        "04_order_and_its_limits",
        "05_whose_batch",
        "06_the_clock",
        "07_predict",
        "08_overload",
        "09_fairness",
        "10_failure",
    ]
    assert sorted(path.name for path in build.NOTEBOOKS.glob("*.ipynb")) == [path.name for path in SOURCES]


def test_the_student_versions_are_what_nbgrader_makes_of_the_sources():
    made = build.students()
    assert sorted(made) == [path.name for path in SOURCES]
    for name, text in made.items():
        committed = (build.NOTEBOOKS / name).read_text(encoding="utf-8")
        assert text == committed, f"{name} drifted from its source: run `make notebooks`"


@each
def test_a_student_version_holds_no_output_no_solution_and_no_hidden_test(source):
    text = (build.NOTEBOOKS / source.name).read_text(encoding="utf-8")
    for word in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "assert ", '"image/png"'):
        assert word not in text
    student = cells(build.NOTEBOOKS / source.name)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in student)
    answers = [cell for cell in student if grading(cell).get("solution")]
    assert answers
    assert all("..." in cell.source and "in place of the dots" in cell.source for cell in answers)


@each
def test_a_source_is_committed_executed_without_an_error(source):
    code = cells(source)
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    text = source.read_text(encoding="utf-8")
    assert str(Path.home()) not in text  # no path of the machine that ran it
    assert str(build.NOTEBOOKS) not in text


def without_alt(outputs):
    """The pictures among the outputs that do not say what they show."""
    mute = []
    for output in outputs:
        data = output.get("data", {})
        for tag in re.findall(r"<img\b[^>]*>", data.get("text/html", "")):
            if not re.search(r'alt="[^"]{20,}"', tag):
                mute.append(tag[:80])
        if "image/png" in data and len(output.metadata.get("image/png", {}).get("alt", "")) < 20:
            mute.append("image/png")
    return mute


@each
def test_every_figure_is_there_once_and_has_alt_text(source):
    code = cells(source)
    assert without_alt([output for cell in code for output in cell.outputs]) == []
    plots = [
        cell
        for cell in code
        if re.search(r"\.plot|plot_waiting_time\(|new_axes\(", cell.source) and not cell.source.startswith("try:")
    ]
    pictures = [cell for cell in code if any("image/png" in output.get("data", {}) for output in cell.outputs)]
    assert len(plots) >= 3
    assert plots == pictures
    for cell in pictures:
        (picture,) = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert "text/html" not in picture.data  # it would hold the same picture a second time


def test_a_figure_without_alt_text_is_found_out():
    png = {"output_type": "display_data", "data": {"image/png": "AA=="}, "metadata": nbformat.NotebookNode()}
    page = {"output_type": "display_data", "data": {"text/html": '<img src="x" alt="">'}, "metadata": {}}
    assert without_alt([nbformat.from_dict(png)]) == ["image/png"]
    assert len(without_alt([nbformat.from_dict(page)])) == 1


@each
def test_header_parameters_prediction_and_end_are_where_they_belong(source):
    head = cells(source, "markdown")[0].source
    assert re.match(r"# \d\d · ", head)
    assert "**Goal**" in head
    assert re.search(r"\*\*Time\*\*: \d+ minutes: \d+ to read, \d+ to wait, \d+ for the exercises", head)
    minutes = [int(number) for number in re.findall(r"\d+(?= minutes| to read| to wait| for the ex)", head)]
    assert minutes[0] == sum(minutes[1:])
    code = cells(source)
    assert "except ModuleNotFoundError" in code[0].source
    assert "pip install" in code[0].source
    tagged = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert "SPEED" in tagged[0].source
    assert "SEED" in tagged[0].source
    assert code[-1].source == "bd.stop_all()"
    text = source.read_text(encoding="utf-8")
    runs = text.index("## Run")
    assert text.index("## Your prediction first") < text.index("= predict(") < runs < text.index("## Look")
    assert runs < text.index("What broke?") < text.index("## Exit ticket")


def test_every_exercise_is_asked_once_checked_once_and_worth_its_points():
    asked, checked = [], {}
    for source in SOURCES:
        for cell in cells(source):
            asked += re.findall(r'^exercise\("(ex\d\d_\d)"', cell.source)
            if grading(cell).get("grade"):
                name = grading(cell)["grade_id"].removesuffix("_check")
                assert f"ex{source.stem[:2]}_" in name
                assert re.search(rf'^check\("{name}", ', cell.source, re.MULTILINE)
                checked[name] = grading(cell)["points"]
    assert asked == list(EXERCISES)
    assert checked == {name: found.points for name, found in EXERCISES.items()}


@each
def test_the_headings_name_the_exercises_as_the_registry_does(source):
    text = "\n".join(cell.source for cell in cells(source, "markdown"))
    found = re.findall(r"^### Exercise (ex\d\d_\d) · (.*?) \((\d+) points?\)$", text, re.MULTILINE)
    assert [name for name, _, _ in found] == [name for name in EXERCISES if name.startswith(f"ex{source.stem[:2]}_")]
    for name, title, points in found:
        task = exercise(name)
        assert (task.title, task.points) == (title, int(points))


@each
def test_the_guide_for_teachers_says_what_the_notebook_says(source):
    guide = (build.NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    number = source.stem[:2]
    (row,) = [line for line in guide.splitlines() if line.startswith(f"| [{number} ")]
    minutes = re.search(r"\*\*Time\*\*: (\d+) minutes", cells(source, "markdown")[0].source)[1]
    mine = [found for name, found in EXERCISES.items() if name.startswith(f"ex{number}_")]
    assert f"| {minutes} |" in row
    assert row.endswith(f"| {sum(found.points for found in mine)} |")
    for found in mine:
        assert f"| {found.name} | {found.title} | {found.points} |" in guide


def test_the_committed_runs_say_what_the_tutorial_says():
    shown = (build.SOLUTIONS / "01_first_light.ipynb").read_text(encoding="utf-8")
    assert "18 requests in 4 batches of 5, 5, 5 and 3, in order, one batch every 5.00 s" in shown
    shown = (build.SOLUTIONS / "03_inside_the_server.ipynb").read_text(encoding="utf-8")
    assert "18 requests in 4 batches of 5, 5, 5 and 3, in order, one batch every 2.00 s" in shown
