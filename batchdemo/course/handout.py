"""The course's notebooks, from wherever they came with the package into a folder of the student's own; and
JupyterLab opened on it.

A wheel carries them inside the package; in a checkout they lie beside it. Work that is already in the folder
is never written over.
"""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple, NoReturn

from batchdemo.arguments import refuse, whole
from batchdemo.errors import BatchdemoError

CHECKOUT = Path(__file__).parents[2]
NOTEBOOK = re.compile(r"\d\d_\w+\.ipynb")
IMAGES = "images"
ALLOW_ROOT = re.compile(r"--(ServerApp\.)?allow[-_]root(=.*)?")


class HandedOut(NamedTuple):
    """What became of each notebook and image: names relative to the folder."""

    copied: list[str]
    kept: list[str]


def notebooks() -> list[tuple[str, Traversable]]:
    """The students' notebooks and their images, by name; empty where they did not come with the package."""
    home = _home()
    if home is None:
        return []
    found = [(entry.name, entry) for entry in home.iterdir() if NOTEBOOK.fullmatch(entry.name)]
    images = home / IMAGES
    if images.is_dir():
        found += [(f"{IMAGES}/{entry.name}", entry) for entry in images.iterdir() if entry.is_file()]
    return sorted(found)


def _home() -> Traversable | None:
    shipped = files("batchdemo") / "course" / "notebooks"
    if shipped.is_dir():
        return shipped
    # Beside the package of a checkout; beside an installed one there might be somebody else's `notebooks`.
    beside = CHECKOUT / "notebooks"
    return beside if beside.is_dir() and (CHECKOUT / "pyproject.toml").is_file() else None


def hand_out(folder: Path) -> HandedOut:
    """Copy what is not there yet; what is there is kept, byte for byte. The folder is made where it is missing.

    ArgumentError where the folder cannot be made or written to, and the remedy with it.
    """
    course = notebooks()
    if not course:
        raise BatchdemoError(
            "the course's notebooks must lie in the package, and this installation has none. "
            "Mend it: pip install --force-reinstall batchdemo"
        )
    done = HandedOut([], [])
    try:
        _make(folder, course)
        for name, source in course:
            (done.copied if _copy(source, folder / name) else done.kept).append(name)
    except OSError as error:
        why = f"{error.strerror or error}: {error.filename or folder}"
        refuse("folder", "one that can be written to, with room in it", str(folder), f"{why}. Choose another.")
    return done


def _make(folder: Path, course: list[tuple[str, Traversable]]) -> None:
    """The folder, and those in it that the course needs."""
    if not folder.absolute().parent.is_dir():
        refuse("folder", "in a folder that exists", str(folder), f"{folder.absolute().parent} is on no disk here.")
    for needed in sorted({folder, *((folder / name).parent for name, _ in course)}):  # the outer one first
        if needed.exists() and not needed.is_dir():
            refuse("folder", "a folder, or a name that is free", str(folder), f"{needed} is a file. Choose another.")
        needed.mkdir(exist_ok=True)


def _copy(source: Traversable, target: Path) -> bool:
    """Whether it was written. Exclusively, so that not even a file which appears just now is lost."""
    content = source.read_bytes()
    try:
        file = target.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(content)
    except BaseException:  # an interrupt too: a piece of a notebook would be kept for ever
        target.unlink()
        raise
    return True


def lab_command(
    folder: Path, *, browser: bool = True, port: int | None = None, options: Sequence[str] = ()
) -> list[str]:
    """The command that opens JupyterLab on the folder; `options` are JupyterLab's own. Refused where it could not."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise BatchdemoError(
            f"JupyterLab must be installed for this, and {sys.executable} has none. pip install 'batchdemo[notebook]'"
        )
    if getattr(os, "geteuid", lambda: -1)() == 0 and not any(map(ALLOW_ROOT.fullmatch, options)):
        raise BatchdemoError(
            "JupyterLab must be run by an ordinary user, and this is root. Change user; or, where root is all "
            "there is, as in a container, add: -- --allow-root"
        )
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder.absolute()}"]
    command.append("--ServerApp.answer_yes=True")  # else Ctrl-C asks, and goes on where nobody answers
    if not browser:
        command.append("--no-browser")
    if port is not None:
        command.append(f"--ServerApp.port={whole('port', port, 0, 65_535, '0 takes a free one.')}")
    return [*command, *options]


def become(command: list[str]) -> NoReturn:
    """Run the command in place of this process, so that Ctrl-C and the exit status are its own."""
    sys.stdout.flush()
    if os.name == "nt":  # there, exec would give the shell its prompt back while the command still runs
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the console tells the command as well
        sys.exit(subprocess.call(command))  # noqa: S603
    os.execv(command[0], command)  # noqa: S606
