"""Listeners of several kinds beside each other: behind load balancers, on IPv6, with other names; tenants' own names."""
import contextlib
import socket
import ssl
import struct

from runner import create_topic, equal, fetch, fresh, kw, produce, stack, true

GATEWAY = True
DOMAIN = stack.DOMAIN
PROXY = "    bind: {bind}\n    endpoint: sni\n    domain: " + DOMAIN + "\n    proxy.protocol: {version}\n    proxy.protocol.trusted: {trusted}\n"
SIX = ("    bind: \"[{address}]:{{port}}\"\n    endpoint: port\n    node.ports: {{first}}-{{last}}\n    node.id.first: 1\n"
       "    advertised.host: \"::1\"\n    tenant: six\n")
LISTENERS = {
    "any": (PROXY.format(bind="127.0.0.1:{port}", version="any", trusted="[127.0.0.1, 10.0.0.0/8]"), 1),
    "v2": (PROXY.format(bind="127.0.0.1:{port}", version="v2", trusted="127.0.0.0/8"), 1),
    "distrusting": (PROXY.format(bind="127.0.0.1:{port}", version="any", trusted="[10.0.0.0/8, \"::1\"]"), 1),
    "six-proxy": (PROXY.format(bind="\"[::1]:{port}\"", version="any", trusted="\"::1\""), 1),
    "six": (SIX.format(address="::1"), 3),
    "hosts-2": ("    bind: 127.0.0.1:{port}\n    endpoint: sni\n    bootstrap.pattern: boot-$(tenant).ALCOVE.test\n"
                "    node.pattern: boot-$(tenant)-$(node).alcove.test\n    advertised.port: 9999\n", 1),
    "dual": (SIX.format(address="::"), 3),
}
V2_MARK = b"\r\n\r\n\0\r\nQUIT\n"


@contextlib.contextmanager
def gateway(s, *tenants):
    """A second gateway before the same Kafka, with all these listeners and its own tenants."""
    g = stack.Gateway(s.folder / fresh("listeners"), s.kafka.bootstrap, limits=stack.PATIENT, listeners=LISTENERS).start()
    try:
        for t in tenants:
            g.make_tenant(t, [("alice", f"alice-of-{t}")])
        yield g
    finally:
        g.stop()
    equal("complaints", [], g.complaints)


def v1(source, family=4):
    other = "::1" if family == 6 else "127.0.0.1"
    return f"PROXY TCP{family} {source} {other} 40000 9092\r\n".encode()


def v2(source, family=socket.AF_INET, command=0x21, more=b""):
    size = {socket.AF_INET: 4, socket.AF_INET6: 16}[family]
    body = socket.inet_pton(family, source) + bytes(size) + struct.pack(">HH", 40000, 9092) + more
    return V2_MARK + bytes([command, 0x11 if family == socket.AF_INET else 0x21]) + struct.pack(">H", len(body)) + body


def come_in(g, listener, head, tenant="proxied", host="127.0.0.1", **more):
    return kw.Wire(host, g.ports[listener], sni=f"{tenant}.{DOMAIN}", ca=g.ca, head=head, **more)


def logged_peer(g, wire):
    """The address under which the gateway logs this client: by a login that fails. Nobody else fails meanwhile."""
    def peers():
        return [x.split('peer="')[1].split('"')[0] for x in g.log_now().splitlines() if 'reason="authentication failed"' in x]
    before = len(peers())
    with wire, contextlib.suppress(kw.SaslFailed):
        wire.sasl("PLAIN", "stranger", "wrong")
    return stack.wait_until("the failed login in the log", lambda: peers()[before:])[-1]


def test_proxy_protocol(s):
    """The client's address comes from the header, before TLS, in both versions and families; the proxy's own stays with LOCAL."""
    with gateway(s, "proxied") as g:
        for listener, head, expected in (
                ("any", v1("192.0.2.7"), "192.0.2.7"), ("any", v1("2001:db8::7", 6), "2001:db8::7"),
                ("any", v2("192.0.2.8"), "192.0.2.8"), ("any", v2("2001:db8::8", socket.AF_INET6), "2001:db8::8"),
                ("any", b"PROXY UNKNOWN\r\n", "127.0.0.1"), ("v2", v2("192.0.2.9", more=b"\x02\0\4name"), "192.0.2.9"),
                ("v2", v2("192.0.2.9", command=0x20), "127.0.0.1"), ("any", v1("::ffff:192.0.2.10", 6), "192.0.2.10")):
            equal(f"{listener}, {head[:60]}", expected, logged_peer(g, come_in(g, listener, head)))
        equal("through IPv6", "192.0.2.11", logged_peer(g, come_in(g, "six-proxy", v1("192.0.2.11"), host="::1")))
        topic = fresh("proxied")
        with come_in(g, "v2", v2("192.0.2.12")) as w:
            w.sasl("SCRAM-SHA-512", "alice", "alice-of-proxied")
            w.request("CreateTopics", 7, {"timeoutMs": 15000, "Topics": [{"Name": topic, "NumPartitions": 1, "ReplicationFactor": 1}]})
            stack.wait_until("a leader", lambda: any(p["LeaderId"] == 1 for t in w.request("Metadata", 12, {"Topics": [
                {"Name": topic}]})["Topics"] for p in t["Partitions"]))
            produce(w, topic, [b"through a load balancer"])
            equal("fetched", [b"through a load balancer"], fetch(w, topic))
        refused(g)


