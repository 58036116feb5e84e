"""Attacks by way of streams groups: a topology is names that a broker reads, waits for and creates."""
import uuid

import kafkawire as kw

from cases import INVALID_REQUEST, case, closes, expect

INVALID_TOPOLOGY, AVAILABLE = 130, 3
UPDATE = "StreamsGroupTopologyDescriptionUpdate"


def versions(world, api):
    """Lowest and highest of those that are offered; none: nothing of it is (Kafka 4.3 has no version 1 of these)."""
    span = world.offered().get(next(k for k, n in kw.schemas().names.items() if n == api))
    return sorted(set(span or ()))


def beat(w, group, member=None, epoch=0, version=0, **subtopology):
    topology = {"Epoch": 0, "Subtopologies": [{"SubtopologyId": "0", "SourceTopics": [], "SourceTopicRegex": [], "StateChangelogTopics": [],
                                               "RepartitionSinkTopics": [], "RepartitionSourceTopics": [], "CopartitionGroups": [],
                                               **subtopology}]}
    return w.request("StreamsGroupHeartbeat", version, {
        "GroupId": group, "MemberId": member or str(uuid.uuid4()), "MemberEpoch": epoch, "EndpointInformationEpoch": 0,
        "RebalanceTimeoutMs": 30000, "ProcessId": str(uuid.uuid4()), "ActiveTasks": [], "StandbyTasks": [], "WarmupTasks": [],
        "ClientTags": [], "Topology": topology if epoch == 0 else None})


@case("streams groups: the victim's topics are missing ones of one's own; Kafka's own, patterns and costly configs are refused")
def _(world, v):
    for version in versions(world, "StreamsGroupHeartbeat"):
        with world.coordinator("mine") as w:
            for i, name in enumerate((v.topic, v.physical(v.topic))):
                r = beat(w, f"mine-streams-{version}-{i}", version=version, SourceTopics=[name])
                status = {x["StatusCode"]: x["StatusDetail"] for x in r["Status"] or []}
                expect(f"{name} is missing", (r["ErrorCode"], name in status.get(1, ""), bool(r["ActiveTasks"])), [(0, True, False)])
                r = beat(w, f"mine-sinks-{version}-{i}", version=version, SourceTopics=[world.own_topics[0]], RepartitionSinkTopics=[name])
                expect(f"{name} as a sink", r["ErrorCode"], {0, INVALID_REQUEST, INVALID_TOPOLOGY})
            for more in ({"SourceTopics": ["__consumer_offsets"]}, {"SourceTopics": [world.own_topics[0]], "SourceTopicRegex": [".*"]},
                         {"SourceTopics": [world.own_topics[0]], "StateChangelogTopics": [{
                             "Name": "own-changelog", "Partitions": 0, "ReplicationFactor": 0,
                             "TopicConfigs": [{"Key": "remote.storage.enable", "Value": "true"}]}]}):
                expect(f"{more}", beat(w, "mine-refused", version=version, **more)["ErrorCode"], INVALID_TOPOLOGY)


@case("streams groups: the victim's groups, by either name, are none of one's own")
def _(world, v):
    with world.coordinator("mine") as w:
        for group in (v.group, v.physical(v.group)):
            for version in versions(world, "StreamsGroupDescribe"):
                more = {"IncludeTopologyDescription": True} if version >= 1 else {}
                g = w.request("StreamsGroupDescribe", version, {"GroupIds": [group], "IncludeAuthorizedOperations": True, **more})["Groups"][0]
                expect("describe", (g["GroupId"], g["ErrorCode"], g["Members"], g["Topology"]), [(group, 69, [], None)])
                expect("description", (g.get("TopologyDescriptionStatus", 0), g.get("TopologyDescription")), [(0, None)])
            for version in versions(world, "StreamsGroupHeartbeat"):
                expect("going on as a member", beat(w, group, epoch=3, version=version)["ErrorCode"], {25, 69, 110})


def node(kind, sources, sink):
    return {"Name": "n", "NodeType": kind, "SourceTopics": sources, "SinkTopic": sink, "Stores": [], "Successors": []}


def graph(topic):
    return {"Subtopologies": [{"SubtopologyId": "0", "Nodes": [node(1, [topic], None), node(3, [], topic)]}],
            "GlobalStores": [{"Source": node(1, [topic], None), "Processor": node(2, [], None)}]}


@case("streams groups: a description that names the victim's topics is an own one's words; the victim's group has none of it")
def _(world, v):
    said = {"GroupId": v.group, "MemberId": "m", "TopologyEpoch": 0, "TopologyDescription": graph(v.topic)}
    if not versions(world, UPDATE):  # before Kafka 4.4
        closes(world, lambda w: w.send(UPDATE, 0, said))
        return
    group, member = "mine-described", str(uuid.uuid4())
    with world.coordinator(group) as w, world.physical() as p:
        for other in (v.group, v.physical(v.group)):
            expect("of the victim's group", w.request(UPDATE, 0, dict(said, GroupId=other))["ErrorCode"], {25, 69})
        expect("joining", beat(w, group, member, version=1, SourceTopics=[world.own_topics[0]])["ErrorCode"], 0)
        for name in (v.topic, v.physical(v.topic), "__consumer_offsets"):
            r = w.request(UPDATE, 0, {"GroupId": group, "MemberId": member, "TopologyEpoch": 0, "TopologyDescription": graph(name)})
            expect(f"with {name}", (r["ErrorCode"], r["ErrorMessage"]), [(0, None)])
            for wire, id, topic in ((w, group, name), (p, f"acme.{group}", f"acme.{name}")):
                g = wire.request("StreamsGroupDescribe", 1, {"GroupIds": [id], "IncludeAuthorizedOperations": False,
                                                             "IncludeTopologyDescription": True})["Groups"][0]
                expect(f"{id} is told", (g["TopologyDescriptionStatus"], g["TopologyDescription"]), [(AVAILABLE, graph(topic))])
        beat(w, group, member, epoch=-1, version=1)
