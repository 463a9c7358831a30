#!/usr/bin/env python3
"""What clients see, second by second, while a server that Rollcall needs is not there:

    .venv/bin/python tests/measurements/outages.py EXECUTABLE [--seconds 20] [--rate 50] [--only postgres-gone …]

Starts the services apart on private servers, puts a steady load on them, and stops Redis, PostgreSQL and KMS for some
seconds each: once "gone" (nobody listens), once "hangs" (connections stand and nothing answers, SIGSTOP). The load are
users that are read, found by filter, looked up, changed and read again, and created; requests begin at their time whatever
became of those before, and an outage is judged when all of them have ended. While KMS is away a token is issued every
second by the command line; in every outage one token is revoked, which is tried again until it succeeds. Ends with 1 if
an acknowledged write was lost, an answer contradicted one (a lookup: past the bound), what "nothing was changed" was said
of was done, a revoked token was accepted past the bound or could not be revoked, a request took longer than its limit,
had no answer or one with another status than it should, the load could not be sent in time, or it did not recover.
"""
import argparse
import collections
import http.client
import json
import os
import queue
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "infra"))
from split import Split  # noqa: E402

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
OUTAGES = ["redis-gone", "redis-hangs", "postgres-gone", "postgres-hangs", "kms-gone", "kms-hangs"]
# So many seconds of load before an outage, and at most so many after it until all is well again.
BEFORE, AFTER = 5, 30
# A revoked token may be accepted, and a lookup be old, for so long (docs/operations) where nobody could be told.
BOUND = 30
# Said of a write that was not done, for certain.
NOTHING = b"nothing was changed"
# A client does not use a connection again that was idle for so many seconds: the gateway closes it after 75.
IDLE = 60
# A request that begins later than this many seconds after its time is not the load that the table speaks of.
LATE = 3
# No request may take longer: the gateway's, the pool's and the statements' limits are all shorter together.
LONGEST_MS = 60_000
THREADS = 400


