"""Every offered api in every offered version, beside the same request to the broker itself: well-formed, and the same answer.

Each request is made from the jar's schemas with all its fields, goes through the gateway with the tenant's names, and to
the physical cluster with names of its own. The error codes at every place must agree; DIFFERENT says where not, and why.
"""
import struct
import time

from runner import create_topic, equal, fresh, gateway, kw, produce, stack, true

GATEWAY = True

DIFFERENT = {
    ("SyncGroup", range(5)): "they do not name their protocol; the gateway knows it from the JoinGroup of that connection, or asks to join again",
} | {
    (f"{verb}DelegationToken", range(1, 4)): "the broker is asked without a login here, which it says first; with one the answers are held "
                                             "against each other by acls_as_kafka"
    for verb in ("Create", "Renew", "Expire", "Describe")
}
# What the gateway answers by itself: asked of the broker it would change the cluster, or says what only the broker has.
REFUSED = {"AlterReplicaLogDirs", "ElectLeaders", "AlterPartitionReassignments", "DescribeQuorum", "UpdateFeatures", "UnregisterBroker",
           "AddRaftVoter", "RemoveRaftVoter", "UnregisterController", "WriteTxnMarkers"}
LOCAL = {"ApiVersions", "SaslHandshake", "SaslAuthenticate"} | REFUSED


