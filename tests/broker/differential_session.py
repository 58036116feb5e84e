"""The session of differential.py: a bit of everything that a client asks of a cluster, as it goes and as it fails."""
import itertools
import time
import uuid

from runner import kw, stack

MINE = "differ-"
A, B, NEW, MISSING = (MINE + x for x in ("a", "b", "new", "missing"))
CLASSIC, STATIC, MODERN, PATTERN, SHARE, STREAMS, TXN = (MINE + x for x in "classic static modern pattern share streams txn".split())
NOBODY = uuid.UUID(int=77)
TOPIC, BROKER, GROUP = 2, 4, 32
NOW_MS = int(time.time() * 1000)  # the same on both sides, and within retention.ms
ACCEPT = 1


def batch(*values, **more):
    return kw.batch([v.encode() for v in values], timestamp_ms=NOW_MS, **more)


def topic(name, partitions=1, configs=(), **more):
    return {"Name": name, "NumPartitions": partitions, "ReplicationFactor": 1, "Configs": [{"Name": k, "Value": v} for k, v in configs], **more}


def ids(side):
    """name -> topic id of this side."""
    with side.tenant.wire() as w:
        return {t["Name"]: t["TopicId"] for t in w.request("Metadata", 12, {"Topics": [{"Name": n} for n in (A, B)]})["Topics"]}


def led(side, **named):
    """Waits until these topics, by a word behind MINE, have so many partitions with leaders, and for everybody."""
    want = {MINE + k.replace("_", "-"): n for k, n in named.items()}
    side.ask("Metadata", {"Topics": [{"Name": n} for n in want]}, 12, note=False, until=lambda r: want == {
        t["Name"]: sum(p["LeaderId"] >= 0 and not p["ErrorCode"] for p in t["Partitions"]) for t in r["Topics"]})


# ---- topics and what describes them ------------------------------------------------------------------------------------

def topics(side):
    side.every("CreateTopics", lambda v: {"timeoutMs": 10000, "validateOnly": True, "Topics": [topic(MINE + "tried", 3)]})
    side.ask("CreateTopics", {"timeoutMs": 10000, "Topics": [
        topic(A, 2, [("retention.ms", "600000"), ("max.message.bytes", "2000000")]),
        topic(B, -1, ReplicationFactor=-1)]})
    led(side, a=2, b=1)
    by_hand = topic(NEW, -1, ReplicationFactor=-1, Assignments=[{"PartitionIndex": 0, "BrokerIds": [1]}])
    side.every("CreateTopics", {"timeoutMs": 10000, "validateOnly": True, "Topics": [by_hand]}, label="by hand")
    for bad in (topic(A), topic(""), topic("."), topic("sl/ash"), topic("x" * 250), topic(NEW, 0), topic(NEW, ReplicationFactor=7),
                topic(NEW, configs=[("no.such", "1")]),
                topic(NEW, configs=[("retention.ms", "often")]), topic(NEW, configs=[("cleanup.policy", None)])):
        side.ask("CreateTopics", {"timeoutMs": 10000, "Topics": [bad]})
    side.ask("CreateTopics", {"timeoutMs": 10000, "Topics": [topic(NEW), topic(NEW, 2)]})
    by_name = [{"Name": n} for n in (A, B, MISSING, "sl/ash")]
    for more in ({}, {"IncludeTopicAuthorizedOperations": True, "IncludeClusterAuthorizedOperations": True}):
        side.every("Metadata", lambda v, more=more: {"Topics": by_name, "AllowAutoTopicCreation": False, **more}, 4)
        side.every("Metadata", lambda v, more=more: {"Topics": None, **more}, 1)
    side.ask("Metadata", {"Topics": [{"Name": None, "TopicId": i} for i in (*ids(side).values(), NOBODY)]})
    side.ask("Metadata", {"Topics": [{"Name": A, "TopicId": ids(side)[A]}]})
    side.every("DescribeTopicPartitions", {"Topics": by_name})
    side.ask("DescribeTopicPartitions", {"Topics": by_name[:2], "ResponsePartitionLimit": 1})
    side.ask("DescribeTopicPartitions", {"Topics": by_name[:2], "Cursor": {"TopicName": A, "PartitionIndex": 1}})
    for kind in (1, 2, 3):
        side.every("DescribeCluster", {"EndpointType": kind, "IncludeClusterAuthorizedOperations": True})
    for name, count in ((A, 2), (A, 1), (B, 2), (MISSING, 2), (B, -1)):
        side.every("CreatePartitions", {"TimeoutMs": 10000, "ValidateOnly": True, "Topics": [{"Name": name, "Count": count, "Assignments": None}]})
    side.ask("CreatePartitions", {"TimeoutMs": 10000, "Topics": [{"Name": B, "Count": 2, "Assignments": None}]})
    led(side, b=2)
    side.ask("DescribeTopicPartitions", {"Topics": by_name[1:2]})
    by_hand = {"Name": B, "Count": 3, "Assignments": [{"BrokerIds": [1]}]}
    side.every("CreatePartitions", {"TimeoutMs": 10000, "ValidateOnly": True, "Topics": [by_hand]}, label="by hand")


