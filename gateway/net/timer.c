/* Timers: a pairing heap through the timers themselves, so that arming needs no memory and cannot fail.
 * Invariants: no child is due before its parent; prev is the parent of a first child, else the sibling before; the root
 * has neither prev nor next. */
#include <alcove/check.h>

#include "net/loop_int.h"

void
net_timer_init(struct net_loop *l, struct net_timer *t, net_timer_fn fn)
{
	*t = (struct net_timer){ .loop = l, .fn = fn };
}

static struct net_timer *
merge(struct net_timer *a, struct net_timer *b)
{
	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (b->at_us < a->at_us) {
		struct net_timer *x = a;

		a = b;
		b = x;
	}
	b->next = a->child;
	if (b->next != NULL)
		b->next->prev = b;
	b->prev = a;
	a->child = b;
	return a;
}

/* One heap out of a list of siblings: pairs from the left, then all pairs from the right. */
static struct net_timer *
merge_list(struct net_timer *first)
{
	struct net_timer *pairs = NULL, *root = NULL;

	while (first != NULL) {
		struct net_timer *a = first, *b = a->next, *pair;

		first = b == NULL ? NULL : b->next;
		a->next = a->prev = NULL;
		if (b != NULL)
			b->next = b->prev = NULL;
		pair = merge(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs != NULL) {
		struct net_timer *rest = pairs->next;

		pairs->next = NULL;
		root = merge(root, pairs);
		pairs = rest;
	}
	return root;
}

void
net_timer_stop(struct net_timer *t)
{
	struct net_loop	 *l = t->loop;
	struct net_timer *rest;

	if (!t->armed)
		return;
	rest = merge_list(t->child);
	if (t == l->timers) {
		l->timers = rest;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next != NULL)
			t->next->prev = t->prev;
		l->timers = merge(l->timers, rest);
	}
	t->child = t->next = t->prev = NULL;
	t->armed = false;
}

void
net_timer_set(struct net_timer *t, uint64_t at_us)
{
	struct net_loop *l = t->loop;

	net_timer_stop(t);
	if (l->in_timers && at_us <= l->now)
		at_us = l->now + 1;	/* else a timer that sets itself could hold the turn forever */
	t->at_us = at_us;
	t->armed = true;
	l->timers = merge(l->timers, t);
}

void
net_timers_run(struct net_loop *l)
{
	l->in_timers = true;
	while (l->timers != NULL && l->timers->at_us <= l->now) {
		struct net_timer *t = l->timers;

		net_timer_stop(t);
		t->fn(t);
		if (net_loop_spent(l))
			break;
	}
	l->in_timers = false;
}
