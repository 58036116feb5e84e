"""Attacks on what administers a cluster: configs, records, producers, directories, and what is the platform's alone."""

import kafkawire as kw
from cases import DENIED_CLUSTER, INVALID_REQUEST, POLICY, UNKNOWN_TOPIC, case, closes, expect

TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE = 0, 1
DISABLED = 54


def describe(w, kind, name, version=4):
    r = w.request("DescribeConfigs", version, {"Resources": [{"ResourceType": kind, "ResourceName": name, "ConfigurationKeys": None}]})
    return r["Results"][0]["ErrorCode"], {c["Name"]: (c["Value"], c["ConfigSource"]) for c in r["Results"][0]["Configs"]}


def alter(w, kind, name, config, value, version=1):
    """value None: back to the default."""
    change = [{"Name": config, "ConfigOperation": DELETE if value is None else SET, "Value": value}]
    r = w.request("IncrementalAlterConfigs", version, {"Resources": [{"ResourceType": kind, "ResourceName": name, "Configs": change}],
                                                       "ValidateOnly": False})
    return r["Responses"][0]["ErrorCode"]


def versions(w, api):
    w.api_versions()
    low, high = w.ranges[kw.schemas().key(api)]
    return range(low, high + 1)


# ---- configs --------------------------------------------------------------------------------------------------------

@case("configs: brokers are virtual, loggers refused, no client metrics, the victim's topic is not there, its group has defaults")
def _(world, v):
    with world.physical() as p:
        expect("the victim's group is configured", alter(p, GROUP, v.physical(v.group), "share.auto.offset.reset", "earliest"), 0)
    with world.wire() as w:
        for version in versions(w, "DescribeConfigs"):
            for name in ("1", ""):
                code, found = describe(w, BROKER, name, version)
                expect(f"broker {name!r} v{version}", code, 0)
                foreign = [n for n in found if n.startswith(("listeners", "advertised", "log.", "ssl.", "sasl.jaas", "controller."))]
                expect(f"broker {name!r} v{version}", foreign, [[]])
            expect("another broker", describe(w, BROKER, "2", version)[0], INVALID_REQUEST)
            expect("loggers", describe(w, BROKER_LOGGER, "1", version), [(DENIED_CLUSTER, {})])
            expect("client metrics", describe(w, CLIENT_METRICS, "sub", version), [(0, {})])
            expect("the victim's topic", describe(w, TOPIC, v.physical(v.topic), version), [(UNKNOWN_TOPIC, {})])
            for name in (v.group, v.physical(v.group)):
                code, found = describe(w, GROUP, name, version)
                expect(f"group {name}", (code, found.get("share.auto.offset.reset")), [(0, ("latest", 5))])
            for kind in (0, 1, 99):
                expect(f"type {kind}", describe(w, kind, "x", version), [(INVALID_REQUEST, {})])


@case("changes to configs of brokers, loggers and client metrics are refused; of the victim's group they are an own one's")
def _(world, v):
    with world.wire() as w:
        for version in versions(w, "IncrementalAlterConfigs"):
            for kind, name in ((BROKER, "1"), (BROKER, ""), (BROKER_LOGGER, "1"), (CLIENT_METRICS, "sub")):
                expect(f"{kind} {name!r} v{version}", alter(w, kind, name, "log.retention.ms", "1", version), DENIED_CLUSTER)
            expect("an unknown type", alter(w, 99, "x", "retention.ms", "1", version), {INVALID_REQUEST, 35})
            expect("the victim's topic", alter(w, TOPIC, v.physical(v.topic), "retention.ms", "1", version), UNKNOWN_TOPIC)
            for name in (v.group, v.physical(v.group)):
                for value in ("51000", None):  # an own group of that name would be listed, rightly
                    expect(f"group {name}", alter(w, GROUP, name, "consumer.session.timeout.ms", value, version), 0)
        expect("an offloaded assignor", alter(w, GROUP, "mine", "share.assignor.offload.enable", "true"), POLICY)
        expect("a dead-letter topic of Kafka's own", alter(w, GROUP, "mine", "errors.deadletterqueue.topic.name", "__consumer_offsets"), 40)
    with world.physical() as p:
        code, found = describe(p, GROUP, v.physical(v.group))
        expect("the victim's group", found["consumer.session.timeout.ms"][1], 5)
        expect("no subscription", [x for x in p.request("ListConfigResources", 1, {"ResourceTypes": [CLIENT_METRICS]})["ConfigResources"]], [[]])


