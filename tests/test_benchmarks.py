"""The benchmarks that need no other server run at all; what they measure here means nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("name", ["added_wait", "memory", "policies", "preforming", "simulating", "soak", "submitting"])
def test_a_quick_run_prints_its_table(name):
    ran = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", "--quick"], capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("\n| ") >= 3


def test_each_benchmark_stands_in_the_table_and_each_but_the_client_in_make_bench():
    scripts = {path.stem for path in FOLDER.glob("*.py") if "def main()" in path.read_text(encoding="utf-8")}
    table = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {name for name in scripts if f"| `python benchmarks/{name}.py` |" in table} == scripts
    (line,) = [line for line in (FOLDER.parent / "Makefile").read_text().splitlines() if "for script in" in line]
    assert set(line.split("in ")[1].split(";")[0].split()) == scripts - {"wsload"}
