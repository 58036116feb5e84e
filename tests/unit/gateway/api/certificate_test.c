/* Logins by certificates: rules as Kafka's, and whose a certificate may be. */
#include "group_stage.h"

#include <alcove/regex.h>

/* A connection that has not said anything, at a tenant's endpoint ("": shared by all). */
static void
begin(struct stage *s, const char *tenant)
{
	s->conn.auth = API_AUTH_NONE;
	s->conn.certified = false;
	s->conn.user[0] = s->conn.principal[0] = '\0';
	snprintf(s->conn.tenant, sizeof(s->conn.tenant), "%s", tenant);
}

static void
rules_make_users(void **state)
{
	static const char dn[] = "CN=Alice Smith,OU=Dev/Ops,O=Acme,C=DE";
	static const struct { const char *rules, *name, *user; } rows[] = {
		{ "DEFAULT", dn, dn },
		{ "  DEFAULT  ", dn, dn },
		{ "RULE:^CN=([^,]+),.*$/$1/", dn, "Alice Smith" },
		{ "RULE:CN=(.*?),OU=(.*?),.*/$1@$2/L", dn, "alice smith@dev/ops" },
		{ "RULE:CN=(.*?),OU=(.*?),.*/$2-$1/U,DEFAULT", dn, "DEV/OPS-ALICE SMITH" },
		{ "RULE:^CN=bob/x/, RULE:.*O=Acme.*/member/", dn, "member" },
		{ "RULE:^CN=Alice/part of it/,DEFAULT", dn, dn },	/* the whole name, or it is not the rule's */
		{ "RULE:.*OU=Dev\\/Ops.*/a\\/b\\$1/", dn, "a/b$1" },
		{ "RULE:.*/$7/", dn, "$7" },				/* no such group */
		{ "RULE:(.)(.)?.*/$1$2$3/", "x", "x$3" },		/* one that took no part is nothing */
		{ "RULE:.*/price $/", dn, "price $" },
		{ "RULE:.*/x/,", dn, "x" },
		{ "RULE:CN=.*,O=Other/y/", dn, NULL },
		{ "RULE:.*//", dn, NULL },				/* nobody */
		{ "RULE:.*/*/", dn, NULL },				/* everybody */
		{ "DEFAULT", "a\nb", NULL },
		{ "DEFAULT", "a\xff", NULL },
		{ "DEFAULT", "", NULL }, { "DEFAULT", "*", NULL }, { "DEFAULT", "a\x7f", NULL }, { "DEFAULT", "a\xc2\x85-b", NULL },
	};
	struct stage s;
	const char  *why;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		bool in;

		begin(&s, "acme");
		in = api_certificate_login(&s.conn, rows[i].rules, alv_str_of(rows[i].name), true, &why);
		if (in != (rows[i].user != NULL) || (in && strcmp(s.conn.user, rows[i].user) != 0))
			fail_msg("%s: %s", rows[i].rules, in ? s.conn.user : why);
		if (!in)
			assert_int_equal(s.conn.auth, API_AUTH_NONE);
	}
	begin(&s, "acme");
	assert_true(api_certificate_login(&s.conn, "DEFAULT", ALV_STR("nobody in the store"), true, &why));
	assert_string_equal(s.conn.principal, "User:nobody in the store");
	assert_int_equal(s.conn.auth, API_AUTH_DONE);
	stage_close(&s);
}

/* An authority that several tenants have in common speaks for none of them: the name has to say whose it is. */
static void
whose_it_is(void **state)
{
	static const struct { const char *endpoint, *name; bool own, in; } rows[] = {
		{ "acme", "alice", true, true }, { "acme", "x/y", true, true }, { "acme", "alice", false, false },
		{ "acme", "acme/alice", false, true }, { "acme", "globex/alice", false, false }, { "", "acme/alice", false, true },
		{ "", "alice", false, false }, { "", "/alice", false, false }, { "", "nowhere/alice", false, false }, { "acme", "acme/", false, false },
		{ "acme", "ACME/alice", false, false }, { "", "acme.x/alice", false, false }, { "nowhere", "alice", true, false },
	};
	struct stage s;
	const char  *why = NULL;

	(void)state;
	stage_open(&s, NULL, 0);
	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		begin(&s, rows[i].endpoint);
		if (api_certificate_login(&s.conn, "DEFAULT", alv_str_of(rows[i].name), rows[i].own, &why) != rows[i].in)
			fail_msg("%s at %s: %s", rows[i].name, rows[i].endpoint, why);
		if (rows[i].in)
			assert_string_equal(s.conn.tenant, "acme");
	}
	stage_close(&s);
}

