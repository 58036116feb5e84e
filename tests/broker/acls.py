"""ACLs by REST while clients are connected: denied and allowed without a new connection, mixed requests, hidden topics."""
import confluent_kafka as ck
from confluent_kafka.admin import AclOperation, AdminClient

from runner import create_topic, equal, fresh, kw, produce, stack, true

GATEWAY = True
LIVE_S = 1.0  # a change is in force everywhere within
PATIENCE_S = 20.0  # for clients, which have back-offs of their own
DENIED = 29


def made(s):
    """A new tenant with the users alice and bob, whose ACLs decide; -> its path, a Tenant for each."""
    name = fresh("acl")
    s.gateway.make_tenant(name, [("alice", "alice-secret"), ("bob", "bob-secret")], authorizer="acl", superUsers=["User:alice"])
    alice = s.gateway.tenant(name, s.folder, via="shared")
    return f"/v1/tenants/{name}", alice, s.gateway.tenant(name, s.folder, user="bob", password="bob-secret", via="shared")


def allow(s, path, kind, name, operation, **more):
    s.rest("POST", f"{path}/acls", {"acls": [{"resourceType": kind, "resourceName": name, "principal": "User:bob",
                                              "operation": operation, **more}]})


def codes(w, topics):
    reply = w.request("Metadata", 12, {"Topics": [{"Name": t} for t in topics]})
    return {t["Name"]: t["ErrorCode"] for t in reply["Topics"]}


def test_live(s):
    """On one open connection: all is denied, then some is allowed, then denied, then all is left to users; each within a second."""
    path, alice, bob = made(s)
    for t in ("orders", "other"):
        create_topic(alice, t)

    def soon(what, expected, w):
        stack.wait_until(what, lambda: codes(w, ["orders", "other", "none"]) == expected, LIVE_S)
    with bob.wire() as w:
        equal("at first", {"orders": DENIED, "other": DENIED, "none": DENIED}, codes(w, ["orders", "other", "none"]))
        equal("all topics", [], w.request("Metadata", 12, {"Topics": None})["Topics"])
        allow(s, path, "TOPIC", "or", "DESCRIBE", patternType="PREFIXED")
        soon("one is seen", {"orders": 0, "other": DENIED, "none": DENIED}, w)
        equal("all topics", ["orders"], [t["Name"] for t in w.request("Metadata", 12, {"Topics": None})["Topics"]])
        allow(s, path, "TOPIC", "*", "ALL", permission="DENY", host="127.0.0.0/8")
        soon("a network is denied", {"orders": DENIED, "other": DENIED, "none": DENIED}, w)
        gone = s.rest("DELETE", f"{path}/acls?permission=DENY")
        equal("what was deleted", (1, "127.0.0.0/8"), (gone["deleted"], gone["items"][0]["host"]))
        soon("and is not", {"orders": 0, "other": DENIED, "none": DENIED}, w)
        s.rest("PATCH", path, {"allowEveryoneIfNoAclFound": True})
        soon("what no ACL is about", {"orders": 0, "other": 0, "none": 3}, w)
        s.rest("PATCH", path, {"superUsers": ["User:bob"], "allowEveryoneIfNoAclFound": False})
        soon("a super user", {"orders": 0, "other": 0, "none": 3}, w)
        s.rest("PATCH", path, {"superUsers": []})
        soon("no more", {"orders": 0, "other": DENIED, "none": DENIED}, w)
        s.rest("PATCH", path, {"authorizer": "none"})
        soon("no authorizer", {"orders": 0, "other": 0, "none": 3}, w)


