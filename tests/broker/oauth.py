"""Logins by tokens (OAUTHBEARER) of an issuer that the test makes: its keys, rotated and gone; forged tokens; Java and librdkafka."""
import contextlib
import hashlib
import hmac
import json
import pathlib
import threading
import time

import confluent_kafka as ck

from issuer import Issuer, Key, b64
from reauth import traffic
from runner import create_topic, equal, fresh, kw, produce, stack, true

GATEWAY = True
SASL_AUTHENTICATION_FAILED = 58
RENEWS = pathlib.Path(__file__).resolve().parent / "java/Renews.java"
INVALID = b'{"status":"invalid_token"}'
SECTION = """
oauth:
  issuers:
    - name: test
      sasl.oauthbearer.expected.issuer: {issuer.iss}
      sasl.oauthbearer.expected.audience: {issuer.audience}
      sasl.oauthbearer.jwks.endpoint.url: "{url}"
      sasl.oauthbearer.jwks.endpoint.refresh.ms: 1000
      tenant.claim.name: tenant
      groups.claim.name: /realm_access/roles
      required.claims: scope=kafka
{more}"""


@contextlib.contextmanager
def edited(s, authentication, end):
    path = s.gateway.folder / "alcove.yaml"
    before = path.read_text()
    head = "  scram.iterations: 4096\n"
    true("the options' place", head in before)
    path.write_text(before.replace(head, head + authentication) + end)
    s.gateway.reload()
    try:
        yield
    finally:
        path.write_text(before)
        s.gateway.reload()


@contextlib.contextmanager
def issued(s, url=None, more=None, kind="EC"):
    """-> an issuer whose tokens are taken while it is open."""
    with Issuer(s.gateway.folder / fresh("issuer"), s.gateway.folder / "server.pem", s.gateway.folder / "server.key", kind) as issuer:
        if more is None:
            more = f"      jwks.endpoint.ca.file: {s.gateway.ca}\n      jwks.endpoint.networks: 127.0.0.0/8, ::1\n"
        section = SECTION.format(issuer=issuer, url=url(issuer) if url else issuer.url, more=more)
        with edited(s, "  sasl.mechanisms: SCRAM-SHA-512, SCRAM-SHA-256, PLAIN, OAUTHBEARER\n", section):
            yield issuer


def keys(s):
    return s.gateway.metric("alcove_jwks_keys", issuer="test")


def fetches(s, result):
    return s.gateway.metric("alcove_jwks_fetches_total", issuer="test", result=result)


def good(issuer, sub="ann", tenant="acme", **more):
    return issuer.token(sub, **{"tenant": tenant, "scope": "kafka", **more})


def by(t, token):
    return t.but(mechanism="OAUTHBEARER", password=token)


def transcript(t, token, reply=b"\x01"):
    """Everything that a login by this token gets."""
    got = []
    with t.connect() as w:
        equal("handshake", 0, w.request("SaslHandshake", 1, {"Mechanism": "OAUTHBEARER"})["ErrorCode"])
        for said in (f"n,,\x01auth=Bearer {token}\x01\x01".encode(), reply):
            w.send("SaslAuthenticate", 2, {"AuthBytes": said})
            raw = w.receive_frame()
            got.append(raw)
            answer = kw.decode_response(*w.waiting.pop()[1:], raw)
            if answer["ErrorCode"] or not answer["AuthBytes"]:
                break
        got.append((answer["ErrorCode"], answer["ErrorMessage"]))
        got.append("closed" if w.closed_by_peer(5) else "open")
    return got


def lets_in(t, token):
    try:
        by(t, token).wire(record=False).close()
    except kw.SaslFailed:
        return False
    return True


def written(w, topic):
    return w.request("Produce", 12, {"Acks": -1, "TimeoutMs": 10000, "TopicData": [{"Name": topic, "PartitionData": [
        {"Index": 0, "Records": kw.batch([b"x"])}]}]})["Responses"][0]["PartitionResponses"][0]["ErrorCode"]


# ---- raw -------------------------------------------------------------------------------------------------

