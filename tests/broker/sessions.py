"""Incremental fetch sessions (KIP-227): a client's numbers are its own and mean what they mean to a broker, and real consumers use them."""
import contextlib

import kafka as kp

from runner import create_topic, delete_topic, equal, fresh, gateway, kw, produce, stack, true

PARTITIONS = 200
NOT_FOUND, BAD_EPOCH, MIXED, UNKNOWN_ID, INCONSISTENT_ID = 70, 71, 106, 100, 103


def partition(index, offset=0):
    return {"Partition": index, "FetchOffset": offset, "PartitionMaxBytes": 1 << 20}


def named(version, topic, topic_id):
    return {"TopicId": topic_id} if version >= 13 else {"Topic": topic}


def made(s, word, partitions=1):
    """A topic whose leaders know that they are; -> name, id."""
    topic = fresh(word)
    topic_id = create_topic(s.acme, topic, partitions)
    settled(s.acme, topic, partitions)
    return topic, topic_id


def settled(t, topic, partitions):
    with t.wire() as w:
        def codes():
            reply = w.request("Fetch", 12, {"MaxWaitMs": 1, "MinBytes": 1, "MaxBytes": 1, "SessionEpoch": -1, "Topics": [
                {"Topic": topic, "Partitions": [partition(i) for i in range(partitions)]}]})
            return {p["ErrorCode"] for p in reply["Responses"][0]["Partitions"]} == {0}
        stack.wait_until(f"the leaders of {topic} lead", codes, 30)


class Session:
    """A consumer of one topic on one connection, by raw requests."""

    def __init__(self, w, version, topic, topic_id, wait_ms=100):
        self.w, self.version, self.name, self.wait_ms = w, version, named(version, topic, topic_id), wait_ms
        self.id = self.epoch = 0

    def ask(self, topics=(), forgotten=(), id=None, epoch=None, version=None):
        """-> the response, whole."""
        return self.w.request("Fetch", version or self.version, {
            "MaxWaitMs": self.wait_ms, "MinBytes": 1, "MaxBytes": 1 << 24, "SessionId": self.id if id is None else id,
            "SessionEpoch": self.epoch if epoch is None else epoch, "Topics": list(topics), "ForgottenTopicsData": list(forgotten)})

    def open(self, offsets):
        """offsets: by partition."""
        self.epoch = 0
        reply = self.ask([self.name | {"Partitions": [partition(i, o) for i, o in offsets.items()]}])
        equal("opening", 0, reply["ErrorCode"])
        self.id, self.epoch = reply["SessionId"], 1
        true(f"a session {self.id}", self.id > 0)
        return reply

    def more(self, offsets=None, forget=()):
        """-> {partition: what came}. Goes on."""
        reply = self.ask([self.name | {"Partitions": [partition(i, o) for i, o in offsets.items()]}] if offsets else [],
                         [self.name | {"Partitions": list(forget)}] if forget else [])
        equal(f"epoch {self.epoch}", (0, self.id), (reply["ErrorCode"], reply["SessionId"]))
        self.epoch += 1
        return {p["PartitionIndex"]: p for t in reply["Responses"] for p in t["Partitions"]}


def values(part):
    return [v for b in kw.read_batches(part["Records"] or b"") for _, _, v, _ in b["records"]]


def test_numbers(s):
    """Ids, epochs, forgotten partitions and what changed, in each version: through the gateway as at a broker itself."""
    topic, topic_id = made(s, "numbers", 3)
    with s.acme.wire() as producer, s.acme.wire() as w:
        end = 0
        for version in range(7, 19):
            x = Session(w, version, topic, topic_id)
            first = x.open({0: 0, 1: end})
            equal("a full fetch tells of all", [0, 1], sorted(p["PartitionIndex"] for p in first["Responses"][0]["Partitions"]))
            equal("nothing changed", {}, x.more())
            produce(producer, topic, [b"v%d" % version], partition=1)
            equal("what changed", [b"v%d" % version], values(x.more()[1]))
            end += 1
            equal("what was read", {}, x.more({1: end}))
            true("a new one is told of", 2 in x.more({2: 0}))
            produce(producer, topic, [b"more"], partition=1)
            end += 1
            equal("what was forgotten is not told of", {}, x.more(forget=[1]))
            equal("a wrong epoch", (BAD_EPOCH, 0), (x.ask(epoch=x.epoch + 1)["ErrorCode"], x.ask(epoch=x.epoch - 1)["SessionId"]))
            other = 12 if version >= 13 else 13
            equal("ids and names do not mix", MIXED, x.ask(version=other)["ErrorCode"])
            equal("an unknown id", NOT_FOUND, x.ask(id=x.id ^ 0x3fffffff)["ErrorCode"])
            equal("none of that hurt", {}, x.more())
            reply = x.ask(forgotten=[x.name | {"Partitions": [0, 2]}])
            equal("without a partition it is none", (0, 0), (reply["ErrorCode"], reply["SessionId"]))
            equal("it is gone", NOT_FOUND, x.ask()["ErrorCode"])
            x.open({0: 0})
            before = x.id
            equal("closing", (0, 0), tuple(x.ask(epoch=-1)[k] for k in ("ErrorCode", "SessionId")))
            equal("closed", NOT_FOUND, x.ask()["ErrorCode"])
            x.id = 0
            x.open({0: 0})
            x.epoch, before = 0, x.id
            x.open({0: 0, 1: 0})
            true("a full fetch with its id makes another one", x.id != before)
            equal("and the one before is gone", NOT_FOUND, x.ask(id=before)["ErrorCode"])


