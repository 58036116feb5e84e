/* A store, a directory and a board without threads: what con_judge and con_apply need. */
#ifndef CONTROL_TEST_WORLD_H
#define CONTROL_TEST_WORLD_H

#include <alcove/str.h>

#include "control/change.h"
#include "state/store_int.h"
#include "tests/unit/gateway/control/kit.h"

struct world {
	struct kit_place  place;
	struct alv_qsbr	 *qsbr;
	struct clu_board *board;
	struct con_core	  core;
	int		  published;
};

static inline void
count_publish(void *arg)
{
	((struct world *)arg)->published++;
}

static inline void
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
	w->core.iterations = 4096;
	w->core.on_publish = count_publish;
	w->core.arg = w;
	assert_int_equal(con_publish_all(&w->core), ALV_OK);
}

static inline void
close_world(struct world *w)
{
	sto_close(w->core.store);
	clu_board_free(w->board);
	pol_dir_free(w->core.dir);
	alv_qsbr_free(w->qsbr);
}

static inline int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	kit_place_make(&w->place);
	open_world(w);
	*state = w;
	return 0;
}

static inline int
teardown(void **state)
{
	struct world *w = *state;

	close_world(w);
	kit_place_drop(&w->place);
	free(w);
	return 0;
}

static const struct pol_tenant *
tenant(struct world *w, const char *id)
{
	struct pol_slot *s = pol_dir_find(w->core.dir, alv_str_of(id));

	return s == NULL ? NULL : pol_slot_load(s);
}

static const struct pol_scram keys[POL_MECHANISMS] = {
	{ .present = true, .iterations = 4096, .salt_n = 24, .salt = "s" }, { .present = true, .iterations = 4096, .salt_n = 24 },
};

static inline struct con_change
done(struct world *w, struct con_change c)
{
	con_apply(&w->core, &c, c.password[0] != '\0' ? keys : NULL);
	return c;
}

static inline void
ok(struct world *w, struct con_change c)
{
	c = done(w, c);
	if (c.err)
		fail_msg("%s: %s", alv_err_name(c.err), c.detail);
}

/* Refused with this error, these words in the text, and nothing published. */
static inline void
refused(struct world *w, struct con_change c, enum alv_err err, const char *words)
{
	int before = w->published;

	c = done(w, c);
	assert_int_equal(c.err, err);
	if (strstr(c.detail, words) == NULL)
		fail_msg("found \"%s\", expected \"%s\"", c.detail, words);
	assert_int_equal(w->published, before);
}

static inline struct con_change
adopting(const char *id)
{
	struct con_change c = kit_change(CON_TENANT_CREATE, id);

	c.adopt_prefix = true;
	return c;
}

#endif
