/* OffsetCommit and OffsetFetch: one group and many, by name and by id, all topics, and who is refused at which level. */
#include "group_stage.h"

static const struct pol_rule denies[] = { STAGE_DENY(POL_GROUP, "closed", POL_OP_READ),
	STAGE_DENY(POL_GROUP, "closed", POL_OP_DESCRIBE), STAGE_DENY(POL_TOPIC, "secret", POL_OP_READ),
	STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE) };
enum { DENIES = ALV_COUNT(denies) };

/* ---- OffsetCommit ------------------------------------------------------------------------------------- */

#define Q(f) KFK_OFFSET_COMMIT_REQUEST_##f
#define R(f) KFK_OFFSET_COMMIT_RESPONSE_##f

/* By name up to v9, by id in v10: the letter is the id's. */
static void
commit(struct kfk_tree *q, const char *name, char id)
{
	struct kfk_node *e = stage_add(q, &q->root, Q(TOPICS)), *p;

	if (q->version < 10)
		kfk_set_str(q, e, Q(TOPICS_NAME), alv_str_of(name));
	else
		kfk_set_uuid(q, e, Q(TOPICS_TOPIC_ID), id == 0 ? (struct alv_uuid){ { 0 } } : stage_id(id));
	for (int i = 0; i < 2; i++) {
		p = stage_add(q, e, Q(TOPICS_PARTITIONS));
		kfk_set_int(q, p, Q(TOPICS_PARTITIONS_PARTITION_INDEX), i * 3);
		kfk_set_int(q, p, Q(TOPICS_PARTITIONS_COMMITTED_OFFSET), 100 + i);
		kfk_set_str(q, p, Q(TOPICS_PARTITIONS_COMMITTED_METADATA), ALV_STR("mine"));
	}
}

static struct kfk_node *
commit_topic(struct kfk_tree *t, const char *name, char id)
{
	struct kfk_node *list = kfk_get(&t->root, R(TOPICS));

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		if (t->version < 10 ? alv_str_eqz(kfk_get_str(t, e, R(TOPICS_NAME)), name)
				    : alv_uuid_eq(kfk_get_uuid(t, e, R(TOPICS_TOPIC_ID)), stage_id(id)))
			return e;
	return NULL;
}

/* Both partitions have this code; -99: the topic is missing, -98: they differ. */
static int64_t
commit_code(struct kfk_tree *t, const char *name, char id)
{
	struct kfk_node *e = commit_topic(t, name, id);
	int64_t		 code;

	if (e == NULL)
		return -99;
	assert_int_equal(stage_count(e, R(TOPICS_PARTITIONS)), 2);
	assert_int_equal(kfk_get_int(t, stage_at(e, R(TOPICS_PARTITIONS), 1), R(TOPICS_PARTITIONS_PARTITION_INDEX)), 3);
	code = kfk_get_int(t, stage_at(e, R(TOPICS_PARTITIONS), 0), R(TOPICS_PARTITIONS_ERROR_CODE));
	return code == kfk_get_int(t, stage_at(e, R(TOPICS_PARTITIONS), 1), R(TOPICS_PARTITIONS_ERROR_CODE)) ? code : -98;
}

static void
committed(struct kfk_tree *r, const char *name, char id)
{
	struct kfk_node *e = stage_add(r, &r->root, R(TOPICS));

	if (r->version < 10)
		kfk_set_str(r, e, R(TOPICS_NAME), alv_str_of(name));
	else
		kfk_set_uuid(r, e, R(TOPICS_TOPIC_ID), stage_id(id));
	for (int i = 0; i < 2; i++)
		kfk_set_int(r, stage_add(r, e, R(TOPICS_PARTITIONS)), R(TOPICS_PARTITIONS_PARTITION_INDEX), i * 3);
}

