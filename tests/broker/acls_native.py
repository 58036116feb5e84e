"""ACLs by Kafka's own means: kafka-acls.sh, Java's AdminClient, librdkafka's admin API, raw requests; what a client was told is in force
for the next request of anybody, and is the tenant's alone."""
import json
import pathlib

import confluent_kafka as ck
from confluent_kafka import admin as ca

import quotas_native
from runner import create_topic, equal, fresh, kw, stack, true

GATEWAY = True
JAVA = pathlib.Path(__file__).resolve().parent / "java"
DENIED_TOPIC, DENIED_CLUSTER, INVALID, DISABLED = 29, 31, 42, 54
ANY = {"ResourceTypeFilter": 1, "ResourceNameFilter": None, "PatternTypeFilter": 1, "PrincipalFilter": None, "HostFilter": None,
       "Operation": 1, "PermissionType": 1}


def made(s, **more):
    """A new tenant with the users alice (super user), bob and carol; -> its path, a Tenant for each of the first two"""
    name = fresh("nacl")
    s.gateway.make_tenant(name, [(u, f"{u}-secret") for u in ("alice", "bob", "carol")],
                          **({"authorizer": "acl", "superUsers": ["User:alice"]} | more))
    alice = s.gateway.tenant(name, s.folder, via="shared")
    return f"/v1/tenants/{name}", alice, s.gateway.tenant(name, s.folder, user="bob", password="bob-secret", via="shared")


def acl(principal, operation, name="orders", kind=2, pattern=3, permission=3, host="*"):
    return {"ResourceType": kind, "ResourceName": name, "ResourcePatternType": pattern, "Principal": principal, "Host": host,
            "Operation": operation, "PermissionType": permission}


def create(w, *acls, version=3):
    return [r["ErrorCode"] for r in w.request("CreateAcls", version, {"Creations": list(acls)})["Results"]]


def described(w, version=3, **more):
    reply = w.request("DescribeAcls", version, ANY | more)
    return reply["ErrorCode"] or sorted((r["ResourceType"], r["ResourceName"], r["PatternType"], a["Principal"], a["Operation"],
                                         a["PermissionType"]) for r in reply["Resources"] for a in r["Acls"])


def test_at_once(s):
    """A right is there for whoever asks next, on any connection, before the answer to CreateAcls has been read; so is its end."""
    path, alice, bob = made(s)
    create_topic(alice, "orders")
    with alice.wire() as w, bob.wire() as b, bob.wire() as b2:
        def code(of):
            return of.request("Metadata", 12, {"Topics": [{"Name": "orders"}]})["Topics"][0]["ErrorCode"]
        for version in (1, 2, 3):
            for other in (b, b2):
                equal("before", DENIED_TOPIC, code(other))
            equal("CreateAcls", [0], create(w, acl("User:bob", 8), version=version))
            for other in (b, b2):
                equal("after", 0, code(other))
            gone = w.request("DeleteAcls", version, {"Filters": [ANY]})["FilterResults"][0]
            equal("what is gone", (0, [("orders", "User:bob", 8)]), (gone["ErrorCode"], [
                (a["ResourceName"], a["Principal"], a["Operation"]) for a in gone["MatchingAcls"]]))
        equal("in the end", DENIED_TOPIC, code(b))
    page = s.rest("GET", f"{path}/acls")
    equal("by REST", [], page["items"])


