"""The same ACLs on a Kafka with StandardAuthorizer and in a tenant: the same requests by the same users, the same verdicts.

One Kafka is both. Behind the gateway it serves the tenant acme; on a SASL listener of its own it serves the same users, with
the same ACLs in its own authorizer, on topics, groups and transactional ids of the same names. ACLs are made at random, the
same each time; each answer is reduced to names, error codes and authorized operations."""
import random
import uuid

import acls_streams
import checks
from runner import equal, kw, stack, true

OWN_STACK = True
SETS = 8
USERS = {"u0": "secret-of-u0", "u1": "secret-of-u1", "root": "secret-of-root"}
TOPICS, NO_TOPICS = ["t-a", "t-b", "u-a"], ["t-no", "v-no"]
GROUPS, TXNS = ["g-a", "g-b", "h-a"], ["x-a", "x-b"]
MEMBER = str(uuid.UUID(int=1))
NOBODY = {"ProducerId": 999999, "ProducerEpoch": 0}
CLUSTER_ACTION = 1 << 9  # nobody's in a tenant

RESOURCE = {"TOPIC": 2, "GROUP": 3, "CLUSTER": 4, "TRANSACTIONAL_ID": 5}
OPERATION = {name: i for i, name in enumerate("ALL READ WRITE CREATE DELETE ALTER DESCRIBE CLUSTER_ACTION DESCRIBE_CONFIGS "
                                              "ALTER_CONFIGS IDEMPOTENT_WRITE".split(), 2)}
POOL = {  # names, prefixes, operations
    "TOPIC": (TOPICS + ["t-no", "*"], ["t-", "u", "t-a", "n-"], "ALL READ WRITE CREATE DELETE ALTER DESCRIBE DESCRIBE_CONFIGS ALTER_CONFIGS"),
    "GROUP": (GROUPS + ["c-a", "*"], ["g-", "h", "c"], "ALL READ DELETE DESCRIBE DESCRIBE_CONFIGS ALTER_CONFIGS"),
    "CLUSTER": (["kafka-cluster"], ["kafka-cluster"], "ALL CREATE ALTER DESCRIBE DESCRIBE_CONFIGS ALTER_CONFIGS IDEMPOTENT_WRITE"),
    "TRANSACTIONAL_ID": (TXNS + ["*"], ["x-"], "ALL WRITE DESCRIBE"),
}


def acls_of(number):
    """A set of ACLs in REST's words."""
    r, acls = random.Random(number), []
    for _ in range(r.randint(3, 14)):
        kind = r.choices(list(POOL), (55, 22, 13, 10))[0]
        names, prefixes, operations = POOL[kind]
        prefixed = r.random() < 0.35
        acl = {"resourceType": kind, "resourceName": r.choice(prefixes if prefixed else names),
               "patternType": "PREFIXED" if prefixed else "LITERAL",
               "principal": r.choices(["User:u0", "User:u1", "User:*"], (45, 35, 20))[0],
               "host": r.choices(["*", "127.0.0.1", "10.9.9.9"], (80, 12, 8))[0], "operation": r.choice(operations.split()),
               "permission": "DENY" if r.random() < 0.22 else "ALLOW"}
        if acl not in acls:
            acls.append(acl)
    return acls


# ---- both sides -----------------------------------------------------------------------------------------

