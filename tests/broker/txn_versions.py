"""Transactions of both versions: the cluster's transaction.version goes from 2 to 1 and back under the same clients."""
import checks
import stack
from admin import java
from produce_consume import consume
from runner import both, create_topic, equal, fresh, kw, true
from transactions import producer

OWN_STACK = True


def finalized(t):
    """transaction.version as clients are told it."""
    with t.wire() as w:
        reply = w.request("ApiVersions", 3, {"ClientSoftwareName": "test", "ClientSoftwareVersion": "1"})
        return {f["Name"]: f["MaxVersionLevel"] for f in reply["FinalizedFeatures"]}.get("transaction.version")


def set_version(s, level):
    if finalized(s.acme) == level:
        return
    how = "downgrade" if level < 2 else "upgrade"
    stack.tool("features", "--bootstrap-server", s.kafka.bootstrap, how, "--feature", f"transaction.version={level}")
    stack.wait_until(f"clients are told transaction.version {level}", lambda: finalized(s.acme) == level, 30)


def course(s, level):
    """librdkafka commits and aborts, in both tenants under the same names."""
    topic = f"bank-tv{level}-{fresh('x')}"
    both(lambda t: create_topic(t, topic), s.acme, s.globex)

    def one(t):
        p = producer(t, f"transfer-tv{level}")
        for i, end in enumerate((p.commit_transaction, p.abort_transaction, p.commit_transaction)):
            p.begin_transaction()
            p.produce(topic, f"{t.name} {i}".encode())
            end(20)
        got = [m.value() for m in consume(t, topic, 2, **{"isolation.level": "read_committed"})]
        equal(f"{t.name}, transaction.version {level}", [f"{t.name} {i}".encode() for i in (0, 2)], got)
    both(one, s.acme, s.globex)


def implicit(s):
    """A transaction whose partition and group are never added by the client: -> (Produce's, TxnOffsetCommit's, EndTxn's error, how much
    the epoch grew)."""
    name, topic = "implicit", "implicit"
    create_topic(s.acme, topic)
    with s.acme.wire() as w:
        for key, kind in ((name, 1), (name, 0)):
            stack.wait_until("there is a coordinator", lambda: w.request("FindCoordinator", 1, {"Key": key, "KeyType": kind})["ErrorCode"] == 0)
        who = stack.wait_until("a producer id", lambda: has_id(w.request("InitProducerId", 5, {
            "TransactionalId": name, "TransactionTimeoutMs": 20000, "ProducerId": -1, "ProducerEpoch": -1})))
        mine = {"TransactionalId": name, "ProducerId": who["ProducerId"], "ProducerEpoch": who["ProducerEpoch"]}
        batch = kw.batch([b"x"], attributes=kw.TRANSACTIONAL, producer_id=who["ProducerId"], producer_epoch=who["ProducerEpoch"], base_sequence=0)
        produced = w.request("Produce", 12, {"TransactionalId": name, "Acks": -1, "TimeoutMs": 5000, "TopicData": [
            {"Name": topic, "PartitionData": [{"Index": 0, "Records": batch}]}]})["Responses"][0]["PartitionResponses"][0]["ErrorCode"]
        if produced:
            return produced, None, None, None
        part = {"PartitionIndex": 0, "CommittedOffset": 1, "CommittedLeaderEpoch": -1, "CommittedMetadata": ""}
        committed = w.request("TxnOffsetCommit", 5, {**mine, "GroupId": name, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "GroupInstanceId": None,
                                                     "Topics": [{"Name": topic, "Partitions": [part]}]})["Topics"][0]["Partitions"][0]["ErrorCode"]
        ended = w.request("EndTxn", 5, {**mine, "Committed": True})
        return produced, committed, ended["ErrorCode"], ended["ProducerEpoch"] - who["ProducerEpoch"]


def has_id(reply):
    return reply if reply["ErrorCode"] == 0 else None


def check_version_1(s):
    """librdkafka, and Java exactly once through two topics."""
    equal("as the cluster begins", 2, finalized(s.acme))
    set_version(s, 1)
    course(s, 1)
    for name in ("source", "sink"):
        create_topic(s.acme, name, 2)
    java(s.acme, "ExactlyOnce", "source", "sink", "acme")
    with s.kafka.wire() as w:  # in version 2 each transaction has an epoch of its own
        found = w.request("DescribeTransactions", 0, {"TransactionalIds": ["acme.sink-classic"]})["TransactionStates"][0]
    equal("Java's epoch after many transactions", (0, 0), (found["ErrorCode"], found["ProducerEpoch"]))


def check_version_2(s):
    set_version(s, 2)
    course(s, 2)
    equal("what is used is added, and the epoch grows", (0, 0, 0, 1), implicit(s))


def check_find_hanging(s):
    """kafka-transactions.sh asks for producers and transactions of all the tenant's topics."""
    said = s.acme.tool("transactions", "find-hanging", "--broker-id", "1").stdout
    true(f"a head and nothing below: {said}", len(said.split("\n")[0].split()) > 4 and not said.split("\n", 1)[1].strip())


def test_both_versions():
    """transaction.version 1, then 2 again (which is what all other suites run with); find-hanging."""
    checks.run(lambda: stack.Stack(limits=stack.PATIENT), [check_version_1, check_version_2, check_find_hanging])
