/* Answers whose list is long: how many turns they take, that each thing is told once, also where the tenant changes meanwhile. */
#include "group_stage.h"

#include <stdlib.h>

#include <alcove/acl.h>

enum { MANY = 1600, STEPS_MAX = 100 };

/* The tenant's ACLs, users and quotas with numbers from lo to hi, half of the ACLs on one topic; alice may do all. */
static void
have(struct stage *s, int lo, int hi)
{
	static char		names[MANY][24];
	static struct pol_rule	rules[MANY];
	static struct pol_user	users[MANY];
	static struct pol_quota quotas[MANY];
	const struct alv_str	super = ALV_STR("User:alice");
	struct pol_parts	parts = { .id = ALV_STR("acme"), .display_name = ALV_STR("acme"), .state = POL_ACTIVE, .revision = 2,
		.cluster_id = "acme-cluster-id-22char", .users = users, .rules = rules, .quotas = quotas, .supers = &super, .nsupers = 1 };

	memset(quotas, 0, sizeof(quotas));
	for (int i = lo; i < hi; i++) {
		snprintf(names[i], sizeof(names[i]), "User:%04d", i);
		rules[i - lo] = (struct pol_rule){ POL_TOPIC, POL_LITERAL, i < MANY / 2 ? ALV_STR("one") : alv_str_of(names[i]), alv_str_of(names[i]),
			ALV_STR("*"), POL_OP_READ, POL_ALLOW };
		users[i - lo] = (struct pol_user){ .name = alv_str_of(names[i] + 5), .enabled = true, .scram = { { .present = true, .iterations = 4096 } } };
		quotas[i - lo].entity = (struct pol_quota_entity){ POL_QUOTA_OF_CLIENT, { { POL_QUOTA_NAMED, alv_str_of(names[i] + 5) } } };
		quotas[i - lo].set = 1u << POL_QUOTA_PRODUCER_BYTE_RATE;
		quotas[i - lo].value[POL_QUOTA_PRODUCER_BYTE_RATE] = i + 1;
	}
	parts.nrules = parts.nusers = parts.nquotas = (size_t)(hi - lo);
	assert_int_equal(pol_dir_publish(s->dir, ALV_STR("acme"), pol_build(&parts)), ALV_OK);
}

/* One part more; true: that was the last. */
static bool
step(struct stage *s, enum api_result r)
{
	if (r == API_ANSWER)
		return true;
	assert_int_equal(r, API_WAIT);
	assert_int_equal(s->call.wait, API_WAIT_TIME);
	assert_int_equal(s->call.due_us, 0);
	assert_true(s->call.kept.n > 0);
	return false;
}

/* To its end; what happens before the third part is `meanwhile`. -> parts */
static int
finish(struct stage *s, void (*meanwhile)(struct stage *s))
{
	bool done = step(s, stage_send(s));
	int  n = 1;

	while (!done) {
		if (++n == 3 && meanwhile != NULL)
			meanwhile(s);
		assert_true(n < STEPS_MAX);
		done = step(s, api_resume(&s->call));
	}
	assert_int_equal(s->call.kept.n, 0);
	return n;
}

/* Who is told: how often, each. */
static char told[MANY];

static void
note(struct alv_str number)
{
	char text[8] = "";
	int  i;

	assert_int_equal(number.n, 4);
	memcpy(text, number.p, 4);
	i = (int)strtol(text, NULL, 10);
	assert_in_range(i, 0, MANY - 1);
	told[i]++;
}

static void
all_once(int lo, int hi)
{
	for (int i = lo; i < hi; i++)
		if (told[i] != 1)
			fail_msg("%d is told %d times", i, told[i]);
	memset(told, 0, sizeof(told));
}

/* ---- the three lists ---------------------------------------------------------------------------------------- */

static void
ask_acls(struct stage *s, int16_t version)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_DESCRIBE_ACLS, version);

	kfk_set_int(q, &q->root, KFK_DESCRIBE_ACLS_REQUEST_RESOURCE_TYPE_FILTER, 1);
	kfk_set_int(q, &q->root, KFK_DESCRIBE_ACLS_REQUEST_PATTERN_TYPE_FILTER, 1);
	kfk_set_int(q, &q->root, KFK_DESCRIBE_ACLS_REQUEST_OPERATION, 1);
	kfk_set_int(q, &q->root, KFK_DESCRIBE_ACLS_REQUEST_PERMISSION_TYPE, 1);
	stage_str(q, KFK_DESCRIBE_ACLS_REQUEST_RESOURCE_NAME_FILTER, NULL);
	stage_str(q, KFK_DESCRIBE_ACLS_REQUEST_PRINCIPAL_FILTER, NULL);
	stage_str(q, KFK_DESCRIBE_ACLS_REQUEST_HOST_FILTER, NULL);
}

