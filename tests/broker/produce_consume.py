"""Producing and consuming by every client, compression and acknowledgement; two tenants with equal names."""
import random
import time
import uuid

import confluent_kafka as ck
import kafka as kp

from runner import both, create_topic, equal, fetch, fresh, gateway, kw, produce, true


def consume(tenant, topic, n, group=None, within_s=30, **more):
    """-> the first n messages, by librdkafka."""
    c = ck.Consumer(tenant.librdkafka(**{"group.id": group or fresh("g"), "auto.offset.reset": "earliest",
                                         "enable.partition.eof": False, **more}))
    try:
        c.subscribe([topic])
        got, end = [], time.monotonic() + within_s
        while len(got) < n and time.monotonic() < end:
            m = c.poll(0.2)
            if m is None:
                continue
            if m.error():
                raise AssertionError(f"{tenant.name}: {m.error()}")
            got.append(m)
        equal(f"messages that {tenant.name} got", n, len(got))
        return got
    finally:
        c.close()


def send(tenant, topic, values, partition=(), **more):
    """By librdkafka; every delivery is checked. -> delivered messages"""
    done = []
    p = ck.Producer(tenant.librdkafka(**more))
    for i, v in enumerate(values):
        p.produce(topic, v, key=str(i), on_delivery=lambda e, m: done.append((e, m)), **({"partition": partition[i]} if partition else {}))
    equal(f"not delivered within 30 s for {tenant.name}", 0, p.flush(30))
    equal(f"delivery errors of {tenant.name}", [], [str(e) for e, _ in done if e])
    return [m for _, m in done]


def test_librdkafka_compressions(s):
    """Each tenant reads back exactly its own, through every compression."""
    topic = fresh("compressed")
    both(lambda t: create_topic(t, topic, 2), s.acme, s.globex)

    def one(t):
        sent = []
        for kind in ("none", "gzip", "snappy", "lz4", "zstd"):
            values = [f"{t.name} {kind} {i} {'x' * 500}".encode() for i in range(50)]
            send(t, topic, values, **{"compression.type": kind, "linger.ms": 20})
            sent += values
        equal(f"{t.name}'s records", sorted(sent), sorted(m.value() for m in consume(t, topic, len(sent))))
    both(one, s.acme, s.globex)


def test_kafka_python(s):
    """A client written from nothing else than the protocol."""
    topic = fresh("python")
    both(lambda t: create_topic(t, topic), s.acme, s.globex)

    def one(t):
        p = kp.KafkaProducer(**t.kafka_python(compression_type="gzip", acks="all"))
        sent = [f"{t.name} {i}".encode() for i in range(100)]
        answers = [p.send(topic, v, headers=[("who", t.name.encode())]) for v in sent]
        p.flush(20)
        equal("offsets", list(range(100)), [a.get(20).offset for a in answers])
        p.close()
        c = kp.KafkaConsumer(topic, **t.kafka_python(group_id="readers", auto_offset_reset="earliest", consumer_timeout_ms=8000))
        got = []
        for m in c:
            got.append(m.value)
            equal("header", [("who", t.name.encode())], list(m.headers))
            if len(got) == len(sent):
                break
        equal("topics that it sees", True, topic in c.topics())
        c.close()
        equal(f"{t.name}'s records", sent, got)
    both(one, s.acme, s.globex)


def test_console_tools(s):
    """Kafka's own console producer and consumer, each compression of Java's."""
    topic = fresh("console")
    both(lambda t: create_topic(t, topic), s.acme, s.globex)

    def one(t):
        sent = [f"{t.name} {i}" for i in range(20)]
        for kind, part in (("zstd", sent[:10]), ("snappy", sent[10:])):
            t.tool("console-producer", "--topic", topic, "--compression-codec", kind, stdin="\n".join(part) + "\n")
        got = t.tool("console-consumer", "--topic", topic, "--group", "billing", "--from-beginning", "--max-messages", "20",
                     "--timeout-ms", "30000").stdout.split("\n")
        equal(f"{t.name}'s records", sent, [x for x in got if x])
    both(one, s.acme, s.globex)


