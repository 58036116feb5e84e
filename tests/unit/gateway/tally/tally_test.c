/* What a tenant has of each kind: who is admitted, who leaves, what a sweep finds; many at once from several threads. */
#include <alcove/str.h>
#include <alcove/tally.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct alv_str ACME = { "acme", 4 }, GLOBEX = { "globex", 6 };

static struct tal_name
named(const char *within, const char *name)
{
	return (struct tal_name){ alv_str_of(within), alv_str_of(name) };
}

static void
a_limit_holds(void **state)
{
	struct tal_book *b = tal_book_new();

	(void)state;
	assert_non_null(b);
	assert_int_equal(tal_count(b, ACME, TAL_GROUPS_CLASSIC), 0);
	assert_int_equal(tal_admit(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, "a"), 2, 1), TAL_NEW);
	assert_int_equal(tal_admit(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, "b"), 2, 1), TAL_NEW);
	assert_int_equal(tal_admit(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, "c"), 2, 1), TAL_FULL);
	assert_int_equal(tal_admit(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, "a"), 2, 1), TAL_KNOWN);
	assert_int_equal(tal_admit(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, "a"), 0, 1), TAL_KNOWN);	/* and stays when the limit falls */
	assert_int_equal(tal_admit(b, ACME, TAL_GROUPS_SHARE, named(NULL, "c"), 2, 1), TAL_NEW);
	assert_int_equal(tal_admit(b, GLOBEX, TAL_GROUPS_CLASSIC, named(NULL, "c"), 2, 1), TAL_NEW);
	tal_gone(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, "nobody"));
	tal_gone(b, ALV_STR("initech"), TAL_GROUPS_CLASSIC, named(NULL, "a"));
	assert_int_equal(tal_count(b, ACME, TAL_GROUPS_CLASSIC), 2);
	tal_gone(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, "a"));
	assert_int_equal(tal_admit(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, "c"), 2, 1), TAL_NEW);
	assert_int_equal(tal_count(b, ACME, TAL_GROUPS_CLASSIC), 2);
	assert_int_equal(tal_count(b, GLOBEX, TAL_GROUPS_CLASSIC), 1);
	/* A broker has it, whatever the limit says. */
	tal_note(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, "d"), 1);
	tal_note(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, "d"), 2);
	assert_int_equal(tal_count(b, ACME, TAL_GROUPS_CLASSIC), 3);
	tal_book_free(b);
	tal_book_free(NULL);
}

/* Names that were made to have one hash (FNV-1a's, for two in 256 of all seeds) are two all the same. */
static void
names_that_were_made_alike(void **state)
{
	(void)state;
	for (int i = 0; i < 4096; i++) {
		struct tal_book *b = tal_book_new();

		assert_non_null(b);
		assert_int_equal(tal_admit(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, ".--0A.A1--AE"), 1, 1), TAL_NEW);
		assert_int_equal(tal_admit(b, ACME, TAL_GROUPS_CLASSIC, named(NULL, "1Pw2_.XOH-Hz"), 1, 1), TAL_FULL);
		tal_book_free(b);
	}
}

static void
some_are_silent_for_long(void **state)
{
	struct tal_book *b = tal_book_new();

	(void)state;
	tal_lasts(b, ACME, TAL_MEMBERS_CLASSIC, named("g", "nobody"), 100);
	for (int i = 0; i < 40; i++) {	/* the set grows meanwhile */
		char name[8];

		snprintf(name, sizeof(name), "m%d", i);
		tal_note(b, ACME, TAL_MEMBERS_CLASSIC, named("g", name), 10);
		if (i == 3)
			tal_lasts(b, ACME, TAL_MEMBERS_CLASSIC, named("g", name), 100);
	}
	tal_sweep(b, TAL_MEMBERS_CLASSIC, 11);
	assert_int_equal(tal_count(b, ACME, TAL_MEMBERS_CLASSIC), 1);
	assert_true(tal_has(b, ACME, TAL_MEMBERS_CLASSIC, named("g", "m3")));
	tal_note(b, ACME, TAL_MEMBERS_CLASSIC, named("g", "m3"), 20);
	tal_sweep(b, TAL_MEMBERS_CLASSIC, 120);
	assert_int_equal(tal_count(b, ACME, TAL_MEMBERS_CLASSIC), 1);
	tal_sweep(b, TAL_MEMBERS_CLASSIC, 121);
	assert_int_equal(tal_count(b, ACME, TAL_MEMBERS_CLASSIC), 0);
	tal_book_free(b);
}

