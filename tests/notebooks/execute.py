"""Runs every notebook in full time and keeps its outputs: what `make notebooks` calls, so that GitHub shows the plots.

Not a test. What differs from run to run and means nothing (time stamps, versions of the kernel) is left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from tqdm import tqdm

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def execute(path: Path) -> None:
    """Run one notebook, and write it back with what it shows."""
    notebook = nbformat.read(path, as_version=4)
    # Coalesced, a progress bar leaves only its last line behind.
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", record_timing=False, coalesce_streams=True)
    client.execute(cwd=str(path.parent))
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    chosen = [Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb"))
    for notebook in tqdm(chosen, desc="notebooks"):
        execute(notebook)
