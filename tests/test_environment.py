"""environment.yml, pyproject.toml and what is built from them agree, and name no machine or registry."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import rattler
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())
CONDA = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]
FIXED_BY_THE_USER = ["jupyterlab", "fastapi", "uvicorn", "apscheduler", "websockets", "matplotlib", "nest-asyncio"]


def parts(requirement: str) -> tuple[str, str]:
    """`fastapi>=0.115,<1` as its name and its bounds."""
    match = re.fullmatch(r"([A-Za-z0-9._-]+)(.*)", requirement)
    assert match, requirement
    return match[1].lower(), match[2]


def test_the_environment_is_ours():
    assert ENVIRONMENT["name"] == "batchdemo"
    assert ENVIRONMENT["channels"] == ["conda-forge"]
    assert {"pip": ["-e ."]} in ENVIRONMENT["dependencies"]


def test_python_is_pinned_to_one_minor_version_that_the_package_takes():
    (pin,) = [line for line in CONDA if line.startswith("python=")]
    major, minor = re.fullmatch(r"python=(\d+)\.(\d+)", pin).groups()
    least = re.fullmatch(r">=(\d+)\.(\d+)", PROJECT["requires-python"]).groups()
    assert (int(major), int(minor)) >= tuple(map(int, least))


@pytest.mark.parametrize("line", CONDA)
def test_every_line_is_a_strict_match_spec_with_bounds(line):
    spec = rattler.MatchSpec(line, strict=True)
    assert spec.name is not None
    assert spec.version


def test_the_environment_carries_what_the_package_and_its_user_need():
    conda = dict(parts(line) for line in CONDA)
    wanted = dict(map(parts, PROJECT["dependencies"] + PROJECT["optional-dependencies"]["notebook"]))
    assert {name: conda.get(name) for name in wanted} == wanted
    assert set(conda) - set(wanted) == {"python", "pip"}


def test_what_our_user_fixed_is_there():
    names = {parts(line)[0] for line in CONDA}
    assert set(FIXED_BY_THE_USER) <= names


def test_every_dependency_is_bounded_above():
    assert all("<" in bounds for _, bounds in map(parts, PROJECT["dependencies"]))


def test_the_constraints_name_no_host_and_cover_the_dependencies():
    text = (ROOT / "constraints.txt").read_text()
    assert "://" not in text
    pinned = {line.split("==")[0] for line in text.splitlines()}
    assert {parts(line)[0] for line in PROJECT["dependencies"]} <= pinned


def build(kind: str, source: Path, target: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def test_the_wheel_carries_the_page_and_its_typing(tmp_path):
    names = zipfile.ZipFile(build("wheel", ROOT, tmp_path)).namelist()
    for name in (
        "py.typed",
        "live/page/index.html",
        "live/page/page.js",
        "live/page/page.css",
        "live/page/favicon.svg",
    ):
        assert f"batchdemo/{name}" in names
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "notebooks"))]


@pytest.mark.parametrize("by_way_of", ["the checkout", "the sdist"])
def test_a_wheel_takes_every_students_notebook_with_it_and_nothing_else_of_that_folder(tmp_path, by_way_of):
    source = tmp_path / "checkout"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "batchdemo", source / "batchdemo", ignore=shutil.ignore_patterns("__pycache__"))
    wanted = ["98_new.ipynb", "99_last.ipynb", "images/new.png"]
    others = ["solutions/99_last.ipynb", "solutions/images/x.png", "scratch.ipynb", "nbgrader_config.py", "README.md"]
    for name in wanted + others:
        (source / "notebooks" / name).parent.mkdir(parents=True, exist_ok=True)
        (source / "notebooks" / name).write_text("{}")
    if by_way_of == "the sdist":
        with tarfile.open(build("sdist", source, tmp_path / "sdist")) as archive:
            archive.extractall(tmp_path / "unpacked", filter="data")
        (source,) = (tmp_path / "unpacked").iterdir()
    names = zipfile.ZipFile(build("wheel", source, tmp_path / "wheel")).namelist()
    carried = [name for name in names if "notebooks" in name or name.endswith((".ipynb", ".png"))]
    assert sorted(carried) == [f"batchdemo/course/notebooks/{name}" for name in wanted]


def test_an_editable_install_points_at_the_checkout_and_copies_nothing(tmp_path):
    command = [sys.executable, "-c", f"import hatchling.build; hatchling.build.build_editable({str(tmp_path)!r})"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert names == ["_batchdemo.pth"]
