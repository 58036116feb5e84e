"""A broker's name that leads elsewhere, that is gone, and a resolver that does not answer.

The gateway has a mount namespace of its own, with /etc/hosts and /etc/nsswitch.conf that are files of the test."""
import contextlib
import os
import subprocess

from stage import Stage, equal, kw, round_trip, stack, true

NAME = "broker.alcove.test"
FIRST, SECOND = "127.0.0.1", "127.0.0.2"
CACHE_MS = 200
FILES = {"hosts": f"{FIRST} {NAME}\n", "nsswitch.conf": "hosts: files\n", "resolv.conf": "nameserver 127.0.0.99\noptions timeout:1 attempts:1\n"}
INSIDE = 'for f in hosts nsswitch.conf resolv.conf; do mount --bind "$0/$f" "/etc/$f" || exit 9; done; exec "$@"'


def private(folder):
    """The command that gives what follows its own files, or None where nobody may do that."""
    command = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount", "sh", "-c", INSIDE, str(folder)]
    tried = subprocess.run([*command, "getent", "ahostsv4", NAME], capture_output=True, text=True)
    return command if tried.returncode == 0 and FIRST in tried.stdout else None


class Named(Stage):
    """The gateway knows its broker by name only;."""

    def __init__(self):
        super().__init__(config=self.edit)
        for name, text in FILES.items():
            self.say(name, text)
        self.command = private(self.folder)

    def say(self, name, text):
        (self.folder / name).write_text(text)  # the same file: it is mounted

    def make_broker(self, tls):
        broker = super().make_broker(tls)
        if self.command:
            broker.host, broker.addresses = NAME, [FIRST, SECOND]
        return broker

    def edit(self, text):
        if not self.command:
            return text
        self.gateway.within = self.command
        return text.replace(f"127.0.0.1:{self.broker.port}", f"{NAME}:{self.broker.port}").replace(
            "metadata.refresh.ms: 1000", f"metadata.refresh.ms: 200\n  dns.cache.max.ms: {CACHE_MS}\n  connect.timeout.ms: 3000")


def may(check):
    """Where no namespace is to be had, nothing is shown."""
    def shown(s):
        if not s.command:
            print("    no right to a mount namespace here: not shown", flush=True)
            return
        check(s)
    shown.__name__ = check.__name__
    return shown


def served(s):
    with contextlib.suppress(OSError, kw.WireError), s.acme.wire(record=False) as w:
        round_trip(w)
        return True
    return False


def comes_to(s):
    """Where a new client's connection comes to."""
    before = len(s.broker.came_to)
    return s.broker.came_to[-1] if served(s) and len(s.broker.came_to) > before else None


@may
def check_follows(s):
    """The name leads to another address while the old one still answers: new connections go there, old ones stay."""
    equal("at first", FIRST, comes_to(s))
    s.neighbour()
    s.say("hosts", f"{SECOND} {NAME}\n")
    stack.wait_until("new ones go where the name leads", lambda: [comes_to(s) for _ in range(4)] == [SECOND] * 4, 10, 0.05)
    s.neighbour()


@may
def check_moves(s):
    """The broker is gone from the old address, and the name leads to the new one a while later."""
    s.neighbour(anew=True)
    s.broker.addresses = [FIRST]
    s.broker.restart()
    stack.wait_until("nobody is served there", lambda: not served(s), 10)
    s.say("hosts", f"{FIRST} {NAME}\n")
    s.leave_next_door()
    s.neighbour_soon()
    stack.wait_until("ready", lambda: s.gateway.ops("/readyz")[0] == 200, 15)
    equal("where to", {FIRST}, {comes_to(s) for _ in range(4)})


@may
def check_two_addresses(s):
    """Of two addresses the first answers nobody: the second one does."""
    s.say("hosts", f"{SECOND} {NAME}\n{FIRST} {NAME}\n")
    stack.wait_until("served", lambda: [served(s) for _ in range(6)] == [True] * 6, 10)
    s.neighbour_soon()


@may
def check_vanishes(s):
    """The name is gone: who is connected goes on, new ones are closed with the reason; it is there again, and so are they."""
    s.neighbour()
    s.say("hosts", "127.0.0.1 localhost\n")
    stack.wait_until("new ones are closed", lambda: not served(s), 10)
    with s.counted("upstream_connect"):
        true("and stay so", not served(s))
    for _ in range(5):
        s.neighbour()
    equal("ready by the connection that is there", 200, s.gateway.ops("/readyz")[0])
    s.broker.restart()
    why = stack.wait_until("/readyz says so", lambda: (lambda r: r[1] if r[0] == 503 else None)(s.gateway.ops("/readyz")), 15)
    true(f"by its name: {why!r}", NAME in why)
    s.say("hosts", f"{FIRST} {NAME}\n")
    s.leave_next_door()
    s.neighbour_soon(15)
    stack.wait_until("ready", lambda: s.gateway.ops("/readyz")[0] == 200, 15)


@may
def check_no_resolver(s):
    """The resolver does not answer: addresses that were known are used, and it is logged."""
    s.neighbour_soon()
    s.say("hosts", "127.0.0.1 localhost\n")
    s.say("nsswitch.conf", "hosts: dns\n")
    stack.wait_until("it is logged", lambda: served(s) and "its last addresses are used" in s.gateway.log_now(), 20, 0.1)
    for _ in range(4):
        true("served", served(s))
    s.say("nsswitch.conf", FILES["nsswitch.conf"])
    s.say("hosts", FILES["hosts"])
    s.neighbour_soon()
    s.quiet()


CHECKS = (check_follows, check_moves, check_two_addresses, check_vanishes, check_no_resolver)
make = Named
