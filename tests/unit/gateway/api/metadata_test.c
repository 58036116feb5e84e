/* Metadata: what is asked of brokers, and what of their answer a tenant sees. */
#include "stage.h"

#define Q(f) KFK_METADATA_REQUEST_##f
#define R(f) KFK_METADATA_RESPONSE_##f

static void
ask_name(struct kfk_tree *q, const char *name)
{
	struct kfk_node *list = kfk_get(&q->root, Q(TOPICS));

	if (list == NULL)
		list = kfk_set_empty(q, &q->root, Q(TOPICS));
	kfk_set_str(q, kfk_add(q, list), Q(TOPICS_NAME), alv_str_of(name));
}

static void
ask_id(struct kfk_tree *q, char id)
{
	struct kfk_node *list = kfk_get(&q->root, Q(TOPICS)), *e;

	if (list == NULL)
		list = kfk_set_empty(q, &q->root, Q(TOPICS));
	e = kfk_add(q, list);
	kfk_set_null(q, e, Q(TOPICS_NAME));
	kfk_set_uuid(q, e, Q(TOPICS_TOPIC_ID), stage_id(id));
}

static struct kfk_node *
tell(struct kfk_tree *r, const char *name, char id, int16_t code)
{
	struct kfk_node *list = kfk_get(&r->root, R(TOPICS)), *e, *p;

	if (list == NULL)
		list = kfk_set_empty(r, &r->root, R(TOPICS));
	e = kfk_add(r, list);
	kfk_set_int(r, e, R(TOPICS_ERROR_CODE), code);
	kfk_set_str(r, e, R(TOPICS_NAME), alv_str_of(name));
	if (id != 0)
		kfk_set_uuid(r, e, R(TOPICS_TOPIC_ID), stage_id(id));
	if (code == 0) {
		p = kfk_add(r, kfk_set_empty(r, e, R(TOPICS_PARTITIONS)));
		kfk_set_int(r, p, R(TOPICS_PARTITIONS_LEADER_ID), 1);
		kfk_set_int(r, p, R(TOPICS_PARTITIONS_LEADER_EPOCH), 17);
		kfk_add(r, kfk_set_empty(r, p, R(TOPICS_PARTITIONS_REPLICA_NODES)))->v.i = 9;
	}
	return e;
}

/* The cluster as brokers describe it, with a node that clients cannot reach. */
static void
tell_cluster(struct kfk_tree *r)
{
	struct kfk_node *list = kfk_set_empty(r, &r->root, R(BROKERS)), *e;

	for (int i = 1; i < 4; i++) {
		e = kfk_add(r, list);
		kfk_set_int(r, e, R(BROKERS_NODE_ID), i);
		kfk_set_str(r, e, R(BROKERS_HOST), ALV_STR("real1.internal"));
		kfk_set_int(r, e, R(BROKERS_PORT), 9092);
		kfk_set_str(r, e, R(BROKERS_RACK), ALV_STR("real1"));
	}
	kfk_set_str(r, &r->root, R(CLUSTER_ID), ALV_STR("physical-cluster-idxxx"));
	kfk_set_int(r, &r->root, R(CONTROLLER_ID), 3);
}

