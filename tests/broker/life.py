"""The gateway's own life: load divided between workers, a drain under load, no descriptors left, a thread that hangs."""
import concurrent.futures
import contextlib
import os
import resource
import signal
import threading

import checks
from runner import create_topic, equal, fetch, fresh, kw, produce, stack, true

OWN_STACK = True
GRACE_MS = 4000
DRAIN = f"drain:\n  grace.ms: {GRACE_MS}\n"
REBOOTSTRAP_REQUIRED = 129


def produce_frame(topic, values, correlation=1, acks=1):
    body = kw.encode("Produce", 9, "request", {"Acks": acks, "TimeoutMs": 10000, "TopicData": [
        {"Name": topic, "PartitionData": [{"Index": 0, "Records": kw.batch(values)}]}]})
    return kw.frame(kw.request_header("Produce", 9, correlation, "life") + body)


class Pipeline(threading.Thread):
    """Sends the same frame, `ahead` of them at a time, until the connection ends or stop(); counts what was answered."""

    def __init__(self, tenant, api, version, frame, ahead=4):
        super().__init__(daemon=True)
        self.wire, self.api, self.version, self.frame, self.ahead = tenant.wire(record=False), api, version, frame, ahead
        self.answered, self.errors, self.stopping, self.failure = 0, set(), False, None
        self.start()

    def run(self):
        sent = 0
        try:
            while not self.stopping:
                while sent < self.answered + self.ahead:
                    self.wire.send_raw(self.frame)
                    sent += 1
                self.take()
            while self.answered < sent:
                self.take()
        except (OSError, kw.WireError) as e:
            self.failure = e
            with contextlib.suppress(OSError, kw.WireError):  # what came before the end
                while True:
                    self.take()

    def take(self):
        answer = kw.decode_response(self.api, self.version, self.wire.receive_frame())
        self.errors.add(answer["Responses"][0]["PartitionResponses"][0]["ErrorCode"] if self.api == "Produce" else answer["ErrorCode"])
        self.answered += 1

    def stop(self):
        self.stopping = True
        self.join(20)
        self.wire.close()


# ---- workers ------------------------------------------------------------------------------------------

def heavy(s):
    return [int(s.gateway.metric("alcove_worker_heavy_connections", worker=w)) for w in (0, 1)]


def check_four_heavy_ones_on_two_workers(s):
    """Connections go to the workers in turn; every other one turns out heavy. They end two on each, and none notices."""
    topic = fresh("heavy")
    create_topic(s.acme, topic, configs={"retention.bytes": "16777216", "segment.bytes": "16777216"})
    frame = produce_frame(topic, [os.urandom(200000)])
    with contextlib.ExitStack() as light:
        producers = []
        for _ in range(4):
            producers.append(Pipeline(s.acme, "Produce", 9, frame))
            light.enter_context(s.acme.wire(record=False))
        stack.wait_until("two heavy ones on each worker", lambda: heavy(s) == [2, 2], 60, 0.2)
        moved = s.gateway.metric("alcove_connections_moved_total")
        then = [p.answered for p in producers]
        stack.wait_until("all of them go on", lambda: all(p.answered > n + 20 for p, n in zip(producers, then)), 60)
        for p in producers:
            p.stop()
        equal("errors", [({0}, None)] * 4, [(p.errors, p.failure) for p in producers])
        true(f"{moved} moved", moved >= 1)
        print(f"    {int(moved)} moved; answers: {[p.answered for p in producers]}", flush=True)


# ---- drain ---------------------------------------------------------------------------------------------

def records_in(s, topic):
    """How many records the broker itself has."""
    with s.kafka.wire() as w:
        reply = w.request("ListOffsets", 7, {"ReplicaId": -1, "Topics": [{"Name": f"acme.{topic}", "Partitions": [
            {"PartitionIndex": 0, "CurrentLeaderEpoch": -1, "Timestamp": -1}]}]})
        return reply["Topics"][0]["Partitions"][0]["Offset"]


def waiting(topic, ms):
    """A Fetch that nothing answers before its time."""
    return {"MaxWaitMs": ms, "MinBytes": 1, "MaxBytes": 1000, "Topics": [{"Topic": topic, "Partitions": [
        {"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 1000, "CurrentLeaderEpoch": -1, "LastFetchedEpoch": -1,
         "LogStartOffset": -1}]}]}