class Side:
    """One of the two clusters: connect(user) -> a connection that is logged in."""

    def __init__(self, name, connect):
        self.name, self.connect, self.ids, self.names = name, connect, {}, {}

    def plant(self):
        with self.connect("root") as w:
            made = w.request("CreateTopics", 7, {"timeoutMs": 15000, "Topics": [
                {"Name": t, "NumPartitions": 1, "ReplicationFactor": 1} for t in TOPICS]})["Topics"]
            equal(f"{self.name}: topics", [0] * len(TOPICS), [t["ErrorCode"] for t in made])
            self.ids = {t["Name"]: t["TopicId"] for t in made}
            self.names = {v.bytes: k for k, v in self.ids.items()}
            stack.wait_until("leaders", lambda: all(p["LeaderId"] >= 0 and not p["ErrorCode"] for t in w.request(
                "Metadata", 12, {"Topics": [{"Name": n} for n in TOPICS]})["Topics"] for p in t["Partitions"]), 30)
            for kind, keys in ((0, GROUPS + ["c-a"]), (1, TXNS)):  # which makes the topics of coordinators
                self.settled(w, "FindCoordinator", 4, {"KeyType": kind, "CoordinatorKeys": keys})
            for txn in TXNS:
                self.settled(w, "InitProducerId", 4, {"TransactionalId": txn, "TransactionTimeoutMs": 60000, "ProducerId": -1,
                                                      "ProducerEpoch": -1})
            self.settle_groups(w)

    def settle_groups(self, w=None):
        """Offsets in each group, a member in c-a: as before each set of ACLs."""
        if w is None:
            with self.connect("root") as own:
                return self.settle_groups(own)
        for group in GROUPS:
            self.settled(w, "OffsetCommit", 9, commit(group, TOPICS))
        beat = {"GroupId": "c-a", "MemberId": MEMBER, "MemberEpoch": 0, "RebalanceTimeoutMs": 60000,
                "SubscribedTopicNames": ["t-a", "u-a"], "TopicPartitions": []}
        self.settled(w, "ConsumerGroupHeartbeat", 1, beat)
        return None

    def settled(self, w, api, version, value):
        """Until coordinators and leaders are where they are; must succeed then."""
        def ask():
            codes = [v for p, v in kw.leaves(dict(w.request(api, version, value))) if p.endswith("ErrorCode")]
            return codes if not set(codes) & {3, 6, 14, 15, 16, 51} else None
        equal(f"{self.name}: {api}", {0}, set(stack.wait_until(f"{api} is possible", ask, 40)))


class Both(stack.Stack):
    def __init__(self):
        super().__init__(limits=stack.PATIENT, kafka_env={"KAFKA_USERS": " ".join(f"{u}:{p}" for u, p in USERS.items())},
                         kafka_properties={"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                                           "super.users": "User:ANONYMOUS;User:root",
                                           "group.consumer.session.timeout.ms": 600000, "group.consumer.max.session.timeout.ms": 600000})

    def __enter__(self):
        super().__enter__()
        for user, password in USERS.items():
            self.rest("POST", "/v1/tenants/acme/users", {"name": user, "password": password})
        self.rest("PATCH", "/v1/tenants/acme", {"authorizer": "acl", "superUsers": ["User:root"]})
        port = int(self.kafka.said["KAFKA_SASL_PORT"])
        self.theirs = Side("Kafka", lambda u: kw.Wire("127.0.0.1", port).sasl("PLAIN", u, USERS[u]))
        self.ours = Side("Alcove", lambda u: self.acme.but(user=u, password=USERS[u]).wire())
        for side in (self.theirs, self.ours):
            side.plant()
        return self

    def load(self, acls):
        """These ACLs and no others, on both sides; in force when it returns."""
        self.rest("DELETE", "/v1/tenants/acme/acls?resourceType=ANY")
        self.rest("POST", "/v1/tenants/acme/acls", {"acls": acls})
        with self.kafka.wire() as w:
            any_of = {"ResourceTypeFilter": 1, "ResourceNameFilter": None, "PatternTypeFilter": 1, "PrincipalFilter": None,
                      "HostFilter": None, "Operation": 1, "PermissionType": 1}
            w.request("DeleteAcls", 3, {"Filters": [any_of]})
            made = w.request("CreateAcls", 3, {"Creations": [
                {"ResourceType": RESOURCE[a["resourceType"]], "ResourceName": a["resourceName"],
                 "ResourcePatternType": {"LITERAL": 3, "PREFIXED": 4}[a["patternType"]], "Principal": a["principal"], "Host": a["host"],
                 "Operation": OPERATION[a["operation"]], "PermissionType": {"DENY": 2, "ALLOW": 3}[a["permission"]]} for a in acls]})
            equal("CreateAcls", [0] * len(acls), [r["ErrorCode"] for r in made["Results"]])
            stack.wait_until("Kafka's authorizer has them", lambda: sum(len(r["Acls"]) for r in w.request(
                "DescribeAcls", 3, {k: v for k, v in any_of.items()})["Resources"]) == len(acls))


# ---- what is asked ----------------------------------------------------------------------------------------

OFFSET = {"PartitionIndex": 0, "CommittedOffset": 1, "CommittedMetadata": ""}


def commit(group, topics):
    return {"GroupId": group, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
        {"Name": t, "Partitions": [OFFSET]} for t in topics]}


