"""Runs the clients of clients.tsv: each against acme and globex at the same time. See README.md."""
import argparse
import concurrent.futures
import datetime
import importlib
import json
import os
import pathlib
import subprocess
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "kit"), str(HERE.parent / "broker")]
import stack  # noqa: E402
from runner import both, equal  # noqa: E402

PHASES = {"make": ("create", "produce", "transaction"), "use": ("consume", "commit", "describe", "rebalance"),
          "secure": ("acls", "quotas", "users"), "drop": ("delete group", "delete topic")}
PHASE_MAX_S, PREPARE_MAX_S, SENT, COMMITTED, RATE = 150, 1500, 200, 50, 1048576


def table():
    rows = [line.rstrip("\n").split("\t") for line in open(HERE / "clients.tsv", encoding="utf-8")]
    return [dict(zip(("name", "library", "version", "program", "protocol", "run"), r, strict=True))
            for r in rows if len(r) > 1 and not r[0].startswith("#")]


def environment(client, tenant):
    conf = tenant.librdkafka()
    return {f"CLIENT_{k}": v for k, v in {
        "BOOTSTRAP": conf["bootstrap.servers"], "CA": conf["ssl.ca.location"], "USER": conf["sasl.username"],
        "PASSWORD": conf["sasl.password"], "MECHANISM": conf["sasl.mechanism"], "TOPIC": f"clients.{client['name']}",
        "GROUP": f"readers of {client['name']}", "TXN": f"writer-{client['name']}", "MARK": f"{tenant.name}-{client['name']}",
        "GUEST": f"guest-of-{client['name']}",
        "PROTOCOL": client["protocol"]}.items()}


def call(client, command, phase, tenant):
    """One call of the program; -> {step: reason why not, or None}"""
    said = stack.run(*command, phase, timeout=PHASE_MAX_S, env=environment(client, tenant)).stdout
    steps = {x["step"]: x.get("none") for x in map(json.loads, said.splitlines())}
    equal(f"steps of {phase}", sorted(PHASES[phase]), sorted(steps))
    return steps


# ---- the physical cluster, asked by ourselves ----------------------------------------------------------------------

def stored(kafka, topic):
    """-> all values that a reader of committed records is given, sorted."""
    said = stack.run("kcat", "-b", kafka.bootstrap, "-X", "isolation.level=read_committed", "-C", "-t", topic, "-e", "-q", "-f", "%s\n")
    return sorted(said.stdout.splitlines())


def check_made(kafka, client, tenant, steps):
    env = environment(client, tenant)
    want = [f"{env['CLIENT_MARK']}-sent-{i}" for i in range(SENT)]
    if steps["transaction"] is None:
        want += [f"{env['CLIENT_MARK']}-committed-{i}" for i in range(COMMITTED)]
    equal("records on the cluster itself", sorted(want), stored(kafka, f"{tenant.name}.{env['CLIENT_TOPIC']}"))


def check_used(kafka, client, tenant):
    env = environment(client, tenant)
    topic, group = f"{tenant.name}.{env['CLIENT_TOPIC']}", f"{tenant.name}.{env['CLIENT_GROUP']}"
    with kafka.wire() as w:
        answer = w.request("OffsetFetch", 8, {"Groups": [{"GroupId": group, "Topics": None}]})["Groups"][0]
        equal("topics with offsets", [topic], [t["Name"] for t in answer["Topics"]])
        offsets = {p["PartitionIndex"]: p["CommittedOffset"] for p in answer["Topics"][0]["Partitions"]}
        equal("partitions with offsets", {0, 1, 2, 3}, {p for p, o in offsets.items() if o > 0})


def check_secured(s, client, tenant, steps):
    """What an administrator of the tenant made is there by REST, in the tenant alone; then it is taken away."""
    env, path = environment(client, tenant), f"/v1/tenants/{tenant.name}"
    guest = env["CLIENT_GUEST"]
    equal("ACLs by REST", [] if steps["acls"] else [(env["CLIENT_TOPIC"], "LITERAL", f"User:{guest}", "READ", "ALLOW")], [
        (a["resourceName"], a["patternType"], a["principal"], a["operation"], a["permission"])
        for a in s.rest("GET", f"{path}/acls?principal=User:{guest}")["items"]])
    equal("quotas by REST", [] if steps["quotas"] else [{"producer_byte_rate": RATE}], [
        q["limits"] for q in s.rest("GET", f"{path}/quotas?user={guest}")["items"]])
    equal("users by REST", [] if steps["users"] else [["SCRAM-SHA-512"]], [
        [m for m in u["mechanisms"] if m.startswith("SCRAM")] for u in s.rest("GET", f"{path}/users?prefix={guest}")["items"]])
    with s.kafka.wire() as w:
        equal("quotas of the cluster itself", [], w.request("DescribeClientQuotas", 1, {"Components": [], "Strict": False})["Entries"])
        equal("users of the cluster itself", [], w.request("DescribeUserScramCredentials", 0, {"Users": None})["Results"])
    s.rest("DELETE", f"{path}/acls?principal=User:{guest}")
    s.rest("DELETE", f"{path}/quotas?user={guest}")
    if not steps["users"]:
        s.rest("DELETE", f"{path}/users/{guest}")


