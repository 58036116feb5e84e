"""Share groups (KIP-932): members, records and acknowledgements, where a group begins; two tenants with equal names."""
import os
import pathlib
import signal
import subprocess
import uuid

from runner import both, create_topic, equal, fresh, gateway, kw, produce, stack, true


def member_id():
    return str(uuid.uuid4())


def beat(w, group, member, epoch, topics=None):
    return w.request("ShareGroupHeartbeat", 1, {"GroupId": group, "MemberId": member, "MemberEpoch": epoch, "RackId": None,
                                                "SubscribedTopicNames": topics})


def coordinated(w, group):
    """Waits until the group's coordinator is there: who asks for the first of all brings the topic of offsets into being."""
    ask = {"KeyType": 0, "CoordinatorKeys": [group]}
    stack.wait_until(f"{group} has a coordinator", lambda: w.request("FindCoordinator", 5, ask)["Coordinators"][0]["ErrorCode"] == 0 and
                     beat(w, group, member_id(), 5)["ErrorCode"] == 69, 20, 0.1)


def join(w, group, member, topics):
    """Until the coordinator has given it something; -> {topic id: partitions}, the member's epoch."""
    state = {"epoch": 0}
    coordinated(w, group)

    def given():
        r = beat(w, group, member, state["epoch"], topics if state["epoch"] == 0 else None)
        equal("ShareGroupHeartbeat", (0, None), (r["ErrorCode"], r["ErrorMessage"]))
        state["epoch"] = r["MemberEpoch"]
        found = {t["TopicId"]: sorted(t["Partitions"]) for t in (r["Assignment"] or {}).get("TopicPartitions", [])}
        return found or None
    return stack.wait_until(f"{group}: {member} is given partitions", given, 20, 0.2), state["epoch"]


def describe(w, group):
    r = w.request("ShareGroupDescribe", 1, {"GroupIds": [group], "IncludeAuthorizedOperations": True})
    return r["Groups"][0]


def test_members(s):
    """Heartbeat, describe and leave by raw requests: both tenants have a group of that name, each with its own members."""
    topic, group = fresh("shared-out"), fresh("shares")
    ids = dict(zip(("acme", "globex"), both(lambda t: create_topic(t, topic, 2), s.acme, s.globex)))
    wires = [t.wire() for t in (s.acme, s.globex)]
    try:
        for t, w in zip((s.acme, s.globex), wires):
            member = member_id()
            given, epoch = join(w, group, member, [topic])
            equal(f"{t.name} is given", {ids[t.name]: [0, 1]}, given)
            g = describe(w, group)
            equal(f"{t.name}'s group", (0, group, "Stable", 1), (g["ErrorCode"], g["GroupId"], g["GroupState"], len(g["Members"])))
            m = g["Members"][0]
            equal(f"{t.name}'s member", (member, [topic], topic),
                  (m["MemberId"], m["SubscribedTopicNames"], m["Assignment"]["TopicPartitions"][0]["TopicName"]))
            true("operations are told", g["AuthorizedOperations"] > 0)
            listed = w.request("ListGroups", 5, {"TypesFilter": ["share"]})["Groups"]
            true("it is listed as a share group", (group, "share") in [(x["GroupId"], x["GroupType"]) for x in listed])
        for w in wires:
            g = describe(w, group)
            equal("members", 1, len(g["Members"]))
            r = beat(w, group, g["Members"][0]["MemberId"], -1)
            equal("leaving", (0, -1), (r["ErrorCode"], r["MemberEpoch"]))
            stack.wait_until("the group is empty", lambda: describe(w, group)["GroupState"] == "Empty", 10)
    finally:
        for w in wires:
            w.close()


def test_refusals(s):
    """Ids that are none: the codes of a broker."""
    group = fresh("shares")
    with s.acme.wire() as w:
        coordinated(w, group)
        equal("no member id", 42, beat(w, group, "", 0, ["x"])["ErrorCode"])
        equal("a long member id", 42, beat(w, group, "m" * 37, 0, ["x"])["ErrorCode"])
        equal("no group", 42, beat(w, "", member_id(), 0, ["x"])["ErrorCode"])
        equal("no such group", 69, beat(w, group, member_id(), 5)["ErrorCode"])
        equal("describe", (69, 24), (describe(w, group)["ErrorCode"], describe(w, "")["ErrorCode"]))
        r = w.request("AlterShareGroupOffsets", 0, {"GroupId": "", "Topics": []})
        equal("alter without a group", 24, r["ErrorCode"])
        r = w.request("DeleteShareGroupOffsets", 0, {"GroupId": "", "Topics": []})
        equal("delete without a group", 24, r["ErrorCode"])


