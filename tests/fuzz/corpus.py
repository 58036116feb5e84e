#!/usr/bin/env python3
"""Writes the fuzzers' first corpora: tests/fuzz/corpus.py FOLDER, a folder for each target in it.

They are made, always the same, of what the tree has: the rows of api.def, Kafka's schemas (kafkawire.py), the golden frames. Each
offered api in each offered version is a conversation of bytes, where clients and brokers say the tenant's own names, others'
and what nobody owns, and some of decisions (make.h). Seeds that somebody found are in tests/fuzz/seeds; `replay` runs both."""

import hashlib
import json
import pathlib
import random
import re
import struct
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/kit"))

import kafkawire as kw  # noqa: E402

OWN, OTHER = "%own.", "%oth"  # talk.h
RAW, PIECES, IN_ONE, HAPPENS = 3, 4, 8, 0x7f
MOVED, RELEASED, ASKED, ACME_PLAIN, ACME_DENIED, GOES = (bytes([HAPPENS, n]) for n in (3, 4, 5, 1, 2, 6))
ACME, PORTS, AT_BROKER, PLAIN, SHARED, STRANGER = 0, 2, 4, 8, 0x80, 0xe0  # talk_world.c: who
SIZE_MAX = 4000
KINDS = json.loads((ROOT / "build/golden/kinds.json").read_text())["messages"]
CONFIGS = sorted(set(re.findall(r'"([a-z][a-z0-9.]+)"', (ROOT / "gateway/api/config_policy.def").read_text())))


def offered():
    """(name, key, lowest, highest) of each row of api.def."""
    keys = dict((name, (int(key), text)) for key, name, text in re.findall(
        r'KAPI\((\d+), (\w+), "(\w+)"', (ROOT / "include/alcove/tbl/kafka_api.def").read_text()))
    for name, lo, hi in re.findall(r"^API\((\w+), \w+, (\d+), (\d+)", (ROOT / "gateway/api/api.def").read_text(), re.M):
        key, text = keys[name]
        known = kw.schemas().versions(key)
        yield text, key, max(int(lo), known[0]), min(int(hi), known[1])


# ---- values ------------------------------------------------------------------------------------------------

class Client:
    """What a client says."""
    topics = ["orders", "orders", "orders", "shared", "secret", "late", "new", "globex.orders", "", ".", "__consumer_offsets"]
    others = ["g", "g", "watched", "taken", "legacy.taken", ""]
    ids = "oosluvg"
    regexes = ["ord.*", "orders|late", "[a-z]+", "(", "", "a{1000}", "(?i)ORD.*", "^orders$", "\\Qord\\E.*", "[[:alpha:]]+"]

    def __init__(self, rnd):
        self.rnd = rnd

    def resource(self):
        return self.rnd.choice((self.topics, self.others, ["1", "2", ""]))

    def embedded(self, kind):
        topics = self.rnd.sample(self.topics[:8], self.rnd.randrange(3))
        version = self.rnd.randrange(4)
        if kind == "ASSIGNMENT":
            return kw.encode_embedded("ConsumerProtocolAssignment", version, {
                "AssignedPartitions": [{"Topic": t, "Partitions": [0, 1]} for t in topics], "UserData": b"u"})
        value = {"Topics": topics, "UserData": None}
        if version >= 1:
            value["OwnedPartitions"] = [{"Topic": t, "Partitions": [0]} for t in topics]
        return kw.encode_embedded("ConsumerProtocolSubscription", version, value)

    def text(self, kind):
        lists = {"TOPIC_NAME": self.topics, "GROUP_ID": self.others, "TXN_ID": self.others, "COORDINATOR_KEY": self.others,
                 "TOPIC_REGEX": self.regexes, "TXN_REGEX": self.regexes, "PROTOCOL": ["consumer", "consumer", "range", "connect"],
                 "CONFIG_NAME": CONFIGS, "CONFIG_VALUE": ["compact", "1000", "-1", "delete,compact", "", "orders"],
                 "STATE": ["Stable", "Empty", "Consumer", "Classic", "Share", "Ongoing"], "MEMBER_ID": ["m", "", "m2"],
                 "SASL": ["PLAIN", "SCRAM-SHA-512"], "QUOTA": ["user", "user", "client-id", "ip", "alice", "producer_byte_rate", "consumer_byte_rate"], "SOFTWARE": ["lib-1.0", "x y"], "RACK": ["", "r1"], "RESOURCE_NAME": self.resource()}
        return self.rnd.choice(lists.get(kind, ["", "1", "none"]))

    def number(self, kind, field, size):
        if kind == "CONFIG_TYPE":
            return self.rnd.choice((2, 2, 32, 4, 8, 1))
        if field in ("KeyType", "IsolationLevel"):
            return self.rnd.choice((0, 1))
        if kind == "ACKS":
            return self.rnd.choice((1, -1, 0))
        if kind == "SESSION_EPOCH":
            return self.rnd.choice((0, -1, 1))
        return min(self.rnd.choice((0, 0, 0, 1, 1, -1, -2, 2, 100, 1 << 20)), 2 ** (8 * size - 1) - 1)

    def bytes_of(self, kind):
        if kind in ("SUBSCRIPTION", "ASSIGNMENT"):
            return self.embedded(kind)
        return b"\0user\0password" if kind == "SASL" else b"opaque"

    def null(self):
        return self.rnd.random() < 0.15


