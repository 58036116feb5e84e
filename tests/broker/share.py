"""Share groups (KIP-932): members, records and acknowledgements, where a group begins; two tenants with equal names."""
import uuid

from runner import both, create_topic, equal, fresh, stack, true


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
