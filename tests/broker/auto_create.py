"""Topics that come into being by being asked for: per tenant, under its rules, and never by a broker."""
from runner import both, equal, fresh, stack, true

GATEWAY = True


class setting:
    """The tenant acme with these settings, and as it was afterwards."""

    def __init__(self, s, **more):
        self.rest, self.more = s.rest, more

    def __enter__(self):
        self.rest("PATCH", "/v1/tenants/acme", self.more)

    def __exit__(self, *_):
        self.rest("PATCH", "/v1/tenants/acme", {"autoCreateTopics": False, "autoCreatePartitions": -1, "autoCreateReplicationFactor": -1})


def ask(w, name, version=12, allow=True):
    value = {"Topics": [{"Name": name}]}
    if version >= 4:
        value["AllowAutoTopicCreation"] = allow
    topic = w.request("Metadata", version, value)["Topics"][0]
    return topic["ErrorCode"], len(topic["Partitions"])


def comes(w, name, partitions, version=12):
    """Asked for until it is there, as clients do."""
    stack.wait_until(f"{name} is there", lambda: ask(w, name, version)[0] == 0, 30)
    equal("partitions", (0, partitions), ask(w, name, version))


def test_off(s):
    """Without the setting nothing comes into being, whatever the request says."""
    with s.acme.wire() as w:
        names = [fresh("never") for _ in range(14)]
        for version, name in enumerate(names):
            equal(f"v{version}", (3, 0), ask(w, name, version))
    # The control thread does one thing after the other: a topic that is made behind these would have been made before.
    with s.globex.wire() as w:
        equal("another tenant's", 3, ask(w, fresh("never"))[0])
    there = s.kafka.topics()
    equal("made", [], [n for n in there if "never-" in n])


def test_on(s):
    """In each version that may ask; with the tenant's partitions; not for who says no, and not for others."""
    with setting(s, autoCreateTopics=True, autoCreatePartitions=3, autoCreateReplicationFactor=1), s.acme.wire() as w, s.globex.wire() as other:
        for version in range(14):
            name = fresh("asked")
            equal(f"v{version}: not yet", (3, 0), ask(w, name, version))
            comes(w, name, 3, version)
        r = w.request("DescribeConfigs", 4, {"Resources": [{"ResourceType": 4, "ResourceName": "1", "ConfigurationKeys": [
            "auto.create.topics.enable", "num.partitions"]}]})["Results"][0]
        equal("what a broker shows", {"auto.create.topics.enable": "true", "num.partitions": "3"}, {c["Name"]: c["Value"] for c in r["Configs"]})
        refused, foreign, last = fresh("refused"), fresh("foreign"), fresh("asked")
        equal("who says no", 3, ask(w, refused, 12, False)[0])
        equal("whose setting is off", 3, ask(other, foreign)[0])
        for name, code in (("a b", 17), ("..", 17), ("x" * 249, 17), ("__consumer_offsets", 3)):
            equal(name[:20], code, ask(w, name)[0])
        comes(w, last, 3)
        there = s.kafka.topics()
        equal("made all the same", [], [n for n in there if refused in n or foreign in n or n == "acme.__consumer_offsets"])
    with s.acme.wire() as w:
        name = fresh("after")
        equal("off again", 3, ask(w, name)[0])
        true("not made", name not in str(s.kafka.topics()))


def test_rights(s):
    """It takes CREATE, on the cluster or on that topic."""
    with setting(s, autoCreateTopics=True), s.acme.wire() as w:
        may, may_not = fresh("may"), fresh("may-not")
        s.rest("PATCH", "/v1/tenants/acme", {"authorizer": "acl"})
        try:
            acl = {"resourceType": "TOPIC", "principal": "User:alice", "host": "*", "permission": "ALLOW"}
            s.rest("POST", "/v1/tenants/acme/acls", {"acls": [
                {**acl, "resourceName": "*", "patternType": "LITERAL", "operation": "DESCRIBE"},
                {**acl, "resourceName": may, "patternType": "LITERAL", "operation": "CREATE"}]})
            stack.wait_until("the right is missed", lambda: ask(w, may_not)[0] == 29)
            comes(w, may, 1)
            equal("still not", 29, ask(w, may_not)[0])
        finally:
            s.rest("PATCH", "/v1/tenants/acme", {"authorizer": "none"})
            s.rest("DELETE", "/v1/tenants/acme/acls?principal=User:alice")
        true("not made", f"acme.{may_not}" not in s.kafka.topics())


def test_clients(s):
    """Java's and librdkafka's producers write to a topic that is not there yet."""
    with setting(s, autoCreateTopics=True, autoCreatePartitions=2):
        def produce(which):
            topic = fresh(f"by-{which}")
            if which == "java":
                s.acme.tool("console-producer", "--topic", topic, config="--command-config", stdin="one\ntwo\n")
            else:
                s.acme.kcat("-P", "-t", topic, stdin="one\ntwo\n")
            said = s.acme.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q").stdout
            equal(f"what {which} wrote", ["one", "two"], sorted(said.split()))
            with s.acme.wire() as w:
                equal("partitions", (0, 2), ask(w, topic, 12, False))
        both(produce, "java", "kcat")


def test_what_cannot_be(s):
    """Settings that no cluster can meet leave clients with the error they know, and the gateway with a line in the log."""
    with setting(s, autoCreateTopics=True, autoCreateReplicationFactor=99), s.acme.wire() as w:
        name = fresh("impossible")
        for _ in range(3):
            equal("not there", 3, ask(w, name)[0])
    for body in ({"autoCreatePartitions": 0}, {"autoCreatePartitions": 10001}, {"autoCreateReplicationFactor": -2}, {"autoCreatePartitions": "3"},
                 {"autoCreateTopics": 1}):
        try:
            s.rest("PATCH", "/v1/tenants/acme", body)
        except stack.Refused as e:
            equal(f"{body}", 400 if e.status == 400 else 422, e.status)
        else:
            raise AssertionError(f"{body} was taken")
