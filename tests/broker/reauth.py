"""Logins that end (connections.max.reauth.ms), and clients that renew them on their open connections (KIP-368)."""
import contextlib
import pathlib
import threading
import time

import confluent_kafka as ck

from identity import make_user
from runner import create_topic, equal, fresh, kw, produce, stack, true

GATEWAY = True
MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")
SASL_AUTHENTICATION_FAILED, ILLEGAL_SASL_STATE = 58, 34
RENEWS = pathlib.Path(__file__).resolve().parent / "java/Renews.java"


@contextlib.contextmanager
def lasting(s, ms):
    """Logins last so long while it is open."""
    path = s.gateway.folder / "alcove.yaml"
    before = path.read_text()
    head = "  scram.iterations: 4096\n"
    true("the option's place", head in before)
    path.write_text(before.replace(head, f"{head}  connections.max.reauth.ms: {ms}\n"))
    s.gateway.reload()
    try:
        yield
    finally:
        path.write_text(before)
        s.gateway.reload()


def relogin(w, mechanism, user, password):
    """-> the error code of a login on a connection that has one."""
    try:
        w.sasl(mechanism, user, password)
    except kw.SaslFailed as e:
        return e.code
    return 0


def renewed(s):
    return s.gateway.metric("alcove_reauthentications_total", result="ok")


# ---- raw --------------------------------------------------------------------------------------------

def test_same_principal(s):
    """A live connection proves itself again: as the same user it goes on, as any other it is refused and closed."""
    topic = fresh("again")
    create_topic(s.acme, topic)
    other = make_user(s, "acme", fresh("carol"))
    with lasting(s, 60000):
        for mechanism in MECHANISMS:
            with s.acme.but(mechanism=mechanism).wire() as w:
                equal("the lifetime that is told", 60000, w.session_lifetime_ms)
                equal(f"again by {mechanism}", 0, relogin(w, mechanism, s.acme.user, s.acme.password))
                equal("the lifetime that is told anew", 60000, w.session_lifetime_ms)
                produce(w, topic, [b"x"])
        for what, user, password in (("another user of the tenant", other.user, other.password), ("a wrong password", "alice", "wrong"),
                                     ("nobody", "nobody", "x"), ("the other tenant's", "alice", s.globex.password)):
            for mechanism in MECHANISMS:
                with s.acme.but(mechanism=mechanism).wire() as w:
                    equal(f"{what}, {mechanism}", SASL_AUTHENTICATION_FAILED, relogin(w, mechanism, user, password))
                    true(f"{what}, {mechanism}: closed", w.closed_by_peer())
        with s.tenant("acme", via="shared").but(mechanism="PLAIN").wire() as w:
            equal("from acme to globex at the shared port", SASL_AUTHENTICATION_FAILED,
                  relogin(w, "PLAIN", "globex/alice", s.globex.password))
            true("closed", w.closed_by_peer())
        with s.acme.wire() as w:
            equal("by another mechanism", SASL_AUTHENTICATION_FAILED, relogin(w, "PLAIN", s.acme.user, s.acme.password))
            true("by another mechanism: closed", w.closed_by_peer())


def test_too_soon(s):
    """Not twice within a second, and not at all where logins do not end: refused, and the connection goes on, as at brokers."""
    with s.acme.wire() as w:
        equal("without an end", ILLEGAL_SASL_STATE, relogin(w, s.acme.mechanism, s.acme.user, s.acme.password))
        equal("a request then", 0, w.request("DescribeCluster", 0, {})["ErrorCode"])
        equal("a token then", ILLEGAL_SASL_STATE, w.request("SaslAuthenticate", 2, {"AuthBytes": b"x"})["ErrorCode"])
        equal("a request then", 0, w.request("DescribeCluster", 0, {})["ErrorCode"])
    with lasting(s, 60000), s.acme.but(mechanism="PLAIN").wire() as w:
        equal("the first time", 0, relogin(w, "PLAIN", s.acme.user, s.acme.password))
        began = time.monotonic()
        code = relogin(w, "PLAIN", s.acme.user, s.acme.password)
        if time.monotonic() - began < 0.5:  # later it may be allowed again
            equal("at once again", ILLEGAL_SASL_STATE, code)
        equal("a request then", 0, w.request("DescribeCluster", 0, {})["ErrorCode"])
        stack.wait_until("a second later", lambda: relogin(w, "PLAIN", s.acme.user, s.acme.password) == 0, 10, 0.3)


