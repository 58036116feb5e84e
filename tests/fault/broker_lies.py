"""A broker that lies: to one tenant's connection, and to the gateway's own."""
import contextlib
import os
import struct
import threading
import time

import lies
from lies import says
from stage import TOPIC, VICTIM, Stage, equal, kw, round_trip, stack, true

LONG = bool(os.environ.get("FAULT_LONG"))
# lie, the reason for which the client's connection ends; None: the client notices nothing.
TO_A_TENANT = (
    ("hang_up", lies.hang_up, "upstream_eof"),
    ("reset", lies.reset, "upstream_eof"),
    ("cut", lies.cut, "upstream_eof"),
    ("cut_in_size", lies.cut_in_size, "upstream_eof"),
    ("cut_by_reset", lies.cut_by_reset, "upstream_eof"),
    ("half_close", lies.half_close, "upstream_eof"),
    ("drip", lies.drip, None),
    ("wrong_id", lies.wrong_id, "upstream_order"),
    ("twice", lies.twice, "upstream_order"),
    ("unasked", lies.unasked, "upstream_order"),
    ("2 GiB", says(b"\x7f\xff\xff\xff" + b"x" * 400), ("upstream_malformed", "upstream_order")),
    ("negative", says(b"\xff\xff\xff\xff"), "upstream_malformed"),
    ("most negative", says(b"\x80\0\0\0"), "upstream_malformed"),
    ("empty frame", says(b"\0\0\0\0"), "upstream_malformed"),
    ("frame of a byte", says(b"\0\0\0\x01\0"), "upstream_malformed"),
    ("HTTP", says(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", True), ("upstream_malformed", "upstream_eof")),
    ("TLS", says(b"\x16\x03\x03\0\x7a\x02\0\0\x76\x03\x03" + b"r" * 400), ("upstream_malformed", "upstream_order")),
    ("garbage", lies.garbage, ("upstream_malformed", "upstream_order", "upstream_eof")),
    ("garbage_body", lies.garbage_body, "upstream_malformed"),
    ("huge_array", lies.huge_array, "upstream_malformed"),
    ("truncated", lies.truncated, "upstream_malformed"),
    ("trailing", lies.trailing, "upstream_malformed"),
)

METADATA = ("Metadata", 12, {"Topics": [{"Name": TOPIC}]})
FETCH = ("Fetch", 12, {"MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1 << 20, "SessionEpoch": -1, "Topics": [
    {"Topic": TOPIC, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 600}]}]})


def fetch_by_id(s):
    topic = s.broker.topics[f"acme.{TOPIC}"]
    return ("Fetch", 17, {"MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1 << 20, "SessionEpoch": -1, "Topics": [
        {"TopicId": topic.id, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 600}]}]})


def share_fetch(s, topic, epoch=0, most=600):
    return ("ShareFetch", 2, {"GroupId": "jobs", "MemberId": "m1", "ShareSessionEpoch": epoch, "MaxWaitMs": 100, "MinBytes": 1,
                              "MaxBytes": most, "MaxRecords": 10, "BatchSize": 10, "Topics": [
                                  {"TopicId": s.broker.topics[f"acme.{topic}"].id, "Partitions": [{"PartitionIndex": 0}]}]})


def lied_to(s, name, lie, reason, request):
    """One connection: an honest round first, then the lie; it ends for the reason, and the neighbour is served meanwhile."""
    reasons = (reason,) if isinstance(reason, str) else reason or ()
    expect = s.counted(*reasons) if reasons else contextlib.nullcontext()
    with expect, s.victim() as w:
        round_trip(w)
        s.broker.lie(VICTIM, lie)
        try:
            w.send(*request)
            s.neighbour()
            if reasons:
                with contextlib.suppress(kw.Closed):
                    w.receive()  # an answer that was good before the lie showed
                    true(f"{name}: closed", w.closed_by_peer(5))
            else:
                w.receive()
        finally:
            s.broker.honest()
    s.neighbour()


