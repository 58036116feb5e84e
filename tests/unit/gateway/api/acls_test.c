/* DescribeAcls, CreateAcls, DeleteAcls: what is judged here, what is asked of the control thread, what clients are told of it. */
#include "group_stage.h"

#include <alcove/acl.h>

/* ---- a tenant whose ACLs decide -------------------------------------------------------------------------- */

#define ACL(res, pat, what, who, operation, verdict) \
	{ .resource = (res), .pattern = (pat), .name = ALV_STR(what), .principal = ALV_STR(who), .host = ALV_STR("*"), \
	  .op = (operation), .permission = (verdict) }

static const struct pol_rule some[] = {
	ACL(POL_TOPIC, POL_LITERAL, "orders", "User:bob", POL_OP_READ, POL_ALLOW),
	ACL(POL_TOPIC, POL_LITERAL, "orders", "User:bob", POL_OP_WRITE, POL_DENY),
	ACL(POL_TOPIC, POL_LITERAL, "*", "User:*", POL_OP_DESCRIBE, POL_ALLOW),
	ACL(POL_TOPIC, POL_PREFIXED, "or", "User:carol", POL_OP_ALL, POL_ALLOW),
	ACL(POL_GROUP, POL_LITERAL, "orders", "User:bob", POL_OP_READ, POL_ALLOW),
};

/* alice may do what `rights` says to the cluster. */
static void
decide(struct stage *s, enum pol_authorizer authorizer, const struct pol_rule *rules, size_t n, enum pol_op right)
{
	struct pol_rule	 all[16] = { ACL(POL_CLUSTER, POL_LITERAL, "kafka-cluster", "User:alice", right, POL_ALLOW) };
	struct pol_user	 user = { .name = ALV_STR("alice"), .revision = 7, .enabled = true };
	struct pol_parts parts = { .id = ALV_STR("acme"), .display_name = ALV_STR("acme"), .state = POL_ACTIVE, .revision = 2,
		.cluster_id = "acme-cluster-id-22char", .users = &user, .nusers = 1, .rules = all, .nrules = n + 1, .authorizer = authorizer };

	assert_true(n < ALV_COUNT(all));
	if (n > 0)
		memcpy(all + 1, rules, n * sizeof(*rules));
	assert_int_equal(pol_dir_publish(s->dir, ALV_STR("acme"), pol_build(&parts)), ALV_OK);
}

static void
open_acls(struct stage *s, enum pol_op right)
{
	stage_open(s, NULL, 0);
	decide(s, POL_AUTHORIZER_ACL, some, ALV_COUNT(some), right);
}

/* What the control thread is asked for. */
static struct con_change *
asked(struct stage *s)
{
	assert_int_equal(stage_send(s), API_WAIT);
	assert_int_equal(s->call.wait, API_WAIT_CHANGE);
	assert_non_null(s->call.change);
	assert_true(s->call.change->native);
	assert_string_equal(s->call.change->actor, "User:alice");
	assert_string_equal(s->call.change->origin, "kafka 192.0.2.1");
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

/* ---- DescribeAcls ------------------------------------------------------------------------------------------- */

#define Q(f) KFK_DESCRIBE_ACLS_REQUEST_##f
#define R(f) KFK_DESCRIBE_ACLS_RESPONSE_##f

static struct kfk_tree *
describe(struct stage *s, int16_t version, int resource, const char *name, int pattern, const char *principal, int op, int permission)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_DESCRIBE_ACLS, version);

	kfk_set_int(q, &q->root, Q(RESOURCE_TYPE_FILTER), resource);
	stage_str(q, Q(RESOURCE_NAME_FILTER), name);
	kfk_set_int(q, &q->root, Q(PATTERN_TYPE_FILTER), pattern);
	stage_str(q, Q(PRINCIPAL_FILTER), principal);
	stage_str(q, Q(HOST_FILTER), NULL);
	kfk_set_int(q, &q->root, Q(OPERATION), op);
	kfk_set_int(q, &q->root, Q(PERMISSION_TYPE), permission);
	return q;
}

static size_t
described(struct stage *s)
{
	struct kfk_tree *r = stage_refused(s);
	size_t		 n = 0;

	assert_int_equal(stage_int(r, R(ERROR_CODE)), 0);
	for (size_t i = 0; i < stage_count(&r->root, R(RESOURCES)); i++)
		n += stage_count(stage_at(&r->root, R(RESOURCES), i), R(RESOURCES_ACLS));
	return n;
}