def test_kcat(s):
    """kcat: produce, consume, list, timestamps and offsets."""
    topic = fresh("kcat")
    both(lambda t: create_topic(t, topic), s.acme, s.globex)

    def one(t):
        sent = [f"{t.name}-{i}" for i in range(30)]
        t.kcat("-q", "-P", "-t", topic, "-K:", stdin="".join(f"k:{v}\n" for v in sent))
        equal("all", sent, t.kcat("-q", "-C", "-t", topic, "-e", "-o", "beginning").stdout.split())
        equal("the last five", sent[-5:], t.kcat("-q", "-C", "-t", topic, "-e", "-o", "-5").stdout.split())
        equal("from a time", sent, t.kcat("-q", "-C", "-t", topic, "-e", "-o", "s@1000000").stdout.split())
        true(f"{topic} is listed", f'topic "{topic}"' in t.kcat("-q", "-L").stdout)
    both(one, s.acme, s.globex)


def test_acks(s):
    """acks 0, 1 and all."""
    topic = fresh("acks")
    create_topic(s.acme, topic)
    sent = []
    for acks in ("0", "1", "all"):
        values = [f"{acks} {i}".encode() for i in range(20)]
        send(s.acme, topic, values, acks=acks)
        sent += values
    equal("records", sorted(sent), sorted(m.value() for m in consume(s.acme, topic, len(sent))))


def test_acks_0_pipelined(s):
    """A produce with acks=0 has no answer; what is asked behind it has one, in its place."""
    topic = fresh("silent")
    create_topic(s.acme, topic)
    with s.acme.wire() as w:
        for i in range(10):
            w.send("Produce", 9, {"Acks": 0, "TimeoutMs": 1000, "TopicData": [{"Name": topic, "PartitionData": [
                {"Index": 0, "Records": kw.batch([b"%d" % i])}]}]}, expect_reply=False)
            w.send("Metadata", 12, {"Topics": [{"Name": topic}]})
        for _ in range(10):
            equal("the answer to Metadata", topic, w.receive()["Topics"][0]["Name"])
        equal("records", [b"%d" % i for i in range(10)], fetch(w, topic))


def test_pipelined_in_order(s):
    """Answers made by the gateway and by the broker leave in the order of the requests."""
    topic = fresh("pipeline")
    create_topic(s.acme, topic)
    with s.acme.wire() as w:
        for i in range(40):
            w.send("ApiVersions", 3, {"ClientSoftwareName": "x", "ClientSoftwareVersion": "1"})
            w.send("Metadata", 9, {"Topics": [{"Name": topic}]})
            w.send("ListOffsets", 7, {"ReplicaId": -1, "Topics": [{"Name": topic, "Partitions": [
                {"PartitionIndex": 0, "Timestamp": -1}]}]})
            w.send("Metadata", 9, {"Topics": [{"Name": f"no-such-{i}"}]})
        for i in range(40):
            equal("ApiVersions", 0, w.receive()["ErrorCode"])
            equal("Metadata", 0, w.receive()["Topics"][0]["ErrorCode"])
            equal("ListOffsets", 0, w.receive()["Topics"][0]["Partitions"][0]["ErrorCode"])
            answer = w.receive()["Topics"][0]
            equal("Metadata of what is not there", (3, f"no-such-{i}"), (answer["ErrorCode"], answer["Name"]))


def test_idempotent(s):
    """enable.idempotence by librdkafka; duplicates of a sequence are not stored twice."""
    topic = fresh("idempotent")
    create_topic(s.acme, topic)
    sent = [b"%d" % i for i in range(200)]
    send(s.acme, topic, sent, **{"enable.idempotence": True})
    equal("records", sent, [m.value() for m in consume(s.acme, topic, len(sent))])
    with s.acme.wire() as w:
        who = w.request("InitProducerId", 4, {"TransactionalId": None, "TransactionTimeoutMs": 1000})
        equal("InitProducerId", 0, who["ErrorCode"])
        mark = {"producer_id": who["ProducerId"], "producer_epoch": who["ProducerEpoch"], "base_sequence": 0}
        first = produce(w, topic, [b"once"], **mark)
        equal("the offset of the duplicate", first, produce(w, topic, [b"once"], **mark))
        equal("what is stored", [b"once"], fetch(w, topic, first))


