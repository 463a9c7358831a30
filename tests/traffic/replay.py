#!/usr/bin/env python3
"""Replay IdP SCIM transcripts against a SCIM 2.0 base URL.

    replay.py URL TOKEN [files or folders ...] [options]

With no files, every **/*.json beside this script is replayed.
Needs Python 3.10 and httpx: run it with .venv/bin/python, which `make test` makes.

Transcript file: {idp, scenario, confidence, sources, quirks, notes, headers, requires, steps: [...]}
Step: {name, method, path, headers?, body?, auth?, repeat?, parallel?, save?, save_append?, expect?}
  path          relative to URL, already percent-encoded as the IdP sends it
  auth          "bearer" (default) | "none" | "wrong" (an invalid token) | "lower" (scheme written "bearer")
  repeat N      run N times with {{i}} = 1..N; parallel K runs those in K threads
  pages true    follow the list to its end ({{page}} is the startIndex in `path`) and judge all Resources together
  save          {var: path} from the response; a missing value fails the step
  save_append   {var: path} appended to a list variable
  expect.status list of accepted status codes
  expect.json   list of checks (skipped when the response is 204 or has no body, unless expect.body is true)
  expect.headers list of {name, matches|exists}
Checks: {path, equals | iequals | exists | absent | contains | not_contains | length | min_length |
         type | one_of | matches | ge | le | distinct}
Paths: $.a.b[0].c, $.a[*].b, $.a[?type=="work"].value, $['urn:...:User'].x
Variables: {{run}} {{i}} {{base}} {{token}} {{guid.NAME}} {{oktaid.NAME}} {{hex24.NAME}} {{upper.NAME}} and saved ones.
A JSON list item {"$each": "listvar", "do": X} expands in place, with {{it}} bound to each element;
optional "from"/"to" slice it.
"""
import argparse, concurrent.futures, glob, json, os, random, re, string, sys, time, uuid
from urllib.parse import quote

try:
    import httpx
except ImportError:
    sys.exit("replay.py needs httpx: run it with .venv/bin/python, which `make test` makes")

HERE = os.path.dirname(os.path.abspath(__file__))
VAR = re.compile(r"\{\{\s*([A-Za-z0-9_.]+)\s*\}\}")
ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"


class Fail(Exception):
    pass


# ---------- path language -------------------------------------------------
TOK = re.compile(r"""\.(?P<name>[A-Za-z_$][\w$\-]*) | \['(?P<q>[^']+)'\] | \[(?P<idx>-?\d+)\] | \[(?P<star>\*)\]
                   | \[\?(?P<fk>[\w.$]+)\s*==\s*(?P<fv>"[^"]*"|true|false|-?\d+)\]""", re.X)


def resolve(doc, path):
    if not path.startswith("$"):
        path = "$." + path
    nodes, pos = [doc], 1
    while pos < len(path):
        m = TOK.match(path, pos)
        if not m:
            raise Fail(f"bad path {path!r} at {pos}")
        pos = m.end()
        out = []
        for n in nodes:
            if m["name"] is not None or m["q"] is not None:
                k = m["name"] if m["name"] is not None else m["q"]
                if isinstance(n, dict) and k in n:
                    out.append(n[k])
            elif m["idx"] is not None:
                i = int(m["idx"])
                if isinstance(n, list) and -len(n) <= i < len(n):
                    out.append(n[i])
            elif m["star"]:
                if isinstance(n, list):
                    out.extend(n)
                elif isinstance(n, dict):
                    out.extend(n.values())
            else:
                want = json.loads(m["fv"])
                for e in n if isinstance(n, list) else []:
                    got = e
                    for part in m["fk"].split("."):
                        got = got.get(part) if isinstance(got, dict) else None
                    if got == want or (isinstance(got, str) and isinstance(want, str) and got.lower() == want.lower()):
                        out.append(e)
        nodes = out
    return nodes


def same(a, b):
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return a == b


def superset(got, want):
    """got carries at least everything in want."""
    if isinstance(want, dict):
        return isinstance(got, dict) and all(k in got and superset(got[k], v) for k, v in want.items())
    if isinstance(want, list):
        return isinstance(got, list) and all(any(superset(g, w) for g in got) for w in want)
    return same(got, want)


def short(v, n=160):
    s = json.dumps(v, ensure_ascii=False)
    return s if len(s) <= n else s[: n - 1] + "…"


TYPES = {"string": str, "array": list, "object": dict}


