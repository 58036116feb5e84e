/* The directory: order, stable slots, and readers that never see anything half made or freed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <alcove/policy.h>
#include <alcove/str.h>

/* The display name repeats the revision: a reader can tell a whole snapshot from a torn or freed one. */
static struct pol_tenant *
snapshot(const char *id, uint64_t revision)
{
	char		 text[24];
	struct pol_parts p = { .id = alv_str_of(id), .revision = revision, .display_name = { text, 0 } };

	p.display_name.n = (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)revision);
	return pol_build(&p);
}

static bool
whole(const struct pol_tenant *t)
{
	uint64_t v;

	return alv_str_u64(t->display_name, UINT64_MAX, &v) == ALV_OK && v == t->revision;
}

static void
publish(struct pol_dir *d, const char *id, uint64_t revision)
{
	assert_int_equal(pol_dir_publish(d, alv_str_of(id), revision == 0 ? NULL : snapshot(id, revision)), ALV_OK);
}

static void
publish_as(struct pol_dir *d, enum pol_tenant_state state, const char *cluster_id)
{
	struct pol_parts p = { .id = ALV_STR("acme"), .state = state, .cluster_id = cluster_id, .revision = 1 };

	assert_int_equal(pol_dir_publish(d, p.id, pol_build(&p)), ALV_OK);
}

static void
publish_limits(struct pol_dir *d, uint32_t set, double requests, double bytes)
{
	struct pol_quota quota = { .entity.kind = POL_QUOTA_OF_TENANT, .set = set,
		.value = { [POL_QUOTA_IN_FLIGHT_REQUESTS] = requests, [POL_QUOTA_IN_FLIGHT_BYTES] = bytes } };
	struct pol_parts p = { .id = ALV_STR("acme"), .revision = 1, .quotas = &quota, .nquotas = set != 0 };

	assert_int_equal(pol_dir_publish(d, p.id, pol_build(&p)), ALV_OK);
}

/* Requests in flight are counted where a limit is, and what was counted is taken back whatever the limit is by then. */
static void
requests_in_flight(void **state)
{
	const uint32_t	 number = 1u << POL_QUOTA_IN_FLIGHT_REQUESTS, bytes = 1u << POL_QUOTA_IN_FLIGHT_BYTES;
	struct alv_qsbr	*q = alv_qsbr_new();
	struct pol_dir	*d = pol_dir_new(q);
	struct pol_slot *s;

	(void)state;
	publish_limits(d, 0, 0, 0);
	s = pol_dir_find(d, ALV_STR("acme"));
	assert_false(pol_slot_take_off(s, 100));
	assert_false(pol_slot_crowded(s));
	publish_limits(d, number, 2, 0);
	assert_true(pol_slot_take_off(s, 100));
	assert_false(pol_slot_crowded(s));
	assert_true(pol_slot_take_off(s, 50));
	assert_true(pol_slot_crowded(s));
	publish_limits(d, bytes, 0, 151);
	assert_false(pol_slot_crowded(s));
	assert_true(pol_slot_take_off(s, 1));
	assert_true(pol_slot_crowded(s));
	pol_slot_land(s, 100);
	assert_false(pol_slot_crowded(s));
	publish_limits(d, 0, 0, 0);
	pol_slot_land(s, 50);
	pol_slot_land(s, 1);
	publish_limits(d, number | bytes, 1, 1);
	assert_false(pol_slot_crowded(s));
	publish(d, "acme", 0);
	assert_false(pol_slot_take_off(s, 1));	/* the tenant is gone */
	assert_false(pol_slot_crowded(s));
	pol_dir_free(d);
	alv_qsbr_free(q);
}

/* Trust ends with the tenant that it was put in, and does not come back with one that looks the same. */
static void
trust_ends(void **state)
{
	static const char one[] = "AAAAAAAAAAAAAAAAAAAAAA", other[] = "BBBBBBBBBBBBBBBBBBBBBB";
	struct alv_qsbr	 *q = alv_qsbr_new();
	struct pol_dir	 *d = pol_dir_new(q);
	struct pol_slot	 *slot;
	uint64_t	  t;

	(void)state;
	publish_as(d, POL_ACTIVE, one);
	slot = pol_dir_find(d, ALV_STR("acme"));
	t = pol_slot_trust(slot);
	publish_as(d, POL_ACTIVE, one);
	assert_int_equal(pol_slot_trust(slot), t);
	publish_as(d, POL_SUSPENDED, one);
	assert_int_equal(pol_slot_trust(slot), t + 1);
	publish_as(d, POL_ACTIVE, one);
	assert_int_equal(pol_slot_trust(slot), t + 2);
	publish(d, "acme", 0);
	assert_int_equal(pol_slot_trust(slot), t + 3);
	publish_as(d, POL_ACTIVE, one);
	assert_int_equal(pol_slot_trust(slot), t + 4);
	publish_as(d, POL_ACTIVE, other);
	assert_int_equal(pol_slot_trust(slot), t + 5);
	pol_dir_free(d);
	alv_qsbr_free(q);
}

