"""Attacks by way of streams groups: a topology is names that a broker reads, waits for and creates."""
import uuid

from cases import INVALID_REQUEST, case, expect

INVALID_TOPOLOGY = 130


def beat(w, group, member=None, epoch=0, **subtopology):
    topology = {"Epoch": 0, "Subtopologies": [{"SubtopologyId": "0", "SourceTopics": [], "SourceTopicRegex": [], "StateChangelogTopics": [],
                                               "RepartitionSinkTopics": [], "RepartitionSourceTopics": [], "CopartitionGroups": [],
                                               **subtopology}]}
    return w.request("StreamsGroupHeartbeat", 0, {
        "GroupId": group, "MemberId": member or str(uuid.uuid4()), "MemberEpoch": epoch, "EndpointInformationEpoch": 0,
        "RebalanceTimeoutMs": 30000, "ProcessId": str(uuid.uuid4()), "ActiveTasks": [], "StandbyTasks": [], "WarmupTasks": [],
        "ClientTags": [], "Topology": topology if epoch == 0 else None})


@case("streams groups: the victim's topics are missing ones of one's own; Kafka's own, patterns and costly configs are refused")
def _(world, v):
    with world.coordinator("mine") as w:
        for i, name in enumerate((v.topic, v.physical(v.topic))):
            r = beat(w, f"mine-streams-{i}", SourceTopics=[name])
            status = {x["StatusCode"]: x["StatusDetail"] for x in r["Status"] or []}
            expect(f"{name} is missing", (r["ErrorCode"], name in status.get(1, ""), bool(r["ActiveTasks"])), [(0, True, False)])
            r = beat(w, f"mine-sinks-{i}", SourceTopics=[world.own_topics[0]], RepartitionSinkTopics=[name])
            expect(f"{name} as a sink", r["ErrorCode"], {0, INVALID_REQUEST, INVALID_TOPOLOGY})
        for more in ({"SourceTopics": ["__consumer_offsets"]}, {"SourceTopics": [world.own_topics[0]], "SourceTopicRegex": [".*"]},
                     {"SourceTopics": [world.own_topics[0]], "StateChangelogTopics": [{
                         "Name": "own-changelog", "Partitions": 0, "ReplicationFactor": 0,
                         "TopicConfigs": [{"Key": "remote.storage.enable", "Value": "true"}]}]}):
            expect(f"{more}", beat(w, "mine-refused", **more)["ErrorCode"], INVALID_TOPOLOGY)


@case("streams groups: the victim's groups, by either name, are none of one's own")
def _(world, v):
    with world.coordinator("mine") as w:
        for group in (v.group, v.physical(v.group)):
            g = w.request("StreamsGroupDescribe", 0, {"GroupIds": [group], "IncludeAuthorizedOperations": True})["Groups"][0]
            expect("describe", (g["GroupId"], g["ErrorCode"], g["Members"], g["Topology"]), [(group, 69, [], None)])
            r = beat(w, group, epoch=3)
            expect("going on as a member", r["ErrorCode"], {25, 69, 110})