static void
commits_are_split_by_topic(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 2; v <= 10; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_OFFSET_COMMIT, v);
		stage_str(t, Q(GROUP_ID), "billing");
		commit(t, "orders", 'o');
		commit(t, "secret", 's');
		commit(t, v < 10 ? "a b" : NULL, 'g');
		commit(t, "shared", 'l');
		t = stage_forwarded(&s);
		stage_text(kfk_get_str(t, &t->root, Q(GROUP_ID)), "acme.billing");
		assert_int_equal(stage_count(&t->root, Q(TOPICS)), 2);
		e = stage_at(&t->root, Q(TOPICS), 1);
		if (v < 10)
			stage_text(kfk_get_str(t, e, Q(TOPICS_NAME)), "legacy.shared");
		else
			assert_true(alv_uuid_eq(kfk_get_uuid(t, e, Q(TOPICS_TOPIC_ID)), stage_id('l')));
		assert_int_equal(stage_count(e, Q(TOPICS_PARTITIONS)), 2);
		stage_text(kfk_get_str(t, stage_at(e, Q(TOPICS_PARTITIONS), 0), Q(TOPICS_PARTITIONS_COMMITTED_METADATA)), "mine");
		t = stage_answers(&s);
		committed(t, "acme.orders", 'o');
		committed(t, "globex.orders", 'g');
		committed(t, "__consumer_offsets", 'c');
		committed(t, "legacy.shared", 'l');
		t = stage_replied(&s);
		assert_int_equal(commit_code(t, "orders", 'o'), 0);
		assert_int_equal(commit_code(t, "shared", 'l'), 0);
		assert_int_equal(commit_code(t, "secret", 's'), KFK_TOPIC_AUTHORIZATION_FAILED);
		assert_int_equal(commit_code(t, "a b", 'g'), v < 10 ? KFK_UNKNOWN_TOPIC_OR_PARTITION : KFK_UNKNOWN_TOPIC_ID);
		assert_int_equal(stage_count(&t->root, R(TOPICS)), 4);
		stage_close(&s);
	}
}

static void
commits_of_a_refused_group(void **state)
{
	static const struct { const char *group; int16_t code; } cases[] = { { "closed", KFK_GROUP_AUTHORIZATION_FAILED },
		{ "a\xff", KFK_INVALID_GROUP_ID } };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 2; v <= 10; v++)
		for (size_t i = 0; i <= ALV_COUNT(cases); i++) {
			bool	    last = i == ALV_COUNT(cases);	/* an alias to look at only */
			const char *name = last ? "watched" : cases[i].group;
			int16_t	    code = last ? KFK_GROUP_AUTHORIZATION_FAILED : cases[i].code;

			stage_open(&s, denies, DENIES);
			t = stage_begin(&s, KFK_API_OFFSET_COMMIT, v);
			stage_str(t, Q(GROUP_ID), name);
			commit(t, "orders", 'o');
			commit(t, "secret", 's');
			t = stage_refused(&s);
			assert_int_equal(commit_code(t, "orders", 'o'), code);
			assert_int_equal(commit_code(t, "secret", 's'), code);
			stage_close(&s);
		}
}

static void
nothing_is_left_to_commit(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	t = stage_begin(&s, KFK_API_OFFSET_COMMIT, 10);
	stage_str(t, Q(GROUP_ID), "billing");
	commit(t, NULL, 'g');
	commit(t, NULL, 's');
	t = stage_refused(&s);
	assert_int_equal(commit_code(t, NULL, 'g'), KFK_UNKNOWN_TOPIC_ID);
	assert_int_equal(commit_code(t, NULL, 's'), KFK_TOPIC_AUTHORIZATION_FAILED);
	t = stage_begin(&s, KFK_API_OFFSET_COMMIT, 10);
	stage_str(t, Q(GROUP_ID), "billing");
	commit(t, NULL, 0);
	t = stage_refused(&s);
	assert_int_equal(stage_count(&t->root, R(TOPICS)), 1);
	stage_close(&s);
}