static void
finds_and_lists(void **state)
{
	struct alv_qsbr		*q = alv_qsbr_new();
	struct pol_dir		*d = pol_dir_new(q);
	const struct pol_tenant *out[8];
	struct pol_slot		*slot;
	uint64_t		 before;

	(void)state;
	assert_null(pol_dir_find(d, ALV_STR("acme")));
	assert_null(pol_dir_find(d, ALV_STR_NULL));
	assert_int_equal(pol_dir_list(d, ALV_STR_NULL, out, 8), 0);
	publish(d, "m", 1);
	publish(d, "acme", 2);
	publish(d, "z", 3);
	publish(d, "acme2", 4);
	publish(d, "nobody", 0);
	assert_int_equal(pol_dir_list(d, ALV_STR_NULL, out, 8), 4);
	assert_true(alv_str_eqz(out[0]->names.id, "acme"));
	assert_true(alv_str_eqz(out[1]->names.id, "acme2"));
	assert_true(alv_str_eqz(out[3]->names.id, "z"));
	assert_int_equal(pol_dir_list(d, ALV_STR("acme"), out, 2), 2);
	assert_true(alv_str_eqz(out[0]->names.id, "acme2"));
	assert_int_equal(pol_dir_list(d, ALV_STR("b"), out, 8), 2);
	assert_int_equal(pol_dir_list(d, ALV_STR("z"), out, 8), 0);

	slot = pol_dir_find(d, ALV_STR("acme"));
	assert_non_null(slot);
	assert_true(alv_str_eqz(pol_slot_id(slot), "acme"));
	before = pol_dir_generation(d);
	publish(d, "acme", 5);
	assert_true(pol_dir_generation(d) > before);
	assert_int_equal(pol_slot_load(slot)->revision, 5);
	publish(d, "acme", 0);
	assert_null(pol_slot_load(slot));
	assert_null(pol_dir_find(d, ALV_STR("acme")));
	assert_int_equal(pol_dir_list(d, ALV_STR_NULL, out, 8), 3);
	publish(d, "acme", 6);
	assert_ptr_equal(pol_dir_find(d, ALV_STR("acme")), slot);
	pol_dir_free(d);
	alv_qsbr_free(q);
}

static void
ten_thousand(void **state)
{
	struct alv_qsbr		*q = alv_qsbr_new();
	struct pol_dir		*d = pol_dir_new(q);
	const struct pol_tenant *out[300];
	struct alv_str		 after = ALV_STR_NULL;
	char			 id[16];
	size_t			 n, all = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(id, sizeof(id), "t%u", i * 7919 % 10000);
		publish(d, id, i + 1);
	}
	while ((n = pol_dir_list(d, after, out, ALV_COUNT(out))) > 0) {
		for (size_t i = 0; i < n; i++) {
			if (after.p != NULL)
				assert_true(alv_str_cmp(after, out[i]->names.id) < 0);
			after = out[i]->names.id;
			assert_non_null(pol_dir_find(d, after));
		}
		all += n;
	}
	assert_int_equal(all, 10000);
	pol_dir_free(d);
	alv_qsbr_free(q);
}

struct shared {
	struct alv_qsbr *q;
	struct pol_dir	*d;
	atomic_bool	 stop;
	atomic_int	 ready;
	atomic_int	 broken;
	atomic_ulong	 looks;
};

enum { READERS = 2, ROUNDS = 4000, IDS = 5 };
static const char *const ids[IDS] = { "a", "b", "c", "d", "e" };

static void *
reader(void *arg)
{
	struct shared  *s = arg;
	struct pol_slot *kept = NULL;
	uint64_t	 last = 0;
	int		 me = alv_qsbr_join(s->q);

	atomic_fetch_add(&s->ready, 1);
	for (unsigned long turn = 0; !atomic_load(&s->stop); turn++) {
		const struct pol_tenant *out[IDS], *t;
		size_t			 n = pol_dir_list(s->d, ALV_STR_NULL, out, IDS);

		for (size_t i = 0; i < n; i++)
			if (!whole(out[i]))
				atomic_fetch_add(&s->broken, 1);
		if (kept == NULL)
			kept = pol_dir_find(s->d, ALV_STR("c"));
		t = kept == NULL ? NULL : pol_slot_load(kept);
		if (t != NULL) {
			if (!whole(t) || t->revision < last)
				atomic_fetch_add(&s->broken, 1);
			last = t->revision;
		}
		atomic_fetch_add(&s->looks, 1);
		if (turn % 16 == 15)
			alv_qsbr_idle(s->q, me);
		alv_qsbr_quiet(s->q, me);
	}
	alv_qsbr_idle(s->q, me);
	return NULL;
}

