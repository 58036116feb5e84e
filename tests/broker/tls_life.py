"""A gateway that goes on: certificates renewed, clients' certificates asked for, options changed, with connections open."""
import contextlib
import socket
import ssl

from runner import create_topic, equal, fetch, fresh, kw, produce, stack, true
from upstream import certificate

GATEWAY = True
HOST = f"acme.{stack.DOMAIN}"
SAN = f"DNS:localhost,DNS:*.{stack.DOMAIN},IP:127.0.0.1"


def shown(s, listener):
    """The certificate that a new handshake brings, or an empty one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", s.gateway.ports[listener]), 10) as raw, \
            context.wrap_socket(raw, server_hostname=HOST if listener == "sni" else None) as tls:
        return tls.getpeercert(binary_form=True)


def der(path):
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def reloads(s, result):
    return s.gateway.metric("alcove_reload_total", result=result)


@contextlib.contextmanager
def edited(s, *edits):
    """The configuration with each (from, to), not yet read; afterwards as it was, and read."""
    path = s.gateway.folder / "alcove.yaml"
    before = path.read_text()
    now = before
    for old, new in edits:
        true(f"{old!r} stands in the configuration", old in now)
        now = now.replace(old, new)
    path.write_text(now)
    try:
        yield
    finally:
        path.write_text(before)
        s.gateway.reload()


def moves(w, topic):
    """Records go in and out on this connection."""
    at = produce(w, topic, [b"as before"])
    equal("what was written", [b"as before"], fetch(w, topic, at))


def sni_context(s, cert=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.load_verify_locations(s.gateway.ca)
    if cert:
        c.load_cert_chain(cert.with_suffix(".pem"), cert.with_suffix(".key"))
    return c


# ---- certificates ---------------------------------------------------------------------------------

def put_secret(folder, version, name):
    """As a Secret is mounted: the files are links through ..data, which is swapped whole."""
    (folder / version).mkdir()
    for kind in ("pem", "key"):
        (folder / version / f"server.{kind}").write_bytes((folder / f"{name}.{kind}").read_bytes())
        (folder / version / f"server.{kind}").chmod(0o600)
    (folder / "..fresh").symlink_to(version)
    (folder / "..fresh").rename(folder / "..data")


@contextlib.contextmanager
def pairs(s):
    """Makes first, second and third; afterwards the gateway's own pair is back."""
    folder = s.gateway.folder
    own = {kind: (folder / f"server.{kind}").read_bytes() for kind in ("pem", "key")}
    for name in ("first", "second", "third"):
        certificate(folder, "ca", name, SAN)
    try:
        yield folder
    finally:
        for kind, data in own.items():
            (folder / "fresh").write_bytes(data)
            (folder / "fresh").chmod(0o600)
            (folder / "fresh").rename(folder / f"server.{kind}")
        s.gateway.reload()
        equal("the gateway's own pair is back", ssl.PEM_cert_to_DER_cert(own["pem"].decode()), shown(s, "sni"))


def test_certificates_are_renewed(s):
    """Swapped links and files that are written one after the other are noticed; connections that are open go on; a pair of
    which one half is missing changes nothing."""
    topic = fresh("renewed")
    create_topic(s.acme, topic)
    with pairs(s) as folder, s.acme.wire() as old:
        moves(old, topic)
        put_secret(folder, "..v1", "first")
        for kind in ("pem", "key"):
            (folder / "link").symlink_to(f"..data/server.{kind}")
            (folder / "link").rename(folder / f"server.{kind}")
        stack.wait_until("a new pair behind links is shown", lambda: shown(s, "sni") == der(folder / "first.pem"))
        put_secret(folder, "..v2", "second")
        for listener in ("sni", "acme", "admin"):
            stack.wait_until(f"swapped links: {listener}", lambda listener=listener: shown(s, listener) == der(folder / "second.pem"))
        moves(old, topic)
        s.rest("GET", "/v1/tenants")
        failed = reloads(s, "failed")
        (folder / "..v2/server.pem").write_bytes((folder / "third.pem").read_bytes())
        stack.wait_until("the half-written pair is noticed", lambda: reloads(s, "failed") > failed)
        equal("what is shown then", der(folder / "second.pem"), shown(s, "sni"))
        true("the log says why", "does not belong to the certificate" in s.gateway.log_now())
        moves(old, topic)
        (folder / "..v2/server.key").write_bytes((folder / "third.key").read_bytes())
        stack.wait_until("the other half came", lambda: shown(s, "sni") == der(folder / "third.pem"))
        moves(old, topic)
        with s.acme.wire() as new:
            moves(new, topic)
        equal("none of them has ended", False, old.closed_by_peer(0.1))


