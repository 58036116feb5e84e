"""What is the platform's alone is offered, and refused as Kafka's own classes refuse it."""
import pathlib

from runner import both, create_topic, equal, fresh, gateway, kw, stack, true

GATEWAY = True
JAVA = pathlib.Path(__file__).resolve().parent / "java"
REFUSED = {"AlterReplicaLogDirs", "ElectLeaders", "AlterPartitionReassignments", "DescribeQuorum", "UpdateFeatures", "UnregisterBroker",
           "AddRaftVoter", "RemoveRaftVoter", "UnregisterController", "WriteTxnMarkers"}


def requests(topic, w):
    """Every refused api that is offered, in each version: filled, and as empty as it can be."""
    def pick(_, kind):
        return {"string": topic, "uuid": kw.ZERO_UUID, "bool": False}.get(kind, 1)

    w.api_versions()
    for key, (low, high) in sorted(w.ranges.items()):
        api = kw.schemas().names[key]
        if api not in REFUSED:
            continue
        for version in range(low, high + 1):
            yield api, version, kw.sample(api, version, "request", pick)
            if api == "ElectLeaders":
                yield api, version, {"TopicPartitions": None}


def test_as_kafka_does(s):
    """The same bytes as Kafka's classes make, for all of them in each version; the connection lives on."""
    topic = fresh("refused")
    create_topic(s.acme, topic)
    with s.acme.wire() as w:
        asked = list(requests(topic, w))
        lines = "".join(f"{kw.schemas().key(a)} {v} {kw.encode(a, v, 'request', value).hex()}\n" for a, v, value in asked)
        expected = stack.tool(JAVA / "Refusals.java", stdin=lines).stdout.split()
        equal("answers of Kafka's classes", len(asked), len(expected))
        for (api, version, value), want in zip(asked, expected):
            reply = w.request(api, version, value)
            equal(f"{api} v{version}", dict(kw.decode(api, version, "response", bytes.fromhex(want))), dict(reply))
            true(f"{api} v{version} says 31", 31 in [v for p, v in kw.leaves(dict(reply)) if p.endswith("ErrorCode")]
                 or not value.get("TopicPartitions", True))
    true(f"{len(asked)} were asked", len(asked) >= 18)


@gateway
def test_tools(s):
    """Tools that change the platform say that they may not."""
    topic = fresh("refused")
    create_topic(s.acme, topic)

    def run(which):
        if which == "leaders":
            r = s.acme.tool("leader-election", "--election-type", "preferred", "--topic", topic, "--partition", "0", check=False)
        else:
            r = s.acme.tool("quorum", "describe", "--status", check=False)
        true(f"{which}: {r.stdout[-500:]} {r.stderr[-1500:]}", r.returncode != 0 and "uthoriz" in r.stdout + r.stderr)
    both(run, "leaders", "quorum")
