/* Changes without threads: what is refused and in which words, what is written, what is published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/meter.h>
#include <alcove/str.h>

#include "control/change.h"
#include "state/store_int.h"
#include "tests/unit/gateway/control/world.h"

static void
publish_topics(struct world *w, const char *name)
{
	const struct clu_topic topic = { .name = alv_str_of(name), .partitions = 1 };
	const struct clu_view  v = { .cluster_id = ALV_STR("c"), .controller_id = -1, .ntopics = 1, .topics = &topic };

	clu_board_publish(w->board, clu_view_build(&v));
}

static void
ids_are_judged(void **state)
{
	static const struct { const char *id, *words; } bad[] = {
		{ "", "expected 1 to 32" }, { "Acme", "expected 1 to 32" }, { "a_b", "expected" }, { "a.b", "expected" },
		{ "-a", "expected" }, { "a-", "expected" }, { "a23456789012345678901234567890123", "expected" },
		{ "admin", "reserved" }, { "alcove", "reserved" }, { "localhost", "reserved" }, { "b3", "reserved" },
		{ "b3-x", "reserved" }, { "\x1b[2J", "found the tenant id \"\"" },
	};

	for (size_t i = 0; i < ALV_COUNT(bad); i++)
		refused(*state, adopting(bad[i].id), ALV_E_NAME, bad[i].words);
}

/* What a listener's patterns make of an id counts as well. */
static void
ids_fit_the_listeners(void **state)
{
	static struct pol_listener l[2] = { { .name = "by-port", .endpoint = POL_ENDPOINT_PORT }, { .name = "hosts" } };
	static struct pol_config   conf = { .listeners = l, .nlisteners = 2 };
	struct world		  *w = *state;
	const char		  *expected;

	assert_int_equal(ten_pattern_parse(ALV_STR("$(tenant).k.test"), TEN_TENANT, &l[1].hosts.bootstrap, &expected), ALV_OK);
	assert_int_equal(ten_pattern_parse(ALV_STR("$(tenant)-$(node).k.test"), TEN_TENANT | TEN_NODE, &l[1].hosts.node, &expected), ALV_OK);
	w->core.conf = &conf;
	refused(w, adopting("acme-3"), ALV_E_NAME, "at the listener hosts its bootstrap host would be");
	ok(w, adopting("acme-03"));
	w->core.conf = NULL;
	ok(w, adopting("acme-3"));
}

static struct con_change
with_own(struct con_change c, const char *bootstrap, const char *pattern)
{
	c.own_set = true;
	if (bootstrap == NULL)
		return c;
	snprintf(c.own[c.nown].bootstrap, sizeof(c.own[0].bootstrap), "%s", bootstrap);
	snprintf(c.own[c.nown++].node_pattern, sizeof(c.own[0].node_pattern), "%s", pattern);
	return c;
}

static struct con_change
giving(const char *id, const char *bootstrap, const char *pattern)
{
	struct con_change c = with_own(kit_change(CON_TENANT_UPDATE, id), bootstrap, pattern);

	c.keep_display_name = true;
	return c;
}

static const char *
owner(struct world *w, const char *host)
{
	static char	      text[64];
	struct pol_slot	     *slot;
	const struct ten_own *own;
	int32_t		      node;

	if (!pol_dir_find_host(w->core.dir, alv_str_of(host), &slot, &own, &node))
		return "nobody";
	snprintf(text, sizeof(text), "%.*s %d", ALV_STR_ARG(pol_slot_id(slot)), (int)node);
	return text;
}