static void
filters_describe(void **state)
{
	static const struct {
		int	    resource;
		const char *name;
		int	    pattern;
		const char *principal;
		int	    op, permission;
		size_t	    found;
	} rows[] = {
		{ 1, NULL, 1, NULL, 1, 1, 6 },
		{ 2, NULL, 1, NULL, 1, 1, 4 },
		{ 1, "orders", 3, NULL, 1, 1, 3 },		/* literal: also the group */
		{ 2, "orders", 3, NULL, 1, 1, 2 },
		{ 2, "orders", 2, NULL, 1, 1, 4 },		/* whatever is about it */
		{ 2, "other", 2, NULL, 1, 1, 1 },
		{ 2, "or", 4, NULL, 1, 1, 1 },
		{ 2, "or", 1, NULL, 1, 1, 1 },
		{ 1, NULL, 1, "User:bob", 1, 1, 3 },
		{ 1, NULL, 1, NULL, POL_OP_READ, 1, 2 },
		{ 1, NULL, 1, NULL, 1, POL_DENY, 1 },
		{ 1, "", 1, NULL, 1, 1, 0 },			/* an empty name is one that nothing has */
		{ 99, NULL, 1, NULL, 1, 1, 0 },
		{ 1, NULL, -7, NULL, 1, 1, 0 },
		{ 1, NULL, 1, NULL, 99, 1, 0 },
	};
	struct stage s;

	(void)state;
	open_acls(&s, POL_OP_DESCRIBE);
	for (int16_t v = 1; v <= 3; v++)
		for (size_t i = 0; i < ALV_COUNT(rows); i++) {
			describe(&s, v, rows[i].resource, rows[i].name, rows[i].pattern, rows[i].principal, rows[i].op, rows[i].permission);
			assert_int_equal(described(&s), rows[i].found);
		}
	stage_close(&s);
}

static void
patterns_are_told_once(void **state)
{
	struct stage	 s;
	struct kfk_tree *r;
	struct kfk_node *e;

	(void)state;
	open_acls(&s, POL_OP_DESCRIBE);
	describe(&s, 3, 2, "orders", 3, NULL, 1, 1);
	r = stage_refused(&s);
	assert_int_equal(stage_count(&r->root, R(RESOURCES)), 1);
	e = stage_at(&r->root, R(RESOURCES), 0);
	stage_text(kfk_get_str(r, e, R(RESOURCES_RESOURCE_NAME)), "orders");
	assert_int_equal(kfk_get_int(r, e, R(RESOURCES_PATTERN_TYPE)), POL_LITERAL);
	e = stage_at(e, R(RESOURCES_ACLS), 1);
	stage_text(kfk_get_str(r, e, R(RESOURCES_ACLS_PRINCIPAL)), "User:bob");
	stage_text(kfk_get_str(r, e, R(RESOURCES_ACLS_HOST)), "*");
	assert_int_equal(kfk_get_int(r, e, R(RESOURCES_ACLS_OPERATION)), POL_OP_WRITE);
	assert_int_equal(kfk_get_int(r, e, R(RESOURCES_ACLS_PERMISSION_TYPE)), POL_DENY);
	stage_close(&s);
}

static void
who_may_not_describe_learns_nothing(void **state)
{
	struct stage	 s;
	struct kfk_tree *r;

	(void)state;
	open_acls(&s, POL_OP_CREATE);
	for (int none = 0; none < 2; none++) {
		if (none)
			decide(&s, POL_AUTHORIZER_NONE, some, ALV_COUNT(some), POL_OP_CREATE);
		describe(&s, 3, 1, NULL, 1, NULL, 1, 1);
		r = stage_refused(&s);
		assert_int_equal(stage_int(r, R(ERROR_CODE)), none ? KFK_SECURITY_DISABLED : KFK_CLUSTER_AUTHORIZATION_FAILED);
		assert_int_equal(stage_count(&r->root, R(RESOURCES)), 0);
	}
	stage_close(&s);
}
#undef Q
#undef R

/* ---- CreateAcls ---------------------------------------------------------------------------------------------- */

#define Q(f) KFK_CREATE_ACLS_REQUEST_##f
#define R(f) KFK_CREATE_ACLS_RESPONSE_##f

