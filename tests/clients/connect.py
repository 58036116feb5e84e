"""Kafka Connect, distributed: the same cluster of workers, connectors and topics by name in both tenants at once. Lines of a file
come into a topic exactly once (transactions), and from there into another file; a second worker joins, the first one leaves."""
import contextlib
import json
import urllib.error
import urllib.request

import stack
from runner import both, equal, true
from service import Service

STEPS = ("start", "source", "sink", "rebalance", "pause", "restart", "offsets", "delete")
MAIN = "org.apache.kafka.connect.cli.ConnectDistributed"
GROUP, TOPIC, SOURCE, SINK = "workers", "lines", "reads", "writes"
INTERNAL = {"connect-configs", "connect-offsets", "connect-status"}
SETTLED_MAX_S, FEW = 90, 40


def properties(tenant, port):
    client = tenant.java()
    return {**client, **{f"{who}.{k}": v for who in ("producer", "consumer", "admin") for k, v in client.items() if k != "bootstrap.servers"},
            "group.id": GROUP, "listeners": f"http://127.0.0.1:{port}", "exactly.once.source.support": "enabled",
            "plugin.discovery": "service_load", "plugin.path": stack.run(stack.KAFKA / "fetch", "connect").stdout.strip(),
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.storage.StringConverter", "offset.flush.interval.ms": 1000,
            "scheduled.rebalance.max.delay.ms": 1000,
            **{f"{x}.storage.topic": f"connect-{x}{'s' if x != 'status' else ''}" for x in ("config", "offset", "status")},
            **{f"{x}.storage.replication.factor": 1 for x in ("config", "offset", "status")},
            **{f"{x}.storage.partitions": 3 for x in ("offset", "status")}}


class Worker(Service):
    """A worker, and its REST."""

    def __init__(self, s, tenant, number):
        self.tenant, self.port = tenant, stack.free_ports(1)
        self.id = f"127.0.0.1:{self.port}"
        super().__init__(s, f"connect-{tenant.name}-{number}", MAIN, properties(tenant, self.port))

    def ask(self, method, path, body=None, later=(409,)):
        """-> the parsed answer, or None where there is none. later: errors that pass, such as while workers agree on who does what."""
        request = urllib.request.Request(f"http://{self.id}{path}", None if body is None else json.dumps(body).encode(),
                                         {"Content-Type": "application/json"}, method=method)
        said = []

        def answered():
            try:
                with urllib.request.urlopen(request, timeout=60) as r:
                    said.append(r.read())
            except urllib.error.HTTPError as e:
                text = e.read().decode(errors="replace")
                if e.code not in later:
                    raise stack.StackError(f"{self.name}: {method} {path}: {e.code} {text}") from None
                return False
            return True
        self.wait_until(f"{method} {path} is answered", answered, SETTLED_MAX_S)
        return json.loads(said[-1]) if said[-1] else None

    def serves(self):
        """-> what it says of itself, once its REST is there and has found its resources."""
        try:
            return self.ask("GET", "/")
        except (OSError, stack.StackError):
            return None

    def states(self, connector):
        """-> {("connector" or number of a task, state)}, and where each runs."""
        status = self.ask("GET", f"/connectors/{connector}/status", later=(404, 409))
        parts = [("connector", status["connector"])] + [(x["id"], x) for x in status["tasks"]]
        return {(n, x["state"]) for n, x in parts}, {(connector, n): x["worker_id"] for n, x in parts}

    def settles(self, state, *connectors):
        """Each of them is in that state, and so is its task (a stopped one has none)."""
        want = {("connector", state)} | ({(0, state)} if state != "STOPPED" else set())
        self.wait_until(f"{connectors} are {state}", lambda: all(self.states(c)[0] == want for c in connectors), SETTLED_MAX_S)

    def places(self):
        return self.states(SOURCE)[1] | self.states(SINK)[1]


# ---- one tenant's ----------------------------------------------------------------------------------------------------

class Files:
    """The lines that go in, and those that came out."""

    def __init__(self, s, tenant):
        self.tenant, self.lines = tenant, []
        self.source, self.sink = (s.folder / f"{tenant.name}-{x}.txt" for x in ("in", "out"))

    def add(self, word):
        more = [f"{self.tenant.name}-{word}-{i}" for i in range(FEW)]
        with open(self.source, "a", encoding="utf-8") as f:
            f.writelines(line + "\n" for line in more)
        self.lines += more

    def out(self):
        return self.sink.read_text(encoding="utf-8").splitlines() if self.sink.exists() else []


def starts(worker):
    said = worker.wait_until("it serves", worker.serves)
    with worker.tenant.wire() as w:
        equal("the cluster's id", w.request("DescribeCluster", 1, {})["ClusterId"], said["kafka_cluster_id"])


