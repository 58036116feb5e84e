/* Answers that clients share: the same question of the same tenant, young enough; and everything that makes it another one. */
#include "stage.h"

#include <alcove/clock.h>
#include <alcove/listing.h>

#define Q(f) KFK_METADATA_REQUEST_##f
#define R(f) KFK_METADATA_RESPONSE_##f

static const struct pol_rule denies[] = { STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE) };

static void
open_stage(struct stage *s, size_t n)
{
	stage_open(s, denies, n);
	s->conf.upstream.listing_max_age_ms = 1000;
	s->worker.now_us = alv_mono_us();
	s->worker.keep = api_keep_new();
}

static void
close_stage(struct stage *s)
{
	api_keep_free(s->worker.keep);
	stage_close(s);
}

static void
ask_all(struct stage *s, int16_t version)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_METADATA, version);

	kfk_set_null(t, &t->root, Q(TOPICS));
}

static struct kfk_tree *
add(struct kfk_tree *r, const char *name, char id, int16_t code)
{
	struct kfk_node *list = kfk_get(&r->root, R(TOPICS)), *e, *p;

	e = kfk_add(r, list == NULL ? kfk_set_empty(r, &r->root, R(TOPICS)) : list);
	kfk_set_str(r, e, R(TOPICS_NAME), alv_str_of(name));
	kfk_set_int(r, e, R(TOPICS_ERROR_CODE), code);
	if (r->version >= 10)
		kfk_set_uuid(r, e, R(TOPICS_TOPIC_ID), stage_id(id));
	p = kfk_add(r, kfk_set_empty(r, e, R(TOPICS_PARTITIONS)));
	kfk_set_int(r, p, R(TOPICS_PARTITIONS_LEADER_ID), 2);
	return r;
}

/* Whether the broker was asked; the answer has n topics. */
static bool
went_up(struct stage *s, int16_t version, int16_t code, size_t n)
{
	enum api_result result;

	ask_all(s, version);
	result = stage_send(s);
	if (result == API_FORWARD) {
		alv_chain_clear(&s->call.out);
		(void)add(add(stage_broker(s), "acme.orders", 'o', 0), "legacy.shared", 'l', code);
		assert_int_equal(stage_reply(s), API_ANSWER);
	} else {
		assert_int_equal(result, API_ANSWER);
	}
	stage_clean(s);
	assert_int_equal(kfk_get(&stage_client(s)->root, R(TOPICS))->n, n);
	return result == API_FORWARD;
}

static void
the_second_is_not_asked(void **state)
{
	struct stage s;

	(void)state;
	for (int16_t v = 1; v <= 13; v++) {
		open_stage(&s, 0);
		assert_true(went_up(&s, v, 0, 2));
		assert_false(went_up(&s, v, 0, 2));
		assert_false(went_up(&s, v, 0, 2));
		assert_true(v >= 4 ? went_up(&s, v == 13 ? 12 : v + 1, 0, 2) : true);	/* another version is another question */
		close_stage(&s);
	}
}

static void
age_ends_it(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s, 0);
	assert_true(went_up(&s, 12, 0, 2));
	s.worker.now_us = alv_mono_us() + 900000;
	assert_false(went_up(&s, 12, 0, 2));
	s.worker.now_us = alv_mono_us() + 1000001;
	assert_true(went_up(&s, 12, 0, 2));
	s.conf.upstream.listing_max_age_ms = 0;
	assert_true(went_up(&s, 12, 0, 2));
	close_stage(&s);
}

