"""Whose a fetch is, where its client is in no classic or consumer group: members of streams groups, and consumers that assign partitions
themselves and commit for a group. All on one host, under the client ids that libraries give."""
import pathlib
import subprocess

from quotas import fill, limit, made, read, waits
from runner import fresh, stack

GATEWAY = True
JAVA = pathlib.Path(__file__).resolve().parent / "java/Readers.java"
N, SIZE = 8, 50_000
SLOW, FAST = 200_000, 100_000_000  # bytes a second


class Java:
    """Jobs for java/Readers.java, one after the other."""

    def __init__(self, tenant):
        self.process = subprocess.Popen([str(stack.KAFKA / "tool"), str(JAVA), tenant.java_file()], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def does(self, *job):
        self.process.stdin.write(" ".join(map(str, job)) + "\n")
        self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line == "done\n":
                return
        raise AssertionError(f"{job}: " + "".join(said[-30:]))


def limits(s, path, unattributed, **groups):
    limit(s, path, {"type": "unattributed", "limits": {"consumer_byte_rate": unattributed}}, *(
        {"type": "group", "group": g, "limits": {"consumer_byte_rate": n}} for g, n in groups.items()))


def test_assigned(s):
    """Consumers that assign partitions themselves are of the group that they commit for; where two say so, of none. Who is a member stays
    its group's, whatever is committed."""
    path, t = made(s)
    one, other = fresh("assigned"), fresh("assigned")
    for topic in (one, other):
        fill(t, topic, N, SIZE)
    limits(s, path, SLOW, fast=FAST, slow=SLOW)
    waits(s, path, "fast", lambda: read(t, one, N, "fast", True), False)
    waits(s, path, "slow", lambda: read(t, other, N, "slow", True), True)
    waits(s, path, "both", lambda: read(t, other, N, "fast", True), True)
    limits(s, path, FAST, fast=FAST, slow=SLOW)
    waits(s, path, "nobody, without a limit", lambda: read(t, other, N, "fast", True), False)
    # What was committed for fast above still counts as said.
    waits(s, path, "a member of slow that commits for fast", lambda: read(t, one, N, "slow"), True)


def test_java(s):
    """Kafka Streams as a streams group: sources, a repartition topic, and a store restored from its changelog; and Java's consumer with assign()."""
    path, t = made(s)
    topic, app = fresh("streamed"), fresh("app")
    fill(t, topic, N, SIZE)
    limits(s, path, SLOW, **{app: FAST, "fast": FAST})
    with Java(t) as java:
        waits(s, path, "a consumer", lambda: java.does("assign", "fast", topic, N), False)
        waits(s, path, "the application", lambda: java.does("streams", app, topic, N), False)
        limits(s, path, FAST, **{app: SLOW})
        waits(s, path, "its store", lambda: java.does("streams", app, topic, N), True)
