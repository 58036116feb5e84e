/* The directory: tenant id -> slot -> current snapshot, read without locks.
 * One immutable index, sorted by id, serves finding and listing; it is replaced when an id is seen for the first time.
 * Invariants: slots are never freed while the directory lives, so their addresses may be kept; a slot whose snapshot
 * is NULL stands for a tenant that is gone. Readers' loads are sequentially consistent, as qsbr's counting needs. */
#include <alcove/check.h>
#include <alcove/policy.h>
#include <alcove/str.h>

#include "policies/dir_hosts.h"

#include <stdatomic.h>
#include <stdlib.h>

struct pol_slot {
	_Atomic(struct pol_tenant *) snapshot;
	_Atomic uint64_t	     trust;
	_Atomic bool		     full;
	_Atomic uint32_t	     requests;	/* in flight */
	_Atomic uint64_t	     bytes;
	size_t			     n;
	char			     id[TEN_ID_MAX + 1];
};

struct index {
	size_t		 n;
	struct pol_slot *slots[];
};

struct pol_dir {
	_Atomic(struct index *) index;
	_Atomic uint64_t	generation;
	struct pol_hosts       *hosts;
	struct alv_qsbr	       *q;
};

struct pol_dir *
pol_dir_new(struct alv_qsbr *q)
{
	struct pol_dir *d = calloc(1, sizeof(*d));
	struct index   *x = calloc(1, sizeof(*x));

	if (d != NULL)
		d->hosts = pol_hosts_new();
	if (d == NULL || x == NULL || d->hosts == NULL) {
		if (d != NULL)
			pol_hosts_free(d->hosts);
		free(d);
		free(x);
		return NULL;
	}
	d->q = q;
	atomic_init(&d->index, x);
	return d;
}

void
pol_dir_free(struct pol_dir *d)
{
	struct index *x;

	if (d == NULL)
		return;
	x = atomic_load(&d->index);
	for (size_t i = 0; i < x->n; i++) {
		pol_tenant_free(atomic_load(&x->slots[i]->snapshot));
		free(x->slots[i]);
	}
	free(x);
	pol_hosts_free(d->hosts);
	free(d);
}

struct alv_str
pol_slot_id(const struct pol_slot *s)
{
	return alv_str_make(s->id, s->n);
}

const struct pol_tenant *
pol_slot_load(const struct pol_slot *s)
{
	return atomic_load(&s->snapshot);
}

uint64_t
pol_slot_trust(const struct pol_slot *s)
{
	return atomic_load(&s->trust);
}

bool
pol_slot_full(const struct pol_slot *s)
{
	return atomic_load_explicit(&s->full, memory_order_relaxed);
}

void
pol_slot_set_full(struct pol_slot *s, bool full)
{
	atomic_store_explicit(&s->full, full, memory_order_relaxed);
}

static bool
counts_flight(const struct pol_tenant *t)
{
	const uint32_t keys = 1u << POL_QUOTA_IN_FLIGHT_REQUESTS | 1u << POL_QUOTA_IN_FLIGHT_BYTES;

	return t != NULL && (t->quota_keys[POL_QUOTA_OF_TENANT] & keys) != 0;
}

bool
pol_slot_take_off(struct pol_slot *s, uint64_t bytes)
{
	if (!counts_flight(pol_slot_load(s)))
		return false;
	atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->bytes, bytes, memory_order_relaxed);
	return true;
}

void
pol_slot_land(struct pol_slot *s, uint64_t bytes)
{
	atomic_fetch_sub_explicit(&s->requests, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&s->bytes, bytes, memory_order_relaxed);
}

bool
pol_slot_crowded(const struct pol_slot *s)
{
	const struct pol_tenant *t = pol_slot_load(s);
	struct pol_quota_cell	 c;

	if (!counts_flight(t))
		return false;
	if (pol_quota_tenant(t, POL_QUOTA_IN_FLIGHT_REQUESTS, &c) && atomic_load_explicit(&s->requests, memory_order_relaxed) >= c.limit)
		return true;
	return pol_quota_tenant(t, POL_QUOTA_IN_FLIGHT_BYTES, &c) &&
	    (double)atomic_load_explicit(&s->bytes, memory_order_relaxed) >= c.limit;
}