def test_certificates_by_name(s):
    """A tenant's host is shown the certificate with its full name, the others the one for all."""
    folder = s.gateway.folder
    certificate(folder, "ca", "of-acme", f"DNS:{HOST}")
    (folder / "of-acme.key").chmod(0o600)
    sni = f"    domain: {stack.DOMAIN}\n    tls:\n"
    with edited(s, (sni, sni + "      certificates: [{certificate.file: of-acme.pem, key.file: of-acme.key}]\n")):
        s.gateway.reload()
        equal("for acme", der(folder / "of-acme.pem"), shown(s, "sni"))
        equal("elsewhere", der(folder / "server.pem"), shown(s, "acme"))
        with kw.Wire("127.0.0.1", s.gateway.ports["sni"], sni=f"b1-{HOST}", ca=s.gateway.ca) as w:
            equal("for its broker", der(folder / "server.pem"), w.sock.getpeercert(binary_form=True))
    equal("as before", der(folder / "server.pem"), shown(s, "sni"))


def test_own_host_names(s):
    """Kafka's own tools by host names of the tenant's own, with the certificate that the tenant brought for them."""
    folder, topic, domain = s.gateway.folder, fresh("own"), "kafka.acme.example"
    certificate(folder, "ca", "own-acme", f"DNS:{domain},DNS:*.{domain}")
    (folder / "own-acme.key").chmod(0o600)
    hosts = folder / "own-hosts"
    hosts.write_text("".join(f"127.0.0.1 {h}\n" for h in (domain, f"b1.{domain}")))
    env = {"KAFKA_TOOL_OPTS": f"-Djdk.net.hosts.file={hosts}"}
    t = s.tenant("acme", via="sni").but(sni=domain)
    sni = f"    domain: {stack.DOMAIN}\n    tls:\n"
    with edited(s, (sni, sni + "      certificates: [{certificate.file: own-acme.pem, key.file: own-acme.key}]\n")):
        s.gateway.reload()
        s.rest("PATCH", "/v1/tenants/acme", {"hostNames": [{"bootstrap": domain, "nodePattern": f"b$(node).{domain}"}]})
        try:
            t.tool("topics", "--create", "--topic", topic, env=env)
            t.tool("console-producer", "--topic", topic, env=env, stdin="one\n")
            got = t.tool("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", "1", "--timeout-ms", "30000", env=env)
            equal("read through them", "one", got.stdout.strip())
        finally:
            s.rest("PATCH", "/v1/tenants/acme", {"hostNames": []})
    equal("and it is acme's topic", True, f"acme.{topic}" in s.kafka.topics())


def test_sessions(s):
    """A session is taken up again, but not after the tenant was suspended and resumed, nor after certificates changed."""
    host = "trusting." + stack.DOMAIN
    s.gateway.make_tenant("trusting")
    context = sni_context(s)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # a session is there when the handshake is over

    def visit(session=None):
        with socket.create_connection(("127.0.0.1", s.gateway.ports["sni"]), 10) as raw, \
                context.wrap_socket(raw, server_hostname=host, session=session) as tls:
            return tls.session, tls.session_reused
    first, _ = stack.wait_until("its host is served", lambda: attempt(visit))
    equal("taken up", True, visit(first)[1])
    s.rest("POST", "/v1/tenants/trusting/suspend")
    s.rest("POST", "/v1/tenants/trusting/resume")
    stack.wait_until("what was before counts no more", lambda: not visit(first)[1], 2)
    second, _ = visit()
    equal("taken up anew", True, visit(second)[1])
    with pairs(s) as folder:
        put_secret(folder, "..v3", "first")
        for kind in ("pem", "key"):
            (folder / "..v3" / f"server.{kind}").rename(folder / f"server.{kind}")
        s.gateway.reload()
        equal("by another certificate", False, visit(second)[1])
    s.rest("DELETE", "/v1/tenants/trusting")