static void
own_host_names(void **state)
{
	struct world *w = *state;

	ok(w, with_own(adopting("acme"), "kafka.ACME.com", "b$(node)-Kafka.acme.com"));
	assert_string_equal(owner(w, "kafka.acme.com"), "acme -1");
	assert_string_equal(owner(w, "b7-kafka.acme.com"), "acme 7");
	w->published = 0;
	ok(w, giving("acme", "Kafka.acme.com", "b$(node)-kafka.acme.com"));	/* the same again: nothing happens */
	assert_int_equal(w->published, 0);
	ok(w, adopting("globex"));
	refused(w, giving("globex", "kafka.acme.com", "b$(node).globex.com"), ALV_E_CONFLICT, "in common with those of tenant acme");
	refused(w, giving("globex", "b3-kafka.acme.com", "b$(node).globex.com"), ALV_E_CONFLICT, "in common with those of tenant acme");
	refused(w, giving("globex", "kafka.globex.com", "b$(node)-kafka.acme.com"), ALV_E_CONFLICT, "in common with");
	refused(w, giving("globex", "kafka", "b$(node).globex.com"), ALV_E_VALUE, "hostNames[0].bootstrap: expected a host name");
	refused(w, with_own(giving("globex", "k.globex.com", "b$(node).globex.com"), "l.globex.com", "b.globex.com"), ALV_E_VALUE,
	    "hostNames[1].nodePattern: expected a host name with $(node)");
	refused(w, with_own(giving("globex", "k.globex.com", "b$(node).globex.com"), "b1.globex.com", "x$(node).globex.com"),
	    ALV_E_VALUE, "hostNames[0] and hostNames[1] have a host in common");
	ok(w, with_own(giving("globex", "k.globex.com", "b$(node).globex.com"), "k.globex.org", "b$(node).globex.org"));
	assert_string_equal(owner(w, "b2.globex.org"), "globex 2");
	assert_true(alv_str_eqz(tenant(w, "globex")->display_name, "globex"));
	ok(w, kit_change(CON_TENANT_SUSPEND, "acme"));
	assert_string_equal(owner(w, "kafka.acme.com"), "nobody");
	refused(w, giving("globex", "kafka.acme.com", "b$(node).globex.com"), ALV_E_CONFLICT, "tenant acme");	/* still acme's */
	ok(w, kit_change(CON_TENANT_RESUME, "acme"));
	assert_string_equal(owner(w, "kafka.acme.com"), "acme -1");
	ok(w, kit_change(CON_TENANT_DELETE, "acme"));
	assert_string_equal(owner(w, "kafka.acme.com"), "nobody");
	ok(w, giving("globex", "kafka.acme.com", "b$(node)-kafka.acme.com"));
	assert_string_equal(owner(w, "b7-kafka.acme.com"), "globex 7");
	assert_string_equal(owner(w, "b2.globex.org"), "nobody");
	close_world(w);
	open_world(w);	/* as after a restart */
	assert_string_equal(owner(w, "b7-kafka.acme.com"), "globex 7");
	ok(w, giving("globex", NULL, NULL));
	assert_string_equal(owner(w, "kafka.acme.com"), "nobody");
}

static void
own_host_names_are_not_the_listeners(void **state)
{
	static struct pol_listener l[2] = { { .name = "by-port", .endpoint = POL_ENDPOINT_PORT }, { .name = "hosts" } };
	static struct pol_config   conf = { .listeners = l, .nlisteners = 2 };
	struct world		  *w = *state;
	struct alv_arena	   a;

	alv_arena_init(&a, 4096);
	assert_int_equal(ten_hosts_below(&l[1].hosts, &a, ALV_STR("kafka.test")), ALV_OK);
	w->core.conf = &conf;
	refused(w, with_own(adopting("acme"), "globex.kafka.test", "b$(node).acme.com"), ALV_E_CONFLICT, "a domain of the listener hosts");
	refused(w, with_own(adopting("acme"), "kafka.acme.com", "b$(node)-globex.kafka.test"), ALV_E_CONFLICT, "a domain of the listener");
	refused(w, with_own(adopting("acme"), "kafka.test", "b$(node).acme.com"), ALV_E_CONFLICT, "a domain of the listener");
	ok(w, with_own(adopting("acme"), "kafka.acme.test", "b$(node).acme.test"));
	w->core.conf = NULL;
	alv_arena_fini(&a);
}

/* ---- who decides ------------------------------------------------------------------------------------------ */

static struct con_change
with_access(enum con_op op, enum pol_authorizer authorizer, const char *super)
{
	struct con_change c = kit_change(op, "acme");

	c.adopt_prefix = c.keep_display_name = c.authorizer_set = c.supers_set = true;
	c.authorizer = authorizer;
	if (super != NULL)
		snprintf(c.supers[c.nsupers++], sizeof(c.supers[0]), "%s", super);
	return c;
}

static void
authorizers_and_super_users(void **state)
{
	struct world	 *w = *state;
	struct con_change c;

	refused(w, with_access(CON_TENANT_CREATE, POL_AUTHORIZER_ACL, "root"), ALV_E_VALUE, "superUsers[0]: expected User:<name>");
	refused(w, with_access(CON_TENANT_CREATE, POL_AUTHORIZER_ACL, "User:*"), ALV_E_VALUE, "superUsers[0]");
	refused(w, with_access(CON_TENANT_CREATE, POL_AUTHORIZER_ACL, "User:"), ALV_E_VALUE, "superUsers[0]");
	refused(w, with_access(CON_TENANT_CREATE, POL_AUTHORIZER_ACL, "User:a\tb"), ALV_E_VALUE, "superUsers[0]");
	c = with_access(CON_TENANT_CREATE, POL_AUTHORIZER_ACL, "User:a");
	snprintf(c.supers[c.nsupers++], sizeof(c.supers[0]), "User:a");
	refused(w, c, ALV_E_VALUE, "superUsers[0] and superUsers[1] are the same");
	c.nsupers = POL_SUPERS_MAX + 1;
	refused(w, c, ALV_E_LENGTH, "expected at most 16");
	ok(w, with_access(CON_TENANT_CREATE, POL_AUTHORIZER_ACL, "User:a"));
	assert_true(tenant(w, "acme")->authorizer == POL_AUTHORIZER_ACL && tenant(w, "acme")->nsupers == 1);
	w->published = 0;
	ok(w, with_access(CON_TENANT_UPDATE, POL_AUTHORIZER_ACL, "User:a"));	/* as it is */
	c = kit_change(CON_TENANT_UPDATE, "acme");				/* says nothing of it */
	c.keep_display_name = true;
	ok(w, c);
	assert_int_equal(w->published, 0);
	c.everyone_set = c.everyone_if_no_acl = true;
	ok(w, c);
	assert_true(tenant(w, "acme")->everyone_if_no_acl && tenant(w, "acme")->nsupers == 1);
	ok(w, with_access(CON_TENANT_UPDATE, POL_AUTHORIZER_ACL, "User:b"));
	assert_true(alv_str_eqz(tenant(w, "acme")->supers[0], "User:b"));
	ok(w, with_access(CON_TENANT_UPDATE, POL_AUTHORIZER_NONE, NULL));
	assert_true(tenant(w, "acme")->authorizer == POL_AUTHORIZER_NONE && tenant(w, "acme")->nsupers == 0);
	close_world(w);
	open_world(w);
	assert_true(tenant(w, "acme")->authorizer == POL_AUTHORIZER_NONE && tenant(w, "acme")->everyone_if_no_acl);
}

