"""Inside one tenant: what a principal with few rights is told of what it may not touch. For every row, in each offered version: the
authorization error and no other, the same words whether the thing is there or not, and not a byte of what it holds.

The principal may do everything with one topic, one group and one transactional id, so that each row is denied one thing alone."""

import uuid

import cases_streams
import kafkawire as kw
import needles
import sweep

USER, PASSWORD = "carol", "carol-has-few-rights"
TOPIC, GROUP, TXN = "mine-1", "few-group", "few-txn"
MEMBERS = {"ConsumerGroupDescribe": "few-consumer", "ShareGroupDescribe": "few-share", "StreamsGroupDescribe": "few-streams"}  # read what is hidden
RIGHTS = [{"resourceType": kind, "resourceName": name, "principal": f"User:{USER}", "operation": "ALL"}
          for kind, name in (("TOPIC", TOPIC), ("TRANSACTIONAL_ID", TXN), *(("GROUP", g) for g in (GROUP, *MEMBERS.values())))]
CODES = {"topic": 29, "group": 30, "cluster": 31, "txn": 53}
ZERO = uuid.UUID(int=0)
RES_TOPIC, RES_GROUP = 2, 32


def put(**fields):
    """A change to a sampled request: these fields, wherever they are."""
    def change(value):
        for v in value if isinstance(value, list) else [value]:
            for k, inner in v.items() if isinstance(v, dict) else ():
                if k in fields:
                    v[k] = fields[k]
                else:
                    change(inner)
    return change


def opened(w, version, value):
    """ShareAcknowledge goes on in a session."""
    w.request("ShareFetch", version, {"GroupId": value["GroupId"], "MemberId": value["MemberId"], "ShareSessionEpoch": 0, "MaxWaitMs": 1,
                                      "MinBytes": 0, "MaxBytes": 1000, "MaxRecords": 10, "BatchSize": 10, "Topics": [], "ForgottenTopicsData": []})
    value["ShareSessionEpoch"] = 1