def check_to_a_tenant(s):
    for request in (METADATA, FETCH, fetch_by_id(s), share_fetch(s, TOPIC)):
        for name, lie, reason in TO_A_TENANT:
            try:
                lied_to(s, name, lie, reason, request)
            except Exception as e:
                raise AssertionError(f"{name}, to {request[0]} v{request[1]}: {e}") from e
    s.quiet()


def check_order(s):
    """Two requests, answered in the wrong order."""
    with s.counted("upstream_order"), s.victim() as w:
        round_trip(w)
        s.broker.lie(VICTIM, lies.reversed_order)
        w.send(*METADATA)
        w.send("ListOffsets", 7, {"Topics": [{"Name": TOPIC, "Partitions": [{"PartitionIndex": 0, "Timestamp": -1}]}]})
        true("closed", w.closed_by_peer(5))
        s.broker.honest()
    s.neighbour()


def check_silence(s):
    """A broker that never answers: the client waits as it would at Kafka, and nothing is left when it goes."""
    wires = [s.victim() for _ in range(8)]
    for w in wires:
        round_trip(w)
    s.broker.lie(VICTIM, lies.silence)
    for w in wires:
        for _ in range(20):
            w.send(*METADATA)
    s.neighbour()
    with s.counted("client_eof", "client_reset", "tls_truncated", n=8):
        for w in wires:
            w.close()
        s.quiet()
    s.broker.honest()


def check_at_the_door(s):
    """What goes wrong before the first answer: closed at once, words before the question, TLS to those who speak none."""
    for on_accept, reasons in ((lies.nothing_at_all, ("upstream_eof", "upstream_connect")), (lies.speaks_first, ("upstream_order",)),
                               (lies.tls_alert, ("upstream_malformed",))):
        s.neighbour()
        with s.counted(*reasons), s.victim() as w:
            s.broker.on_accept = on_accept
            w.send(*METADATA)
            true("closed", w.closed_by_peer(5))
        s.broker.honest()
        s.neighbour()


def check_foreign(s):
    """Answers that hold other tenants' things: left out where that can be, else the end; never passed on."""
    marks = (b"secret", b"globex", b"no-tenant")

    def listen(w, request):
        w.received.clear()
        w.record = True
        w.send(*request)
        try:
            w.receive()
        finally:
            true("nothing of it came", not any(m in raw for raw in w.received for m in marks))
    with s.victim() as w:
        round_trip(w)
        s.broker.lie(VICTIM, lies.foreign({"Metadata": lies.more_topics}))
        before = s.gateway.metric("alcove_filtered_elements_total")
        listen(w, ("Metadata", 12, {"Topics": None}))
        stack.wait_until("it is counted", lambda: s.gateway.metric("alcove_filtered_elements_total") >= before + 2, 3)
        s.broker.honest()
    produce = ("Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [
        {"Name": TOPIC, "PartitionData": [{"Index": 0, "Records": kw.batch([b"x"])}]}]})
    for lie, request in (({"Produce": lies.renamed_produce}, produce), ({"Fetch": lies.other_ids}, fetch_by_id(s)),
                         ({"ShareFetch": lies.other_ids}, share_fetch(s, TOPIC)), ({"ShareFetch": lies.other_share}, share_fetch(s, TOPIC))):
        with s.victim() as w:
            round_trip(w)
            s.broker.lie(VICTIM, lies.foreign(lie))
            with contextlib.suppress(kw.Closed):
                listen(w, request)
            s.broker.honest()
        s.neighbour()


def beat(topics, version=1):
    """The first heartbeat of a streams group's member that reads these."""
    return ("StreamsGroupHeartbeat", version, {
        "GroupId": "app", "MemberId": "m1", "MemberEpoch": 0, "EndpointInformationEpoch": 0, "RebalanceTimeoutMs": 30000, "ProcessId": "p",
        "ActiveTasks": [], "StandbyTasks": [], "WarmupTasks": [], "ClientTags": [], "Topology": {"Epoch": 0, "Subtopologies": [
            {"SubtopologyId": "0", "SourceTopics": topics, "SourceTopicRegex": [], "StateChangelogTopics": [], "RepartitionSinkTopics": [],
             "RepartitionSourceTopics": [], "CopartitionGroups": []}]}})


