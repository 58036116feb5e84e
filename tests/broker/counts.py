"""Limits on how many a tenant may have: each refused with its Kafka error and words, for the tenant that has the limit alone; room that
is given back can be used again."""
import contextlib
import time
import uuid

import confluent_kafka as ck
import confluent_kafka.admin as cka

from runner import create_topic, delete_topic, equal, fresh, kw, produce, stack, true

GATEWAY = True
POLICY_VIOLATION, INVALID_TRANSACTION_TIMEOUT, SHARE_SESSION_LIMIT_REACHED, COORDINATOR_LOAD_IN_PROGRESS = 44, 50, 133, 14
INCONSISTENT_GROUP_PROTOCOL, UNKNOWN_MEMBER_ID, MEMBER_ID_REQUIRED, GROUP_MAX_SIZE_REACHED = 23, 25, 79, 81


@contextlib.contextmanager
def limited(s, **limits):
    """A tenant of its own with these limits."""
    name = fresh("counted")

    def made():
        try:
            s.gateway.make_tenant(name)
        except stack.Refused as e:
            if e.status != 503:  # a broker that makes its own topics meanwhile may not answer in time; nothing was created
                raise
            return False
        return True
    stack.wait_until("the tenant is there", made, 60)
    if limits:
        allow(s, name, **limits)
    yield s.gateway.tenant(name, s.folder, s.judge, via="shared")
    s.rest("DELETE", f"/v1/tenants/{name}?purge=true")


def allow(s, name, **limits):
    s.rest("POST", f"/v1/tenants/{name}/quotas", {"quotas": [{"type": "tenant", "limits": limits}]})


def says(what, limit, key):
    return f"Quota: this cluster may have at most {limit} {what} ({key}); a platform administrator can raise it."


# ---- topics, partitions ------------------------------------------------------------------------------------------

def test_topics_and_partitions(s):
    """AdminClient's CreateTopics and CreatePartitions, and topics that are created by being asked for."""
    with limited(s, topics=3, partitions=6) as t:
        admin = cka.AdminClient(t.librdkafka())
        create_topic(t, "a", 2)
        create_topic(t, "b", 3)
        found = failure(admin.create_topics([cka.NewTopic("c", 2, 1)])["c"])
        equal("too many partitions", (POLICY_VIOLATION, says("partitions", 6, "partitions")), found)
        found = failure(admin.create_partitions([cka.NewPartitions("a", 4)])["a"])
        equal("too many more", (POLICY_VIOLATION, says("partitions", 6, "partitions")), found)
        create_topic(t, "c", 1)
        found = failure(admin.create_topics([cka.NewTopic("d", 1, 1)])["d"])
        equal("too many topics", (POLICY_VIOLATION, says("topics", 3, "topics")), found)
        s.rest("PATCH", f"/v1/tenants/{t.name}", {"autoCreateTopics": True, "autoCreatePartitions": 1, "autoCreateReplicationFactor": 1})
        with t.wire() as w:
            equal("asked for", POLICY_VIOLATION, w.request("Metadata", 12, {"Topics": [{"Name": "e"}]})["Topics"][0]["ErrorCode"])
            delete_topic(t, "b")
            stack.wait_until("there is room for one", lambda: w.request("Metadata", 12, {"Topics": [{"Name": "e"}]})["Topics"][0]["ErrorCode"] == 0)
        equal("what there is", {"a", "c", "e"}, set(admin.list_topics(timeout=10).topics))
    create_topic(s.globex, fresh("unlimited"), 8)


def failure(future):
    try:
        future.result(20)
    except ck.KafkaException as e:
        return e.args[0].code(), e.args[0].str()
    raise AssertionError("it was created")


# ---- groups, members -------------------------------------------------------------------------------------------------

def beat(w, group, member, epoch=0, topics=("t",), instance=None):
    return w.request("ConsumerGroupHeartbeat", 1, {
        "GroupId": group, "MemberId": member, "MemberEpoch": epoch, "InstanceId": instance, "RebalanceTimeoutMs": 30000 if epoch == 0 else -1,
        "SubscribedTopicNames": list(topics) if epoch == 0 else None, "TopicPartitions": [] if epoch == 0 else None})


