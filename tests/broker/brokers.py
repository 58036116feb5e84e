"""Three brokers: virtual ones for each, connections that go where they should, racks, brokers that stop, die, come back and are replaced."""
import json
import threading
import time
import uuid

import confluent_kafka as ck

import checks
from runner import create_topic, equal, fresh, kw, stack, true

OWN_STACK = True
NODES = (1, 2, 3)
RACKS = {1: "rack-1", 2: "rack-2", 3: "zone-c"}  # the third's own is rack-3; tenants know it by another name
RACK_NAMES = "  rack.names: [rack-3=zone-c]\n"


# ---- the cluster ------------------------------------------------------------------------------------

def node_folder(s, n):
    return s.kafka.folder / f"n{n}"


def stop_node(s, n, kill=False):
    stack.run(stack.KAFKA / "stop", *(["--kill"] if kill else []), node_folder(s, n))


def start_node(s, n, *extra, **env):
    stack.run(stack.KAFKA / "start", node_folder(s, n), *extra, timeout=90, env={"KAFKA_XMX": "384m", **env})


def node_port(s, n):
    return int(dict(x.split("=", 1) for x in (node_folder(s, n) / "env").read_text().splitlines())["KAFKA_PORT"])


def virtual(t, n):
    """A tenant's virtual broker n."""
    return t.but(port=t.port + n)


def metadata(w, *topics):
    return w.request("Metadata", 12, {"Topics": [{"Name": x} for x in topics]})


def listed(t):
    """Broker ids, asked by a new connection; [] while none can be made."""
    try:
        with t.wire() as w:
            return sorted(b["NodeId"] for b in metadata(w)["Brokers"])
    except (OSError, kw.WireError):
        return []


def answers(t, topic):
    """A new connection gets Metadata of a topic without an error."""
    try:
        with t.wire() as w:
            return metadata(w, topic)["Topics"][0]["ErrorCode"] == 0
    except (OSError, kw.WireError):
        return False


def partitions(t, topic):
    """index -> (leader, in-sync replicas)"""
    with t.wire() as w:
        found = metadata(w, topic)["Topics"][0]
        return {p["PartitionIndex"]: (p["LeaderId"], sorted(p["IsrNodes"])) for p in found["Partitions"]}


def whole(t, topic, nodes=NODES):
    def all_in_sync():
        try:
            return all(isr == list(nodes) and leader > 0 for leader, isr in partitions(t, topic).values())
        except (OSError, kw.WireError):
            return False
    stack.wait_until(f"every replica of {topic} is in sync", all_in_sync, 40, 0.2)


# ---- traffic that must not suffer -----------------------------------------------------------------------

