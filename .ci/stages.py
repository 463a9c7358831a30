#!/usr/bin/env python3
"""Everything that must hold, in stages: `make test`. `make test STAGES="fmt clippy"` runs only the stages named, and
`make test-matrix` (STAGES=matrix) those too that are left out for their time. STAGES=prerequisites only sees to what the
others need.

Meant for a bare Debian machine with Rust, Python 3 and Node. What else is needed is installed when this runs as root;
otherwise it says what to install, and stops. The last line counts everything: `N passed, N failed`.
"""
import glob
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
PYTHON = os.path.join(ROOT, ".venv", "bin", "python")
CARGO_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
SUITE_RESULT = re.compile(r"^suites: (\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")

passed = failed = skipped = 0


def say(text):
    print(text, flush=True)


def run(command, result=None, **options):
    """Runs, shows and counts. Without `result` the command is one check; with it, lines that match are counted."""
    global passed, failed, skipped
    say("$ " + " ".join(command))
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             encoding="utf-8", errors="replace", **options)
    counted = [0, 0, 0]
    for line in child.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        match = result and result.match(line)
        if match:
            counted = [a + int(b or 0) for a, b in zip(counted, match.groups())]
    code = child.wait()
    if not result:
        counted = [int(code == 0), int(code != 0), 0]
    elif code and not counted[1]:
        counted[1] = 1  # it stopped before it could count, for instance because it does not compile
    passed, failed, skipped = passed + counted[0], failed + counted[1], skipped + counted[2]
    return code == 0


# ---- what must be there ------------------------------------------------------------------------------------------

def postgres():
    return shutil.which("postgres") or glob.glob("/usr/lib/postgresql/*/bin/postgres")


def missing_packages():
    wanted = []
    if not shutil.which("cc"):
        wanted += ["gcc", "libc6-dev"]
    if not postgres():
        wanted.append("postgresql")
    if not shutil.which("redis-server"):
        wanted.append("redis-server")
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        wanted.append("python3-venv")
    return wanted