# ---- records ---------------------------------------------------------------------------------------------------

JAVA = pathlib.Path(__file__).resolve().parent / "java/Share.java"


def from_the_beginning(t, group):
    """The share group begins with the first record: a config of it."""
    with t.wire() as w:
        r = w.request("IncrementalAlterConfigs", 1, {"Resources": [{"ResourceType": 32, "ResourceName": group, "Configs": [
            {"Name": "share.auto.offset.reset", "ConfigOperation": 0, "Value": "earliest"}]}]})
        equal("the group's config", (0, group), (r["Responses"][0]["ErrorCode"], r["Responses"][0]["ResourceName"]))


def filled(t, topic, group, n, partitions=1):
    """A topic with n records, and a group that begins with the first."""
    topic_id = create_topic(t, topic, partitions)
    from_the_beginning(t, group)
    with t.wire() as w:
        coordinated(w, group)
        for i in range(n):  # a batch each: brokers give out whole batches
            produce(w, topic, [f"{t.name} {i}".encode()], partition=i % partitions)
    return topic_id


def java(t, *args):
    said = stack.tool(JAVA, t.java_file(), *args, timeout=150).stdout
    true(f"{t.name}: {said[-3000:]}", said.rstrip().endswith("ok"))
    return said


def test_each_acknowledgement(s):
    """Java's share consumer accepts, releases, rejects and renews, record by record; both tenants at once."""
    topic, group = fresh("jobs"), fresh("workers")

    def one(t):
        filled(t, topic, group, 20)
        java(t, "each", group, topic, "20")
    both(one, s.acme, s.globex)


def test_more_members_than_partitions(s):
    """Six consumers share two partitions; each record comes once."""
    topic, group = fresh("jobs"), fresh("workers")
    filled(s.acme, topic, group, 60, 2)
    java(s.acme, "many", group, topic, "60", "6")


def test_console(s):
    """kafka-console-share-consumer.sh."""
    topic, group = fresh("jobs"), fresh("workers")

    def one(t):
        filled(t, topic, group, 5)
        said = t.tool("console-share-consumer", "--topic", topic, "--group", group, "--max-messages", "5", "--timeout-ms", "60000").stdout
        equal(f"{t.name} consumes", sorted(f"{t.name} {i}" for i in range(5)), sorted(said.split("\n")[:5]))
    both(one, s.acme, s.globex)


def starts(w, group):
    """{(topic, partition): (error, start)} of all topics of the group."""
    r = w.request("DescribeShareGroupOffsets", 1, {"Groups": [{"GroupId": group, "Topics": None}]})["Groups"][0]
    equal("DescribeShareGroupOffsets", (group, 0), (r["GroupId"], r["ErrorCode"]))
    return {(t["TopicName"], p["PartitionIndex"]): (p["ErrorCode"], p["StartOffset"]) for t in r["Topics"] for p in t["Partitions"]}


def test_groups_tool(s):
    """kafka-share-groups.sh: list, describe, reset and delete offsets; the other tenant's group of that name stays as it is."""
    topic, group = fresh("jobs"), fresh("workers")
    tool = lambda *args: s.acme.tool("share-groups", *args).stdout  # noqa: E731
    with s.acme.wire() as w, s.globex.wire() as other:
        for t, x in ((s.acme, w), (s.globex, other)):
            filled(t, topic, group, 3)
            member = member_id()
            join(x, group, member, [topic])
            equal("leaving", 0, beat(x, group, member, -1)["ErrorCode"])
            stack.wait_until("its beginning is known", lambda x=x: (topic, 0) in starts(x, group), 20, 0.1)
        true("listed", group in tool("--list").split())
        row = next(x.split() for x in tool("--describe", "--group", group, "--offsets").splitlines() if x.startswith(group))
        equal("where it is", [group, topic, "0"], row[:3])
        before = starts(other, group)
        said = tool("--reset-offsets", "--group", group, "--topic", topic, "--to-latest", "--execute")
        true(f"reset: {said}", [group, topic, "0", "3"] in [x.split() for x in said.splitlines()])
        equal("it begins at the end", {(topic, 0): (0, 3)}, starts(w, group))
        said = tool("--delete-offsets", "--group", group, "--topic", topic)
        true(f"deleted: {said}", "Successful" in said)
        equal("nothing is left", {}, starts(w, group))
        equal("of the other's", before, starts(other, group))