static void
own_changes_end_it(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	open_stage(&s, 0);
	assert_true(went_up(&s, 12, 0, 2));
	t = stage_begin(&s, KFK_API_CREATE_PARTITIONS, 3);
	t = kfk_add(t, kfk_set_empty(t, &t->root, KFK_CREATE_PARTITIONS_REQUEST_TOPICS)) == NULL ? NULL : t;
	kfk_set_str(t, stage_at(&t->root, KFK_CREATE_PARTITIONS_REQUEST_TOPICS, 0), KFK_CREATE_PARTITIONS_REQUEST_TOPICS_NAME, ALV_STR("orders"));
	kfk_set_int(t, stage_at(&t->root, KFK_CREATE_PARTITIONS_REQUEST_TOPICS, 0), KFK_CREATE_PARTITIONS_REQUEST_TOPICS_COUNT, 9);
	kfk_set_null(t, stage_at(&t->root, KFK_CREATE_PARTITIONS_REQUEST_TOPICS, 0), KFK_CREATE_PARTITIONS_REQUEST_TOPICS_ASSIGNMENTS);
	assert_int_equal(stage_send(&s), API_FORWARD);
	(void)stage_broker(&s);
	assert_true(stage_reply(&s) == API_ANSWER);
	assert_true(went_up(&s, 12, 0, 2));
	assert_false(went_up(&s, 12, 0, 2));
	/* Another tenant's changes do not. */
	clu_board_note(s.board, CLU_NEWS_TOPICS, ALV_STR("globex"), alv_mono_us());
	assert_false(went_up(&s, 12, 0, 2));
	close_stage(&s);
}

/* A topic that came: the question has another name in it. */
static void
the_catalogue_ends_it(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s, 1);
	assert_true(went_up(&s, 12, 0, 2));
	assert_int_equal(pol_dir_publish(s.dir, ALV_STR("acme"), NULL), ALV_OK);
	stage_tenant(&s, "acme", "acme-cluster-id-22char", POL_ACTIVE, NULL, 0);	/* now "secret" is among them */
	s.conn.slot = pol_dir_find(s.dir, ALV_STR("acme"));
	assert_true(went_up(&s, 12, 0, 2));
	close_stage(&s);
}

static void
errors_are_not_kept(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s, 0);
	assert_true(went_up(&s, 12, KFK_LEADER_NOT_AVAILABLE, 2));
	assert_true(went_up(&s, 12, 0, 2));
	assert_false(went_up(&s, 12, 0, 2));
	/* Somebody of the tenant was told that a leader is none: what all were told before is old. */
	clu_board_note(s.board, CLU_NEWS_TOPICS, ALV_STR("acme"), alv_mono_us());
	assert_true(went_up(&s, 12, KFK_UNKNOWN_TOPIC_OR_PARTITION, 1));
	assert_true(went_up(&s, 12, 0, 2));
	close_stage(&s);
}

static void
nobody_else_gets_it(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s, 0);
	assert_true(went_up(&s, 12, 0, 2));
	/* The very bytes, asked by another tenant: as if nothing had been asked. */
	ask_all(&s, 12);
	assert_int_equal(stage_send(&s), API_ANSWER);
	snprintf(s.conn.tenant, sizeof(s.conn.tenant), "globex");
	ask_all(&s, 12);
	assert_int_equal(stage_send(&s), API_FORWARD);
	close_stage(&s);
}

/* More different questions than are kept of one tenant, and more tenants than there is room for: bounded, and right. */
static void
room_is_bounded(void **state)
{
	struct stage s;
	unsigned     up = 0;

	(void)state;
	open_stage(&s, 0);
	for (int round = 0; round < 2; round++)
		for (int16_t v = 1; v <= 13; v++)
			up += went_up(&s, v, 0, 2);
	assert_true(up > 13 && up <= 26);	/* 13 questions, 8 places: some had to go */
	for (int i = 0; i < 600; i++) {
		snprintf(s.conn.tenant, sizeof(s.conn.tenant), "t%d", i);
		assert_true(went_up(&s, 12, 0, 2));
	}
	close_stage(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_is_not_asked),
		cmocka_unit_test(age_ends_it),
		cmocka_unit_test(own_changes_end_it),
		cmocka_unit_test(the_catalogue_ends_it),
		cmocka_unit_test(errors_are_not_kept),
		cmocka_unit_test(nobody_else_gets_it),
		cmocka_unit_test(room_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