def check_streams(s):
    """Streams groups: status, assignments, topologies and descriptions that hold others' topics: what is one's own comes, no more."""
    own = s.broker.topics[f"acme.{TOPIC}"].name.removeprefix("acme.")
    asked = ("StreamsGroupDescribe", 1, {"GroupIds": ["app"], "IncludeAuthorizedOperations": False, "IncludeTopologyDescription": True})
    update = ("StreamsGroupTopologyDescriptionUpdate", 0, {"GroupId": "app", "MemberId": "m1", "TopologyEpoch": 0, "TopologyDescription": {
        "Subtopologies": [], "GlobalStores": []}})

    def told(lie, request):
        with s.victim() as w:
            round_trip(w)
            s.broker.lie(VICTIM, lies.foreign({request[0]: lie}))
            w.received.clear()
            w.record = True
            w.send(*request)
            try:
                return w.receive()
            finally:
                s.broker.honest()
                true(f"nothing of it came: {w.received}", not any(m in raw for raw in w.received for m in (b"secret", b"globex", b"no-tenant")))
    for version in (0, 1):
        r = told(lambda value: None, beat([TOPIC], version))
        equal("honest", [own], [p["Topic"] for p in r["PartitionsByUserEndpoint"][0]["ActivePartitions"]])
        r = told(lies.other_streams, beat([TOPIC], version))
        equal("codes of status", [1, 3], [x["StatusCode"] for x in r["Status"]])
        equal("what is one's own", [[own], [own]], [[p["Topic"] for p in r["PartitionsByUserEndpoint"][0][k]] for k in ("ActivePartitions", "StandbyPartitions")])
    g = told(lies.other_streams_groups, asked)["Groups"]
    equal("groups", ["app"], [x["GroupId"] for x in g])
    part, said = g[0]["Topology"]["Subtopologies"][0], g[0]["TopologyDescription"]
    equal("topics", ([own], [], [], []), tuple(part[k] for k in ("SourceTopics", "RepartitionSinkTopics", "StateChangelogTopics", "RepartitionSourceTopics")))
    equal("the description", ([[]], []), ([n["SourceTopics"] for n in said["Subtopologies"][0]["Nodes"]], said["GlobalStores"]))
    equal("an error", 135, told(lies.other_words, update)["ErrorCode"])
    s.neighbour()
    s.quiet()


def check_many_streams_topics(s):
    """A topology with 20,000 topics comes back whole; one that no memory is meant for ends its connection, and nobody else's."""
    names = [f"t{i}" for i in range(20000)]
    with s.victim() as w:
        w.send(*beat(names))
        equal("all of them", names, [p["Topic"] for p in w.receive()["PartitionsByUserEndpoint"][0]["ActivePartitions"]])
    s.neighbour()
    with s.counted("memory"), s.victim() as w:
        w.send(*beat([f"t{i}" for i in range(600000)]))
        s.neighbour()
        true("closed", w.closed_by_peer(10))
    s.quiet()


# ---- answers that go on to the client while they come ---------------------------------------------------------

LARGE = "large"


def large_fetch(s, w):
    w.send("Fetch", 17, {"MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1 << 22, "SessionEpoch": -1, "Topics": [
        {"TopicId": s.broker.topics[f"acme.{LARGE}"].id, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 1 << 22}]}]})


def changed(at, value=None, end=None, much=b""):
    """The truth with the byte at `at` (behind the size) set to value, or cut there."""
    async def lie(c, r):
        data = bytearray(await lies.truth(c, r))
        if value is not None:
            data[4 + at] = value
            await c.write(bytes(data) + much)
            return end is None
        await c.write(bytes(data[:4 + at]))
        if end == "rst":
            await lies.asyncio.sleep(0.01)
            c.reset()
        return False
    return lie