def test_topics_made_anew(s):
    """A topic that is deleted and made again: by id its session says so, by name it goes on with the new one."""
    topic, old = made(s, "anew")
    with s.acme.wire() as w:
        by_id, by_name = Session(w, 16, topic, old), Session(w, 12, topic, old)
        by_id.open({0: 0})
        by_name.open({0: 0})
        equal("nothing is wrong yet", ({}, {}), (by_id.more(), by_name.more()))
        delete_topic(s.acme, topic)
        gone = stack.wait_until("it is told that the topic is gone", lambda: by_id.more().get(0))
        true(f"code {gone['ErrorCode']}", gone["ErrorCode"] in (UNKNOWN_ID, INCONSISTENT_ID, 3))
        new = create_topic(s.acme, topic)
        settled(s.acme, topic, 1)
        true("another id", new != old)
        produce(w, topic, [b"new"])
        stack.wait_until("the session by name has it", lambda: values(by_name.more({0: 0}).get(0, {"Records": b""})) == [b"new"])
        part = stack.wait_until("the old id stays unknown", lambda: by_id.more().get(0))
        true(f"code {part['ErrorCode']}", part["ErrorCode"] in (UNKNOWN_ID, INCONSISTENT_ID) and not part["Records"])


@gateway
def test_numbers_are_the_connections_own(s):
    """Another connection of the same tenant, or of another one, finds nothing under a session's number, whatever it asks."""
    topic, topic_id = made(s, "own")
    with contextlib.ExitStack() as stay:
        x = Session(stay.enter_context(s.acme.wire()), 16, topic, topic_id)
        x.open({0: 0})
        for other in (s.acme, s.globex):
            y = Session(stay.enter_context(other.wire()), 16, topic, topic_id)
            for epoch in (1, 2, 3):
                equal(f"{other.name}, epoch {epoch}", NOT_FOUND, y.ask(id=x.id, epoch=epoch)["ErrorCode"])
            for epoch in (0, -1):
                equal(f"{other.name}, epoch {epoch}", 0, y.ask(id=x.id, epoch=epoch)["ErrorCode"])
        equal("it goes on", {}, x.more())
    with s.acme.wire() as w:
        x.w = w
        equal("nor does the client itself after a reconnect", NOT_FOUND, x.ask()["ErrorCode"])
        x.open({0: 0})
        equal("which goes on with a full one", {}, x.more())


@gateway
def test_idle_costs_little(s):
    """Nothing new in hundreds of partitions: an incremental fetch is some ten bytes where a full one is tens of thousands."""
    topic, topic_id = made(s, "idle", PARTITIONS)
    with s.acme.wire() as w:
        x = Session(w, 16, topic, topic_id, wait_ms=1)

        def cost(f):
            before = s.gateway.metric("alcove_tenant_bytes_total", tenant="acme")
            for _ in range(10):
                f()
            return (s.gateway.metric("alcove_tenant_bytes_total", tenant="acme") - before) / 10
        full = cost(lambda: x.ask([x.name | {"Partitions": [partition(i) for i in range(PARTITIONS)]}], id=0, epoch=-1))
        used = s.gateway.metric("alcove_fetch_session_requests_total")
        opened = s.gateway.metric("alcove_fetch_sessions_opened_total")
        x.open({i: 0 for i in range(PARTITIONS)})
        more = cost(x.more)
        true(f"{full} and {more} bytes", full > 60 * PARTITIONS and more < 150)
        true("they are counted", s.gateway.metric("alcove_fetch_session_requests_total") >= used + 10)
        true("so is the session", s.gateway.metric("alcove_fetch_sessions_opened_total") > opened and
             s.gateway.metric("alcove_fetch_sessions") >= 1)


def produced(s, tenant, topic, per=1):
    """`per` records into each of many partitions, by librdkafka."""
    import confluent_kafka as ck
    p = ck.Producer(tenant.librdkafka(**{"linger.ms": 50}))
    for i in range(PARTITIONS * per):
        p.produce(topic, b"%d" % i, partition=i % PARTITIONS)
        p.poll(0)
    equal("not produced", 0, p.flush(60))
    return {b"%d" % i for i in range(PARTITIONS * per)}


def test_java(s):
    """Java's consumer reads hundreds of partitions, each record once, and after its first fetches names only what changed."""
    topic, _ = made(s, "java", PARTITIONS)
    used = 0 if s.direct else s.gateway.metric("alcove_fetch_session_requests_total")
    sent = produced(s, s.acme, topic, 3)
    said = s.acme.tool("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", len(sent), "--timeout-ms", 40000,
                       timeout=80).stdout
    equal("records", sorted(sent), sorted(line.encode() for line in said.split()))
    if not s.direct:
        true("it used its session", s.gateway.metric("alcove_fetch_session_requests_total") > used)


