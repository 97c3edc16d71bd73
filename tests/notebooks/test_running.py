"""The notebooks, run for real: in full time, unanswered, twice, offline, by papermill and by nbconvert."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import build
import nbformat
import pytest
from kernel import kernel
from nbclient import NotebookClient
from test_notebooks import cells, grading, without_alt

from batchdemo.course.registry import EXERCISES

SOURCES = build.sources()
each = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
CELL_SECONDS = 25.0  # no cell of a lesson takes longer, at its own pace
SECONDS_EACH = 30.0  # nor a notebook, taken over all of them

# Whoever asks the network for anything but this machine is found out, whatever library it is.
NO_NETWORK = """
import sys

def watch(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"offline: {args[1]}")
    if event == "socket.getaddrinfo" and args[0] not in ("127.0.0.1", "::1", "localhost", "", None):
        raise OSError(f"offline: {args[0]}")

sys.addaudithook(watch)
"""


@pytest.fixture
def quick(monkeypatch):
    """Lessons at ten times their pace, drawing as a notebook does."""
    monkeypatch.setenv("BATCHDEMO_SPEED", "10")
    monkeypatch.delenv("MPLBACKEND", raising=False)


def executed(path, folder):
    """The notebook, run in the folder; raises where a cell does."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute(cwd=str(folder))
    return notebook


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def said(notebook):
    """What the checks said, by exercise."""
    return {
        grading(cell)["grade_id"].removesuffix("_check"): cell.outputs[-1].data["text/plain"]
        for cell in notebook.cells
        if grading(cell).get("grade")
    }


def exercises_of(source):
    return [name for name in EXERCISES if name.startswith(f"ex{source.stem[:2]}_")]


def seconds(cell):
    """How long the kernel was busy with a cell."""
    timing = cell.metadata["execution"]
    began, ended = (timing[name].replace("Z", "+00:00") for name in ("iopub.execute_input", "shell.execute_reply"))
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


@pytest.mark.timeout(50 * len(SOURCES))
def test_in_full_time_every_source_passes_its_checks_and_no_cell_is_slow(monkeypatch, tmp_path):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    total = 0.0
    for source in SOURCES:
        notebook = executed(source, tmp_path)
        assert said(notebook) == {name: f"✔ {name}: public checks passed." for name in exercises_of(source)}
        assert without_alt(outputs(notebook)) == []
        assert not [output for output in outputs(notebook) if output.get("name") == "stderr"]
        taken = [seconds(cell) for cell in notebook.cells if cell.cell_type == "code"]
        assert max(taken) < CELL_SECONDS
        total += sum(taken)
    assert total < SECONDS_EACH * len(SOURCES)


@each
def test_offline_and_run_all_twice_in_one_kernel(source, quick, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    code = [cell.source for cell in cells(source)]
    with kernel() as jupyter:
        (probe,) = jupyter.run("import socket; socket.create_connection(('192.0.2.1', 80), 1)")
        assert "offline: " in probe.error
        for _ in range(2):
            shown = jupyter.run(*code)
            assert [(cell.status, cell.error) for cell in shown] == [("ok", "")] * len(code)
    left = [path.name for path in tmp_path.iterdir() if path.name not in ("sitecustomize.py", "__pycache__")]
    assert left == []


@each
def test_unanswered_under_papermill_it_says_so_kindly_and_reaches_its_last_cell(source, quick, tmp_path):
    out = tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "-p", "SPEED", "20", "-p", "SEED", "7"]
    done = subprocess.run(
        [*command, str(build.NOTEBOOKS / source.name), str(out)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    notebook = nbformat.read(out, as_version=4)
    (injected,) = [cell for cell in notebook.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    assert "SEED = 7" in injected.source
    first = EXERCISES[exercises_of(source)[0]]
    plain = "".join(output.get("data", {}).get("text/plain", "") for output in outputs(notebook))
    assert first.told(first.numbers(7)) in plain  # the numbers of that seed
    assert list(said(notebook)) == exercises_of(source)
    for name, words in said(notebook).items():
        # An exercise that asks for a run is not answered by a run that the notebook itself made.
        assert words.startswith(f"… {name} waits for your answer. Put "), words
    assert without_alt(outputs(notebook)) == []
    assert not [output for output in outputs(notebook) if output.get("name") == "stderr"]
    assert notebook.cells[-1].outputs[0].data["text/plain"].isdigit()
    printed = "".join(output.get("text", "") for output in outputs(notebook))
    assert "There is no prediction to hold against it: put yours in place of the dots." in printed


def test_nbconvert_executes_every_source(quick, tmp_path):
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", "--output-dir", str(tmp_path)]
    done = subprocess.run(
        [*command, *map(str, SOURCES)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for source in SOURCES:
        page = (tmp_path / f"{source.stem}.html").read_text(encoding="utf-8")
        assert page.count("public checks passed") >= len(exercises_of(source))
        assert "No description has been provided for this image" not in page


@each
def test_without_the_package_the_first_cell_says_what_to_install(source):
    with kernel() as jupyter:
        jupyter.run("import sys; sys.modules['batchdemo'] = None")  # as good as not installed
        first, second = jupyter.run(cells(source)[0].source, "print('must not run')")
    assert first.error == "SystemExit: batchdemo is missing. In a cell: %pip install 'batchdemo[notebook]'"
    assert second.status == "aborted"


def test_the_folder_of_the_notebooks_is_left_as_it_was():
    names = {path.name for path in Path(build.NOTEBOOKS).iterdir()}
    assert names <= {"solutions", "images", "README.md", "nbgrader_config.py", "__pycache__", ".ipynb_checkpoints",
                     *(source.name for source in SOURCES)}  # fmt: skip