@case("the old AlterConfigs leaves the platform's settings, and does nothing to others")
def _(world, v):
    mine = world.own_topics[0]
    with world.physical() as p:
        expect("the platform sets", alter(p, TOPIC, "acme." + mine, "flush.ms", "86400000"), 0)
    with world.wire() as w:
        for version in versions(w, "AlterConfigs"):
            def old(kind, name, config="retention.ms", value="86400000"):
                r = w.request("AlterConfigs", version, {"Resources": [{"ResourceType": kind, "ResourceName": name, "Configs": [
                    {"Name": config, "Value": value}]}], "ValidateOnly": False})
                return r["Responses"][0]["ErrorCode"]
            expect(f"own v{version}", old(TOPIC, mine), 0)
            expect("the platform's", describe(w, TOPIC, mine)[1]["flush.ms"], [("86400000", 1)])
            expect("set by a tenant", old(TOPIC, mine, "flush.ms", "1"), POLICY)
            expect("the victim's", old(TOPIC, v.physical(v.topic)), UNKNOWN_TOPIC)
            for kind, name in ((BROKER, "1"), (BROKER, ""), (BROKER_LOGGER, "1"), (CLIENT_METRICS, "sub")):
                expect(f"{kind} {name!r}", old(kind, name), DENIED_CLUSTER)


@case("ListConfigResources: own topics and groups, virtual brokers, nothing else")
def _(world, v):
    with world.physical() as p:
        expect("the victim's group has configs", alter(p, GROUP, v.physical(v.hidden_group), "share.auto.offset.reset", "earliest"), 0)
    with world.wire() as w:
        expect("an own group has configs", alter(w, GROUP, "listed", "share.auto.offset.reset", "earliest"), 0)
        world.until("it is listed", lambda: "listed" in {
            x["ResourceName"] for x in w.request("ListConfigResources", 1, {"ResourceTypes": [GROUP]})["ConfigResources"]})
        expect("v0", w.request("ListConfigResources", 0, {})["ConfigResources"], [[]])
        for types in ([], [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP]):
            found = {(x["ResourceType"], x["ResourceName"]) for x in w.request("ListConfigResources", 1, {"ResourceTypes": types})["ConfigResources"]}
            expect("topics", {n for t, n in found if t == TOPIC} >= set(world.own_topics), True)
            expect("groups", (GROUP, "listed") in found, True)
            expect("brokers", {n for t, n in found if t == BROKER}, [{"1"}])
            expect("types", {t for t, _ in found}, [{TOPIC, BROKER, GROUP}])
            expect("foreign", [n for _, n in found if v.hidden_group in n or v.hidden_topic in n or n.startswith("__")], [[]])
        expect("an unknown type", w.request("ListConfigResources", 1, {"ResourceTypes": [99]})["ErrorCode"], 35)


# ---- records and directories ------------------------------------------------------------------------------------------

@case("DeleteRecords and DescribeProducers of the victim's physical name find nothing")
def _(world, v):
    with world.wire() as w:
        for version in versions(w, "DeleteRecords"):
            for name in (v.physical(v.topic), "__consumer_offsets"):
                r = w.request("DeleteRecords", version, {"TimeoutMs": 5000, "Topics": [{"Name": name, "Partitions": [
                    {"PartitionIndex": 0, "Offset": -1}]}]})["Topics"][0]["Partitions"][0]
                expect(f"{name} v{version}", (r["ErrorCode"], r["LowWatermark"]), [(UNKNOWN_TOPIC, -1)])
        for name in (v.physical(v.topic), "__transaction_state"):
            r = w.request("DescribeProducers", 0, {"Topics": [{"Name": name, "PartitionIndexes": [0]}]})["Topics"][0]["Partitions"][0]
            expect(name, (r["ErrorCode"], r["ActiveProducers"]), [(UNKNOWN_TOPIC, [])])
        r = w.request("DescribeProducers", 0, {"Topics": [{"Name": "..", "PartitionIndexes": [0]}]})["Topics"][0]["Partitions"][0]
        expect("an illegal name", r["ErrorCode"], 17)


