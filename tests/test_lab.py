"""`batchdemo lab`: the notebooks are handed out and never written over, and a wheel alone gives the whole course."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from batchdemo.course import handout
from batchdemo.course.handout import hand_out, lab_command, notebooks
from batchdemo.errors import ArgumentError, BatchdemoError

ROOT = Path(__file__).parents[1]
FIRST = "01_first_light.ipynb"
STUDENTS = sorted(path.name for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
IMAGES = sorted(f"images/{path.name}" for path in (ROOT / "notebooks" / "images").iterdir())
AS_ROOT = ["--allow-root"] if os.geteuid() == 0 else []
TOKEN = "bench"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lab(*arguments: str, command=(sys.executable, "-m", "batchdemo"), **options) -> subprocess.CompletedProcess[str]:
    """`batchdemo lab` where it is to fail, before any JupyterLab is started."""
    called = [*command, "lab", *arguments]
    return subprocess.run(called, capture_output=True, text=True, timeout=60, check=False, **options)


# --- what is handed out --------------------------------------------------------------------------------------


def test_the_students_notebooks_and_images_are_handed_out_and_nothing_else(tmp_path):
    done = hand_out(tmp_path / "course")
    assert done.copied == [*STUDENTS, *IMAGES] == [name for name, _ in notebooks()]
    assert done.kept == []
    there = contents(tmp_path / "course")
    assert sorted(there) == sorted(done.copied)
    assert there == {name: (ROOT / "notebooks" / name).read_bytes() for name in there}


def test_what_is_there_is_kept_byte_for_byte(tmp_path):
    mine = {FIRST: b"my answers", "notes.txt": b"my notes", IMAGES[0]: b"my drawing", "images/more/x": b""}
    for name, content in mine.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    done = hand_out(tmp_path)
    assert done.kept == [FIRST, IMAGES[0]]
    assert {name: contents(tmp_path)[name] for name in mine} == mine
    assert set(contents(tmp_path)) == {*mine, *STUDENTS, *IMAGES}


def test_the_next_day_everything_is_kept(tmp_path):
    hand_out(tmp_path / "course")
    (tmp_path / "course" / FIRST).write_bytes(b"a day's work")
    before = contents(tmp_path / "course")
    done = hand_out(tmp_path / "course")
    assert done.copied == []
    assert done.kept == [*STUDENTS, *IMAGES]
    assert contents(tmp_path / "course") == before


def test_a_link_that_leads_nowhere_is_kept_too(tmp_path):
    (tmp_path / FIRST).symlink_to(tmp_path / "elsewhere.ipynb")
    assert FIRST in hand_out(tmp_path).kept
    assert not (tmp_path / "elsewhere.ipynb").exists()


# --- what cannot be done -------------------------------------------------------------------------------------


@pytest.fixture
def sealed(tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder in which this user may make nothing. Permissions do not bind root, so root becomes another user."""
    course = notebooks()
    monkeypatch.setattr(handout, "notebooks", lambda: course)  # their place may be closed to that user
    if os.geteuid() != 0:
        tmp_path.chmod(0o555)
        yield tmp_path
        tmp_path.chmod(0o755)
        return
    folder = Path(tempfile.mkdtemp())  # the way to tmp_path is closed to others
    folder.chmod(0o755)
    os.seteuid(65_534)
    try:
        yield folder
    finally:
        os.seteuid(0)
        folder.rmdir()


@pytest.mark.parametrize("name", [".", "course"])
def test_a_folder_that_is_read_only_is_refused(sealed, name):
    with pytest.raises(ArgumentError, match=r"folder must be .* Permission denied: .* Choose another"):
        hand_out(sealed / name)
    assert list(sealed.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("taken", "folder must be a folder, or a name that is free, got 'taken'. taken is a file. Choose another."),
        ("taken/course", "folder must be in a folder that exists, got 'taken/course'"),
        ("no/such/place", "/no/such is on no disk here."),
        ("half", "half/images is a file. Choose another."),
        ("/proc/course", "No such file or directory: /proc/course. Choose another."),
    ],
)
def test_a_bad_folder_is_one_line_and_status_two(tmp_path, folder, says):
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "images").write_text("mine")
    before = contents(tmp_path)
    done = lab(folder, "--no-browser", "--", *AS_ROOT, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("error: folder must be ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert contents(tmp_path) == before


def test_a_piece_of_a_notebook_is_not_left_behind(tmp_path):
    def short():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))

    done = lab("course", "--", *AS_ROOT, cwd=tmp_path, preexec_fn=short)
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert all(len(content) <= 1_000 for content in contents(tmp_path).values())
    assert FIRST not in contents(tmp_path / "course")