class Gate:
    """A door before a server that forgets everything when it is killed: shut, nobody listens."""

    def __init__(self, port):
        self.inside, self.connections, self.lock = port, set(), threading.Lock()
        self.listener = None
        self.open(0)

    def open(self, port=None):
        self.listener = socket.create_server(("127.0.0.1", self.port if port is None else port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def shut(self):
        # Wakes the thread that waits for connections, which closing alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for connection in self.connections:
                connection.close()
            self.connections.clear()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.inside))
            except OSError:
                return
            with self.lock:
                self.connections |= {client, server}
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()

    @staticmethod
    def copy(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Installation(Split):
    """The services apart, with a door before KMS: the endpoint's keys are gone when it is killed."""

    def start_servers(self):
        super().start_servers()
        if self.kms:
            self.gate = Gate(self.kms.port)
            self.kms_endpoint = f"http://127.0.0.1:{self.gate.port}"

    def take_away(self, outage):
        server, how = outage.split("-")
        if how == "hangs":
            self.stopped = tree(getattr(self, server).process.pid)
            for pid in self.stopped:
                os.kill(pid, signal.SIGSTOP)
        elif server == "kms":
            self.gate.shut()
        else:
            process = getattr(self, server).process
            # Redis as if the power went; PostgreSQL likewise, but no child may outlive the parent.
            process.send_signal(signal.SIGKILL if server == "redis" else signal.SIGQUIT)
            process.wait(timeout=60)

    def bring_back(self, outage):
        server, how = outage.split("-")
        if how == "hangs":
            for pid in self.stopped:
                os.kill(pid, signal.SIGCONT)
        elif server == "kms":
            self.gate.open()
        else:
            getattr(self, server).start()


def tree(pid):
    """A process and all below it."""
    children = collections.defaultdict(list)
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as stat:
                children[int(stat.read().rsplit(")", 1)[1].split()[1])].append(int(entry))
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += children[one]
    return found


class Second:
    def __init__(self):
        self.times, self.good, self.later, self.bare, self.other = [], 0, 0, 0, 0
        # Contradictions; lookups that are old within the bound; requests with the revoked token that were answered.
        self.stale = self.old = self.revoked = 0
        self.issued = self.refused = 0


class Slot:
    """One user that one client at a time reads and changes."""

    def __init__(self, user, name):
        self.user, self.name, self.number = user, name, 0
        # The title that was acknowledged last, and those that were sent after it and not acknowledged.
        self.title, self.perhaps = None, []
        # When a title that was acknowledged once was replaced, and that acknowledged, by title.
        self.replaced = {}


class Load:
    def __init__(self, split, base_url, token):
        self.split, self.path, self.token = split, urllib.parse.urlsplit(base_url).path, token
        self.lookups = self.path.replace("/scim/", "/lookup/").removesuffix("/v2") + "/v1"
        self.local, self.lock = threading.local(), threading.Lock()
        self.jobs, self.begin = queue.Queue(), 0.0
        self.seconds = collections.defaultdict(Second)
        self.created, self.surprises, self.names, self.resent = {}, [], 0, 0
        # Names of users of whom it was said that they were not made.
        self.unmade = []
        self.slots = queue.SimpleQueue()
        for number in range(40):
            answer = self.send("POST", "/Users", {"schemas": [USER], "userName": f"slot-{number}"})
            self.slots.put(Slot(json.loads(answer[2])["id"], f"slot-{number}"))
        for _ in range(THREADS):
            threading.Thread(target=self.work, daemon=True).start()

    def send(self, method, path, body=None, token=None):
        """(status, has Retry-After, body); status 0 without an answer."""
        connection = getattr(self.local, "connection", None)
        fresh = connection is None or time.monotonic() - self.local.used > IDLE
        if fresh:
            connection = self.local.connection = http.client.HTTPConnection(self.split.address, timeout=120)
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/scim+json"}
        try:
            path_from_root = path if path.startswith(self.lookups) else self.path + path
            connection.request(method, path_from_root, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            seen = answer.status, bool(answer.getheader("Retry-After")), answer.read()
            self.local.used = time.monotonic()
            return seen
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.local.connection = None
            # A connection that the gateway had closed: as every client does, with what is read and not with writes.
            if method == "GET" and not fresh and isinstance(error, (http.client.RemoteDisconnected, ConnectionResetError)):
                with self.lock:
                    self.resent += 1
                return self.send(method, path, body, token)
            return 0, False, repr(error).encode()

    def work(self):
        while True:
            job, second, due = self.jobs.get()
            try:
                late = time.monotonic() - due
                if late > LATE:
                    self.surprised(f"second {second}: a request was sent {late:.1f} s after its time, all {THREADS} clients wait")
                job(second)
            except Exception as error:  # whatever it is, nobody else would notice
                self.surprised(f"second {second}: the measurement itself failed: {error!r}")
            finally:
                self.jobs.task_done()

    def surprised(self, what):
        with self.lock:
            self.surprises.append(what)

    def timed(self, second, expected, *request, **options):
        begin = time.monotonic()
        status, later, body = self.send(*request, **options)
        took = (time.monotonic() - begin) * 1000
        with self.lock:
            row = self.seconds[second]
            row.times.append(took)
            if status == expected:
                row.good += 1
            elif status == 503 and later:
                row.later += 1
            elif status == 503:
                row.bare += 1
            else:
                row.other += 1
                self.surprises.append(f"second {second}: {request[0]} {request[1][:40]} was answered {status}: {body[:200]!r}")
            if took > LONGEST_MS:
                self.surprises.append(f"second {second}: {request[0]} {request[1][:40]} took {took:.0f} ms")
        return status, body

    def create(self, second):
        with self.lock:
            self.names += 1
            name = f"made-{self.names}"
        status, body = self.timed(second, 201, "POST", "/Users", {"schemas": [USER], "userName": name})
        if status == 201:
            with self.lock:
                self.created[json.loads(body)["id"]] = name
        elif NOTHING in body:
            with self.lock:
                self.unmade.append(name)

    def with_slot(self, what):
        def job(second):
            try:
                slot = self.slots.get_nowait()
            except queue.Empty:  # all are waiting for answers
                return self.create(second)
            try:
                what(second, slot)
            finally:
                self.slots.put(slot)
        return job

    def judge(self, second, slot, user):
        if user.get("title") not in [slot.title, *slot.perhaps]:
            with self.lock:
                self.seconds[second].stale += 1
                self.surprises.append(f"second {second}: {slot.name} has {user.get('title')}, not {slot.title} or {slot.perhaps}")

    def read(self, second, slot):
        status, body = self.timed(second, 200, "GET", f"/Users/{slot.user}")
        if status == 200:
            self.judge(second, slot, json.loads(body))

    def find(self, second, slot):
        query = urllib.parse.quote(f'userName eq "{slot.name}"')
        status, body = self.timed(second, 200, "GET", f"/Users?filter={query}")
        if status == 200:
            found = json.loads(body).get("Resources", [])
            self.judge(second, slot, found[0] if len(found) == 1 else {"title": f"{len(found)} found"})

    def look_up(self, second, slot):
        asked = time.monotonic()
        status, body = self.timed(second, 200, "GET", f"{self.lookups}/users/{slot.user}")
        if status == 200:
            title = json.loads(body).get("displayName")
            if title in slot.replaced and asked - slot.replaced[title] <= BOUND:
                with self.lock:
                    self.seconds[second].old += 1
            else:
                self.judge(second, slot, {"title": title})

    def change(self, second, slot):
        slot.number += 1
        title = f"title-{slot.number}"
        slot.perhaps.append(title)
        # The one is read and found, the other looked up.
        operations = [{"op": "replace", "path": path, "value": title} for path in ("title", "displayName")]
        status, body = self.timed(second, 200, "PATCH", f"/Users/{slot.user}", {"schemas": [PATCH], "Operations": operations})
        if status != 200 and NOTHING in body:
            # From now on an answer that has it contradicts this one.
            slot.perhaps.remove(title)
        if status == 200:
            for before in (slot.title, *slot.perhaps):
                slot.replaced.setdefault(before, time.monotonic())
            slot.title, slot.perhaps = title, []
            self.judge(second, slot, json.loads(body))
            self.read(second, slot)

    def run(self, seconds, rate, each_second):
        """Requests begin at their time, whatever became of those before; ends when all of them have ended."""
        chances, beside = random.Random(7), []
        self.begin = time.monotonic()
        for number in range(seconds * rate):
            at = number / rate
            time.sleep(max(0.0, self.begin + at - time.monotonic()))
            second = int(at)
            if number % rate == 0:
                beside.append(self.beside(each_second, second))
            what = chances.choices([self.read, self.find, self.look_up, self.change, None], [20, 20, 20, 20, 20])[0]
            self.jobs.put((self.with_slot(what) if what else self.create, second, self.begin + at))
        for thread in beside:
            thread.join()
        self.jobs.join()

    def beside(self, what, *arguments):
        """Does something beside the load; if it fails, that is told."""
        def guarded():
            try:
                what(*arguments)
            except (Exception, SystemExit) as error:
                self.surprised(f"{what.__name__}{arguments}: the measurement itself failed: {error!r}")
        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        return thread

    def is_there(self, name):
        """Whether a user of this name was made; who cannot be asked for counts as made."""
        query = urllib.parse.quote(f'userName eq "{name}"')
        status, _, body = self.send("GET", f"/Users?filter={query}")
        return status != 200 or json.loads(body)["totalResults"] != 0

    def now(self):
        return time.monotonic() - self.begin


def outage(split, load, name, seconds, rate):
    """The table of one outage; what was wrong."""
    load.seconds.clear()
    load.surprises.clear()
    load.resent = 0
    revoked = split.command("token", "issue", "--tenant", "outages", "--directory", "D-1")
    state = {"revoked_at": None, "back_at": None}
    # It is known everywhere before it is revoked.
    load.send("GET", "/Users?count=1", token=revoked["token"])
    end, total = BEFORE + seconds, BEFORE + seconds + AFTER

    def each_second(second):
        if second == BEFORE:
            split.take_away(name)
        if second == end:
            split.bring_back(name)
            state["back_at"] = load.now()
        with load.lock:
            row = load.seconds[second]
        if second == BEFORE + 3:
            # The first to succeed counts; a try may take as long as the outage.
            while state["revoked_at"] is None and load.now() < total:
                state["revoked_at"] = revoke(split, revoked["token_id"], load)
                time.sleep(0.5)
            return
        if state["revoked_at"] is not None:
            status, *_ = load.send("GET", "/Users?count=1", token=revoked["token"])
            late = load.now() - state["revoked_at"] > BOUND
            row.revoked += status == 200
            if status == 200 and late:
                load.surprised(f"second {second}: the token revoked at {state['revoked_at']:.1f} is accepted")
        if name.startswith("kms"):
            good = issue(split)
            row.issued, row.refused = row.issued + good, row.refused + (not good)

    load.run(total, rate, each_second)
    if state["revoked_at"] is None:
        load.surprised("the token could not be revoked, not even afterwards")
    else:
        time.sleep(max(0.0, state["revoked_at"] + BOUND + 1 - load.now()))
        status, *_ = load.send("GET", "/Users?count=1", token=revoked["token"])
        if status != 401:
            load.surprised(f"the token revoked at {state['revoked_at']:.1f} is answered {status} past the bound")
    print(f"\n{name}: away from second {BEFORE} to {end}, back after {state['back_at']:.1f} s", flush=True)
    print("second requests   2xx  503+Retry-After  503  other   p50 ms   max ms  stale  old lookups  revoked accepted"
          + ("  issued refused" if name.startswith("kms") else ""))
    well_from = None
    for second in range(total):
        row = load.seconds[second]
        well = row.good == len(row.times)
        well_from = (second if well_from is None else well_from) if well else None
        times = row.times or [0.0]
        tail = f"  {row.issued:>6} {row.refused:>7}" if name.startswith("kms") else ""
        print(f"{second:>6} {len(row.times):>8} {row.good:>5} {row.later:>16} {row.bare:>4} {row.other:>6} "
              f"{statistics.median(times):>8.1f} {max(times):>8.1f} {row.stale:>6} {row.old:>12} {row.revoked:>17}{tail}")
    if well_from is None or well_from > total - 3:
        load.surprises.append("it did not recover")
    else:
        recovery = max(0.0, well_from - state["back_at"])
        print(f"all is well from second {well_from} on, {recovery:.1f} s after it was back; "
              f"the token was {'revoked at %.1f' % state['revoked_at'] if state['revoked_at'] is not None else 'never revoked'}; "
              f"{load.resent} reads were sent again on a new connection")
    for row in load.seconds.values():
        if row.bare:
            load.surprises.append(f"{row.bare} answers 503 without Retry-After")
    return list(load.surprises)


def quietly(split, *arguments):
    """Whether an admin command succeeds."""
    environment = {"ROLLCALL_PUBLIC_URL": f"http://{split.address}", **split.command_settings()}
    command = [split.executable, *arguments, "--data-dir", split.data, "--output", "json"]
    try:
        return subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def revoke(split, token_id, load):
    done = quietly(split, "token", "revoke", "--tenant", "outages", "--directory", "D-1", "--token-id", token_id)
    return load.now() if done else None


def issue(split):
    return quietly(split, "token", "issue", "--tenant", "outages", "--directory", "D-1")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("executable")
    options.add_argument("--seconds", type=int, default=20, help="how long each outage is (20)")
    options.add_argument("--rate", type=int, default=50, help="requests a second (50)")
    options.add_argument("--only", nargs="*", choices=OUTAGES, default=OUTAGES)
    options = options.parse_args()
    wrong = []
    with tempfile.TemporaryDirectory(prefix="rollcall-outages-") as folder:
        split = Installation(options.executable, folder)
        try:
            split.start()
            split.command("tenant", "create", "--slug", "outages", "--name", "Outages")
            split.command("directory", "create", "--tenant", "outages", "--client", "other", "--directory-id", "D-1",
                          "--directory-name", "d-1.example")
            issued = split.command("token", "issue", "--tenant", "outages", "--directory", "D-1")
            load = Load(split, issued["base_url"], issued["token"])
            for name in options.only:
                if getattr(split, name.split("-")[0]) is None:
                    print(f"\n{name}: not measured, there is none here")
                    continue
                wrong += [f"{name}: {what}" for what in outage(split, load, name, options.seconds, options.rate)]
            lost = [name for user, name in load.created.items() if load.send("GET", f"/Users/{user}")[0] != 200]
            print(f"\n{len(load.created)} creates were acknowledged, {len(lost)} of them are lost")
            wrong += [f"{name} was acknowledged and is lost" for name in lost]
            made = [name for name in load.unmade if load.is_there(name)]
            print(f"{len(load.unmade)} creates were answered with \"nothing was changed\", {len(made)} of them were made")
            wrong += [f"{name} was said not to be made and is there" for name in made]
        finally:
            split.stop()
    for what in wrong[:40]:
        print(f"WRONG {what}")
    print(f"outages: {len(wrong)} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