def test_groups(s):
    """Groups of KIP-848: what brokers list counts, also after a restart of the gateway; a deleted one gives its place back."""
    with limited(s, consumer_groups=2) as t:
        create_topic(t, "t")
        with t.wire() as w:
            stack.wait_until("there is a coordinator", lambda: w.request("FindCoordinator", 0, {"Key": "g1"})["ErrorCode"] == 0)
            members = {g: str(uuid.uuid4()) for g in ("g1", "g2")}
            for g, m in members.items():
                stack.wait_until(f"{g} is joined", lambda g=g, m=m: beat(w, g, m)["ErrorCode"] == 0)
            r = beat(w, "g3", str(uuid.uuid4()))
            equal("one too many", (POLICY_VIOLATION, says("groups", 2, "consumer_groups")), (r["ErrorCode"], r["ErrorMessage"]))
            equal("one that is there", 0, beat(w, "g1", str(uuid.uuid4()))["ErrorCode"])
            equal("leaving", 0, beat(w, "g2", members["g2"], -1)["ErrorCode"])
            stack.wait_until("it can be deleted", lambda: w.request("DeleteGroups", 2, {"GroupsNames": ["g2"]})["Results"][0]["ErrorCode"] == 0)
            stack.wait_until("its place is free", lambda: beat(w, "g3", str(uuid.uuid4()))["ErrorCode"] == 0, 40)
            # By now brokers have been asked, and what they listed is of the type that it is.
            equal("one too many again", POLICY_VIOLATION, beat(w, "g4", str(uuid.uuid4()))["ErrorCode"])


def test_share_groups(s):
    """A share group comes into being also by offsets that are set for it."""
    with limited(s, share_groups=1) as t, t.wire() as w:
        create_topic(t, "t")

        def alter(group):
            r = w.request("AlterShareGroupOffsets", 0, {"GroupId": group, "Topics": [{"TopicName": "t", "Partitions": [
                {"PartitionIndex": 0, "StartOffset": 0}]}]})
            codes = [p["ErrorCode"] for x in r["Responses"] for p in x["Partitions"]]
            return r["ErrorCode"] or max(codes), r["ErrorMessage"]
        stack.wait_until("there is a coordinator", lambda: w.request("FindCoordinator", 0, {"Key": "s1"})["ErrorCode"] == 0)
        stack.wait_until("one is there", lambda: alter("s1")[0] == 0)  # of its partition, too: where states are kept comes into being by that
        equal("one too many", (POLICY_VIOLATION, says("groups", 1, "share_groups")), alter("s2"))
        # A list may be a second old.
        stack.wait_until("brokers have that one alone", lambda: [g["GroupId"] for g in w.request("ListGroups", 5, {})["Groups"]] == ["s1"])


def test_members(s):
    """A librdkafka consumer is one too many, and gets in when another one leaves."""
    with limited(s, classic_members=1, consumer_members=1) as t:
        create_topic(t, "t")
        for protocol in ("classic", "consumer"):
            first = member(t, protocol)
            stack.wait_until("it is assigned", lambda: first.poll(0.1) is None and first.assignment())
            errors = []
            second = member(t, protocol, errors)
            stack.wait_until(f"the second {protocol} one is told", lambda: second.poll(0.1) or any("maximum size" in e for e in errors), 30)
            second.close()
            equal("the first one's partitions", 1, len(first.assignment()))
            first.close()
            third = member(t, protocol)
            stack.wait_until("another one gets in", lambda: third.poll(0.1) is None and third.assignment(), 30)
            third.close()


def test_members_that_stay(s):
    """Who names a member with another's instance is told so of that one, and it keeps its place; a join that is refused has none."""
    with limited(s, classic_members=1) as t, t.wire() as w:
        stack.wait_until("there is a coordinator", lambda: w.request("FindCoordinator", 0, {"Key": "g"})["ErrorCode"] == 0)

        def join(member, protocols=({"Name": "any", "Metadata": b"\x01"},)):
            r = w.request("JoinGroup", 5, {"GroupId": "g", "SessionTimeoutMs": 30000, "RebalanceTimeoutMs": 1000, "MemberId": member,
                                           "GroupInstanceId": None, "ProtocolType": "connect", "Protocols": list(protocols)})
            return r["ErrorCode"], r["MemberId"]
        equal("no protocol", INCONSISTENT_GROUP_PROTOCOL, join("", ())[0])
        first = stack.wait_until("it is given an id", lambda: (lambda r: r[1] if r[0] == MEMBER_ID_REQUIRED else None)(join("")))
        equal("it joins", (0, first), join(first))
        for instance, code in (("machine", UNKNOWN_MEMBER_ID), (None, 0)):
            equal("another one", GROUP_MAX_SIZE_REACHED, join("another")[0])
            r = w.request("LeaveGroup", 4, {"GroupId": "g", "Members": [{"MemberId": first, "GroupInstanceId": instance}]})
            equal("leaving", (0, code), (r["ErrorCode"], r["Members"][0]["ErrorCode"]))
        equal("its place is free", MEMBER_ID_REQUIRED, join("")[0])