static void
commits_wait_for_ids(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	for (int round = 0; round < 2; round++) {
		t = stage_begin(&s, KFK_API_OFFSET_COMMIT, 10);
		stage_str(t, Q(GROUP_ID), "billing");
		commit(t, NULL, round == 0 ? 'n' : 'm');
		commit(t, NULL, 'u');
		assert_int_equal(stage_send(&s), API_WAIT);
		assert_int_equal(s.call.wait, API_WAIT_IDS);
		assert_int_equal(s.call.nids, 2 - round);	/* one is known by then */
		if (round == 0) {
			clu_ids_learn(s.worker.ids, stage_id('n'), ALV_STR("acme.new"), s.worker.now_us);
			clu_ids_learn(s.worker.ids, stage_id('u'), ALV_STR("globex.new"), s.worker.now_us);
		}
		s.call.ids_asked = true;	/* the second time nobody could be asked */
		assert_int_equal(api_request(&s.call, &s.body), round == 0 ? API_FORWARD : API_ANSWER);
		if (round == 0) {
			t = stage_upstream(&s);
			assert_int_equal(stage_count(&t->root, Q(TOPICS)), 1);
			t = stage_answers(&s);
			committed(t, NULL, 'n');
			t = stage_replied(&s);
			assert_int_equal(commit_code(t, NULL, 'n'), 0);
		} else {
			t = stage_client(&s);
			assert_int_equal(commit_code(t, NULL, 'm'), KFK_UNKNOWN_TOPIC_ID);
		}
		assert_int_equal(commit_code(t, NULL, 'u'), KFK_UNKNOWN_TOPIC_ID);
	}
	stage_close(&s);
}
#undef Q
#undef R

/* ---- OffsetFetch ------------------------------------------------------------------------------------------ */

#define Q(f) KFK_OFFSET_FETCH_REQUEST_##f
#define R(f) KFK_OFFSET_FETCH_RESPONSE_##f

/* The group to ask for: the root up to v7, an element later. topics NULL: all of them; else a letter per topic. */
static struct kfk_node *
fetch(struct kfk_tree *q, const char *group, const char *topics)
{
	struct kfk_node *e = q->version < 8 ? &q->root : stage_add(q, &q->root, Q(GROUPS)), *x, *p;
	bool		 many = q->version >= 8;

	kfk_set_str(q, e, many ? Q(GROUPS_GROUP_ID) : Q(GROUP_ID), alv_str_of(group));
	if (topics == NULL) {
		kfk_set_null(q, e, many ? Q(GROUPS_TOPICS) : Q(TOPICS));
		return e;
	}
	kfk_set_empty(q, e, many ? Q(GROUPS_TOPICS) : Q(TOPICS));
	for (; *topics != '\0'; topics++) {
		const char *name = *topics == 'o' ? "orders" : *topics == 's' ? "secret" : *topics == 'l' ? "shared" : "a b";

		x = stage_add(q, e, many ? Q(GROUPS_TOPICS) : Q(TOPICS));
		if (q->version < 10)
			kfk_set_str(q, x, many ? Q(GROUPS_TOPICS_NAME) : Q(TOPICS_NAME), alv_str_of(name));
		else
			kfk_set_uuid(q, x, Q(GROUPS_TOPICS_TOPIC_ID), stage_id(*topics));
		p = kfk_set_empty(q, x, many ? Q(GROUPS_TOPICS_PARTITION_INDEXES) : Q(TOPICS_PARTITION_INDEXES));
		kfk_add(q, p)->v.i = 5;
	}
	return e;
}

/* The broker's answer for a group: one partition per letter. */
static struct kfk_node *
fetched(struct kfk_tree *r, const char *group, const char *topics, int16_t code)
{
	struct kfk_node *e = r->version < 8 ? &r->root : stage_add(r, &r->root, R(GROUPS)), *x, *p;
	bool		 many = r->version >= 8;

	if (many) {
		kfk_set_str(r, e, R(GROUPS_GROUP_ID), alv_str_of(group));
		kfk_set_int(r, e, R(GROUPS_ERROR_CODE), code);
	} else if (r->version >= 2) {
		kfk_set_int(r, e, R(ERROR_CODE), code);
	}
	for (; *topics != '\0'; topics++) {
		const char *name = *topics == 'o' ? "acme.orders" : *topics == 's' ? "acme.secret"
		    : *topics == 'l' ? "legacy.shared" : *topics == 'c' ? "__consumer_offsets" : "globex.orders";

		x = stage_add(r, e, many ? R(GROUPS_TOPICS) : R(TOPICS));
		if (r->version < 10)
			kfk_set_str(r, x, many ? R(GROUPS_TOPICS_NAME) : R(TOPICS_NAME), alv_str_of(name));
		else
			kfk_set_uuid(r, x, R(GROUPS_TOPICS_TOPIC_ID), stage_id(*topics));
		p = stage_add(r, x, many ? R(GROUPS_TOPICS_PARTITIONS) : R(TOPICS_PARTITIONS));
		kfk_set_int(r, p, many ? R(GROUPS_TOPICS_PARTITIONS_PARTITION_INDEX) : R(TOPICS_PARTITIONS_PARTITION_INDEX), 5);
		kfk_set_int(r, p, many ? R(GROUPS_TOPICS_PARTITIONS_COMMITTED_OFFSET) : R(TOPICS_PARTITIONS_COMMITTED_OFFSET), 77);
	}
	return e;
}

