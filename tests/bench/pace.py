"""make pace: how exactly a limit of bytes is kept. A tenant may produce and fetch 20 MB/s; clients go as fast as they may, in batches
of up to 64 KiB, and what passed between second 10 and second 40 is counted: produced bytes by the broker's log, fetched ones by
what the broker answered. Kafka, the release build, 2 workers. Then the limit is changed while they go on: how soon is the rate the
new one? Prints a table as Markdown; exit code 1 when something is more than 5 % off (10 % from 100 connections on), a new rate is
not there after 2 seconds, or a turn of a worker's loop took more than 5 ms once in a hundred times."""
import argparse
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "kit")]
import parts  # noqa: E402
import stack  # noqa: E402

MANY = 100
PARTITION = 0   # of the topic "bench": bulk only; see load/flow.c

# who, what, connections
CASES = [("C", "produce", 1), ("C", "produce", 10), ("C", "produce", 200), ("librdkafka", "produce", 1), ("librdkafka", "produce", 10),
         ("Java", "produce", 1), ("Java", "produce", 10), ("librdkafka", "fetch", 1), ("librdkafka", "fetch", 10),
         ("Java", "fetch", 1), ("Java", "fetch", 10), ("librdkafka", "fetch", 200)]


def arguments():
    p = argparse.ArgumentParser(prog="tests/bench/pace", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default="", help="cases whose name holds this text, as \"C produce 200\"")
    p.add_argument("--seconds", nargs=2, type=float, default=(10, 40), metavar=("FROM", "TO"))
    p.add_argument("--rate", type=int, default=20_000_000, help="bytes a second; less where clients have no CPU for that (20000000)")
    return p.parse_args()


# ---- clients ------------------------------------------------------------------------------------------------

class Process:
    def __init__(self, *command, **more):
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True, **more)

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class C:
    def __init__(self, gateway, pki, n):
        self.load = parts.Load("produce", gateway.targets(tenants=("acme",)), pki.ca, connections=n, inflight=5, kind="half", bytes=10**12)
        self.load.wait_ready()
        self.load.say()

    def stop(self):
        self.load.process.kill()
        self.load.process.wait()
        for f in (self.load.process.stdin, self.load.process.stdout, self.load.process.stderr):
            f.close()


class Librdkafka:
    """N clients of librdkafka, each with a thread of ours."""

    def __init__(self, tenant, what, n):
        import confluent_kafka as ck
        self.ck, self.on, self.tenant, self.ready = ck, True, tenant, threading.Barrier(n + 1)
        self.threads = [threading.Thread(target=getattr(self, what)) for _ in range(n)]
        for t in self.threads:
            t.start()
        self.ready.wait()

    def produce(self):
        p = self.ck.Producer(self.tenant.librdkafka(**{"batch.size": 65536, "linger.ms": 5, "queue.buffering.max.kbytes": 8192, "message.timeout.ms": 600000}))
        value = os.urandom(8192)
        self.ready.wait()
        while self.on:
            try:
                p.produce(parts.TOPIC, value, partition=PARTITION)
            except BufferError:
                p.poll(0.01)
        p.purge()

    def fetch(self):
        c = self.ck.Consumer(self.tenant.librdkafka(**{"group.id": "pace", "enable.auto.commit": False, "queued.max.messages.kbytes": 4096}))
        c.assign([self.ck.TopicPartition(parts.TOPIC, PARTITION, 0)])
        self.ready.wait()
        while self.on:
            c.consume(1000, 0.1)
        c.close()

    def stop(self):
        self.on = False
        for t in self.threads:
            t.join()


def begin(who, what, n, s):
    if who == "C":
        return C(s.gateway, s.pki, n)
    if who == "librdkafka":
        return Librdkafka(s.tenant, what, n)
    # Kafka's tools stop at the JVM's first compiler, which has none of the CPU's instructions for AES: 5 MB/s is all that it can encrypt
    full = dict(os.environ, KAFKA_TOOL_OPTS="-XX:TieredStopAtLevel=4")
    return Process(stack.KAFKA / "tool", HERE / "java/Pace.java", what, s.tenant.java_file(), parts.TOPIC, n, stderr=subprocess.DEVNULL, env=full)


# ---- counting ------------------------------------------------------------------------------------------------

