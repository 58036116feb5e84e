/* DescribeClientQuotas, AlterClientQuotas: what filters fit, what has which error, what is asked of the control thread, numbers for
 * each broker. */
#include "group_stage.h"

#include <alcove/quota_list.h>

#define PRODUCER (1u << POL_QUOTA_PRODUCER_BYTE_RATE)
#define CONSUMER (1u << POL_QUOTA_CONSUMER_BYTE_RATE)

#define NAMED(n)   { POL_QUOTA_NAMED, ALV_STR(n) }
#define BY_DEFAULT { .match = POL_QUOTA_DEFAULT }
#define NO_PART	   { .match = POL_QUOTA_NO_PART }

static const struct pol_quota some[] = {
	{ { POL_QUOTA_OF_TENANT, { NO_PART } }, PRODUCER, { [POL_QUOTA_PRODUCER_BYTE_RATE] = 99 } },
	{ { POL_QUOTA_OF_CLIENT, { NAMED("al") } }, PRODUCER | CONSUMER, { [POL_QUOTA_PRODUCER_BYTE_RATE] = 10, [POL_QUOTA_CONSUMER_BYTE_RATE] = 20 } },
	{ { POL_QUOTA_OF_CLIENT, { NAMED("al"), NAMED("app") } }, PRODUCER, { [POL_QUOTA_PRODUCER_BYTE_RATE] = 11 } },
	{ { POL_QUOTA_OF_CLIENT, { BY_DEFAULT } }, PRODUCER, { [POL_QUOTA_PRODUCER_BYTE_RATE] = 12 } },
	{ { POL_QUOTA_OF_CLIENT, { NO_PART, NAMED("app") } }, PRODUCER, { [POL_QUOTA_PRODUCER_BYTE_RATE] = 13 } },
	{ { POL_QUOTA_OF_CLIENT, { NAMED("bob"), BY_DEFAULT } }, 1u << POL_QUOTA_CONTROLLER_MUTATION_RATE,
	    { [POL_QUOTA_CONTROLLER_MUTATION_RATE] = 14 } },
	{ { POL_QUOTA_OF_GROUP, { NAMED("g") } }, CONSUMER, { [POL_QUOTA_CONSUMER_BYTE_RATE] = 98 } },
};

/* alice has this right on the cluster. */
static void
open_quotas(struct stage *s, enum pol_op right)
{
	const struct pol_rule rule = { POL_CLUSTER, POL_LITERAL, ALV_STR("kafka-cluster"), ALV_STR("User:alice"), ALV_STR("*"), right, POL_ALLOW };
	struct pol_user	 user = { .name = ALV_STR("alice"), .revision = 7, .enabled = true };
	struct pol_parts parts = { .id = ALV_STR("acme"), .display_name = ALV_STR("acme"), .state = POL_ACTIVE, .revision = 2,
		.cluster_id = "acme-cluster-id-22char", .users = &user, .nusers = 1, .rules = &rule, .nrules = 1,
		.authorizer = POL_AUTHORIZER_ACL, .quotas = some, .nquotas = ALV_COUNT(some) };

	stage_open(s, NULL, 0);
	assert_int_equal(pol_dir_publish(s->dir, ALV_STR("acme"), pol_build(&parts)), ALV_OK);
}

/* ---- DescribeClientQuotas ------------------------------------------------------------------------------------ */

#define Q(f) KFK_DESCRIBE_CLIENT_QUOTAS_REQUEST_##f
#define R(f) KFK_DESCRIBE_CLIENT_QUOTAS_RESPONSE_##f

struct component {
	const char *type;
	int	    how;
	const char *match;
};

static struct kfk_tree *
describe(struct stage *s, int16_t version, bool strict, const struct component *c, size_t n)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_DESCRIBE_CLIENT_QUOTAS, version);

	kfk_set_int(q, &q->root, Q(STRICT), strict);
	kfk_set_empty(q, &q->root, Q(COMPONENTS));
	for (size_t i = 0; i < n && c[i].type != NULL; i++) {
		struct kfk_node *e = stage_add(q, &q->root, Q(COMPONENTS));

		kfk_set_str(q, e, Q(COMPONENTS_ENTITY_TYPE), alv_str_of(c[i].type));
		kfk_set_int(q, e, Q(COMPONENTS_MATCH_TYPE), c[i].how);
		kfk_set_str(q, e, Q(COMPONENTS_MATCH), alv_str_of(c[i].match));
	}
	return stage_refused(s);
}

