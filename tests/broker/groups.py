"""Consumer groups: classic and KIP-848, rebalances, static members; two tenants with the same group name."""
import contextlib
import threading
import time

import confluent_kafka as ck
import kafka as kp

from produce_consume import send
from runner import both, create_topic, equal, fresh, kw, stack, true

CLASSIC = [{"partition.assignment.strategy": x} for x in ("range", "roundrobin", "cooperative-sticky")]
KIP848 = {"group.protocol": "consumer"}


class Member:
    """A consumer with a thread of its own, which alone touches it: the library locks up when two do."""

    def __init__(self, tenant, group, topics, **more):
        if more.get("group.protocol") != "consumer":
            more = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500} | more
        self.c = ck.Consumer(tenant.librdkafka(**{"group.id": group, "auto.offset.reset": "earliest", **more}))
        self.got, self.errors, self.assigned, self.ended, self.owes_commit = [], [], [], threading.Event(), threading.Event()
        self.c.subscribe(topics)
        self.thread = threading.Thread(target=self.poll, daemon=True)
        self.thread.start()

    def poll(self):
        while not self.ended.is_set():
            m = self.c.poll(0.1)
            if m:
                (self.errors if m.error() else self.got).append(m.error() or m.value())
            self.assigned = sorted((p.topic, p.partition) for p in self.c.assignment())
            if self.owes_commit.is_set() and self.commits():
                self.owes_commit.clear()
        self.c.close()

    def commits(self):
        try:
            return all(p.error is None for p in self.c.commit(asynchronous=False))
        except ck.KafkaException as e:  # while members come and go it is not taken
            return e.args[0].code() == ck.KafkaError._NO_OFFSET

    def commit(self):
        """Returns when all that it got is committed."""
        self.owes_commit.set()
        stack.wait_until("a commit is taken", lambda: not self.owes_commit.is_set(), 20)

    def has(self):
        return self.assigned

    def stop(self):
        self.ended.set()
        self.thread.join(20)
        true("the consumer closes", not self.thread.is_alive())


@contextlib.contextmanager
def members(tenant, group, topics, n, **more):
    all_of_them = [Member(tenant, group, topics, **more) for _ in range(n)]
    try:
        yield all_of_them
    finally:
        for m in all_of_them:
            m.stop()


def shared_out(those, topic, partitions, fair=True):
    """Waits until each partition is somebody's, and nobody's is somebody else's."""
    want = [(topic, p) for p in range(partitions)]
    stack.wait_until(f"{partitions} partitions of {topic} are shared out among {len(those)}; now {[m.has() for m in those]}",
                     lambda: sorted(x for m in those for x in m.has()) == want and (not fair or all(m.has() for m in those)), 40)


def rebalance(tenant, topic, group, partitions, **more):
    """One, two, three members, and two again; everything arrives."""
    sent = [f"{tenant.name} {i}".encode() for i in range(60)]
    with members(tenant, group, [topic], 1, **more) as first:
        shared_out(first, topic, partitions)
        with members(tenant, group, [topic], 2, **more) as others:
            shared_out(first + others, topic, partitions)
            send(tenant, topic, sent)
            stack.wait_until(f"all records came; {sum(len(m.got) for m in first + others)} did",
                             lambda: sum(len(m.got) for m in first + others) >= len(sent), 20)
            others.pop().stop()
            shared_out(first + others, topic, partitions)
            everybody = first + others
            equal(f"{tenant.name}'s errors", [], [e for m in everybody for e in m.errors])
    found = {v for m in everybody for v in m.got}
    true(f"{tenant.name} got something of others: {found - set(sent)}", found <= set(sent))


def in_both(s, f):
    """The same topic and group names in both tenants; different numbers of partitions."""
    topic, group = fresh("shifts"), fresh("billing")
    sizes = {"acme": 6, "globex": 4}
    both(lambda t: create_topic(t, topic, sizes[t.name]), s.acme, s.globex)
    both(lambda t: f(t, topic, group, sizes[t.name]), s.acme, s.globex)


def test_classic_range(s):
    """The range assignor."""
    in_both(s, lambda t, *a: rebalance(t, *a, **CLASSIC[0]))


def test_classic_cooperative(s):
    """Incremental rebalances."""
    in_both(s, lambda t, *a: rebalance(t, *a, **CLASSIC[2]))


def test_kip848(s):
    """group.protocol=consumer."""
    in_both(s, lambda t, *a: rebalance(t, *a, **KIP848))


def test_offsets_go_on(s):
    """What a group committed is where its next member begins; the other tenant's group of that name has its own."""
    topic, group = fresh("ledger"), fresh("billing")
    both(lambda t: create_topic(t, topic), s.acme, s.globex)

    def one(t):
        for protocol in ("classic", "consumer"):
            name = f"{group}-{protocol}"
            for part in range(3):
                sent = [f"{t.name} {protocol} {part} {i}".encode() for i in range(5)]
                send(t, topic, sent)
                c = ck.Consumer(t.librdkafka(**{"group.id": name, "auto.offset.reset": "earliest", "enable.auto.commit": False,
                                                "group.protocol": protocol}))
                c.subscribe([topic])
                got, end = [], time.monotonic() + 20
                while len(got) < 5 and time.monotonic() < end:
                    m = c.poll(0.2)
                    if m and not m.error() and f"{t.name} {protocol}".encode() in m.value():
                        got.append(m.value())
                equal(f"{t.name}, {protocol}, part {part}", sent, got)
                c.commit(asynchronous=False)
                c.close()
    both(one, s.acme, s.globex)