static void
topics_that_are_asked_for(void **state)
{
	static const struct { int32_t partitions, replication_factor; const char *words; } bad[] = {
		{ 0, 1, "autoCreatePartitions: found 0, expected 1 to 10000, or -1" }, { -2, 1, "autoCreatePartitions" },
		{ 10001, 1, "autoCreatePartitions" }, { 1, 0, "autoCreateReplicationFactor: found 0" }, { 1, 32768, "autoCreateReplicationFactor" },
	};
	struct world	 *w = *state;
	struct con_change c = kit_change(CON_TENANT_CREATE, "acme");

	c.auto_partitions_set = c.auto_replication_set = true;
	for (size_t i = 0; i < ALV_COUNT(bad); i++) {
		c.auto_create = (struct pol_auto_create){ false, bad[i].partitions, bad[i].replication_factor };
		refused(w, c, ALV_E_RANGE, bad[i].words);
	}
	ok(w, kit_change(CON_TENANT_CREATE, "acme"));
	assert_true(!tenant(w, "acme")->auto_create.on && tenant(w, "acme")->auto_create.partitions == -1);
	c = kit_change(CON_TENANT_UPDATE, "acme");
	c.keep_display_name = c.auto_set = c.auto_partitions_set = true;
	c.auto_create = (struct pol_auto_create){ true, 6, 9 };
	ok(w, c);
	assert_true(tenant(w, "acme")->auto_create.on && tenant(w, "acme")->auto_create.partitions == 6);
	assert_int_equal(tenant(w, "acme")->auto_create.replication_factor, -1);	/* was not said */
	w->published = 0;
	ok(w, c);
	assert_int_equal(w->published, 0);	/* as it is */
	close_world(w);
	open_world(w);
	assert_true(tenant(w, "acme")->auto_create.on && tenant(w, "acme")->auto_create.partitions == 6);
}

/* ---- ACLs -------------------------------------------------------------------------------------------------- */

static const struct pol_rule allow_orders = { POL_TOPIC, POL_LITERAL, ALV_STR("orders"), ALV_STR("User:a"), ALV_STR("*"), POL_OP_READ,
	POL_ALLOW };

/* Applies c with these rules; they are freed, c's result is kept. */
static struct con_change
with_rules(struct world *w, struct con_change c, const struct pol_rule *r, size_t n)
{
	c.rules = pol_rules_new();
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pol_rules_add(c.rules, &r[i]), ALV_OK);
	c = done(w, c);
	pol_rules_free(c.rules);
	c.rules = NULL;
	return c;
}