def test_instances_that_are_away(s):
    """A static member of KIP-848 that goes for a moment (epoch -2) keeps its place, and comes back into it by another id."""
    with limited(s, consumer_members=1) as t, t.wire() as w:
        create_topic(t, "t")
        stack.wait_until("there is a coordinator", lambda: w.request("FindCoordinator", 0, {"Key": "g"})["ErrorCode"] == 0)
        first, second = str(uuid.uuid4()), str(uuid.uuid4())
        stack.wait_until("it joins", lambda: beat(w, "g", first, instance="machine")["ErrorCode"] == 0)
        equal("it goes", 0, beat(w, "g", first, -2, instance="machine")["ErrorCode"])
        equal("another one", GROUP_MAX_SIZE_REACHED, beat(w, "g", str(uuid.uuid4()))["ErrorCode"])
        equal("it comes back", 0, beat(w, "g", second, instance="machine")["ErrorCode"])
        equal("another one", GROUP_MAX_SIZE_REACHED, beat(w, "g", str(uuid.uuid4()))["ErrorCode"])
        equal("it leaves", 0, beat(w, "g", second, -1, instance="machine")["ErrorCode"])
        equal("its place is free", 0, beat(w, "g", str(uuid.uuid4()))["ErrorCode"])


def member(t, protocol, errors=None):
    more = {"group.protocol": "consumer"} if protocol == "consumer" else {"session.timeout.ms": 6000}
    c = ck.Consumer(t.librdkafka(**{"group.id": f"g-{protocol}", "error_cb": lambda e: errors.append(e.str()) if errors is not None else None,
                                    **more}))
    c.subscribe(["t"])
    return Polling(c, errors)


class Polling:
    """A consumer whose fatal errors and events are collected instead of raised."""

    def __init__(self, c, errors):
        self.c, self.errors = c, errors

    def poll(self, s):
        try:
            m = self.c.poll(s)
            if m is not None and m.error() and self.errors is not None:
                self.errors.append(m.error().str())
        except ck.KafkaException as e:
            if self.errors is None:
                raise
            self.errors.append(e.args[0].str())

    def assignment(self):
        return self.c.assignment()

    def close(self):
        self.c.close()


# ---- transactions ------------------------------------------------------------------------------------------------------

def producer(t, txn, **more):
    return ck.Producer(t.librdkafka(**{"transactional.id": txn, "transaction.timeout.ms": 20000, "linger.ms": 0, **more}))


def test_transactions(s):
    """Transactional ids, open transactions, the longest timeout, and producer ids in a minute."""
    with limited(s, transactional_ids=2, open_transactions=1) as t:
        create_topic(t, "t")
        one, two = producer(t, "one"), producer(t, "two")
        for p in (one, two):
            p.init_transactions(20)
        found = failed(lambda: producer(t, "three").init_transactions(3))
        equal("a third id", POLICY_VIOLATION, found)
        equal("too long", INVALID_TRANSACTION_TIMEOUT, failed(lambda: producer(t, "one", **{"transaction.timeout.ms": 60001}).init_transactions(20)))
        for p in (one, two):
            p.begin_transaction()
        one.produce("t", b"first")
        one.flush(20)
        with t.wire() as w:   # by this word it is counted when brokers are asked
            ids = w.request("ListTransactions", 1, {})["TransactionStates"]
            equal("open", ["Ongoing"], [x["TransactionState"] for x in ids if x["TransactionalId"] == "one"])
        two.produce("t", b"second")
        true("the second one waits", two.flush(1) == 1)
        one.commit_transaction(20)
        equal("it goes on", 0, two.flush(20))
        two.commit_transaction(20)
        with t.wire() as w:
            ids = w.request("ListTransactions", 1, {})["TransactionStates"]
        equal("what brokers have", {"one", "two"}, {x["TransactionalId"] for x in ids})