class Names:
    """What requests of one side name."""

    def __init__(self, prefix, topic, topic_id):
        self.topic, self.topic_id, self.group, self.txn, self.new = topic, topic_id, prefix + "group", prefix + "txn", 0
        self.prefix = prefix

    def picker(self, api, version):
        fixed = {"MaxWaitMs": 50, "MinBytes": 1, "MaxBytes": 1 << 20, "PartitionMaxBytes": 1 << 20, "TimeoutMs": 5000, "timeoutMs": 5000,
                 "ReplicaId": -1, "ReplicaEpoch": -1, "SessionId": 0, "SessionEpoch": -1, "Acks": -1, "CurrentLeaderEpoch": -1,
                 "LeaderEpoch": 0, "LastFetchedEpoch": -1, "LogStartOffset": -1, "FetchOffset": 0, "Timestamp": -1,
                 "MaxNumOffsets": 1, "NumPartitions": -1, "ReplicationFactor": -1, "Count": 5, "ResourceType": 2,
                 "ConfigOperation": 0, "SessionTimeoutMs": 6000, "RebalanceTimeoutMs": 2000, "GenerationId": -1,
                 "GenerationIdOrMemberEpoch": -1, "MemberEpoch": 0 if api == "ConsumerGroupHeartbeat" else -1, "ProducerId": -1, "ProducerEpoch": -1,
                 "V3AndBelowProducerId": -1, "V3AndBelowProducerEpoch": -1,
                 "TransactionTimeoutMs": 5000, "CommittedOffset": 7, "CommittedLeaderEpoch": -1, "CommitTimestamp": -1,
                 "RetentionTimeMs": -1, "ResponsePartitionLimit": 100, "KeyType": 0, "EndpointType": 1, "ShareSessionEpoch": 0,
                 "IsolationLevel": 0, "HighWatermark": 0, "CoordinatorId": 1,
                 "ResourceTypeFilter": 2, "PatternTypeFilter": 3, "ResourcePatternType": 3, "Operation": 3, "PermissionType": 3}
        texts = {"ClusterId": None, "ClientSoftwareName": "versions", "ClientSoftwareVersion": "1", "Mechanism": "PLAIN",
                 "ProtocolType": "consumer", "ProtocolName": "range", "GroupInstanceId": None, "RackId": "" if api == "Fetch" else None, "Rack": None,
                 "ServerAssignor": "range", "SubscribedTopicRegex": None, "StatesFilter": "Empty", "TypesFilter": "classic",
                 "Value": "100000000", "ConfigurationKeys": "retention.ms", "MemberId": "", "Reason": "why", "CommittedMetadata": "note",
                 "Key": self.group, "CoordinatorKeys": self.group, "TransactionalId": None if api == "Produce" else self.txn,
                 "V3AndBelowTransactionalId": self.txn, "GroupId": self.group, "Groups": self.group, "GroupIds": self.group,
                 "ResourceName": self.topic, "SubscribedTopicNames": self.topic}

        def pick(path, kind):
            last = path.rsplit(".", 1)[1]
            if kind == "string":
                if path.startswith("CreateTopicsRequest") and last == "Name":
                    return "retention.ms" if "Configs" in path else f"{self.prefix}made-{version}"
                if path.startswith("DeleteTopicsRequest"):
                    return f"{self.prefix}made-{version}"
                if path.startswith(("IncrementalAlterConfigs", "AlterConfigs")) and last == "Name":
                    return "retention.ms"
                if path.startswith("JoinGroupRequest.Protocols") and last == "Name":
                    return "range"
                return texts.get(last, self.topic)
            if kind == "uuid":
                if path.startswith("DeleteTopics") or path.startswith("MetadataRequest"):
                    return kw.ZERO_UUID
                return self.topic_id
            if kind == "records":
                return kw.batch([b"one"])
            if kind == "bytes":
                return self.bytes_of(path)
            if kind == "bool":
                return False
            return fixed.get(last, fixed.get(last[:1].lower() + last[1:], 0))
        return pick

    def bytes_of(self, path):
        if path.startswith("JoinGroup"):
            return kw.encode_embedded("ConsumerProtocolSubscription", 1, {"Topics": [self.topic]})
        if path.startswith("SyncGroup"):
            return kw.encode_embedded("ConsumerProtocolAssignment", 1, {"AssignedPartitions": [{"Topic": self.topic, "Partitions": [0]}]})
        return b""

    def request(self, api, version):
        value = kw.sample(api, version, "request", self.picker(api, version))
        if api == "CreateTopics":
            for t in value["Topics"]:
                t["Assignments"] = []
        if api == "CreatePartitions":
            for t in value["Topics"]:
                t["Assignments"] = None
        if api == "ConsumerGroupHeartbeat":
            value |= {"TopicPartitions": [], "MemberId": "" if version == 0 else "fLjDkcfPQGSWqNqjVyAg5g"}
        if api == "StreamsGroupHeartbeat":
            for part in value["Topology"]["Subtopologies"]:
                # Patterns are refused here before anything else is asked (streams.py); a config's name has to be one.
                part["SourceTopicRegex"] = []
                for topic in part["RepartitionSourceTopics"] + part["StateChangelogTopics"]:
                    topic["TopicConfigs"] = []
        if api == "Fetch" and "ForgottenTopicsData" in value:
            value["ForgottenTopicsData"] = []
        if api == "AddPartitionsToTxn" and version >= 4:
            value["Transactions"] = []
        if api == "DescribeTopicPartitions":
            value["Cursor"] = None
        if "ReplicaState" in value:
            del value["ReplicaState"]
        return value


def codes(reply):
    return [(path, v) for path, v in kw.leaves(dict(reply)) if path.rsplit(".", 1)[-1].endswith("ErrorCode")]


class Asker:
    """One connection, made anew when it was closed."""

    def __init__(self, tenant, names):
        self.tenant, self.names, self.w = tenant, names, tenant.wire()

    def ask(self, api, version):
        """-> the reply, or "closed"."""
        try:
            return self.w.request(api, version, self.names.request(api, version))
        except kw.Closed:
            self.w = self.tenant.wire()
            return "closed"

    def until_found(self, api, version):
        """Coordinators that are only just coming up answer 14, 15 or 16 for a while."""
        for _ in range(40):
            reply = self.ask(api, version)
            if reply == "closed" or not any(c in (14, 15, 16) for _, c in codes(reply)):
                break
            time.sleep(0.05)
        return reply


def offered(s):
    with s.acme.wire() as w:
        w.api_versions()
        return {kw.schemas().names[k]: span for k, span in sorted(w.ranges.items())}


