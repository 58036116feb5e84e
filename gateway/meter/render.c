/* Prometheus' text format (0.0.4) of all workers together. The order is the same each time: metrics as in metric.def,
 * labels by number or by name. A tenant's id reaches a label only through label(), which escapes. */
#include "meter/denied.h"
#include "meter/worker.h"

#include <alcove/buf.h>
#include <alcove/str.h>

#include <inttypes.h>
#include <stdlib.h>

/* A tenant's numbers, summed over the workers. */
struct tenant_sum {
	struct alv_str name;
	uint64_t       requests, bytes[MET_DIRECTIONS];
	uint64_t       throttled_us[MET_QUOTAS], throttled_bytes[MET_QUOTAS];
	struct met_denied *denied;	/* NULL: nothing ever was */
};

struct render {
	struct met_worker *const *w;
	size_t		   n;
	struct alv_buf	  *out;
	struct tenant_sum *tenants;	/* sorted by name, each once */
	size_t		   ntenants;
};

static const char *const api_names[MET_API_KEYS] = {
#define KAPI(key, name, text, who) [key] = text,
#include <alcove/tbl/kafka_api.def>
#undef KAPI
};

static const char *const direction_names[MET_DIRECTIONS] = {
	[MET_PRODUCE] = "produce", [MET_FETCH] = "fetch", [MET_OTHER_IN] = "other_in", [MET_OTHER_OUT] = "other_out"
};

static const char *const fault_names[] = { "nobody", "client", "broker", "gateway" };

/* Sums one counter, named by its place in struct met_worker. */
static uint64_t
total(const struct render *r, size_t offset)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n; i++)
		sum += met_read((const _Atomic uint64_t *)(const void *)((const char *)r->w[i] + offset));
	return sum;
}

#define TOTAL(r, member) total((r), offsetof(struct met_worker, member))

static void
label(struct alv_buf *out, struct alv_str v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c == '\\' || c == '"')
			alv_buf_byte(out, '\\');
		if (c == '\n')
			alv_buf_z(out, "\\n");
		else
			alv_buf_byte(out, (uint8_t)c);
	}
}

static void
sample(const struct render *r, const char *name, uint64_t v)
{
	alv_buf_printf(r->out, "%s %" PRIu64 "\n", name, v);
}

static void
render_WORKERS(const struct render *r, const char *name)
{
	sample(r, name, r->n);
}

static void
gauge(const struct render *r, const char *name, size_t offset)
{
	int64_t sum = 0;

	for (size_t i = 0; i < r->n; i++) {
		const char *at = (const char *)r->w[i] + offset;

		sum += atomic_load_explicit((const _Atomic int64_t *)(const void *)at, memory_order_relaxed);
	}
	alv_buf_printf(r->out, "%s %" PRId64 "\n", name, sum);
}

static void
render_CONNECTIONS(const struct render *r, const char *name)
{
	gauge(r, name, offsetof(struct met_worker, connections));
}

static void
per_worker(const struct render *r, const char *name, size_t offset)
{
	for (size_t i = 0; i < r->n; i++) {
		const char *at = (const char *)r->w[i] + offset;

		alv_buf_printf(r->out, "%s{worker=\"%zu\"} %" PRId64 "\n", name, i,
		    atomic_load_explicit((const _Atomic int64_t *)(const void *)at, memory_order_relaxed));
	}
}

static void
render_WORKER_CONNECTIONS(const struct render *r, const char *name)
{
	per_worker(r, name, offsetof(struct met_worker, connections));
}

static void
render_WORKER_HEAVY(const struct render *r, const char *name)
{
	per_worker(r, name, offsetof(struct met_worker, heavy));
}

static void
render_MOVED(const struct render *r, const char *name)
{
	sample(r, name, TOTAL(r, moved));
}

static void
render_OPENED(const struct render *r, const char *name)
{
	sample(r, name, TOTAL(r, opened));
}

static void
process(const struct render *r, const char *name, const char *labels, enum met_process what)
{
	alv_buf_printf(r->out, "%s%s %" PRId64 "\n", name, labels, met_process_read(what));
}

static void
render_REFUSED(const struct render *r, const char *name)
{
	process(r, name, "{reason=\"descriptors\"}", MET_REFUSED_DESCRIPTORS);
	process(r, name, "{reason=\"limit\"}", MET_REFUSED_LIMIT);
	process(r, name, "{reason=\"memory\"}", MET_REFUSED_MEMORY);
}

static void
render_STALLS(const struct render *r, const char *name)
{
	process(r, name, "", MET_STALLS);
}