def failed(call):
    try:
        call()
    except ck.KafkaException as e:
        return e.args[0].code()
    raise AssertionError("it was done")


def test_producer_ids(s):
    """Three producers begin at once, the fourth is told to ask again later; and by what Kafka says in that case."""
    with limited(s, producer_ids_per_minute=3) as t, t.wire() as w:
        def begin(now=-1):
            return w.request("InitProducerId", 4, {"TransactionalId": None, "TransactionTimeoutMs": 60000, "ProducerId": now,
                                                   "ProducerEpoch": min(now, 0)})
        ids = [begin()["ProducerId"] for _ in range(2)]
        ids.append(begin(ids[0])["ProducerId"])
        equal("whoever has one gets another", 3, len(set(ids)))
        for now in (-1, ids[0]):
            equal("the fourth", COORDINATOR_LOAD_IN_PROGRESS, begin(now)["ErrorCode"])


# ---- requests in flight ------------------------------------------------------------------------------------------------------

def test_requests_in_flight(s):
    """One at a time for all of a tenant's connections: who asks while another one's long poll waits gets its answer behind it."""
    with limited(s) as t, t.wire() as polls, t.wire() as asks:
        create_topic(t, "t")
        allow(s, t.name, in_flight_requests=1)

        def waited():
            """Did a question wait for the long poll before it? Not where it was taken first."""
            began = time.monotonic()
            polls.send("Fetch", 12, {"MaxWaitMs": 1000, "MinBytes": 1, "MaxBytes": 1000, "Topics": [{"Topic": "t", "Partitions": [
                {"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 1000, "CurrentLeaderEpoch": -1, "LastFetchedEpoch": -1,
                 "LogStartOffset": -1}]}]})
            time.sleep(0.2)
            asks.request("Metadata", 12, {"Topics": []})
            took = time.monotonic() - began
            equal("the long poll", 0, polls.receive()["ErrorCode"])
            return took >= 1.0
        stack.wait_until("one waits for the other", waited, 30)


# ---- share sessions, bytes ------------------------------------------------------------------------------------------------

def test_share_sessions(s):
    """One session; another member's is refused until the first one's connection has gone."""
    with limited(s, share_sessions=1) as t:
        topic = create_topic(t, "t")

        def opens(w, member):
            return w.request("ShareFetch", 2, {
                "GroupId": "workers", "MemberId": member, "ShareSessionEpoch": 0, "MaxWaitMs": 50, "MinBytes": 1, "MaxBytes": 1 << 20,
                "MaxRecords": 100, "BatchSize": 100, "Topics": [{"TopicId": topic, "Partitions": [
                    {"PartitionIndex": 0, "AcknowledgementBatches": []}]}], "ForgottenTopicsData": []})["ErrorCode"]
        with t.wire() as second:
            with t.wire() as first:
                equal("the first", 0, opens(first, str(uuid.uuid4())))
                equal("the second", SHARE_SESSION_LIMIT_REACHED, opens(second, str(uuid.uuid4())))
            stack.wait_until("there is room", lambda: opens(second, str(uuid.uuid4())) == 0)


def test_stored_bytes(s):
    """Who stores too much produces nothing more, is told why, and can read; more room, or less in it, and it goes on."""
    with limited(s, stored_bytes=200000) as t, t.wire() as w:
        create_topic(t, "t")
        produce(w, "t", [b"x" * 150000])

        def code(values=(b"y" * 1000,)):
            r = w.request("Produce", 9, {"Acks": -1, "TimeoutMs": 10000, "TopicData": [{"Name": "t", "PartitionData": [
                {"Index": 0, "Records": kw.batch(list(values))}]}]})["Responses"][0]["PartitionResponses"][0]
            return r["ErrorCode"], r["ErrorMessage"]
        equal("one more", (0, None), code([b"x" * 150000]))
        stack.wait_until("it is full", lambda: code() == (POLICY_VIOLATION, says("bytes", 200000, "stored_bytes")), 30)
        with s.globex.wire() as other:
            topic = fresh("other")
            create_topic(s.globex, topic)
            produce(other, topic, [b"z" * 300000])
        allow(s, t.name, stored_bytes=2000000)
        stack.wait_until("there is room", lambda: code()[0] == 0, 30)
