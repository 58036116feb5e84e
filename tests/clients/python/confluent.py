"""confluent-kafka-python."""
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer
from confluent_kafka.admin import AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, NewTopic, ResourcePatternType
from confluent_kafka.admin import ResourceType, ScramCredentialInfo, ScramMechanism, UserScramCredentialDeletion, UserScramCredentialUpsertion
from scenario import BOOTSTRAP, CA, COMMITTED, GROUP, GUEST, ITERATIONS, MECHANISM, PARTITIONS, PASSWORD, PROTOCOL, SENT, TOPIC, TXN, USER
from scenario import all_of_it, must, phase, say, until, values

CONF = {"bootstrap.servers": BOOTSTRAP, "security.protocol": "SASL_SSL", "ssl.ca.location": CA, "sasl.mechanism": MECHANISM,
        "sasl.username": USER, "sasl.password": PASSWORD}


def send(producer, pairs):
    failed = []
    for key, value in pairs:
        producer.produce(TOPIC, value, key, on_delivery=lambda e, m: failed.append(e) if e else None)
    must("messages left", 0, producer.flush(60))
    must("delivery errors", [], failed)


def make():
    admin = AdminClient(CONF)  # must live until the answer is here
    admin.create_topics([NewTopic(TOPIC, PARTITIONS)])[TOPIC].result(60)
    say("create")
    send(Producer(CONF | {"enable.idempotence": True}), values("sent", SENT))
    say("produce")
    p = Producer(CONF | {"transactional.id": TXN})
    p.init_transactions(60)
    p.begin_transaction()
    send(p, values("committed", COMMITTED))
    p.commit_transaction(60)
    p.begin_transaction()
    send(p, values("aborted", COMMITTED))
    p.abort_transaction(60)
    say("transaction")


def consumer():
    more = {"group.protocol": "consumer"} if PROTOCOL == "consumer" else {"session.timeout.ms": 10000}
    c = Consumer(CONF | more | {"group.id": GROUP, "auto.offset.reset": "earliest", "isolation.level": "read_committed",
                                "enable.auto.commit": False})
    c.subscribe([TOPIC])
    return c


def take(c, into):
    m = c.poll(0.2)
    if m is not None:
        must("error", None, m.error())
        into.append(m.value())


def use():
    a, got = consumer(), []
    until("all records", lambda: take(a, got) or len(got) >= len(all_of_it()))
    must("records", all_of_it(), sorted(got))
    say("consume")
    a.commit(asynchronous=False)
    say("commit")
    b, more = consumer(), []
    until("two and two partitions", lambda: take(a, more) or take(b, more) or (len(a.assignment()), len(b.assignment())) == (2, 2))
    admin = AdminClient(CONF)
    described = admin.describe_consumer_groups([GROUP])[GROUP].result(60)
    must("members", 2, len(described.members))
    must("of the topic", {TOPIC}, {p.topic for m in described.members for p in m.assignment.topic_partitions})
    must("a group of this tenant", True, GROUP in [g.group_id for g in admin.list_consumer_groups().result(60).valid])
    say("describe")
    b.close()
    until("all four again", lambda: take(a, more) or len(a.assignment()) == PARTITIONS)
    must("nothing twice", [], more)
    say("rebalance")
    a.close()
    offsets = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(GROUP)])[GROUP].result(60).topic_partitions
    must("committed partitions", PARTITIONS, len([o for o in offsets if o.topic == TOPIC and o.offset > 0]))


def acls(admin):
    """The right to read, which stays, and the one to write, which is taken back."""
    def acl(pattern, operation):
        return AclBinding(ResourceType.TOPIC, TOPIC, pattern, f"User:{GUEST}", "*", operation, AclPermissionType.ALLOW)

    def fits(operation):
        return AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, f"User:{GUEST}", None, operation, AclPermissionType.ANY)

    read, write = acl(ResourcePatternType.LITERAL, AclOperation.READ), acl(ResourcePatternType.PREFIXED, AclOperation.WRITE)
    for made in admin.create_acls([read, write]).values():
        made.result(60)
    must("two ACLs", {read, write}, set(admin.describe_acls(fits(AclOperation.ANY)).result(60)))
    for gone in admin.delete_acls([fits(AclOperation.WRITE)]).values():
        must("one is deleted", [write], gone.result(60))
    must("the other is left", [read], admin.describe_acls(fits(AclOperation.ANY)).result(60))
    say("acls")


def users(admin):
    def alter(change):
        for f in admin.alter_user_scram_credentials([change]).values():
            f.result(60)

    for m in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        alter(UserScramCredentialUpsertion(GUEST, ScramCredentialInfo(m, ITERATIONS), b"a password"))
    alter(UserScramCredentialDeletion(GUEST, ScramMechanism.SCRAM_SHA_256))
    found = admin.describe_user_scram_credentials([GUEST])[GUEST].result(60).scram_credential_infos
    must("one password", [(ScramMechanism.SCRAM_SHA_512, ITERATIONS)], [(c.mechanism, c.iterations) for c in found])
    say("users")


def secure():
    admin = AdminClient(CONF)
    acls(admin)
    say("quotas", none="its admin client has no call for it")
    users(admin)


def drop():
    admin = AdminClient(CONF)
    admin.delete_consumer_groups([GROUP])[GROUP].result(60)
    say("delete group")
    admin.delete_topics([TOPIC])[TOPIC].result(60)
    until("gone", lambda: TOPIC not in admin.list_topics(timeout=10).topics)
    say("delete topic")


phase(make=make, use=use, secure=secure, drop=drop)
