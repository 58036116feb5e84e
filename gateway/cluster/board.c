/* Where the current view hangs: one pointer, swapped by the control thread, read by everybody. The old view is retired,
 * not freed: a reader may hold it until its next quiet point. */
#include <alcove/cluster.h>

#include <stdatomic.h>
#include <stdlib.h>

struct clu_board {
	struct alv_qsbr		  *qsbr;
	_Atomic(struct clu_view *) view;
};

static void
free_view(void *v)
{
	clu_view_free(v);
}

struct clu_board *
clu_board_new(struct alv_qsbr *q)
{
	struct clu_board *b = malloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	b->qsbr = q;
	atomic_init(&b->view, NULL);
	return b;
}

void
clu_board_free(struct clu_board *b)
{
	if (b == NULL)
		return;
	clu_view_free(atomic_load(&b->view));
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
