/* Topics that were created or deleted through the gateway, laid over what brokers say, for the moment until they all
 * say it too: a client that created a topic must see it in its next Metadata, whichever broker we asked last.
 * Invariants: at most one entry for a name, the newest; an entry goes when a broker's own answer agrees with it, or
 * after LEARNED_US, whatever it says. */
#include "upstream/follower_state.h"

#include <alcove/str.h>

#include <stdlib.h>

enum { LEARNED_MAX = 4096 };
#define LEARNED_US 10000000ull

struct ups_learned {
	struct ups_learned *next;
	struct alv_uuid	    id;
	int32_t		    partitions;
	bool		    deleted;
	uint64_t	    until_us;
	struct alv_str	    name;	/* behind the struct */
};

void
ups_learned_free(struct ups_follower *f)
{
	while (f->learned != NULL) {
		struct ups_learned *x = f->learned;

		f->learned = x->next;
		free(x);
	}
	f->nlearned = 0;
}

static void
forget(struct ups_follower *f, struct alv_str name)
{
	for (struct ups_learned **at = &f->learned; *at != NULL; at = &(*at)->next) {
		struct ups_learned *x = *at;

		if (alv_str_eq(x->name, name)) {
			*at = x->next;
			free(x);
			f->nlearned--;
			return;
		}
	}
}

/* Which topic was deleted: the one that the view has under that name, where the caller did not know the id. */
static struct alv_uuid
id_of(struct ups_follower *f, struct alv_str name)
{
	const struct clu_view  *v = clu_board_load(f->board);
	const struct clu_topic *t = v == NULL ? NULL : clu_topic_find(v, name);

	return t == NULL ? (struct alv_uuid){ { 0 } } : t->id;
}

void
ups_learn(struct ups_follower *f, struct alv_str name, struct alv_uuid id, int32_t partitions, bool deleted)
{
	struct ups_learned *x;

	forget(f, name);
	/* Past the bound the next round brings it: later, never wrongly. */
	if (name.n == 0 || name.n > TEN_TOPIC_MAX || f->nlearned >= LEARNED_MAX)
		return;
	x = calloc(1, sizeof(*x) + name.n);
	if (x == NULL)
		return;
	memcpy(x + 1, name.p, name.n);
	x->name = alv_str_make(x + 1, name.n);
	x->id = deleted && alv_uuid_zero(id) ? id_of(f, name) : id;
	x->partitions = partitions;
	x->deleted = deleted;
	x->until_us = net_loop_now(f->loop) + LEARNED_US;
	x->next = f->learned;
	f->learned = x;
	f->nlearned++;
}

/* Does the broker's answer say the same? t: what it has under the name. */
static bool
agrees(const struct ups_learned *x, const struct clu_topic *t)
{
	if (x->deleted)
		return t == NULL || (!alv_uuid_zero(x->id) && !alv_uuid_eq(t->id, x->id));
	return t != NULL && (alv_uuid_zero(x->id) || alv_uuid_eq(t->id, x->id));
}

/* Drops what is no longer needed. */
static void
settle(struct ups_follower *f, const struct clu_view *v, bool fresh)
{
	uint64_t now = net_loop_now(f->loop);

	for (struct ups_learned **at = &f->learned; *at != NULL;) {
		struct ups_learned *x = *at;

		if (x->until_us > now && !(fresh && agrees(x, clu_topic_find(v, x->name)))) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		free(x);
		f->nlearned--;
	}
}

/* v's topics but for those that an entry replaces, then the entries themselves; how many. */
static size_t
merge(struct ups_follower *f, const struct clu_view *v, bool *drop, struct clu_topic *out)
{
	size_t n = 0;

	for (struct ups_learned *x = f->learned; x != NULL; x = x->next) {
		const struct clu_topic *t = clu_topic_find(v, x->name);

		if (agrees(x, t))
			continue;
		if (t != NULL)
			drop[t - v->topics] = true;
		if (!x->deleted)
			out[n++] = (struct clu_topic){ .name = x->name, .id = x->id, .partitions = x->partitions };
	}
	for (size_t i = 0; i < v->ntopics; i++) {
		if (!drop[i])
			out[n++] = v->topics[i];
	}
	return n;
}

struct clu_view *
ups_learned_apply(struct ups_follower *f, struct clu_view *v, bool fresh)
{
	struct clu_view	  parts, *built = NULL;
	struct clu_topic *topics;
	bool		 *drop;

	settle(f, v, fresh);
	if (f->learned == NULL)
		return v;
	parts = *v;
	topics = calloc(v->ntopics + f->nlearned, sizeof(*topics));
	drop = calloc(v->ntopics + 1, sizeof(*drop));
	if (topics != NULL && drop != NULL) {
		parts.ntopics = merge(f, v, drop, topics);
		parts.topics = topics;
		built = clu_view_build(&parts);
	}
	free(drop);
	free(topics);
	clu_view_free(v);
	return built;
}
