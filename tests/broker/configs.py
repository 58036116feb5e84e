"""Configs by the type of the resource: topics, groups, brokers; the old way of altering them; Kafka's kafka-configs."""
from runner import both, create_topic, equal, fresh, gateway, stack, true

TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)


def describe(w, kind, name, keys=None, version=4):
    """-> (error, {config: (value, source, read-only)})"""
    r = w.request("DescribeConfigs", version, {"Resources": [{"ResourceType": kind, "ResourceName": name, "ConfigurationKeys": keys}],
                                               **({"IncludeSynonyms": True} if version >= 1 else {})})["Results"][0]
    equal("the resource", (kind, name), (r["ResourceType"], r["ResourceName"]))
    return r["ErrorCode"], {c["Name"]: (c["Value"], c["ConfigSource"], c["ReadOnly"]) for c in r["Configs"]}


def alter(w, kind, name, *changes, version=1):
    r = w.request("IncrementalAlterConfigs", version, {"Resources": [{"ResourceType": kind, "ResourceName": name, "Configs": [
        {"Name": n, "ConfigOperation": op, "Value": v} for n, op, v in changes]}]})["Responses"][0]
    return r["ErrorCode"], r["ErrorMessage"]


def shows(w, kind, name, config, value):
    stack.wait_until(f"{config} of {name} is {value}", lambda: describe(w, kind, name)[1].get(config, [None])[0] == value)


def test_groups(s):
    """A group's configs are its own: two tenants, one name, two values; one that was never there has defaults."""
    group = fresh("configured")
    with s.acme.wire() as a, s.globex.wire() as b:
        for w, value in ((a, "earliest"), (b, "latest")):
            equal("SET", (0, None), alter(w, GROUP, group, ("share.auto.offset.reset", SET, value), ("consumer.session.timeout.ms", SET, "50000")))
        shows(a, GROUP, group, "share.auto.offset.reset", "earliest")
        shows(b, GROUP, group, "share.auto.offset.reset", "latest")
        code, found = describe(a, GROUP, group)
        equal("as set", (0, ("50000", 8, False)), (code, found["consumer.session.timeout.ms"]))
        equal("DELETE", 0, alter(a, GROUP, group, ("share.auto.offset.reset", DELETE, None))[0])
        shows(a, GROUP, group, "share.auto.offset.reset", "latest")
        code, found = describe(a, GROUP, fresh("never-there"))
        true(f"defaults: {found}", code == 0 and found["share.isolation.level"][1] == 5 and "share.heartbeat.interval.ms" in found)
        equal("an empty name", 42, describe(a, GROUP, "")[0])
        equal("an empty name", 42, alter(a, GROUP, "", ("share.auto.offset.reset", SET, "latest"))[0])
        code, text = alter(a, GROUP, group, ("share.auto.offset.reset", SET, "sometimes"))
        true(f"a bad value: {code} {text}", code == 40 and "acme" not in text)
        code, text = alter(a, GROUP, group, ("consumer.session.timeout.ms", SET, "1"))
        true(f"beyond the platform's bounds: {code} {text}", code in (40, 42) and "acme" not in text)


@gateway
def test_brokers(s):
    """Virtual brokers show a little of their own, read-only; loggers, client metrics and changes are refused or empty."""
    with s.acme.wire() as w:
        node = w.request("Metadata", 12, {"Topics": []})["Brokers"][0]["NodeId"]
        for version in (1, 2, 3, 4):
            code, found = describe(w, BROKER, str(node), version=version)
            equal("its number", (0, (str(node), 5, True)), (code, found["node.id"]))
            true(f"little: {found}", len(found) < 20 and all(c[2] for c in found.values()))
            code, found = describe(w, BROKER, "", ["delete.topic.enable", "ssl.keystore.location"], version)
            equal("the default", (0, {"delete.topic.enable": ("true", 5, True)}), (code, found))
        equal("another", 42, describe(w, BROKER, "77")[0])
        equal("no number", 42, describe(w, BROKER, "one")[0])
        equal("loggers", (31, {}), describe(w, BROKER_LOGGER, str(node)))
        equal("client metrics", (0, {}), describe(w, CLIENT_METRICS, "all"))
        for kind, name in ((BROKER, str(node)), (BROKER, ""), (BROKER_LOGGER, str(node)), (CLIENT_METRICS, "all")):
            equal(f"altering {kind} {name!r}", 31, alter(w, kind, name, ("log.retention.ms", SET, "1"))[0])
    with s.kafka.wire() as p:
        equal("no subscription of client metrics is there", {}, {n: v for n, v in describe(p, CLIENT_METRICS, "all")[1].items() if v[1] != 5})
        true("nothing was set for all brokers", "log.retention.ms" not in describe(p, BROKER, "")[1])


