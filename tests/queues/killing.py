"""A process that writes to a store and is killed, without a chance to tidy up."""

from __future__ import annotations

import subprocess
import sys


class Child:
    """Runs a script; `say` gives its next line, `kill` kills it (SIGKILL) and gives the lines that were left."""

    def __init__(self, script, *args):
        command = [sys.executable, "-u", "-c", script, *map(str, args)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def say(self):
        line = self.process.stdout.readline()
        assert line, "the child ended too early"
        return line.strip()

    def kill(self):
        self.process.kill()
        rest = self.process.stdout.read().splitlines()
        self.process.stdout.close()
        self.process.wait(30)
        return rest

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
