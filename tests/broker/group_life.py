"""Classic groups as brokers read them: offsets of idle partitions stay, and members roll from the classic protocol to KIP-848 and back."""
import checks
from groups import CLASSIC, Member
from java_member import JavaMember
from produce_consume import send
from runner import both, create_topic, equal, fresh, kw, stack

OWN_STACK = True  # its broker looks for old offsets every second, and so for empty groups
QUICK = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}


class Raw:
    """A member of a classic group, by raw requests."""

    def __init__(self, w, group, topics):
        self.w, self.group, self.id = w, group, ""
        stack.wait_until("there is a coordinator", lambda: w.request("FindCoordinator", 0, {"Key": group})["ErrorCode"] == 0)
        subscription = kw.encode_embedded("ConsumerProtocolSubscription", 1, {"Topics": topics, "UserData": None, "OwnedPartitions": []})

        def join():
            reply = w.request("JoinGroup", 5, {"GroupId": group, "SessionTimeoutMs": 30000, "RebalanceTimeoutMs": 30000, "MemberId": self.id,
                                               "GroupInstanceId": None, "ProtocolType": "consumer",
                                               "Protocols": [{"Name": "range", "Metadata": subscription}]})
            self.id = reply["MemberId"]
            return reply if reply["ErrorCode"] == 0 else None
        self.generation = stack.wait_until("it joins", join)["GenerationId"]
        assignment = kw.encode_embedded("ConsumerProtocolAssignment", 0, {
            "AssignedPartitions": [{"Topic": t, "Partitions": [0]} for t in topics], "UserData": None})
        reply = w.request("SyncGroup", 3, {"GroupId": group, "GenerationId": self.generation, "MemberId": self.id, "GroupInstanceId": None,
                                           "Assignments": [{"MemberId": self.id, "Assignment": assignment}]})
        equal("SyncGroup", (0, assignment), (reply["ErrorCode"], reply["Assignment"]))

    def commit(self, topic, retention_ms):
        reply = self.w.request("OffsetCommit", 2, {"GroupId": self.group, "GenerationIdOrMemberEpoch": self.generation, "MemberId": self.id,
                                                   "RetentionTimeMs": retention_ms, "Topics": [{"Name": topic, "Partitions": [
                                                       {"PartitionIndex": 0, "CommittedOffset": 5, "CommittedMetadata": ""}]}]})
        return reply["Topics"][0]["Partitions"][0]["ErrorCode"]

    def leave(self):
        equal("LeaveGroup", 0, self.w.request("LeaveGroup", 1, {"GroupId": self.group, "MemberId": self.id})["ErrorCode"])


def committed(w, group, topic):
    reply = w.request("OffsetFetch", 5, {"GroupId": group, "Topics": [{"Name": topic, "PartitionIndexes": [0]}]})
    return reply["Topics"][0]["Partitions"][0]["CommittedOffset"]


def check_idle_offsets_stay(s):
    """A committed offset outlives its time while a live classic group subscribes to the topic; of other topics it goes, and of all once
    the members have left. (A broker knows by the names inside the members' bytes.)"""
    mine, other, group = fresh("subscribed"), fresh("elsewhere"), fresh("idle")
    for name in (mine, other):
        both(lambda t: create_topic(t, name), s.acme, s.globex)

    def one(t):
        with t.wire() as w:
            member = Raw(w, group, [mine])
            for topic in (mine, other):
                equal(f"committing {topic}", 0, member.commit(topic, 1))
            stack.wait_until("the other topic's offset is gone", lambda: committed(w, group, other) == -1, 30)
            equal("the subscribed topic's stays", 5, committed(w, group, mine))
            reply = w.request("OffsetDelete", 0, {"GroupId": group, "Topics": [{"Name": mine, "Partitions": [{"PartitionIndex": 0}]}]})
            equal("OffsetDelete of what is subscribed", 86, reply["Topics"][0]["Partitions"][0]["ErrorCode"])
            member.leave()
            stack.wait_until("all of it is gone when nobody subscribes", lambda: committed(w, group, mine) == -1, 30)
    both(one, s.acme, s.globex)


