"""make turns: how long a worker is busy at a stretch (alcove_loop_turn_seconds) while it gets what takes longest: a storm of TLS
handshakes, logins by PLAIN all at once (PBKDF2 for each), Metadata of a thousand topics pipelined by several clients. Release
build, one worker, which has a CPU of its own while everything else has the others; wall time, so only a machine that does
nothing else gives an answer. Prints a table as Markdown; exit code 1 when a turn
took more than 5 ms."""
import argparse
import os
import pathlib
import selectors
import socket
import ssl
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "kit"), str(HERE.parent / "broker")]
import kafkawire as kw  # noqa: E402
import listing  # noqa: E402
import parts  # noqa: E402
import stack  # noqa: E402

MOST_S = 0.005


def arguments():
    p = argparse.ArgumentParser(prog="tests/bench/turns", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--handshakes", type=int, default=1000)
    p.add_argument("--logins", type=int, default=500)
    p.add_argument("--topics", type=int, default=1000)
    return p.parse_args()


def histogram(s):
    """{upper bound in seconds: turns up to that}"""
    name = "alcove_loop_turn_seconds_bucket"
    return {float(k.split('le="')[1].split('"')[0]): v for k, v in s.gateway.metrics().items() if k.startswith(name)}


def measured(s, what, f):
    """-> so many turns were longer than MOST_S"""
    before = histogram(s)
    f()
    turns = {le: v - before.get(le, 0) for le, v in histogram(s).items()}
    every = turns[float("inf")]
    over = {le: every - turns[le] for le in (0.001, 0.002, MOST_S, 0.01)}
    print(f"| {what} | {every:,.0f} | " + " | ".join(f"{x:,.0f}" for x in over.values()) + " |", flush=True)
    return over[MOST_S]


class Shake:
    """One client's handshake, whose first flight is ready before it is connected."""

    def __init__(self, t, context):
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.into, self.out, server_hostname=t.sni or t.host)
        self.done = self.step()
        self.sock = socket.create_connection((t.host, t.port), 30)
        self.sock.setblocking(False)

    def step(self):
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False

    def say(self):
        self.sock.setblocking(True)
        self.sock.sendall(self.out.read())
        self.sock.setblocking(False)

    def hear(self):
        got = self.sock.recv(1 << 16)
        if not got:
            raise AssertionError("a handshake was ended by the gateway")
        self.into.write(got)
        self.done = self.step()
        if self.out.pending:
            self.say()


def storm(t, n):
    """n handshakes whose first bytes arrive as one."""
    context, waits = kw.tls_context(str(t.ca)), selectors.DefaultSelector()
    all_of_them = [Shake(t, context) for _ in range(n)]
    for x in all_of_them:
        x.say()
        waits.register(x.sock, selectors.EVENT_READ, x)
    left = n
    while left:
        ready = waits.select(30)
        if not ready:
            raise AssertionError(f"{left} handshakes are never answered")
        for key, _ in ready:
            key.data.hear()
            if key.data.done:
                waits.unregister(key.fileobj)
                left -= 1
    for x in all_of_them:
        x.sock.close()


def logins(t, n):
    """n passwords at once, over connections that are there. Each has to be good."""
    wires = [t.connect(timeout=60) for _ in range(n)]
    for w in wires:
        w.request("SaslHandshake", 1, {"Mechanism": "PLAIN"})

    def all_at_once():
        for w in wires:
            w.send("SaslAuthenticate", 2, {"AuthBytes": f"\0{t.user}\0{t.password}".encode()})
        for w in wires:
            reply = w.receive()
            if reply["ErrorCode"]:
                raise AssertionError(f"a login failed: {reply}")
            w.close()
    return all_at_once


def metadata(t, topics):
    """6 clients, each of which asks 15 times before it reads the first answer."""
    wires = [t.wire(timeout=60) for _ in range(6)]
    stack.wait_until("all topics are listed", lambda: len(wires[0].request("Metadata", 12, {"Topics": None})["Topics"]) == topics, 60, 0.2)

    def ask():
        for w in wires:
            for _ in range(15):
                w.send("Metadata", 12, {"Topics": None})
        for w in wires:
            for _ in range(15):
                n = len(w.receive()["Topics"])
                if n < topics:
                    raise AssertionError(f"{n} topics, not {topics}")
            w.close()
    return ask


def one_worker(s):
    """Two on one CPU would wait for each other."""
    s.gateway.stop()
    path = s.gateway.folder / "alcove.yaml"
    path.write_text(path.read_text().replace("workers: 2", "workers: 1"))
    s.gateway.start()


def main():
    a = arguments()
    over = 0
    with stack.Stack(limits={**stack.PATIENT, "connections.unauthenticated.max": 2000}) as s:
        with s.acme.wire(timeout=60) as w:
            listing.plant(w, "", [f"topic-{i}" for i in range(a.topics)], [], 250)
        print("| while | turns | over 1 ms | over 2 ms | over 5 ms | over 10 ms |\n|---|---|---|---|---|---|", flush=True)
        one_worker(s)
        with parts.apart(s.gateway.process.pid, (os.getpid(), int(s.kafka.said["KAFKA_PID"]))):
            over += measured(s, f"{a.handshakes} handshakes at once, ECDSA", lambda: storm(s.acme, a.handshakes))
            over += measured(s, f"{a.logins} logins by PLAIN at once", logins(s.acme, a.logins))
            over += measured(s, f"90 times Metadata of {a.topics} topics, 6 clients", metadata(s.acme, a.topics))
    return 1 if over else 0


sys.exit(main())
