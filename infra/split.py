#!/usr/bin/env python3
"""Rollcall as separate services on this machine:  infra/split.py EXECUTABLE [--port PORT]

Starts a private PostgreSQL, a KMS endpoint and a Redis where there are such, and `EXECUTABLE tokens`, `directory`,
`worker` and `gateway` on 127.0.0.1, each with its own secrets only; makes a tenant and a directory, prints its Base URL
and a token, and stops everything on Ctrl-C. What it keeps lies in a temporary folder and goes with it.
"""
import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kms  # noqa: E402
import redis  # noqa: E402
from postgres import Postgres, free_port  # noqa: E402

ROLES = ("tokens", "directory", "worker", "gateway")
# Those that cache.
WITH_REDIS = ("tokens", "directory", "gateway")


class Split:
    """The services, and what they share. `with_kms` and `with_redis` are for those who test without."""

    def __init__(self, executable, folder, port=None, with_kms=True, with_redis=True):
        self.executable, self.folder = os.path.abspath(executable), folder
        self.data = os.path.join(folder, "data")
        self.ports = {role: free_port() for role in ROLES}
        if port:
            self.ports["gateway"] = port
        self.address = f"127.0.0.1:{self.ports['gateway']}"
        self.secret = secrets.token_hex(32)
        self.processes = []
        self.postgres = self.kms = self.redis = None
        self.with_kms = with_kms and kms.installed()
        self.with_redis = with_redis and redis.installed()
        # Where the token service finds KMS, if not straight at the endpoint.
        self.kms_endpoint = None

    def start(self):
        self.start_servers()
        self.command("migrate")
        for role in ROLES:
            self.processes.append(self.launch(role))
        self.wait_until_ready()

    def start_servers(self):
        self.postgres = Postgres(self.folder)
        if self.with_kms:
            self.kms = kms.Kms(self.folder)
        if self.with_redis:
            self.redis = redis.Redis(self.folder)

    def environment(self, role):
        """What `role` may know, and nothing else."""
        surfaces = {"gateway": ["scim", "oauth", "lookup"], "worker": []}.get(role, ["internal"]) + ["health", "metrics"]
        listener = f'{{address = "127.0.0.1:{self.ports[role]}", surfaces = {json.dumps(surfaces)}}}'
        settings = {"LISTENERS": f"[{listener}]", "INTERNAL__DRAIN_SECONDS": "0"}
        if role != "worker":
            settings["INTERNAL__SECRET"] = self.secret
        if role == "gateway":
            settings["PUBLIC_URL"] = f"http://{self.address}"
            settings["INTERNAL__TOKENS_URL"] = f"http://127.0.0.1:{self.ports['tokens']}"
            settings["INTERNAL__DIRECTORY_URL"] = f"http://127.0.0.1:{self.ports['directory']}"
        else:
            settings["DATABASE__URL"] = self.postgres.url
        if self.redis and role in WITH_REDIS:
            settings["REDIS__URL"] = self.redis.url
        own = {f"ROLLCALL_{name}": value for name, value in settings.items()}
        return {**own, **self.keys()} if role == "tokens" else own

    def keys(self):
        """What the token service and the admin commands alone may know."""
        return self.kms.settings(self.kms_endpoint) if self.kms else {}

    def launch(self, role):
        folder = self.data if role == "tokens" else os.path.join(self.folder, f"nothing-for-{role}")
        log = open(os.path.join(self.folder, f"{role}.log"), "w", encoding="utf-8")
        with log:
            return subprocess.Popen([self.executable, role, "--data-dir", folder], stdout=log, stderr=log,
                                    env=self.environment(role), start_new_session=True)

    def command(self, *arguments):
        """An admin command; its JSON."""
        settings = {"ROLLCALL_PUBLIC_URL": f"http://{self.address}", **self.command_settings()}
        answer = subprocess.run([self.executable, *arguments, "--data-dir", self.data, "--output", "json"], env=settings,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        if answer.returncode:
            sys.exit(f"rollcall {' '.join(arguments)} failed: {answer.stderr or answer.stdout}")
        return json.loads(answer.stdout)

    def command_settings(self):
        """All that the servers are used by: for the admin commands, and for `all`."""
        settings = {"ROLLCALL_DATABASE__URL": self.postgres.url, **self.keys()}
        return {**settings, "ROLLCALL_REDIS__URL": self.redis.url} if self.redis else settings

    def wait_until_ready(self):
        for _ in range(600):
            for role, process in zip(ROLES, self.processes):
                if process.poll() is not None:
                    sys.exit(f"the {role} service stopped at once: {self.log(role)}")
            with contextlib.suppress(urllib.error.URLError, OSError):
                if urllib.request.urlopen(f"http://{self.address}/health/ready", timeout=2).status == 200:
                    return
            time.sleep(0.1)
        sys.exit("the services were not ready within a minute: " + "".join(self.log(role) for role in ROLES))

    def log(self, role):
        with open(os.path.join(self.folder, f"{role}.log"), encoding="utf-8") as log:
            return log.read()[-2000:]

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for role, process in zip(ROLES, self.processes):
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                print(f"the {role} service did not stop within a minute and is killed", file=sys.stderr)
                process.kill()
                process.wait()
        # Whatever becomes of one, the others are stopped.
        with contextlib.ExitStack() as servers:
            for server in (self.postgres, self.kms, self.redis):
                if server:
                    servers.callback(server.stop)

    def servers(self):
        """What there is beside the services, a line each."""
        yield "database", self.postgres.url
        if self.kms:
            yield "KMS", f"{self.kms.url} ({self.kms.name})"
        else:
            yield "keys", f"the keyring file in the token service's data folder; for a KMS endpoint {kms.INSTALL}"
        if self.redis:
            yield "Redis", self.redis.url
        else:
            yield "Redis", f"none; {redis.INSTALL}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("executable")
    options.add_argument("--port", type=int, default=8080, help="the gateway's port (8080)")
    options = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="rollcall-split-") as folder:
        split = Split(options.executable, folder, options.port)
        try:
            split.start()
            split.command("tenant", "create", "--slug", "demo", "--name", "Demo")
            split.command("directory", "create", "--tenant", "demo", "--client", "other", "--directory-id", "demo-1",
                          "--directory-name", "demo.example")
            issued = split.command("token", "issue", "--tenant", "demo", "--directory", "demo-1")
            print("Rollcall runs as separate services:")
            for role in ROLES:
                print(f"  {role:<10} http://127.0.0.1:{split.ports[role]}")
            for name, what in split.servers():
                print(f"  {name:<10} {what}")
            print(f"  {'logs':<10} {folder}/*.log\n")
            print(f"  Base URL  {issued['base_url']}\n  Token     {issued['token']}\n")
            print(f"Try:\n  curl -H 'Authorization: Bearer {issued['token']}' '{issued['base_url']}/Users'")
            print("Ctrl-C stops everything and removes what it kept.", flush=True)
            while all(process.poll() is None for process in split.processes):
                time.sleep(0.5)
            sys.exit("a service stopped: " + "".join(split.log(role) for role in ROLES))
        except KeyboardInterrupt:
            pass
        finally:
            split.stop()
    print("Stopped.")


if __name__ == "__main__":
    main()
