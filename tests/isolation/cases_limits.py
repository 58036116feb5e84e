"""Attacks on what all tenants share: each way in which something new comes to be, tried past the limit on how many."""
import contextlib
import uuid

import kafkawire as kw

import cases_streams
from cases import POLICY, case, expect

INVALID_TOPOLOGY = 130


@contextlib.contextmanager
def limited(world, **limits):
    rest = world.stack.rest
    rest("POST", "/v1/tenants/acme/quotas", {"quotas": [{"type": "tenant", "limits": limits}]})
    try:
        yield
    finally:
        rest("DELETE", "/v1/tenants/acme/quotas?type=tenant")


@contextlib.contextmanager
def auto_creation(world):
    rest = world.stack.rest
    rest("PATCH", "/v1/tenants/acme", {"autoCreateTopics": True, "autoCreatePartitions": 1, "autoCreateReplicationFactor": 1})
    try:
        yield
    finally:
        rest("PATCH", "/v1/tenants/acme", {"autoCreateTopics": False, "autoCreatePartitions": -1, "autoCreateReplicationFactor": -1})


def topics(p):
    """{name: number of partitions}"""
    return {t["Name"]: len(t["Partitions"]) for t in p.request("Metadata", 12, {"Topics": None})["Topics"] if t["Name"].startswith("acme.")}


def groups(p):
    return sorted(g["GroupId"] for g in p.request("ListGroups", 5, {})["Groups"] if g["GroupId"].startswith("acme."))


@case("limits: no api makes a topic or a partition more than there may be")
def _(world, v):
    with world.physical() as p, auto_creation(world):
        there = topics(p)
        with limited(world, topics=len(there), partitions=sum(there.values())):
            for version in world.offered_versions("CreateTopics"):
                with world.wire() as w:
                    r = w.request("CreateTopics", version, {"timeoutMs": 5000, "Topics": [
                        {"Name": f"over-{i}", "NumPartitions": 1, "ReplicationFactor": 1, "Configs": []} for i in range(3)]})
                    expect(f"CreateTopics v{version}", {t["ErrorCode"] for t in r["Topics"]}, [{POLICY}])
            for version in world.offered_versions("CreatePartitions"):
                with world.wire() as w:
                    r = w.request("CreatePartitions", version, {"TimeoutMs": 5000, "Topics": [
                        {"Name": world.own_topics[0], "Count": 100, "Assignments": None}]})
                    expect(f"CreatePartitions v{version}", r["Results"][0]["ErrorCode"], POLICY)
            for version in world.offered_versions("Metadata"):
                more = {"AllowAutoTopicCreation": True} if version >= 4 else {}
                with world.wire() as w:
                    r = w.request("Metadata", version, {"Topics": [{"Name": f"over-asked-{version}"}], **more})
                    expect(f"Metadata v{version}", r["Topics"][0]["ErrorCode"], POLICY)
            for version in world.offered_versions("StreamsGroupHeartbeat"):
                with world.coordinator("mine-over") as w:
                    r = cases_streams.beat(w, "mine-over", version=version, SourceTopics=[world.own_topics[0]], StateChangelogTopics=[
                        {"Name": f"over-changelog-{i}", "Partitions": 1, "ReplicationFactor": 1, "TopicConfigs": []} for i in range(500)])
                    expect(f"a topology v{version}", r["ErrorCode"], INVALID_TOPOLOGY)
            expect("the attacker's topics", topics(p), [there])


@case("limits: no api makes a group more than there may be")
def _(world, v):
    names = ("classic_groups", "consumer_groups", "share_groups", "streams_groups")
    subscription = kw.encode_embedded("ConsumerProtocolSubscription", 1, {"Topics": [world.own_topics[0]], "UserData": None, "OwnedPartitions": []})
    with world.physical() as p, world.wire() as w, limited(world, **dict.fromkeys(names, 0)):
        there = groups(p)
        for version in world.offered_versions("JoinGroup"):
            r = w.request("JoinGroup", version, {
                "GroupId": "over", "SessionTimeoutMs": 6000, "MemberId": "", "ProtocolType": "consumer",
                "Protocols": [{"Name": "range", "Metadata": subscription}], **({"RebalanceTimeoutMs": 6000} if version >= 1 else {})})
            expect(f"JoinGroup v{version}", r["ErrorCode"], POLICY)
        for version in world.offered_versions("ConsumerGroupHeartbeat"):
            r = w.request("ConsumerGroupHeartbeat", version, {
                "GroupId": "over", "MemberId": str(uuid.uuid4()), "MemberEpoch": 0, "RebalanceTimeoutMs": 6000,
                "SubscribedTopicNames": [world.own_topics[0]], "TopicPartitions": []})
            expect(f"ConsumerGroupHeartbeat v{version}", r["ErrorCode"], POLICY)
        for version in world.offered_versions("ShareGroupHeartbeat"):
            r = w.request("ShareGroupHeartbeat", version, {
                "GroupId": "over", "MemberId": str(uuid.uuid4()), "MemberEpoch": 0, "SubscribedTopicNames": [world.own_topics[0]]})
            expect(f"ShareGroupHeartbeat v{version}", r["ErrorCode"], POLICY)
        for version in world.offered_versions("StreamsGroupHeartbeat"):
            r = cases_streams.beat(w, "over", version=version, SourceTopics=[world.own_topics[0]])
            expect(f"StreamsGroupHeartbeat v{version}", r["ErrorCode"], POLICY)
        for api in ("OffsetCommit", "TxnOffsetCommit"):
            for version in world.offered_versions(api):
                expect(f"{api} v{version}", commits(world, w, api, version), POLICY)
        expect("the attacker's groups", groups(p), [there])


