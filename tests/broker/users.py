"""Users that come from the physical cluster with their passwords: out of its metadata log into a tenant."""
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