def test_kafka_python(s):
    """kafka-python's consumer, which has sessions too, with records that come while it waits; librdkafka, which has none, beside it."""
    import confluent_kafka as ck
    topic, _ = made(s, "python", PARTITIONS)
    used = 0 if s.direct else s.gateway.metric("alcove_fetch_session_requests_total")
    consumer = kp.KafkaConsumer(topic, **s.acme.kafka_python(auto_offset_reset="earliest", consumer_timeout_ms=200))
    plain = ck.Consumer(s.acme.librdkafka(**{"group.id": fresh("plain"), "auto.offset.reset": "earliest"}))
    plain.subscribe([topic])
    got, got_plain = [], []

    def poll():
        got.extend(m.value for m in consumer)
        got_plain.extend(m.value() for m in plain.consume(1000, 0.2) if not m.error())
        return len(got) >= want and len(got_plain) >= want
    with contextlib.closing(consumer), contextlib.closing(plain):
        want = PARTITIONS
        sent = produced(s, s.acme, topic)
        stack.wait_until("all is there", poll, 60)
        sent2 = produced(s, s.acme, topic)
        want = 2 * PARTITIONS
        stack.wait_until("what came meanwhile is there", poll, 60)
    for x in (got, got_plain):
        equal("records", sorted([*sent, *sent2]), sorted(x))
    if not s.direct:
        true("it used its session", s.gateway.metric("alcove_fetch_session_requests_total") > used)


@gateway
def test_revoked(s):
    """The right to read goes in the middle of a session: its next answer says so for each partition; granted again, all goes on."""
    name = fresh("revoked")
    s.gateway.make_tenant(name, [("alice", "alice-secret"), ("bob", "bob-secret")], authorizer="acl", superUsers=["User:alice"])
    t = s.gateway.tenant(name, s.folder, via="shared")
    bob = t.but(user=f"{name}/bob", password="bob-secret")
    ids = {topic: create_topic(t, topic, 2) for topic in ("kept", "lost")}
    for topic in ids:
        settled(t, topic, 2)

    def acl(method, topic):
        if method == "POST":
            return s.rest("POST", f"/v1/tenants/{name}/acls", {"acls": [
                {"resourceType": "TOPIC", "resourceName": topic, "principal": "User:bob", "operation": "READ"}]})
        return s.rest("DELETE", f"/v1/tenants/{name}/acls?resourceType=TOPIC&resourceName={topic}")

    def codes(reply, version):
        key = "TopicId" if version >= 13 else "Topic"
        found = {(x[key], p["PartitionIndex"]): p["ErrorCode"] for x in reply["Responses"] for p in x["Partitions"]}
        return {(topic, i): found[k] for topic, topic_id in ids.items() for i in (0, 1)
                if (k := (topic_id if version >= 13 else topic, i)) in found}
    for topic in ids:
        acl("POST", topic)
    with t.wire() as producer, bob.wire() as w:
        for version in (12, 16):
            both = [named(version, topic, topic_id) | {"Partitions": [partition(i) for i in (0, 1)]} for topic, topic_id in ids.items()]
            x = Session(w, version, "kept", ids["kept"])
            reply = stack.wait_until("bob may read both", lambda: (r := x.ask(both)) and r["SessionId"] > 0 and r, 5)
            x.id, x.epoch = reply["SessionId"], 1
            equal("all is well", {0}, set(codes(reply, version).values()))
            x.more()
            acl("DELETE", "lost")
            produce(producer, "lost", [b"secret"])

            def told():
                r = x.ask()
                x.epoch += 1
                return r if 29 in codes(r, version).values() else None
            reply = stack.wait_until("it is told", told, 5)
            equal("of each partition", {("lost", 0): 29, ("lost", 1): 29}, codes(reply, version))
            true("without a record", all(not p["Records"] for q in reply["Responses"] for p in q["Partitions"]))
            equal("and the session is over", (0, NOT_FOUND), (reply["SessionId"], x.ask()["ErrorCode"]))
            reply = x.ask(both, id=0, epoch=0)
            equal("a full one tells the same", ({("lost", 0): 29, ("lost", 1): 29, ("kept", 0): 0, ("kept", 1): 0}, 0),
                  (codes(reply, version), reply["SessionId"]))
            x.id = 0
            x.open({0: 0})
            equal("what is left has a session", {}, x.more())
            reply = x.ask([both[1]])
            equal("the lost one does not come in", {("lost", 0): 29, ("lost", 1): 29}, codes(reply, version))
            acl("POST", "lost")
            reply = stack.wait_until("granted again", lambda: (r := x.ask(both, id=0, epoch=0)) and r["SessionId"] > 0 and r, 5)
            true("with what came meanwhile", any(p["Records"] for q in reply["Responses"] for p in q["Partitions"]))
            w.request("Fetch", version, {"MaxWaitMs": 1, "MinBytes": 1, "MaxBytes": 1, "SessionId": reply["SessionId"], "SessionEpoch": -1,
                                         "Topics": []})
