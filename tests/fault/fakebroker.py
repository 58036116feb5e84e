"""A broker of lies: speaks enough Kafka that a gateway comes up before it, keeps topics and records in memory, and answers
falsely where a test says so.

    with FakeBroker() as b:
        b.lie("victim", lies.reversed_order)    # connections of the client id "victim" get that; all others the truth
        b.lie("alcove", lies.garbage)           # the gateway's own questions
        b.honest()

A lie is `async def lie(connection, request)`; it writes what it likes to the connection and gives False to end it. An
asyncio loop in a thread of its own; what tests share with it is set from one thread at a time.
"""
import asyncio
import errno
import itertools
import pathlib
import signal
import socket
import ssl
import struct
import sys
import threading
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "kit"))
import kafkawire as kw  # noqa: E402
import stack  # noqa: E402

CLUSTER_ID = "ZmFrZS1icm9rZXItY2x1c3Q"
NODE = 1
KEPT = 200  # batches of a partition
READY_MADE = 350000  # answers with so many bytes of records are kept
ZERO = uuid.UUID(int=0)
NEVER_OFFERED = ("ControlledShutdown",)


class Request:
    """One request as it came."""

    def __init__(self, raw):
        self.raw = raw
        self.key, self.version, self.correlation_id = struct.unpack(">hhi", raw[:8])
        self.api = kw.schemas().names[self.key]
        n = struct.unpack(">h", raw[8:10])[0]
        self.client_id = raw[10:10 + n].decode(errors="replace") if n >= 0 else None
        at = 10 + max(n, 0)
        if kw.schemas().flexible(self.key, self.version):
            at += 1  # no tagged fields in headers here
        self.body = raw[at:]

    @property
    def value(self):
        return kw.decode(self.key, self.version, "request", self.body)


def answer_frame(request, value=None, body=None, correlation_id=None):
    """A whole frame with size. body: bytes in the place of the encoded value."""
    flexible = kw.schemas().flexible(request.key, request.version) and request.api != "ApiVersions"
    if body is None:
        body = kw.encode(request.key, request.version, "response", value)
    cid = request.correlation_id if correlation_id is None else correlation_id
    return kw.frame(struct.pack(">i", cid) + (b"\0" if flexible else b"") + body)


class Topic:
    def __init__(self, name, partitions):
        self.name, self.id, self.logs = name, uuid.uuid4(), [[] for _ in range(partitions)]

    def append(self, partition, records):
        """-> base offset. One batch, as the tests send them."""
        log = self.logs[partition]
        base = log[-1][1] if log else 0
        count = struct.unpack(">i", records[57:61])[0]
        log.append((base, base + count, struct.pack(">q", base) + records[8:]))
        del log[:-KEPT]
        return base

    def end(self, partition):
        return self.logs[partition][-1][1] if self.logs[partition] else 0

    def read(self, partition, offset, most):
        out = b""
        for _, end, raw in self.logs[partition]:
            if end > offset and (not out or len(out) + len(raw) <= most):
                out += raw
        return out


class FetchSession:
    """KIP-227, as brokers do it: known by its number alone, to whoever says that."""

    def __init__(self, by_id):
        self.by_id, self.epoch, self.parts, self.told = by_id, 1, {}, {}  # (topic, partition) -> what is asked; what was told last

    @staticmethod
    def topic(t):
        return t.get("TopicId") or t.get("Topic")

    def change(self, v):
        for t in v["Topics"]:
            for p in t["Partitions"]:
                self.parts[self.topic(t), p["Partition"]] = p
        for t in v["ForgottenTopicsData"]:
            for i in t["Partitions"]:
                self.parts.pop((self.topic(t), i), None)

    def topics(self):
        """As a full fetch would name them."""
        out = {}
        for (topic, _), p in self.parts.items():
            out.setdefault(topic, []).append(p)
        return [{"TopicId" if self.by_id else "Topic": t, "Partitions": p} for t, p in out.items()]

    def changed(self, topics):
        """Of an answer to all of it: what has something new."""
        for t in topics:
            for p in t["Partitions"]:
                key, news = (self.topic(t), p["PartitionIndex"]), (p["HighWatermark"], p.get("ErrorCode", 0))
                p["new"] = bool(p.get("Records") or p.get("ErrorCode") or self.told.get(key) != news)
                self.told[key] = news
        return [t | {"Partitions": parts} for t in topics if (parts := [p for p in t["Partitions"] if p.pop("new")])]


