"""Kafka Streams by the classic protocol and by streams groups (KIP-1071), two tenants with the same application; and topologies
that are refused."""
import pathlib
import uuid

from runner import both, create_topic, equal, fresh, gateway, stack, true

HERE = pathlib.Path(__file__).resolve().parent


def join_and_sum(s, protocol):
    app, orders, customers, sums = (fresh(f"{w}-{protocol}") for w in ("app", "orders", "customers", "sums"))

    def one(t):
        for topic in (orders, customers, sums):
            create_topic(t, topic, 2)
        said = stack.tool(HERE / "java/StreamsJoin.java", t.java_file(), protocol, app, orders, customers, sums, f"{t.name}-", timeout=170)
        equal(f"{t.name} by {protocol}", "ok", said.stdout.strip().splitlines()[-1])
    both(one, s.acme, s.globex)
    return app


def test_classic(s):
    """A join with repartition and changelog topics in a classic group, for both tenants at once."""
    join_and_sum(s, "classic")


def test_streams(s):
    """The same as a streams group: the broker makes its topics, each tenant's below its own prefix; its tools show its own names."""
    app = join_and_sum(s, "streams")
    if not s.direct:
        internal = [n for n in s.kafka.topics() if app in n]
        true(f"each tenant's own: {internal}", len(internal) >= 4 and all(n.startswith((f"acme.{app}-", f"globex.{app}-")) for n in internal))
        equal("as many", *[sum(n.startswith(f"{t}.") for n in internal) for t in ("acme", "globex")])
    listed = s.acme.tool("streams-groups", "--list").stdout.split()
    true(f"listed: {listed}", app in listed and not any("globex" in x for x in listed))
    described = s.acme.tool("streams-groups", "--describe", "--group", app, "--state").stdout
    true(f"described: {described}", app in described)
    s.acme.tool("streams-groups", "--delete", "--group", app)
    true("and deleted", app not in s.acme.tool("streams-groups", "--list").stdout.split())


def beat(w, group, **subtopology):
    """A first heartbeat with a topology of one part."""
    return w.request("StreamsGroupHeartbeat", 0, {
        "GroupId": group, "MemberId": str(uuid.uuid4()), "MemberEpoch": 0, "EndpointInformationEpoch": 0, "RebalanceTimeoutMs": 30000,
        "ProcessId": str(uuid.uuid4()), "ActiveTasks": [], "StandbyTasks": [], "WarmupTasks": [], "ClientTags": [],
        "Topology": {"Epoch": 0, "Subtopologies": [{"SubtopologyId": "0", "SourceTopics": [], "SourceTopicRegex": [],
                                                    "StateChangelogTopics": [], "RepartitionSinkTopics": [],
                                                    "RepartitionSourceTopics": [], "CopartitionGroups": [], **subtopology}]}})


@gateway
def test_refusals(s):
    """Physical names are missing topics of one's own, in words without a prefix; Kafka's own, patterns and costly configs are refused."""
    topic, group = fresh("read"), fresh("streams")
    create_topic(s.acme, topic)
    theirs = fresh("theirs")
    create_topic(s.globex, theirs)
    with s.acme.wire() as w:
        ask = {"KeyType": 0, "CoordinatorKeys": [group]}
        stack.wait_until("a coordinator", lambda: w.request("FindCoordinator", 5, ask)["Coordinators"][0]["ErrorCode"] == 0)

        def settled(**more):
            return stack.wait_until("the coordinator answers", lambda: (r := beat(w, group, **more))["ErrorCode"] not in (14, 15, 16) and r)
        r = settled(SourceTopics=[f"globex.{theirs}"])
        status = {x["StatusCode"]: x["StatusDetail"] for x in r["Status"]}
        true(f"another's topic is a missing one of one's own, by its virtual name: {r}", r["ErrorCode"] == 0 and f"globex.{theirs}" in status[1])
        true(f"no prefix in any word: {status}", not any("acme." in x for x in status.values()))
        for more, words in (({"SourceTopics": ["__transaction_state"]}, "internal topics"), ({"SourceTopics": ["a b"]}, "not valid"),
                            ({"SourceTopics": [topic], "SourceTopicRegex": [".*"]}, "regular expression"),
                            ({"SourceTopics": [topic], "StateChangelogTopics": [{
                                "Name": f"{group}-x-changelog", "Partitions": 0, "ReplicationFactor": 0,
                                "TopicConfigs": [{"Key": "remote.storage.enable", "Value": "true"}]}]}, "remote.storage.enable")):
            r = beat(w, fresh("streams"), **more)
            equal(f"{more}", 130, r["ErrorCode"])
            true(r["ErrorMessage"], words in r["ErrorMessage"])
    true("nothing came into being", not any("x-changelog" in n for n in s.kafka.topics()))
