/* Quotas as changes: altered together or not at all, replaced, deleted by filters; what nothing enforces is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/str.h>

#include "control/change.h"
#include "tests/unit/gateway/control/kit.h"

#define RATE POL_QUOTA_PRODUCER_BYTE_RATE

struct world {
	struct kit_place  place;
	struct alv_qsbr	 *qsbr;
	struct clu_board *board;
	struct con_core	  core;
	uint8_t		  enforced[POL_QUOTA_KEYS];
	int		  published;
};

static void
count_publish(void *arg)
{
	((struct world *)arg)->published++;
}

static void
open_world(struct world *w)
{
	struct alv_buf words;

	alv_buf_init(&words, 4096);
	assert_int_equal(sto_open(w->place.file, w->place.key, &w->core.store, &words), ALV_OK);
	alv_buf_fini(&words);
	w->qsbr = alv_qsbr_new();
	w->board = clu_board_new(w->qsbr);
	w->core.board = w->board;
	w->core.dir = pol_dir_new(w->qsbr);
	w->core.on_publish = count_publish;
	w->core.arg = w;
	w->core.quotas = w->enforced;
	assert_int_equal(con_publish_all(&w->core), ALV_OK);
}

static void
close_world(struct world *w)
{
	sto_close(w->core.store);
	clu_board_free(w->board);
	pol_dir_free(w->core.dir);
	alv_qsbr_free(w->qsbr);
}

static int
setup(void **state)
{
	struct world	 *w = calloc(1, sizeof(*w));
	struct con_change c = kit_change(CON_TENANT_CREATE, "acme");

	memset(w->enforced, 0xff, sizeof(w->enforced));
	kit_place_make(&w->place);
	open_world(w);
	c.adopt_prefix = true;
	con_apply(&w->core, &c, NULL);
	assert_int_equal(c.err, ALV_OK);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	close_world(w);
	kit_place_drop(&w->place);
	free(w);
	return 0;
}

static const struct pol_tenant *
acme(struct world *w)
{
	return pol_slot_load(pol_dir_find(w->core.dir, ALV_STR("acme")));
}

static struct pol_quota_alter
set(const char *user, const char *client, enum pol_quota_key key, double value)
{
	struct pol_quota_alter a = { .quota = { .entity = { .kind = POL_QUOTA_OF_CLIENT }, .set = 1u << key } };
	const char *const      names[] = { user, client };

	for (size_t i = 0; i < ALV_COUNT(names); i++)
		if (names[i] != NULL)
			a.quota.entity.part[i] = (struct pol_quota_part){ names[i][0] == '*' ? POL_QUOTA_DEFAULT : POL_QUOTA_NAMED,
				names[i][0] == '*' ? ALV_STR_NULL : alv_str_of(names[i]) };
	a.quota.value[key] = value;
	return a;
}

static struct con_change
apply(struct world *w, struct con_change c, const struct pol_quota_alter *items, size_t n)
{
	c.quotas = pol_quota_list_new();
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pol_quota_list_add(c.quotas, &items[i]), ALV_OK);
	w->published = 0;
	con_apply(&w->core, &c, NULL);
	assert_int_equal(w->published, c.err == ALV_OK && c.changed > 0);
	pol_quota_list_free(c.quotas);
	c.quotas = NULL;
	return c;
}

static struct con_change
alter(struct world *w, const struct pol_quota_alter *items, size_t n)
{
	return apply(w, kit_change(CON_QUOTA_ALTER, "acme"), items, n);
}

static double
limit(struct world *w, const char *principal, const char *client, enum pol_quota_key key)
{
	struct pol_quota_cell c;

	return pol_quota_client(acme(w), key, alv_str_of(principal), alv_str_of(client), &c) ? c.limit : -1;
}

static void
altered_and_kept(void **state)
{
	struct world	      *w = *state;
	struct pol_quota_alter a[] = { set("al", NULL, RATE, 5), set("*", NULL, RATE, 7), set("al", "app", POL_QUOTA_REQUEST_PERCENTAGE, 0.5) };
	struct con_change      c = alter(w, a, 3);

	assert_true(c.err == ALV_OK && c.changed == 3 && c.revision == acme(w)->revision);
	c = alter(w, a, 3);	/* again */
	assert_true(c.err == ALV_OK && c.changed == 0);
	assert_true(limit(w, "User:al", "app", RATE) == 5 && limit(w, "User:bob", "app", RATE) == 7);
	a[0] = set("al", NULL, POL_QUOTA_CONTROLLER_MUTATION_RATE, 2);	/* what is not said stays */
	a[1] = (struct pol_quota_alter){ .quota = { .entity = a[1].quota.entity }, .unset = 1u << RATE };
	c = alter(w, a, 2);
	assert_true(c.err == ALV_OK && c.changed == 2 && acme(w)->nquotas == 2);
	assert_true(limit(w, "User:al", "x", RATE) == 5 && limit(w, "User:al", "x", POL_QUOTA_CONTROLLER_MUTATION_RATE) == 2);
	assert_true(limit(w, "User:bob", "app", RATE) == -1);
	a[0].only = true;
	c = alter(w, a, 1);
	assert_true(c.changed == 1 && limit(w, "User:al", "x", RATE) == -1 && limit(w, "User:al", "x", POL_QUOTA_CONTROLLER_MUTATION_RATE) == 2);
	close_world(w);
	open_world(w);
	assert_true(limit(w, "User:al", "x", POL_QUOTA_CONTROLLER_MUTATION_RATE) == 2);
	assert_true(limit(w, "User:al", "app", POL_QUOTA_REQUEST_PERCENTAGE) == 0.5);
}