def test_all(s):
    """Each api and version."""
    topic = fresh("versions")
    ours = Names("", topic, create_topic(s.acme, topic, 2))
    plain = stack.Tenant("physical", s.folder, "127.0.0.1", s.kafka.port)
    theirs = Names("plain.", "plain." + topic, create_topic(plain, "plain." + topic, 2))
    asked, wrong = 0, []
    for t, names in ((s.acme, ours), (plain, theirs)):
        with t.wire() as w:
            produce(w, names.topic, [b"zero"])
            for kind, key in ((0, names.group), (1, names.txn)):
                stack.wait_until("a coordinator", lambda: w.request("FindCoordinator", 2, {"KeyType": kind, "Key": key})["ErrorCode"] == 0)
    through, beside = Asker(s.acme, ours), Asker(plain, theirs)
    for api, (low, high) in offered(s).items():
        for version in range(low, high + 1):
            if api in LOCAL or (api == "Produce" and version < 3):
                continue
            found, expected = through.until_found(api, version), beside.until_found(api, version)
            asked += 1
            if found == "closed" or expected == "closed":
                wrong.append(f"{api} v{version}: {'gateway' if found == 'closed' else 'broker'} closed")
            elif codes(found) != codes(expected) and not any(api == a and version in v for a, v in DIFFERENT):
                wrong.append(f"{api} v{version}: {differing(codes(found), codes(expected))}")
    true(f"{len(wrong)} of {asked} differ:\n  " + "\n  ".join(wrong), not wrong)
    true(f"{asked} were asked", asked > 130)


def differing(found, expected):
    if [p for p, _ in found] != [p for p, _ in expected]:
        return f"found {found}, the broker {expected}"
    return ", ".join(f"{p}: found {a}, the broker {b}" for (p, a), (_, b) in zip(found, expected) if a != b)


def test_never_beyond_the_tables(s):
    """What is offered lies within what the schemas know, and a broker offers it."""
    with s.kafka.wire() as w:
        w.api_versions()
        broker = {kw.schemas().names[k]: span for k, span in w.ranges.items() if k in kw.schemas().names}
    for api, (low, high) in offered(s).items():
        if api in LOCAL - REFUSED:
            continue
        true(f"{api} {low}-{high}, the broker {broker.get(api)}", broker[api][0] <= low and high <= broker[api][1])


def test_not_offered(s):
    """What is not offered is refused: every other key, and the versions above and below."""
    spans = {kw.schemas().key(a): span for a, span in offered(s).items()}
    for key in list(range(-1, 100)) + [1000, 32767]:
        if key == 18:
            continue
        low, high = spans.get(key, (1, -1))
        for version in {low - 1, high + 1}:
            with s.acme.wire() as w:
                w.send_frame(struct.pack(">hhi", key, version, 7) + b"\0\1x" + b"\0" * 40)
                true(f"key {key} v{version} closes the connection", w.closed_by_peer(5))


def test_old_produce(s):
    """Produce v0 to v2 are offered for old clients' sake, and refused."""
    with s.acme.wire() as w:
        w.send("Produce", 3, body=struct.pack(">hii", 1, 1000, 0))
        w.waiting.clear()
    for version in (0, 1, 2):
        with s.acme.wire() as w:
            w.send_frame(struct.pack(">hhi", 0, version, 7) + b"\0\1x" + struct.pack(">hii", 1, 1000, 0))
            try:
                w.sock.settimeout(5)
                raw = w.receive_frame()
                equal("correlation id", 7, struct.unpack(">i", raw[:4])[0])
            except kw.Closed:
                pass


def test_api_versions_of_the_future(s):
    """ApiVersions in a version nobody knows is answered in version 0 with error 35 and what there is."""
    with s.acme.connect() as w:
        w.send_frame(struct.pack(">hhi", 18, 99, 5) + b"\0\1x\0")
        raw = w.receive_frame()
        reply = kw.decode("ApiVersions", 0, "response", raw[4:])
        equal("error", 35, reply["ErrorCode"])
        true("ApiVersions' own range is in it", any(a["ApiKey"] == 18 for a in reply["ApiKeys"]))
        equal("and then it goes on", 0, w.api_versions()["ErrorCode"])


