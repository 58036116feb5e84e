/* Metering: every byte of a frame is charged once, records to their direction. */
#include "stage.h"

static void
metered_by(struct met_worker *w, const char *direction, uint64_t bytes)
{
	struct alv_buf	   b;
	char		   line[128];
	int n = snprintf(line, sizeof(line), "alcove_tenant_bytes_total{tenant=\"acme\",direction=\"%s\"} %llu\n", direction,
	    (unsigned long long)bytes);

	alv_buf_init(&b, 1 << 20);
	met_render(&w, 1, &b);
	if (memmem(b.p, b.n, line, (size_t)n) == NULL)
		fail_msg("not there: %s%.*s", line, (int)b.n, (const char *)b.p);
	alv_buf_fini(&b);
}

static void
metered(struct stage *s, const char *direction, uint64_t bytes)
{
	metered_by(s->worker.meter, direction, bytes);
}

static void
ask(struct stage *s)
{
	struct kfk_tree *t = stage_begin(s, KFK_API_FETCH, 11);
	struct kfk_node *e = kfk_add(t, kfk_set_empty(t, &t->root, KFK_FETCH_REQUEST_TOPICS));

	kfk_set_str(t, e, KFK_FETCH_REQUEST_TOPICS_TOPIC, ALV_STR("orders"));
	assert_int_equal(stage_send(s), API_FORWARD);
	alv_chain_clear(&s->call.out);
}

/* Where the last charges went belongs to the worker that they were made on. */
static void
a_connection_that_moved_is_counted_where_it_is(void **state)
{
	struct stage	  s;
	struct api_worker other;

	(void)state;
	stage_open(&s, NULL, 0);
	other = s.worker;
	other.meter = met_worker_new(10, 100);
	ask(&s);
	ask(&s);
	metered(&s, "other_in", 200);
	api_conn_enter(&s.conn, &other);
	ask(&s);
	metered(&s, "other_in", 200);
	metered_by(other.meter, "other_in", 100);
	met_worker_free(other.meter);
	stage_close(&s);
}

static void
produce_and_fetch(void **state)
{
	struct stage	 s;
	struct kfk_tree *t;
	struct kfk_node *e, *p;
	uint8_t		 batch[61] = { 0 };
	size_t		 answer, answers;

	(void)state;
	alv_put_be32(batch + 8, sizeof(batch) - 12);
	batch[16] = 2;
	stage_open(&s, NULL, 0);

	t = stage_begin(&s, KFK_API_PRODUCE, 9);
	kfk_set_null(t, &t->root, KFK_PRODUCE_REQUEST_TRANSACTIONAL_ID);
	kfk_set_int(t, &t->root, KFK_PRODUCE_REQUEST_ACKS, 1);
	e = kfk_add(t, kfk_set_empty(t, &t->root, KFK_PRODUCE_REQUEST_TOPIC_DATA));
	kfk_set_str(t, e, KFK_PRODUCE_REQUEST_TOPIC_DATA_NAME, ALV_STR("orders"));
	p = kfk_add(t, kfk_set_empty(t, e, KFK_PRODUCE_REQUEST_TOPIC_DATA_PARTITION_DATA));
	kfk_set_bytes(t, p, KFK_PRODUCE_REQUEST_TOPIC_DATA_PARTITION_DATA_RECORDS, alv_str_make(batch, sizeof(batch)));
	s.call.request_bytes = 150;
	assert_int_equal(stage_send(&s), API_FORWARD);
	metered(&s, "produce", 61);
	metered(&s, "other_in", 150 - 61);
	alv_chain_clear(&s.call.out);
	(void)stage_broker(&s);
	assert_int_equal(stage_reply(&s), API_ANSWER);
	answers = s.call.out.n;
	metered(&s, "other_out", answers);

	t = stage_begin(&s, KFK_API_FETCH, 11);
	e = kfk_add(t, kfk_set_empty(t, &t->root, KFK_FETCH_REQUEST_TOPICS));
	kfk_set_str(t, e, KFK_FETCH_REQUEST_TOPICS_TOPIC, ALV_STR("orders"));
	assert_int_equal(stage_send(&s), API_FORWARD);
	metered(&s, "other_in", 150 - 61 + 100);
	alv_chain_clear(&s.call.out);
	t = stage_broker(&s);
	for (int i = 0; i < 2; i++) {
		/* The second is another's: dropped, so not charged. */
		p = kfk_get(&t->root, KFK_FETCH_RESPONSE_RESPONSES);
		e = kfk_add(t, p != NULL ? p : kfk_set_empty(t, &t->root, KFK_FETCH_RESPONSE_RESPONSES));
		kfk_set_str(t, e, KFK_FETCH_RESPONSE_RESPONSES_TOPIC, i == 0 ? ALV_STR("acme.orders") : ALV_STR("globex.orders"));
		p = kfk_add(t, kfk_set_empty(t, e, KFK_FETCH_RESPONSE_RESPONSES_PARTITIONS));
		kfk_set_bytes(t, p, KFK_FETCH_RESPONSE_RESPONSES_PARTITIONS_RECORDS, alv_str_make(batch, sizeof(batch)));
	}
	assert_int_equal(stage_reply(&s), API_ANSWER);
	answer = s.call.out.n;
	metered(&s, "fetch", 61);
	metered(&s, "other_out", answers + answer - 61);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(produce_and_fetch),
		cmocka_unit_test(a_connection_that_moved_is_counted_where_it_is) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
