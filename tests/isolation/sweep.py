"""Every offered api in every offered version, encoded by kafkawire from the jar's schemas, with the victim's things in every
field that could name one. The answer may be anything that is well formed, or the end of the connection; it may not hold a
needle that was not sent, and the victim's things must be as before."""

import itertools
import time
import uuid

import kafkawire as kw

# What an attacker calls its own groups and topics comes back in its own lists: these may hold every name of the sweep.
LISTS = {"ListGroups", "ListTransactions", "ListConfigResources", "DescribeLogDirs", "Metadata", "DescribeTopicPartitions",
         "DescribeAcls", "DeleteAcls", "DescribeClientQuotas"}
SKIP = {"SaslHandshake", "SaslAuthenticate"}  # cases.py has them
# Fields whose value decides whether a request waits: kept short.
SMALL = {"MaxWaitMs": 50, "TimeoutMs": 2000, "timeoutMs": 2000, "SessionTimeoutMs": 6000, "RebalanceTimeoutMs": 500,
         "TransactionTimeoutMs": 10000, "MinBytes": 0, "MaxBytes": 1 << 20, "PartitionMaxBytes": 1 << 20}


class Names:
    """One way of naming the victim: by its virtual names, by its physical ones, by ids, by all at once."""

    def __init__(self, label, topic, group, txn, topic_id):
        self.label, self.topic, self.group, self.txn, self.topic_id = label, topic, group, txn, topic_id

    def string(self, path):
        field = path.rsplit(".", 1)[-1].lower()
        if "pattern" in field:
            return ""  # cases.py has them
        if "transactional" in field:
            return self.txn
        if "group" in field:
            return self.group
        if field in ("key", "coordinatorkeys"):
            return self.group
        if "regex" in field:
            return ""
        if field in ("protocoltype",):
            return "consumer"
        if field in ("clientsoftwarename", "clientsoftwareversion"):
            return "kafkawire"
        if field in ("memberid", "groupinstanceid", "instanceid", "clientid", "reason", "rackid", "clusterid"):
            return ""
        return self.topic


def ways(victim):
    yield Names("virtual names", victim.topic, victim.group, victim.txn, victim.topic_id)
    yield Names("physical names", victim.physical(victim.topic), victim.physical(victim.group), victim.physical(victim.txn),
                victim.topic_id)
    yield Names("consumer group, zero id", victim.topic, victim.consumer_group, victim.txn, uuid.UUID(int=0))
    yield Names("internal topics", "__consumer_offsets", victim.group, victim.txn, uuid.UUID(int=1))


def said(victim):
    named = [s for n in ways(victim) for s in (n.topic, n.group, n.txn)]
    return [s.encode() for s in (*named, victim.share_group, victim.physical(victim.share_group))]  # the last two: by cases.py


def subscription(topic, version):
    value = {"Topics": [topic], "UserData": None}
    if version >= 1:
        value["OwnedPartitions"] = [{"Topic": topic, "Partitions": [0]}]
    if version >= 2:
        value["GenerationId"] = 1
    if version >= 3:
        value["RackId"] = None
    return kw.encode_embedded("ConsumerProtocolSubscription", version, value)


def picker(names, number):
    """number: what unimportant numbers are, so that one round asks for partition 0 and another for something odd."""

    def pick(path, kind):
        field = path.rsplit(".", 1)[-1]
        if kind == "string":
            return names.string(path)
        if kind == "uuid":
            return names.topic_id
        if kind == "bytes":
            return subscription(names.topic, 1) if field in ("Metadata", "Assignment") else b""
        if kind == "records":
            return kw.batch([(b"k", b"from the attacker")])
        if kind == "bool":
            return False
        if kind == "float64":
            return 0.5
        return SMALL.get(field, number)

    return pick