def prerequisites():
    # A shell that is not a login shell has not read ~/.profile, where rustup puts this.
    cargo_bin = os.path.expanduser("~/.cargo/bin")
    if not shutil.which("cargo") and os.path.isdir(cargo_bin):
        os.environ["PATH"] += os.pathsep + cargo_bin
    if not shutil.which("cargo"):
        return stop("cargo is missing: install Rust 1.94.1 or newer, see https://rustup.rs")
    if sys.version_info < (3, 10):
        return stop("Python 3.10 or newer is needed")
    wanted = missing_packages()
    if wanted:
        install = ["apt-get", "install", "-y", "--no-install-recommends", *wanted]
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            return stop("these Debian packages are missing; as root:  " + " ".join(install))
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], env=environment, check=False)
        subprocess.run(install, env=environment, check=False)
        if missing_packages():
            return stop("these Debian packages could not be installed: " + " ".join(missing_packages()))
    for component in ("fmt", "clippy"):
        if subprocess.run(["cargo", component, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            name = "rustfmt" if component == "fmt" else component
            if not shutil.which("rustup") or subprocess.run(["rustup", "component", "add", name]).returncode:
                return stop(f"cargo {component} is missing:  rustup component add {name}")
    return (
        virtual_environment(".venv", sys.executable, "requirements.txt")
        and kms_endpoint()
        and run(["cargo", "fetch", "--locked"])
    )


def virtual_environment(folder, python, requirements):
    requirements = os.path.join("tests", requirements)
    wanted = open(os.path.join(ROOT, requirements), encoding="utf-8").read()
    stamp = os.path.join(ROOT, folder, "installed-requirements.txt")
    if os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == wanted:
        return True
    if not run([python, "-m", "venv", "--clear", folder]):
        return stop("the virtual environment could not be made (Debian: apt-get install python3-venv)")
    pip = [os.path.join(ROOT, folder, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not run([*pip, "-r", requirements]):
        return stop(f"the Python packages of {requirements} could not be installed: is the network there?")
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)
    return True


def kms_endpoint():
    python = python_3_13()
    if python:
        return virtual_environment(".venv-kms", python, "requirements-kms.txt")
    say("There is no Python 3.13: moto stands for AWS KMS, and tests of key states (libs/keys/tests/it/aws.rs) hold nothing.")
    return virtual_environment(".venv-kms", sys.executable, "requirements-kms-moto.txt")


def python_3_13():
    """On the PATH, or among pyenv's versions (its shim on the PATH only works for the version that is switched on)."""
    found = [sys.executable, "python3.13", *sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.13.*/bin/python")))]
    for python in found:
        question = [python, "-c", "import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 13))"]
        if shutil.which(python) and subprocess.run(question, stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return None


def stop(sentence):
    global failed
    failed += 1
    say(sentence)
    return False


def suites(shape):
    """The client suites, in one shape of the service."""
    executable = os.path.join(TARGET, "debug", "rollcall")
    return run(["cargo", "build", "--locked", "-p", "rollcall"]) and run(
        [PYTHON, "tests/suites.py", executable, "--shape", shape], SUITE_RESULT)


def blackbox(shape):
    """The black-box tests on servers: PostgreSQL, and KMS for the keys."""
    environment = {**os.environ, "ROLLCALL_TEST_SHAPE": shape, "ROLLCALL_TEST_KEYS": "kms"}
    command = ["cargo", "test", "--locked", "--no-fail-fast", "-p", "rollcall", "--test", "blackbox"]
    return run(command, CARGO_RESULT, env=environment)


# ---- the stages ---------------------------------------------------------------------------------------------------

PREREQUISITES = "prerequisites"

STAGES = {
    "fmt": lambda: run(["cargo", "fmt", "--all", "--check"]),
    "clippy": lambda: run(["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    "deps": lambda: run(["cargo", "xtask", "deps"]),
    "deny": lambda: run([".ci/deny"]),
    "cargo": lambda: run(["cargo", "test", "--workspace", "--locked", "--no-fail-fast"], CARGO_RESULT),
    "cargo-split": lambda: blackbox("split"),
    "suites": lambda: suites("all"),
    "suites-split": lambda: suites("split"),
}

# Everything in one process on the same servers. What it could break is tested by the two shapes above, so that this is
# left to `make test-matrix`.
MATRIX = {
    "cargo-all-postgres": lambda: blackbox("all-postgres"),
    "suites-all-postgres": lambda: suites("all-postgres"),
}


def main():
    every = {**STAGES, **MATRIX}
    names = sys.argv[1:] or list(STAGES)
    if names == ["matrix"]:
        names = list(every)
    unknown = [name for name in names if name not in (*every, PREREQUISITES)]
    if unknown:
        sys.exit(f"no such stage: {' '.join(unknown)}; there are {' '.join((PREREQUISITES, *every))}, and `matrix` for all of them")
    os.environ.setdefault("CARGO_TERM_COLOR", "never")
    begin = time.monotonic()
    summary = []
    # They come first, whoever names them.
    wanted = [(name, every[name]) for name in names if name != PREREQUISITES]
    for name, stage in [(PREREQUISITES, prerequisites), *wanted]:
        say(f"\n=== {name}")
        started = time.monotonic()
        good = stage()
        summary.append(f"{'ok  ' if good else 'FAIL'} {name} ({time.monotonic() - started:.0f} s)")
        if name == PREREQUISITES and not good:
            break
    say("\n=== summary")
    for line in summary:
        say(line)
    minutes, seconds = divmod(round(time.monotonic() - begin), 60)
    say(f"took {minutes} min {seconds} s")
    tail = f", {skipped} skipped" if skipped else ""
    say(f"{passed} passed, {failed} failed{tail}")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