# ---- raw fetches ------------------------------------------------------------------------------------------------

ACCEPT, RELEASE = 1, 2


class Session:
    """One share session on a raw connection."""

    def __init__(self, w, group, version=2, member=None):
        self.w, self.group, self.version, self.member, self.epoch = w, group, version, member or member_id(), 0

    def topics(self, named):
        """named: {(topic id, partition): [(first, last, type)]}"""
        return [{"TopicId": t, "Partitions": [{"PartitionIndex": i, "AcknowledgementBatches": [
            {"FirstOffset": a, "LastOffset": b, "AcknowledgeTypes": [k]} for a, b, k in acks]}]} for (t, i), acks in named.items()]

    def fetch(self, named=None, forgotten=(), wait_ms=200, **more):
        """-> the answer's partitions by topic id and number; the session's epoch goes on."""
        r = self.w.request("ShareFetch", self.version, {
            "GroupId": self.group, "MemberId": self.member, "ShareSessionEpoch": self.epoch, "MaxWaitMs": wait_ms, "MinBytes": 1,
            "MaxBytes": 1 << 20, "MaxRecords": 100, "BatchSize": 100, "Topics": self.topics(named or {}),
            "ForgottenTopicsData": [{"TopicId": t, "Partitions": [i]} for t, i in forgotten], **more})
        equal("ShareFetch", 0, r["ErrorCode"])
        self.epoch += 1
        return {(t["TopicId"], p["PartitionIndex"]): p for t in r["Responses"] for p in t["Partitions"]}

    def acknowledge(self, named, epoch=None):
        r = self.w.request("ShareAcknowledge", self.version, {
            "GroupId": self.group, "MemberId": self.member, "ShareSessionEpoch": self.epoch if epoch is None else epoch,
            "Topics": self.topics(named)})
        self.epoch += 1
        return r["ErrorCode"], {(t["TopicId"], p["PartitionIndex"]): p["ErrorCode"] for t in r["Responses"] for p in t["Partitions"]}


def records(part):
    return [v for b in kw.read_batches(part["Records"]) for _, _, v, _ in b["records"]]


def acquired(session, key, want=1, named=None):
    """Fetches until so many records of that partition are here; -> [(first, last, delivery count)]."""
    got = []

    def more():
        part = session.fetch(named if not got and session.epoch == 0 else None).get(key)
        got.extend((a["FirstOffset"], a["LastOffset"], a["DeliveryCount"]) for a in (part or {}).get("AcquiredRecords", []))
        return sum(b - a + 1 for a, b, _ in got) >= want
    stack.wait_until(f"{want} records are acquired; {got} are", more, 30, 0)
    return got


def test_a_killed_member(s):
    """A Java share consumer that holds records is killed: they come again at once, to another member, as their second delivery."""
    topic, group = fresh("jobs"), fresh("workers")
    topic_id = filled(s.acme, topic, group, 3)
    p = subprocess.Popen([stack.KAFKA / "tool", JAVA, s.acme.java_file(), "hold", group, topic, "3"], stdout=subprocess.PIPE, text=True,
                         start_new_session=True)
    try:
        said = ""
        while not said.startswith("holding"):
            said = p.stdout.readline()
            true("it holds some", said)
    finally:
        os.killpg(p.pid, signal.SIGKILL)
        p.wait()
        p.stdout.close()
    held = int(said.split()[1])
    with s.acme.wire() as w:
        got = acquired(Session(w, group), (topic_id, 0), 3, {(topic_id, 0): []})
        equal("deliveries", [2] * held + [1] * (3 - held), sorted((n for a, b, n in got for _ in range(a, b + 1)), reverse=True))


