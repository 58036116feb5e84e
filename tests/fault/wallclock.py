"""The wall clock jumps an hour and back: nobody is thrown out, no time-out comes early or late."""
import mmap
import os
import struct
import tempfile
import threading
import time

from stage import TIMEOUT_S, Stage, ended, equal, kw, raw, round_trip, stack, true

HOUR_MS = 3600 * 1000


class Clocked(Stage):
    def __init__(self):
        stack.run("make", "-s", "-C", stack.REPO, "fault-shims")
        fd, self.path = tempfile.mkstemp(prefix="alcove-clock-")
        os.write(fd, bytes(4096))
        self.page = mmap.mmap(fd, 4096)
        os.close(fd)
        super().__init__(env={"LD_PRELOAD": str(stack.REPO / "build/fault/clock.so"), "FAULT_CLOCK": self.path,
                              "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:verify_asan_link_order=0"})

    def shift(self, ms):
        struct.pack_into("=q", self.page, 0, ms)

    def __exit__(self, *exc):
        super().__exit__(*exc)
        os.unlink(self.path)


def session_there(s):
    """Everything that a client does, on an old connection and on new ones with every mechanism."""
    s.neighbour()
    for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        with s.acme.but(mechanism=mechanism).wire(record=False) as w:
            round_trip(w)


def wrong_now(s):
    """How far the gateway's own wall clock is from ours, by what it says a new tenant was made."""
    name = f"t{time.monotonic_ns()}"
    s.rest("POST", "/v1/tenants", {"id": name})
    made = s.rest("GET", f"/v1/tenants/{name}")
    s.rest("DELETE", f"/v1/tenants/{name}?purge=true")
    return made


def check_jumps(s):
    """Sessions, logins, the admin API, the follower: an hour on, an hour back, a day on, a year back."""
    session_there(s)
    for hours in (1, 0, -1, 24, -24 * 365, 0):
        s.shift(hours * HOUR_MS)
        before = s.broker.own
        session_there(s)
        wrong_now(s)
        equal("ready", 200, s.gateway.ops("/readyz")[0])
        stack.wait_until("the cluster is followed", lambda: s.broker.own > before + 1, 10)
        session_there(s)
    s.quiet()


def check_it_is_seen(s):
    """The library works: what is written down has the time that was set."""
    s.shift(24 * HOUR_MS)
    s.rest("POST", "/v1/tenants/acme/users", {"name": "tomorrow", "password": "a-password"})
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
    stack.wait_until("the log has tomorrow's date", lambda: f"{tomorrow}T" in s.gateway.log_now(), 3)
    s.shift(0)


def check_timeouts(s):
    """A connection that says nothing has the handshake's time, whatever the clock does meanwhile."""
    for jump in (HOUR_MS, -HOUR_MS):
        with s.counted("handshake_timeout"), raw(s.gateway.ports["acme"]) as sock:
            began = time.monotonic()
            threading.Timer(0.3, s.shift, (jump,)).start()
            true("ended", ended(sock, TIMEOUT_S + 10))
            took = time.monotonic() - began
            true(f"after {took:.1f} s", took > TIMEOUT_S - 0.5)
        s.shift(0)


CHECKS = (check_jumps, check_it_is_seen, check_timeouts)
make = Clocked