static void
acls_come_and_go(void **state)
{
	struct world	 *w = *state;
	struct pol_rule	  r[3] = { allow_orders, allow_orders, allow_orders };
	struct pol_filter f[2] = { { .name = ALV_STR("nothing") }, { .name = ALV_STR("none"), .op = POL_OP_READ } };
	struct con_change c, filter;

	ok(w, adopting("acme"));
	r[1].name = ALV_STR("other");
	r[2] = r[0];	/* twice in one request */
	c = with_rules(w, kit_change(CON_ACL_CREATE, "acme"), r, 3);
	assert_true(c.err == ALV_OK && c.changed == 2 && c.revision == tenant(w, "acme")->revision);
	assert_int_equal(tenant(w, "acme")->nrules, 2);
	w->published = 0;
	c = with_rules(w, kit_change(CON_ACL_CREATE, "acme"), r, 3);	/* again */
	assert_true(c.err == ALV_OK && c.changed == 0 && w->published == 0 && c.revision == tenant(w, "acme")->revision);
	filter = kit_change(CON_ACL_DELETE, "acme");
	filter.filters = f;
	assert_int_equal(with_rules(w, filter, NULL, 0).err, ALV_E_VALUE);	/* no filter is no filter that fits all */
	filter.nfilters = 2;
	c = with_rules(w, filter, NULL, 0);
	assert_true(c.err == ALV_OK && c.changed == 0 && w->published == 0);
	f[1].name = ALV_STR("orders");	/* one that fits is enough */
	filter.if_revision = 1;
	assert_int_equal(with_rules(w, filter, NULL, 0).err, ALV_E_STALE);
	filter.if_revision = tenant(w, "acme")->revision;
	filter.rules = pol_rules_new();
	con_apply(&w->core, &filter, NULL);
	assert_true(filter.err == ALV_OK && filter.changed == 1 && filter.rules->n == 1);
	assert_true(pol_rule_cmp(&filter.rules->rule[0], &allow_orders) == 0);
	pol_rules_free(filter.rules);
	assert_int_equal(tenant(w, "acme")->nrules, 1);
	close_world(w);
	open_world(w);
	assert_true(alv_str_eqz(tenant(w, "acme")->rules[0].name, "other"));
}

/* Each filter would be told each of them: that has an end, as with a broker, and nothing is deleted. */
static void
filters_fit_so_many_at_most(void **state)
{
	struct world	 *w = *state;
	struct pol_rule	  r[101];
	struct pol_filter f[100] = { { .op = POL_OP_READ } };
	char		  names[101][8];
	struct con_change c = kit_change(CON_ACL_DELETE, "acme");

	ok(w, adopting("acme"));
	for (size_t i = 0; i < ALV_COUNT(r); i++) {
		r[i] = allow_orders;
		snprintf(names[i], sizeof(names[i]), "t%zu", i);
		r[i].name = alv_str_of(names[i]);
	}
	assert_int_equal(with_rules(w, kit_change(CON_ACL_CREATE, "acme"), r, ALV_COUNT(r)).err, ALV_OK);
	for (size_t i = 0; i < ALV_COUNT(f); i++)
		f[i] = (struct pol_filter){ .resource = POL_ANY, .pattern = POL_ANY, .op = POL_ANY, .permission = POL_ANY };
	c.filters = f;
	c.nfilters = 100;
	c.rules = pol_rules_new();
	con_apply(&w->core, &c, NULL);
	assert_int_equal(c.err, ALV_E_LIMIT);
	assert_non_null(strstr(c.detail, "the filters fit 10100 ACLs"));
	assert_int_equal(tenant(w, "acme")->nrules, ALV_COUNT(r));
	c.nfilters = 99;
	con_apply(&w->core, &c, NULL);
	assert_true(c.err == ALV_OK && c.rules->n == ALV_COUNT(r) && tenant(w, "acme")->nrules == 0);
	pol_rules_free(c.rules);
}

/* What a tenant's client changes takes room from what it changed before; what is not made, or by an administrator, takes none. */
static void
native_changes_share_a_bound(void **state)
{
	struct world	 *w = *state;
	struct pol_rule	  r[3] = { allow_orders, allow_orders, allow_orders };
	struct con_change c = kit_change(CON_ACL_CREATE, "acme");
	int64_t		  before = met_process_read(MET_AUDIT_DROPPED);

	ok(w, adopting("acme"));
	w->core.audit_native_rows = 2;
	r[1].name = ALV_STR("other");
	r[2].name = ALV_STR("third");
	assert_int_equal(with_rules(w, c, r, 1).err, ALV_OK);
	c.native = true;
	assert_int_equal(with_rules(w, c, r, 3).changed, 2);
	assert_int_equal(met_process_read(MET_AUDIT_DROPPED), before);
	assert_int_equal(with_rules(w, c, r, 3).changed, 0);
	r[0].name = ALV_STR("fourth");
	assert_int_equal(sto_exec(w->core.store, "PRAGMA query_only = ON"), ALV_OK);
	assert_int_equal(with_rules(w, c, r, 1).err, ALV_E_STORE);
	assert_int_equal(sto_exec(w->core.store, "PRAGMA query_only = OFF"), ALV_OK);
	assert_int_equal(met_process_read(MET_AUDIT_DROPPED), before);
	assert_int_equal(with_rules(w, c, r, 1).changed, 1);
	assert_int_equal(met_process_read(MET_AUDIT_DROPPED), before + 1);
}

