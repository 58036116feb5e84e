"""What a run of the bench is made of: processes whose CPU and memory are read, and the load client between two readings.

Everything listens on 127.0.0.1, on ports that were free; everything that was started is stopped when its `with` ends."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/kit"))
import kafkawire as kw  # noqa: E402
import stack  # noqa: E402

TOOLS = REPO / "build/release/bench"
HERE = REPO / "tests/bench"
TENANTS = ("acme", "globex")
TOPIC = "bench"
PASSWORD = "bench-secret"
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class BenchError(Exception):
    """A figure could not be had. Nothing is reported then: a bench that half worked says nothing."""


# ---- processes ------------------------------------------------------------------------------------------

class Process:
    """One whose pid is known: CPU seconds of all its threads, resident bytes."""

    def __init__(self, pid):
        self.pid = pid

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident(self):
        return int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE


@contextlib.contextmanager
def apart(one, others):
    """Meanwhile those threads of the process `one` that serve connections have the last CPU, and the others share the rest: what a
    relay takes is its own, and not what it waits for while they work. Nothing where there is one CPU."""
    cpus = sorted(os.sched_getaffinity(0))
    last, rest = cpus[-1:], cpus[:-1] or cpus
    serving = {task for task, name in tasks(one) if not name.startswith("alcove") or name == "alcove-worker"}
    plan = {**{task: last if task in serving else rest for task, _ in tasks(one)}, **{task: rest for pid in others for task, _ in tasks(pid)}}
    try:
        for task, its in plan.items():
            put_on(task, its)
        yield
    finally:
        for task in plan:
            put_on(task, cpus)


def tasks(pid):
    return [(int(t.name), (t / "comm").read_text().strip()) for t in pathlib.Path(f"/proc/{pid}/task").iterdir()]


def put_on(task, cpus):
    with contextlib.suppress(OSError):  # it has just ended
        os.sched_setaffinity(task, cpus)


class Child(Process):
    """One of ours, ended with the `with`. Its output goes to a file; the end of that is shown when something goes wrong.
    A session of its own, as every gateway has: the kernel shares the CPUs out by sessions (autogroup), and whoever is in
    the load client's would be woken sooner than others."""

    def __init__(self, log, *args, env=None, stdout=None):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as f:
            self.process = subprocess.Popen([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=stdout or f, stderr=f,
                                            env={**os.environ, **(env or {})}, text=True, start_new_session=True)
        super().__init__(self.process.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# ---- keys: one certificate for all, so that all pay the same for it ------------------------------------------

class Pki:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        stack.run(REPO / "build/release/alcove", "init", "--domain", stack.DOMAIN, "--bootstrap", "127.0.0.1:9092", self.folder)
        self.ca, self.certificate, self.key = (self.folder / n for n in ("ca.pem", "server.pem", "server.key"))
        self.both, self.p12 = self.folder / "both.pem", self.folder / "server.p12"
        self.both.write_bytes(self.certificate.read_bytes() + self.key.read_bytes())
        self.both.chmod(0o600)
        stack.run("openssl", "pkcs12", "-export", "-in", self.certificate, "-inkey", self.key, "-certfile", self.ca,
                  "-passout", "pass:changeit", "-out", self.p12)

    def give(self, folder):
        for name in ("ca.pem", "ca.key", "server.pem", "server.key"):
            shutil.copy2(self.folder / name, pathlib.Path(folder) / name)


# ---- the three kinds of servers ---------------------------------------------------------------------------------

class FakeBroker(Child):
    def __init__(self, folder, pki, threads=2):
        super().__init__(folder / "broker.log", TOOLS / "broker", "--certificate", pki.certificate, "--key", pki.key,
                         "--threads", threads, *(x for t in TENANTS for x in ("--topic", f"{t}.{TOPIC}")), stdout=subprocess.PIPE)
        said = self.process.stdout.readline()
        found = re.match(r"plain (\d+) tls (\d+)$", said)
        if not found:
            raise BenchError(f"the fake broker does not start: {said!r}")
        self.ports = {"plain": int(found[1]), "tls": int(found[2])}

    def targets(self, way, tenants=TENANTS):
        return [f"127.0.0.1:{self.ports[way]}/{t}.{TOPIC}" for t in tenants]


class NullRelay(Child):
    """A relay that does nothing, for what is measured of latency: no other can have less of that here."""

    def __init__(self, folder, pki, broker, threads):
        super().__init__(folder / "null.log", TOOLS / "null", "--certificate", pki.certificate, "--key", pki.key,
                         "--broker", broker.ports["plain"], "--threads", threads, stdout=subprocess.PIPE)
        said = self.process.stdout.readline()
        found = re.match(r"port (\d+)$", said)
        if not found:
            raise BenchError(f"the relay that does nothing does not start: {said!r}")
        self.port = int(found[1])

    def targets(self, _way, tenants=TENANTS):
        return [f"127.0.0.1:{self.port}/{t}.{TOPIC}" for t in tenants]


class HAProxy(Child):
    def __init__(self, folder, pki, config, workers, brokers):
        """brokers: {"plain": port, "tls": port, "kafka": port}; one that is not there gets a port where nobody is."""
        base = stack.free_ports(3)
        self.name, self.ports = config, dict(zip(("plain", "tls", "kafka"), range(base, base + 3)))
        env = {"BENCH_WORKERS": str(workers), "BENCH_PEM": str(pki.both), "BENCH_CA": str(pki.ca)}
        env |= {f"BENCH_PORT_{k.upper()}": str(v) for k, v in self.ports.items()}
        env |= {f"BENCH_BROKER_{k.upper()}": str(brokers.get(k, 1)) for k in self.ports}
        binary = shutil.which("haproxy") or "/usr/sbin/haproxy"
        super().__init__(folder / f"haproxy-{config}.log", binary, "-db", "-f", HERE / f"haproxy/{config}.cfg", env=env)
        stack.wait_until(f"HAProxy listens (see {self.log})", self.listens)

    def listens(self):
        if self.process.poll() is not None:
            raise BenchError(self.log.read_text())
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports["plain"]), 1):
            return True
        return False

    def targets(self, way, tenants=TENANTS):
        return [f"127.0.0.1:{self.ports[way]}/{t}.{TOPIC}" for t in tenants]