def test_one_megabyte(s):
    """Records of 1 MB, and fetches of many of them."""
    topic = fresh("large")
    both(lambda t: create_topic(t, topic, 1, {"max.message.bytes": "2000000"}), s.acme, s.globex)

    def one(t):
        sent = [bytes([65 + i]) * (1 << 20) + t.name.encode() for i in range(12)]
        send(t, topic, sent, **{"message.max.bytes": 2000000})
        got = consume(t, topic, len(sent), **{"fetch.message.max.bytes": 20000000, "fetch.max.bytes": 50000000})
        true(f"{t.name}'s large records are what was sent", [m.value() for m in got] == sent)
    both(one, s.acme, s.globex)


def test_refused_by_broker(s):
    """What a broker refuses reaches the client as the broker's error."""
    topic = fresh("small")
    create_topic(s.acme, topic, 1, {"max.message.bytes": "2000"})
    with s.acme.wire() as w:
        for version in (3, 8, 9, 12):
            reply = w.request("Produce", version, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [{"Name": topic, "PartitionData": [
                {"Index": 0, "Records": kw.batch([b"x" * 4000])}]}]})
            equal("MESSAGE_TOO_LARGE", 10, reply["Responses"][0]["PartitionResponses"][0]["ErrorCode"])


def test_no_such_topic(s):
    """Producing to what is not there creates nothing."""
    with s.acme.wire() as w:
        reply = w.request("Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [{"Name": "nowhere", "PartitionData": [
            {"Index": 0, "Records": kw.batch([b"x"])}]}]})
        equal("UNKNOWN_TOPIC_OR_PARTITION", 3, reply["Responses"][0]["PartitionResponses"][0]["ErrorCode"])
        reply = w.request("Metadata", 9, {"Topics": [{"Name": "nowhere"}], "AllowAutoTopicCreation": True})
        equal("Metadata", 3, reply["Topics"][0]["ErrorCode"])


def test_mixed_topics(s):
    """One request over topics that are there and others that are not: each gets its own answer, in its place."""
    here, there = fresh("here"), fresh("there")
    for name in (here, there):
        create_topic(s.acme, name)
    with s.acme.wire() as w:
        names = [here, "no-such-topic", there, "bad name", here + "x"]
        reply = w.request("Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [{"Name": n, "PartitionData": [
            {"Index": 0, "Records": kw.batch([n.encode()])}]} for n in names]})
        found = {r["Name"]: r["PartitionResponses"][0]["ErrorCode"] for r in reply["Responses"]}
        equal("answers", sorted(names), sorted(found))
        equal("of topics that are there", (0, 0), (found[here], found[there]))
        true(f"of those that are not: {found}", all(found[n] in (3, 17) for n in names if n not in (here, there)))
        equal("records", ([here.encode()], [there.encode()]), (fetch(w, here), fetch(w, there)))
        reply = w.request("ListOffsets", 7, {"ReplicaId": -1, "Topics": [{"Name": n, "Partitions": [
            {"PartitionIndex": 0, "Timestamp": -1}]} for n in names[:3]]})
        equal("offsets", {here: (0, 1), "no-such-topic": (3, -1), there: (0, 1)},
              {t["Name"]: (t["Partitions"][0]["ErrorCode"], t["Partitions"][0]["Offset"]) for t in reply["Topics"]})


def test_topic_ids(s):
    """Fetch v13 and up and Produce v13 name topics by id; ids of nobody, and of the other tenant, are unknown ones."""
    topic = fresh("by-id")
    ids = both(lambda t: create_topic(t, topic), s.acme, s.globex)
    true("ids differ", ids[0] != ids[1])
    with s.acme.wire() as w:
        for version in (13, 15, 16, 17):
            offset = produce(w, ids[0], [b"v%d" % version], version=13)
            equal(f"Fetch v{version}", [b"v%d" % version], fetch(w, ids[0], offset, version=version))
        for other in (ids[1], kw.uuid.uuid4()):
            for version in (13, 17):
                reply = w.request("Fetch", version, {"MaxWaitMs": 100, "MinBytes": 1, "SessionEpoch": -1, "Topics": [
                    {"TopicId": other, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 1000}]},
                    {"TopicId": ids[0], "Partitions": [{"Partition": 0, "PartitionMaxBytes": 100000}]}]})
                found = {r["TopicId"]: r["Partitions"][0]["ErrorCode"] for r in reply["Responses"]}
                equal(f"Fetch v{version}, an unknown id beside a known one", {other: 100, ids[0]: 0}, found)
            reply = w.request("Produce", 13, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [{"TopicId": other, "PartitionData": [
                {"Index": 0, "Records": kw.batch([b"x"])}]}]})
            equal("Produce v13, an unknown id", 100, reply["Responses"][0]["PartitionResponses"][0]["ErrorCode"])


