"""Lists cost a tenant by its own size: others' many topics and groups are asked for once for everybody, own changes show at once."""
import contextlib

from runner import equal, fresh, stack, true

GATEWAY = True
THEIRS = 100
LISTS = {"Metadata": (12, {"Topics": None}), "DescribeTopicPartitions": (0, {"Topics": [], "ResponsePartitionLimit": 2000, "Cursor": None}),
         "ListGroups": (5, {})}


@contextlib.contextmanager
def max_age(s, ms):
    """So that nothing here depends on how long it takes."""
    path = s.gateway.folder / "alcove.yaml"
    text = path.read_text()
    path.write_text(text.replace("upstream:\n", f"upstream:\n  listing.max.age.ms: {ms}\n"))
    try:
        s.gateway.reload()
        yield
    finally:
        path.write_text(text)
        s.gateway.reload()


def commit(w, group, topic, offset=1):
    """Makes a group that has no members."""
    def code():
        reply = w.request("OffsetCommit", 8, {"GroupId": group, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [{
            "Name": topic, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": offset, "CommittedLeaderEpoch": -1,
                                           "CommittedMetadata": ""}]}]})
        found = reply["Topics"][0]["Partitions"][0]["ErrorCode"]
        if found:  # the first one makes the topic of offsets
            w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": [group]})
        return found
    stack.wait_until(f"{group} has an offset", lambda: code() == 0, 60, 0.1)


def plant(w, prefix, topics, groups, at_once=500):
    """On the cluster itself, or by a tenant with an empty prefix."""
    names = [f"{prefix}{n}" for n in topics]
    for i in range(0, len(names), at_once):
        reply = w.request("CreateTopics", 7, {"timeoutMs": 100000, "Topics": [
            {"Name": n, "NumPartitions": 1, "ReplicationFactor": 1} for n in names[i:i + at_once]]})
        equal("errors", [], [x for x in reply["Topics"] if x["ErrorCode"]])
    for g in groups:
        commit(w, f"{prefix}{g}", names[0])


def names(w, api):
    version, value = LISTS[api]
    reply = w.request(api, version, value)
    return {g["GroupId"] for g in reply["Groups"]} if api == "ListGroups" else {t["Name"] for t in reply["Topics"]}


def from_brokers(s, api):
    """-> answers of brokers, and their bytes. Groups are asked for by the gateway, when a client wants to know; what it asks of
    Metadata is for itself."""
    who = {} if api == "ListGroups" else {"asked": "client"}
    return s.gateway.metric("alcove_broker_answers_total", api=api, **who), s.gateway.metric("alcove_broker_answer_bytes_total", api=api, **who)


def cost(s, t, api, n):
    """Bytes from brokers for each of n requests, each on a connection of its own broker's."""
    before = from_brokers(s, api)
    with t.but(port=t.port + 1).wire() as w:
        lists = [names(w, api) for _ in range(n)]
    true(f"{api}: the same each time", all(x == lists[0] for x in lists))
    after = from_brokers(s, api)
    return (after[1] - before[1]) / n, after[0] - before[0], lists[0]


def settled(w, topics):
    """All have leaders; an answer that says otherwise is not shared."""
    def whole():
        found = w.request("Metadata", 12, {"Topics": [{"Name": n} for n in topics]})["Topics"]
        return not any(t["ErrorCode"] or not t["Partitions"] or any(p["ErrorCode"] or p["LeaderId"] < 0 for p in t["Partitions"]) for t in found)
    stack.wait_until("all have leaders", whole, 30, 0.1)