def creates(kafka, worker, files):
    """Both connectors; the source makes its topic, the sink finds topics by a pattern that would match the neighbour's too."""
    files.add("first")
    worker.ask("PUT", f"/connectors/{SOURCE}/config", {
        "connector.class": "FileStreamSource", "tasks.max": "1", "file": str(files.source), "topic": TOPIC,
        "topic.creation.default.partitions": "1", "topic.creation.default.replication.factor": "1", "exactly.once.support": "required"})
    worker.settles("RUNNING", SOURCE)
    worker.wait_until("all lines are in the topic", lambda: stored(kafka, worker.tenant) == files.lines, SETTLED_MAX_S)
    worker.ask("POST", "/connectors", {"name": SINK, "config": {
        "connector.class": "FileStreamSink", "tasks.max": "1", "file": str(files.sink), "topics.regex": f".*{TOPIC}",
        "consumer.override.auto.offset.reset": "earliest", "consumer.override.metadata.max.age.ms": "2000"}})
    worker.settles("RUNNING", SINK)
    comes_out(worker, files)


def comes_out(worker, files):
    worker.wait_until("all lines are in the other file", lambda: files.out() == files.lines, SETTLED_MAX_S)


def stored(kafka, tenant):
    """What is committed in the topic on the cluster itself, as it is ordered there."""
    if f"{tenant.name}.{TOPIC}" not in kafka.topics():
        return []
    said = stack.run("kcat", "-b", kafka.bootstrap, "-X", "isolation.level=read_committed", "-C", "-t", f"{tenant.name}.{TOPIC}", "-e", "-q",
                     "-f", "%s\n")
    return said.stdout.splitlines()


def pauses(kafka, worker, files):
    worker.ask("PUT", f"/connectors/{SOURCE}/pause")
    worker.settles("PAUSED", SOURCE)
    before = list(files.lines)
    files.add("while paused")
    equal("what is stored while it pauses", before, stored(kafka, worker.tenant))
    worker.ask("PUT", f"/connectors/{SOURCE}/resume")
    worker.settles("RUNNING", SOURCE)
    comes_out(worker, files)


def restarts(kafka, worker, files):
    """Both, with their tasks: each goes on where it was."""
    for connector in (SOURCE, SINK):
        worker.ask("POST", f"/connectors/{connector}/restart?includeTasks=true")
    files.add("restarted")
    worker.settles("RUNNING", SOURCE, SINK)
    comes_out(worker, files)
    equal("each line is stored once", files.lines, stored(kafka, worker.tenant))


def forgets_offsets(worker, files):
    """The sink's offsets are a group's: shown, set, and deleted, after which it writes all lines once more."""
    worker.ask("PUT", f"/connectors/{SINK}/stop")
    worker.settles("STOPPED", SINK)
    offsets = worker.ask("GET", f"/connectors/{SINK}/offsets")["offsets"]
    equal("topics with offsets", [TOPIC], [x["partition"]["kafka_topic"] for x in offsets])
    worker.ask("PATCH", f"/connectors/{SINK}/offsets", {"offsets": [{**offsets[0], "offset": {"kafka_offset": 1}}]})
    equal("set", 1, worker.ask("GET", f"/connectors/{SINK}/offsets")["offsets"][0]["offset"]["kafka_offset"])
    worker.ask("DELETE", f"/connectors/{SINK}/offsets")
    equal("none are left", [], worker.ask("GET", f"/connectors/{SINK}/offsets")["offsets"])
    files.sink.unlink()
    worker.ask("PUT", f"/connectors/{SINK}/resume")
    worker.settles("RUNNING", SINK)
    comes_out(worker, files)


def deletes(worker):
    for connector in (SOURCE, SINK):
        worker.ask("DELETE", f"/connectors/{connector}")
    worker.wait_until("no connector is left", lambda: worker.ask("GET", "/connectors") == [], SETTLED_MAX_S)


# ---- what exists, and where ------------------------------------------------------------------------------------------

def seen(tenant):
    """-> (topics, groups) as the tenant lists them."""
    with tenant.wire() as w:
        return ({t["Name"] for t in w.request("Metadata", 12, {"Topics": None})["Topics"]},
                {g["GroupId"] for g in w.request("ListGroups", 5, {})["Groups"]})


def physical(kafka):
    """-> names of topics, groups and transactional ids on the cluster itself, without its own topics."""
    with kafka.wire() as w:
        txns = {t["TransactionalId"] for t in w.request("ListTransactions", 1, {"DurationFilter": -1})["TransactionStates"]}
    return {t for t in kafka.topics() if not t.startswith("__")} | set(kafka.groups()) | txns