def configs(side):
    one = [{"ResourceType": TOPIC, "ResourceName": A, "ConfigurationKeys": None},
           {"ResourceType": TOPIC, "ResourceName": B, "ConfigurationKeys": ["retention.ms", "no.such"]},
           {"ResourceType": TOPIC, "ResourceName": MISSING}, {"ResourceType": TOPIC, "ResourceName": "sl/ash"},
           {"ResourceType": GROUP, "ResourceName": CLASSIC}]
    for more in ({}, {"IncludeSynonyms": True}, {"IncludeDocumentation": True}):
        side.every("DescribeConfigs", {"Resources": one, **more}, 1 + 2 * ("IncludeDocumentation" in more))
    for resource, name, op, value in (
            (TOPIC, "retention.ms", 0, "700000"), (TOPIC, "cleanup.policy", 2, "compact"), (TOPIC, "cleanup.policy", 3, "compact"),
            (TOPIC, "retention.ms", 2, "1"), (TOPIC, "no.such", 0, "1"), (TOPIC, "retention.ms", 0, "often"), (TOPIC, "max.message.bytes", 1, None),
            (TOPIC, "retention.ms", 9, "1"), (GROUP, "consumer.session.timeout.ms", 0, "50000"), (GROUP, "no.such", 0, "1")):
        change = {"Resources": [{"ResourceType": resource, "ResourceName": A if resource == TOPIC else MODERN,
                                 "Configs": [{"Name": name, "ConfigOperation": op, "Value": value}]}]}
        side.every("IncrementalAlterConfigs", change, label="odd operation" if op == 9 else "")
    side.every("AlterConfigs", {"Resources": [{"ResourceType": TOPIC, "ResourceName": B, "Configs": [{"Name": "retention.ms", "Value": "800000"}]},
                                              {"ResourceType": TOPIC, "ResourceName": MISSING, "Configs": []}]})
    for name, value in ((A, "700000"), (B, "800000")):
        asked = {"Resources": [{"ResourceType": TOPIC, "ResourceName": name, "ConfigurationKeys": ["retention.ms"]}]}
        side.ask("DescribeConfigs", asked, until=lambda r, value=value: r["Results"][0]["Configs"][0]["Value"] == value)
    side.ask("DescribeConfigs", {"Resources": [{"ResourceType": GROUP, "ResourceName": MODERN, "ConfigurationKeys": None}]},
             until=lambda r: "50000" in {c["Value"] for c in r["Results"][0]["Configs"]})
    for kinds in ([TOPIC], [GROUP], [BROKER], [77]):
        side.ask("ListConfigResources", {"ResourceTypes": kinds})
    side.ask("ListPartitionReassignments", {"TimeoutMs": 1000, "Topics": None})


# ---- records ---------------------------------------------------------------------------------------------------------

def by(version, first_with_ids, key, name, topic_id):
    return {"TopicId": topic_id} if version >= first_with_ids else {key: name}


