"""Fetch sessions before a broker that knows them by their number alone, that ends them, that lies about them."""
import contextlib

import lies
from stage import TOPIC, VICTIM, Stage, equal, kw, round_trip, stack, true

MANY, PARTITIONS = "many", 1000
NOT_FOUND, BAD_EPOCH, MIXED = 70, 71, 106


def partition(index, offset=0):
    return {"Partition": index, "FetchOffset": offset, "PartitionMaxBytes": 1000}


def fetch(w, version=16, id=0, epoch=-1, topics=(), forgotten=(), wait_ms=1):
    return w.request("Fetch", version, {"MaxWaitMs": wait_ms, "MinBytes": 1, "MaxBytes": 1 << 20, "SessionId": id, "SessionEpoch": epoch,
                                        "Topics": list(topics), "ForgottenTopicsData": list(forgotten)})


def named(s, version, topic, tenant="acme"):
    return {"TopicId": s.broker.topics[f"{tenant}.{topic}"].id} if version >= 13 else {"Topic": topic}


def opened(s, w, version=16, topic=TOPIC, tenant="acme", n=1):
    """-> the client's number of a new session, the broker's number of it"""
    before = set(s.broker.sessions)
    r = fetch(w, version, 0, 0, [named(s, version, topic, tenant) | {"Partitions": [partition(i) for i in range(n)]}])
    equal("a full fetch", 0, r["ErrorCode"])
    true("a session", r["SessionId"] > 0)
    new = set(s.broker.sessions) - before
    equal("sessions at the broker", 1, len(new))
    true("its number is the gateway's own", r["SessionId"] not in s.broker.sessions)
    return r["SessionId"], new.pop()


def check_numbers_of_others(s):
    """Somebody who knows the neighbour's number, and the broker's number of it, and the epoch: all that can be said with them."""
    for version in (7, 12, 13, 18):
        with s.globex.wire(record=False) as b, s.acme.wire(record=False) as a:
            theirs, physical = opened(s, b, version, tenant="globex")
            mine, _ = opened(s, a, version)
            state = s.broker.sessions[physical]
            for number in (theirs, physical):
                equal("going on", [NOT_FOUND] * 3, [fetch(a, version, number, e)["ErrorCode"] for e in (1, 2, -2)])
                for epoch in (0, -1):
                    fetch(a, version, number, epoch, [named(s, version, TOPIC) | {"Partitions": [partition(0)]}])
            gone = [named(s, version, TOPIC, "globex") | {"Partitions": [0]}]
            fetch(a, version, theirs, 1, forgotten=gone)
            fetch(a, version, physical, 1, forgotten=gone)
            a_second = fetch(a, version, 0, 0, [named(s, version, TOPIC) | {"Partitions": [partition(0)]}], gone)
            equal("a full one with something to forget", 0, a_second["ErrorCode"])
            true("theirs is where it was", s.broker.sessions.get(physical) is state)
            equal("and as it was", (1, 1), (state.epoch, len(state.parts)))
            r = fetch(b, version, theirs, 1)
            equal("it goes on", (0, theirs, []), (r["ErrorCode"], r["SessionId"], r["Responses"]))
            true("the attacker's own numbers are others", mine not in (theirs, physical))


def ended(s, w, lie, code, told, closed=None):
    """A session whose next answer is a lie; -> None, or the session's number where the connection goes on."""
    number, _ = opened(s, w)
    s.broker.lie(VICTIM, lie)
    try:
        if closed:
            w.send("Fetch", 16, {"MaxWaitMs": 1, "MinBytes": 1, "MaxBytes": 1000, "SessionId": number, "SessionEpoch": 1})
            true("closed", w.closed_by_peer(5))
            return
        r = fetch(w, 16, number, 1)
    finally:
        s.broker.honest()
    equal("what the client is told", (code, told), (r["ErrorCode"], r["SessionId"]))
    equal("it is over", NOT_FOUND, fetch(w, 16, number, 2)["ErrorCode"])
    again, _ = opened(s, w)
    equal("and goes on with another one", 0, fetch(w, 16, again, 1)["ErrorCode"])


def instead(**value):
    """An answer to Fetch with these in it."""
    return lies.foreign({"Fetch": lambda v: v.update(value)})


def others(s):
    topic = s.broker.topics[f"globex.{TOPIC}"]
    return [{"TopicId": topic.id, "Partitions": [{"PartitionIndex": 0, "HighWatermark": 1, "Records": kw.batch([b"globex's"])}]}]