def test_who_may(s):
    """Describe and Alter on the cluster; without an authorizer there are no ACLs to speak of; each entry has its own error."""
    path, alice, bob = made(s)
    with alice.wire() as w, bob.wire() as b:
        equal("bob may not describe", DENIED_CLUSTER, described(b))
        equal("nor create", [DENIED_CLUSTER] * 2, create(b, acl("User:bob", 2), acl("User:bob", 3)))
        gone = b.request("DeleteAcls", 3, {"Filters": [ANY, ANY]})["FilterResults"]
        equal("nor delete", [(DENIED_CLUSTER, 0)] * 2, [(f["ErrorCode"], len(f["MatchingAcls"])) for f in gone])
        equal("alice lets him describe", [0], create(w, acl("User:bob", 8, "kafka-cluster", 4)))
        equal("and he does", [(4, "kafka-cluster", 3, "User:bob", 8, 3)], described(b))
        equal("but not create", [DENIED_CLUSTER], create(b, acl("User:bob", 2)))
        equal("alice lets him alter", [0], create(w, acl("User:bob", 7, "kafka-cluster", 4)))
        equal("some is good, some is not", [0, INVALID, INVALID, INVALID, INVALID, 0], create(
            b, acl("User:bob", 3), acl("User:bob", 3, "other", 4), acl("bob", 3), acl("User:bob", 3, ""), acl("User:bob", 44), acl("User:*", 3)))
        gone = b.request("DeleteAcls", 3, {"Filters": [ANY | {"ResourceTypeFilter": 2}, ANY | {"Operation": 99}, ANY | {
            "PrincipalFilter": "User:*"}]})["FilterResults"]
        equal("deleted", [(0, 2), (INVALID, 0), (0, 1)], [(f["ErrorCode"], len(f["MatchingAcls"])) for f in gone])
        s.rest("PATCH", path, {"authorizer": "none"})
        equal("nobody decides", DISABLED, described(b))
        equal("nothing is created", [DISABLED], create(w, acl("User:bob", 3)))
        equal("nothing is deleted", DISABLED, w.request("DeleteAcls", 3, {"Filters": [ANY]})["FilterResults"][0]["ErrorCode"])
    kept = {(a["principal"], a["operation"]) for a in s.rest("GET", f"{path}/acls")["items"]}
    equal("what is kept", {("User:bob", "DESCRIBE"), ("User:bob", "ALTER")}, kept)


def test_kafka_acls(s):
    """kafka-acls.sh: add (also --producer, prefixed, deny), list with filters, remove."""
    path, alice, _ = made(s)

    def acls(*args):
        return alice.tool("acls", *args).stdout
    said = acls("--add", "--allow-principal", "User:bob", "--producer", "--topic", "orders", "--transactional-id", "tx-",
                "--resource-pattern-type", "prefixed")
    true(said, "Current ACLs for resource" in said or "Adding ACLs" in said)
    acls("--add", "--deny-principal", "User:carol", "--deny-host", "10.0.0.1", "--operation", "All", "--cluster")
    listed = acls("--list", "--principal", "User:bob")
    true(listed, "orders" in listed and "tx-" in listed and "PREFIXED" in listed and "carol" not in listed)
    items = {(a["resourceType"], a["resourceName"], a["patternType"], a["principal"], a["host"], a["operation"], a["permission"])
             for a in s.rest("GET", f"{path}/acls")["items"]}
    equal("by REST", {*(("TOPIC", "orders", "PREFIXED", "User:bob", "*", o, "ALLOW") for o in ("WRITE", "DESCRIBE", "CREATE")),
                      *(("TRANSACTIONAL_ID", "tx-", "PREFIXED", "User:bob", "*", o, "ALLOW") for o in ("WRITE", "DESCRIBE")),
                      ("CLUSTER", "kafka-cluster", "LITERAL", "User:carol", "10.0.0.1", "ALL", "DENY")}, items)
    acls("--remove", "--force", "--topic", "orders", "--resource-pattern-type", "match")
    with alice.wire() as w:
        equal("without those", {(4, "kafka-cluster"), (5, "tx-")}, {(kind, name) for kind, name, *_ in described(w)})


def test_java(s):
    """AdminClient: createAcls, describeAcls with ANY and MATCH, deleteAcls; its errors for what is no ACL and for who may not."""
    _, alice, bob = made(s)
    said = stack.tool(JAVA / "AclAdmin.java", alice.java_file(), bob.java_file(), timeout=120).stdout
    true(said[-3000:], said.rstrip().endswith("ok"))


