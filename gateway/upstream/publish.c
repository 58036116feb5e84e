/* From parts to a view on the board, and only when it says something new: readers rebuild what hangs on it.
 * Invariant: nothing with two topics of one name or one id is ever published. */
#include "upstream/follower_state.h"

#include <alcove/str.h>

static bool
topics_are_distinct(const struct clu_view *v)
{
	for (size_t i = 1; i < v->ntopics; i++) {
		if (alv_str_eq(v->topics[i - 1].name, v->topics[i].name))
			return false;
		if (alv_uuid_eq(v->by_id[i - 1]->id, v->by_id[i]->id) && !alv_uuid_zero(v->by_id[i]->id))
			return false;
	}
	return true;
}

static bool
same_brokers(const struct clu_view *a, const struct clu_view *b)
{
	if (a->nbrokers != b->nbrokers)
		return false;
	for (size_t i = 0; i < a->nbrokers; i++) {
		const struct clu_broker *x = &a->brokers[i], *y = &b->brokers[i];

		if (x->id != y->id || x->port != y->port || !alv_str_eq(x->host, y->host) || !alv_str_eq(x->rack, y->rack))
			return false;
	}
	return true;
}

static bool
same_topics(const struct clu_view *a, const struct clu_view *b)
{
	if (a->ntopics != b->ntopics)
		return false;
	for (size_t i = 0; i < a->ntopics; i++) {
		const struct clu_topic *x = &a->topics[i], *y = &b->topics[i];

		if (!alv_uuid_eq(x->id, y->id) || x->partitions != y->partitions || x->internal != y->internal ||
		    !alv_str_eq(x->name, y->name))
			return false;
	}
	return true;
}

static bool
same_offer(const struct clu_view *a, const struct clu_view *b)
{
	if (memcmp(a->apis, b->apis, sizeof(a->apis)) != 0 || a->nfeatures != b->nfeatures ||
	    a->features_epoch != b->features_epoch)
		return false;
	for (size_t i = 0; i < a->nfeatures; i++) {
		const struct clu_feature *x = &a->features[i], *y = &b->features[i];

		if (x->lo != y->lo || x->hi != y->hi || strcmp(x->name, y->name) != 0)
			return false;
	}
	return true;
}

/* The controller that Metadata names is a random broker with KRaft: no news. */
static bool
same(const struct clu_view *a, const struct clu_view *b)
{
	return alv_str_eq(a->cluster_id, b->cluster_id) && same_brokers(a, b) && same_topics(a, b) && same_offer(a, b);
}

/* Topics are those of the view that is there: the rest is compared without building them anew. */
static bool
only_brokers_and_same(struct ups_follower *f, const struct clu_view *now, const struct clu_view *parts)
{
	struct clu_view	 few = *parts;
	struct clu_view *v;
	bool		 is;

	if (now == NULL || parts->topics != now->topics || parts->ntopics != now->ntopics || f->learned != NULL)
		return false;
	few.ntopics = 0;
	v = clu_view_build(&few);
	is = v != NULL && alv_str_eq(now->cluster_id, v->cluster_id) && same_brokers(now, v) && same_offer(now, v);
	clu_view_free(v);
	return is;
}

enum alv_err
ups_view_publish(struct ups_follower *f, const struct clu_view *parts, bool fresh)
{
	const struct clu_view *now = clu_board_load(f->board);
	struct clu_view	      *v;

	if (only_brokers_and_same(f, now, parts))
		return ALV_OK;
	v = clu_view_build(parts);
	if (v != NULL)
		v = ups_learned_apply(f, v, fresh);
	if (v == NULL)
		return ALV_E_NOMEM;
	if (!topics_are_distinct(v)) {
		clu_view_free(v);
		return ALV_E_VALUE;
	}
	if (now != NULL && same(now, v)) {
		clu_view_free(v);
		return ALV_OK;
	}
	v->generation = now == NULL ? 1 : now->generation + 1;
	clu_board_publish(f->board, v);
	f->on_change(f->arg);
	return ALV_OK;
}

void
ups_publish(struct ups_follower *f)
{
	const struct clu_view *now = clu_board_load(f->board);

	/* Without memory the next round brings it. */
	if (now != NULL && ups_view_publish(f, now, false))
		ups_refresh(f);
}