class Broker(Client):
    """What a broker says: the tenant's own, and what no tenant should see."""
    topics = [OWN + "orders", OWN + "orders", OWN + "secret", "legacy.shared", OWN + "late", "globex." + OTHER, "__" + OTHER, ""]
    others = [OWN + "g", OWN + "g", "legacy.watched", "legacy.taken", "legacy." + OTHER, "globex." + OTHER]
    ids = "oosluhg"
    regexes = ["", "globex." + OTHER + ".*", "(?P<o6f72642e2a>)\\Q" + OWN + "\\E(?:ord.*)"]
    texts = {"HOST": ["real1." + OTHER, "real2." + OTHER], "RACK": [OTHER + "-rack", ""], "CLUSTER_ID": [OTHER + "-cluster"],
             "CLIENT_HOST": ["/" + OTHER], "LOG_DIR": ["/" + OTHER],
             "ERROR_TEXT": [f"Topic '{OWN}orders' already exists.", f"Topic 'globex.{OTHER}' is marked for deletion.", f"{OTHER} happened"]}

    def text(self, kind):
        if kind == "CONFIG_VALUE":
            return self.rnd.choice((OWN + "orders", "1", "compact"))
        return self.rnd.choice(self.texts[kind]) if kind in self.texts else super().text(kind)

    def number(self, kind, field, size):
        if kind == "ERROR_CODE":
            return self.rnd.choice((0, 0, 0, 0, 0, 3, 5, 16, 29, 35, 41, 69, 87, 100, 115))
        if kind == "BROKER_ID":
            return self.rnd.choice((1, 1, 2, 7, -1))
        if kind == "SESSION_ID":
            return 0x01020304
        return super().number(kind, field, size)


def value_of(codec, who, kinds):
    """A message of any content, every field there."""
    if isinstance(codec, kw.StructCodec):
        return {name: value_of(inner, who, kinds) for name, inner in codec.plain + list(codec.tagged.values())
                if who.rnd.random() < 0.95 or (name, inner) not in codec.tagged.values()}
    if isinstance(codec, kw.ArrayCodec):
        if codec.nullable and who.null():
            return None
        return [value_of(codec.element, who, kinds) for _ in range(who.rnd.choice((0, 1, 1, 1, 2, 2)))]
    if isinstance(codec, kw.NullableCodec):
        return None if who.null() else value_of(codec.inner, who, kinds)
    kind = kinds.get(codec.where.split(".", 1)[1], "NONE")
    field = codec.where.rsplit(".", 1)[1]
    if getattr(codec, "nullable", False) and who.null():
        return None
    if codec.kind == "uuid":
        return uuid.UUID(int=0) if who.null() else uuid.UUID(bytes=who.rnd.choice(who.ids).encode() * 16)
    if codec.kind == "string":
        return who.text(kind)
    if codec.kind == "bytes":
        return who.bytes_of(kind)
    if codec.kind == "records":
        return kw.batch([(b"k", b"v")], timestamp_ms=1000, producer_id=who.rnd.choice((-1, 5)))
    if codec.kind == "bool":
        return who.rnd.random() < 0.5
    if codec.kind == "float64":
        return 0.5
    number = who.number(kind, field, struct.calcsize(codec.fmt))
    return abs(number) if codec.kind.startswith("u") else number


