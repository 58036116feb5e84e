"""What is stored: records deleted, producers described, directories masked, no reassignments; Kafka's tools for them."""
import json
import tempfile

from runner import both, create_topic, equal, fetch, fresh, gateway, kw, produce, stack, true


def watermark(w, topic, offset, version=2, partition=0):
    r = w.request("DeleteRecords", version, {"TimeoutMs": 10000, "Topics": [{"Name": topic, "Partitions": [
        {"PartitionIndex": partition, "Offset": offset}]}]})["Topics"][0]["Partitions"][0]
    return r["ErrorCode"], r["LowWatermark"]


def test_delete_records(s):
    """Records before an offset go, one tenant's only; beyond the end it is refused."""
    topic = fresh("shortened")
    both(lambda t: create_topic(t, topic), s.acme, s.globex)
    with s.acme.wire() as a, s.globex.wire() as b:
        for w in (a, b):
            produce(w, topic, [b"%d" % i for i in range(6)])
        for version, offset in ((0, 1), (1, 2), (2, 3)):
            equal(f"v{version}", (0, offset), watermark(a, topic, offset, version))
        equal("what is left", [b"3", b"4", b"5"], fetch(a, topic, 3))
        equal("beyond the end", 1, watermark(a, topic, 99)[0])
        equal("all", (0, 6), watermark(a, topic, -1))
        equal("not there", (3, -1), watermark(a, fresh("missing"), 0))
        equal("a missing partition", (3, -1), watermark(a, topic, 0, partition=9))
        equal("the other tenant's", [b"%d" % i for i in range(6)], fetch(b, topic))


def test_describe_producers(s):
    """Who writes to a partition."""
    topic = fresh("written")
    create_topic(s.acme, topic)
    with s.acme.wire() as w:
        made = stack.wait_until("a producer id", lambda: next((r for r in [w.request("InitProducerId", 4, {
            "TransactionalId": None, "TransactionTimeoutMs": 10000, "ProducerId": -1, "ProducerEpoch": -1})] if r["ErrorCode"] == 0), None))
        produce(w, topic, [b"x"], producer_id=made["ProducerId"], producer_epoch=made["ProducerEpoch"], base_sequence=0)
        found = w.request("DescribeProducers", 0, {"Topics": [{"Name": topic, "PartitionIndexes": [0, 7]},
                                                              {"Name": fresh("missing"), "PartitionIndexes": [0]}]})["Topics"]
        parts = {(t["Name"], p["PartitionIndex"]): p for t in found for p in t["Partitions"]}
        equal("it", (0, [(made["ProducerId"], 0)]), (parts[topic, 0]["ErrorCode"],
                                                     [(p["ProducerId"], p["LastSequence"]) for p in parts[topic, 0]["ActiveProducers"]]))
        equal("a missing partition", 3, parts[topic, 7]["ErrorCode"])
        equal("a missing topic", [3], [p["ErrorCode"] for (n, _), p in parts.items() if n != topic])


@gateway
def test_log_dirs(s):
    """How much own partitions take; nothing of the disk. Topics that are named, and all."""
    topic = fresh("stored")
    create_topic(s.acme, topic, 2)
    with s.acme.wire() as w:
        for partition in (0, 1):  # a broker makes a partition's directory a little after it leads it
            produce(w, topic, [b"x" * 1000], partition=partition)
        w.api_versions()
        low, high = w.ranges[kw.schemas().key("DescribeLogDirs")]
        for version in range(low, high + 1):
            for topics in (None, [{"Topic": topic, "Partitions": [0, 1]}]):
                r = w.request("DescribeLogDirs", version, {"Topics": topics})
                d = r["Results"][0]
                equal("error", (0, 1, "/logs/1"), (r.get("ErrorCode", 0), len(r["Results"]), d["LogDir"]))
                equal("the disk", (-1, -1), (d.get("TotalBytes", -1), d.get("UsableBytes", -1)))
                sizes = {p["PartitionIndex"]: p["PartitionSize"] for t in d["Topics"] if t["Name"] == topic for p in t["Partitions"]}
                true(f"sizes {sizes}", sizes.keys() == {0, 1} and min(sizes.values()) > 1000)
                true("own topics only", not any(t["Name"].startswith(("__", "acme.", "globex.")) for t in d["Topics"]))
        equal("none", [], w.request("DescribeLogDirs", high, {"Topics": []})["Results"][0]["Topics"])
        r = w.request("ListPartitionReassignments", 0, {"Topics": None})
        equal("reassignments", (0, None, []), (r["ErrorCode"], r["ErrorMessage"], r["Topics"]))


@gateway
def test_tools(s):
    """kafka-delete-records, kafka-log-dirs, kafka-reassign-partitions --list."""
    topic = fresh("tools")
    t = s.acme
    create_topic(t, topic)
    with t.wire() as w:
        produce(w, topic, [b"a", b"b", b"c"])
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=s.folder, delete=False) as f:
        json.dump({"version": 1, "partitions": [{"topic": topic, "partition": 0, "offset": 2}]}, f)

    def run(which):
        if which == "delete":
            said = t.tool("delete-records", "--offset-json-file", f.name).stdout
            true(said, f"partition: {topic}-0\tlow_watermark: 2" in said)
        elif which == "dirs":
            said = t.tool("log-dirs", "--describe", "--topic-list", topic).stdout
            true(said, '"logDir":"/logs/1"' in said and f'"partition":"{topic}-0"' in said and "acme." not in said)
        else:
            said = t.tool("reassign", "--list").stdout
            true(said, "No partition reassignments found" in said)
    both(run, "delete", "dirs", "reassign")


@gateway
def test_transactions_tool(s):
    """kafka-transactions describes producers, and may not abort."""
    topic = fresh("tools")
    t = s.acme
    create_topic(t, topic)

    def run(which):
        where = ("--topic", topic, "--partition", "0")
        if which == "producers":
            said = t.tool("transactions", "describe-producers", *where).stdout
            true(said, "ProducerId" in said)
        else:
            r = t.tool("transactions", "abort", *where, "--producer-id", "7", "--producer-epoch", "0", "--coordinator-epoch", "0", check=False)
            true(f"{r.stdout} {r.stderr}", r.returncode != 0 and "uthoriz" in r.stdout + r.stderr)
    both(run, "producers", "abort")
