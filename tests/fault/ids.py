"""Topic ids that do not exist, 200,000 (--long: a million): the broker is asked about few, and the neighbour's own are answered."""
import os
import struct
import threading
import time
import uuid

from fakebroker import Topic
from stage import TOPIC, Stage, equal, kw, stack, true

EACH, ALL, CONNECTIONS = 5000, 1000000 if os.environ.get("FAULT_LONG") else 200000, 4
# upstream/wants.c: what a tenant may ask for at once, and each second
AT_ONCE, A_SECOND = 2000, 200
UNKNOWN_ID = 100


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def flood_body(n):
    """Fetch v16 of one partition each of n topics that nobody has, by hand: an encoder would take minutes."""
    part = b"\x02" + struct.pack(">iiqiqi", 0, -1, 0, -1, -1, 1000) + b"\0\0"
    ids = os.urandom(16 * n)
    topics = b"".join(ids[i:i + 16] + part for i in range(0, len(ids), 16))
    return struct.pack(">iiibii", 1, 0, 1 << 20, 0, 0, -1) + varint(n + 1) + topics + b"\x01\x01\0"


class Flood:
    def __init__(self, s):
        self.s, self.left, self.lock, self.errors, self.asked = s, ALL // EACH, threading.Lock(), [], 0
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(CONNECTIONS)]
        self.began = time.monotonic()
        for t in self.threads:
            t.start()

    def take(self):
        with self.lock:
            self.left -= 1
            return self.left >= 0

    def run(self):
        try:
            with self.s.acme.wire(record=False, timeout=60) as w:
                size = None
                while self.take():
                    w.send("Fetch", 16, body=flood_body(EACH))
                    if size is None:  # the first is looked at, the others are as long
                        r = w.receive()
                        codes = [p["ErrorCode"] for t in r["Responses"] for p in t["Partitions"]]
                        equal("each is unknown", (EACH, {UNKNOWN_ID}), (len(codes), set(codes)))
                        w.send("Fetch", 16, body=flood_body(EACH))
                    raw = w.receive_frame()
                    size = size or len(raw)
                    equal("an answer's length", size, len(raw))
                    self.asked += EACH
        except Exception as e:  # told by the one who waits
            self.errors.append(e)

    def goes_on(self):
        return any(t.is_alive() for t in self.threads)

    def end(self):
        for t in self.threads:
            t.join(120)
        if self.errors:
            raise self.errors[0]
        true("all were sent", not self.goes_on() and self.asked >= ALL)
        return time.monotonic() - self.began


def neighbours_new_topic(s, w, n):
    """Made at the broker a moment ago: nobody here knows its id. -> seconds until it is fetched by it."""
    began = time.monotonic()
    topic = Topic(f"globex.new-{n}", 1)
    s.broker.topics[topic.name] = topic
    topic.append(0, kw.batch([b"own"]))

    def code():
        r = w.request("Fetch", 16, {"MaxWaitMs": 1, "MinBytes": 1, "MaxBytes": 1000, "SessionEpoch": -1, "Topics": [
            {"TopicId": topic.id, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 1000}]}]})
        return r["Responses"][0]["Partitions"][0]["ErrorCode"] == 0
    stack.wait_until(f"{topic.name} is answered", code, 20)
    return time.monotonic() - began


def check_a_flood(s):
    """Four connections of acme name ids that nobody has, as fast as they can, while globex fetches what was just made."""
    before = s.broker.asked_ids
    flood, took = Flood(s), []
    with s.globex.wire(record=False, timeout=60) as w:
        n = 0
        while flood.goes_on():
            took.append(neighbours_new_topic(s, w, n))
            s.neighbour()
            n += 1
    seconds = flood.end()
    asked = s.broker.asked_ids - before
    print(f"    {flood.asked} ids in {seconds:.1f} s: the broker was asked about {asked}; the neighbour had {len(took)} new topics, each "
          f"within {max(took):.1f} s", flush=True)
    # What waits when a second begins counts for that; the neighbour's own may be asked twice.
    true(f"{asked} ids in {seconds} s", asked <= AT_ONCE + A_SECOND * (seconds + 5) + 2 * len(took))
    true("the neighbour was served meanwhile", len(took) > 2)
    s.quiet()


def check_known_ones_stay(s):
    """After that the ids of what is there are known still, and a look-up of one that was just made is not far."""
    with s.acme.wire(record=False) as w, s.globex.wire(record=False) as g:
        for t, name in ((w, f"acme.{TOPIC}"), (g, f"globex.{TOPIC}")):
            own = s.broker.topics[name].id
            r = t.request("Metadata", 12, {"Topics": [{"TopicId": own, "Name": None}]})["Topics"][0]
            equal("by id", (0, TOPIC, own), (r["ErrorCode"], r["Name"], r["TopicId"]))
        neighbours_new_topic(s, g, "after")


def check_zero_and_metadatas_own(s):
    """The id that stands for none, and KRaft's own topic's, are never asked about."""
    before = s.broker.asked_ids
    with s.acme.wire(record=False) as w:
        for topic_id in (uuid.UUID(int=0), uuid.UUID(int=1)):
            for _ in range(3):
                r = w.request("Fetch", 16, {"MaxWaitMs": 1, "MinBytes": 1, "MaxBytes": 1000, "SessionEpoch": -1, "Topics": [
                    {"TopicId": topic_id, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 1000}]}]})
                equal("unknown", UNKNOWN_ID, r["Responses"][0]["Partitions"][0]["ErrorCode"])
    true(f"asked about {s.broker.asked_ids - before}", s.broker.asked_ids - before <= 1)


CHECKS = [check_a_flood, check_known_ones_stay, check_zero_and_metadatas_own]


def make():
    return Stage(limits={"handshake.timeout.ms": 20000, "authentication.timeout.ms": 20000})