@case("DescribeLogDirs of everything: own topics, no path, no size of a disk")
def _(world, v):
    with world.wire() as w:
        for version in versions(w, "DescribeLogDirs"):
            for topics in (None, [{"Topic": v.physical(v.topic), "Partitions": [0, 1]}, {"Topic": "__consumer_offsets", "Partitions": [0]},
                                  {"Topic": world.own_topics[0], "Partitions": [0]}]):
                r = w.request("DescribeLogDirs", version, {"Topics": topics})
                expect("error", r.get("ErrorCode", 0), 0)
                for d in r["Results"]:
                    expect("path", d["LogDir"], "/logs/1")
                    names = {t["Name"] for t in d["Topics"]}
                    # Other cases make topics of their own, which is what is left.
                    expect("foreign topics", {n for n in names if n.startswith(("globex", "__")) or v.topic in n}, [set()])
                    expect("own topics", names >= ({world.own_topics[0]} if topics else set(world.own_topics)), True)
                    expect("sizes", (d.get("TotalBytes", -1), d.get("UsableBytes", -1)), [(-1, -1)])


# ---- what is the platform's -------------------------------------------------------------------------------------------

@case("elections, reassignments, directories, features, quorum, brokers, voters, markers: refused in each version")
def _(world, v):
    def pick(path, kind):
        return {"string": v.physical(v.topic), "uuid": v.topic_id, "bool": True}.get(kind, 1)

    with world.wire() as w:
        for api in ("AlterReplicaLogDirs", "ElectLeaders", "AlterPartitionReassignments", "DescribeQuorum", "UpdateFeatures", "UnregisterBroker",
                    "AddRaftVoter", "RemoveRaftVoter", "WriteTxnMarkers"):
            for version in versions(w, api):
                r = w.request(api, version, kw.sample(api, version, "request", pick))
                codes = {c for path, c in kw.leaves(dict(r)) if path.endswith("ErrorCode")}
                expect(f"{api} v{version}", codes, [{DENIED_CLUSTER}])
        for version in (1, 2):
            r = w.request("ElectLeaders", version, {"ElectionType": 1, "TopicPartitions": None})
            expect(f"all of the cluster v{version}", (r["ErrorCode"], r["ReplicaElectionResults"]), [(DENIED_CLUSTER, [])])
        r = w.request("ListPartitionReassignments", 0, {"Topics": None})
        expect("reassignments", (r["ErrorCode"], r["Topics"]), [(0, [])])


@case("an Envelope around another's words, and telemetry with the victim's instance, end the connection")
def _(world, v):
    inner = kw.request_header("CreateTopics", 7, 1, "x") + kw.encode("CreateTopics", 7, "request", {
        "timeoutMs": 1000, "Topics": [{"Name": "by-envelope", "NumPartitions": 1, "ReplicationFactor": 1}]})
    closes(world, lambda w: w.send("Envelope", 0, {"RequestData": inner, "RequestPrincipal": b"\0\0\5User\6admin\0", "ClientHostAddress": b"\x7f\0\0\1"}))
    closes(world, lambda w: w.send("GetTelemetrySubscriptions", 0, {"ClientInstanceId": v.topic_id}))
    closes(world, lambda w: w.send("PushTelemetry", 0, {"ClientInstanceId": v.topic_id, "SubscriptionId": 1, "Terminating": False,
                                                        "CompressionType": 0, "Metrics": b"x"}))
    with world.physical() as p:
        t = p.request("Metadata", 12, {"Topics": [{"Name": "by-envelope"}], "AllowAutoTopicCreation": False})["Topics"][0]
        expect("on the cluster", t["ErrorCode"], UNKNOWN_TOPIC)


@case("a batch with the control bit is refused, and the text says nothing")
def _(world, v):
    with world.wire() as w:
        for version in (3, 9, 12):
            part = {"Index": 0, "Records": kw.batch([(b"k", b"attack")], attributes=kw.CONTROL)}
            r = w.request("Produce", version, {"Acks": -1, "TimeoutMs": 5000, "TransactionalId": None, "TopicData": [
                {"Name": world.own_topics[0], "PartitionData": [part]}]})["Responses"][0]["PartitionResponses"][0]
            expect(f"v{version}", r["ErrorCode"] != 0, True)
            expect(f"v{version}: text", "acme." in (r.get("ErrorMessage") or ""), False)


# ---- ACLs -------------------------------------------------------------------------------------------------------------