def reading(ids):
    """Requests about topics. ids: name -> topic id of this side."""
    named = TOPICS + NO_TOPICS
    yield "Metadata", 12, {"Topics": [{"Name": t} for t in named], "IncludeTopicAuthorizedOperations": True}
    yield "Metadata", 9, {"Topics": None, "IncludeTopicAuthorizedOperations": True, "IncludeClusterAuthorizedOperations": True}
    yield "Metadata", 12, {"Topics": [{"Name": None, "TopicId": ids[t]} for t in TOPICS], "IncludeTopicAuthorizedOperations": True}
    yield "Metadata", 1, {"Topics": [{"Name": t} for t in named]}
    yield "DescribeTopicPartitions", 0, {"Topics": [{"Name": t} for t in named]}
    yield "DescribeTopicPartitions", 0, {"Topics": []}
    yield "DescribeCluster", 1, {"IncludeClusterAuthorizedOperations": True}
    yield "ListOffsets", 7, {"ReplicaId": -1, "Topics": [{"Name": t, "Partitions": [{"PartitionIndex": 0, "Timestamp": -1}]} for t in named]}
    yield "OffsetForLeaderEpoch", 4, {"ReplicaId": -1, "Topics": [
        {"Topic": t, "Partitions": [{"Partition": 0, "CurrentLeaderEpoch": -1, "LeaderEpoch": 0}]} for t in named]}
    want = [{"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 1000}]
    fetch = {"MaxWaitMs": 0, "MinBytes": 0, "MaxBytes": 1000, "SessionId": 0, "SessionEpoch": -1}
    yield "Fetch", 12, fetch | {"Topics": [{"Topic": t, "Partitions": want} for t in named]}
    yield "Fetch", 16, fetch | {"Topics": [{"TopicId": i, "Partitions": want} for i in ids.values()]}
    yield "Fetch", 4, {k: v for k, v in fetch.items() if "Session" not in k} | {"Topics": [{"Topic": t, "Partitions": want} for t in named]}
    yield "DescribeProducers", 0, {"Topics": [{"Name": t, "PartitionIndexes": [0]} for t in named]}
    yield "DescribeConfigs", 4, {"Resources": [{"ResourceType": 2, "ResourceName": t} for t in named] + [
        {"ResourceType": 32, "ResourceName": g} for g in GROUPS] + [{"ResourceType": 4, "ResourceName": "1"}]}
    yield "ListConfigResources", 1, {"ResourceTypes": [2]}
    yield "DescribeLogDirs", 4, {"Topics": None}
    yield "ListPartitionReassignments", 0, {"TimeoutMs": 1000, "Topics": None}


def writing(ids):
    """Requests that change topics where they are allowed, in the same way on both sides; most only try."""
    named = TOPICS + NO_TOPICS
    for batch in (kw.batch([b"x"]), kw.batch([b"x"], producer_id=999999, producer_epoch=0, base_sequence=0)):
        part = {"Acks": -1, "TimeoutMs": 5000}
        yield "Produce", 9, part | {"TopicData": [{"Name": t, "PartitionData": [{"Index": 0, "Records": batch}]} for t in named]}
    yield "Produce", 13, part | {"TopicData": [{"TopicId": i, "PartitionData": [{"Index": 0, "Records": kw.batch([b"x"])}]} for i in ids.values()]}
    yield "DeleteRecords", 2, {"TimeoutMs": 5000, "Topics": [{"Name": t, "Partitions": [{"PartitionIndex": 0, "Offset": 0}]} for t in named]}
    yield "CreateTopics", 7, {"timeoutMs": 5000, "validateOnly": True, "Topics": [
        {"Name": t, "NumPartitions": 1, "ReplicationFactor": 1} for t in ("n-a", "t-new", "m-a", "t-a")]}
    yield "DeleteTopics", 5, {"TimeoutMs": 5000, "TopicNames": NO_TOPICS}
    yield "DeleteTopics", 6, {"TimeoutMs": 5000, "Topics": [{"Name": t} for t in NO_TOPICS] + [{"TopicId": uuid.UUID(int=77)}]}
    yield "CreatePartitions", 3, {"TimeoutMs": 5000, "ValidateOnly": True, "Topics": [{"Name": t, "Count": 3, "Assignments": None} for t in named]}
    change = [{"Name": "retention.ms", "ConfigOperation": 0, "Value": "600000"}]
    yield "IncrementalAlterConfigs", 1, {"ValidateOnly": True, "Resources": [{"ResourceType": 2, "ResourceName": t, "Configs": change} for t in named]}
    change = [{"Name": "retention.ms", "Value": "600000"}]
    yield "AlterConfigs", 2, {"ValidateOnly": True, "Resources": [{"ResourceType": 2, "ResourceName": t, "Configs": change} for t in named]}


def grouping(ids):
    for t in (0, 1):
        yield "FindCoordinator", 4, {"KeyType": t, "CoordinatorKeys": (GROUPS, TXNS)[t] + ["no-such"]}
        yield "FindCoordinator", 3, {"KeyType": t, "Key": (GROUPS, TXNS)[t][0]}
    for g in GROUPS:
        member = {"GroupId": g, "MemberId": "nobody"}
        yield "JoinGroup", 5, member | {"SessionTimeoutMs": 10000, "RebalanceTimeoutMs": 10000, "ProtocolType": "consumer", "Protocols": [
            {"Name": "range", "Metadata": kw.encode_embedded("ConsumerProtocolSubscription", 1, {"Topics": ["t-a"]})}]}
        yield "SyncGroup", 5, member | {"GenerationId": 1, "ProtocolType": "consumer", "ProtocolName": "range", "Assignments": []}
        yield "Heartbeat", 4, member | {"GenerationId": 1}
        yield "LeaveGroup", 3, {"GroupId": g, "Members": [{"MemberId": "nobody"}]}
        yield "OffsetCommit", 9, commit(g, TOPICS + NO_TOPICS)
        yield "OffsetCommit", 2, commit(g, TOPICS)
        yield "OffsetFetch", 7, {"GroupId": g, "Topics": [{"Name": t, "PartitionIndexes": [0]} for t in TOPICS + NO_TOPICS]}
        yield "OffsetFetch", 7, {"GroupId": g, "Topics": None}
        yield "OffsetFetch", 1, {"GroupId": g, "Topics": [{"Name": t, "PartitionIndexes": [0]} for t in TOPICS]}
    yield "OffsetCommit", 10, commit("g-a", []) | {"Topics": [{"TopicId": i, "Partitions": [OFFSET]} for i in ids.values()]}
    yield "OffsetFetch", 9, {"Groups": [{"GroupId": g, "Topics": None} for g in GROUPS]}
    yield "OffsetFetch", 9, {"Groups": [{"GroupId": g, "Topics": [{"Name": t, "PartitionIndexes": [0]} for t in TOPICS]} for g in GROUPS]}
    yield "OffsetFetch", 10, {"Groups": [{"GroupId": g, "Topics": None} for g in GROUPS]}
    yield "DescribeGroups", 6, {"Groups": GROUPS + ["no-such"], "IncludeAuthorizedOperations": True}
    yield "DescribeGroups", 3, {"Groups": GROUPS, "IncludeAuthorizedOperations": True}
    yield "ListGroups", 5, {"StatesFilter": [], "TypesFilter": []}
    yield "DeleteGroups", 2, {"GroupsNames": ["no-such", "g-no", "h-no"]}
    yield "OffsetDelete", 0, {"GroupId": "g-b", "Topics": [{"Name": t, "Partitions": [{"PartitionIndex": 0}]} for t in TOPICS]}
    for topics in (["t-a"], ["t-a", "u-a"], None):
        yield "ConsumerGroupHeartbeat", 1, {"GroupId": "c-a", "MemberId": str(uuid.UUID(int=2)), "MemberEpoch": 5, "RebalanceTimeoutMs": 60000,
                                            "SubscribedTopicNames": topics, "TopicPartitions": []}
    yield "ConsumerGroupDescribe", 1, {"GroupIds": ["c-a", "c-no"], "IncludeAuthorizedOperations": True}


def sharing(ids):
    for topics in (["t-a"], ["t-a", "u-a"]):
        yield "ShareGroupHeartbeat", 1, {"GroupId": "g-s", "MemberId": str(uuid.UUID(int=3)), "MemberEpoch": 5, "SubscribedTopicNames": topics}
    yield "ShareGroupDescribe", 1, {"GroupIds": ["g-s", "c-s"], "IncludeAuthorizedOperations": True}
    yield "DescribeShareGroupOffsets", 0, {"Groups": [{"GroupId": "g-s", "Topics": [{"TopicName": t, "Partitions": [0]} for t in TOPICS + NO_TOPICS]}]}
    for topics in (None, [], [{"TopicName": t, "Partitions": [0]} for t in TOPICS]):
        yield "DescribeShareGroupOffsets", 0, {"Groups": [{"GroupId": "", "Topics": topics}]}
    yield "DeleteShareGroupOffsets", 0, {"GroupId": "g-s", "Topics": [{"TopicName": t} for t in TOPICS + NO_TOPICS]}
    yield "AlterShareGroupOffsets", 0, {"GroupId": "c-s", "Topics": [{"TopicName": t, "Partitions": [{"PartitionIndex": 0, "StartOffset": 0}]} for t in NO_TOPICS]}


def streaming(ids):
    """Of a group that is not there: what is asked of topics is in acls_streams.py."""
    yield "StreamsGroupHeartbeat", 0, {
        "GroupId": "g-z", "MemberId": str(uuid.UUID(int=4)), "MemberEpoch": 5, "EndpointInformationEpoch": 0, "RebalanceTimeoutMs": -1,
        "ProcessId": None, "ActiveTasks": None, "StandbyTasks": None, "WarmupTasks": None, "ClientTags": None, "Topology": None}
    yield "StreamsGroupDescribe", 0, {"GroupIds": ["g-z", "c-z"], "IncludeAuthorizedOperations": True}


def transacting(ids):
    yield "InitProducerId", 4, {"TransactionalId": None, "TransactionTimeoutMs": 60000, "ProducerId": -1, "ProducerEpoch": -1}
    for x in TXNS:
        who = {"TransactionalId": x} | NOBODY
        yield "InitProducerId", 4, {"TransactionTimeoutMs": 60000} | who
        yield "AddPartitionsToTxn", 3, {"V3AndBelowTransactionalId": x, "V3AndBelowProducerId": 999999, "V3AndBelowProducerEpoch": 0,
                                        "V3AndBelowTopics": [{"Name": t, "Partitions": [0]} for t in TOPICS]}
        yield "AddPartitionsToTxn", 3, {"V3AndBelowTransactionalId": x, "V3AndBelowProducerId": 999999, "V3AndBelowProducerEpoch": 0,
                                        "V3AndBelowTopics": [{"Name": t, "Partitions": [0]} for t in ("t-a", "t-no")]}
        yield "AddPartitionsToTxn", 3, {"V3AndBelowTransactionalId": x, "V3AndBelowProducerId": 999999, "V3AndBelowProducerEpoch": 0,
                                        "V3AndBelowTopics": [{"Name": t, "Partitions": [0, 1, -1]} for t in TOPICS]}  # each has one
        yield "AddOffsetsToTxn", 3, who | {"GroupId": "g-a"}
        yield "TxnOffsetCommit", 3, who | {"GroupId": "g-a", "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
            {"Name": t, "Partitions": [OFFSET]} for t in TOPICS + NO_TOPICS]}
        yield "EndTxn", 3, who | {"Committed": False}
        txn = kw.batch([b"x"], attributes=16, producer_id=999999, producer_epoch=0, base_sequence=0)
        yield "Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TransactionalId": x, "TopicData": [
            {"Name": t, "PartitionData": [{"Index": 0, "Records": txn}]} for t in TOPICS]}
    yield "DescribeTransactions", 0, {"TransactionalIds": TXNS + ["x-no"]}
    yield "ListTransactions", 1, {"StateFilters": [], "ProducerIdFilters": [], "DurationFilter": -1}


