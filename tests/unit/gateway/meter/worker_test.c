/* Counting: sums stay right, details are bounded, one writer and many readers agree. */
#include <alcove/buf.h>
#include <alcove/meter.h>
#include <alcove/str.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct seen {
	size_t	 rows, rest;
	uint64_t bytes, rest_bytes;
};

static void
look(void *arg, const struct met_row *r)
{
	struct seen *s = arg;
	bool	     rest = alv_str_eqz(r->principal, MET_REST);

	s->rows++;
	s->rest += rest;
	for (int d = 0; d < MET_DIRECTIONS; d++) {
		s->bytes += r->bytes[d];
		s->rest_bytes += rest ? r->bytes[d] : 0;
	}
}

static struct met_bytes
bytes(const char *tenant, const char *client, const char *topic, uint64_t n)
{
	return (struct met_bytes){ alv_str_of(tenant), ALV_STR("User:a"), alv_str_of(client), alv_str_of(topic), MET_FETCH, n, NULL };
}

static void
same_key_same_row(void **state)
{
	struct met_worker *w = met_worker_new(10, 100);
	struct met_bytes   a = bytes("acme", "c", "orders", 10), b = bytes("acme", "c", NULL, 1);
	struct seen	   s = { 0 };

	(void)state;
	assert_non_null(w);
	met_charge(w, &a);
	a.direction = MET_PRODUCE;
	met_charge(w, &a);
	met_charge(w, &b);
	met_ledger_each(w, look, &s);
	assert_int_equal(s.rows, 2);
	assert_int_equal(s.bytes, 21);
	assert_int_equal(s.rest, 0);
	met_worker_free(w);
}

/* "ab" + "c" is not "a" + "bc". */
static void
parts_do_not_run_together(void **state)
{
	struct met_worker *w = met_worker_new(10, 100);
	struct met_bytes   a = bytes("acme", "ab", "c", 1), b = bytes("acme", "a", "bc", 1);
	struct seen	   s = { 0 };

	(void)state;
	met_charge(w, &a);
	met_charge(w, &b);
	met_ledger_each(w, look, &s);
	assert_int_equal(s.rows, 2);
	met_worker_free(w);
}

static void
one_tenant_takes_a_quarter_at_most(void **state)
{
	struct met_worker *w = met_worker_new(10, 100);
	struct met_bytes   quiet = bytes("globex", "c", "t", 5);
	struct seen	   s = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char		 client[16];
		struct met_bytes b;

		snprintf(client, sizeof(client), "c%d", i);
		b = bytes("acme", client, "t", 1);
		met_charge(w, &b);
	}
	met_charge(w, &quiet);
	met_ledger_each(w, look, &s);
	assert_int_equal(s.rows, 25 + 1 + 1);
	assert_int_equal(s.bytes, 1005);
	assert_int_equal(s.rest, 1);
	assert_int_equal(s.rest_bytes, 975);
	met_worker_free(w);
}

static void
tenants_past_the_cap_are_summed(void **state)
{
	struct met_worker *w = met_worker_new(2, 8);
	struct seen	   s = { 0 };
	struct alv_buf	   out;

	(void)state;
	for (int i = 0; i < 50; i++) {
		char		 t[16];
		struct met_bytes b;

		snprintf(t, sizeof(t), "t%02d", i);
		b = bytes(t, "c", "t", 1);
		met_charge(w, &b);
		met_request(w, NULL, alv_str_of(t), 3, 0, 1);
	}
	met_ledger_each(w, look, &s);
	assert_int_equal(s.rows, 3);
	assert_int_equal(s.bytes, 50);
	alv_buf_init(&out, 1 << 20);
	met_render(&w, 1, &out);
	alv_buf_byte(&out, 0);
	assert_non_null(strstr((char *)out.p, "alcove_tenant_requests_total{tenant=\"_other\"} 48\n"));
	assert_non_null(strstr((char *)out.p, "alcove_ledger_overflow_bytes_total 48\n"));
	alv_buf_fini(&out);
	met_worker_free(w);
}

/* Without room for any row everything still adds up. */
static void
no_room_at_all(void **state)
{
	struct met_worker *w = met_worker_new(0, 0);
	struct met_bytes   b = bytes("acme", "c", "t", 7);
	struct seen	   s = { 0 };

	(void)state;
	met_charge(w, &b);
	met_charge(w, &b);
	met_ledger_each(w, look, &s);
	assert_int_equal(s.rows, 1);
	assert_int_equal(s.rest_bytes, 14);
	met_worker_free(w);
}

