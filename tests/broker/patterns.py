"""Subscribing by pattern in KIP-848: the table of patterns at a real broker, clients in both tenants, lists of names that follow."""
import pathlib
import uuid

from groups import KIP848, members
from java_member import JavaMember
from runner import both, create_topic, equal, fresh, gateway, stack, true

HERE = pathlib.Path(__file__).resolve().parent
BAD_PATTERN, NOT_COORDINATOR = 128, 16
PREFIX = "acme."


def beat(w, group, member, epoch, regex, names=None):
    reply = w.request("ConsumerGroupHeartbeat", 1, {
        "GroupId": group, "MemberId": member, "MemberEpoch": epoch, "InstanceId": None, "RackId": None,
        "RebalanceTimeoutMs": 10000 if epoch == 0 else -1, "SubscribedTopicNames": names if names or epoch else [],
        "SubscribedTopicRegex": regex, "ServerAssignor": None, "TopicPartitions": [] if epoch == 0 else None})
    return reply["ErrorCode"], reply["ErrorMessage"], reply["MemberEpoch"]


def table():
    """-> (pattern, verdict, names, other names)"""
    for line in (HERE.parent / "table/regex.txt").read_text().splitlines():
        if line and line != "#" and not line.startswith("# "):
            pattern, verdict, yes, no = (line.split("\t") + ["", ""])[:4]
            if not (pattern.startswith("<") and pattern.endswith(">")):
                yield pattern, verdict, yes.split(), no.split()


def regexes(w, groups):
    """What each group's only member subscribes to."""
    said = w.request("ConsumerGroupDescribe", 1, {"GroupIds": groups})["Groups"]
    return {g["GroupId"]: g["Members"][0]["SubscribedTopicRegex"] for g in said}


@gateway
def test_table(s):
    """Each pattern of tests/table/regex.txt: what the broker got matches, by the broker's own engine, what it should and nobody else's."""
    word, asked = fresh("pattern"), {}
    rows = [r for r in table() if "," not in r[0]] + [r for r in table() if "," in r[0]]
    with s.acme.wire() as w, s.kafka.wire() as physical:
        stack.wait_until("there is a coordinator", lambda: w.request("FindCoordinator", 0, {"Key": word})["ErrorCode"] == 0)
        stack.wait_until("the coordinator answers", lambda: beat(w, f"{word}-first", str(uuid.uuid4()), 0, ".*")[0] == 0)
        for i, (pattern, verdict, yes, no) in enumerate(rows):
            group = f"{word}-{i}"
            code, text, epoch = beat(w, group, str(uuid.uuid4()), 0, pattern)
            equal(f"{pattern}: {text}", BAD_PATTERN if verdict == "no" else 0, code)
            if verdict == "no":
                true(f"{pattern}: {text}", text.startswith("SubscribedTopicRegex `") and "acme" not in text)
            else:
                asked[group] = pattern, verdict, yes, no
        shown = regexes(w, list(asked))
        sent = {g.removeprefix(PREFIX): r for g, r in regexes(physical, [PREFIX + g for g in asked]).items()}
    lines = []
    for group, (pattern, verdict, yes, no) in asked.items():
        equal("what ConsumerGroupDescribe shows", pattern, shown[group])
        strangers = yes + [f"globex.{n}" for n in yes + no] + [f"x{PREFIX}{n}" for n in yes + no]
        inside = [] if verdict == "exact" else yes  # of a list of names only those that exist are in it
        lines.append("\t".join((sent[group], " ".join(PREFIX + n for n in inside),
                                " ".join([n for n in strangers if not n.startswith(PREFIX)] + [PREFIX + n for n in no]))))
    true("most of them are there", len(lines) > 70)
    path = s.folder / "confined.tsv"
    path.write_text("\n".join(lines) + "\n")
    equal("by RE2/J", "ok", stack.tool(HERE / "java/Confined.java", path).stdout.strip())


