"""Transactions of both versions: the cluster's transaction.version goes from 2 to 1 and back under the same clients."""
import stack
from admin import java
from produce_consume import consume
from runner import both, create_topic, equal, fresh, true
from transactions import producer

OWN_STACK = True


def finalized(t):
    """transaction.version as clients are told it."""
    with t.wire() as w:
        reply = w.request("ApiVersions", 3, {"ClientSoftwareName": "test", "ClientSoftwareVersion": "1"})
        return {f["Name"]: f["MaxVersionLevel"] for f in reply["FinalizedFeatures"]}.get("transaction.version")


def set_version(s, level):
    how = "downgrade" if level < 2 else "upgrade"
    stack.tool("features", "--bootstrap-server", s.kafka.bootstrap, how, "--feature", f"transaction.version={level}")
    stack.wait_until(f"clients are told transaction.version {level}", lambda: finalized(s.acme) == level, 30)


def course(s, level):
    """librdkafka commits and aborts; Java goes exactly once through two topics."""
    topic, source, sink = (f"{fresh(word)}-tv{level}" for word in ("bank", "source", "sink"))
    for name, n in ((topic, 1), (source, 2), (sink, 2)):
        both(lambda t: create_topic(t, name, n), s.acme, s.globex)

    def one(t):
        p = producer(t, f"transfer-tv{level}")
        for i, end in enumerate((p.commit_transaction, p.abort_transaction, p.commit_transaction)):
            p.begin_transaction()
            p.produce(topic, f"{t.name} {i}".encode())
            end(20)
        got = [m.value() for m in consume(t, topic, 2, **{"isolation.level": "read_committed"})]
        equal(f"{t.name}, transaction.version {level}", [f"{t.name} {i}".encode() for i in (0, 2)], got)
        java(t, "ExactlyOnce", source, sink, t.name)
    both(one, s.acme, s.globex)


def epochs(s, level):
    """In version 2 each transaction has an epoch of its own, and only there."""
    name, topic = f"epochs-tv{level}", fresh("epochs")
    create_topic(s.acme, topic)
    p = producer(s.acme, name)
    with s.kafka.wire() as w:
        found = []
        for _ in range(3):
            p.begin_transaction()
            p.produce(topic, b"x")
            p.commit_transaction(20)
            found.append(w.request("DescribeTransactions", 0, {"TransactionalIds": [f"acme.{name}"]})["TransactionStates"][0]["ProducerEpoch"])
    return len(set(found))


def test_both_versions():
    """transaction.version 2, then 1, then 2 again."""
    with stack.Stack(limits=stack.PATIENT) as s:
        equal("as the cluster begins", 2, finalized(s.acme))
        course(s, 2)
        set_version(s, 1)
        course(s, 1)
        equal("epochs of three transactions, version 1", 1, epochs(s, 1))
        set_version(s, 2)
        course(s, 2)
        said = s.acme.tool("transactions", "find-hanging", "--broker-id", "1").stdout
        true(f"find-hanging looks at own topics and finds none: {said}", len(said.split("\n")[0].split()) > 4 and not said.split("\n", 1)[1].strip())