def test_raw(s):
    """A token at the tenant's port, the shared one and by host name; its user is nobody of the store."""
    topic = fresh("by-token")
    create_topic(s.acme, topic)
    with issued(s) as issuer:
        stack.wait_until("the keys are there", lambda: keys(s) == 1)
        for via in (None, "shared", "sni"):
            with by(s.tenant("acme", via=via), good(issuer, exp=issuer.now() + 50)).wire() as w:
                true(f"told to renew within {w.session_lifetime_ms} ms", 40000 < w.session_lifetime_ms <= 50000)
                produce(w, topic, [b"x"])
        with by(s.acme, good(issuer)).connect() as w:
            w.sasl("OAUTHBEARER", "", good(issuer), {"job": "nightly"})
            equal("with an extension", 0, w.request("DescribeCluster", 0, {})["ErrorCode"])
        with by(s.acme, good(issuer)).wire() as w:
            w.sasl("OAUTHBEARER", "", good(issuer))
            equal("renewed", 0, w.request("DescribeCluster", 0, {})["ErrorCode"])
            try:
                time.sleep(1.05)  # not twice within a second
                w.sasl("OAUTHBEARER", "", good(issuer, "bob"))
            except kw.SaslFailed as e:
                equal("renewed by another's token", SASL_AUTHENTICATION_FAILED, e.code)
            else:
                raise AssertionError("a connection became somebody else's")


def test_rights(s):
    """ACLs are for a token's user and for the groups that it claims; a renewal that claims others changes what may be done."""
    name, topic = fresh("acl"), fresh("orders")
    s.gateway.make_tenant(name, [("alice", "alice-secret")], authorizer="acl", superUsers=["User:alice"])
    shared = s.gateway.tenant(name, s.folder, via="shared", password="alice-secret")
    create_topic(shared, topic)
    s.rest("POST", f"/v1/tenants/{name}/acls", {"acls": [
        {"resourceType": "TOPIC", "resourceName": topic, "principal": p, "operation": "WRITE", "permission": permission}
        for p, permission in (("User:ann", "ALLOW"), ("Group:interns", "DENY"), ("Group:ops", "ALLOW"))]})
    with issued(s) as issuer:
        stack.wait_until("the keys are there", lambda: keys(s) == 1)

        def token(user, *groups):
            return good(issuer, user, name, realm_access={"roles": groups})
        for user, groups, code in (("ann", (), 0), ("carol", (), 29), ("carol", ("dev", "ops"), 0), ("ann", ("interns",), 29)):
            with by(shared, token(user, *groups)).wire() as w:
                equal(f"{user} of {groups}", code, written(w, topic))
        with by(shared, token("ann", "interns")).wire() as w:
            equal("an intern", 29, written(w, topic))
            w.sasl("OAUTHBEARER", "", token("ann", "former-interns"))
            equal("an intern no more", 0, written(w, topic))
    s.rest("DELETE", f"/v1/tenants/{name}")


def test_refused_alike(s):
    """Expired, not for us, of another tenant, unsigned, signed by another key or by what everybody knows: one answer, Kafka's."""
    sleepy = fresh("sleepy")
    s.rest("POST", "/v1/tenants", {"id": sleepy})
    s.rest("POST", f"/v1/tenants/{sleepy}/suspend")
    off = fresh("off")
    s.rest("POST", "/v1/tenants/acme/users", {"name": off, "password": "a-password"})
    s.rest("PATCH", f"/v1/tenants/acme/users/{off}", {"enabled": False})
    with issued(s, kind="RSA") as issuer:
        stack.wait_until("the keys are there", lambda: keys(s) == 1)
        key = issuer.keys[-1]
        foreign = Key(issuer.folder, "key-1x", "RSA")
        foreign.kid = key.kid
        head, claims, _ = good(issuer).split(".")
        none, hs = ({"alg": alg, "kid": key.kid} for alg in ("none", "HS256"))
        signed = f"{b64(json.dumps(hs).encode())}.{claims}"
        tokens = {
            "expired": good(issuer, exp=issuer.now() - 31), "not yet": good(issuer, nbf=issuer.now() + 60),
            "another audience": good(issuer, aud="other"), "another issuer": good(issuer, iss="https://evil.test"),
            "another tenant": good(issuer, tenant="globex"), "a tenant that is not there": good(issuer, tenant="nowhere"),
            "no tenant": good(issuer, tenant=None), "no scope": good(issuer, scope="other"), "no user": good(issuer, None),
            "a disabled user": good(issuer, off), "another key": issuer.token("ann", foreign, tenant="acme", scope="kafka"),
            "unsigned": f"{b64(json.dumps(none).encode())}.{claims}.",
            "the public key as a secret": f"{signed}.{b64(hmac.new(key.public, signed.encode(), hashlib.sha256).digest())}",
            "another's claims": f"{head}.{b64(json.dumps(issuer.claims('root', tenant='acme', scope='kafka')).encode())}.{good(issuer).split('.')[2]}",
            "no token": "e30.e30.e30"}
        true("a good one", lets_in(s.acme, good(issuer)))
        first = transcript(s.acme, tokens["expired"])
        equal("what is told at the end", ((SASL_AUTHENTICATION_FAILED, INVALID.decode()), "closed"), tuple(first[-2:]))
        true("what is told first", INVALID in first[0])
        for name, token in tokens.items():
            if name != "no tenant":  # that one says less at the shared port
                equal(name, first, transcript(s.acme, token))
        shared = s.tenant("acme", via="shared")
        for name, token in (tokens | {"a suspended tenant": good(issuer, tenant=sleepy)}).items():
            if name != "another tenant":  # it is good there, for globex
                equal(f"{name}, at the shared port", first, transcript(shared, token))
        equal("another answer than the byte that Kafka wants", first, transcript(s.acme, tokens["expired"], b"n,,\x01auth=Bearer x\x01\x01"))
    s.rest("DELETE", f"/v1/tenants/{sleepy}")


