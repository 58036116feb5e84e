"""make soak: everything comes and goes for minutes, and nothing may grow; then a crowd, and nobody else may notice.

    SOAK_MINUTES=20 FLAVOR=release tests/fault/soak.py

Rounds of ROUND_S seconds: clients of all kinds come and go, groups rebalance, tenants are made and deleted by REST, the
configuration is read anew, the broker restarts. After each round all of it stops, and what is left is measured: resident
memory, descriptors, connections, reserved memory. After a warm-up (the first quarter of the rounds) a straight line is laid
through these samples: what it rises from the first to the last must be below GROWTH_KIB, and descriptors may not rise at
all. The broker and the tenant whose latency is measured are processes of their own. Writes build/soak.json.
"""
import contextlib
import itertools
import json
import os
import pathlib
import random
import resource
import selectors
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import stage  # noqa: E402
from stage import TOPIC, Stage, equal, kw, round_trip, stack, true  # noqa: E402

ROUND_S = 12
GROWTH_KIB = 3072  # over all samples: SQLite's cache of pages (2 MiB) fills with the audit log, then no more
FRAME_MAX, MEMORY_MAX = 1 << 20, 128 << 20
CROWD = {"idle": 5000, "partial": 500, "deaf": 500}
CONNECTION_KIB = 96  # what a connection of the crowd may cost beside the budget
LIMITS = {"connections.max": 6500, "handshake.timeout.ms": 10000, "authentication.timeout.ms": 10000, "request.receive.timeout.ms": 5000,
          "socket.request.max.bytes": FRAME_MAX, "memory.max.bytes": MEMORY_MAX,
          "response.max.bytes": 16 << 20}


class BrokerProcess:
    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, HERE / "fakebroker.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        return self

    def restart(self):
        self.process.send_signal(signal.SIGUSR1)

    def __exit__(self, *exc):
        self.process.stdin.close()
        self.process.wait(20)


class Soaked(Stage):
    def make_broker(self, tls):
        return BrokerProcess()


# ---- the tenant next door, as a process ---------------------------------------------------------------------

def neighbour_main(port, ca, password, out):
    """Round trips until the end; each line of out: when, milliseconds, or an error."""
    tenant = stack.Tenant("globex", tempfile.gettempdir(), "127.0.0.1", int(port), "alice", password, ca, mechanism="PLAIN")
    with open(out, "w", encoding="utf-8") as f:
        while True:
            try:
                with tenant.wire(record=False) as w:
                    while True:
                        began = time.monotonic()
                        round_trip(w)
                        f.write(f"{began} {(time.monotonic() - began) * 1000:.2f}\n")
                        f.flush()
                        time.sleep(0.01)
            except (OSError, kw.WireError, AssertionError) as e:
                f.write(f"{time.monotonic()} error {e!r}\n")
                f.flush()
                time.sleep(0.1)