class Alcove(stack.Gateway, Process):
    """The release build before one broker, with two tenants whose topic is `bench` each."""

    def __init__(self, folder, pki, bootstrap, workers, tls=False, limits=None):
        upstream = f"  security.protocol: SSL\n  ssl:\n    ca.file: {pki.ca}\n" if tls else ""
        super().__init__(folder, bootstrap, upstream, {**stack.PATIENT, "connections.max": 8192, **(limits or {})}, "release")
        self.pki, self.workers = pki, workers

    def init(self):
        super().init()
        self.pki.give(self.folder)
        return self

    def configure(self):
        super().configure()
        path = self.folder / "alcove.yaml"
        path.write_text(re.sub(r"^workers: .*", f"workers: {self.workers}", path.read_text(), flags=re.M))

    def launch(self):
        super().launch()
        self.pid = self.process.pid

    def populate(self):
        for t in TENANTS:
            self.make_tenant(t, [("alice", PASSWORD)], adoptPrefix=True)
        return self

    def targets(self, _way=None, tenants=TENANTS):
        return [f"127.0.0.1:{self.ports[t] + 1}/{TOPIC}/alice" for t in tenants]

    def __enter__(self):
        return self.start().populate()

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None and self.complaints:
            raise BenchError("\n".join(self.complaints))


class RealKafka(stack.Kafka, Process):
    def __init__(self, folder, pki):
        super().__init__(folder, env={"KAFKA_TLS_P12": str(pki.p12), "KAFKA_XMX": "1g"},
                         properties={"log.segment.bytes": 268435456})

    def __enter__(self):
        self.start()
        self.pid = int(self.said["KAFKA_PID"])
        self.ports = {"plain": self.port, "tls": int(self.said["KAFKA_TLS_PORT"])}
        try:
            self.make_topics()
        except BaseException:
            self.stop()
            raise
        return self

    def make_topics(self):
        with self.wire() as w:
            w.request("CreateTopics", 7, {"timeoutMs": 15000, "Topics": [
                {"Name": f"{t}.{TOPIC}", "NumPartitions": 4, "ReplicationFactor": 1} for t in TENANTS]})
            stack.wait_until("topics have leaders", lambda: self.leaders(w) == 4 * len(TENANTS))

    @staticmethod
    def leaders(w):
        reply = w.request("Metadata", 12, {"Topics": [{"Name": f"{t}.{TOPIC}"} for t in TENANTS]})
        return sum(p["LeaderId"] >= 0 for t in reply["Topics"] for p in t["Partitions"] or [])

    def targets(self, way, tenants=TENANTS):
        return [f"127.0.0.1:{self.ports[way]}/{t}.{TOPIC}" for t in tenants]

    def __exit__(self, *_):
        self.stop()


# ---- the load client ----------------------------------------------------------------------------------------------

class Load:
    """with Load("fetch", targets, ca, bytes=10**9) as l: CPU is read around l.run(), which gives what the client said."""

    def __init__(self, mode, targets, ca=None, folder=None, **options):
        args = [TOOLS / "load", mode, *(x for t in targets for x in ("--target", t)), *(("--ca", ca) if ca else ())]
        for k, v in options.items():
            args += [f"--{k.replace('_', '-')}"] + ([] if v is True else [v])
        self.process = subprocess.Popen([str(a) for a in args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.PIPE, env={**os.environ, "BENCH_PASSWORD": PASSWORD})
        self.what = " ".join(str(a) for a in args)

    def line(self):
        said = self.process.stdout.readline()
        if not said:
            raise BenchError(f"{self.what}\n{self.process.stderr.read()}")
        return said

    def say(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def wait_ready(self):
        if self.line() != "ready\n":
            raise BenchError(f"{self.what}: not ready")

    def run(self):
        self.say()
        return json.loads(self.line())

    def __enter__(self):
        self.wait_ready()
        return self

    def __exit__(self, kind, *_):
        try:
            self.process.stdin.close()
            self.process.wait(20)
        except (subprocess.TimeoutExpired, OSError):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        if kind is None and self.process.returncode != 0:
            raise BenchError(f"{self.what}: exit {self.process.returncode}")


def measured(process, mode, targets, ca, **options):
    """-> what the client said, with `cpu`: the seconds that this process used for it, a tick at least."""
    with Load(mode, targets, ca, **options) as l:
        before = process.cpu()
        result = l.run()
        result["cpu"] = max(process.cpu() - before, 1 / TICKS)
    return result