NOBODY_FILTER = {"ResourceTypeFilter": 2, "ResourceNameFilter": "t-none", "PatternTypeFilter": 3, "PrincipalFilter": "User:none",
                 "HostFilter": None, "Operation": 1, "PermissionType": 1}


def administering(ids):
    """Requests about the cluster: each is answered by its right alone, and changes nothing."""
    yield "DescribeAcls", 3, NOBODY_FILTER
    yield "DescribeAcls", 1, NOBODY_FILTER | {"ResourceNameFilter": None, "PatternTypeFilter": 1, "PrincipalFilter": None}
    yield "CreateAcls", 3, {"Creations": [{"ResourceType": 2, "ResourceName": "", "ResourcePatternType": 3, "Principal": "User:u0", "Host": "*",
                                           "Operation": 3, "PermissionType": 3}]}
    yield "DeleteAcls", 3, {"Filters": [NOBODY_FILTER, NOBODY_FILTER | {"Operation": 99}]}
    yield "DescribeClientQuotas", 1, {"Components": [{"EntityType": "user", "MatchType": 0, "Match": "none"}], "Strict": True}
    yield "AlterClientQuotas", 1, {"ValidateOnly": True, "Entries": [{"Entity": [{"EntityType": "user", "EntityName": "none"}], "Ops": [
        {"Key": "producer_byte_rate", "Value": 1e6, "Remove": False}]}]}
    yield "DescribeUserScramCredentials", 0, {"Users": [{"Name": "none"}]}
    yield "AlterUserScramCredentials", 0, {"Deletions": [{"Name": "none", "Mechanism": 1}], "Upsertions": []}
    yield "CreateDelegationToken", 3, {"OwnerPrincipalType": "User", "OwnerPrincipalName": "u1", "Renewers": [], "MaxLifetimeMs": 1000}
    yield "DescribeDelegationToken", 3, {"Owners": None}
    session = {"GroupId": "g-s", "MemberId": str(uuid.UUID(int=3)), "ShareSessionEpoch": 5}
    want = [{"TopicId": i, "Partitions": [{"PartitionIndex": 0}]} for i in ids.values()]
    yield "ShareFetch", 1, session | {"MaxWaitMs": 1, "MinBytes": 0, "MaxBytes": 1000, "MaxRecords": 10, "BatchSize": 10, "Topics": want,
                                      "ForgottenTopicsData": []}
    yield "ShareAcknowledge", 1, session | {"Topics": []}