def test_in_between(s):
    """Requests before the new handshake are answered in their order; between handshake and token nothing else is taken."""
    topic = fresh("between")
    create_topic(s.acme, topic)
    token = f"\0{s.acme.user}\0{s.acme.password}".encode()
    with lasting(s, 60000), s.acme.but(mechanism="PLAIN").wire() as w:
        for _ in range(5):
            w.send("Metadata", 9, {"Topics": [{"Name": topic}]})
        w.send("SaslHandshake", 1, {"Mechanism": "PLAIN"})
        w.send("SaslAuthenticate", 2, {"AuthBytes": token})
        for _ in range(5):
            w.send("Metadata", 9, {"Topics": [{"Name": topic}]})
        answers = [w.receive() for _ in range(12)]
        equal("handshake", 0, answers[5]["ErrorCode"])
        equal("login", 0, answers[6]["ErrorCode"])
        equal("metadata", [topic] * 10, [a["Topics"][0]["Name"] for a in answers[:5] + answers[7:]])
    with lasting(s, 60000), s.acme.but(mechanism="PLAIN").wire() as w:
        equal("handshake", 0, w.request("SaslHandshake", 1, {"Mechanism": "PLAIN"})["ErrorCode"])
        w.send("Metadata", 9, {"Topics": []})
        true("what is no token closes", w.closed_by_peer())


def test_over(s):
    """After the end the first request that does not renew closes the connection; a renewal is still in time."""
    before = s.gateway.metric("alcove_connections_closed_total", reason="session_expired")
    with lasting(s, 300), s.acme.wire() as goes_on, s.acme.wire() as renews:
        equal("at first", 0, goes_on.request("DescribeCluster", 0, {})["ErrorCode"])
        time.sleep(0.4)
        goes_on.send("DescribeCluster", 0, {})
        true("closed", goes_on.closed_by_peer())
        equal("renewed", 0, relogin(renews, s.acme.mechanism, s.acme.user, s.acme.password))
        equal("and goes on", 0, renews.request("DescribeCluster", 0, {})["ErrorCode"])
    equal("counted", before + 1, s.gateway.metric("alcove_connections_closed_total", reason="session_expired"))


# ---- clients in the middle of traffic -----------------------------------------------------------------

def test_clients(s):
    """A Java producer and consumer, and librdkafka's, over several renewals of all their connections: no error, no record lost."""
    topic, theirs = fresh("renewed"), fresh("renewed")
    for t in (topic, theirs):
        create_topic(s.acme, t)
    with lasting(s, 3000):  # a client that is late on a busy machine is thrown out, as by a broker
        before, out = renewed(s), []
        failed = s.gateway.metric("alcove_reauthentications_total", result="failed")

        def java():
            out.append(stack.tool(RENEWS, s.acme.java_file(), topic, fresh("g"), 7, timeout=80).stdout)
        thread = threading.Thread(target=java)
        thread.start()
        sent, got, errors = librdkafka(s.acme, theirs, thread)
        thread.join()
        equal("librdkafka's errors", [], errors)
        equal("librdkafka's records", sent, got)
        true(f"Java says {out}", out and out[0].startswith("well "))
        sent, got = map(int, out[0].split()[1:3])
        true(f"Java sent {sent}", sent > 50)
        equal("Java's records", sent, got)
        true(f"{renewed(s) - before} renewals", renewed(s) - before >= 6)
        equal("renewals that failed", failed, s.gateway.metric("alcove_reauthentications_total", result="failed"))


def librdkafka(t, topic, thread):
    """-> as traffic()."""
    errors = []
    said = {"error_cb": lambda e: errors.append(str(e))}
    p = ck.Producer(t.librdkafka(**said))
    c = ck.Consumer(t.librdkafka(**said, **{"group.id": fresh("g"), "auto.offset.reset": "earliest"}))
    return traffic(p, c, topic, thread, errors)


def traffic(p, c, topic, thread, errors):
    """A producer and a consumer of librdkafka go on while the thread lives; -> sent, received, errors."""
    got, sent = 0, 0
    c.subscribe([topic])
    end = time.monotonic() + 80
    while thread.is_alive() and time.monotonic() < end:
        p.produce(topic, b"x", on_delivery=lambda e, _: errors.append(f"delivery: {e}") if e else None)
        sent += 1
        p.poll(0)
        m = c.poll(0.05)
        if m is not None and m.error() is None:
            got += 1
    p.flush(20)
    while got < sent and time.monotonic() < end:
        m = c.poll(0.5)
        if m is not None and m.error() is None:
            got += 1
    c.close()
    return sent, got, errors