def test_librdkafka(s):
    """create_acls, describe_acls, delete_acls."""
    _, alice, bob = made(s)
    admin = ca.AdminClient(alice.librdkafka())
    r, o, p = ca.ResourceType, ca.AclOperation, ca.AclPermissionType
    bindings = [ca.AclBinding(r.TOPIC, "orders", ca.ResourcePatternType.LITERAL, "User:bob", "*", o.READ, p.ALLOW),
                ca.AclBinding(r.GROUP, "team-", ca.ResourcePatternType.PREFIXED, "User:bob", "127.0.0.1", o.ALL, p.DENY)]
    for f in admin.create_acls(bindings).values():
        equal("created", None, f.result(timeout=10))
    every = ca.AclBindingFilter(r.ANY, None, ca.ResourcePatternType.ANY, None, None, o.ANY, p.ANY)
    equal("described", set(bindings), set(admin.describe_acls(every).result(timeout=10)))
    one = ca.AclBindingFilter(r.GROUP, "team-a", ca.ResourcePatternType.MATCH, None, None, o.ANY, p.ANY)
    equal("deleted", [bindings[1]], list(admin.delete_acls([one])[one].result(timeout=10)))
    other = ca.AdminClient(bob.librdkafka())
    for f in (*other.create_acls(bindings[:1]).values(), other.delete_acls([one])[one]):  # describe_acls says nothing of errors
        try:
            raise AssertionError(f"bob could: {f.result(timeout=10)}")
        except ck.KafkaException as e:
            equal("bob", DENIED_CLUSTER, e.args[0].code())


def test_delegation_tokens(s):
    """There are none: kafka-delegation-tokens.sh is told so, as by a Kafka that has them switched off."""
    _, alice, _ = made(s)
    r = alice.tool("delegation-tokens", "--describe", check=False)
    true(f"{r.stdout[-300:]} {r.stderr[-1500:]}", r.returncode != 0 and "DelegationTokenDisabledException" in r.stdout + r.stderr)


def test_examples(s):
    """Every command of docs/acls.md, and each request by REST, does what it says."""
    path, _, _ = made(s, superUsers=[], authorizer="none")
    name = path.rsplit("/", 1)[1]
    root = s.gateway.tenant(name, s.folder, user="root", password="root-secret", via="shared")
    s.rest("POST", f"{path}/users", {"name": "root", "password": "root-secret"})
    file = pathlib.Path(s.folder) / "acls.json"
    commands = quotas_native.examples("alcovectl ", "acls.md")
    true(f"{commands}", len(commands) >= 5)
    said = ""
    for words in commands:
        file.write_text(json.dumps(s.rest("GET", f"{path}/acls")))  # as `acl list -o json` prints it
        said += quotas_native.alcovectl(s, *(name if w == "acme" else str(file) if w == "acls.json" else w for w in words))
    true(said, "denied: no ACL allows Write on topic orders for User:bob; super users: User:root\n" in said)
    equal("as it was told", ("acl", ["User:root"], ["developers"]), (*(s.rest("GET", path)[k] for k in ("authorizer", "superUsers")),
                                                                     s.rest("GET", f"{path}/users/bob")["groups"]))
    tools = quotas_native.examples("kafka-acls.sh ", "acls.md")
    equal("kafka-acls.sh", 2, len(tools))
    for words in tools:
        listed = root.tool("acls", *words[words.index("root.properties") + 1:]).stdout
    true(listed, "User:alice" in listed and "WRITE" in listed)
    requests = quotas_native.examples("adm ", "acls.md")
    equal("requests by REST", ["POST", "GET", "DELETE"], [quotas_native.rest(s, words, name) for words in requests])
    names = {a["resourceName"] for a in s.rest("GET", f"{path}/acls")["items"]}
    true(f"{names}", "team-" in names and "orders" not in names)


