"""What goes wrong: hostile and slow clients, a frozen and a dead Kafka, the gateway stopped and killed, a full disk."""
import contextlib
import os
import resource
import signal
import socket
import ssl
import struct
import threading
import time

import checks
from brokers import Traffic
from runner import create_topic, equal, fetch, fresh, kw, produce, stack, true

OWN_STACK = True
TIMEOUT_S = 4
LIMITS = {"connections.max": 300, "handshake.timeout.ms": TIMEOUT_S * 1000,
          "authentication.timeout.ms": TIMEOUT_S * 1000, "request.receive.timeout.ms": TIMEOUT_S * 1000}
NORMAL_S = 1.5  # the other tenant's worst round trip meanwhile, on a busy machine under sanitizers
FRAME_MAX, FRAME_MAX_BEFORE = 104857600, 16384


# ---- looking ----------------------------------------------------------------------------------------

def closed_total(s, reason):
    return s.gateway.metric("alcove_connections_closed_total", reason=reason)


@contextlib.contextmanager
def counted(s, reason, n=1):
    """What happens inside closes n connections for this reason."""
    before = closed_total(s, reason)
    yield
    try:
        stack.wait_until(reason, lambda: closed_total(s, reason) >= before + n, 3)
    except stack.StackError:
        now = {k: v for k, v in s.gateway.metrics().items() if "closed_total" in k and v}
        raise AssertionError(f"{n} connections closed as {reason}: {closed_total(s, reason) - before}; all: {now}") from None


def rss_mb(s):
    with open(f"/proc/{s.gateway.process.pid}/status", encoding="ascii") as f:
        return next(int(x.split()[1]) for x in f if x.startswith("VmRSS:")) / 1024