def records(side):
    known = {**ids(side), MISSING: NOBODY}

    def produce(v, acks=-1, records=None):
        return {"Acks": acks, "TimeoutMs": 5000, "TopicData": [{**by(v, 13, "Name", n, known[n]), "PartitionData": [
            {"Index": i, "Records": records or batch(f"{n} v{v}", "and one more")} for i in parts]} for n, parts in ((A, (0, 1, 9)), (MISSING, (0,)))]}
    side.every("Produce", produce)
    for acks, data in ((1, None), (7, None), (-1, batch("broken")[:-1] + b"!"), (-1, batch("x" * 3_000_000)),
                       (-1, batch("x", producer_id=123456, producer_epoch=0, base_sequence=5))):
        side.ask("Produce", produce(13, acks, data))

    side.every("Produce", lambda v: {"Acks": -1, "TimeoutMs": 5000, "TopicData": [{**by(v, 13, "Name", A, known[A]), "PartitionData": [
        {"Index": 0, "Records": b"\0" * 80}]}]}, label="no batch")

    def fetch(v, at=0, wait_ms=0, isolation=0, most=1 << 20):
        return {"MaxWaitMs": wait_ms, "MinBytes": 1, "MaxBytes": 1 << 20, "IsolationLevel": isolation, "SessionEpoch": -1, "Topics": [
            {**by(v, 13, "Topic", n, known[n]), "Partitions": [
                {"Partition": i, "FetchOffset": at, "CurrentLeaderEpoch": epoch, "LastFetchedEpoch": -1, "PartitionMaxBytes": most}
                for i, epoch in parts]} for n, parts in ((A, ((0, -1), (1, 5), (9, -1))), (MISSING, ((0, -1),)))]}
    side.every("Fetch", fetch)
    for more in ({"at": 3}, {"at": 1000}, {"at": -5}, {"isolation": 1}, {"most": 1}):
        side.every("Fetch", lambda v, more=more: fetch(v, **more), 12, 13)
    sessions(side, known)
    for at in (-1, -2, -3, -4, -5, -9, NOW_MS, NOW_MS + 1):
        side.every("ListOffsets", lambda v, at=at: {"ReplicaId": -1, "Topics": [{"Name": n, "Partitions": [
            {"PartitionIndex": i, "Timestamp": at, "CurrentLeaderEpoch": -1} for i in (0, 9)]} for n in (A, MISSING)]})
    side.every("OffsetForLeaderEpoch", {"ReplicaId": -1, "Topics": [{"Topic": n, "Partitions": [
        {"Partition": i, "CurrentLeaderEpoch": -1, "LeaderEpoch": e} for i, e in ((0, 0), (1, 9), (9, 0))]} for n in (A, MISSING)]})
    for at in (2, 1000, -1):
        side.every("DeleteRecords", {"TimeoutMs": 5000, "Topics": [{"Name": n, "Partitions": [{"PartitionIndex": i, "Offset": at} for i in (1, 9)]}
                                                                   for n in (A, MISSING)]})
    side.ask("Fetch", fetch(13))
    side.ask("DescribeProducers", {"Topics": [{"Name": n, "PartitionIndexes": [0, 9]} for n in (A, MISSING, "sl/ash")]})
    side.every("DescribeLogDirs", {"Topics": [{"Topic": A, "Partitions": [0, 1]}, {"Topic": MISSING, "Partitions": [0]}]})


def sessions(side, known):
    """A fetch session: begun, gone on with, with a wrong epoch, unknown, ended."""
    whole = [{"TopicId": known[A], "Partitions": [{"Partition": i, "FetchOffset": 0, "PartitionMaxBytes": 1 << 20} for i in (0, 1)]}]

    def ask(session, epoch, asked):
        return side.ask("Fetch", {"MaxWaitMs": 0, "MinBytes": 1, "MaxBytes": 1 << 20, "SessionId": session, "SessionEpoch": epoch, "Topics": asked}, 13)
    mine = ask(0, 0, whole)["SessionId"]
    ask(mine, 1, [{"TopicId": known[A], "Partitions": [{"Partition": 0, "FetchOffset": 4, "PartitionMaxBytes": 1 << 20}]}])
    ask(mine, 2, [])
    ask(mine, 9, [])
    ask(12345, 1, [])
    ask(mine, -1, [])


# ---- classic groups --------------------------------------------------------------------------------------------------

def subscription(*names):
    return kw.encode_embedded("ConsumerProtocolSubscription", 1, {"Topics": list(names), "UserData": None, "OwnedPartitions": []})


def assignment(name, *parts):
    return kw.encode_embedded("ConsumerProtocolAssignment", 0, {"AssignedPartitions": [{"Topic": name, "Partitions": list(parts)}], "UserData": None})


def join(member, *names, **more):
    return {"GroupId": CLASSIC, "SessionTimeoutMs": 30000, "RebalanceTimeoutMs": 30000, "MemberId": member, "GroupInstanceId": None,
            "ProtocolType": "consumer", "Protocols": [{"Name": "range", "Metadata": subscription(*names)}], "Reason": "it is time", **more}


