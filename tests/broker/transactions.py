"""Transactions: commit, abort, read_committed, offsets in transactions, fencing; two tenants with the same transactional id."""
import pathlib

import confluent_kafka as ck

from produce_consume import consume, send
from runner import both, create_topic, equal, fetch, fresh, kw, stack, true

JAVA = pathlib.Path(__file__).resolve().parent / "java"


def producer(t, name, **more):
    p = ck.Producer(t.librdkafka(**{"transactional.id": name, "transaction.timeout.ms": 20000, **more}))
    p.init_transactions(20)
    return p


def test_commit_and_abort(s):
    """What is committed is read, what is aborted is not, and both tenants use one transactional id at once."""
    topic, name = fresh("bank"), fresh("transfer")
    both(lambda t: create_topic(t, topic, 2), s.acme, s.globex)

    def one(t):
        p = producer(t, name)
        expected = []
        for i in range(6):
            p.begin_transaction()
            values = [f"{t.name} {i} {j}".encode() for j in range(5)]
            for v in values:
                p.produce(topic, v)
            if i % 2:
                p.abort_transaction(20)
            else:
                p.commit_transaction(20)
                expected += values
        got = consume(t, topic, len(expected), **{"isolation.level": "read_committed"})
        equal(f"{t.name}, read_committed", sorted(expected), sorted(m.value() for m in got))
    both(one, s.acme, s.globex)


def test_isolation_levels(s):
    """An open transaction: read_uncommitted sees it, read_committed waits for its end."""
    topic = fresh("open")
    create_topic(s.acme, topic)
    p = producer(s.acme, fresh("open-tx"))
    p.begin_transaction()
    p.produce(topic, b"one")
    equal("not delivered", 0, p.flush(10))
    with s.acme.wire() as w:
        for version in (4, 7, 11, 12):
            equal(f"read_uncommitted, Fetch v{version}", [b"one"], fetch(w, topic, version=version, wait_ms=100))
            equal(f"read_committed, Fetch v{version}", [], fetch(w, topic, version=version, wait_ms=100, isolation=1))
        p.commit_transaction(20)
        equal("after the commit", [b"one"], fetch(w, topic, isolation=1))


def test_offsets_in_transaction(s):
    """Consume, transform, produce: an aborted round leaves neither records nor offsets; both group protocols."""
    source, sink = fresh("source"), fresh("sink")
    for name in (source, sink):
        both(lambda t: create_topic(t, name), s.acme, s.globex)

    def one(t):
        sent = [f"{t.name} {i}".encode() for i in range(12)]
        send(t, source, sent)
        for protocol in ("classic", "consumer"):
            group, base = f"{sink}-{protocol}", f"{sink}-{protocol}-tx"
            c = ck.Consumer(t.librdkafka(**{"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
                                            "group.protocol": protocol}))
            c.subscribe([source])
            p = producer(t, base)
            for i, m in enumerate(take(c, 8)):
                p.begin_transaction()
                p.produce(sink, protocol.encode() + b" " + m.value())
                p.send_offsets_to_transaction([ck.TopicPartition(source, 0, m.offset() + 1)], c.consumer_group_metadata(), 20)
                if i == 7:
                    p.abort_transaction(20)
                else:
                    p.commit_transaction(20)
            equal("committed", 7, c.committed([ck.TopicPartition(source, 0)], 20)[0].offset)
            c.close()
        got = consume(t, sink, 14, **{"isolation.level": "read_committed"})
        equal(f"{t.name}'s sink", [k + b" " + v for k in (b"classic", b"consumer") for v in sent[:7]], [m.value() for m in got])
    both(one, s.acme, s.globex)


def take(consumer, n):
    got = []

    def more():
        m = consumer.poll(0.2)
        if m and not m.error():
            got.append(m)
        return len(got) >= n
    stack.wait_until(f"{n} records", more, 30)
    return got[:n]


def test_fencing(s):
    """A second producer fences the first of its tenant, and not the other tenant's of the same transactional id."""
    topic, name = fresh("fence"), fresh("single")
    both(lambda t: create_topic(t, topic), s.acme, s.globex)
    first, other = producer(s.acme, name), producer(s.globex, name)
    first.begin_transaction()
    first.produce(topic, b"of the fenced")
    first.flush(10)
    second = producer(s.acme, name)
    try:
        first.commit_transaction(20)
        raise AssertionError("a fenced producer committed")
    except ck.KafkaException as e:
        true(f"fatal: {e}", e.args[0].fatal())
    for t, p in ((s.acme, second), (s.globex, other)):
        p.begin_transaction()
        p.produce(topic, t.name.encode())
        p.commit_transaction(20)
        equal(f"{t.name}'s records", [t.name.encode()], [m.value() for m in consume(t, topic, 1, **{"isolation.level": "read_committed"})])


