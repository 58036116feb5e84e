/* Counting. Nothing here fails or waits: what does not fit any more is counted one level coarser (a row becomes its
 * tenant's MET_REST row, a tenant becomes the tenant MET_REST), so the sums stay right. One tenant gets at most a
 * quarter of the ledger, else one client with ever new client ids would take everybody's details away. */
#include "meter/worker.h"

#include <alcove/check.h>
#include <alcove/str.h>

#include <stdlib.h>

const uint64_t met_bounds_us[MET_BUCKETS] = { 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000, 100000, 1000000 };

struct met_worker *
met_worker_new(size_t max_tenants, size_t max_rows)
{
	const struct met_key rest = { { ALV_STR(MET_REST) } };
	struct met_worker   *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->max_tenants = max_tenants;
	w->max_rows = max_rows;
	w->max_rows_tenant = max_rows < 4 ? max_rows : max_rows / 4;
	/* Each tenant, and the rest of them, may have one row of its own beyond max_rows. */
	if (met_table_init(&w->tenants, max_tenants + 1) != ALV_OK ||
	    met_table_init(&w->ledger, max_rows + max_tenants + 1) != ALV_OK ||
	    (w->rest = met_table_add(&w->tenants, &rest)) == NULL) {
		met_worker_free(w);
		return NULL;
	}
	return w;
}

void
met_worker_free(struct met_worker *w)
{
	if (w == NULL)
		return;
	met_table_fini(&w->tenants);
	met_table_fini(&w->ledger);
	free(w);
}

static struct met_entry *
tenant_entry(struct met_worker *w, struct met_hint *hint, struct alv_str tenant)
{
	const struct met_key key = { { tenant } };
	struct met_entry    *e;

	if (hint != NULL && hint->tenant != NULL && met_entry_is(hint->tenant, &key))
		return hint->tenant;
	e = met_table_find(&w->tenants, &key);
	if (e == NULL && met_read(&w->tenants.used) <= w->max_tenants)
		e = met_table_add(&w->tenants, &key);
	if (e == NULL)
		return w->rest;
	if (hint != NULL)
		hint->tenant = e;
	return e;
}

/* The row for these bytes, or the coarser one of the tenant; NULL when there is no memory even for that. */
static struct met_entry *
ledger_entry(struct met_worker *w, struct met_entry *tenant, const struct met_key *key)
{
	const struct alv_str rest = ALV_STR(MET_REST);
	struct met_key	     coarse = { { met_entry_part(tenant, 0), rest, rest, rest } };
	struct met_entry    *e;

	if (tenant != w->rest) {
		e = met_table_find(&w->ledger, key);
		if (e != NULL)
			return e;
		if (w->rows < w->max_rows && tenant->owned < w->max_rows_tenant) {
			e = met_table_add(&w->ledger, key);
			if (e != NULL) {
				w->rows++;
				tenant->owned++;
				return e;
			}
		}
	}
	e = met_table_add(&w->ledger, &coarse);
	if (e != NULL)
		e->coarse = true;
	return e;
}

/* The same, where it was found last time. */
static struct met_entry *
hinted_entry(struct met_worker *w, struct met_entry *tenant, struct met_entry **last, const struct met_key *key)
{
	struct met_entry *e;

	if (last != NULL && *last != NULL && met_entry_is(*last, key))
		return *last;
	e = ledger_entry(w, tenant, key);
	if (last != NULL)
		*last = e;
	return e;
}

static void
charge(struct met_entry *e, const struct met_bytes *b)
{
	met_count(&e->bytes[b->direction], b->bytes);
	met_count(&e->charges[b->direction], 1);
}

void
met_charge(struct met_worker *w, const struct met_bytes *b)
{
	const struct met_key key = { { b->tenant, b->principal, b->client_id, b->topic } };
	struct met_entry    *tenant = tenant_entry(w, b->hint, b->tenant), *row;

	ALV_CHECK((unsigned)b->direction < MET_DIRECTIONS);
	charge(tenant, b);
	row = hinted_entry(w, tenant, b->hint == NULL ? NULL : &b->hint->row[b->topic.n > 0], &key);
	if (row != NULL)
		charge(row, b);
	if (row == NULL || row->coarse)
		met_count(&w->overflow_bytes, b->bytes);
}

bool
met_charge_again(const struct met_hint *hint, bool topic, enum met_direction d, uint64_t bytes)
{
	struct met_entry *row = hint->row[topic];
	struct met_bytes  b = { .direction = d, .bytes = bytes };

	if (hint->tenant == NULL || row == NULL || row->coarse)
		return false;
	charge(hint->tenant, &b);
	charge(row, &b);
	return true;
}

void
met_ledger_each(const struct met_worker *w, void (*fn)(void *arg, const struct met_row *r), void *arg)
{
	for (size_t i = 0; i <= w->ledger.mask; i++) {
		const struct met_entry *e = atomic_load_explicit(&w->ledger.slot[i], memory_order_acquire);
		struct met_row		r;

		if (e == NULL)
			continue;
		r.tenant = met_entry_part(e, 0);
		r.principal = met_entry_part(e, 1);
		r.client_id = met_entry_part(e, 2);
		r.topic = met_entry_part(e, 3);
		for (int d = 0; d < MET_DIRECTIONS; d++) {
			r.bytes[d] = met_read(&e->bytes[d]);
			r.charges[d] = met_read(&e->charges[d]);
		}
		fn(arg, &r);
	}
}