static void
all_are_replaced(void **state)
{
	struct world	      *w = *state;
	struct pol_quota_alter a[] = { set("al", NULL, RATE, 5), set("bob", NULL, RATE, 7) };
	struct con_change      c;

	a[0].quota.set |= 1u << POL_QUOTA_REQUEST_RATE;
	a[0].quota.value[POL_QUOTA_REQUEST_RATE] = 3;
	assert_int_equal(alter(w, a, 2).changed, 2);
	a[0] = set("al", NULL, RATE, 5);
	a[1] = set("carl", NULL, RATE, 9);
	c = kit_change(CON_QUOTA_ALTER, "acme");
	c.quotas_all = true;
	assert_int_equal(apply(w, c, a, 2).changed, 3);	/* al loses one limit, bob all, carl is new */
	assert_true(acme(w)->nquotas == 2 && limit(w, "User:al", "", POL_QUOTA_REQUEST_RATE) == -1 && limit(w, "User:carl", "", RATE) == 9);
	assert_int_equal(apply(w, c, a, 2).changed, 0);
	assert_int_equal(apply(w, c, NULL, 0).changed, 2);
	assert_int_equal(acme(w)->nquotas, 0);
}

static void
deleted_by_a_filter(void **state)
{
	struct world	      *w = *state;
	struct pol_quota_alter a[] = { set("al", NULL, RATE, 5), set("al", "app", RATE, 7), set(NULL, "app", RATE, 9) };
	struct con_change      c = kit_change(CON_QUOTA_DELETE, "acme");

	alter(w, a, 3);
	c.quota_filter.kinds = 1u << POL_QUOTA_OF_GROUP;
	assert_int_equal(apply(w, c, NULL, 0).changed, 0);
	c.quota_filter.kinds = 1u << POL_QUOTA_OF_CLIENT;
	c.quota_filter.part[1].fit = POL_QUOTA_FIT_NAME;
	c.quota_filter.part[1].name = ALV_STR("app");
	c.if_revision = 1;
	assert_int_equal(apply(w, c, NULL, 0).err, ALV_E_STALE);
	c.if_revision = 0;
	c.quotas = pol_quota_list_new();
	con_apply(&w->core, &c, NULL);
	assert_true(c.err == ALV_OK && c.changed == 2 && c.quotas->n == 2);
	assert_true(c.quotas->item[0].quota.value[RATE] + c.quotas->item[1].quota.value[RATE] == 16);
	con_apply(&w->core, &c, NULL);	/* what is to take the deleted is empty */
	assert_int_equal(c.err, ALV_E_VALUE);
	pol_quota_list_free(c.quotas);
	assert_true(acme(w)->nquotas == 1 && limit(w, "User:al", "app", RATE) == 5);
}

