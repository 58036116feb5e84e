/* The view of the physical cluster: one block of memory, so that publishing and freeing are one pointer each.
 * Invariants: brokers are sorted by id, topics by name, by_id by topic id; all strings point into the block.
 * What a cluster may hold is the follower's to check: here equal keys are only sorted beside each other. */
#include <alcove/cluster.h>
#include <alcove/str.h>

#include <stdlib.h>

/* Where the next array or string goes. */
struct room {
	char *p;
};

static size_t
aligned(size_t n)
{
	return (n + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
}

static size_t
string_bytes(const struct clu_view *v)
{
	size_t n = v->cluster_id.n;

	for (size_t i = 0; i < v->nbrokers; i++)
		n += v->brokers[i].host.n + v->brokers[i].rack.n;
	for (size_t i = 0; i < v->ntopics; i++)
		n += v->topics[i].name.n;
	/* A byte more for each: an empty string needs an address that is not null. */
	return n + 1 + v->nbrokers * 2 + v->ntopics;
}

static void *
take(struct room *r, size_t n)
{
	void *p = r->p;

	r->p += aligned(n);
	return p;
}

static struct alv_str
take_str(struct room *r, struct alv_str s)
{
	char *p = r->p;

	if (s.p == NULL)
		return ALV_STR_NULL;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	r->p += s.n + 1;
	return alv_str_make(p, s.n);
}

static int
by_broker_id(const void *a, const void *b)
{
	int32_t x = ((const struct clu_broker *)a)->id, y = ((const struct clu_broker *)b)->id;

	return (x > y) - (x < y);
}

static int
by_name(const void *a, const void *b)
{
	return alv_str_cmp(((const struct clu_topic *)a)->name, ((const struct clu_topic *)b)->name);
}

static int
by_topic_id(const void *a, const void *b)
{
	const struct clu_topic *const *x = a, *const *y = b;

	return memcmp((*x)->id.b, (*y)->id.b, sizeof((*x)->id.b));
}

static const struct clu_broker *
take_brokers(struct room *r, struct room *text, const struct clu_view *parts)
{
	struct clu_broker *b = take(r, parts->nbrokers * sizeof(*b));

	for (size_t i = 0; i < parts->nbrokers; i++) {
		b[i] = parts->brokers[i];
		b[i].host = take_str(text, b[i].host);
		b[i].rack = take_str(text, b[i].rack);
	}
	if (parts->nbrokers > 0)
		qsort(b, parts->nbrokers, sizeof(*b), by_broker_id);
	return b;
}

static const struct clu_topic *
take_topics(struct room *r, struct room *text, const struct clu_view *parts)
{
	struct clu_topic *t = take(r, parts->ntopics * sizeof(*t));

	for (size_t i = 0; i < parts->ntopics; i++) {
		t[i] = parts->topics[i];
		t[i].name = take_str(text, t[i].name);
	}
	if (parts->ntopics > 0)
		qsort(t, parts->ntopics, sizeof(*t), by_name);
	return t;
}

static const struct clu_topic *const *
take_index(struct room *r, const struct clu_topic *topics, size_t n)
{
	const struct clu_topic **ids = take(r, n * sizeof(*ids));

	for (size_t i = 0; i < n; i++)
		ids[i] = &topics[i];
	if (n > 0)
		qsort(ids, n, sizeof(*ids), by_topic_id);
	return ids;
}

struct clu_view *
clu_view_build(const struct clu_view *parts)
{
	size_t arrays = aligned(sizeof(*parts)) + aligned(parts->nbrokers * sizeof(*parts->brokers)) +
	    aligned(parts->ntopics * sizeof(*parts->topics)) + aligned(parts->ntopics * sizeof(*parts->by_id));
	struct clu_view *v = malloc(arrays + string_bytes(parts));
	struct room	 room = { (char *)v }, text = { (char *)v + arrays };

	if (v == NULL)
		return NULL;
	(void)take(&room, sizeof(*v));
	*v = *parts;
	v->cluster_id = take_str(&text, parts->cluster_id);
	v->brokers = take_brokers(&room, &text, parts);
	v->topics = take_topics(&room, &text, parts);
	v->by_id = take_index(&room, v->topics, v->ntopics);
	return v;
}

void
clu_view_free(struct clu_view *v)
{
	free(v);
}

const struct clu_broker *
clu_broker_find(const struct clu_view *v, int32_t id)
{
	struct clu_broker key = { .id = id };

	if (v->nbrokers == 0)
		return NULL;
	return bsearch(&key, v->brokers, v->nbrokers, sizeof(key), by_broker_id);
}

const struct clu_topic *
clu_topic_find(const struct clu_view *v, struct alv_str name)
{
	struct clu_topic key = { .name = name };

	if (v->ntopics == 0 || name.p == NULL)
		return NULL;
	return bsearch(&key, v->topics, v->ntopics, sizeof(key), by_name);
}

const struct clu_topic *
clu_topic_by_id(const struct clu_view *v, struct alv_uuid id)
{
	struct clu_topic		key = { .id = id };
	const struct clu_topic	       *p = &key;
	const struct clu_topic *const *hit;

	/* The zero id means "none": a topic without an id is not found by it. */
	if (v->ntopics == 0 || alv_uuid_zero(id))
		return NULL;
	hit = bsearch(&p, v->by_id, v->ntopics, sizeof(p), by_topic_id);
	return hit == NULL ? NULL : *hit;
}

/* The first topic whose name, cut to the prefix' length, is not below it (past: is above it). */
static size_t
bound(const struct clu_view *v, struct alv_str prefix, bool past)
{
	size_t lo = 0, hi = v->ntopics;

	while (lo < hi) {
		size_t	       mid = lo + (hi - lo) / 2;
		struct alv_str head = v->topics[mid].name;
		int	       c;

		if (head.n > prefix.n)
			head.n = prefix.n;
		c = alv_str_cmp(head, prefix);
		if (c < 0 || (past && c == 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

size_t
clu_topic_range(const struct clu_view *v, struct alv_str prefix, const struct clu_topic **first)
{
	size_t lo = bound(v, prefix, false), hi = bound(v, prefix, true);

	*first = v->topics + lo;
	return hi - lo;
}
