"""Attacks by hand: what a tenant that knows the victim's names and ids would try, and what must come back."""

import time
import uuid

import kafkawire as kw

CASES = []
UNKNOWN_TOPIC, TOPIC_DENIED, INVALID_TOPIC, UNKNOWN_ID, INVALID_REQUEST, POLICY = 3, 29, 17, 100, 42, 44
DENIED_CLUSTER = 31
METADATA_TOPIC_ID = uuid.UUID(int=1)
ZERO = uuid.UUID(int=0)


def case(title):
    def note(fn):
        CASES.append((title, fn))
        return fn

    return note


def expect(what, found, wanted):
    wanted = wanted if isinstance(wanted, (set, tuple, list)) else {wanted}
    if found not in wanted:
        raise AssertionError(f"{what}: found {found!r}, expected {' or '.join(map(repr, sorted(wanted, key=str)))}")


def closes(world, send):
    """send(wire) must end the connection without an answer."""
    wire = world.attacker()
    try:
        send(wire)
        try:
            raw = wire.receive_frame()
        except kw.Closed:
            return
        except TimeoutError:
            raise AssertionError("the connection stayed open") from None
        raise AssertionError(f"an answer came: {raw[:40]!r}")
    finally:
        world.lost(wire)


# ---- metadata --------------------------------------------------------------------------------------

@case("Metadata by the victim's physical name finds nothing")
def _(world, v):
    for version in range(4, 14):
        with world.wire() as w:
            t = w.request("Metadata", version, {"Topics": [{"Name": v.physical(v.topic)}]})["Topics"]
            expect(f"v{version}", [x["ErrorCode"] for x in t], [[UNKNOWN_TOPIC]])


@case("Metadata by the victim's topic id, the offsets topic's and KRaft's own is an unknown id")
def _(world, v):
    for version in (12, 13):
        for topic_id in (v.topic_id, world.offsets_id, METADATA_TOPIC_ID):
            with world.wire() as w:
                t = w.request("Metadata", version, {"Topics": [{"TopicId": topic_id, "Name": None}]})["Topics"]
                expect(f"v{version} {topic_id}", [(x["ErrorCode"], x["Name"]) for x in t], [[(UNKNOWN_ID, None)]])


@case("Metadata of all topics, in each way of asking, shows own topics only")
def _(world, v):
    for version, topics in ((0, []), (1, None), (4, None), (9, None), (12, None), (13, None)):
        with world.wire() as w:
            names = {t["Name"] for t in w.request("Metadata", version, {"Topics": topics})["Topics"]}
            expect(f"v{version}", names, [set(world.own_topics)])


@case("Metadata creates nothing, whatever it says")
def _(world, v):
    name = "not-there"
    for version in range(0, 14):
        value = {"Topics": [{"Name": name}]}
        if version >= 4:
            value["AllowAutoTopicCreation"] = True
        with world.wire() as w:
            expect(f"v{version}", w.request("Metadata", version, value)["Topics"][0]["ErrorCode"], UNKNOWN_TOPIC)
    with world.physical() as p:
        t = p.request("Metadata", 12, {"Topics": [{"Name": "acme." + name}], "AllowAutoTopicCreation": False})["Topics"]
        expect("on the cluster", t[0]["ErrorCode"], UNKNOWN_TOPIC)


@case("Metadata that mixes a foreign id with an own name survives")
def _(world, v):
    with world.wire() as w:
        t = w.request("Metadata", 12, {"Topics": [{"TopicId": v.topic_id, "Name": None},
                                                  {"TopicId": ZERO, "Name": world.own_topics[0]}]})["Topics"]
        expect("the id", [x["ErrorCode"] for x in t if x["TopicId"] == v.topic_id], [[UNKNOWN_ID]])


@case("the cluster id is the tenant's own and the same everywhere")
def _(world, v):
    with world.wire() as w:
        a = w.request("Metadata", 9, {"Topics": []})["ClusterId"]
        b = w.request("DescribeCluster", 0, {})["ClusterId"]
        expect("DescribeCluster", b, a)
        if a == world.cluster_id:
            raise AssertionError("it is the physical cluster's")
        if a == world.victims_cluster_id:
            raise AssertionError("it is the victim's")


@case("brokers are at virtual addresses only")
def _(world, v):
    with world.wire() as w:
        found = [(b["Host"], b["Port"]) for b in w.request("Metadata", 9, {"Topics": []})["Brokers"]]
        found += [(b["Host"], b["Port"]) for b in w.request("DescribeCluster", 1, {})["Brokers"]]
        for key_type in (0, 1):
            for c in w.request("FindCoordinator", 4, {"KeyType": key_type, "CoordinatorKeys": ["a", "b"]})["Coordinators"]:
                found.append((c["Host"], c["Port"]))
        for _, port in found:
            expect("port", port, world.virtual_ports | {-1})


# ---- produce and fetch -------------------------------------------------------------------------------

def produce(topic, acks=1, batch=None, txn=None):
    part = {"Index": 0, "Records": batch or kw.batch([(b"k", b"attack")])}
    return {"Acks": acks, "TimeoutMs": 5000, "TransactionalId": txn, "TopicData": [dict(topic, PartitionData=[part])]}


@case("Produce to the victim's topic id, and to the offsets topic's as __admin_client, is an unknown id")
def _(world, v):
    for client_id in ("kafkawire", "__admin_client"):
        for topic_id in (v.topic_id, world.offsets_id, ZERO):
            with world.wire(client_id=client_id) as w:
                r = w.request("Produce", 13, produce({"TopicId": topic_id}))["Responses"]
                expect(f"{client_id} {topic_id}", r[0]["PartitionResponses"][0]["ErrorCode"], UNKNOWN_ID)


@case("Produce by the victim's physical name finds nothing")
def _(world, v):
    for version in range(3, 13):
        with world.wire() as w:
            r = w.request("Produce", version, produce({"Name": v.physical(v.topic)}))["Responses"]
            expect(f"v{version}", r[0]["PartitionResponses"][0]["ErrorCode"], UNKNOWN_TOPIC)


@case("a refused Produce with acks=0 ends the connection and writes nothing")
def _(world, v):
    closes(world, lambda w: (w.send("Produce", 13, produce({"TopicId": v.topic_id}, acks=0), expect_reply=False),
                             w.send("Metadata", 9, {"Topics": []})))


@case("a transactional batch without a transactional id is refused")
def _(world, v):
    batch = kw.batch([(b"k", b"v")], attributes=16, producer_id=1, producer_epoch=0, base_sequence=0)
    with world.wire() as w:
        r = w.request("Produce", 9, produce({"Name": world.own_topics[0]}, batch=batch))["Responses"]
        expect("error", r[0]["PartitionResponses"][0]["ErrorCode"], {53, INVALID_REQUEST, 87, 48})