static void
filters_describe(void **state)
{
	enum { EXACT, DEFAULT, SOME };
	static const struct { struct component c[2]; bool strict; size_t found; } rows[] = {
		{ { { NULL } }, false, 5 },
		{ { { NULL } }, true, 0 },
		{ { { "user", EXACT, "al" } }, false, 2 },
		{ { { "user", EXACT, "al" } }, true, 1 },
		{ { { "user", EXACT, "" } }, false, 0 },
		{ { { "user", DEFAULT, NULL } }, false, 1 },
		{ { { "user", SOME, NULL } }, false, 4 },
		{ { { "user", SOME, NULL } }, true, 2 },
		{ { { "client-id", EXACT, "app" } }, false, 2 },
		{ { { "client-id", EXACT, "app" } }, true, 1 },
		{ { { "user", SOME, NULL }, { "client-id", SOME, NULL } }, true, 2 },
		{ { { "client-id", DEFAULT, NULL }, { "user", EXACT, "bob" } }, true, 1 },
		{ { { "ip", SOME, NULL } }, false, 0 },
	};
	struct stage s;

	(void)state;
	open_quotas(&s, POL_OP_DESCRIBE_CONFIGS);
	for (int16_t v = 0; v <= 1; v++)
		for (size_t i = 0; i < ALV_COUNT(rows); i++) {
			struct kfk_tree *r = describe(&s, v, rows[i].strict, rows[i].c, 2);

			assert_int_equal(stage_int(r, R(ERROR_CODE)), 0);
			if (stage_count(&r->root, R(ENTRIES)) != rows[i].found)
				fail_msg("row %zu: %zu", i, stage_count(&r->root, R(ENTRIES)));
		}
	stage_close(&s);
}

static void
filters_that_are_none(void **state)
{
	static const struct { struct component c[2]; int code; const char *text; } rows[] = {
		{ { { "", 0, "x" } }, KFK_INVALID_REQUEST, "Invalid empty entity type." },
		{ { { "group", 0, "x" } }, KFK_UNSUPPORTED_VERSION, "Unsupported entity type group" },
		{ { { "user", 0, "x" }, { "user", 2, NULL } }, KFK_INVALID_REQUEST, "Entity type user cannot appear more than once in the filter." },
		{ { { "user", 0, NULL } }, KFK_INVALID_REQUEST, "Request specified MATCH_TYPE_EXACT, but set match string to null." },
		{ { { "user", 1, "x" } }, KFK_INVALID_REQUEST, "Request specified MATCH_TYPE_DEFAULT, but also specified a match string." },
		{ { { "user", 2, "x" } }, KFK_INVALID_REQUEST, "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string." },
		{ { { "user", 3, "x" } }, KFK_INVALID_REQUEST, "Unknown match type 3" },
		{ { { "user", -1, NULL } }, KFK_INVALID_REQUEST, "Unknown match type -1" },
		{ { { "ip", 2, NULL }, { "user", 2, NULL } }, KFK_INVALID_REQUEST, "Invalid entity filter component combination. IP filter component "
		    "should not be used with user or clientId filter component." },
	};
	struct stage s;

	(void)state;
	open_quotas(&s, POL_OP_DESCRIBE_CONFIGS);
	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		struct kfk_tree *r = describe(&s, 1, false, rows[i].c, 2);

		assert_int_equal(stage_int(r, R(ERROR_CODE)), rows[i].code);
		stage_text(kfk_get_str(r, &r->root, R(ERROR_MESSAGE)), rows[i].text);
		assert_int_equal(stage_count(&r->root, R(ENTRIES)), 0);
	}
	stage_close(&s);
}

