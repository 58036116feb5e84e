"""Who gets in: every mechanism, foreign and unknown users alike to the byte, nothing before a login."""
import socket
import struct

from runner import equal, kw, stack, true

GATEWAY = True


def test_mechanisms(s):
    """SCRAM-SHA-256, -512 and PLAIN; the same user name in both tenants with different passwords."""
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"):
        for t, other in ((s.acme, s.globex), (s.globex, s.acme)):
            for port in (t, s.tenant(t.name, via="shared"), s.tenant(t.name, via="sni")):
                with port.but(mechanism=mechanism).wire() as w:
                    true("answers", w.request("Metadata", 12, {"Topics": []})["ClusterId"])
            refusal(t.but(mechanism=mechanism, password=other.password), mechanism)
    with s.acme.connect() as w:
        reply = w.request("SaslHandshake", 1, {"Mechanism": "GSSAPI"})
        equal("an unknown mechanism", (33, ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]), (reply["ErrorCode"], sorted(reply["Mechanisms"])))


def exchange(t, mechanism, nonce="AAAABBBBCCCCDDDD"):
    """A login with a nonce that is always the same; -> every frame that came, and how it ended."""
    w = t.connect()
    try:
        w.request("SaslHandshake", 1, {"Mechanism": mechanism})
        if mechanism == "PLAIN":
            w.sasl_step(f"\0{t.user}\0{t.password}".encode())
        else:
            w.sasl_scram(kw.Scram(mechanism, t.user, t.password, nonce=nonce))
        end = "in"
    except kw.SaslFailed as e:
        end = f"{e.code} {e.text}"
        end += " closed" if w.closed_by_peer(3) else " open"
    finally:
        w.close()
    return w.received, end


def refusal(t, mechanism):
    frames, end = exchange(t, mechanism)
    true(f"{t.user} is refused and closed: {end}", end.startswith("58 ") and end.endswith(" closed"))
    return frames, end


def without_nonce(frames):
    """What the server chose by chance is made equal; its length stays."""
    out = []
    for raw in frames:
        at = raw.find(b"r=AAAABBBBCCCCDDDD")
        if at >= 0:
            end = raw.index(b",", at)
            raw = raw[:at + 18] + b"?" * (end - at - 18) + raw[end:]
        out.append(raw)
    return out


def test_foreign_is_unknown(s):
    """A user of the other tenant gets the bytes that one who does not exist gets, salt apart; each one's salt stays."""
    s.rest("POST", "/v1/tenants/globex/users", {"name": "grace", "password": "grace-secret"})
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"):
        for via in (None, "shared", "sni"):
            seen = []
            for user in ("grace", "gracf"):
                t = s.tenant("acme", via=via, user=user, password="grace-secret")
                frames, end = refusal(t, mechanism)
                again, _ = refusal(t, mechanism)
                equal(f"{user}, {mechanism}: the same on another day", without_nonce(frames), without_nonce(again))
                seen.append((len(frames), [len(f) for f in frames], without_salt(frames), end))
            equal(f"{mechanism}, {via}", seen[1], seen[0])
        with s.tenant("globex", user="grace", password="grace-secret").but(mechanism=mechanism).wire() as w:
            true("at home she gets in", w.request("Metadata", 12, {"Topics": []}))


def without_salt(frames):
    out = []
    for raw in without_nonce(frames):
        at = raw.find(b",s=")
        out.append(raw if at < 0 else raw[:at + 3] + b"?" * (raw.index(b",", at + 3) - at - 3) + raw[raw.index(b",", at + 3):])
    return out


def test_wrong_password_is_unknown(s):
    """A wrong password gets what an unknown user gets."""
    seen = []
    for user in ("alice", "alicf"):
        frames, end = refusal(s.acme.but(user=user, password="wrong-secret"), "SCRAM-SHA-256")
        seen.append((without_salt(frames), end))
    equal("frames", seen[1], seen[0])