class NextDoor:
    def __init__(self, s):
        self.path = s.folder / "neighbour"
        self.process = subprocess.Popen([sys.executable, __file__, "--neighbour", str(s.globex.port), s.globex.ca, s.globex.password, self.path])

    def lines(self, begin, end):
        text = self.path.read_text().splitlines() if self.path.exists() else []
        return [x.split(" ", 2) for x in text if begin <= float(x.split(" ", 1)[0]) <= end]

    def latencies(self, begin, end):
        took = sorted(float(x[1]) for x in self.lines(begin, end) if x[1] != "error")
        if not took:
            return {"rounds": 0}
        return {"rounds": len(took), "p50_ms": took[len(took) // 2], "p99_ms": took[int(len(took) * 0.99)], "max_ms": took[-1]}

    def errors(self, begin, end):
        return [x for x in self.lines(begin, end) if x[1] == "error"]

    def stop(self):
        self.process.kill()
        self.process.wait()


# ---- what comes and goes ------------------------------------------------------------------------------------------

NUMBERS = itertools.count()


def client(s, rng):
    """One client's life: how it logs in, what it does, how it leaves."""
    tenant = s.acme.but(mechanism=rng.choice(("PLAIN", "PLAIN", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")))
    if rng.random() < 0.1:
        tenant = tenant.but(password="wrong")
    with tenant.wire(record=False) as w:
        for _ in range(rng.randrange(1, 6)):
            round_trip(w, value=os.urandom(rng.choice((10, 1000, 30000))))
        way = rng.randrange(5)
        if way == 0:
            w.send_raw(struct.pack(">i", 1000) + b"half of a frame")
        elif way == 1:
            w.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif way == 2:
            w.send_raw(os.urandom(200))
        elif way == 3:
            with contextlib.suppress(OSError):
                w.sock.unwrap()


def member(s, rng):
    """A member of a group: joins, syncs, beats, commits, leaves."""
    group = f"g{rng.randrange(5)}"
    with s.acme.wire(record=False) as w:
        w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": [group]})
        for _ in range(2):
            j = w.request("JoinGroup", 9, {"GroupId": group, "SessionTimeoutMs": 6000, "RebalanceTimeoutMs": 6000, "ProtocolType": "consumer",
                                           "Protocols": [{"Name": "range", "Metadata": b"\0\1\0\0\0\1\0\6orders\0\0\0\0"}]})
            w.request("SyncGroup", 5, {"GroupId": group, "GenerationId": j["GenerationId"], "MemberId": j["MemberId"], "ProtocolType": "consumer",
                                       "ProtocolName": "range", "Assignments": [{"MemberId": j["MemberId"], "Assignment": b"\0\0\0\0\0\0\0\0\0\0"}]})
            w.request("Heartbeat", 4, {"GroupId": group, "GenerationId": j["GenerationId"], "MemberId": j["MemberId"]})
            w.request("OffsetCommit", 8, {"GroupId": group, "GenerationIdOrMemberEpoch": j["GenerationId"], "MemberId": j["MemberId"], "Topics": [
                {"Name": TOPIC, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 1}]}]})
        w.request("LeaveGroup", 5, {"GroupId": group, "Members": [{"MemberId": j["MemberId"]}]})


def tenancy(s, rng):
    """A tenant is made, used, changed, and deleted with all it has. Few names again and again: the ledger of who sent how much
    keeps a row for each, which is bounded but no growth to be looked for here."""
    name = f"t{next(NUMBERS) % 40}"
    s.rest("POST", "/v1/tenants", {"id": name})
    s.rest("POST", f"/v1/tenants/{name}/users", {"name": "u", "password": "a-password"})
    t = s.gateway.tenant(name, s.folder, user="u", password="a-password", via="shared")
    with contextlib.suppress(kw.WireError, OSError), t.but(mechanism="PLAIN").wire(record=False) as w:
        w.request("Metadata", 12, {"Topics": None})
        w.request("CreateTopics", 7, {"timeoutMs": 5000, "Topics": [{"Name": "x", "NumPartitions": 1, "ReplicationFactor": 1}]})
    s.rest("POST", f"/v1/tenants/{name}/suspend")
    s.rest("POST", f"/v1/tenants/{name}/resume")
    s.rest("DELETE", f"/v1/tenants/{name}?purge=true")


def reload(s, rng):
    time.sleep(3)
    with open(f"/proc/{s.gateway.process.pid}/status", encoding="ascii") as f:
        watched = {x.split(":")[0]: int(x.split()[1], 16) for x in f if x.startswith(("SigBlk", "SigCgt"))}
    true("the gateway looks after SIGHUP", any(v >> (signal.SIGHUP - 1) & 1 for v in watched.values()))
    s.gateway.process.send_signal(signal.SIGHUP)


def restart(s, rng):
    time.sleep(5)
    s.broker.restart()


class Traffic:
    """All of them, each in a thread, until stop()."""
    KINDS = (client, client, member, tenancy, reload)

    def __init__(self, s, kinds):
        self.s, self.stopping, self.done, self.failed = s, False, {k.__name__: 0 for k in kinds}, {k.__name__: 0 for k in kinds}
        self.threads = [threading.Thread(target=self.run, args=(k,), daemon=True) for k in kinds]
        for t in self.threads:
            t.start()

    def run(self, kind):
        rng = random.Random()
        while not self.stopping:
            try:
                kind(self.s, rng)
                self.done[kind.__name__] += 1
            except (OSError, kw.WireError, AssertionError, stack.StackError, KeyError, IndexError):
                self.failed[kind.__name__] += 1  # a broker that restarts, a password that is wrong

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join(40)


# ---- measuring --------------------------------------------------------------------------------------------------------

def blocks_reserved(s):
    return s.gateway.metric("alcove_memory_reserved_bytes")


def settle(s):
    """All clients but the neighbour have gone; -> a sample."""
    stack.wait_until("all connections are gone", lambda: s.gateway.metric("alcove_connections") <= 1, 30, 0.1)
    stack.wait_until("nothing is reserved for long", lambda: blocks_reserved(s) < 1 << 20, 10, 0.01)
    stack.wait_until("no tenant is left", lambda: len(s.rest("GET", "/v1/tenants")["items"]) == 2, 30, 0.2)
    time.sleep(0.5)
    rss, fds = s.memory()
    return {"rss_kib": rss, "fds": fds, "connections": s.gateway.metric("alcove_connections")}


def slope(values):
    """Least squares: what the line rises over all of them."""
    n = len(values)
    mean_x, mean_y = (n - 1) / 2, sum(values) / n
    below = sum((x - mean_x) ** 2 for x in range(n))
    return sum((x - mean_x) * (y - mean_y) for x, y in enumerate(values)) / below * (n - 1) if below else 0.0


def soak(s, minutes, result):
    door = NextDoor(s)
    samples, done, failed = [], {}, {}
    end = time.monotonic() + minutes * 60
    number = 0
    try:
        while time.monotonic() < end or len(samples) < 6:
            kinds = Traffic.KINDS + ((restart,) if number % 3 == 2 else ())
            number += 1
            traffic = Traffic(s, kinds)
            time.sleep(ROUND_S)
            traffic.stop()
            stack.wait_until("ready", lambda: s.gateway.ops("/readyz")[0] == 200, 20)
            samples.append(settle(s))
            for total, part in ((done, traffic.done), (failed, traffic.failed)):
                for k, v in part.items():
                    total[k] = total.get(k, 0) + v
            print(f"  round {number}: {samples[-1]['rss_kib']} KiB resident, {samples[-1]['fds']} descriptors; {traffic.done}", flush=True)
            if s.gateway.process.poll() is not None:
                raise AssertionError(f"the gateway ended:\n{s.gateway.log_now()[-3000:]}")
    finally:
        door.stop()
    kept = samples[max(1, len(samples) // 4):]
    result |= {"rounds": number, "done": done, "failed": failed, "samples": samples, "rss_rise_kib": round(slope([x["rss_kib"] for x in kept])),
               "fds_rise": round(slope([x["fds"] for x in kept]), 1), "bound_kib": GROWTH_KIB}
    print(f"  {number} rounds: {done}, {failed} ended by restarts or wrong passwords\n"
          f"  after the warm-up resident memory {kept[0]['rss_kib']} -> {kept[-1]['rss_kib']} KiB, the line rises {result['rss_rise_kib']} KiB "
          f"(bound {GROWTH_KIB}); descriptors {kept[0]['fds']} -> {kept[-1]['fds']}, rise {result['fds_rise']}", flush=True)
    # A sanitizer keeps freed memory; there only the descriptors tell.
    true(f"resident memory grows by {result['rss_rise_kib']} KiB", result["rss_rise_kib"] <= GROWTH_KIB or stack.FLAVOR in ("asan", "tsan"))
    true(f"descriptors grow by {result['fds_rise']}", result["fds_rise"] < 1 and kept[-1]["fds"] <= kept[0]["fds"] + 2)


# ---- the crowd ------------------------------------------------------------------------------------------------------------

def logged_in(s, n, small_buffers=False):
    """n authenticated connections, blocking no longer than they must."""
    wires = []
    context = kw.tls_context(str(s.acme.ca))
    for _ in range(n):
        w = kw.Wire(s.acme.host, s.acme.port, context=context, record=False, timeout=30)
        w.sasl("PLAIN", s.acme.user, s.acme.password)
        if small_buffers:
            w.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wires.append(w)
    return wires


class Pump(threading.Thread):
    """Sends on many connections as much as they take, up to all but one byte of the largest frame each."""

    def __init__(self, wires):
        super().__init__(daemon=True)
        self.wires, self.stopping, self.sent, self.full = wires, False, 0, 0

    def run(self):
        left = {}
        piece = bytes(16384)
        with selectors.DefaultSelector() as poll:
            for w in self.wires:
                with contextlib.suppress(OSError):
                    w.send_raw(struct.pack(">i", FRAME_MAX) + kw.request_header("Produce", 9, 1, "partial"))
                    w.sock.setblocking(False)
                    left[w] = FRAME_MAX - 24 - 1
                    poll.register(w.sock, selectors.EVENT_WRITE, w)
            while left and not self.stopping:
                for key, _ in poll.select(0.2):
                    w = key.data
                    try:
                        n = w.sock.send(piece[:min(len(piece), left[w])])
                        left[w] -= n
                        self.sent += n
                        self.full += left[w] == 0
                    except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
                        continue
                    except OSError:
                        left[w] = 0
                    if left[w] == 0:
                        poll.unregister(w.sock)
                        del left[w]


def make_large(s):
    s.create_topic(s.acme, "large")
    with s.acme.wire(record=False) as w:
        p = w.request("Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [{"Name": "large", "PartitionData": [
            {"Index": 0, "Records": kw.batch([bytes(400000)])}]}]})
        equal("Produce", 0, p["Responses"][0]["PartitionResponses"][0]["ErrorCode"])
        return w.request("Metadata", 12, {"Topics": [{"Name": "large"}]})["Topics"][0]["TopicId"]


def deafen(wires, topic_id):
    """Each asks for megabytes and reads nothing of it."""
    for w in wires:
        with contextlib.suppress(OSError):
            for _ in range(20):
                w.send("Fetch", 13, {"MaxWaitMs": 500, "MinBytes": 1, "MaxBytes": 1 << 20, "SessionEpoch": -1, "Topics": [
                    {"TopicId": topic_id, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 1 << 20}]}]})