/* A request may bring filters without end while there are few ACLs, and thousands may have come before it is looked at. */
static void
filters_times_acls(void **state)
{
	enum { N = (1 << 19) + 1 };
	struct world	  *w = *state;
	struct pol_rule	   r[2] = { allow_orders, allow_orders };
	struct pol_filter *f = calloc(N, sizeof(*f));
	struct con_change  c = kit_change(CON_ACL_DELETE, "acme");

	assert_non_null(f);
	for (size_t i = 0; i < N; i++)
		f[i].name = ALV_STR("nothing");
	c.filters = f;
	c.nfilters = N;
	ok(w, adopting("acme"));
	r[1].name = ALV_STR("other");
	assert_int_equal(with_rules(w, kit_change(CON_ACL_CREATE, "acme"), r, 1).err, ALV_OK);
	assert_int_equal(with_rules(w, c, NULL, 0).err, ALV_OK);
	assert_int_equal(with_rules(w, kit_change(CON_ACL_CREATE, "acme"), r, 2).err, ALV_OK);
	c = with_rules(w, c, NULL, 0);
	assert_int_equal(c.err, ALV_E_LENGTH);
	assert_string_equal(c.detail, "found 524289 filters, expected no more than can be compared with 2 ACLs at once");
	c.nfilters = N - 1;
	assert_int_equal(with_rules(w, c, NULL, 0).err, ALV_OK);
	free(f);
}

/* All there is then is the list; the same list changes nothing. */
static void
acls_are_replaced(void **state)
{
	struct world	 *w = *state;
	struct pol_rule	  r[4] = { allow_orders, allow_orders, allow_orders, allow_orders };
	struct con_change c;
	uint64_t	  revision;

	ok(w, adopting("acme"));
	r[1].name = ALV_STR("other");
	r[2].name = ALV_STR("third");
	r[3] = r[2];
	c = with_rules(w, kit_change(CON_ACL_REPLACE, "acme"), r, 2);
	assert_true(c.err == ALV_OK && c.changed == 2 && c.removed == 0);
	c = with_rules(w, kit_change(CON_ACL_REPLACE, "acme"), r + 1, 3);
	assert_true(c.err == ALV_OK && c.changed == 1 && c.removed == 1 && c.revision == tenant(w, "acme")->revision);
	assert_true(tenant(w, "acme")->nrules == 2 && !pol_rule_find(tenant(w, "acme"), &r[0]) && pol_rule_find(tenant(w, "acme"), &r[2]));
	w->published = 0;
	revision = tenant(w, "acme")->revision;
	c = with_rules(w, kit_change(CON_ACL_REPLACE, "acme"), r + 1, 2);
	assert_true(c.err == ALV_OK && w->published == 0 && c.revision == revision);
	r[0].name = ALV_STR("");
	assert_int_equal(with_rules(w, kit_change(CON_ACL_REPLACE, "acme"), r, 2).err, ALV_E_VALUE);
	c = kit_change(CON_ACL_REPLACE, "acme");
	c.if_revision = 1;
	assert_int_equal(with_rules(w, c, r + 1, 1).err, ALV_E_STALE);
	c = with_rules(w, kit_change(CON_ACL_REPLACE, "acme"), NULL, 0);
	assert_true(c.err == ALV_OK && c.removed == 2 && tenant(w, "acme")->nrules == 0 && c.revision > revision);
}

static void
acls_are_judged_whole(void **state)
{
	struct world	 *w = *state;
	struct pol_rule	  r[2] = { allow_orders, allow_orders };
	struct con_change c;
	static struct pol_rule many[POL_RULES_MAX];
	static char	  name[POL_RULES_MAX][8];

	ok(w, adopting("acme"));
	r[1].host = ALV_STR("somewhere");
	c = with_rules(w, kit_change(CON_ACL_CREATE, "acme"), r, 2);
	assert_int_equal(c.err, ALV_E_VALUE);
	assert_non_null(strstr(c.detail, "acls[1].host: expected *, an address, or a network"));
	assert_int_equal(tenant(w, "acme")->nrules, 0);
	r[1].host = ALV_STR("10.0.0.0/8");
	c = with_rules(w, kit_change(CON_ACL_CREATE, "nobody"), r, 2);
	assert_int_equal(c.err, ALV_E_NOT_FOUND);
	for (size_t i = 0; i < POL_RULES_MAX; i++) {
		snprintf(name[i], sizeof(name[i]), "%zu", i);
		many[i] = allow_orders;
		many[i].name = alv_str_of(name[i]);
	}
	c = with_rules(w, kit_change(CON_ACL_CREATE, "acme"), many, POL_RULES_MAX);
	assert_true(c.err == ALV_OK && c.changed == POL_RULES_MAX);
	w->published = 0;
	c = with_rules(w, kit_change(CON_ACL_CREATE, "acme"), r, 2);
	assert_int_equal(c.err, ALV_E_LIMIT);
	assert_non_null(strstr(c.detail, "would have 10002 ACLs, expected at most 10000"));
	assert_true(w->published == 0 && c.changed == 0 && tenant(w, "acme")->nrules == POL_RULES_MAX);
	ok(w, kit_change(CON_TENANT_DELETE, "acme"));
	assert_int_equal(with_rules(w, kit_change(CON_ACL_CREATE, "acme"), r, 2).err, ALV_E_CONFLICT);
}

