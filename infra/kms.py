#!/usr/bin/env python3
"""A private KMS endpoint from `.venv-kms`, for trying and testing; its keys are gone when it stops.

`Kms(folder)` starts localstack, or moto where there is no Python 3.13, and makes a key behind `alias/rollcall`;
`.settings` is what a Rollcall process that may use it is started with, `.stop()` its end. `installed()` says whether
there is one.
"""
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postgres import free_port  # noqa: E402

PROGRAMS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), ".venv-kms", "bin")
INSTALL = "`make test STAGES=prerequisites` installs one in .venv-kms"
REGION = "eu-central-1"


def installed():
    return os.path.exists(os.path.join(PROGRAMS, "python"))


class Kms:
    def __init__(self, folder):
        self.port, self.folder = free_port(), os.path.join(folder, "kms")
        os.makedirs(self.folder, exist_ok=True)
        moto = os.path.join(PROGRAMS, "moto_server")
        self.is_moto = os.path.exists(moto)
        command = [moto, f"-p{self.port}"] if self.is_moto else [os.path.join(PROGRAMS, "python"), "-m", "localstack.runtime.main"]
        settings = {"SERVICES": "kms", "DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1", "DNS_ADDRESS": "0",
                    "GATEWAY_LISTEN": f"127.0.0.1:{self.port}", "FILESYSTEM_ROOT": self.folder}
        self.log = open(os.path.join(folder, "kms.log"), "w", encoding="utf-8")
        # A session of its own: Ctrl-C is for whoever started this.
        self.process = subprocess.Popen(command, env={**os.environ, **settings}, cwd=self.folder, stdout=self.log,
                                        stderr=self.log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.url = f"http://127.0.0.1:{self.port}"
        try:
            self.wait_until_ready()
            key = self.ask("CreateKey")["KeyMetadata"]["KeyId"]
            self.ask("CreateAlias", AliasName="alias/rollcall", TargetKeyId=key)
        except BaseException:
            self.stop()
            raise

    @property
    def name(self):
        return "moto, which lets disabled and deleted keys go on working" if self.is_moto else "localstack"

    def settings(self, endpoint=None):
        """For the environment of a process that may use the key; through `endpoint` if it is not to go straight there."""
        return {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "ROLLCALL_KEYS__PROVIDER": "aws-kms",
                "ROLLCALL_KEYS__KEY_ID": "alias/rollcall", "ROLLCALL_KEYS__REGION": REGION,
                "ROLLCALL_KEYS__ENDPOINT": endpoint or self.url}

    def ask(self, operation, **arguments):
        """One call; the endpoint does not check signatures."""
        signed = f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/kms/aws4_request, SignedHeaders=host, Signature=0"
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{operation}",
                   "Authorization": signed}
        request = urllib.request.Request(self.url, json.dumps(arguments).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def wait_until_ready(self):
        for _ in range(600):
            if self.process.poll() is not None:
                break
            with contextlib.suppress(urllib.error.URLError, OSError):
                self.ask("ListKeys")
                return
            time.sleep(0.1)
        sys.exit("the KMS endpoint did not start within a minute: " + open(self.log.name, encoding="utf-8").read()[-2000:])

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # nothing that it has is to be kept
        self.process.wait(timeout=60)
        self.log.close()