def static_member(t, topic, group, partitions, **more):
    with members(t, group, [topic], 1, **{"group.instance.id": "left", **more}) as left, \
            members(t, group, [topic], 1, **{"group.instance.id": "right", **more}) as right:
        shared_out(left + right, topic, partitions)
        before = right[0].has()
        right.pop().stop()
        right.append(Member(t, group, [topic], **{"group.instance.id": "right", **more}))
        stack.wait_until("the member with the same instance id has the same partitions", lambda: right[0].has() == before, 20)
        shared_out(left + right, topic, partitions)


def test_static_members(s):
    """group.instance.id, classic and KIP-848."""
    in_both(s, lambda t, topic, group, n: (static_member(t, topic, group, n),
                                           static_member(t, topic, group + "-848", n, **KIP848)))


def test_two_kinds_of_clients(s):
    """kafka-python and librdkafka in one classic group.

    kafka-python sends no heartbeats any more once its poll() timed out in the middle of a join, and so never hears of the
    other: its first poll waits for a record, and those after it wait longer than a join takes."""
    topic, group = fresh("mixed"), fresh("billing")
    create_topic(s.acme, topic, 4)
    send(s.acme, topic, [b"one"])
    c = kp.KafkaConsumer(topic, **s.acme.kafka_python(group_id=group, auto_offset_reset="earliest", session_timeout_ms=6000,
                                                      heartbeat_interval_ms=500))
    try:
        true("kafka-python joined and got the record", c.poll(30000))
        with members(s.acme, group, [topic], 1, **CLASSIC[0]) as other:
            def settled():
                c.poll(2000)
                mine = {(p.topic, p.partition) for p in c.assignment()}
                return len(mine) == 2 and mine | set(other[0].has()) == {(topic, i) for i in range(4)}
            stack.wait_until("both have two partitions", settled, 30)
    finally:
        c.close()


def test_pattern(s):
    """A pattern is resolved among the tenant's own topics, classic; new topics are found."""
    word = fresh("pattern")
    both(lambda t: create_topic(t, f"{word}.a.{t.name}-s"), s.acme, s.globex)

    def one(t):
        with members(t, word, [f"^{word}.*"], 1, **{"topic.metadata.refresh.interval.ms": 500}) as m:
            stack.wait_until("the topic is found", lambda: m[0].has() == [(f"{word}.a.{t.name}-s", 0)], 20)
            create_topic(t, f"{word}.b.{t.name}-s")
            stack.wait_until("the new topic is found", lambda: len(m[0].has()) == 2, 20)
            equal("topics", [(f"{word}.a.{t.name}-s", 0), (f"{word}.b.{t.name}-s", 0)], m[0].has())
    both(one, s.acme, s.globex)


def test_foreign_group(s):
    """Members of two groups of the same name in two tenants do not meet: generation and members are each group's own."""
    topic, group = fresh("apart"), fresh("billing")
    both(lambda t: create_topic(t, topic, 2), s.acme, s.globex)
    with members(s.acme, group, [topic], 2) as a, members(s.globex, group, [topic], 1) as g:
        shared_out(a, topic, 2)
        shared_out(g, topic, 2)
        for t, n in ((s.acme, 2), (s.globex, 1)):
            with t.wire() as w:
                answer = w.request("DescribeGroups", 5, {"Groups": [group]})["Groups"][0]
                equal("group", (0, group, "Stable", n), (answer["ErrorCode"], answer["GroupId"], answer["GroupState"], len(answer["Members"])))
                for m in answer["Members"]:
                    topics = kw.decode_embedded("ConsumerProtocolAssignment", m["MemberAssignment"])["AssignedPartitions"]
                    equal("topics of the assignment", [topic], [x["Topic"] for x in topics])
                    topics = kw.decode_embedded("ConsumerProtocolSubscription", m["MemberMetadata"])["Topics"]
                    equal("topics of the subscription", [topic], topics)


def test_console(s):
    """Java's consumer in both protocols, a pattern, and kafka-consumer-groups."""
    topic, group = fresh("java"), fresh("billing")
    both(lambda t: create_topic(t, topic, 2), s.acme, s.globex)

    def one(t):
        sent = [f"{t.name} {i}" for i in range(10)]
        send(t, topic, [x.encode() for x in sent])
        for how, protocol in ((["--topic", topic], "consumer"), (["--include", topic + ".*"], "classic")):
            got = t.tool("console-consumer", *how, "--group", f"{group}-{protocol}", "--from-beginning", "--max-messages", "10",
                         "--timeout-ms", "30000", conf={"group.protocol": protocol}).stdout.split("\n")
            equal(f"{t.name}, {protocol}", sorted(sent), sorted(x for x in got if x))
        said = t.tool("consumer-groups", "--describe", "--group", f"{group}-consumer", "--group", f"{group}-classic").stdout
        rows = [r.split() for r in said.splitlines() if r.startswith(group)]
        equal("committed in both groups", 20, sum(int(r[3]) for r in rows if r[1] == topic))
    both(one, s.acme, s.globex)