static void
a_tenant_lives_and_goes(void **state)
{
	struct world	       *w = *state;
	struct con_change	c = kit_change(CON_TENANT_CREATE, "acme");
	const struct pol_tenant *t;
	char			cluster[23];
	const struct pol_query	q = { ALV_STR("User:x"), ALV_STR("*"), POL_OP_WRITE, POL_TOPIC, ALV_STR("orders"), NULL };

	assert_int_equal(con_judge(&w->core, &c), CON_NEED_SCAN);
	c = done(w, c);
	assert_true(c.err == ALV_OK && c.created && c.revision > 0);
	t = tenant(w, "acme");
	assert_true(t->state == POL_ACTIVE && t->revision == c.revision && t->nrules == 0 && t->authorizer == POL_AUTHORIZER_NONE);
	assert_true(pol_decide(t, &q));
	memcpy(cluster, t->cluster_id, sizeof(cluster));
	refused(w, adopting("acme"), ALV_E_EXISTS, "acme already");
	ok(w, kit_change(CON_TENANT_SUSPEND, "acme"));
	assert_int_equal(tenant(w, "acme")->state, POL_SUSPENDED);
	w->published = 0;
	ok(w, kit_change(CON_TENANT_SUSPEND, "acme"));	/* again: nothing happens */
	assert_int_equal(w->published, 0);
	ok(w, kit_change(CON_TENANT_RESUME, "acme"));
	assert_int_equal(tenant(w, "acme")->state, POL_ACTIVE);
	c = kit_change(CON_TENANT_UPDATE, "acme");
	snprintf(c.display_name, sizeof(c.display_name), "Acme & Söhne");
	ok(w, c);
	assert_true(alv_str_eqz(tenant(w, "acme")->display_name, "Acme & Söhne"));
	c.if_revision = 1;
	snprintf(c.display_name, sizeof(c.display_name), "other");
	refused(w, c, ALV_E_STALE, "expected 1");
	close_world(w);
	open_world(w);
	assert_string_equal(tenant(w, "acme")->cluster_id, cluster);
	ok(w, kit_change(CON_TENANT_DELETE, "acme"));
	assert_int_equal(tenant(w, "acme")->state, POL_DELETED);
	refused(w, adopting("acme"), ALV_E_CONFLICT, "reserved until its purge is complete");
	refused(w, kit_change(CON_TENANT_RESUME, "acme"), ALV_E_CONFLICT, "deleted");
	refused(w, kit_user(CON_USER_PUT, "acme", "alice", "password"), ALV_E_CONFLICT, "deleted");
	c = kit_change(CON_TENANT_DELETE, "acme");
	c.purge = true;
	ok(w, c);
	refused(w, adopting("acme"), ALV_E_CONFLICT, "under way");
	assert_int_equal(con_purged(&w->core, ALV_STR("acme")), ALV_OK);
	assert_null(tenant(w, "acme"));
	ok(w, adopting("acme"));
	assert_string_not_equal(tenant(w, "acme")->cluster_id, cluster);
	refused(w, kit_change(CON_TENANT_DELETE, "globex"), ALV_E_NOT_FOUND, "no such tenant");
}

static void
users_are_judged_and_kept(void **state)
{
	static const struct { const char *user, *password; enum alv_err err; const char *words; } bad[] = {
		{ "", "password", ALV_E_NAME, "0 bytes" }, { "a/b", "password", ALV_E_NAME, "'/'" }, { "*", "password", ALV_E_NAME, "every user" },
		{ "a\nb", "password", ALV_E_NAME, "printable" }, { "a\xc2\x85", "password", ALV_E_NAME, "printable" },
		{ "\xff", "password", ALV_E_NAME, "printable" }, { "alice", "short", ALV_E_LENGTH, "5 bytes" },
		{ "alice", "", ALV_E_MISSING, "needs a password" },
	};
	struct world	       *w = *state;
	struct con_change	c;
	const struct pol_user  *u;
	uint64_t		revision;

	ok(w, adopting("acme"));
	for (size_t i = 0; i < ALV_COUNT(bad); i++)
		refused(w, kit_user(CON_USER_PUT, "acme", bad[i].user, bad[i].password), bad[i].err, bad[i].words);
	c = kit_user(CON_USER_PUT, "acme", "alice", "password");
	c.iterations = 100;
	refused(w, c, ALV_E_RANGE, "100 iterations");
	c.iterations = 0;
	assert_int_equal(con_judge(&w->core, &c), CON_NEED_KEYS);
	c = done(w, c);
	assert_true(c.err == ALV_OK && c.created);
	u = pol_user_find(tenant(w, "acme"), ALV_STR("alice"));
	assert_true(u->enabled && u->scram[0].present && u->scram[1].present && u->revision == c.revision);
	revision = u->revision;
	c.if_absent = true;
	refused(w, c, ALV_E_EXISTS, "alice");
	c = kit_user(CON_USER_PUT, "acme", "alice", "");
	c.enabled_set = true;
	ok(w, c);
	u = pol_user_find(tenant(w, "acme"), ALV_STR("alice"));
	assert_true(!u->enabled && u->scram[1].present && u->revision > revision);
	ok(w, kit_user(CON_USER_PUT, "acme", "alice", "new password"));	/* stays disabled */
	assert_false(pol_user_find(tenant(w, "acme"), ALV_STR("alice"))->enabled);
	ok(w, kit_user(CON_USER_DELETE, "acme", "alice", ""));
	assert_null(pol_user_find(tenant(w, "acme"), ALV_STR("alice")));
	refused(w, kit_user(CON_USER_DELETE, "acme", "alice", ""), ALV_E_NOT_FOUND, "no such user");
}