@case("ACLs on the victim's names, prefixes and on everything change nothing of the victim's, and no filter shows or deletes its ACLs")
def _(world, v):
    theirs = world.stack.rest("GET", "/v1/tenants/globex/acls")["items"]
    decides = world.stack.rest("GET", "/v1/tenants/acme")["authorizer"] == "acl"
    names = [(v.topic, 3), (v.physical(v.topic), 3), ("globex.", 4), ("g", 4), ("*", 3)]
    entry = {"Principal": "User:mallory", "Host": "*", "Operation": 2, "PermissionType": 3}
    some = {"ResourceTypeFilter": 1, "PrincipalFilter": "User:mallory", "HostFilter": None, "Operation": 1, "PermissionType": 1}
    with world.wire() as w:
        for version in (1, 2, 3):
            made = w.request("CreateAcls", version, {"Creations": [
                {"ResourceType": kind, "ResourceName": n, "ResourcePatternType": p, **entry} for n, p in names for kind in (2, 3, 5)]})
            expect(f"v{version}: made", {r["ErrorCode"] for r in made["Results"]}, [{0 if decides else DISABLED}])
            t = w.request("Metadata", 12, {"Topics": [{"Name": v.physical(v.topic)}]})["Topics"]
            expect(f"v{version}: topic", [x["ErrorCode"] for x in t], [[UNKNOWN_TOPIC]])
            for pattern in (1, 2):
                for name in (None, v.topic, v.physical(v.topic), v.group):
                    f = {**some, "ResourceNameFilter": name, "PatternTypeFilter": pattern}
                    found = w.request("DescribeAcls", version, f)
                    shown = {a["Principal"] for r in found["Resources"] for a in r["Acls"]}
                    expect(f"v{version}: shown", shown <= {"User:mallory"}, True)
                    gone = w.request("DeleteAcls", version, {"Filters": [f]})["FilterResults"][0]
                    expect(f"v{version}: gone", {a["Principal"] for a in gone["MatchingAcls"]} <= {"User:mallory"}, True)
    expect("the victim's ACLs", [world.stack.rest("GET", "/v1/tenants/globex/acls")["items"]], [[theirs]])


# ---- quotas -----------------------------------------------------------------------------------------------------------

@case("quotas of the victim's users, client ids and groups are neither seen nor altered; nor are the platform's limits of the own tenant")
def _(world, v):
    def items(tenant):
        return world.stack.rest("GET", f"/v1/tenants/{tenant}/quotas")["items"]
    def put(tenant, *quotas):
        return world.stack.rest("PUT", f"/v1/tenants/{tenant}/quotas", {"quotas": list(quotas)})
    theirs, mine = items("globex"), items("acme")
    far = {"producer_byte_rate": 10 ** 15}
    put("globex", {"type": "client", "user": "alice", "limits": far}, {"type": "client", "clientId": v.topic, "limits": far},
        {"type": "tenant", "limits": far})
    put("acme", {"type": "tenant", "limits": far})
    planted = items("globex"), items("acme")
    names = [None, "alice", "globex/alice", "globex.alice", "User:alice", v.topic, v.physical(v.topic)]
    with world.wire() as w:
        for version in (0, 1):
            for strict in (False, True):
                for parts in [[], *([{"EntityType": t, "MatchType": m, "Match": n}] for t in ("user", "client-id", "ip", "tenant", "group")
                                    for m, n in [(2, None), (1, None), *((0, x) for x in names[1:])])]:
                    r = w.request("DescribeClientQuotas", version, {"Components": parts, "Strict": strict})
                    expect(f"v{version}: {parts} is not seen", r["Entries"] or [], [[]])
            for kind in ("tenant", "group", "unattributed", ""):
                r = w.request("AlterClientQuotas", version, {"ValidateOnly": False, "Entries": [
                    {"Entity": [{"EntityType": kind, "EntityName": n}], "Ops": [{"Key": "producer_byte_rate", "Value": 1.0, "Remove": remove}]}
                    for n in (None, "acme", "globex", v.group) for remove in (False, True)]})
                expect(f"v{version}: {kind}", {e["ErrorCode"] != 0 for e in r["Entries"]}, [{True}])
            for value, remove in ((1e15, False), (0.0, True)):
                w.request("AlterClientQuotas", version, {"ValidateOnly": False, "Entries": [
                    {"Entity": [{"EntityType": t, "EntityName": n}], "Ops": [{"Key": "producer_byte_rate", "Value": value, "Remove": remove}]}
                    for t in ("user", "client-id") for n in names]})
    expect("the victim's quotas and the own tenant's", [(items("globex"), items("acme"))], [[planted]])
    for tenant, before in (("globex", theirs), ("acme", mine)):
        put(tenant, *before)


# ---- texts ------------------------------------------------------------------------------------------------------------

