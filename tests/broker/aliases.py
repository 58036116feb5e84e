"""Aliases: an adopted topic, a topic of one tenant shown read-only to the other, groups; made and taken away live."""
import confluent_kafka as ck

from produce_consume import consume, send
from runner import create_topic, equal, fetch, fresh, kw, produce, stack, true

GATEWAY = True
DENIED = 29  # TOPIC_AUTHORIZATION_FAILED


def physical(s):
    return stack.Tenant("physical", s.folder, "127.0.0.1", s.kafka.port)


def alias(s, tenant, kind, name, target, **more):
    return s.rest("PUT", f"/v1/tenants/{tenant}/aliases/{kind}/{name}", {"target": target, **more})


def refused(s, status, *call):
    try:
        answer = s.rest(*call)
    except stack.Refused as e:
        equal(f"{call}: {e.problem}", status, e.status)
        return e.problem
    raise AssertionError(f"{call} was not refused but answered {answer}")


def write(w, topic, version=12):
    name = {"TopicId": topic} if version >= 13 else {"Name": topic}
    reply = w.request("Produce", version, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [{**name, "PartitionData": [
        {"Index": 0, "Records": kw.batch([b"written"])}]}]})
    return reply["Responses"][0]["PartitionResponses"][0]["ErrorCode"]


def listed(w):
    return {t["Name"]: t["TopicId"] for t in w.request("Metadata", 12, {"Topics": None})["Topics"]}


def test_adopted(s):
    """A topic that was there before Alcove, under a name of the tenant's own: read, written, listed, by every client."""
    old, name = fresh("legacy_orders"), fresh("orders")
    topic_id = create_topic(physical(s), old, 2)
    with physical(s).wire() as w:
        produce(w, old, [b"from before"])
    with s.acme.wire() as w, s.globex.wire() as other:
        equal("before the alias", 3, w.request("Metadata", 12, {"Topics": [{"Name": name}]})["Topics"][0]["ErrorCode"])
        alias(s, "acme", "topic", name, old, writable=True)
        stack.wait_until("it is there", lambda: w.request("Metadata", 12, {"Topics": [{"Name": name}]})["Topics"][0]["ErrorCode"] == 0, 3)
        stack.wait_until("and listed", lambda: listed(w).get(name) == topic_id, 3)
        equal("records by name", [b"from before"], fetch(w, name))
        equal("records by id", [b"from before"], fetch(w, topic_id, version=13))
        equal("written by name", 0, write(w, name))
        equal("written by id", 0, write(w, topic_id, 13))
        equal("its physical name is nothing", 3, w.request("Metadata", 12, {"Topics": [{"Name": old}]})["Topics"][0]["ErrorCode"])
        for n in (name, old):
            equal("nor has globex it", 3, other.request("Metadata", 12, {"Topics": [{"Name": n}]})["Topics"][0]["ErrorCode"])
        equal("globex, by id", 100, write(other, topic_id, 13))
    send(s.acme, name, [b"by librdkafka"])
    got = sorted(m.value() for m in consume(s.acme, name, 4))
    equal("by librdkafka", [b"by librdkafka", b"from before", b"written", b"written"], got)
    s.judge.forbid("acme", old)
    s.judge.forbid("globex", old, topic_id.bytes)


def test_shared_read_only(s):
    """acme's prices, shown to globex: globex reads them, in a group of its own, and can neither write, change nor delete."""
    mine, shown = fresh("prices"), fresh("offers")
    topic_id = create_topic(s.acme, mine)
    s.judge.allow("globex", topic_id.bytes)
    send(s.acme, mine, [b"1", b"2", b"3"])
    alias(s, "globex", "topic", shown, f"acme.{mine}")
    equal("globex reads", [b"1", b"2", b"3"], [m.value() for m in consume(s.globex, shown, 3)])
    with s.globex.wire(record=False) as w:  # its id is acme's, and may be seen here
        equal("listed with its id", topic_id, listed(w).get(shown))
        equal("writing", DENIED, write(w, shown))
        stack.wait_until("writing by id is refused", lambda: write(w, topic_id, 13) == DENIED, 3)
        reply = w.request("DeleteTopics", 6, {"TimeoutMs": 5000, "Topics": [{"Name": shown}]})
        equal("deleting", DENIED, reply["Responses"][0]["ErrorCode"])
        reply = w.request("DeleteTopics", 6, {"TimeoutMs": 5000, "Topics": [{"Name": None, "TopicId": topic_id}]})
        equal("deleting by id", DENIED, reply["Responses"][0]["ErrorCode"])
        reply = w.request("CreatePartitions", 3, {"TimeoutMs": 5000, "Topics": [{"Name": shown, "Count": 5, "Assignments": None}]})
        equal("more partitions", DENIED, reply["Results"][0]["ErrorCode"])
        reply = w.request("IncrementalAlterConfigs", 1, {"Resources": [{"ResourceType": 2, "ResourceName": shown, "Configs": [
            {"Name": "retention.ms", "ConfigOperation": 0, "Value": "1"}]}]})
        equal("its configs", DENIED, reply["Responses"][0]["ErrorCode"])
        reply = w.request("CreateTopics", 7, {"timeoutMs": 5000, "Topics": [{"Name": shown, "NumPartitions": 1, "ReplicationFactor": -1}]})
        true("making it anew", reply["Topics"][0]["ErrorCode"] in (36, DENIED))
    with s.acme.wire() as w:
        equal("acme's topic is as it was", [b"1", b"2", b"3"], fetch(w, mine))
        equal("acme does not have globex's name", 3, w.request("Metadata", 12, {"Topics": [{"Name": shown}]})["Topics"][0]["ErrorCode"])
    s.rest("DELETE", f"/v1/tenants/globex/aliases/topic/{shown}")  # or the judge would find acme's topic id at globex


