"""A crowd of one tenant that sends all but one byte, never reads, or is idle: the other tenant notices nothing, memory stays bounded.

CROWD=SENDERS,READERS,IDLE in the environment says how many; CROWD_FRAME and CROWD_BUDGET are bytes. Every connection takes
two descriptors here and two in the gateway."""
import contextlib
import os
import resource
import socket
import struct
import threading
import time

import stage
from stage import TOPIC, Stage, equal, kw, stack, true

SENDERS, READERS, IDLE = (int(n) for n in os.environ.get("CROWD", "100,60,60").split(","))
FRAME = int(os.environ.get("CROWD_FRAME", 512 << 10))
BUDGET = int(os.environ.get("CROWD_BUDGET", 64 << 20))
WAIT_MS = 1500
ANSWER = 8 << 20
FREE = 128 << 10  # of each connection, besides the budget
ALL = SENDERS + READERS + IDLE
# A connection that is waited for holds its TLS state as well; a sanitizer keeps what was freed and guards what was not.
CONSTANT = (64 << 20) + ALL * (64 << 10) + ((900 << 20) if stack.FLAVOR != "release" else 0)
PATIENCE_S = 60 + ALL / 4


def make():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * ALL + 1000), hard))
    threading.stack_size(256 << 10)
    return Stage(limits={"connections.max": ALL + 50, "request.receive.timeout.ms": WAIT_MS, "authentication.timeout.ms": 60000,
                         "handshake.timeout.ms": 60000, "memory.max.bytes": BUDGET, "socket.request.max.bytes": FRAME,
                         "response.max.bytes": BUDGET // 4, "fetch.max.bytes": BUDGET // 8})


def large_answer(s):
    """A lie: every Fetch is answered by ANSWER bytes of batches, which nobody has to keep more than once."""
    one = kw.batch([os.urandom(256 << 10)])
    records = one * (ANSWER // len(one))

    async def answer(c, request):
        if request.api != "Fetch":
            return await c.honest(request)
        v = request.value["Topics"][0]
        key = (request.version, v.get("TopicId"))
        if key not in answer.made:
            answer.made[key] = kw.encode("Fetch", request.version, "response", {"Responses": [
                {k: v[k] for k in ("Topic", "TopicId") if k in v} | {"Partitions": [
                    {"PartitionIndex": 0, "HighWatermark": 1 << 30, "Records": records}]}]})
        body = memoryview(answer.made[key])
        await c.write(struct.pack(">ii", len(body) + 5, request.correlation_id) + b"\0")
        for at in range(0, len(body), 64 << 10):
            await c.write(body[at:at + (64 << 10)])
        return True
    answer.made = {}
    return answer


class Crowd:
    """Connections of acme, each with a thread of its own."""

    def __init__(self, s):
        self.s, self.door, self.threads, self.failed, self.idle = s, threading.Semaphore(8), [], [], []
        with s.acme.wire(record=False) as w:
            self.topic_id = w.request("Metadata", 12, {"Topics": [{"Name": TOPIC}]})["Topics"][0]["TopicId"]
        self.frame = struct.pack(">i", FRAME) + b"\0\0\0\x09" + b"x" * (FRAME - 5)

    def connect(self):
        with self.door:
            return self.s.acme.wire(record=False, client_id=stage.VICTIM)

    def sender(self):
        with self.connect() as w, contextlib.suppress(OSError):
            w.sock.settimeout(PATIENCE_S)
            w.send_raw(self.frame)
            w.sock.recv(1)  # until we are closed

    def reader(self):
        with self.connect() as w:
            w.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(3):
                w.send("Fetch", 13, {"MaxWaitMs": 500, "MinBytes": 1, "MaxBytes": 1 << 30, "SessionEpoch": -1, "Topics": [
                    {"TopicId": self.topic_id, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 1 << 30}]}]})
            self.over.wait(PATIENCE_S)

    def idler(self):
        w = self.connect()
        w.request("Metadata", 12, {"Topics": [{"Name": TOPIC}]})
        self.idle.append(w)

    def run(self, f):
        try:
            f()
        except Exception as e:  # told at the end
            self.failed.append(f"{f.__name__}: {e!r}")

    def start(self, f, n):
        for _ in range(n):
            t = threading.Thread(target=self.run, args=(f,), daemon=True)
            t.start()
            self.threads.append(t)

    def join(self):
        for t in self.threads:
            t.join(PATIENCE_S)
            true("a client has ended", not t.is_alive())
        self.threads = []


class Watch:
    """The gateway's resident memory, at most."""

    def __init__(self, s):
        self.s, self.before, self.most, self.on = s, s.memory()[0] << 10, 0, True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.on:
            with contextlib.suppress(OSError, AttributeError, StopIteration):
                self.most = max(self.most, self.s.memory()[0] << 10)
            time.sleep(0.05)

    def stop(self):
        self.on = False
        self.thread.join()
        more, bound = self.most - self.before, BUDGET * 9 // 8 + ALL * FREE + CONSTANT
        print(f"    resident: {self.before >> 20} MiB before, {more >> 20} MiB more at most; the bound is {bound >> 20} MiB", flush=True)
        true(f"{more >> 20} MiB more at most", more < bound)


def large_produce(s, records):
    p = s.next_door.request("Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [
        {"Name": TOPIC, "PartitionData": [{"Index": 0, "Records": records}]}]})["Responses"][0]
    equal("Produce", 0, p["PartitionResponses"][0]["ErrorCode"])