def reasons(s):
    return {k.split('reason="')[1].split('"')[0]: v for k, v in s.gateway.metrics().items() if k.startswith("alcove_connections_closed_total") and v}


def own_latencies(s):
    """-> {upper bound in seconds: requests}, of the gateway's own share"""
    return {float(k.split('le="')[1].split('"')[0].replace("+Inf", "inf")): v for k, v in s.gateway.metrics().items()
            if k.startswith("alcove_own_latency_seconds_bucket")}


def within(before, after, part):
    """The bound in milliseconds below which so large a part of what happened between lies."""
    made = {k: after[k] - before.get(k, 0) for k in after}
    return next((k * 1000 for k in sorted(made) if made[k] >= part * made[max(made)]), None)


def crowd(s, result):
    """5,000 that are idle, 500 that send all but one byte of the largest frame, 500 that never read; one who works."""
    scale = float(os.environ.get("SOAK_CROWD", "1"))
    n = {k: int(v * scale) for k, v in CROWD.items()}
    topic_id = make_large(s)
    door = NextDoor(s)
    rss_before, peak, watching = s.memory()[0], [0], [True]
    held = []

    def watch():
        while watching:
            with contextlib.suppress(OSError, StopIteration):
                peak[0] = max(peak[0], s.memory()[0])
            time.sleep(0.1)
    try:
        time.sleep(4)
        quiet = (time.monotonic() - 4, time.monotonic())
        began = time.monotonic()
        idle = logged_in(s, n["idle"])
        held += idle
        print(f"  {n['idle']} idle connections came in {time.monotonic() - began:.1f} s", flush=True)
        rss_idle = s.memory()[0]
        partial, deaf = logged_in(s, n["partial"]), logged_in(s, n["deaf"], True)
        held += partial + deaf
        threading.Thread(target=watch, daemon=True).start()
        before, own = reasons(s), own_latencies(s)
        attack = time.monotonic()
        pump = Pump(partial)
        pump.start()
        deafen(deaf, topic_id)

        def offenders():
            now = reasons(s)
            return {k: now.get(k, 0) - before.get(k, 0) for k in ("slow_sender", "slow_reader", "memory")}
        stack.wait_until("all offenders are closed", lambda: sum(offenders().values()) >= n["partial"] + n["deaf"], 180, 0.5)
        over = time.monotonic()
        took, errors = door.latencies(attack, over), door.errors(attack, over)
        result["crowd"] = {"connections": n, "offenders": offenders(), "seconds": round(over - attack, 1), "sent_bytes": pump.sent,
                           "neighbour_before": door.latencies(*quiet), "neighbour_during": took, "neighbour_errors": len(errors),
                           "rss_before_kib": rss_before, "rss_idle_kib": rss_idle, "rss_peak_kib": peak[0],
                           "own_p99_below_ms": within(own, own_latencies(s), 0.99), "own_max_below_ms": within(own, own_latencies(s), 1)}
        pump.stopping = True
        alive = sum(not w.closed_by_peer(0.001) for w in idle[::50])
        watching.clear()
    finally:
        for w in held:
            w.close()
        door.stop()
    settle(s)
    c = result["crowd"] | {"rss_after_kib": s.memory()[0]}
    result["crowd"] = c
    print(f"  closed within {c['seconds']} s: {c['offenders']}\n  the neighbour before {c['neighbour_before']}, during {c['neighbour_during']}, errors {c['neighbour_errors']}\n"
          f"  the gateway's own share of all requests meanwhile: p99 below {c['own_p99_below_ms']} ms, all below {c['own_max_below_ms']} ms\n"
          f"  resident {rss_before} KiB before, {rss_idle} with the idle ones, {c['rss_peak_kib']} at most, {c['rss_after_kib']} after", flush=True)
    equal("the neighbour's errors", [], errors)
    true("the neighbour went on", took["rounds"] > 0)
    equal("idle ones that are still there", len(idle[::50]), alive)
    bound = rss_before + MEMORY_MAX // 1024 + sum(n.values()) * CONNECTION_KIB
    true(f"{c['rss_peak_kib']} KiB at most, bound {bound}", c["rss_peak_kib"] <= bound or stack.FLAVOR in ("asan", "tsan"))


def main():
    if sys.argv[1:2] == ["--neighbour"]:
        return neighbour_main(*sys.argv[2:])
    minutes = float(os.environ.get("SOAK_MINUTES", "20"))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began, result = time.strftime("%Y-%m-%d %H:%M"), {"minutes": minutes, "flavor": stack.FLAVOR}
    copy = pathlib.Path(tempfile.mkdtemp(prefix="alcove-soak-")) / "alcove"  # whoever builds meanwhile does not disturb
    shutil.copy(stack.REPO / "build" / stack.FLAVOR / "alcove", copy)
    with Soaked(limits=LIMITS, binary=copy) as s:
        print(f"soak: {minutes:g} minutes, {stack.FLAVOR}, {began}", flush=True)
        if minutes:
            soak(s, minutes, result)
        crowd(s, result)
    shutil.rmtree(copy.parent)
    (stack.REPO / "build").mkdir(exist_ok=True)
    (stack.REPO / "build/soak.json").write_text(json.dumps(result, indent=1))
    print("1 passed, 0 failed")
    return None


if __name__ == "__main__":
    main()
