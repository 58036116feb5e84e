// KafkaJS; see ../README.md.
'use strict';
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { Kafka, logLevel, AssignerProtocol, AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = require('kafkajs');

const PARTITIONS = 4, SENT = 200, COMMITTED = 50;
const env = (name) => process.env[`CLIENT_${name}`];
const topic = env('TOPIC'), groupId = env('GROUP');

const kafka = new Kafka({
  brokers: [env('BOOTSTRAP')], logLevel: logLevel.NOTHING, ssl: { ca: [fs.readFileSync(env('CA'))] },
  sasl: { mechanism: 'scram-sha-512', username: env('USER'), password: env('PASSWORD') },
});

function say(step, none) {
  console.log(JSON.stringify(none ? { step, none } : { step }));
}

function must(what, ok) {
  if (!ok) throw new Error(what);
}

async function until(what, condition) {
  for (const end = Date.now() + 60000; !(await condition()); await sleep(50)) must(`within a minute: ${what}`, Date.now() < end);
}

const values = (kind, n) => Array.from({ length: n }, (_, i) => `${env('MARK')}-${kind}-${i}`);
const messages = (kind, n) => values(kind, n).map((value, i) => ({ key: `k${i}`, value }));
const allOfIt = () => [...values('sent', SENT), ...values('committed', COMMITTED)].sort();

async function using(what, f) {
  await what.connect();
  try {
    return await f(what);
  } finally {
    await what.disconnect();
  }
}

async function make() {
  await using(kafka.admin(), (a) => a.createTopics({ topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: -1 }] }));
  say('create');
  await using(kafka.producer({ idempotent: true }), (p) => p.send({ topic, acks: -1, messages: messages('sent', SENT) }));
  say('produce');
  await using(kafka.producer({ transactionalId: env('TXN'), idempotent: true, maxInFlightRequests: 1 }), async (p) => {
    let t = await p.transaction();
    await t.send({ topic, acks: -1, messages: messages('committed', COMMITTED) });
    await t.commit();
    t = await p.transaction();
    await t.send({ topic, acks: -1, messages: messages('aborted', COMMITTED) });
    await t.abort();
  });
  say('transaction');
}

async function join(got) {
  const c = kafka.consumer({ groupId, heartbeatInterval: 500, sessionTimeout: 10000, readUncommitted: false });
  await c.connect();
  await c.subscribe({ topic, fromBeginning: true });
  await c.run({ autoCommitThreshold: 1, eachMessage: async ({ message }) => { got.push(message.value.toString()); } });
  return c;
}

// How many partitions each member has, in order.
async function divided(a) {
  const { groups } = await a.describeGroups([groupId]);
  return groups[0].members.map((m) => {
    const assignment = m.memberAssignment.length === 0 ? {} : AssignerProtocol.MemberAssignment.decode(m.memberAssignment).assignment;
    must('of the topic', Object.keys(assignment).every((t) => t === topic));
    return (assignment[topic] || []).length;
  }).join();
}

async function use() {
  const got = [], a = await join(got);
  await until('all records', () => got.length >= allOfIt().length);
  must('records', JSON.stringify([...got].sort()) === JSON.stringify(allOfIt()));
  say('consume');
  say('commit');
  await using(kafka.admin(), async (admin) => {
    const b = await join(got);
    await until('two and two partitions', async () => (await divided(admin)) === '2,2');
    must('a group of this tenant', (await admin.listGroups()).groups.some((g) => g.groupId === groupId));
    say('describe');
    await b.disconnect();
    await until('all four again', async () => (await divided(admin)) === String(PARTITIONS));
    must('nothing twice', got.length === allOfIt().length);
    say('rebalance');
    await a.disconnect();
    const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] });
    must('committed partitions', partitions.length === PARTITIONS && partitions.every((p) => Number(p.offset) > 0));
  });
}

// The right to read, which stays, and the one to write, which is taken back.
async function acls(a) {
  const principal = `User:${env('GUEST')}`;
  const acl = (resourcePatternType, operation) => ({ resourceType: AclResourceTypes.TOPIC, resourceName: topic, resourcePatternType, principal,
    host: '*', operation, permissionType: AclPermissionTypes.ALLOW });
  const fits = (operation) => ({ resourceType: AclResourceTypes.ANY, resourcePatternType: ResourcePatternTypes.ANY, principal, operation,
    permissionType: AclPermissionTypes.ANY });
  const patterns = async () => (await a.describeAcls(fits(AclOperationTypes.ANY))).resources.map((r) => r.resourcePatternType).sort().join();
  await a.createAcls({ acl: [acl(ResourcePatternTypes.LITERAL, AclOperationTypes.READ), acl(ResourcePatternTypes.PREFIXED, AclOperationTypes.WRITE)] });
  must('two ACLs', (await patterns()) === `${ResourcePatternTypes.LITERAL},${ResourcePatternTypes.PREFIXED}`);
  const { filterResponses } = await a.deleteAcls({ filters: [fits(AclOperationTypes.WRITE)] });
  must('one is deleted', filterResponses[0].errorCode === 0 && filterResponses[0].matchingAcls.length === 1);
  must('the other is left', (await patterns()) === String(ResourcePatternTypes.LITERAL));
  say('acls');
}

async function secure() {
  await using(kafka.admin(), acls);
  for (const step of ['quotas', 'users']) say(step, 'its admin client has no call for it');
}

async function drop() {
  await using(kafka.admin(), async (a) => {
    await a.deleteGroups([groupId]);
    say('delete group');
    await a.deleteTopics({ topics: [topic] });
    await until('gone', async () => !(await a.listTopics()).includes(topic));
    say('delete topic');
  });
}

({ make, use, secure, drop })[process.argv[2]]().then(() => process.exit(0), (e) => {
  console.error(e);
  process.exit(1);
});