def test_taken_away(s):
    """An alias that is deleted is gone within a second, by name and by id, on connections that used it."""
    mine, shown = fresh("secret"), fresh("glimpse")
    topic_id = create_topic(s.acme, mine)
    s.judge.allow("globex", topic_id.bytes)
    send(s.acme, mine, [b"1"])
    alias(s, "globex", "topic", shown, f"acme.{mine}")
    with s.globex.wire(record=False) as w:
        stack.wait_until("it is there", lambda: shown in listed(w), 3)
        equal("by name", [b"1"], fetch(w, shown))
        equal("by id", [b"1"], fetch(w, topic_id, version=13))
        s.rest("DELETE", f"/v1/tenants/globex/aliases/topic/{shown}")

        def gone():
            ask = {"MaxWaitMs": 50, "MinBytes": 1, "SessionEpoch": -1, "Topics": [{"Partitions": [{"Partition": 0, "PartitionMaxBytes": 1000}]}]}
            codes = []
            for version, key, value in ((12, "Topic", shown), (13, "TopicId", topic_id)):
                ask["Topics"][0] = {key: value, "Partitions": ask["Topics"][0]["Partitions"]}
                codes.append(w.request("Fetch", version, ask)["Responses"][0]["Partitions"][0]["ErrorCode"])
            return codes == [3, 100]
        stack.wait_until("neither name nor id are known", gone, 1.5)
        true("nor listed", shown not in listed(w))


def test_group(s):
    """A group of before Alcove goes on under the tenant's name, from what it had committed."""
    topic, old, name = fresh("topic"), fresh("old_group"), fresh("billing")
    create_topic(s.acme, topic)
    send(s.acme, topic, [b"%d" % i for i in range(10)])
    c = ck.Consumer(physical(s).librdkafka(**{"group.id": old, "enable.auto.commit": False}))
    c.commit(offsets=[ck.TopicPartition(f"acme.{topic}", 0, 6)], asynchronous=False)
    c.close()
    alias(s, "acme", "group", name, old, writable=True)
    got = consume(s.acme, topic, 4, group=name)
    equal("it goes on", [b"6", b"7", b"8", b"9"], [m.value() for m in got])
    with s.acme.wire() as w:
        groups = [g["GroupId"] for g in w.request("ListGroups", 4, {})["Groups"]]
        true(f"listed by the tenant's name: {groups}", name in groups and old not in groups)
    s.judge.forbid("acme", old)


def test_targets(s):
    """What is never given away, and what is no name."""
    path = "/v1/tenants/acme/aliases/topic/x"
    for target in ("__consumer_offsets", "__transaction_state", "_schemas", "alcove.state", "acme.own"):
        try:
            s.rest("PUT", path, {"target": target})
        except stack.Refused as e:
            true(f"{target}: {e}", e.status in (403, 409, 422))
        else:
            raise AssertionError(f"{target} was given away")
    for target in ("", "a b", "x" * 250, ".."):
        refused(s, 422, "PUT", path, {"target": target})
    refused(s, 422, "PUT", "/v1/tenants/acme/aliases/topic/a%20b", {"target": "fine"})
    refused(s, 404, "PUT", "/v1/tenants/nobody/aliases/topic/x", {"target": "fine"})
    refused(s, 404, "GET", path)


def test_listed_by_rest(s):
    """Created, listed, read and deleted by REST."""
    name = fresh("rest-alias")
    made = s.rest("POST", "/v1/tenants/acme/aliases", {"kind": "topic", "name": name, "target": "anything"})
    equal("as made", ("topic", name, "anything", False), (made["kind"], made["name"], made["target"], made["writable"]))
    true("in the list", name in [a["name"] for a in s.rest("GET", "/v1/tenants/acme/aliases?limit=500")["items"]])
    refused(s, 409, "POST", "/v1/tenants/acme/aliases", {"kind": "topic", "name": name, "target": "anything"})
    s.rest("DELETE", f"/v1/tenants/acme/aliases/topic/{name}")
    refused(s, 404, "GET", f"/v1/tenants/acme/aliases/topic/{name}")