def test_disabled_meanwhile(s):
    """A user of a token's name that is disabled in the store closes its connections; suspending the tenant does too."""
    name = fresh("tok")
    s.rest("POST", "/v1/tenants/acme/users", {"name": name, "password": "a-password"})
    with issued(s) as issuer:
        stack.wait_until("the keys are there", lambda: keys(s) == 1)
        with by(s.acme, good(issuer, name)).wire() as its, by(s.acme, good(issuer, "other")).wire() as others:
            s.rest("PATCH", f"/v1/tenants/acme/users/{name}", {"password": "b-password"})
            equal("a password is not the token's", 0, its.request("DescribeCluster", 0, {})["ErrorCode"])
            s.rest("PATCH", f"/v1/tenants/acme/users/{name}", {"enabled": False})
            true("closed", its.closed_by_peer(5))
            equal("another one goes on", 0, others.request("DescribeCluster", 0, {})["ErrorCode"])


# ---- keys --------------------------------------------------------------------------------------------------

def test_rotation(s):
    """A key that the gateway has not seen is asked for; what the issuer shows no more is refused. It being ill changes nothing."""
    with issued(s) as issuer:
        stack.wait_until("the keys are there", lambda: keys(s) == 1)
        old = issuer.keys[-1]
        issuer.rotate()
        true("the new key, which is waited for", lets_in(s.acme, good(issuer)))
        true("the old one too", lets_in(s.acme, issuer.token("ann", old, tenant="acme", scope="kafka")))
        issuer.forget()
        stack.wait_until("the old one is gone", lambda: keys(s) == 1)
        true("it is refused", not lets_in(s.acme, issuer.token("ann", old, tenant="acme", scope="kafka")))
        for mode in ("down", "redirect", "large", "garbage"):
            issuer.mode, failed = mode, fetches(s, "failed")
            stack.wait_until(f"{mode} is noticed", lambda failed=failed: fetches(s, "failed") > failed, 15)
            true(f"{mode}: the last keys are used", lets_in(s.acme, good(issuer)))
        issuer.mode, fetched = None, fetches(s, "ok")
        stack.wait_until("it is well again", lambda: fetches(s, "ok") > fetched, 15)
        log = s.gateway.log_now()
        for words in ("found HTTP status 503", "found HTTP status 302", "found more than 262144 bytes", "expected a JWKS"):
            true(f"the log says {words!r}", words in log)