def test_raw(s):
    """The whole course by raw requests, with versions of long ago and of today."""
    topic, group = fresh("raw"), fresh("raw-group")
    create_topic(s.acme, topic)
    with s.acme.wire() as w:
        coordinator = w.request("FindCoordinator", 0, {"Key": group})
        equal("FindCoordinator", 0, coordinator["ErrorCode"])
        for init, add, offsets, commit, end in ((0, 0, 0, 0, 0), (2, 2, 2, 2, 2), (4, 3, 3, 3, 3), (5, 3, 4, 4, 4)):
            name = f"{group}-{init}"
            stack.wait_until("the coordinator answers", lambda: w.request("InitProducerId", init, {
                "TransactionalId": name, "TransactionTimeoutMs": 10000})["ErrorCode"] not in (14, 15, 16))
            who = w.request("InitProducerId", init, {"TransactionalId": name, "TransactionTimeoutMs": 10000})
            equal(f"InitProducerId v{init}", 0, who["ErrorCode"])
            mine = {"TransactionalId": name, "ProducerId": who["ProducerId"], "ProducerEpoch": who["ProducerEpoch"]}
            old = {"V3AndBelow" + k: v for k, v in mine.items()}
            reply = w.request("AddPartitionsToTxn", add, {**old, "V3AndBelowTopics": [{"Name": topic, "Partitions": [0]}]})
            found = [(t["Name"], p["PartitionErrorCode"]) for t in reply["ResultsByTopicV3AndBelow"] for p in t["ResultsByPartition"]]
            equal(f"AddPartitionsToTxn v{add}", [(topic, 0)], found)
            at = produce_in(w, topic, name, mine)
            equal(f"AddOffsetsToTxn v{offsets}", 0, w.request("AddOffsetsToTxn", offsets, {**mine, "GroupId": group})["ErrorCode"])
            reply = w.request("TxnOffsetCommit", commit, {**mine, "GroupId": group, "Topics": [{"Name": topic, "Partitions": [
                {"PartitionIndex": 0, "CommittedOffset": at + 1, "CommittedMetadata": "note"}]}]})
            equal(f"TxnOffsetCommit v{commit}", (topic, 0), (reply["Topics"][0]["Name"], reply["Topics"][0]["Partitions"][0]["ErrorCode"]))
            equal(f"EndTxn v{end}", 0, w.request("EndTxn", end, {**mine, "Committed": True})["ErrorCode"])
            stack.wait_until("the offset is there", lambda: offset_of(w, group, topic) == (at + 1, "note"))


def produce_in(w, topic, name, mine):
    reply = w.request("Produce", 9, {"TransactionalId": name, "Acks": -1, "TimeoutMs": 5000, "TopicData": [{"Name": topic, "PartitionData": [
        {"Index": 0, "Records": kw.batch([b"x"], attributes=kw.TRANSACTIONAL, producer_id=mine["ProducerId"],
                                         producer_epoch=mine["ProducerEpoch"], base_sequence=0)}]}]})
    answer = reply["Responses"][0]["PartitionResponses"][0]
    equal("Produce in a transaction", 0, answer["ErrorCode"])
    return answer["BaseOffset"]


def offset_of(w, group, topic):
    p = w.request("OffsetFetch", 7, {"GroupId": group, "Topics": [{"Name": topic, "PartitionIndexes": [0]}]})["Topics"][0]["Partitions"][0]
    return p["CommittedOffset"], p["Metadata"]


def test_java(s):
    """Java's transactional producer and consumer: exactly once through two topics, in both tenants at once."""
    source, sink = fresh("java-source"), fresh("java-sink")
    for name in (source, sink):
        both(lambda t: create_topic(t, name, 2), s.acme, s.globex)

    def one(t):
        said = stack.tool(JAVA / "ExactlyOnce.java", t.java_file(), source, sink, t.name, timeout=120).stdout
        true(f"{t.name}: {said}", said.rstrip().endswith("ok"))
    both(one, s.acme, s.globex)