def body(api, version, direction, rnd):
    message = kw.schemas().message(api, direction)
    who = (Client if direction == "request" else Broker)(rnd)
    value = value_of(kw.schemas().codec(message, version), who, KINDS[message])
    if direction == "request" and "ReplicaId" in value:
        value["ReplicaId"] = -1
    for resource in value.get("Resources") or []:
        if resource["ResourceType"] == 4:
            resource["ResourceName"] = rnd.choice(("1", "1", "2", "", "7"))
    return kw.encode(api, version, direction, value)


# ---- conversations -------------------------------------------------------------------------------------------

def raw(data):
    return struct.pack(">H", len(data)) + data


def asked(key, version, data, admin=False, how=RAW):
    return bytes([key, version | (0x80 if admin else 0), how]) + raw(data)


def answered(data, pieces=b"", how=RAW):
    return bytes([how | (PIECES if pieces else 0)]) + raw(data) + pieces


def decisions(rnd, n):
    """Small ones are likelier: lists of a length, fields that are there."""
    return bytes(rnd.choice((0, 1, 1, 2, 5, rnd.randrange(64), rnd.randrange(256))) for _ in range(n))


class Corpus:
    def __init__(self, folder):
        self.folder, self.n = folder, 0

    def add(self, target, data):
        if not data or len(data) > SIZE_MAX:
            return
        path = self.folder / f"{target}_fuzz"
        path.mkdir(parents=True, exist_ok=True)
        (path / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)
        self.n += 1


def one_by_one(corpus, api, key, version, rnd):
    """One request, one answer, in all the ways of the targets; and twice on one connection."""
    for i in range(6):
        who = (ACME, PLAIN, ACME | PORTS | AT_BROKER, PLAIN | PORTS | SHARED, ACME | SHARED | AT_BROKER, ACME)[i]
        q, r = (body(api, version, d, rnd) for d in ("request", "response"))
        step = asked(key, version, q, rnd.random() < 0.2)
        corpus.add("api", bytes([who]) + step + answered(r) + step + answered(body(api, version, "response", rnd)))
        corpus.add("api", bytes([who]) + step + answered(r) + rnd.choice((MOVED, RELEASED, ASKED, ACME_PLAIN, ACME_DENIED, GOES)) + step + answered(r))
        corpus.add("request", bytes([who]) + step + asked(key, version, body(api, version, "request", rnd)))
        corpus.add("response", bytes([who, key, version, 0, rnd.randrange(256)]) + answered(r))
        if i < 2:
            corpus.add("api", bytes([who, key, version, 0]) + decisions(rnd, 300))
            corpus.add("api", bytes([who, key, version, 0x80 | rnd.randrange(0x7c)]) + decisions(rnd, 300))
            corpus.add("request", bytes([who, key, version, 0]) + decisions(rnd, 200))
            corpus.add("response", bytes([who, key, version, 0, rnd.randrange(256), 0]) + decisions(rnd, 300))


def selected(corpus, target, apis, versions, rnd):
    """Of targets that know some apis only: the number is a place in their list."""
    for place, (api, up_to) in enumerate(apis):
        for version in range(versions[api][0], up_to + 1):
            for i in range(8):
                key = place
                who = bytes([(ACME, PLAIN)[i % 2]])
                steps = b""
                for _ in range(1 + i % 3):
                    steps += asked(key, version, body(api, version, "request", rnd)) + answered(
                        body(api, version, "response", rnd), bytes(rnd.randrange(1, 40) for _ in range(6)))
                corpus.add(target, who + steps)
                corpus.add(target, who + bytes([key, version, 0]) + decisions(rnd, 400))


