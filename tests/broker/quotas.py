"""Limits of bytes and requests: what clients are told, that they stand still for so long and nobody else does, changes while they wait."""
import pathlib
import select
import time

import confluent_kafka as ck

from runner import both, create_topic, equal, fresh, kw, stack, true
from share import join, member_id

GATEWAY = True
JAVA = pathlib.Path(__file__).resolve().parent / "java"
CREDIT_S = 1.0  # what a client may send at once when it was quiet


def made(s, *quotas):
    """A new tenant with these limits; -> its path, a Tenant."""
    name = fresh("quota")
    s.gateway.make_tenant(name, [("alice", "alice-secret"), ("bob", "bob-secret")])
    path = f"/v1/tenants/{name}"
    limit(s, path, *quotas)
    return path, s.gateway.tenant(name, s.folder, via="shared")


def limit(s, path, *quotas):
    if quotas:
        s.rest("POST", f"{path}/quotas", {"quotas": list(quotas)})


def of_tenant(**limits):
    return {"type": "tenant", "limits": limits}


def records(n):
    return kw.batch([bytes(n)])


def produce(w, topic, n, version=12):
    """-> how many milliseconds the client is told to wait."""
    name = {"TopicId": topic} if version >= 13 else {"Name": topic}
    reply = w.request("Produce", version, {"Acks": -1, "TimeoutMs": 10000, "TopicData": [{**name, "PartitionData": [
        {"Index": 0, "Records": records(n)}]}]})
    equal("Produce", 0, reply["Responses"][0]["PartitionResponses"][0]["ErrorCode"])
    return reply["ThrottleTimeMs"]


def answered(w, within_s):
    return bool(select.select([w.sock], [], [], within_s)[0])


def muted(w, told_ms, others):
    """The client that was told to wait stands still for so long, while the others' requests are answered."""
    began = time.monotonic()
    w.send("Metadata", 12, {"Topics": []})
    for _ in range(5):
        others.request("Metadata", 12, {"Topics": []})
    true("others' answers came first", not answered(w, 0))
    w.receive()
    waited = (time.monotonic() - began) * 1000
    true(f"told to wait {told_ms} ms, it waited {waited:.0f} ms", waited >= told_ms - 100)


def test_produce(s):
    """Told in either form of the answer; the connection stands still, that of another tenant does not."""
    path, t = made(s, of_tenant(producer_byte_rate=200_000))
    topic = fresh("produced")
    topic_id = create_topic(t, topic)
    with s.acme.wire() as others, t.wire() as w:
        others.request("Metadata", 12, {"Topics": []})
        equal("what credit allows", 0, produce(w, topic, 100_000))
        for version in (8, 13):     # each owes more than credit can be, of which the broker's own time is taken off
            told = produce(w, topic_id if version >= 13 else topic, 500_000, version)
            true(f"v{version} tells {told} ms", 0 < told <= 2500)
            muted(w, told, others)
        # Nobody is told, and stands still all the same.
        w.send("Produce", 9, {"Acks": 0, "TimeoutMs": 1000, "TopicData": [{"Name": topic, "PartitionData": [{"Index": 0, "Records": records(400_000)}]}]},
               expect_reply=False)
        muted(w, 1000, others)
    name = path.rpartition("/")[2]
    true("throttled seconds", s.gateway.metric("alcove_throttled_seconds_total", tenant=name, quota="produce") > 1)
    true("throttled bytes", s.gateway.metric("alcove_throttled_bytes_total", tenant=name, quota="produce") > 1_000_000)


def test_whose(s):
    """A client id has a number of its own by the default; the user's other clients go on. Its debt waits for it when it comes back."""
    path, t = made(s, {"type": "client", "clientId": None, "limits": {"producer_byte_rate": 100_000}},
                   {"type": "client", "clientId": "fast", "limits": {"producer_byte_rate": 100_000_000}})
    topic = fresh("whose")
    create_topic(t, topic)
    with t.wire(client_id="slow") as slow:
        told = produce(slow, topic, 400_000)
        true(f"slow is told {told} ms", 500 < told <= 3000)
        with t.wire(client_id="fast") as fast:
            for _ in range(5):
                equal("fast", 0, produce(fast, topic, 400_000))
    with t.wire(client_id="slow") as again:
        true("slow again", produce(again, topic, 100) > 0)