def test_where_keys_may_be(s):
    """From a file that changes; over http on a loopback address that is allowed; never at a private address that is not."""
    with issued(s, lambda i: (i.folder / "keys.json").write_bytes(i.jwks) and f"file:{i.folder / 'keys.json'}", "") as issuer:
        stack.wait_until("the keys are there", lambda: keys(s) == 1)
        true("by a file", lets_in(s.acme, good(issuer)))
        issuer.rotate()
        (issuer.folder / "keys.json").write_bytes(issuer.jwks)
        stack.wait_until("the file's new key counts", lambda: lets_in(s.acme, good(issuer)), 10, 0.1)
    with issued(s, lambda i: i.http_url, "      jwks.endpoint.networks: 127.0.0.1\n") as issuer:
        stack.wait_until("the keys are there", lambda: keys(s) == 1)
        true("over http", lets_in(s.acme, good(issuer)))
    with issued(s, None, f"      jwks.endpoint.ca.file: {s.gateway.ca}\n") as issuer:
        stack.wait_until("it is tried", lambda: fetches(s, "failed") >= 1)
        equal("nobody was asked", 0, issuer.asked)
        true("refused", not lets_in(s.acme, good(issuer)))
        true("the log says why", "neither the Internet's nor in jwks.endpoint.networks" in s.gateway.log_now())
    with issued(s, None, "      jwks.endpoint.networks: 127.0.0.0/8, ::1\n") as issuer:
        stack.wait_until("it is tried", lambda: fetches(s, "failed") >= 1)
        equal("a certificate of nobody whom the system knows", 0, issuer.asked)


# ---- clients in the middle of traffic ---------------------------------------------------------------------

def java_login(issuer, client, secret):
    return {"sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.token.endpoint.url": issuer.token_url,
            "sasl.login.callback.handler.class": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
            "sasl.login.refresh.min.period.seconds": 0, "sasl.login.refresh.buffer.seconds": 0, "sasl.login.refresh.window.factor": 0.5,
            "sasl.jaas.config": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
                                f'clientId="{client}" clientSecret="{secret}" scope="kafka" extension_job="nightly";'}


def test_clients(s):
    """Java by client credentials, librdkafka by these and by its callback, with tokens that end several times meanwhile: no error, no loss."""
    topic, theirs = fresh("by-token"), fresh("by-token")
    for t in (topic, theirs):
        create_topic(s.acme, t)
    with issued(s) as issuer:
        issuer.life_s = 9
        # What librdkafka fetches by itself lasts: it takes a new one so late that a connection may have to renew with the old one's last
        # second, and again within that second, which brokers do not take. Its tokens that end come from the callback.
        issuer.clients = {"svc-java": ("a-secret", {"tenant": "acme"}),
                          "svc-rdkafka": ("b-secret", {"tenant": "acme", "exp": issuer.now() + 120})}
        stack.wait_until("the keys are there", lambda: keys(s) == 1)
        renewed, out = s.gateway.metric("alcove_reauthentications_total", result="ok"), []

        def java():
            out.append(stack.tool(RENEWS, s.acme.java_file(**java_login(issuer, "svc-java", "a-secret")), topic, fresh("g"), 10, timeout=80,
                                  env={"KAFKA_TOOL_OPTS": f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={issuer.token_url}"}).stdout)
        thread = threading.Thread(target=java)
        thread.start()
        sent, got, errors = librdkafka(s.acme, theirs, issuer, thread)
        thread.join()
        equal("librdkafka's errors", [], errors)
        equal("librdkafka's records", sent, got)
        true(f"Java says {out}", out and out[0].startswith("well "))
        sent, got = map(int, out[0].split()[1:3])
        true(f"Java sent {sent}", sent > 50)
        equal("Java's records", sent, got)
        renewed = s.gateway.metric("alcove_reauthentications_total", result="ok") - renewed
        true(f"{renewed} renewals", renewed >= 4)
        print(f"    {renewed:.0f} renewals", flush=True)


def librdkafka(t, topic, issuer, thread):
    """-> as traffic()."""
    errors = []

    def give(_):
        # The library is told an earlier end, for the same reason.
        exp = issuer.now() + issuer.life_s
        return good(issuer, "svc-rdkafka", exp=exp), float(exp - 3), "svc-rdkafka", {"job": "nightly"}
    conf = {k: v for k, v in t.librdkafka(error_cb=lambda e: errors.append(str(e)), oauth_cb=give).items()
            if k not in ("sasl.username", "sasl.password")} | {"sasl.mechanism": "OAUTHBEARER"}
    p = ck.Producer(conf)
    del conf["oauth_cb"]  # the other one fetches its own
    c = ck.Consumer(conf | {"group.id": fresh("g"), "auto.offset.reset": "earliest", "sasl.oauthbearer.method": "oidc",
                            "sasl.oauthbearer.client.id": "svc-rdkafka", "sasl.oauthbearer.client.secret": "b-secret",
                            "sasl.oauthbearer.scope": "kafka", "sasl.oauthbearer.token.endpoint.url": issuer.token_url})
    return traffic(p, c, topic, thread, errors)