class Measured:
    def __init__(self, stay, folder):
        self.pki = parts.Pki(folder / "pki")
        self.kafka = stay.enter_context(parts.RealKafka(folder / "kafka", self.pki))
        self.gateway = stay.enter_context(parts.Alcove(folder / "alcove", self.pki, f"127.0.0.1:{self.kafka.ports['plain']}", 2))
        self.tenant = self.gateway.tenant("acme", folder, password=parts.PASSWORD)
        self.wire = stay.enter_context(self.kafka.wire(record=False))

    def produced(self):
        reply = self.wire.request("DescribeLogDirs", 4, {"Topics": [{"Topic": f"acme.{parts.TOPIC}", "Partitions": [0, 1, 2, 3]}]})
        return sum(p["PartitionSize"] for r in reply["Results"] for t in r["Topics"] for p in t["Partitions"])

    def fetched(self):
        return self.gateway.metric("alcove_broker_answer_bytes_total", api="Fetch", asked="client")

    def counter(self, what):
        return self.produced if what == "produce" else self.fetched

    def limit(self, rate):
        self.gateway.rest("POST", "/v1/tenants/acme/quotas", {"quotas": [{"type": "tenant", "limits": {
            "producer_byte_rate": rate, "consumer_byte_rate": rate}}]})

    def fill(self, n):
        """The topic holds so much at least, before there is a limit."""
        while self.produced() < n:
            with parts.Load("produce", self.gateway.targets(tenants=("acme",)), self.pki.ca, connections=4, inflight=5, kind="half", bytes=n // 4) as load:
                load.run()

    def turns(self):
        """-> turns of the workers' loops, those of more than 5 ms."""
        name = "alcove_loop_turn_seconds_bucket"
        h = {float(k.split('le="')[1].split('"')[0]): v for k, v in self.gateway.metrics().items() if k.startswith(name)}
        return h[float("inf")], h[float("inf")] - h[0.005]


def at(count, began, second):
    time.sleep(max(0, began + second - time.monotonic()))
    return time.monotonic(), count()


def over(count, began, first, last):
    """-> bytes a second between the two"""
    (t0, n0), (t1, n1) = at(count, began, first), at(count, began, last)
    return (n1 - n0) / (t1 - t0)


def one(s, who, what, n, seconds, limit):
    """-> rate, rate after the limit was halved, after it was raised again; share of turns over 5 ms"""
    s.limit(limit)
    count = s.counter(what)
    before, turns = count(), s.turns()
    clients = begin(who, what, n, s)
    try:
        stack.wait_until("something passes", lambda: count() > before, 60)
        began = time.monotonic()
        rate = over(count, began, *seconds)
        after = s.turns()
        changed = []
        for new in (limit // 2, limit):
            s.limit(new)
            changed.append(over(count, time.monotonic(), 2, 6) / new)
    finally:
        clients.stop()
    return rate / limit, *changed, (after[1] - turns[1]) / max(1, after[0] - turns[0])


def main():
    args = arguments()
    bad = 0
    with contextlib.ExitStack() as stay:
        folder = pathlib.Path(stay.enter_context(tempfile.TemporaryDirectory(prefix="alcove-pace-")))
        s = Measured(stay, folder)
        cases = [c for c in CASES if args.only in f"{c[0]} {c[1]} {c[2]}"]
        if any(what == "fetch" for _, what, _ in cases):
            s.fill(int(args.rate * (args.seconds[1] + 30)))
        print(f"| client, connections | of the limit, seconds {args.seconds[0]:.0f} to {args.seconds[1]:.0f} | halved | raised | turns over 5 ms |\n|---|---|---|---|---|", flush=True)
        for who, what, n in cases:
            rate, halved, raised, slow = one(s, who, what, n, args.seconds, args.rate)
            within = 0.10 if n >= MANY else 0.05
            fine = abs(rate - 1) <= within and abs(halved - 1) <= 2 * within and abs(raised - 1) <= 2 * within and slow < 0.01
            bad += not fine
            print(f"| {who} {what}, {n} | {100 * rate:.1f} % | {100 * halved:.1f} % | {100 * raised:.1f} % | {100 * slow:.2f} % |{'' if fine else ' not within the bar'}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (parts.BenchError, stack.StackError) as e:
        print(f"pace: {e}", file=sys.stderr)
        sys.exit(2)