# ---- what of an answer is a verdict -------------------------------------------------------------------------

KEPT = {"Name", "Topic", "TopicName", "ResourceName", "ResourceType", "GroupId", "TransactionalId", "Key", "TopicAuthorizedOperations",
        "ClusterAuthorizedOperations", "AuthorizedOperations", "PartitionIndex", "Index", "Partition", "IsInternal", "MemberId",
        "CommittedOffset", "GroupState", "ConfigErrorCode", "TopicConfigErrorCode", "NumPartitions", "TopicId"}
HIDDEN = {"Brokers", "NodeEndpoints", "Configs", "Members", "ErrorMessage", "Nodes", "CurrentLeader", "RecordErrors", "ActiveProducers", "LogDir"}
NAMES = ("Name", "Topic", "TopicName", "GroupId", "TransactionalId", "ResourceName")


def foreign(element):
    """On the Kafka itself there are the gateway's tenants and the cluster's own topics as well."""
    return any(isinstance(element.get(n), str) and element[n].startswith(("acme.", "globex.", "__")) for n in NAMES)


def essence(side, value):
    if isinstance(value, list):
        found = [essence(side, v) for v in value if not (isinstance(v, dict) and foreign(v))]
        return sorted(found, key=repr)
    if isinstance(value, uuid.UUID):  # a topic that was only tried to be made has one of its own each time
        return side.names.get(value.bytes, "none" if not value.int else "some")
    if not isinstance(value, dict):
        return value
    out = {}
    for k, v in value.items():
        if k == "ClusterAuthorizedOperations" and v > 0:
            v &= ~CLUSTER_ACTION
        if k in HIDDEN:
            out[k] = bool(v) if k == "Members" else None
        elif k in KEPT or k.endswith("ErrorCode") or isinstance(v, (list, dict)):
            out[k] = essence(side, v)
    return out