static struct kfk_node *
group_of(struct kfk_tree *t, const char *group)
{
	return t->version < 8 ? &t->root : stage_named(t, &t->root, R(GROUPS), R(GROUPS_GROUP_ID), group);
}

/* Its code where it was refused here or by the broker; 1000 + its offset otherwise; -99: missing. */
static int64_t
offset_of(struct kfk_tree *t, const char *group, char topic)
{
	bool		 many = t->version >= 8;
	const char	*name = topic == 'o' ? "orders" : topic == 's' ? "secret" : topic == 'l' ? "shared" : "a b";
	struct kfk_node *list = kfk_get(group_of(t, group), many ? R(GROUPS_TOPICS) : R(TOPICS)), *p;
	int64_t		 code, at;

	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next) {
		if (t->version < 10 ? !alv_str_eqz(kfk_get_str(t, e, many ? R(GROUPS_TOPICS_NAME) : R(TOPICS_NAME)), name)
				    : !alv_uuid_eq(kfk_get_uuid(t, e, R(GROUPS_TOPICS_TOPIC_ID)), stage_id(topic)))
			continue;
		p = stage_at(e, many ? R(GROUPS_TOPICS_PARTITIONS) : R(TOPICS_PARTITIONS), 0);
		assert_int_equal(kfk_get_int(t, p, many ? R(GROUPS_TOPICS_PARTITIONS_PARTITION_INDEX)
							 : R(TOPICS_PARTITIONS_PARTITION_INDEX)), 5);
		code = kfk_get_int(t, p, many ? R(GROUPS_TOPICS_PARTITIONS_ERROR_CODE) : R(TOPICS_PARTITIONS_ERROR_CODE));
		at = kfk_get_int(t, p, many ? R(GROUPS_TOPICS_PARTITIONS_COMMITTED_OFFSET) : R(TOPICS_PARTITIONS_COMMITTED_OFFSET));
		if (code != 0)
			assert_int_equal(at, -1);
		return code != 0 ? code : 1000 + at;
	}
	return -99;
}

static size_t
topics_of(struct kfk_tree *t, const char *group)
{
	return stage_count(group_of(t, group), t->version < 8 ? R(TOPICS) : R(GROUPS_TOPICS));
}

static void
fetches_are_split_by_topic(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 1; v <= 10; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_OFFSET_FETCH, v);
		(void)fetch(t, "billing", "ogsl");
		t = stage_forwarded(&s);
		e = v < 8 ? &t->root : stage_at(&t->root, Q(GROUPS), 0);
		stage_text(kfk_get_str(t, e, v < 8 ? Q(GROUP_ID) : Q(GROUPS_GROUP_ID)), "acme.billing");
		assert_int_equal(stage_count(e, v < 8 ? Q(TOPICS) : Q(GROUPS_TOPICS)), 2);
		t = stage_answers(&s);
		(void)fetched(t, "acme.billing", "ogcl", 0);
		t = stage_replied(&s);
		assert_int_equal(offset_of(t, "billing", 'o'), 1077);
		assert_int_equal(offset_of(t, "billing", 'l'), 1077);
		assert_int_equal(offset_of(t, "billing", 's'), KFK_TOPIC_AUTHORIZATION_FAILED);
		assert_int_equal(offset_of(t, "billing", 'g'), v < 10 ? KFK_UNKNOWN_TOPIC_OR_PARTITION : KFK_UNKNOWN_TOPIC_ID);
		assert_int_equal(topics_of(t, "billing"), 4);
		stage_close(&s);
	}
}