/* Most useful under ThreadSanitizer (FLAVOR=tsan) and AddressSanitizer. */
static void
readers_beside_the_writer(void **state)
{
	struct shared s = { .q = alv_qsbr_new() };
	pthread_t     t[READERS];

	(void)state;
	s.d = pol_dir_new(s.q);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, reader, &s), 0);
	while (atomic_load(&s.ready) < READERS)
		sched_yield();
	for (uint64_t r = 1; r <= ROUNDS; r++) {
		const char *id = ids[r % IDS];

		publish(s.d, id, r % 11 == 0 ? 0 : r);
		/* Readers share few cores with us: let them see some of it. */
		if (r % 64 == 0)
			sched_yield();
	}
	while (atomic_load(&s.looks) < 100)
		sched_yield();
	atomic_store(&s.stop, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(atomic_load(&s.broken), 0);
	pol_dir_free(s.d);
	alv_qsbr_free(s.q);
}

/* ---- host names of tenants' own ---- */

static void
publish_own(struct pol_dir *d, const char *id, enum pol_tenant_state state, size_t n, const char *const (*names)[2])
{
	struct pol_parts p = { .id = alv_str_of(id), .state = state, .revision = 1, .nown = n };
	struct ten_own	 own[TEN_OWN_MAX];
	const char	*field, *expected;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(ten_own_parse(alv_str_of(names[i][0]), alv_str_of(names[i][1]), &own[i], &field, &expected), ALV_OK);
	p.own = own;
	assert_int_equal(pol_dir_publish(d, p.id, pol_build(&p)), ALV_OK);
}

/* "acme 3", "acme -1", "nobody". */
static const char *
owner(const struct pol_dir *d, const char *host)
{
	static char	      text[64];
	struct pol_slot	     *slot;
	const struct ten_own *own;
	int32_t		      node;

	if (!pol_dir_find_host(d, alv_str_of(host), &slot, &own, &node))
		return "nobody";
	assert_true(node >= 0 || alv_str_eqz(own->bootstrap, host));
	snprintf(text, sizeof(text), "%.*s %d", ALV_STR_ARG(pol_slot_id(slot)), (int)node);
	return text;
}

static void
own_hosts(void **state)
{
	static const char *const acme[][2] = { { "kafka.acme.com", "b$(node).kafka.acme.com" }, { "k.acme.org", "k$(node)-8.acme.org" } };
	static const char *const globex[][2] = { { "kafka.globex.com", "b$(node).kafka.globex.com" } };
	struct alv_qsbr *q = alv_qsbr_new();
	struct pol_dir	*d = pol_dir_new(q);

	(void)state;
	assert_string_equal(owner(d, "kafka.acme.com"), "nobody");
	publish_own(d, "acme", POL_ACTIVE, 2, acme);
	publish_own(d, "globex", POL_ACTIVE, 1, globex);
	assert_string_equal(owner(d, "kafka.acme.com"), "acme -1");
	assert_string_equal(owner(d, "b0.kafka.acme.com"), "acme 0");
	assert_string_equal(owner(d, "b12.kafka.acme.com"), "acme 12");
	assert_string_equal(owner(d, "k12-8.acme.org"), "acme 12");
	assert_string_equal(owner(d, "k12-9.acme.org"), "nobody");
	assert_string_equal(owner(d, "b012.kafka.acme.com"), "nobody");
	assert_string_equal(owner(d, "b$(node).kafka.acme.com"), "nobody");
	assert_string_equal(owner(d, "b3.kafka.globex.com"), "globex 3");
	assert_string_equal(owner(d, ""), "nobody");
	publish_own(d, "acme", POL_SUSPENDED, 2, acme);
	assert_string_equal(owner(d, "kafka.acme.com"), "nobody");
	assert_string_equal(owner(d, "b0.kafka.acme.com"), "nobody");
	publish_own(d, "acme", POL_ACTIVE, 1, acme + 1);	/* one name less */
	assert_string_equal(owner(d, "kafka.acme.com"), "nobody");
	assert_string_equal(owner(d, "k.acme.org"), "acme -1");
	publish_own(d, "acme", POL_ACTIVE, 1, acme);	/* another one */
	assert_string_equal(owner(d, "k.acme.org"), "nobody");
	assert_string_equal(owner(d, "kafka.acme.com"), "acme -1");
	assert_int_equal(pol_dir_publish(d, ALV_STR("acme"), NULL), ALV_OK);
	assert_string_equal(owner(d, "kafka.acme.com"), "nobody");
	publish_own(d, "globex", POL_ACTIVE, 1, acme);	/* a name may go to somebody else then */
	assert_string_equal(owner(d, "b3.kafka.acme.com"), "globex 3");
	assert_string_equal(owner(d, "b3.kafka.globex.com"), "nobody");
	alv_qsbr_reclaim(q);
	pol_dir_free(d);
	alv_qsbr_free(q);
}

