"""`batchdemo doctor`: what on this machine would keep a class from starting, and the line that mends it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import sys
import urllib.request
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

MARKS = {True: "✓", False: "✗", None: "–"}
LOCAL = "127.0.0.1"


class Finding(NamedTuple):
    """One thing looked at. `good`: True, False, or None for "not needed, but good to know"."""

    good: bool | None
    what: str
    says: str
    remedy: str = ""

    def __str__(self) -> str:
        mend = f"\n    mend: {self.remedy}" if self.remedy else ""
        return f"{MARKS[self.good]} {self.what}: {self.says}{mend}"


def examine(port: int) -> list[Finding]:
    """Look at everything; nothing is changed."""
    return [python(), packages(), free_port(port), loop(), *jupyter(), proxy()]


def python() -> Finding:
    """3.11 or newer."""
    version = ".".join(map(str, sys.version_info[:3]))
    where = f"{version} at {sys.executable}"
    good = sys.version_info >= (3, 11)
    return Finding(good, "Python", where, "" if good else "install Python 3.11 or newer and make the environment anew")


def packages() -> Finding:
    """All that the package needs, in versions that fit."""
    missing = []
    found = []
    for requirement in metadata.requires("batchdemo") or []:
        if "extra ==" in requirement:
            continue
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        name = match[0] if match else requirement
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if fits(version, requirement):
            found.append(f"{name} {version}")
        else:
            missing.append(f"'{requirement}'")
    if missing:
        names = " ".join(missing)
        return Finding(False, "packages", f"missing, or of another version: {names}", f"pip install {names}")
    return Finding(True, "packages", ", ".join(found))


def fits(version: str, requirement: str) -> bool:
    """Whether a version lies within the plain >= and < bounds that our requirements use."""

    def parts(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", text)[:3])

    for sign, bound in re.findall(r"(>=|<)\s*([\d.]+)", requirement):
        if sign == ">=" and parts(version) < parts(bound):
            return False
        if sign == "<" and parts(version) >= parts(bound):
            return False
    return True


def free_port(port: int) -> Finding:
    """Whether `serve` could listen there."""
    try:
        socket.create_server((LOCAL, port)).close()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        remedy = f"`batchdemo serve --port 0` takes a free port; or end the program that holds {port}"
        return Finding(False, f"port {port}", why, remedy)
    return Finding(True, f"port {port}", "free")


def loop() -> Finding:
    """Whether asyncio is as Python ships it."""
    if getattr(asyncio, "_nest_patched", False):
        says = "patched by nest_asyncio in this process; batchdemo works all the same"
        return Finding(None, "asyncio", says, "leave nest_asyncio.apply() out: batchdemo does not need it")
    return Finding(True, "asyncio", "not patched")


def jupyter() -> list[Finding]:
    """Whether JupyterLab is there, and a kernel that sees this environment."""
    try:
        lab = metadata.version("jupyterlab")
        kernel = metadata.version("ipykernel")
    except metadata.PackageNotFoundError as error:
        return [Finding(None, "Jupyter", f"{error.name} is not installed", "pip install 'batchdemo[notebook]'")]
    findings = [Finding(True, "Jupyter", f"jupyterlab {lab}, ipykernel {kernel}")]
    found = shutil.which("jupyter")
    if found is None or Path(found).parent != Path(sys.executable).parent:
        where = "not on PATH" if found is None else f"of another environment: {found}"
        remedy = f"start it as {Path(sys.executable).parent / 'jupyter'} lab, or activate the environment first"
        findings.append(Finding(None, "the `jupyter` that a shell finds", where, remedy))
    return findings


def course(names: list[str]) -> Finding:
    """Whether the course's notebooks came with the package; `names` are those at hand, with their images."""
    notebooks = [name for name in names if name.endswith(".ipynb")]
    if not notebooks:
        says = "no notebooks came with this installation"
        return Finding(False, "course", says, "pip install --force-reinstall batchdemo")
    return Finding(True, "course", f"{len(notebooks)} notebooks at hand; `batchdemo lab` opens them")


def proxy() -> Finding:
    """Whether a proxy would stand between a client and a server on this machine. Ours passes it by."""
    proxies = urllib.request.getproxies()
    kinds = [kind for kind in ("http", "https", "all", "socks", "ws", "wss") if kind in proxies]
    if kinds and not urllib.request.proxy_bypass(LOCAL):
        says = f"{', '.join(kinds)} set, and not bypassed for {LOCAL}; batchdemo's client goes direct, others may not"
        bypass = ",".join(filter(None, [os.environ.get("no_proxy", ""), "localhost", LOCAL]))
        return Finding(None, "proxy", says, f"export no_proxy={bypass}")
    return Finding(True, "proxy", "none in the way")