static void
all_topics_are_own_and_visible_ones(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 2; v <= 10; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_OFFSET_FETCH, v);
		(void)fetch(t, "billing", NULL);
		t = stage_forwarded(&s);
		e = v < 8 ? &t->root : stage_at(&t->root, Q(GROUPS), 0);
		e = kfk_get(e, v < 8 ? Q(TOPICS) : Q(GROUPS_TOPICS));
		assert_true(e == NULL || e->v.is_null);
		t = stage_answers(&s);
		(void)fetched(t, "acme.billing", "sgolcs", 0);
		t = stage_replied(&s);
		assert_int_equal(offset_of(t, "billing", 'o'), 1077);
		assert_int_equal(offset_of(t, "billing", 'l'), 1077);
		assert_int_equal(topics_of(t, "billing"), 2);
		stage_close(&s);
	}
}

/* Null and empty are not the same: none is asked for, none is answered. */
static void
no_topics_are_no_topics(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e;

	(void)state;
	for (int16_t v = 1; v <= 10; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_OFFSET_FETCH, v);
		(void)fetch(t, "billing", "");
		t = stage_forwarded(&s);
		e = v < 8 ? &t->root : stage_at(&t->root, Q(GROUPS), 0);
		e = kfk_get(e, v < 8 ? Q(TOPICS) : Q(GROUPS_TOPICS));
		assert_non_null(e);
		assert_false(e->v.is_null);
		assert_int_equal(e->n, 0);
		/* Where all that was asked for is refused, "all" is not what is asked for then. */
		t = stage_begin(&s, KFK_API_OFFSET_FETCH, v);
		(void)fetch(t, "billing", "s");
		if (v < 8) {
			t = stage_refused(&s);
		} else {
			t = stage_forwarded(&s);
			e = kfk_get(stage_at(&t->root, Q(GROUPS), 0), Q(GROUPS_TOPICS));
			assert_non_null(e);
			assert_false(e->v.is_null);
			assert_int_equal(e->n, 0);
			t = stage_answers(&s);
			(void)fetched(t, "acme.billing", "", 0);
			t = stage_replied(&s);
		}
		assert_int_equal(offset_of(t, "billing", 's'), KFK_TOPIC_AUTHORIZATION_FAILED);
		stage_close(&s);
	}
}

static void
fetches_of_a_refused_group(void **state)
{
	static const struct { const char *group; int16_t code; } cases[] = { { "closed", KFK_GROUP_AUTHORIZATION_FAILED },
		{ "a\xff", KFK_INVALID_GROUP_ID } };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 1; v <= 10; v++)
		for (size_t i = 0; i < ALV_COUNT(cases); i++) {
			stage_open(&s, denies, DENIES);
			t = stage_begin(&s, KFK_API_OFFSET_FETCH, v);
			(void)fetch(t, cases[i].group, "os");
			t = stage_refused(&s);
			assert_int_equal(s.call.error_code, cases[i].code);
			if (v == 1) {
				assert_int_equal(offset_of(t, NULL, 'o'), cases[i].code);
				assert_int_equal(offset_of(t, NULL, 's'), cases[i].code);
			} else if (v < 8) {
				assert_int_equal(stage_int(t, R(ERROR_CODE)), cases[i].code);
				assert_int_equal(topics_of(t, NULL), 0);
			} else {
				assert_int_equal(kfk_get_int(t, group_of(t, cases[i].group), R(GROUPS_ERROR_CODE)), cases[i].code);
				assert_int_equal(topics_of(t, cases[i].group), 0);
			}
			stage_close(&s);
		}
}

