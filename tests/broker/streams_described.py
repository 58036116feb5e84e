"""Descriptions of topologies (KIP-1331), which Kafka 4.4 brings: a member sends its own when it is asked to, brokers keep it by a
plugin, StreamsGroupDescribe v1 tells it. For other_brokers.py: Kafka 4.3 has none of it."""
import pathlib
import uuid

from runner import both, create_topic, equal, fresh, kw, stack, true

HERE = pathlib.Path(__file__).resolve().parent
AVAILABLE = 3
UPDATE, BEAT, DESCRIBE = "StreamsGroupTopologyDescriptionUpdate", "StreamsGroupHeartbeat", "StreamsGroupDescribe"


def beat(w, group, member, epoch, source, version=1):
    part = {"SubtopologyId": "0", "SourceTopics": [source], "SourceTopicRegex": [], "StateChangelogTopics": [], "RepartitionSinkTopics": [],
            "RepartitionSourceTopics": [], "CopartitionGroups": []}
    first = epoch == 0
    return w.request(BEAT, version, {
        "GroupId": group, "MemberId": member, "MemberEpoch": epoch, "EndpointInformationEpoch": 0,
        "RebalanceTimeoutMs": 30000 if first else -1, "ProcessId": member if first else None, "ClientTags": [] if first else None,
        "ActiveTasks": [] if first else None, "StandbyTasks": [] if first else None, "WarmupTasks": [] if first else None,
        "Topology": {"Epoch": 0, "Subtopologies": [part]} if first else None})


def node(name, kind, sources=(), sink=None):
    return {"Name": name, "NodeType": kind, "SourceTopics": list(sources), "SinkTopic": sink, "Stores": [], "Successors": []}


def description(source, sink):
    """Names of topics in each place; nodes that are called like one."""
    return {"Subtopologies": [{"SubtopologyId": "0", "Nodes": [
        node("in", 1, [source, "another"]), node(source, 2), node("out", 3, sink=sink), node("anywhere", 3)]}],
        "GlobalStores": [{"Source": node("global", 1, [source]), "Processor": node("globally", 2)}]}


def names_of(d):
    """-> names of nodes, topics read, topics written to."""
    nodes = [n for p in d["Subtopologies"] for n in p["Nodes"]] + [g[k] for g in d["GlobalStores"] for k in ("Source", "Processor")]
    return [n["Name"] for n in nodes], [t for n in nodes for t in n["SourceTopics"]], [n["SinkTopic"] for n in nodes]


def send(w, group, member, said):
    r = w.request(UPDATE, 0, {"GroupId": group, "MemberId": member, "TopologyEpoch": 0, "TopologyDescription": said})
    return r["ErrorCode"], r["ErrorMessage"]


def describe(w, group, version=1):
    asked = {"GroupIds": [group], "IncludeAuthorizedOperations": False}
    if version >= 1:
        asked["IncludeTopologyDescription"] = True
    return w.request(DESCRIBE, version, asked)["Groups"][0]


def joined(t, w, group, member, topic):
    """-> the epoch of a member whom the broker asks for a description."""
    ask = {"KeyType": 0, "CoordinatorKeys": [group]}
    stack.wait_until("a coordinator", lambda: w.request("FindCoordinator", 5, ask)["Coordinators"][0]["ErrorCode"] == 0)
    r = stack.wait_until("the coordinator answers", lambda: (r := beat(w, group, member, 0, topic))["ErrorCode"] not in (14, 15, 16) and r)
    equal(f"{t.name} joins", (0, None), (r["ErrorCode"], r["ErrorMessage"]))
    said = [r]

    def asked():
        if not said[-1]["TopologyDescriptionRequired"]:
            said.append(beat(w, group, member, said[-1]["MemberEpoch"], topic))
            equal("a heartbeat", 0, said[-1]["ErrorCode"])
        return said[-1]["TopologyDescriptionRequired"]
    stack.wait_until("it is asked for a description", asked)
    return said[-1]["MemberEpoch"]


