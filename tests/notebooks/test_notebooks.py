"""The notebooks themselves: they run to the end, quickly, and are committed with their pictures."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["01_first_light"]


@each
def test_it_runs_to_its_last_cell(path, monkeypatch):
    monkeypatch.setenv("BATCHDEMO_SPEED", "20")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute(cwd=str(path.parent))
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "18 requests in 4 batches of 5, 5, 5 and 3" in printed


@each
def test_it_is_committed_executed_with_its_pictures_and_without_errors(path):
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    plots = [cell for cell in cells if re.search(r"\.plot", cell.source) and not cell.source.startswith("#")]
    assert len(pictures) == len(plots) > 0
    assert str(Path.home()) not in path.read_text(encoding="utf-8")  # no path of the machine that ran it


@each
def test_the_prediction_comes_before_the_run(path):
    source = path.read_text(encoding="utf-8")
    assert source.index("Your prediction first") < source.index("bd.Server(") < source.index("bd.send(")


@each
def test_it_has_a_parameters_cell_and_stops_every_server(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert "SPEED" in tagged[0].source
    assert cells[-1].source == "bd.stop_all()"