def test_a_full_disk_is_said_and_leaves_no_empty_file(tmp_path, monkeypatch):
    def on_a_full_disk(path: Path, mode: str):
        assert mode == "xb"
        path.touch(exist_ok=False)
        return open("/dev/full", "wb")

    course = [(name, _Ready(source.read_bytes())) for name, source in notebooks()]
    monkeypatch.setattr(handout, "notebooks", lambda: course)
    monkeypatch.setattr(Path, "open", on_a_full_disk)
    with pytest.raises(ArgumentError, match=r"with room in it, got .* No space left on device"):
        hand_out(tmp_path)
    assert contents(tmp_path) == {}


@dataclass
class _Ready:
    content: bytes

    def read_bytes(self) -> bytes:
        return self.content


def test_without_jupyterlab_the_extra_is_named_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    with pytest.raises(BatchdemoError, match=r"pip install 'batchdemo\[notebook\]'"):
        lab_command(tmp_path, options=AS_ROOT)


@pytest.mark.parametrize("option", ["--allow-root", "--ServerApp.allow_root=True"])
def test_root_is_told_what_to_add(tmp_path, monkeypatch, option):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(BatchdemoError, match=r"this is root.*add: -- --allow-root"):
        lab_command(tmp_path)
    assert lab_command(tmp_path, options=[option])[-1] == option
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert lab_command(tmp_path)[-1].startswith("--ServerApp.")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--port", "70000", "--", *AS_ROOT], "port must be a whole number"), (["--sport", "8888"], "No such option")],
)
def test_bad_options_are_met_at_the_door(tmp_path, arguments, says):
    done = lab(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert contents(tmp_path) == {}


def test_the_options_reach_jupyterlab_and_a_folder_need_not_be_named(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from batchdemo.cli import app

    commands = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(handout, "become", commands.append)
    options = ["--allow-root", "--IdentityProvider.token", "x"]
    for folder in (["mine"], []):
        result = CliRunner().invoke(app, ["lab", *folder, "--port", "8901", "--no-browser", "--", *options])
        assert result.exit_code == 0, result.output
    for command, folder in zip(commands, ["mine", "batchdemo-course"], strict=True):
        assert command[:3] == [sys.executable, "-m", "jupyterlab"]
        assert f"--ServerApp.root_dir={tmp_path / folder}" in command
        assert command[-5:] == ["--no-browser", "--ServerApp.port=8901", *options]
        assert sorted(contents(tmp_path / folder)) == sorted([*STUDENTS, *IMAGES])
    result = CliRunner().invoke(app, ["lab", "mine", "--", "--allow-root"])
    assert result.output == f"kept yours: {', '.join([*STUDENTS, *IMAGES])}\n"
    assert "--no-browser" not in commands[-1]


# --- from a wheel alone --------------------------------------------------------------------------------------


@dataclass
class Clean:
    """An environment that knows nothing of this checkout, and a home of its own."""

    wheel: Path
    venv: Path
    home: Path

    @property
    def environ(self) -> dict[str, str]:
        jupyter = {f"JUPYTER_{kind}_DIR": str(self.home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
        return {"PATH": os.defpath, "HOME": str(self.home), "LANG": "C.UTF-8", "BATCHDEMO_SPEED": "20", **jupyter}

    def run(self, *arguments: object, **options) -> subprocess.CompletedProcess[str]:
        command = [str(self.venv / "bin" / str(arguments[0])), *map(str, arguments[1:])]
        options = {"env": self.environ, "cwd": self.home, "timeout": 300, **options}
        return subprocess.run(command, check=False, capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Clean:
    """The wheel, built and installed with its extra `notebook`, as a student would."""
    base = tmp_path_factory.mktemp("clean")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(base)], cwd=ROOT)
    (wheel,) = base.glob("*.whl")
    venv, home = base / "venv", base / "home"
    home.mkdir()
    python = str(venv / "bin" / "python")
    uv = shutil.which("uv")
    run([uv, "venv", "--python", sys.executable, str(venv)] if uv else [sys.executable, "-m", "venv", str(venv)])
    install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    run([*install, "--quiet", "-c", str(ROOT / "constraints.txt"), f"{wheel}[notebook]"], cwd=base)
    return Clean(wheel, venv, home)


def run(command: list[str], cwd: Path | None = None) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.timeout(600)
def test_the_wheel_carries_the_course_and_no_solutions(clean):
    names = zipfile.ZipFile(clean.wheel).namelist()
    assert {name for name in names if "notebooks/" in name} == {
        f"batchdemo/course/notebooks/{name}" for name in [*STUDENTS, *IMAGES]
    }
    assert not [name for name in names if "solution" in name]


@pytest.mark.timeout(600)
def test_the_package_there_is_the_wheels_and_it_says_that_the_course_is_at_hand(clean):
    where = clean.run("python", "-c", "import batchdemo; print(batchdemo.__file__)").stdout.strip()
    assert Path(where).is_relative_to(clean.venv)
    doctor = clean.run("batchdemo", "doctor", "--port", "0")
    assert f"✓ course: {len(STUDENTS)} notebooks at hand" in doctor.stdout
    assert doctor.returncode == 0, doctor.stdout


@pytest.mark.jupyter
@pytest.mark.timeout(600)
def test_lab_opens_the_course_which_runs_there_and_ctrl_c_ends_it(clean, tmp_path, until):
    terminal, ours = pty.openpty()  # JupyterLab asks a terminal whether it may stop, and must not
    options = ["--no-browser", "--port", "0", "--", f"--IdentityProvider.token={TOKEN}", *AS_ROOT]
    command = [str(clean.venv / "bin" / "batchdemo"), "lab", "course", *options]
    log = tmp_path / "log.txt"
    work = tmp_path / "empty"
    work.mkdir()
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=work, env=clean.environ, stdin=ours, stdout=out, stderr=out)
    try:
        runtime = clean.home / "RUNTIME" / f"jpserver-{process.pid}.json"
        until(lambda: answers(runtime) or process.poll() is not None, within=120)
        assert process.poll() is None, log.read_text()
        address = json.loads(runtime.read_text())["url"]
        assert listing(address) == {*STUDENTS, "images"}
        assert {f"images/{name}" for name in listing(address, "images")} == set(IMAGES)
        assert f"copied to course: {FIRST}" in log.read_text()

        execute = ["-m", "nbconvert", "--to", "notebook", "--execute", "--output-dir", tmp_path]
        done = clean.run("python", *execute, work / "course" / FIRST)
        assert done.returncode == 0, done.stderr
        assert_ran_to_the_end(tmp_path / FIRST)

        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
        os.close(ours)
    with pytest.raises(OSError, match="refused"):
        listing(address)
    assert (work / "course" / FIRST).read_bytes() == (ROOT / "notebooks" / FIRST).read_bytes()


def answers(runtime: Path) -> bool:
    """Whether JupyterLab has written where it is, and listens there: it does so in this order."""
    try:
        listing(json.loads(runtime.read_text())["url"])
    except (OSError, json.JSONDecodeError):
        return False
    return True


def listing(address: str, folder: str = "") -> set[str]:
    """The names that JupyterLab's own interface gives."""
    with urllib.request.urlopen(f"{address}api/contents/{folder}?token={TOKEN}", timeout=30) as answer:
        return {entry["name"] for entry in json.load(answer)["content"]}


def assert_ran_to_the_end(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert "error" not in [output["output_type"] for output in outputs]
    assert re.search("18 requests in 4 batches of 5, 5, 5 and 3, in order", json.dumps(outputs))


@pytest.mark.timeout(600)
def test_an_installation_that_lacks_a_part_says_which(clean, tmp_path):
    package, gone = clean.venv / "lib", tmp_path / "gone"
    (jupyter,) = package.glob("*/site-packages/jupyterlab")
    (course,) = package.glob("*/site-packages/batchdemo/course/notebooks")
    for part, says in [(jupyter, "pip install 'batchdemo[notebook]'"), (course, "this installation has none")]:
        part.rename(gone)
        try:
            done = clean.run("batchdemo", "lab", "--", *AS_ROOT)
            doctor = clean.run("batchdemo", "doctor", "--port", "0")
        finally:
            gone.rename(part)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ")
        assert says in done.stderr
        assert ("✗ course: no notebooks" in doctor.stdout) == (part == course)
    assert not (clean.home / "batchdemo-course").exists()
