/* See share_session.h. */
#include "api/share_session.h"
#include "api/counts.h"

#include <stdlib.h>

struct api_shares {
	struct api_share *first;
	unsigned	  n;
	uint64_t	  serials;
};

/* ---- the table of a connection -------------------------------------------------------------------------- */

static bool
is_of(const struct api_share *s, struct alv_str group, struct alv_str member)
{
	return alv_str_eq(alv_str_make(s->key, s->group_n), group) &&
	    alv_str_eq(alv_str_make(s->key + s->group_n, s->member_n), member);
}

struct api_share *
api_share_find(const struct api_conn *c, struct alv_str group, struct alv_str member)
{
	struct api_share *s = c->shares == NULL ? NULL : c->shares->first;

	while (s != NULL && !is_of(s, group, member))
		s = s->next;
	return s;
}

static void
free_share(const struct api_conn *c, struct api_share *s)
{
	api_count_share_ends(c, s->serial);
	free(s->part);
	free(s);
}

void
api_share_close(struct api_conn *c, uint64_t serial)
{
	struct api_share **at = c->shares == NULL ? NULL : &c->shares->first, *s;

	while (at != NULL && *at != NULL && (*at)->serial != serial)
		at = &(*at)->next;
	if (at == NULL || *at == NULL)
		return;
	s = *at;
	*at = s->next;
	c->shares->n--;
	free_share(c, s);
	api_conn_weigh(c);
}

static struct api_share *
make(struct api_shares *all, struct alv_str group, struct alv_str member)
{
	struct api_share *s = calloc(1, sizeof(*s) + group.n + member.n);

	if (s == NULL)
		return NULL;
	s->group_n = group.n;
	s->member_n = member.n;
	memcpy(s->key, group.p, group.n);
	memcpy(s->key + group.n, member.p, member.n);
	s->serial = ++all->serials;
	s->next = all->first;
	all->first = s;
	all->n++;
	return s;
}

struct api_share *
api_share_open(struct api_conn *c, struct alv_str group, struct alv_str member)
{
	struct api_share *old = api_share_find(c, group, member), *s;

	if (old != NULL)
		api_share_close(c, old->serial);
	if (c->shares == NULL)
		c->shares = calloc(1, sizeof(*c->shares));
	if (c->shares == NULL || c->shares->n >= API_SHARES_MAX || !api_count_share(c, c->shares->serials + 1))
		return NULL;
	s = make(c->shares, group, member);
	if (s == NULL)
		api_count_share_ends(c, c->shares->serials + 1);
	return s;
}

size_t
api_shares_weight(const struct api_conn *c)
{
	size_t n = 0;

	for (const struct api_share *s = c->shares == NULL ? NULL : c->shares->first; s != NULL; s = s->next)
		n += sizeof(*s) + s->group_n + s->member_n + s->room * sizeof(*s->part);
	return n;
}

void
api_shares_fini(struct api_conn *c)
{
	struct api_share *next;

	if (c->shares == NULL)
		return;
	for (struct api_share *s = c->shares->first; s != NULL; s = next) {
		next = s->next;
		free_share(c, s);
	}
	free(c->shares);
	c->shares = NULL;
}

/* ---- the partitions of one ------------------------------------------------------------------------------- */

static int
order(const void *a, const void *b)
{
	const struct api_share_part *x = a, *y = b;
	int			     ids = memcmp(x->id.b, y->id.b, sizeof(x->id.b));

	return ids != 0 ? ids : (x->index > y->index) - (x->index < y->index);
}

struct api_share_part *
api_share_part(const struct api_share *s, struct alv_uuid id, int32_t index)
{
	struct api_share_part key = { .id = id, .index = index };

	return s->sorted == 0 ? NULL : bsearch(&key, s->part, s->sorted, sizeof(key), order);
}

static bool
widen(struct api_share *s)
{
	uint32_t	       room = s->room == 0 ? 8 : s->room * 2;
	struct api_share_part *more = realloc(s->part, room * sizeof(*more));

	if (more == NULL)
		return false;
	s->part = more;
	s->room = room;
	return true;
}

bool
api_share_name(struct api_share *s, struct alv_uuid id, int32_t index)
{
	struct api_share_part *p = api_share_part(s, id, index);

	if (p != NULL) {
		p->named = true;
		return true;
	}
	if (s->n >= API_SHARE_PARTS_MAX || (s->n == s->room && !widen(s)))
		return false;
	s->part[s->n++] = (struct api_share_part){ .id = id, .index = index, .named = true };
	return true;
}

void
api_share_sort(struct api_share *s)
{
	uint32_t kept = 0;

	if (s->n == s->sorted)
		return;
	qsort(s->part, s->n, sizeof(*s->part), order);
	for (uint32_t i = 0; i < s->n; i++) {
		struct api_share_part *p = &s->part[i];

		if (kept > 0 && order(&s->part[kept - 1], p) == 0) {
			s->part[kept - 1].up |= p->up;
			s->part[kept - 1].named |= p->named;
			continue;
		}
		s->part[kept++] = *p;
	}
	s->n = s->sorted = kept;
}

void
api_share_settle(struct api_conn *c, struct api_share *s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		if (s->part[i].gone)
			continue;
		s->part[kept] = s->part[i];
		s->part[kept++].named = false;
	}
	s->n = s->sorted = kept;
	api_conn_weigh(c);
}
