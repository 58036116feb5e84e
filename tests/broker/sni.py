"""Virtual hosts by SNI: one port for all tenants and brokers; who has no name there is turned away in the handshake."""
import contextlib
import socket
import ssl
import time

import kafka as kp

from runner import both, create_topic, equal, fetch, fresh, kw, produce, stack, true

GATEWAY = True
DOMAIN = stack.DOMAIN
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def context(s, version=None):
    """A client's, that takes any host name: what the certificate says is checked by one test alone."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.load_verify_locations(s.gateway.ca)
    if version:
        c.minimum_version = c.maximum_version = version
    return c


def connect(s, host, version=None, **more):
    """A raw connection with this SNI; None: with none."""
    w = kw.Wire("127.0.0.1", s.gateway.ports["sni"], sni=host, context=context(s, version), **more)
    s.judge.watch("acme" if host and "acme" in host.lower() else "globex", w)
    return w


def refused(s, host, version=None):
    """-> the alert by which the handshake ends."""
    try:
        with connect(s, host, version) as w:
            w.api_versions()
    except ssl.SSLError as e:
        return e.reason
    except kw.WireError as e:
        return str(e)
    return "served"


# ---- names ------------------------------------------------------------------------------------------

def test_hosts(s):
    """Bootstrap and broker hosts, in any case, by TLS 1.2 and 1.3: the tenant's cluster, and addresses that lead back here."""
    topic = fresh("hosts")
    both(lambda t: create_topic(t, topic), s.acme, s.globex)
    for version in VERSIONS:
        for host in (f"acme.{DOMAIN}", f"b1-acme.{DOMAIN}", f"ACME.{DOMAIN.upper()}", f"B1-Acme.{DOMAIN}"):
            with connect(s, host, version) as w:
                w.sasl("SCRAM-SHA-512", "alice", s.acme.password)
                reply = w.request("Metadata", 12, {"Topics": [{"Name": topic}]})
                equal(f"brokers at {host}", [(1, f"b1-acme.{DOMAIN}", s.gateway.ports["sni"])],
                      [(b["NodeId"], b["Host"], b["Port"]) for b in reply["Brokers"]])
                node = stack.wait_until("a coordinator", lambda w=w: coordinator(w, "g"))
                equal("a coordinator", (f"b1-acme.{DOMAIN}", s.gateway.ports["sni"]), (node["Host"], node["Port"]))
                node = w.request("DescribeCluster", 0, {})["Brokers"][0]
                equal("DescribeCluster", (f"b1-acme.{DOMAIN}", s.gateway.ports["sni"]), (node["Host"], node["Port"]))


def coordinator(w, group):
    """None: not available yet."""
    node = w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": [group]})["Coordinators"][0]
    true(f"FindCoordinator: {node}", node["ErrorCode"] in (0, 15))
    return node if node["ErrorCode"] == 0 else None


def test_certificate(s):
    """The certificate is good for every tenant's and broker's host."""
    for host in (f"acme.{DOMAIN}", f"b1-acme.{DOMAIN}", f"globex.{DOMAIN}", f"b7-globex.{DOMAIN}"):
        kw.Wire("127.0.0.1", s.gateway.ports["sni"], sni=host, ca=s.gateway.ca).close()


def test_unknown_hosts(s):
    """unrecognized_name for every host that is no tenant's; nothing tells a tenant's that was deleted from one that never was."""
    s.rest("POST", "/v1/tenants", {"id": "shortlived"})
    equal("while it is there", "served", refused(s, f"shortlived.{DOMAIN}"))
    s.rest("DELETE", "/v1/tenants/shortlived")
    stack.wait_until("its host is gone", lambda: refused(s, f"shortlived.{DOMAIN}") != "served", 1)
    before = s.gateway.metric("alcove_connections_closed_total", reason="sni_unknown")
    hosts = [f"nowhere.{DOMAIN}", f"shortlived.{DOMAIN}", DOMAIN, f"b1-nowhere.{DOMAIN}", "acme.other.test", "acme", f"a.acme.{DOMAIN}",
             f"acme-b1.{DOMAIN}", f"b-acme.{DOMAIN}", f"b01-acme.{DOMAIN}", f"b99999999999-acme.{DOMAIN}", f"acmex{DOMAIN}",
             f"acme.{DOMAIN}.evil.test", f"{'a' * 60}.{DOMAIN}", f"b1-b1-acme.{DOMAIN}", f"_acme.{DOMAIN}", "localhost", None]
    for version in VERSIONS:
        for host in hosts:
            equal(f"{host}, {version.name}", "TLSV1_UNRECOGNIZED_NAME", refused(s, host, version))
    counted = stack.wait_until("they are counted", lambda: s.gateway.metric("alcove_connections_closed_total", reason="sni_unknown") -
                               before >= 2 * len(hosts), 3)
    true("counted as what they are", counted)


