"""Quotas by Kafka's own means: kafka-configs.sh, Java's AdminClient, raw requests that are answered as Kafka answers them; what a client
sets is in force, is the tenant's alone, and never reaches what the platform has set."""
import itertools
import json
import pathlib
import shlex

from runner import create_topic, equal, fresh, kw, produce, stack, true

GATEWAY = True
JAVA = pathlib.Path(__file__).resolve().parent / "java"
DENIED_CLUSTER, INVALID = 31, 42
EVERYTHING = {"Components": [], "Strict": False}


def made(s, **more):
    """A new tenant with the users alice (super user) and bob; -> its path, a Tenant for each"""
    name = fresh("quo")
    s.gateway.make_tenant(name, [(u, f"{u}-secret") for u in ("alice", "bob")], **({"authorizer": "acl", "superUsers": ["User:alice"]} | more))
    alice = s.gateway.tenant(name, s.folder, via="shared")
    return f"/v1/tenants/{name}", alice, s.gateway.tenant(name, s.folder, user="bob", password="bob-secret", via="shared")


def entry(entity, **values):
    """entity: ("user", "al"), ..; a value of None goes"""
    return {"Entity": [{"EntityType": t, "EntityName": n} for t, n in entity], "Ops": [
        {"Key": k, "Value": v or 0.0, "Remove": v is None} for k, v in values.items()]}


def alter(w, *entries, version=1, validate_only=False):
    reply = w.request("AlterClientQuotas", version, {"Entries": list(entries), "ValidateOnly": validate_only})
    return [e["ErrorCode"] for e in reply["Entries"]]


def described(w, version=1, **more):
    reply = w.request("DescribeClientQuotas", version, EVERYTHING | more)
    return reply["ErrorCode"] or {tuple(sorted((p["EntityType"], p["EntityName"] or "") for p in e["Entity"])): {
        v["Key"]: v["Value"] for v in e["Values"]} for e in reply["Entries"]}


def test_kafka_configs(s):
    """kafka-configs.sh: the commands of docs/quotas.md; --describe of a user, which asks for its credentials as well."""
    path, alice, _ = made(s)

    def configs(*args):
        return alice.tool("configs", *args).stdout
    said = [configs(*line) for line in examples("kafka-configs.sh --bootstrap-server acme.kafka.example.com:9192 --command-config root.properties ")]
    true(f"{said}", len(said) == 4)
    said = configs("--describe", "--entity-type", "users", "--entity-name", "alice")
    true(said, "user-principal 'alice'" in said and "producer_byte_rate=1048576" in said)
    items = s.rest("GET", f"{path}/quotas")["items"]
    equal("by REST", [
        {"type": "client", "user": None, "limits": {"consumer_byte_rate": 2097152}},
        {"type": "client", "user": "alice", "limits": {"producer_byte_rate": 1048576}},
        {"type": "address", "address": "10.0.0.7", "limits": {"connection_creation_rate": 10}}], items)


def test_java(s):
    """AdminClient: alterClientQuotas, describeClientQuotas with all filters; its errors for what is no quota and for who may not."""
    _, alice, bob = made(s)
    said = stack.tool(JAVA / "QuotaAdmin.java", alice.java_file(), bob.java_file(), timeout=120).stdout
    true(said[-3000:], said.rstrip().endswith("ok"))


def requests_of_describe():
    types, matches = ("user", "client-id", "ip", "", "group"), ((0, "al"), (0, None), (1, None), (1, "al"), (2, None), (2, "al"), (3, None))
    one = [[{"EntityType": t, "MatchType": m, "Match": v}] for t in types for m, v in matches]
    two = [[a[0], b[0]] for a, b in itertools.product(one[::3], one[1::4])]
    return [{"Components": c, "Strict": strict} for c in [[], *one, *two] for strict in (False, True)]


