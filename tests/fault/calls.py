"""Every call that can fail, failing once and for a while: memory, descriptors, sockets; whole sessions and changes around it.

inject.c is preloaded into the gateway; a page of memory says which call fails how."""
import concurrent.futures
import contextlib
import itertools
import mmap
import os
import pathlib
import resource
import struct
import tempfile
import time

import stage
from stage import VICTIM, Stage, equal, kw, round_trip, stack, true

LONG = bool(os.environ.get("FAULT_LONG"))
SHIM = stack.REPO / "build/fault/inject.so"
OPENSSL = stack.REPO / "tests/fault/openssl.supp"
CALLS = ("malloc", "accept4", "socket", "connect", "epoll_add", "epoll_wait", "recv", "send", "open", "read", "write", "sync", "pwrite",
         "pread", "eventfd", "getrandom", "thread")
EINTR, EIO, EAGAIN, ENOMEM, EMFILE, ENOSPC, EPIPE, ECONNABORTED, ECONNRESET, ENOBUFS, ETIMEDOUT, ECONNREFUSED = (
    4, 5, 11, 12, 24, 28, 32, 103, 104, 105, 110, 111)
SHORT = -1  # no failure: one byte at most
FOREVER = 1 << 40
PAGE = struct.Struct("=iiiiqq16sqq")  # struct page of inject.c


class Faults:
    """The page that inject.c reads."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="alcove-calls-"))
        self.path = self.folder / "page"
        self.path.write_bytes(bytes(4096))
        with open(self.path, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 4096)

    def env(self):
        return {"LD_PRELOAD": str(SHIM), "FAULT_PAGE": str(self.path),
                "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:verify_asan_link_order=0:allocator_may_return_null=1"}

    def close(self):
        self.page.close()
        self.path.unlink()
        self.folder.rmdir()

    def arm(self, call, err, at=FOREVER, many=1, own=False, thread="alcove-worker"):
        self.disarm()
        PAGE.pack_into(self.page, 0, 0, CALLS.index(call), err, own, at, many, thread.encode(), 0, 0)
        struct.pack_into("=i", self.page, 0, 1)

    def disarm(self):
        """-> (calls that were counted, that failed)"""
        struct.pack_into("=i", self.page, 0, 0)
        return PAGE.unpack_from(self.page, 0)[7:9]


# ---- a session, with one call of it failing ---------------------------------------------------------------------

def session(s):
    """Connects, logs in, asks, produces, fetches, says goodbye. -> True; False: the gateway ended the connection.
    In a thread of its own: an error of Python's TLS stays in OpenSSL's queue and would befall the neighbour's connection."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(one_session, s).result()


def one_session(s):
    try:
        with s.acme.wire(client_id=VICTIM, record=False, timeout=10) as w:
            w.api_versions()
            round_trip(w)
            w.request("ListOffsets", 7, {"Topics": [{"Name": stage.TOPIC, "Partitions": [{"PartitionIndex": 0, "Timestamp": -1}]}]})
            w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": ["g"]})
            with contextlib.suppress(OSError):
                w.sock.unwrap()
            return True
    except (OSError, kw.WireError, AssertionError) as e:
        true(f"not ended but stuck: {e}", not isinstance(e, TimeoutError))
        return False


