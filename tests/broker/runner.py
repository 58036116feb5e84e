"""Runs suites of end-to-end tests over one shared stack.

A suite is a module of this folder with functions test_*(s), s being a Stack (or Direct); a docstring's first line says what
is shown. GATEWAY = True at a suite's top, or @gateway on one test: it makes no sense without a gateway and is left out
there. A suite with OWN_STACK gets the judge's folder only and starts what it needs. Topics and groups of tests begin with
fresh(), so that no test sees another's.
"""
import argparse
import concurrent.futures
import faulthandler
import importlib
import itertools
import os
import pathlib
import signal
import sys
import time
import traceback

TEST_MAX_S = 90
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "kit"))
import kafkawire as kw  # noqa: E402
import stack  # noqa: E402

_numbers = itertools.count(1)


def gateway(test):
    test.gateway = True
    return test


def slow(max_s):
    """This test may take longer than the others."""
    def note(test):
        test.max_s = max_s
        return test
    return note


def fresh(word):
    """A name that no other test has. (What ends a topic's name should not be a tenant's: the first byte of the topic's id may be a dot,
    and both together look like what no tenant may see.)"""
    return f"{word}-{next(_numbers)}"


def both(f, *tenants):
    """f(tenant) for each at the same time; -> results in order. The first failure is raised."""
    with concurrent.futures.ThreadPoolExecutor(len(tenants)) as pool:
        return [x.result() for x in [pool.submit(f, t) for t in tenants]]


def equal(what, expected, found):
    if expected != found:
        raise AssertionError(f"{what}: expected {short(expected)}, found {short(found)}")


def true(what, found):
    if not found:
        raise AssertionError(what)


def short(value):
    text = repr(value)
    return text if len(text) < 1500 else f"{text[:1200]}... ({len(text)} characters)"


# ---- what most tests do --------------------------------------------------------------------------

def create_topic(tenant, name, partitions=1, configs=None, replicas=-1):
    """By a raw request; -> topic id."""
    with tenant.wire() as w:
        reply = w.request("CreateTopics", 7, {"timeoutMs": 15000, "Topics": [{
            "Name": name, "NumPartitions": partitions, "ReplicationFactor": replicas,
            "Configs": [{"Name": k, "Value": v} for k, v in (configs or {}).items()]}]})
        equal(f"CreateTopics {name}", (0, name), (reply["Topics"][0]["ErrorCode"], reply["Topics"][0]["Name"]))
        stack.wait_until(f"{name} has leaders", lambda: leaders(w, name) == partitions)
        return reply["Topics"][0]["TopicId"]


def leaders(w, name):
    topic = w.request("Metadata", 12, {"Topics": [{"Name": name}]})["Topics"][0]
    return sum(p["LeaderId"] >= 0 for p in topic["Partitions"] if not p["ErrorCode"])


def delete_topic(tenant, name):
    with tenant.wire() as w:
        reply = w.request("DeleteTopics", 6, {"TimeoutMs": 15000, "Topics": [{"Name": name}]})
        equal(f"DeleteTopics {name}", 0, reply["Responses"][0]["ErrorCode"])


def produce(w, topic, values, version=12, partition=0, **more):
    """Raw; -> the base offset."""
    name = {"TopicId": topic} if version >= 13 else {"Name": topic}
    value = {"Acks": -1, "TimeoutMs": 10000, "TopicData": [{**name, "PartitionData": [
        {"Index": partition, "Records": kw.batch(values, **more)}]}]}

    def ask():
        answer = w.request("Produce", version, value)["Responses"][0]["PartitionResponses"][0]
        return answer if answer["ErrorCode"] != 6 else None  # a leader that does not know yet that it is one
    answer = stack.wait_until("the leader leads", ask)
    equal("Produce", 0, answer["ErrorCode"])
    return answer["BaseOffset"]


def fetch(w, topic, offset=0, version=12, partition=0, wait_ms=500, isolation=0):
    """Raw; -> values behind offset in one answer."""
    name = {"TopicId": topic} if version >= 13 else {"Topic": topic}
    value = {"MaxWaitMs": wait_ms, "MinBytes": 1, "MaxBytes": 1 << 20, "IsolationLevel": isolation, "Topics": [{
        **name, "Partitions": [{"Partition": partition, "FetchOffset": offset, "PartitionMaxBytes": 1 << 20}]}]}
    if version >= 7:
        value |= {"SessionId": 0, "SessionEpoch": -1}
    answer = w.request("Fetch", version, value)["Responses"][0]["Partitions"][0]
    equal("Fetch", 0, answer["ErrorCode"])
    return [v for b in kw.read_batches(answer["Records"]) if not b["attributes"] & kw.CONTROL
            for o, _, v, _ in b["records"] if o >= offset]