def apart(expected, found):
    """Where two answers differ, for people."""
    one, other = dict(kw.leaves(expected)), dict(kw.leaves(found))
    if list(one) != list(other):
        return f"Kafka {expected}, Alcove {found}"
    return ", ".join(f"{k}: Kafka {v}, Alcove {other[k]}" for k, v in one.items() if other[k] != v) + f" of {expected}"


def ask(w, api, version, value):
    """The answer, once coordinators are where they are and transactions of before have ended."""
    def asked():
        reply = dict(w.request(api, version, value))
        return None if {v for p, v in kw.leaves(reply) if p.endswith("ErrorCode")} & {14, 15, 16, 51} else reply
    return stack.wait_until(f"{api} is answered for good", asked, 30)


COMPARED = set()
# Nobody is authorized to, or the platform alone is: not a tenant's verdict.
NO_VERDICT = {"SaslHandshake", "SaslAuthenticate", "ApiVersions", "WriteTxnMarkers", "AlterReplicaLogDirs", "ElectLeaders",
              "AlterPartitionReassignments", "DescribeQuorum", "UpdateFeatures", "UnregisterBroker", "AddRaftVoter", "RemoveRaftVoter",
              "RenewDelegationToken", "ExpireDelegationToken"}


def compare(s, number, user, differences):
    """Asks both sides everything that the gateway offers. -> how many answers, and how many of them said that something is denied"""
    asked = denied = 0
    with s.theirs.connect(user) as theirs, s.ours.connect(user) as ours:
        ours.api_versions()
        offered = {kw.schemas().names[k]: v for k, v in ours.ranges.items()}
        for requests in (reading, writing, grouping, sharing, streaming, transacting, administering):
            for (api, version, one), (_, _, other) in zip(requests(s.theirs.ids), requests(s.ours.ids)):
                if api not in offered or not offered[api][0] <= version <= offered[api][1]:
                    continue
                COMPARED.add(api)
                expected = essence(s.theirs, ask(theirs, api, version, one))
                found = essence(s.ours, ask(ours, api, version, other))
                asked += 1
                denied += any(v in (29, 30, 31, 53) for p, v in kw.leaves(expected) if p.endswith("ErrorCode"))
                if expected != found:
                    differences.append(f"set {number}, {user}, {api} v{version}: {apart(expected, found)}")
    return asked, denied


