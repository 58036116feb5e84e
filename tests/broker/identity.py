"""Who logs in, and who cannot tell why not: every mechanism by every client, refusals that are all alike, live sessions."""
import re
import threading
import time

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient
import kafka as kp

from runner import both, create_topic, equal, fresh, kw, produce, stack, true

GATEWAY = True
MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")
SASL_AUTHENTICATION_FAILED, ILLEGAL_SASL_STATE, UNSUPPORTED_SASL_MECHANISM = 58, 34, 33


def make_user(s, tenant, name, password="a-password"):
    s.rest("POST", f"/v1/tenants/{tenant}/users", {"name": name, "password": password})
    return s.tenant(tenant, user=name, password=password)


# ---- every client ---------------------------------------------------------------------------------

def test_raw(s):
    """Each mechanism at the tenant's own port, at the shared one and by host name; the principal is the user's everywhere."""
    for via in (None, "shared", "sni"):
        for mechanism in MECHANISMS:
            with s.tenant("acme", via=via).but(mechanism=mechanism).wire() as w:
                equal("a cluster", 0, w.request("DescribeCluster", 0, {})["ErrorCode"])
                equal("a session's lifetime", 0, w.session_lifetime_ms)


def test_librdkafka(s):
    """confluent-kafka and kcat by each mechanism; a wrong password is told as one."""
    topic = fresh("login")
    create_topic(s.acme, topic)
    for mechanism in MECHANISMS:
        t = s.acme.but(mechanism=mechanism)
        true(mechanism, topic in AdminClient(t.librdkafka()).list_topics(timeout=10).topics)
        true(f"kcat {mechanism}", f'topic "{topic}"' in t.kcat("-q", "-L").stdout)
        said = []
        p = ck.Producer(t.but(password="wrong").librdkafka(error_cb=lambda e, said=said: said.append(e.code()), log_level=0))
        stack.wait_until("librdkafka reports that it cannot log in",
                         lambda p=p, said=said: p.poll(0.05) is None or ck.KafkaError._AUTHENTICATION in said, 10)
        true(f"{mechanism}: {said}", ck.KafkaError._AUTHENTICATION in said)


def test_kafka_python(s):
    """kafka-python by each mechanism, and refused."""
    topic = fresh("login")
    create_topic(s.acme, topic)
    for mechanism in MECHANISMS:
        t = s.acme.but(mechanism=mechanism)
        admin = kp.KafkaAdminClient(**t.kafka_python())
        true(mechanism, topic in admin.list_topics())
        admin.close()
        try:
            kp.KafkaAdminClient(**t.but(password="wrong").kafka_python(), api_version_auto_timeout_ms=3000).list_topics()
        except Exception as e:  # its kinds of errors differ by its versions
            true(f"kafka-python says {e!r}", True)
        else:
            raise AssertionError(f"{mechanism}: kafka-python logs in with a wrong password")


def test_java(s):
    """Kafka's own tools by each mechanism, and a refusal that says so at once."""
    topic = fresh("login")
    create_topic(s.acme, topic)

    def one(t):
        return t.tool("topics", "--list", check=False, timeout=60)
    found = both(one, *(s.acme.but(mechanism=m) for m in MECHANISMS), s.acme.but(password="wrong"))
    for mechanism, r in zip(MECHANISMS, found):
        true(f"{mechanism}: {r.stdout} {r.stderr}", topic in r.stdout.split())
    true(f"refused: {found[3].stdout} {found[3].stderr}", found[3].returncode != 0 and "SaslAuthenticationException" in
         found[3].stdout + found[3].stderr)


def test_odd_names(s):
    """Names and passwords with what SCRAM escapes, not in ASCII, long ones."""
    for i, name in enumerate(("a=b,c", "dev.ops@here", "züri", "x" * 120, "a b")):
        t = make_user(s, "acme", f"{name}{fresh('')}", f"pass,word={i} ü")
        for mechanism in MECHANISMS:
            with t.but(mechanism=mechanism).wire() as w:
                equal(name, 0, w.request("DescribeCluster", 0, {})["ErrorCode"])
        with t.but(port=s.gateway.ports["shared"], user=f"acme/{t.user}").wire() as w:
            equal(f"{name} at the shared port", 0, w.request("DescribeCluster", 0, {})["ErrorCode"])


# ---- refusals are all alike -------------------------------------------------------------------------