class Neighbour:
    """globex produces and fetches all the while; how long each round took."""

    def __init__(self, s):
        self.tenant, self.topic, self.took, self.stopping, self.error = s.globex, fresh("neighbour"), [], False, None
        create_topic(s.globex, self.topic)

    def __enter__(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def run(self):
        try:
            with self.tenant.wire(record=False) as w:
                while not self.stopping:
                    began = time.monotonic()
                    offset = produce(w, self.topic, [b"x" * 1000])
                    equal("fetched", 1, len(fetch(w, self.topic, offset)))
                    self.took.append(time.monotonic() - began)
                    time.sleep(0.01)
        except Exception as e:  # told by __exit__
            self.error = e

    def __exit__(self, kind, value, trace):
        self.stopping = True
        self.thread.join(20)
        if kind is None:
            equal("the neighbour's errors", None, self.error)
            took = sorted(self.took)
            true("the neighbour works", len(took) > 10)
            print(f"    neighbour: {len(took)} rounds, median {took[len(took) // 2] * 1000:.0f} ms, worst {took[-1] * 1000:.0f} ms", flush=True)
            true(f"the neighbour's worst round took {took[-1]:.2f} s", took[-1] < NORMAL_S)


def raw(s, data=b""):
    sock = socket.create_connection(("127.0.0.1", s.acme.port), 10)
    sock.sendall(data)
    return sock


def ended(sock, within_s):
    """-> seconds until the peer closed."""
    began = time.monotonic()
    sock.settimeout(within_s)
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while sock.recv(65536):
            pass
    return time.monotonic() - began


# ---- bytes that are none ------------------------------------------------------------------------------

def check_garbage_for_tls(s):
    """Anything but TLS ends the connection at once."""
    for data in (b"\0\0\0\x1a\0\x12\0\3" + b"\0" * 22, b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 300, b"\x16\x03\x01\0\x05abcde",
                 b"\x15\x03\x03\0\x02\x02\x28", b"\x80\x2e\x01\0\x02" + b"\0" * 60):
        with counted(s, "tls_handshake"), raw(s, data) as sock:
            true("closed at once", ended(sock, 5) < 2)


def check_silence(s):
    """Connections that say nothing, or half of a hello, have the handshake's time; all of them together, too."""
    with counted(s, "handshake_timeout", 41), contextlib.ExitStack() as held:
        socks = [held.enter_context(raw(s)) for _ in range(40)]
        slow = held.enter_context(raw(s, b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03"))
        began = time.monotonic()
        while time.monotonic() - began < TIMEOUT_S - 1:
            with contextlib.suppress(OSError):
                slow.sendall(b"\0")
            time.sleep(0.2)
        for sock in (*socks, slow):
            ended(sock, 5)
        true(f"after {time.monotonic() - began:.1f} s", TIMEOUT_S - 0.5 < time.monotonic() - began < TIMEOUT_S + 2.5)


def check_garbage_in_tls(s):
    """Inside TLS, before and after a login: sizes that cannot be, frames that are none, bytes that are no records."""
    cases = (("frame_too_large", b"\x7f\xff\xff\xff"), ("frame_too_large", b"\xff\xff\xff\xff"), ("frame_too_large", b"\x80\0\0\0"),
             ("frame_malformed", b"\0\0\0\0"), ("frame_malformed", b"\0\0\0\x01\0"), ("frame_malformed", b"\0\0\0\x08" + b"\0\x12\0\3\0\0\0\1"))
    for login in (False, True):
        limit, unknown = (FRAME_MAX, "api_refused") if login else (FRAME_MAX_BEFORE, "auth_required")
        for reason, data in (*cases, ("frame_too_large", struct.pack(">i", limit + 1)),
                             (unknown, kw.frame(kw.request_header(9999, 0, 1, "x"))),
                             (unknown, kw.frame(kw.request_header("ControlledShutdown", 3, 1, "x")))):
            with counted(s, reason), (s.acme.wire() if login else s.acme.connect()) as w:
                w.send_raw(data)
                true(f"{data!r} closes at once, login {login}", w.closed_by_peer(2))
    with s.acme.connect() as w:
        w.send_raw(struct.pack(">i", FRAME_MAX_BEFORE))
        true("the largest that is allowed is waited for", not w.closed_by_peer(0.3))
    with counted(s, "tls_record"), s.acme.wire() as w:
        plain = socket.socket(fileno=os.dup(w.sock.fileno()))
        with plain:
            plain.sendall(b"\x17\x03\x03\0\x20" + b"\xaa" * 32)
            true("a forged record closes", ended(plain, 3) < 2)


def check_slow_senders(s):
    """A frame that comes byte by byte, before and after the login, and one whose end never comes."""
    with contextlib.ExitStack() as held, counted(s, "slow_sender", 2), counted(s, "auth_timeout"):
        bytewise, stuck = held.enter_context(s.acme.wire()), held.enter_context(s.acme.wire())
        busy = held.enter_context(s.acme.connect())
        stuck.send_raw(struct.pack(">i", 50 << 20) + b"\0\3\0\x0c" + b"x" * 300000)
        bytewise.send_raw(struct.pack(">i", 200))
        began = time.monotonic()
        while time.monotonic() - began < TIMEOUT_S - 0.7:
            bytewise.send_raw(b"\0")
            busy.api_versions()  # answered, but it is no login
            time.sleep(0.2)
        for w in (bytewise, stuck, busy):
            true("closed", w.closed_by_peer(5))
        took = time.monotonic() - began
        true(f"after {took:.1f} s", TIMEOUT_S - 0.5 < took < TIMEOUT_S + 2.5)


def check_half_open(s):
    """A client that closes its side is answered what it asked; one that went away holds nothing for long, whatever it asked."""
    topic_id = create_topic(s.acme, fresh("waited"))
    with s.acme.connect() as w:
        w.sasl("PLAIN", "alice", s.acme.password)
        for _ in range(5):
            w.send("Metadata", 9, {"Topics": []})
        shut = socket.socket(fileno=os.dup(w.sock.fileno()))
        shut.shutdown(socket.SHUT_WR)
        for _ in range(5):
            equal("answered", [], w.receive()["Topics"])
        shut.close()
    before = s.gateway.metric("alcove_connections")
    for _ in range(10):
        with s.acme.wire() as w:
            w.send("Fetch", 13, {"MaxWaitMs": 2**31 - 1, "MinBytes": 2**31 - 1, "MaxBytes": 1000, "SessionEpoch": -1, "Topics": [
                {"TopicId": topic_id, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 1000}]}]})
            time.sleep(0.05)
    stack.wait_until("nobody waits for answers that nobody wants", lambda: s.gateway.metric("alcove_connections") <= before, 9)
    stack.wait_until("nor do connections to brokers", lambda: s.gateway.metric("alcove_upstream_connections") <= before + 3, 5)


def check_no_readers(s):
    """Ten clients ask for gigabytes and read nothing: their memory is bounded, they are closed, the neighbour notices nothing."""
    topic = fresh("large")
    create_topic(s.acme, topic, 1, {"max.message.bytes": "2000000"})
    with s.acme.wire(record=False) as w:
        records = kw.batch([os.urandom(1 << 20)])  # made once: its checksum takes Python half a second
        for _ in range(24):
            reply = w.request("Produce", 9, {"Acks": -1, "TimeoutMs": 10000, "TopicData": [{"Name": topic, "PartitionData": [
                {"Index": 0, "Records": records}]}]})
            equal("Produce", 0, reply["Responses"][0]["PartitionResponses"][0]["ErrorCode"])
    before = rss_mb(s)
    most, watching = [before], [True]

    def watch():
        with contextlib.suppress(OSError, AttributeError, StopIteration):  # a gateway that is stopped has no memory
            while watching:
                most.append(rss_mb(s))
                time.sleep(0.05)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    closed = closed_total(s, "slow_reader")
    with Neighbour(s), contextlib.ExitStack() as held:
        wires = [held.enter_context(s.acme.wire(record=False)) for _ in range(10)]
        for w in wires:
            w.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            for _ in range(100):
                w.send("Fetch", 12, {"MaxWaitMs": 500, "MinBytes": 1, "MaxBytes": 2**31 - 1, "SessionEpoch": -1, "Topics": [{
                    "Topic": topic, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 2**31 - 1}]}]})
        stack.wait_until("all are closed for it", lambda: closed_total(s, "slow_reader") >= closed + 10, 3 * TIMEOUT_S)
    watching.clear()
    watcher.join()
    print(f"    gateway {before:.0f} MB before, {max(most):.0f} MB at most", flush=True)
    true(f"{max(most) - before:.0f} MB more at most", max(most) - before < 10 * 16 + 300)  # a sanitizer keeps 256 MB of freed memory