def check(doc, c):
    path = c["path"]
    got = resolve(doc, path)
    live = [g for g in got if g is not None]
    first = live[0] if live else None
    for key, want in c.items():
        if key in ("path", "why"):
            continue
        if key == "exists":
            ok = bool(live) == bool(want)
        elif key == "absent":
            empty = all(g in (None, [], "", {}) for g in got)
            ok = empty == bool(want)
        elif key == "equals":
            ok = bool(live) and same(first, want)
        elif key == "iequals":
            ok = isinstance(first, str) and first.lower() == str(want).lower()
        elif key == "contains":
            ok = any((isinstance(g, str) and isinstance(want, str) and want in g)
                     or (isinstance(g, list) and any(superset(e, want) for e in g)) for g in live)
        elif key == "not_contains":
            ok = not any((isinstance(g, str) and isinstance(want, str) and want in g)
                         or (isinstance(g, list) and any(superset(e, want) for e in g)) for g in live)
        elif key == "length":
            ok = (len(first) if isinstance(first, (list, str, dict)) else 0) == want
        elif key == "min_length":
            ok = isinstance(first, (list, str, dict)) and len(first) >= want
        elif key == "type":
            if want == "integer":
                ok = isinstance(first, int) and not isinstance(first, bool)
            elif want == "boolean":
                ok = isinstance(first, bool)
            else:
                ok = isinstance(first, TYPES[want])
        elif key == "one_of":
            ok = any(same(first, w) for w in want)
        elif key == "matches":
            ok = isinstance(first, str) and re.search(want, first) is not None
        elif key == "ge":
            ok = isinstance(first, (int, float)) and first >= want
        elif key == "le":
            ok = isinstance(first, (int, float)) and first <= want
        elif key == "distinct":
            ok = len({json.dumps(g, sort_keys=True) for g in live}) == len(live)
        else:
            raise Fail(f"unknown check {key!r}")
        if not ok:
            shown = "nothing" if not got else short(got[0] if len(got) == 1 else got)
            raise Fail(f"{path} {key} {short(want)}: got {shown}")


# ---------- variables -----------------------------------------------------
class Scope(dict):
    def __missing__(self, k):
        kind, _, name = k.partition(".")
        if not name:
            raise Fail(f"variable {k!r} was never saved")
        al = string.ascii_letters + string.digits
        if kind == "guid":
            v = str(uuid.uuid4())
        elif kind == "oktaid":
            v = "00u" + "".join(random.choices(al, k=17))
        elif kind == "hex24":
            v = "".join(random.choices("0123456789abcdef", k=24))
        elif kind == "upper":
            v = str(self[name]).upper()
        else:
            raise Fail(f"variable {k!r} was never saved")
        self[k] = v
        return v


def sub_text(s, scope, enc=False):
    def rep(m):
        v = scope[m.group(1)]
        v = v if isinstance(v, str) else json.dumps(v)
        return quote(v, safe="") if enc else v
    return VAR.sub(rep, s)


def sub(v, scope):
    if isinstance(v, str):
        m = VAR.fullmatch(v)
        return scope[m.group(1)] if m else sub_text(v, scope)
    if isinstance(v, list):
        out = []
        for e in v:
            if isinstance(e, dict) and "$each" in e:
                for it in scope[e["$each"]][e.get("from", 0): e.get("to")]:
                    inner = Scope(scope)
                    inner["it"] = it
                    out.append(sub(e["do"], inner))
            else:
                out.append(sub(e, scope))
        return out
    if isinstance(v, dict):
        return {sub_text(k, scope): sub(x, scope) for k, x in v.items()}
    return v


