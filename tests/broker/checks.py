"""Many checks on one stack of their own, for suites with OWN_STACK: a failure does not keep the others from running, and
each has its own time. CHECK=WORD in the environment runs only those with WORD in their name."""
import faulthandler
import os
import time
import traceback

import stack

START_MAX_S, CHECK_MAX_S = 180, 600  # for what hangs; a busy machine takes its time


def limit(seconds):
    """From now on; afterwards the process says where it hangs and ends."""
    faulthandler.cancel_dump_traceback_later()
    faulthandler.dump_traceback_later(seconds, exit=True)


def run(make, checks):
    """make() gives a Stack; every check is called with it and named by its function."""
    failed, word = [], os.environ.get("CHECK", "")
    limit(START_MAX_S)
    with make() as s:
        for check in checks:
            name, began = check.__name__.removeprefix("check_"), time.monotonic()
            if word not in name:
                continue
            limit(CHECK_MAX_S)
            try:
                check(s)
                print(f"    ok {name} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as e:  # whatever a check raises is its failure
                print(f"    FAILED {name} ({time.monotonic() - began:.1f} s)\n{traceback.format_exc()}", flush=True)
                failed.append(f"{name}: {stack.words_of(e, __file__)}")
                s.failed = True
        limit(START_MAX_S)
    if failed:
        raise AssertionError("; ".join(failed))