def check_crowd(s):
    """All of it at once, and still the neighbour works as always."""
    stopping = []

    def attack(f):
        while not stopping:
            with contextlib.suppress(OSError, kw.WireError):
                f()

    def garbage():
        with raw(s, os.urandom(500)) as sock:
            ended(sock, 5)

    def cut_hello():
        with raw(s, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + os.urandom(60)):
            time.sleep(0.01)

    def wrong_password():
        s.acme.but(password="wrong", mechanism="PLAIN").wire(record=False).close()

    def reset():
        with s.acme.wire(record=False) as w:
            w.send("Metadata", 9, {"Topics": None})
            w.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def junk_fields():
        with s.acme.wire(record=False) as w:
            w.send("Produce", 9, body=os.urandom(300))
            w.closed_by_peer(2)
    with Neighbour(s):
        threads = [threading.Thread(target=attack, args=(f,), daemon=True) for f in (garbage, cut_hello, wrong_password, reset, junk_fields)]
        for t in threads:
            t.start()
        time.sleep(5)
        stopping.append(True)
        for t in threads:
            t.join(10)


# ---- Kafka ----------------------------------------------------------------------------------------------

def kafka_pid(s):
    return int((s.kafka.folder / "pid").read_text())


def login_works(s):
    with s.acme.wire() as w:
        return w.api_versions()["ErrorCode"] == 0


def check_frozen(s):
    """Kafka stands still for three seconds: logins work, requests wait, then everything goes on, with nothing lost."""
    topic = fresh("frozen")
    create_topic(s.acme, topic)
    traffic = Traffic(s.acme, topic)
    with s.acme.wire() as w:
        os.kill(kafka_pid(s), signal.SIGSTOP)
        try:
            began = time.monotonic()
            w.send("Metadata", 9, {"Topics": [{"Name": topic}]})
            for _ in range(5):
                true("a login", login_works(s))
            true("logins are as quick as ever", time.monotonic() - began < 2)
            s.rest("POST", "/v1/tenants/acme/users", {"name": fresh("new"), "password": "a-password"})
            time.sleep(max(0.0, 3 - (time.monotonic() - began)))
        finally:
            os.kill(kafka_pid(s), signal.SIGCONT)
        equal("the request that waited", topic, w.receive()["Topics"][0]["Name"])
    traffic.flows("after that")
    traffic.stop()


def check_kafka_stopped(s):
    """Without Kafka: logins work, requests end quickly, /readyz says why, nothing hangs; and back again."""
    topic = fresh("without")
    create_topic(s.acme, topic)
    with s.acme.wire() as old:
        old.request("Metadata", 9, {"Topics": []})
        s.kafka.stop(kill=True)
        true("open connections end", old.closed_by_peer(10))
    status, why = stack.wait_until("/readyz is 503", lambda: (lambda r: r if r[0] == 503 else None)(s.gateway.ops("/readyz")), 10)
    true(f"/readyz: {status} {why!r}", "cannot connect" in why and str(s.kafka.port) in why)
    equal("/healthz", 200, s.gateway.ops("/healthz")[0])
    for _ in range(3):
        true("a login", login_works(s))
        began = time.monotonic()
        with s.acme.wire() as w:
            w.send("Metadata", 9, {"Topics": [{"Name": topic}]})
            true("a request ends", w.closed_by_peer(5))
        true("quickly", time.monotonic() - began < 3)
    s.rest("POST", "/v1/tenants/acme/users", {"name": fresh("new"), "password": "a-password"})
    try:
        s.rest("POST", "/v1/tenants", {"id": "unborn"})
        raise AssertionError("a tenant is created though nobody knows what the cluster has")
    except stack.Refused as e:
        equal("creating a tenant", 503, e.status)
    s.kafka.start()
    stack.wait_until("ready again", lambda: s.gateway.ops("/readyz")[0] == 200, 15)
    stack.wait_until("and serving", lambda: serves(s.acme, topic), 15, 0.2)