def transcript(t, handshake=1):
    """Everything that a login gets, frame by frame, random parts and salts by their length alone; then how it ends."""
    got = []

    def token(w, data):
        if handshake == 0:
            w.send_raw(kw.frame(data))
            raw = w.receive_frame()
        else:
            w.send("SaslAuthenticate", 2, {"AuthBytes": data})
            raw = w.receive_frame()
            reply = kw.decode_response(*w.waiting.pop()[1:], raw)
            if reply["ErrorCode"]:
                return raw, None
        return raw, raw if handshake == 0 else reply["AuthBytes"]

    with t.connect() as w:
        try:
            w.send("SaslHandshake", handshake, {"Mechanism": t.mechanism})
            got.append(w.receive_frame())
            w.waiting.clear()
            if t.mechanism == "PLAIN":
                got.append(token(w, f"\0{t.user}\0{t.password}".encode())[0])
            else:
                scram = kw.Scram(t.mechanism, t.user, t.password, nonce="n" * 24)
                raw, first = token(w, scram.first())
                got.append(re.sub(rb"s=([^,]*)", lambda m: b"salt of %d" % len(m[1]),
                                  re.sub(rb"r=n{24}([^,]*)", lambda m: b"nonce of %d" % len(m[1]), raw)))
                if first is not None:
                    got.append(token(w, scram.final(first))[0])
            got.append("closed" if w.closed_by_peer(5) else "open")
        except kw.Closed as e:
            got.append(f"closed, before that {e.partial!r}")
    return got


def alike(what, logins, handshake=1):
    """Every one of them gets the very same."""
    found = {name: transcript(t, handshake) for name, t in logins.items()}
    first = next(iter(found.values()))
    for name, got in found.items():
        equal(f"{what}, {name}", first, got)
    return first


def refused_logins(s, mechanism):
    bob = make_user(s, "globex", fresh("bob"))
    off = make_user(s, "acme", fresh("off"))
    s.rest("PATCH", f"/v1/tenants/acme/users/{off.user}", {"enabled": False})
    return {"nobody": s.acme.but(mechanism=mechanism, user=fresh("nob"), password="a-password"),
            "globex's user": s.acme.but(mechanism=mechanism, user=bob.user, password="a-password"),
            "globex's user, wrong password": s.acme.but(mechanism=mechanism, user=bob.user, password="b-password"),
            "wrong password": s.acme.but(mechanism=mechanism, password="a-password"),
            "globex's password": s.acme.but(mechanism=mechanism, password=s.globex.password),
            "disabled": s.acme.but(mechanism=mechanism, user=off.user, password="a-password")}


def test_refused_alike(s):
    """A user of another tenant, one that is nowhere, a disabled one and a wrong password: the same frames to the byte."""
    for mechanism in MECHANISMS:
        logins = refused_logins(s, mechanism)
        got = alike(mechanism, logins)
        equal(f"{mechanism}: how it ends", "closed", got[-1])
        true(f"{mechanism} says Authentication failed", b"Authentication failed" in got[-2])
        got = alike(f"{mechanism} after an old handshake", logins, 0)
        equal(f"{mechanism} after an old handshake: how it ends", "closed, before that b''", got[-1])


def test_refused_alike_shared(s):
    """At the port of all tenants: so are those of a tenant that is not there or suspended, and names without a tenant."""
    s.rest("POST", "/v1/tenants", {"id": "sleepy"})
    s.rest("POST", "/v1/tenants/sleepy/users", {"name": "alice", "password": "a-password"})
    s.rest("POST", "/v1/tenants/sleepy/suspend")
    bob = make_user(s, "globex", fresh("bob"))
    names = ("acme/nobody", "acme/alice", f"acme/{bob.user}", "nowhere/alice", "sleepy/alice", "sleepy/nobody", "alice", "/alice",
             "acme/", "acme//alice", "acme.x/alice", "ACME/alice", f"globex/{bob.user}x", " acme/alice")
    for mechanism in MECHANISMS:
        shared = s.tenant("acme", via="shared").but(mechanism=mechanism)
        got = alike(mechanism, {n: shared.but(user=n, password="a-password") for n in names})
        equal("how it ends", "closed", got[-1])
    s.rest("DELETE", "/v1/tenants/sleepy")