def test_groups(s):
    """Who is in a group has its rights, also on a connection that is open: by REST in, denied, and out again."""
    path, alice, bob = made(s)
    create_topic(alice, "orders")
    s.rest("POST", f"{path}/acls", {"acls": [{"resourceType": "TOPIC", "resourceName": "orders", "principal": "Group:readers", "operation": "READ"}]})
    with bob.wire() as w:
        def soon(what, expected):
            stack.wait_until(what, lambda: codes(w, ["orders"]) == {"orders": expected}, LIVE_S)
        soon("at first", DENIED)
        equal("groups", ["readers", "x"], s.rest("PATCH", f"{path}/users/bob", {"groups": ["x", "readers"]})["groups"])
        soon("a member", 0)
        s.rest("POST", f"{path}/acls", {"acls": [{"resourceType": "TOPIC", "resourceName": "*", "principal": "Group:x", "operation": "ALL",
                                                  "permission": "DENY"}]})
        soon("another group of its is denied", DENIED)
        s.rest("PATCH", f"{path}/users/bob", {"groups": ["readers"]})
        soon("not in that one", 0)
        s.rest("PATCH", path, {"superUsers": ["Group:readers"]})
        equal("super users", 0, codes(w, ["orders", "none"])["orders"])
        s.rest("PATCH", path, {"superUsers": []})
        s.rest("PATCH", f"{path}/users/bob", {"groups": []})
        soon("in none", DENIED)


def test_denials(s):
    """What was denied is counted, logged once with the rule, and explained alike; what a list leaves out is not."""
    path, alice, bob = made(s)
    create_topic(alice, "orders")
    tenant = path.rsplit("/", 1)[1]

    def denied():
        return {k: v for k, v in s.gateway.metrics().items() if k.startswith("alcove_denied_total{") and f'tenant="{tenant}"' in k}

    def lines():
        return [x for x in s.gateway.log_now().splitlines() if " denied " in x and f'tenant="{tenant}"' in x]
    with bob.wire() as w:
        w.request("Metadata", 12, {"Topics": None})
        equal("lists", {}, denied())
        for _ in range(3):
            codes(w, ["orders"])
    stack.wait_until("it is counted", lambda: denied() == {f'alcove_denied_total{{tenant="{tenant}",operation="DESCRIBE",resource="TOPIC"}}': 3}, 5)
    true(f"one line, or two where a minute ended: {lines()}", 1 <= len(lines()) <= 2)
    true(lines()[0], 'principal="User:bob"' in lines()[0] and 'name="orders" reason="NO_ACL"' in lines()[0])
    why = s.rest("GET", f"{path}/acls/explain?principal=User:bob&host=127.0.0.1&operation=DESCRIBE&resourceType=TOPIC&resourceName=orders")
    equal("explained", (False, "NO_ACL", "denied: no ACL is about topic orders, so none allows Describe for User:bob; super users: User:alice"),
          (why["allowed"], why["reason"], why["text"]))