def check_drain(s):
    """SIGTERM while producers always have requests in flight and somebody waits in a long poll: exit 0 within the grace
    time, and whatever reached the broker was answered. Metadata 13 sends its askers away."""
    s.gateway.stop()
    s.gateway.more = DRAIN
    s.gateway.configure()
    s.gateway.start()
    s.rest = s.gateway.rest
    acme = s.tenant("acme")
    topic, empty = fresh("drained"), fresh("empty")
    for name in (topic, empty):
        create_topic(acme, name)
    with acme.wire() as poll, acme.wire() as idle, acme.wire() as asker, concurrent.futures.ThreadPoolExecutor(1) as pool:
        equal("idle", 0, idle.request("DescribeCluster", 0, {})["ErrorCode"])
        poll.send("Fetch", 12, waiting(empty, 60000))
        producers = [Pipeline(acme, "Produce", 9, produce_frame(topic, [b"x" * 1000])) for _ in range(3)]
        stack.wait_until("all produce", lambda: all(p.answered > 50 for p in producers), 30)
        # It is asked to leave while something is under way, and so still there for a question.
        asker.send("Fetch", 12, waiting(empty, GRACE_MS // 2))
        ending = pool.submit(s.gateway.stop, GRACE_MS / 1000 + 10)
        stack.wait_until("it drains", lambda: " draining " in s.gateway.log_now())
        asker.send("Metadata", 13, {"Topics": []})
        equal("the long poll's answer", 0, asker.receive()["ErrorCode"])
        equal("Metadata 13", REBOOTSTRAP_REQUIRED, asker.receive()["ErrorCode"])
        took = ending.result()
        equal("its end", [], s.gateway.complaints)
        for p in producers:
            p.join(10)
            true("its connection was closed", p.failure is not None)
        equal("idle one is closed", True, idle.closed_by_peer(1))
    answered = sum(p.answered for p in producers)
    equal("records at the broker, and acknowledged", records_in(s, topic), answered)
    equal("errors of producers", [{0}] * 3, [p.errors for p in producers])
    print(f"    it ended after {took:.1f} s; {answered} records, all acknowledged", flush=True)
    s.gateway.start()


# ---- descriptors ------------------------------------------------------------------------------------------

def check_no_descriptors(s):
    """None left: who is there goes on, who comes is turned away, who needs a broker is closed alone; then it is over."""
    acme, pid = s.tenant("acme"), s.gateway.process.pid
    topic = fresh("fds")
    create_topic(acme, topic)
    was = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    refused = s.gateway.metric("alcove_connections_refused_total", reason="descriptors")
    unreached = s.gateway.metric("alcove_connections_closed_total", reason="upstream_connect")
    with acme.wire() as busy, acme.wire() as late, contextlib.ExitStack() as held:
        produce(busy, topic, [b"before"])
        top = max(int(n) for n in os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (top + 1, was[1]))
        gone = 0
        for _ in range(64):  # fills whatever is left below
            try:
                held.enter_context(acme.connect(timeout=2))
            except (OSError, kw.WireError):
                gone += 1
            if gone > 3:
                break
        true("some are turned away", gone > 3)
        late.send("Metadata", 12, {"Topics": [{"Name": topic}]})
        true("who needs a new descriptor is closed", late.closed_by_peer(10))
        for i in range(5):
            produce(busy, topic, [b"meanwhile %d" % i])
    resource.prlimit(pid, resource.RLIMIT_NOFILE, was)
    true("they were counted", s.gateway.metric("alcove_connections_refused_total", reason="descriptors") > refused)
    true("so was that one", s.gateway.metric("alcove_connections_closed_total", reason="upstream_connect") > unreached)

    def served():
        with contextlib.suppress(OSError, kw.WireError), acme.wire() as w:
            return len(fetch(w, topic)) > 0
        return False
    stack.wait_until("others are served again", served, 10)


# ---- the watchdog -----------------------------------------------------------------------------------------

def check_watchdog(s):
    """A worker hangs for good: it is logged, /healthz says so, and the process ends itself."""
    if s.flavor == "release":
        return  # only test builds can be made to hang
    s.gateway.stop()
    s.gateway.more = "watchdog:\n  warn.ms: 1000\n  abort.ms: 4000\n"
    s.gateway.env = {"ALCOVE_TEST_STALL": "hang-here"}
    s.gateway.configure()
    s.gateway.start()
    with s.tenant("acme").connect(client_id="hang-here") as w:
        w.send("ApiVersions", 3, {"ClientSoftwareName": "x", "ClientSoftwareVersion": "1"})
        status, why = stack.wait_until("/healthz is 503", lambda: (lambda r: r if r[0] == 503 else None)(s.gateway.ops("/healthz")), 15)
        true(f"/healthz: {status} {why!r}", "stuck" in why)
        equal("stuck", 1, s.gateway.metric("alcove_stuck_threads"))
        equal("the end", -signal.SIGABRT, s.gateway.process.wait(20))
    log = s.gateway.log_now()
    true("the log names it", "its loop does not turn" in log)
    true("and what it was at", 'doing="ApiVersions"' in log)
    true("and the end", "ends itself" in log)
    s.gateway.process = None
    s.gateway.more, s.gateway.env = "", {}
    s.gateway.configure()
    s.gateway.start()


def test_life():
    """One stack for all of it."""
    checks.run(lambda: stack.Stack(limits={"connections.max": 300}), (
        check_four_heavy_ones_on_two_workers, check_no_descriptors, check_drain, check_watchdog))