def first_answer(t):
    """-> the server's first SCRAM message without nonces."""
    with t.connect() as w:
        equal("handshake", 0, w.request("SaslHandshake", 1, {"Mechanism": t.mechanism})["ErrorCode"])
        said = w.sasl_step(kw.Scram(t.mechanism, t.user, t.password, nonce="n" * 24).first())
        return re.sub(rb"r=[^,]*,", b"", said)


def test_salts(s):
    """The salt of a name that is nobody's is the same each time; a name's salt at one tenant says nothing about another's."""
    bob = make_user(s, "globex", fresh("bob"))
    for mechanism in MECHANISMS[:2]:
        here, there = s.acme.but(mechanism=mechanism, user=bob.user), bob.but(mechanism=mechanism)
        fake = first_answer(here)
        equal("a salt that was made up", fake, first_answer(here))
        equal("the same by host name", fake, first_answer(s.tenant("acme", via="sni", user=bob.user).but(mechanism=mechanism)))
        equal("the same at the shared port", fake,
              first_answer(s.tenant("acme", via="shared", user=bob.user).but(mechanism=mechanism)))
        true("it is not the user's at its own tenant", fake != first_answer(there))
        true("another name has another", fake != first_answer(here.but(user=bob.user + "x")))


# ---- failed logins are answered late --------------------------------------------------------------------

def refused_after(t, source=None):
    """One login that fails; -> seconds that its answer took."""
    with t.connect(**({"source": source} if source else {})) as w:
        w.request("SaslHandshake", 1, {"Mechanism": "PLAIN"})
        began = time.monotonic()
        try:
            w.sasl_step(f"\0{t.user}\0{t.password}".encode())
        except kw.SaslFailed:
            return time.monotonic() - began
        raise AssertionError(f"{t.user} logs in with a wrong password")


def test_delays(s):
    """Each failure of a user from an address is answered later than the one before, up to a bound; nobody else waits, and who was
    right before from there does not wait either."""
    g, alice = s.gateway, make_user(s, "acme", fresh("alice"))
    g.reconfigure("authentication", connection_failed_authentication_delay_ms=200,
                  connection_failed_authentication_delay_max_ms=500)
    late = lambda: g.metric("alcove_logins_delayed_total")  # noqa: E731
    try:
        for t in (alice.but(password="wrong"), alice.but(user=fresh("nobody"))):
            for least in (0.2, 0.4, 0.5, 0.5):
                took = refused_after(t)
                true(f"{t.user}: {took:.3f} s, expected {least} s at least", took >= least)
        before = late()
        alice.but(mechanism="PLAIN").wire(record=False, source="127.0.0.2").close()
        equal("right, from elsewhere: waits not", before, late())
        began = time.monotonic()
        alice.but(mechanism="PLAIN").wire(record=False).close()
        took = time.monotonic() - began
        true(f"the first that is right where others failed waits as they do: {took:.3f} s", took >= 0.5)
        equal("and is counted", before + 1, late())
        refused_after(alice.but(password="wrong"))
        before = late()
        alice.but(mechanism="PLAIN").wire(record=False).close()
        equal("the next does not", before, late())
        many_wait(s, alice)
    finally:
        g.reconfigure("authentication", connection_failed_authentication_delay_ms=1,
                      connection_failed_authentication_delay_max_ms=2)


def many_wait(s, right):
    """While answers to 40 failed logins wait, others come in without waiting: no thread is held."""
    s.gateway.reconfigure("authentication", connection_failed_authentication_delay_ms=30000,
                          connection_failed_authentication_delay_max_ms=30000)
    before = s.gateway.metric("alcove_logins_delayed_total")
    waiting = []
    try:
        for i in range(40):
            w = s.acme.connect()
            waiting.append(w)
            w.request("SaslHandshake", 1, {"Mechanism": "PLAIN"})
            w.send("SaslAuthenticate", 2, {"AuthBytes": f"\0nobody{i}\0wrong".encode()})
        stack.wait_until("all wait", lambda: s.gateway.metric("alcove_logins_delayed_total") == before + 40)
        for mechanism in MECHANISMS:
            right.but(mechanism=mechanism).wire(record=False).close()
        equal("who is right does not wait", before + 40, s.gateway.metric("alcove_logins_delayed_total"))
    finally:
        for w in waiting:
            w.close()