class Traffic:
    """An idempotent producer and a group of two consumers of a tenant, until it is stopped; remembers what was acknowledged
    and errors."""

    def __init__(self, tenant, topic):
        self.tenant, self.topic, self.acknowledged, self.failed, self.stopping = tenant, topic, [], [], False
        self.errors, self.sent, self.got, self.all_sent, self.until = [], 0, set(), False, float("inf")
        self.group = fresh("watch")
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.produce, self.consume, self.consume)]
        for t in self.threads:
            t.start()
        stack.wait_until("traffic flows", lambda: len(self.got) > 20, 40)

    def on_error(self, e):
        # librdkafka calls it a failed login also where a connection ended, or was given up for a coordinator's new address, while
        # the login was on its way; it logs in again then.
        if e.code() == ck.KafkaError._AUTHENTICATION and "Local: Broker transport failure" in str(e):
            return
        if e.fatal() or e.code() in (ck.KafkaError._AUTHENTICATION, ck.KafkaError.TOPIC_AUTHORIZATION_FAILED):
            self.errors.append(str(e))

    def produce(self):
        p = ck.Producer(self.tenant.librdkafka(**{"enable.idempotence": True, "acks": "all", "linger.ms": 5, "error_cb": self.on_error,
                                                  "message.timeout.ms": 60000, "reconnect.backoff.max.ms": 500, "log_level": 0,
                                                  "topic.metadata.refresh.interval.ms": 2000}))

        def done(e, m):
            if e:
                self.failed.append(str(e))
            else:
                self.acknowledged.append((m.value(), m.partition(), m.offset()))
        while not self.stopping:
            p.produce(self.topic, b"%d" % self.sent, on_delivery=done)
            self.sent += 1
            p.poll(0.01)
        self.left = p.flush(40)
        self.all_sent = True

    def consume(self):
        c = ck.Consumer(self.tenant.librdkafka(**{"group.id": self.group, "auto.offset.reset": "earliest", "log_level": 0,
                                                  "error_cb": self.on_error, "reconnect.backoff.max.ms": 500,
                                                  "session.timeout.ms": 10000, "enable.auto.commit": False}))
        c.subscribe([self.topic])
        while (not self.all_sent or len(self.got) < len(self.acknowledged)) and time.monotonic() < self.until:
            m = c.poll(0.2)
            if m is not None and not m.error():
                self.got.add((m.value(), m.partition(), m.offset()))  # some twice: nothing is committed
        c.close()

    def flows(self, what, n=50):
        acknowledged, got = len(self.acknowledged), len(self.got)
        stack.wait_until(f"{what}: records are acknowledged and come back", lambda: len(self.acknowledged) > acknowledged + n and
                         len(self.got) > got + n, 30)

    def stop(self):
        """Each record is there exactly once, in its place."""
        self.until = time.monotonic() + 60
        self.stopping = True
        for t in self.threads:
            t.join(80)
        equal("errors that the client does not mend itself", [], self.errors + self.failed)
        equal("not acknowledged at the end", (0, self.sent), (self.left, len(self.acknowledged)))
        stored = stored_values(self.tenant, self.topic)
        equal("stored once each", sorted(v for v, _, _ in self.acknowledged), sorted(stored.values()))
        # A batch that was sent again because its first answer was lost is acknowledged without its offset.
        wrong = [(v, p, o) for v, p, o in self.acknowledged if o is not None and stored.get((p, o)) != v]
        equal("records at another place than was acknowledged", [], wrong)
        equal("what the consumers did not get", set(), {(v, p, o) for (p, o), v in stored.items()} - self.got)


def stored_values(tenant, topic):
    """(partition, offset) -> value, read by raw requests from each leader."""
    out = {}
    for index, (leader, _) in partitions(tenant, topic).items():
        with virtual(tenant, leader).wire(record=False) as w:
            at = 0
            while True:
                reply = w.request("Fetch", 12, {"MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1 << 22, "SessionEpoch": -1, "Topics": [{
                    "Topic": topic, "Partitions": [{"Partition": index, "FetchOffset": at, "PartitionMaxBytes": 1 << 22}]}]})
                answer = reply["Responses"][0]["Partitions"][0]
                equal("Fetch", 0, answer["ErrorCode"])
                records = [(o, v) for b in kw.read_batches(answer["Records"]) for o, _, v, _ in b["records"] if o >= at]
                if not records:
                    break
                out |= {(index, o): v for o, v in records}
                at = records[-1][0] + 1
    return out


# ---- what is shown, who is reached --------------------------------------------------------------------------

def check_endpoints(s):
    """Three virtual brokers at three virtual ports; each connection reaches its own broker, seen by who leads what."""
    topic = fresh("spread")
    create_topic(s.acme, topic, 9, replicas=3)
    for t, host in ((s.acme, "127.0.0.1"), (s.tenant("acme", via="shared"), "127.0.0.1"), (s.tenant("acme", via="sni"), None)):
        with t.wire() as w:
            found = {b["NodeId"]: (b["Host"], b["Port"]) for b in metadata(w)["Brokers"]}
            equal("brokers", {n: (host or f"b{n}-acme.{stack.DOMAIN}", t.port + n if host else t.port) for n in NODES}, found)
    leaders = {i: leader for i, (leader, _) in partitions(s.acme, topic).items()}
    equal("who leads something", set(NODES), set(leaders.values()))
    for n in NODES:
        for t in (virtual(s.acme, n), virtual(s.tenant("acme", via="shared"), n),
                  s.tenant("acme", via="sni").but(sni=f"b{n}-acme.{stack.DOMAIN}")):
            with t.wire() as w:
                def codes(w=w):
                    reply = w.request("Produce", 9, {"Acks": -1, "TimeoutMs": 10000, "TopicData": [{"Name": topic, "PartitionData": [
                        {"Index": i, "Records": kw.batch([b"x"])} for i in leaders]}]})
                    return {p["Index"]: p["ErrorCode"] for p in reply["Responses"][0]["PartitionResponses"]}
                wanted = {i: 0 if leader == n else 6 for i, leader in leaders.items()}
                # A leader that was just made may not know of it yet.
                stack.wait_until(f"broker {n} takes what it leads, and nothing else", lambda c=codes, x=wanted: c() == x)