def classic(side):
    for kind, key in ((0, CLASSIC), (1, TXN)):
        side.every("FindCoordinator", {"KeyType": kind, "Key": key, "CoordinatorKeys": [key]}, low=1)
    for bad in ({"GroupId": ""}, {"Protocols": []}, {"SessionTimeoutMs": 1}, {"MemberId": "nobody"}):
        side.ask("JoinGroup", {**join("", A), **bad})
    me = side.ask("JoinGroup", join("", A))["MemberId"]
    mine = {"GroupId": CLASSIC, "MemberId": me}
    at = side.ask("JoinGroup", join(me, A))["GenerationId"]
    side.ask("SyncGroup", {**mine, "GenerationId": at, "ProtocolType": "consumer", "ProtocolName": "range",
                           "Assignments": [{"MemberId": me, "Assignment": assignment(A, 0, 1)}]})
    for generation, member in ((at, me), (at + 1, me), (at, "nobody")):
        side.every("Heartbeat", {"GroupId": CLASSIC, "MemberId": member, "GenerationId": generation})
    views(side, CLASSIC)
    at = rebalance(side, me, at)
    offsets(side, CLASSIC, at, me)
    side.ask("OffsetDelete", {"GroupId": CLASSIC, "Topics": [{"Name": n, "Partitions": [{"PartitionIndex": 0}]} for n in (A, B, MISSING)]})
    side.ask("DeleteGroups", {"GroupsNames": [CLASSIC, MISSING, ""]})
    side.ask("LeaveGroup", {"GroupId": CLASSIC, "Members": [{"MemberId": me, "Reason": "done"}, {"MemberId": "nobody"}]})
    views(side, CLASSIC)


def rebalance(side, me, at):
    """A second member comes on another connection, gets one of the partitions, and leaves. -> the generation then"""
    with side.tenant.wire(client_id="second") as w:
        other = side.ask("JoinGroup", join("", A), wire=w)["MemberId"]
        w.send("JoinGroup", 9, join(other, A))
        side.ask("Heartbeat", {"GroupId": CLASSIC, "MemberId": me, "GenerationId": at}, until=lambda r: r["ErrorCode"] == 27)
        led_by = side.ask("JoinGroup", join(me, A))
        side.note("JoinGroup of the second", w.receive())
        sync = {"GroupId": CLASSIC, "GenerationId": led_by["GenerationId"], "ProtocolType": "consumer", "ProtocolName": "range"}
        side.ask("SyncGroup", {**sync, "MemberId": me, "Assignments": [{"MemberId": m, "Assignment": assignment(A, i)} for i, m in enumerate((me, other))]})
        side.ask("SyncGroup", {**sync, "MemberId": other, "Assignments": []}, wire=w)
        views(side, CLASSIC)
        side.ask("LeaveGroup", {"GroupId": CLASSIC, "Members": [{"MemberId": other}]}, wire=w)
    side.ask("Heartbeat", {"GroupId": CLASSIC, "MemberId": me, "GenerationId": led_by["GenerationId"]}, until=lambda r: r["ErrorCode"] == 27)
    at = side.ask("JoinGroup", join(me, A))["GenerationId"]
    side.ask("SyncGroup", {**sync, "GenerationId": at, "MemberId": me, "Assignments": [{"MemberId": me, "Assignment": assignment(A, 0, 1)}]})
    return at


def views(side, group):
    side.every("DescribeGroups", {"Groups": [group, MISSING], "IncludeAuthorizedOperations": True})
    side.every("ListGroups", {})


def offsets(side, group, epoch, member):
    known = {**ids(side), MISSING: NOBODY}

    def commit(v, epoch=epoch, member=member):
        return {"GroupId": group, "GenerationIdOrMemberEpoch": epoch, "MemberId": member, "Topics": [
            {**by(v, 10, "Name", n, known[n]), "Partitions": [{"PartitionIndex": i, "CommittedOffset": v, "CommittedLeaderEpoch": 0,
                                                               "CommittedMetadata": f"by v{v}"} for i in (0, 9)]} for n in (A, B, MISSING)]}
    side.every("OffsetCommit", commit)
    side.ask("OffsetCommit", commit(10, epoch + 1))
    side.ask("OffsetCommit", commit(10, epoch, "nobody"))

    def asked(v, all_of_them=False):
        named = None if all_of_them else [{**by(v, 10, "Name", n, known[n]), "PartitionIndexes": [0, 9]} for n in (A, MISSING)]
        return {"GroupId": group, "Topics": named, "Groups": [
            {"GroupId": g, "Topics": named, "MemberId": None, "MemberEpoch": -1} for g in (group, "nobody")]}
    side.every("OffsetFetch", asked)
    side.every("OffsetFetch", lambda v: asked(v, True), 2)


