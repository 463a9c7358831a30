#!/usr/bin/env python3
"""A private Redis from the system's program, for trying and testing; it keeps nothing on the disk.

`Redis(folder)` starts one on a free port of 127.0.0.1; `.url` is its address, `.stop()` its end. `installed()` says
whether there is a program.
"""
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postgres import free_port  # noqa: E402

INSTALL = "install it: on Debian and Ubuntu `apt-get install redis-server`, on Fedora `dnf install redis`, on macOS `brew install redis`"


def installed():
    return shutil.which("redis-server") is not None


class Redis:
    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process = None
        self.start()

    def start(self):
        """Also again, on the same port and empty, after it was stopped."""
        with open(os.path.join(self.folder, "redis.log"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"],
                cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        for _ in range(300):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(16).startswith(b"+PONG"):
                        return
            except OSError:
                pass
            time.sleep(0.05)
        self.stop()
        sys.exit("Redis did not start: " + open(os.path.join(self.folder, "redis.log"), encoding="utf-8").read()[-2000:])

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)