def test_other_credentials(s):
    """The host says whose cluster it is: globex's users are nobody at acme's hosts, and the other way round."""
    for host, password, other in ((f"acme.{DOMAIN}", s.acme.password, s.globex.password),
                                  (f"b1-globex.{DOMAIN}", s.globex.password, s.acme.password)):
        for mechanism in ("PLAIN", "SCRAM-SHA-256"):
            with connect(s, host) as w:
                w.sasl(mechanism, "alice", password)
            for user in ("alice", "globex/alice", "acme/alice"):
                with connect(s, host) as w:
                    try:
                        w.sasl(mechanism, user, other)
                    except kw.SaslFailed as e:
                        equal("refused", (58, "Authentication failed"), (e.code, e.text))
                    else:
                        raise AssertionError(f"{user} of the other tenant is let in at {host}")
                    true("closed", w.closed_by_peer())


def test_broker_that_is_not(s):
    """The host of a broker that the cluster has not: a login, and the end at the first request, quickly."""
    with connect(s, f"b7-acme.{DOMAIN}") as w:
        began = time.monotonic()
        try:
            w.sasl("PLAIN", "alice", s.acme.password)
            w.request("Metadata", 9, {"Topics": []})
            w.request("ListOffsets", 7, {"ReplicaId": -1, "Topics": []})
        except kw.Closed:
            true("closed quickly", time.monotonic() - began < 2)
        else:
            raise AssertionError("a broker that is not there answers")


def test_suspended(s):
    """A suspended tenant's host does not log anybody in, resumed it does, each within a second."""
    s.gateway.make_tenant("pausing", [("alice", "alice-of-pausing")])

    def works():
        try:
            with connect(s, f"pausing.{DOMAIN}") as w:
                w.sasl("PLAIN", "alice", "alice-of-pausing")
                return True
        except (kw.WireError, ssl.SSLError):
            return False
    stack.wait_until("a new tenant's host works", works, 1)
    s.rest("POST", "/v1/tenants/pausing/suspend")
    stack.wait_until("suspended", lambda: not works(), 1)
    s.rest("POST", "/v1/tenants/pausing/resume")
    stack.wait_until("resumed", works, 1)
    s.rest("DELETE", "/v1/tenants/pausing")


def test_resumption(s):
    """A TLS session of one tenant's host gives no way to another's: the name in the new handshake counts."""
    topic = fresh("of-globex")
    create_topic(s.globex, topic)
    for version in VERSIONS:
        c = context(s, version)

        def again(host, session, c=c):
            raw = socket.create_connection(("127.0.0.1", s.gateway.ports["sni"]), 5)
            return c.wrap_socket(raw, server_hostname=host, session=session)
        with kw.Wire("127.0.0.1", s.gateway.ports["sni"], sni=f"acme.{DOMAIN}", context=c) as w:
            w.sasl("PLAIN", "alice", s.acme.password)
            w.request("Metadata", 12, {"Topics": []})
            session = w.sock.session
        if session is None:
            continue
        with contextlib.closing(again(f"acme.{DOMAIN}", session)) as sock:
            true("the same host is served again", sock.version() is not None)
        try:
            with contextlib.closing(again(f"nowhere.{DOMAIN}", session)) as sock:
                raise AssertionError(f"{version.name}: an unknown host is served by a session of acme's, reused: {sock.session_reused}")
        except ssl.SSLError as e:
            equal("refused", "TLSV1_UNRECOGNIZED_NAME", e.reason)
        for password, fits in ((s.acme.password, False), (s.globex.password, True)):
            try:
                sock = again(f"globex.{DOMAIN}", session)
            except ssl.SSLError:
                continue  # refused is as good
            w = kw.Wire.__new__(kw.Wire)
            w.__dict__.update(client_id="x", correlation_id=0, record=False, sent=[], received=[], ranges={}, waiting=[],
                              session_lifetime_ms=0, sock=sock)
            with w:
                try:
                    w.sasl("PLAIN", "alice", password)
                    equal(f"{version.name}: logged in at globex's host with the right password only", True, fits)
                    equal("and it is globex's", 0, w.request("Metadata", 12, {"Topics": [{"Name": topic}]})["Topics"][0]["ErrorCode"])
                except kw.SaslFailed:
                    equal(f"{version.name}: refused at globex's host with a wrong password only", False, fits)