static void
publish(struct stage *s, enum pol_tenant_state state, bool enabled)
{
	struct pol_user	 user = { .name = ALV_STR("bob"), .revision = 9, .enabled = enabled };
	struct pol_parts parts = { .id = ALV_STR("acme"), .display_name = ALV_STR("acme"), .state = state, .revision = 2,
		.cluster_id = "acme-cluster-id-22char", .users = &user, .nusers = 1 };

	assert_int_equal(pol_dir_publish(s->dir, ALV_STR("acme"), pol_build(&parts)), ALV_OK);
}

static void
who_is_disabled_stays_outside(void **state)
{
	struct stage   s;
	const char    *why;
	enum met_close closed;

	(void)state;
	stage_open(&s, NULL, 0);
	publish(&s, POL_ACTIVE, true);
	begin(&s, "acme");
	assert_true(api_certificate_login(&s.conn, "DEFAULT", ALV_STR("bob"), true, &why));
	assert_true(api_conn_check(&s.conn, &closed));
	publish(&s, POL_ACTIVE, false);
	assert_false(api_conn_check(&s.conn, &closed));
	assert_int_equal(closed, MET_CLOSE_USER_CHANGED);
	begin(&s, "acme");
	assert_false(api_certificate_login(&s.conn, "DEFAULT", ALV_STR("bob"), true, &why));
	assert_true(api_certificate_login(&s.conn, "DEFAULT", ALV_STR("carol"), true, &why));
	publish(&s, POL_SUSPENDED, true);
	assert_false(api_conn_check(&s.conn, &closed));
	begin(&s, "acme");
	assert_false(api_certificate_login(&s.conn, "DEFAULT", ALV_STR("carol"), true, &why));
	assert_int_equal(s.conn.auth, API_AUTH_NONE);
	stage_close(&s);
}

static void
rules_are_checked(void **state)
{
	static const struct { const char *rules, *words; } rows[] = {
		{ "DEFAULT", NULL }, { "RULE:a/b/,RULE:c\\/d/e/L , DEFAULT", NULL }, { "RULE:a/b/U\n,DEFAULT\n", NULL },
		{ "", "expected DEFAULT" }, { "  ", "expected DEFAULT" }, { "default", "found \"default\"" }, { "RULE:a/b", "found \"RULE:a/b\"" },
		{ "RULE:a", "found" }, { "RULE:a/b/X", "found" }, { "RULE:a/b/ RULE:c/d/", "found" }, { "DEFAULT,x", "found \"x\"" },
		{ "DEFAULT,RULE:(/b/", "rule 2: the pattern \"(\" is not taken: missing )" }, { "RULE:(?<=x)y/z/", "rule 1" },
		{ "RULE:((((x{100}){100}){100}){100})/z/", "rule 1" },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(rows); i++) {
		struct alv_buf b;

		alv_buf_init(&b, 8192);
		if (api_certificate_rules(rows[i].rules, &b) != (rows[i].words == NULL))
			fail_msg("\"%s\": %.*s", rows[i].rules, (int)b.n, (const char *)b.p);
		alv_buf_byte(&b, 0);
		if (rows[i].words != NULL && strstr((const char *)b.p, rows[i].words) == NULL)
			fail_msg("\"%s\": %s", rows[i].rules, (const char *)b.p);
		alv_buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_make_users),
		cmocka_unit_test(whose_it_is),
		cmocka_unit_test(who_is_disabled_stays_outside),
		cmocka_unit_test(rules_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
