"""Groups and transactions by those who administer them: AdminClient, Kafka's tools, raw requests; two tenants with the same names."""
from admin import java
from produce_consume import send
from runner import both, create_topic, equal, fresh, kw, stack, true


def test_admin_client(s):
    """Removing static members, deleting offsets and groups, listing and describing transactions; both tenants at once."""
    topic, word = fresh("ended"), fresh("ends")
    both(lambda t: create_topic(t, topic, 2), s.acme, s.globex)
    both(lambda t: java(t, "GroupAdmin", topic, word), s.acme, s.globex)


def offset_commit(w, group, topic, offset=1, member=("", -1)):
    reply = w.request("OffsetCommit", 8, {"GroupId": group, "MemberId": member[0], "GenerationIdOrMemberEpoch": member[1], "Topics": [
        {"Name": topic, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": offset, "CommittedMetadata": ""}]}]})
    return reply["Topics"][0]["Partitions"][0]["ErrorCode"]


def committed(w, group, topic):
    reply = w.request("OffsetFetch", 5, {"GroupId": group, "Topics": [{"Name": topic, "PartitionIndexes": [0]}]})
    return reply["Topics"][0]["Partitions"][0]["CommittedOffset"]


def test_delete(s):
    """OffsetDelete and DeleteGroups in each version; the other tenant's group of that name keeps what it has."""
    topic, group = fresh("deleted"), fresh("billing")
    both(lambda t: create_topic(t, topic), s.acme, s.globex)
    with s.acme.wire() as w, s.globex.wire() as other:
        for c in (w, other):
            c.request("FindCoordinator", 0, {"Key": group})
            stack.wait_until("committed", lambda: offset_commit(c, group, topic, 7) == 0)
        reply = w.request("OffsetDelete", 0, {"GroupId": group, "Topics": [{"Name": n, "Partitions": [{"PartitionIndex": 0}]}
                                                                          for n in (topic, "no-such-topic", "a b")]})
        equal("OffsetDelete", 0, reply["ErrorCode"])
        found = {t["Name"]: t["Partitions"][0]["ErrorCode"] for t in reply["Topics"]}
        equal("topics of OffsetDelete", {topic: 0, "no-such-topic": 3, "a b": 3}, found)
        equal("deleted", -1, committed(w, group, topic))
        for version in range(w.version("DeleteGroups") + 1):
            equal("committed", 0, offset_commit(w, group, topic, 9))
            reply = w.request("DeleteGroups", version, {"GroupsNames": [group, "no-such-group", ""]})
            found = {r["GroupId"]: r["ErrorCode"] for r in reply["Results"]}
            equal(f"DeleteGroups v{version}", {group: 0, "no-such-group": 69, "": 69}, found)
            equal("gone", -1, committed(w, group, topic))
        equal("the other tenant's", 7, committed(other, group, topic))


def test_tools(s):
    """kafka-consumer-groups deletes offsets and a group, kafka-transactions lists and describes."""
    topic, word = fresh("tooled"), fresh("tools")
    create_topic(s.acme, topic)
    send(s.acme, topic, [b"one"])
    t, group, txn = s.acme, f"{word}-group", f"{word}-txn"
    with t.wire() as w:
        w.request("FindCoordinator", 0, {"Key": group})
        stack.wait_until("committed", lambda: offset_commit(w, group, topic) == 0)
        w.request("FindCoordinator", 1, {"Key": txn, "KeyType": 1})
        stack.wait_until("a producer id", lambda: w.request("InitProducerId", 4, {
            "TransactionalId": txn, "TransactionTimeoutMs": 60000, "ProducerId": -1, "ProducerEpoch": -1})["ErrorCode"] == 0)

    def groups():
        said = t.tool("consumer-groups", "--delete-offsets", "--group", group, "--topic", topic).stdout
        true(said, topic in said and "Successful" in said)
        said = t.tool("consumer-groups", "--delete", "--group", group).stdout
        true(said, "was successful" in said and group in said)

    def transactions():
        said = t.tool("transactions", "list").stdout
        true(said, any(line.split()[:1] == [txn] for line in said.splitlines()))
        said = t.tool("transactions", "describe", "--transactional-id", txn).stdout
        true(said, txn in said and "Empty" in said)
    both(lambda f: f(), groups, transactions)