def test_shared_port(s):
    """On the shared port the login names the tenant; anything else is unknown."""
    shared = s.tenant("acme", via="shared")
    for user in ("alice", "nobody/alice", "/alice", "acme/", "acme//alice", "ACME/alice", "acme/alice/x", "globex/alice"):
        refusal(shared.but(user=user), "SCRAM-SHA-512")
        refusal(shared.but(user=user), "PLAIN")
    refusal(s.acme.but(user="acme/alice"), "SCRAM-SHA-512")


def test_before_login(s):
    """Without a login there is ApiVersions and nothing else."""
    for api, version in (("Metadata", 12), ("Produce", 9), ("FindCoordinator", 4), ("DescribeCluster", 0), ("ListGroups", 4)):
        with s.acme.connect() as w:
            equal("ApiVersions", 0, w.api_versions()["ErrorCode"])
            w.send(api, version, {})
            true(f"{api} before the login closes", w.closed_by_peer(3))
    with s.acme.connect() as w:
        w.request("SaslHandshake", 1, {"Mechanism": "SCRAM-SHA-512"})
        w.send("Metadata", 12, {})
        true("Metadata in the middle of a login closes", w.closed_by_peer(3))
    with s.acme.connect() as w:
        w.send("SaslAuthenticate", 2, {"AuthBytes": b"n,,n=alice,r=x"})
        frames_or_end(w)


def frames_or_end(w):
    try:
        true("SaslAuthenticate without a handshake is refused", w.receive()["ErrorCode"] != 0)
    except kw.Closed:
        pass


def test_raw_sasl(s):
    """Clients of old send SASL tokens without Kafka's frame (SaslHandshake v0): either it works, or it is closed."""
    with s.acme.connect() as w:
        reply = w.request("SaslHandshake", 0, {"Mechanism": "PLAIN"})
        if reply["ErrorCode"]:
            return
        token = f"\0{s.acme.user}\0{s.acme.password}".encode()
        w.send_raw(struct.pack(">i", len(token)) + token)
        try:
            w.sock.settimeout(3)
            w.receive_exactly(4)
        except kw.Closed:
            return
        equal("then requests are answered", 0, w.request("ApiVersions", 0)["ErrorCode"])


def test_reauthentication(s):
    """Logging in again on an open connection (KIP-368): the same user goes on, another is refused."""
    with s.acme.wire() as w:
        for _ in range(3):
            w.sasl("SCRAM-SHA-256", s.acme.user, s.acme.password)
            true("answers", w.request("Metadata", 12, {"Topics": []}))
        s.rest("PUT", "/v1/tenants/acme/users/other", {"password": "other-secret"})
        try:
            w.sasl("SCRAM-SHA-256", "other", "other-secret")
        except (kw.SaslFailed, kw.Closed):
            return
        raise AssertionError("a connection changed its user")


def test_cluster_ids(s):
    """Each virtual cluster has an id of its own, the same on every port and at every time, and not the physical one."""
    ids = {}
    for t in (s.acme, s.globex):
        for via in (None, "shared", "sni"):
            with s.tenant(t.name, via=via).wire() as w:
                ids.setdefault(t.name, set()).add(w.request("Metadata", 12, {"Topics": []})["ClusterId"])
                ids[t.name].add(w.request("DescribeCluster", 0, {})["ClusterId"])
    equal("ids of each", {"acme": 1, "globex": 1}, {k: len(v) for k, v in ids.items()})
    equal("different ones", 3, len(ids["acme"] | ids["globex"] | {stack.CLUSTER_ID}))


def test_plain_text_is_refused(s):
    """A client without TLS is closed."""
    with socket.create_connection(("127.0.0.1", s.acme.port), 5) as c:
        c.sendall(kw.frame(kw.request_header("ApiVersions", 0, 1, "x")))
        c.settimeout(5)
        got = c.recv(1000)
        while got and c.recv(1000):
            pass
        true("no Kafka answer", len(got) < 10)
