"""make scale: what a tenant of ten topics and three groups makes brokers do by asking for lists, beside 20,000 topics and 5,000
groups of another tenant. Three brokers have the topics, one of them coordinates all groups and is the one that is asked. Bytes
are the gateway's count of what brokers answered, to clients and to itself; CPU is user and system time of the brokers' processes
(/proc/PID/stat) less what they take when nobody asks. Prints tables as Markdown."""
import argparse
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "kit"), str(HERE.parent / "broker")]
import kafkawire as kw  # noqa: E402
import listing  # noqa: E402
import stack  # noqa: E402

RATES = (1, 10, 100)
TICKS = os.sysconf("SC_CLK_TCK")


def arguments():
    p = argparse.ArgumentParser(prog="tests/bench/scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--topics", type=int, default=20000)
    p.add_argument("--groups", type=int, default=5000)
    p.add_argument("--seconds", type=int, default=15, help="of each rate")
    return p.parse_args()


def broker_cpu(s):
    """Seconds, of all three."""
    used = 0
    for env in s.kafka.folder.glob("n*/env"):
        pid = dict(x.split("=", 1) for x in env.read_text().splitlines())["KAFKA_PID"]
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        used += (int(fields[11]) + int(fields[12])) / TICKS
    return used


def count(s, what, **labels):
    return s.gateway.metric(f"alcove_broker_{what}_total", **labels)


def asked(s, api):
    """Lists of groups are the gateway's own questions; its own of Metadata come whether anybody asks or not."""
    return count(s, "answer_bytes", api=api, **({} if api == "ListGroups" else {"asked": "client"}))


def plant(s, a):
    began = time.monotonic()
    with s.acme.wire(timeout=60) as w:
        listing.plant(w, "", [f"orders-{i}" for i in range(10)], [])
        s.node = stack.wait_until("a coordinator", lambda: max(0, w.request("FindCoordinator", 4, {
            "KeyType": 0, "CoordinatorKeys": ["billing"]})["Coordinators"][0]["NodeId"]), 60)
    port = dict(x.split("=", 1) for x in (s.kafka.folder / f"n{s.node}/env").read_text().splitlines())["KAFKA_PORT"]
    with kw.Wire("127.0.0.1", int(port), timeout=300) as w:
        listing.plant(w, "globex.some-service.some-event-", range(a.topics), [], 250)
        print(f"topics: {time.monotonic() - began:.0f} s", flush=True)
        for i in range(a.groups):
            listing.commit(w, f"globex.some-service-reader-{i}", "globex.some-service.some-event-0")
    with at_coordinator(s) as w:
        for i in range(3):
            listing.commit(w, f"billing-{i}", "orders-0")
    print(f"planted in {time.monotonic() - began:.0f} s", flush=True)


def at_coordinator(s):
    return s.acme.but(port=s.acme.port + s.node).wire(timeout=60)


def follow(s, seconds):
    """What the gateway asks by itself while no client does: (bytes a second, broker's CPU seconds a second)."""
    time.sleep(3)
    before, cpu, began = count(s, "answer_bytes"), broker_cpu(s), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    return (count(s, "answer_bytes") - before) / took, (broker_cpu(s) - cpu) / took


def measure(s, api, rate, seconds, idle):
    """-> (bytes from brokers, broker's CPU milliseconds) of each request."""
    n = rate * seconds
    with at_coordinator(s) as w:
        listing.names(w, api)
        before, cpu, began = asked(s, api), broker_cpu(s), time.monotonic()
        for i in range(n):
            time.sleep(max(0, began + i / rate - time.monotonic()))
            listing.names(w, api)
        took = time.monotonic() - began
        bytes_, used = asked(s, api) - before, broker_cpu(s) - cpu
    return bytes_ / n, max(used - idle[1] * took, 0) * 1000 / n, n / took


def table(s, a, idle, what):
    print(f"\n{what}\n\n| request | bytes of brokers for one at 1, 10, 100 a second | broker's CPU ms for one |\n|---|---|---|")
    for api in listing.LISTS:
        found = [measure(s, api, rate, a.seconds, idle) for rate in RATES]
        print(f"| {api} | {', '.join(f'{x[0]:,.0f}' for x in found)} | {', '.join(f'{x[1]:.2f}' for x in found)} |"
              f"{'' if all(x[2] > 0.9 * r for x, r in zip(found, RATES)) else ' reached only ' + ', '.join(f'{x[2]:.0f}' for x in found)}",
              flush=True)


def main():
    a = arguments()
    with stack.Stack(nodes=3, kafka_env={"KAFKA_XMX": "900m"}, kafka_properties={
            "offsets.topic.num.partitions": 1, "default.replication.factor": 1}, limits=stack.PATIENT) as s:
        plant(s, a)
        idle = follow(s, 2 * a.seconds)
        print(f"nobody asks: the gateway is answered {idle[0]:,.0f} bytes a second, the broker uses {idle[1] * 100:.2f} % of a core", flush=True)
        with listing.max_age(s, 0):
            table(s, a, idle, "listing.max.age.ms: 0")
        table(s, a, idle, "listing.max.age.ms: 1000")


main()