by_name, by_id = put(TopicId=ZERO), put(Name=None)
plain = put(TransactionalId=None)
transactional = put(Records=kw.batch([(b"k", b"v")], attributes=16, producer_id=1, producer_epoch=0, base_sequence=0))
alone = put(ForgottenTopicsData=[], ReplicaState={"ReplicaId": -1, "ReplicaEpoch": -1})
# api, what is denied of it, lowest version for that, changes to the sample
ROWS = [
    ("Produce", "topic", 0, plain), ("Produce", "txn", 0, transactional), ("Fetch", "topic", 0, alone), ("ListOffsets", "topic", 0),
    ("Metadata", "topic", 1, by_name), ("Metadata", "topic", 12, by_id), ("OffsetCommit", "topic", 0), ("OffsetCommit", "group", 0),
    ("OffsetFetch", "topic", 0), ("OffsetFetch", "group", 2), ("FindCoordinator", "group", 0), ("FindCoordinator", "txn", 1, put(KeyType=1)),
    ("JoinGroup", "group", 0), ("Heartbeat", "group", 0), ("LeaveGroup", "group", 0), ("SyncGroup", "group", 0), ("DescribeGroups", "group", 0),
    ("CreateTopics", "topic", 0), ("DeleteTopics", "topic", 0, by_name), ("DeleteTopics", "topic", 6, by_id), ("DeleteRecords", "topic", 0),
    ("InitProducerId", "txn", 0), ("OffsetForLeaderEpoch", "topic", 0), ("AddPartitionsToTxn", "topic", 0), ("AddPartitionsToTxn", "txn", 0),
    ("AddOffsetsToTxn", "group", 0), ("AddOffsetsToTxn", "txn", 0), ("EndTxn", "txn", 0), ("TxnOffsetCommit", "topic", 0),
    ("TxnOffsetCommit", "group", 0), ("TxnOffsetCommit", "txn", 0), ("DescribeConfigs", "topic", 0, put(ResourceType=RES_TOPIC)),
    ("DescribeConfigs", "group", 0, put(ResourceType=RES_GROUP)), ("AlterConfigs", "topic", 0, put(ResourceType=RES_TOPIC)),
    ("IncrementalAlterConfigs", "topic", 0, put(ResourceType=RES_TOPIC)), ("IncrementalAlterConfigs", "group", 0, put(ResourceType=RES_GROUP)),
    ("CreatePartitions", "topic", 0, put(ValidateOnly=True)), ("DeleteGroups", "group", 0), ("OffsetDelete", "topic", 0),
    ("OffsetDelete", "group", 0), ("DescribeProducers", "topic", 0), ("DescribeTransactions", "txn", 0),
    ("DescribeTopicPartitions", "topic", 0, put(Cursor=None)), ("ConsumerGroupHeartbeat", "topic", 0), ("ConsumerGroupHeartbeat", "group", 0),
    ("ConsumerGroupDescribe", "group", 0), ("ShareGroupHeartbeat", "topic", 0), ("ShareGroupHeartbeat", "group", 0),
    ("ShareGroupDescribe", "group", 0), ("ShareFetch", "topic", 0, put(ForgottenTopicsData=[])), ("ShareFetch", "group", 0),
    ("ShareAcknowledge", "topic", 0, opened), ("ShareAcknowledge", "group", 0), ("DescribeShareGroupOffsets", "topic", 0),
    ("DescribeShareGroupOffsets", "group", 0), ("AlterShareGroupOffsets", "topic", 0), ("AlterShareGroupOffsets", "group", 0),
    ("DeleteShareGroupOffsets", "group", 0), ("StreamsGroupHeartbeat", "topic", 0), ("StreamsGroupHeartbeat", "group", 0),
    ("StreamsGroupDescribe", "group", 0), ("StreamsGroupTopologyDescriptionUpdate", "group", 0),
    ("ListPartitionReassignments", "cluster", 0), ("DescribeLogDirs", "cluster", 3), ("ListConfigResources", "cluster", 0),
    ("DescribeAcls", "cluster", 0), ("CreateAcls", "cluster", 0), ("DeleteAcls", "cluster", 0),
    ("DescribeClientQuotas", "cluster", 0), ("AlterClientQuotas", "cluster", 0),
    ("DescribeUserScramCredentials", "cluster", 0), ("AlterUserScramCredentials", "cluster", 0),
]
# What asks for all there is, and is told of one's own alone.
LISTS = [("Metadata", 1, put(Topics=None)), ("Metadata", 0, put(Topics=[])), ("DescribeTopicPartitions", 0, put(Topics=[], Cursor=None)),
         ("ListGroups", 0, put(StatesFilter=[], TypesFilter=[])), ("OffsetFetch", 2, put(Topics=None)),
         ("ListTransactions", 0, put(StateFilters=[], ProducerIdFilters=[], DurationFilter=-1, TransactionalIdPattern=None)),
         ("DescribeLogDirs", 0, put(Topics=None)), ("DescribeShareGroupOffsets", 0, put(Topics=None, GroupId=MEMBERS["ShareGroupDescribe"]))]