def test_costs_fall(s):
    """Ten topics beside many of others: what each list costs the brokers when it is asked for once, ten and a hundred times."""
    word = fresh("listed")
    mine, groups = [f"{word}-{i}" for i in range(10)], [f"{word}-group-{i}" for i in range(3)]
    with s.kafka.wire(timeout=100) as w:
        plant(w, f"globex.{word}-of-another-", range(THEIRS), range(THEIRS))
    with s.acme.wire() as w:
        plant(w, "", mine, groups)
        settled(w, mine)
    with max_age(s, 60000):
        for api in LISTS:
            costs = []
            for n in (1, 10, 100):
                with s.acme.wire() as w:  # another question, so that each round begins with one to a broker
                    more = fresh(f"{word}-more")
                    plant(w, "", [more], [f"{more}-group"])
                    settled(w, [more])
                each, answers, found = cost(s, s.acme, api, n)
                costs.append(each)
                equal(f"answers of brokers for {n} requests of {api}", 1, answers)
                true(f"{api}: own ones are there", set(groups if api == "ListGroups" else mine) <= found)
                true(f"{api}: nobody else's", not any("of-another" in x for x in found))
            print(f"    {api}: {', '.join(f'{x:.0f}' for x in costs)} bytes from brokers for one of 1, 10, 100 requests", flush=True)
            true(f"{api}: {costs} falls", costs[0] > 2 * costs[1] > 4 * costs[2])
        each, answers, _ = cost(s, s.globex, "ListGroups", 1)  # that is young enough for everybody
        equal("another tenant's list of the same broker", 0, answers)


def test_own_changes(s):
    """What a tenant makes it lists at once, on any connection, however old a shared answer may be."""
    word = fresh("at-once")
    with max_age(s, 60000), s.acme.wire() as here, s.acme.wire() as there:
        plant(here, "", [word], [])
        for i in range(5):
            equal("groups before", set(), {g for g in names(there, "ListGroups") if g.startswith(f"{word}-{i}")})
            plant(here, "", [f"{word}-{i}"], [f"{word}-{i}"])
            for w in (there, here):
                true("a group", f"{word}-{i}" in names(w, "ListGroups"))
                for api in ("Metadata", "DescribeTopicPartitions"):
                    stack.wait_until(f"{api} has the topic", lambda w=w, a=api, n=f"{word}-{i}": n in names(w, a))
        reply = here.request("CreatePartitions", 3, {"Topics": [{"Name": word, "Count": 4, "Assignments": None}], "TimeoutMs": 10000,
                                                     "ValidateOnly": False})
        equal("CreatePartitions", 0, reply["Results"][0]["ErrorCode"])
        stack.wait_until("its partitions", lambda: [len(t["Partitions"]) for t in there.request("Metadata", 12, {"Topics": None})["Topics"]
                                                    if t["Name"] == word] == [4])
        reply = here.request("DeleteTopics", 6, {"TimeoutMs": 10000, "Topics": [{"Name": f"{word}-0"}]})
        equal("DeleteTopics", 0, reply["Responses"][0]["ErrorCode"])
        stack.wait_until("it is not listed any more", lambda: f"{word}-0" not in names(there, "Metadata"))


def test_filters(s):
    """States and types, whatever the case: as the broker itself would have answered."""
    word = fresh("filtered")
    with s.acme.wire() as w, s.kafka.wire() as direct:
        plant(w, "", [word], [f"{word}-{i}" for i in range(3)])
        for states in ([], ["Empty"], [" eMPTY "], ["Stable"], ["Stable", "empty"], ["Nonsense"], [""]):
            for types in ([], ["classic"], ["CLASSIC"], [" classic"], ["consumer", "Classic"], ["share"], ["nonsense"]):
                value = {"StatesFilter": states, "TypesFilter": types}
                wanted = sorted((g["GroupId"].removeprefix("acme."), g["ProtocolType"], g["GroupState"], g["GroupType"])
                                for g in direct.request("ListGroups", 5, value)["Groups"] if g["GroupId"].startswith(f"acme.{word}"))
                found = sorted((g["GroupId"], g["ProtocolType"], g["GroupState"], g["GroupType"])
                               for g in w.request("ListGroups", 5, value)["Groups"] if g["GroupId"].startswith(word))
                equal(f"states {states}, types {types}", wanted, found)
    said = s.acme.tool("consumer-groups", "--list", "--state", "Empty").stdout
    true(f"Kafka's own tool: {said[-500:]}", all(f"{word}-{i}" in said for i in range(3)))
