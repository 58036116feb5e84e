"""Users that come from the physical cluster with their passwords: out of its metadata log into a tenant."""
import base64
import hashlib
import hmac
import json
import shlex

from confluent_kafka.admin import AdminClient

from runner import create_topic, equal, fresh, kw, stack, true

GATEWAY = True
PASSWORD = "p=ss w:rd"


def ctl(s, *args, check=True, stdin=None):
    """alcovectl as the platform team runs it."""
    g = s.gateway
    return stack.run(g.binary.with_name("alcovectl"), *args, check=check, stdin=stdin, env={
        "ALCOVE_URL": f"https://127.0.0.1:{g.ports['admin']}", "ALCOVE_CA": str(g.ca), "ALCOVE_TOKEN": g.token})


def kafka_configs(s, *args):
    return stack.tool("configs", "--bootstrap-server", s.kafka.bootstrap, "--entity-type", "users", *args)


def metadata_dump(s):
    logs = sorted(s.kafka.folder.glob("data/__cluster_metadata-0/*.log")) + sorted(s.kafka.folder.glob(
        "data/__cluster_metadata-0/*.checkpoint"))
    return stack.tool("dump-log", "--cluster-metadata-decoder", "--files", ",".join(map(str, logs))).stdout


def test_import(s):
    """A user whom kafka-configs.sh made at the brokers logs in at the gateway with the same password, once imported; by each mechanism."""
    name, other = fresh("moved"), fresh("stays")
    for user, keys in ((name, "SCRAM-SHA-256=[iterations=4097,"), (name, "SCRAM-SHA-512=["), (other, "SCRAM-SHA-512=[")):
        kafka_configs(s, "--alter", "--entity-name", user, "--add-config", f"{keys}password={PASSWORD}]")
    dump = metadata_dump(s)
    true("the dump has both", name in dump and other in dump)
    t = s.acme.but(user="bob-of-old", password=PASSWORD.replace(",", ""))
    said = ctl(s, "user", "import", "acme", "--file", "-", "--users", f"{name}=bob-of-old", stdin=dump).stdout
    true(said, said.split()[2] == "2")
    user = s.rest("GET", "/v1/tenants/acme/users/bob-of-old")
    equal("what REST says of it", ([{"mechanism": "SCRAM-SHA-256", "iterations": 4097}, {"mechanism": "SCRAM-SHA-512", "iterations": 4096}],
                                   ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"]), (user["scram"], user["mechanisms"]))
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"):
        with t.but(mechanism=mechanism).wire() as w:
            equal(mechanism, 0, w.request("DescribeCluster", 0, {})["ErrorCode"])
    topic = fresh("moved")
    create_topic(t, topic)
    true("librdkafka", topic in AdminClient(t.librdkafka()).list_topics(timeout=10).topics)
    true("Kafka's own tools", topic in t.tool("topics", "--list").stdout.split())
    for wrong in (t.but(user=other), t.but(user=name), t.but(password="wrong"), t.but(port=s.gateway.ports["globex"])):
        try:
            wrong.wire(record=False).close()
        except kw.SaslFailed:
            continue
        raise AssertionError(f"{wrong.user} logs in at port {wrong.port}")
    with open(s.gateway.folder / "state" / "alcove.db", "rb") as f:
        state = f.read()
    for line in dump.splitlines():
        if name in line and "storedKey" in line:
            key = line.split('"storedKey":"')[1].split('"')[0]
            true("no key is in the store in the clear", kw.base64.b64decode(key) not in state and key.encode() not in state)


def test_import_refused(s):
    """What is wrong is refused as a whole, without a word of the keys; nobody is created by it."""
    r = ctl(s, "user", "import", "acme", "--file", "-", "--users", "a,b", check=False, stdin='''[
        {"user": "a", "mechanism": "SCRAM-SHA-256", "iterations": 4096, "salt": "c2FsdA==", "storedKey": "%s", "serverKey": "%s"},
        {"user": "b", "mechanism": "SCRAM-SHA-256", "iterations": 1, "salt": "c2FsdA==", "storedKey": "%s", "serverKey": "%s"}]''' % (("A" * 43 + "=",) * 4))
    true(r.stderr, r.returncode == 1 and "credentials[1].iterations: expected a number of 4096" in r.stderr and "AAAA" not in r.stderr)
    equal("users a and b", [], [u["name"] for u in s.rest("GET", "/v1/tenants/acme/users")["items"] if u["name"] in "ab"])


def test_iterations(s):
    """A password with iterations of its own, seen in the login itself; others keep the configured ones."""
    name = fresh("slow")
    ctl(s, "user", "create", "acme", name, "--iterations", "12345", stdin="a-password\n")
    with s.acme.but(user=name).connect() as w:
        w.request("SaslHandshake", 1, {"Mechanism": "SCRAM-SHA-512"})
        said = w.sasl_step(kw.Scram("SCRAM-SHA-512", name, "a-password").first())
        true(f"{said}", said.endswith(b",i=12345"))
    s.acme.but(user=name, password="a-password").wire().close()


def test_many(s):
    """Many in one request, all or nothing, while one of them works: who did not change goes on, who did is out at once."""
    g, name = s.gateway, fresh("many")
    g.make_tenant(name, [("root", "root-secret"), ("stays", "stays-secret"), ("goes", "goes-secret")])
    at, path = g.tenant(name, s.folder, via="shared"), f"/v1/tenants/{name}/users"

    def wire(user, password):
        return at.but(user=f"{name}/{user}", password=password).wire(record=False)
    with wire("stays", "stays-secret") as stays, wire("goes", "goes-secret") as goes:
        try:
            s.rest("PATCH", path, {"users": [{"name": "goes", "delete": True}, {"name": "new", "password": "short"}]})
            raise AssertionError("a password of 5 bytes was taken")
        except stack.Refused as e:
            true(f"{e}", e.status == 422 and 'users[1] ("new")' in e.problem["detail"] and "nothing was changed" in e.problem["detail"])
        equal("goes is still there", 0, goes.request("DescribeCluster", 0, {})["ErrorCode"])
        said = s.rest("PATCH", path, {"users": [{"name": "goes", "delete": True}, {"name": "stays", "groups": ["dev"]}, *(
            {"name": f"new-{i}", "password": f"new-{i}-secret", "iterations": 4096} for i in range(20))]})
        equal("altered", (20, 1, 1, []), tuple(said[k] for k in ("created", "changed", "deleted", "passwords")))
        true("goes is out", goes.closed_by_peer(5))
        for i in (0, 19):
            wire(f"new-{i}", f"new-{i}-secret").close()
        said = ctl(s, "user", "list", name, "-o", "json").stdout
        left = [u for u in json.loads(said)["items"] if u["name"] in ("root", "stays")]
        said = ctl(s, "user", "replace", name, "--file", "-", stdin=json.dumps(left)).stdout
        equal("replaced by what was listed", ["0", "0", "20"], said.split()[3:])
        equal("stays was not disturbed", 0, stays.request("DescribeCluster", 0, {})["ErrorCode"])
    equal("who is left", ["root", "stays"], [u["name"] for u in s.rest("GET", path)["items"]])


# ---- what docs/users.md shows -----------------------------------------------------------------------------

PAGE = (stack.REPO / "docs/users.md").read_text()


def record(name, password):
    """A line of kafka-dump-log.sh."""
    salt = b"a salt of theirs"
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 4096)
    client = hmac.digest(salted, b"Client Key", "sha512")
    data = {"name": name, "mechanism": 2, "iterations": 4096} | {k: base64.b64encode(v).decode() for k, v in (
        ("salt", salt), ("storedKey", hashlib.sha512(client).digest()), ("serverKey", hmac.digest(salted, b"Server Key", "sha512")))}
    return f'| offset: 1 payload: {json.dumps({"type": "USER_SCRAM_CREDENTIAL_RECORD", "version": 0, "data": data})}\n', data


def test_examples(s):
    """The commands of docs/users.md, one after the other, in a folder with the files that they name; the JSON; Kafka's tool."""
    g, name = s.gateway, fresh("shown")
    g.make_tenant(name, [("root", "root-secret"), ("erin", "erin-secret"), ("ci-1", "ci-secret")], authorizer="acl", superUsers=["User:root"])
    folder = s.folder / name
    folder.mkdir()
    (folder / "password.txt").write_text("bobs first one\n")
    (folder / "new.txt").write_text("bobs second one\n")
    (folder / "dump.txt").write_text(record("acme-alice", "alices old one")[0] + record("bob", "bobs old one")[0])
    (folder / "team.json").write_text(team := PAGE[PAGE.index('    {"users": ['):].split("\n\n")[0])
    env = {"PATH": f"{g.binary.parent}:/usr/bin:/bin", "ALCOVE_URL": f"https://127.0.0.1:{g.ports['admin']}", "ALCOVE_CA": str(g.ca),
           "ALCOVE_TOKEN": g.token}
    commands = [x.strip() for x in PAGE.splitlines() if x.startswith("    alcovectl ")]
    equal("commands", 9, len(commands))
    said = [stack.run("bash", "-c", f"cd {folder} && {c.replace(' acme', f' {name}', 1)}", env=env).stdout for c in commands]
    counts, made = said[6].split()[3:6], said[6].split()[8:]
    equal("applied", (["2", "1", "1"], "carol"), (counts, made[0]))
    equal("listed", ["bob", "carol"], [x.split()[0] for x in said[7].splitlines()[1:]])
    equal("deleted", ["ci-1"], said[8].split()[1:])
    users = {u["name"]: (u["enabled"], u["groups"]) for u in s.rest("GET", f"/v1/tenants/{name}/users")["items"]}
    equal("users", {"alice": (True, []), "bob": (True, ["dev", "ops"]), "carol": (True, ["dev"]), "dave": (False, []), "root": (True, [])}, users)
    at = g.tenant(name, s.folder, via="shared")

    def logs_in(user, password):
        try:
            at.but(user=f"{name}/{user}", password=password).wire(record=False).close()
        except kw.SaslFailed:
            return False
        return True
    true("carol has the one that was shown", logs_in("carol", made[1]))
    true("dave is not enabled", not logs_in("dave", json.loads(team)["users"][1]["password"]))
    true("alice has her password of before", logs_in("alice", "alices old one"))
    true("bob, too, who was deleted before", logs_in("bob", "bobs old one"))
    shown = PAGE[PAGE.index("scram-credentials --json '") + len("scram-credentials --json '"):]
    body = json.loads(shown[:shown.index("'\n")])
    body["credentials"][0].update({k: v for k, v in record("bob", "bobs third one")[1].items() if k in ("salt", "storedKey", "serverKey")})
    s.rest("POST", f"/v1/tenants/{name}/scram-credentials", body)
    true("by JSON", logs_in("bob", "bobs third one"))
    tool = PAGE[PAGE.index("    kafka-configs.sh --bootstrap-server"):].split("\n\n")[0].replace("\\\n", " ")
    words = shlex.split(tool)
    equal("kafka-configs.sh", ["--bootstrap-server", "acme.kafka.example.com:9192", "--command-config", "root.properties"], words[1:5])
    at.but(user=f"{name}/root", password="root-secret").tool("configs", *words[5:])
    true("by Kafka's tool", logs_in("bob", "bob-secret"))