static void
all_topics_are_asked_by_name_and_foreign_ones_dropped(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE) };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 0; v <= 13; v++) {
		stage_open(&s, denies, 1);
		t = stage_begin(&s, KFK_API_METADATA, v);
		if (v > 0)
			kfk_set_null(t, &t->root, Q(TOPICS));
		assert_int_equal(stage_send(&s), API_FORWARD);
		assert_true(s.call.up_version >= 4);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 2);
		assert_non_null(stage_named(t, &t->root, Q(TOPICS), Q(TOPICS_NAME), "acme.orders"));
		assert_non_null(stage_named(t, &t->root, Q(TOPICS), Q(TOPICS_NAME), "legacy.shared"));
		assert_int_equal(kfk_get_int(t, &t->root, Q(ALLOW_AUTO_TOPIC_CREATION)), 0);

		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		tell_cluster(t);
		tell(t, "acme.orders", s.call.up_version >= 10 ? 'o' : 0, 0);
		tell(t, "globex.orders", s.call.up_version >= 10 ? 'g' : 0, 0);
		tell(t, "acme.gone", 0, KFK_UNKNOWN_TOPIC_OR_PARTITION);
		assert_int_equal(stage_reply(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(TOPICS)), 1);
		e = stage_at(&t->root, R(TOPICS), 0);
		stage_text(kfk_get_str(t, e, R(TOPICS_NAME)), "orders");
		e = stage_at(e, R(TOPICS_PARTITIONS), 0);
		assert_int_equal(kfk_get_int(t, e, R(TOPICS_PARTITIONS_LEADER_ID)), 1);
		if (v >= 7)
			assert_int_equal(kfk_get_int(t, e, R(TOPICS_PARTITIONS_LEADER_EPOCH)), 17);
		assert_int_equal(stage_at(e, R(TOPICS_PARTITIONS_REPLICA_NODES), 0)->v.i, 9);
		assert_int_equal(stage_count(&t->root, R(BROKERS)), 2);
		e = stage_at(&t->root, R(BROKERS), 0);
		stage_text(kfk_get_str(t, e, R(BROKERS_HOST)), "b1-acme.kafka.test");
		assert_int_equal(kfk_get_int(t, e, R(BROKERS_PORT)), 9093);
		if (v >= 1) {
			stage_text(kfk_get_str(t, e, R(BROKERS_RACK)), NULL);
			assert_int_equal(kfk_get_int(t, &t->root, R(CONTROLLER_ID)), 1);
		}
		if (v >= 2)
			stage_text(kfk_get_str(t, &t->root, R(CLUSTER_ID)), "acme-cluster-id-22char");
		stage_close(&s);
	}
}

static void
names_are_judged_one_by_one(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE) };
	static const struct { const char *name; int16_t code; } refused[] = {
		{ "secret", KFK_TOPIC_AUTHORIZATION_FAILED }, { "", KFK_INVALID_TOPIC_EXCEPTION },
		{ "..", KFK_INVALID_TOPIC_EXCEPTION }, { "a/b", KFK_INVALID_TOPIC_EXCEPTION },
	};
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, 1);
	t = stage_begin(&s, KFK_API_METADATA, 9);
	ask_name(t, "orders");
	ask_name(t, "globex.orders");
	for (size_t i = 0; i < ALV_COUNT(refused); i++)
		ask_name(t, refused[i].name);
	assert_int_equal(stage_send(&s), API_FORWARD);
	t = stage_upstream(&s);
	assert_int_equal(stage_count(&t->root, Q(TOPICS)), 2);
	assert_non_null(stage_named(t, &t->root, Q(TOPICS), Q(TOPICS_NAME), "acme.orders"));
	/* Another's physical name is only a name of one's own. */
	assert_non_null(stage_named(t, &t->root, Q(TOPICS), Q(TOPICS_NAME), "acme.globex.orders"));

	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	tell_cluster(t);
	tell(t, "acme.orders", 0, 0);
	tell(t, "acme.globex.orders", 0, KFK_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(stage_reply(&s), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(stage_count(&t->root, R(TOPICS)), 2 + ALV_COUNT(refused));
	for (size_t i = 0; i < ALV_COUNT(refused); i++) {
		struct kfk_node *e = stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), refused[i].name);

		assert_non_null(e);
		assert_int_equal(kfk_get_int(t, e, R(TOPICS_ERROR_CODE)), refused[i].code);
		assert_int_equal(stage_count(e, R(TOPICS_PARTITIONS)), 0);
	}
	stage_close(&s);
}

/* A broker that has not heard of what was created a moment ago says that there is no such topic. */
static void
what_the_catalogue_has_comes_soon(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 0; v <= 13; v++) {
		stage_open(&s, NULL, 0);
		t = stage_begin(&s, KFK_API_METADATA, v);
		ask_name(t, "orders");
		ask_name(t, "never");
		assert_int_equal(stage_send(&s), API_FORWARD);
		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		tell_cluster(t);
		tell(t, "acme.orders", 0, KFK_UNKNOWN_TOPIC_OR_PARTITION);
		tell(t, "acme.never", 0, KFK_UNKNOWN_TOPIC_OR_PARTITION);
		assert_int_equal(stage_reply(&s), API_ANSWER);
		t = stage_client(&s);
		assert_int_equal(kfk_get_int(t, stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), "orders"), R(TOPICS_ERROR_CODE)),
		    KFK_LEADER_NOT_AVAILABLE);
		assert_int_equal(kfk_get_int(t, stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), "never"), R(TOPICS_ERROR_CODE)),
		    KFK_UNKNOWN_TOPIC_OR_PARTITION);
		stage_close(&s);
	}
}