/* Groups come and go; who is connected stays so, and the version says that something was changed. */
static void
groups_of_users(void **state)
{
	struct world		 *w = *state;
	const struct alv_str	  names[] = { ALV_STR("ops"), ALV_STR("dev") };
	struct con_change	  c;
	const struct pol_user	 *u;
	uint64_t		  revision;

	ok(w, adopting("acme"));
	c = kit_user(CON_USER_PUT, "acme", "alice", "correct horse");
	c.groups = pol_groups_new(names, 2);
	ok(w, c);
	pol_groups_free(c.groups);
	u = pol_user_find(tenant(w, "acme"), ALV_STR("alice"));
	assert_true(u->ngroups == 2 && alv_str_eqz(u->groups[0], "dev") && alv_str_eqz(u->groups[1], "ops"));
	revision = u->revision;
	assert_true(u->version >= u->revision);
	w->published = 0;
	c = kit_user(CON_USER_PUT, "acme", "alice", "");
	c.groups = pol_groups_new(names, 2);
	assert_true(done(w, c).err == ALV_OK && w->published == 0);	/* the same */
	pol_groups_free(c.groups);
	c.groups = pol_groups_new(names, 1);
	ok(w, c);
	pol_groups_free(c.groups);
	u = pol_user_find(tenant(w, "acme"), ALV_STR("alice"));
	assert_true(u->ngroups == 1 && alv_str_eqz(u->groups[0], "ops") && u->revision == revision && u->version == tenant(w, "acme")->revision);
	close_world(w);
	open_world(w);
	u = pol_user_find(tenant(w, "acme"), ALV_STR("alice"));
	assert_true(u->ngroups == 1 && alv_str_eqz(u->groups[0], "ops") && u->revision == revision);
	ok(w, kit_user(CON_USER_PUT, "acme", "alice", "another horse"));	/* groups stay */
	u = pol_user_find(tenant(w, "acme"), ALV_STR("alice"));
	assert_true(u->ngroups == 1 && u->revision > revision);
	ok(w, kit_user(CON_USER_DELETE, "acme", "alice", ""));
	ok(w, kit_user(CON_USER_PUT, "acme", "alice", "correct horse"));
	assert_int_equal(pol_user_find(tenant(w, "acme"), ALV_STR("alice"))->ngroups, 0);
}

static void
aliases_are_judged_and_kept(void **state)
{
	static const struct { enum ten_kind kind; const char *virt, *phys; enum alv_err err; const char *words; } bad[] = {
		{ TEN_TOPIC, "a b", "legacy", ALV_E_NAME, "no legal name of a topic" },
		{ TEN_TOPIC, "", "legacy", ALV_E_NAME, "no legal name" },
		{ TEN_TOPIC, "x", "..", ALV_E_NAME, "no legal name" },
		{ TEN_TOPIC, "x", "__consumer_offsets", ALV_E_DENIED, "never targets" },
		{ TEN_TOPIC, "x", "alcove.state", ALV_E_DENIED, "never targets" },
		{ TEN_GROUP, "x", "_g", ALV_E_DENIED, "never targets" },
		{ TEN_TOPIC, "x", "acme.orders", ALV_E_CONFLICT, "the tenant's own already, as \"orders\"" },
		{ TEN_TOPIC, "orders", "legacy", ALV_E_CONFLICT, "would hide it" },
		{ TEN_KINDS, "x", "y", ALV_E_VALUE, "expected topic" },
		{ TEN_GROUP, "x\n", "y", ALV_E_NAME, "printable" },
	};
	struct world	 *w = *state;
	struct con_change c;

	ok(w, adopting("acme"));
	refused(w, kit_alias(CON_ALIAS_PUT, "acme", TEN_TOPIC, "old", "legacy"), ALV_E_UNAVAILABLE, "not reached");
	publish_topics(w, "acme.orders");
	for (size_t i = 0; i < ALV_COUNT(bad); i++)
		refused(w, kit_alias(CON_ALIAS_PUT, "acme", bad[i].kind, bad[i].virt, bad[i].phys), bad[i].err, bad[i].words);
	c = done(w, kit_alias(CON_ALIAS_PUT, "acme", TEN_TOPIC, "old", "legacy"));
	assert_true(c.err == ALV_OK && c.created);
	assert_int_equal(tenant(w, "acme")->names.naliases, 1);
	assert_false(tenant(w, "acme")->names.by_virt[0].writable);
	refused(w, kit_alias(CON_ALIAS_PUT, "acme", TEN_TOPIC, "new", "legacy"), ALV_E_CONFLICT, "one alias for each target");
	ok(w, kit_alias(CON_ALIAS_PUT, "acme", TEN_GROUP, "old", "legacy"));	/* another kind */
	c = kit_alias(CON_ALIAS_PUT, "acme", TEN_TOPIC, "old", "legacy");
	c.writable = true;
	ok(w, c);
	assert_true(tenant(w, "acme")->names.by_virt[0].writable);
	c.if_absent = true;
	refused(w, c, ALV_E_EXISTS, "to \"legacy\"");
	ok(w, kit_alias(CON_ALIAS_DELETE, "acme", TEN_TOPIC, "old", ""));
	refused(w, kit_alias(CON_ALIAS_DELETE, "acme", TEN_TOPIC, "old", ""), ALV_E_NOT_FOUND, "no such topic alias");
}