def check_random_sets(s):
    """Sets of ACLs made at random, and none at all: each answer of each user as Kafka's."""
    differences, asked, denied = [], 0, 0
    for number in range(SETS + 1):
        acls = acls_of(number) if number else []
        s.load(acls)
        for side in (s.theirs, s.ours):
            side.settle_groups()
        before = len(differences)
        for user in ("u0", "u1", "root"):
            if user == "root" and number > 1:
                continue  # may do all: twice is enough
            n, d = compare(s, number, user, differences)
            asked, denied = asked + n, denied + d
        if len(differences) > before:
            differences.append(f"set {number} was {acls}")
    true("\n".join([f"{len(differences)} differences"] + differences[:60]), not differences)
    with s.ours.connect("root") as w:
        w.api_versions()
        equal("every api that is offered was compared", set(), {kw.schemas().names[k] for k in w.ranges} - COMPARED - NO_VERDICT)
    true(f"{asked} asked, {denied} denied: both happened often", asked > 1000 and 300 < denied < asked - 100)


# ---- delegation tokens ------------------------------------------------------------------------------------------------

def tokens():
    """Of everybody, in each version: where tokens are off, an own one is refused as such, another's for want of a right first."""
    for version in (1, 2, 3):
        create = {"Renewers": [{"PrincipalType": "User", "PrincipalName": "u1"}], "MaxLifetimeMs": 1000}
        yield "CreateDelegationToken", version, create
        if version == 3:
            for owner in ("u0", "u1", "root", ""):
                yield "CreateDelegationToken", version, create | {"OwnerPrincipalType": "User", "OwnerPrincipalName": owner}
            yield "CreateDelegationToken", version, create | {"OwnerPrincipalType": "User", "OwnerPrincipalName": None}
        yield "DescribeDelegationToken", version, {"Owners": None}
        yield "DescribeDelegationToken", version, {"Owners": [{"PrincipalType": "User", "PrincipalName": "u1"}]}
        yield "DescribeDelegationToken", version, {"Owners": []}
        if version < 3:
            yield "RenewDelegationToken", version, {"Hmac": b"none", "RenewPeriodMs": 1000}
            yield "ExpireDelegationToken", version, {"Hmac": b"none", "ExpiryTimePeriodMs": 1000}


def check_tokens(s):
    """Every field of every answer as Kafka's, which has no secret key for tokens either."""
    s.load([])
    s.rest("POST", "/v1/tenants/acme/acls", {"acls": [{"resourceType": "USER", "resourceName": "User:u1", "principal": "User:u0",
                                                       "operation": "CREATE_TOKENS"}]})
    with s.kafka.wire() as w:
        equal("CreateAcls", 0, w.request("CreateAcls", 3, {"Creations": [{
            "ResourceType": 7, "ResourceName": "User:u1", "ResourcePatternType": 3, "Principal": "User:u0", "Host": "*", "Operation": 13,
            "PermissionType": 3}]})["Results"][0]["ErrorCode"])
    codes = set()
    for user in USERS:
        with s.theirs.connect(user) as theirs, s.ours.connect(user) as ours:
            for api, version, value in tokens():
                expected, found = (dict(w.request(api, version, value)) for w in (theirs, ours))
                equal(f"{user}, {api} v{version} {value}", expected, found)
                codes.add(found["ErrorCode"])
    equal("codes", {61, 65}, codes)


# ---- the apis of ACLs themselves ------------------------------------------------------------------------------------

WILD = {"ResourceTypeFilter": 1, "ResourceNameFilter": None, "PatternTypeFilter": 1, "PrincipalFilter": None, "HostFilter": None,
        "Operation": 1, "PermissionType": 1}


def creations(r):
    """What may be an ACL, and what is none."""
    for _ in range(r.randint(1, 6)):
        yield {"ResourceType": r.choice([2] * 9 + [3, 3, 3, 4, 4, 4, 5, 5, 6, 7, 1, 8, 99, -1]), "ResourceName": r.choice(["t-a", "t-b", "t", "*", "kafka-cluster", ""]),
               "ResourcePatternType": r.choice([3] * 12 + [4] * 8 + [1, 2, 9]), "Principal": r.choice(["User:u0", "User:u1", "User:*"] * 4 + ["u0"]),
               "Host": r.choice(["*", "127.0.0.1"]), "Operation": r.choice([2, 3, 4, 7, 8, 12, 13, 15] * 3 + [1, 50]), "PermissionType": r.choice([2, 3, 3, 3] * 6 + [1, 77])}