class Hidden:
    """What is denied: a topic with a record, a group with an offset, a transactional id with a producer."""

    def __init__(self):
        self.topic, self.group, self.txn, self.topic_id = (f"{w}-{needles.word()}" for w in ("topic", "group", "txn", "id"))
        self.member = str(uuid.uuid4())
        self.record, self.metadata = b"record-" + needles.word().encode(), "metadata-" + needles.word()

    def plant(self, world):
        with world.coordinator(self.group) as w, world.txn_coordinator(self.txn) as x:
            r = w.request("CreateTopics", 7, {"timeoutMs": 15000, "Topics": [{"Name": self.topic, "NumPartitions": 1, "ReplicationFactor": 1}]})
            self.topic_id = r["Topics"][0]["TopicId"]
            world.until_leader(w, self.topic)
            world.settled(w, "Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TransactionalId": None, "TopicData": [
                {"Name": self.topic, "PartitionData": [{"Index": 0, "Records": kw.batch([(b"k", self.record)])}]}]},
                lambda r: r["Responses"][0]["PartitionResponses"][0]["ErrorCode"])
            self.commit(world, w, self.group, self.topic, self.metadata)
            world.settled(x, "InitProducerId", 4, {"TransactionalId": self.txn, "TransactionTimeoutMs": 60000, "ProducerId": -1, "ProducerEpoch": -1},
                          lambda r: r["ErrorCode"])
        with world.coordinator(GROUP) as w:
            self.commit(world, w, GROUP, TOPIC, "")
            self.commit(world, w, GROUP, self.topic, self.metadata)
        self.join_consumers(world)
        self.join_streams(world)
        with world.wire() as w:
            world.join_share(w, MEMBERS["ShareGroupDescribe"], self.member, self.topic)
        return self

    def join_consumers(self, world):
        """Until the member has a partition."""
        group, epoch = MEMBERS["ConsumerGroupDescribe"], [0]

        def given():
            first = epoch[0] == 0
            r = world.settled(w, "ConsumerGroupHeartbeat", 1, {
                "GroupId": group, "MemberId": self.member, "MemberEpoch": epoch[0], "RebalanceTimeoutMs": 60000 if first else -1,
                "SubscribedTopicNames": [self.topic] if first else None, "TopicPartitions": [] if first else None}, lambda r: r["ErrorCode"])
            assert r["ErrorCode"] == 0, r
            epoch[0] = r["MemberEpoch"]
            return r["Assignment"] and r["Assignment"]["TopicPartitions"]
        with world.coordinator(group) as w:
            world.until("a partition is assigned", given)

    def join_streams(self, world):
        """Until the group's topology is described."""
        group = MEMBERS["StreamsGroupDescribe"]
        with world.coordinator(group) as w:
            r = cases_streams.beat(w, group, self.member, SourceTopics=[self.topic])
            assert r["ErrorCode"] == 0, r
            world.until("the topology is there", lambda: (t := w.request("StreamsGroupDescribe", 0, {
                "GroupIds": [group], "IncludeAuthorizedOperations": False})["Groups"][0]["Topology"]) and t["Subtopologies"])

    def commit(self, world, w, group, topic, metadata):
        part = {"PartitionIndex": 0, "CommittedOffset": 1, "CommittedLeaderEpoch": -1, "CommittedMetadata": metadata}
        r = world.settled(w, "OffsetCommit", 9, {"GroupId": group, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
            {"Name": topic, "Partitions": [part]}]}, lambda r: r["Topics"][0]["Partitions"][0]["ErrorCode"])
        assert r["Topics"][0]["Partitions"][0]["ErrorCode"] == 0, r

    def needles(self):
        n = needles.Needles()
        for what in ("topic", "group", "txn", "metadata", "member"):
            n.text(f"the denied {what}", getattr(self, what))
        n.id("the denied topic's id", self.topic_id)
        n.blob("a denied record", self.record)
        return n


class Absent:
    """Names as long, of nothing."""

    def __init__(self):
        self.topic, self.group, self.txn = (f"{w}-{needles.word()}" for w in ("topic", "group", "txn"))
        self.topic_id = uuid.uuid4()


def request(api, version, kind, thing, own_id, changes):
    names = sweep.Names("", TOPIC, GROUP, TXN, own_id)
    if kind in CODES and kind != "cluster":
        setattr(names, kind, getattr(thing, kind))
    if kind == "topic":
        names.topic_id = thing.topic_id
    pick, member = sweep.picker(names, 0), str(uuid.UUID(int=7))
    value = kw.sample(api, version, "request", lambda path, k: member if path.endswith(".MemberId") else pick(path, k))
    value = sweep.adjust(api, value)
    if api == "JoinGroup":
        value["GroupId"] = names.group  # sweep has another each time
    for change in changes:
        if change is not opened:
            change(value)
    return value


