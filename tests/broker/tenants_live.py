"""Tenants and users that change while clients are connected; ids that are taken, reserved, adopted, purged."""
import time

from runner import commit_offset, create_topic, equal, fetch, fresh, kw, produce, stack, true

GATEWAY = True
LIVE_S = 1.0  # a change is in force everywhere within


def made(s, word="live"):
    """A new tenant with user alice; -> Tenant, through the shared port."""
    name = fresh(word)
    s.gateway.make_tenant(name)
    return s.gateway.tenant(name, s.folder, via="shared")


def logs_in(t):
    try:
        with t.wire() as w:
            return w.request("Metadata", 12, {"Topics": []})["Brokers"] != []
    except kw.SaslFailed as e:
        equal("SASL error code", 58, e.code)
        return False
    except kw.Closed:
        return False


def refused(s, status, *call, **more):
    """The call must be refused so; -> the problem."""
    try:
        answer = s.rest(*call, **more)
    except stack.Refused as e:
        equal(f"{call[0]} {call[1]}: {e.problem}", status, e.status)
        true(f"a problem that says what: {e.problem}", e.problem.get("title") and e.problem.get("detail"))
        return e.problem
    raise AssertionError(f"{call[0]} {call[1]} was not refused but answered {answer}")


def closes(what, *wires):
    """Open connections end within a second, without an error in the middle of a frame."""
    began = time.monotonic()
    for w in wires:
        true(f"{what}: a connection is still open", w.closed_by_peer(max(0.05, LIVE_S - (time.monotonic() - began))))
        w.close()


def test_suspend_and_resume(s):
    """Suspending closes what is open, within a second, and refuses logins; resuming lets in again; data are kept."""
    t = made(s)
    topic = create_topic(t, "orders") and "orders"
    with s.acme.wire() as other:
        open_ones = [t.wire(), t.wire()]
        produce(open_ones[0], topic, [b"kept"])
        open_ones.append(t.connect())  # not yet logged in
        equal("state", "suspended", s.rest("POST", f"/v1/tenants/{t.name}/suspend")["state"])
        closes("suspended", *open_ones[:2])
        true("a login is refused", not logs_in(t))
        equal("another tenant's connection", 0, other.request("ApiVersions", 0)["ErrorCode"])
        equal("state", "active", s.rest("POST", f"/v1/tenants/{t.name}/resume")["state"])
        stack.wait_until("logins work again", lambda: logs_in(t), LIVE_S)
        open_ones[2].close()
        with t.wire() as w:
            equal("records", [b"kept"], fetch(w, topic))
        true("and acme still works", other.request("Metadata", 12, {"Topics": []})["Brokers"])


def test_waiting_requests_end(s):
    """A Fetch that waits at the broker for minutes does not keep a suspended tenant's connection open."""
    t = made(s)
    create_topic(t, "quiet")
    w = t.wire()
    w.send("Fetch", 12, {"MaxWaitMs": 120000, "MinBytes": 1, "MaxBytes": 1 << 20, "SessionEpoch": -1, "Topics": [
        {"Topic": "quiet", "Partitions": [{"Partition": 0, "PartitionMaxBytes": 1 << 20}]}]})
    time.sleep(0.3)
    s.rest("POST", f"/v1/tenants/{t.name}/suspend")
    closes("suspended while it waits", w)


def test_users(s):
    """A user disabled, given another password, deleted: open connections end, logins follow; others of the tenant stay."""
    t = made(s)
    s.rest("POST", f"/v1/tenants/{t.name}/users", {"name": "bob", "password": "bob-secret"})
    bob = t.but(user=f"{t.name}/bob", password="bob-secret")
    path = f"/v1/tenants/{t.name}/users/alice"
    with bob.wire() as stays:
        w = t.wire()
        s.rest("PATCH", path, {"enabled": False})
        closes("disabled", w)
        true("a disabled user is refused", not logs_in(t))
        s.rest("PATCH", path, {"enabled": True})
        stack.wait_until("enabled again", lambda: logs_in(t), LIVE_S)

        w = t.wire()
        s.rest("PATCH", path, {"password": "another-secret"})
        closes("password changed", w)
        true("the old password is refused", not logs_in(t))
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"):
            true(f"the new one works, {mechanism}", logs_in(t.but(password="another-secret", mechanism=mechanism)))

        w = t.but(password="another-secret").wire()
        s.rest("DELETE", path)
        closes("deleted", w)
        true("a deleted user is refused", not logs_in(t.but(password="another-secret")))
        refused(s, 404, "GET", path)
        true("bob still works", stays.request("Metadata", 12, {"Topics": []})["Brokers"])


def test_created_works_at_once(s):
    """A user works as soon as the answer to its creation is here; a generated password is shown once."""
    t = made(s)
    shown = s.rest("POST", f"/v1/tenants/{t.name}/users", {"name": "carol", "generate": True})
    true("a password is shown", len(shown.get("password", "")) >= 16)
    true("it works", logs_in(t.but(user=f"{t.name}/carol", password=shown["password"])))
    true("and is not shown again", "password" not in s.rest("GET", f"/v1/tenants/{t.name}/users/carol"))
    refused(s, 409, "POST", f"/v1/tenants/{t.name}/users", {"name": "carol", "password": "x-secret"})