static void
told_as_kafka_tells(void **state)
{
	static const struct component c[] = { { "user", 0, "bob" } };
	struct stage	 s;
	struct kfk_tree *r;
	struct kfk_node *e, *n;

	(void)state;
	open_quotas(&s, POL_OP_DESCRIBE_CONFIGS);
	r = describe(&s, 1, false, c, 1);
	e = stage_at(&r->root, R(ENTRIES), 0);
	n = stage_at(e, R(ENTRIES_ENTITY), 0);
	stage_text(kfk_get_str(r, n, R(ENTRIES_ENTITY_ENTITY_TYPE)), "user");
	stage_text(kfk_get_str(r, n, R(ENTRIES_ENTITY_ENTITY_NAME)), "bob");
	n = stage_at(e, R(ENTRIES_ENTITY), 1);
	stage_text(kfk_get_str(r, n, R(ENTRIES_ENTITY_ENTITY_TYPE)), "client-id");
	stage_text(kfk_get_str(r, n, R(ENTRIES_ENTITY_ENTITY_NAME)), NULL);
	n = stage_at(e, R(ENTRIES_VALUES), 0);
	stage_text(kfk_get_str(r, n, R(ENTRIES_VALUES_KEY)), "controller_mutation_rate");
	assert_true(kfk_get_float(r, n, R(ENTRIES_VALUES_VALUE)) == 14);
	stage_close(&s);
	open_quotas(&s, POL_OP_ALTER);
	r = describe(&s, 1, false, c, 1);
	assert_int_equal(stage_int(r, R(ERROR_CODE)), KFK_CLUSTER_AUTHORIZATION_FAILED);
	assert_int_equal(stage_count(&r->root, R(ENTRIES)), 0);
	stage_close(&s);
}

/* Two brokers. What the controller keeps, and brokers do not, is not divided. */
static void
numbers_for_each_broker(void **state)
{
	static const struct component c[] = { { "user", 0, "al" } }, bob[] = { { "user", 0, "bob" } };
	struct stage	 s;
	struct kfk_tree *r;

	(void)state;
	open_quotas(&s, POL_OP_DESCRIBE_CONFIGS);
	s.conf.quota.native_scale = POL_SCALE_PER_BROKER;
	r = describe(&s, 1, true, c, 1);
	assert_true(kfk_get_float(r, stage_at(stage_at(&r->root, R(ENTRIES), 0), R(ENTRIES_VALUES), 1), R(ENTRIES_VALUES_VALUE)) == 10);
	r = describe(&s, 1, false, bob, 1);
	assert_true(kfk_get_float(r, stage_at(stage_at(&r->root, R(ENTRIES), 0), R(ENTRIES_VALUES), 0), R(ENTRIES_VALUES_VALUE)) == 14);
	clu_board_publish(s.board, clu_view_build(&(struct clu_view){ .generation = 2 }));
	r = describe(&s, 1, true, c, 1);
	assert_int_equal(stage_int(r, R(ERROR_CODE)), KFK_REQUEST_TIMED_OUT);
	stage_close(&s);
}
#undef Q
#undef R

/* ---- AlterClientQuotas ------------------------------------------------------------------------------------------ */

#define Q(f) KFK_ALTER_CLIENT_QUOTAS_REQUEST_##f
#define R(f) KFK_ALTER_CLIENT_QUOTAS_RESPONSE_##f

/* One entry: an entity of two parts (type NULL: none), one op (key NULL: none). */
struct entry {
	const char *type[2], *name[2];
	const char *key;
	double	    value;
	bool	    remove;
};

static void
add(struct kfk_tree *q, const struct entry *x)
{
	struct kfk_node *e = stage_add(q, &q->root, Q(ENTRIES)), *list = kfk_set_empty(q, e, Q(ENTRIES_ENTITY)), *n;

	for (size_t i = 0; i < 2 && x->type[i] != NULL; i++) {
		n = kfk_add(q, list);
		kfk_set_str(q, n, Q(ENTRIES_ENTITY_ENTITY_TYPE), alv_str_of(x->type[i]));
		kfk_set_str(q, n, Q(ENTRIES_ENTITY_ENTITY_NAME), alv_str_of(x->name[i]));
	}
	list = kfk_set_empty(q, e, Q(ENTRIES_OPS));
	if (x->key == NULL)
		return;
	n = kfk_add(q, list);
	kfk_set_str(q, n, Q(ENTRIES_OPS_KEY), alv_str_of(x->key));
	kfk_set_float(q, n, Q(ENTRIES_OPS_VALUE), x->value);
	kfk_set_int(q, n, Q(ENTRIES_OPS_REMOVE), x->remove);
}