def refused(g):
    """No header, a broken one, the wrong version, from elsewhere: closed without a byte, each for its reason."""
    for listener, head, reason in (
            ("any", b"", "proxy_header"), ("any", b"PROXY TCP4 192.0.2.1\r\n", "proxy_header"), ("v2", v1("192.0.2.1"), "proxy_header"),
            ("any", v2("192.0.2.1", command=0x23), "proxy_header"), ("any", v2("192.0.2.1", more=b"\x03\0\4crc!"), "proxy_header"),
            ("distrusting", v1("192.0.2.1"), "proxy_untrusted"), ("distrusting", b"", "proxy_untrusted")):
        before = g.metric("alcove_connections_closed_total", reason=reason)
        served = None
        with contextlib.suppress(OSError), come_in(g, listener, head) as w:
            served = w.sock.version()  # Python makes no handshake with a socket that is closed already, and says nothing
        equal(f"{listener} after {head}: TLS", None, served)
        stack.wait_until(f"{listener}, {head[:40]}: {reason}", lambda before=before, reason=reason: g.metric(
            "alcove_connections_closed_total", reason=reason) == before + 1)


def test_ipv6(s):
    """A client on ::1 is told addresses on ::1; "::" serves IPv4 as well, whose clients are shown as such."""
    with gateway(s, "six") as g:
        topic = fresh("six")
        for listener, host in (("six", "::1"), ("dual", "::1"), ("dual", "127.0.0.1")):
            with kw.Wire(host, g.ports[listener], tls=True) as w:
                w.sasl("SCRAM-SHA-256", "alice", "alice-of-six")
                brokers = w.request("Metadata", 12, {"Topics": []})["Brokers"]
                equal("told", [(1, "::1", g.ports[listener] + 1)], [(b["NodeId"], b["Host"], b["Port"]) for b in brokers])
            equal("logged", host, logged_peer(g, kw.Wire(host, g.ports[listener], tls=True)))
        t = stack.Tenant("six", s.folder, "[::1]", g.ports["six"], "alice", "alice-of-six", g.ca)
        # The development certificate knows localhost and 127.0.0.1 only.
        unchecked = {"ssl.endpoint.identification.algorithm": "none"}
        with kw.Wire("::1", g.ports["six"], tls=True) as w:
            w.sasl("PLAIN", "alice", "alice-of-six")
            w.request("CreateTopics", 7, {"timeoutMs": 15000, "Topics": [{"Name": topic, "NumPartitions": 1, "ReplicationFactor": 1}]})
        t.kcat("-P", "-t", topic, stdin="over IPv6\n", **unchecked)
        true("kcat read it", "over IPv6" in t.kcat("-C", "-t", topic, "-o", "beginning", "-c", "1", **unchecked).stdout)


def told(w):
    """Every address that a client is told: by Metadata, DescribeCluster, FindCoordinator."""
    w.sasl("SCRAM-SHA-256", "alice", "alice-of-acme-x")

    def coordinator():
        found = w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": ["g"]})["Coordinators"][0]
        return found if found["ErrorCode"] == 0 else None
    nodes = w.request("Metadata", 12, {"Topics": []})["Brokers"] + w.request("DescribeCluster", 0, {})["Brokers"]
    nodes.append(stack.wait_until("a coordinator", coordinator))
    return {(n["Host"], n["Port"]) for n in nodes}


def alert(g, listener, host):
    """-> the reason by which a handshake for this name ends; None: it does not."""
    try:
        kw.Wire("127.0.0.1", g.ports[listener], sni=host, ca=g.ca).close()
    except ssl.SSLError as e:
        return e.reason
    return None