def given_back(s):
    m = s.gateway.metrics()
    return m["alcove_memory_reserved_bytes"] == 0 and m["alcove_admission_waiting"] == 0


def check_crowd(s):
    """All of them at once."""
    crowd, slow = Crowd(s), {r: s.closed(r) for r in ("slow_sender", "slow_reader", "memory", "internal")}
    crowd.over = threading.Event()
    s.broker.lie(stage.VICTIM, large_answer(s))
    s.neighbour()
    records = kw.batch([b"\0" * (min(FRAME, 1 << 20) - 1000)])  # as much as globex may always have in a frame
    watch = Watch(s)
    crowd.start(crowd.idler, IDLE)
    crowd.join()
    crowd.start(crowd.reader, READERS)
    crowd.start(crowd.sender, SENDERS)
    stack.wait_until("there is not enough for all", lambda: s.gateway.metric("alcove_admission_waiting") > 0, PATIENCE_S)
    m = s.gateway.metrics()
    for _ in range(10):
        s.neighbour()
        large_produce(s, records)
    print(f"    meanwhile {m['alcove_admission_waiting']:.0f} wait, {m['alcove_memory_reserved_bytes'] / BUDGET:.0%} of the budget is used", flush=True)
    held = m["alcove_memory_reserved_bytes"]
    true(f"one tenant has its share at most, and holds {held:.0f} bytes", held <= BUDGET // 4 + BUDGET // 8)  # what may turn out larger

    def closed():
        s.neighbour()
        return s.closed("slow_sender") - slow["slow_sender"] + s.closed("slow_reader") - slow["slow_reader"] >= SENDERS + READERS
    try:
        stack.wait_until("the slow are closed", closed, PATIENCE_S, 0.1)
    except stack.StackError as e:
        raise AssertionError(f"{e}: {[(k, v) for k, v in s.gateway.metrics().items() if v and ('closed_total' in k or 'admission' in k)]}") from None
    crowd.over.set()
    crowd.join()
    equal("what clients met", [], crowd.failed)
    equal("senders closed as slow", SENDERS, s.closed("slow_sender") - slow["slow_sender"])
    equal("readers closed as slow", READERS, s.closed("slow_reader") - slow["slow_reader"])
    for r in ("memory", "internal"):
        equal(f"closed for {r}", 0, s.closed(r) - slow[r])
    for w in crowd.idle:  # they have done nothing, and nothing was done to them
        w.request("Metadata", 12, {"Topics": [{"Name": TOPIC}]})
        w.close()
    watch.stop()
    stack.wait_until("everything is given back", lambda: given_back(s), 10)
    time.sleep(float(os.environ.get("CROWD_AFTER_S", 0)))
    print(f"    resident afterwards: {s.memory()[0] >> 10} MiB", flush=True)
    s.broker.honest()
    s.quiet(20)


def check_unknown(s):
    """More connections than may be unauthenticated, silent ones: who is known notices nothing, and whoever has a password comes in."""
    most = s.limits["connections.max"] // 2
    before = s.closed("unauthenticated_max")
    s.neighbour()
    with contextlib.ExitStack() as held:
        socks = [held.enter_context(stage.raw(s.gateway.ports["acme"])) for _ in range(most + 40)]
        stack.wait_until("the last are turned away", lambda: s.closed("unauthenticated_max") - before >= 20, 10)
        stack.wait_until("they are so many at most", lambda: s.gateway.metric("alcove_connections") <= most + 3, 5)
        s.neighbour()

        def comes_in():
            with contextlib.suppress(OSError, kw.WireError), s.acme.wire(record=False) as w:
                stage.round_trip(w)
                return True
            return False
        stack.wait_until("acme comes in", comes_in, 10, 0.1)  # at the latest when the crowd has had its two seconds
        s.neighbour()
        equal("connections that were refused", 0, s.gateway.metric("alcove_connections_refused_total"))
        true("the oldest went", any(stage.ended(x, 0.01) for x in socks[:most]))
    s.quiet()


@contextlib.contextmanager
def next_door_is_busy(s):
    """globex produces as much as it can, so that who comes is given to the worker where it is not."""
    over, records, failed = threading.Event(), kw.batch([b"\0" * (FRAME - 1000)]), []

    def work():
        try:
            while not over.is_set():
                large_produce(s, records)
        except Exception as e:  # told at the end
            failed.append(repr(e))
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)
    equal("what globex met", [], failed)