static void
foreign_ids_do_not_exist(void **state)
{
	static const char foreign[] = { 'g', 'c', 0x01 };
	struct stage	  s;
	struct kfk_tree	 *t;
	struct kfk_node	 *e;

	(void)state;
	for (int16_t v = 12; v <= 13; v++) {
		stage_open(&s, NULL, 0);
		clu_ids_learn(s.worker.ids, stage_id(0x01), ALV_STR_NULL, s.worker.now_us);
		t = stage_begin(&s, KFK_API_METADATA, v);
		ask_id(t, 'o');
		ask_name(t, "orders");	/* beside ids, names are not looked at */
		for (size_t i = 0; i < sizeof(foreign); i++)
			ask_id(t, foreign[i]);
		assert_int_equal(stage_send(&s), API_FORWARD);
		t = stage_upstream(&s);
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 1);
		assert_memory_equal(kfk_get_uuid(t, stage_at(&t->root, Q(TOPICS), 0), Q(TOPICS_TOPIC_ID)).b, stage_id('o').b, 16);

		alv_chain_clear(&s.call.out);
		t = stage_broker(&s);
		tell(t, "acme.orders", 'o', 0);
		tell(t, NULL, 'g', KFK_TOPIC_AUTHORIZATION_FAILED);	/* a broker that lies */
		assert_int_equal(stage_reply(&s), API_ANSWER);
		stage_clean(&s);
		t = stage_client(&s);
		assert_int_equal(stage_count(&t->root, R(TOPICS)), 1 + sizeof(foreign));
		for (size_t i = 0; i < sizeof(foreign); i++) {
			e = stage_at(&t->root, R(TOPICS), i + 1);
			assert_int_equal(kfk_get_int(t, e, R(TOPICS_ERROR_CODE)), KFK_UNKNOWN_TOPIC_ID);
			stage_text(kfk_get_str(t, e, R(TOPICS_NAME)), NULL);
			assert_memory_equal(kfk_get_uuid(t, e, R(TOPICS_TOPIC_ID)).b, stage_id(foreign[i]).b, 16);
		}
		stage_close(&s);
	}
}

static void
an_unknown_id_waits_once(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_METADATA, 12);
	ask_id(t, 'n');
	ask_id(t, 'm');
	assert_int_equal(stage_send(&s), API_WAIT);
	assert_int_equal(s.call.wait, API_WAIT_IDS);
	assert_int_equal(s.call.nids, 2);
	clu_ids_learn(s.worker.ids, stage_id('n'), ALV_STR("acme.new"), s.worker.now_us);
	s.call.ids_asked = true;
	assert_int_equal(api_request(&s.call, &s.body), API_FORWARD);
	t = stage_upstream(&s);
	assert_int_equal(stage_count(&t->root, Q(TOPICS)), 1);
	assert_int_equal(s.call.error_code, KFK_UNKNOWN_TOPIC_ID);
	stage_close(&s);
}

static void
early_ids_spoil_the_request(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_METADATA, 11);
	ask_name(t, "orders");
	ask_id(t, 'o');
	assert_int_equal(stage_send(&s), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(stage_count(&t->root, R(TOPICS)), 2);
	assert_int_equal(kfk_get_int(t, stage_at(&t->root, R(TOPICS), 0), R(TOPICS_ERROR_CODE)), KFK_INVALID_REQUEST);
	stage_close(&s);
}

static void
operations_are_the_principals(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "orders", POL_OP_WRITE),
		STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_ALTER) };
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	stage_open(&s, denies, 2);
	t = stage_begin(&s, KFK_API_METADATA, 9);
	ask_name(t, "orders");
	ask_name(t, "gone");
	ask_name(t, "a/b");
	kfk_set_int(t, &t->root, Q(INCLUDE_TOPIC_AUTHORIZED_OPERATIONS), 1);
	kfk_set_int(t, &t->root, Q(INCLUDE_CLUSTER_AUTHORIZED_OPERATIONS), 1);
	assert_int_equal(stage_send(&s), API_FORWARD);
	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	e = tell(t, "acme.orders", 0, 0);
	kfk_set_int(t, e, R(TOPICS_TOPIC_AUTHORIZED_OPERATIONS), 0x7fffffff);
	(void)tell(t, "acme.gone", 0, KFK_UNKNOWN_TOPIC_OR_PARTITION);
	kfk_set_int(t, &t->root, R(CLUSTER_AUTHORIZED_OPERATIONS), 0x7fffffff);
	assert_int_equal(stage_reply(&s), API_ANSWER);
	t = stage_client(&s);
	e = stage_at(&t->root, R(TOPICS), 0);
	assert_int_equal(kfk_get_int(t, e, R(TOPICS_TOPIC_AUTHORIZED_OPERATIONS)),
	    1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11);
	for (size_t i = 1; i < 3; i++) {	/* what may be done to a topic does not need one, nor a name that could be one's */
		e = stage_at(&t->root, R(TOPICS), i);
		assert_int_equal(kfk_get_int(t, e, R(TOPICS_TOPIC_AUTHORIZED_OPERATIONS)),
		    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11);
	}
	assert_int_equal(kfk_get_int(t, &t->root, R(CLUSTER_AUTHORIZED_OPERATIONS)), 1 << 5 | 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12);
	stage_close(&s);
}

