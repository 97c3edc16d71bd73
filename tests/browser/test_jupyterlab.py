"""Real JupyterLab in a real browser: Run All on every notebook, and the page behind jupyter-server-proxy."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

import batchdemo as bd

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks" / "solutions").glob("*.ipynb"))
DRAWS = re.compile(r"\.plot|plot_waiting_time\(|new_axes\(")
WAIT = 90_000  # ms
TOKEN = "bench"
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells out of sight stay in the page
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory, chromium) -> Iterator[str]:
    """JupyterLab on a folder with the solved notebooks; yields its address."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "notebooks"
    folder.mkdir()
    for notebook in NOTEBOOKS:
        shutil.copy(notebook, folder)
    for name, values in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {
        **os.environ,
        "BATCHDEMO_SPEED": "10",
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }
    environ.pop("MPLBACKEND", None)  # the kernel draws inline
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder,
        "IdentityProvider.token": TOKEN,
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with (home / "log.txt").open("w") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        until_it_answers(f"{address}/api/status?token={TOKEN}", process, home / "log.txt")
        yield address
    finally:
        process.terminate()
        process.wait(30)


def until_it_answers(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_shows_every_plot_with_its_alt_text(page: Page, lab: str, tmp_path, notebook):
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    page.goto(f"{lab}/lab/workspaces/{notebook.stem}/tree/{notebook.name}?token={TOKEN}")
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=WAIT)
    page.get_by_role("menuitem", name="Edit", exact=True).click()
    page.get_by_role("menuitem", name="Clear Outputs of All Cells").click()
    expect(page.locator(".jp-OutputArea-output")).to_have_count(0)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    last = page.locator(".jp-CodeCell").last
    expect(last.locator(".jp-OutputArea-output")).to_have_text(re.compile(r"^\d+$"), timeout=WAIT)
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=WAIT)
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    plots = page.locator(".jp-OutputArea-output img")
    expect(plots).to_have_count(sum(bool(DRAWS.search(cell.source)) for cell in cells[1:]))
    for plot in plots.all():
        plot.scroll_into_view_if_needed()
        expect(plot).to_be_visible()
        assert plot.evaluate("image => image.naturalWidth") > 400
        assert len(plot.get_attribute("alt") or "") > 20
    checks = sum(cell.source.splitlines()[-1].startswith("check(") for cell in cells)
    expect(page.get_by_text(re.compile("public checks passed"))).to_have_count(checks)
    plots.first.scroll_into_view_if_needed()
    folder = Path(os.environ.get("BATCHDEMO_SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"{notebook.stem}.png")


def test_the_page_works_under_a_proxys_path_prefix(page: Page, lab: str, after_a_tick):
    with bd.Server(bd.FixedInterval(5, 1.0)) as server:
        page.goto(f"{lab}/proxy/{server.port}/?token={TOKEN}")
        expect(page.locator("#state")).to_contain_text("Connected as", timeout=WAIT)
        page.get_by_label("Message").fill("1-7")
        after_a_tick(server)
        page.keyboard.press("Enter")
        expect(page.locator("#replies li")).to_have_count(7, timeout=WAIT)
        expect(page.locator("#batches")).to_have_text("2", timeout=WAIT)
