/* Topics and partitions of one fetch session: two tables without gaps, with hash chains through them by number, so that
 * they may grow. Clients choose what is in there, so the hash has a random seed. Invariants: a topic is there while it has a
 * partition, and at one address as long; what goes is replaced by the last of its table. */
#include "api/fetch_session.h"

#include <alcove/str.h>

#include <stdlib.h>

enum { FIRST = 8 };
#define NONE UINT32_MAX

void
api_set_init(struct api_set *s, bool by_id, uint64_t seed)
{
	*s = (struct api_set){ .by_id = by_id, .seed = seed };
}

void
api_set_fini(struct api_set *s)
{
	for (uint32_t i = 0; i < s->ntopics; i++)
		free(s->topic[i]);
	free(s->topic);
	free(s->part);
	free(s->topics);
	free(s->parts);
	api_set_init(s, s->by_id, s->seed);
}

/* ---- chains ----------------------------------------------------------------------------------------- */

static uint32_t *
topic_chain(const struct api_set *s, struct alv_uuid id, struct alv_str phys)
{
	uint64_t h = s->by_id ? alv_hash(id.b, sizeof(id.b), s->seed) : alv_hash(phys.p, phys.n, s->seed);

	return &s->topics[h & (s->topic_slots - 1)];
}

static uint32_t *
part_chain(const struct api_set *s, const struct api_set_topic *t, int32_t index)
{
	const uint64_t key[2] = { (uintptr_t)t, (uint32_t)index };

	return &s->parts[alv_hash(key, sizeof(key), s->seed) & (s->part_slots - 1)];
}

/* The link that holds the number of what is looked for, or the chain's end. */
static uint32_t *
part_link(const struct api_set *s, const struct api_set_topic *t, int32_t index)
{
	uint32_t *at = part_chain(s, t, index);

	while (*at != NONE && (s->part[*at].topic != t || s->part[*at].index != index))
		at = &s->part[*at].next;
	return at;
}

static uint32_t *
new_chains(uint32_t n)
{
	uint32_t *p = malloc(n * sizeof(*p));

	if (p != NULL)
		memset(p, 0xff, n * sizeof(*p));
	return p;
}

/* Twice the places, each with a chain. */
static bool
grow_topics(struct api_set *s)
{
	uint32_t	       n = s->topic_slots == 0 ? FIRST : 2 * s->topic_slots;
	struct api_set_topic **topic = realloc(s->topic, n * sizeof(*topic));
	uint32_t	      *chains = topic == NULL ? NULL : new_chains(n);

	if (topic != NULL)
		s->topic = topic;
	if (chains == NULL)
		return false;
	s->bytes += (n - s->topic_slots) * (sizeof(*topic) + sizeof(*chains));
	s->topic_slots = n;
	free(s->topics);
	s->topics = chains;
	for (uint32_t i = 0; i < s->ntopics; i++) {
		uint32_t *at = topic_chain(s, topic[i]->w.id, topic[i]->w.phys);

		topic[i]->next = *at;
		*at = i;
	}
	return true;
}

static bool
grow_parts(struct api_set *s)
{
	uint32_t	     n = s->part_slots == 0 ? FIRST : 2 * s->part_slots;
	struct api_set_part *part = realloc(s->part, n * sizeof(*part));
	uint32_t	    *chains = part == NULL ? NULL : new_chains(n);

	if (part != NULL)
		s->part = part;
	if (chains == NULL)
		return false;
	s->bytes += (n - s->part_slots) * (sizeof(*part) + sizeof(*chains));
	s->part_slots = n;
	free(s->parts);
	s->parts = chains;
	for (uint32_t i = 0; i < s->nparts; i++) {
		uint32_t *at = part_chain(s, part[i].topic, part[i].index);

		part[i].next = *at;
		*at = i;
	}
	return true;
}

/* ---- looking ------------------------------------------------------------------------------------------ */

struct api_set_topic *
api_set_find(const struct api_set *s, struct alv_uuid id, struct alv_str phys)
{
	if (s->ntopics == 0)
		return NULL;
	for (uint32_t i = *topic_chain(s, id, phys); i != NONE; i = s->topic[i]->next) {
		struct api_set_topic *t = s->topic[i];

		if (s->by_id ? alv_uuid_eq(t->w.id, id) : alv_str_eq(t->w.phys, phys))
			return t;
	}
	return NULL;
}

bool
api_set_has(const struct api_set *s, const struct api_set_topic *t, int32_t index)
{
	return s->nparts > 0 && *part_link(s, t, index) != NONE;
}

/* ---- changing ----------------------------------------------------------------------------------------- */

static size_t
topic_bytes(const struct api_set_topic *t)
{
	return sizeof(*t) + t->w.phys.n + t->w.virt.n;
}

static struct api_set_topic *
add_topic(struct api_set *s, const struct api_wanted *w)
{
	struct api_set_topic *t;
	uint32_t	     *at;

	if (s->ntopics == s->topic_slots && !grow_topics(s))
		return NULL;
	t = malloc(sizeof(*t) + w->phys.n + w->virt.n);
	if (t == NULL)
		return NULL;
	memcpy(t->text, w->phys.p, w->phys.n);
	memcpy(t->text + w->phys.n, w->virt.p, w->virt.n);
	t->w = (struct api_wanted){ .id = w->id, .phys = alv_str_make(t->text, w->phys.n),
		.virt = alv_str_make(t->text + w->phys.n, w->virt.n) };
	t->nparts = 0;
	t->slot = s->ntopics++;
	s->topic[t->slot] = t;
	at = topic_chain(s, t->w.id, t->w.phys);
	t->next = *at;
	*at = t->slot;
	s->bytes += topic_bytes(t);
	return t;
}

static uint32_t *
topic_link(const struct api_set *s, const struct api_set_topic *t)
{
	uint32_t *at = topic_chain(s, t->w.id, t->w.phys);

	while (*at != t->slot)
		at = &s->topic[*at]->next;
	return at;
}

static void
drop_topic(struct api_set *s, struct api_set_topic *t)
{
	struct api_set_topic *last = s->topic[s->ntopics - 1];

	*topic_link(s, t) = t->next;
	if (last != t) {
		*topic_link(s, last) = t->slot;
		s->topic[t->slot] = last;
		last->slot = t->slot;
	}
	s->ntopics--;
	s->bytes -= topic_bytes(t);
	free(t);
}

bool
api_set_add(struct api_set *s, const struct api_wanted *w, int32_t index)
{
	struct api_set_topic *t = api_set_find(s, w->id, w->phys);
	uint32_t	     *at;

	if (t != NULL && api_set_has(s, t, index))
		return true;
	if ((s->nparts == s->part_slots && !grow_parts(s)) || (t == NULL && (t = add_topic(s, w)) == NULL))
		return false;
	at = part_chain(s, t, index);
	s->part[s->nparts] = (struct api_set_part){ .topic = t, .index = index, .next = *at };
	*at = s->nparts++;
	t->nparts++;
	return true;
}

void
api_set_remove(struct api_set *s, struct api_set_topic *t, int32_t index)
{
	uint32_t *at = s->nparts == 0 ? NULL : part_link(s, t, index), i, last = s->nparts - 1;

	if (at == NULL || *at == NONE)
		return;
	i = *at;
	*at = s->part[i].next;
	if (i != last) {
		*part_link(s, s->part[last].topic, s->part[last].index) = i;
		s->part[i] = s->part[last];
	}
	s->nparts--;
	if (--t->nparts == 0)
		drop_topic(s, t);
}
