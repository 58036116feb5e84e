/* See lane.h. Lanes are as many as tenants wait at one broker's gate: a list will do. */
#include "upstream/lane.h"

#include <stdlib.h>

struct ups_gate_lane {
	struct ups_gate_lane *next;
	uint64_t	      who;
	size_t		      n;
	struct ups_gate_pass *first, *last;
};

static struct ups_gate_lane *
find(const struct ups_lanes *s, uint64_t who)
{
	struct ups_gate_lane *l = s->first;

	while (l != NULL && l->who != who)
		l = l->next;
	return l;
}

static void
append(struct ups_lanes *s, struct ups_gate_lane *l)
{
	struct ups_gate_lane **at;

	for (at = &s->first; *at != NULL; at = &(*at)->next)
		;
	l->next = NULL;
	*at = l;
}

bool
ups_lanes_add(struct ups_lanes *s, struct ups_gate_pass *p)
{
	struct ups_gate_lane *l = find(s, p->who);

	if (l == NULL) {
		l = calloc(1, sizeof(*l));
		if (l == NULL)
			return false;
		l->who = p->who;
		append(s, l);
	}
	p->lane = l;
	p->next = NULL;
	p->prev = l->last;
	*(l->last == NULL ? &l->first : &l->last->next) = p;
	l->last = p;
	l->n++;
	s->n++;
	return true;
}

void
ups_lanes_remove(struct ups_lanes *s, struct ups_gate_pass *p)
{
	struct ups_gate_lane *l = p->lane, **at;

	*(p->prev == NULL ? &l->first : &p->prev->next) = p->next;
	*(p->next == NULL ? &l->last : &p->next->prev) = p->prev;
	p->lane = NULL;
	s->n--;
	if (--l->n > 0)
		return;
	for (at = &s->first; *at != l; at = &(*at)->next)
		;
	*at = l->next;
	free(l);
}

struct ups_gate_pass *
ups_lanes_next(struct ups_lanes *s)
{
	struct ups_gate_lane *l = s->first;

	s->first = l->next;
	append(s, l);
	return l->first;
}

struct ups_gate_pass *
ups_lanes_victim(const struct ups_lanes *s, uint64_t who)
{
	const struct ups_gate_lane *own = find(s, who), *most = s->first;

	for (const struct ups_gate_lane *l = s->first; l != NULL; l = l->next)
		if (l->n > most->n)
			most = l;
	return most != NULL && most->n > (own == NULL ? 0 : own->n) + 1 ? most->last : NULL;
}
