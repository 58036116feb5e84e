"""The measurements. Each gives plain figures; bars.py judges them."""
import time

import parts
from parts import Load, apart, measured

GB = 1e9


FULL, QUICK, SMOKE = 0, 1, 2


class Sizes:
    """How much of everything; --quick for developing is too little to judge by, --smoke only shows that all of it works."""

    def __init__(self, how):
        """how: FULL, QUICK or SMOKE."""
        self.bulk = (600, 250, 10)[how] * 1000000
        self.small = (100000, 30000, 1000)[how]
        self.latency = (2000, 1000, 100)[how]
        self.shakes = (1500, 400, 20)[how]
        self.idle = (5000, 500, 20)[how]
        self.slow = (8, 8, 2)[how]
        self.slow_s = (10, 4, 0.5)[how]
        self.idle_s = (10, 2, 0.1)[how]
        self.kafka = (150, 50, 5)[how] * 1000000


# name, way to the broker, mode, options of the load client
BULK = [
    ("produce", "plain", "produce", {"inflight": 5}),
    ("fetch by id", "plain", "fetch", {}),
    ("fetch by name", "plain", "fetch", {"old": True}),
    ("produce, TLS to the broker", "tls", "produce", {"inflight": 5}),
    ("fetch by id, TLS to the broker", "tls", "fetch", {}),
    ("fetch by name, TLS to the broker", "tls", "fetch", {"old": True}),
    ("produce by name", "plain", "produce", {"inflight": 5, "old": True}),
]


def in_turn(relays, turn):
    """The same order twice would give each relay always the same neighbour."""
    names = list(relays)
    return [(n, relays[n]) for n in names[turn % len(names):] + names[:turn % len(names)]]


def add(out, *path, **figures):
    """Appends each figure to out[path][name], one a round."""
    for p in path:
        out = out.setdefault(p, {})
    for k, v in figures.items():
        out.setdefault(k, []).append(v)


def bulk_round(out, turn, relays, pki, sizes, only=None):
    """relays: {name: {way: server}}. CPU seconds per GB of records, and MB a second."""
    for case, way, mode, options in BULK:
        if only and only not in case:
            continue
        for name, servers in in_turn(relays, turn):
            r = measured(servers[way], mode, servers[way].targets(way), pki.ca, bytes=sizes.bulk, **options)
            add(out, "bulk", case, name, cpu_s_per_gb=r["cpu"] / r["bytes"] * GB, mb_per_s=r["bytes"] / r["seconds"] / 1e6)


def small_round(out, turn, relays, pki, sizes):
    for name, servers in in_turn(relays, turn):
        r = measured(servers["plain"], "produce", servers["plain"].targets("plain"), pki.ca, kind="small", count=sizes.small,
                     inflight=16)
        add(out, "small produce", name, cpu_us=r["cpu"] / r["requests"] * 1e6, per_s=r["requests"] / r["seconds"])


def share_round(out, turn, relays, broker, pki, sizes):
    """A relay's own share of latency, by time stamps of the kernel and of the fake broker. It has a CPU of its own."""
    for name, servers in in_turn(relays, turn):
        with Load("stamp", servers["plain"].targets("plain"), pki.ca, count=sizes.latency, rate=500, connections=2) as l, \
                apart(servers["plain"].pid, (l.process.pid, broker.pid)):
            for way, figures in l.run().items():
                add(out, "share us", name, way, **figures)


def handshake_round(out, turn, servers, pki, sizes):
    """servers: {name: (server, way)}."""
    for name, (server, way) in in_turn(servers, turn):
        r = measured(server, "handshake", server.targets(way), pki.ca, count=sizes.shakes, connections=4)
        add(out, "handshakes", name, per_cpu_s=r["handshakes"] / r["cpu"])


def workers_round(out, turn, gateways, pki, sizes):
    """The same gateway with one worker and with two: how fast it can go, and what it uses of the CPUs meanwhile."""
    for name, server in in_turn(gateways, turn):
        for mode, options in (("produce", {"inflight": 5}), ("fetch", {})):
            r = measured(server, mode, server.targets(), pki.ca, bytes=sizes.bulk, **options)
            add(out, "workers", name, **{f"{mode}_mb_per_s": r["bytes"] / r["seconds"] / 1e6,
                                         f"{mode}_cpus": r["cpu"] / r["seconds"]})


def kafka_round(out, turn, servers, pki, sizes):
    """servers: {name: (server, way, whether TLS)}, all before or at the one real broker."""
    for name, (server, way, tls) in in_turn(servers, turn):
        with Load("latency", server.targets(way), pki.ca if tls else None, count=sizes.latency, rate=500, connections=2) as l:
            add(out, "kafka", name, **{f"ack_{k}_us": v for k, v in l.run().items()})
    broker = servers["broker"][0]
    for name, (server, way, tls) in in_turn(servers, turn):
        for mode, options in (("produce", {"inflight": 5}), ("fetch", {"partitions": 1, "partition_max": 1048576})):
            before = broker.cpu()
            r = measured(server, mode, server.targets(way), pki.ca if tls else None, bytes=sizes.kafka, **options)
            add(out, "kafka", name, **{f"{mode}_cpu_s_per_gb": r["cpu"] / r["bytes"] * GB,
                                       f"{mode}_broker_cpu_s_per_gb": (broker.cpu() - before) / r["bytes"] * GB,
                                       f"{mode}_mb_per_s": r["bytes"] / r["seconds"] / 1e6})


# ---- memory, start ------------------------------------------------------------------------------------------------------

def idle_memory(out, server, way, name, pki, sizes, connections):
    """Resident bytes for each of many connections that logged in, produced, fetched, and now do nothing."""
    with Load("handshake", server.targets(way), pki.ca, count=20) as l:
        l.run()
    before = server.resident()
    with Load("idle", server.targets(way), pki.ca, connections=connections, partitions=1) as l:
        time.sleep(sizes.idle_s)
        each = (server.resident() - before) / connections
        l.run()
    add(out, "memory", name, idle_bytes=each, connections=connections)


def slow_memory(out, server, way, name, pki, sizes):
    """Resident bytes for each connection whose 50 MB of Fetch responses are read at 1 MB/s: the most that was seen."""
    with Load("slow", server.targets(way), pki.ca, connections=sizes.slow, partition_max=12500000) as l:
        before = most = server.resident()
        l.say()
        l.wait_ready()
        end = time.monotonic() + sizes.slow_s
        while time.monotonic() < end:
            most = max(most, server.resident())
            time.sleep(0.05)
        r = l.run()
        if r["announced"] < 48e6:
            raise parts.BenchError(f"{name}: the slow reader was announced {r['announced']} bytes, not 50 MB")
    add(out, "memory", name, slow_bytes=(most - before) / sizes.slow, slow_mb_per_s=r["bytes"] / r["seconds"] / sizes.slow / 1e6)


def start_round(out, gateway, pki):
    """From exec to the first Metadata behind a login, and what is resident then."""
    gateway.stop()
    with Load("first", gateway.targets(tenants=("acme",)), pki.ca) as l:
        l.say()
        begun = time.monotonic_ns()
        gateway.launch()
        r = parts.json.loads(l.line())
        resident = gateway.resident()
    add(out, "start", listening_ms=(r["listening_ns"] - begun) / 1e6, answered_ms=(r["answered_ns"] - begun) / 1e6,
        resident_bytes=resident)
