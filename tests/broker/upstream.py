"""The gateway's way to Kafka: every security protocol with real clients before it, what goes wrong there, sessions that end."""
import contextlib
import ctypes
import pathlib
import socket
import struct
import threading
import time

import checks
from brokers import Traffic
from runner import create_topic, equal, fetch, fresh, kw, produce, stack, true

OWN_STACK = True
SECRET = "a-secret-of-its-own"
LIFETIME_MS = 5000


# ---- keys and certificates ----------------------------------------------------------------------------

def openssl(folder, *args):
    stack.run("openssl", *args, env={"RANDFILE": str(folder / "rnd")})


def authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")


def certificate(folder, ca, name, san):
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
            folder / f"{name}.key", "-out", folder / f"{name}.csr")
    (folder / "ext").write_text(f"subjectAltName={san}\n")
    openssl(folder, "x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / f"{ca}.pem", "-CAkey", folder / f"{ca}.key",
            "-CAcreateserial", "-days", "2", "-extfile", folder / "ext", "-out", folder / f"{name}.pem")
    openssl(folder, "pkcs12", "-export", "-in", folder / f"{name}.pem", "-inkey", folder / f"{name}.key", "-certfile",
            folder / f"{ca}.pem", "-passout", "pass:changeit", "-out", folder / f"{name}.p12")


class Secured(stack.Stack):
    """A Kafka with a listener for each protocol, TLS with a certificate for 127.0.0.1 and not for localhost; clients that
    show a certificate must show a good one. The gateway comes to it as the check says."""

    def __enter__(self):
        self.pki = self.folder / "pki"
        self.pki.mkdir()
        authority(self.pki, "ca")
        authority(self.pki, "other-ca")
        certificate(self.pki, "ca", "kafka", "IP:127.0.0.1")
        certificate(self.pki, "ca", "client", "DNS:gateway")
        certificate(self.pki, "other-ca", "stranger", "DNS:gateway")
        stack.run("keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", self.pki / "ca.pem", "-keystore", self.pki / "trust.p12",
                  "-storetype", "PKCS12", "-storepass", "changeit")
        (self.pki / "password").write_text(SECRET + "\n")
        (self.pki / "wrong").write_text("no-such-secret\n")
        for f in self.pki.iterdir():
            f.chmod(0o600)
        nodes, _, properties = self.args
        self.args = nodes, {"KAFKA_TLS_P12": str(self.pki / "kafka.p12"), "KAFKA_TLS_TRUST_P12": str(self.pki / "trust.p12"), "KAFKA_TLS_CLIENT_AUTH": "required",
                            "KAFKA_USERS": f"gateway:{SECRET}"}, properties
        return super().__enter__()

    def port(self, listener):
        return int(self.kafka.said[listener])

    def upstream_to(self, listener, lines, host="127.0.0.1"):
        """The gateway anew, with this upstream section."""
        g = self.gateway
        g.stop()
        equal("its end", [], g.complaints)
        g.bootstrap, g.upstream = f"{host}:{self.port(listener)}", "".join(f"  {x}\n" for x in lines)
        g.configure()
        self.rest = g.rest
        self.acme, self.globex = self.tenant("acme"), self.tenant("globex")


def tls(s, ca="ca", cert=None, verify=True):
    lines = ["ssl:", f"  ca.file: {s.pki / ca}.pem"]
    if cert:
        lines += [f"  certificate.file: {s.pki / cert}.pem", f"  key.file: {s.pki / cert}.key"]
    return lines + ([] if verify else ["  verify.host: false"])


def login(s, mechanism, password="password", user="gateway"):
    return ["sasl:", f"  mechanism: {mechanism}", f"  username: {user}", f"  password.file: {s.pki / password}"]


# ---- every way in -----------------------------------------------------------------------------------------

def works(s, what):
    """Both tenants create, produce and consume, in a group and by raw requests."""
    topic = fresh("through")
    for t in (s.acme, s.globex):
        create_topic(t, topic, 2)
        t.kcat("-q", "-P", "-t", topic, "-p", "0", stdin=f"{t.name} 1\n{t.name} 2\n")
        with t.wire() as w:
            equal(f"{what}: {t.name}'s records", [f"{t.name} 1".encode(), f"{t.name} 2".encode()], fetch(w, topic))


