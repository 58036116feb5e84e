"""Client certificates as logins: by rules, by alternative names, by authorities of a tenant's own, until they are revoked."""
import contextlib
import datetime
import ssl
import time
import types

import confluent_kafka.admin as ca

from runner import create_topic, equal, fresh, kw, produce, stack, true
from upstream import authority, openssl

GATEWAY = True
DOMAIN = stack.DOMAIN
TLS = """    tls:
      certificate.file: server.pem
      key.file: server.key
      client.auth: required
      authentication: certificate
"""
OWN = "    bind: 127.0.0.1:{port}\n    endpoint: sni\n    domain: " + DOMAIN + "\n" + TLS + """\
      principal.mapping.rules: RULE:^CN=([^,]+),OU=people.*$/$1/L, RULE:^CN=robot-([0-9]+)$/r2-$1/
      tenants:
        - {{tenant: mtlsa, client.ca.file: mtlsa-ca.pem, client.crl.file: mtlsa.crl}}
        - {{tenant: mtlsb, client.ca.file: mtlsb-ca.pem}}
"""
PORT = "    bind: 127.0.0.1:{port}\n    endpoint: port\n    node.ports: {first}-{last}\n    node.id.first: 1\n"
SHARED = PORT + TLS + """\
      client.ca.file: shared-ca.pem
      principal.source: uri
      principal.mapping.rules: RULE:spiffe:..(.*)\\/user\\/(.*)/$1\\/$2/
"""
ONE = PORT + "    tenant: mtlsa\n" + TLS + "      client.ca.file: mtlsa-ca.pem\n"
LISTENERS = {"own": (OWN, 1), "everybody": (SHARED, 3), "one": (ONE, 3),
             "common": ("    bind: 127.0.0.1:{port}\n    endpoint: sni\n    domain: " + DOMAIN + "\n" + TLS +
                        "      client.ca.file: shared-ca.pem\n      principal.source: uri\n"
                        "      principal.mapping.rules: RULE:spiffe:..(.*)\\/user\\/(.*)/$1\\/$2/\n", 1)}
CA_CONF = """[ca]
default_ca = d
[d]
database = {folder}/{ca}.db
default_md = sha256
default_crl_days = 2
certificate = {folder}/{ca}.pem
private_key = {folder}/{ca}.key
"""


def client(folder, ca_name, name, subject, san=None):
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8", "-subj", subject, "-keyout",
            folder / f"{name}.key", "-out", folder / f"{name}.csr")
    (folder / "ext").write_text(f"subjectAltName={san}\n" if san else "keyUsage=digitalSignature\n")
    openssl(folder, "x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / f"{ca_name}.pem", "-CAkey", folder / f"{ca_name}.key",
            "-CAcreateserial", "-days", "2", "-extfile", folder / "ext", "-out", folder / f"{name}.pem")


def revoke(folder, ca_name, crl, *names):
    conf, db = folder / "ca.conf", folder / f"{ca_name}.db"
    conf.write_text(CA_CONF.format(folder=folder, ca=ca_name))
    db.touch()
    for name in names:
        openssl(folder, "ca", "-config", conf, "-revoke", folder / f"{name}.pem")
    openssl(folder, "ca", "-config", conf, "-gencrl", "-out", folder / f"{crl}.new")
    (folder / f"{crl}.new").rename(folder / crl)


_made = []


def made(s):
    """One gateway for this file's tests, before the same Kafka."""
    if _made and _made[0].process is not None and _made[1] is s:
        return _made[0]
    g = stack.Gateway(s.folder / "mtls", s.kafka.bootstrap, limits=stack.PATIENT, listeners=LISTENERS).init()
    for name in ("mtlsa-ca", "mtlsb-ca", "shared-ca"):
        authority(g.folder, name)
    for ca_name, name, subject, san in (
            ("mtlsa-ca", "alice", "/OU=people/CN=Alice", None), ("mtlsa-ca", "bob", "/OU=people/CN=bob", None),
            ("mtlsa-ca", "robot", "/CN=robot-7", None), ("mtlsa-ca", "odd", "/CN=thing", None), ("mtlsa-ca", "z", "/OU=people/CN=Z\u00fcri", None),
            ("mtlsb-ca", "gina", "/OU=people/CN=Alice", None), ("shared-ca", "anybody", "/OU=people/CN=alice", None),
            ("shared-ca", "mtlsa-alice", "/CN=x", "URI:spiffe://mtlsa/user/alice"),
            ("shared-ca", "mtlsb-alice", "/CN=x", "URI:spiffe://mtlsb/user/alice")):
        client(g.folder, ca_name, name, subject, san)
    revoke(g.folder, "mtlsa-ca", "mtlsa.crl")
    g.configure()
    g.start()
    for t in ("mtlsa", "mtlsb"):
        g.make_tenant(t, [], authorizer="acl", superUsers=["User:alice"])
    _made[:] = [g, s]
    return g


