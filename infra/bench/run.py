#!/usr/bin/env python3
"""`make bench`: measures an executable on a private PostgreSQL with its defaults for durability.

    infra/bench/run.py TOOL EXECUTABLE OUT PROFILE [--smoke] [options of `rollcall-bench run`]

Everything lies in a temporary folder but the results, which go to OUT. `--smoke` runs the smallest form, in seconds.
"""
import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from postgres import Postgres  # noqa: E402

SMOKE = ["--users", "400", "--sizes", "10,50", "--sync", "20", "--rounds", "1", "--seconds", "0.1", "--connections", "4"]


def commit():
    """Of the code that is measured; none outside a clone."""
    here = os.path.dirname(os.path.abspath(__file__))
    shown = subprocess.run(["git", "describe", "--always", "--dirty", "--exclude", "*"], cwd=here, capture_output=True,
                           text=True, check=False)
    return shown.stdout.strip() or "of an unknown commit"


def main():
    tool, executable, out, profile, *options = sys.argv[1:]
    options = [given for option in options for given in (SMOKE if option == "--smoke" else [option])]
    os.makedirs(out, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        postgres = Postgres(folder)
        try:
            about = f"{commit()}, build profile `{profile}`"
            server = postgres.url.rsplit("/", 1)[0]
            run = subprocess.run([tool, "run", "--rollcall", executable, "--server", server, "--server-pid",
                                  str(postgres.process.pid), "--out", out, "--about", about, *options], check=False)
        finally:
            postgres.stop()
    sys.exit(run.returncode)


if __name__ == "__main__":
    main()
