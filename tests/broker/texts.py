"""What brokers say in words: the same as to anybody else, about the tenant's own names, without the prefix."""
from runner import create_topic, equal, fresh, gateway, kw, stack, true

TOPIC, GROUP = 2, 32


def words(reply):
    return [v for path, v in kw.leaves(dict(reply)) if path.endswith("Message") and v]


def create(w, name, **more):
    return words(w.request("CreateTopics", 7, {"timeoutMs": 10000, "validateOnly": True, "Topics": [
        {"Name": name, "NumPartitions": 1, "ReplicationFactor": 1, **more}]}))


def configured(w, name, config, value):
    return create(w, name, Configs=[{"Name": config, "Value": value}])


def grow(w, name, count):
    return words(w.request("CreatePartitions", 3, {"Topics": [{"Name": name, "Count": count, "Assignments": None}], "TimeoutMs": 10000,
                                                   "ValidateOnly": True}))


def alter(w, kind, name, config, value):
    return words(w.request("IncrementalAlterConfigs", 1, {"ValidateOnly": True, "Resources": [{
        "ResourceType": kind, "ResourceName": name, "Configs": [{"Name": config, "ConfigOperation": 0, "Value": value}]}]}))


def describe(api, version):
    def ask(w, group):
        def settled():
            reply = w.request(api, version, {"GroupIds" if api != "DescribeGroups" else "Groups": [group]})
            return None if any(v in (14, 15, 16) for p, v in kw.leaves(dict(reply)) if p.endswith("ErrorCode")) else reply
        return words(stack.wait_until("a coordinator", settled))
    return ask


def heartbeat(w, group, **more):
    return words(w.request("ConsumerGroupHeartbeat", 1, {
        "GroupId": group, "MemberId": "texts", "MemberEpoch": 0, "RebalanceTimeoutMs": 1000, "SubscribedTopicNames": ["texts"],
        "TopicPartitions": [], **more}))


@gateway
def test_same_words(s):
    """Each known pattern that can be provoked, beside the broker itself with a name below the prefix."""
    topic, group = fresh("texts"), fresh("texts")
    create_topic(s.acme, topic, 3)
    create_topic(s.acme, f"{topic}.x")
    with s.acme.wire() as w:
        stack.wait_until("a coordinator", lambda: w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": [group]})["Coordinators"][0]["ErrorCode"] == 0)
        stack.wait_until("a member", lambda: w.request("ConsumerGroupHeartbeat", 1, {
            "GroupId": group, "MemberId": "first", "MemberEpoch": 0, "RebalanceTimeoutMs": 60000, "SubscribedTopicNames": [topic],
            "TopicPartitions": []})["ErrorCode"] == 0)
    missing = fresh("missing")
    asks = [
        ("a topic that exists", create, topic, {}),
        ("one that collides", create, f"{topic}_x", {}),
        ("too many replicas", create, missing, {"ReplicationFactor": 99}),
        ("no replicas", create, missing, {"ReplicationFactor": 0}),
        ("no partitions", create, missing, {"NumPartitions": 0}),
        ("a bad list", lambda w, n: configured(w, n, "cleanup.policy", "shred"), missing, {}),
        ("a bad word", lambda w, n: configured(w, n, "compression.type", "zzz"), missing, {}),
        ("a bad level", lambda w, n: configured(w, n, "compression.gzip.level", "99"), missing, {}),
        ("a bad ratio", lambda w, n: configured(w, n, "min.cleanable.dirty.ratio", "7"), missing, {}),
        ("as many partitions", lambda w, n: grow(w, n, 3), topic, {}),
        ("fewer partitions", lambda w, n: grow(w, n, 2), topic, {}),
        ("configs of none", lambda w, n: alter(w, TOPIC, n, "retention.ms", "1"), missing, {}),
        ("null", lambda w, n: alter(w, TOPIC, n, "retention.ms", None), topic, {}),
        ("a bad reset", lambda w, n: alter(w, GROUP, n, "share.auto.offset.reset", "sometimes"), group, {}),
        ("beyond the bounds", lambda w, n: alter(w, GROUP, n, "consumer.session.timeout.ms", "1"), group, {}),
        ("a bad level", lambda w, n: alter(w, GROUP, n, "share.isolation.level", "x"), group, {}),
        ("of another type", describe("DescribeGroups", 6), group, {}),
        ("no such group", describe("ConsumerGroupDescribe", 1), missing, {}),
        ("an assignor", heartbeat, group, {"ServerAssignor": "zz"}),
        ("no timeout", heartbeat, missing, {"RebalanceTimeoutMs": -1}),
    ]
    with s.acme.wire() as w, s.kafka.wire() as p:
        p.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": [f"acme.{group}"]})
        wrong = []
        for what, ask, name, more in asks:
            theirs, ours = ask(p, f"acme.{name}", **more), ask(w, name, **more)
            true(f"{what}: the broker says something", theirs)
            if ours != [t.replace("acme.", "") for t in theirs]:
                wrong.append(f"{what}: {ours}, the broker {theirs}")
    equal("differing texts", [], wrong)