def entries_of_alter():
    """What both refuse, or both take."""
    entities = ([], [("user", "dal")], [("user", None)], [("user", "")], [("client-id", "dapp")], [("client-id", None), ("user", "dal")], [("group", "g")],
                [("user", "dal"), ("ip", "10.0.0.1")], [("ip", "no address!")], [("ip", "10.0.0.1")], [("ip", None)], [("user", "dal"), ("user", "dbob")])
    values = ({}, {"producer_byte_rate": 5.0}, {"producer_byte_rate": 0.0}, {"producer_byte_rate": -1.0}, {"producer_byte_rate": 1.5},
              {"consumer_byte_rate": 1e30}, {"consumer_byte_rate": 9223372036854775807.0}, {"no_such_key": 1.0}, {"no_such_key": None},
              {"producer_byte_rate": None}, {"connection_creation_rate": 5.0})
    return [entry(e, **v) for e in entities for v in values]


def test_as_kafka(s):
    """The same requests to Kafka itself: the same errors, and the same entities found. Numbers are high: those hold for the gateway, too."""
    _, alice, _ = made(s)
    with alice.wire() as w, s.kafka.wire() as k:
        for both in (w, k):
            equal("of addresses", [0], alter(both, entry([("ip", "10.9.9.9")], connection_creation_rate=500.0)))
            equal("set", [0] * 4, alter(both, entry([("user", "al")], producer_byte_rate=7e12), entry([("user", None)], producer_byte_rate=8e12),
                                        entry([("user", "al"), ("client-id", "app")], consumer_byte_rate=9e12), entry([("client-id", None)], consumer_byte_rate=1e12)))
        stack.wait_until("the broker knows what its controller was told", lambda: len(described(k)) == 5)
        for q in requests_of_describe():
            for version in (0, 1):
                equal(f"{q}", described(k, version, **q), described(w, version, **q))
        for e in entries_of_alter():
            equal(f"{e}", alter(k, e, validate_only=True), alter(w, e, validate_only=True))
        twice = [entry([("user", "twin")], producer_byte_rate=1.0), entry([("user", "twin")], consumer_byte_rate=1.0)]
        equal("twice", alter(k, *twice, validate_only=True), alter(w, *twice, validate_only=True))
        for both in (w, k):
            equal("of addresses no more", [0], alter(both, entry([("ip", "10.9.9.9")], connection_creation_rate=None)))
        gone = [entry([(t, n) for t, n in e], producer_byte_rate=None, consumer_byte_rate=None)
                for e in ([("user", "al")], [("user", None)], [("user", "al"), ("client-id", "app")], [("client-id", None)])]
        for both in (w, k):
            equal("removed", [0] * 4, alter(both, *gone))
            stack.wait_until("all are gone", lambda of=both: described(of) == {})


def test_in_force(s):
    """What a client sets is in force for the next request, on connections that are open; the tenant's own limit holds beside it and is
    neither seen nor changed from inside."""
    path, alice, _ = made(s)
    create_topic(alice, "t")

    def waits(w):
        reply = w.request("Produce", 9, {"Acks": -1, "TimeoutMs": 10000, "TopicData": [{"Name": "t", "PartitionData": [
            {"Index": 0, "Records": kw.batch([b"x" * 20000])}]}]})
        return reply["ThrottleTimeMs"]
    with alice.wire() as w, alice.wire() as admin:
        produce(w, "t", [b"x"], version=9)
        equal("no limit", 0, waits(w))
        equal("set", [0], alter(admin, entry([("user", "alice")], producer_byte_rate=10000.0)))
        true("nobody is told to wait", any(waits(w) for _ in range(3)))
        equal("removed", [0], alter(admin, entry([("user", "alice")], producer_byte_rate=None)))
        stack.wait_until("it is free again", lambda: waits(w) == 0)
        s.rest("POST", f"{path}/quotas", {"quotas": [{"type": "tenant", "limits": {"producer_byte_rate": 10000}},
                                                     {"type": "client", "user": "bob", "limits": {"producer_byte_rate": 5}}]})
        equal("what is seen inside", {(("user", "bob"),): {"producer_byte_rate": 5.0}}, described(admin))
        equal("a user's may be more", [0, 0], alter(admin, entry([("user", None)], producer_byte_rate=1e9), entry([("user", "alice")], producer_byte_rate=1e9)))
        true("the tenant's holds all the same", any(waits(w) for _ in range(3)))
    kept = s.rest("GET", f"{path}/quotas?type=tenant")["items"]
    equal("and stays", [{"type": "tenant", "limits": {"producer_byte_rate": 10000}}], kept)