static struct kfk_tree *
alter(struct stage *s, int16_t version, bool validate_only, const struct entry *x, size_t n)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_ALTER_CLIENT_QUOTAS, version);

	kfk_set_int(q, &q->root, Q(VALIDATE_ONLY), validate_only);
	kfk_set_empty(q, &q->root, Q(ENTRIES));
	for (size_t i = 0; i < n; i++)
		add(q, &x[i]);
	return q;
}

static struct con_change *
asked(struct stage *s)
{
	assert_int_equal(stage_send(s), API_WAIT);
	assert_int_equal(s->call.wait, API_WAIT_CHANGE);
	assert_true(s->call.change->native && s->call.change->op == CON_QUOTA_ALTER && !s->call.change->quotas_all);
	assert_string_equal(s->call.change->tenant, "acme");
	return s->call.change;
}

static struct kfk_tree *
told(struct stage *s, enum alv_err err, const char *detail)
{
	s->call.change->err = err;
	snprintf(s->call.change->detail, sizeof(s->call.change->detail), "%s", detail);
	assert_int_equal(api_resume(&s->call), API_ANSWER);
	assert_null(s->call.change);
	stage_clean(s);
	return stage_client(s);
}

static int64_t
code_at(struct kfk_tree *r, size_t i)
{
	return kfk_get_int(r, stage_at(&r->root, R(ENTRIES), i), R(ENTRIES_ERROR_CODE));
}

static void
altered_together(void **state)
{
	static const struct entry x[] = {
		{ { "user" }, { "al" }, "producer_byte_rate", 1000, false },
		{ { "client-id", "user" }, { NULL, "bob" }, "consumer_byte_rate", 0, true },
		{ { "user" }, { NULL }, NULL, 0, false },
	};
	struct stage	   s;
	struct con_change *ch;
	struct kfk_tree	  *r;
	struct kfk_node	  *e;

	(void)state;
	for (int16_t v = 0; v <= 1; v++) {
		open_quotas(&s, POL_OP_ALTER_CONFIGS);
		alter(&s, v, false, x, 3);
		ch = asked(&s);
		assert_int_equal(ch->quotas->n, 3);
		assert_true(ch->quotas->item[0].quota.set == PRODUCER && ch->quotas->item[0].quota.value[POL_QUOTA_PRODUCER_BYTE_RATE] == 1000);
		assert_true(alv_str_eqz(ch->quotas->item[0].quota.entity.part[0].name, "al"));
		assert_true(ch->quotas->item[1].unset == CONSUMER && alv_str_eqz(ch->quotas->item[1].quota.entity.part[0].name, "bob"));
		assert_true(ch->quotas->item[1].quota.entity.part[1].match == POL_QUOTA_DEFAULT);
		assert_true(ch->quotas->item[2].quota.entity.part[0].match == POL_QUOTA_DEFAULT);
		r = told(&s, ALV_OK, "");
		assert_int_equal(stage_count(&r->root, R(ENTRIES)), 3);
		e = stage_at(&r->root, R(ENTRIES), 1);
		assert_int_equal(kfk_get_int(r, e, R(ENTRIES_ERROR_CODE)), 0);
		stage_text(kfk_get_str(r, e, R(ENTRIES_ERROR_MESSAGE)), NULL);
		stage_text(kfk_get_str(r, stage_at(e, R(ENTRIES_ENTITY), 0), R(ENTRIES_ENTITY_ENTITY_TYPE)), "client-id");
		stage_text(kfk_get_str(r, stage_at(e, R(ENTRIES_ENTITY), 0), R(ENTRIES_ENTITY_ENTITY_NAME)), NULL);
		stage_text(kfk_get_str(r, stage_at(e, R(ENTRIES_ENTITY), 1), R(ENTRIES_ENTITY_ENTITY_NAME)), "bob");
		alter(&s, v, false, x, 3);
		asked(&s);
		r = told(&s, ALV_E_LIMIT, "too many of them");
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(code_at(r, i), KFK_POLICY_VIOLATION);
		stage_text(kfk_get_str(r, stage_at(&r->root, R(ENTRIES), 0), R(ENTRIES_ERROR_MESSAGE)), "too many of them");
		stage_close(&s);
	}
}

