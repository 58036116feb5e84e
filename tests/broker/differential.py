"""The same session against a plain broker and against a virtual cluster: every field of every answer, in order, is the same.

Names, ids, addresses and the like are un-mapped (transcript.py); the session is differential_session.py and differential_library.py.
What is different on purpose stands in DIFFERENCES, each row with what becomes of a broker's answer and why; a row that makes no
difference fails."""
import collections
import re

import differential_library
import differential_session as session
from runner import both, equal, kw, slow, stack, true
from transcript import Side

Row = collections.namedtuple("Row", "what path change why")
TENANT = "alike"
NAME = f"A topic's name has 1 to {249 - len(TENANT + '.')} characters of a-z, A-Z, 0-9, '.', '_' and '-', and is not '.' or '..'"
BAD_NAME, CLUSTER_ACTION = "Topic name is invalid: .*", 1 << 9
DEFAULT = 5  # where a config's value comes from; 2 to 4: a broker's settings
CLOSED = set("""file.delete.delay.ms flush.messages flush.ms follower.replication.throttled.replicas leader.replication.throttled.replicas
    local.retention.bytes local.retention.ms preallocate remote.log.copy.disable remote.log.delete.on.disable remote.storage.enable
    unclean.leader.election.enable""".split())  # which a tenant may not set


def says(theirs, ours):
    return lambda v: ours if v is not None and re.fullmatch(theirs, v) else v


def becomes(**fields):
    """These fields of a struct, where it has them."""
    return lambda v: {k: fields.get(k, x) for k, x in v.items()}


def virtual_config(c):
    if "is_default" in c:  # librdkafka's
        c = {**c, "is_default": c["ConfigSource"] >= 2}
    out = {**c, "ReadOnly": c["ReadOnly"] or c["Name"] in CLOSED, "ConfigSource": DEFAULT if c["ConfigSource"] in (2, 3, 4) else c["ConfigSource"]}
    return {**out, "Synonyms": [x for x in c["Synonyms"] if x["Source"] not in (2, 3, 4)]} if "Synonyms" in c else out


OWN_WORDS = "the gateway answers, by the same code and in words of its own"
WORDLESS = "the gateway answers, by the same code and without words"
BY_HAND = "brokers are not the tenant's, so it cannot choose among them"
BY_BROKERS = "how brokers are set is not the tenant's; what they make of it is the default of its cluster"
DIFFERENCES = [
    Row("CreateTopics", "Topics[].Configs[].ConfigSource", lambda v: DEFAULT if v in (2, 3, 4) else v, BY_BROKERS),
    Row("CreateTopics", "Topics[].ErrorMessage", says(BAD_NAME, NAME), OWN_WORDS),
    Row("CreateTopics", "Topics[].ErrorMessage", says("Unknown topic config name: no.such", "There is no topic config no.such"), OWN_WORDS),
    Row("CreateTopics", "Topics[].ErrorMessage", says("Invalid value often for configuration retention.ms: Not a number of type LONG",
                                                      "Invalid value for configuration retention.ms: expected a number"), OWN_WORDS),
    Row("by hand", "Topics[]", becomes(TopicId="no id", ErrorCode=42, ErrorMessage="Replicas cannot be assigned to brokers by hand.", NumPartitions=-1,
                                       ReplicationFactor=-1, Configs=[]), BY_HAND),
    Row("by hand", "Results[]", becomes(ErrorCode=42, ErrorMessage="Replicas cannot be assigned to brokers by hand."), BY_HAND),
    Row("Metadata", "ClusterAuthorizedOperations", lambda v: v & ~CLUSTER_ACTION if v > 0 else v, "CLUSTER_ACTION is brokers' own"),
    Row("DescribeCluster", "ClusterAuthorizedOperations", lambda v: v & ~CLUSTER_ACTION if v > 0 else v, "CLUSTER_ACTION is brokers' own"),
    Row("DescribeConfigs", "Results[].Configs[]", virtual_config, BY_BROKERS),
    Row("DescribeConfigs", "Results[].ErrorMessage", says(BAD_NAME, "The topic is not one that the operation may be done on."), OWN_WORDS),
    Row("IncrementalAlterConfigs", "Responses[].ErrorMessage", says("Can't APPEND to key retention.ms because its type is not LIST.",
                                                                   "retention.ms is not a list that can be appended to"), OWN_WORDS),
    Row("IncrementalAlterConfigs", "Responses[].ErrorMessage", says("Unknown topic config name: no.such", "There is no topic config no.such"), OWN_WORDS),
    Row("IncrementalAlterConfigs", "Responses[].ErrorMessage", says("Unknown group config name: no.such", "There is no group config no.such"), OWN_WORDS),
    Row("IncrementalAlterConfigs", "Responses[].ErrorMessage", says("Invalid value often for configuration retention.ms: Not a number of type LONG",
                                                                   "Invalid value for configuration retention.ms: expected a number"), OWN_WORDS),
    Row("odd operation", "Responses[]", becomes(ErrorCode=42, ErrorMessage="The request is malformed or does not fit this cluster."),
        "a broker stumbles over it, -1"),
    Row("no batch", "Responses[].PartitionResponses[]", becomes(ErrorCode=87, ErrorMessage=None), "what is no batch of today's format is sent back"),
    Row("DescribeProducers", "Topics[].Partitions[].ErrorMessage", says(BAD_NAME, None), WORDLESS),
    Row("DescribeLogDirs", "Results[].LogDir", lambda v: "/logs/1", "directories are brokers'"),
    Row("DescribeLogDirs", "Results[].TotalBytes", lambda v: -1, "disks are brokers'"),
    Row("DescribeLogDirs", "Results[].UsableBytes", lambda v: -1, "disks are brokers'"),
    Row("describe_configs", "Configs[]", virtual_config, BY_BROKERS),
    Row("ConsumerGroupHeartbeat", "ErrorMessage", says("SubscribedTopicRegex `.*", "SubscribedTopicRegex `(` is not a valid regular expression: missing )."),
        "it is read here first, by an engine with words of its own"),
    *[Row(x, "Responses[].Partitions[].CurrentLeader.LeaderId", lambda v: -1 if v == 0 else v, "a broker leaves it out, and that reads as 0")
      for x in ("ShareFetch", "ShareAcknowledge")],
    Row("DeleteTopics", "Responses[].ErrorMessage", says("You may not specify both.*|Neither topic name nor id.*",
                                                      "A topic is named by its name or by its id."), OWN_WORDS),
]
# All other lists come in the order of hash tables, of names and ids that are not the same, or what went wrong behind what did not.
ORDERED = {"Records", "AcquiredRecords", "AbortedTransactions"}
PAGED = {"DescribeTopicPartitions"}


