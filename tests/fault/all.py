"""Runs the tests of faults: tests/fault/run [--long] [PART[.CHECK]...]. A part is a module here with make(), giving a
context in which all its CHECKS run in order; a check that fails does not keep the others from running."""
import concurrent.futures
import faulthandler
import importlib
import os
import re
import signal
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../kit"))
from stack import words_of  # noqa: E402

PARTS = ("calls", "state", "broker_lies", "sessions", "ids", "client_lies", "cuts", "upstream_cuts", "names", "wallclock", "crowd")
CHECK_MAX_S = 1200
AT_ONCE = 3


def run_part(name, word, failed):
    module = importlib.import_module(name)
    began, passed = time.monotonic(), 0
    print(f"{name}: {module.__doc__.splitlines()[0]}", flush=True)
    checks = [c for c in module.CHECKS if word in c.__name__]
    if not checks:
        return 0
    with module.make() as s:
        for check in checks:
            title, at = check.__name__.removeprefix("check_"), time.monotonic()
            faulthandler.dump_traceback_later(CHECK_MAX_S, exit=True)
            try:
                check(s)
                passed += 1
                print(f"  ok {title} ({time.monotonic() - at:.1f} s)", flush=True)
            except Exception as e:  # whatever a check raises is its failure
                failed.append(f"{name}.{title}: {words_of(e, __file__)}")
                s.failed = True
                s.broker.honest()
                s.leave_next_door()
                print(f"  FAILED {title} ({time.monotonic() - at:.1f} s)\n{traceback.format_exc()}", flush=True)
            faulthandler.cancel_dump_traceback_later()
    print(f"  {time.monotonic() - began:.1f} s", flush=True)
    return passed


def run_here(wanted):
    """-> exit code; each (part, word of its checks)."""
    passed, failed = 0, []
    for part, word in wanted:
        try:
            passed += run_part(part, word, failed)
        except Exception as e:  # of the stage itself, or of what it says at its end
            failed.append(f"{part}: {words_of(e, __file__)}")
            traceback.print_exc()
    for f in failed:
        print(f"failed: {f}")
    print(f"{passed} passed, {len(failed)} failed", flush=True)
    return 1 if failed or not passed else 0


def run_apart(parts, more):
    """Each part in a process of its own, a few at a time: they mostly wait. -> exit code"""
    began = time.monotonic()

    def one(part):
        done = subprocess.run([sys.executable, "-u", __file__, *more, part], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        print(done.stdout, end="", flush=True)
        return done
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(one, parts))
    passed = sum(int(m[1]) for r in results for m in re.finditer(r"^(\d+) passed, \d+ failed$", r.stdout, re.M))
    failed = [f for r in results for f in re.findall(r"^failed: .*", r.stdout, re.M)]
    failed += [f"failed: {p}, ended with {r.returncode}" for p, r in zip(parts, results) if r.returncode not in (0, 1)]
    print("\n".join(failed))
    print(f"{time.monotonic() - began:.1f} s\n{passed} passed, {len(failed)} failed", flush=True)
    return 1 if failed or not passed or any(r.returncode for r in results) else 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    more = [a for a in sys.argv[1:] if a == "--long"]
    names = [a for a in sys.argv[1:] if a != "--long"]
    if more:
        os.environ["FAULT_LONG"] = "1"
    wanted = [n.partition(".")[::2] for n in names]
    unknown = [p for p, _ in wanted if p not in PARTS]
    if unknown:
        sys.exit(f"no part is called {', '.join(unknown)}; there are: {' '.join(PARTS)}")
    code = run_here(wanted) if wanted else run_apart(PARTS, more)
    os._exit(code)  # threads of clients would hold us up


main()