static void
each_has_its_error(void **state)
{
	static const struct { struct entry x; const char *text; } rows[] = {
		{ { { NULL }, { NULL }, NULL, 0, false }, "Invalid empty client quota entity" },
		{ { { "group" }, { "g" }, NULL, 0, false }, "Unhandled client quota entity type: group" },
		{ { { "tenant" }, { NULL }, NULL, 0, false }, "Unhandled client quota entity type: tenant" },
		{ { { "user" }, { "" }, NULL, 0, false }, "Empty user not supported" },
		{ { { "client-id" }, { "" }, NULL, 0, false }, "Empty client-id not supported" },
		{ { { "user", "ip" }, { "al", "10.0.0.1" }, NULL, 0, false }, "Invalid quota entity combination, IP entity shouldnot be combined with "
		    "User or ClientId" },
		{ { { "user" }, { "a\nb" }, NULL, 0, false }, NULL },
		{ { { "user" }, { "al" }, "x", 1, false }, "Invalid configuration key x" },
		{ { { "user" }, { "al" }, "topics", 1, false }, "Invalid configuration key topics" },
		{ { { "user" }, { "al" }, "connection_creation_rate", 1, false }, "Invalid configuration key connection_creation_rate" },
		{ { { "user" }, { "al" }, "producer_byte_rate", 0, false }, "Quota producer_byte_rate must be greater than 0" },
		{ { { "user" }, { "al" }, "producer_byte_rate", -3, false }, "Quota producer_byte_rate must be greater than 0" },
		{ { { "user" }, { "al" }, "producer_byte_rate", 1.5, false }, "producer_byte_rate: expected a whole number" },
		{ { { "user" }, { "al" }, "producer_byte_rate", 1e300, false }, "producer_byte_rate: expected a smaller number" },
	};
	struct stage	 s;
	struct kfk_tree *r;

	(void)state;
	open_quotas(&s, POL_OP_ALTER_CONFIGS);
	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		alter(&s, 1, false, &rows[i].x, 1);
		r = stage_refused(&s);
		assert_int_equal(code_at(r, 0), KFK_INVALID_REQUEST);
		if (rows[i].text != NULL)
			stage_text(kfk_get_str(r, stage_at(&r->root, R(ENTRIES), 0), R(ENTRIES_ERROR_MESSAGE)), rows[i].text);
	}
	stage_close(&s);
}

/* What is not enforced is told so, whatever else the table enforces by now. */
static void
what_nothing_keeps_is_refused(void **state)
{
	struct stage s;

	(void)state;
	open_quotas(&s, POL_OP_ALTER_CONFIGS);
	for (int k = 0; k < POL_QUOTA_KEYS; k++) {
		const struct pol_quota_key_info *info = pol_quota_info((enum pol_quota_key)k);
		struct entry			 x[] = { { { "user" }, { "al" }, info->name, 1, false }, { { "ip" }, { "10.0.0.1" }, info->name, 1, false } };

		for (int i = 0; i < 2; i++) {
			enum pol_quota_kind kind = i == 0 ? POL_QUOTA_OF_CLIENT : POL_QUOTA_OF_ADDRESS;

			alter(&s, 1, true, &x[i], 1);
			assert_int_equal(code_at(stage_refused(&s), 0), (info->enforced & 1u << kind) != 0 ? 0 : KFK_INVALID_REQUEST);
		}
	}
	stage_close(&s);
}

static void
some_good_some_not(void **state)
{
	static const struct entry x[] = {
		{ { "user" }, { "al" }, "producer_byte_rate", 1, false },
		{ { "user" }, { "bob" }, "x", 1, false },
		{ { "user" }, { "carl" }, "producer_byte_rate", 2, false },
		{ { "user" }, { "al" }, "consumer_byte_rate", 3, false },	/* again */
		{ { "user" }, { "bob" }, "x", 0, true },			/* again */
	};
	struct stage	   s;
	struct con_change *ch;
	struct kfk_tree	  *r;

	(void)state;
	open_quotas(&s, POL_OP_ALTER_CONFIGS);
	alter(&s, 1, false, x, 5);
	ch = asked(&s);
	assert_int_equal(ch->quotas->n, 1);
	assert_true(alv_str_eqz(ch->quotas->item[0].quota.entity.part[0].name, "carl"));
	r = told(&s, ALV_OK, "");
	assert_int_equal(stage_count(&r->root, R(ENTRIES)), 3);
	assert_int_equal(code_at(r, 0), KFK_INVALID_REQUEST);
	assert_int_equal(code_at(r, 1), KFK_INVALID_REQUEST);
	assert_int_equal(code_at(r, 2), 0);
	stage_close(&s);
}