static void
creation(struct kfk_tree *q, struct pol_rule r)
{
	struct kfk_node *e = stage_add(q, &q->root, Q(CREATIONS));

	kfk_set_int(q, e, Q(CREATIONS_RESOURCE_TYPE), r.resource);
	kfk_set_str(q, e, Q(CREATIONS_RESOURCE_NAME), r.name);
	kfk_set_int(q, e, Q(CREATIONS_RESOURCE_PATTERN_TYPE), r.pattern);
	kfk_set_str(q, e, Q(CREATIONS_PRINCIPAL), r.principal);
	kfk_set_str(q, e, Q(CREATIONS_HOST), r.host);
	kfk_set_int(q, e, Q(CREATIONS_OPERATION), r.op);
	kfk_set_int(q, e, Q(CREATIONS_PERMISSION_TYPE), r.permission);
}

static int64_t
code_at(struct kfk_tree *r, size_t i)
{
	return kfk_get_int(r, stage_at(&r->root, R(RESULTS), i), R(RESULTS_ERROR_CODE));
}

static void
each_creation_has_its_outcome(void **state)
{
	struct pol_rule	   r = some[0];
	struct stage	   s;
	struct kfk_tree	  *q, *a;
	struct con_change *ch;

	(void)state;
	open_acls(&s, POL_OP_ALTER);
	for (int16_t v = 1; v <= 3; v++) {
		struct pol_rule bad[] = { r, r, r, r, r, r, r, r, r };

		bad[0].name = ALV_STR("");
		bad[1].resource = POL_CLUSTER;
		bad[2].resource = (enum pol_resource)8;
		bad[3].pattern = (enum pol_pattern)5;
		bad[4].op = (enum pol_op)16;
		bad[5].permission = (enum pol_permission)99;
		bad[6].principal = ALV_STR("bob");
		bad[7].host = ALV_STR("somewhere");
		bad[8].resource = (enum pol_resource)(-1);
		q = stage_begin(&s, KFK_API_CREATE_ACLS, v);
		creation(q, r);
		for (size_t i = 0; i < ALV_COUNT(bad); i++)
			creation(q, bad[i]);
		creation(q, r);
		ch = asked(&s);
		assert_int_equal(ch->op, CON_ACL_CREATE);
		assert_int_equal(ch->rules->n, 2);
		assert_int_equal(pol_rule_cmp(&ch->rules->rule[1], &r), 0);
		a = told(&s, ALV_OK, "");
		assert_int_equal(stage_count(&a->root, R(RESULTS)), 2 + ALV_COUNT(bad));
		assert_true(code_at(a, 0) == 0 && code_at(a, 1 + ALV_COUNT(bad)) == 0);
		for (size_t i = 0; i < ALV_COUNT(bad); i++)
			assert_int_equal(code_at(a, 1 + i), KFK_INVALID_REQUEST);
		stage_text(kfk_get_str(a, stage_at(&a->root, R(RESULTS), 2), R(RESULTS_ERROR_MESSAGE)),
		    "The only valid name for the CLUSTER resource is kafka-cluster");
	}
	stage_close(&s);
}

static void
words_of_filters_refuse_all(void **state)
{
	struct pol_rule	 r[4] = { some[0], some[0], some[0], some[0] };
	struct stage	 s;
	struct kfk_tree *q, *a;

	(void)state;
	open_acls(&s, POL_OP_ALTER);
	r[0].resource = (enum pol_resource)POL_ANY;
	r[1].pattern = (enum pol_pattern)POL_PATTERN_MATCH;
	r[2].op = (enum pol_op)POL_ANY;
	r[3].permission = (enum pol_permission)POL_ANY;
	for (size_t i = 0; i < ALV_COUNT(r); i++) {
		q = stage_begin(&s, KFK_API_CREATE_ACLS, 3);
		creation(q, some[0]);
		creation(q, r[i]);
		a = stage_refused(&s);
		assert_true(code_at(a, 0) == KFK_INVALID_REQUEST && code_at(a, 1) == KFK_INVALID_REQUEST);
	}
	stage_close(&s);
}