def test_change(s):
    """A limit that is raised lets go on who stands still; one that is new or lower holds from the next request on."""
    path, t = made(s, of_tenant(producer_byte_rate=10_000))
    topic = fresh("changed")
    create_topic(t, topic)
    with t.wire() as w:
        told = produce(w, topic, 310_000)
        true(f"told {told} ms", 2000 < told <= 5000)    # the longest, and the rest is owed
        began = time.monotonic()
        w.send("Metadata", 12, {"Topics": []})
        true("it stands still", not answered(w, 0.5))
        limit(s, path, of_tenant(producer_byte_rate=10_000_000))
        w.receive()
        true("it goes on", time.monotonic() - began < told / 1000 - 1)
        equal("and is not told to wait", 0, produce(w, topic, 100_000))
        limit(s, path, of_tenant(producer_byte_rate=100_000))
        stack.wait_until("the new one holds", lambda: produce(w, topic, 100_000) >= 100, 10)
        limit(s, path, of_tenant(producer_byte_rate=None))
        stack.wait_until("no limit", lambda: produce(w, topic, 300_000) == 0, 10)


def fill(t, topic, batches, n):
    topic_id = create_topic(t, topic)
    with t.wire() as w:
        for _ in range(batches):
            produce(w, topic, n)
    return topic_id


def drain(what, rate, step, total):
    """step() -> bytes of one answer, milliseconds that it told. Not faster than the rate, and told so."""
    began, got, tolds = time.monotonic(), 0, []
    while got < total:
        n, told = step(got)
        got += n
        tolds.append(told)
    took = time.monotonic() - began + tolds[-1] / 1000 + 0.1
    true(f"{what}: {got} bytes in {took:.2f} s", took >= got / rate - CREDIT_S)
    true(f"{what} was told {tolds}", max(tolds) > 0)
    true(f"{what} did not get all at once", len(tolds) > 1)