static void
render_AUDIT_DROPPED(const struct render *r, const char *name)
{
	process(r, name, "", MET_AUDIT_DROPPED);
}

static void
render_RELOADS(const struct render *r, const char *name)
{
	process(r, name, "{result=\"ok\"}", MET_RELOADED);
	process(r, name, "{result=\"failed\"}", MET_NOT_RELOADED);
}

struct certificates {
	const struct render *r;
	const char	    *name;
};

static void
certificate(void *arg, const struct met_certificate *c)
{
	const struct certificates *x = arg;

	alv_buf_printf(x->r->out, "%s{where=\"", x->name);
	label(x->r->out, alv_str_of(c->where));
	alv_buf_z(x->r->out, "\",file=\"");
	label(x->r->out, alv_str_of(c->file));
	alv_buf_printf(x->r->out, "\"} %" PRId64 "\n", c->end_s);
}

static void
render_CERTIFICATES(const struct render *r, const char *name)
{
	struct certificates x = { r, name };

	met_certificates_each(certificate, &x);
}

struct issuers {
	const struct render *r;
	const char	    *name;
};

static void
issuer_fetches(void *arg, const struct met_issuer *i)
{
	struct issuers *x = arg;

	alv_buf_printf(x->r->out, "%s{issuer=\"%s\",result=\"failed\"} %" PRIu64 "\n", x->name, i->name, i->failed);
	alv_buf_printf(x->r->out, "%s{issuer=\"%s\",result=\"ok\"} %" PRIu64 "\n", x->name, i->name, i->fetched);
}

static void
issuer_keys(void *arg, const struct met_issuer *i)
{
	struct issuers *x = arg;

	alv_buf_printf(x->r->out, "%s{issuer=\"%s\"} %" PRIu64 "\n", x->name, i->name, i->keys);
}

static void
issuer_current(void *arg, const struct met_issuer *i)
{
	struct issuers *x = arg;

	alv_buf_printf(x->r->out, "%s{issuer=\"%s\"} %" PRIu64 "\n", x->name, i->name, i->good_s);
}

static void
render_JWKS_FETCHES(const struct render *r, const char *name)
{
	met_issuers_each(issuer_fetches, &(struct issuers){ r, name });
}

static void
render_JWKS_KEYS(const struct render *r, const char *name)
{
	met_issuers_each(issuer_keys, &(struct issuers){ r, name });
}

static void
render_JWKS_CURRENT(const struct render *r, const char *name)
{
	met_issuers_each(issuer_current, &(struct issuers){ r, name });
}

static void
render_STUCK(const struct render *r, const char *name)
{
	process(r, name, "", MET_STUCK);
}

static void
render_CLOSED(const struct render *r, const char *name)
{
	for (unsigned i = 0; i < MET_CLOSES; i++) {
		uint64_t v = total(r, offsetof(struct met_worker, closed) + i * sizeof(uint64_t));

		alv_buf_printf(r->out, "%s{reason=\"%s\",fault=\"%s\"} %" PRIu64 "\n", name, met_close_name(i),
		    fault_names[met_close_fault(i) & 3], v);
	}
}

static void
render_UPSTREAM(const struct render *r, const char *name)
{
	gauge(r, name, offsetof(struct met_worker, upstream));
}

static void
render_UPSTREAM_WAITING(const struct render *r, const char *name)
{
	gauge(r, name, offsetof(struct met_worker, upstream_waiting));
}

static const char *const login_bys[ALV_LOGIN_BYS] = {
#define BY(id, label) [ALV_BY_##id] = label,
#define FAULT(id, label, help)
#include <alcove/tbl/login.def>
#undef BY
#undef FAULT
};

static const char *const login_faults[ALV_LOGIN_FAULTS] = {
#define BY(id, label)
#define FAULT(id, label, help) [ALV_LOGIN_##id] = label,
#include <alcove/tbl/login.def>
#undef BY
#undef FAULT
};

static void
render_LOGINS(const struct render *r, const char *name)
{
	for (int by = 0; by < ALV_LOGIN_BYS; by++) {
		uint64_t failed = 0;

		for (int f = ALV_LOGIN_OK + 1; f < ALV_LOGIN_FAULTS; f++)
			failed += TOTAL(r, logins[by][f]);
		alv_buf_printf(r->out, "%s{mechanism=\"%s\",result=\"failed\"} %" PRIu64 "\n", name, login_bys[by], failed);
		alv_buf_printf(r->out, "%s{mechanism=\"%s\",result=\"ok\"} %" PRIu64 "\n", name, login_bys[by],
		    TOTAL(r, logins[by][ALV_LOGIN_OK]));
	}
}