/* The table grows and shrinks with its tenants. */
static void
many_own_hosts(void **state)
{
	enum { N = 700 };
	struct alv_qsbr *q = alv_qsbr_new();
	struct pol_dir	*d = pol_dir_new(q);
	char		 id[16], boot[32], node[48], want[32];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < N; i++) {
			const char *const names[][2] = { { boot, node } };

			snprintf(id, sizeof(id), "t%d", i);
			snprintf(boot, sizeof(boot), "kafka.t%d.com", i + round);
			snprintf(node, sizeof(node), "b$(node).t%d.com", i + round);
			publish_own(d, id, POL_ACTIVE, 1, names);
		}
	for (int i = 1; i <= N; i++) {
		snprintf(boot, sizeof(boot), "b%d.t%d.com", i, i);
		snprintf(want, sizeof(want), "t%d %d", i - 1, i);
		assert_string_equal(owner(d, boot), want);
	}
	assert_string_equal(owner(d, "kafka.t0.com"), "nobody");
	pol_dir_free(d);
	alv_qsbr_free(q);
}

/* A reader beside the writer finds the tenant's name at all times, or nobody: never what was freed. */
struct seeker {
	struct pol_dir	*d;
	struct alv_qsbr *q;
	int		 reader;
	atomic_bool	 stop;
	unsigned	 found, missed;
};

static void *
seek(void *arg)
{
	struct seeker *s = arg;

	while (!atomic_load(&s->stop)) {
		struct pol_slot	     *slot;
		const struct ten_own *own;
		int32_t		      node;

		if (pol_dir_find_host(s->d, ALV_STR("b7.kafka.acme.com"), &slot, &own, &node)) {
			assert_int_equal(node, 7);
			assert_true(alv_str_eqz(own->node_text, "b$(node).kafka.acme.com"));
			s->found++;
		} else {
			s->missed++;
		}
		alv_qsbr_quiet(s->q, s->reader);
	}
	alv_qsbr_idle(s->q, s->reader);
	return NULL;
}

static void
own_hosts_beside_the_writer(void **state)
{
	static const char *const acme[][2] = { { "kafka.acme.com", "b$(node).kafka.acme.com" } };
	struct seeker s = { .q = alv_qsbr_new() };
	pthread_t     thread;

	(void)state;
	s.d = pol_dir_new(s.q);
	s.reader = alv_qsbr_join(s.q);
	publish_own(s.d, "acme", POL_ACTIVE, 1, acme);
	assert_int_equal(pthread_create(&thread, NULL, seek, &s), 0);
	for (int i = 0; i < 3000; i++) {
		char		  id[16], boot[32], node[48];
		const char *const names[][2] = { { boot, node } };

		snprintf(id, sizeof(id), "t%d", i % 100);
		snprintf(boot, sizeof(boot), "kafka.t%d.com", i);
		snprintf(node, sizeof(node), "b$(node).t%d.com", i);
		publish_own(s.d, id, POL_ACTIVE, 1, names);
		publish_own(s.d, "acme", i % 3 == 0 ? POL_SUSPENDED : POL_ACTIVE, 1, acme);
		alv_qsbr_reclaim(s.q);
	}
	atomic_store(&s.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(s.found + s.missed > 0);
	alv_qsbr_reclaim(s.q);
	pol_dir_free(s.d);
	alv_qsbr_free(s.q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_and_lists),
		cmocka_unit_test(requests_in_flight),
		cmocka_unit_test(trust_ends),
		cmocka_unit_test(own_hosts),
		cmocka_unit_test(many_own_hosts),
		cmocka_unit_test(own_hosts_beside_the_writer),
		cmocka_unit_test(ten_thousand),
		cmocka_unit_test(readers_beside_the_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