def by_worker(s):
    return [s.gateway.metric("alcove_worker_connections", worker=str(i)) for i in range(2)]


def check_one_worker(s):
    """Silent ones of whom nearly all are given to one worker: there may be as many as configured all the same, and no more; who
    comes when they have had their time comes in."""
    most = s.limits["connections.max"] // 2
    s.neighbour()
    before = s.closed("unauthenticated_max")
    with next_door_is_busy(s), contextlib.ExitStack() as held:
        def all_at_one():
            held.pop_all().close()
            stack.wait_until("nobody is left", lambda: s.gateway.metric("alcove_connections") <= 1, 10)
            for _ in range(most):
                held.enter_context(stage.raw(s.gateway.ports["acme"]))
            stack.wait_until("all are there, or turned away", lambda: s.gateway.metric("alcove_connections") +
                             s.closed("unauthenticated_max") - before >= most + 1, 10)
            return max(by_worker(s)) > most * 3 // 4
        stack.wait_until("they are at one worker", all_at_one, 60, 0.5)
        print(f"    connections by worker: {by_worker(s)}, {most} may be unknown", flush=True)
        equal("turned away", 0, s.closed("unauthenticated_max") - before)
        equal("are there, with globex", most + 1, s.gateway.metric("alcove_connections"))

        def one_more():
            """One that had its time goes for one that comes; until then whoever comes is turned away."""
            last = held.enter_context(stage.raw(s.gateway.ports["acme"]))
            true("no more than may be", s.gateway.metric("alcove_connections") <= most + 2)  # the one that is just there
            return not stage.ended(last, 0.2)
        stack.wait_until("a new one stays", one_more, 10, 0.1)
        true("for others", s.closed("unauthenticated_max") > before)
    s.quiet()


CHECKS = [check_crowd, check_unknown, check_one_worker]
