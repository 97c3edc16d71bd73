"""The command line, as a process: what it prints, what it exits with, and how it stops."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import batchdemo as bd

COMMAND = [sys.executable, "-m", "batchdemo"]
QUICK = ["--speed", "10"]


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONWARNINGS": "error", **environment}
    command = [*COMMAND, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, env=environ, check=False)


def test_demo_prints_the_sentence_the_verdicts_the_batches_and_the_staircase(tmp_path):
    done = run("demo", *QUICK, cwd=tmp_path)
    assert done.stdout.startswith("18 requests in 4 batches of 5, 5, 5 and 3, in order, "), done
    verdicts = re.findall(r"^([✓✗?]) (.+?):", done.stdout, re.M)
    assert [name for _, name in verdicts] == [
        "every reply came",
        "none twice",
        "each to its own client",
        "in order within each client",
        "no batch above the size",
        "cadence",
    ]
    assert {mark for mark, _ in verdicts[:-1]} == {"✓"}
    assert done.returncode == (0 if verdicts[-1][0] == "✓" else 1)  # a very busy machine may be late
    assert re.findall(r"^batch +(\d) at .* s  tick +(\d)  (#\d+ … #\d+)", done.stdout, re.M) == [
        ("1", "5", "#1 … #5"),
        ("2", "5", "#6 … #10"),
        ("3", "5", "#11 … #15"),
        ("4", "3", "#16 … #18"),
    ]
    assert re.search(r"^18 │ +◆$", done.stdout, re.M)
    assert re.search(r"^ 1 │ +●$", done.stdout, re.M)
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")


def test_demo_as_json_prints_the_run_and_nothing_else(tmp_path):
    done = run("demo", *QUICK, "--json", "--plot", str(tmp_path / "x.svg"))
    path = tmp_path / "run.json"
    path.write_text(done.stdout, encoding="utf-8")
    assert bd.load(path).batches["size"].tolist() == [5, 5, 5, 3]
    assert len(done.stdout.strip().splitlines()) == 1
    assert (tmp_path / "x.svg").is_file()


def test_demo_takes_its_options(tmp_path):
    options = ["--count", "7", "--max-batch-size", "3", "--interval", "2", "--speed", "10", "--json"]
    done = run("demo", *options, cwd=tmp_path)
    document = json.loads(done.stdout)
    assert document["batches"]["size"] == [3, 3, 1]
    assert document["about"]["interval"] == 0.2


def test_the_speed_may_come_from_the_environment(tmp_path):
    done = run("demo", "--count", "3", "--json", cwd=tmp_path, BATCHDEMO_SPEED="25")
    assert json.loads(done.stdout)["about"]["interval"] == 0.2


def test_demo_fails_when_a_check_fails(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from batchdemo.cli import app
    from batchdemo.live.server import Server

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Server.__init__.__kwdefaults__, "handler", lambda batch: batch[::-1])
    result = CliRunner().invoke(app, ["demo", *QUICK])
    assert result.exit_code == 1
    assert "✗ in order within each client: #2 was sent after #1 and answered before it" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["demo", "--interval", "nan"], "interval must be a number of seconds"),
        (["demo", "--interval", "0"], "interval must be"),
        (["demo", "--max-batch-size", "0"], "max_batch_size must be"),
        (["demo", "--count", "0"], "count must be a whole number from 1"),
        (["demo", "--speed", "-1"], "speed must be"),
        (["demo", "--plot", "demo.txt"], "--plot must be a file that ends in .png"),
        (["demo", "--plot", "nowhere/at/all.png"], "--plot must be in a folder that exists"),
        (["serve", "--port", "70000"], "port must be a whole number"),
        (["send", "1-18", "--to", "http://127.0.0.1/"], "Try 'ws://127.0.0.1/'"),
        (["send", "1-18", "--to", "ws://127.0.0.1:1/"], "cannot be reached"),
        (["send", "18-1", "--to", "ws://127.0.0.1:1/"], "numbers must be like 1-18"),
        (["send", "one", "--to", "ws://127.0.0.1:1/"], "numbers must be like 1-18"),
        (["send", "1-99999999", "--to", "ws://127.0.0.1:1/"], "numbers must be 1,000,000 at most"),
        (["send", "1,1", "--to", "ws://127.0.0.1:1/"], "more than once"),
    ],
)
def test_bad_input_is_one_line_and_status_two(arguments, says):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def serve(port: int = 0, *options: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", str(port), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    address = re.search(r"ws://\S+", lines[1])
    assert address, (lines, process.stderr and process.stderr.read())
    return process, address[0]


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_serve_runs_until_it_is_told_to_stop(name):
    process, address = serve(0, "--interval", "0.1")
    try:
        done = run("send", "1-18", "--to", address, "--max-batch-size", "5")
        assert done.stdout.startswith("18 requests in 4 batches of 5, 5, 5 and 3"), done
        assert done.returncode == 0
        process.send_signal(name)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert out == "Stopped, after 4 batches and 18 replies.\n"
    assert err == ""


def test_serve_takes_a_file_a_token_and_the_bounds(tmp_path):
    import batchdemo as bd

    options = ("--interval", "0.1", "--queue", f"sqlite:///{tmp_path}/queue.db", "--token", "a-secret-word")
    process, address = serve(0, *options, "--max-pending-per-client", "5", "--deadline", "60", "--overflow", "reject")
    try:
        assert bd.send([1], address).requests["outcome"].tolist() == ["served"]
        with pytest.raises(bd.BatchdemoError, match="401"):
            bd.send([1], address.split("?")[0])
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert (tmp_path / "queue.db").exists()


def test_serve_on_a_busy_port_says_so():
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        done = run("serve", "--port", str(stranger.getsockname()[1]))
    assert done.returncode == 2
    assert "which another program holds" in done.stderr


def test_send_fails_when_a_check_fails():
    with bd.Server(bd.FixedInterval(5, 0.1)) as server:
        done = run("send", "1-5,7", "--to", server.ws_url, "--max-batch-size", "4")
    assert done.returncode == 1
    assert "✗ no batch above the size: batch 1 held 5, above 4" in done.stdout


def test_an_interrupted_send_shows_what_has_come():
    with bd.Server(bd.FixedInterval(5, 0.2)) as server:
        process = subprocess.Popen(
            [*COMMAND, "send", "1-1000", "--to", server.ws_url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while server.stats()["served"] < 10:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert re.search(r"interrupted after \d+ of 1000 replies", err)
    assert "1000 requests in" in err.replace(",", "")


def test_doctor_looks_the_environment_over():
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        sick = run("doctor", "--port", str(port), http_proxy="http://127.0.0.1:9", no_proxy="")
    assert sick.returncode == 1
    assert f"✗ port {port}: " in sick.stdout
    assert "mend: `batchdemo serve --port 0`" in sick.stdout
    assert "– proxy: http set" in sick.stdout
    assert sick.stdout.endswith("1 to mend.\n")
    well = run("doctor", "--port", str(port))
    assert well.returncode == 0, well.stdout
    assert "✓ Python" in well.stdout
    assert re.search(r"^✓ course: \d+ notebooks at hand; `batchdemo lab` opens them$", well.stdout, re.M)


def test_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    for command in ("demo", "serve", "send", "lab", "doctor"):
        assert re.search(rf"^  {command} ", done.stdout, re.M)
        assert run(command, "--help").returncode == 0