def commit_offset(w, group, topic, offset=1):
    """Raw, for a group without members. Kafka makes its offsets topic only when somebody asks for a coordinator."""
    def code():
        found = w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": [group]})["Coordinators"][0]
        reply = w.request("OffsetCommit", 8, {"GroupId": group, "GenerationIdOrMemberEpoch": -1, "Topics": [
            {"Name": topic, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": offset}]}]})
        return found["ErrorCode"] or reply["Topics"][0]["Partitions"][0]["ErrorCode"]
    stack.wait_until(f"an offset of {group} is committed", lambda: code() == 0, 20)


# ---- running -------------------------------------------------------------------------------------

class Report:
    def __init__(self):
        self.passed, self.failed, self.left_out = 0, [], 0

    def one(self, suite, name, f, *args):
        began = time.monotonic()
        faulthandler.dump_traceback_later(getattr(f, "max_s", TEST_MAX_S), exit=True)  # says where it hangs, and ends us
        try:
            f(*args)
        except Exception as e:  # whatever a test raises is its failure
            self.failed.append(f"{suite}.{name}: {stack.words_of(e, __file__)}")
            print(f"  FAILED {name} ({time.monotonic() - began:.1f} s)\n{traceback.format_exc()}", flush=True)
            return False
        finally:
            faulthandler.cancel_dump_traceback_later()
        self.passed += 1
        print(f"  ok {name} ({time.monotonic() - began:.1f} s)", flush=True)
        return True


def tests_of(module, pattern):
    return [(n.removeprefix("test_"), f) for n, f in vars(module).items() if n.startswith("test_") and pattern in n]


def still_well(s):
    """After each suite: the gateway runs, and no tenant's raw client received what is not the tenant's."""
    if s.gateway:
        true(f"the gateway has ended with {s.gateway.process and s.gateway.process.poll()}",
             s.gateway.process is not None and s.gateway.process.poll() is None)
        s.gateway.check_log()
        equal("the gateway's log", [], s.gateway.complaints)
    equal("what tenants may not see", [], s.verdict())


def run_suite(report, name, module, s, pattern):
    began = time.monotonic()
    print(f"{name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
    for test, f in tests_of(module, pattern):
        if s.direct and (getattr(module, "GATEWAY", False) or getattr(f, "gateway", False)):
            report.left_out += 1
            continue
        if not report.one(name, test, f, s):
            s.failed = True
    if not report.one(name, "still_well", still_well, s):
        s.failed = True
    print(f"  {time.monotonic() - began:.1f} s", flush=True)


def arguments(suites, others):
    p = argparse.ArgumentParser(prog="tests/broker/run", description="End-to-end tests with a real Kafka and real clients.",
                                epilog=f"suites: {' '.join(suites)}; only when named: {' '.join(others)}. FLAVOR=asan|release|tsan says which build is tested.")
    p.add_argument("suite", nargs="*", default=[], help="which ones; all when none is named")
    p.add_argument("--direct", action="store_true", help="without a gateway: are the tests themselves right?")
    p.add_argument("--only", default="", help="only tests with this in their name")
    p.add_argument("--keep-going-on", action="store_true", dest="wait", help="wait for Enter before everything is stopped")
    a = p.parse_args()
    unknown = set(a.suite) - set(suites) - set(others)
    if unknown:
        p.error(f"no suite is called {', '.join(sorted(unknown))}; there are: {' '.join(suites + others)}")
    return a


def main(suites, others=()):
    """others: suites that only run when they are named."""
    others = list(others)
    a = arguments(suites, others)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # and so all that was started is stopped
    report, began = Report(), time.monotonic()
    modules = [(n, importlib.import_module(n)) for n in suites + others if n in (a.suite or suites)]
    shared = [(n, m) for n, m in modules if not getattr(m, "OWN_STACK", False)]
    alone = [(n, m) for n, m in modules if getattr(m, "OWN_STACK", False) and not a.direct]
    try:
        if shared:
            with (stack.Direct() if a.direct else stack.Stack(limits=stack.PATIENT)) as s:
                print(f"{'two plain Kafkas' if a.direct else 'Kafka and the gateway (' + stack.FLAVOR + ')'} are ready "
                      f"({time.monotonic() - began:.1f} s), in {s.folder}", flush=True)
                for name, module in shared:
                    run_suite(report, name, module, s, a.only)
                if a.wait:
                    input("Enter stops everything: ")
        for name, module in alone:
            print(f"{name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
            for test, f in tests_of(module, a.only):
                report.one(name, test, f)
    except (Exception, SystemExit, KeyboardInterrupt) as e:  # of the stack itself
        report.failed.append(f"stack: {stack.words_of(e, __file__)}")
        traceback.print_exc()
    for name in report.failed:
        print(f"failed: {name}")
    if report.left_out:
        print(f"{report.left_out} left out: they need a gateway")
    print(f"{time.monotonic() - began:.1f} s")
    print(f"{report.passed} passed, {len(report.failed)} failed", flush=True)
    os._exit(1 if report.failed or not report.passed else 0)  # clients' threads would hold us up
