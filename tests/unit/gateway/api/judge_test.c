/* Judging: what is denied, what does not exist, what an alias hides; and what the catalogue shows to whom. */
#include "stage.h"

static void
load(struct stage *s)
{
	(void)stage_begin(s, KFK_API_METADATA, 12);
	s->call.tenant = pol_slot_load(s->conn.slot);
	s->call.view = clu_board_load(s->board);
}

static void
names(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ),
		STAGE_DENY(POL_TOPIC, "no/way", POL_OP_READ) };
	static const struct { const char *name; int flags; int16_t code; } cases[] = {
		{ "orders", 0, 0 }, { "orders", API_WRITES, 0 }, { "missing", 0, 0 },
		{ "globex.orders", 0, 0 },	/* a name of one's own */
		{ "secret", 0, KFK_TOPIC_AUTHORIZATION_FAILED }, { "no/way", 0, KFK_TOPIC_AUTHORIZATION_FAILED },
		{ "secret", API_OR_CLUSTER, 0 },
		{ "shared", 0, 0 }, { "shared", API_WRITES, KFK_TOPIC_AUTHORIZATION_FAILED },
		{ "", 0, KFK_INVALID_TOPIC_EXCEPTION }, { "a b", 0, KFK_INVALID_TOPIC_EXCEPTION },
		{ NULL, 0, KFK_INVALID_TOPIC_EXCEPTION },
	};
	struct stage s;

	(void)state;
	stage_open(&s, denies, 2);
	load(&s);
	for (size_t i = 0; i < ALV_COUNT(cases); i++)
		assert_int_equal(api_judge_name(&s.call, alv_str_of(cases[i].name), POL_OP_READ, cases[i].flags), cases[i].code);
	stage_close(&s);
}

static void
ids(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ) };
	static const struct { char id; int flags; int16_t code; const char *virt; } cases[] = {
		{ 'o', 0, 0, "orders" }, { 's', 0, KFK_TOPIC_AUTHORIZATION_FAILED, "secret" },
		{ 'l', 0, 0, "shared" }, { 'l', API_WRITES, KFK_TOPIC_AUTHORIZATION_FAILED, "shared" },
		{ 'g', 0, KFK_UNKNOWN_TOPIC_ID, NULL }, { 'c', 0, KFK_UNKNOWN_TOPIC_ID, NULL },
		{ 0, 0, KFK_UNKNOWN_TOPIC_ID, NULL }, { 'n', 0, API_UNRESOLVED, NULL },
	};
	struct alv_uuid metadata_topic = { { 0 } };
	struct alv_str	virt;
	struct stage	s;

	(void)state;
	stage_open(&s, denies, 1);
	load(&s);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		assert_int_equal(api_judge_id(&s.call, stage_id(cases[i].id), POL_OP_READ, cases[i].flags, &virt), cases[i].code);
		stage_text(virt, cases[i].virt);
	}
	assert_int_equal(s.call.nids, 1);
	/* Asked already: what nobody knows now is unknown. */
	s.call.ids_asked = true;
	assert_int_equal(api_judge_id(&s.call, stage_id('n'), POL_OP_READ, 0, &virt), KFK_UNKNOWN_TOPIC_ID);
	/* Even where somebody claims that the cluster's own topic is acme's. */
	metadata_topic.b[15] = 1;
	clu_ids_learn(s.worker.ids, metadata_topic, ALV_STR("acme.metadata"), s.worker.now_us);
	assert_int_equal(api_judge_id(&s.call, metadata_topic, POL_OP_READ, 0, &virt), KFK_UNKNOWN_TOPIC_ID);
	stage_close(&s);
}

static void
at_most_so_many_ids_are_asked_for(void **state)
{
	struct alv_str virt;
	struct stage   s;

	(void)state;
	stage_open(&s, NULL, 0);
	load(&s);
	for (int i = 0; i < 1000; i++) {
		struct alv_uuid id = stage_id('x');

		alv_put_be32(id.b, (uint32_t)i);
		assert_int_equal(api_judge_id(&s.call, id, POL_OP_READ, 0, &virt),
		    i < API_WAIT_IDS_MAX ? API_UNRESOLVED : KFK_UNKNOWN_TOPIC_ID);
	}
	assert_int_equal(s.call.nids, API_WAIT_IDS_MAX);
	stage_close(&s);
}

static bool
list(void *arg, struct alv_str phys, struct alv_str virt)
{
	struct alv_buf *seen = arg;

	assert_true(phys.n >= virt.n);
	alv_buf_str(seen, virt);
	alv_buf_byte(seen, ' ');
	return true;
}

static void
the_catalogue_by_tenant(void **state)
{
	static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE) };
	struct stage s;

	(void)state;
	for (int i = 0; i < 3; i++) {
		static const char *const want[] = { "orders secret shared ", "orders shared ", "orders " };
		struct alv_buf		 seen;

		alv_buf_init(&seen, 256);
		stage_open(&s, denies, i == 1 ? 1 : 0);
		if (i == 2)
			s.conn.slot = pol_dir_find(s.dir, ALV_STR("globex"));
		load(&s);
		api_each_topic(&s.call, list, &seen);
		stage_text(alv_str_make(seen.p, seen.n), want[i]);
		alv_buf_fini(&seen);
		stage_close(&s);
	}
}

/* What a login says of groups counts from then on, and no longer than it says so. */
static void
claims_of_a_login(void **state)
{
	static const struct pol_rule denied[] = { { .resource = POL_TOPIC, .pattern = POL_LITERAL, .name = ALV_STR("orders"),
		.principal = ALV_STR("Group:guests"), .host = ALV_STR("*"), .op = POL_OP_READ, .permission = POL_DENY } };
	static const struct alv_str  groups[] = { ALV_STR("guests"), ALV_STR("others") };
	struct stage		     s;

	(void)state;
	stage_open(&s, denied, 1);
	load(&s);
	assert_true(api_may(&s.call, POL_OP_READ, POL_TOPIC, ALV_STR("orders")));
	assert_int_equal(api_conn_claim(&s.conn, groups, 2), ALV_OK);
	assert_false(api_may(&s.call, POL_OP_READ, POL_TOPIC, ALV_STR("orders")));
	assert_true(api_may(&s.call, POL_OP_WRITE, POL_TOPIC, ALV_STR("orders")));
	assert_int_equal(api_conn_claim(&s.conn, groups + 1, 1), ALV_OK);
	assert_true(api_may(&s.call, POL_OP_READ, POL_TOPIC, ALV_STR("orders")));
	assert_int_equal(api_conn_claim(&s.conn, groups, 2), ALV_OK);
	assert_false(api_may_all(&s.call, POL_OP_READ, POL_TOPIC));
	assert_int_equal(api_conn_claim(&s.conn, NULL, 0), ALV_OK);
	assert_true(api_may(&s.call, POL_OP_READ, POL_TOPIC, ALV_STR("orders")));
	assert_int_equal(api_conn_claim(&s.conn, groups, 1), ALV_OK);	/* its end lets go of them */
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(ids),
		cmocka_unit_test(at_most_so_many_ids_are_asked_for),
		cmocka_unit_test(the_catalogue_by_tenant),
		cmocka_unit_test(claims_of_a_login),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