def kind(t, group):
    with t.wire() as w:
        return [g["GroupType"] for g in w.request("ListGroups", 5, {})["Groups"] if g["GroupId"] == group]


def stable(t, group, protocol):
    """Asked of the group itself: lists of groups are shared, and may be of a moment ago."""
    with t.wire() as w:
        if protocol == "consumer":
            return w.request("ConsumerGroupDescribe", 0, {"GroupIds": [group]})["Groups"][0]["GroupState"] == "Stable"
        return w.request("DescribeGroups", 5, {"Groups": [group]})["Groups"][0]["GroupState"] == "Stable"


class Rolling:
    """A group of one Java and one librdkafka consumer, of which one after the other is replaced by one of the other protocol."""

    def __init__(self, t, topic, n, group, protocol):
        self.t, self.topic, self.n, self.group = t, topic, n, group
        self.sent, self.stopped = [], []
        self.java, self.c = self.start_java(protocol), self.start_c(protocol)

    def start_java(self, protocol):
        return JavaMember(self.t, self.group, protocol, self.topic, **(QUICK if protocol == "classic" else {}))

    def start_c(self, protocol):
        return Member(self.t, self.group, [self.topic], **({"group.protocol": protocol} if protocol == "consumer" else CLASSIC[0]))

    def roll_java(self, protocol):
        self.java.stop()
        self.stopped += self.java.got
        self.java = self.start_java(protocol)

    def roll_c(self, protocol):
        self.c.stop()
        self.stopped += [v.decode() for v in self.c.got]
        self.c = self.start_c(protocol)

    def all_got(self):
        return self.stopped + self.java.got + [v.decode() for v in self.c.got]

    def shared(self):
        return self.java.well() and self.java.assigned and self.c.has() and \
            sorted(self.java.assigned + self.c.has()) == [(self.topic, p) for p in range(self.n)]

    def check(self, protocol):
        """They share the partitions, the group is of that protocol, and a record that is sent now arrives. The group must be
        stable first: a member that is about to give its partitions back gets records that it can commit no more."""
        stack.wait_until(f"the partitions are shared out, now {self.java.assigned} and {self.c.has()}",
                         lambda: self.shared() and stable(self.t, self.group, protocol) and self.shared(), 40)
        stack.wait_until(f"the group is {protocol}, now {kind(self.t, self.group)}", lambda: kind(self.t, self.group) == [protocol])
        value = f"{self.t.name} {len(self.sent)}"
        self.sent.append(value)
        send(self.t, self.topic, [value.encode()])
        stack.wait_until(f"{value} arrives", lambda: value in self.all_got(), 30)
        self.java.commit()
        self.c.commit()

    def stop(self):
        self.java.stop()
        self.c.stop()


def roll(s, before, after, between):
    """Both members go from one protocol to the other; meanwhile the group is of the protocol `between`."""
    topic, group = fresh("rolling"), fresh("roll")
    create_topic(s.acme, topic, 4)
    r = Rolling(s.acme, topic, 4, group, before)
    try:
        r.check(before)
        r.roll_c(after)
        r.check(between)
        r.roll_java(after)
        r.check(after)
        equal("each record came once", sorted(r.sent), sorted(r.all_got()))
        equal("errors", [], r.c.errors)
        equal("the other tenant has no such group", [], kind(s.globex, group))
    finally:
        r.stop()


def check_online_upgrade(s):
    """A librdkafka and a Java member roll from classic to consumer; each step consumes, nothing comes twice."""
    roll(s, "classic", "consumer", "consumer")


def check_online_downgrade(s):
    """And from consumer to classic: the group is a classic one again when the last has gone over."""
    roll(s, "consumer", "classic", "consumer")


def test_life():
    """Idle offsets, the upgrade and the downgrade of a group whose members roll."""
    checks.run(lambda: stack.Stack(limits=stack.PATIENT, kafka_properties={"offsets.retention.check.interval.ms": 1000}),
               [check_idle_offsets_stay, check_online_upgrade, check_online_downgrade])