def static(side):
    """Members with an instance id: joining again, fenced, leaving by it."""
    def enter(member, **more):
        return side.ask("JoinGroup", {**join(member, A, GroupInstanceId="machine", **more), "GroupId": STATIC}, until=lambda r: r["ErrorCode"] != 79)
    first = enter("")
    mine = {"GroupId": STATIC, "GroupInstanceId": "machine"}
    said = {"ProtocolType": "consumer", "ProtocolName": "range"}
    side.ask("SyncGroup", {**mine, **said, "MemberId": first["MemberId"], "GenerationId": first["GenerationId"],
                           "Assignments": [{"MemberId": first["MemberId"], "Assignment": assignment(A, 0, 1)}]})
    again = enter("")  # it came up anew: the same generation, another member id
    side.every("SyncGroup", {**mine, **said, "MemberId": again["MemberId"], "GenerationId": again["GenerationId"], "Assignments": []}, low=5)
    for member in (first["MemberId"], again["MemberId"]):  # the first one is fenced
        side.every("Heartbeat", {**mine, "MemberId": member, "GenerationId": again["GenerationId"]}, low=3)
    side.ask("OffsetCommit", {**mine, "MemberId": first["MemberId"], "GenerationIdOrMemberEpoch": again["GenerationId"], "Topics": [
        {"Name": A, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 1, "CommittedMetadata": ""}]}]}, 9)
    side.every("DescribeGroups", {"Groups": [STATIC]}, low=4)
    for instance in ("machine", "machine", "nobody"):
        side.ask("LeaveGroup", {"GroupId": STATIC, "Members": [{"MemberId": "", "GroupInstanceId": instance}]})


# ---- groups of KIP-848 -----------------------------------------------------------------------------------------------

def modern(side):
    member = str(uuid.UUID(int=848))
    mine = {"GroupId": MODERN, "MemberId": member, "RebalanceTimeoutMs": 30000, "TopicPartitions": []}
    for bad in ({"GroupId": ""}, {"SubscribedTopicNames": None}, {"MemberEpoch": 7}, {"ServerAssignor": "none"}, {"RebalanceTimeoutMs": -1}):
        side.every("ConsumerGroupHeartbeat", {**mine, "MemberEpoch": 0, "SubscribedTopicNames": [A], **bad})
    side.ask("ConsumerGroupHeartbeat", {**mine, "MemberId": "", "MemberEpoch": 0, "SubscribedTopicNames": [A]})
    r = side.ask("ConsumerGroupHeartbeat", {**mine, "MemberEpoch": 0, "SubscribedTopicNames": [A, MISSING]})
    owned = r["Assignment"]["TopicPartitions"]
    r = side.ask("ConsumerGroupHeartbeat", {**mine, "MemberEpoch": r["MemberEpoch"], "TopicPartitions": owned})
    side.every("ConsumerGroupDescribe", {"GroupIds": [MODERN, CLASSIC, MISSING, ""], "IncludeAuthorizedOperations": True})
    views(side, MODERN)
    offsets(side, MODERN, r["MemberEpoch"], member)
    side.ask("ConsumerGroupHeartbeat", {**mine, "MemberEpoch": r["MemberEpoch"], "SubscribedTopicNames": [], "SubscribedTopicRegex": "(",
                                        "TopicPartitions": None})
    r = side.ask("ConsumerGroupHeartbeat", {**mine, "MemberEpoch": -1})
    side.every("ConsumerGroupDescribe", {"GroupIds": [MODERN]})
    by_pattern(side, {**mine, "GroupId": PATTERN})
    side.ask("OffsetDelete", {"GroupId": MODERN, "Topics": [{"Name": A, "Partitions": [{"PartitionIndex": 0}]}]})