static void
an_unreachable_leader_is_none(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	stage_open(&s, NULL, 0);
	t = stage_begin(&s, KFK_API_METADATA, 7);
	ask_name(t, "orders");
	assert_int_equal(stage_send(&s), API_FORWARD);
	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	e = tell(t, "acme.orders", 0, 0);
	kfk_set_int(t, stage_at(e, R(TOPICS_PARTITIONS), 0), R(TOPICS_PARTITIONS_LEADER_ID), 3);
	assert_int_equal(stage_reply(&s), API_ANSWER);
	t = stage_client(&s);
	e = stage_at(stage_at(&t->root, R(TOPICS), 0), R(TOPICS_PARTITIONS), 0);
	assert_int_equal(kfk_get_int(t, e, R(TOPICS_PARTITIONS_LEADER_ID)), -1);
	assert_int_equal(kfk_get_int(t, e, R(TOPICS_PARTITIONS_ERROR_CODE)), KFK_LEADER_NOT_AVAILABLE);
	stage_close(&s);
}

/* ---- topics that come into being by being asked for ------------------------------------------------------- */

static void
acme_creates(struct stage *s, bool on, const struct pol_rule *denies, size_t n)
{
	static const struct ten_alias alias = { .kind = TEN_TOPIC, .virt = { "shared", 6 }, .phys = { "legacy.absent", 13 } };
	struct pol_rule		      rules[32];
	size_t			      all;
	const struct pol_rule	     *base = pol_rules_all(&all);
	struct pol_parts parts = { .id = ALV_STR("acme"), .display_name = ALV_STR("acme"), .state = POL_ACTIVE, .revision = 1,
		.cluster_id = "acme-cluster-id-22char", .rules = rules, .nrules = all + n, .aliases = &alias, .naliases = 1,
		.auto_create = { on, 3, -1 }, .quotas = s->quotas, .nquotas = s->nquotas };

	memcpy(rules, base, all * sizeof(*base));
	if (n > 0)
		memcpy(rules + all, denies, n * sizeof(*denies));
	assert_int_equal(pol_dir_publish(s->dir, ALV_STR("acme"), pol_build(&parts)), ALV_OK);
}

/* Asks for four names of which the broker knows none; -> the error of the first. */
static int64_t
ask_for_missing(struct stage *s, int16_t v, bool allow)
{
	static const char *const names[] = { "new", "shared", "__consumer_offsets" };
	struct kfk_tree		*t = stage_begin(s, KFK_API_METADATA, v);

	for (size_t i = 0; i < ALV_COUNT(names); i++)
		ask_name(t, names[i]);
	if (v >= 4)
		kfk_set_int(t, &t->root, Q(ALLOW_AUTO_TOPIC_CREATION), allow);
	assert_int_equal(stage_send(s), API_FORWARD);
	t = stage_upstream(s);
	assert_int_equal(kfk_get_int(t, &t->root, Q(ALLOW_AUTO_TOPIC_CREATION)), 0);	/* never a broker */
	alv_chain_clear(&s->call.out);
	t = stage_broker(s);
	tell_cluster(t);
	(void)tell(t, "acme.new", 0, KFK_UNKNOWN_TOPIC_OR_PARTITION);
	(void)tell(t, "legacy.absent", 0, KFK_UNKNOWN_TOPIC_OR_PARTITION);
	(void)tell(t, "acme.__consumer_offsets", 0, KFK_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(stage_reply(s), API_ANSWER);
	stage_clean(s);
	t = stage_client(s);
	for (size_t i = 1; i < ALV_COUNT(names); i++)
		assert_int_equal(kfk_get_int(t, stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), names[i]), R(TOPICS_ERROR_CODE)),
		    KFK_UNKNOWN_TOPIC_OR_PARTITION);
	return kfk_get_int(t, stage_named(t, &t->root, R(TOPICS), R(TOPICS_NAME), "new"), R(TOPICS_ERROR_CODE));
}