static void
names_are_of_both_parts(void **state)
{
	struct tal_book *b = tal_book_new();

	(void)state;
	tal_note(b, ACME, TAL_MEMBERS_CLASSIC, named("billing", "m1"), 1);
	tal_note(b, ACME, TAL_MEMBERS_CLASSIC, named("billin", "gm1"), 1);
	tal_note(b, ACME, TAL_MEMBERS_CLASSIC, named("", "billingm1"), 1);
	tal_note(b, ACME, TAL_MEMBERS_CLASSIC, named("billingm1", ""), 1);
	assert_int_equal(tal_count(b, ACME, TAL_MEMBERS_CLASSIC), 4);
	tal_book_free(b);
}

static void
a_sweep_takes_what_nobody_saw(void **state)
{
	enum { MANY = 5000 };
	struct tal_book *b = tal_book_new();
	char		 name[16];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		tal_note(b, ACME, TAL_TRANSACTIONAL_IDS, named(NULL, name), 100 + i % 2);
	}
	tal_note(b, GLOBEX, TAL_TRANSACTIONAL_IDS, named(NULL, "old"), 7);
	tal_note(b, ACME, TAL_OPEN_TRANSACTIONS, named(NULL, "old"), 7);
	tal_note(b, ACME, TAL_TRANSACTIONAL_IDS, named(NULL, "t0"), 300);	/* one of the older half is seen again */
	tal_note(b, ACME, TAL_TRANSACTIONAL_IDS, named(NULL, "t0"), 90);		/* another thread's clock was behind */
	tal_sweep(b, TAL_TRANSACTIONAL_IDS, 101);
	assert_int_equal(tal_count(b, ACME, TAL_TRANSACTIONAL_IDS), MANY / 2 + 1);
	assert_int_equal(tal_count(b, GLOBEX, TAL_TRANSACTIONAL_IDS), 0);
	assert_int_equal(tal_count(b, ACME, TAL_OPEN_TRANSACTIONS), 1);
	/* Who is left is still found: no more comes in by its name. */
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		assert_int_equal(tal_admit(b, ACME, TAL_TRANSACTIONAL_IDS, named(NULL, name), 0, 101),
		    i == 0 || i % 2 == 1 ? TAL_KNOWN : TAL_FULL);
	}
	tal_sweep(b, TAL_TRANSACTIONAL_IDS, 1000);
	assert_int_equal(tal_count(b, ACME, TAL_TRANSACTIONAL_IDS), 0);
	tal_book_free(b);
}

/* In any order, beside what a plain array says. */
static void
as_an_array_would(void **state)
{
	enum { NAMES = 64, STEPS = 20000 };
	struct tal_book *b = tal_book_new();
	bool		 there[NAMES] = { false };
	unsigned	 x = 12345, n = 0;
	char		 name[16];

	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = (x = x * 1103515245 + 12345) >> 16 & (NAMES - 1), limit = x >> 24 & 63;

		snprintf(name, sizeof(name), "n%u", i);
		if ((x >> 8 & 1) != 0) {
			enum tal_answer want = there[i] ? TAL_KNOWN : n < limit ? TAL_NEW : TAL_FULL;

			assert_int_equal(tal_admit(b, ACME, TAL_GROUPS_CONSUMER, named(NULL, name), limit, 1), want);
			n += want == TAL_NEW;
			there[i] |= want == TAL_NEW;
		} else {
			tal_gone(b, ACME, TAL_GROUPS_CONSUMER, named(NULL, name));
			n -= there[i];
			there[i] = false;
		}
		assert_int_equal(tal_count(b, ACME, TAL_GROUPS_CONSUMER), n);
		assert_int_equal(tal_has(b, ACME, TAL_GROUPS_CONSUMER, named(NULL, name)), there[i]);
	}
	tal_book_free(b);
}