def fetch_sessions(corpus, versions, rnd):
    """A full fetch, then what goes on with its session (the number is made up by the gateway: %ses)."""
    for version in range(max(7, versions["Fetch"][0]), versions["Fetch"][1] + 1):
        def topics(name, letter, version=version):
            what = {"TopicId": uuid.UUID(bytes=letter * 16)} if version >= 13 else {"Topic": name}
            return {**what, "Partitions": [{"Partition": p, "PartitionMaxBytes": 1000} for p in (0, 1)]}

        def answer(session, *names, version=version):
            return kw.encode("Fetch", version, "response", {"SessionId": session, "Responses": [
                {**({"TopicId": uuid.UUID(bytes=i * 16)} if version >= 13 else {"Topic": n}), "Partitions": [
                    {"PartitionIndex": 0, "HighWatermark": 5, "Records": kw.batch([b"v"], timestamp_ms=1)}]} for n, i in names]})
        own, alias, foreign = (OWN + "orders", b"o"), ("legacy.shared", b"l"), ("globex." + OTHER, b"g")
        for target, key in (("api", 1), ("stream", 0)):
            for pieces in (b"", bytes([3, 20, 1, 1, 7, 60])):
                data = bytes([ACME])
                for epoch, more in ((0, [topics("orders", b"o"), topics("shared", b"l")]), (1, []), (2, [topics("secret", b"s")]), (3, [])):
                    q = kw.encode("Fetch", version, "request", {"SessionId": 0 if epoch == 0 else 0x25736573, "SessionEpoch": epoch,
                                                              "Topics": more, "MaxBytes": 1 << 20})
                    data += asked(key, version, q) + answered(answer(0x01020304, own, *([alias, foreign][:epoch])), pieces)
                    for event in (b"", ACME_DENIED, ACME_PLAIN, MOVED, RELEASED)[:5 if epoch < 2 else 1]:
                        q = value_of(kw.schemas().codec("FetchRequest", version), Client(rnd), KINDS["FetchRequest"])
                        q |= {"SessionId": 0x25736573, "SessionEpoch": epoch + 1}
                        if event:
                            q["Topics"] = q["ForgottenTopicsData"] = []
                        q = asked(key, version, kw.encode("Fetch", version, "request", q))
                        corpus.add(target, data + event + q + answered(answer(0x01020304, own), pieces))
                corpus.add(target, data)


def fetch_sets(corpus, versions):
    """Sessions that grow beyond what one may have, topics that leave them, more of them than a connection may have."""
    for version in range(7, versions["Fetch"][1] + 1):
        def topic(name, n, version=version):
            what = {"TopicId": uuid.UUID(bytes=name[:1].encode() * 16)} if version >= 13 else {"Topic": name}
            return {**what, "Partitions": [{"Partition": p, "PartitionMaxBytes": 1000} for p in range(n)]}

        def forgotten(name, *parts, version=version):
            what = {"TopicId": uuid.UUID(bytes=name[:1].encode() * 16)} if version >= 13 else {"Topic": name}
            return {**what, "Partitions": list(parts)}

        def ask(session, epoch, more, less=(), version=version):
            q = kw.encode("Fetch", version, "request", {"SessionId": session, "SessionEpoch": epoch, "Topics": more, "ForgottenTopicsData": list(less)})
            return asked(key, version, q) + answered(kw.encode("Fetch", version, "response", {"SessionId": 0x7fffff01}), pieces)
        for target, key in (("api", 1), ("stream", 0)):
            for pieces in (b"", b"\2\x09"):
                full, mine = ask(0, 0, [topic("orders", 2)]), 0x25736573
                corpus.add(target, bytes([PLAIN]) + full + ask(mine, 1, [topic("late", 3)]) + ask(mine, 2, [], [forgotten("orders", 0, 1)]) +
                           ask(mine, 3, [topic("orders", 9)]) + ask(mine, 4, [], [forgotten("globex.orders", 0), forgotten("late", 0, 1, 2)]))
                corpus.add(target, bytes([ACME]) + full * 4 + ask(mine, 1, []) + ask(mine, -1, []))
                corpus.add(target, bytes([ACME]) + full + ask(mine, 7, []) + ask(0x7fffff01, 1, []) + ask(mine, 1, [topic("secret", 1)]) + full)


