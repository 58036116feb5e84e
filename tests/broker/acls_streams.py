"""What Kafka asks of the topics of streams groups: checks of acls_as_kafka.py. A member that gets in changes what the next one meets, so each
request is of a group, and of internal topics, that no other names."""
import random
import uuid

from runner import equal, kw, stack, true

SETS = 6
USERS = ("u0", "u1")
PLANTED = ["g-planted", "h-planted"]
NOT_READY = 4  # an assignment that is being made


def acls_of(number):
    """A set in REST's words: most may join, and describe some of the topics; some may create."""
    r, acls = random.Random(number), []

    def rule(kind, name, operation, prefixed=False, permission="ALLOW"):
        acl = {"resourceType": kind, "resourceName": name, "patternType": "PREFIXED" if prefixed else "LITERAL", "host": "*",
               "principal": r.choice(["User:u0", "User:u1", "User:u1", "User:*"]), "operation": operation, "permission": permission}
        if acl not in acls:
            acls.append(acl)
    for prefix in ("g-", "g-", "h"):
        if r.random() < 0.8:
            rule("GROUP", prefix, r.choice(["READ", "READ", "DESCRIBE", "ALL"]), True)
    for name in ("t-a", "t-b", "u-a", "t-a", "t-b", "u-a", "t-no", "*"):
        if r.random() < 0.6:
            rule("TOPIC", name, r.choice(["DESCRIBE", "READ", "WRITE", "ALTER", "DELETE", "CREATE"]))
    for prefix in ("t-", "n-", "t-", "n-"):
        if r.random() < 0.6:
            rule("TOPIC", prefix, r.choice(["DESCRIBE", "CREATE", "CREATE", "ALL"]), True)
    if r.random() < 0.3:
        rule("CLUSTER", "kafka-cluster", "CREATE")
    if r.random() < 0.3:
        rule("TOPIC", r.choice(["t-a", "u-a", "t-b"]), r.choice(["DESCRIBE", "ALL"]), permission="DENY")
    return acls


# ---- what is asked ----------------------------------------------------------------------------------------

def internal(name, partitions=0):
    return {"Name": name, "Partitions": partitions, "ReplicationFactor": 1, "TopicConfigs": []}


def subtopology(number, source=(), sink=(), repartition=(), changelog=()):
    return {"SubtopologyId": str(number), "SourceTopics": list(source), "SourceTopicRegex": [], "StateChangelogTopics": [internal(n) for n in changelog],
            "RepartitionSinkTopics": list(sink), "RepartitionSourceTopics": [internal(n, 1) for n in repartition], "CopartitionGroups": []}


def topologies(tag):
    """Topics that are there and that are not, in each place that there is."""
    n, t = f"n-{tag}", f"t-{tag}"
    yield [subtopology(0, source=["t-a"])]
    yield [subtopology(0, source=["t-a", "u-a"])]
    yield [subtopology(0, source=["t-a"], sink=["t-b"])]
    yield [subtopology(0, source=["u-a"]), subtopology(1, repartition=["t-b"])]
    yield [subtopology(0, source=["t-a"], changelog=["u-a"])]
    yield [subtopology(0, source=["t-no"])]
    yield [subtopology(0, source=["t-a"], changelog=[t])]
    yield [subtopology(0, source=["t-a"], sink=[n]), subtopology(1, repartition=[n])]
    yield [subtopology(0, source=["t-b"], sink=[n + "-"]), subtopology(1, repartition=[n + "-"], changelog=[t + "-"])]
    yield [subtopology(0, source=["t-a", "__consumer_offsets"])]
    yield [subtopology(0, source=["t-a"], changelog=["a b"])]