/* Where the first id not below `id` is. */
static size_t
lower_bound(const struct index *x, struct alv_str id)
{
	size_t lo = 0, hi = x->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (alv_str_cmp(pol_slot_id(x->slots[mid]), id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool
holds_at(const struct index *x, size_t i, struct alv_str id)
{
	return i < x->n && alv_str_eq(pol_slot_id(x->slots[i]), id);
}

struct pol_slot *
pol_dir_find(const struct pol_dir *d, struct alv_str id)
{
	const struct index *x = atomic_load(&d->index);
	size_t		    i;

	if (id.p == NULL)
		return NULL;
	i = lower_bound(x, id);
	return holds_at(x, i, id) && pol_slot_load(x->slots[i]) != NULL ? x->slots[i] : NULL;
}

bool
pol_dir_find_host(const struct pol_dir *d, struct alv_str host, struct pol_slot **slot, const struct ten_own **own, int32_t *node)
{
	char   key[TEN_OWN_KEY];
	size_t n;

	for (unsigned i = 0; (n = ten_own_key(host, i, key)) > 0; i++) {
		const struct pol_tenant *t;

		*slot = pol_hosts_find(d->hosts, alv_str_make(key, n));
		t = *slot == NULL ? NULL : pol_slot_load(*slot);
		/* The table may be a moment ahead of the snapshot: the snapshot says. */
		for (size_t k = 0; t != NULL && t->state == POL_ACTIVE && k < t->nown; k++)
			if (ten_own_read(&t->own[k], host, node)) {
				*own = &t->own[k];
				return true;
			}
	}
	return false;
}

size_t
pol_dir_list(const struct pol_dir *d, struct alv_str after, const struct pol_tenant **out, size_t n)
{
	const struct index *x = atomic_load(&d->index);
	size_t		    found = 0, i = 0;

	if (after.p != NULL) {
		i = lower_bound(x, after);
		i += holds_at(x, i, after);
	}
	for (; i < x->n && found < n; i++) {
		const struct pol_tenant *t = pol_slot_load(x->slots[i]);

		if (t != NULL)
			out[found++] = t;
	}
	return found;
}

uint64_t
pol_dir_generation(const struct pol_dir *d)
{
	return atomic_load(&d->generation);
}

static struct pol_slot *
new_slot(struct alv_str id, struct pol_tenant *t)
{
	struct pol_slot *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	memcpy(s->id, id.p, id.n);
	s->n = id.n;
	atomic_init(&s->snapshot, t);
	return s;
}

/* A new index with one slot more, at place i. */
static enum alv_err
insert(struct pol_dir *d, struct index *old, size_t i, struct alv_str id, struct pol_tenant *t)
{
	struct index	*x = malloc(sizeof(*x) + (old->n + 1) * sizeof(x->slots[0]));
	struct pol_slot *s = new_slot(id, t);

	if (x == NULL || s == NULL || pol_hosts_change(d->hosts, d->q, s, NULL, t)) {
		free(x);
		free(s);
		return ALV_E_NOMEM;
	}
	x->n = old->n + 1;
	memcpy(x->slots, old->slots, i * sizeof(x->slots[0]));
	x->slots[i] = s;
	memcpy(x->slots + i + 1, old->slots + i, (old->n - i) * sizeof(x->slots[0]));
	atomic_store(&d->index, x);
	alv_qsbr_retire(d->q, old, free);
	return ALV_OK;
}

/* Is it another tenant in the eyes of those who were let in before? */
static bool
broken(const struct pol_tenant *old, const struct pol_tenant *t)
{
	if (old == NULL || t == NULL)
		return old != t;
	return old->state != t->state || memcmp(old->cluster_id, t->cluster_id, sizeof(t->cluster_id)) != 0;
}

static void
free_tenant(void *p)
{
	pol_tenant_free(p);
}

enum alv_err
pol_dir_publish(struct pol_dir *d, struct alv_str id, struct pol_tenant *t)
{
	struct index	  *x = atomic_load(&d->index);
	size_t		   i = lower_bound(x, id);
	struct pol_tenant *old = NULL;
	enum alv_err	   err;

	ALV_CHECK(id.n > 0 && id.n <= TEN_ID_MAX);
	ALV_CHECK(t == NULL || alv_str_eq(t->names.id, id));
	if (holds_at(x, i, id)) {
		err = pol_hosts_change(d->hosts, d->q, x->slots[i], atomic_load(&x->slots[i]->snapshot), t);
		if (err)
			return err;
		old = atomic_exchange(&x->slots[i]->snapshot, t);
		if (broken(old, t))
			atomic_fetch_add(&x->slots[i]->trust, 1);
	} else if (t != NULL) {
		err = insert(d, x, i, id, t);
		if (err)
			return err;
	}
	atomic_fetch_add(&d->generation, 1);
	if (old != NULL)
		alv_qsbr_retire(d->q, old, free_tenant);
	return ALV_OK;
}