def by_pattern(side, mine):
    """A member with an instance id and a pattern, which is given the topics that match."""
    mine = {**mine, "InstanceId": "machine", "SubscribedTopicNames": [], "SubscribedTopicRegex": f"{MINE}[a-z]"}
    at = side.ask("ConsumerGroupHeartbeat", {**mine, "MemberEpoch": 0}, note=False)["MemberEpoch"]
    beat = {**mine, "SubscribedTopicNames": None, "SubscribedTopicRegex": None}
    r = side.ask("ConsumerGroupHeartbeat", {**beat, "MemberEpoch": at}, note=False, until=lambda r: (r["Assignment"] or {}).get("TopicPartitions"))
    side.note("ConsumerGroupHeartbeat", {"Assignment": r["Assignment"]})
    beat |= {"MemberEpoch": r["MemberEpoch"], "TopicPartitions": r["Assignment"]["TopicPartitions"]}
    side.ask("ConsumerGroupHeartbeat", beat, note=False)
    side.ask("ConsumerGroupDescribe", {"GroupIds": [PATTERN]}, until=lambda r: r["Groups"][0]["GroupState"] == "Stable")
    for member, epoch in ((str(uuid.UUID(int=849)), 0), (mine["MemberId"], -2), (mine["MemberId"], -1)):  # another one of that instance; it leaves
        side.ask("ConsumerGroupHeartbeat", {**mine, "MemberId": member, "MemberEpoch": epoch})


# ---- transactions ----------------------------------------------------------------------------------------------------

