/* The set of a fetch session against a plain table that does the same: by chance, from a fixed seed. */
#include "stage.h"

#include "api/fetch_session.h"

enum { TOPICS = 40, PARTS = 12, STEPS = 40000 };

static uint64_t seed;

static unsigned
dice(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

static struct api_wanted
topic(unsigned i, char name[32])
{
	struct api_wanted w = { .id = stage_id((char)(i + 1)) };

	snprintf(name, 32, "acme.topic-%u", i);
	w.phys = alv_str_of(name);
	w.virt = alv_str_of(name + 5);
	return w;
}

static uint32_t
count(bool has[TOPICS][PARTS], unsigned t)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < PARTS; i++)
		n += has[t][i];
	return n;
}

static void
check(const struct api_set *s, bool has[TOPICS][PARTS])
{
	uint32_t topics = 0, parts = 0;

	for (unsigned t = 0; t < TOPICS; t++) {
		char			    name[32];
		struct api_wanted	    w = topic(t, name);
		const struct api_set_topic *found = api_set_find(s, w.id, w.phys);
		uint32_t		    n = count(has, t);

		topics += n > 0;
		parts += n;
		if (n == 0) {
			assert_null(found);
			continue;
		}
		assert_non_null(found);
		assert_true(alv_uuid_eq(found->w.id, w.id));
		stage_text(found->w.phys, name);
		stage_text(found->w.virt, name + 5);
		assert_int_equal(found->nparts, n);
		assert_ptr_equal(s->topic[found->slot], found);
		for (int32_t i = 0; i < PARTS; i++)
			assert_int_equal(api_set_has(s, found, i - 3), has[t][i]);
	}
	assert_int_equal(s->ntopics, topics);
	assert_int_equal(s->nparts, parts);
}

static void
it_is_a_set(void **state)
{
	(void)state;
	for (int by_id = 0; by_id < 2; by_id++) {
		bool	       has[TOPICS][PARTS] = { { false } };
		struct api_set s;

		seed = 20261129;
		api_set_init(&s, by_id, 7);
		check(&s, has);
		for (int step = 0; step < STEPS; step++) {
			unsigned	  t = dice(TOPICS), i = dice(PARTS);
			char		  name[32];
			struct api_wanted w = topic(t, name);
			bool		  more = dice(10) < (step / 5000 % 2 == 0 ? 7 : 3);

			if (more)
				assert_true(api_set_add(&s, &w, (int32_t)i - 3));
			else if (api_set_find(&s, w.id, w.phys) != NULL)
				api_set_remove(&s, api_set_find(&s, w.id, w.phys), (int32_t)i - 3);
			has[t][i] = more;
			if (step % 97 == 0)
				check(&s, has);
		}
		check(&s, has);
		assert_true(s.bytes > s.nparts * sizeof(*s.part));
		api_set_fini(&s);
		assert_int_equal(s.nparts, 0);
	}
}

/* What a client can choose: numbers far apart, all of one topic, as many as there may be. */
static void
hostile_numbers_cost_no_more(void **state)
{
	struct api_set	  s;
	char		  name[32];
	struct api_wanted w = topic(1, name);

	(void)state;
	api_set_init(&s, true, 99);
	for (int64_t i = 0; i < 100000; i++)
		assert_true(api_set_add(&s, &w, (int32_t)(INT32_MAX - i * 21474)));
	assert_int_equal(s.nparts, 100000);
	assert_int_equal(s.ntopics, 1);
	assert_true(api_set_has(&s, api_set_find(&s, w.id, w.phys), INT32_MAX));
	assert_in_range(s.bytes, 0, 100000 * 50);
	for (int64_t i = 0; i < 100000; i++)
		api_set_remove(&s, api_set_find(&s, w.id, w.phys), (int32_t)(INT32_MAX - i * 21474));
	assert_int_equal(s.ntopics, 0);
	assert_null(api_set_find(&s, w.id, w.phys));
	api_set_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_a_set),
		cmocka_unit_test(hostile_numbers_cost_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
