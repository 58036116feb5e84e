/* What members of streams groups read: by what they say of their topology, once a broker took it, and by the tasks that they are given. */
#include "reader_stage.h"

#define Q(f) KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_##f
#define T(f) KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_TOPOLOGY_SUBTOPOLOGIES_##f
#define R(f) KFK_STREAMS_GROUP_HEARTBEAT_RESPONSE_##f

#define MAIN	 "app-StreamThread-1-consumer"
#define RESTORES "app-StateUpdater-1-restore-consumer"

/* ---- a member -------------------------------------------------------------------------------------------- */

static struct kfk_tree *
beat(struct stage *s, int64_t epoch)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_STREAMS_GROUP_HEARTBEAT, 0);

	s->call.hdr.client_id = ALV_STR(MAIN);
	stage_str(q, Q(GROUP_ID), "slow");
	stage_str(q, Q(MEMBER_ID), "m1");
	kfk_set_int(q, &q->root, Q(MEMBER_EPOCH), epoch);
	kfk_set_null(q, &q->root, Q(TOPOLOGY));
	return q;
}

static struct kfk_node *
subtopology(struct kfk_tree *q, const char *id, const char *source, const char *changelog, const char *repartition)
{
	struct kfk_node *t = kfk_get(&q->root, Q(TOPOLOGY)), *sub;

	if (t == NULL || t->v.is_null)
		t = kfk_set_empty(q, &q->root, Q(TOPOLOGY));
	sub = stage_add(q, t, Q(TOPOLOGY_SUBTOPOLOGIES));
	kfk_set_str(q, sub, T(SUBTOPOLOGY_ID), alv_str_of(id));
	if (source != NULL)
		stage_add_str(q, sub, T(SOURCE_TOPICS), source);
	if (changelog != NULL)
		kfk_set_str(q, stage_add(q, sub, T(STATE_CHANGELOG_TOPICS)), T(STATE_CHANGELOG_TOPICS_NAME), alv_str_of(changelog));
	if (repartition != NULL)
		kfk_set_str(q, stage_add(q, sub, T(REPARTITION_SOURCE_TOPICS)), T(REPARTITION_SOURCE_TOPICS_NAME), alv_str_of(repartition));
	return sub;
}

/* Its topology: "0" processes orders, "1" has a store of what is in orders, "2" is behind a repartition, of itself. */
static void
joins(struct stage *s)
{
	struct kfk_tree *q = beat(s, 0);

	(void)subtopology(q, "0", "orders", NULL, NULL);
	(void)subtopology(q, "1", "secret", "orders", NULL);
	(void)subtopology(q, "2", NULL, NULL, "orders");
	(void)stage_forwarded(s);
}

static struct kfk_tree *
answers(struct stage *s)
{
	struct kfk_tree *r = stage_broker(s);

	stage_str(r, R(MEMBER_ID), "m1");
	kfk_set_null(r, &r->root, R(STATUS));
	kfk_set_null(r, &r->root, R(ACTIVE_TASKS));
	kfk_set_null(r, &r->root, R(STANDBY_TASKS));
	kfk_set_null(r, &r->root, R(WARMUP_TASKS));
	kfk_set_null(r, &r->root, R(PARTITIONS_BY_USER_ENDPOINT));
	return r;
}

/* "0:1": task 1 of subtopology "0"; "": none. */
static void
tasks(struct kfk_tree *r, uint16_t list, uint16_t id, uint16_t numbers, const char *text)
{
	struct kfk_node *l = kfk_set_empty(r, &r->root, list), *e;

	if (*text == '\0')
		return;
	e = kfk_add(r, l);
	kfk_set_str(r, e, id, alv_str_make(text, 1));
	kfk_add(r, kfk_set_empty(r, e, numbers))->v.i = text[2] - '0';
}

static void
given(struct stage *s, const char *active, const char *standby, const char *warmup)
{
	struct kfk_tree *r = answers(s);

	tasks(r, R(ACTIVE_TASKS), R(ACTIVE_TASKS_SUBTOPOLOGY_ID), R(ACTIVE_TASKS_PARTITIONS), active);
	tasks(r, R(STANDBY_TASKS), R(STANDBY_TASKS_SUBTOPOLOGY_ID), R(STANDBY_TASKS_PARTITIONS), standby);
	tasks(r, R(WARMUP_TASKS), R(WARMUP_TASKS_SUBTOPOLOGY_ID), R(WARMUP_TASKS_PARTITIONS), warmup);
	assert_int_equal(stage_reply(s), API_ANSWER);
}

static void
reads(struct stage *s, int by_main, int by_restoring)
{
	assert_int_equal(charged_as(s, MAIN, 17, 1, false), by_main);
	assert_int_equal(charged_as(s, RESTORES, 17, 1, false), by_restoring);
	assert_int_equal(charged_as(s, "app-global-consumer", 17, 1, false), NOBODYS);
}

/* ---- tests -------------------------------------------------------------------------------------------------- */

