/* A worker's cache of topic ids, so that a Fetch by id costs no question to another thread.
 *
 * A fixed table of entries with hash chains through it, and a clock hand for eviction: an entry that was used since the
 * hand passed gets a second chance. Ids come from clients, so the hash has a random seed, and entries that say "does not
 * exist" never earn that second chance: guessed ids cannot push out the real ones for long.
 * Invariants: an entry is on exactly one chain while `used`, else on the free list; name NULL with used: negative,
 * believed until until_us. Ids without a topic (zero) are never stored. */
#include <alcove/cluster.h>
#include <alcove/str.h>

#include <stdlib.h>
#include <sys/random.h>

enum { NAME_MAX_BYTES = 249, ENTRIES_MAX = 1 << 24 };
#define NONE UINT32_MAX

struct entry {
	struct alv_uuid id;
	char	       *name;
	uint64_t	until_us;
	uint32_t	next;	/* on the chain or the free list */
	uint8_t		name_n;
	bool		used, touched;
};

struct clu_ids {
	struct entry *entry;
	uint32_t     *bucket;
	uint32_t      nentries, nbuckets;	/* nbuckets: a power of two */
	uint32_t      fresh;			/* entries from here on were never used */
	uint32_t      free_list, hand;
	uint64_t      seed;
};

static uint32_t
power_above(size_t n)
{
	uint32_t p = 16;

	while (p < n)
		p *= 2;
	return p;
}

struct clu_ids *
clu_ids_new(size_t max_entries)
{
	struct clu_ids *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	if (max_entries == 0)
		max_entries = 1;
	if (max_entries > ENTRIES_MAX)
		max_entries = ENTRIES_MAX;
	c->nentries = (uint32_t)max_entries;
	c->nbuckets = power_above(max_entries);
	c->free_list = NONE;
	c->entry = calloc(c->nentries, sizeof(*c->entry));
	c->bucket = malloc(c->nbuckets * sizeof(*c->bucket));
	if (c->entry == NULL || c->bucket == NULL ||
	    getrandom(&c->seed, sizeof(c->seed), 0) != (ssize_t)sizeof(c->seed)) {
		clu_ids_free(c);
		return NULL;
	}
	memset(c->bucket, 0xff, c->nbuckets * sizeof(*c->bucket));
	return c;
}

void
clu_ids_free(struct clu_ids *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; c->entry != NULL && i < c->fresh; i++)
		free(c->entry[i].name);
	free(c->entry);
	free(c->bucket);
	free(c);
}

static uint32_t *
chain_of(struct clu_ids *c, struct alv_uuid id)
{
	return &c->bucket[alv_hash(id.b, sizeof(id.b), c->seed) & (c->nbuckets - 1)];
}

/* The link that holds the entry's number, or the chain's end. */
static uint32_t *
link_of(struct clu_ids *c, struct alv_uuid id)
{
	uint32_t *at = chain_of(c, id);

	while (*at != NONE && !alv_uuid_eq(c->entry[*at].id, id))
		at = &c->entry[*at].next;
	return at;
}

static void
drop(struct clu_ids *c, uint32_t *at)
{
	uint32_t      i = *at;
	struct entry *e = &c->entry[i];

	*at = e->next;
	free(e->name);
	*e = (struct entry){ .next = c->free_list };
	c->free_list = i;
}

/* The hand goes round at most twice: the first round takes every second chance away. */
static void
evict_one(struct clu_ids *c)
{
	for (;;) {
		struct entry *e = &c->entry[c->hand];

		c->hand = (c->hand + 1) % c->nentries;
		if (!e->used)
			continue;
		if (!e->touched) {
			drop(c, link_of(c, e->id));
			return;
		}
		e->touched = false;
	}
}

static uint32_t
take_entry(struct clu_ids *c)
{
	uint32_t i;

	if (c->free_list == NONE && c->fresh < c->nentries)
		return c->fresh++;
	if (c->free_list == NONE)
		evict_one(c);
	i = c->free_list;
	c->free_list = c->entry[i].next;
	return i;
}

enum alv_err
clu_ids_find(struct clu_ids *c, const struct clu_view *v, struct alv_uuid id, uint64_t now_us, struct alv_str *name)
{
	uint32_t	       *at = link_of(c, id);
	struct entry	       *e = *at == NONE ? NULL : &c->entry[*at];
	const struct clu_topic *t;

	if (alv_uuid_zero(id))
		return ALV_E_NOT_FOUND;
	if (e != NULL && e->name != NULL) {
		e->touched = true;
		*name = alv_str_make(e->name, e->name_n);
		return ALV_OK;
	}
	/* The view is newer than a negative entry could know: a topic that was just created is in it. */
	t = v == NULL ? NULL : clu_topic_by_id(v, id);
	if (t != NULL) {
		*name = t->name;
		return ALV_OK;
	}
	if (e == NULL)
		return ALV_E_AGAIN;
	if (now_us < e->until_us)
		return ALV_E_NOT_FOUND;
	drop(c, at);
	return ALV_E_AGAIN;
}

static char *
copy_of(struct alv_str s)
{
	char *p = malloc(s.n + 1);

	if (p != NULL)
		memcpy(p, s.p, s.n);
	return p;
}

void
clu_ids_learn(struct clu_ids *c, struct alv_uuid id, struct alv_str name, uint64_t now_us)
{
	char	     *copy = NULL;
	uint32_t      i, *chain;
	struct entry *e;

	if (alv_uuid_zero(id) || name.n > NAME_MAX_BYTES)
		return;
	if (name.p != NULL && (copy = copy_of(name)) == NULL)
		return;
	clu_ids_forget(c, id);
	i = take_entry(c);
	chain = chain_of(c, id);
	e = &c->entry[i];
	*e = (struct entry){ .id = id, .name = copy, .name_n = (uint8_t)name.n, .used = true, .next = *chain };
	if (copy == NULL)
		e->until_us = now_us + (uint64_t)CLU_ID_NEGATIVE_MS * 1000;
	*chain = i;
}

void
clu_ids_forget(struct clu_ids *c, struct alv_uuid id)
{
	uint32_t *at = link_of(c, id);

	if (*at != NONE)
		drop(c, at);
}