def beat(group, member, epoch, topology):
    joins = epoch == 0
    return {"GroupId": group, "MemberId": member, "MemberEpoch": epoch, "EndpointInformationEpoch": 0, "RebalanceTimeoutMs": 30000 if joins else -1,
            "ProcessId": member if joins else None, **{k: [] if joins else None for k in ("ActiveTasks", "StandbyTasks", "WarmupTasks", "ClientTags")},
            "Topology": {"Epoch": 0, "Subtopologies": topology} if joins else None}


def join(w, group, topology):
    """-> the answer, once its coordinator is there. Who got in leaves again."""
    member = str(uuid.uuid4())

    def asked():
        reply = w.request("StreamsGroupHeartbeat", 0, beat(group, member, 0, topology))
        return None if reply["ErrorCode"] in (14, 15, 16) else reply
    reply = stack.wait_until(f"{group} has a coordinator", asked, 30)
    if reply["ErrorCode"] == 0:
        equal(f"{group} is left", 0, w.request("StreamsGroupHeartbeat", 0, beat(group, member, -1, None))["ErrorCode"])
    return reply


def verdict(reply):
    """What was decided, in words too."""
    status = sorted((s["StatusCode"], s["StatusDetail"]) for s in reply["Status"] or [] if s["StatusCode"] != NOT_READY)
    return reply["ErrorCode"], reply["ErrorMessage"], status


def described(reply):
    """All but how far an assignment has come, which is a matter of time."""
    return sorted(({k: v for k, v in g.items() if not k.endswith("Epoch")} for g in reply["Groups"]), key=lambda g: g["GroupId"])


def as_ours(expected):
    """On purpose: Kafka lets a member in whose topology's topics it may not create, and says so to it; ours are created by a broker that takes
    the gateway for their creator, so the gateway does not let it in. Its error names the first of them."""
    for code, detail in expected[2]:
        if code == 3 and "Unauthorized to CREATE on topics " in detail:
            return 29, f"Unauthorized to CREATE on topic {detail.split('on topics ')[1].split(', ')[0].rstrip('.')}.", []
    return expected


def check_streams_topics(s):
    """Each answer of each user as Kafka's: to a member that joins with a topology, and to who has groups described."""
    differences, seen = [], set()
    for side in (s.theirs, s.ours):
        with side.connect("root") as w:
            for group, topology in zip(PLANTED, ([subtopology(0, source=["t-a"], sink=["t-b"]), subtopology(1, repartition=["t-b"])],
                                                 [subtopology(0, source=["t-a"], changelog=["u-a"])])):
                equal(f"{side.name}: {group}", 0, join(w, group, topology)["ErrorCode"])
    for number in range(SETS):
        acls = acls_of(number)
        s.load(acls)
        for user in USERS:
            with s.theirs.connect(user) as theirs, s.ours.connect(user) as ours:
                for k, topology in enumerate(topologies(f"{number}-{user}")):
                    group = f"{'gh'[k % 3 == 2]}-{number}-{user}-{k}"
                    expected, found = (verdict(join(w, group, topology)) for w in (theirs, ours))
                    seen.add((expected[0], tuple(c for c, _ in expected[2]), as_ours(expected) == expected))
                    if as_ours(expected) != found:
                        differences.append(f"set {number}, {user}, {topology}: Kafka {expected}, Alcove {found}; {acls}")
                want = {"GroupIds": PLANTED + ["h-none"], "IncludeAuthorizedOperations": True}
                expected, found = (described(w.request("StreamsGroupDescribe", 0, want)) for w in (theirs, ours))
                seen |= {("described", g["ErrorCode"]) for g in expected}
                if expected != found:
                    differences.append(f"set {number}, {user}, described: Kafka {expected}, Alcove {found}; {acls}")
    true("\n".join([f"{len(differences)} differences"] + differences[:20]), not differences)
    equal("what happened", {(0, (), True), (0, (1,), True), (0, (3,), True), (0, (3,), False), (29, (), True), (30, (), True), (130, (), True),
                            ("described", 0), ("described", 29), ("described", 30), ("described", 69)}, seen)