@gateway
def test_old_clients(s):
    """The course of a client of ten years ago."""
    topic, group = fresh("old"), fresh("old-group")
    create_topic(s.acme, topic)
    with s.acme.wire() as w:
        for version in (0, 1, 4):
            found = w.request("Metadata", version, {"Topics": [{"Name": topic}]})["Topics"][0]
            equal(f"Metadata v{version}", (topic, 0, 1), (found["Name"], found["ErrorCode"], len(found["Partitions"])))
        true("Metadata v0 of all topics", topic in [t["Name"] for t in w.request("Metadata", 0, {"Topics": []})["Topics"]])
        equal("offset", 0, produce(w, topic, [b"a", b"b"], version=3))
        value = {"ReplicaId": -1, "MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1 << 20, "Topics": [{"Topic": topic, "Partitions": [
            {"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 1 << 20}]}]}
        records = w.request("Fetch", 4, value)["Responses"][0]["Partitions"][0]["Records"]
        equal("Fetch v4", [b"a", b"b"], [v for b in kw.read_batches(records) for _, _, v, _ in b["records"]])
        for timestamp, offset in ((-1, 2), (-2, 0)):
            reply = w.request("ListOffsets", 1, {"ReplicaId": -1, "Topics": [{"Name": topic, "Partitions": [
                {"PartitionIndex": 0, "Timestamp": timestamp}]}]})
            equal("ListOffsets v1", offset, reply["Topics"][0]["Partitions"][0]["Offset"])
        stack.wait_until("a coordinator", lambda: w.request("FindCoordinator", 0, {"Key": group})["ErrorCode"] == 0)
        old_group(w, topic, group)


def old_group(w, topic, group):
    """JoinGroup v0, SyncGroup v0, Heartbeat v0, OffsetCommit v2, OffsetFetch v1, LeaveGroup v0."""
    meta = kw.encode_embedded("ConsumerProtocolSubscription", 0, {"Topics": [topic]})
    join = w.request("JoinGroup", 0, {"GroupId": group, "SessionTimeoutMs": 6000, "ProtocolType": "consumer",
                                      "Protocols": [{"Name": "range", "Metadata": meta}]})
    equal("JoinGroup v0", 0, join["ErrorCode"])
    equal("its subscription", [topic], kw.decode_embedded("ConsumerProtocolSubscription", join["Members"][0]["Metadata"])["Topics"])
    plan = kw.encode_embedded("ConsumerProtocolAssignment", 0, {"AssignedPartitions": [{"Topic": topic, "Partitions": [0]}]})
    me = {"GroupId": group, "GenerationId": join["GenerationId"], "MemberId": join["MemberId"]}
    sync = w.request("SyncGroup", 0, {**me, "Assignments": [{"MemberId": join["MemberId"], "Assignment": plan}]})
    equal("SyncGroup v0", (0, plan), (sync["ErrorCode"], sync["Assignment"]))
    equal("Heartbeat v0", 0, w.request("Heartbeat", 0, me)["ErrorCode"])
    commit = w.request("OffsetCommit", 2, {"GroupId": group, "GenerationIdOrMemberEpoch": join["GenerationId"], "MemberId": join["MemberId"],
                                           "Topics": [{"Name": topic, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 2}]}]})
    equal("OffsetCommit v2", 0, commit["Topics"][0]["Partitions"][0]["ErrorCode"])
    fetched = w.request("OffsetFetch", 1, {"GroupId": group, "Topics": [{"Name": topic, "PartitionIndexes": [0]}]})
    equal("OffsetFetch v1", (topic, 2), (fetched["Topics"][0]["Name"], fetched["Topics"][0]["Partitions"][0]["CommittedOffset"]))
    equal("LeaveGroup v0", 0, w.request("LeaveGroup", 0, {"GroupId": group, "MemberId": join["MemberId"]})["ErrorCode"])
