#!/usr/bin/env python3
"""How long it takes to add and to remove one member of a group, by the group's size:

    .venv/bin/python tests/measurements/one_member_patch.py EXECUTABLE [--sizes 10,1000,100000] [--rounds 300]

Runs on SQLite and on a private PostgreSQL, over HTTP, one request at a time, the sizes in turn within each round so
that whatever else the machine does falls on all of them alike. Prints medians as ratios to the smallest size.
"""
import argparse
import contextlib
import glob
import http.client
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def postgres(folder):
    """A private server with its defaults for durability, so that a commit costs what it costs."""
    programs = os.path.dirname(shutil.which("postgres") or sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))[-1])
    data, port = os.path.join(folder, "pg"), free_port()
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    os.chmod(folder, 0o755)
    os.mkdir(data)
    if as_user:
        shutil.chown(data, "postgres", "postgres")
    quiet = {"stdout": subprocess.DEVNULL, "check": True, "cwd": "/"}
    subprocess.run([*as_user, f"{programs}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                    "--locale=C.UTF-8"], **quiet)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data}"
    subprocess.run([*as_user, f"{programs}/pg_ctl", "-D", data, "-w", "-l", f"{data}/log", "-o", options, "start"], **quiet)
    try:
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*as_user, f"{programs}/pg_ctl", "-D", data, "-m", "fast", "stop"], **quiet)


class Directory:
    """A directory of a server that was started for it."""

    def __init__(self, executable, folder, database_url):
        self.executable, self.folder = executable, folder
        self.environment = {**os.environ, "ROLLCALL_DATA_DIR": os.path.join(folder, "data"),
                            "ROLLCALL_TELEMETRY__LOG": "warn"}
        if database_url:
            self.environment["ROLLCALL_DATABASE__URL"] = database_url
        self.port = free_port()

    def command(self, *arguments):
        answer = subprocess.run([self.executable, *arguments, "--output", "json"], env=self.environment,
                                stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(answer.stdout)

    def start(self):
        self.command("migrate")
        self.command("tenant", "create", "--slug", "m", "--name", "Measured")
        self.command("directory", "create", "--tenant", "m", "--client", "other", "--directory-id", "d",
                     "--directory-name", "d.example")
        issued = self.command("token", "issue", "--tenant", "m", "--directory", "d")
        self.path = urllib.parse.urlsplit(issued["base_url"]).path
        self.headers = {"Authorization": f"Bearer {issued['token']}", "Content-Type": "application/scim+json"}
        self.process = subprocess.Popen([self.executable, "all", "--listen", f"127.0.0.1:{self.port}"],
                                        env=self.environment)
        for _ in range(300):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            time.sleep(0.1)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def request(self, method, path, body=None, expected=(200, 201, 204)):
        self.connection.request(method, self.path + path, json.dumps(body) if body else None, self.headers)
        answer = self.connection.getresponse()
        payload = answer.read()
        if answer.status not in expected:
            sys.exit(f"{method} {path}: {answer.status} {payload[:300]!r}")
        return json.loads(payload) if payload else None

    def make_users(self, count):
        ids = []
        for start in range(0, count, 500):
            operations = [{"method": "POST", "path": "/Users", "bulkId": str(n),
                           "data": {"schemas": [USER], "userName": f"user{n}@d.example"}}
                          for n in range(start, min(start + 500, count))]
            answer = self.request("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
            ids += [operation["location"].rsplit("/", 1)[1] for operation in answer["Operations"]]
        return ids

    def make_group(self, members):
        group = self.request("POST", "/Groups?attributes=id",
                             {"schemas": [GROUP], "displayName": f"{len(members)} members"})["id"]
        for start in range(0, len(members), 1000):
            values = [{"value": member} for member in members[start:start + 1000]]
            self.patch(group, {"op": "add", "path": "members", "value": values})
        return group

    def patch(self, group, operation):
        started = time.perf_counter()
        self.request("PATCH", f"/Groups/{group}", {"schemas": [PATCH], "Operations": [operation]})
        return time.perf_counter() - started


def measure(directory, sizes, rounds):
    users = directory.make_users(max(sizes) + 1)
    extra, members = users[-1], users[:-1]
    groups = {size: directory.make_group(members[:size]) for size in sizes}
    times = {(size, what): [] for size in sizes for what in ("add", "remove")}
    shuffled = random.Random(1)
    for round_number in range(rounds + 20):
        order = list(sizes)
        shuffled.shuffle(order)
        for size in order:
            added = directory.patch(groups[size], {"op": "add", "path": "members", "value": [{"value": extra}]})
            removed = directory.patch(groups[size], {"op": "remove", "path": f'members[value eq "{extra}"]'})
            if round_number >= 20:  # the first ones warm caches up
                times[size, "add"].append(added)
                times[size, "remove"].append(removed)
    return {key: statistics.median(values) for key, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("executable")
    parser.add_argument("--sizes", default="10,1000,100000")
    parser.add_argument("--rounds", type=int, default=300)
    arguments = parser.parse_args()
    sizes = sorted(int(size) for size in arguments.sizes.split(","))
    print("| database | operation | " + " | ".join(f"{size:,} members" for size in sizes) + " | median at the smallest |")
    print("| --- " * (len(sizes) + 3) + "|")
    for name in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory(prefix="rollcall-measure-") as folder, contextlib.ExitStack() as stack:
            url = stack.enter_context(postgres(folder)) if name == "PostgreSQL" else None
            directory = Directory(os.path.abspath(arguments.executable), folder, url)
            directory.start()
            stack.callback(directory.stop)
            medians = measure(directory, sizes, arguments.rounds)
        for what in ("add", "remove"):
            base = medians[sizes[0], what]
            ratios = " | ".join(f"{medians[size, what] / base:.2f}" for size in sizes)
            print(f"| {name} | {what} one | {ratios} | {base * 1000:.2f} ms |", flush=True)


if __name__ == "__main__":
    main()