def filters(r):
    return {"ResourceTypeFilter": r.choice([1, 1, 2, 2, 3, 4, 7, 99]), "ResourceNameFilter": r.choice([None, None, "t-a", "t-b", "t", "tx", "*", ""]),
            "PatternTypeFilter": r.choice([1, 2, 2, 3, 4, 42]), "PrincipalFilter": r.choice([None, None, "User:u0", "User:*", "u0"]),
            "HostFilter": r.choice([None, None, "*", "127.0.0.1"]), "Operation": r.choice([1, 1, 2, 3, 8, 60]), "PermissionType": r.choice([1, 1, 2, 3, 5])}


def flat(of):
    return sorted(of.items())


def acl_answer(api, reply):
    """With the texts, but of a denial (Kafka's tells of the connection) and of creations (ours say more); what has no order of its own in
    one. ANY in a creation is an accident in Kafka, which makes none of the request's; ours says that the request was invalid."""
    def error(e):
        return e["ErrorCode"], None if e["ErrorCode"] in (0, 31) else e["ErrorMessage"]
    if api == "CreateAcls":
        return [42 if r["ErrorCode"] == -1 else r["ErrorCode"] for r in reply["Results"]]
    if api == "DeleteAcls":
        return [(error(f), sorted(flat(a) for a in f["MatchingAcls"])) for f in reply["FilterResults"]]
    return error(reply), sorted((r["ResourceType"], r["ResourceName"], r["PatternType"], sorted(flat(a) for a in r["Acls"])) for r in reply["Resources"])


def acl_requests(r):
    version = r.randint(1, 3)
    yield "CreateAcls", version, {"Creations": list(creations(r))}
    yield "DescribeAcls", version, filters(r)
    yield "DescribeAcls", version, WILD
    yield "DeleteAcls", version, {"Filters": [filters(r) for _ in range(r.randint(1, 3))]}
    yield "DescribeAcls", version, WILD


def check_acl_apis(s):
    """Creations and filters made at random, good ones and impossible ones, by who may and who may not: the same outcome of each."""
    r, differences, outcomes = random.Random(5), [], set()
    grant = [{"resourceType": "CLUSTER", "resourceName": "kafka-cluster", "patternType": "LITERAL", "principal": p, "host": "*",
              "operation": o, "permission": "ALLOW"} for p, o in (("User:u0", "DESCRIBE"), ("User:u1", "ALTER"))]
    s.load(grant)
    for user, rounds in (("root", 40), ("u1", 10), ("u0", 10)):
        with s.theirs.connect(user) as theirs, s.ours.connect(user) as ours:
            for _ in range(rounds):
                for api, version, value in acl_requests(r):
                    expected, found = (acl_answer(api, w.request(api, version, value)) for w in (theirs, ours))
                    outcomes |= set(expected) if api == "CreateAcls" else set()
                    if expected != found:
                        differences.append(f"{user}, {api} v{version} {value}: Kafka {expected}, Alcove {found}")
    true("\n".join([f"{len(differences)} differences"] + differences[:20]), not differences)
    equal("outcomes of creations", {0, 31, 42}, outcomes)


def check_zeros(s):
    """A number that stands for "unknown" cannot be read: both end the connection."""
    for side in (s.theirs, s.ours):
        for api, value in (("DescribeAcls", WILD | {"Operation": 0}), ("DeleteAcls", {"Filters": [WILD, WILD | {"PatternTypeFilter": 0}]}),
                           ("CreateAcls", {"Creations": [{"ResourceType": 2, "ResourceName": "t", "ResourcePatternType": 3, "Principal": "User:u0",
                                                          "Host": "*", "Operation": 3, "PermissionType": 0}]})):
            with side.connect("root") as w:
                try:
                    reply = w.request(api, 3, value)
                except kw.Closed:
                    continue
                raise AssertionError(f"{side.name}: {api} was answered: {reply}")


def test_verdicts():
    """Sets of ACLs made at random, and none at all: each answer of each user as Kafka's."""
    checks.run(Both, (check_random_sets, acls_streams.check_streams_topics, check_tokens, check_acl_apis, check_zeros))