def test_old_way(s):
    """AlterConfigs replaces what is the tenant's: what it lists is set, the rest is default again, the platform's stays."""
    topic = fresh("replaced")
    create_topic(s.acme, topic, configs={"retention.ms": "111000", "segment.ms": "222000"})
    if not s.direct:
        with s.kafka.wire() as p:
            equal("the platform sets", 0, alter(p, TOPIC, f"acme.{topic}", ("flush.ms", SET, "333000"))[0])
    with s.acme.wire() as w:
        if not s.direct:
            shows(w, TOPIC, topic, "flush.ms", "333000")
        for version in (0, 1, 2):
            value = str(444000 + version)
            r = w.request("AlterConfigs", version, {"Resources": [{"ResourceType": TOPIC, "ResourceName": topic, "Configs": [
                {"Name": "retention.ms", "Value": value}]}]})["Responses"][0]
            equal(f"AlterConfigs v{version}", (0, TOPIC, topic), (r["ErrorCode"], r["ResourceType"], r["ResourceName"]))
            shows(w, TOPIC, topic, "retention.ms", value)
            found = describe(w, TOPIC, topic)[1]
            equal("what was not listed", 5, found["segment.ms"][1])
            if not s.direct:
                equal("the platform's", ("333000", 1, True), found["flush.ms"])
        r = w.request("AlterConfigs", 2, {"ValidateOnly": True, "Resources": [{"ResourceType": TOPIC, "ResourceName": topic, "Configs": [
            {"Name": "retention.ms", "Value": "x"}]}]})["Responses"][0]
        equal("a bad value", 40, r["ErrorCode"])
        true(r["ErrorMessage"], "acme" not in r["ErrorMessage"])
        if not s.direct:
            r = w.request("AlterConfigs", 2, {"Resources": [
                {"ResourceType": TOPIC, "ResourceName": topic, "Configs": [{"Name": "flush.ms", "Value": "1"}]},
                {"ResourceType": BROKER, "ResourceName": "", "Configs": [{"Name": "log.retention.ms", "Value": "1"}]}]})["Responses"]
            equal("what is not the tenant's", {(TOPIC, 44), (BROKER, 31)}, {(x["ResourceType"], x["ErrorCode"]) for x in r})


def test_lists(s):
    """Parts are added to a list and taken away."""
    topic = fresh("lists")
    create_topic(s.acme, topic)
    with s.acme.wire() as w:
        equal("APPEND", 0, alter(w, TOPIC, topic, ("cleanup.policy", APPEND, "compact"))[0])
        stack.wait_until("both", lambda: set(describe(w, TOPIC, topic)[1]["cleanup.policy"][0].split(",")) == {"delete", "compact"})
        equal("SUBTRACT", 0, alter(w, TOPIC, topic, ("cleanup.policy", SUBTRACT, "delete"))[0])
        shows(w, TOPIC, topic, "cleanup.policy", "compact")


@gateway
def test_tool(s):
    """kafka-configs for groups and brokers."""
    group = fresh("tooled")
    s.acme.tool("configs", "--alter", "--entity-type", "groups", "--entity-name", group, "--add-config", "share.auto.offset.reset=earliest")

    def look(what):
        if what == "groups":
            said = s.acme.tool("configs", "--describe", "--entity-type", "groups", "--entity-name", group).stdout
            true(said, "share.auto.offset.reset=earliest" in said and "acme" not in said)
        else:
            said = s.acme.tool("configs", "--describe", "--entity-type", "brokers", "--all").stdout
            true(said, "delete.topic.enable=true" in said and "listeners" not in said)
    both(look, "groups", "brokers")
