"""What every client of test-clients does; for those in Python. See ../README.md."""
import json
import os
import sys
import time

PARTITIONS, SENT, COMMITTED, ITERATIONS = 4, 200, 50, 8192
BOOTSTRAP, CA, USER, PASSWORD, MECHANISM, TOPIC, GROUP, TXN, MARK, PROTOCOL, GUEST = (os.environ[f"CLIENT_{n}"] for n in (
    "BOOTSTRAP", "CA", "USER", "PASSWORD", "MECHANISM", "TOPIC", "GROUP", "TXN", "MARK", "PROTOCOL", "GUEST"))


def values(kind, n):
    """[(key, value)] that this tenant alone sends."""
    return [(f"k{i}".encode(), f"{MARK}-{kind}-{i}".encode()) for i in range(n)]


def say(step, none=None):
    """A step is done; none: why the library cannot do it."""
    print(json.dumps({"step": step, **({"none": none} if none else {})}), flush=True)


def must(what, expected, found):
    if expected != found:
        sys.exit(f"{what}: expected {expected!r}, found {found!r}")


def until(what, condition, within_s=60):
    """Calls condition until it gives something true, and gives that back."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
    sys.exit(f"not within {within_s} s: {what}")


def all_of_it(transactions=True):
    return sorted(v for _, v in values("sent", SENT) + (values("committed", COMMITTED) if transactions else []))


def phase(**phases):
    phases[sys.argv[1]]()