def test_patterns(s):
    """Each listener's clients are told the names of that listener; a name of the other means nothing there."""
    with gateway(s, "acme-x") as g:
        usual, other = (f"b1-acme-x.{DOMAIN}", g.ports["sni"]), (f"boot-acme-x-1.{DOMAIN}", 9999)
        for listener, host, expected in (("sni", f"acme-x.{DOMAIN}", usual), ("sni", f"b1-acme-x.{DOMAIN}", usual),
                                         ("hosts-2", f"boot-acme-x.{DOMAIN}", other), ("hosts-2", f"boot-acme-x-1.{DOMAIN}", other)):
            with kw.Wire("127.0.0.1", g.ports[listener], sni=host, ca=g.ca) as w:
                equal(f"told at {listener}, {host}", {expected}, told(w))
        for listener, host in (("sni", f"boot-acme-x.{DOMAIN}"), ("sni", f"boot-acme-x-1.{DOMAIN}"), ("hosts-2", f"acme-x.{DOMAIN}"),
                               ("hosts-2", f"b1-acme-x.{DOMAIN}"), ("hosts-2", f"boot-acme-x-01.{DOMAIN}")):
            equal(f"{listener}, {host}", "TLSV1_UNRECOGNIZED_NAME", alert(g, listener, host))
        # boot-x-3 would be the bootstrap of x-3 and broker 3 of x.
        try:
            g.rest("POST", "/v1/tenants", {"id": "x-3"})
        except stack.Refused as e:
            equal("refused", (422, True), (e.status, "x-3" in e.problem["detail"] and "hosts-2" in e.problem["detail"]))
        else:
            raise AssertionError("an id is given whose bootstrap is a broker's host")


def set_own(g, tenant, *names):
    return g.rest("PATCH", f"/v1/tenants/{tenant}", {"hostNames": [{"bootstrap": b, "nodePattern": n} for b, n in names]})


def test_own_host_names(s):
    """Host names of a tenant's own: in force within a second, told to who came by them, taken away with their connections."""
    kafka, node = "kafka.acme.example", "b$(node)-kafka.acme.example"
    with gateway(s, "acme-x", "other-x") as g:
        def connect(host):
            return kw.Wire("127.0.0.1", g.ports["sni"], sni=host, context=any_name(g))

        def refusal(host):
            try:
                connect(host).close()
            except ssl.SSLError as e:
                return e.reason
            return None
        for host in (kafka, "b1-kafka.acme.example"):
            equal("before", "TLSV1_UNRECOGNIZED_NAME", refusal(host))
        equal("told by REST", [{"bootstrap": kafka, "nodePattern": node}], set_own(g, "acme-x", (kafka.upper(), node))["hostNames"])
        stack.wait_until("the name works", lambda: refusal(kafka) is None, 1)
        for host in (kafka, "B1-Kafka.acme.example"):
            with connect(host) as w:
                equal(f"told at {host}", {("b1-kafka.acme.example", g.ports["sni"])}, told(w))
        with kw.Wire("127.0.0.1", g.ports["sni"], sni=f"acme-x.{DOMAIN}", ca=g.ca) as w:
            equal("told at the listener's name", {(f"b1-acme-x.{DOMAIN}", g.ports["sni"])}, told(w))
        equal("no such broker's name", "TLSV1_UNRECOGNIZED_NAME", refusal("b01-kafka.acme.example"))
        for names, status in (([(kafka, "b$(node).x.example")], 409), ([("b7-kafka.acme.example", "b$(node).x.example")], 409),
                              ([(f"kafka.{DOMAIN}", "b$(node).x.example")], 409), ([("kafka", "b$(node).x.example")], 422),
                              ([("kafka.x.example", "b.x.example")], 422)):
            try:
                set_own(g, "other-x", *names)
            except stack.Refused as e:
                equal(f"{names}: {e.problem}", status, e.status)
            else:
                raise AssertionError(f"taken: {names}")
        with connect(kafka) as w:
            w.sasl("PLAIN", "alice", "alice-of-acme-x")
            g.rest("POST", "/v1/tenants/acme-x/suspend")
            stack.wait_until("a suspended tenant's names are unknown", lambda: refusal(kafka) == "TLSV1_UNRECOGNIZED_NAME", 1)
            g.rest("POST", "/v1/tenants/acme-x/resume")
            stack.wait_until("and known again", lambda: refusal(kafka) is None, 1)
        with connect(kafka) as w:
            w.sasl("PLAIN", "alice", "alice-of-acme-x")
            set_own(g, "acme-x")
            true("closed when the name is gone", w.closed_by_peer(1.5))
        equal("after", "TLSV1_UNRECOGNIZED_NAME", refusal(kafka))
        set_own(g, "other-x", (kafka, node))
        stack.wait_until("it is another's now", lambda: refusal(kafka) is None, 1)
        with connect(kafka) as w:
            try:
                w.sasl("PLAIN", "alice", "alice-of-acme-x")
            except kw.SaslFailed:
                pass
            else:
                raise AssertionError("acme's user is let in to other's cluster")
        g.rest("DELETE", "/v1/tenants/other-x")
        stack.wait_until("a deleted tenant's names are unknown", lambda: refusal(kafka) == "TLSV1_UNRECOGNIZED_NAME", 1)


def any_name(g):
    """The development certificate does not know tenants' own names; who connects must all the same be known."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.load_verify_locations(g.ca)
    return c