def share_sessions(corpus, versions):
    """Joined, gone on with, acknowledged in, forgotten from, closed; while rights change."""
    for version in range(versions["ShareFetch"][0], versions["ShareFetch"][1] + 1):
        def ask(epoch, more, less=(), acks=False, version=version):
            def topic(letter):
                part = {"PartitionIndex": 0, "AcknowledgementBatches": [{"FirstOffset": 0, "LastOffset": 1, "AcknowledgeTypes": [1]}] if acks else []}
                return {"TopicId": uuid.UUID(bytes=letter.encode() * 16), "Partitions": [part, {**part, "PartitionIndex": 1}]}
            q = {"GroupId": "g", "MemberId": "m", "ShareSessionEpoch": epoch, "MaxWaitMs": 1, "MinBytes": 0, "MaxBytes": 1000,
                 "Topics": [topic(x) for x in more],
                 "ForgottenTopicsData": [{"TopicId": uuid.UUID(bytes=x.encode() * 16), "Partitions": [0, 1]} for x in less]}
            r = {"Responses": [{"TopicId": uuid.UUID(bytes=x.encode() * 16), "Partitions": [
                {"PartitionIndex": 0, "Records": kw.batch([b"v"], timestamp_ms=1), "AcquiredRecords": [
                    {"FirstOffset": 0, "LastOffset": 0, "DeliveryCount": 1}], "CurrentLeader": {"LeaderId": 2, "LeaderEpoch": 1}}]}
                    for x in "os"], "NodeEndpoints": [{"NodeId": 2, "Host": "real2." + OTHER, "Port": 9092, "Rack": OTHER + "-rack"}]}
            return asked(key, version, kw.encode("ShareFetch", version, "request", q)) + answered(kw.encode("ShareFetch", version, "response", r), pieces)
        for target, key in (("api", 78), ("stream", 1)):
            for pieces in (b"", bytes([1, 30, 2, 90, 200])):
                for who in (ACME, PLAIN, PORTS | AT_BROKER):
                    full = ask(0, "os")
                    for event in (b"", ACME_DENIED, ACME_PLAIN, RELEASED, MOVED):
                        corpus.add(target, bytes([who]) + full + event + ask(1, "", acks=True) + ask(2, "l", "o") + event + ask(3, "os", acks=True) +
                                   ask(-1, "o", acks=True))
                    corpus.add(target, bytes([who]) + full + ask(1, "gu") + ask(5, "") + full)
                    corpus.add(target, bytes([who]) + ask(0, "") + ask(1, "olsu") + ask(2, "", "olsu") + ask(-1, ""))


def logins(corpus, rnd):
    plain = b"\0alice\0wrong"
    first = b"n,,n=alice,r=rOprNGfwEbeRWgbNEkqO"
    for mechanism, token in (("PLAIN", plain), ("PLAIN", b"\0acme/alice\0wrong"), ("SCRAM-SHA-512", first), ("GSSAPI", plain)):
        for version in (0, 1):
            shake = asked(17, version, kw.encode("SaslHandshake", version, "request", {"Mechanism": mechanism}))
            if version == 0:
                corpus.add("api", bytes([STRANGER]) + shake + bytes([0, 0, 0, len(token)]) + token)
            else:
                step = asked(36, 2, kw.encode("SaslAuthenticate", 2, "request", {"AuthBytes": token}))
                corpus.add("api", bytes([STRANGER]) + shake + step + step)
    padded = bytes(4) + bytes([1, 0, 0, 0])  # a null list of four bytes, as librdkafka says it
    corpus.add("api", bytes([PLAIN]) + asked(3, 9, padded) + answered(body("Metadata", 9, "response", rnd)))
    corpus.add("api", bytes([STRANGER]) + asked(18, 3, body("ApiVersions", 3, "request", rnd)) + asked(3, 1, body("Metadata", 1, "request", rnd)))