def commits(world, w, api, version):
    """By nobody's member. -> the code of its partition"""
    topic = world.own_topics[0]
    by_id = version >= (10 if api == "OffsetCommit" else 6)
    named = {"TopicId": world.own_ids[topic]} if by_id else {"Name": topic}
    if api == "OffsetCommit":
        more = {"GenerationIdOrMemberEpoch": -1, "MemberId": ""}
    else:
        more = {"TransactionalId": "mine-tx", "ProducerId": 1, "ProducerEpoch": 0,
                **({"GenerationIdOrMemberEpoch": -1, "MemberId": ""} if version >= 3 else {})}
    r = w.request(api, version, {
        "GroupId": "over", **more,
        "Topics": [{**named, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 0, "CommittedMetadata": ""}]}]})
    return r["Topics"][0]["Partitions"][0]["ErrorCode"]


@case("limits: a tenant that has used up its own gets its error, and the victim's things are made as ever")
def _(world, v):
    with limited(world, topics=0, partitions=0, classic_groups=0, classic_members=0, transactional_ids=0), world.wire() as w:
        r = w.request("InitProducerId", 4, {"TransactionalId": "over", "TransactionTimeoutMs": 1000})
        expect("a transactional id", r["ErrorCode"], POLICY)
        r = w.request("InitProducerId", 4, {"TransactionalId": "over", "TransactionTimeoutMs": 60001})
        expect("a long transaction", r["ErrorCode"], 50)
        with world.stack.globex.wire() as other:
            r = other.request("CreateTopics", 7, {"timeoutMs": 5000, "validateOnly": True, "Topics": [
                {"Name": "room", "NumPartitions": 50, "ReplicationFactor": 1, "Configs": []}]})
            expect("the victim's topic", r["Topics"][0]["ErrorCode"], 0)


@case("limits: a tenant's own are nothing that its users can set or see")
def _(world, v):
    with limited(world, topics=1000), world.wire() as w:
        for version in world.offered_versions("DescribeClientQuotas"):
            r = w.request("DescribeClientQuotas", version, {"Components": [], "Strict": False})
            expect("described", (r["ErrorCode"], r["Entries"] or []), [(0, [])])
        for version in world.offered_versions("AlterClientQuotas"):
            for entity in ([], [{"EntityType": "tenant", "EntityName": "acme"}], [{"EntityType": "user", "EntityName": "alice"}]):
                r = w.request("AlterClientQuotas", version, {"ValidateOnly": False, "Entries": [
                    {"Entity": entity, "Ops": [{"Key": "topics", "Value": 1e6, "Remove": False}]}]})
                expect(f"{entity}", [e["ErrorCode"] for e in r["Entries"]], [[42], [35]])


@case("limits: who is held back keeps nobody waiting, however many of its connections go on asking")
def _(world, v):
    records = kw.batch([bytes(10000)])
    frame = kw.encode("Produce", 9, "request", {"Acks": -1, "TimeoutMs": 10000, "TopicData": [
        {"Name": world.own_topics[0], "PartitionData": [{"Index": 0, "Records": records}]}]})
    with contextlib.ExitStack() as held, limited(world, producer_byte_rate=1):
        wires = [held.enter_context(world.wire(record=False)) for _ in range(100)]
        for w in wires:
            w.send("Produce", 9, body=frame)
            for _ in range(3):
                w.send("Metadata", 9, {"Topics": []})
        told = [w.receive()["ThrottleTimeMs"] for w in wires]
        expect("all but those that credit was left for are told to wait", sum(ms > 1000 for ms in told), {99, 100})
        with world.stack.globex.wire() as other:
            for _ in range(20):
                expect("the victim's", other.request("Metadata", 9, {"Topics": [{"Name": v.topic}]})["Topics"][0]["ErrorCode"], 0)