static void
failures_have_kafkas_codes(void **state)
{
	static const struct {
		enum alv_err err;
		int16_t	     code;
		bool	     text;
	} rows[] = { { ALV_E_LIMIT, KFK_POLICY_VIOLATION, true }, { ALV_E_FULL, KFK_REQUEST_TIMED_OUT, true },
		{ ALV_E_UNAVAILABLE, KFK_REQUEST_TIMED_OUT, true }, { ALV_E_VALUE, KFK_INVALID_REQUEST, true },
		{ ALV_E_STORE, KFK_UNKNOWN_SERVER_ERROR, false }, { ALV_E_NOMEM, KFK_UNKNOWN_SERVER_ERROR, false } };
	struct stage	 s;
	struct kfk_tree *q, *a;

	(void)state;
	open_acls(&s, POL_OP_ALTER);
	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		q = stage_begin(&s, KFK_API_CREATE_ACLS, 3);
		creation(q, some[0]);
		asked(&s);
		a = told(&s, rows[i].err, "disk /var/lib is full");
		assert_int_equal(code_at(a, 0), rows[i].code);
		assert_int_equal(s.call.error_code, rows[i].code);
		stage_text(kfk_get_str(a, stage_at(&a->root, R(RESULTS), 0), R(RESULTS_ERROR_MESSAGE)), rows[i].text ? "disk /var/lib is full" : NULL);
	}
	stage_close(&s);
}

/* Nothing is asked for where nothing may be, or can be, done. */
static void
refused_creations_ask_for_nothing(void **state)
{
	struct pol_rule	 bad = some[0];
	struct stage	 s;
	struct kfk_tree *q, *a;

	(void)state;
	open_acls(&s, POL_OP_DESCRIBE);
	for (int none = 0; none < 2; none++) {
		if (none)
			decide(&s, POL_AUTHORIZER_NONE, some, ALV_COUNT(some), POL_OP_DESCRIBE);
		q = stage_begin(&s, KFK_API_CREATE_ACLS, 2);
		creation(q, some[0]);
		creation(q, some[1]);
		a = stage_refused(&s);
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(code_at(a, i), none ? KFK_SECURITY_DISABLED : KFK_CLUSTER_AUTHORIZATION_FAILED);
	}
	decide(&s, POL_AUTHORIZER_ACL, some, ALV_COUNT(some), POL_OP_ALTER);
	bad.name = ALV_STR("");
	q = stage_begin(&s, KFK_API_CREATE_ACLS, 2);
	creation(q, bad);
	assert_int_equal(code_at(stage_refused(&s), 0), KFK_INVALID_REQUEST);
	q = stage_begin(&s, KFK_API_CREATE_ACLS, 2);
	kfk_set_empty(q, &q->root, Q(CREATIONS));
	a = stage_refused(&s);
	assert_int_equal(stage_count(&a->root, R(RESULTS)), 0);
	stage_close(&s);
}

/* The call may end while the change is away, and after it came back. */
static void
calls_end_with_their_change(void **state)
{
	struct stage	 s;
	struct kfk_tree *q;

	(void)state;
	open_acls(&s, POL_OP_ALTER);
	q = stage_begin(&s, KFK_API_CREATE_ACLS, 3);
	creation(q, some[0]);
	asked(&s);
	api_call_fini(&s.call);
	assert_null(s.call.change);
	q = stage_begin(&s, KFK_API_CREATE_ACLS, 3);
	creation(q, some[0]);
	asked(&s);
	assert_int_equal(pol_dir_publish(s.dir, ALV_STR("acme"), NULL), ALV_OK);
	assert_int_equal(api_resume(&s.call), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_TENANT_GONE);
	stage_close(&s);
}
#undef Q
#undef R

/* ---- DeleteAcls ----------------------------------------------------------------------------------------------- */

#define Q(f) KFK_DELETE_ACLS_REQUEST_##f
#define R(f) KFK_DELETE_ACLS_RESPONSE_##f

static void
filter(struct kfk_tree *q, int resource, const char *name, int pattern, int op)
{
	struct kfk_node *e = stage_add(q, &q->root, Q(FILTERS));

	kfk_set_int(q, e, Q(FILTERS_RESOURCE_TYPE_FILTER), resource);
	kfk_set_str(q, e, Q(FILTERS_RESOURCE_NAME_FILTER), name == NULL ? ALV_STR_NULL : alv_str_of(name));
	kfk_set_int(q, e, Q(FILTERS_PATTERN_TYPE_FILTER), pattern);
	kfk_set_str(q, e, Q(FILTERS_PRINCIPAL_FILTER), ALV_STR_NULL);
	kfk_set_str(q, e, Q(FILTERS_HOST_FILTER), ALV_STR_NULL);
	kfk_set_int(q, e, Q(FILTERS_OPERATION), op);
	kfk_set_int(q, e, Q(FILTERS_PERMISSION_TYPE), 1);
}