fresh = itertools.count()
types = itertools.cycle((2, 32, 4))  # topics, groups, brokers
quota_types = itertools.cycle(("user", "client-id"))
acl_types = itertools.cycle((2, 3, 5))  # topics, groups, transactional ids


def adjust(api, value):
    """What a request needs to mean anything at all, and what would only make it wait."""
    if api == "Produce":
        value["Acks"] = 1
    if api == "JoinGroup":
        value["GroupId"] += f"-{next(fresh)}"  # a second member would wait for the first
    if api == "Fetch":
        value.update({k: v for k, v in {"ReplicaId": -1, "IsolationLevel": 0}.items() if k in value})
    if api == "CreateTopics":
        for topic in value["Topics"]:
            topic.update(NumPartitions=1, ReplicationFactor=1, Assignments=[], Configs=[])
        value["validateOnly"] = True
    if api in ("DescribeConfigs", "IncrementalAlterConfigs", "AlterConfigs"):
        for resource in value["Resources"]:
            resource["ResourceType"] = next(types)
    if api == "CreateAcls":
        for a in value["Creations"]:
            a.update(ResourceType=next(acl_types), ResourcePatternType=3, Principal="User:*", Host="*", Operation=2, PermissionType=3)
    for e in value["Entries"] if api == "AlterClientQuotas" else ():
        e["Entity"][0]["EntityType"] = next(quota_types)
        e["Ops"][0].update(Key="producer_byte_rate", Value=1e15)  # no limit that would delay what comes behind it
    for c in value["Components"] if api == "DescribeClientQuotas" else ():
        c.update(EntityType=next(quota_types), MatchType=0)
    for f in [value] if api == "DescribeAcls" else value["Filters"] if api == "DeleteAcls" else ():
        # All that is shown, but only what is of that very name goes: the attacker's own rights on "*" stay.
        f.update(PatternTypeFilter=2 if api == "DescribeAcls" else 3, PrincipalFilter=None, HostFilter=None, Operation=1, PermissionType=1)
        f["ResourceTypeFilter"] = max(f["ResourceTypeFilter"], 1)
    return value


def requests(api, version, victim):
    for names in ways(victim):
        for number in (0, 1, -1):
            value = adjust(api, kw.sample(api, version, "request", picker(names, number)))
            yield f"{names.label}, numbers {number}", value
    if api != "Produce":  # without acks nothing comes back
        yield "nothing at all", {}


def one(world, api, version, label, value, needles, report):
    """Sends one request on a connection of its own life and judges every byte that came back."""
    wire = world.attacker()
    try:
        try:
            body = kw.encode(api, version, "request", value)
        except kw.WireError:
            return False  # the empty round has fields without default in some versions
        sent = body + b" ".join(said(world.victim)) if api in LISTS else body
        try:
            wire.send(api, version, body=body)
            wire.receive()
        except kw.Closed:
            world.lost(wire)
        except TimeoutError:
            report(f"{api} v{version} ({label}): no answer")
            world.lost(wire)
        except kw.WireError as e:
            report(f"{api} v{version} ({label}): an answer that cannot be read: {e}")
            world.lost(wire)
        received = b"".join(wire.received[-1:])
        for what in needles.found(received, sent):
            report(f"{api} v{version} ({label}): the answer holds {what}")
        return True
    finally:
        world.give_back(wire)


def run(world, victim, needles, report):
    offered = world.offered()
    n = 0
    slow = []
    for key, (lo, hi) in sorted(offered.items()):
        api = kw.schemas().names[key]
        known = kw.schemas().versions(key)
        if api in SKIP or known is None:
            continue
        for version in range(max(lo, known[0]), min(hi, known[1]) + 1):
            for label, value in requests(api, version, victim):
                began = time.monotonic()
                n += one(world, api, version, label, value, needles, report)
                took = time.monotonic() - began
                if took > 1:
                    slow.append(f"{api} v{version} ({label}): {took:.1f} s")
    for line in slow:
        print("slow:", line, flush=True)
    return n