static void
bytes_count_when_all_were_told(void **state)
{
	struct tal_book *b = tal_book_new();

	(void)state;
	assert_int_equal(tal_bytes(b, ACME), 0);
	tal_bytes_add(b, ACME, 1000);
	tal_bytes_add(b, ACME, 500);
	tal_bytes_add(b, GLOBEX, 7);
	assert_int_equal(tal_bytes(b, ACME), 0);
	tal_bytes_end(b, true);
	assert_int_equal(tal_bytes(b, ACME), 1500);
	tal_bytes_add(b, ACME, 3);
	tal_bytes_end(b, false);	/* a broker said nothing: as before */
	assert_int_equal(tal_bytes(b, ACME), 1500);
	tal_bytes_add(b, ACME, UINT64_MAX);
	tal_bytes_add(b, ACME, 2);
	tal_bytes_end(b, true);
	assert_true(tal_bytes(b, ACME) == UINT64_MAX);
	assert_int_equal(tal_bytes(b, GLOBEX), 0);	/* it has none any more */
	tal_book_free(b);
}

static enum tal_full
take(struct tal_book *b, struct alv_str tenant, struct tal_room want, struct tal_room have, struct tal_room limit, uint32_t now_s,
    uint32_t life_s, uint64_t *ticket)
{
	return tal_room_take(b, tenant, ALV_STR_NULL, want, have, limit, now_s, life_s, ticket);
}

static void
room_by_name(void **state)
{
	const struct tal_room one = { 1, 1 }, have = { 8, 8 }, limit = { 10, 10 };
	struct tal_book	     *b = tal_book_new();
	uint64_t	      first, again, second, third;

	(void)state;
	assert_int_equal(tal_room_take(b, ACME, ALV_STR("a"), one, have, limit, 1, 10, &first), TAL_ROOM_OK);
	assert_int_equal(tal_room_take(b, ACME, ALV_STR("a"), one, have, limit, 5, 10, &again), TAL_ROOM_OK);
	assert_true(first == again && first != 0);
	assert_int_equal(tal_room_take(b, ACME, ALV_STR("b"), one, have, limit, 5, 10, &second), TAL_ROOM_OK);
	assert_int_equal(tal_room_take(b, ACME, ALV_STR("c"), one, have, limit, 5, 10, &third), TAL_ROOM_TOPICS);
	/* The first one's time is over: whoever asks for it again needs room like others. */
	assert_int_equal(tal_room_take(b, ACME, ALV_STR("c"), one, have, limit, 11, 10, &third), TAL_ROOM_OK);
	assert_int_equal(tal_room_take(b, ACME, ALV_STR("a"), one, have, limit, 11, 10, &again), TAL_ROOM_TOPICS);
	tal_book_free(b);
}