def transactions(side):
    known = ids(side)
    for bad in ({"TransactionalId": ""}, {"TransactionTimeoutMs": 0}, {"TransactionTimeoutMs": 1 << 30}, {"ProducerId": 5, "ProducerEpoch": -1}):
        side.every("InitProducerId", {"TransactionalId": TXN, "TransactionTimeoutMs": 60000, "ProducerId": -1, "ProducerEpoch": -1, **bad})
    side.every("InitProducerId", {"TransactionalId": None, "TransactionTimeoutMs": 60000, "ProducerId": -1, "ProducerEpoch": -1})
    for older in (True, False):
        for committed in (True, False):
            transaction(side, known, older, committed)
    # wrong hands
    for who in ({"ProducerId": 999999, "ProducerEpoch": 0}, {"ProducerId": -1, "ProducerEpoch": -1}):
        side.every("AddOffsetsToTxn", {"TransactionalId": TXN, "GroupId": CLASSIC, **who})
        side.every("EndTxn", {"TransactionalId": TXN, "Committed": True, **who})
    for isolation in (0, 1):
        side.ask("Fetch", {"MaxWaitMs": 0, "MinBytes": 1, "MaxBytes": 1 << 20, "IsolationLevel": isolation, "SessionEpoch": -1, "Topics": [
            {"TopicId": known[B], "Partitions": [{"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 1 << 20}]}]}, 13)


def transaction(side, known, older, committed):
    """One, by the steps of older producers or of KIP-890's."""
    v = {"InitProducerId": 4, "Produce": 11, "AddOffsetsToTxn": 3, "TxnOffsetCommit": 3, "EndTxn": 4} if older else {}
    ask = lambda api, value: side.ask(api, value, v.get(api))  # noqa: E731
    r = ask("InitProducerId", {"TransactionalId": TXN, "TransactionTimeoutMs": 60000, "ProducerId": -1, "ProducerEpoch": -1})
    who = {"ProducerId": r["ProducerId"], "ProducerEpoch": r["ProducerEpoch"]}
    mine = {"TransactionalId": TXN, **who}
    if older:
        side.ask("AddPartitionsToTxn", {**{"V3AndBelow" + k: x for k, x in mine.items()}, "V3AndBelowTopics": [
            {"Name": B, "Partitions": [0]}, {"Name": MISSING, "Partitions": [0]}]}, 3)
        side.ask("AddPartitionsToTxn", {**{"V3AndBelow" + k: x for k, x in mine.items()}, "V3AndBelowTopics": [{"Name": B, "Partitions": [0]}]}, 3)
    data = batch(f"in a transaction, {committed}", attributes=kw.TRANSACTIONAL, producer_id=who["ProducerId"], producer_epoch=who["ProducerEpoch"],
                 base_sequence=0)
    ask("Produce", {"TransactionalId": TXN, "Acks": -1, "TimeoutMs": 5000, "TopicData": [
        {**by(11 if older else 13, 13, "Name", B, known[B]), "PartitionData": [{"Index": 0, "Records": data}]}]})
    if older:
        ask("AddOffsetsToTxn", {**mine, "GroupId": CLASSIC})
    ask("TxnOffsetCommit", {**mine, "GroupId": CLASSIC, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
        {"Name": n, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 3, "CommittedMetadata": ""}]} for n in (B, MISSING)]})
    side.ask("DescribeTransactions", {"TransactionalIds": [TXN, MISSING, ""]})
    for more in ({}, {"StateFilters": ["Ongoing", "Odd"]}, {"TransactionalIdPattern": f"{MINE}.*"}, {"ProducerIdFilters": [who["ProducerId"]]}):
        side.ask("ListTransactions", {"DurationFilter": -1, **more})
    side.ask("DescribeProducers", {"Topics": [{"Name": B, "PartitionIndexes": [0]}]})
    ask("EndTxn", {**mine, "Committed": committed})
    side.ask("DescribeTransactions", {"TransactionalIds": [TXN]}, until=lambda r: "Complete" in r["TransactionStates"][0]["TransactionState"])
    side.ask("OffsetFetch", {"Groups": [{"GroupId": CLASSIC, "Topics": None}], "RequireStable": True}, 9,
             until=lambda r: r["Groups"][0]["ErrorCode"] == 0 and not any(p["ErrorCode"] for t in r["Groups"][0]["Topics"] for p in t["Partitions"]))


def group_config(side, group, name, value):
    side.ask("IncrementalAlterConfigs", {"Resources": [{"ResourceType": GROUP, "ResourceName": group, "Configs": [
        {"Name": name, "ConfigOperation": 0, "Value": value}]}]})
    side.ask("DescribeConfigs", {"Resources": [{"ResourceType": GROUP, "ResourceName": group, "ConfigurationKeys": [name]}]},
             until=lambda r: r["Results"][0]["Configs"][0]["Value"] == value)


# ---- share groups ----------------------------------------------------------------------------------------------------

def sharing(side):
    member, topic_id = str(uuid.UUID(int=932)), ids(side)[B]
    group_config(side, SHARE, "share.auto.offset.reset", "earliest")
    mine = {"GroupId": SHARE, "MemberId": member}
    for bad in ({"GroupId": ""}, {"MemberId": ""}, {"MemberEpoch": 5}, {"SubscribedTopicNames": None}):
        side.ask("ShareGroupHeartbeat", {**mine, "MemberEpoch": 0, "SubscribedTopicNames": [B], **bad})
    at = side.ask("ShareGroupHeartbeat", {**mine, "MemberEpoch": 0, "SubscribedTopicNames": [B, MISSING]}, note=False)["MemberEpoch"]
    at = side.ask("ShareGroupHeartbeat", {**mine, "MemberEpoch": at}, note=False,
                  until=lambda r: (r["Assignment"] or {}).get("TopicPartitions"))["MemberEpoch"]
    side.ask("ShareGroupHeartbeat", {**mine, "MemberEpoch": at})
    side.ask("ShareGroupDescribe", {"GroupIds": [SHARE, CLASSIC, MISSING, ""], "IncludeAuthorizedOperations": True})
    views(side, SHARE)
    shared(side, mine, topic_id)
    side.ask("ShareGroupHeartbeat", {**mine, "MemberEpoch": -1})
    for asked in ([{"TopicName": B, "Partitions": [0]}], None):  # a partition that there is not, a broker never answers for
        side.every("DescribeShareGroupOffsets", {"Groups": [{"GroupId": g, "Topics": asked} for g in (SHARE, MISSING)]})
    for at in (1, -7):
        side.ask("AlterShareGroupOffsets", {"GroupId": SHARE, "Topics": [
            {"TopicName": n, "Partitions": [{"PartitionIndex": i, "StartOffset": at} for i in (0, 9)]} for n in (B, MISSING)]})
    side.ask("DeleteShareGroupOffsets", {"GroupId": SHARE, "Topics": [{"TopicName": n} for n in (B, MISSING)]})
    side.ask("ShareGroupDescribe", {"GroupIds": [SHARE]})


def shared(side, mine, topic_id):
    """A share session: records acquired, accepted, released, come again; and what is wrong with one."""
    with side.tenant.wire(client_id="share") as w:
        def ask(api, epoch, acks=None, topics=True, **more):
            parts = [{"PartitionIndex": 0, "AcknowledgementBatches": [
                {"FirstOffset": a, "LastOffset": b, "AcknowledgeTypes": [k]} for a, b, k in acks or ()]}]
            return side.ask(api, {**mine, "ShareSessionEpoch": epoch, "MaxWaitMs": 500, "MinBytes": 1, "MaxBytes": 1 << 20, "MaxRecords": 100,
                                  "BatchSize": 100, "Topics": [{"TopicId": topic_id, "Partitions": parts}] if topics else []}, wire=w, **more)

        def has(r):
            return any(p["AcquiredRecords"] for t in r["Responses"] for p in t["Partitions"])
        ask("ShareFetch", 5)
        ask("ShareFetch", -2)
        ask("ShareAcknowledge", 0, [(0, 0, ACCEPT)])
        epochs = itertools.count()

        def comes():  # the group's beginning is read from its coordinator first
            at = next(epochs)
            r = ask("ShareFetch", at, topics=at == 0, note=False)
            return r if has(r) else None
        side.note("ShareFetch", stack.wait_until("records are acquired", comes, 30, 0))
        at = next(epochs)
        ask("ShareAcknowledge", at, [(0, 0, ACCEPT)])
        ask("ShareAcknowledge", at + 1, [(0, 0, ACCEPT)])
        ask("ShareAcknowledge", at + 2, [(0, 0, 9)])
        ask("ShareAcknowledge", -1, [])


# ---- streams groups ---------------------------------------------------------------------------------------------------

def streams(side):
    """A topology whose source is there gets its tasks; one whose source is missing is told so; and what is no topology."""
    def beat(epoch, source=A, member=str(uuid.UUID(int=1071)), **more):
        part = {"SubtopologyId": "0", "SourceTopics": [source], "SourceTopicRegex": [], "StateChangelogTopics": [], "RepartitionSinkTopics": [],
                "RepartitionSourceTopics": [], "CopartitionGroups": []}
        first = {"ProcessId": str(uuid.UUID(int=1)), "ActiveTasks": [], "StandbyTasks": [], "WarmupTasks": [], "ClientTags": [],
                 "RebalanceTimeoutMs": 30000, "Topology": {"Epoch": 0, "Subtopologies": [part]}} if epoch == 0 else {}
        return {"GroupId": STREAMS, "MemberId": member, "MemberEpoch": epoch, "EndpointInformationEpoch": 0, **first, **more}
    group_config(side, STREAMS, "streams.initial.rebalance.delay.ms", "0")
    for bad in ({"GroupId": ""}, {"member": ""}, {"epoch": 5}, {"Topology": None}, {"ActiveTasks": None}, {"RebalanceTimeoutMs": -1}):
        side.ask("StreamsGroupHeartbeat", beat(**{"epoch": 0, **bad}))
    side.ask("StreamsGroupHeartbeat", beat(0, MISSING, GroupId=f"{STREAMS}-2"))
    side.ask("StreamsGroupHeartbeat", {**beat(-1), "GroupId": f"{STREAMS}-2"})
    r = side.ask("StreamsGroupHeartbeat", beat(0), note=False)
    if not r["ActiveTasks"]:
        r = side.ask("StreamsGroupHeartbeat", beat(r["MemberEpoch"]), note=False, until=lambda r: r["ActiveTasks"])
    side.note("StreamsGroupHeartbeat", {"ActiveTasks": r["ActiveTasks"]})
    side.ask("StreamsGroupDescribe", {"GroupIds": [STREAMS, CLASSIC, MISSING, ""], "IncludeAuthorizedOperations": True})
    side.ask("StreamsGroupHeartbeat", beat(-1))
    views(side, STREAMS)


# ---- the end ---------------------------------------------------------------------------------------------------------

def deletion(side):
    side.every("DeleteGroups", {"GroupsNames": [MISSING]})
    side.ask("DeleteGroups", {"GroupsNames": [CLASSIC, STATIC, MODERN, PATTERN, SHARE, STREAMS, MISSING, ""]})
    views(side, CLASSIC)
    known = ids(side)
    side.every("DeleteTopics", {"TimeoutMs": 10000, "TopicNames": [MISSING, "sl/ash"], "Topics": [{"Name": MISSING}, {"Name": "sl/ash"}]})
    side.ask("DeleteTopics", {"TimeoutMs": 10000, "Topics": [{"Name": A, "TopicId": known[A]}, {"Name": None}, {"Name": None, "TopicId": NOBODY}]})
    side.ask("DeleteTopics", {"TimeoutMs": 10000, "Topics": [{"Name": A}, {"Name": None, "TopicId": known[B]}]})
    side.ask("Metadata", {"Topics": [{"Name": n} for n in (A, B)]}, until=lambda r: [3, 3] == [t["ErrorCode"] for t in r["Topics"]])
    side.ask("Metadata", {"Topics": None}, until=lambda r: not any(t["Name"].startswith(MINE) for t in r["Topics"]))


PARTS = (topics, configs, records, classic, static, modern, transactions, sharing, streams)