def codes(reply):
    """Where errors stand deepest: 0 around them says nothing."""
    found = [(p.count("["), v) for p, v in kw.leaves(dict(reply)) if p.rsplit(".", 1)[-1] in ("ErrorCode", "PartitionErrorCode")]
    deepest = max((depth for depth, _ in found), default=0)
    return {v for depth, v in found if depth == deepest or v}


def ask(w, api, version, value, changes):
    if opened in changes:
        opened(w, version, value)
    body = kw.encode(api, version, "request", value)
    w.send(api, version, body=body)
    return w.receive(), body, w.received[-1]


def same_words(reply, thing, kind):
    return repr({k: v for k, v in reply.items() if k != "ThrottleTimeMs"}).replace(getattr(thing, kind), "it") if kind != "cluster" else ""


def judge(w, api, version, kind, hidden, own_id, changes, marks):
    """-> what is wrong"""
    things, said = (hidden, Absent()), []
    for thing in things:
        value = request(api, version, kind, thing, own_id, changes)
        named_by_id = kind == "topic" and any(v == thing.topic_id for _, v in kw.leaves(value))
        if named_by_id and thing is not hidden:
            return  # ids are no secret: one of nothing is unknown, as with Kafka
        reply, sent, received = ask(w, api, version, value, changes)
        if codes(reply) != {CODES[kind]}:
            yield f"codes {sorted(codes(reply))}, expected {CODES[kind]}: {dict(reply)}"
        for what in marks.found(received, sent):
            yield f"the answer holds {what}"
        said.append(same_words(reply, thing, kind))
    if said[0] != said[1]:
        yield f"it is told apart from what is not there: {said[0]} and {said[1]}"


def versions(offered, api, least):
    low, high = offered.get(kw.schemas().key(api), (0, -1))
    known = kw.schemas().versions(kw.schemas().key(api))
    return range(max(low, least, known[0]), min(high, known[1]) + 1)


def run(world, report):
    """-> how many rows and lists were judged, in all versions of each"""
    s = world.stack
    s.rest("POST", "/v1/tenants/acme/users", {"name": USER, "password": PASSWORD})
    s.rest("POST", "/v1/tenants/acme/acls", {"acls": RIGHTS})
    hidden, offered = Hidden().plant(world), world.offered()
    marks, judged = hidden.needles(), 0

    with s.acme.but(user=USER, password=PASSWORD).wire() as w:
        for api, kind, least, *changes in ROWS:
            for version in versions(offered, api, least):
                judged += 1
                for wrong in judge(w, api, version, kind, hidden, world.own_ids[TOPIC], changes, marks):
                    report(f"{api} v{version}, {kind} denied: {wrong}")
        for api, group in MEMBERS.items():
            for version in versions(offered, api, 0):
                judged += 1
                value = request(api, version, None, None, world.own_ids[TOPIC], [put(GroupIds=[group])])
                reply, sent, received = ask(w, api, version, value, [])
                g = reply["Groups"][0]
                if (g["GroupId"], g["ErrorCode"], g["Members"], g.get("Topology")) != (group, CODES["topic"], [], None):
                    report(f"{api} v{version} of a group that reads a denied topic: {g}")
                for what in marks.found(received, sent):
                    report(f"{api} v{version} of a group that reads a denied topic: the answer holds {what}")
        for api, least, change in LISTS:
            for version in versions(offered, api, least):
                judged += 1
                value = request(api, version, None, None, world.own_ids[TOPIC], [change])
                _, sent, received = ask(w, api, version, value, [change])
                for what in marks.found(received, sent):
                    report(f"{api} v{version} of all there is: the answer holds {what}")
    return judged
