"""Binder: repo2docker itself, without Docker, on a clean copy of what is committed. What it would build, and from what.

The conda environment inside the image is not made here. That its lines are sound is in `test_environment.py`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """The checkout as a clone would have it: neither what git ignores, nor its history."""
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    folder = tmp_path_factory.mktemp("repository")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # it may be deleted, and not yet so for git
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def said(repository) -> str:
    """All that repo2docker says of it, the Dockerfile among it."""
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(repository)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_it_takes_our_environment_with_the_python_that_we_pinned(repository, said):
    (pin,) = re.findall(r"- (python=\S+)", (repository / "environment.yml").read_text())
    assert f"Building conda environment for {pin}\n" in said
    assert re.search(r'env update -p \$\{NB_PYTHON_PREFIX\} --file "environment.yml"', said)


def test_the_package_lies_there_when_the_environment_is_made(repository, said):
    assert said.index("COPY --chown=0:0 src/ ${REPO_DIR}/") < said.index('--file "environment.yml"')
    environment = yaml.safe_load((repository / "environment.yml").read_text())
    assert {"pip": ["-e ."]} in environment["dependencies"]  # repo2docker installs the repository's own package no more
    assert "pip install" not in said.split("COPY --chown=0:0 src/")[1]


def test_pip_can_install_the_clone_as_the_environment_asks(repository, tmp_path):
    build = f"import hatchling.build; print(hatchling.build.build_editable({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", build], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / done.stdout.split()[-1]).is_file()


def test_the_clone_has_the_notebooks_that_binder_opens(repository):
    assert sorted((repository / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    assert not list(repository.rglob(".venv"))