def members(corpus, versions):
    """Joining, then syncing on the same connection; a pattern, then silence about it."""
    sub = kw.encode_embedded("ConsumerProtocolSubscription", 1, {"Topics": ["orders"], "UserData": None, "OwnedPartitions": []})
    own = kw.encode_embedded("ConsumerProtocolSubscription", 1, {"Topics": [OWN + "orders", "globex." + OTHER], "UserData": None,
                                                               "OwnedPartitions": [{"Topic": "globex." + OTHER, "Partitions": [1]}]})
    part = kw.encode_embedded("ConsumerProtocolAssignment", 1, {"AssignedPartitions": [{"Topic": "orders", "Partitions": [0]}], "UserData": None})
    back = kw.encode_embedded("ConsumerProtocolAssignment", 1, {"AssignedPartitions": [
        {"Topic": t, "Partitions": [0]} for t in (OWN + "orders", "globex." + OTHER)], "UserData": None})
    for version in range(versions["JoinGroup"][1] + 1):
        sync = min(version, versions["SyncGroup"][1])
        join = {"GroupId": "g", "SessionTimeoutMs": 6000, "MemberId": "m", "ProtocolType": "consumer", "Protocols": [{"Name": "range", "Metadata": sub}]}
        joined = {"GenerationId": 1, "ProtocolName": "range", "Leader": "m", "MemberId": "m", "Members": [{"MemberId": "m", "Metadata": own}]}
        if version >= 7:
            joined["ProtocolType"] = "consumer"
        q = {"GroupId": "g", "GenerationId": 1, "MemberId": "m", "Assignments": [{"MemberId": "m", "Assignment": part}]}
        r = {"Assignment": back}
        if sync >= 5:
            q |= {"ProtocolType": "consumer", "ProtocolName": "range"}
            r |= {"ProtocolType": "consumer", "ProtocolName": "range"}
        for target, keys in (("api", (11, 14)), ("embedded", (0, 1))):
            corpus.add(target, bytes([ACME]) + asked(keys[0], version, kw.encode("JoinGroup", version, "request", join)) + answered(
                kw.encode("JoinGroup", version, "response", joined)) + asked(keys[1], sync, kw.encode("SyncGroup", sync, "request", q)) +
                answered(kw.encode("SyncGroup", sync, "response", r)))
    beat = {"GroupId": "g", "MemberId": "m", "MemberEpoch": 0, "RebalanceTimeoutMs": 1000, "TopicPartitions": []}
    answer = answered(kw.encode("ConsumerGroupHeartbeat", 1, "response", {"MemberId": "m", "MemberEpoch": 1}))
    for who in (ACME, PLAIN):
        for pattern in Client.regexes:
            data = bytes([who]) + asked(68, 1, kw.encode("ConsumerGroupHeartbeat", 1, "request", {**beat, "SubscribedTopicRegex": pattern})) + answer
            silent = kw.encode("ConsumerGroupHeartbeat", 1, "request", {"GroupId": "g", "MemberId": "m", "MemberEpoch": 1})
            for target in ("api", "request"):
                corpus.add(target, data + asked(68, 1, silent) + answer if target == "api" else data.replace(answer, b"") + asked(68, 1, silent))


def produces(corpus, versions):
    """The same request again and again, which takes the short ways."""
    for version in range(versions["Produce"][0], versions["Produce"][1] + 1):
        what = {"TopicId": uuid.UUID(bytes=b"o" * 16)} if version >= 13 else {"Name": "orders"}
        told = {"TopicId": what["TopicId"]} if version >= 13 else {"Name": OWN + "orders"}
        q = kw.encode("Produce", version, "request", {"Acks": -1, "TimeoutMs": 100, "TopicData": [{**what, "PartitionData": [
            {"Index": 0, "Records": kw.batch([b"v"], timestamp_ms=1)}]}]})

        def answer(code, version=version, told=told):
            part = {"Index": 0, "ErrorCode": code, "BaseOffset": 7, "LogAppendTimeMs": -1, **({"LogStartOffset": 0} if version >= 5 else {})}
            return answered(kw.encode("Produce", version, "response", {"Responses": [{**told, "PartitionResponses": [part]}]}), how=RAW | IN_ONE)
        step = asked(0, version, q, how=RAW | IN_ONE)
        corpus.add("api", bytes([ACME]) + (step + answer(0)) * 4)
        corpus.add("api", bytes([ACME]) + (step + answer(0)) * 2 + step + answer(6) + step + answer(0))
        for event in (MOVED, ACME_PLAIN, ACME_DENIED, RELEASED):
            corpus.add("api", bytes([ACME]) + (step + answer(0)) * 2 + event + step + answer(0))
        corpus.add("request", bytes([ACME]) + step * 5)


# ---- golden frames ---------------------------------------------------------------------------------------------

def golden():
    """(name, key, direction, version, case, body) of each record."""
    data = (ROOT / "build/golden/frames.bin").read_bytes()
    r = kw.Reader(data)
    assert r.take(8) == b"ALVGOLD1"
    for _ in range(r.number(">I")):
        name = r.take(r.number(">B")).decode()
        key, direction, version = r.number(">h"), r.number(">B"), r.number(">H")
        case = r.take(r.number(">B")).decode()
        r.number(">H")
        frame = r.take(r.number(">I"))
        r.take(r.number(">I"))
        yield name, key, direction, version, case, frame


