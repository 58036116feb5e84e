"""SCRAM credentials by Kafka's own means: kafka-configs.sh, Java's AdminClient, librdkafka, raw requests; beside the broker's own answers."""
import hashlib
import os
import pathlib

from confluent_kafka.admin import (AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialDeletion,
                                   UserScramCredentialUpsertion)

from runner import both, equal, fresh, kw, stack, true

GATEWAY = True
JAVA = pathlib.Path(__file__).resolve().parent / "java"
DENIED, NOT_FOUND, DUPLICATE, UNACCEPTABLE, MECHANISM = 31, 91, 92, 93, 33


def made(s, **more):
    """A tenant of its own with the users alice (super user) and bob -> its path, a Tenant for each"""
    name = fresh("scram")
    s.gateway.make_tenant(name, [(u, f"{u}-secret") for u in ("alice", "bob")],
                          **({"authorizer": "acl", "superUsers": ["User:alice"]} | more))
    alice = s.gateway.tenant(name, s.folder, via="shared")
    return f"/v1/tenants/{name}", alice, s.gateway.tenant(name, s.folder, user="bob", password="bob-secret", via="shared")


def upsertion(name, password, mechanism=2, iterations=4096, salt=None):
    salt = salt or os.urandom(24)
    salted = hashlib.pbkdf2_hmac("sha256" if mechanism == 1 else "sha512", password.encode(), salt, max(iterations, 1))
    return {"Name": name, "Mechanism": mechanism, "Iterations": iterations, "Salt": salt, "SaltedPassword": salted}


def alter(w, deletions=(), upsertions=()):
    reply = w.request("AlterUserScramCredentials", 0, {"Deletions": [{"Name": n, "Mechanism": m} for n, m in deletions],
                                                       "Upsertions": list(upsertions)})
    return sorted((r["User"], r["ErrorCode"], r["ErrorMessage"]) for r in reply["Results"])


def describe(w, *names):
    reply = w.request("DescribeUserScramCredentials", 0, {"Users": [{"Name": n} for n in names] if names else None})
    return (reply["ErrorCode"], reply["ErrorMessage"], sorted(
        (r["User"], r["ErrorCode"], r["ErrorMessage"], sorted((c["Mechanism"], c["Iterations"]) for c in r["CredentialInfos"]))
        for r in reply["Results"]))


def logs_in(t):
    try:
        t.wire(record=False).close()
        return True
    except kw.SaslFailed:
        return False


def as_user(tenant, admin, name, password):
    """At the shared port users say their tenant."""
    return admin.but(user=f"{tenant}/{name}", password=password)


def tenant_of(path):
    return path.rsplit("/", 1)[1]


def test_configs_tool(s):
    """kafka-configs.sh sets, shows and takes away a user's credentials; the user is made by the first, logs in, and is gone with the last."""
    path, alice, _ = made(s)
    dave = as_user(tenant_of(path), alice, "dave", "dave-secret")

    def configs(*args, check=True):
        return alice.tool("configs", "--entity-type", "users", "--entity-name", "dave", *args, check=check)
    configs("--alter", "--add-config", "SCRAM-SHA-512=[iterations=8192,password=dave-secret]")
    true("the new user logs in by SHA-512", logs_in(dave))
    true("and by PLAIN", logs_in(dave.but(mechanism="PLAIN")))
    true("but not by SHA-256", not logs_in(dave.but(mechanism="SCRAM-SHA-256")))
    said = configs("--describe").stdout
    true(said, "SCRAM-SHA-512=iterations=8192" in said)
    configs("--alter", "--delete-config", "SCRAM-SHA-512")
    true("gone", not logs_in(dave))
    equal("users by REST", ["alice", "bob"], [u["name"] for u in s.rest("GET", f"{path}/users")["items"]])
    r = configs("--alter", "--delete-config", "SCRAM-SHA-512", check=False)
    true(f"{r.stdout} {r.stderr}", r.returncode != 0 and "does not exist" in r.stdout + r.stderr)


