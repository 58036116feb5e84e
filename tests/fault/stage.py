"""What the tests of faults stand on: a fake broker, the gateway before it, tenants acme (who does and suffers all of it) and
globex (who must notice nothing)."""
import contextlib
import os
import pathlib
import shutil
import socket
import struct
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "kit")]
import fakebroker  # noqa: E402
import kafkawire as kw  # noqa: E402
import stack  # noqa: E402

TIMEOUT_S = 3
LIMITS = {"connections.max": 500, "handshake.timeout.ms": TIMEOUT_S * 1000, "authentication.timeout.ms": TIMEOUT_S * 1000,
          "request.receive.timeout.ms": TIMEOUT_S * 1000}
VICTIM = "victim"  # the client id that the fake broker lies to
TOPIC = "orders"


def equal(what, expected, found):
    if expected != found:
        raise AssertionError(f"{what}: expected {expected!r:.1500}, found {found!r:.1500}")


def true(what, found):
    if not found:
        raise AssertionError(what)


class Stage:
    """broker, gateway, acme, globex, rest; neighbour() makes a round trip on a connection of globex that never ends."""

    def __init__(self, limits=None, env=None, flavor=stack.FLAVOR, tls=False, config=None, binary=None):
        """env: of the gateway's process. tls: of the broker. config(text) -> text: alcove.yaml, changed."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="alcove-fault-"))
        self.limits, self.env, self.flavor, self.tls, self.failed = {**LIMITS, **(limits or {})}, env or {}, flavor, tls, False
        self.config, self.binary = config, binary
        self.gateway = self.next_door = None

    def __enter__(self):
        try:
            tls, lines = self.pki() if self.tls else (None, "")
            self.broker = self.make_broker(tls).__enter__()
            self.gateway = Gateway(self, self.folder / "gateway", f"127.0.0.1:{self.broker.port}", lines, self.limits, self.flavor)
            self.gateway.start()
            for name in ("acme", "globex"):
                self.gateway.make_tenant(name, [("alice", f"alice-of-{name}")])
            self.acme, self.globex = self.tenant("acme"), self.tenant("globex")
            for t in (self.acme, self.globex):
                self.create_topic(t, TOPIC)
        except BaseException:
            self.failed = True
            self.__exit__(None, None, None)
            raise
        return self

    def make_broker(self, tls):
        return fakebroker.FakeBroker(tls)

    @property
    def rest(self):
        return self.gateway.rest

    def pki(self):
        cert, key = self.folder / "broker.pem", self.folder / "broker.key"
        stack.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                  "-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert)
        return (cert, key), f"  security.protocol: SSL\n  ssl:\n    ca.file: {cert}\n"

    def tenant(self, name):
        t = self.gateway.tenant(name, self.folder, password=f"alice-of-{name}")
        t.mechanism = "PLAIN"  # SCRAM in Python takes its time
        return t

    def create_topic(self, tenant, name, partitions=1):
        with tenant.wire(record=False) as w:
            w.request("CreateTopics", 7, {"timeoutMs": 5000, "Topics": [{"Name": name, "NumPartitions": partitions, "ReplicationFactor": 1}]})
            stack.wait_until("the topic is known", lambda: not w.request("Metadata", 12, {"Topics": [{"Name": name}]})["Topics"][0]["ErrorCode"])

    def __exit__(self, kind, value, trace):
        complaints = []
        if self.gateway:
            self.gateway.stop()
            complaints = self.gateway.complaints
        self.broker.__exit__(None, None, None)
        if self.failed or complaints or kind is not None:
            print(f"stage: logs are kept in {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        if complaints and kind is None:
            raise stack.StackError("\n".join(complaints))

    # ---- what tests do all the time

    def victim(self, **more):
        """A logged-in connection that the broker lies to."""
        return self.acme.wire(client_id=VICTIM, record=False, **more)

    def neighbour(self, anew=False):
        """globex asks, produces and fetches on its old connection."""
        if anew:
            self.leave_next_door()
        if self.next_door is None:
            self.next_door = self.globex.wire(record=False)
        round_trip(self.next_door)

    def neighbour_soon(self, within_s=10):
        """The same after a broker that could not be reached, which each worker leaves alone for a moment."""
        def served():
            with contextlib.suppress(OSError, kw.WireError):
                self.neighbour()
                for _ in range(4):
                    with self.acme.wire(record=False) as w:
                        round_trip(w)
                return True
            self.leave_next_door()
            return False
        stack.wait_until("the neighbour is served again", served, within_s, 0.1)

    def leave_next_door(self):
        if self.next_door:
            self.next_door.close()
            self.next_door = None

    def closed(self, reason=None):
        return self.gateway.metric("alcove_connections_closed_total", **({"reason": reason} if reason else {}))

    @contextlib.contextmanager
    def counted(self, *reasons, n=1):
        """What happens inside closes n connections for one of these reasons."""
        before = sum(self.closed(r) for r in reasons)
        yield
        try:
            stack.wait_until("closed", lambda: sum(self.closed(r) for r in reasons) >= before + n, 5)
        except stack.StackError:
            now = {k.split("reason=")[1]: v for k, v in self.gateway.metrics().items() if "closed_total" in k and v}
            raise AssertionError(f"{n} closed as {' or '.join(reasons)}: {sum(self.closed(r) for r in reasons) - before}; all: {now}") from None

    def quiet(self, within_s=10):
        """Waits until only the neighbour's connection is there: nobody was forgotten."""
        mine = 1 if self.next_door else 0
        stack.wait_until("all other connections are gone", lambda: self.gateway.metric("alcove_connections") <= mine, within_s)
        stack.wait_until("and those to the broker", lambda: self.gateway.metric("alcove_upstream_connections") <= mine, within_s)

    def memory(self):
        """-> (resident KiB, descriptors)"""
        pid = self.gateway.process.pid
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            rss = next(int(x.split()[1]) for x in f if x.startswith("VmRSS:"))
        return rss, len(os.listdir(f"/proc/{pid}/fd"))