def test_garbled_hellos(s):
    """Hellos cut off at each part, and bytes that are none: no answer but an alert, nobody else notices."""
    port = s.gateway.ports["sni"]
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context(s).wrap_bio(incoming, outgoing, server_hostname=f"acme.{DOMAIN}")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    for data in (hello[:5], hello[:60], hello[:-1], hello[:43] + b"\xff" * 40 + hello[83:], b"\x16\x03\x01\xff\xff" + hello[5:],
                 b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x10" * 8, hello.replace(b"acme", b"ac\0e"), hello.replace(b"acme", b"\xff\xfe\n\"")):
        with socket.create_connection(("127.0.0.1", port), 5) as raw:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            got = b""
            with contextlib.suppress(ConnectionError):
                while piece := raw.recv(4096):
                    got += piece
            true(f"an alert or nothing: {got[:20]!r}", got == b"" or got[0] == 0x15)
    with connect(s, f"acme.{DOMAIN}") as w:
        w.sasl("PLAIN", "alice", s.acme.password)


# ---- clients ------------------------------------------------------------------------------------------

def hosts_file(s):
    path = s.folder / "hosts"
    path.write_text("".join(f"127.0.0.1 {h}.{DOMAIN}\n" for t in ("acme", "globex") for h in (t, *(f"b{n}-{t}" for n in range(1, 4)))))
    return {"KAFKA_TOOL_OPTS": f"-Djdk.net.hosts.file={path}"}


def test_java(s):
    """Kafka's own tools through host names: the names are checked, TLS 1.2 by one and 1.3 by the other."""
    env, topic = hosts_file(s), fresh("java")

    def one(t):
        conf = {"ssl.enabled.protocols": "TLSv1.2" if t.name == "acme" else "TLSv1.3"}
        sent = [f"{t.name} {i}" for i in range(20)]
        t.tool("topics", "--create", "--topic", topic, "--partitions", "3", conf=conf, env=env)
        t.tool("console-producer", "--topic", topic, conf=conf, env=env, stdin="\n".join(sent) + "\n")
        got = t.tool("console-consumer", "--topic", topic, "--group", "g", "--from-beginning", "--max-messages", "20",
                     "--timeout-ms", "30000", conf=conf, env=env).stdout.split("\n")
        equal(f"{t.name}'s records", sorted(sent), sorted(x for x in got if x))
    both(one, s.tenant("acme", via="sni"), s.tenant("globex", via="sni"))


def test_kafka_python(s):
    """A client that resolves names by itself."""
    topic = fresh("python")
    both(lambda t: create_topic(t, topic), s.acme, s.globex)
    real = socket.getaddrinfo
    socket.getaddrinfo = lambda host, *a, **k: real("127.0.0.1" if str(host).endswith(DOMAIN) else host, *a, **k)
    try:
        for t in (s.tenant("acme", via="sni"), s.tenant("globex", via="sni")):
            p = kp.KafkaProducer(**t.kafka_python(acks="all"))
            equal("offset", 0, p.send(topic, t.name.encode()).get(20).offset)
            p.close()
            c = kp.KafkaConsumer(topic, **t.kafka_python(group_id="g", auto_offset_reset="earliest", consumer_timeout_ms=8000))
            equal(f"{t.name}'s record", t.name.encode(), next(c).value)
            c.close()
    finally:
        socket.getaddrinfo = real


def test_mixed_endpoints(s):
    """What is written through a host name is read through a port, and the other way round; addresses are those of the way in."""
    topic = fresh("mixed")
    topic_id = create_topic(s.acme, topic)
    with s.tenant("acme", via="sni").wire() as a, s.acme.wire() as b, s.tenant("acme", via="shared").wire() as c:
        produce(a, topic, [b"1"])
        produce(b, topic_id, [b"2"], version=13)
        produce(c, topic, [b"3"])
        for w in (a, b, c):
            equal("records", [b"1", b"2", b"3"], fetch(w, topic))
        hosts = [{(x["Host"], x["Port"]) for x in w.request("Metadata", 12, {"Topics": []})["Brokers"]} for w in (a, b, c)]
        ports = s.gateway.ports
        equal("addresses", [{(f"b1-acme.{DOMAIN}", ports["sni"])}, {("127.0.0.1", ports["acme"] + 1)}, {("127.0.0.1", ports["shared"] + 1)}],
              hosts)
        equal("cluster ids", 1, len({w.request("DescribeCluster", 0, {})["ClusterId"] for w in (a, b, c)}))