def by_hand(s, t, group, topic):
    """What a member says comes back as it was said, to its own tenant; the cluster has it by its own names."""
    member, sums = str(uuid.uuid4()), "sums"
    said = description(topic, sums)
    with t.wire() as w, s.kafka.wire() as p:
        epoch = joined(t, w, group, member, topic)
        equal("not stored yet", (1, None), (lambda g: (g["TopologyDescriptionStatus"], g["TopologyDescription"]))(describe(w, group)))
        for bad in (description("a b", sums), description(topic, "")):
            code, words = send(w, group, member, bad)
            true(f"an impossible name: {code} {words}", code == 42 and "not valid topic names" in words)
        equal("a stranger", 25, send(w, group, str(uuid.uuid4()), said)[0])
        equal("no such group", 69, send(w, fresh("nobody"), member, said)[0])
        equal("sent", (0, None), send(w, group, member, said))
        equal("asked for no more", (0, False), (lambda r: (r["ErrorCode"], r["TopologyDescriptionRequired"]))(beat(w, group, member, epoch, topic)))
        g = describe(w, group)
        equal("status", (0, AVAILABLE), (g["ErrorCode"], g["TopologyDescriptionStatus"]))
        equal("as it was said", names_of(said), names_of(g["TopologyDescription"]))
        true("an assignor", g["AssignorName"])
        true("v0 has none", "TopologyDescription" not in describe(w, group, 0) and beat(w, group, member, epoch, topic, 0)["ErrorCode"] == 0)
        nodes, read, written = names_of(describe(p, f"{t.name}.{group}")["TopologyDescription"])
        equal("nodes are the application's own", names_of(said)[0], nodes)
        equal("on the cluster", ([f"{t.name}.{x}" for x in names_of(said)[1]], {f"{t.name}.{sums}", None}), (read, set(written)))
        equal("it leaves", 0, beat(w, group, member, -1, topic)["ErrorCode"])


def tags_are_missing(t, topic):
    """A status that only version 1 knows, in the broker's own words."""
    group, member = fresh("tagged"), str(uuid.uuid4())
    with t.wire() as w:
        r = w.request("IncrementalAlterConfigs", 1, {"Resources": [{"ResourceType": 32, "ResourceName": group, "Configs": [
            {"Name": "streams.rack.aware.assignment.tags", "ConfigOperation": 0, "Value": "zone"},
            {"Name": "streams.num.standby.replicas", "ConfigOperation": 0, "Value": "1"}]}]})["Responses"][0]
        equal("configs", (0, None), (r["ErrorCode"], r["ErrorMessage"]))
        epoch = joined(t, w, group, member, topic)

        def said(version):
            r = beat(w, group, member, epoch, topic, version)
            equal("a heartbeat", 0, r["ErrorCode"])
            return {x["StatusCode"]: x["StatusDetail"] for x in r["Status"] or []}.get(6)
        words = stack.wait_until("tags are missing", lambda: said(1))
        equal("in words", "Missing required client tags for rack-aware standby assignment: [zone]. Configure them via 'client.tag.<tagKey>' in "
              "your Streams config.", words)
        equal("version 0 knows nothing of it", None, said(0))
        beat(w, group, member, -1, topic)


def by_kafka_streams(t, kafka, orders, customers, sums, app):
    """The client of 4.4 sends its own, and Kafka's tool of 4.4 shows it."""
    said = stack.tool(HERE / "java/StreamsJoin.java", t.java_file(), "streams", app, orders, customers, sums, f"{t.name}-", timeout=170, env=kafka)
    equal(f"{t.name}", "ok", said.stdout.strip().splitlines()[-1])
    said = t.tool("streams-groups", "--describe", "--group", app, "--topology", env=kafka).stdout
    true(f"the topology is shown:\n{said}", all(x in said for x in (orders, customers, sums, "KSTREAM-SINK-")))


def run(s, version):
    """For both tenants with the same names."""
    group, topic = fresh("described"), fresh("read")
    app, orders, customers, sums = (fresh(w) for w in ("app", "orders", "customers", "sums"))
    kafka = {"KAFKA_VERSION": version}
    with s.acme.wire() as w, s.globex.wire() as g:
        for wire in (w, g):
            wire.api_versions()
            for api, high in ((UPDATE, 0), (BEAT, 1), (DESCRIBE, 1)):
                key = next(k for k, n in kw.schemas().names.items() if n == api)
                equal(api, (0, high), wire.ranges.get(key))
    for t in (s.acme, s.globex):
        create_topic(t, topic)
        for name in (orders, customers, sums):
            create_topic(t, name, 2)
        by_hand(s, t, group, topic)
        tags_are_missing(t, topic)
    both(lambda t: by_kafka_streams(t, kafka, orders, customers, sums, app), s.acme, s.globex)