def members(w, group):
    g = w.request("DescribeGroups", 5, {"Groups": [group]})["Groups"][0]
    return g["ProtocolType"], g["GroupState"], {m["MemberId"]: (m["MemberMetadata"], m["MemberAssignment"]) for m in g["Members"]}


def as_they_said_it(kafka, tenant, count):
    """What members and their leader said to each other is Connect's: not a byte of it changes."""
    with tenant.wire() as w, kafka.wire() as p:
        def same():
            theirs, found = members(p, f"{tenant.name}.{GROUP}"), members(w, GROUP)
            return found if theirs == found and found[1] == "Stable" and len(found[2]) == count else None
        found = stack.wait_until(f"{count} workers, the same on both sides", same, SETTLED_MAX_S)
    equal("protocol type", "connect", found[0])
    true("workers say where they are", all(b"http://127.0.0.1:" in said for said, _ in found[2].values()))


def clear(tenant, groups):
    """The tenant deletes what Connect leaves behind by design."""
    with tenant.wire() as w:
        def gone(group):
            return w.request("DeleteGroups", 2, {"GroupsNames": [group]})["Results"][0]["ErrorCode"] in (0, 69)
        for group in groups:
            stack.wait_until(f"{group} is deleted", lambda group=group: gone(group), SETTLED_MAX_S, 0.2)
        names = [{"Name": t} for t in sorted(INTERNAL | {TOPIC})]
        answer = w.request("DeleteTopics", 6, {"TimeoutMs": 15000, "Topics": names})
        equal("topics deleted", {0}, {x["ErrorCode"] for x in answer["Responses"]})
    stack.wait_until("nothing is left", lambda: seen(tenant) == (set(), set()), 20)


def second_worker(s, first, second, files):
    """It joins, work is shared; the first one leaves, and all of it is the second one's. Nothing is lost or comes twice."""
    starts(second)
    as_they_said_it(s.kafka, first.tenant, 2)
    first.wait_until("both work", lambda: set(second.places().values()) == {first.id, second.id}, SETTLED_MAX_S)
    files.add("shared")
    comes_out(second, files)
    first.stop()
    second.wait_until("the second one does all", lambda: set(second.places().values()) == {second.id}, SETTLED_MAX_S)
    second.settles("RUNNING", SOURCE, SINK)
    as_they_said_it(s.kafka, first.tenant, 1)
    files.add("alone")
    comes_out(second, files)
    equal("each line is stored once", files.lines, stored(s.kafka, second.tenant))


def lives(s, worker, files):
    """All but the start and the second worker, in one tenant."""
    creates(s.kafka, worker, files)
    pauses(s.kafka, worker, files)
    restarts(s.kafka, worker, files)


def scenario(s):
    """-> {step: None}; AssertionError or StackError when something is not as it should be."""
    workers = [Worker(s, s.acme, 1), Worker(s, s.globex, 1), Worker(s, s.acme, 2)]
    files = {t.name: Files(s, t) for t in (s.acme, s.globex)}
    before = physical(s.kafka), seen(s.globex)
    with contextlib.ExitStack() as running:
        running.enter_context(workers[0])
        starts(workers[0])
        equal("what the other tenant sees of it", before[1], seen(s.globex))
        equal("names outside of the tenant", set(), {x for x in physical(s.kafka) - before[0] if not x.startswith("acme.")})
        running.enter_context(workers[1])
        starts(workers[1])
        both(lambda w: lives(s, w, files[w.tenant.name]), *workers[:2])
        running.enter_context(workers[2])
        second_worker(s, workers[0], workers[2], files["acme"])
        both(lambda w: forgets_offsets(w, files[w.tenant.name]), *workers[1:])
        for t in (s.acme, s.globex):
            equal(f"{t.name} sees", (INTERNAL | {TOPIC}, {GROUP, f"connect-{SINK}"}), seen(t))
        both(deletes, *workers[1:])
    for w in workers:
        equal(f"errors that {w.name} logged", "", w.complaints())
    txns = {f"connect-cluster-{GROUP}", f"{GROUP}-{SOURCE}-0"}
    made = INTERNAL | {TOPIC, GROUP} | txns | {f"connect-{SINK}"}
    equal("what came into being", {f"{t}.{x}" for t in ("acme", "globex") for x in made}, physical(s.kafka) - before[0])
    clear(s.acme, [GROUP, f"connect-{SINK}"])
    equal("the other tenant's is all there", (INTERNAL | {TOPIC}, {GROUP, f"connect-{SINK}"}), seen(s.globex))
    clear(s.globex, [GROUP, f"connect-{SINK}"])
    return dict.fromkeys(STEPS)
