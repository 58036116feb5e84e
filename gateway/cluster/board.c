/* Where the current view hangs, and the lists of brokers' groups: pointers, swapped by the control thread, read by everybody.
 * What was there before is retired, not freed: a reader may hold it until its next quiet point. */
#include <alcove/listing.h>
#include <alcove/str.h>

#include <stdatomic.h>
#include <stdlib.h>

/* All brokers' lists: few, so a reader looks at one after the other. */
struct lists {
	size_t		   n;
	struct clu_groups *of[];
};

/* Tenants by a hash of their ids: no memory for each, and nothing to take away when one goes. */
enum { NEWS_PLACES = 1024 };

struct clu_board {
	struct alv_qsbr		  *qsbr;
	_Atomic(struct clu_view *) view;
	_Atomic(struct lists *)	   lists;
	_Atomic uint64_t	   news[CLU_NEWS][NEWS_PLACES];
};

static void
free_view(void *v)
{
	clu_view_free(v);
}

struct clu_board *
clu_board_new(struct alv_qsbr *q)
{
	struct clu_board *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->qsbr = q;
	return b;
}

void
clu_board_free(struct clu_board *b)
{
	struct lists *l;

	if (b == NULL)
		return;
	clu_view_free(atomic_load(&b->view));
	l = atomic_load(&b->lists);
	for (size_t i = 0; l != NULL && i < l->n; i++)
		clu_groups_free(l->of[i]);
	free(l);
	free(b);
}

const struct clu_view *
clu_board_load(const struct clu_board *b)
{
	/* Sequentially consistent, as the reader's mark in alv_qsbr_quiet: the load may not move before it. */
	return atomic_load(&b->view);
}

void
clu_board_publish(struct clu_board *b, struct clu_view *v)
{
	struct clu_view *old = atomic_exchange(&b->view, v);

	if (old != NULL)
		alv_qsbr_retire(b->qsbr, old, free_view);
}

/* ---- groups -------------------------------------------------------------------------------------------- */

static void
free_groups(void *g)
{
	clu_groups_free(g);
}

const struct clu_groups *
clu_board_groups(const struct clu_board *b, int32_t node)
{
	const struct lists *l = atomic_load(&b->lists);

	for (size_t i = 0; l != NULL && i < l->n; i++)
		if (l->of[i]->node == node)
			return l->of[i];
	return NULL;
}

/* The lists without that of `node`, with room for one more; *old: what it was. NULL: out of memory. */
static struct lists *
without(const struct lists *now, int32_t node, struct clu_groups **old)
{
	size_t	      n = now == NULL ? 0 : now->n;
	struct lists *l = malloc(sizeof(*l) + (n + 1) * sizeof(struct clu_groups *));

	*old = NULL;
	if (l == NULL)
		return NULL;
	l->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (now->of[i]->node == node)
			*old = now->of[i];
		else
			l->of[l->n++] = now->of[i];
	}
	return l;
}

static void
swap(struct clu_board *b, struct lists *l, struct clu_groups *old)
{
	struct lists *before = atomic_exchange(&b->lists, l);

	if (before != NULL)
		alv_qsbr_retire(b->qsbr, before, free);
	if (old != NULL)
		alv_qsbr_retire(b->qsbr, old, free_groups);
}

enum alv_err
clu_board_put_groups(struct clu_board *b, struct clu_groups *g)
{
	struct clu_groups *old;
	struct lists	  *l = without(atomic_load(&b->lists), g->node, &old);

	if (l == NULL)
		return ALV_E_NOMEM;
	l->of[l->n++] = g;
	swap(b, l, old);
	return ALV_OK;
}

void
clu_board_drop_groups(struct clu_board *b, int32_t node)
{
	struct clu_groups *old;
	struct lists	  *l = without(atomic_load(&b->lists), node, &old);

	/* Without memory it stays, and is too old for everybody. */
	if (l != NULL)
		swap(b, l, old);
}

/* ---- news ---------------------------------------------------------------------------------------------- */

static size_t
place(struct alv_str tenant)
{
	return alv_hash(tenant.p, tenant.n, 0) % NEWS_PLACES;
}

void
clu_board_note(struct clu_board *b, enum clu_news what, struct alv_str tenant, uint64_t now_us)
{
	_Atomic uint64_t *at = &b->news[what][place(tenant)];
	uint64_t	  was = atomic_load(at);

	while (was < now_us && !atomic_compare_exchange_weak(at, &was, now_us))
		;
}

uint64_t
clu_board_noted(const struct clu_board *b, enum clu_news what, struct alv_str tenant)
{
	return atomic_load(&b->news[what][place(tenant)]);
}