static void
refused(struct world *w, struct con_change c, enum alv_err err, const char *words)
{
	assert_int_equal(c.err, err);
	if (strstr(c.detail, words) == NULL)
		fail_msg("found \"%s\", expected \"%s\"", c.detail, words);
	assert_int_equal(acme(w)->nquotas, 0);
}

static void
judged_whole(void **state)
{
	struct world	      *w = *state;
	struct pol_quota_alter a[] = { set("al", NULL, RATE, 5), set("al", NULL, RATE, 7) };
	struct con_change      c = kit_change(CON_QUOTA_ALTER, "acme");

	refused(w, alter(w, a, 2), ALV_E_VALUE, "found an entity twice");
	a[1] = set("b", NULL, RATE, 0);
	refused(w, alter(w, a, 2), ALV_E_RANGE, "quotas[1].limits.producer_byte_rate: expected a number greater than 0");
	a[1] = set("b\n", NULL, RATE, 1);
	refused(w, alter(w, a, 2), ALV_E_VALUE, "quotas[1]: expected names of");
	a[1] = set("b", NULL, POL_QUOTA_TOPICS, 1);
	refused(w, alter(w, a, 2), ALV_E_UNSUPPORTED, "quotas[1].limits.topics: expected another entity");
	w->enforced[POL_QUOTA_REQUEST_RATE] = 1u << POL_QUOTA_OF_TENANT;
	a[1] = set("b", NULL, POL_QUOTA_REQUEST_RATE, 1);
	refused(w, alter(w, a, 2), ALV_E_UNSUPPORTED, "quotas[1].limits.request_rate: expected another key: this one is not enforced here");
	con_apply(&w->core, &c, NULL);
	refused(w, c, ALV_E_LENGTH, "found quotas of 0 entities");
	/* From inside the platform's are out of reach. */
	c.native = true;
	a[1] = (struct pol_quota_alter){ .quota = { .entity = { .kind = POL_QUOTA_OF_TENANT } }, .unset = 1u << RATE };
	refused(w, apply(w, c, a, 2), ALV_E_DENIED, "quotas[1]: expected a user, a client id or an address");
	a[1].quota.entity = (struct pol_quota_entity){ POL_QUOTA_OF_GROUP, { { POL_QUOTA_NAMED, ALV_STR("g") } } };
	refused(w, apply(w, c, a, 2), ALV_E_DENIED, "others are the platform's");
	c.quotas_all = true;
	refused(w, apply(w, c, a, 1), ALV_E_DENIED, "others are the platform's");
	c.op = CON_QUOTA_DELETE;
	refused(w, apply(w, c, a, 0), ALV_E_VALUE, "a filter and room");
	assert_int_equal(apply(w, kit_change(CON_QUOTA_ALTER, "nobody"), a, 1).err, ALV_E_NOT_FOUND);
}

static void
no_more_than_there_may_be(void **state)
{
	struct world		     *w = *state;
	static struct pol_quota_alter a[POL_QUOTA_ALTER_MAX + 1];
	static char		      name[POL_QUOTA_ALTER_MAX + 1][32];
	struct con_change	      c;

	for (int turn = 0; turn < POL_QUOTAS_MAX / POL_QUOTA_ALTER_MAX; turn++) {
		for (int i = 0; i <= POL_QUOTA_ALTER_MAX; i++) {
			snprintf(name[i], sizeof(name[i]), "%d-%d", turn, i);
			a[i] = set(name[i], NULL, RATE, 1);
		}
		assert_int_equal(alter(w, a, POL_QUOTA_ALTER_MAX).changed, POL_QUOTA_ALTER_MAX);
	}
	c = alter(w, a, POL_QUOTA_ALTER_MAX + 1);
	assert_int_equal(c.err, ALV_E_LENGTH);
	c = alter(w, &a[POL_QUOTA_ALTER_MAX], 1);
	assert_int_equal(c.err, ALV_E_LIMIT);
	assert_non_null(strstr(c.detail, "would have quotas of 2001 entities, expected at most 2000"));
	assert_true(c.changed == 0 && acme(w)->nquotas == POL_QUOTAS_MAX);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(altered_and_kept), T(all_are_replaced), T(deleted_by_a_filter), T(judged_whole),
		T(no_more_than_there_may_be) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