/* As the control thread does it. */
static void
delete_them(struct con_change *ch)
{
	assert_int_equal(ch->op, CON_ACL_DELETE);
	assert_int_equal(ch->rules->n, 0);
	for (size_t i = 0; i < ALV_COUNT(some); i++)
		for (size_t k = 0; k < ch->nfilters; k++)
			if (pol_filter_fits(&ch->filters[k], &some[i])) {
				assert_int_equal(pol_rules_add(ch->rules, &some[i]), ALV_OK);
				break;
			}
}

static void
each_filter_is_told_what_it_fitted(void **state)
{
	struct stage	 s;
	struct kfk_tree *q, *a;
	struct kfk_node *e;

	(void)state;
	open_acls(&s, POL_OP_ALTER);
	for (int16_t v = 1; v <= 3; v++) {
		q = stage_begin(&s, KFK_API_DELETE_ACLS, v);
		filter(q, POL_TOPIC, "orders", 2, 1);		/* MATCH: four of them */
		filter(q, 99, NULL, 1, 1);
		filter(q, 1, NULL, 1, 99);
		filter(q, 1, NULL, POL_PREFIXED, 1);		/* one, and that one again */
		delete_them(asked(&s));
		a = told(&s, ALV_OK, "");
		assert_int_equal(stage_count(&a->root, R(FILTER_RESULTS)), 4);
		for (size_t i = 0; i < 4; i++) {
			e = stage_at(&a->root, R(FILTER_RESULTS), i);
			assert_int_equal(kfk_get_int(a, e, R(FILTER_RESULTS_ERROR_CODE)), i == 1 || i == 2 ? KFK_INVALID_REQUEST : 0);
			assert_int_equal(stage_count(e, R(FILTER_RESULTS_MATCHING_ACLS)), i == 0 ? 4 : i == 3 ? 1 : 0);
		}
		e = stage_at(e, R(FILTER_RESULTS_MATCHING_ACLS), 0);
		stage_text(kfk_get_str(a, e, R(FILTER_RESULTS_MATCHING_ACLS_RESOURCE_NAME)), "or");
		stage_text(kfk_get_str(a, e, R(FILTER_RESULTS_MATCHING_ACLS_PRINCIPAL)), "User:carol");
		assert_int_equal(kfk_get_int(a, e, R(FILTER_RESULTS_MATCHING_ACLS_OPERATION)), POL_OP_ALL);
		assert_int_equal(kfk_get_int(a, e, R(FILTER_RESULTS_MATCHING_ACLS_PERMISSION_TYPE)), POL_ALLOW);
		stage_text(kfk_get_str(a, e, R(FILTER_RESULTS_MATCHING_ACLS_ERROR_MESSAGE)), NULL);
	}
	stage_close(&s);
}

/* Far more than a turn tells: each filter has its own all the same, in order, and the change is there until the last is told. */
static void
many_deletions_are_told_in_parts(void **state)
{
	struct con_change *ch;
	struct stage	   s;
	struct kfk_tree	  *q, *a;
	enum api_result	   result;
	int		   parts = 1;

	(void)state;
	open_acls(&s, POL_OP_ALTER);
	q = stage_begin(&s, KFK_API_DELETE_ACLS, 3);
	filter(q, 1, NULL, 1, 1);
	filter(q, 1, "t7", 1, 1);
	filter(q, 99, NULL, 1, 1);
	filter(q, 1, NULL, 1, POL_OP_READ);
	ch = asked(&s);
	for (int i = 0; i < 1200; i++) {
		struct pol_rule r = some[0];
		char		name[16];

		snprintf(name, sizeof(name), "t%d", i);
		r.name = alv_str_of(name);
		assert_int_equal(pol_rules_add(ch->rules, &r), ALV_OK);
	}
	for (result = api_resume(&s.call); result == API_WAIT; result = api_resume(&s.call)) {
		assert_int_equal(s.call.wait, API_WAIT_TIME);
		assert_ptr_equal(s.call.change, ch);
		parts++;
	}
	assert_int_equal(result, API_ANSWER);
	assert_null(s.call.change);
	assert_in_range(parts, 5, 7);
	a = stage_client(&s);
	for (size_t i = 0; i < 4; i++) {
		struct kfk_node *e = stage_at(&a->root, R(FILTER_RESULTS), i);
		size_t		 n = stage_count(e, R(FILTER_RESULTS_MATCHING_ACLS));

		assert_int_equal(kfk_get_int(a, e, R(FILTER_RESULTS_ERROR_CODE)), i == 2 ? KFK_INVALID_REQUEST : 0);
		assert_int_equal(n, i == 1 ? 1 : i == 2 ? 0 : 1200);
		if (i != 2)
			stage_text(kfk_get_str(a, stage_at(e, R(FILTER_RESULTS_MATCHING_ACLS), n - 1), R(FILTER_RESULTS_MATCHING_ACLS_RESOURCE_NAME)),
			    i == 1 ? "t7" : "t1199");
	}
	stage_close(&s);
}