def attempt(f):
    with contextlib.suppress(OSError, ssl.SSLError):
        return f()
    return None


def test_clients_certificates(s):
    """client.auth required: who shows none, or a stranger's, hears an alert; who shows a good one comes in and is in the log."""
    folder = s.gateway.folder
    certificate(folder, "ca", "a-client", "DNS:a-client")
    tls = f"    domain: {stack.DOMAIN}\n    tls:\n"
    with edited(s, (tls, tls + "      client.auth: required\n      client.ca.file: ca.pem\n")):
        s.gateway.reload()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = sni_context(s)
            context.minimum_version = context.maximum_version = version
            try:
                with kw.Wire("127.0.0.1", s.gateway.ports["sni"], sni=HOST, context=context) as w:
                    w.api_versions()
            except (ssl.SSLError, kw.WireError) as e:
                true(f"an alert: {e}", "handshake failure" in str(e) or "certificate required" in str(e))
            else:
                raise AssertionError("a client without a certificate is let in")
            context = sni_context(s, folder / "a-client")
            context.minimum_version = context.maximum_version = version
            with kw.Wire("127.0.0.1", s.gateway.ports["sni"], sni=HOST, context=context) as w:
                w.sasl("SCRAM-SHA-512", "alice", s.acme.password)
        with s.acme.wire() as w:  # another listener asks for none
            w.api_versions()
    with kw.Wire("127.0.0.1", s.gateway.ports["sni"], sni=HOST, context=sni_context(s)) as w:
        w.sasl("SCRAM-SHA-512", "alice", s.acme.password)


# ---- options ------------------------------------------------------------------------------------------

def mechanisms(s):
    with kw.Wire("127.0.0.1", s.gateway.ports["acme"], context=sni_context(s)) as w:
        return sorted(w.request("SaslHandshake", 1, {"Mechanism": "NONE"})["Mechanisms"])


def test_options_change_live(s):
    """Limits, mechanisms and the log's level count at once, also without a signal and for connections that are open."""
    topic = fresh("live")
    create_topic(s.acme, topic)
    everything = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    equal("before", everything, sorted(mechanisms(s)))
    with s.acme.wire() as old, s.acme.wire() as larger, edited(s, (
            "limits:\n", "limits:\n  socket.request.max.bytes: 20000\n"),
            ("  scram.iterations: 4096\n", "  scram.iterations: 4096\n  sasl.mechanisms: SCRAM-SHA-512\n"),
            ("  level: info\n", "  level: debug\n")):
        stack.wait_until("the changed file is noticed", lambda: mechanisms(s) == ["SCRAM-SHA-512"])
        moves(old, topic)
        try:
            produce(larger, topic, [b"x" * 30000])
        except (kw.WireError, OSError):
            pass
        else:
            raise AssertionError("a request above the new limit is served")
        stack.wait_until("the log says more", lambda: s.acme.wire().close() or " debug " in s.gateway.log_now())
    equal("afterwards", everything, sorted(mechanisms(s)))
    with s.acme.wire() as w:
        produce(w, topic, [b"x" * 30000])


def test_bad_files_change_nothing(s):
    """A configuration with an error, or with what only a restart can change, is refused whole and said why."""
    cases = [(("limits:\n", "limits:\n  fetch.max.bytes: many\n"), "limits.fetch.max.bytes: found 'many'"),
             (("workers: 2", "workers: 1"), "workers: found another value"),
             (("server.pem\n      key.file: server.key\nupstream", "nowhere.pem\n      key.file: server.key\nupstream"), "found no file"),
             (("limits:\n", "limits:\n\t"), "not valid YAML")]
    with s.acme.wire() as old:
        for edit, words in cases:
            path = s.gateway.folder / "alcove.yaml"
            before = path.read_text()
            try:
                true(f"{edit[0]!r} is there", edit[0] in before)
                path.write_text(before.replace("  scram.iterations: 4096\n", "  scram.iterations: 4096\n  sasl.mechanisms: PLAIN\n")
                                .replace(*edit))
                logged = s.gateway.reload("failed")
                true(f"the log says {words!r}: {logged}", words in logged)
                equal("nothing of it counts", 3, len(mechanisms(s)))
            finally:
                path.write_text(before)
        s.gateway.reload()
        old.api_versions()