def fetch(topics, version, **more):
    value = {"MaxWaitMs": 100, "MinBytes": 0, "MaxBytes": 1 << 20, "Topics": topics}
    if version <= 14:
        value["ReplicaId"] = -1
    if version >= 7:
        value.update(SessionId=0, SessionEpoch=-1, ForgottenTopicsData=[])
    value.update(more)
    return value


def fetch_topic(version, name, topic_id):
    part = [{"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 1 << 20}]
    return {"TopicId": topic_id, "Partitions": part} if version >= 13 else {"Topic": name, "Partitions": part}


@case("Fetch of the victim's topic by name or id brings an error and no record")
def _(world, v):
    for version in range(4, 19):
        with world.wire() as w:
            r = w.request("Fetch", version, fetch([fetch_topic(version, v.physical(v.topic), v.topic_id)], version))
            part = r["Responses"][0]["Partitions"][0]
            expect(f"v{version}", part["ErrorCode"], UNKNOWN_ID if version >= 13 else UNKNOWN_TOPIC)
            expect(f"v{version} records", part["Records"] or b"", [b""])


@case("Fetch of internal topics by id is an unknown id")
def _(world, v):
    with world.wire() as w:
        r = w.request("Fetch", 13, fetch([fetch_topic(13, "", world.offsets_id)], 13))
        expect("error", r["Responses"][0]["Partitions"][0]["ErrorCode"], UNKNOWN_ID)


def opened(w, version, topic):
    """A full fetch that opens a session; -> its id."""
    r = w.request("Fetch", version, fetch([topic], version, SessionEpoch=0))
    expect("opening", (r["ErrorCode"], r["SessionId"] != 0), [(0, True)])
    return r["SessionId"]


def goes_on(p, version, theirs, epoch):
    r = p.request("Fetch", version, fetch([], version, SessionId=theirs, SessionEpoch=epoch))
    expect("the victim's session afterwards", (r["ErrorCode"], r["SessionId"]), [(0, theirs)])


@case("fetch sessions: the victim's number, the gateway's as the broker's, opens, closes and changes nothing")
def _(world, v):
    for version in (7, 12, 13, 18):
        victims = fetch_topic(version, v.topic, v.topic_id)
        physical = fetch_topic(version, v.physical(v.topic), v.topic_id)
        # as the victim's client has one, and as it is at the broker, which knows no connections: both numbers at once
        with world.stack.globex.wire() as b, world.physical() as p, world.wire() as w:
            for holder, theirs in ((b, opened(b, version, victims)), (p, opened(p, version, physical))):
                for epoch in (1, 2, 3):
                    r = w.request("Fetch", version, fetch([], version, SessionId=theirs, SessionEpoch=epoch))
                    expect(f"v{version}, joining", (r["ErrorCode"], r["Responses"]), [(70, [])])
                for epoch in (0, -1):
                    r = w.request("Fetch", version, fetch([], version, SessionId=theirs, SessionEpoch=epoch))
                    expect(f"v{version}, epoch {epoch}", (r["ErrorCode"], r["SessionId"]), [(0, 0)])
                for epoch in (0, 1):
                    w.request("Fetch", version, fetch([], version, SessionId=theirs, SessionEpoch=epoch, ForgottenTopicsData=[
                        {k: t for k, t in physical.items() if k != "Partitions"} | {"Partitions": [0]}]))
                goes_on(holder, version, theirs, 1)


@case("fetch sessions: a number is good on its own connection only")
def _(world, v):
    for version in (7, 18):
        own = fetch_topic(version, world.own_topics[0], world.own_ids[world.own_topics[0]])
        with world.wire() as w, world.wire() as other:
            mine = opened(w, version, own)
            r = other.request("Fetch", version, fetch([], version, SessionId=mine, SessionEpoch=1))
            expect(f"v{version}", r["ErrorCode"], 70)
            other.request("Fetch", version, fetch([own], version, SessionId=mine, SessionEpoch=0))
            goes_on(w, version, mine, 1)


@case("fetch sessions: the victim's topic neither comes into an own one nor leaves the victim's")
def _(world, v):
    for version in (7, 12, 13, 18):
        own = fetch_topic(version, world.own_topics[0], world.own_ids[world.own_topics[0]])
        theirs = fetch_topic(version, v.physical(v.topic), v.topic_id)
        forgotten = [{k: t for k, t in theirs.items() if k != "Partitions"} | {"Partitions": [0]}]
        with world.physical() as p, world.wire() as w:
            physical = opened(p, version, theirs)
            mine = opened(w, version, own)
            r = w.request("Fetch", version, fetch([], version, SessionId=mine, SessionEpoch=1, ForgottenTopicsData=forgotten))
            expect(f"v{version}, forgetting", (r["ErrorCode"], r["Responses"]), [(0, [])])
            r = w.request("Fetch", version, fetch([theirs], version, SessionId=mine, SessionEpoch=2))
            found = [(q["ErrorCode"], q["Records"] or b"") for t in r["Responses"] for q in t["Partitions"]]
            expect(f"v{version}, adding", found, [[(UNKNOWN_ID if version >= 13 else UNKNOWN_TOPIC, b"")]])
            goes_on(p, version, physical, 1)


@case("fetch sessions: an own one as a follower brings no record")
def _(world, v):
    own = fetch_topic(18, world.own_topics[0], world.own_ids[world.own_topics[0]])
    with world.wire() as w:
        mine = opened(w, 18, own)
        r = w.request("Fetch", 18, fetch([own], 18, SessionId=mine, SessionEpoch=1, ReplicaState={"ReplicaId": 1, "ReplicaEpoch": 1}))
        expect("code", [q["ErrorCode"] for t in r["Responses"] for q in t["Partitions"]], [[TOPIC_DENIED]])
        goes_on(w, 18, mine, 1)


@case("a replica id in Fetch opens nothing")
def _(world, v):
    for replica in (0, 1, -2, -3):
        with world.wire() as w:
            r = w.request("Fetch", 12, fetch([fetch_topic(12, world.own_topics[0], ZERO)], 12, ReplicaId=replica))
            part = r["Responses"][0]["Partitions"][0]
            expect(f"replica {replica}", part["ErrorCode"], {0, TOPIC_DENIED})
            if part["ErrorCode"] == TOPIC_DENIED:
                expect("records", part["Records"] or b"", [b""])


@case("ListOffsets and OffsetForLeaderEpoch of the victim's physical name find nothing")
def _(world, v):
    with world.wire() as w:
        for version in range(1, w.version("ListOffsets") + 1):
            part = {"PartitionIndex": 0, "Timestamp": -1}
            r = w.request("ListOffsets", version, {"ReplicaId": -1, "Topics": [{"Name": v.physical(v.topic), "Partitions": [part]}]})
            expect(f"ListOffsets v{version}", r["Topics"][0]["Partitions"][0]["ErrorCode"], UNKNOWN_TOPIC)
        part = {"Partition": 0, "CurrentLeaderEpoch": -1, "LeaderEpoch": 0}
        r = w.request("OffsetForLeaderEpoch", 3, {"ReplicaId": -1, "Topics": [{"Topic": v.physical(v.topic), "Partitions": [part]}]})
        expect("OffsetForLeaderEpoch", r["Topics"][0]["Partitions"][0]["ErrorCode"], UNKNOWN_TOPIC)


# ---- topics ---------------------------------------------------------------------------------------------

@case("DeleteTopics by the victim's id, by both, by neither")
def _(world, v):
    with world.wire() as w:
        def code(topic):
            return w.request("DeleteTopics", 6, {"Topics": [topic], "TimeoutMs": 5000})["Responses"][0]["ErrorCode"]
        expect("by id", code({"Name": None, "TopicId": v.topic_id}), UNKNOWN_ID)
        expect("by physical name", code({"Name": v.physical(v.topic), "TopicId": ZERO}), UNKNOWN_TOPIC)
    for topic in ({"Name": "x", "TopicId": v.topic_id}, {"Name": None, "TopicId": ZERO}):
        with world.wire() as w:
            expect(str(topic), w.request("DeleteTopics", 6, {"Topics": [topic], "TimeoutMs": 5000})["Responses"][0]["ErrorCode"],
                   {INVALID_REQUEST, UNKNOWN_ID})


@case("CreateTopics with names that a prefix would make legal, or that are too long")
def _(world, v):
    for name in ("", ".", "..", "a" * 249, "a/b", "a b", "ä"):
        with world.wire() as w:
            r = w.request("CreateTopics", 7, {"Topics": [{"Name": name, "NumPartitions": 1, "ReplicationFactor": 1}], "timeoutMs": 5000})
            expect(repr(name), r["Topics"][0]["ErrorCode"], INVALID_TOPIC)


@case("CreateTopics with settings that cost others, and with assignments by hand")
def _(world, v):
    for config in ("remote.storage.enable", "diskless.enable", "unclean.leader.election.enable"):
        with world.wire() as w:
            t = {"Name": "policy-" + config, "NumPartitions": 1, "ReplicationFactor": 1, "Configs": [{"Name": config, "Value": "true"}]}
            expect(config, w.request("CreateTopics", 7, {"Topics": [t], "timeoutMs": 5000})["Topics"][0]["ErrorCode"], POLICY)
    with world.wire() as w:
        t = {"Name": "by-hand", "NumPartitions": -1, "ReplicationFactor": -1, "Assignments": [{"PartitionIndex": 0, "BrokerIds": [1]}]}
        expect("assignment", w.request("CreateTopics", 7, {"Topics": [t], "timeoutMs": 5000})["Topics"][0]["ErrorCode"],
               {INVALID_REQUEST, POLICY, 39})


@case("a topic whose name differs from the victim's only in '.' and '_' can be created")
def _(world, v):
    name = v.topic.replace("-", "_")
    with world.wire() as w:
        r = w.request("CreateTopics", 7, {"Topics": [{"Name": name, "NumPartitions": 1, "ReplicationFactor": 1}], "timeoutMs": 5000})
        expect("error", r["Topics"][0]["ErrorCode"], 0)
        w.request("DeleteTopics", 6, {"Topics": [{"Name": name, "TopicId": ZERO}], "TimeoutMs": 5000})


@case("CreatePartitions, DescribeConfigs and IncrementalAlterConfigs of the victim's physical name")
def _(world, v):
    with world.wire() as w:
        name = v.physical(v.topic)
        r = w.request("CreatePartitions", 3, {"Topics": [{"Name": name, "Count": 9, "Assignments": None}], "TimeoutMs": 5000, "ValidateOnly": False})
        expect("CreatePartitions", r["Results"][0]["ErrorCode"], UNKNOWN_TOPIC)
        r = w.request("DescribeConfigs", 4, {"Resources": [{"ResourceType": 2, "ResourceName": name, "ConfigurationKeys": None}]})
        expect("DescribeConfigs", r["Results"][0]["ErrorCode"], UNKNOWN_TOPIC)
        change = [{"Name": "retention.ms", "ConfigOperation": 0, "Value": "1"}]
        r = w.request("IncrementalAlterConfigs", 1, {"Resources": [{"ResourceType": 2, "ResourceName": name, "Configs": change}], "ValidateOnly": False})
        expect("IncrementalAlterConfigs", r["Responses"][0]["ErrorCode"], UNKNOWN_TOPIC)


@case("DescribeTopicPartitions: pages of own topics, cursors that name others")
def _(world, v):
    with world.wire() as w:
        seen, cursor = [], None
        for _ in range(len(world.own_topics) * 4 + 8):
            r = w.request("DescribeTopicPartitions", 0, {"Topics": [], "ResponsePartitionLimit": 1, "Cursor": cursor})
            seen += [t["Name"] for t in r["Topics"]]
            cursor = r["NextCursor"] and {"TopicName": r["NextCursor"]["TopicName"], "PartitionIndex": r["NextCursor"]["PartitionIndex"]}
            if cursor is None:
                break
        expect("the end", cursor, None)
        expect("topics", set(seen), [set(world.own_topics)])
    for name in (v.physical(v.topic), "!", "zzzz"):
        wire = world.wire()
        try:
            r = wire.request("DescribeTopicPartitions", 0, {"Topics": [], "ResponsePartitionLimit": 10, "Cursor": {"TopicName": name, "PartitionIndex": 0}})
            if not {t["Name"] for t in r["Topics"]} <= set(world.own_topics):
                raise AssertionError(f"cursor {name}: {r['Topics']}")
        except kw.Closed:
            pass
        finally:
            wire.close()


# ---- groups ------------------------------------------------------------------------------------------------

@case("the victim's group, by either name, is an own empty one")
def _(world, v):
    for group in (v.group, v.physical(v.group)):
        with world.wire() as w:
            r = w.request("OffsetFetch", 9, {"Groups": [{"GroupId": group, "MemberId": None, "MemberEpoch": -1, "Topics": None}], "RequireStable": False})
            expect(f"{group}: topics", r["Groups"][0]["Topics"], [[]])
            part = {"PartitionIndex": 0, "CommittedOffset": 7, "CommittedLeaderEpoch": -1, "CommittedMetadata": ""}
            r = w.request("OffsetCommit", 9, {"GroupId": group, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [{"Name": v.topic, "Partitions": [part]}]})
            expect("committing", r["Topics"][0]["Partitions"][0]["ErrorCode"], UNKNOWN_TOPIC)
            r = w.request("OffsetCommit", 10, {"GroupId": group, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [{"TopicId": v.topic_id, "Partitions": [part]}]})
            expect("committing by id", r["Topics"][0]["Partitions"][0]["ErrorCode"], UNKNOWN_ID)
            d = w.request("DescribeGroups", 6, {"Groups": [group]})["Groups"][0]
            expect("members", d["Members"], [[]])
            expect("name", d["GroupId"], group)
            d = w.request("ConsumerGroupDescribe", 0, {"GroupIds": [group]})["Groups"][0]
            expect("ConsumerGroupDescribe", d["ErrorCode"], 69)


@case("ListGroups shows own groups only, on every virtual broker")
def _(world, v):
    for node in world.nodes:
        with world.wire(node=node) as w:
            for version in range(0, w.version("ListGroups") + 1):
                filters = [{}] + [{"StatesFilter": x} for x in (["Empty"], ["stable", "Empty"], ["%"], [v.physical(v.group)]) if version >= 4]
                filters += [{"TypesFilter": x} for x in (["classic"], ["consumer", "share", "streams"], [v.group]) if version >= 5]
                for value in filters * 2:  # the second time from what was asked for all tenants
                    for g in w.request("ListGroups", version, value)["Groups"]:
                        if g["GroupId"] not in world.own_groups:
                            raise AssertionError(f"node {node} v{version} {value}: {g['GroupId']}")


@case("DeleteGroups and OffsetDelete of the victim's group, by either name, find no group")
def _(world, v):
    for group in (v.hidden_group, v.physical(v.group), v.physical(v.consumer_group)):
        with world.coordinator(group) as w:
            for version in range(w.version("DeleteGroups") + 1):
                r = w.request("DeleteGroups", version, {"GroupsNames": [group]})["Results"]
                expect(f"DeleteGroups v{version}", [(x["GroupId"], x["ErrorCode"]) for x in r], [[(group, 69)]])
            r = w.request("OffsetDelete", 0, {"GroupId": group, "Topics": [{"Name": v.physical(v.topic), "Partitions": [{"PartitionIndex": 0}]}]})
            expect("OffsetDelete", r["ErrorCode"], 69)


@case("OffsetDelete of a topic that the classic group subscribes to is refused with 86, of the victim's with 3")
def _(world, v):
    group, topic = "own-protected", world.own_topics[0]
    with world.coordinator(group) as w:
        r = join(w, group, subscription([topic]))
        r = join(w, group, subscription([topic]), r["MemberId"]) if r["ErrorCode"] == 79 else r
        expect("join", r["ErrorCode"], 0)
        assignment = kw.encode_embedded("ConsumerProtocolAssignment", 0, {"AssignedPartitions": [{"Topic": topic, "Partitions": [0]}], "UserData": None})
        s = w.request("SyncGroup", 5, {"GroupId": group, "GenerationId": r["GenerationId"], "MemberId": r["MemberId"], "GroupInstanceId": None,
                                       "ProtocolType": "consumer", "ProtocolName": "range",
                                       "Assignments": [{"MemberId": r["MemberId"], "Assignment": assignment}]})
        expect("sync", s["ErrorCode"], 0)
        r2 = w.request("OffsetDelete", 0, {"GroupId": group, "Topics": [{"Name": n, "Partitions": [{"PartitionIndex": 0}]}
                                                                       for n in (topic, v.physical(v.topic))]})
        expect("codes", {t["Name"]: t["Partitions"][0]["ErrorCode"] for t in r2["Topics"]}, [{topic: 86, v.physical(v.topic): UNKNOWN_TOPIC}])
        w.request("LeaveGroup", 4, {"GroupId": group, "Members": [{"MemberId": r["MemberId"], "GroupInstanceId": None}]})


def subscription(topics):
    return kw.encode_embedded("ConsumerProtocolSubscription", 1, {"Topics": topics, "UserData": None, "OwnedPartitions": []})


def join(w, group, metadata, member=""):
    return w.request("JoinGroup", 7, {"GroupId": group, "SessionTimeoutMs": 10000, "RebalanceTimeoutMs": 10000, "MemberId": member,
                                      "GroupInstanceId": None, "ProtocolType": "consumer",
                                      "Protocols": [{"Name": "range", "Metadata": metadata}]})


@case("JoinGroup with subscription bytes that cannot be read: 23, and the connection lives")
def _(world, v):
    good = subscription([world.own_topics[0]])
    with world.wire() as w:
        for bad in (b"\0", good[:-3], good[:2] + b"\x7f\xff\xff\xff" + good[6:], b"\0\1\xff\xff\xff\xfe", subscription(["a" * 249])):
            expect(bad[:12].hex(), join(w, "own-malformed", bad)["ErrorCode"], 23)
        expect("afterwards", w.request("Metadata", 9, {"Topics": []})["ClusterId"] is not None, True)


@case("a classic group that assigns the victim's physical topic gets a name that does not exist")
def _(world, v):
    with world.coordinator("own-classic") as w:
        r = join(w, "own-classic", subscription([v.physical(v.topic)]))
        if r["ErrorCode"] == 79:
            r = join(w, "own-classic", subscription([v.physical(v.topic)]), r["MemberId"])
        expect("join", r["ErrorCode"], 0)
        expect("what the leader sees", kw.decode_embedded("ConsumerProtocolSubscription", r["Members"][0]["Metadata"])["Topics"],
               [[v.physical(v.topic)]])
        assignment = kw.encode_embedded("ConsumerProtocolAssignment", 0, {
            "AssignedPartitions": [{"Topic": v.physical(v.topic), "Partitions": [0]}], "UserData": None})
        s = w.request("SyncGroup", 5, {"GroupId": "own-classic", "GenerationId": r["GenerationId"], "MemberId": r["MemberId"],
                                       "GroupInstanceId": None, "ProtocolType": "consumer", "ProtocolName": "range",
                                       "Assignments": [{"MemberId": r["MemberId"], "Assignment": assignment}]})
        expect("sync", s["ErrorCode"], 0)
        expect("assignment", s["Assignment"], [assignment])
        with world.physical() as p:
            d = p.request("DescribeGroups", 5, {"Groups": ["acme.own-classic"]})["Groups"][0]
            theirs = kw.decode_embedded("ConsumerProtocolSubscription", d["Members"][0]["MemberMetadata"])["Topics"]
            expect("what the broker reads", theirs, [["acme." + v.physical(v.topic)]])
        w.request("LeaveGroup", 4, {"GroupId": "own-classic", "Members": [{"MemberId": r["MemberId"], "GroupInstanceId": None}]})


def heartbeat(group, member, **more):
    return dict({"GroupId": group, "MemberId": member, "MemberEpoch": 0, "InstanceId": None, "RackId": None, "RebalanceTimeoutMs": 10000,
                 "SubscribedTopicNames": [], "SubscribedTopicRegex": None, "ServerAssignor": None, "TopicPartitions": []}, **more)


def assigned(w, group, member, r):
    """Topic ids of what a member is given in a few heartbeats."""
    ids = set()
    for _ in range(40):
        ids |= {t["TopicId"] for t in (r["Assignment"] or {}).get("TopicPartitions", [])}
        if ids:
            break
        time.sleep(0.05)
        r = w.request("ConsumerGroupHeartbeat", 1, heartbeat(group, member, MemberEpoch=r["MemberEpoch"], SubscribedTopicNames=None,
                                                             TopicPartitions=None, RebalanceTimeoutMs=-1))
        expect("heartbeat", r["ErrorCode"], 0)
    w.request("ConsumerGroupHeartbeat", 1, heartbeat(group, member, MemberEpoch=-1))
    return ids


@case("ConsumerGroupHeartbeat: patterns that close the group around them are refused with 128")
def _(world, v):
    with world.coordinator("own-new") as w:
        for regex in (")|(?:.*", "a)(?:b", ")|.*|(", r"x\E.*", "\\", "(?i", "[", r"\C*", "(?P<n>.*", "((a{1000}){1000}){1000}", "(" * 300):
            r = w.request("ConsumerGroupHeartbeat", 1, heartbeat("own-new", str(uuid.uuid4()), SubscribedTopicRegex=regex))
            expect(regex, r["ErrorCode"], 128)
            expect(f"{regex}: assignment", r["Assignment"], [None])


@case("ConsumerGroupHeartbeat: whatever a pattern says, own topics only are assigned")
def _(world, v):
    with world.wire() as w:
        own = {t["TopicId"] for t in w.request("Metadata", 12, {"Topics": None})["Topics"]}
    for i, regex in enumerate((".*", "(?i).*", "x|.*", "^.*$", "(?s).*", "(?P<n>.*)", r"(?:^|)*.*", f"{v.tenant}.*|.*", r".*\Q",
                               f"^{v.physical(v.topic)}$|{world.own_topics[0]}", "(?U).*", r"\A.*\z")):
        group, member = f"own-pattern-{i}", str(uuid.uuid4())
        with world.coordinator(group) as w:
            r = w.request("ConsumerGroupHeartbeat", 1, heartbeat(group, member, SubscribedTopicRegex=regex))
            expect(regex, (r["ErrorCode"], r["ErrorMessage"]), [(0, None)])
            with world.physical() as p:
                d = p.request("ConsumerGroupDescribe", 1, {"GroupIds": [f"acme.{group}"]})["Groups"][0]["Members"][0]
                sent = d["SubscribedTopicRegex"]
            d = w.request("ConsumerGroupDescribe", 1, {"GroupIds": [group]})["Groups"][0]["Members"][0]
            expect("what the member wrote", d["SubscribedTopicRegex"], regex)
            ids = assigned(w, group, member, r)
            if not ids <= own:
                raise AssertionError(f"{regex} (sent as {sent}): assigned {ids - own}")
            if i == 0 and not ids:
                raise AssertionError(f"{regex} (sent as {sent}): nothing is assigned")


@case("ConsumerGroupHeartbeat that subscribes to the victim's names or owns its id is assigned nothing of it")
def _(world, v):
    with world.coordinator("own-new2") as w:
        member = str(uuid.uuid4())
        r = w.request("ConsumerGroupHeartbeat", 1, heartbeat("own-new2", member, SubscribedTopicNames=[v.topic, v.physical(v.topic)],
                                                             TopicPartitions=[{"TopicId": v.topic_id, "Partitions": [0]}]))
        for t in (r["Assignment"] or {}).get("TopicPartitions", []):
            raise AssertionError(f"assigned {t}")
        w.request("ConsumerGroupHeartbeat", 1, heartbeat("own-new2", member, MemberEpoch=-1))


def share_fetch(w, version, group, member, epoch, topics, forgotten=()):
    """topics: {(id, partition): acknowledged offset or None}; -> the answer."""
    return w.request("ShareFetch", version, {
        "GroupId": group, "MemberId": member, "ShareSessionEpoch": epoch, "MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1 << 20,
        "MaxRecords": 10, "BatchSize": 10, "Topics": share_topics(topics),
        "ForgottenTopicsData": [{"TopicId": t, "Partitions": [i]} for t, i in forgotten]})


def share_topics(topics):
    return [{"TopicId": t, "Partitions": [{"PartitionIndex": i, "AcknowledgementBatches": [] if at is None else [
        {"FirstOffset": at, "LastOffset": at, "AcknowledgeTypes": [1]}]}]} for (t, i), at in topics.items()]


def share_answers(r):
    """{(id, partition): (code, acknowledgement's code, records)}"""
    return {(t["TopicId"], p["PartitionIndex"]): (p["ErrorCode"], p["AcknowledgeErrorCode"], p["Records"] or b"")
            for t in r["Responses"] for p in t["Partitions"]}


def victims_share(world, v, b, version):
    """The victim's member holds the planted record of its topic."""
    for epoch in range(100):
        r = share_fetch(b, version, v.share_group, v.share_member, epoch, {(v.topic_id, 0): None} if epoch == 0 else {})
        expect("the victim's fetch", r["ErrorCode"], 0)
        if share_answers(r).get((v.topic_id, 0), (0, 0, b""))[2]:
            return epoch + 1
    raise AssertionError("the victim got no record")


@case("share sessions: the victim's topic id and offsets under the victim's group and member, an unknown id; its records stay its own")
def _(world, v):
    theirs = (v.topic_id, 0)
    for version in (1, 2):
        with world.stack.globex.wire() as b, world.wire() as w:
            epoch = victims_share(world, v, b, version)
            for group in (v.share_group, v.physical(v.share_group), "mine"):
                r = share_fetch(w, version, group, v.share_member, 0, {theirs: None, (METADATA_TOPIC_ID, 0): None, (world.offsets_id, 0): None})
                expect(f"v{version} {group}", (r["ErrorCode"], set(share_answers(r).values())), [(0, {(UNKNOWN_ID, 0, b"")})])
                r = share_fetch(w, version, group, v.share_member, 1, {theirs: 0}, [theirs])
                expect("acknowledged beside it", share_answers(r)[theirs], [(0, UNKNOWN_ID, b"")])
                r = w.request("ShareAcknowledge", version, {"GroupId": group, "MemberId": v.share_member, "ShareSessionEpoch": 2,
                                                            "Topics": share_topics({theirs: 0})})
                expect("acknowledged", [(t["TopicId"], p["ErrorCode"]) for t in r["Responses"] for p in t["Partitions"]],
                       [[(v.topic_id, UNKNOWN_ID)]])
                share_fetch(w, version, group, v.share_member, -1, {})
            r = share_fetch(b, version, v.share_group, v.share_member, epoch, {theirs: None})
            expect("the victim's session goes on", r["ErrorCode"], 0)
            r = b.request("ShareAcknowledge", version, {
                "GroupId": v.share_group, "MemberId": v.share_member, "ShareSessionEpoch": epoch + 1, "Topics": [{
                    "TopicId": v.topic_id, "Partitions": [{"PartitionIndex": 0, "AcknowledgementBatches": [
                        {"FirstOffset": 0, "LastOffset": 0, "AcknowledgeTypes": [2]}]}]}]})
            expect("the victim still holds it", [(r["ErrorCode"], p["ErrorCode"]) for t in r["Responses"] for p in t["Partitions"]], [[(0, 0)]])
            share_fetch(b, version, v.share_group, v.share_member, -1, {})


@case("share sessions: the victim's member id under an own group is an own session; another connection's is none")
def _(world, v):
    own = (world.own_ids[world.own_topics[0]], 0)
    for version in (1, 2):
        with world.stack.globex.wire() as b, world.wire() as w, world.wire() as other:
            epoch = victims_share(world, v, b, version)
            for group in ("mine", v.share_group):
                for x in (-1, 1, epoch):
                    expect("joining", share_fetch(w, version, group, v.share_member, x, {})["ErrorCode"], 122)
                expect("an own one", share_fetch(w, version, group, v.share_member, 0, {own: None})["ErrorCode"], 0)
                for x in (-1, 1):
                    expect("on another connection", share_fetch(other, version, group, v.share_member, x, {})["ErrorCode"], 122)
                r = share_fetch(w, version, group, v.share_member, 1, {})
                expect("going on", (r["ErrorCode"], [k for k in share_answers(r) if k != own]), [(0, [])])
                share_fetch(w, version, group, v.share_member, -1, {})
            expect("the victim's goes on", share_fetch(b, version, v.share_group, v.share_member, epoch, {})["ErrorCode"], 0)
            share_fetch(b, version, v.share_group, v.share_member, -1, {})


@case("share groups: the victim's, by either name, is none, is given nothing of the victim's, and begins nowhere")
def _(world, v):
    with world.coordinator("mine") as w:
        for group in (v.share_group, v.physical(v.share_group)):
            g = w.request("ShareGroupDescribe", 1, {"GroupIds": [group], "IncludeAuthorizedOperations": True})["Groups"][0]
            expect("describe", (g["GroupId"], g["ErrorCode"], g["Members"]), [(group, 69, [])])
            g = w.request("DescribeShareGroupOffsets", 1, {"Groups": [{"GroupId": group, "Topics": None}]})["Groups"][0]
            expect("offsets", (g["GroupId"], g["Topics"]), [(group, [])])
            for topic in (v.topic, v.physical(v.topic)):
                r = w.request("AlterShareGroupOffsets", 0, {"GroupId": group, "Topics": [
                    {"TopicName": topic, "Partitions": [{"PartitionIndex": 0, "StartOffset": 0}]}]})
                found = {r["ErrorCode"]} | {p["ErrorCode"] for t in r["Responses"] for p in t["Partitions"]}
                expect(f"alter {topic}", found <= {0, UNKNOWN_TOPIC, 69} and found != {0}, True)
                r = w.request("DeleteShareGroupOffsets", 0, {"GroupId": group, "Topics": [{"TopicName": topic}]})
                found = {r["ErrorCode"]} | {t["ErrorCode"] for t in r["Responses"]}
                expect(f"delete {topic}", found <= {0, UNKNOWN_TOPIC, 69} and found != {0}, True)
            r = w.request("ShareGroupHeartbeat", 1, {"GroupId": group, "MemberId": v.share_member, "MemberEpoch": 1, "RackId": None,
                                                     "SubscribedTopicNames": None})
            expect("going on as the victim's member", r["ErrorCode"], {25, 69, 110})
            r = w.request("ShareGroupHeartbeat", 1, {"GroupId": group, "MemberId": v.share_member, "MemberEpoch": 0, "RackId": None,
                                                     "SubscribedTopicNames": [v.topic, v.physical(v.topic)]})
            expect("subscribing to the victim's", (r["ErrorCode"], r["Assignment"] and r["Assignment"]["TopicPartitions"]), [(0, []), (0, None)])
            w.request("ShareGroupHeartbeat", 1, {"GroupId": group, "MemberId": v.share_member, "MemberEpoch": -1, "RackId": None,
                                                 "SubscribedTopicNames": None})


@case("FindCoordinator: share keys, odd types, and key texts that come back exactly")
def _(world, v):
    share = f"{v.group}:{v.topic_id}:0"
    with world.wire() as w:
        for c in w.request("FindCoordinator", 6, {"KeyType": 2, "CoordinatorKeys": [share]})["Coordinators"]:
            expect("share, v6", c["ErrorCode"], 31)
        for c in w.request("FindCoordinator", 5, {"KeyType": 2, "CoordinatorKeys": [share]})["Coordinators"]:
            expect("share, v5", c["ErrorCode"], INVALID_REQUEST)
        for c in w.request("FindCoordinator", 4, {"KeyType": 9, "CoordinatorKeys": ["x"]})["Coordinators"]:
            expect("type 9", c["ErrorCode"], INVALID_REQUEST)
        keys = ["own", "", "with space", "a:b/c", v.physical(v.group)]
        found = {c["Key"]: c["ErrorCode"] for c in w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": keys})["Coordinators"]}
        expect("keys", set(found), [set(keys)])
        expect("the empty one", found[""], 24)


@case("a classic member that joins a consumer group with the victim's physical topic is assigned nothing of it")
def _(world, v):
    group, member = "own-upgraded", str(uuid.uuid4())
    with world.coordinator(group) as w:
        r = w.request("ConsumerGroupHeartbeat", 1, heartbeat(group, member, SubscribedTopicNames=[world.own_topics[0]]))
        expect("the consumer member", r["ErrorCode"], 0)
        names = [v.physical(v.topic), v.topic]
        j = join(w, group, subscription(names))
        j = join(w, group, subscription(names), j["MemberId"]) if j["ErrorCode"] == 79 else j
        expect("the classic member", j["ErrorCode"], 0)
        with world.physical() as p:
            members = p.request("ConsumerGroupDescribe", 1, {"GroupIds": [f"acme.{group}"]})["Groups"][0]["Members"]
            found = {n for m in members for n in m["SubscribedTopicNames"]}
            expect("what the broker reads", found, [{f"acme.{world.own_topics[0]}", *(f"acme.{n}" for n in names)}])
        s = w.request("SyncGroup", 5, {"GroupId": group, "GenerationId": j["GenerationId"], "MemberId": j["MemberId"], "GroupInstanceId": None,
                                       "ProtocolType": "consumer", "ProtocolName": j["ProtocolName"], "Assignments": []})
        expect("sync", s["ErrorCode"], {0, 27})
        if s["Assignment"]:
            got = kw.decode_embedded("ConsumerProtocolAssignment", s["Assignment"])["AssignedPartitions"]
            expect("assignment", got, [[]])
        w.request("LeaveGroup", 4, {"GroupId": group, "Members": [{"MemberId": j["MemberId"], "GroupInstanceId": None}]})
        w.request("ConsumerGroupHeartbeat", 1, heartbeat(group, member, MemberEpoch=-1))


def in_transaction(world, old, new, part):
    """The same commits by TxnOffsetCommit v6, which Kafka has since 4.4."""
    txn = "own-offsets"

    def value(topic_id, who):
        return {"TransactionalId": txn, "GroupId": "own-anew", "GenerationIdOrMemberEpoch": -1, "MemberId": "", **who,
                "Topics": [{"TopicId": topic_id, "Partitions": [part]}]}
    with world.txn_coordinator(txn) as w, world.coordinator("own-anew") as g:
        r = world.settled(w, "InitProducerId", 4, {"TransactionalId": txn, "TransactionTimeoutMs": 10000, "ProducerId": -1,
                                                   "ProducerEpoch": -1}, lambda r: r["ErrorCode"])
        who = {"ProducerId": r["ProducerId"], "ProducerEpoch": r["ProducerEpoch"]}
        if world.offered()[28][1] < 6:
            closes(world, lambda w: w.send("TxnOffsetCommit", 6, value(old, who)))
            return
        found = [g.request("TxnOffsetCommit", 6, value(t, who))["Topics"][0]["Partitions"][0]["ErrorCode"] for t in (old, new)]
        expect("the old and the new one in a transaction", found, [[UNKNOWN_ID, 0]])
        w.request("EndTxn", 3, {"TransactionalId": txn, **who, "Committed": False})


@case("a topic made anew: its old id is unknown to commits")
def _(world, v):
    name = "made-anew"
    with world.coordinator("own-anew") as w:
        def create():
            t = {"Name": name, "NumPartitions": 1, "ReplicationFactor": 1}
            r = world.settled(w, "CreateTopics", 7, {"Topics": [t], "timeoutMs": 5000}, lambda r: 14 if r["Topics"][0]["ErrorCode"] == 36 else 0)
            expect("creating", r["Topics"][0]["ErrorCode"], 0)
            return r["Topics"][0]["TopicId"]
        old = create()
        w.request("DeleteTopics", 6, {"Topics": [{"Name": name, "TopicId": ZERO}], "TimeoutMs": 5000})
        new = create()
        part = {"PartitionIndex": 0, "CommittedOffset": 1, "CommittedLeaderEpoch": -1, "CommittedMetadata": ""}

        def commit(topic_id):
            r = w.request("OffsetCommit", 10, {"GroupId": "own-anew", "GenerationIdOrMemberEpoch": -1, "MemberId": "",
                                               "Topics": [{"TopicId": topic_id, "Partitions": [part]}]})
            return r["Topics"][0]["Partitions"][0]["ErrorCode"]
        world.until("the old id is unknown", lambda: commit(old) == UNKNOWN_ID)
        world.until("the new one is known", lambda: commit(new) == 0)
        in_transaction(world, old, new, part)
        w.request("DeleteTopics", 6, {"Topics": [{"Name": name, "TopicId": ZERO}], "TimeoutMs": 5000})


@case("client ids and group ids with NUL, ':', '/', much text, and what is not UTF-8")
def _(world, v):
    for client_id in ("a\0b", "a:b/../c", "x" * 32000, "%s%n\n\r"):
        with world.wire() as w:
            w.client_id = client_id  # before the login frames are small
            expect(f"client id {client_id[:8]!r}", w.request("Metadata", 9, {"Topics": []})["ClusterId"] is not None, True)
    for group in ("g\0h", "g:h/i", "..", "x" * 20000, "g\n\r\u2028"):
        with world.coordinator(group) as w:
            d = w.request("DescribeGroups", 5, {"Groups": [group]})["Groups"][0]
            expect(f"group {group[:8]!r}", (d["GroupId"], d["ErrorCode"], d["Members"]), [(group, 0, [])])
    with world.wire() as w:  # DescribeGroups v0: one string of two bytes that are not UTF-8
        w.send("DescribeGroups", 0, body=b"\0\0\0\1\0\2\xff\xfe")
        raw = w.receive_frame()
        expect("not UTF-8", raw[8:10], b"\0\x18")  # behind correlation id and count: 24


# ---- transactions ----------------------------------------------------------------------------------------------

@case("InitProducerId with the victim's id, its physical form, and an empty one; the victim is not fenced")
def _(world, v):
    with world.txn_coordinator(v.txn) as w:
        expect("own namespace", w.request("InitProducerId", 4, {"TransactionalId": v.txn, "TransactionTimeoutMs": 10000, "ProducerId": -1, "ProducerEpoch": -1})["ErrorCode"], {0, 16, 51})
    with world.wire() as w:
        expect("empty", w.request("InitProducerId", 4, {"TransactionalId": "", "TransactionTimeoutMs": 10000, "ProducerId": -1, "ProducerEpoch": -1})["ErrorCode"], INVALID_REQUEST)
    with world.physical() as p:
        d = p.request("DescribeTransactions", 0, {"TransactionalIds": [v.physical(v.txn)]})["TransactionStates"][0]
        expect("the victim's epoch", d["ProducerEpoch"], world.victims_epoch)


@case("a transaction's offsets go into the own group namespace only")
def _(world, v):
    txn, group, topic = "own-offsets", v.group, world.own_topics[0]
    world.own_groups.update((group, v.physical(group)))
    with world.txn_coordinator(txn) as w, world.coordinator(group) as g:
        for name in (group, v.physical(group)):
            r = world.settled(w, "InitProducerId", 4, {"TransactionalId": txn, "TransactionTimeoutMs": 10000, "ProducerId": -1, "ProducerEpoch": -1},
                              lambda r: r["ErrorCode"])
            who = {"TransactionalId": txn, "ProducerId": r["ProducerId"], "ProducerEpoch": r["ProducerEpoch"]}
            expect("AddOffsetsToTxn", w.request("AddOffsetsToTxn", 3, {**who, "GroupId": name})["ErrorCode"], 0)
            part = {"PartitionIndex": 0, "CommittedOffset": 3, "CommittedLeaderEpoch": -1, "CommittedMetadata": ""}
            r = world.settled(g, "TxnOffsetCommit", 3, {**who, "GroupId": name, "GenerationIdOrMemberEpoch": -1, "MemberId": "",
                                                 "GroupInstanceId": None, "Topics": [
                {"Name": topic, "Partitions": [part]}, {"Name": v.physical(v.topic), "Partitions": [part]}]},
                lambda r: r["Topics"][0]["Partitions"][0]["ErrorCode"])
            found = {t["Name"]: t["Partitions"][0]["ErrorCode"] for t in r["Topics"]}
            expect(name, found, [{topic: 0, v.physical(v.topic): UNKNOWN_TOPIC}])
            expect("EndTxn", w.request("EndTxn", 3, {**who, "Committed": True})["ErrorCode"], 0)
        for name in (group, v.physical(group)):
            world.until("the own group can go", lambda: g.request("DeleteGroups", 2, {"GroupsNames": [name]})["Results"][0]["ErrorCode"] == 0)


@case("EndTxn with the victim's producer id under an own transactional id changes nothing")
def _(world, v):
    with world.txn_coordinator("own-txn") as w:
        r = w.request("EndTxn", 3, {"TransactionalId": "own-txn", "ProducerId": world.victims_producer_id, "ProducerEpoch": world.victims_epoch, "Committed": False})
        if r["ErrorCode"] == 0:
            raise AssertionError("accepted")


@case("ListTransactions and DescribeTransactions of the victim's ids and producer show own ones only")
def _(world, v):
    own = "own-listed"
    with world.txn_coordinator(own) as w:
        r = world.settled(w, "InitProducerId", 4, {"TransactionalId": own, "TransactionTimeoutMs": 10000, "ProducerId": -1, "ProducerEpoch": -1},
                          lambda r: r["ErrorCode"])
        expect("own", r["ErrorCode"], 0)
        for version in range(w.version("ListTransactions") + 1):
            listed = w.request("ListTransactions", version, {"StateFilters": [], "ProducerIdFilters": []})["TransactionStates"]
            expect(f"v{version}: own is there", own in {t["TransactionalId"] for t in listed}, True)
            for t in listed:
                if t["TransactionalId"] == v.txn and t["ProducerId"] == world.victims_producer_id:
                    raise AssertionError(f"v{version}: {t}")
            r = w.request("ListTransactions", version, {"StateFilters": [], "ProducerIdFilters": [world.victims_producer_id]})
            expect(f"v{version}: the victim's producer", r["TransactionStates"], [[]])
        for pattern in (".*", f".*{v.txn}.*", f"{v.tenant}.*", "(?s).*", "x|.*"):
            listed = w.request("ListTransactions", 2, {"StateFilters": [], "ProducerIdFilters": [], "TransactionalIdPattern": pattern})
            ids = {t["TransactionalId"] for t in listed["TransactionStates"]}
            if not ids <= {own, "own-txn", "own-offsets", v.txn} or world.victims_producer_id in {t["ProducerId"] for t in listed["TransactionStates"]}:
                raise AssertionError(f"{pattern}: {listed}")
        for pattern in (")|(.*", ")|(?:.*", "["):
            r = w.request("ListTransactions", 2, {"StateFilters": [], "ProducerIdFilters": [], "TransactionalIdPattern": pattern})
            expect(pattern, (r["ErrorCode"], r["TransactionStates"]), [(128, [])])
        ids = [v.physical(v.txn), v.hidden_txn, ""]
        for t in w.request("DescribeTransactions", 0, {"TransactionalIds": ids})["TransactionStates"]:
            expect(f"{t['TransactionalId']}", (t["ErrorCode"], t["Topics"]), [(105 if t["TransactionalId"] else INVALID_REQUEST, [])])


# ---- what is not offered ----------------------------------------------------------------------------------------

@case("apis that are not offered end the connection: every key from -1 to 200, and 9999")
def _(world, v):
    offered = world.offered()
    for key in list(range(-1, 130)) + [200, 9999, -32768, 32767]:
        if key not in offered:
            closes(world, lambda w: w.send(key, 0, body=b""))


@case("versions beside what is offered end the connection; ApiVersions falls back")
def _(world, v):
    for key, (lo, hi) in sorted(world.offered().items()):
        for version in (hi + 1, 32767, -1):
            if key != 18:
                closes(world, lambda w: w.send(key, version, body=b"\0" * 8))
    with world.wire() as w:
        w.send_frame(b"\0\x12\0\x63\0\0\0\x07\xff\xff\0")
        raw = w.receive_frame()
        expect("correlation id and error", raw[:6], [b"\0\0\0\x07\0\x23"])


@case("Envelope around CreateTopics, share group state, raft: not offered")
def _(world, v):
    for key in (52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82, 83, 84, 85, 86, 87):
        if key in world.offered():
            raise AssertionError(f"{key} is offered")


# ---- login ----------------------------------------------------------------------------------------------------------

@case("ApiVersions v5 with the physical cluster's id, the victim's, another broker's: 129; with what the tenant was told: served")
def _(world, v):
    with world.wire() as w:
        own = w.request("Metadata", 9, {"Topics": []})["ClusterId"]
    for node in [None, *world.nodes]:
        for cluster_id, node_id, wanted in ((own, -1, 0), (own, node if node else -1, 0), (None, -1, 0), (world.cluster_id, -1, 129),
                                            (world.cluster_id, node if node else -1, 129), (world.victims_cluster_id, -1, 129), (own, 77, 129)):
            with world.wire(node=node) as w:
                r = w.request("ApiVersions", 5, {"ClientSoftwareName": "x", "ClientSoftwareVersion": "1", "ClusterId": cluster_id, "NodeId": node_id})
                expect(f"at {node}: {cluster_id}, {node_id}", r["ErrorCode"], wanted)


@case("nothing but ApiVersions and SASL before login")
def _(world, v):
    for api, value in (("Metadata", {"Topics": []}), ("Fetch", fetch([], 9)), ("ListGroups", {})):
        wire = world.raw()
        try:
            wire.send(api, 9 if api != "ListGroups" else 3, value)
            try:
                wire.receive()
            except kw.Closed:
                continue
            raise AssertionError(f"{api} was answered")
        finally:
            wire.close()


@case("SaslAuthenticate without a handshake does not log in")
def _(world, v):
    wire = world.raw()
    try:
        r = wire.request("SaslAuthenticate", 2, {"AuthBytes": b"\0alice\0x"})
        expect("error", r["ErrorCode"], 34)
    except kw.Closed:
        pass
    finally:
        wire.close()


@case("the victim's user at the attacker's door fails like a user that does not exist")
def _(world, v):
    seen = []
    for user in (world.victims_user, "nobody-" + v.topic):
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"):
            wire = world.raw()
            try:
                wire.sasl(mechanism, user, world.victims_password)
                raise AssertionError(f"{user} logged in by {mechanism}")
            except kw.SaslFailed as e:
                seen.append((mechanism, e.code, e.text, len(wire.received), len(wire.received[-1])))
            finally:
                wire.close()
    expect("what both see", seen[:3], [seen[3:]])


@case("a connection that has logged in does not become the victim's by a second login")
def _(world, v):
    wire = world.wire()
    try:
        wire.sasl(world.stack.acme.mechanism, world.victims_user, world.victims_password)
        raise AssertionError("it logged in")
    except kw.SaslFailed as e:
        expect("the code", e.code, {34, 58})
    except kw.Closed:
        pass
    finally:
        wire.close()


# ---- frames -----------------------------------------------------------------------------------------------------------

@case("malformed frames end the connection: counts, lengths, varints, tags, trailing bytes")
def _(world, v):
    good = kw.encode("Metadata", 9, "request", {"Topics": [], "AllowAutoTopicCreation": False})
    for body in (b"\xff\xff\xff\xff\x07" + good[1:], b"\x80\x80\x80\x80\x80\x01", good + b"\1", good + b"\0\0", good[:-1], good[:-1] + b"\x02\0\0\0\0",
                 good[:-1] + b"\x01\x05\xff\xff\xff\xff\x0f", b""):
        closes(world, lambda w: w.send("Metadata", 9, body=body))
    closes(world, lambda w: w.send_raw(b"\x7f\xff\xff\xff" + b"\0" * 64))
    closes(world, lambda w: w.send_raw(b"\xff\xff\xff\xff"))
    closes(world, lambda w: w.send_raw(b"\0\0\0\x04\0\x03\0\x09"))