def test_sessions(s):
    """Raw: a session goes on without naming anything, is one connection's, and says what is wrong in Kafka's codes."""
    topic, group = fresh("jobs"), fresh("workers")
    topic_id = filled(s.acme, topic, group, 4)
    key = (topic_id, 0)
    for version in (1, 2):
        with s.acme.wire() as w, s.acme.wire() as other:
            one = Session(w, f"{group}-{version}", version)
            from_the_beginning(s.acme, one.group)
            join(w, one.group, one.member, [topic])
            equal("four come", 4, sum(b - a + 1 for a, b, _ in acquired(one, key, 4, {key: []})))
            part = one.fetch({key: [(0, 0, ACCEPT), (1, 1, RELEASE)]})[key]
            equal("acknowledged beside the fetch", 0, part["AcknowledgeErrorCode"])
            again = [(a["FirstOffset"], a["DeliveryCount"]) for a in part["AcquiredRecords"]] or acquired(one, key)
            equal("the released one comes again", (1, 2), (again[0][0], again[0][-1]))
            equal("acknowledged alone", (0, {key: 0}), one.acknowledge({key: [(1, 3, ACCEPT)]}))
            for epoch in (1, one.epoch, -1):
                r = other.request("ShareFetch", version, {"GroupId": one.group, "MemberId": one.member, "ShareSessionEpoch": epoch,
                                                          "MaxWaitMs": 0, "MinBytes": 0, "MaxRecords": 1, "BatchSize": 1})
                equal(f"epoch {epoch} on another connection", 122, r["ErrorCode"])
            equal("epoch 0 of an acknowledgement", (123, {}), one.acknowledge({key: [(0, 0, ACCEPT)]}, 0))
            one.epoch -= 1
            equal("still there", 0, one.fetch({}).get(key, {}).get("ErrorCode", 0))
            equal("an epoch that is wrong", (123, {}), one.acknowledge({}, 99))
            if not s.direct:
                equal("then it is gone here", (122, {}), one.acknowledge({}, one.epoch))


@gateway
def test_rights_change(s):
    """ACLs decide inside a running session: what may be read no more stops coming, what may be read again comes again."""
    name = fresh("rights")
    s.gateway.make_tenant(name, [("alice", "alice-secret"), ("boss", "boss-secret")])
    boss, alice = (s.gateway.tenant(name, s.folder, user=u, password=f"{u}-secret", via="shared") for u in ("boss", "alice"))
    s.rest("PATCH", f"/v1/tenants/{name}", {"authorizer": "acl", "superUsers": ["User:boss"]})
    ids = {t: filled(boss, t, "workers", 1) for t in ("open", "shut")}
    keys = {t: (ids[t], 0) for t in ids}
    acl = {"resourceType": "TOPIC", "resourceName": "shut", "principal": "User:alice", "operation": "READ"}
    s.rest("POST", f"/v1/tenants/{name}/acls", {"acls": [acl, acl | {"resourceName": "open"},
                                                          acl | {"resourceType": "GROUP", "resourceName": "workers"}]})
    with alice.wire() as w, boss.wire() as writer:
        one, seen = Session(w, "workers"), {"open": [], "shut": []}
        join(writer, "workers", one.member, list(ids))

        def came(topic, n, **named):
            """Fetches until n records of the topic came in all; -> the last answer."""
            def more():
                answer = one.fetch(**named)
                named.clear()
                for t, key in keys.items():
                    seen[t] += records(answer.get(key, {"Records": b""}))
                return [answer] if len(seen[topic]) >= n else None
            return stack.wait_until(f"{n} records of {topic}; there are {seen}", more, 20, 0)[0]
        may = {"KeyType": 0, "CoordinatorKeys": ["workers"]}
        stack.wait_until("alice may", lambda: [0, 0] == [t["ErrorCode"] for t in w.request("Metadata", 12, {"Topics": [
            {"Name": t} for t in ids]})["Topics"]] and w.request("FindCoordinator", 5, may)["Coordinators"][0]["ErrorCode"] == 0, 5, 0.05)
        came("shut", 1, named={k: [] for k in keys.values()})
        came("open", 1)
        s.rest("DELETE", f"/v1/tenants/{name}/acls?resourceType=TOPIC&resourceName=shut")
        stack.wait_until("it is said", lambda: one.fetch().get(keys["shut"], {}).get("ErrorCode") == 29, 5, 0)
        for t in ids:
            produce(writer, t, [b"later"])
        answer = came("open", 2)
        equal("the other one", (29, b""), (answer[keys["shut"]]["ErrorCode"], answer[keys["shut"]]["Records"] or b""))
        equal("nothing of it came", 1, len(seen["shut"]))
        r = one.fetch({keys["shut"]: [(0, 0, ACCEPT)]})[keys["shut"]]
        equal("an acknowledgement of it", (29, 29), (r["ErrorCode"], r["AcknowledgeErrorCode"]))
        s.rest("POST", f"/v1/tenants/{name}/acls", {"acls": [acl]})
        came("shut", 2)