static void
render_LOGIN_FAULTS(const struct render *r, const char *name)
{
	for (int by = 0; by < ALV_LOGIN_BYS; by++)
		for (int f = ALV_LOGIN_OK + 1; f < ALV_LOGIN_FAULTS; f++)
			if (TOTAL(r, logins[by][f]) > 0)
				alv_buf_printf(r->out, "%s{mechanism=\"%s\",reason=\"%s\"} %" PRIu64 "\n", name, login_bys[by],
				    login_faults[f], TOTAL(r, logins[by][f]));
}

static void
render_LOGINS_LATE(const struct render *r, const char *name)
{
	alv_buf_printf(r->out, "%s %" PRIu64 "\n", name, TOTAL(r, logins_late));
}

static void
render_REAUTHENTICATIONS(const struct render *r, const char *name)
{
	alv_buf_printf(r->out, "%s{result=\"failed\"} %" PRIu64 "\n", name, TOTAL(r, renewed[0]));
	alv_buf_printf(r->out, "%s{result=\"ok\"} %" PRIu64 "\n", name, TOTAL(r, renewed[1]));
}

/* `more` is behind the api's label. */
static void
api_sample(const struct render *r, const char *name, size_t i, const char *more, uint64_t v)
{
	if (v == 0)
		return;
	if (i < MET_API_KEYS && api_names[i] != NULL)
		alv_buf_printf(r->out, "%s{api=\"%s\"%s} %" PRIu64 "\n", name, api_names[i], more, v);
	else if (i < MET_API_KEYS)
		alv_buf_printf(r->out, "%s{api=\"%zu\"%s} %" PRIu64 "\n", name, i, more, v);
	else
		alv_buf_printf(r->out, "%s{api=\"%s\"%s} %" PRIu64 "\n", name, MET_REST, more, v);
}

static void
render_REQUESTS(const struct render *r, const char *name)
{
	for (size_t i = 0; i <= MET_API_KEYS; i++)
		api_sample(r, name, i, "", total(r, offsetof(struct met_worker, requests) + i * sizeof(uint64_t)));
}

static void
render_SHARED(const struct render *r, const char *name)
{
	for (size_t i = 0; i <= MET_API_KEYS; i++)
		api_sample(r, name, i, "", total(r, offsetof(struct met_worker, shared) + i * sizeof(uint64_t)));
}

static void
render_BROKER_ANSWERS(const struct render *r, const char *name)
{
	for (size_t i = 0; i <= MET_API_KEYS; i++) {
		api_sample(r, name, i, ",asked=\"client\"", total(r, offsetof(struct met_worker, answers) + i * sizeof(uint64_t)));
		api_sample(r, name, i, ",asked=\"gateway\"", met_own_read(i).answers);
	}
}

static void
render_BROKER_BYTES(const struct render *r, const char *name)
{
	for (size_t i = 0; i <= MET_API_KEYS; i++) {
		api_sample(r, name, i, ",asked=\"client\"", total(r, offsetof(struct met_worker, answer_bytes) + i * sizeof(uint64_t)));
		api_sample(r, name, i, ",asked=\"gateway\"", met_own_read(i).bytes);
	}
}

static void
render_ERRORS(const struct render *r, const char *name)
{
	for (size_t i = 0; i <= MET_ERROR_CODES; i++) {
		uint64_t v = total(r, offsetof(struct met_worker, errors) + i * sizeof(uint64_t));

		if (v == 0)
			continue;
		if (i < MET_ERROR_CODES)
			alv_buf_printf(r->out, "%s{code=\"%d\"} %" PRIu64 "\n", name, (int)i - 1, v);
		else
			alv_buf_printf(r->out, "%s{code=\"%s\"} %" PRIu64 "\n", name, MET_REST, v);
	}
}

static void
render_TENANT_REQUESTS(const struct render *r, const char *name)
{
	for (size_t i = 0; i < r->ntenants; i++) {
		alv_buf_printf(r->out, "%s{tenant=\"", name);
		label(r->out, r->tenants[i].name);
		alv_buf_printf(r->out, "\"} %" PRIu64 "\n", r->tenants[i].requests);
	}
}

static void
render_TENANT_BYTES(const struct render *r, const char *name)
{
	for (size_t i = 0; i < r->ntenants; i++) {
		for (int d = 0; d < MET_DIRECTIONS; d++) {
			alv_buf_printf(r->out, "%s{tenant=\"", name);
			label(r->out, r->tenants[i].name);
			alv_buf_printf(r->out, "\",direction=\"%s\"} %" PRIu64 "\n", direction_names[d], r->tenants[i].bytes[d]);
		}
	}
}