static void
long_parts_are_cut(void **state)
{
	struct met_worker *w = met_worker_new(4, 4);
	char		   id[2001];
	struct met_bytes   b;
	struct seen	   s = { 0 };

	(void)state;
	memset(id, 'x', sizeof(id));
	id[2000] = '\0';
	b = bytes("acme", id, "t", 1);
	met_charge(w, &b);
	id[1000] = 'y';
	met_charge(w, &b);
	met_ledger_each(w, look, &s);
	assert_int_equal(s.rows, 1);
	assert_int_equal(s.bytes, 2);
	met_worker_free(w);
}

enum { ROUNDS = 20000 };

static void *
writer(void *arg)
{
	struct met_worker *w = arg;

	for (int i = 0; i < ROUNDS; i++) {
		char		 t[16];
		struct met_bytes b;

		snprintf(t, sizeof(t), "t%d", i % 40);
		b = bytes(t, "c", "t", 1);
		met_connection(w, +1);
		met_charge(w, &b);
		met_request(w, NULL, alv_str_of(t), (int16_t)(i % 100), (int16_t)(i % 3), (uint64_t)i);
		met_closed(w, MET_CLOSE_IDLE);
		met_connection(w, -1);
	}
	return NULL;
}

/* The thread sanitizer is the judge here; the sums are right at the end. */
static void
reader_beside_the_writer(void **state)
{
	struct met_worker *w = met_worker_new(30, 100);
	struct alv_buf	   out;
	struct seen	   s = { 0 };
	pthread_t	   t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, writer, w), 0);
	for (int i = 0; i < 30; i++) {
		alv_buf_init(&out, 1 << 20);
		met_render(&w, 1, &out);
		assert_int_equal(out.err, ALV_OK);
		alv_buf_fini(&out);
		met_ledger_each(w, look, &s);
	}
	pthread_join(t, NULL);
	s = (struct seen){ 0 };
	met_ledger_each(w, look, &s);
	assert_int_equal(s.bytes, ROUNDS);
	met_worker_free(w);
}

struct sums {
	uint64_t of[200];	/* of each row, by what it is called */
};

static void
add_up(void *arg, const struct met_row *r)
{
	struct sums *s = arg;
	uint64_t     h = alv_hash(r->tenant.p, r->tenant.n, alv_hash(r->client_id.p, r->client_id.n, alv_hash(r->topic.p, r->topic.n, 7)));

	s->of[h % ALV_COUNT(s->of)] += r->bytes[MET_FETCH] + r->charges[MET_FETCH] * 1000003;
}

/* Whatever came before on the same connection: each byte lands in the row where it lands without a hint. */
static void
hints_change_nothing(void **state)
{
	static const char *const tenants[] = { "acme", "globex", "third" }, *const clients[] = { "c", "d", "" },
			  *const topics[] = { NULL, "orders", "order", "s" };
	struct met_worker *with = met_worker_new(2, 12), *without = met_worker_new(2, 12);
	struct sums	   a = { 0 }, b = { 0 };
	struct met_hint	   hint = { 0 };
	unsigned	   x = 1;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct met_bytes m;

		x = x * 1103515245 + 12345;
		m = bytes(tenants[(x >> 16) % 3], clients[(x >> 20) % 3], topics[(x >> 24) % 4], x >> 28);
		met_charge(without, &m);
		met_request(without, NULL, m.tenant, 0, 0, 1);
		m.hint = &hint;
		met_charge(with, &m);
		met_request(with, &hint, m.tenant, 0, 0, 1);
	}
	met_ledger_each(with, add_up, &a);
	met_ledger_each(without, add_up, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	met_worker_free(with);
	met_worker_free(without);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_key_same_row),
		cmocka_unit_test(parts_do_not_run_together),
		cmocka_unit_test(one_tenant_takes_a_quarter_at_most),
		cmocka_unit_test(tenants_past_the_cap_are_summed),
		cmocka_unit_test(no_room_at_all),
		cmocka_unit_test(long_parts_are_cut),
		cmocka_unit_test(reader_beside_the_writer),
		cmocka_unit_test(hints_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
