"""Runs the tests of faults: tests/fault/run [--long] [PART[.CHECK]...]. A part is a module here with make(), giving a
context in which all its CHECKS run in order; a check that fails does not keep the others from running."""
import faulthandler
import importlib
import os
import signal
import sys
import time
import traceback

PARTS = ("broker_lies", "calls")
CHECK_MAX_S = 1200


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
            except Exception:  # whatever a check raises is its failure
                failed.append(f"{name}.{title}")
                s.failed = True
                print(f"  FAILED {title} ({time.monotonic() - at:.1f} s)\n{traceback.format_exc()}", flush=True)
            faulthandler.cancel_dump_traceback_later()
    print(f"  {time.monotonic() - began:.1f} s", flush=True)
    return passed


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    names = [a for a in sys.argv[1:] if a != "--long"]
    if "--long" in sys.argv[1:]:
        os.environ["FAULT_LONG"] = "1"
    wanted = [n.partition(".")[::2] for n in names] or [(p, "") for p in PARTS]
    unknown = [p for p, _ in wanted if p not in PARTS]
    if unknown:
        sys.exit(f"no part is called {', '.join(unknown)}; there are: {' '.join(PARTS)}")
    passed, failed, began = 0, [], time.monotonic()
    for part, word in wanted:
        try:
            passed += run_part(part, word, failed)
        except Exception:  # of the stage itself, or of what it says at its end
            failed.append(part)
            traceback.print_exc()
    for f in failed:
        print(f"failed: {f}")
    print(f"{time.monotonic() - began:.1f} s")
    print(f"{passed} passed, {len(failed)} failed", flush=True)
    sys.stdout.flush()
    os._exit(1 if failed or not passed else 0)  # threads of clients would hold us up


main()
