"""From the one source of each notebook to all that is committed: what `make notebooks` and `make course` call.

Not a test. `notebooks/solutions/NN_title.ipynb` is the source: it is run in full time and keeps its outputs, so
that GitHub shows every plot. From it nbgrader makes the student version `notebooks/NN_title.ipynb`.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbgrader.apps import NbGraderAPI
from tqdm import tqdm
from traitlets.config import Config, PyFileConfigLoader

# nbgrader looks for alembic there.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SOLUTIONS = NOTEBOOKS / "solutions"
CONFIG = "nbgrader_config.py"


def sources() -> list[Path]:
    """The sources, in the order of the course."""
    return sorted(SOLUTIONS.glob("[0-9][0-9]_*.ipynb"))


def execute(path: Path) -> None:
    """Run one source, and write it back with what it shows."""
    notebook = nbformat.read(path, as_version=4)
    # Coalesced, a progress bar leaves only its last line behind.
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", record_timing=False, coalesce_streams=True)
    client.execute(cwd=str(path.parent))
    plainly(notebook)
    nbformat.write(notebook, path)


def plainly(notebook: NotebookNode) -> None:
    """Leave out what means nothing from run to run, and say each picture once: as PNG, with its alt text beside it."""
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(display_name="Python 3 (ipykernel)", language="python", name="python3"),
        language_info=NotebookNode(name="python"),
    )
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data and output.metadata.get("image/png", {}).get("alt"):
                data.pop("text/html", None)


def lay_out(folder: Path) -> None:
    """Make a course folder for nbgrader: its configuration, and an assignment a notebook."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(NOTEBOOKS / CONFIG, folder / CONFIG)
    for path in sources():
        assignment = folder / "source" / path.stem
        assignment.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, assignment)


def release(folder: Path) -> dict[str, str]:
    """Have nbgrader make the student versions in a course folder; their texts, by name of notebook."""
    config = Config(PyFileConfigLoader(CONFIG, path=str(folder)).load_config())
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.db_url = f"sqlite:///{folder / 'gradebook.db'}"
    api = NbGraderAPI(config=config)
    api.log.setLevel(logging.ERROR)
    made = {}
    for path in sources():
        result = api.generate_assignment(path.stem, force=True, create=True)
        if not result["success"]:
            raise SystemExit(f"{path.name}: {result.get('error') or result.get('log')}")
        made[path.name] = (folder / "release" / path.stem / path.name).read_text(encoding="utf-8")
    return made


def students() -> dict[str, str]:
    """The student version of every source."""
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        return release(Path(folder))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--course"]:
        lay_out(Path(sys.argv[2]))
        raise SystemExit
    chosen = [SOLUTIONS / f"{Path(name).stem}.ipynb" for name in sys.argv[1:]] or sources()
    for source in tqdm(chosen, desc="notebooks"):
        execute(source)
    for name, text in students().items():
        (NOTEBOOKS / name).write_text(text, encoding="utf-8")