def test_own_alone(s):
    """What one tenant makes and deletes by any filter is nobody else's: not another tenant's, not the cluster's."""
    _, alice, _ = made(s)
    other_path, other, _ = made(s)
    with alice.wire() as w, other.wire() as o:
        equal("theirs", [0], create(o, acl("User:bob", 3)))
        equal("a star", [0], create(w, acl("User:*", 2, "*"), version=1))
        equal("not there", [(2, "orders", 3, "User:bob", 3, 3)], described(o))
        for pattern in (1, 2, 3, 4):
            w.request("DeleteAcls", 3, {"Filters": [ANY | {"PatternTypeFilter": pattern}]})
        equal("all gone", [], described(w))
        equal("theirs stays", [(2, "orders", 3, "User:bob", 3, 3)], described(o))


def test_long_lists(s):
    """More ACLs, users and quotas than an answer tells in one turn: each is told, and once; and how many one request may change."""
    most, policy = 1000, 44
    path, alice, _ = made(s)
    users = [f"u{i:04}" for i in range(most)]
    with alice.wire(timeout=60) as w:
        for kind in (2, 3):
            equal("made", [0] * most, create(w, *(acl(f"User:{u}", 3, name="one" if i < 600 else u, kind=kind) for i, u in enumerate(users))))
        equal("told", [(kind, name, 3, f"User:{u}", 3, 3) for kind in (2, 3) for name, u in sorted(
            ("one" if i < 600 else u, u) for i, u in enumerate(users))], described(w))
        equal("too many creations", {policy}, set(create(w, *(acl("User:bob", 3, name=f"more-{i}") for i in range(most + 1)))))
        equal("too many filters", {policy}, {f["ErrorCode"] for f in w.request("DeleteAcls", 3, {"Filters": [ANY] * (most + 1)})["FilterResults"]})
        equal("filters that fit too much", {policy}, {f["ErrorCode"] for f in w.request("DeleteAcls", 3, {"Filters": [ANY] * 6})["FilterResults"]})
        one, all_of_them = w.request("DeleteAcls", 3, {"Filters": [ANY | {"ResourceNameFilter": "u0999"}, ANY]})["FilterResults"]
        equal("what fits the first filter, and is gone", (0, 2), (one["ErrorCode"], len(one["MatchingAcls"])))
        equal("what fits the other", sorted(f"User:{u}" for u in users * 2), sorted(a["Principal"] for a in all_of_them["MatchingAcls"]))
        equal("left", [], described(w))

        def upsert(names):
            reply = w.request("AlterUserScramCredentials", 0, {"Deletions": [], "Upsertions": [
                {"Name": n, "Mechanism": 2, "Iterations": 4096, "Salt": b"salt", "SaltedPassword": bytes(64)} for n in names]})
            return {r["ErrorCode"] for r in reply["Results"]}
        equal("users", {0}, upsert(users))
        equal("too many users", {policy}, upsert([*users, "another"]))
        told = w.request("DescribeUserScramCredentials", 0, {"Users": None})["Results"]
        equal("they are told", sorted([*users, "alice", "bob", "carol"]), [u["User"] for u in told])
        equal("quotas", {0}, {e["ErrorCode"] for e in w.request("AlterClientQuotas", 1, {"ValidateOnly": False, "Entries": [
            {"Entity": [{"EntityType": "user", "EntityName": u}], "Ops": [{"Key": "producer_byte_rate", "Value": 1e6, "Remove": False}]}
            for u in users]})["Entries"]})
        told = w.request("DescribeClientQuotas", 1, {"Components": [], "Strict": False})["Entries"]
        equal("they are told", users, [q["Entity"][0]["EntityName"] for q in told])
    s.rest("DELETE", path)


def test_audit_names_who(s):
    """The log says who changed what, and from where."""
    path, alice, _ = made(s)
    with alice.wire() as w:
        equal("created", [0], create(w, acl("User:bob", 3)))
    lines = [x for x in s.gateway.log_now().splitlines() if 'what="acl.create"' in x and path.rsplit("/", 1)[1] in x]
    true(f"{lines}", any('actor="User:alice"' in x and 'origin="kafka 127.0.0.1"' in x for x in lines))