# ---------- running -------------------------------------------------------
class Runner:
    def __init__(self, base, token, args):
        self.base, self.token, self.args = base.rstrip("/"), token, args
        self.client = httpx.Client(timeout=args.timeout, verify=not args.insecure, follow_redirects=False, trust_env=False)
        self._types = None

    def resource_types(self):
        if self._types is None:
            try:
                r = self.client.get(self.base + "/ResourceTypes", headers={"Authorization": f"Bearer {self.token}"})
                self._types = {t.get("name") for t in r.json().get("Resources", [])}
            except Exception:
                self._types = set()
        return self._types

    def send(self, step, scope, file_headers):
        url = self.base + sub_text(step["path"], scope, enc=True)
        headers = {"Accept": "application/scim+json", **file_headers, **step.get("headers", {})}
        headers = {k: sub_text(v, scope) for k, v in headers.items() if v is not None}
        auth = step.get("auth", "bearer")
        if auth == "bearer":
            headers["Authorization"] = f"Bearer {self.token}"
        elif auth == "lower":
            headers["Authorization"] = f"bearer {self.token}"
        elif auth == "wrong":
            headers["Authorization"] = "Bearer not-a-real-token-0000"
        content = None
        if "body" in step:
            content = json.dumps(sub(step["body"], scope), ensure_ascii=False).encode()
            headers.setdefault("Content-Type", "application/scim+json; charset=utf-8")
        elif "raw_body" in step:
            content = sub_text(step["raw_body"], scope).encode()
            headers.setdefault("Content-Type", "application/scim+json; charset=utf-8")
        else:
            headers = {k: v for k, v in headers.items() if k.lower() != "content-type" or step.get("headers", {}).get(k)}
        try:
            return self.client.request(step["method"], url, headers=headers, content=content)
        except httpx.HTTPError as e:
            raise Fail(f"no answer: {type(e).__name__} {e}")

    def judge(self, step, r, scope):
        exp = sub(step.get("expect", {}), scope)
        want = exp.get("status", [200])
        doc = None
        if r.content:
            try:
                doc = r.json()
            except ValueError:
                doc = None
        if r.status_code not in want:
            raise Fail(f"status {r.status_code}, wanted {'/'.join(map(str, want))}: {r.text[:220]!r}")
        for h in exp.get("headers", []):
            v = r.headers.get(h["name"])
            if v is None:
                raise Fail(f"header {h['name']} missing")
            if "matches" in h and not re.search(h["matches"], v):
                raise Fail(f"header {h['name']}: {v!r} does not match {h['matches']!r}")
        checks = exp.get("json", [])
        if checks and (r.status_code != 204 and r.content or exp.get("body")):
            if doc is None:
                raise Fail(f"body is not JSON: {r.text[:120]!r}")
            for c in checks:
                check(doc, c)
        saves = {}
        for var, path in step.get("save", {}).items():
            got = [g for g in resolve(doc, path) if g is not None] if doc is not None else []
            if not got:
                raise Fail(f"nothing at {path} to save as {var}: {r.text[:160]!r}")
            saves[var] = got[0]
        app = {}
        for var, path in step.get("save_append", {}).items():
            got = [g for g in resolve(doc, path) if g is not None] if doc is not None else []
            if not got:
                raise Fail(f"nothing at {path} to append to {var}: {r.text[:160]!r}")
            app[var] = got[0]
        return saves, app, self.oddities(r, doc)

    def oddities(self, r, doc):
        """Things IdPs rely on in every answer: reported as warnings, failures with --strict."""
        out = []
        ct = r.headers.get("content-type", "")
        if r.content and not re.match(r"application/(scim\+)?json", ct):
            out.append(f"Content-Type {ct!r} is not application/scim+json")
        if r.status_code == 204 and r.content:
            out.append("204 with a body")
        if r.status_code >= 400:
            if not isinstance(doc, dict) or ERROR_URN not in (doc.get("schemas") or []):
                out.append(f"{r.status_code} body is not a SCIM Error")
            elif str(doc.get("status")) != str(r.status_code):
                out.append(f"error status {doc.get('status')!r} differs from HTTP {r.status_code}")
        if isinstance(doc, dict) and r.status_code in (200, 201):
            for k in ("totalResults", "startIndex", "itemsPerPage"):
                if k in doc and (not isinstance(doc[k], int) or isinstance(doc[k], bool)):
                    out.append(f"{k} is not a JSON number")
            if doc.get("totalResults") and "Resources" in doc and doc["Resources"] is None:
                out.append("Resources is null")
        return out

    def walk(self, step, scope, file_headers):
        """All pages of a list, the way an importing client reads them."""
        seen, start = [], 1
        for _ in range(2000):
            inner = Scope(scope)
            inner["page"] = str(start)
            r = self.send(step, inner, file_headers)
            if r.status_code != 200:
                return r
            doc = r.json()
            got, total = doc.get("Resources") or [], doc.get("totalResults")
            if not isinstance(total, int) or isinstance(total, bool):
                raise Fail(f"totalResults is {short(total)}")
            seen += got
            start += len(got)
            if not got or start > total:
                break
        else:
            raise Fail("pages never end")
        ids = [x.get("id") for x in seen]
        if len(set(ids)) != len(ids):
            raise Fail("the same resource came back on two pages")
        if len(seen) < total:
            raise Fail(f"{len(seen)} resources on all pages, totalResults says {total}")
        doc["Resources"] = seen
        return httpx.Response(200, headers={"content-type": r.headers.get("content-type", "")}, content=json.dumps(doc).encode())

    def step(self, step, scope, file_headers):
        n = step.get("repeat")
        if step.get("pages"):
            saves, _, odd = self.judge(step, self.walk(step, scope, file_headers), scope)
            scope.update(saves)
            return odd
        if not n:
            saves, app, odd = self.judge(step, self.send(step, scope, file_headers), scope)
            scope.update(saves)
            for k, v in app.items():
                scope.setdefault(k, []).append(v)
            return odd
        n = int(sub(n, scope))

        def one(i):
            inner = Scope(scope)
            inner["i"] = str(i)
            return self.judge(step, self.send(step, inner, file_headers), inner)
        odd = []
        workers = int(step.get("parallel", 1))
        with concurrent.futures.ThreadPoolExecutor(workers) as ex:
            for saves, app, o in ex.map(one, range(1, n + 1)):
                scope.update(saves)
                for k, v in app.items():
                    scope.setdefault(k, []).append(v)
                odd += o
        return sorted(set(odd))

    def transcript(self, doc, label):
        scope = Scope(run=self.args.run or "r" + uuid.uuid4().hex[:8], base=self.base, token=self.token)
        file_headers = doc.get("headers", {})
        failed, warns = [], []
        for n, step in enumerate(doc["steps"], 1):
            try:
                odd = self.step(step, scope, file_headers)
                warns += [(n, step["name"], o) for o in odd]
            except Fail as e:
                failed.append((n, step["name"], str(e)))
                if step.get("save") or step.get("save_append") or self.args.stop:
                    left = len(doc["steps"]) - n
                    if left:
                        failed.append((n, step["name"], f"({left} later steps not run)"))
                    break
        return failed, warns


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("url"); p.add_argument("token"); p.add_argument("files", nargs="*")
    p.add_argument("--timeout", type=float, default=60, help="seconds per request (Okta waits 60)")
    p.add_argument("--run", help="fixed value of {{run}}")
    p.add_argument("--strict", action="store_true", help="warnings about every answer fail the transcript")
    p.add_argument("--no-skip", action="store_true", help="run transcripts whose `requires` resource types are not advertised")
    p.add_argument("--stop", action="store_true", help="leave a transcript at its first failing step")
    p.add_argument("--quiet", action="store_true", help="no warnings")
    p.add_argument("--insecure", action="store_true")
    p.add_argument("--json", help="write a machine-readable result here")
    a = p.parse_args()
    files = []
    for f in a.files or [HERE]:
        files += sorted(glob.glob(os.path.join(f, "**", "*.json"), recursive=True)) if os.path.isdir(f) else [f]
    if not files:
        sys.exit("no transcripts")
    r, passed, bad, skipped, result, t0 = Runner(a.url, a.token, a), 0, 0, 0, [], time.time()
    for f in files:
        doc = json.load(open(f, encoding="utf-8"))
        label = os.path.basename(f)[:-5]
        need = doc.get("requires", [])
        if need and not a.no_skip and not set(need) <= r.resource_types():
            skipped += 1
            print(f"skip {label}: server does not advertise resource type {', '.join(need)}")
            result.append({"transcript": label, "idp": doc["idp"], "outcome": "skipped"})
            continue
        failed, warns = r.transcript(doc, label)
        if a.strict:
            failed += [(n, s, "warning: " + w) for n, s, w in warns]
        if failed:
            bad += 1
            print(f"FAIL {label} ({doc['idp']}, {doc['confidence']})")
            for n, s, why in failed:
                print(f"     step {n} {s}: {why}")
        else:
            passed += 1
            print(f"ok   {label} ({len(doc['steps'])} steps)")
        if warns and not a.quiet and not a.strict:
            for w in sorted({w for _, _, w in warns}):
                at = [f"{n}" for n, _, x in warns if x == w]
                print(f"     warn: {w} (steps {','.join(at[:6])})")
        result.append({"transcript": label, "idp": doc["idp"], "outcome": "failed" if failed else "passed",
                       "failed": failed, "warnings": warns})
    if a.json:
        json.dump(result, open(a.json, "w"), indent=1)
    tail = f", {skipped} skipped" if skipped else ""
    print(f"(took {time.time() - t0:.1f}s)")
    print(f"idp-replay: {passed} passed, {bad} failed{tail}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