def offsets_code(t, group):
    with t.wire() as w:
        return w.request("OffsetFetch", 7, {"GroupId": group, "Topics": None})["ErrorCode"]


def check_coordinators(s):
    """A group's coordinator is told with its virtual address, and the group works there and nowhere else."""
    with s.acme.wire() as w:
        for i in range(6):
            node = stack.wait_until("a coordinator", lambda i=i: next((c for c in w.request("FindCoordinator", 4, {
                "KeyType": 0, "CoordinatorKeys": [f"group-{i}"]})["Coordinators"] if c["ErrorCode"] == 0), None), 20)
            equal("its address", ("127.0.0.1", s.acme.port + node["NodeId"]), (node["Host"], node["Port"]))
            here, name = node["NodeId"], f"group-{i}"
            stack.wait_until("it has loaded the group", lambda here=here, name=name: offsets_code(virtual(s.acme, here), name) == 0, 20)
            equal("others", [16, 16], [offsets_code(virtual(s.acme, n), name) for n in NODES if n != here])


def reassign(s, name, replicas):
    """By the platform: partition index -> brokers."""
    with kw.Wire("127.0.0.1", node_port(s, 1)) as w:
        reply = w.request("AlterPartitionReassignments", 0, {"TimeoutMs": 10000, "Topics": [{"Name": name, "Partitions": [
            {"PartitionIndex": i, "Replicas": r} for i, r in replicas.items()]}]})
        equal("reassignment", (0, {0}), (reply["ErrorCode"], {p["ErrorCode"] for p in reply["Responses"][0]["Partitions"]}))


def told_by_the_old(w, topic, topic_id, version):
    """What the old leader answers to a Produce or Fetch: (code, who leads now, endpoints that come along)."""
    if version < 13:
        reply = w.request("Produce", version, {"Acks": -1, "TimeoutMs": 1000, "TopicData": [{"Name": topic, "PartitionData": [
            {"Index": 0, "Records": kw.batch([b"x"])}]}]})
        part = reply["Responses"][0]["PartitionResponses"][0]
    else:
        reply = w.request("Fetch", version, {"MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1000, "SessionEpoch": -1, "Topics": [{
            "TopicId": topic_id, "Partitions": [{"Partition": 0, "CurrentLeaderEpoch": -1, "PartitionMaxBytes": 1000}]}]})
        part = reply["Responses"][0]["Partitions"][0]
    return part["ErrorCode"], part["CurrentLeader"]["LeaderId"], [(e["NodeId"], e["Host"], e["Port"], e["Rack"]) for e in reply["NodeEndpoints"]]