static void
observe(struct met_histogram *h, uint64_t us)
{
	size_t i = 0;

	while (i < MET_BUCKETS && us > met_bounds_us[i])
		i++;
	met_count(&h->bucket[i], 1);
	met_count(&h->sum_us, us);
}

void
met_request(struct met_worker *w, struct met_hint *hint, struct alv_str tenant, int16_t api_key, int16_t error_code,
    uint64_t own_us)
{
	size_t api = met_api(api_key);
	int    code = error_code + 1;	/* -1 is Kafka's UNKNOWN_SERVER_ERROR */

	met_count(&w->requests[api], 1);
	if (error_code != 0)
		met_count(&w->errors[code >= 0 && code < MET_ERROR_CODES ? code : MET_ERROR_CODES], 1);
	if (tenant.n != 0)	/* before authentication there may be none */
		met_count(&tenant_entry(w, hint, tenant)->requests, 1);
	observe(&w->own, own_us);
}

void
met_throttled(struct met_worker *w, struct met_hint *hint, struct alv_str tenant, enum met_quota what, uint64_t us, uint64_t bytes)
{
	struct met_entry    *e = tenant_entry(w, hint, tenant);
	struct met_throttle *t = atomic_load_explicit(&e->throttle, memory_order_relaxed);

	ALV_CHECK((unsigned)what < MET_QUOTAS);
	if (t == NULL) {
		t = calloc(1, sizeof(*t));
		if (t == NULL)
			return;		/* it is not counted */
		atomic_store_explicit(&e->throttle, t, memory_order_release);
	}
	met_count(&t->us[what], us);
	met_count(&t->bytes[what], bytes);
}

void
met_denied(struct met_worker *w, struct met_hint *hint, struct alv_str tenant, int operation, int resource)
{
	struct met_entry   *e = tenant_entry(w, hint, tenant);
	struct met_denials *d = atomic_load_explicit(&e->denials, memory_order_relaxed);

	ALV_CHECK((unsigned)operation < MET_OPERATIONS && (unsigned)resource < MET_RESOURCES);
	if (d == NULL) {
		d = calloc(1, sizeof(*d));
		if (d == NULL)
			return;		/* it is not counted */
		atomic_store_explicit(&e->denials, d, memory_order_release);
	}
	met_count(&d->n[resource][operation], 1);
}

void
met_answered(struct met_worker *w, int16_t api_key, uint64_t bytes)
{
	met_count(&w->answers[met_api(api_key)], 1);
	met_count(&w->answer_bytes[met_api(api_key)], bytes);
}

void
met_shared(struct met_worker *w, int16_t api_key)
{
	met_count(&w->shared[met_api(api_key)], 1);
}

static void
move(_Atomic int64_t *gauge, int64_t delta)
{
	atomic_store_explicit(gauge, atomic_load_explicit(gauge, memory_order_relaxed) + delta, memory_order_relaxed);
}

void
met_connection(struct met_worker *w, int delta)
{
	move(&w->connections, delta);
	if (delta > 0)
		met_count(&w->opened, (uint64_t)delta);
}

void
met_upstream(struct met_worker *w, int delta)
{
	move(&w->upstream, delta);
}

void
met_upstream_waiting(struct met_worker *w, int delta)
{
	move(&w->upstream_waiting, delta);
}

void
met_memory(struct met_worker *w, int64_t delta)
{
	move(&w->reserved, delta);
}

void
met_budget(struct met_worker *w, uint64_t bytes)
{
	move(&w->budget, (int64_t)bytes);
}

void
met_waiting(struct met_worker *w, int delta)
{
	move(&w->waiting, delta);
	if (delta > 0)
		met_count(&w->waits, (uint64_t)delta);
}

void
met_moved(struct met_worker *w, int connections, int upstreams)
{
	move(&w->connections, connections);
	move(&w->upstream, upstreams);
	if (connections > 0)
		met_count(&w->moved, (uint64_t)connections);
}

void
met_heavy(struct met_worker *w, unsigned n)
{
	atomic_store_explicit(&w->heavy, n, memory_order_relaxed);
}

void
met_closed(struct met_worker *w, enum met_close why)
{
	ALV_CHECK((unsigned)why < MET_CLOSES);
	met_count(&w->closed[why], 1);
}

void
met_session(struct met_worker *w, enum met_session what)
{
	ALV_CHECK((unsigned)what < MET_SESSION_COUNTS);
	met_count(&w->sessions[what], 1);
}

void
met_login(struct met_worker *w, enum alv_login_by by, enum alv_login_fault fault)
{
	ALV_CHECK((unsigned)by < ALV_LOGIN_BYS && (unsigned)fault < ALV_LOGIN_FAULTS);
	met_count(&w->logins[by][fault], 1);
}

void
met_login_late(struct met_worker *w)
{
	met_count(&w->logins_late, 1);
}

void
met_reauthentication(struct met_worker *w, bool ok)
{
	met_count(&w->renewed[ok], 1);
}

void
met_dropped(struct met_worker *w, uint32_t tags, uint32_t elements)
{
	met_count(&w->tags, tags);
	met_count(&w->elements, elements);
}

void
met_streamed(struct met_worker *w)
{
	met_count(&w->streamed, 1);
}

void
met_turn(struct met_worker *w, uint64_t us)
{
	observe(&w->turn, us);
}
