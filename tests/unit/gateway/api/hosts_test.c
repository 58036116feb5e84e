/* Where members are: what is noted of whom, what descriptions tell of it, and what one table cannot hold. */
#include "group_stage.h"

#include "api/hosts.h"

static struct alv_str
numbered(char text[static 16], unsigned i)
{
	snprintf(text, 16, "m%u", i);
	return alv_str_of(text);
}

static void
keys_are_of_all_three(void **state)
{
	struct api_hosts   *h = api_hosts_new();
	struct api_host_key k = api_hosts_key(h, ALV_STR("acme"), ALV_STR("billing"), ALV_STR("m1")), other;
	char		    host[46];

	(void)state;
	assert_non_null(h);
	api_hosts_note(h, k, "2001:db8::1", 5);
	assert_true(api_hosts_find(h, k, host));
	assert_string_equal(host, "2001:db8::1");
	api_hosts_note(h, k, "192.0.2.9", 6);
	assert_true(api_hosts_find(h, k, host));
	assert_string_equal(host, "192.0.2.9");
	other = api_hosts_key(h, ALV_STR("globex"), ALV_STR("billing"), ALV_STR("m1"));
	assert_false(api_hosts_find(h, other, host));
	other = api_hosts_key(h, ALV_STR("acme"), ALV_STR("billin"), ALV_STR("gm1"));
	assert_false(api_hosts_find(h, other, host));
	other = api_hosts_key(h, ALV_STR("acme"), ALV_STR("billing"), ALV_STR("m2"));
	assert_false(api_hosts_find(h, other, host));
	api_hosts_note(h, other, "", 7);
	assert_false(api_hosts_find(h, other, host));
	api_hosts_free(h);
	api_hosts_free(NULL);
}

/* More members than places: those of long ago make room, and nothing is told of the wrong one. */
static void
old_ones_make_room(void **state)
{
	enum { MANY = 200000 };
	struct api_hosts *h = api_hosts_new();
	unsigned	  found = 0, late = 0;
	char		  text[16], host[46], want[46];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(want, sizeof(want), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		api_hosts_note(h, api_hosts_key(h, ALV_STR("acme"), ALV_STR("g"), numbered(text, i)), want, i);
	}
	for (unsigned i = 0; i < MANY; i++) {
		if (!api_hosts_find(h, api_hosts_key(h, ALV_STR("acme"), ALV_STR("g"), numbered(text, i)), host))
			continue;
		snprintf(want, sizeof(want), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		assert_string_equal(host, want);
		found++;
		late += i >= MANY - 20000;
	}
	assert_true(found > 65000);
	assert_true(late > 19900);	/* a set may get more than it holds */
	api_hosts_free(h);
}

/* ---- as clients see it ----------------------------------------------------------------------------------- */

#define BEAT(f) KFK_HEARTBEAT_REQUEST_##f
#define VIEW(f) KFK_DESCRIBE_GROUPS_RESPONSE_##f

static void
beat(struct stage *s, const char *group, const char *member, int16_t code)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_HEARTBEAT, 4);

	stage_str(t, BEAT(GROUP_ID), group);
	stage_str(t, BEAT(MEMBER_ID), member);
	(void)stage_forwarded(s);
	t = stage_answers(s);
	kfk_set_int(t, &t->root, KFK_HEARTBEAT_RESPONSE_ERROR_CODE, code);
	(void)stage_replied(s);
}

static void
told(struct stage *s, const char *member, const char *host)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_DESCRIBE_GROUPS, 5);
	struct kfk_node *g, *m;

	stage_add_str(t, &t->root, KFK_DESCRIBE_GROUPS_REQUEST_GROUPS, "billing");
	(void)stage_forwarded(s);
	t = stage_answers(s);
	g = stage_add(t, &t->root, VIEW(GROUPS));
	m = stage_add(t, g, VIEW(GROUPS_MEMBERS));
	kfk_set_str(t, g, VIEW(GROUPS_GROUP_ID), ALV_STR("acme.billing"));
	kfk_set_str(t, g, VIEW(GROUPS_PROTOCOL_TYPE), ALV_STR("own"));
	kfk_set_str(t, m, VIEW(GROUPS_MEMBERS_MEMBER_ID), alv_str_of(member));
	kfk_set_str(t, m, VIEW(GROUPS_MEMBERS_CLIENT_HOST), ALV_STR("/10.1.1.1"));
	t = stage_replied(s);
	m = stage_at(stage_at(&t->root, VIEW(GROUPS), 0), VIEW(GROUPS_MEMBERS), 0);
	stage_text(kfk_get_str(t, m, VIEW(GROUPS_MEMBERS_CLIENT_HOST)), host);
}

static void
descriptions_tell_it(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, NULL, 0);
	s.shared.hosts = api_hosts_new();
	told(&s, "m1", "/0.0.0.0");
	beat(&s, "billing", "m1", KFK_UNKNOWN_MEMBER_ID);
	told(&s, "m1", "/0.0.0.0");	/* the broker knows no such member */
	beat(&s, "billing", "m1", 0);
	told(&s, "m1", "/192.0.2.1");
	told(&s, "m2", "/0.0.0.0");
	beat(&s, "other", "m2", 0);
	told(&s, "m2", "/0.0.0.0");
	snprintf(s.conn.host, sizeof(s.conn.host), "2001:db8::7");
	beat(&s, "billing", "m1", 0);	/* it came again from elsewhere */
	told(&s, "m1", "/2001:db8::7");
	api_hosts_free(s.shared.hosts);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(keys_are_of_all_three), cmocka_unit_test(old_ones_make_room),
		cmocka_unit_test(descriptions_tell_it) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
