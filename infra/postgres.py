#!/usr/bin/env python3
"""A private PostgreSQL from the system's programs, for trying and testing; never for data that matters.

`Postgres(folder)` makes a new one in `folder` on a free port of 127.0.0.1; `.url` is its address, `.stop()` its end.
"""
import glob
import os
import shutil
import socket
import subprocess
import sys
import time

INSTALL = ("PostgreSQL's server programs were not found. Install them: on Debian and Ubuntu `apt-get install postgresql`, "
           "on Fedora `dnf install postgresql-server postgresql`, on macOS `brew install postgresql`.")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def programs():
    """The folder of the newest server programs."""
    installed = glob.glob("/usr/lib/postgresql/*/bin/postgres")
    if installed:
        return os.path.dirname(max(installed, key=lambda path: int(path.split("/")[4])))
    on_path = shutil.which("postgres")
    return os.path.dirname(on_path) if on_path else sys.exit(INSTALL)


class Postgres:
    def __init__(self, folder):
        self.programs, self.port = programs(), free_port()
        self.data = os.path.join(folder, "postgres")
        # PostgreSQL refuses to run as root: root lets the user postgres do it.
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        os.makedirs(self.data, exist_ok=True)
        if self.user:
            subprocess.run(["chown", "postgres", self.data], check=True)
            os.chmod(folder, 0o755)
        quiet = {"cwd": "/", "stdout": subprocess.DEVNULL, "check": True}
        subprocess.run([*self.user, self.program("initdb"), "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                        "--locale=C", "--no-instructions"], **quiet)
        self.log = open(os.path.join(folder, "postgres.log"), "w", encoding="utf-8")
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self.process = None
        self.start()

    def start(self):
        """Also again, on the same port with the same data, after it was stopped."""
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "",
                    "max_connections": 200}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        # A session of its own: Ctrl-C is for whoever started this, who then stops the server in good order.
        self.process = subprocess.Popen([*self.user, self.program("postgres"), "-D", self.data, *options], cwd="/",
                                        stdout=self.log, stderr=self.log, start_new_session=True)
        self.wait_until_ready()

    def program(self, name):
        return os.path.join(self.programs, name)

    def wait_until_ready(self):
        ask = [self.program("psql"), "-X", "-q", "-c", "SELECT 1", self.url]
        for _ in range(300):
            if self.process.poll() is None and not subprocess.run(ask, capture_output=True, check=False).returncode:
                return
            time.sleep(0.1)
        self.stop()
        sys.exit("PostgreSQL did not start within 30 seconds: " + open(self.log.name, encoding="utf-8").read()[-2000:])

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(2)  # SIGINT: at once, in good order
            self.process.wait(timeout=60)
        self.log.close()