def check_streamed(s):
    """An answer of 300 KB is cut, or wrong in its structure: the client's connection ends inside it; the neighbour's goes on."""
    s.create_topic(s.acme, LARGE)
    s.broker.topics[f"acme.{LARGE}"].append(0, kw.batch([bytes(300000)]))
    reasons = ("upstream_eof", "upstream_malformed", "upstream_order", "upstream_foreign", "upstream_connect")
    sizes = []

    async def measure(c, r):
        sizes.append(len(await lies.truth(c, r)) - 4)
        return await c.honest(r)
    with s.victim() as w:
        s.broker.lie(VICTIM, measure)
        large_fetch(s, w)
        w.receive()
        s.broker.honest()
    whole = sizes[0]
    places = [0, 1, 3, 4, 5, 20, 60, 100, 300, 5000, 65536, 66000, 131072, 200000, whole - 100, whole - 2, whole - 1]
    for at in places:
        for end in ("fin", "rst"):
            with s.counted(*reasons), s.victim() as w:
                s.broker.lie(VICTIM, changed(at, end=end))
                large_fetch(s, w)
                try:
                    w.receive_frame()
                    raise AssertionError(f"cut after {at} of {whole} bytes, and a whole frame came")
                except kw.Closed:
                    pass
                finally:
                    s.broker.honest()
        s.neighbour()
    went = 0
    for at in [*range(90 if LONG else 48), *range(whole - (40 if LONG else 12), whole)]:
        with s.victim(timeout=3) as w:
            s.broker.lie(VICTIM, changed(at, 0xfe))
            large_fetch(s, w)
            try:
                w.receive_frame()
                went += 1
            except (kw.Closed, TimeoutError):  # a length that grew is waited for
                pass
            finally:
                s.broker.honest()
        if at % 10 == 0:
            s.neighbour()
    print(f"    {went} of the changed answers were whole to the client: what was changed meant nothing there", flush=True)
    s.quiet()


def check_streamed_and_left(s):
    """The client goes away, or stops reading, in the middle of a large answer."""
    for how in ("close", "reset", "no reading"):
        wires = [s.victim() for _ in range(5)]
        for w in wires:
            for _ in range(30):
                large_fetch(s, w)
        s.neighbour()
        for w in wires:
            if how == "reset":
                w.sock.setsockopt(lies.socket.SOL_SOCKET, lies.socket.SO_LINGER, struct.pack("ii", 1, 0))
            if how != "no reading":
                w.close()
        if how == "no reading":
            with s.counted("slow_reader", n=5):
                stack.wait_until("closed", lambda: s.gateway.metric("alcove_connections") <= 1, 15)
            for w in wires:
                w.close()
        s.neighbour()
    s.quiet()


def check_streamed_share(s):
    """A large ShareFetch that goes on while it comes: a topic that was not asked for ends the connection inside the frame, whatever
    its session holds."""
    topic = "large-share"
    s.create_topic(s.acme, topic)
    s.broker.topics[f"acme.{topic}"].append(0, kw.batch([bytes(300000)]))
    with s.counted("upstream_foreign"), s.victim() as w:
        s.broker.lie(VICTIM, lies.foreign({"ShareFetch": lies.other_share}))
        w.received.clear()
        w.record = True
        w.send(*share_fetch(s, topic, most=1 << 22))
        try:
            w.receive_frame()
            raise AssertionError("a whole frame came")
        except kw.Closed as e:
            true("the own part of it came", len(e.partial) > 200000)
            true("nothing of the other came", b"secret" not in e.partial)
        finally:
            s.broker.honest()
    s.neighbour()
    with s.victim() as w:
        w.send(*share_fetch(s, topic, most=1 << 22))
        r = w.receive()
        true("honest, it is whole", len(r["Responses"][0]["Partitions"][0]["Records"]) >= 300000 and len(r["NodeEndpoints"]) == 1)
        w.send("ShareFetch", 2, share_fetch(s, topic, 1, 1 << 22)[2] | {"Topics": []})
        true("a session goes on", w.receive()["ErrorCode"] == 0)
    s.quiet()