def told_to_share(w, topic_id, version, group):
    """The same to a ShareFetch, and to a ShareAcknowledge in its session, which knows of no such partition (3, -1, [])."""
    who, topic = {"GroupId": group, "MemberId": str(uuid.uuid4())}, {"TopicId": topic_id}

    def of(reply):
        part = reply["Responses"][0]["Partitions"][0]
        return part["ErrorCode"], part["CurrentLeader"]["LeaderId"], [(e["NodeId"], e["Host"], e["Port"], e["Rack"]) for e in reply["NodeEndpoints"]]
    some = {"MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1000, "MaxRecords": 10, "BatchSize": 10, "ForgottenTopicsData": []}
    fetched = of(w.request("ShareFetch", version, {**who, **some, "ShareSessionEpoch": 0, "Topics": [{**topic, "Partitions": [
        {"PartitionIndex": 0, "AcknowledgementBatches": []}]}]}))
    told = of(w.request("ShareAcknowledge", version, {**who, "ShareSessionEpoch": 1, "Topics": [{**topic, "Partitions": [
        {"PartitionIndex": 0, "AcknowledgementBatches": [{"FirstOffset": 0, "LastOffset": 0, "AcknowledgeTypes": [1]}]}]}]}))
    w.request("ShareFetch", version, {**who, **some, "ShareSessionEpoch": -1, "Topics": []})
    return fetched, told


def check_leader_moved(s):
    """A partition that is moved to another broker: the old one says so, with the new one's virtual address; clients follow."""
    topic = fresh("moved")
    topic_id = create_topic(s.acme, topic, 1, replicas=1)
    traffic = Traffic(s.acme, topic)
    old = partitions(s.acme, topic)[0][0]
    new = old % 3 + 1
    reassign(s, f"acme.{topic}", {0: [new]})
    stack.wait_until("the leader moved", lambda: partitions(s.acme, topic)[0][0] == new, 20)
    for t in (virtual(s.acme, old), virtual(s.tenant("acme", via="shared"), old),
              s.tenant("acme", via="sni").but(sni=f"b{old}-acme.{stack.DOMAIN}")):
        here = (new, *((f"b{new}-acme.{stack.DOMAIN}", t.port) if t.sni else ("127.0.0.1", t.port - old + new)), RACKS[new])
        with t.wire() as w:
            for version in (10, 12, 16, 17):  # Produce by name, Fetch by id
                stack.wait_until(f"version {version}: the old one says who leads now", lambda w=w, v=version, h=here: told_by_the_old(
                    w, topic, topic_id, v) == (6, new, [h]), 10, 0.1)
            for version in (1, 2):
                stack.wait_until(f"version {version}: the old one says so to who shares", lambda w=w, v=version, h=here: told_to_share(
                    w, topic_id, v, topic) == ((6, new, [h]), (3, -1, [])), 10, 0.1)
    traffic.flows("after the move")
    traffic.stop()


# ---- near and far ---------------------------------------------------------------------------------------------

def preferred(w, version, topic, topic_id, rack):
    """What a leader says to a reader in that rack: (error, where to read instead, records)."""
    name = {"TopicId": topic_id} if version >= 13 else {"Topic": topic}
    part = w.request("Fetch", version, {"MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1 << 20, "SessionEpoch": -1, "RackId": rack, "Topics": [{
        **name, "Partitions": [{"Partition": 0, "CurrentLeaderEpoch": -1, "PartitionMaxBytes": 1 << 20}]}]})["Responses"][0]["Partitions"][0]
    return part["ErrorCode"], part["PreferredReadReplica"], len(part["Records"] or b"") > 0


def read_near(tenant, topic, rack, want):
    """A real consumer in that rack, until it reads from where it should; -> (broker, leader) as its statistics say."""
    seen = {}

    def statistics(text):
        part = json.loads(text)["topics"].get(topic, {}).get("partitions", {}).get("0")
        if part:
            seen.update(broker=part["broker"], leader=part["leader"])
    c = ck.Consumer(tenant.librdkafka(**{"group.id": fresh("near"), "auto.offset.reset": "earliest", "client.rack": rack, "stats_cb": statistics,
                                         "statistics.interval.ms": 100, "enable.auto.commit": False, "log_level": 0}))
    got = []
    try:
        c.assign([ck.TopicPartition(topic, 0, 0)])

        def poll():
            m = c.poll(0.1)
            if m is not None and not m.error():
                got.append(m.value())
            return seen.get("broker") == want and len(got) >= 3
        stack.wait_until(f"records in {rack} come from {want}", poll, 30, 0)
    finally:
        c.close()
    return seen["broker"], seen["leader"], got