def test_java_admin(s):
    """Java's AdminClient: upserts, describes, deletes; what it refuses is told as Kafka's own exceptions."""
    path, alice, _ = made(s)
    said = stack.run(stack.KAFKA / "tool", JAVA / "ScramAdmin.java", alice.java_file()).stdout
    true(said, said.endswith("done\n"))
    equal("what is left", ["alice", "bob", "java"], [u["name"] for u in s.rest("GET", f"{path}/users")["items"]])
    true("it logs in", logs_in(as_user(tenant_of(path), alice, "java", "a java secret")))


def test_librdkafka(s):
    """librdkafka's admin API, whose salts have 64 bytes."""
    path, alice, _ = made(s)
    a = AdminClient(alice.librdkafka())
    for mechanism, iterations in ((ScramMechanism.SCRAM_SHA_256, 4096), (ScramMechanism.SCRAM_SHA_512, 5000)):
        for f in a.alter_user_scram_credentials([UserScramCredentialUpsertion(
                "erin", ScramCredentialInfo(mechanism, iterations), b"erin-secret")]).values():
            f.result(15)
    found = a.describe_user_scram_credentials(["erin"])["erin"].result(15)
    equal("described", {("SCRAM_SHA_256", 4096), ("SCRAM_SHA_512", 5000)}, {(i.mechanism.name, i.iterations)
                                                                            for i in found.scram_credential_infos})
    erin = as_user(tenant_of(path), alice, "erin", "erin-secret")
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"):
        true(mechanism, logs_in(erin.but(mechanism=mechanism)))
    a.alter_user_scram_credentials([UserScramCredentialDeletion("erin", ScramMechanism.SCRAM_SHA_256)])["erin"].result(15)
    true("without SHA-256", not logs_in(erin.but(mechanism="SCRAM-SHA-256")) and logs_in(erin))


def test_who_may(s):
    """DESCRIBE and ALTER on the cluster; a user who changes its own password is answered first, and its connections end then."""
    path, alice, bob = made(s)
    with bob.wire() as b, alice.wire() as w:
        equal("bob may not describe", DENIED, describe(b)[0])
        equal("nor alter", [("bob", DENIED), ("x", DENIED)], [r[:2] for r in alter(b, [("x", 1)], [upsertion("bob", "p")])])
        s.rest("POST", f"{path}/acls", {"acls": [{"resourceType": "CLUSTER", "resourceName": "kafka-cluster", "principal": "User:bob",
                                                  "operation": "ALTER"}]})
        equal("ALTER implies DESCRIBE", 0, stack.wait_until("bob may", lambda: describe(b)[0] == 0 and describe(b) or None)[0])
        equal("bob alters himself", [("bob", 0)], [r[:2] for r in alter(b, [], [upsertion("bob", "another-secret")])])
        true("then his connection is closed", b.closed_by_peer(5))
        true("the new password", logs_in(bob.but(password="another-secret")) and not logs_in(bob))
        equal("alice goes on", 0, describe(w)[0])
    s.rest("PATCH", f"{path}/users/bob", {"enabled": False})
    with alice.wire() as w:
        equal("who was disabled is not enabled by it", [0, 0, 0], [
            r[1] for r in alter(w, [("bob", 1)]) + alter(w, [("bob", 2)]) + alter(w, [], [upsertion("bob", "third-secret")])])
    true("bob stays out", not logs_in(bob.but(password="third-secret")))


