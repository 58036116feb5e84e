/* One broker's groups: one block of memory, sorted, so that a tenant's own are found without looking at the others'.
 * Invariant: no id is in it twice; all strings point into the block. */
#include <alcove/listing.h>
#include <alcove/str.h>

#include <stdlib.h>

static int
by_id(const void *a, const void *b)
{
	return alv_str_cmp(((const struct clu_group *)a)->id, ((const struct clu_group *)b)->id);
}

static size_t
text_bytes(const struct clu_groups *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += g->groups[i].id.n + g->groups[i].protocol.n + g->groups[i].state.n + g->groups[i].type.n;
	return n + 1;	/* an empty string needs an address that is not null */
}

static struct alv_str
take(char **text, struct alv_str s)
{
	char *p = *text;

	if (s.p == NULL)
		return s;
	memcpy(p, s.p, s.n);
	*text += s.n;
	return alv_str_make(p, s.n);
}

static size_t
drop_doubles(struct clu_group *all, size_t n)
{
	size_t kept = n > 0;

	for (size_t i = 1; i < n; i++)
		if (!alv_str_eq(all[kept - 1].id, all[i].id))
			all[kept++] = all[i];
	return kept;
}

struct clu_groups *
clu_groups_build(const struct clu_groups *parts)
{
	struct clu_groups *g = malloc(sizeof(*g) + parts->n * sizeof(*g->groups) + text_bytes(parts));
	struct clu_group  *all;
	char		  *text;

	if (g == NULL)
		return NULL;
	*g = *parts;
	all = (struct clu_group *)(g + 1);
	text = (char *)(all + parts->n);
	for (size_t i = 0; i < parts->n; i++) {
		const struct clu_group *x = &parts->groups[i];

		all[i].id = take(&text, x->id);
		all[i].protocol = take(&text, x->protocol);
		all[i].state = take(&text, x->state);
		all[i].type = take(&text, x->type);
	}
	if (g->n > 0)
		qsort(all, g->n, sizeof(*all), by_id);
	g->n = drop_doubles(all, g->n);
	g->groups = all;
	return g;
}

void
clu_groups_free(struct clu_groups *g)
{
	free(g);
}

/* The first one whose id, cut to the prefix' length, is not below it (past: is above it). */
static size_t
bound(const struct clu_groups *g, struct alv_str prefix, bool past)
{
	size_t lo = 0, hi = g->n;

	while (lo < hi) {
		size_t	       mid = lo + (hi - lo) / 2;
		struct alv_str head = g->groups[mid].id;
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
clu_groups_range(const struct clu_groups *g, struct alv_str prefix, const struct clu_group **first)
{
	size_t lo = bound(g, prefix, false), hi = bound(g, prefix, true);

	*first = g->groups + lo;
	return hi - lo;
}

const struct clu_group *
clu_groups_find(const struct clu_groups *g, struct alv_str id)
{
	struct clu_group key = { .id = id };

	return g->n == 0 || id.p == NULL ? NULL : bsearch(&key, g->groups, g->n, sizeof(key), by_id);
}