def test_mixed_requests(s):
    """One topic is allowed, the next is not: each has its own answer, in Produce, Fetch, commits; a transaction has neither."""
    path, alice, bob = made(s)
    ids = {t: create_topic(alice, t) for t in ("orders", "other")}
    allow(s, path, "TOPIC", "orders", "ALL")
    allow(s, path, "GROUP", "g", "READ")
    allow(s, path, "TRANSACTIONAL_ID", "x", "WRITE")
    with bob.wire() as w:
        parts = [{"Index": 0, "Records": kw.batch([b"v"])}]
        produce(w, "orders", [b"first"])
        for version, names in ((9, [{"Name": t} for t in ids]), (13, [{"TopicId": i} for i in ids.values()])):
            reply = w.request("Produce", version, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [{**n, "PartitionData": parts} for n in names]})
            equal(f"Produce v{version}", [0, DENIED], sorted(t["PartitionResponses"][0]["ErrorCode"] for t in reply["Responses"]))
        reply = w.request("Fetch", 13, {"MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 10000, "SessionId": 0, "SessionEpoch": -1, "Topics": [
            {"TopicId": i, "Partitions": [{"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 10000}]} for i in ids.values()]})
        equal("Fetch", {"orders": 0, "other": DENIED}, {n: t["Partitions"][0]["ErrorCode"] for t in reply["Responses"]
                                                        for n, i in ids.items() if i == t["TopicId"]})
        w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": ["g"]})
        offset = [{"PartitionIndex": 0, "CommittedOffset": 1, "CommittedMetadata": ""}]

        def commit():
            reply = w.request("OffsetCommit", 9, {"GroupId": "g", "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
                {"Name": t, "Partitions": offset} for t in ids]})
            return {t["Name"]: t["Partitions"][0]["ErrorCode"] for t in reply["Topics"]}
        stack.wait_until("the coordinator", lambda: commit()["orders"] == 0, PATIENCE_S)
        equal("OffsetCommit", {"orders": 0, "other": DENIED}, commit())
        w.request("FindCoordinator", 4, {"KeyType": 1, "CoordinatorKeys": ["x"]})

        def begin():
            r = w.request("InitProducerId", 4, {"TransactionalId": "x", "TransactionTimeoutMs": 10000, "ProducerId": -1, "ProducerEpoch": -1})
            return r if r["ErrorCode"] == 0 else None
        who = stack.wait_until("the transaction's coordinator", begin, PATIENCE_S)
        reply = w.request("AddPartitionsToTxn", 3, {
            "V3AndBelowTransactionalId": "x", "V3AndBelowProducerId": who["ProducerId"], "V3AndBelowProducerEpoch": who["ProducerEpoch"],
            "V3AndBelowTopics": [{"Name": t, "Partitions": [0]} for t in ids]})
        equal("AddPartitionsToTxn", {"orders": 55, "other": DENIED}, {
            t["Name"]: t["ResultsByPartition"][0]["PartitionErrorCode"] for t in reply["ResultsByTopicV3AndBelow"]})


def test_librdkafka(s):
    """A producer and a consumer that are denied, allowed while they run, and denied again; an admin client sees what it may."""
    path, alice, bob = made(s)
    for t in ("orders", "hidden"):
        create_topic(alice, t)
    said = []
    producer = ck.Producer(bob.librdkafka(**{"topic.metadata.refresh.interval.ms": 500, "message.timeout.ms": 8000}))

    def deliver(value):
        said.clear()
        try:
            producer.produce("orders", value, on_delivery=lambda e, m: said.append(e.code() if e else 0))
        except ck.KafkaException as e:  # it remembers what it was told of the topic
            producer.poll(0.2)
            return e.args[0].code()
        producer.flush(PATIENCE_S)
        return said[0] if said else None
    equal("denied", ck.KafkaError.TOPIC_AUTHORIZATION_FAILED, deliver(b"no"))
    allow(s, path, "TOPIC", "orders", "WRITE")
    stack.wait_until("it produces", lambda: deliver(b"yes") == 0, PATIENCE_S)
    admin = AdminClient(bob.librdkafka())
    equal("topics", {"orders"}, set(admin.list_topics(timeout=10).topics))
    found = admin.describe_topics(ck.TopicCollection(["orders"]), include_authorized_operations=True)["orders"].result(timeout=10)
    equal("operations", {AclOperation.WRITE, AclOperation.DESCRIBE}, set(found.authorized_operations))
    allow(s, path, "TOPIC", "orders", "READ")
    consumer = ck.Consumer(bob.librdkafka(**{"group.id": "billing", "auto.offset.reset": "earliest"}))
    try:
        consumer.subscribe(["orders"])

        def polled():
            m = consumer.poll(0.5)
            return None if m is None else m.error().code() if m.error() else m.value()
        stack.wait_until("the group is denied", lambda: polled() == ck.KafkaError.GROUP_AUTHORIZATION_FAILED, PATIENCE_S)
        allow(s, path, "GROUP", "bill", "READ", patternType="PREFIXED")
        stack.wait_until("it consumes", lambda: polled() == b"yes", PATIENCE_S)
        s.rest("DELETE", f"{path}/acls?operation=READ&resourceType=TOPIC")
        stack.wait_until("the topic is denied", lambda: polled() == ck.KafkaError.TOPIC_AUTHORIZATION_FAILED, PATIENCE_S)
    finally:
        consumer.close()
    s.rest("DELETE", f"{path}/acls?operation=WRITE")
    stack.wait_until("it is denied again", lambda: deliver(b"no") == ck.KafkaError.TOPIC_AUTHORIZATION_FAILED, PATIENCE_S)