def steps(n, most):
    """1..n, or some of them, never the same ones for long."""
    if LONG or n <= most:
        return range(1, n + 1)
    stride = n / most
    return sorted({1 + int(stride * (i + 0.999 * (time.time_ns() // 1000 % 1000) / 1000)) for i in range(most)})


def lives(s, what):
    code = s.gateway.process.poll()
    if code is not None:
        raise AssertionError(f"{what}: the gateway ended with {code}:\n{s.gateway.log_now()[-5000:]}")


def every(s, call, err, own=False, thread="alcove-worker", many=1, most=16, act=session):
    """act with the n-th call failing, for each n. -> (how many there are, how many attempts went well all the same)"""
    s.faults.arm(call, err, own=own, thread=thread)
    act(s)
    n, _ = s.faults.disarm()
    well = 0
    for at in steps(n, most):
        what = f"{call} {at} of {n}, {many} in a row: {os.strerror(err) if err > 0 else 'short'}"
        s.faults.arm(call, err, at, many, own, thread)
        try:
            well += bool(act(s))
        finally:
            s.faults.disarm()
        lives(s, what)
        try:
            s.neighbour()
        except Exception as e:
            lives(s, what)
            raise AssertionError(f"{what}: the neighbour: {e!r}") from e
    # A failure of ours to connect looks like a broker's: it is left alone for a moment.
    stack.wait_until(f"{call}: a session afterwards", lambda: session(s), 5)
    return n, well


def table(s, rows):
    for row in rows:
        call, err, more = row[0], row[1], row[2] if len(row) > 2 else {}
        began = time.monotonic()
        n, well = every(s, call, err, **more)
        how = "from then on" if more.get("many") == FOREVER else f"{more.get('many', 1)} in a row"
        how += (", of the program itself" if more.get("own") else "")
        print(f"    {call} {os.strerror(err) if err > 0 else 'short'}, {how}: {n} calls, {well} attempts went well all the same, "
              f"{time.monotonic() - began:.1f} s", flush=True)
        true("there are such calls", n > 0)
    s.quiet()


def check_memory(s):
    """Each allocation of a session fails: those of the gateway itself all, those of libraries some of them."""
    table(s, (("malloc", ENOMEM, {"own": True, "most": 400}), ("malloc", ENOMEM, {"own": True, "many": 5, "most": 20}),
              ("malloc", ENOMEM, {"most": 120}), ("malloc", ENOMEM, {"many": FOREVER, "most": 20})))


def check_sockets(s):
    table(s, (("socket", EMFILE), ("socket", ENOBUFS), ("connect", ECONNREFUSED), ("connect", EAGAIN), ("epoll_add", ENOMEM), ("epoll_add", ENOSPC),
              ("recv", ECONNRESET), ("recv", EINTR), ("recv", EAGAIN), ("recv", SHORT), ("recv", SHORT, {"many": FOREVER, "most": 3}),
              ("send", EPIPE), ("send", ECONNRESET), ("send", EINTR), ("send", EAGAIN), ("send", SHORT), ("send", ENOMEM),
              ("send", SHORT, {"many": FOREVER, "most": 3}), ("epoll_wait", EINTR)))


def check_accept(s):
    """accept fails once, and 200 times: whoever knocks is served in the end."""
    def knock(s):
        true("served in the end", session(s))
        return True
    for err, many in itertools.product((EMFILE, ENOMEM, ENOBUFS, ECONNABORTED, EINTR, EAGAIN), (1, 5)):
        n, _ = every(s, "accept4", err, thread="alcove", many=many, act=knock if err not in (EMFILE,) else session)
        true("accept is called", n > 0)
    s.quiet()


# ---- the control thread: changes, and the follower of the cluster -------------------------------------------------

NUMBERS = itertools.count(1)


def change(s):
    """A user made, changed, deleted: each is done or refused with 5xx, and what was answered is what is there."""
    name = f"u{next(NUMBERS)}"
    well = True
    there = False
    for method, path, body, makes in (("POST", "/v1/tenants/acme/users", {"name": name, "password": "a-password"}, True),
                                      ("PUT", f"/v1/tenants/acme/users/{name}", {"password": "another-one", "enabled": False}, True),
                                      ("DELETE", f"/v1/tenants/acme/users/{name}", None, False)):
        try:
            s.rest(method, path, body)
            there = makes
        except stack.Refused as e:
            true(f"{method} {path}: {e}", 500 <= e.status < 600 or (e.status == 404 and not there))
            well = False
        known = s.users()
        equal(f"after {method}: {name} is there", there, name in known)
    return well


def check_changes(s):
    """Each call on the way of a change fails: nothing is half done, and what was refused is not there."""
    more = {"thread": "alcove-control", "act": change}
    table(s, (("malloc", ENOMEM, {"own": True, "most": 24, **more}), ("malloc", ENOMEM, {"most": 10, **more}),
              ("pwrite", ENOSPC, {"most": 8, **more}), ("pwrite", EIO, {"most": 8, **more}), ("sync", EIO, more)))
    stack.wait_until("ready", lambda: s.gateway.ops("/readyz")[0] == 200, 15)


def follow(s):
    """A while of the follower's life: the broker went away and came back."""
    s.broker.restart()
    before = s.broker.own
    with contextlib.suppress(stack.StackError):
        stack.wait_until("", lambda: s.broker.own > before + 2, 0.5)
        return True
    return False


def check_follower(s):
    more = {"thread": "alcove-control", "act": follow, "most": 8}

    plain = s.neighbour

    def anew():
        """The neighbour's connection ended with the broker."""
        stack.wait_until("ready again", lambda: s.gateway.ops("/readyz")[0] == 200, 15)
        plain(anew=True)
    s.neighbour = anew
    try:
        table(s, (("malloc", ENOMEM, {"own": True, **more}), ("socket", EMFILE, more), ("connect", ECONNREFUSED, more), ("epoll_add", ENOMEM, more),
                  ("recv", ECONNRESET, more), ("recv", SHORT, more), ("send", EPIPE, more)))
    finally:
        del s.neighbour


# ---- descriptors, the start ------------------------------------------------------------------------------------------------

def check_descriptors(s):
    """None are left for a second: who waits is told or waits, who is served goes on, and afterwards everybody is served."""
    pid = s.gateway.process.pid
    s.neighbour()
    used = s.memory()[1]
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 4, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))
    try:
        with contextlib.ExitStack() as held:
            crowd = [held.enter_context(stage.raw(s.gateway.ports["acme"])) for _ in range(30)]
            for _ in range(10):
                s.neighbour()
                time.sleep(0.05)
            true("some were turned away", any(stage.ended(c, 0.01) for c in crowd))
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    stack.wait_until("served again", lambda: session(s), 10)
    s.neighbour()


def start_with(s, g, call, err, at):
    """-> (such calls until it was up, was it refused?)"""
    g.stop()
    equal("its end", [], g.complaints)
    g.env["LSAN_OPTIONS"] = f"suppressions={OPENSSL}:print_suppressions=0"
    s.faults.arm(call, err, at, 1, call != "open", "")
    g.launch()
    stack.wait_until("it is up, or has ended", lambda: g.process.poll() is not None or answers(g), 20)
    total, _ = s.faults.disarm()
    if g.process.poll() is None:
        return total, False
    equal(f"{call} {at}: exit code; {g.log_now()[-3000:]}", 1, g.process.returncode)
    true("it says why", "alcove: " in g.log_now())
    g.check_log()
    g.process = None
    return total, True


def check_start(s):
    """A start without memory, descriptors, threads: it comes up all the same, or says what is missing and ends with 1."""
    g = s.gateway
    refused = tried = 0
    for call, err, most in (("malloc", ENOMEM, 8), ("socket", EMFILE, 3), ("eventfd", EMFILE, 2), ("thread", EAGAIN, 3), ("open", EMFILE, 3)):
        total = start_with(s, g, call, err, FOREVER)[0]
        for at in steps(total, most):
            refused += start_with(s, g, call, err, at)[1]
            tried += 1
    print(f"    {tried} starts, {refused} of them refused", flush=True)
    g.stop()
    g.start()
    s.neighbour()


def answers(g):
    with contextlib.suppress(OSError):
        return g.ops("/readyz")[0] == 200


CHECKS = (check_memory, check_sockets, check_accept, check_changes, check_follower, check_descriptors, check_start)


class Injected(Stage):
    def __init__(self):
        stack.run("make", "-s", "-C", stack.REPO, "fault-shims")
        self.faults = Faults()
        super().__init__(env=self.faults.env(), config=lambda text: text.replace("metadata.refresh.ms: 1000", "metadata.refresh.ms: 100"))

    def users(self):
        return {u["name"] for u in self.rest("GET", "/v1/tenants/acme/users?limit=500")["items"]}

    def __exit__(self, *exc):
        self.faults.disarm()
        super().__exit__(*exc)
        self.faults.close()


make = Injected
