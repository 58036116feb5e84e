"""aiokafka."""
import asyncio
import ssl

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from scenario import BOOTSTRAP, CA, COMMITTED, GROUP, MECHANISM, PARTITIONS, PASSWORD, SENT, TOPIC, TXN, USER
from scenario import all_of_it, must, phase, say, values

CONF = {"bootstrap_servers": BOOTSTRAP, "security_protocol": "SASL_SSL", "ssl_context": ssl.create_default_context(cafile=CA),
        "sasl_mechanism": MECHANISM, "sasl_plain_username": USER, "sasl_plain_password": PASSWORD}


async def admin():
    a = AIOKafkaAdminClient(**CONF)
    await a.start()
    return a


async def send(producer, pairs):
    for f in [await producer.send(TOPIC, value, key) for key, value in pairs]:
        await f


async def make():
    a = await admin()
    await a.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
    await a.close()
    say("create")
    async with AIOKafkaProducer(**CONF, enable_idempotence=True) as p:
        await send(p, values("sent", SENT))
    say("produce")
    async with AIOKafkaProducer(**CONF, transactional_id=TXN) as p:
        await p.begin_transaction()
        await send(p, values("committed", COMMITTED))
        await p.commit_transaction()
        await p.begin_transaction()
        await send(p, values("aborted", COMMITTED))
        await p.abort_transaction()
    say("transaction")


async def consumer():
    c = AIOKafkaConsumer(TOPIC, **CONF, group_id=GROUP, auto_offset_reset="earliest", isolation_level="read_committed",
                         enable_auto_commit=False, session_timeout_ms=10000, heartbeat_interval_ms=500)
    await c.start()
    return c


async def take(c, into):
    for records in (await c.getmany(timeout_ms=200)).values():
        into += [r.value for r in records]


async def until(what, condition, within_s=60):
    async with asyncio.timeout(within_s):
        while not await condition():
            pass


async def use():
    a, got = await consumer(), []

    async def whole():
        await take(a, got)
        return len(got) >= len(all_of_it())
    await until("all records", whole)
    must("records", all_of_it(), sorted(got))
    say("consume")
    await a.commit()
    say("commit")
    # start() of the second one waits until the first has joined anew.
    more, joining = [], asyncio.create_task(consumer())
    while not joining.done():
        await take(a, more)
    b = joining.result()

    async def divided():
        await asyncio.gather(take(a, more), take(b, more))
        return (len(a.assignment()), len(b.assignment())) == (2, 2)
    await until("two and two partitions", divided)
    x = await admin()
    must("a group of this tenant", True, GROUP in [g[0] for g in await x.list_consumer_groups()])
    await x.describe_consumer_groups([GROUP])
    say("describe")
    await b.stop()

    async def again():
        await take(a, more)
        return len(a.assignment()) == PARTITIONS
    await until("all four again", again)
    must("nothing twice", [], more)
    say("rebalance")
    await a.stop()
    offsets = await x.list_consumer_group_offsets(GROUP)
    must("committed partitions", PARTITIONS, len([o for o in offsets.values() if o.offset > 0]))
    await x.close()


async def secure():
    for step in ("acls", "quotas", "users"):
        say(step, none="its admin client has no call for it")


async def drop():
    a = await admin()
    say("delete group", none="its admin client has no call for it")
    await a.delete_topics([TOPIC])

    async def gone():
        return TOPIC not in await a.list_topics()
    await until("gone", gone)
    await a.close()
    say("delete topic")


phase(**{f.__name__: lambda f=f: asyncio.run(f()) for f in (make, use, secure, drop)})