def test_fetch(s):
    """A fetch's answer is charged, what it asks for is lowered to what can be paid; by names and by ids."""
    path, t = made(s)
    topic, n = fresh("fetched"), 50_000
    topic_id = fill(t, topic, 16, n)
    limit(s, path, {"type": "client", "user": "alice", "limits": {"consumer_byte_rate": 400_000}})
    for version in (11, 17):
        with t.wire() as w:
            def step(got, w=w, version=version):
                name = {"TopicId": topic_id} if version >= 13 else {"Topic": topic}
                r = w.request("Fetch", version, {"MaxWaitMs": 500, "MinBytes": 1, "MaxBytes": 50_000_000, "SessionId": 0, "SessionEpoch": -1, "Topics": [{
                    **name, "Partitions": [{"Partition": 0, "FetchOffset": got // n, "PartitionMaxBytes": 50_000_000}]}]})
                return sum(len(v) for b in kw.read_batches(r["Responses"][0]["Partitions"][0]["Records"]) for _, _, v, _ in b["records"]), r["ThrottleTimeMs"]
            drain(f"Fetch v{version}", 400_000, step, 16 * n)


def test_share_fetch(s):
    """So is a share fetch's."""
    path, t = made(s)
    topic, group, member, n = fresh("shared"), fresh("shares"), member_id(), 50_000
    s.rest("PUT", f"{path}/quotas", {"quotas": []})
    with t.wire() as w:
        topic_id = create_topic(t, topic)
        alter = w.request("IncrementalAlterConfigs", 1, {"Resources": [{"ResourceType": 32, "ResourceName": group, "Configs": [
            {"Name": "share.auto.offset.reset", "ConfigOperation": 0, "Value": "earliest"}]}], "ValidateOnly": False})
        equal("where the group begins", 0, alter["Responses"][0]["ErrorCode"])
        join(w, group, member, [topic])
        for _ in range(16):
            produce(w, topic, n)
        limit(s, path, of_tenant(consumer_byte_rate=400_000))
        state = {"epoch": 0}

        def step(got):
            r = w.request("ShareFetch", 1, {"GroupId": group, "MemberId": member, "ShareSessionEpoch": state["epoch"], "MaxWaitMs": 500, "MinBytes": 1,
                                            "MaxBytes": 50_000_000, "MaxRecords": 500, "BatchSize": 500, "ForgottenTopicsData": [],
                                            "Topics": [] if state["epoch"] else [{"TopicId": topic_id, "Partitions": [
                                                {"PartitionIndex": 0, "AcknowledgementBatches": []}]}]})
            equal("ShareFetch", 0, r["ErrorCode"])
            state["epoch"] += 1
            return sum(len(v) for t in r["Responses"] for p in t["Partitions"] for b in kw.read_batches(p["Records"] or b"")
                       for _, _, v, _ in b["records"]), r["ThrottleTimeMs"]
        drain("ShareFetch", 400_000, step, 16 * n)


def test_requests(s):
    """So many requests of any kind a second, of all connections together."""
    path, t = made(s)
    with t.wire() as a, t.wire() as b:
        for w in (a, b):
            w.request("Metadata", 12, {"Topics": []})
        limit(s, path, of_tenant(request_rate=20))
        stack.wait_until("the limit holds", lambda: a.request("Metadata", 12, {"Topics": []})["ThrottleTimeMs"] > 0, 10)
        began, told = time.monotonic(), []
        for _ in range(8):
            told += [w.request(api, version, value)["ThrottleTimeMs"] for w in (a, b) for api, version, value in (
                ("Metadata", 12, {"Topics": []}), ("ApiVersions", 3, {"ClientSoftwareName": "x", "ClientSoftwareVersion": "1"}))]
        took = time.monotonic() - began + 0.2
        true(f"32 requests took {took:.2f} s", took >= (32 - 1) / 20 - CREDIT_S)
        true(f"told {told}", max(told) > 0)


def test_time(s):
    """A share of a worker's time, whatever it is spent on."""
    path, t = made(s, of_tenant(request_percentage=0.5))
    with t.wire() as w:
        stack.wait_until("a wait is told", lambda: w.request("Metadata", 12, {"Topics": None})["ThrottleTimeMs"] > 0, 20, 0)
    true("it is counted", s.gateway.metric("alcove_throttled_seconds_total", tenant=path.rpartition("/")[2], quota="time") > 0)


def test_mutations(s):
    """KIP-599: partitions are created as long as there is something left, then refused until that is paid."""
    path, t = made(s, of_tenant(controller_mutation_rate=1))
    names = [fresh("mutated") for _ in range(3)]

    def create(w, *names, version=7, n=12):
        r = w.request("CreateTopics", version, {"timeoutMs": 15000, "Topics": [{"Name": x, "NumPartitions": n, "ReplicationFactor": -1} for x in names]})
        return [(x["ErrorCode"], x["ErrorMessage"]) for x in r["Topics"]], r["ThrottleTimeMs"]
    with t.wire() as w:
        said, told = create(w, names[0], names[1])   # eleven are there: the first takes more than that, so the second finds none
        equal("one topic, then none", {(0, None), (89, "The throttling quota has been exceeded.")}, set(said))
        true(f"told {told} ms", 0 < told <= 1000)
        limit(s, path, of_tenant(controller_mutation_rate=1000))
        equal("with another limit", [(0, None)], create(w, names[1], n=1)[0])
        limit(s, path, of_tenant(controller_mutation_rate=10))
        said, told = create(w, names[2], version=5, n=20)    # which does not know the code: it waits
        equal("an old version", [(0, None)], said)
        true(f"told {told} ms", 0 < told <= 2000)


def test_topics_asked_for(s):
    """Topics that come into being by being asked for are created at that rate, too."""
    path, t = made(s, of_tenant(controller_mutation_rate=0.1))   # one at once, and a tenth
    s.rest("PATCH", path, {"autoCreateTopics": True, "autoCreatePartitions": 1, "autoCreateReplicationFactor": 1})
    with t.wire() as w:
        def ask(names):
            r = w.request("Metadata", 12, {"Topics": [{"Name": n} for n in names]})
            return {x["Name"] for x in r["Topics"] if x["ErrorCode"] == 0}, r["ThrottleTimeMs"]
        there, told = ask(["a", "b", "c"])
        equal("nothing is there", set(), there)
        true(f"told {told} ms", 0 < told <= 5000)
        prefix = path.rpartition("/")[2] + "."
        stack.wait_until("two are there", lambda: {prefix + "a", prefix + "b"} <= set(s.kafka.topics()), 20)
        true("the third is not", prefix + "c" not in s.kafka.topics())   # else it had been made with them
        limit(s, path, of_tenant(controller_mutation_rate=100))
        stack.wait_until("all are there", lambda: ask(["a", "b", "c"])[0] == {"a", "b", "c"}, 20)


def gone(w):
    try:
        w.request("Metadata", 12, {"Topics": []})
        return False
    except (kw.Closed, OSError):
        return True


def test_connections(s):
    """So many at once of the tenant, so many of an address; so many a second, of which the answers to logins wait."""
    path, t = made(s, of_tenant(connections=3))
    with t.wire(), t.wire():
        with t.wire() as third:
            equal("the third", False, gone(third))
            try:
                with t.wire():
                    raise AssertionError("a fourth connection is in")
            except (kw.Closed, OSError):
                pass
        stack.wait_until("its place is free", lambda: opens(t), 10)
        limit(s, path, {"type": "address", "address": "127.0.0.1", "limits": {"connections": 1}}, of_tenant(connections=None))
        with t.wire():
            equal("a second one of the address", False, opens(t))
    limit(s, path, {"type": "address", "address": "127.0.0.1", "limits": {"connections": None}}, of_tenant(connection_creation_rate=2))
    began = time.monotonic()
    for _ in range(23):     # twenty are ten seconds' worth
        true("it comes in", opens(t))
    took = time.monotonic() - began
    true(f"23 connections took {took:.2f} s", took >= 3 / 2 - 0.1)


def opens(t):
    try:
        with t.wire() as w:
            return not gone(w)
    except (kw.Closed, OSError):
        return False


def throttled(s, path):
    """-> seconds that fetches of the tenant had to wait so far"""
    return s.gateway.metrics().get(f'alcove_throttled_seconds_total{{tenant="{path.rpartition("/")[2]}",quota="fetch"}}', 0.0)


def waits(s, path, what, f, some):
    before = throttled(s, path)
    f()
    took = throttled(s, path) - before
    true(f"{what} waited {took:.2f} s", took > 0.1 if some else took == 0)


def read(t, topic, n, group=None, assigns=False, **more):
    """By librdkafka under its default client id; as a member of the group, as one that assigns partitions itself and commits for it, or as nobody's."""
    c = ck.Consumer(t.librdkafka(**{"group.id": group or "none", "client.id": "rdkafka", "auto.offset.reset": "earliest", "enable.auto.commit": False, **more}))
    try:
        if assigns:
            c.commit(offsets=[ck.TopicPartition(topic, 0, 0)], asynchronous=False)
        if group and not assigns:
            c.subscribe([topic])
        else:
            c.assign([ck.TopicPartition(topic, 0, 0)])
        got, end = 0, time.monotonic() + 30
        while got < n and time.monotonic() < end:
            got += sum(m.error() is None for m in c.consume(n, 0.2))
        equal(f"{group} read {topic}", n, got)
    finally:
        c.close()


def test_groups(s):
    """Whose a fetch is is known by what its client was given: two groups of one host under librdkafka's one client id, and Java's. What
    nobody can tell has a limit of its own."""
    path, t = made(s)
    fast, slow = fresh("for-fast"), fresh("for-slow")
    for topic in (fast, slow):
        fill(t, topic, 12, 50_000)
    limit(s, path, {"type": "group", "group": "fast", "limits": {"consumer_byte_rate": 100_000_000}},
          {"type": "group", "group": "slow", "limits": {"consumer_byte_rate": 250_000}},
          {"type": "unattributed", "limits": {"consumer_byte_rate": 200_000}})
    for more in ({}, {"group.protocol": "consumer"}):
        both(lambda f: f(), lambda: read(t, fast, 12, "fast", **more), lambda: read(t, slow, 12, "slow", **more))
        waits(s, path, f"fast {more}", lambda: read(t, fast, 12, "fast", **more), False)
        waits(s, path, f"slow {more}", lambda: read(t, slow, 12, "slow", **more), True)
    waits(s, path, "who is no member", lambda: read(t, fast, 12), True)
    args = ["--topic", slow, "--group", "slow", "--from-beginning", "--max-messages", "12", "--timeout-ms", "30000"]
    waits(s, path, "Java's slow", lambda: t.tool("console-consumer", *args, timeout=60), True)


def test_clients(s):
    """librdkafka and Kafka's own client know what they are told; transactions too. All arrives."""
    path, t = made(s)
    topics = [fresh("clients") for _ in range(2)]
    for topic in topics:
        create_topic(t, topic)
    limit(s, path, of_tenant(producer_byte_rate=500_000, consumer_byte_rate=500_000))
    waits = []
    p = ck.Producer(t.librdkafka(**{"throttle_cb": lambda e: waits.append(e.throttle_time), "linger.ms": 0, "batch.num.messages": 1}))
    for _ in range(50):
        p.produce(topics[0], bytes(20_000))
    equal("not delivered", 0, p.flush(30))
    true(f"librdkafka was told {waits}", max(waits, default=0) > 0)
    c = ck.Consumer(t.librdkafka(**{"group.id": topics[0], "auto.offset.reset": "earliest", "throttle_cb": lambda e: waits.append(e.throttle_time)}))
    try:
        waits.clear()
        c.assign([ck.TopicPartition(topics[0], 0, 0)])
        got, end = 0, time.monotonic() + 30
        while got < 50 and time.monotonic() < end:
            got += sum(m.error() is None for m in c.consume(50, 0.2))
        equal("records that librdkafka got", 50, got)
        true(f"its consumer was told {waits}", max(waits, default=0) > 0)
    finally:
        c.close()
    said = dict(line.split() for line in stack.tool(JAVA / "Quotas.java", t.java_file(), topics[1], timeout=80).stdout.splitlines())
    equal("Java's clients", {"producer", "transactional", "consumer"}, set(said))
    for who, ms in said.items():
        true(f"Java's {who} was told {ms} ms", int(ms) > 0)