def check_dropped(kafka, client, tenant, steps):
    env = environment(client, tenant)
    stack.wait_until("the topic is gone", lambda: f"{tenant.name}.{env['CLIENT_TOPIC']}" not in kafka.topics(), 20)
    if steps["delete group"]:  # what it leaves behind is in nobody else's way
        with tenant.wire() as w:
            w.request("DeleteGroups", 2, {"GroupsNames": [env["CLIENT_GROUP"]]})
    equal("the group is gone", False, f"{tenant.name}.{env['CLIENT_GROUP']}" in kafka.groups())


def own(client):
    """The module of a scenario that is not a library's: STEPS, and scenario(s) as below."""
    return importlib.import_module(client["program"].removesuffix(".py")) if client["protocol"] == "-" else None


def scenario(s, client):
    """-> {step: reason why not, or None}; AssertionError or StackError when something is not as it should be."""
    if own(client):
        return own(client).scenario(s)
    command = stack.run(HERE / "prepare", client["name"], timeout=PREPARE_MAX_S).stdout.splitlines()
    steps = {}
    tenants = (s.acme, s.globex)
    for phase in PHASES:
        done = both(lambda t, phase=phase: call(client, command, phase, t), *tenants)
        equal("the same for both tenants", done[0], done[1])
        steps |= done[0]
        for t in tenants:
            if phase == "make":
                check_made(s.kafka, client, t, done[0])
            elif phase == "use":
                check_used(s.kafka, client, t)
            elif phase == "secure":
                check_secured(s, client, t, done[0])
            else:
                check_dropped(s.kafka, client, t, done[0])
    return steps


# ---- reporting -------------------------------------------------------------------------------------------------------

def version_of(client):
    if client["version"] == "broker":
        return next((HERE.parent / "kit/kafka/pom.xml").read_text().split(f"<{x}>")[1].split("<")[0] for x in ("kafka.version",))
    if client["version"] == "debian":
        return subprocess.run(["pkg-config", "--modversion", "rdkafka"], capture_output=True, text=True, check=True).stdout.strip()
    return client["version"].split("+")[0].removeprefix("v")


def write_results(path, results):
    """A table for the libraries, and one for each that has a scenario of its own."""
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{datetime.date.today().isoformat()}, Kafka {version_of({'version': 'broker'})}:\n")
        libraries = [r for r in results if not own(r[0])]
        if libraries:
            write_table(f, [step for steps in PHASES.values() for step in steps], libraries)
        for client, steps in (r for r in results if own(r[0])):
            write_table(f, own(client).STEPS, [(client, steps)])


def write_table(f, order, results):
    f.write("\n| client | version | " + " | ".join(order) + " |\n|" + "---|" * (len(order) + 2) + "\n")
    for client, steps in results:
        cells = ["no: " + steps[x] if x in steps and steps[x] else "yes" if x in steps else "**failed**" for x in order]
        f.write(f"| {client['name']} | {version_of(client)} | " + " | ".join(cells) + " |\n")


def arguments():
    p = argparse.ArgumentParser(prog="tests/clients/run", description="One scenario with each client library.")
    p.add_argument("client", nargs="*", help="which ones; those of make test when none is named")
    p.add_argument("--all", action="store_true", help="all of clients.tsv")
    a = p.parse_args()
    rows = table()
    unknown = set(a.client) - {r["name"] for r in rows}
    if unknown:
        p.error(f"no client is called {', '.join(sorted(unknown))}; there are: {' '.join(r['name'] for r in rows)}")
    return [r for r in rows if r["name"] in a.client or (not a.client and (a.all or r["run"] == "test"))]


def main():
    results, failed, began = [], [], time.monotonic()
    with stack.Stack(limits=stack.PATIENT) as s:
        for t in (s.acme, s.globex):
            s.rest("PATCH", f"/v1/tenants/{t.name}", {"authorizer": "acl", "superUsers": ["User:alice"]})
        for client in arguments():
            start, steps = time.monotonic(), {}
            try:
                steps = scenario(s, client)
                print(f"  ok {client['name']} {version_of(client)} ({time.monotonic() - start:.1f} s)", flush=True)
            except Exception as e:  # whatever a client does is its failure
                failed.append(client["name"])
                s.failed = True
                print(f"  FAILED {client['name']}: {e}\n{'' if isinstance(e, stack.StackError) else traceback.format_exc()}", flush=True)
            results.append((client, steps))
    if os.environ.get("RESULTS"):
        write_results(os.environ["RESULTS"], results)
    for name in failed:
        print(f"failed: {name}")
    print(f"{time.monotonic() - began:.1f} s\n{len(results) - len(failed)} passed, {len(failed)} failed", flush=True)
    os._exit(1 if failed or len(failed) == len(results) else 0)


if __name__ == "__main__":
    main()