def test_java(s):
    """Java's SubscriptionPattern in two tenants with the same names: own topics, also new ones; shown as it was written."""
    word = fresh("java")
    pattern = f"^{word}\\.(a|b)\\..*"
    for name in ("a.one", "c.two"):
        both(lambda t: create_topic(t, f"{word}.{name}"), s.acme, s.globex)
    create_topic(s.globex, f"{word}.a.theirs")

    def one(t):
        mine = [f"{word}.a.one"] + ([f"{word}.a.theirs"] if t is s.globex else [])
        with JavaMember(t, word, "consumer", pattern, pattern=True) as m:
            m.wait("the topics are found", lambda m: m.topics() == sorted(mine))
            create_topic(t, f"{word}.b.{t.name}-s")
            m.wait("the new one as well", lambda m: m.topics() == sorted([*mine, f"{word}.b.{t.name}-s"]))
            with t.wire() as w:
                equal("as it was written", {word: pattern}, regexes(w, [word]))
    both(one, s.acme, s.globex)


def test_librdkafka(s):
    """librdkafka's pattern (it begins with ^) in KIP-848."""
    word = fresh("rdkafka")
    both(lambda t: create_topic(t, f"{word}.{t.name}-s"), s.acme, s.globex)

    def one(t):
        with members(t, word, [f"^{word}.*"], 1, **KIP848) as m:
            stack.wait_until(f"the topic is found, not {m[0].has()}", lambda: m[0].has() == [(f"{word}.{t.name}-s", 0)], 40)
    both(one, s.acme, s.globex)


@gateway
def test_names(s):
    """Where a topic has an alias, the broker gets names: with the alias, with new topics, also after the connection was lost."""
    word, tenant = fresh("named"), fresh("initech")
    s.gateway.make_tenant(tenant, [("alice", "of-initech")])
    t = s.tenant(tenant, via="shared", password="of-initech")
    create_topic(t, f"{word}.own")
    create_topic(s.acme, f"{word}.lent")
    s.rest("PUT", f"/v1/tenants/{tenant}/aliases/topic/{word}.alias", {"target": f"acme.{word}.lent"})
    with JavaMember(t, word, "consumer", f"(x?^)?{word}.*", pattern=True) as m, members(t, word + "-c", [f"^{word}.*"], 1, **KIP848) as c:
        def see(*names):
            want = sorted(f"{word}.{n}" for n in names)
            m.wait(f"Java has {want}", lambda m: m.topics() == want)
            stack.wait_until(f"librdkafka has {want}", lambda: sorted({x for x, _ in c[0].has()}) == want, 40)
        see("own", "alias")
        # Every connection of the user ends; what members said on them is forgotten.
        s.rest("PATCH", f"/v1/tenants/{tenant}/users/alice", {"password": "of-initech"})
        create_topic(t, f"{word}.new")
        see("own", "alias", "new")
    with s.kafka.wire() as physical:
        equal("no pattern is left", {}, {g: r for g, r in regexes_left(physical, tenant).items() if r})


def regexes_left(w, tenant):
    groups = [g["GroupId"] for g in w.request("ListGroups", 5, {})["Groups"] if g["GroupId"].startswith(tenant + ".")]
    said = w.request("ConsumerGroupDescribe", 1, {"GroupIds": groups})["Groups"]
    return {g["GroupId"]: [m["SubscribedTopicRegex"] for m in g["Members"]] for g in said}