static void
tasks_are_partitions(void **state)
{
	static const struct {
		const char *active, *standby, *warmup;
		int	    main, restores;
	} cases[] = {
		{ "0:0", "", "", SLOW, SLOW },
		{ "0:1", "", "", NOBODYS, NOBODYS },	/* another partition */
		{ "1:0", "", "", NOBODYS, SLOW },	/* only its store */
		{ "2:0", "", "", SLOW, SLOW },
		{ "", "1:0", "", NOBODYS, SLOW },
		{ "", "0:0", "", NOBODYS, SLOW },
		{ "", "", "1:0", NOBODYS, SLOW },
		{ "", "", "", NOBODYS, NOBODYS },
		{ "9:0", "", "", NOBODYS, NOBODYS },	/* of no subtopology that it said */
	};
	struct stage s;

	(void)state;
	open_with(&s);
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		if (i == 0)
			joins(&s);
		else
			(void)beat(&s, (int64_t)i), (void)stage_forwarded(&s);
		given(&s, cases[i].active, cases[i].standby, cases[i].warmup);
		reads(&s, cases[i].main, cases[i].restores);
		s.worker.now_us += 50000000;
	}
	shut(&s);
}

static void
it_keeps_what_it_has_until_it_leaves(void **state)
{
	enum { BEATS, FAILS, STALE, LEAVES, SILENT, HOWS };

	(void)state;
	for (int how = BEATS; how < HOWS; how++) {
		struct stage	 s;
		struct kfk_tree *r;

		open_with(&s);
		joins(&s);
		given(&s, "0:0", "", "");
		reads(&s, SLOW, SLOW);
		s.worker.now_us += how == SILENT ? 61000000 : 50000000;
		if (how != SILENT) {
			(void)beat(&s, how == LEAVES ? -1 : 1);
			(void)stage_forwarded(&s);
			r = answers(&s);
			kfk_set_int(r, &r->root, R(ERROR_CODE), how == FAILS ? KFK_UNKNOWN_MEMBER_ID : 0);
			if (how == STALE)
				kfk_set_int(r, kfk_add(r, kfk_set_empty(r, &r->root, R(STATUS))), R(STATUS_STATUS_CODE), 0);
			assert_int_equal(stage_reply(&s), API_ANSWER);
			s.worker.now_us += 50000000;
		}
		reads(&s, how == BEATS ? SLOW : NOBODYS, how == BEATS ? SLOW : NOBODYS);
		shut(&s);
	}
}

/* What no broker took says nothing: neither what was refused, nor what is not the group's topology, nor what nobody said here. */
static void
only_a_topology_that_a_broker_took(void **state)
{
	struct stage	 s;
	struct kfk_tree *r;

	(void)state;
	open_with(&s);
	(void)beat(&s, 1);
	(void)stage_forwarded(&s);
	given(&s, "0:0", "", "");	/* it joined by way of another gateway */
	reads(&s, NOBODYS, NOBODYS);
	joins(&s);
	r = answers(&s);
	kfk_set_int(r, &r->root, R(ERROR_CODE), KFK_INVALID_REQUEST);
	assert_int_equal(stage_reply(&s), API_ANSWER);
	(void)beat(&s, 1);
	(void)stage_forwarded(&s);
	given(&s, "0:0", "", "");
	reads(&s, NOBODYS, NOBODYS);
	joins(&s);
	r = answers(&s);
	kfk_set_int(r, kfk_add(r, kfk_set_empty(r, &r->root, R(STATUS))), R(STATUS_STATUS_CODE), 0);
	tasks(r, R(ACTIVE_TASKS), R(ACTIVE_TASKS_SUBTOPOLOGY_ID), R(ACTIVE_TASKS_PARTITIONS), "0:0");
	assert_int_equal(stage_reply(&s), API_ANSWER);
	reads(&s, NOBODYS, NOBODYS);
	joins(&s);
	given(&s, "0:0", "", "");
	reads(&s, SLOW, SLOW);
	shut(&s);
}

static void
too_large_a_topology(void **state)
{
	struct stage	 s;
	struct kfk_tree *q;
	struct kfk_node *sub;
	char		*name;

	(void)state;
	for (int more = 0; more < 2; more++) {
		open_with(&s);
		q = beat(&s, 0);
		sub = subtopology(q, "0", "orders", NULL, NULL);
		for (int i = 1; i < API_READER_TOPICS_MAX + more; i++) {
			name = alv_arena_alloc(&s.arena, 16);
			snprintf(name, 16, "topic-%d", i);
			stage_add_str(q, sub, T(SOURCE_TOPICS), name);
		}
		(void)stage_forwarded(&s);
		given(&s, "0:0", "", "");
		reads(&s, more == 0 ? SLOW : NOBODYS, more == 0 ? SLOW : NOBODYS);
		shut(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_are_partitions),
		cmocka_unit_test(it_keeps_what_it_has_until_it_leaves),
		cmocka_unit_test(only_a_topology_that_a_broker_took),
		cmocka_unit_test(too_large_a_topology),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