/* More than may hold up the others: nothing of it is looked at. */
static void
too_many_filters_in_one_request(void **state)
{
	struct stage	 s;
	struct kfk_tree *q, *a;

	(void)state;
	open_acls(&s, POL_OP_ALTER);
	q = stage_begin(&s, KFK_API_DELETE_ACLS, 3);
	for (int i = 0; i <= POL_RULES_ALTER_MAX; i++)
		filter(q, 1, NULL, 1, 1);
	a = stage_refused(&s);
	assert_int_equal(stage_count(&a->root, R(FILTER_RESULTS)), POL_RULES_ALTER_MAX + 1);
	for (size_t i = 0; i <= POL_RULES_ALTER_MAX; i += POL_RULES_ALTER_MAX)
		assert_int_equal(kfk_get_int(a, stage_at(&a->root, R(FILTER_RESULTS), i), R(FILTER_RESULTS_ERROR_CODE)), KFK_POLICY_VIOLATION);
	stage_close(&s);
}

static void
deletions_may_be_refused(void **state)
{
	struct stage	 s;
	struct kfk_tree *q, *a;

	(void)state;
	open_acls(&s, POL_OP_DESCRIBE);
	for (int how = 0; how < 3; how++) {
		if (how > 0)
			decide(&s, how == 1 ? POL_AUTHORIZER_NONE : POL_AUTHORIZER_ACL, some, ALV_COUNT(some), POL_OP_ALTER);
		q = stage_begin(&s, KFK_API_DELETE_ACLS, 3);
		filter(q, 1, NULL, 1, 1);
		filter(q, 1, NULL, 1, 1);
		if (how == 2)
			asked(&s);
		a = how == 2 ? told(&s, ALV_E_STORE, "") : stage_refused(&s);
		for (size_t i = 0; i < 2; i++) {
			struct kfk_node *e = stage_at(&a->root, R(FILTER_RESULTS), i);

			assert_int_equal(kfk_get_int(a, e, R(FILTER_RESULTS_ERROR_CODE)), how == 0 ? KFK_CLUSTER_AUTHORIZATION_FAILED :
			    how == 1 ? KFK_SECURITY_DISABLED : KFK_UNKNOWN_SERVER_ERROR);
			assert_int_equal(stage_count(e, R(FILTER_RESULTS_MATCHING_ACLS)), 0);
		}
	}
	stage_close(&s);
}

/* A filter that fits nothing because it says nothing is a message that no broker can read. */
static void
zeros_end_the_connection(void **state)
{
	struct stage s;

	(void)state;
	open_acls(&s, POL_OP_ALL);
	filter(stage_begin(&s, KFK_API_DELETE_ACLS, 3), 0, NULL, 1, 1);
	assert_int_equal(stage_send(&s), API_CLOSE);
	assert_int_equal(s.call.close, MET_CLOSE_FRAME_MALFORMED);
	filter(stage_begin(&s, KFK_API_DELETE_ACLS, 3), 1, NULL, 1, 0);
	assert_int_equal(stage_send(&s), API_CLOSE);
	describe(&s, 3, 1, NULL, 0, NULL, 1, 1);
	assert_int_equal(stage_send(&s), API_CLOSE);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_describe),
		cmocka_unit_test(patterns_are_told_once),
		cmocka_unit_test(who_may_not_describe_learns_nothing),
		cmocka_unit_test(each_creation_has_its_outcome),
		cmocka_unit_test(words_of_filters_refuse_all),
		cmocka_unit_test(failures_have_kafkas_codes),
		cmocka_unit_test(refused_creations_ask_for_nothing),
		cmocka_unit_test(calls_end_with_their_change),
		cmocka_unit_test(each_filter_is_told_what_it_fitted),
		cmocka_unit_test(many_deletions_are_told_in_parts), cmocka_unit_test(too_many_filters_in_one_request),
		cmocka_unit_test(deletions_may_be_refused),
		cmocka_unit_test(zeros_end_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