def test_counted(s):
    """Logins and failures by mechanism and reason."""
    def counts():
        m = s.gateway.metrics()
        return {k: v for k, v in m.items() if k.startswith(("alcove_logins_total", "alcove_login_failures_total"))}
    before = counts()
    s.acme.but(mechanism="SCRAM-SHA-256").wire(record=False).close()
    refused_after(s.acme.but(user=fresh("nobody")))
    refused_after(s.acme.but(password="wrong"))
    with s.acme.connect() as w:
        w.request("SaslHandshake", 1, {"Mechanism": "GSSAPI"})
    with s.acme.connect() as w:
        w.request("SaslHandshake", 1, {"Mechanism": "SCRAM-SHA-512"})
        w.request("SaslAuthenticate", 2, {"AuthBytes": b"nonsense"})
    after = counts()
    equal("what was counted", {
        'alcove_logins_total{mechanism="SCRAM-SHA-256",result="ok"}': 1,
        'alcove_logins_total{mechanism="PLAIN",result="failed"}': 2,
        'alcove_logins_total{mechanism="SCRAM-SHA-512",result="failed"}': 1,
        'alcove_logins_total{mechanism="_other",result="failed"}': 1,
        'alcove_login_failures_total{mechanism="PLAIN",reason="unknown_user"}': 1,
        'alcove_login_failures_total{mechanism="PLAIN",reason="wrong_password"}': 1,
        'alcove_login_failures_total{mechanism="SCRAM-SHA-512",reason="malformed"}': 1,
        'alcove_login_failures_total{mechanism="_other",reason="mechanism"}': 1,
    }, {k: int(v - before.get(k, 0)) for k, v in after.items() if v != before.get(k, 0)})


# ---- states of a connection ---------------------------------------------------------------------------

def test_old_handshake(s):
    """Handshake v0: bare tokens with a size in front, as clients of Kafka 0.10 send; then ordinary requests."""
    for mechanism in MECHANISMS:
        with s.acme.connect() as w:
            equal("handshake", 0, w.request("SaslHandshake", 0, {"Mechanism": mechanism})["ErrorCode"])
            if mechanism == "PLAIN":
                w.send_raw(kw.frame(f"\0{s.acme.user}\0{s.acme.password}".encode()))
                equal("PLAIN's answer", b"", w.receive_frame())
            else:
                scram = kw.Scram(mechanism, s.acme.user, s.acme.password)
                w.send_raw(kw.frame(scram.first()))
                w.send_raw(kw.frame(scram.final(w.receive_frame())))
                scram.finish(w.receive_frame())
            equal("a request then", 0, w.request("Metadata", 1, {"Topics": []})["Brokers"][0]["NodeId"] - 1)


def test_before_login(s):
    """Before a login nothing but ApiVersions and SASL; what else is asked closes without an answer."""
    for api, version in (("Metadata", 9), ("Produce", 9), ("DescribeCluster", 0), ("FindCoordinator", 3)):
        with s.acme.connect() as w:
            w.api_versions()
            w.send(api, version, {})
            true(f"{api} closes", w.closed_by_peer())
    with s.acme.connect() as w:
        w.request("SaslHandshake", 1, {"Mechanism": "PLAIN"})
        w.send("Metadata", 9, {})
        true("Metadata between handshake and token closes", w.closed_by_peer())
    with s.acme.connect() as w:
        equal("tokens without a handshake", ILLEGAL_SASL_STATE, w.request("SaslAuthenticate", 2, {"AuthBytes": b"x"})["ErrorCode"])
        true("and closed", w.closed_by_peer())
    with s.acme.connect() as w:
        reply = w.request("SaslHandshake", 1, {"Mechanism": "GSSAPI"})
        equal("an unknown mechanism", (UNSUPPORTED_SASL_MECHANISM, sorted(MECHANISMS)),
              (reply["ErrorCode"], sorted(reply["Mechanisms"])))
        true("and closed", w.closed_by_peer())


def test_impersonation(s):
    """Neither PLAIN's nor SCRAM's authorization id makes one user another."""
    with s.acme.connect() as w:
        w.request("SaslHandshake", 1, {"Mechanism": "PLAIN"})
        equal("PLAIN as somebody else", SASL_AUTHENTICATION_FAILED, w.request("SaslAuthenticate", 2, {
            "AuthBytes": f"root\0{s.acme.user}\0{s.acme.password}".encode()})["ErrorCode"])
    with s.acme.connect() as w:
        w.request("SaslHandshake", 1, {"Mechanism": "SCRAM-SHA-512"})
        scram = kw.Scram("SCRAM-SHA-512", s.acme.user, s.acme.password)
        equal("SCRAM as somebody else", SASL_AUTHENTICATION_FAILED, w.request("SaslAuthenticate", 2, {
            "AuthBytes": b"n,a=root," + scram.bare.encode()})["ErrorCode"])


