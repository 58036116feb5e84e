/* What was denied is counted once a request, and logged once a minute for each principal and resource, by the worker's clock. */
#include "group_stage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <alcove/log.h>

/* ---- the log, and the metric -------------------------------------------------------------------------------- */

static int log_fd = -1;

static void
log_open(void)
{
	char path[] = "/tmp/alcove-denial-XXXXXX";

	log_fd = mkstemp(path);
	assert_true(log_fd >= 0);
	unlink(path);
	alv_log_setup(log_fd, ALV_LOG_INFO, ALV_LOG_TEXT);
}

/* How many lines of the log hold the text. */
static size_t
logged(const char *text)
{
	static char all[1 << 18];
	ssize_t	    n = pread(log_fd, all, sizeof(all) - 1, 0);
	size_t	    found = 0;

	assert_true(n >= 0);
	all[n] = '\0';
	for (const char *p = all; (p = strstr(p, text)) != NULL; p += strlen(text))
		found++;
	return found;
}

static void
log_close(void)
{
	alv_log_setup(2, ALV_LOG_INFO, ALV_LOG_TEXT);
	close(log_fd);
}

static bool
counted(struct stage *s, const char *line)
{
	struct met_worker *w[] = { s->worker.meter };
	struct alv_buf	   b;
	bool		   found;

	alv_buf_init(&b, 1 << 20);
	met_render(w, 1, &b);
	alv_buf_byte(&b, '\0');
	assert_int_equal(b.err, ALV_OK);
	found = strstr((const char *)b.p, line) != NULL;
	alv_buf_fini(&b);
	return found;
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

#define Q(f) KFK_METADATA_REQUEST_##f

static const struct pol_rule denies[] = {
	STAGE_DENY(POL_TOPIC, "secret", POL_OP_DESCRIBE),
	STAGE_DENY(POL_GROUP, "*", POL_OP_DESCRIBE),
	STAGE_DENY(POL_CLUSTER, "kafka-cluster", POL_OP_ALTER),
};

static void
open_denied(struct stage *s)
{
	stage_open(s, denies, ALV_COUNT(denies));
	s->worker.denials = api_denials_new();
	assert_non_null(s->worker.denials);
	log_open();
}

static void
close_denied(struct stage *s)
{
	api_denials_free(s->worker.denials);
	stage_close(s);
	log_close();
}

/* Names, or NULL: all topics. */
static void
metadata(struct stage *s, const char *const *names, size_t n)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_METADATA, 9);

	if (names == NULL)
		kfk_set_null(q, &q->root, Q(TOPICS));
	else
		kfk_set_empty(q, &q->root, Q(TOPICS));
	for (size_t i = 0; i < n; i++)
		kfk_set_str(q, stage_add(q, &q->root, Q(TOPICS)), Q(TOPICS_NAME), alv_str_of(names[i]));
	assert_int_equal(stage_send(s), API_FORWARD);
}

static void
once_a_request_and_once_a_minute(void **state)
{
	static const char *const twice[] = { "secret", "orders", "secret" };
	struct stage		 s;

	(void)state;
	open_denied(&s);
	metadata(&s, NULL, 0);		/* lists leave out: nobody was refused */
	assert_false(counted(&s, "alcove_denied_total{"));
	metadata(&s, twice, 3);
	assert_true(counted(&s, "alcove_denied_total{tenant=\"acme\",operation=\"DESCRIBE\",resource=\"TOPIC\"} 1\n"));
	assert_int_equal(logged("info denied tenant=\"acme\" principal=\"User:alice\" peer=\"192.0.2.1\" api=\"Metadata\" operation=\"DESCRIBE\" "
	    "resource=\"TOPIC\" name=\"secret\" reason=\"DENY\" rule=\"deny Describe on topic secret for User:* from *\""), 1);
	metadata(&s, twice, 1);
	assert_true(counted(&s, "operation=\"DESCRIBE\",resource=\"TOPIC\"} 2\n"));
	assert_int_equal(logged("info denied"), 1);
	s.worker.now_us += 59 * 1000000ull;	/* the minute that began at 0 is over */
	metadata(&s, twice, 1);
	assert_int_equal(logged("info denied"), 2);
	snprintf(s.conn.principal, sizeof(s.conn.principal), "User:bob");
	s.conn.who = (struct pol_who){ .build = 0 };
	metadata(&s, twice, 1);
	assert_int_equal(logged("principal=\"User:bob\""), 1);
	close_denied(&s);
}
#undef Q

/* DescribeGroups: one of each is refused. */
static void
ask_groups(struct stage *s, const char *head, int n)
{
	struct kfk_tree *q = stage_begin(s, KFK_API_DESCRIBE_GROUPS, 5);
	char		 name[64];

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%d", head, i);
		stage_add_str(q, &q->root, KFK_DESCRIBE_GROUPS_REQUEST_GROUPS, "");
		kfk_get(&q->root, KFK_DESCRIBE_GROUPS_REQUEST_GROUPS)->last->v.s = alv_arena_str(&s->arena, alv_str_of(name));
	}
	assert_int_equal(stage_send(s), API_ANSWER);
}

static void
nobody_fills_the_log(void **state)
{
	struct stage s;

	(void)state;
	open_denied(&s);
	ask_groups(&s, "a\n\"b=", 1);
	assert_int_equal(logged("name=\"a\\u000a\\\"b=0\""), 1);
	ask_groups(&s, "g-", 100);	/* all are counted, few are logged */
	assert_true(counted(&s, "operation=\"DESCRIBE\",resource=\"GROUP\"} 101\n"));
	assert_int_equal(logged("info denied"), 32);
	ask_groups(&s, "h-", 10);
	assert_int_equal(logged("info denied"), 32);
	s.worker.now_us += 60 * 1000000ull;
	ask_groups(&s, "h-", 1);
	assert_int_equal(logged("info denied"), 33);
	assert_int_equal(logged("more was denied than is logged left_out=11"), 1);
	close_denied(&s);
}

static void
whole_requests(void **state)
{
	struct stage	 s;
	struct kfk_tree *q;

	(void)state;
	open_denied(&s);
	q = stage_begin(&s, KFK_API_DELETE_ACLS, 3);
	stage_add(q, &q->root, KFK_DELETE_ACLS_REQUEST_FILTERS);
	kfk_set_int(q, stage_at(&q->root, KFK_DELETE_ACLS_REQUEST_FILTERS, 0), KFK_DELETE_ACLS_REQUEST_FILTERS_RESOURCE_TYPE_FILTER, 1);
	kfk_set_int(q, stage_at(&q->root, KFK_DELETE_ACLS_REQUEST_FILTERS, 0), KFK_DELETE_ACLS_REQUEST_FILTERS_OPERATION, 1);
	kfk_set_int(q, stage_at(&q->root, KFK_DELETE_ACLS_REQUEST_FILTERS, 0), KFK_DELETE_ACLS_REQUEST_FILTERS_PERMISSION_TYPE, 1);
	assert_int_equal(stage_send(&s), API_ANSWER);
	assert_true(counted(&s, "operation=\"ALTER\",resource=\"CLUSTER\"} 1\n"));
	assert_int_equal(logged("api=\"DeleteAcls\" operation=\"ALTER\" resource=\"CLUSTER\" name=\"kafka-cluster\" reason=\"DENY\""), 1);
	close_denied(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_a_request_and_once_a_minute),
		cmocka_unit_test(nobody_fills_the_log),
		cmocka_unit_test(whole_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
