"""A thousand topics for each of two tenants: made, listed, described in pages, consumed by a pattern; each sees its own."""
import time

from groups import members
from produce_consume import send
from runner import both, equal, fresh, stack, true

GATEWAY = True
TOPICS = 1000
AT_ONCE = 250


def names(t, word):
    return [f"{word}-{i:04d}" for i in range(TOPICS if t.name == "acme" else TOPICS - 1)]


def listed(w, word):
    return {x["Name"]: x["TopicId"] for x in w.request("Metadata", 12, {"Topics": None})["Topics"] if x["Name"].startswith(word + "-")}


def make(t, word):
    mine = names(t, word)
    with t.wire(timeout=60) as w:
        for i in range(0, len(mine), AT_ONCE):
            reply = w.request("CreateTopics", 7, {"timeoutMs": 50000, "Topics": [
                {"Name": n, "NumPartitions": 1, "ReplicationFactor": 1} for n in mine[i:i + AT_ONCE]]})
            equal("errors", [], [x for x in reply["Topics"] if x["ErrorCode"]])


def look(t, word):
    mine = names(t, word)
    with t.wire(timeout=60) as w:
        try:
            stack.wait_until(f"{t.name} sees all that it made", lambda: sorted(listed(w, word)) == mine, 60)
        except stack.StackError:
            found = set(listed(w, word))
            raise AssertionError(f"{t.name} sees {len(found)} of {len(mine)}; not {sorted(set(mine) - found)[:5]}; "
                                 f"too many: {sorted(found - set(mine))[:5]}") from None
        stack.wait_until("all have leaders", lambda: not any(
            p["ErrorCode"] for x in w.request("Metadata", 12, {"Topics": [{"Name": n} for n in mine]})["Topics"] for p in x["Partitions"]), 30, 0.2)
        began = time.monotonic()
        for _ in range(5):
            listed(w, word)
        print(f"    {t.name}: a list of all topics in {(time.monotonic() - began) / 5 * 1000:.0f} ms", flush=True)
        equal("in pages", mine, paged(w, mine))
        ids = listed(w, word)
        reply = w.request("Metadata", 12, {"Topics": [{"Name": None, "TopicId": i} for i in ids.values()]})
        equal("by id", ids, {x["Name"]: x["TopicId"] for x in reply["Topics"]})


def paged(w, mine):
    """DescribeTopicPartitions by pages of 300 partitions."""
    got, cursor = [], None
    for _ in range(20):
        page = w.request("DescribeTopicPartitions", 0, {"Topics": [{"Name": n} for n in mine], "ResponsePartitionLimit": 300, "Cursor": cursor})
        equal("errors", [], [x["Name"] for x in page["Topics"] if x["ErrorCode"]])
        got += [x["Name"] for x in page["Topics"] if x["Partitions"]]
        if page["NextCursor"] is None:
            break
        cursor = {"TopicName": page["NextCursor"]["TopicName"], "PartitionIndex": page["NextCursor"]["PartitionIndex"]}
    return got


def test_thousand(s):
    """All of it, both tenants at once."""
    word = fresh("many")
    both(lambda t: make(t, word), s.acme, s.globex)
    both(lambda t: look(t, word), s.acme, s.globex)

    def one(t):
        mine = names(t, word)
        with members(t, word, [f"^{word}-.*"], 1) as m:
            stack.wait_until("all are assigned", lambda: len(m[0].has()) == len(mine), 60)
            for n in mine[::100]:
                send(t, n, [f"{t.name} {n}".encode()])
            stack.wait_until("what was sent came", lambda: len(m[0].got) >= len(mine[::100]), 30)
            equal("records", sorted(f"{t.name} {n}".encode() for n in mine[::100]), sorted(m[0].got))
            true(f"errors: {m[0].errors}", not m[0].errors)
    both(one, s.acme, s.globex)