def connect(g, listener, cert, host=None, version=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.load_verify_locations(g.ca)
    if cert:
        c.load_cert_chain(g.folder / f"{cert}.pem", g.folder / f"{cert}.key")
    if version:
        c.minimum_version = c.maximum_version = version
    return kw.Wire("127.0.0.1", g.ports[listener], sni=host or "localhost", context=c)


def told(g, listener, cert, host=None, version=None):
    """-> "super", "user" by what the cluster lets it do; or how the connection ends."""
    try:
        with connect(g, listener, cert, host, version) as w:
            code = w.request("DescribeUserScramCredentials", 0, {"Users": None})["ErrorCode"]
            return {0: "super", 31: "user"}[code]
    except ssl.SSLError as e:
        return e.reason
    except (kw.WireError, OSError) as e:
        return "closed: " + str(e).upper().replace(" ", "_")


def test_own_authorities(s):
    """A tenant's clients have certificates of its own authority; those of another tenant's, or of nobody's, are unknown. Rules make the user."""
    g = made(s)
    mtlsa, mtlsb = f"mtlsa.{DOMAIN}", f"mtlsb.{DOMAIN}"
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        def at(host, cert, version=version):
            return told(g, "own", cert, host, version)
        equal("CN=Alice,OU=people by the first rule, in lower case", "super", at(mtlsa, "alice"))
        equal("bob", "user", at(mtlsa, "bob"))
        equal("at a broker's host", "super", at(f"b1-{mtlsa}", "alice"))
        equal("the second rule", "user", at(mtlsa, "robot"))
        equal("mtlsb' Alice", "super", at(mtlsb, "gina"))
        for what, host, cert in (("mtlsb' at mtlsa", mtlsa, "gina"), ("mtlsa's at mtlsb", mtlsb, "alice"), ("a stranger's", mtlsa, "anybody")):
            true(f"{what}: {at(host, cert)}", "UNKNOWN_CA" in at(host, cert))
        true(f"none: {at(mtlsa, None)}", "CERTIFICATE_REQUIRED" in at(mtlsa, None) or "HANDSHAKE_FAILURE" in at(mtlsa, None))
        true("no rule is about it", at(mtlsa, "odd").startswith("closed"))
    with connect(g, "own", "alice", mtlsa) as w:
        equal("there is no SASL here", 34, w.request("SaslHandshake", 1, {"Mechanism": "PLAIN"})["ErrorCode"])
    true("counted", g.metric("alcove_logins_total", mechanism="certificate", result="ok") >= 8 and
         g.metric("alcove_login_failures_total", mechanism="certificate", reason="unmapped") == 2)


def test_shared_authority(s):
    """An authority for all: what the rules make of a certificate has to say whose it is, and it is nobody's at another tenant's host."""
    g = made(s)
    equal("mtlsa's at the port of all", "super", told(g, "everybody", "mtlsa-alice"))
    equal("mtlsa's at mtlsa", "super", told(g, "common", "mtlsa-alice", f"mtlsa.{DOMAIN}"))
    equal("mtlsb' at mtlsb", "super", told(g, "common", "mtlsb-alice", f"mtlsb.{DOMAIN}"))
    true("mtlsa's at mtlsb", told(g, "common", "mtlsa-alice", f"mtlsb.{DOMAIN}").startswith("closed"))
    true("one without that name", told(g, "common", "anybody", f"mtlsa.{DOMAIN}").startswith("closed"))
    true("nor at the port of all", told(g, "everybody", "anybody").startswith("closed"))


def test_clients(s):
    """Java's tools and librdkafka with client certificates, at a port of one tenant, as the whole subject."""
    g = made(s)
    topic = fresh("mtls")
    g.rest("PATCH", "/v1/tenants/mtlsa", {"superUsers": ["User:alice", "User:CN=Alice,OU=people"]})
    bootstrap = f"127.0.0.1:{g.ports['one']}"
    stack.wait_until("it is a super user", lambda: told(g, "one", "alice") == "super")
    pem = g.folder / "alice-both.pem"
    pem.write_text((g.folder / "alice.key").read_text() + (g.folder / "alice.pem").read_text())
    conf = g.folder / "java.properties"
    conf.write_text(f"security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location={g.ca}\nssl.keystore.type=PEM\n"
                    f"ssl.keystore.location={pem}\n")
    stack.tool("topics", "--bootstrap-server", bootstrap, "--command-config", conf, "--create", "--topic", topic)
    a = ca.AdminClient({"bootstrap.servers": bootstrap, "security.protocol": "SSL", "ssl.ca.location": str(g.ca),
                        "ssl.certificate.location": str(g.folder / "alice.pem"), "ssl.key.location": str(g.folder / "alice.key")})
    true("librdkafka sees what Java made", topic in a.list_topics(timeout=10).topics)
    g.rest("POST", "/v1/tenants/mtlsa/acls", {"acls": [{"resourceType": "CLUSTER", "resourceName": "kafka-cluster", "operation": "DESCRIBE",
                                                       "principal": "User:CN=Z\u00fcri,OU=people"}]})
    stack.wait_until("letters beyond ASCII are themselves", lambda: told(g, "one", "z") == "super")


def test_disabled(s):
    """Nobody in the store need have the name; but who is there and disabled stays outside, and open connections end."""
    g = made(s)
    host = f"mtlsa.{DOMAIN}"
    g.rest("POST", "/v1/tenants/mtlsa/users", {"name": "bob", "generate": True})
    with connect(g, "own", "bob", host) as w:
        w.api_versions()
        g.rest("PATCH", "/v1/tenants/mtlsa/users/bob", {"enabled": False})
        true("closed", w.closed_by_peer(5))
    true("not let in", told(g, "own", "bob", host).startswith("closed"))
    g.rest("DELETE", "/v1/tenants/mtlsa/users/bob")
    stack.wait_until("not there any more, so let in", lambda: told(g, "own", "bob", host) == "user")
    g.rest("POST", "/v1/tenants/mtlsa/suspend")
    true("a suspended tenant's", told(g, "own", "bob", host) not in ("user", "super"))
    g.rest("POST", "/v1/tenants/mtlsa/resume")
    stack.wait_until("resumed", lambda: told(g, "own", "bob", host) == "user")


def test_revoked(s):
    """A new list of what is revoked takes effect without a restart, and no session gets around it; a broken one changes nothing."""
    g = made(s)
    host = f"mtlsa.{DOMAIN}"
    with connect(g, "own", "robot", host, ssl.TLSVersion.TLSv1_2) as w:
        w.api_versions()
        context, session = w.sock.context, w.sock.session
    revoke(g.folder, "mtlsa-ca", "mtlsa.crl", "robot")
    g.reload()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        true(f"revoked: {told(g, 'own', 'robot', host, version)}", "REVOKED" in told(g, "own", "robot", host, version))
    with contextlib.suppress(ValueError), stack_socket(g) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=host, session=session) as again:
                raise AssertionError(f"let in, a session was used: {again.session_reused}")
        except ssl.SSLError as e:
            true(f"with a session of before: {e.reason}", "REVOKED" in e.reason)
    equal("alice is not", "super", told(g, "own", "alice", host))
    good = (g.folder / "mtlsa.crl").read_text()
    (g.folder / "mtlsa.crl").write_text("-----BEGIN X509 CRL-----\nnonsense\n-----END X509 CRL-----\n")
    g.reload(result="failed")
    equal("alice still is not", "super", told(g, "own", "alice", host))
    true("the robot still is", "REVOKED" in told(g, "own", "robot", host))
    (g.folder / "mtlsa.crl").write_text(good)
    g.reload()