static void
note_acls(struct stage *s)
{
	struct kfk_tree	      *r = stage_client(s);
	const struct kfk_node *list = kfk_get(&r->root, KFK_DESCRIBE_ACLS_RESPONSE_RESOURCES);

	assert_int_equal(stage_int(r, KFK_DESCRIBE_ACLS_RESPONSE_ERROR_CODE), 0);
	for (const struct kfk_node *e = list->kids; e != NULL; e = e->next) {
		struct alv_str name = kfk_get_str(r, e, KFK_DESCRIBE_ACLS_RESPONSE_RESOURCES_RESOURCE_NAME);

		for (const struct kfk_node *a = kfk_get(e, KFK_DESCRIBE_ACLS_RESPONSE_RESOURCES_ACLS)->kids; a != NULL; a = a->next) {
			struct alv_str who = kfk_get_str(r, a, KFK_DESCRIBE_ACLS_RESPONSE_RESOURCES_ACLS_PRINCIPAL);

			assert_true(alv_str_eq(name, who) || alv_str_eqz(name, "one"));
			note(alv_str_make(who.p + 5, who.n - 5));
		}
	}
}

static void
acls_in_parts(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	have(&s, 0, MANY);
	for (int16_t v = 1; v <= 3; v++) {
		ask_acls(&s, v);
		assert_in_range(finish(&s, NULL), 3, 5);
		note_acls(&s);
		all_once(0, MANY);
	}
	have(&s, 0, 500);	/* just a part, and nothing behind it */
	ask_acls(&s, 3);
	assert_int_equal(finish(&s, NULL), 2);
	note_acls(&s);
	all_once(0, 500);
	stage_close(&s);
}

static void
users_in_parts(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	have(&s, 0, MANY);
	kfk_set_null(stage_begin(&s, KFK_API_DESCRIBE_USER_SCRAM_CREDENTIALS, 0), &s.tree.root,
	    KFK_DESCRIBE_USER_SCRAM_CREDENTIALS_REQUEST_USERS);
	assert_in_range(finish(&s, NULL), 3, 5);
	{
		struct kfk_tree *r = stage_client(&s);

		for (struct kfk_node *e = kfk_get(&r->root, KFK_DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_RESULTS)->kids; e != NULL; e = e->next) {
			assert_int_equal(stage_count(e, KFK_DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_RESULTS_CREDENTIAL_INFOS), 1);
			note(kfk_get_str(r, e, KFK_DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_RESULTS_USER));
		}
	}
	all_once(0, MANY);
	stage_close(&s);
}

static void
quotas_in_parts(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	have(&s, 0, MANY);
	for (int16_t v = 0; v <= 1; v++) {
		struct kfk_tree *q = stage_begin(&s, KFK_API_DESCRIBE_CLIENT_QUOTAS, v), *r;

		kfk_set_empty(q, &q->root, KFK_DESCRIBE_CLIENT_QUOTAS_REQUEST_COMPONENTS);
		assert_in_range(finish(&s, NULL), 4, 8);
		r = stage_client(&s);
		for (struct kfk_node *e = kfk_get(&r->root, KFK_DESCRIBE_CLIENT_QUOTAS_RESPONSE_ENTRIES)->kids; e != NULL; e = e->next) {
			struct kfk_node *of = stage_at(e, KFK_DESCRIBE_CLIENT_QUOTAS_RESPONSE_ENTRIES_ENTITY, 0);

			assert_int_equal(stage_count(e, KFK_DESCRIBE_CLIENT_QUOTAS_RESPONSE_ENTRIES_VALUES), 1);
			note(kfk_get_str(r, of, KFK_DESCRIBE_CLIENT_QUOTAS_RESPONSE_ENTRIES_ENTITY_ENTITY_NAME));
		}
		all_once(0, MANY);
	}
	stage_close(&s);
}

/* ---- meanwhile ---------------------------------------------------------------------------------------------- */

/* What was told already goes, with the very one that was told last; so does some of what was not. */
static void
lose_both_ends(struct stage *s)
{
	have(s, 300, 700);
}

static void
what_stays_is_told_once(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	have(&s, 0, MANY);
	ask_acls(&s, 3);
	finish(&s, lose_both_ends);
	note_acls(&s);
	/* "User:0800" is before "one": two parts are those from 800 on, and then up to 199. */
	for (int i = 200; i < MANY / 2; i++)
		assert_int_equal(told[i], i >= 300 && i < 700);
	all_once(0, 200);
	stage_close(&s);
}

static void
who_goes_is_let_go(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	have(&s, 0, MANY);
	ask_acls(&s, 3);
	assert_false(step(&s, stage_send(&s)));
	api_call_fini(&s.call);		/* the client left */
	ask_acls(&s, 3);
	assert_false(step(&s, stage_send(&s)));
	assert_int_equal(pol_dir_publish(s.dir, ALV_STR("acme"), NULL), ALV_OK);
	assert_int_equal(api_resume(&s.call), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_TENANT_GONE);
	stage_close(&s);
}

/* Less memory than a part takes: the connection ends, as with any answer that is too large. */
static void
parts_have_a_bound(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	have(&s, 0, MANY);
	ask_acls(&s, 3);
	s.call.arena.limit = 20000;
	for (enum api_result r = stage_send(&s);; r = api_resume(&s.call)) {
		if (r == API_WAIT)
			continue;
		assert_int_equal(r, API_CLOSE);
		assert_int_equal(s.call.close, MET_CLOSE_MEMORY);
		break;
	}
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acls_in_parts), cmocka_unit_test(users_in_parts), cmocka_unit_test(quotas_in_parts),
		cmocka_unit_test(what_stays_is_told_once), cmocka_unit_test(who_goes_is_let_go), cmocka_unit_test(parts_have_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
