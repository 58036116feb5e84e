"""MirrorMaker 2 between two tenants of one cluster, both ways, with topics and groups of the same names on both sides. Its names for
what it copies, `acme.orders` in globex, look as physical names of the neighbour do, and must never be taken for these."""
import stack
from connect import physical, seen
from runner import both, commit_offset, create_topic, equal
from service import Service

STEPS = ("topics", "records", "configs", "acls", "partitions", "heartbeats", "offsets", "failover")
MAIN = "org.apache.kafka.connect.mirror.MirrorMaker"
TOPIC, LATE, PRIVATE, GROUP = "orders", "orders-late", "secrets", "readers"
RETENTION_MS, SENT, MORE = "123456789", 30, 10
SETTLED_MAX_S = 90
OFTEN = ("sync.topic.acls", "emit.checkpoints", "sync.group.offsets", "emit.heartbeats", "refresh.topics", "refresh.groups", "sync.topic.configs")
FACTORS = ("", "checkpoints.topic.", "heartbeats.topic.", "offset-syncs.topic.", "offset.storage.", "status.storage.", "config.storage.")


def properties(tenants):
    names = [t.name for t in tenants]
    return {"clusters": ",".join(names), **{f"{t.name}.{k}": v for t in tenants for k, v in t.java().items()},
            **{f"{a}->{b}.enabled": "true" for a in names for b in names if a != b},
            "topics": f"{TOPIC}.*", "groups": GROUP, "plugin.discovery": "service_load",
            "sync.topic.acls.enabled": "true", "sync.group.offsets.enabled": "true", "offset.lag.max": 0,
            **{f"{x}.interval.seconds": 1 for x in OFTEN}, **{f"{x}replication.factor": 1 for x in FACTORS}}


# ---- one tenant --------------------------------------------------------------------------------------------------------

def values(tenant, word, n):
    return [f"{tenant.name}-{word}-{i}" for i in range(n)]


def sends(tenant, topic, lines, partition=0):
    tenant.kcat("-P", "-t", topic, "-p", partition, stdin="".join(f"{x}\n" for x in lines))


def holds(tenant, topic):
    """-> all values of a topic, by partition; None while there is no such topic."""
    said = tenant.kcat("-C", "-t", topic, "-e", "-q", "-f", "%p %s\n", check=False, **{"topic.metadata.refresh.interval.ms": -1})
    return None if said.returncode else sorted(tuple(x.split(" ", 1)) for x in said.stdout.splitlines())


def offsets(tenant, group, topic):
    """-> {partition: offset} that the group has in a topic."""
    with tenant.wire() as w:
        topics = w.request("OffsetFetch", 8, {"Groups": [{"GroupId": group, "Topics": None}]})["Groups"][0]["Topics"]
    return {p["PartitionIndex"]: p["CommittedOffset"] for t in topics if t["Name"] == topic for p in t["Partitions"]}


def config(tenant, topic, name):
    with tenant.wire() as w:
        r = w.request("DescribeConfigs", 4, {"Resources": [{"ResourceType": 2, "ResourceName": topic, "ConfigurationKeys": [name]}]})["Results"][0]
    return r["Configs"][0]["Value"] if r["Configs"] else None


def partitions(tenant, topic):
    with tenant.wire() as w:
        return len(w.request("Metadata", 12, {"Topics": [{"Name": topic}]})["Topics"][0]["Partitions"])


def prepares(s, tenant):
    create_topic(tenant, TOPIC, 2, {"retention.ms": RETENTION_MS})
    create_topic(tenant, PRIVATE)
    s.rest("POST", f"/v1/tenants/{tenant.name}/acls", {"acls": [
        {"resourceType": "TOPIC", "resourceName": topic, "principal": f"User:{who}-of-{tenant.name}", "operation": operation}
        for topic, who, operation in ((TOPIC, "reader", "READ"), (TOPIC, "writer", "WRITE"), (PRIVATE, "reader", "READ"))]})
    sends(tenant, TOPIC, values(tenant, "first", SENT))
    sends(tenant, PRIVATE, values(tenant, "private", 3))
    with tenant.wire() as w:
        commit_offset(w, GROUP, TOPIC, 1)  # the group is there on both sides before MirrorMaker is


# ---- one direction -----------------------------------------------------------------------------------------------------