static void
groups_of_a_batch_are_judged_one_by_one(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 8; v <= 10; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_OFFSET_FETCH, v);
		(void)fetch(t, "closed", "o");
		(void)fetch(t, "a", "os");
		(void)fetch(t, "b", NULL);
		(void)fetch(t, "c", "sl");
		(void)fetch(t, "watched", NULL);
		t = stage_forwarded(&s);
		assert_int_equal(stage_count(&t->root, Q(GROUPS)), 4);
		stage_text(kfk_get_str(t, stage_at(&t->root, Q(GROUPS), 2), Q(GROUPS_GROUP_ID)), "acme.c");
		t = stage_answers(&s);
		(void)fetched(t, "acme.a", "o", 0);
		(void)fetched(t, "acme.c", "", KFK_NOT_COORDINATOR);
		(void)fetched(t, "globex.billing", "g", 0);
		(void)fetched(t, "acme.b", "so", 0);
		t = stage_replied(&s);
		assert_int_equal(stage_count(&t->root, R(GROUPS)), 4);	/* of one there is no answer */
		assert_int_equal(kfk_get_int(t, group_of(t, "closed"), R(GROUPS_ERROR_CODE)), KFK_GROUP_AUTHORIZATION_FAILED);
		assert_int_equal(offset_of(t, "a", 'o'), 1077);
		assert_int_equal(offset_of(t, "a", 's'), KFK_TOPIC_AUTHORIZATION_FAILED);
		assert_int_equal(offset_of(t, "b", 'o'), 1077);
		assert_int_equal(topics_of(t, "b"), 1);
		assert_int_equal(kfk_get_int(t, group_of(t, "c"), R(GROUPS_ERROR_CODE)), KFK_NOT_COORDINATOR);
		assert_int_equal(topics_of(t, "c"), 0);
		stage_close(&s);
	}
}

/* The same group twice: each with its own topics. */
static void
a_group_may_be_asked_twice(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *first, *second;

	(void)state;
	for (int16_t v = 8; v <= 10; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_OFFSET_FETCH, v);
		(void)fetch(t, "a", "os");
		(void)fetch(t, "a", "l");
		(void)stage_forwarded(&s);
		t = stage_answers(&s);
		(void)fetched(t, "acme.a", "o", 0);
		(void)fetched(t, "acme.a", "l", 0);
		t = stage_replied(&s);
		first = stage_at(&t->root, R(GROUPS), 0);
		second = stage_at(&t->root, R(GROUPS), 1);
		assert_int_equal(stage_count(first, R(GROUPS_TOPICS)), 2);
		assert_int_equal(stage_count(second, R(GROUPS_TOPICS)), 1);
		stage_close(&s);
	}
}

/* In another order than they were asked for. */
static void
answers_may_come_in_any_order(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	t = stage_begin(&s, KFK_API_OFFSET_FETCH, 8);
	for (size_t i = 0; i < ALV_COUNT(names); i++)
		(void)fetch(t, names[i], i == 2 ? "os" : "o");
	(void)stage_forwarded(&s);
	t = stage_answers(&s);
	(void)fetched(t, "acme.d", "o", 0);
	(void)fetched(t, "acme.b", "o", 0);
	(void)fetched(t, "acme.a", "o", 0);
	(void)fetched(t, "acme.e", "o", 0);
	(void)fetched(t, "acme.c", "o", 0);
	t = stage_replied(&s);
	for (size_t i = 0; i < ALV_COUNT(names); i++) {
		assert_int_equal(offset_of(t, names[i], 'o'), 1077);
		assert_int_equal(topics_of(t, names[i]), i == 2 ? 2 : 1);
	}
	stage_close(&s);
}

/* An own group that was not asked for, or was refused, or was answered already: somebody else's answer. */
static void
a_group_that_nobody_asked_for_closes(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	for (int16_t v = 8; v <= 10; v++) {
		stage_open(&s, denies, DENIES);
		t = stage_begin(&s, KFK_API_OFFSET_FETCH, v);
		(void)fetch(t, "a", "o");
		(void)stage_forwarded(&s);
		t = stage_answers(&s);
		(void)fetched(t, "acme.a", "o", 0);
		(void)fetched(t, "acme.a", "o", 0);
		assert_int_equal(stage_reply(&s), API_CLOSE);
		t = stage_begin(&s, KFK_API_OFFSET_FETCH, v);
		(void)fetch(t, "a", "o");
		(void)fetch(t, "closed", "o");
		(void)stage_forwarded(&s);
		t = stage_answers(&s);
		(void)fetched(t, "acme.closed", "o", 0);
		assert_int_equal(stage_reply(&s), API_CLOSE);
		assert_int_equal(s.call.close, MET_CLOSE_UPSTREAM_FOREIGN);
		stage_close(&s);
	}
}