@gateway
def test_asked_again(s):
    """A member that is silent about its pattern on a new connection is told once that it is at the wrong broker; then it goes on without rejoining."""
    word, tenant, member = fresh("again"), fresh("hooli"), str(uuid.uuid4())
    s.gateway.make_tenant(tenant, [("alice", "of-hooli")])
    t = s.tenant(tenant, via="shared", password="of-hooli")
    create_topic(t, f"{word}.own")
    create_topic(s.acme, f"{word}.lent")
    s.rest("PUT", f"/v1/tenants/{tenant}/aliases/topic/{word}.alias", {"target": f"acme.{word}.lent"})
    with t.wire() as w:
        w.request("FindCoordinator", 0, {"Key": word})
        stack.wait_until("it joins", lambda: beat(w, word, member, 0, ".*")[0] == 0)
        epoch = beat(w, word, member, 0, ".*")[2]
    with t.wire() as w:
        equal("silent", NOT_COORDINATOR, beat(w, word, member, epoch, None)[0])
        equal("silent again", 0, beat(w, word, member, epoch, None)[0])
    with t.wire() as w:
        equal("silent", NOT_COORDINATOR, beat(w, word, member, epoch, None)[0])
        code, text, now = beat(w, word, member, epoch, ".*", [])
        equal("with all it has", 0, code)
        equal("silent afterwards", 0, beat(w, word, member, now, None)[0])
        equal("unsubscribed", 0, beat(w, word, member, now, "")[0])
        equal("it leaves", 0, beat(w, word, member, -1, None)[0])


@gateway
def test_rights(s):
    """A topic that the principal may not describe is never assigned by a pattern, and one that it may not describe any more is taken
    away; named, it is the whole request's refusal."""
    word, tenant = fresh("rights"), fresh("umbrella")
    s.gateway.make_tenant(tenant, [("alice", "of-umbrella"), ("bob", "of-umbrella")])
    alice = s.tenant(tenant, via="shared", password="of-umbrella")
    bob = s.tenant(tenant, via="shared", user="bob", password="of-umbrella")
    ids = {n: create_topic(alice, f"{word}.{n}") for n in ("open", "secret", "later")}

    def acl(name, operation, permission="ALLOW", kind="TOPIC"):
        return {"resourceType": kind, "resourceName": name, "principal": "User:bob", "operation": operation, "permission": permission}
    s.rest("POST", f"/v1/tenants/{tenant}/acls", {"acls": [acl("*", "READ"), acl("*", "READ", kind="GROUP"),
                                                           acl(f"{word}.secret", "DESCRIBE", "DENY")]})
    s.rest("PATCH", f"/v1/tenants/{tenant}", {"authorizer": "acl"})
    member = str(uuid.uuid4())
    with bob.wire() as w:
        stack.wait_until("there is a coordinator", lambda: w.request("FindCoordinator", 0, {"Key": word})["ErrorCode"] == 0)
        code, _, epoch = stack.wait_until("it joins", lambda: joined(beat(w, word, member, 0, ".*")))
        true("it is in", code == 0 and epoch > 0)
        epoch = follows(w, word, member, epoch, {ids["open"], ids["later"]})
        s.rest("POST", f"/v1/tenants/{tenant}/acls", {"acls": [acl(f"{word}.later", "DESCRIBE", "DENY")]})
        follows(w, word, member, epoch, {ids["open"]})
        equal("named", 29, beat(w, word, str(uuid.uuid4()), 0, None, [f"{word}.open", f"{word}.secret"])[0])


def joined(answer):
    return answer if answer[0] == 0 else None


def follows(w, group, member, epoch, wanted):
    """Heartbeats until the member has just these topics; -> its epoch. What it is told it owns at once, as clients do."""
    state = {"epoch": epoch, "owned": None, "has": set()}

    def more():
        reply = w.request("ConsumerGroupHeartbeat", 1, {
            "GroupId": group, "MemberId": member, "MemberEpoch": state["epoch"], "InstanceId": None, "RackId": None, "RebalanceTimeoutMs": -1,
            "SubscribedTopicNames": None, "SubscribedTopicRegex": None, "ServerAssignor": None, "TopicPartitions": state["owned"]})
        equal("heartbeat", 0, reply["ErrorCode"])
        state["epoch"], state["owned"] = reply["MemberEpoch"], None
        if reply["Assignment"] is not None:
            state["owned"] = [{"TopicId": t["TopicId"], "Partitions": t["Partitions"]} for t in reply["Assignment"]["TopicPartitions"]]
            state["has"] = {t["TopicId"] for t in state["owned"]}
        return state["has"] == wanted
    stack.wait_until("the member has what it may see", more, 40, 0.2)
    return state["epoch"]