WITHOUT_KEY = {"RequestHeader": 0, "ResponseHeader": 1, "ConsumerProtocolSubscription": 2, "ConsumerProtocolAssignment": 3}


def walks(corpus, rnd):
    last = {}
    for name, key, direction, version, case, frame in golden():
        if name in ("ConsumerProtocolSubscription", "ConsumerProtocolAssignment"):
            corpus.add("header", struct.pack(">h", version) + frame)
        if case not in ("full", "null", "unknown", "random-1") or (case != "full" and last.get((name, case), -4) + 4 > version):
            continue
        last[name, case] = version
        which = 0x7c + WITHOUT_KEY[name] if key < 0 else key
        head = bytes([which, version | (0x80 if direction == 1 and key >= 0 else 0), rnd.choice((1, 2, 0))]) + rnd.randbytes(5)
        corpus.add("walk", head + frame)
        if case == "full" and rnd.random() < 0.3:
            corpus.add("walk", head + frame[:rnd.randrange(len(frame) + 1)])


def headers(corpus, rnd):
    for api, _, lo, hi in offered():
        for version in (lo, hi):
            corpus.add("header", kw.frame(kw.request_header(api, version, 7, "client") + body(api, version, "request", rnd))[4:])
    corpus.add("header", kw.batch([b"a", b"b"], timestamp_ms=1) * 2)


COUNTED = ("JoinGroup", "Heartbeat", "LeaveGroup", "ConsumerGroupHeartbeat", "ShareGroupHeartbeat", "StreamsGroupHeartbeat", "OffsetCommit",
           "TxnOffsetCommit", "AlterShareGroupOffsets", "InitProducerId", "AddPartitionsToTxn", "AddOffsetsToTxn", "EndTxn", "CreateTopics",
           "CreatePartitions", "Metadata", "ShareFetch")


def counted(corpus, keys, versions, rnd):
    """Where there may be one of each thing: what begins, ends, and begins again."""
    for api in COUNTED:
        for version in range(versions[api][0], versions[api][1] + 1):
            asks = [asked(keys[api], version, body(api, version, "request", rnd)) for _ in range(4)]
            corpus.add("request", bytes([ACME]) + ACME_DENIED + b"".join(asks))
            corpus.add("api", bytes([ACME]) + ACME_DENIED + b"".join(q + answered(body(api, version, "response", rnd)) for q in asks))
    said = {"GroupId": "g", "InstanceId": "i", "RebalanceTimeoutMs": 1000, "TopicPartitions": [], "SubscribedTopicNames": ["orders"]}
    steps = b"".join(asked(68, 1, kw.encode("ConsumerGroupHeartbeat", 1, "request", {**said, "MemberId": m, "MemberEpoch": epoch})) +
                     answered(kw.encode("ConsumerGroupHeartbeat", 1, "response", {"MemberId": m, "MemberEpoch": epoch, "ErrorCode": code}))
                     for m, epoch, code in (("m", 0, 0), ("m", -2, 0), ("n", 0, 25), ("n", 0, 0), ("n", -1, 0)))
    corpus.add("api", bytes([ACME]) + ACME_DENIED + steps)


def main():
    corpus, rnd = Corpus(pathlib.Path(sys.argv[1])), random.Random(20)
    versions, keys = {}, {}
    for api, key, lo, hi in offered():
        versions[api], keys[api] = (lo, hi), key
        for version in range(lo, hi + 1):
            one_by_one(corpus, api, key, version, rnd)
    # as in stream_fuzz.c and embedded_fuzz.c
    selected(corpus, "stream", [(a, versions[a][1]) for a in ("Fetch", "ShareFetch", "ShareAcknowledge", "ListGroups", "ListTransactions")], versions, rnd)
    selected(corpus, "embedded", [(a, versions[a][1]) for a in ("JoinGroup", "SyncGroup", "DescribeGroups")], versions, rnd)
    fetch_sessions(corpus, versions, rnd)
    fetch_sets(corpus, versions)
    share_sessions(corpus, versions)
    logins(corpus, rnd)
    members(corpus, versions)
    produces(corpus, versions)
    counted(corpus, keys, versions, rnd)
    walks(corpus, rnd)
    headers(corpus, rnd)
    print(f"{corpus.n} seeds made")


main()
