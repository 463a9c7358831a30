#!/usr/bin/env python3
"""The suites in Python against the real server:  .venv/bin/python tests/suites.py EXECUTABLE [--shape SHAPE] [suite…]

Starts `EXECUTABLE all` on a free port with data in a temporary folder (`--shape all`), the same on a private
PostgreSQL, KMS endpoint and Redis (`all-postgres`), or the services apart on these (`split`); makes a tenant, and for
each suite a directory with a token of its own, all by the command line. Suites: traffic (what clients were seen to send), scim2-tester,
okta-spec, entra-spec. A suite passes when nothing in it failed and nothing was skipped. The last line is
`suites: N passed, M failed`.
"""
import argparse
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "infra"))
from split import Split  # noqa: E402

RESULT = re.compile(r"^[\w-]+: (\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")
SKIPPED = re.compile(r"^[\w-]+: (\d+) skipped$")
SUITES = {
    "traffic": ("other", ["traffic/replay.py"], ["--strict"]),
    "scim2-tester": ("other", ["conformance/run_scim2_tester.py"], []),
    "okta-spec": ("okta", ["conformance/okta_spec.py"], []),
    "entra-spec": ("entra-id", ["conformance/entra_spec.py"], []),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, executable, data, settings=None):
        self.executable, self.data = executable, data
        self.environment = {**os.environ, **(settings or {})}
        self.address = f"127.0.0.1:{free_port()}"

    def command(self, *arguments):
        """An admin command; its JSON."""
        answer = subprocess.run([self.executable, *arguments, "--data-dir", self.data, "--output", "json"],
                                env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        if answer.returncode:
            sys.exit(f"rollcall {' '.join(arguments)} failed: {answer.stderr or answer.stdout}")
        return json.loads(answer.stdout)

    @contextlib.contextmanager
    def running(self):
        with open(os.path.join(self.data, "..", "server.log"), "w", encoding="utf-8") as log:
            process = subprocess.Popen([self.executable, "all", "--data-dir", self.data, "--listen", self.address],
                                       env=self.environment, stdout=log, stderr=log)
            try:
                self.wait_until_ready(process, log.name)
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)

    def wait_until_ready(self, process, log):
        for _ in range(600):
            if process.poll() is not None:
                sys.exit("the server stopped at once: " + open(log, encoding="utf-8").read()[-2000:])
            with contextlib.suppress(urllib.error.URLError, OSError):
                if urllib.request.urlopen(f"http://{self.address}/health/ready", timeout=2).status == 200:
                    return
            time.sleep(0.1)
        sys.exit("the server was not ready within a minute: " + open(log, encoding="utf-8").read()[-2000:])


@contextlib.contextmanager
def running(executable, shape, folder):
    """A server of the shape, ready, with a tenant."""
    if shape == "split":
        server = Split(executable, folder)
        try:
            server.start()
            server.command("tenant", "create", "--slug", "suites", "--name", "Suites")
            yield server
        finally:
            server.stop()
        return
    data = os.path.join(folder, "data")
    os.mkdir(data)
    with Backing(executable, folder) if shape == "all-postgres" else contextlib.nullcontext() as backing:
        server = Server(executable, data, backing and backing.command_settings())
        server.command("migrate")
        server.command("tenant", "create", "--slug", "suites", "--name", "Suites")
        with server.running():
            yield server


class Backing(Split):
    """The servers of a split installation without its services."""

    def __enter__(self):
        self.start_servers()
        return self

    def __exit__(self, *_):
        self.stop()


def new_directory(server, client, name):
    server.command("directory", "create", "--tenant", "suites", "--client", client, "--directory-id", name,
                   "--directory-name", f"{name}.example")
    issued = server.command("token", "issue", "--tenant", "suites", "--directory", name)
    path = issued["base_url"].split("/scim/", 1)[1]
    return f"http://{server.address}/scim/{path}", issued["token"]


def run_suite(name, url, token):
    """(passed, failed, skipped), with everything the suite says shown."""
    _, script, options = SUITES[name]
    command = [sys.executable, "-u", os.path.join(HERE, *script), url, token, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    counted, skipped = (0, 1, 0), 0  # a suite that never gets to its last line has failed
    for line in process.stdout:
        print("  " + line, end="", flush=True)
        if match := SKIPPED.match(line.strip()):
            skipped += int(match[1])
        if match := RESULT.match(line.strip()):
            counted = tuple(int(number or 0) for number in match.groups())
    code = process.wait()
    passed, failed, more = counted
    if code and not failed:
        failed = 1
    return passed, failed, skipped + more


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("executable")
    options.add_argument("--shape", choices=["all", "all-postgres", "split"], default="all")
    options.add_argument("suites", nargs="*", metavar="suite")
    options = options.parse_intermixed_args()
    total = [0, 0, 0]
    with tempfile.TemporaryDirectory(prefix="rollcall-suites-") as folder:
        with running(os.path.abspath(options.executable), options.shape, folder) as server:
            for name in options.suites or list(SUITES):
                url, token = new_directory(server, SUITES[name][0], name)
                print(f"--- {name}", flush=True)
                total = [a + b for a, b in zip(total, run_suite(name, url, token))]
    tail = f", {total[2]} skipped" if total[2] else ""
    print(f"suites: {total[0]} passed, {total[1]} failed{tail}")
    sys.exit(1 if total[1] or total[2] or not total[0] else 0)


if __name__ == "__main__":
    main()