static void
room_for_topics(void **state)
{
	const struct tal_room limit = { 10, 40 }, none = { UINT64_MAX, UINT64_MAX };
	struct tal_book	     *b = tal_book_new();
	uint64_t	      first, second, more;

	(void)state;
	assert_int_equal(take(b, ACME, (struct tal_room){ 3, 12 }, (struct tal_room){ 5, 20 }, limit, 1, 120, &first), TAL_ROOM_OK);
	assert_int_equal(take(b, ACME, (struct tal_room){ 3, 3 }, (struct tal_room){ 5, 20 }, limit, 1, 120, &second), TAL_ROOM_TOPICS);
	assert_int_equal(take(b, ACME, (struct tal_room){ 2, 9 }, (struct tal_room){ 5, 20 }, limit, 1, 120, &second), TAL_ROOM_PARTITIONS);
	assert_int_equal(take(b, ACME, (struct tal_room){ 2, 8 }, (struct tal_room){ 5, 20 }, limit, 1, 120, &second), TAL_ROOM_OK);
	assert_int_equal(take(b, GLOBEX, (struct tal_room){ 10, 40 }, (struct tal_room){ 0, 0 }, limit, 1, 120, &more), TAL_ROOM_OK);
	/* More partitions of what is there are no more topics, however many of these there are. */
	assert_int_equal(take(b, ACME, (struct tal_room){ 0, 1 }, (struct tal_room){ 99, 20 }, limit, 1, 120, &more), TAL_ROOM_PARTITIONS);
	tal_room_give(b, ACME, first);
	tal_room_give(b, ACME, first);
	assert_int_equal(take(b, ACME, (struct tal_room){ 0, 1 }, (struct tal_room){ 99, 20 }, limit, 1, 120, &more), TAL_ROOM_OK);
	/* Whoever never gave it back. */
	assert_int_equal(take(b, ACME, (struct tal_room){ 9, 9 }, (struct tal_room){ 0, 0 }, limit, 120, 120, &more), TAL_ROOM_TOPICS);
	assert_int_equal(take(b, ACME, (struct tal_room){ 9, 9 }, (struct tal_room){ 0, 0 }, limit, 121, 120, &more), TAL_ROOM_OK);
	tal_room_give(b, ACME, more);
	assert_int_equal(take(b, ACME, (struct tal_room){ 1, UINT64_MAX }, (struct tal_room){ 0, 5 }, limit, 200, 120, &more), TAL_ROOM_PARTITIONS);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(take(b, ACME, (struct tal_room){ 1, 1 }, (struct tal_room){ 0, 0 }, none, 200, 120, &more), TAL_ROOM_OK);
	assert_int_equal(take(b, ACME, (struct tal_room){ 1, 1 }, (struct tal_room){ 0, 0 }, none, 200, 120, &more), TAL_ROOM_TOPICS);
	tal_book_free(b);
}

enum { THREADS = 4, EACH = 2000, LIMIT = 1000 };

struct party {
	pthread_t	 thread;
	struct tal_book *book;
	unsigned	 number, admitted;
};

static void *
come(void *arg)
{
	struct party *p = arg;
	char	      tenant[16], name[32];

	for (unsigned i = 0; i < EACH; i++) {
		snprintf(name, sizeof(name), "%u-%u", p->number, i);
		p->admitted += tal_admit(p->book, ACME, TAL_MEMBERS_SHARE, named("g", name), LIMIT, 1) == TAL_NEW;
		snprintf(tenant, sizeof(tenant), "t%u", i % 50);
		tal_note(p->book, alv_str_of(tenant), TAL_MEMBERS_SHARE, named("g", "m"), 1);
	}
	return NULL;
}

static void
many_at_once_do_not_pass_it_together(void **state)
{
	struct tal_book *b = tal_book_new();
	struct party	 party[THREADS];
	unsigned	 admitted = 0;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		party[i] = (struct party){ .book = b, .number = i };
		assert_int_equal(pthread_create(&party[i].thread, NULL, come, &party[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(party[i].thread, NULL);
		admitted += party[i].admitted;
	}
	assert_int_equal(admitted, LIMIT);
	assert_int_equal(tal_count(b, ACME, TAL_MEMBERS_SHARE), LIMIT);
	assert_int_equal(tal_count(b, ALV_STR("t49"), TAL_MEMBERS_SHARE), 1);
	tal_book_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_holds),
		cmocka_unit_test(names_that_were_made_alike),
		cmocka_unit_test(some_are_silent_for_long),
		cmocka_unit_test(names_are_of_both_parts),
		cmocka_unit_test(a_sweep_takes_what_nobody_saw),
		cmocka_unit_test(as_an_array_would),
		cmocka_unit_test(bytes_count_when_all_were_told),
		cmocka_unit_test(room_for_topics),
		cmocka_unit_test(room_by_name),
		cmocka_unit_test(many_at_once_do_not_pass_it_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
