#!/usr/bin/env python3
"""scim2-tester (PyPI, python-scim family) against a server:  run_scim2_tester.py URL TOKEN [-v]

ERROR and CRITICAL results are failures. DEVIATION (a SHOULD that is not followed) is shown as WARN and not counted as failed.
The last line is `scim2-tester: N passed, M failed`; skipped ones are counted in a line before it.
"""
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

KINDS = {Status.SUCCESS: "pass", Status.COMPLIANT: "pass", Status.ACCEPTABLE: "pass", Status.SKIPPED: "skip", Status.DEVIATION: "warn"}
TAGS = {"fail": "FAIL", "warn": "WARN", "skip": "SKIP", "pass": "ok  "}


def main():
    url, token, verbose = sys.argv[1], sys.argv[2], "-v" in sys.argv[3:]
    client = Client(base_url=url.rstrip("/"), headers={"Authorization": "Bearer " + token}, timeout=30)
    try:
        results = check_server(SyncSCIMClient(client))
    except Exception as error:  # the tester gives up when discovery is unusable
        print(f"FAIL tester aborted: {type(error).__name__}: {str(error)[:400]}")
        print("scim2-tester: 0 passed, 1 failed")
        sys.exit(1)
    count = dict.fromkeys(TAGS, 0)
    for result in results:
        kind = KINDS.get(result.status, "fail")
        count[kind] += 1
        if kind != "pass" or verbose:
            subject = f" ({result.resource_type})" if result.resource_type else ""
            print(TAGS[kind], f"{result.status.name} {result.title}{subject}: {' '.join(str(result.reason or '').split())[:500]}")
    if count["warn"]:
        print(f"scim2-tester: {count['warn']} deviations")
    if count["skip"]:
        print(f"scim2-tester: {count['skip']} skipped")
    print(f"scim2-tester: {count['pass']} passed, {count['fail']} failed")
    sys.exit(0 if count["fail"] == 0 and count["pass"] else 1)


if __name__ == "__main__":
    main()