def check_racks(s):
    """Each broker is where the tenant is told it is, everywhere; who says where it is reads from the replica there."""
    topic = fresh("near")
    topic_id = create_topic(s.acme, topic, 1, replicas=3)
    whole(s.acme, topic)
    leader = partitions(s.acme, topic)[0][0]
    with s.acme.wire() as w:
        equal("Metadata", RACKS, {b["NodeId"]: b["Rack"] for b in metadata(w)["Brokers"]})
        equal("DescribeCluster", RACKS, {b["BrokerId"]: b["Rack"] for b in w.request("DescribeCluster", 1, {})["Brokers"]})
    with virtual(s.acme, leader).wire() as w:
        equal("Produce", 0, w.request("Produce", 9, {"Acks": -1, "TimeoutMs": 10000, "TopicData": [{"Name": topic, "PartitionData": [
            {"Index": 0, "Records": kw.batch([b"one", b"two", b"three"])}]}]})["Responses"][0]["PartitionResponses"][0]["ErrorCode"])
        for n in NODES:
            for version in (11, 12, 13, 16, 17):
                want = (0, -1, True) if n == leader else (0, n, False)
                stack.wait_until(f"Fetch v{version} in {RACKS[n]}: {want}", lambda v=version, n=n, x=want: preferred(
                    w, v, topic, topic_id, RACKS[n]) == x, 20, 0.1)
        for rack in ("", "nowhere", "rack-3"):
            equal(f"Fetch in {rack!r}", (0, -1, True), preferred(w, 17, topic, topic_id, rack))
    for n in NODES:
        if n == leader:
            continue
        with virtual(s.acme, n).wire() as w:
            # A follower gives what it knows to be everywhere, and hears of that a little later.
            stack.wait_until(f"records at {n}", lambda w=w, n=n: preferred(w, 17, topic, topic_id, RACKS[n]) == (0, -1, True), 20, 0.1)
        equal(f"a consumer in {RACKS[n]}: broker, leader, records", (n, leader, [b"one", b"two", b"three"]), read_near(s.acme, topic, RACKS[n], n))
    group = fresh("placed")

    def member():
        with s.acme.wire() as w:
            node = w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": [group]})["Coordinators"][0]["NodeId"]
        if node < 0:
            return None
        with virtual(s.acme, node).wire() as w:
            reply = w.request("ConsumerGroupHeartbeat", 1, {"GroupId": group, "MemberId": str(uuid.uuid4()), "MemberEpoch": 0, "InstanceId": None,
                              "RackId": "zone-c", "RebalanceTimeoutMs": 10000, "SubscribedTopicNames": [topic], "SubscribedTopicRegex": None,
                              "ServerAssignor": None, "TopicPartitions": []})
            if reply["ErrorCode"]:
                return None
            return [m["RackId"] for m in w.request("ConsumerGroupDescribe", 1, {"GroupIds": [group]})["Groups"][0]["Members"]]
    equal("where a member says it is", "zone-c", stack.wait_until("a member", member, 20, 0.2)[0])


def check_numbers_for_each_broker(s):
    """quota.native.scale: what Kafka's tools set is for each of the three, what is kept and told by REST is for all."""
    s.gateway.make_tenant("scaled")
    t = s.gateway.tenant("scaled", s.folder, s.judge, via="shared")
    entity = [{"EntityType": "user", "EntityName": "alice"}]

    def told(w):
        entries = w.request("DescribeClientQuotas", 1, {"Components": [], "Strict": False})["Entries"]
        return {v["Key"]: v["Value"] for e in entries for v in e["Values"]}
    with t.wire() as w:
        s.rest("POST", "/v1/tenants/scaled/quotas", {"quotas": [{"type": "client", "user": "alice", "limits": {"consumer_byte_rate": 3000, "request_rate": 9}}]})
        equal("for all", {"consumer_byte_rate": 3000.0, "request_rate": 9.0}, told(w))
        path = s.gateway.folder / "alcove.yaml"
        before = path.read_text()
        path.write_text(before + "quota:\n  native.scale: per-broker\n")
        s.gateway.reload()
        equal("for each", {"consumer_byte_rate": 1000.0, "request_rate": 9.0}, told(w))
        reply = w.request("AlterClientQuotas", 1, {"Entries": [{"Entity": entity, "Ops": [{"Key": "producer_byte_rate", "Value": 500.0, "Remove": False}]}],
                                                   "ValidateOnly": False})
        equal("set", 0, reply["Entries"][0]["ErrorCode"])
        equal("as it was set", 500.0, told(w)["producer_byte_rate"])
        path.write_text(before)
        s.gateway.reload()
        equal("for all again", 1500.0, told(w)["producer_byte_rate"])
    limits = s.rest("GET", "/v1/tenants/scaled/quotas")["items"][0]["limits"]
    equal("by REST", {"producer_byte_rate": 1500, "consumer_byte_rate": 3000, "request_rate": 9}, limits)


# ---- one goes -------------------------------------------------------------------------------------------------