def check_lies(s):
    """What a broker may say of a session: that it is over in each way; another one's number; topics that are not in it."""
    for code in (NOT_FOUND, BAD_EPOCH, MIXED):
        with s.victim() as w:
            ended(s, w, instead(ErrorCode=code, SessionId=0, Responses=[]), code, 0)
            s.neighbour()
    with s.victim() as w:
        ended(s, w, instead(SessionId=0, Responses=[]), 0, 0)
    for number in (1, -1, 0x51e55000 + 9999, 2**31 - 1):
        with s.counted("upstream_foreign"), s.victim() as w:
            ended(s, w, instead(SessionId=number), 0, 0, closed=True)
        s.neighbour()
    with s.victim() as w:  # small answers are rewritten as a whole: what is not the session's is left out
        number, _ = opened(s, w)
        s.broker.lie(VICTIM, instead(Responses=others(s)))
        equal("topics that are not in it", [], fetch(w, 16, number, 1)["Responses"])
        s.broker.honest()
        r = fetch(w, 16, number, 2)
        equal(f"it goes on: {r}", (0, number), (r["ErrorCode"], r["SessionId"]))
    with s.counted("upstream_foreign"), s.victim() as w:  # large ones have begun to leave
        number, _ = opened(s, w)
        large = others(s)
        large[0]["Partitions"][0]["Records"] = kw.batch([bytes(200000)])
        s.broker.lie(VICTIM, instead(Responses=large))
        w.send("Fetch", 16, {"MaxWaitMs": 1, "MinBytes": 1, "MaxBytes": 1 << 20, "SessionId": number, "SessionEpoch": 1})
        true("closed", w.closed_by_peer(5))
        s.broker.honest()
    with s.victim() as w:  # one that nobody asked for
        s.broker.lie(VICTIM, instead(SessionId=4711))
        r = fetch(w, topics=[named(s, 16, TOPIC) | {"Partitions": [partition(0)]}])
        equal("none was asked for", 0, r["SessionId"])
        s.broker.honest()
    with s.victim() as w:  # no place: full fetches, and no more questions for one
        s.broker.lie(VICTIM, instead(SessionId=0))
        asked = [named(s, 16, TOPIC) | {"Partitions": [partition(0)]}]
        equal("no place", [0, 0], [fetch(w, 16, 0, 0, asked)["SessionId"] for _ in range(2)])
        s.broker.honest()
        equal("nor is it asked at once", 0, fetch(w, 16, 0, 0, asked)["SessionId"])
    s.neighbour()
    s.quiet()


def check_connections_end(s):
    """The broker ends the connection under a session, or the client its own: the number is good for nothing afterwards."""
    with s.victim() as w:
        number, _ = opened(s, w)
        s.broker.lie(VICTIM, lies.hang_up)
        w.send("Fetch", 16, {"MaxWaitMs": 1, "MinBytes": 1, "MaxBytes": 1000, "SessionId": number, "SessionEpoch": 1})
        true("closed", w.closed_by_peer(5))
        s.broker.honest()
    for _ in range(2):
        with s.victim() as w:
            equal("a new connection", [NOT_FOUND, 0], [fetch(w, 16, number, e)["ErrorCode"] for e in (1, 0)])
            number, _ = opened(s, w)
            equal("it goes on", 0, fetch(w, 16, number, 1)["ErrorCode"])
    s.quiet()
    stack.wait_until("none is left", lambda: s.gateway.metric("alcove_fetch_sessions") == 0)


def check_an_idle_one_costs_little(s):
    """A thousand partitions without news: what the broker is asked is some sixty bytes, where it was tens of thousands."""
    s.create_topic(s.acme, MANY, PARTITIONS)
    with s.acme.wire(record=False) as w:
        everything = [named(s, 16, MANY) | {"Partitions": [partition(i) for i in range(PARTITIONS)]}]

        def cost(f):
            n, sent = s.broker.fetched, s.broker.fetch_bytes
            for _ in range(20):
                equal("error", 0, f()["ErrorCode"])
            equal("asked of the broker", 20, s.broker.fetched - n)
            return (s.broker.fetch_bytes - sent) / 20
        full = cost(lambda: fetch(w, topics=everything))
        number, physical = opened(s, w, topic=MANY, n=PARTITIONS)
        epochs = iter(range(1, 100))
        idle = cost(lambda: fetch(w, 16, number, next(epochs)))
        true(f"bytes to the broker: full {full}, idle {idle}", full > 30 * PARTITIONS and idle < 80)
        print(f"    a full fetch of {PARTITIONS} partitions is {full:.0f} bytes to the broker, an idle session's {idle:.0f}", flush=True)
        equal("the broker has all of them", PARTITIONS, len(s.broker.sessions[physical].parts))


def check_few_for_each(s):
    """A connection that opens one after the other has two, and the broker is told which it does not need any more."""
    before = len(s.broker.sessions)
    with s.acme.wire(record=False) as w:
        numbers = [opened(s, w)[0] for _ in range(12)]
        equal("alive", [NOT_FOUND] * 10 + [0, 0], [fetch(w, 16, n, 1)["ErrorCode"] for n in numbers])
        equal("at the broker", 2, len(s.broker.sessions) - before)
    s.quiet()


def check_no_memory(s):
    """Large sessions of hundreds of connections, beyond what the gateway may keep: sessions go, connections do not."""
    reserved, wires = s.gateway.metric("alcove_memory_reserved_bytes"), []
    topic = named(s, 16, MANY)
    evicted = s.gateway.metric("alcove_fetch_sessions_ended_total", by="evicted")
    budget = s.gateway.metric("alcove_memory_budget_bytes")
    with contextlib.ExitStack() as stay:
        for _ in range(40):
            w = stay.enter_context(s.acme.wire(record=False))
            wires.append((w, fetch(w, 16, 0, 0, [topic | {"Partitions": [partition(i) for i in range(PARTITIONS)]}])["SessionId"]))
        true("what they keep is reserved", s.gateway.metric("alcove_memory_reserved_bytes") > reserved + 40 * PARTITIONS * 16)
        codes = [fetch(w, 16, number, 1)["ErrorCode"] for w, number in wires]
        gone = s.gateway.metric("alcove_fetch_sessions_ended_total", by="evicted") - evicted
        equal(f"all are served, {gone} of them without their session; the budget is {budget}", gone, codes.count(NOT_FOUND))
        s.neighbour()
    s.quiet()
    stack.wait_until("all is given back", lambda: s.gateway.metric("alcove_memory_reserved_bytes") <= reserved)


CHECKS = [check_numbers_of_others, check_lies, check_connections_end, check_an_idle_one_costs_little, check_few_for_each, check_no_memory]


def make():
    return Stage(limits={"connections.max": 500, "handshake.timeout.ms": 20000, "authentication.timeout.ms": 20000})