static void
nothing_is_altered(void **state)
{
	static const struct entry x[] = { { { "user" }, { "al" }, "producer_byte_rate", 1, false }, { { "user" }, { "b" }, "x", 1, false } };
	struct stage	 s;
	struct kfk_tree *r;

	(void)state;
	open_quotas(&s, POL_OP_ALTER_CONFIGS);
	alter(&s, 1, true, x, 2);
	r = stage_refused(&s);
	assert_true(code_at(r, 0) == 0 && code_at(r, 1) == KFK_INVALID_REQUEST);
	alter(&s, 1, false, x, 0);
	assert_int_equal(stage_count(&stage_refused(&s)->root, R(ENTRIES)), 0);
	stage_close(&s);
	open_quotas(&s, POL_OP_DESCRIBE_CONFIGS);
	alter(&s, 0, false, x, 2);
	r = stage_refused(&s);
	assert_true(code_at(r, 0) == KFK_CLUSTER_AUTHORIZATION_FAILED && code_at(r, 1) == KFK_CLUSTER_AUTHORIZATION_FAILED);
	stage_text(kfk_get_str(r, stage_at(stage_at(&r->root, R(ENTRIES), 1), R(ENTRIES_ENTITY), 0), R(ENTRIES_ENTITY_ENTITY_NAME)), "b");
	stage_close(&s);
}

static void
no_more_than_that_at_once(void **state)
{
	static struct entry x[POL_QUOTA_ALTER_MAX + 1];
	static char	    name[POL_QUOTA_ALTER_MAX + 1][16];
	struct stage	    s;
	struct kfk_tree	   *r;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(x); i++) {
		snprintf(name[i], sizeof(name[i]), "u%u", (unsigned)i);
		x[i] = (struct entry){ { "user" }, { name[i] }, "producer_byte_rate", 5, false };
	}
	open_quotas(&s, POL_OP_ALTER_CONFIGS);
	alter(&s, 1, false, x, POL_QUOTA_ALTER_MAX);
	assert_int_equal(asked(&s)->quotas->n, POL_QUOTA_ALTER_MAX);
	assert_int_equal(api_resume(&s.call), API_ANSWER);
	assert_int_equal(code_at(stage_client(&s), POL_QUOTA_ALTER_MAX - 1), 0);
	alter(&s, 1, false, x, ALV_COUNT(x));
	assert_int_equal(stage_send(&s), API_ANSWER);
	r = stage_client(&s);
	assert_int_equal(code_at(r, 0), KFK_INVALID_REQUEST);
	assert_int_equal(code_at(r, POL_QUOTA_ALTER_MAX), KFK_INVALID_REQUEST);
	stage_close(&s);
}

static void
altered_for_each_broker(void **state)
{
	static const struct entry x[] = { { { "user" }, { "al" }, "producer_byte_rate", 50, false }, { { "user" }, { "b" }, "request_rate", 3, false } };
	struct stage	   s;
	struct con_change *ch;

	(void)state;
	open_quotas(&s, POL_OP_ALTER_CONFIGS);
	s.conf.quota.native_scale = POL_SCALE_PER_BROKER;
	alter(&s, 1, false, x, 2);
	ch = asked(&s);
	assert_true(ch->quotas->item[0].quota.value[POL_QUOTA_PRODUCER_BYTE_RATE] == 100);
	assert_true(ch->quotas->item[1].quota.value[POL_QUOTA_REQUEST_RATE] == 3);
	told(&s, ALV_OK, "");
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_describe),
		cmocka_unit_test(filters_that_are_none),
		cmocka_unit_test(told_as_kafka_tells),
		cmocka_unit_test(numbers_for_each_broker),
		cmocka_unit_test(altered_together),
		cmocka_unit_test(each_has_its_error),
		cmocka_unit_test(what_nothing_keeps_is_refused),
		cmocka_unit_test(some_good_some_not),
		cmocka_unit_test(nothing_is_altered),
		cmocka_unit_test(no_more_than_that_at_once),
		cmocka_unit_test(altered_for_each_broker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