def test_like_the_broker(s):
    """The same requests to the broker itself and to a tenant: the same users, codes and words."""
    path, alice, bob = made(s)
    with s.kafka.wire() as k, alice.wire() as w:
        for u in ("alice", "bob"):
            for m in (1, 2):
                alter(k, [], [upsertion(u, "p", m, 4096)])
        session = [
            ("alter", [], [upsertion("u1", "p1", 1, 4096), upsertion("u2", "p2", 2, 16384)]),
            ("alter", [], [upsertion("u1", "p1", 2, 5000)]),
            ("alter", [("u1", 1), ("nobody", 1), ("u2", 1), ("", 1), ("u1x", 7)], [upsertion("u3", "p", 3), upsertion("u4", "p", 1, 4095),
                                                                                  upsertion("u5", "p", 2, 16385), upsertion("", "p")]),
            ("alter", [("u2", 2)], [upsertion("u2", "p", 2)]),
            ("alter", [("u2", 2), ("u2", 1), ("u1", 2)], [upsertion("u6", "p", 1), upsertion("u6", "p", 2)]),
            ("alter", [], []),
            ("describe",), ("describe", "u1", "u2", "u6"), ("describe", "nobody", "u2", "u2"), ("describe", ""),
        ]
        mine = {"alice", "bob"} | {f"u{i}" for i in range(9)} | {"", "nobody", "u1x"}

        def ask(to):
            out = []
            for what, *args in session:
                if what == "describe" and to is k:  # the controller has it a moment before the broker does
                    alter(k, [], [upsertion("u8", "p", 1)])
                    stack.wait_until("the broker has what the controller was told", lambda: describe(k, "u8")[2][0][1] == 0)
                    alter(k, [("u8", 1)])
                    stack.wait_until("and not what is gone", lambda: describe(k, "u8")[2][0][1] == NOT_FOUND)
                if what == "alter":
                    out.append(alter(to, *args))
                else:
                    code, text, found = describe(to, *args)
                    out.append((code, text, [r for r in found if r[0] in mine]))
            return out
        stack.wait_until("the broker has what the controller was told", lambda: describe(k, "bob")[2][0][1] == 0 and len(
            describe(k, "bob")[2][0][3]) == 2)
        theirs, ours = ask(k), ask(w)
        for what, a, b in zip(session, theirs, ours):
            equal(f"{what[:2]}", a, b)
        alter(k, [("u2", 2)], [])


def test_nobody_elses(s):
    """Of another tenant's users, and of the cluster's, there is nothing to describe, alter or delete: names are each tenant's own."""
    path, alice, _ = made(s)
    with s.kafka.wire() as k:
        alter(k, [], [upsertion("physical", "physical-secret")])
    with alice.wire() as w:
        equal("everybody", ["alice", "bob"], [u[0] for u in describe(w)[2]])
        for name in ("physical", "globex/alice", "globex.alice", "User:alice"):
            equal(name, (NOT_FOUND, []), describe(w, name)[2][0][1:4:2])
            equal(name, NOT_FOUND, alter(w, [(name, 2)])[0][1])
        equal("a user of that name is another one", 0, alter(w, [], [upsertion("physical", "a tenants secret")])[0][1])
        for bad in ("globex/alice", "*", "a\nb"):
            equal(repr(bad), UNACCEPTABLE, alter(w, [], [upsertion(bad, "x")])[0][1])
    with s.kafka.wire() as k:
        infos = stack.wait_until("the broker's own", lambda: describe(k, "physical")[2][0][3] or None)
        equal("is as it was", [(2, 4096)], infos)
        alter(k, [("physical", 2)])
    with s.globex.wire() as w:
        equal("globex' users", ["alice"], [u[0] for u in describe(w)[2] if u[0] in ("alice", "physical")])


def test_many_at_once(s):
    """Two administrators at the same moment: whatever order, each user ends with one of both passwords, by both keys alike."""
    path, alice, _ = made(s)

    def set_all(password):
        with alice.wire() as w:
            return [alter(w, [], [upsertion(f"m{i}", password) for i in range(40)]) for _ in range(3)]
    for answers in both(set_all, "first-password", "second-password"):
        equal("answers", {0}, {code for a in answers for _, code, _ in a})
    with alice.wire() as w:
        equal("users", 42, len(describe(w)[2]))
    for i in (0, 39):
        m = as_user(tenant_of(path), alice, f"m{i}", "first-password")
        true(f"m{i} has one of both", logs_in(m) != logs_in(m.but(password="second-password")))