def told_off(*wires, topic):
    """Each writes on by turns, the first until it is closed. The others must not notice."""
    began, open_ = time.monotonic(), True
    while open_:
        true("it writes on and on", time.monotonic() < began + 10)
        for w in wires[1:]:
            produce(w, topic, [b"x"])
        try:
            produce(wires[0], topic, [b"x"])
        except (kw.WireError, OSError):
            open_ = False
    for w in wires[1:]:
        produce(w, topic, [b"x"])


def when(line):
    """The time of a line of the log."""
    return datetime.datetime.fromisoformat(line.split()[0].replace("Z", "+00:00"))


def test_revoked_in_the_middle(s):
    """Whose certificate, or whose authority, is revoked is out at once, in the middle of its traffic; who has another goes on."""
    g = made(s)
    topic, conf = fresh("revoked"), g.folder / "alcove.yaml"
    text, closed = conf.read_text(), {"reason": "certificate_revoked"}
    g.rest("PATCH", "/v1/tenants/mtlsa", {"superUsers": ["User:alice", "User:bob"]})
    at = {t: types.SimpleNamespace(wire=lambda t=t: connect(g, "own", {"mtlsa": "alice", "mtlsb": "gina"}[t], f"{t}.{DOMAIN}"))
          for t in ("mtlsa", "mtlsb")}
    for t in at.values():
        create_topic(t, topic)
    with at["mtlsa"].wire() as alice, at["mtlsb"].wire() as gina, connect(g, "own", "bob", f"mtlsa.{DOMAIN}") as bob:
        revoke(g.folder, "mtlsa-ca", "mtlsa.crl", "bob")
        said = g.reload()
        told_off(bob, alice, gina, topic=topic)
        equal("counted", 1, g.metric("alcove_connections_closed_total", **closed))
        line = next(x for x in g.log_now().splitlines() if "the certificate was revoked" in x)
        true(line, all(x in line for x in ('tenant="mtlsa"', 'user="bob"', 'certificate="CN=bob,OU=people"')))
        late = when(line) - when(next(x for x in said.splitlines() if "reloaded" in x))
        true(f"within a second: {late}", late.total_seconds() < 1)
        conf.write_text(text.replace("mtlsa-ca.pem, client.crl.file: mtlsa.crl", "mtlsb-ca.pem"))
        g.reload()
        told_off(alice, gina, topic=topic)
        equal("her authority is none any more", 2, g.metric("alcove_connections_closed_total", **closed))
    conf.write_text(text)
    g.reload()
    equal("as before", "super", told(g, "own", "alice", f"mtlsa.{DOMAIN}"))


