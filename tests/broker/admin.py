"""Java's AdminClient and Kafka's tools: topics, configs, groups, offsets, the cluster; topics that are made anew."""
import pathlib

from runner import both, create_topic, delete_topic, equal, fetch, fresh, gateway, kw, produce, stack, true

JAVA = pathlib.Path(__file__).resolve().parent / "java"


def java(t, program, *args, **more):
    said = stack.tool(JAVA / f"{program}.java", t.java_file(), *args, timeout=150, **more).stdout
    true(f"{t.name}: {said[-3000:]}", said.rstrip().endswith("ok"))


def test_admin_client(s):
    """One course through all that AdminClient has for topics, configs, offsets, groups and the cluster; both tenants at once."""
    word = fresh("admin")
    both(lambda t: java(t, "Admin", word, t.name), s.acme, s.globex)


def test_made_anew(s):
    """A topic deleted and made again has another id; Java's producer and consumer that live on find the new one."""
    topic = fresh("anew")
    both(lambda t: java(t, "MadeAnew", topic), s.acme, s.globex)


def test_old_id_is_unknown(s):
    """The id of a deleted topic is unknown, also to who knew it a moment ago."""
    topic = fresh("ids")
    old = create_topic(s.acme, topic)
    with s.acme.wire() as w:
        produce(w, old, [b"old"], version=13)
        delete_topic(s.acme, topic)
        new = create_topic(s.acme, topic)
        true("the ids differ", old != new)

        def gone():
            reply = w.request("Produce", 13, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [{"TopicId": old, "PartitionData": [
                {"Index": 0, "Records": kw.batch([b"x"])}]}]})
            return reply["Responses"][0]["PartitionResponses"][0]["ErrorCode"] == 100
        stack.wait_until("the old id is unknown", gone, 5)
        stack.wait_until("it can be written", lambda: w.request("Metadata", 12, {"Topics": [{"Name": topic}]})["Topics"][0]["ErrorCode"] == 0)
        produce(w, new, [b"new"], version=13)
        equal("records", [b"new"], fetch(w, new, version=13))


def test_catalogue_follows(s):
    """Who creates or deletes a topic sees it at once in the list of all, on any connection."""
    with s.acme.wire() as w, s.acme.wire() as w2, s.globex.wire() as other:
        for i in range(5):
            topic = fresh("listed")
            reply = w.request("CreateTopics", 7, {"timeoutMs": 10000, "Topics": [{"Name": topic, "NumPartitions": 1, "ReplicationFactor": -1}]})
            equal("CreateTopics", 0, reply["Topics"][0]["ErrorCode"])
            for c in (w, w2):
                stack.wait_until(f"{topic} is listed", lambda: topic in names(c), 3)
            true("not at globex's", topic not in names(other))
            equal("DeleteTopics", 0, w.request("DeleteTopics", 6, {"TimeoutMs": 10000, "Topics": [{"Name": topic}]})["Responses"][0]["ErrorCode"])
            for c in (w, w2):
                stack.wait_until(f"{topic} is not listed any more", lambda: topic not in names(c), 3)


def names(w):
    return [t["Name"] for t in w.request("Metadata", 12, {"Topics": None})["Topics"]]


def test_names(s):
    """Legal and illegal names; the longest are those that fit behind the prefix."""
    with s.acme.wire() as w:
        def create(name):
            reply = w.request("CreateTopics", 7, {"timeoutMs": 10000, "validateOnly": True, "Topics": [
                {"Name": name, "NumPartitions": 1, "ReplicationFactor": -1}]})
            return reply["Topics"][0]["ErrorCode"]
        for bad in ("", ".", "..", "a b", "ä", "a/b", "x" * 250):
            equal(f"the name {bad[:20]!r}", 17, create(bad))
        for good in ("a", "...", "_x", "A.b-c_d", "x" * (249 - (0 if s.direct else len("acme.")))):
            equal(f"the name {good[:20]!r}", 0, create(good))
        if not s.direct:
            equal("too long behind the prefix", 17, create("x" * (249 - len("acme.") + 1)))


@gateway
def test_tools(s):
    """kafka-topics, kafka-configs, kafka-consumer-groups, kafka-broker-api-versions as an operator of a tenant uses them."""
    topic = fresh("tools")
    t = s.acme
    for f in (
            lambda: t.tool("topics", "--create", "--topic", topic, "--partitions", "3", "--config", "retention.ms=3600000"),
            lambda: t.tool("configs", "--alter", "--topic", topic, "--add-config", "max.message.bytes=12345")):
        f()

    def look(what):
        if what == "describe":
            said = t.tool("topics", "--describe", "--topic", topic).stdout
            true(said, f"Topic: {topic}\t" in said and "retention.ms=3600000" in said and "max.message.bytes=12345" in said)
        elif what == "apis":
            said = t.tool("api-versions").stdout
            true(said, "Produce(0): " in said and "UNSUPPORTED" in said)
    both(look, "describe", "apis")