# ---- live changes ---------------------------------------------------------------------------------------

def closed_within(w, began, what):
    true(f"{what}: the connection is closed", w.closed_by_peer(5))
    took = time.monotonic() - began
    true(f"{what}: closed after {took:.2f} s", took < 1.0)


def change_closes(s, what, change, name=None):
    """A change of a user closes that user's connections, quiet, polling and upstream ones; nobody else's."""
    t = make_user(s, "acme", name or fresh("dave"))
    topic = fresh("watched")
    topic_id = create_topic(s.acme, topic)
    with t.wire() as quiet, t.wire() as polling, t.wire() as used, s.acme.wire() as other:
        used.request("Metadata", 9, {"Topics": [{"Name": topic}]})
        polling.send("Fetch", 13, {"MaxWaitMs": 20000, "MinBytes": 1, "MaxBytes": 1000, "SessionEpoch": -1, "Topics": [
            {"TopicId": topic_id, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 1000}]}]})
        time.sleep(0.1)
        began = time.monotonic()
        change(f"/v1/tenants/acme/users/{t.user}")
        for w in (quiet, polling, used):
            closed_within(w, began, what)
        equal("another user goes on", topic, other.request("Metadata", 9, {"Topics": [{"Name": topic}]})["Topics"][0]["Name"])
    return t


def test_password_changed(s):
    """A new password closes what the old one opened within a second; the old one is refused from then on."""
    t = change_closes(s, "password", lambda path: s.rest("PATCH", path, {"password": "another-one"}))
    equal("the old one", "closed", transcript(t)[-1])
    with t.but(password="another-one").wire() as w:
        equal("the new one", 0, w.request("DescribeCluster", 0, {})["ErrorCode"])


def test_disabled_deleted(s):
    """So do disabling and deletion; enabled again, the user is back with its old password."""
    t = change_closes(s, "disabled", lambda path: s.rest("PATCH", path, {"enabled": False}))
    equal("disabled", "closed", transcript(t)[-1])
    s.rest("PATCH", f"/v1/tenants/acme/users/{t.user}", {"enabled": True})
    with t.wire() as w:
        equal("enabled again", 0, w.request("DescribeCluster", 0, {})["ErrorCode"])
    t = change_closes(s, "deleted", lambda path: s.rest("DELETE", path))
    equal("deleted", "closed", transcript(t)[-1])
    make_user(s, "acme", t.user, "a-second-one")
    equal("one of the same name made later has no old password", "closed", transcript(t)[-1])


def test_change_while_logging_in(s):
    """A password that changes in the middle of an exchange: what was proved with the old one does not stay."""
    for i in range(5):
        t = make_user(s, "acme", fresh("eve"))
        with t.connect() as w:
            w.request("SaslHandshake", 1, {"Mechanism": t.mechanism})
            scram = kw.Scram(t.mechanism, t.user, t.password)
            said = w.sasl_step(scram.first())
            s.rest("PATCH", f"/v1/tenants/acme/users/{t.user}", {"password": f"other-secret-{i}"})
            try:
                w.sasl_step(scram.final(said))
            except kw.WireError:
                continue
            true("a login by the old password lasts no second", w.closed_by_peer(1))


def test_many_logins(s):
    """200 logins from 20 threads beside each other, a third of them wrong: each gets its own answer."""
    wrong = []

    def one(k):
        for i in range(10):
            good = (k + i) % 3 != 0
            t = s.acme if k % 2 else s.globex
            t = t.but(mechanism=MECHANISMS[(k + i) % 3], **({} if good else {"password": "wrong"}))
            try:
                t.wire(record=False).close()
                outcome = True
            except kw.SaslFailed:
                outcome = False
            if outcome != good:
                wrong.append((k, i, t.mechanism))
    threads = [threading.Thread(target=one, args=(k,)) for k in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal("logins that got another answer than theirs", [], wrong)
    with s.globex.wire() as w:
        equal("still there", [], fetch_nothing(w))


def fetch_nothing(w):
    return w.request("Metadata", 9, {"Topics": []})["Topics"]