static void
missing_topics_are_made(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	acme_creates(&s, true, NULL, 0);
	for (int16_t v = 0; v <= 13; v++) {
		assert_int_equal(ask_for_missing(&s, v, true), KFK_UNKNOWN_TOPIC_OR_PARTITION);
		assert_int_equal(s.call.ncreate, 1);	/* neither an alias nor what Kafka has for itself */
		stage_text(s.call.create[0].name, "acme.new");
		assert_int_equal(s.call.create[0].partitions, 3);
		assert_int_equal(s.call.create[0].replication_factor, -1);
		assert_int_equal(ask_for_missing(&s, v, false), KFK_UNKNOWN_TOPIC_OR_PARTITION);
		assert_int_equal(s.call.ncreate, v >= 4 ? 0 : 1);	/* before 4 nobody can say no */
	}
	acme_creates(&s, false, NULL, 0);
	for (int16_t v = 0; v <= 13; v++) {
		assert_int_equal(ask_for_missing(&s, v, true), KFK_UNKNOWN_TOPIC_OR_PARTITION);
		assert_int_equal(s.call.ncreate, 0);
	}
	stage_close(&s);
}

/* What is asked for is created at the rate that the principal may create at, and counts once however often it is asked for. */
static void
missing_topics_are_made_at_a_rate(void **state)
{
	static const struct pol_quota limit = { .entity.kind = POL_QUOTA_OF_TENANT, .set = 1u << POL_QUOTA_CONTROLLER_MUTATION_RATE,
		.value[POL_QUOTA_CONTROLLER_MUTATION_RATE] = 0.25 };	/* two partitions and three quarters at once */
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	stage_limited(&s, &limit, 1);
	acme_creates(&s, true, NULL, 0);
	for (int i = 0; i < 2; i++) {
		(void)ask_for_missing(&s, 9, true);
		assert_int_equal(s.call.ncreate, 1);
	}
	stage_text(s.call.create[0].name, "acme.new");
	s.worker.now_us += 10000000;	/* it is not there: so it is one more */
	(void)ask_for_missing(&s, 9, true);
	assert_int_equal(s.call.ncreate, 1);
	memset(s.worker.asked, 0, sizeof(s.worker.asked));
	assert_int_equal(ask_for_missing(&s, 9, true), KFK_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(s.call.ncreate, 0);
	assert_true(s.call.throttle_until_us > s.worker.now_us && s.conn.quota.muted_until_us == s.call.throttle_until_us);
	s.conn.quota.muted_until_us = 0;
	s.worker.now_us += 30000000;
	(void)ask_for_missing(&s, 9, true);
	assert_int_equal(s.call.ncreate, 1);
	stage_unlimited(&s);
	stage_close(&s);
}

static void
it_takes_the_right_to_create(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_CREATE),
		STAGE_DENY(POL_TOPIC, "new", POL_OP_CREATE) };
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	acme_creates(&s, true, denies, 1);	/* on the topic is enough */
	assert_int_equal(ask_for_missing(&s, 9, true), KFK_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(s.call.ncreate, 1);
	acme_creates(&s, true, denies, 2);
	assert_int_equal(ask_for_missing(&s, 9, true), KFK_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(s.call.ncreate, 0);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_topics_are_asked_by_name_and_foreign_ones_dropped),
		cmocka_unit_test(names_are_judged_one_by_one),
		cmocka_unit_test(what_the_catalogue_has_comes_soon),
		cmocka_unit_test(foreign_ids_do_not_exist),
		cmocka_unit_test(an_unknown_id_waits_once),
		cmocka_unit_test(early_ids_spoil_the_request),
		cmocka_unit_test(operations_are_the_principals),
		cmocka_unit_test(an_unreachable_leader_is_none),
		cmocka_unit_test(missing_topics_are_made),
		cmocka_unit_test(missing_topics_are_made_at_a_rate),
		cmocka_unit_test(it_takes_the_right_to_create),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