static const char *const quota_names[MET_QUOTAS] = {
	[MET_QUOTA_PRODUCE] = "produce", [MET_QUOTA_FETCH] = "fetch", [MET_QUOTA_REQUESTS] = "requests",
	[MET_QUOTA_TIME] = "time", [MET_QUOTA_MUTATIONS] = "mutations"
};

/* Of one limited thing of one tenant; those that never waited are not shown. */
static bool
throttled_labels(const struct render *r, const char *name, const struct tenant_sum *t, int what)
{
	if (t->throttled_us[what] == 0)
		return false;
	alv_buf_printf(r->out, "%s{tenant=\"", name);
	label(r->out, t->name);
	alv_buf_printf(r->out, "\",quota=\"%s\"} ", quota_names[what]);
	return true;
}

static void
render_DENIED(const struct render *r, const char *name)
{
	for (size_t i = 0; i < r->ntenants; i++)
		if (r->tenants[i].denied != NULL)
			met_denied_render(r->tenants[i].denied, name, r->tenants[i].name, label, r->out);
}

static void
render_THROTTLED(const struct render *r, const char *name)
{
	for (size_t i = 0; i < r->ntenants; i++) {
		for (int q = 0; q < MET_QUOTAS; q++) {
			uint64_t us = r->tenants[i].throttled_us[q];

			if (throttled_labels(r, name, &r->tenants[i], q))
				alv_buf_printf(r->out, "%" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
		}
	}
}

static void
render_THROTTLED_BYTES(const struct render *r, const char *name)
{
	for (size_t i = 0; i < r->ntenants; i++)
		for (int q = 0; q < MET_QUOTAS; q++)
			if (throttled_labels(r, name, &r->tenants[i], q))
				alv_buf_printf(r->out, "%" PRIu64 "\n", r->tenants[i].throttled_bytes[q]);
}

static void
render_STREAMED(const struct render *r, const char *name)
{
	sample(r, name, TOTAL(r, streamed));
}

static const char *const ended_names[MET_SESSION_COUNTS] = {
	[MET_SESSION_CLIENT] = "client", [MET_SESSION_BROKER] = "broker", [MET_SESSION_EVICTED] = "evicted",
	[MET_SESSION_REVOKED] = "revoked"
};

/* A connection may open one at one worker and lose it at another: only the sums are right. */
static void
render_SESSIONS(const struct render *r, const char *name)
{
	uint64_t ended = 0, opened;

	for (int i = 0; i < MET_SESSION_COUNTS; i++)
		ended += ended_names[i] == NULL ? 0 : TOTAL(r, sessions[i]);
	/* Read after those that ended, which were opened before. */
	opened = TOTAL(r, sessions[MET_SESSION_OPENED]);
	sample(r, name, opened > ended ? opened - ended : 0);
}

static void
render_SESSIONS_OPENED(const struct render *r, const char *name)
{
	sample(r, name, TOTAL(r, sessions[MET_SESSION_OPENED]));
}

static void
render_SESSIONS_ENDED(const struct render *r, const char *name)
{
	for (int i = 0; i < MET_SESSION_COUNTS; i++)
		if (ended_names[i] != NULL)
			alv_buf_printf(r->out, "%s{by=\"%s\"} %" PRIu64 "\n", name, ended_names[i], TOTAL(r, sessions[i]));
}

static void
render_SESSIONS_USED(const struct render *r, const char *name)
{
	sample(r, name, TOTAL(r, sessions[MET_SESSION_USED]));
}

static void
render_DROPPED_TAGS(const struct render *r, const char *name)
{
	sample(r, name, TOTAL(r, tags));
}

static void
render_FILTERED(const struct render *r, const char *name)
{
	sample(r, name, TOTAL(r, elements));
}

static void
histogram(const struct render *r, const char *name, size_t offset)
{
	uint64_t below = 0, sum = total(r, offset + offsetof(struct met_histogram, sum_us));

	for (size_t i = 0; i <= MET_BUCKETS; i++) {
		below += total(r, offset + offsetof(struct met_histogram, bucket) + i * sizeof(uint64_t));
		if (i < MET_BUCKETS)
			alv_buf_printf(r->out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, (double)met_bounds_us[i] / 1e6, below);
	}
	/* Both from one reading: they must be equal. */
	alv_buf_printf(r->out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, below);
	alv_buf_printf(r->out, "%s_sum %" PRIu64 ".%06" PRIu64 "\n", name, sum / 1000000, sum % 1000000);
	alv_buf_printf(r->out, "%s_count %" PRIu64 "\n", name, below);
}

static void
render_OWN_LATENCY(const struct render *r, const char *name)
{
	histogram(r, name, offsetof(struct met_worker, own));
}

static void
render_LOOP_TURN(const struct render *r, const char *name)
{
	histogram(r, name, offsetof(struct met_worker, turn));
}

static void
render_MEMORY_RESERVED(const struct render *r, const char *name)
{
	gauge(r, name, offsetof(struct met_worker, reserved));
}

static void
render_MEMORY_BUDGET(const struct render *r, const char *name)
{
	gauge(r, name, offsetof(struct met_worker, budget));
}

static void
render_ADMISSION_WAITING(const struct render *r, const char *name)
{
	gauge(r, name, offsetof(struct met_worker, waiting));
}

static void
render_ADMISSION_WAITS(const struct render *r, const char *name)
{
	sample(r, name, TOTAL(r, waits));
}

static void
render_LEDGER_ROWS(const struct render *r, const char *name)
{
	sample(r, name, TOTAL(r, ledger.used));
}

static void
render_LEDGER_OVERFLOW(const struct render *r, const char *name)
{
	sample(r, name, TOTAL(r, overflow_bytes));
}

static int
by_name(const void *a, const void *b)
{
	return alv_str_cmp(((const struct tenant_sum *)a)->name, ((const struct tenant_sum *)b)->name);
}

static size_t
collect(const struct met_worker *w, struct tenant_sum *out, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i <= w->tenants.mask && n < room; i++) {
		const struct met_entry *e = atomic_load_explicit(&w->tenants.slot[i], memory_order_acquire);
		const struct met_throttle *t = e == NULL ? NULL : atomic_load_explicit(&e->throttle, memory_order_acquire);

		if (e == NULL)
			continue;
		for (int q = 0; t != NULL && q < MET_QUOTAS; q++) {
			out[n].throttled_us[q] = met_read(&t->us[q]);
			out[n].throttled_bytes[q] = met_read(&t->bytes[q]);
		}
		out[n].denied = met_denied_of(e);
		out[n].name = met_entry_part(e, 0);
		out[n].requests = met_read(&e->requests);
		for (int d = 0; d < MET_DIRECTIONS; d++)
			out[n].bytes[d] = met_read(&e->bytes[d]);
		n++;
	}
	return n;
}