# ---- the gateway's own questions ----------------------------------------------------------------------------

OWN = ("hang_up", "reset", "cut", "half_close", "wrong_id", "2 GiB", "negative", "empty frame", "HTTP", "TLS", "garbage",
       "garbage_body", "huge_array", "truncated")


def not_ready(s):
    status, why = s.gateway.ops("/readyz")
    return why if status == 503 else None


def check_to_the_gateway(s):
    """The gateway's own connections are lied to: /readyz says so, tenants work with what was known, and it recovers."""
    table = {name: lie for name, lie, _ in TO_A_TENANT}
    with s.acme.wire(record=False) as old:
        for name in OWN:
            s.broker.lie("alcove", table[name])
            why = stack.wait_until(f"{name}: /readyz says so", lambda: not_ready(s), 15)
            true(f"{name}: {why!r} names the broker", str(s.broker.port) in why or "answer" in why)
            round_trip(old)
            with s.acme.wire(record=False) as new:
                round_trip(new)
            s.broker.honest()
            stack.wait_until(f"{name}: ready again", lambda: not not_ready(s), 15)


def check_foreign_cluster(s):
    """Another cluster answers at the same address: it is not followed; when the right one answers all goes on."""
    def elsewhere(value):
        value["ClusterId"] = "another-one"
    s.broker.lie("alcove", lies.foreign({"Metadata": elsewhere}))
    why = stack.wait_until("/readyz says so", lambda: not_ready(s), 10)
    s.broker.honest()
    true(why, "another cluster" in why)
    stack.wait_until("ready again", lambda: not not_ready(s), 15)
    s.neighbour_soon()


def impossible(value):
    value["Brokers"] = [{"NodeId": -5, "Host": "", "Port": 0}]


def no_brokers(value):
    value["Brokers"] = []


def same_broker_twice(value):
    value["Brokers"] *= 2


def bad_host(value):
    value["Brokers"][0]["Host"] = "a\0b" * 50


def topic_twice(value):
    value["Topics"] += value["Topics"][:1]


def check_impossible_metadata(s):
    for edit in (impossible, no_brokers, same_broker_twice, bad_host, topic_twice):
        s.broker.lie("alcove", lies.foreign({"Metadata": edit}))
        stack.wait_until(f"{edit.__name__}: /readyz says so", lambda: not_ready(s), 10)
        s.neighbour()
        s.broker.honest()
        stack.wait_until("ready again", lambda: not not_ready(s), 15)


def check_gone(s):
    """The broker goes away in the middle of traffic, again and again, and comes back on the same port."""
    stopping, rounds = [], []

    def traffic():
        while not stopping:
            with contextlib.suppress(OSError, kw.WireError, AssertionError):
                with s.victim(timeout=3) as w:
                    while not stopping:
                        round_trip(w)
                        rounds.append(time.monotonic())
    threads = [threading.Thread(target=traffic, daemon=True) for _ in range(3)]
    for t in threads:
        t.start()
    for _ in range(3):
        n = len(rounds)
        stack.wait_until("traffic", lambda: len(rounds) > n + 10, 30)
        s.broker.restart(lambda: time.sleep(0.1))
    stack.wait_until("ready again", lambda: not not_ready(s), 15)
    n = len(rounds)
    stack.wait_until("traffic goes on", lambda: len(rounds) > n + 10, 30)
    stopping.append(True)
    for t in threads:
        t.join(10)
    s.leave_next_door()
    s.neighbour_soon()  # traffic on one worker says nothing of the other's patience with the broker
    s.quiet()


CHECKS = (check_to_a_tenant, check_order, check_silence, check_at_the_door, check_foreign, check_streams, check_many_streams_topics,
          check_streamed, check_streamed_share, check_streamed_and_left, check_to_the_gateway,
          check_foreign_cluster, check_impossible_metadata, check_gone)


def make():
    return Stage(config=lambda text: text.replace("metadata.refresh.ms: 1000", "metadata.refresh.ms: 100"))