def stack_socket(g):
    import socket
    return socket.create_connection(("127.0.0.1", g.ports["own"]), 10)


def test_rules_anew(s):
    """Other rules from the next connection on; what is no rule changes nothing."""
    g = made(s)
    host, conf = f"mtlsa.{DOMAIN}", g.folder / "alcove.yaml"
    text = conf.read_text()
    conf.write_text(text.replace("RULE:^CN=robot-([0-9]+)$/r2-$1/", "RULE:CN=thing/alice/"))
    g.reload()
    equal("thing is alice now", "super", told(g, "own", "odd", host))
    conf.write_text(text.replace("RULE:^CN=robot-([0-9]+)$/r2-$1/", "RULE:(/x/"))
    said = g.reload(result="failed")
    true(said, "principal.mapping.rules" in said and "missing )" in said)
    equal("thing is alice still", "super", told(g, "own", "odd", host))
    conf.write_text(text)
    g.reload()


def test_example(s):
    """The listener that docs/users.md shows is one."""
    g = made(s)
    page = (stack.REPO / "docs/users.md").read_text()
    shown = page[page.index("    listeners:\n      - name: certificates"):].split("\n\n")[0]
    lines = "\n".join(x[4:] for x in shown.splitlines()).replace("kafka.example.com", DOMAIN)
    lines = lines.replace("acme", "mtlsa").replace("globex", "mtlsb")
    text = (g.folder / "alcove.yaml").read_text()
    conf = g.folder / "example.yaml"
    conf.write_text(text[:text.index("listeners:\n")] + lines + "\n" + text[text.index("\nupstream:\n") + 1:])
    true("check", "ok" in stack.run(g.binary, "check", "-c", conf).stdout)
    spiffe = page[page.index("    principal.mapping.rules: RULE:spiffe"):].split("#")[0].split(": ", 1)[1].strip()
    true(f"the tests' rule for SPIFFE is the page's, {spiffe}", spiffe in (g.folder / "alcove.yaml").read_text())


def test_the_end(s):
    """Nothing was wrong with that gateway."""
    g = made(s)
    g.stop()
    equal("complaints", [], g.complaints)
    _made.clear()