static void
merge(struct render *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct tenant_sum *from = &r->tenants[i];
		struct tenant_sum	*to = r->ntenants == 0 ? NULL : &r->tenants[r->ntenants - 1];

		if (to == NULL || !alv_str_eq(to->name, from->name)) {
			r->tenants[r->ntenants++] = *from;
			continue;
		}
		met_denied_add(&to->denied, from->denied);
		to->requests += from->requests;
		for (int d = 0; d < MET_DIRECTIONS; d++)
			to->bytes[d] += from->bytes[d];
		for (int q = 0; q < MET_QUOTAS; q++) {
			to->throttled_us[q] += from->throttled_us[q];
			to->throttled_bytes[q] += from->throttled_bytes[q];
		}
	}
}

/* Tenants may be added meanwhile, hence some room to spare; what comes beyond that is in the next reading. */
static enum alv_err
sum_tenants(struct render *r)
{
	size_t room = 0, n = 0;

	for (size_t i = 0; i < r->n; i++)
		room += (size_t)met_read(&r->w[i]->tenants.used) + 16;
	r->tenants = calloc(room + 1, sizeof(r->tenants[0]));
	if (r->tenants == NULL)
		return ALV_E_NOMEM;
	for (size_t i = 0; i < r->n; i++)
		n += collect(r->w[i], r->tenants + n, room - n);
	qsort(r->tenants, n, sizeof(r->tenants[0]), by_name);
	merge(r, n);
	return ALV_OK;
}

void
met_render(struct met_worker *const *w, size_t n, struct alv_buf *out)
{
	struct render r = { .w = w, .n = n, .out = out };

	if (sum_tenants(&r) != ALV_OK) {
		out->err = ALV_E_NOMEM;
		return;
	}
#define METRIC(id, name, type, help) \
	alv_buf_z(out, "# HELP " name " " help "\n# TYPE " name " " #type "\n"); \
	render_##id(&r, name);
#include <alcove/tbl/metric.def>
#undef METRIC
	for (size_t i = 0; i < r.ntenants; i++)
		free(r.tenants[i].denied);
	free(r.tenants);
}