def ways(s):
    return {"SASL_SSL, SCRAM-SHA-512": ("KAFKA_SASL_TLS_PORT", ["security.protocol: SASL_SSL", *tls(s), *login(s, "SCRAM-SHA-512")]),
            "SASL_SSL, SCRAM-SHA-256": ("KAFKA_SASL_TLS_PORT", ["security.protocol: SASL_SSL", *tls(s), *login(s, "SCRAM-SHA-256")]),
            "SASL_PLAINTEXT, PLAIN": ("KAFKA_SASL_PORT", ["security.protocol: SASL_PLAINTEXT", *login(s, "PLAIN")]),
            "SSL with a certificate": ("KAFKA_TLS_PORT", ["security.protocol: SSL", *tls(s, cert="client")])}


def check_every_way(s):
    """SCRAM over TLS, PLAIN without, a client's certificate."""
    for name, (listener, lines) in ways(s).items():
        s.upstream_to(listener, lines)
        s.gateway.start()
        works(s, name)


def check_many_connections(s):
    """200 upstream logins at once by SCRAM: the salted password is made once, nobody waits long."""
    s.upstream_to(*ways(s)["SASL_SSL, SCRAM-SHA-512"])
    s.gateway.start()
    topic, failed = fresh("many"), []
    create_topic(s.acme, topic)

    def one():
        try:
            for _ in range(10):
                with s.acme.but(mechanism="PLAIN").wire(record=False, timeout=30) as w:
                    equal("Metadata", 0, w.request("Metadata", 9, {"Topics": [{"Name": topic}]})["Topics"][0]["ErrorCode"])
        except Exception as e:
            failed.append(repr(e))
    began = time.monotonic()
    threads = [threading.Thread(target=one) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal("failures", [], failed)
    print(f"    200 connections in {time.monotonic() - began:.1f} s", flush=True)


# ---- how connections are made ----------------------------------------------------------------------------------

def sources_to(port):
    """Addresses that connections to a port of this machine come from, as the kernel lists them."""
    found = set()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        here, there, state = line.split()[1:4]
        if state == "01" and int(there.split(":")[1], 16) == port:
            found.add(".".join(str(b) for b in bytes.fromhex(here.split(":")[0])[::-1]))
    return found


def check_source_addresses(s):
    """Connections come from the addresses that are configured, in turn; one that the machine does not have stops the start."""
    s.upstream_to("KAFKA_PORT", ["source.addresses: 127.0.0.2, 127.0.0.3, 127.0.0.4"])
    s.gateway.start()
    works(s, "source.addresses")
    with contextlib.ExitStack() as held:
        for _ in range(12):
            metadata(held.enter_context(s.acme.wire()))
        equal("where from", {"127.0.0.2", "127.0.0.3", "127.0.0.4"}, sources_to(s.port("KAFKA_PORT")) - {"127.0.0.1"})
    s.upstream_to("KAFKA_PORT", ["source.addresses: 127.0.0.2, 192.0.2.77"])
    said = stack.run(s.gateway.binary, "check", "-c", s.gateway.folder / "alcove.yaml", check=False)
    true(f"it says what is wrong: {said.stderr}", said.returncode == 1 and "found '192.0.2.77', expected an address of this machine"
         in said.stderr)


def metadata(w):
    return w.request("Metadata", 9, {"Topics": []})


def check_connect_rate(s):
    """More connections at once than the rate allows: they wait for their turn, and all are served."""
    s.upstream_to("KAFKA_PORT", ["connect.rate: 20"])
    s.gateway.start()
    with contextlib.ExitStack() as held:
        wires = [held.enter_context(s.acme.but(mechanism="PLAIN").wire(timeout=20)) for _ in range(60)]
        for w in wires:
            w.send("Metadata", 9, {"Topics": []})
        stack.wait_until("some wait", lambda: s.gateway.metric("alcove_upstream_connects_waiting") > 10, 5)
        for w in wires:
            equal("served", [], w.receive()["Topics"])
        equal("waiting at the end", 0, s.gateway.metric("alcove_upstream_connects_waiting"))


def vanish(sock):
    """From now on nothing that arrives is acknowledged, as if the host were gone: the kernel drops it before TCP sees it."""
    drop = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # one instruction: return 0 bytes
    sock.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HP", 1, ctypes.addressof(drop)))  # SO_ATTACH_FILTER


def check_vanished_client(s):
    """A client whose host vanishes without a word is noticed, and with it its connection to the broker ends."""
    s.gateway.limits["dead.peer.timeout.ms"] = 1000
    s.upstream_to("KAFKA_PORT", [])
    del s.gateway.limits["dead.peer.timeout.ms"]
    s.gateway.start()
    with s.acme.wire() as quiet, s.acme.wire() as speaking, s.acme.wire() as living:
        for w in (quiet, speaking, living):
            metadata(w)
        equal("upstream", 3, s.gateway.metric("alcove_upstream_connections"))
        for w in (quiet, speaking):
            vanish(w.sock)
        speaking.send("Metadata", 9, {"Topics": None})
        stack.wait_until("both are gone", lambda: s.gateway.metric("alcove_upstream_connections") == 1, 15, 0.1)
        equal("why", 2, s.gateway.metric("alcove_connections_closed_total", reason="client_reset"))
        metadata(living)


# ---- what is wrong is said -----------------------------------------------------------------------------------

def wrong_ways(s):
    sasl, plain, ssl = "KAFKA_SASL_TLS_PORT", "KAFKA_SASL_PORT", "KAFKA_TLS_PORT"
    return {"another authority": (sasl, ["security.protocol: SASL_SSL", *tls(s, "other-ca"), *login(s, "PLAIN")], "127.0.0.1",
                                  ("self-signed certificate", "unable to get local issuer", "certificate verify failed")),
            "another host name": (sasl, ["security.protocol: SASL_SSL", *tls(s), *login(s, "PLAIN")], "localhost",
                                  ("hostname mismatch", "mismatch")),
            "a wrong password, PLAIN": (plain, ["security.protocol: SASL_PLAINTEXT", *login(s, "PLAIN", "wrong")], "127.0.0.1",
                                        ("refused the login",)),
            "a wrong password, SCRAM": (sasl, ["security.protocol: SASL_SSL", *tls(s), *login(s, "SCRAM-SHA-512", "wrong")], "127.0.0.1",
                                        ("refused the login",)),
            "an unknown user": (sasl, ["security.protocol: SASL_SSL", *tls(s), *login(s, "SCRAM-SHA-256", user="nobody")], "127.0.0.1",
                                ("refused the login",)),
            "no certificate": (ssl, ["security.protocol: SSL", *tls(s)], "127.0.0.1", ("certificate required", "bad certificate", "TLS failed")),
            "a stranger's certificate": (ssl, ["security.protocol: SSL", *tls(s, cert="stranger")], "127.0.0.1",
                                         ("certificate unknown", "unknown ca", "bad certificate", "TLS failed")),
            "TLS to a port without": ("KAFKA_PORT", ["security.protocol: SSL", *tls(s)], "127.0.0.1", ("TLS failed", "closed")),
            "SASL to a port without": ("KAFKA_PORT", ["security.protocol: SASL_PLAINTEXT", *login(s, "PLAIN")], "127.0.0.1",
                                       ("closed", "refused")),
            "another cluster's id": ("KAFKA_PORT", ["cluster.id: somebody-elses"], "127.0.0.1",
                                     (f"found {stack.CLUSTER_ID}, expected somebody-elses",)),
            "no TLS to a port with": (ssl, [], "127.0.0.1", ("closed", "oversized", "no answer", "malformed"))}


def check_wrong_ways(s):
    """Wrong authority, host name, password, certificate, protocol: /readyz says which, logins work, no client hangs."""
    for name, (listener, lines, host, words) in wrong_ways(s).items():
        s.upstream_to(listener, ["connect.timeout.ms: 2000", "request.timeout.ms: 2000", *lines], host)
        s.gateway.start(ready=False)

        def said():
            status, why = s.gateway.ops("/readyz")
            return why if status == 503 and ":" in why else None
        why = stack.wait_until(f"{name}: /readyz says why", said, 8)
        print(f"    {name}: {why.strip()}", flush=True)
        true(f"{name}: {why}", any(x in why for x in words))
        true("no password is told", "no-such-secret" not in s.gateway.log_now() and SECRET not in s.gateway.log_now())
        with s.acme.wire() as w:
            began = time.monotonic()
            w.send("Metadata", 9, {"Topics": []})
            true(f"{name}: the client does not wait", w.closed_by_peer(6))
            true("long", time.monotonic() - began < 5)


def check_verify_off(s):
    """verify.host: false takes the certificate for any name, but not from any authority."""
    # Brokers are followed to where they say they are, which is 127.0.0.1: only the bootstrap has the other name.
    s.upstream_to("KAFKA_SASL_TLS_PORT", ["security.protocol: SASL_SSL", *tls(s, verify=False), *login(s, "PLAIN")], "localhost")
    s.gateway.start()
    works(s, "verify.host: false")
    s.upstream_to("KAFKA_SASL_TLS_PORT", ["security.protocol: SASL_SSL", *tls(s, "other-ca", verify=False), *login(s, "PLAIN")])
    s.gateway.start(ready=False)
    stack.wait_until("still refused", lambda: "certificate" in s.gateway.ops("/readyz")[1], 8)


def check_renewed_files(s):
    """Another authority and another password, put in the place of the old ones while it runs, count for new connections."""
    ca, password = s.pki / "used-ca.pem", s.pki / "used-password"

    def put(authority, secret):
        ca.write_bytes((s.pki / f"{authority}.pem").read_bytes())
        password.write_bytes((s.pki / secret).read_bytes())
        password.chmod(0o600)

    def comes():
        with contextlib.suppress(kw.WireError), s.acme.wire() as w:
            return w.request("Metadata", 9, {"Topics": []})["Topics"] == []
        return False
    put("ca", "password")
    s.upstream_to("KAFKA_SASL_TLS_PORT", ["security.protocol: SASL_SSL", *tls(s, "used-ca"), *login(s, "SCRAM-SHA-512", "used-password")])
    s.gateway.start()
    true("before", comes())
    for authority, secret in (("other-ca", "password"), ("ca", "wrong")):
        with s.acme.wire() as old:
            equal("a connection of before", [], old.request("Metadata", 9, {"Topics": []})["Topics"])
            put(authority, secret)
            s.gateway.reload()
            true(f"refused by {authority}, {secret}", not comes())
            equal("a connection of before goes on", [], old.request("Metadata", 9, {"Topics": []})["Topics"])
        put("ca", "password")
        s.gateway.reload()
        stack.wait_until("as before", comes)


# ---- sessions that end -----------------------------------------------------------------------------------------

def check_lifetimes(s):
    """Brokers end sessions after five seconds: no client's connection ends with them, used, polling, or quiet for longer."""
    for name in ("SASL_SSL, SCRAM-SHA-512", "SASL_PLAINTEXT, PLAIN"):
        s.upstream_to(*ways(s)[name])
        s.gateway.start()
        topic = fresh("short")
        topic_id = create_topic(s.acme, topic)
        traffic = Traffic(s.acme, topic)
        with s.acme.wire() as used, s.acme.wire() as quiet, s.acme.wire() as polling, s.acme.wire() as ahead:
            quiet.request("Metadata", 9, {"Topics": []})
            began = time.monotonic()
            while time.monotonic() - began < 1.7 * LIFETIME_MS / 1000:
                equal("used", topic, used.request("Metadata", 9, {"Topics": [{"Name": topic}]})["Topics"][0]["Name"])
                equal("long polls", [], polling.request("Fetch", 13, {"MaxWaitMs": 300, "MinBytes": 1 << 30, "MaxBytes": 1000,
                                                                      "SessionEpoch": -1})["Responses"])
                for _ in range(20):
                    ahead.send("ListOffsets", 7, {"ReplicaId": -1, "Topics": [{"Name": topic, "Partitions": [
                        {"PartitionIndex": 0, "Timestamp": -1}]}]})
                for _ in range(20):
                    equal("pipelined", 0, ahead.receive()["Topics"][0]["Partitions"][0]["ErrorCode"])
            equal("quiet for long", [], quiet.request("Metadata", 9, {"Topics": []})["Topics"])
            produce(quiet, topic_id, [b"behind"], version=13)
        traffic.flows("after sessions ended")
        traffic.sent += 1
        traffic.acknowledged.append(last_of(s.acme, topic))
        traffic.stop()
        equal("connections that brokers closed", 0, sum(v for k, v in s.gateway.metrics().items() if 'reason="upstream' in k))


def last_of(t, topic):
    """The record b"behind" among all."""
    with t.wire(record=False) as w:
        at = 0
        while True:
            reply = w.request("Fetch", 12, {"MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1 << 22, "SessionEpoch": -1, "Topics": [{
                "Topic": topic, "Partitions": [{"Partition": 0, "FetchOffset": at, "PartitionMaxBytes": 1 << 22}]}]})
            for b in kw.read_batches(reply["Responses"][0]["Partitions"][0]["Records"]):
                for o, _, v, _ in b["records"]:
                    if v == b"behind":
                        return v, 0, o
                    at = o + 1


def test_upstream():
    """One Kafka for all of it."""
    checks.run(lambda: Secured(kafka_properties={"connections.max.reauth.ms": str(LIFETIME_MS)}), (
        check_every_way, check_many_connections, check_source_addresses, check_connect_rate, check_vanished_client, check_wrong_ways,
        check_verify_off, check_renewed_files, check_lifetimes))