class Gateway(stack.Gateway):
    """stack's, with an environment, a configuration and a binary of the stage's choice."""

    def __init__(self, stage, *args):
        super().__init__(*args)
        self.stage = stage
        self.binary, self.env = stage.binary or self.binary, stage.env

    def stop(self, *args):
        self.stage.leave_next_door()
        return super().stop(*args)

    def kill(self):
        self.stage.leave_next_door()
        super().kill()

    def configure(self):
        super().configure()
        path = self.folder / "alcove.yaml"
        if self.stage.config:
            path.write_text(self.stage.config(path.read_text()))


def round_trip(w, topic=TOPIC, value=b"x" * 100):
    """Metadata, a record in, the same out; AssertionError where an answer is not what it must be."""
    m = w.request("Metadata", 12, {"Topics": [{"Name": topic}]})["Topics"]
    equal("Metadata", [(topic, 0)], [(t["Name"], t["ErrorCode"]) for t in m])
    p = w.request("Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [
        {"Name": topic, "PartitionData": [{"Index": 0, "Records": kw.batch([value])}]}]})["Responses"][0]
    equal("Produce", (topic, 0), (p["Name"], p["PartitionResponses"][0]["ErrorCode"]))
    at = p["PartitionResponses"][0]["BaseOffset"]
    f = w.request("Fetch", 13, {"MaxWaitMs": 500, "MinBytes": 1, "MaxBytes": 1 << 20, "SessionEpoch": -1, "Topics": [
        {"TopicId": m[0]["TopicId"], "Partitions": [{"Partition": 0, "FetchOffset": at, "PartitionMaxBytes": 1000}]}]})
    part = f["Responses"][0]["Partitions"][0]
    equal("Fetch", 0, part["ErrorCode"])
    equal("the record", value, kw.read_batches(part["Records"])[0]["records"][0][2])


def raw(port, data=b"", reset=False):
    """A plain connection."""
    sock = socket.create_connection(("127.0.0.1", port), 10)
    if reset:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.sendall(data)
    return sock


def ended(sock, within_s=5):
    """Reads until the peer closed; False when it did not within that time."""
    sock.settimeout(within_s)
    try:
        while sock.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True