def test_own_alone(s):
    """What one tenant sets is nobody else's: not another tenant's, not the cluster's."""
    _, alice, bob = made(s)
    _, other, _ = made(s)
    with alice.wire() as w, other.wire() as o, s.kafka.wire() as k, bob.wire() as b:
        equal("set", [0, 0], alter(w, entry([("user", "alice")], producer_byte_rate=7.0), entry([("client-id", None)], consumer_byte_rate=8.0)))
        equal("not there", {}, described(o))
        equal("nor in the cluster", {}, described(k))
        equal("set there", [0], alter(o, entry([("user", "alice")], producer_byte_rate=9.0)))
        equal("own", {"producer_byte_rate": 7.0}, described(w)[(("user", "alice"),)])
        equal("bob may not", [DENIED_CLUSTER], alter(b, entry([("user", "bob")], producer_byte_rate=9.0)))
        equal("nor see", DENIED_CLUSTER, described(b))
    lines = [x for x in s.gateway.log_now().splitlines() if 'what="quota.alter"' in x]
    true(f"{lines[-3:]}", any('actor="User:alice"' in x and 'origin="kafka 127.0.0.1"' in x for x in lines))


def test_examples(s):
    """Every command of docs/quotas.md that is alcovectl's, and each request by REST, does what it says."""
    path, _, _ = made(s)
    name = path.rsplit("/", 1)[1]
    requests = examples("adm ")
    equal("requests by REST", ["POST", "GET", "DELETE", "GET"], [rest(s, words, name) for words in requests])
    equal("by REST", [{"type": "client", "user": None, "limits": {"producer_byte_rate": 262144}}], s.rest("GET", f"{path}/quotas")["items"])
    commands = examples("alcovectl ")
    true(f"{commands}", len(commands) >= 6)
    for words in commands:
        alcovectl(s, *(name if w == "acme" else w for w in words))
    equal("in the end", 2, len(s.rest("GET", f"{path}/quotas")["items"]))


def examples(begin, page="quotas.md"):
    """Commands of a page of docs/ that begin so: the words behind that. A command goes on while a quote or a backslash wants it."""
    found, open_lines = [], ""
    for line in (pathlib.Path(__file__).resolve().parents[2] / "docs" / page).read_text().splitlines():
        if not line.startswith("    "):
            open_lines = ""
            continue
        open_lines += line.strip() + "\n"
        try:
            words = shlex.split(open_lines.replace("\\\n", " "))
        except ValueError:
            continue
        if not open_lines.endswith("\\\n"):
            if " ".join(words).startswith(begin):
                found.append(words[len(begin.split()):])
            open_lines = ""
    return found


def rest(s, words, name):
    method, body = "GET", None
    words = [w.replace("$A", "").replace("/acme/", f"/{name}/") for w in words]
    if "-X" in words:
        method = words[words.index("-X") + 1]
    if "--json" in words:
        body = json.loads(words[words.index("--json") + 1])
    s.rest(method, next(w for w in words if w.startswith("/v1/")), body)
    return method


def alcovectl(s, *words):
    built = [f for f in (stack.REPO / "build" / flavor / "alcovectl" for flavor in (stack.FLAVOR, "release")) if f.exists()]
    return stack.run(built[0], *words, env={"ALCOVE_URL": f"https://127.0.0.1:{s.gateway.ports['admin']}",
                                                            "ALCOVE_CA": str(s.gateway.ca), "ALCOVE_TOKEN": s.gateway.token}).stdout