def serves(t, topic):
    try:
        with t.wire() as w:
            produce(w, topic, [b"x"])
            return True
    except (AssertionError, OSError, kw.WireError):
        return False


# ---- the gateway ------------------------------------------------------------------------------------------

def check_sigterm(s):
    """SIGTERM under traffic: exit 0 in time; started again, every acknowledged record is there exactly once."""
    topic = fresh("drained")
    create_topic(s.acme, topic, 3)
    traffic = Traffic(s.acme, topic)
    took = s.gateway.stop()
    print(f"    it ended after {took:.1f} s", flush=True)
    equal("its end", [], s.gateway.complaints)
    s.gateway.start()
    traffic.flows("with the new one")
    traffic.stop()


def check_sigkill(s):
    """SIGKILL in the middle of changes and traffic: what was answered with success is there."""
    topic = fresh("killed")
    create_topic(s.acme, topic, 3)
    traffic = Traffic(s.acme, topic)
    made, stopping = [], []

    def change():
        with contextlib.suppress(OSError, stack.Refused):
            while not stopping:
                name = fresh("u")
                s.rest("POST", "/v1/tenants/acme/users", {"name": name, "password": f"secret-of-{name}"})
                made.append(name)
    threads = [threading.Thread(target=change, daemon=True) for _ in range(3)]
    for t in threads:
        t.start()
    stack.wait_until("users are made", lambda: len(made) > 10, 10)
    s.gateway.kill()
    stopping.append(True)
    for t in threads:
        t.join(5)
    s.gateway.start()
    for name in made:
        s.acme.but(user=name, password=f"secret-of-{name}", mechanism="PLAIN").wire(record=False).close()
    equal("tenants", ["acme", "globex"], [t["id"] for t in s.rest("GET", "/v1/tenants")["items"] if t["id"] in ("acme", "globex")])
    print(f"    {len(made)} users made before it was killed are there", flush=True)
    traffic.flows("with the new one")
    traffic.stop()


def check_disk_full(s):
    """No byte can be written any more: changes are refused with 5xx and change nothing, everybody is served; and back again."""
    topic, pid = fresh("diskless"), s.gateway.process.pid
    create_topic(s.acme, topic)
    before = s.rest("GET", "/v1/tenants/acme/users")["items"]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    try:
        for i in range(3):
            for method, path, body in (("POST", "/v1/tenants/acme/users", {"name": f"full-{i}", "password": "a-password"}),
                                       ("POST", "/v1/tenants", {"id": f"full-{i}"}), ("POST", "/v1/tenants/globex/suspend", None)):
                try:
                    s.rest(method, path, body)
                    raise AssertionError(f"{method} {path} succeeds without a disk")
                except stack.Refused as e:
                    true(f"{method} {path}: {e}", 500 <= e.status < 600)
        equal("users", before, s.rest("GET", "/v1/tenants/acme/users")["items"])
        for t in (s.acme, s.globex):
            with t.wire() as w:
                equal("served", 0, w.request("DescribeCluster", 0, {})["ErrorCode"])
        with s.acme.wire() as w:
            produce(w, topic, [b"x"])
            equal("records", [b"x"], fetch(w, topic))
        status, why = stack.wait_until("/readyz is 503", lambda: (lambda r: r if r[0] == 503 else None)(s.gateway.ops("/readyz")), 5)
        true(f"/readyz: {status} {why!r}", "store" in why)
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    stack.wait_until("ready again", lambda: s.gateway.ops("/readyz")[0] == 200, 10)
    s.rest("POST", "/v1/tenants/acme/users", {"name": fresh("fits"), "password": "a-password"})


def check_too_many(s):
    """More connections than limits.connections.max: those over it are turned away, those that are there go on."""
    with s.acme.wire() as first, contextlib.ExitStack() as held:
        there = 1
        for _ in range(330):
            with contextlib.suppress(OSError, kw.WireError):
                held.enter_context(s.acme.wire(record=False))
                there += 1
        true(f"{there} of 331 are there", 270 <= there <= 300)
        equal("who is there goes on", 0, first.request("DescribeCluster", 0, {})["ErrorCode"])
    stack.wait_until("others are served again", lambda: login_safely(s), 6)


def login_safely(s):
    try:
        return login_works(s)
    except (OSError, kw.WireError):
        return False


def test_faults():
    """One stack for all of it."""
    checks.run(lambda: stack.Stack(limits=LIMITS), (
        check_garbage_for_tls, check_silence, check_garbage_in_tls, check_slow_senders, check_half_open, check_no_readers, check_crowd,
        check_too_many, check_frozen, check_kafka_stopped, check_sigterm, check_sigkill, check_disk_full))