class Connection:
    def __init__(self, broker, reader, writer):
        self.broker, self.reader, self.writer = broker, reader, writer
        self.kept, self.state = [], {}  # for lies: requests held back, whatever they remember

    async def read_request(self):
        size = struct.unpack(">i", await self.reader.readexactly(4))[0]
        return Request(await self.reader.readexactly(size))

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    def reset(self):
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def honest(self, request):
        if request.api == "Fetch" and request.body in self.broker.ready_made:
            await self.write(answer_frame(request, body=self.broker.ready_made[request.body]))
            return True
        value = await self.broker.answer(request)
        if value is not None:
            await self.write(answer_frame(request, value))
        return True


class FakeBroker:
    def __init__(self, tls=None):
        """tls: (certificate file, key file)"""
        self.tls, self.topics, self.groups = tls, {}, {}
        self.read = {}  # streams group -> topics that its member reads
        self.lies, self.on_accept, self.opened, self.ready_made = {}, None, 0, {}
        self.advertised = None  # the port that clients are told, where it is not ours
        self.host, self.addresses = "127.0.0.1", ["127.0.0.1"]  # what clients are told; where it listens
        self.came_to = []  # to which of these each connection came
        self.own = 0  # requests of the gateway itself
        self.asked_ids = 0  # ids in its questions
        self.sessions, self.fetched, self.fetch_bytes = {}, 0, 0  # Fetch requests, and their bytes
        self.numbers = itertools.count(1000)
        self.session_numbers = itertools.count(0x51e55000)

    # ---- life

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.connections = set()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        # Not a port that the system gives to clients: while this one is closed somebody's connection could take it.
        for tries in range(5, 0, -1):
            try:
                self.call(self.listen(stack.free_ports(1)))
                break
            except OSError as e:
                if e.errno != errno.EADDRINUSE or tries == 1:
                    raise
        return self

    def __exit__(self, *exc):
        self.call(self.close_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    async def listen(self, port):
        context = None
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
        self.server = await asyncio.start_server(self.serve, self.addresses, port, ssl=context, backlog=1000)
        self.port = self.server.sockets[0].getsockname()[1]

    async def close_all(self):
        self.server.close()
        await self.server.wait_closed()
        tasks = list(self.connections)
        for t in tasks:
            t.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def restart(self, down=None):
        """All connections end and the port is closed; down() runs, then it listens again on the same port."""
        self.call(self.close_all())
        if down:
            down()
        self.call(self.listen(self.port))

    # ---- lies

    def lie(self, client_id, lie):
        self.lies[client_id] = lie

    def honest(self):
        self.lies, self.on_accept = {}, None

    # ---- serving

    async def serve(self, reader, writer):
        task = asyncio.current_task()
        self.connections.add(task)
        self.opened += 1
        self.came_to.append(writer.get_extra_info("sockname")[0])
        c = Connection(self, reader, writer)
        try:
            if self.on_accept and not await self.on_accept(c):
                return
            while True:
                request = await c.read_request()
                self.own += request.client_id == "alcove"
                lie = self.lies.get(request.client_id, Connection.honest)
                if not await lie(c, request):
                    return
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):  # ssl.SSLError is an OSError
            pass
        finally:
            self.connections.discard(task)
            writer.close()

    # ---- the truth

    async def answer(self, request):
        """-> the value of the honest answer; None: there is none (acks=0)."""
        make = getattr(self, f"on_{request.api}", None)
        if make is None:
            return {}
        value = make(request, request.value)
        return await value if asyncio.iscoroutine(value) else value

    def on_ApiVersions(self, request, v):
        s = kw.schemas()
        keys = [{"ApiKey": k, "MinVersion": s.versions(k)[0], "MaxVersion": s.versions(k)[1]} for k, name in s.names.items()
                if s.versions(k) and "broker" in s.listeners(k) and name not in NEVER_OFFERED]
        return {"ApiKeys": sorted(keys, key=lambda a: a["ApiKey"])}

    def topic_of(self, t, name="Name"):
        if t.get(name):
            return self.topics.get(t[name])
        return next((x for x in self.topics.values() if x.id == t.get("TopicId")), None)

    def on_Metadata(self, request, v):
        asked = v["Topics"]
        if request.client_id == "alcove" and asked:
            self.asked_ids += sum(t.get("TopicId", ZERO) != ZERO for t in asked)
        found = []
        for t in [{"Name": n} for n in sorted(self.topics)] if asked is None else asked:
            topic = self.topic_of(t)
            if topic is None:
                found.append({"ErrorCode": 3 if t.get("Name") else 100, "Name": t.get("Name") or "", "Partitions": []} | (
                    {"TopicId": t["TopicId"]} if t.get("TopicId") else {}))
                continue
            parts = [{"PartitionIndex": i, "LeaderId": NODE, "ReplicaNodes": [NODE], "IsrNodes": [NODE]}
                     for i in range(len(topic.logs))]
            one = {"Name": topic.name, "Partitions": parts}
            found.append(one | ({"TopicId": topic.id} if request.version >= 10 else {}))
        value = {"Brokers": [{"NodeId": NODE, "Host": self.host, "Port": self.advertised or self.port}], "Topics": found}
        if request.version >= 1:
            value["ControllerId"] = NODE
        if request.version >= 2:
            value["ClusterId"] = CLUSTER_ID
        return value

    def on_DescribeCluster(self, request, v):
        return {"ClusterId": CLUSTER_ID, "ControllerId": NODE,
                "Brokers": [{"BrokerId": NODE, "Host": self.host, "Port": self.advertised or self.port}]}

    def on_CreateTopics(self, request, v):
        out = []
        for t in v["Topics"]:
            code = 36 if t["Name"] in self.topics else 0
            if not code and not v["validateOnly"]:
                self.topics[t["Name"]] = Topic(t["Name"], max(t["NumPartitions"], 1))
            made = self.topics.get(t["Name"])
            out.append({"Name": t["Name"], "ErrorCode": code} | ({"TopicId": made.id} if made and request.version >= 7 else {}))
        return {"Topics": out}

    def on_DeleteTopics(self, request, v):
        asked = v.get("Topics") or [{"Name": n} for n in v.get("TopicNames", [])]
        out = []
        for t in asked:
            topic = self.topic_of(t)
            if topic:
                del self.topics[topic.name]
            out.append({"Name": t.get("Name"), "ErrorCode": 0 if topic else 3})
        return {"Responses": out}

    def on_Produce(self, request, v):
        out = []
        for t in v["TopicData"]:
            topic = self.topic_of(t)
            parts = []
            for p in t["PartitionData"]:
                ok = topic and p["Index"] < len(topic.logs)
                parts.append({"Index": p["Index"], "ErrorCode": 0 if ok else 3,
                              "BaseOffset": topic.append(p["Index"], p["Records"]) if ok else -1})
            out.append({k: t[k] for k in ("Name", "TopicId") if k in t} | {"PartitionResponses": parts})
        return {"Responses": out} if v["Acks"] else None

    def session_of(self, request, v):
        """-> (the session that a Fetch opens or goes on with, or None; error code)"""
        epoch, number, by_id = v.get("SessionEpoch", -1), v.get("SessionId", 0), request.version >= 13
        if epoch in (0, -1):
            self.sessions.pop(number, None)
            return (FetchSession(by_id) if epoch == 0 else None), 0
        x = self.sessions.get(number)
        if x is None:
            return None, 70
        if x.epoch != epoch or x.by_id != by_id:
            return None, 71 if x.epoch != epoch else 106
        x.epoch += 1
        return x, 0

    async def on_Fetch(self, request, v):
        self.fetched += 1
        self.fetch_bytes += len(request.raw)
        session, code = self.session_of(request, v)
        if code:
            return {"ErrorCode": code}
        if session is None:
            return await self.fetch(request, v)
        session.change(v)
        value = await self.fetch(request, v | {"Topics": session.topics()})
        opens = v["SessionEpoch"] == 0
        number = next((n for n, x in self.sessions.items() if x is session), 0) or (next(self.session_numbers) if session.parts else 0)
        if session.parts:
            self.sessions[number] = session
        elif not opens:
            self.sessions = {n: x for n, x in self.sessions.items() if x is not session}
            number = 0
        changed = session.changed(value["Responses"])
        return {"SessionId": number, "Responses": value["Responses"] if opens else changed}

    async def fetch(self, request, v):
        out, some = [], False
        for t in v["Topics"]:
            topic = self.topic_of(t, "Topic")
            parts = []
            for p in t["Partitions"]:
                if topic is None or p["Partition"] >= len(topic.logs):
                    parts.append({"PartitionIndex": p["Partition"], "ErrorCode": 100 if request.version >= 13 else 3, "HighWatermark": -1})
                    continue
                records = topic.read(p["Partition"], p["FetchOffset"], p["PartitionMaxBytes"])
                some = some or bool(records)
                parts.append({"PartitionIndex": p["Partition"], "HighWatermark": topic.end(p["Partition"]), "Records": records})
            out.append({k: t[k] for k in ("Topic", "TopicId") if k in t} | {"Partitions": parts})
        if not some:
            await asyncio.sleep(min(v["MaxWaitMs"], 1000) / 1000)
        elif len(request.body) < 200 and any(len(p.get("Records", b"")) > READY_MADE for t in out for p in t["Partitions"]):
            # Asked for by hundreds who do not read it: made once. Tests that use this do not write to that topic any more.
            self.ready_made[request.body] = kw.encode("Fetch", request.version, "response", {"Responses": out})
        return {"Responses": out}

    def on_ShareFetch(self, request, v):
        """The first records of whatever is named; a session only counts."""
        out = []
        for t in v["Topics"]:
            topic = self.topic_of(t, "Topic")
            parts = [{"PartitionIndex": p["PartitionIndex"], "CurrentLeader": {"LeaderId": NODE, "LeaderEpoch": 0},
                      "Records": topic.read(p["PartitionIndex"], 0, v["MaxBytes"]) if topic else b"",
                      "ErrorCode": 0 if topic else 100} for p in t["Partitions"]]
            out.append({"TopicId": t["TopicId"], "Partitions": parts})
        return {"Responses": out, "NodeEndpoints": [{"NodeId": NODE, "Host": "127.0.0.1", "Port": self.port}]}

    def on_StreamsGroupHeartbeat(self, request, v):
        """Groups of one, whose member has the first partition of whatever it reads."""
        topics = self.read[v["GroupId"]] = [t for x in (v["Topology"] or {"Subtopologies": []})["Subtopologies"] for t in x["SourceTopics"]]
        return {"MemberId": v["MemberId"], "MemberEpoch": 1, "HeartbeatIntervalMs": 3000, "Status": [], "EndpointInformationEpoch": 1,
                "PartitionsByUserEndpoint": [{"UserEndpoint": {"Host": "app.example", "Port": 1}, "StandbyPartitions": [],
                                              "ActivePartitions": [{"Topic": t, "Partitions": [0]} for t in topics]}]}

    def on_StreamsGroupDescribe(self, request, v):
        return {"Groups": [{"GroupId": g, "GroupState": "Stable", "Topology": {"Epoch": 0, "Subtopologies": [{
            "SubtopologyId": "0", "SourceTopics": self.read.get(g, []), "RepartitionSinkTopics": [], "StateChangelogTopics": [],
            "RepartitionSourceTopics": []}]}, "Members": []} for g in v["GroupIds"]]}

    def on_ListOffsets(self, request, v):
        return {"Topics": [{"Name": t["Name"], "Partitions": [
            {"PartitionIndex": p["PartitionIndex"], "Timestamp": -1,
             "Offset": self.topics[t["Name"]].end(p["PartitionIndex"]) if p["Timestamp"] == -1 else 0}
            for p in t["Partitions"]]} for t in v["Topics"] if t["Name"] in self.topics]}

    def on_FindCoordinator(self, request, v):
        at = {"NodeId": NODE, "Host": self.host, "Port": self.advertised or self.port}
        if request.version >= 4:
            return {"Coordinators": [{"Key": k} | at for k in v["CoordinatorKeys"]]}
        return at

    def on_InitProducerId(self, request, v):
        return {"ProducerId": next(self.numbers), "ProducerEpoch": 0}

    def on_OffsetCommit(self, request, v):
        out = []
        for t in v["Topics"]:
            for p in t["Partitions"]:
                self.groups[v["GroupId"], t.get("Name") or t.get("TopicId"), p["PartitionIndex"]] = p["CommittedOffset"]
            out.append({k: t[k] for k in ("Name", "TopicId") if k in t} |
                       {"Partitions": [{"PartitionIndex": p["PartitionIndex"]} for p in t["Partitions"]]})
        return {"Topics": out}

    def on_JoinGroup(self, request, v):
        """Groups of one: enough to go round."""
        member = v["MemberId"] or f"member-{next(self.numbers)}"
        return {"GenerationId": 1, "ProtocolName": v["Protocols"][0]["Name"], "Leader": member, "MemberId": member,
                "Members": [{"MemberId": member, "Metadata": v["Protocols"][0]["Metadata"]}]} | (
                    {"ProtocolType": v["ProtocolType"]} if request.version >= 7 else {})

    def on_SyncGroup(self, request, v):
        mine = [a["Assignment"] for a in v["Assignments"] if a["MemberId"] == v["MemberId"]]
        return {"Assignment": mine[0] if mine else b""}


def main():
    """A broker of its own: says its port, restarts on SIGUSR1, ends with its standard input."""
    with FakeBroker() as b:
        signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=b.restart, daemon=True).start())
        print(b.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