def alone(value):
    """An answer to Fetch with each partition in an element of its own: brokers split and order topics by what went wrong."""
    return {**value, "Responses": [{**t, "Partitions": [p]} for t in value["Responses"] for p in t["Partitions"]]}


def change(rows, used, what, value, path=""):
    """What the virtual cluster has to answer, where the broker said value. what: the api, and what a step of it is called."""
    for i, row in enumerate(rows):
        if row.what in what and row.path == path:
            changed = row.change(value)
            if changed != value:
                used.add(i)
            value = changed
    if isinstance(value, dict):
        return {k: change(rows, used, what, v, f"{path}.{k}".lstrip(".")) for k, v in value.items()}
    if isinstance(value, list):
        value = [change(rows, used, what, v, path + "[]") for v in value]
        kept = path.split(".")[-1] in ORDERED or what & PAGED or not all(isinstance(v, (dict, str)) for v in value)
        return value if kept else sorted(value, key=repr)
    return value


def apart(expected, found):
    """Where two answers differ, for people."""
    one, other = dict(kw.leaves(expected)), dict(kw.leaves(found))
    places = [p for p in dict.fromkeys([*one, *other]) if one.get(p, ()) != other.get(p, ())]
    return ", ".join(f"{p}: broker {one.get(p, '(nothing)')!r:.200}, Alcove {other.get(p, '(nothing)')!r:.200}" for p in places[:8]) + (
        f" and {len(places) - 8} more" if len(places) > 8 else "" if places else f"{expected!r:.500} {found!r:.500}")


def sides(s):
    """-> the broker's, the virtual cluster's (with --direct two brokers: is the session itself the same each time?)"""
    if s.direct:
        pairs = [(t.name, t, {(t.host, t.port): 1}, session.MINE) for t in (s.acme, s.globex)]
    else:
        s.gateway.make_tenant(TENANT)
        s.judge.forbid(TENANT, f"{TENANT}.", "acme", "globex", stack.CLUSTER_ID)
        virtual = s.gateway.tenant(TENANT, s.folder, s.judge, via="shared")
        plain = stack.Tenant("plain", s.folder, "127.0.0.1", s.kafka.port)
        pairs = [("broker", plain, {(plain.host, plain.port): 1}, session.MINE), ("alcove", virtual, {("127.0.0.1", virtual.port + 1): 1}, None)]
    ranges = [offered(t) for _, t, _, _ in pairs]
    shared = {api: (max(r[api][0] for r in ranges), min(r[api][1] for r in ranges)) for api in ranges[0] if api in ranges[1]}
    return [Side(name, t, addresses, shared, mine) for name, t, addresses, mine in pairs]


def offered(tenant):
    with tenant.wire() as w:
        w.api_versions()
        names = kw.schemas().names
        return {names[k]: (max(a, kw.schemas().versions(k)[0]), b) for k, (a, b) in w.ranges.items() if k in names and kw.schemas().versions(k)}


def compare(part, one, other, used, direct):
    """-> lines for people. direct: the rows are for both sides."""
    found = []
    for (what, a), (_, b) in zip(one, other):
        api, _, label = (what + "  ").split(" ", 2)
        if api == "Fetch":
            a, b = alone(a), alone(b)
        steps = {api, label.strip()}
        a, b = change(DIFFERENCES, used, steps, a), change(DIFFERENCES if direct else [], used, steps, b)
        if a != b:
            found.append(f"{part}, {what}: {apart(a, b)}")
    return found


def plays(part, side):
    """-> what it ends with before its end; what differs until then says why."""
    try:
        part(side)
    except Exception as e:  # whatever ends it
        return f"{part.__name__}, {side.name}: {stack.words_of(e, __file__)}"
    return None


@slow(120)
def test_same_transcript(s):
    """Topics, configs, records, groups of all kinds, transactions, librdkafka, deletion: all that is answered is the same."""
    used, found, asked = set(), [], 0
    two = sides(s)
    try:
        for part in (*session.PARTS, differential_library.library, session.deletion):
            for side in two:
                side.lines.clear()
            ends = both(lambda side, part=part: plays(part, side), *two)
            asked += len(two[0].lines)
            found += compare(part.__name__, two[0].lines, two[1].lines, used, s.direct) + [e for e in ends if e]
            if any(ends):
                break
    finally:
        for side in two:
            side.close()
    true("\n".join([f"{len(found)} of {asked} answers differ:"] + found[:100]), not found)
    true(f"{asked} answers", asked > 300)
    equal("rows that make no difference", [], [(r.what, r.path) for i, r in enumerate(DIFFERENCES) if i not in used])