/* Whoever gets an id gets nobody's old doors with it. */
static void
aliases_into_a_prefix_end_with_it(void **state)
{
	struct world	 *w = *state;
	struct con_change c;

	publish_topics(w, "x");
	ok(w, adopting("acme"));
	ok(w, adopting("third"));
	ok(w, kit_alias(CON_ALIAS_PUT, "acme", TEN_TOPIC, "shared", "globex.orders"));
	ok(w, kit_alias(CON_ALIAS_PUT, "third", TEN_TOPIC, "shared", "globex.orders"));
	refused(w, kit_change(CON_TENANT_CREATE, "globex"), ALV_E_CONFLICT, "leads to \"globex.orders\"");
	ok(w, adopting("globex"));
	ok(w, kit_change(CON_TENANT_DELETE, "third"));	/* its alias must not hold up the purge */
	c = kit_change(CON_TENANT_DELETE, "globex");
	c.purge = true;
	ok(w, c);
	assert_int_equal(con_purged(&w->core, ALV_STR("globex")), ALV_OK);
	assert_int_equal(tenant(w, "acme")->names.naliases, 0);
	assert_int_equal(tenant(w, "third")->names.naliases, 0);
	assert_null(tenant(w, "globex"));
	ok(w, kit_change(CON_TENANT_CREATE, "globex"));
}

static void
a_failing_store_changes_nothing(void **state)
{
	struct world	 *w = *state;
	struct con_change c;

	ok(w, adopting("acme"));
	assert_int_equal(sto_exec(w->core.store, "PRAGMA query_only = ON"), ALV_OK);
	refused(w, kit_change(CON_TENANT_SUSPEND, "acme"), ALV_E_STORE, "cannot be written");
	refused(w, kit_user(CON_USER_PUT, "acme", "alice", "password"), ALV_E_STORE, w->place.file);
	assert_true(w->core.store_bad);
	assert_int_equal(tenant(w, "acme")->state, POL_ACTIVE);
	assert_int_equal(sto_exec(w->core.store, "PRAGMA query_only = OFF"), ALV_OK);
	c = done(w, kit_change(CON_TENANT_SUSPEND, "acme"));
	assert_int_equal(c.err, ALV_OK);
	assert_false(w->core.store_bad);
}

static void
changes_without_ends_or_actors_are_refused(void **state)
{
	struct con_change c = adopting("acme");

	c.actor[0] = '\0';
	refused(*state, c, ALV_E_MISSING, "actor");
	c = adopting("acme");
	memset(c.virt, 'x', sizeof(c.virt));
	refused(*state, c, ALV_E_LENGTH, "without an end");
	c = adopting("acme");
	c.op = (enum con_op)99;
	refused(*state, c, ALV_E_UNSUPPORTED, "no such change");
	c = adopting("acme");
	snprintf(c.display_name, sizeof(c.display_name), "a\tb");
	refused(*state, c, ALV_E_VALUE, "display name");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(ids_are_judged), T(ids_fit_the_listeners), T(own_host_names), T(own_host_names_are_not_the_listeners),
		T(authorizers_and_super_users), T(topics_that_are_asked_for), T(acls_come_and_go), T(filters_fit_so_many_at_most),
		T(native_changes_share_a_bound), T(filters_times_acls), T(acls_are_replaced), T(acls_are_judged_whole),
		T(a_tenant_lives_and_goes), T(users_are_judged_and_kept), T(groups_of_users), T(aliases_are_judged_and_kept),
		T(aliases_into_a_prefix_end_with_it), T(a_failing_store_changes_nothing),
		T(changes_without_ends_or_actors_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