class Way:
    """From one tenant to the other."""

    def __init__(self, s, maker, source, target):
        self.s, self.maker, self.source, self.target = s, maker, source, target

    def copy(self, topic):
        return f"{self.source.name}.{topic}"

    def wait_until(self, what, condition):
        self.maker.wait_until(f"{self.source.name} to {self.target.name}: {what}", condition, SETTLED_MAX_S)

    def arrives(self, topic):
        self.wait_until(f"{topic} is copied", lambda: holds(self.target, self.copy(topic)) == holds(self.source, topic))

    def copies(self):
        self.arrives(TOPIC)
        self.wait_until("configs are", lambda: config(self.target, self.copy(TOPIC), "retention.ms") == RETENTION_MS)
        create_topic(self.source, LATE)
        sends(self.source, LATE, values(self.source, "late", 3))
        self.arrives(LATE)
        with self.source.wire() as w:
            made = w.request("CreatePartitions", 3, {"TimeoutMs": 15000, "Topics": [{"Name": TOPIC, "Count": 3, "Assignments": None}]})
            equal("CreatePartitions", 0, made["Results"][0]["ErrorCode"])
        self.wait_until("there is a third partition", lambda: partitions(self.target, self.copy(TOPIC)) == 3)
        sends(self.source, TOPIC, values(self.source, "third", MORE), 2)
        self.arrives(TOPIC)

    def lets_in(self):
        """Who may read a topic may read its copy; a right to write is not copied, nor one of another topic."""
        want = [(self.copy(TOPIC), f"User:reader-of-{self.source.name}", "READ", "ALLOW")]

        def copied():
            found = self.s.rest("GET", f"/v1/tenants/{self.target.name}/acls?resourceType=TOPIC")["items"]
            return [(a["resourceName"], a["principal"], a["operation"], a["permission"]) for a in found
                    if a["resourceName"].startswith(f"{self.source.name}.")]
        self.wait_until("ACLs are copied", lambda: copied() == want)

    def beats(self):
        """Heartbeats of the source, copied, say from where to where; and so do checkpoints which group is meant."""
        for topic, words in (("heartbeats", (self.source.name, self.target.name)), ("checkpoints.internal", (GROUP, self.copy(TOPIC)))):
            def said(topic=topic, words=words):
                text = self.target.kcat("-C", "-t", self.copy(topic), "-e", "-q", "-f", "%k\n", check=False).stdout
                return all(x in text for x in words)
            self.wait_until(f"{topic} say {words}", said)

    def follows(self):
        """What the group has read in the source it has read of the copy; so it goes on over there with what comes next."""
        self.source.kcat("-G", GROUP, "-e", "-q", TOPIC, timeout=60, **{"auto.offset.reset": "earliest"})
        ends = {0: SENT, 2: MORE}
        equal("what is committed", ends, {p: o for p, o in offsets(self.source, GROUP, TOPIC).items() if o > 0})
        self.wait_until("its offsets are", lambda: {p: o for p, o in offsets(self.target, GROUP, self.copy(TOPIC)).items() if o > 0} == ends)

    def fails_over(self):
        more = values(self.source, "after", MORE)
        sends(self.source, TOPIC, more)
        self.arrives(TOPIC)
        said = self.target.kcat("-G", GROUP, "-e", "-q", self.copy(TOPIC), timeout=60, **{"auto.offset.reset": "earliest"}).stdout
        equal("what the group reads over there", more, said.splitlines())

    def all(self):
        self.copies()
        self.lets_in()
        self.follows()
        self.beats()


# ---- what exists, and where --------------------------------------------------------------------------------------------

def names(source, target):
    """-> (topics, groups) that there have to be in the target, with its own."""
    copied = {f"{source.name}.{x}" for x in (TOPIC, LATE, "heartbeats", "checkpoints.internal")}
    internal = {f"mm2-{x}.{source.name}.internal" for x in ("offset-syncs", "configs", "offsets", "status")}
    return copied | internal | {TOPIC, LATE, PRIVATE, "heartbeats"}, {GROUP, f"{source.name}-mm2"}


def clear(tenant):
    topics, groups = seen(tenant)
    with tenant.wire() as w:
        def deleted(group):
            return w.request("DeleteGroups", 2, {"GroupsNames": [group]})["Results"][0]["ErrorCode"] in (0, 69)
        for group in groups:
            stack.wait_until(f"{group} is deleted", lambda group=group: deleted(group), SETTLED_MAX_S, 0.2)
        w.request("DeleteTopics", 6, {"TimeoutMs": 15000, "Topics": [{"Name": t} for t in sorted(topics)]})
    stack.wait_until("nothing is left", lambda: seen(tenant) == (set(), set()), 20)


def scenario(s):
    """-> {step: None}; AssertionError or StackError when something is not as it should be."""
    tenants = [s.acme, s.globex]
    # Copies bear the neighbour's name and hold what it wrote; so for this while the judge looks for ids and the own prefix alone.
    equal("what tenants may not see, of what was before", [], s.verdict())
    for t, other in (tenants, reversed(tenants)):
        s.judge.allow(t.name, other.name.encode())
    mirrors(s, tenants)
    equal("what tenants may not see", [], s.verdict())
    s.judge.allowed.clear()
    return dict.fromkeys(STEPS)


def mirrors(s, tenants):
    before = physical(s.kafka)
    both(lambda t: prepares(s, t), *tenants)
    with Service(s, "mirror", MAIN, properties(tenants)) as maker:
        ways = [Way(s, maker, *tenants), Way(s, maker, *reversed(tenants))]
        both(Way.all, *ways)
        both(Way.fails_over, *ways)
        for way in ways:
            equal(f"{way.target.name} sees", names(way.source, way.target), seen(way.target))
        equal("errors that it logged", "", maker.complaints())  # while it ends, it stumbles over its own clients
    made = {f"{w.target.name}.{x}" for w in ways for kind in names(w.source, w.target) for x in kind}
    equal("what came into being", made, physical(s.kafka) - before)
    equal("what tenants may not see, while its ids are known", [], s.verdict())
    for t in tenants:
        clear(t)
        s.rest("DELETE", f"/v1/tenants/{t.name}/acls?resourceType=TOPIC")
    stack.wait_until("it is as before", lambda: physical(s.kafka) == before, 20)
