"""The part of differential.py's session that is librdkafka's: its AdminClient, a producer in transactions, a consumer in a group."""
import confluent_kafka as ck
import confluent_kafka.admin as cka

from differential_session import A, MINE, MISSING, NOW_MS, led
from runner import stack


def said(future):
    """A future's value, or its error, as far as they are no addresses."""
    try:
        return future.result(20)
    except ck.KafkaException as e:
        return {"code": e.args[0].code(), "name": e.args[0].name()}


def admin(side, a, name):
    """librdkafka's AdminClient, on topics."""
    side.note("create_topics", {k: said(f) for k, f in a.create_topics([
        cka.NewTopic(name, 2, 1, config={"retention.ms": "600000"}), cka.NewTopic(A, 1, 1)]).items()})
    led(side, by_librdkafka=2)
    for f in a.describe_topics(ck.TopicCollection([name, MISSING])).values():
        d = said(f)
        side.note("describe_topics", d if isinstance(d, dict) else {"Name": d.name, "internal": d.is_internal, "parts": [
            [p.id, p.leader.id, [r.id for r in p.replicas], [r.id for r in p.isr]] for p in d.partitions]})
    found = a.list_topics(name, 20)
    side.note("list_topics", {"topics": {k: sorted(t.partitions) for k, t in found.topics.items()}, "brokers": sorted(found.brokers)})
    for r, f in a.describe_configs([cka.ConfigResource(cka.ResourceType.TOPIC, name)]).items():
        side.note("describe_configs", {"Configs": [
            {"Name": k, "Value": v.value, "ConfigSource": v.source, "ReadOnly": v.is_read_only, "is_default": v.is_default, "IsSensitive": v.is_sensitive}
            for k, v in sorted(f.result(20).items())]})
    change = cka.ConfigResource(cka.ResourceType.TOPIC, name, incremental_configs=[
        cka.ConfigEntry("retention.ms", "700000", incremental_operation=cka.AlterConfigOpType.SET)])
    side.note("incremental_alter_configs", [said(f) for f in a.incremental_alter_configs([change]).values()])
    side.note("create_partitions", [said(f) for f in a.create_partitions([cka.NewPartitions(name, 3)]).values()])
    led(side, by_librdkafka=3)


def library(side):
    """All of it on one topic."""
    name = MINE + "by-librdkafka"
    with cka.AdminClient(side.tenant.librdkafka()) as a:
        admin(side, a, name)
        produces(side, name)
        consumes(side, a, name)
        offsets(side, a, name)


def produces(side, name):
    """Two transactions, one of which is aborted."""
    acknowledged = []
    p = ck.Producer(side.tenant.librdkafka(**{"transactional.id": f"{MINE}library", "linger.ms": 50}))
    p.init_transactions(20)
    for committed in (True, False):
        p.begin_transaction()
        for i in range(6):
            p.produce(name, f"{committed} {i}".encode(), partition=i % 3, timestamp=NOW_MS,
                      on_delivery=lambda e, m: acknowledged.append([e and e.code(), m.partition(), m.offset(), m.value()]))
        p.flush(20)
        (p.commit_transaction if committed else p.abort_transaction)(20)
    p.close()
    side.note("delivered", sorted(acknowledged))


def consumes(side, a, name):
    """What was committed, in a group, and what the AdminClient says of that."""
    c = ck.Consumer(side.tenant.librdkafka(**{"group.id": f"{MINE}library", "auto.offset.reset": "earliest", "enable.auto.commit": False}))
    c.subscribe([name])
    got = []
    stack.wait_until("six records", lambda: (m := c.poll(0.2)) is not None and not m.error() and (got.append(m) or len(got) == 6), 40, 0)
    side.note("consumed", sorted([m.topic(), m.partition(), m.offset(), m.value(), m.timestamp()[1]] for m in got))
    side.note("committed", sorted([t.topic, t.partition, t.offset] for t in c.commit(
        offsets=[ck.TopicPartition(name, i, 2) for i in range(3)], asynchronous=False)))
    side.note("watermarks", [c.get_watermark_offsets(ck.TopicPartition(name, i), 10) for i in range(3)])
    group = a.describe_consumer_groups([f"{MINE}library"])[f"{MINE}library"].result(20)
    side.note("describe_consumer_groups", {"group": group.group_id, "state": str(group.state), "assignor": group.partition_assignor, "members": [
        {"id": m.member_id, "client": m.client_id, "host": m.host, "has": sorted([t.topic, t.partition] for t in m.assignment.topic_partitions)}
        for m in group.members]})
    c.close()
    stack.wait_until("the group is empty", lambda: a.describe_consumer_groups([group.group_id])[group.group_id].result(20).state ==
                     ck.ConsumerGroupState.EMPTY, 20)


def offsets(side, a, name):
    group = f"{MINE}library"
    for f in a.list_consumer_group_offsets([ck.ConsumerGroupTopicPartitions(group)]).values():
        side.note("list_consumer_group_offsets", sorted([t.topic, t.partition, t.offset] for t in f.result(20).topic_partitions))
    wanted = [ck.TopicPartition(name, 0, 1)]
    for f in a.alter_consumer_group_offsets([ck.ConsumerGroupTopicPartitions(group, wanted)]).values():
        side.note("alter_consumer_group_offsets", [[t.topic, t.partition, t.offset, t.error and t.error.code()] for t in f.result(20).topic_partitions])
    for t, f in a.list_offsets({ck.TopicPartition(name, 0): cka.OffsetSpec.latest(), ck.TopicPartition(name, 1): cka.OffsetSpec.earliest()}).items():
        side.note(f"list_offsets {t.topic} {t.partition}", [f.result(20).offset, f.result(20).timestamp])
    for t, f in a.delete_records([ck.TopicPartition(name, 0, 2)]).items():
        side.note("delete_records", [t.topic, t.partition, f.result(20).low_watermark])
    side.note("delete_consumer_groups", [said(f) for f in a.delete_consumer_groups([group, MISSING]).values()])
    side.note("delete_topics", {k: said(f) for k, f in a.delete_topics([name, MISSING]).items()})