def lose(s, n, topic, kill):
    """Broker n stops or is killed: its connections end, it is listed no more, others go on, and nobody waits for it."""
    rest = [x for x in NODES if x != n]
    with virtual(s.acme, n).wire() as at_it, virtual(s.acme, rest[0]).wire() as at_another:
        for w in (at_it, at_another):
            metadata(w, topic)
        stop_node(s, n, kill)
        began = time.monotonic()
        for _ in range(8):  # whichever broker the bootstrap comes to: a dead one is not the end
            with s.acme.wire() as w:
                metadata(w, topic)
        true("a connection to it ends", at_it.closed_by_peer(10))
        stack.wait_until("it is not listed any more", lambda: listed(s.acme) == rest, 20, 0.1)
        print(f"    {n} is not listed {time.monotonic() - began:.1f} s after it {'was killed' if kill else 'had stopped'}", flush=True)
        equal("another connection goes on", rest, sorted(b["NodeId"] for b in metadata(at_another)["Brokers"]))
    with virtual(s.acme, n).connect() as w:
        began = time.monotonic()
        try:
            w.sasl("PLAIN", "alice", s.acme.password)
            metadata(w, topic)
            raise AssertionError("a connection to a broker that is gone is answered")
        except kw.Closed:
            true("refused quickly", time.monotonic() - began < 3)


def bring_back(s, n, topic):
    start_node(s, n)
    stack.wait_until("it is listed again", lambda: listed(s.acme) == list(NODES), 20, 0.1)
    whole(s.acme, topic)
    # A worker that was refused by the broker a moment ago leaves it alone for up to two seconds.
    stack.wait_until("and answers", lambda: answers(virtual(s.acme, n), topic), 10, 0.1)


def check_dies(s):
    """A broker is killed and comes back, under traffic."""
    topic = fresh("lasting")
    create_topic(s.acme, topic, 6, {"min.insync.replicas": "2"}, replicas=3)
    traffic = Traffic(s.acme, topic)
    lose(s, 2, topic, kill=True)
    traffic.flows("without it")
    bring_back(s, 2, topic)
    traffic.flows("with it again")
    traffic.stop()


def check_rolling(s):
    """All three restarted one after the other under traffic: every acknowledged record is there exactly once."""
    topic = fresh("rolling")
    create_topic(s.acme, topic, 6, {"min.insync.replicas": "2"}, replicas=3)
    traffic = Traffic(s.acme, topic)
    for n in NODES:
        lose(s, n, topic, kill=False)
        traffic.flows(f"without {n}")
        bring_back(s, n, topic)
        traffic.flows(f"with {n} again")
    traffic.stop()
    print(f"    {traffic.sent} records", flush=True)


# ---- one is replaced --------------------------------------------------------------------------------------------

def check_replaced(s):
    """Under traffic a fourth broker joins, takes over what the third has, and that one goes for good."""
    topic, port = fresh("handed-over"), stack.free_ports(1)
    create_topic(s.acme, topic, 3, {"min.insync.replicas": "2"}, replicas=3)
    traffic = Traffic(s.acme, topic)
    extra = s.kafka.folder / "only-a-broker.properties"
    extra.write_text(f"process.roles=broker\nlisteners=PLAINTEXT://127.0.0.1:{port}\n")
    voters = dict(x.split("=", 1) for x in (node_folder(s, 1) / "env").read_text().splitlines())["KAFKA_VOTERS"]
    start_node(s, 4, s.kafka.folder / "extra.properties", extra, KAFKA_WANT_ID="4", KAFKA_WANT_PORT=str(port), KAFKA_WANT_NODES="3",
               KAFKA_WANT_VOTERS=voters)
    stack.wait_until("the fourth is listed", lambda: listed(s.acme) == [1, 2, 3, 4], 20, 0.1)
    with s.kafka.wire() as w:
        names = [(t["Name"], len(t["Partitions"])) for t in w.request("Metadata", 12, {"Topics": None})["Topics"]]
    for name, n in names:
        reassign(s, name, {i: [(4, 1, 2)[(i + k) % 3] for k in range(3)] for i in range(n)})
    whole(s.acme, topic, [1, 2, 4])
    with virtual(s.acme, 4).wire() as w:
        equal("the fourth answers at its own virtual address", {1, 2, 3, 4}, {b["NodeId"] for b in metadata(w)["Brokers"]})
    traffic.flows("with four")
    stop_node(s, 3)
    stack.wait_until("the third is not listed any more", lambda: listed(s.acme) == [1, 2, 4], 20, 0.1)
    traffic.flows("without the third")
    traffic.stop()


def test_three_brokers():
    """One cluster for all of it: it takes seconds to start."""
    checks.run(lambda: stack.Stack(nodes=3, kafka_properties={
        "replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector"},
        upstream=lambda s: (s.kafka.bootstrap, RACK_NAMES)), (
        check_endpoints, check_coordinators, check_numbers_for_each_broker, check_racks, check_leader_moved, check_dies, check_rolling, check_replaced))