def test_delete_and_purge(s):
    """A deleted tenant's connections end; its id is not given again before all it had is purged."""
    t = made(s)
    for i in range(3):
        create_topic(t, f"topic-{i}")
    w = t.wire()
    commit_offset(w, "g", "topic-0")
    stack.wait_until("its group is there", lambda: f"{t.name}.g" in s.kafka.groups())
    s.rest("DELETE", f"/v1/tenants/{t.name}")
    closes("deleted", w)
    true("a login is refused", not logs_in(t))
    problem = refused(s, 409, "POST", "/v1/tenants", {"id": t.name})
    true(f"without a purge its topics stay: {problem}", f"{t.name}.topic-0" in s.kafka.topics())
    s.rest("DELETE", f"/v1/tenants/{t.name}?purge=true")
    stack.wait_until("its topics are gone", lambda: not [x for x in s.kafka.topics() if x.startswith(f"{t.name}.")], 20)
    stack.wait_until("its groups are gone", lambda: not [x for x in s.kafka.groups() if x.startswith(f"{t.name}.")], 20)

    def again():
        try:
            return s.rest("POST", "/v1/tenants", {"id": t.name})
        except stack.Refused as e:
            equal("while it is purged", 409, e.status)
    stack.wait_until("the id is free again", again, 20)
    s.rest("POST", f"/v1/tenants/{t.name}/users", {"name": "alice", "password": "alice-secret"})
    with t.wire() as w:
        equal("topics of the new tenant", [], w.request("Metadata", 12, {"Topics": None})["Topics"])


def test_prefix_is_taken(s):
    """An id is not given over names that are there: 409 lists them, adoptPrefix takes them."""
    name = fresh("taken")
    with s.kafka.wire() as w:
        w.request("CreateTopics", 7, {"timeoutMs": 10000, "Topics": [{"Name": f"{name}.old", "NumPartitions": 1, "ReplicationFactor": 1}]})
        stack.wait_until("the topic is there", lambda: f"{name}.old" in s.kafka.topics())
        produce_when_ready(w, f"{name}.old", [b"from before"])
    problem = refused(s, 409, "POST", "/v1/tenants", {"id": name})
    true(f"the answer lists what is there: {problem}", f"{name}.old" in str(problem))
    refused(s, 404, "GET", f"/v1/tenants/{name}")
    s.gateway.make_tenant(name, adoptPrefix=True)
    with s.gateway.tenant(name, s.folder, via="shared").wire() as w:
        stack.wait_until("it has its topic", lambda: [x["Name"] for x in w.request("Metadata", 12, {"Topics": None})["Topics"]] == ["old"], 3)
        equal("records", [b"from before"], fetch(w, "old"))


def produce_when_ready(w, topic, values):
    stack.wait_until(f"{topic} has a leader", lambda: w.request("Metadata", 12, {"Topics": [{"Name": topic}]})["Topics"][0]["ErrorCode"] == 0)
    return produce(w, topic, values)


def test_prefix_of_a_group(s):
    """A group alone keeps an id from being given, too; one whose name only begins alike does not."""
    name = fresh("grouped")
    with s.kafka.wire() as w:
        w.request("CreateTopics", 7, {"timeoutMs": 10000, "Topics": [{"Name": f"{name}x.t", "NumPartitions": 1, "ReplicationFactor": 1}]})
        stack.wait_until("the topic is there", lambda: f"{name}x.t" in s.kafka.topics())
        for group in (f"{name}.readers", f"{name}y.readers"):
            commit_offset(w, group, f"{name}x.t")
    problem = refused(s, 409, "POST", "/v1/tenants", {"id": name})
    true(f"the answer lists the group: {problem}", f"{name}.readers" in str(problem))
    s.rest("POST", "/v1/tenants", {"id": name + "z"})


def test_ids(s):
    """Ids that are no ids, reserved ones, and one that is there."""
    for bad in ("", "A", "a_b", "a.b", "-a", "a-", "x" * 33, "ä", "a b"):
        refused(s, 422, "POST", "/v1/tenants", {"id": bad})
    for reserved in ("admin", "alcove", "localhost", "b3", "b12-acme", "b0-"):
        try:
            s.rest("POST", "/v1/tenants", {"id": reserved})
        except stack.Refused as e:
            true(f"{reserved}: {e}", e.status in (409, 422))
        else:
            raise AssertionError(f"the reserved id {reserved} was given")
    refused(s, 409, "POST", "/v1/tenants", {"id": "acme"})


def test_bad_bodies(s):
    """Nothing is half done, and the answer says what was found where."""
    refused(s, 422, "POST", "/v1/tenants", {"id": "good-id", "colour": "red"})
    refused(s, 422, "POST", "/v1/tenants", {"id": 7})
    refused(s, 422, "POST", "/v1/tenants", {})
    refused(s, 404, "GET", "/v1/tenants/good-id")
    refused(s, 401, "GET", "/v1/tenants", token="wrong")
    refused(s, 404, "GET", "/v1/nothing")
    refused(s, 405, "DELETE", "/v1/tenants")