@case("texts of errors say nothing of prefixes, hosts and others")
def _(world, v):
    mine = world.own_topics[0]
    with world.wire() as w:
        texts = []

        def hear(r):
            texts.extend(x for path, x in kw.leaves(dict(r)) if path.endswith("Message") and x)

        def create(name, **more):
            hear(w.request("CreateTopics", 7, {"timeoutMs": 5000, "Topics": [{"Name": name, "NumPartitions": 1, "ReplicationFactor": 1, **more}]}))
        create(mine)
        create(mine.replace("-", "_"))
        create("too-many-replicas", ReplicationFactor=99)
        create("no-partitions", NumPartitions=0)
        create("bad", Configs=[{"Name": "cleanup.policy", "Value": "shred"}])
        create("worse", Configs=[{"Name": "segment.bytes", "Value": "globex.x"}])
        for count in (1, 0, -1):
            hear(w.request("CreatePartitions", 3, {"Topics": [{"Name": mine, "Count": count, "Assignments": None}], "TimeoutMs": 5000,
                                                   "ValidateOnly": False}))
        hear(w.request("DeleteTopics", 6, {"Topics": [{"Name": "not-there"}], "TimeoutMs": 5000}))
        for value in ("shred", "compact,shred"):
            hear(w.request("IncrementalAlterConfigs", 1, {"Resources": [{"ResourceType": TOPIC, "ResourceName": mine, "Configs": [
                {"Name": "cleanup.policy", "ConfigOperation": SET, "Value": value}]}], "ValidateOnly": False}))
        hear(w.request("IncrementalAlterConfigs", 1, {"Resources": [{"ResourceType": GROUP, "ResourceName": "g", "Configs": [
            {"Name": "share.auto.offset.reset", "ConfigOperation": SET, "Value": "sometimes"}]}], "ValidateOnly": False}))
    with world.coordinator("classic") as w:
        if "ConsumerGroupDescribe" in {kw.schemas().names[k] for k in world.offered()}:
            hear(w.request("ConsumerGroupDescribe", 0, {"GroupIds": ["classic", v.group]}))
    if len(texts) < 9:
        raise AssertionError(f"few texts: {texts}")
    for text in texts:
        for word in ("acme.", "globex.", "127.0.0.1", v.hidden_topic, "User:"):
            if word in text and "globex.x" not in text:
                raise AssertionError(f"{word} in {text!r}")


# ---- users ------------------------------------------------------------------------------------------------------------

def scram_change(name, remove=False):
    keys = {"Salt": b"0123456789", "SaltedPassword": bytes(64), "Iterations": 4096}
    return {"Deletions": [{"Name": name, "Mechanism": 2}] if remove else [],
            "Upsertions": [] if remove else [{"Name": name, "Mechanism": 2, **keys}]}


@case("SCRAM credentials: neither the victim's users nor the cluster's are described, altered or deleted, by whatever names")
def _(world, v):
    rest = world.stack.rest
    theirs = rest("GET", "/v1/tenants/globex/users")["items"]
    physical = f"login-{v.topic}"
    with world.physical() as k:
        k.request("AlterUserScramCredentials", 0, scram_change(physical))
    mine = {u["name"] for u in rest("GET", "/v1/tenants/acme/users")["items"]}
    with world.wire() as w:
        everybody = w.request("DescribeUserScramCredentials", 0, {"Users": None})
        expect("everybody", {r["User"] for r in everybody["Results"]} <= mine, True)
        for name in (physical, f"globex.{physical}", f"globex/{theirs[0]['name']}", f"globex.{theirs[0]['name']}"):
            found = w.request("DescribeUserScramCredentials", 0, {"Users": [{"Name": name}]})["Results"][0]
            expect(f"{name} is described", [found["ErrorCode"], found["CredentialInfos"]], [[91, []]])
            gone = w.request("AlterUserScramCredentials", 0, scram_change(name, True))["Results"][0]
            expect(f"{name} is deleted", gone["ErrorCode"], [91])
        made = w.request("AlterUserScramCredentials", 0, scram_change(physical))["Results"][0]
        expect("a user of the attacker's own by that name", made["ErrorCode"], [0])
        gone = w.request("AlterUserScramCredentials", 0, scram_change(physical, True))["Results"][0]
        expect("and away again", gone["ErrorCode"], [0])
    with world.physical() as k:
        world.until("the broker tells of the cluster's own", lambda: k.request(
            "DescribeUserScramCredentials", 0, {"Users": [{"Name": physical}]})["Results"][0]["CredentialInfos"])
        k.request("AlterUserScramCredentials", 0, scram_change(physical, True))
    expect("the victim's users", [rest("GET", "/v1/tenants/globex/users")["items"]], [[theirs]])
