"""kafka-python."""
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import ACL, ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType, KafkaAdminClient, NewTopic, ResourcePattern
from kafka.admin import ResourcePatternFilter, ResourceType, ScramMechanism, UserScramCredentialDeletion, UserScramCredentialUpsertion
from scenario import BOOTSTRAP, CA, COMMITTED, GROUP, GUEST, ITERATIONS, MECHANISM, PARTITIONS, PASSWORD, SENT, TOPIC, TXN, USER
from scenario import all_of_it, must, phase, say, until, values

CONF = {"bootstrap_servers": BOOTSTRAP, "security_protocol": "SASL_SSL", "ssl_cafile": CA, "sasl_mechanism": MECHANISM,
        "sasl_plain_username": USER, "sasl_plain_password": PASSWORD}


def send(producer, pairs):
    for f in [producer.send(TOPIC, value, key) for key, value in pairs]:
        f.get(60)


def make():
    KafkaAdminClient(**CONF).create_topics([NewTopic(TOPIC, PARTITIONS, -1)])
    say("create")
    p = KafkaProducer(**CONF, enable_idempotence=True)
    send(p, values("sent", SENT))
    p.close()
    say("produce")
    p = KafkaProducer(**CONF, transactional_id=TXN)
    p.init_transactions()
    p.begin_transaction()
    send(p, values("committed", COMMITTED))
    p.commit_transaction()
    p.begin_transaction()
    send(p, values("aborted", COMMITTED))
    p.abort_transaction()
    p.close()
    say("transaction")


def consumer():
    # Polls that end in the middle of a join keep this library from sending heartbeats: they are longer than one takes.
    return KafkaConsumer(TOPIC, **CONF, group_id=GROUP, auto_offset_reset="earliest", isolation_level="read_committed",
                         enable_auto_commit=False, session_timeout_ms=10000, heartbeat_interval_ms=500)


def take(c, into, wait_ms=3000):
    for records in c.poll(timeout_ms=wait_ms).values():
        into += [r.value for r in records]


def use():
    a, got = consumer(), []
    until("all records", lambda: take(a, got) or len(got) >= len(all_of_it()))
    must("records", all_of_it(), sorted(got))
    say("consume")
    a.commit()
    say("commit")
    b, more = consumer(), []
    # Each of the two polls in a thread of its own, as two processes would.
    import threading
    done = threading.Event()

    def poll(c):
        while not done.is_set():
            take(c, more, 1000)
    threads = [threading.Thread(target=poll, args=(c,)) for c in (a, b)]
    for t in threads:
        t.start()
    try:
        until("two and two partitions", lambda: done.wait(0.2) or (len(a.assignment()), len(b.assignment())) == (2, 2))
        admin = KafkaAdminClient(**CONF)
        must("a group of this tenant", True, any(GROUP in str(g) for g in admin.list_groups()))
        say("describe")
    finally:
        done.set()
        for t in threads:
            t.join()
    b.close()
    until("all four again", lambda: take(a, more) or len(a.assignment()) == PARTITIONS)
    must("nothing twice", [], more)
    say("rebalance")
    a.close()


def acls(admin):
    """The right to read, which stays, and the one to write, which is taken back."""
    def acl(pattern, operation):
        return ACL(f"User:{GUEST}", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, TOPIC, pattern))

    def fits(operation):
        return ACLFilter(f"User:{GUEST}", None, operation, ACLPermissionType.ANY, ResourcePatternFilter(
            ResourceType.ANY, None, ACLResourcePatternType.ANY))

    read, write = acl(ACLResourcePatternType.LITERAL, ACLOperation.READ), acl(ACLResourcePatternType.PREFIXED, ACLOperation.WRITE)
    must("ACLs that failed", [], admin.create_acls([read, write])["failed"])
    must("two ACLs", {read, write}, set(admin.describe_acls(fits(ACLOperation.ANY))[0]))
    gone = admin.delete_acls([fits(ACLOperation.WRITE)])
    must("one is deleted", [write], gone[0][1])
    must("the other is left", [read], admin.describe_acls(fits(ACLOperation.ANY))[0])
    say("acls")


def users(admin):
    def alter(change):
        must("a change", {GUEST: None}, admin.alter_user_scram_credentials([change]))

    for m in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        alter(UserScramCredentialUpsertion(GUEST, m, "a password", iterations=ITERATIONS))
    alter(UserScramCredentialDeletion(GUEST, ScramMechanism.SCRAM_SHA_256))
    found = admin.describe_user_scram_credentials([GUEST])[GUEST]["credential_infos"]
    must("one password", [{"mechanism": ScramMechanism.SCRAM_SHA_512, "iterations": ITERATIONS}], found)
    say("users")


def secure():
    admin = KafkaAdminClient(**CONF)
    acls(admin)
    say("quotas", none="its admin client has no call for it")
    users(admin)


def drop():
    admin = KafkaAdminClient(**CONF)
    admin.delete_groups([GROUP])
    say("delete group")
    admin.delete_topics([TOPIC])
    until("gone", lambda: TOPIC not in admin.list_topics())
    say("delete topic")


phase(make=make, use=use, secure=secure, drop=drop)
