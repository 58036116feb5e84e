"""The main job and the administration of a cluster on other Kafkas: older than the tables, and as new as they are."""
import streams_described
from runner import create_topic, delete_topic, equal, fetch, fresh, kw, produce, slow, stack, true

OWN_STACK = True
TOPIC, BROKER, GROUP = 2, 4, 32


def on(version):
    return stack.Stack(kafka_env={"KAFKA_VERSION": version}, limits=stack.PATIENT,
                       kafka_properties=stack.DESCRIBING if version >= "4.4" else None)


def offered(w):
    w.api_versions()
    return {kw.schemas().names[k]: span for k, span in w.ranges.items()}


def never_beyond(s):
    """What is offered lies within what the broker has and within the tables."""
    with s.kafka.wire() as p, s.acme.wire() as w:
        broker, ours = offered_by(p), offered(w)
        for api, (low, high) in ours.items():
            if api not in ("ApiVersions", "SaslHandshake", "SaslAuthenticate", "DescribeCluster", "ListPartitionReassignments"):
                true(f"{api} {low}-{high}, the broker {broker.get(api)}", api in broker and high <= broker[api][1]
                     and (low >= broker[api][0] or api == "Produce"))
        return ours


def offered_by(p):
    p.api_versions()
    return {kw.schemas().names[k]: span for k, span in p.ranges.items() if k in kw.schemas().names}


def messages(s, t, have):
    """Raw produce and fetch at the ends of what is offered; kcat through a classic group; a transaction's producer id."""
    topic = fresh("job")
    made = create_topic(t, topic, 2)
    with t.wire() as w:
        for version in (max(3, have["Produce"][0]), have["Produce"][1]):
            produce(w, made if version >= 13 else topic, [b"v%d" % version], version=version)
        for version in have["Fetch"]:
            true(f"Fetch v{version}", len(fetch(w, made if version >= 13 else topic, version=version)) == 2)
    t.kcat("-P", "-t", topic, "-p", "1", stdin="by kcat\n", **{"enable.idempotence": "true"})
    said = t.kcat("-G", fresh("group"), "-e", "-q", topic, timeout=60, **{"auto.offset.reset": "earliest"}).stdout
    equal("what the group read", ["by kcat", *sorted(f"v{v}" for v in {max(3, have["Produce"][0]), have["Produce"][1]})], sorted(said.split("\n"))[1:])
    return topic


def administration(s, t, topic, have):
    with t.wire() as w:
        version = have["DescribeConfigs"][1]

        def configs(kind, name):
            r = w.request("DescribeConfigs", version, {"Resources": [{"ResourceType": kind, "ResourceName": name, "ConfigurationKeys": None}]})["Results"][0]
            return r["ErrorCode"], {c["Name"]: c["Value"] for c in r["Configs"]}

        def set_to(value):
            r = w.request("IncrementalAlterConfigs", 1, {"Resources": [{"ResourceType": TOPIC, "ResourceName": topic, "Configs": [
                {"Name": "retention.ms", "ConfigOperation": 0, "Value": value}]}]})["Responses"][0]
            equal("IncrementalAlterConfigs", 0, r["ErrorCode"])
        set_to("123456")
        stack.wait_until("it is set", lambda: configs(TOPIC, topic)[1].get("retention.ms") == "123456")
        equal("a virtual broker", (0, "1"), (lambda c: (c[0], c[1]["node.id"]))(configs(BROKER, "1")))
        r = w.request("AlterConfigs", have["AlterConfigs"][1], {"Resources": [{"ResourceType": TOPIC, "ResourceName": topic, "Configs": []}]})["Responses"][0]
        equal("AlterConfigs", (0, topic), (r["ErrorCode"], r["ResourceName"]))
        stack.wait_until("it is the default again", lambda: configs(TOPIC, topic)[1].get("retention.ms") != "123456")
        r = w.request("DeleteRecords", 2, {"TimeoutMs": 10000, "Topics": [{"Name": topic, "Partitions": [{"PartitionIndex": 0, "Offset": 1}]}]})
        equal("DeleteRecords", 1, r["Topics"][0]["Partitions"][0]["LowWatermark"])
        r = w.request("DescribeLogDirs", have["DescribeLogDirs"][1], {"Topics": None})["Results"][0]
        true("own topics in directories", r["LogDir"] == "/logs/1" and topic in {x["Name"] for x in r["Topics"]})
        listed = {x["GroupId"] for x in w.request("ListGroups", have["ListGroups"][1], {})["Groups"]}
        true(f"groups {listed}", listed and all("." not in g for g in listed))
        if have.get("ListConfigResources", (0, 0))[1] >= 1:
            found = w.request("ListConfigResources", 1, {"ResourceTypes": [TOPIC, GROUP, BROKER]})["ConfigResources"]
            true("the topic has configs", topic in {x["ResourceName"] for x in found})
        r = w.request("ElectLeaders", 2, {"ElectionType": 0, "TopicPartitions": None})
        equal("ElectLeaders", 31, r["ErrorCode"])
    delete_topic(t, topic)


def smoke(version, newest):
    """newest: an api that this Kafka has and the one before it has not, or None."""
    with on(version) as s:
        log = s.kafka.log()
        true(f"Kafka {version} runs", f"Kafka version: {version}" in log)
        have = never_beyond(s)
        true(f"{newest} is offered", newest is None or newest in have)
        for t in (s.acme, s.globex):
            administration(s, t, messages(s, t, have), have)
        if version >= "4.4":
            dead_letters(s)
            streams_described.run(s, version)
        print(f"    Kafka {version}: {len(have)} apis offered", flush=True)


def dead_letters(s):
    """A group's dead-letter topic is a name of the tenant's, both ways."""
    group, topic = fresh("dead"), fresh("letters")
    create_topic(s.acme, topic)
    with s.acme.wire() as w, s.kafka.wire() as p:
        r = w.request("IncrementalAlterConfigs", 1, {"Resources": [{"ResourceType": GROUP, "ResourceName": group, "Configs": [
            {"Name": "errors.deadletterqueue.topic.name", "ConfigOperation": 0, "Value": topic}]}]})["Responses"][0]
        equal("it is set", (0, None), (r["ErrorCode"], r["ErrorMessage"]))

        def value(wire, name):
            r = wire.request("DescribeConfigs", 4, {"Resources": [{"ResourceType": GROUP, "ResourceName": name, "ConfigurationKeys": [
                "errors.deadletterqueue.topic.name"]}]})["Results"][0]
            return r["Configs"][0]["Value"]
        stack.wait_until("the tenant's name", lambda: value(w, group) == topic)
        equal("the cluster's name", f"acme.{topic}", value(p, f"acme.{group}"))


@slow(240)
def test_kafka_3_9():
    """Older than the tables: much is not there."""
    smoke("3.9.1", None)


@slow(240)
def test_kafka_4_0():
    """The first without ZooKeeper."""
    smoke("4.0.0", "ConsumerGroupDescribe")


@slow(240)
def test_kafka_4_3():
    """The one that all other tests run."""
    smoke("4.3.1", "ListConfigResources")


@slow(360)
def test_kafka_4_4():
    """As new as the tables."""
    smoke("4.4.0", "UnregisterController")