@gateway
def test_fetch_is_capped(s):
    """A Fetch may wish for any size; the gateway lowers it and still passes what is there."""
    topic = fresh("capped")
    create_topic(s.acme, topic)
    with s.acme.wire(record=False) as w:
        for i in range(4):
            produce(w, topic, [bytes([i]) * 900000])
        value = {"MaxWaitMs": 500, "MinBytes": 1, "MaxBytes": 2**31 - 1, "SessionEpoch": -1, "Topics": [{"Topic": topic, "Partitions": [
            {"Partition": 0, "PartitionMaxBytes": 2**31 - 1}]}]}
        answer = w.request("Fetch", 12, value)
        equal("session", 0, answer["SessionId"])
        true("something came", len(answer["Responses"][0]["Partitions"][0]["Records"]) > 900000)


@gateway
def test_large_answers_pass_through(s):
    """Fetch by id: a large answer is not lowered, goes on while it comes, and is what the brokers have, refused topics with it."""
    topic, other = fresh("stream"), uuid.uuid4()
    topic_id = create_topic(s.acme, topic, 2)
    sent = [random.Random(i).randbytes(900_000) for i in range(12)]
    send(s.acme, topic, sent, partition=[i % 2 for i in range(12)], **{"linger.ms": 0, "batch.num.messages": 1})
    with s.acme.wire(record=False) as w:
        for version in (13, 15, 16, 17):
            before = s.gateway.metric("alcove_streamed_responses_total")
            wish = {"PartitionMaxBytes": 2**31 - 1}
            answer = w.request("Fetch", version, {
                "MaxWaitMs": 5000, "MinBytes": 10_000_000, "MaxBytes": 2**31 - 1, "SessionId": 0, "SessionEpoch": -1, "Topics": [
                    {"TopicId": other, "Partitions": [{"Partition": 0, **wish}]},
                    {"TopicId": topic_id, "Partitions": [{"Partition": 0, **wish}, {"Partition": 1, **wish}]}]})
            found = {r["TopicId"]: r["Partitions"] for r in answer["Responses"]}
            equal(f"v{version}: topics", {topic_id, other}, set(found))
            equal(f"v{version}: the unknown one", 100, found[other][0]["ErrorCode"])
            for p in found[topic_id]:
                at = [p["Records"].find(v) for v in sent[p["PartitionIndex"]::2]]
                true(f"v{version}: partition {p['PartitionIndex']} is what was sent, in order: {at}", at == sorted(at) and at[0] > 0)
            equal(f"v{version}: answers that went on while they came", 1, s.gateway.metric("alcove_streamed_responses_total") - before)


def test_large_record_by_name(s):
    """One batch of more than limits.fetch.max.bytes passes old versions, which name topics between the records."""
    topic = fresh("huge")
    create_topic(s.acme, topic, 1, {"max.message.bytes": "9000000"})
    value = random.Random(1).randbytes(8_700_000)
    send(s.acme, topic, [value], **{"message.max.bytes": 9000000})
    with s.acme.wire(record=False) as w:
        for version in (4, 11, 12):
            more = {"SessionEpoch": -1} if version >= 7 else {}
            answer = w.request("Fetch", version, {"MaxWaitMs": 500, "MinBytes": 1, "MaxBytes": 1 << 20, "Topics": [
                {"Topic": topic, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 1 << 20}]}], **more})
            true(f"Fetch v{version}", value in answer["Responses"][0]["Partitions"][0]["Records"])