static void
fetches_wait_for_ids(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	t = stage_begin(&s, KFK_API_OFFSET_FETCH, 10);
	(void)fetch(t, "a", "on");
	(void)fetch(t, "b", "nu");
	assert_int_equal(stage_send(&s), API_WAIT);
	assert_int_equal(s.call.wait, API_WAIT_IDS);
	assert_int_equal(s.call.nids, 2);
	clu_ids_learn(s.worker.ids, stage_id('n'), ALV_STR("acme.new"), s.worker.now_us);
	clu_ids_learn(s.worker.ids, stage_id('u'), ALV_STR_NULL, s.worker.now_us);
	s.call.ids_asked = true;
	assert_int_equal(api_request(&s.call, &s.body), API_FORWARD);
	t = stage_upstream(&s);
	assert_int_equal(stage_count(stage_at(&t->root, Q(GROUPS), 0), Q(GROUPS_TOPICS)), 2);
	assert_int_equal(stage_count(stage_at(&t->root, Q(GROUPS), 1), Q(GROUPS_TOPICS)), 1);
	t = stage_answers(&s);
	(void)fetched(t, "acme.a", "on", 0);
	(void)fetched(t, "acme.b", "n", 0);
	t = stage_replied(&s);
	assert_int_equal(offset_of(t, "a", 'n'), 1077);
	assert_int_equal(offset_of(t, "b", 'u'), KFK_UNKNOWN_TOPIC_ID);
	assert_int_equal(topics_of(t, "b"), 2);
	stage_close(&s);
}

/* "All topics" answered with an id that is not known here yet: it is asked for, and only an own one passes. */
static void
answers_of_all_topics_wait_for_ids(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;

	(void)state;
	stage_open(&s, denies, DENIES);
	t = stage_begin(&s, KFK_API_OFFSET_FETCH, 10);
	(void)fetch(t, "a", NULL);
	(void)stage_forwarded(&s);
	t = stage_answers(&s);
	(void)fetched(t, "acme.a", "nous", 0);
	assert_int_equal(stage_reply(&s), API_WAIT);
	assert_int_equal(s.call.nids, 2);
	clu_ids_learn(s.worker.ids, stage_id('n'), ALV_STR("acme.new"), s.worker.now_us);
	clu_ids_learn(s.worker.ids, stage_id('u'), ALV_STR("globex.new"), s.worker.now_us);
	s.call.ids_asked = true;
	assert_int_equal(api_resume(&s.call), API_ANSWER);
	t = stage_client(&s);
	assert_int_equal(topics_of(t, "a"), 2);
	assert_int_equal(offset_of(t, "a", 'n'), 1077);
	assert_int_equal(offset_of(t, "a", 'o'), 1077);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commits_are_split_by_topic),
		cmocka_unit_test(commits_of_a_refused_group),
		cmocka_unit_test(nothing_is_left_to_commit),
		cmocka_unit_test(commits_wait_for_ids),
		cmocka_unit_test(fetches_are_split_by_topic),
		cmocka_unit_test(all_topics_are_own_and_visible_ones),
		cmocka_unit_test(no_topics_are_no_topics),
		cmocka_unit_test(fetches_of_a_refused_group),
		cmocka_unit_test(groups_of_a_batch_are_judged_one_by_one),
		cmocka_unit_test(a_group_may_be_asked_twice),
		cmocka_unit_test(answers_may_come_in_any_order),
		cmocka_unit_test(a_group_that_nobody_asked_for_closes),
		cmocka_unit_test(fetches_wait_for_ids),
		cmocka_unit_test(answers_of_all_topics_wait_for_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
