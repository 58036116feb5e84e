/* Counting, at one place. One met_worker per worker: a single writer, read by the ops thread through relaxed
 * atomics, so nothing is locked on the hot path. Cardinality is bounded: past the caps it is "other". */
#ifndef ALCOVE_METER_H
#define ALCOVE_METER_H

#include <alcove/base.h>
#include <alcove/err.h>
#include <alcove/login.h>

enum met_direction { MET_PRODUCE, MET_FETCH, MET_OTHER_IN, MET_OTHER_OUT, MET_DIRECTIONS };

enum met_close {
#define CLOSE(name, text, fault) MET_CLOSE_##name,
#include <alcove/tbl/close.def>
#undef CLOSE
	MET_CLOSES
};
const char *met_close_name(enum met_close c);	/* lower case, for labels */
const char *met_close_text(enum met_close c);
int	    met_close_fault(enum met_close c);

struct met_worker;
struct met_worker *met_worker_new(size_t max_tenants, size_t max_rows) ALV_MUST;
void		   met_worker_free(struct met_worker *w);

/* Where a connection's last charges went, so that the next ones need not look for it: the owner's, zero at first, good for
 * as long as the worker's meter is. */
struct met_hint {
	struct met_entry *tenant, *row[2];	/* of no topic, of a topic */
};

/* Bytes of one request or response for one topic (null: of none). Views for the call only. */
struct met_bytes {
	struct alv_str	   tenant, principal, client_id, topic;	/* topic: virtual */
	enum met_direction direction;
	uint64_t	   bytes;
	struct met_hint	  *hint;	/* NULL: none */
};
/* The one place where bytes are attributed. Worker's thread only; never fails (past a cap: the row "other"). */
void met_charge(struct met_worker *w, const struct met_bytes *b);
/* The same, for whoever has charged by this hint before, and by it only ever the same parts, but for the topic that may
 * be null or one. False: not yet, or the rows are not its own; then by met_charge. */
bool met_charge_again(const struct met_hint *hint, bool topic, enum met_direction d, uint64_t bytes);

/* One finished request: its error code (0: none) and the gateway's own share of its latency. */
void met_request(struct met_worker *w, struct met_hint *hint, struct alv_str tenant, int16_t api_key, int16_t error_code,
    uint64_t own_us);
void met_connection(struct met_worker *w, int delta);			/* opened +1, closed -1 */
void met_upstream(struct met_worker *w, int delta);
/* Connections that came from another worker, or went there (negative). */
void met_moved(struct met_worker *w, int connections, int upstreams);
void met_heavy(struct met_worker *w, unsigned n);	/* how many moved much in the last second */
void met_answered(struct met_worker *w, int16_t api_key, uint64_t bytes);	/* by a broker, to a client's request */
void met_shared(struct met_worker *w, int16_t api_key);			/* answered by what a broker had said before */
void met_upstream_waiting(struct met_worker *w, int delta);		/* for its turn to connect */
void met_closed(struct met_worker *w, enum met_close why);
void met_streamed(struct met_worker *w);		/* an answer left while it still came from the broker */
/* Incremental fetch sessions of clients. */
enum met_session {
	MET_SESSION_OPENED,
	MET_SESSION_USED,	/* a Fetch went on with one */
	MET_SESSION_CLIENT,	/* ended: by the client, or with its connection */
	MET_SESSION_BROKER,	/* ended: by the broker */
	MET_SESSION_EVICTED,	/* ended: no room */
	MET_SESSION_REVOKED,	/* ended: a topic of it may not be read any more, or one was asked for that may not */
	MET_SESSION_COUNTS
};
void met_session(struct met_worker *w, enum met_session what);
void met_login(struct met_worker *w, enum alv_login_by by, enum alv_login_fault fault);
void met_login_late(struct met_worker *w);		/* its answer waits */
void met_reauthentication(struct met_worker *w, bool ok);		/* besides met_login */
/* A client that is over a limit waits for so long; bytes: of what was charged, 0 where it was none. */
enum met_quota { MET_QUOTA_PRODUCE, MET_QUOTA_FETCH, MET_QUOTA_REQUESTS, MET_QUOTA_TIME, MET_QUOTA_MUTATIONS, MET_QUOTAS };
void met_throttled(struct met_worker *w, struct met_hint *hint, struct alv_str tenant, enum met_quota what, uint64_t us, uint64_t bytes);
/* A request, or a part of one, was refused for want of a right: Kafka's numbers of the operation and the resource type. */
enum { MET_OPERATIONS = 16, MET_RESOURCES = 8 };
void met_denied(struct met_worker *w, struct met_hint *hint, struct alv_str tenant, int operation, int resource);
void met_dropped(struct met_worker *w, uint32_t tags, uint32_t elements);	/* unknown tags; foreign elements filtered out */
void met_memory(struct met_worker *w, int64_t delta);			/* bytes reserved for what is on its way */
void met_budget(struct met_worker *w, uint64_t bytes);			/* of the whole process; said of one worker only */
void met_waiting(struct met_worker *w, int delta);			/* frames that wait for memory */
void met_turn(struct met_worker *w, uint64_t us);			/* how long one loop turn took */

/* Of the process as a whole. Any thread. */
enum met_process {
	MET_REFUSED_DESCRIPTORS,	/* accepted and closed at once: no descriptor was left */
	MET_REFUSED_LIMIT,		/* limits.connections.max */
	MET_REFUSED_MEMORY,
	MET_STALLS,			/* how often a loop was found not to turn */
	MET_STUCK,			/* how many are now */
	MET_RELOADED,			/* the configuration or files that it names were read anew and taken */
	MET_NOT_RELOADED,		/* they were not, or not all */
	MET_AUDIT_DROPPED,		/* rows of tenants' own changes that made room for newer ones */
	MET_PROCESS_COUNTS
};
void	met_process_add(enum met_process what, int64_t n);
int64_t met_process_read(enum met_process what);

/* A broker answered a question of the gateway's own. Any thread. */
void met_own_answered(int16_t api_key, uint64_t bytes);
struct met_own {
	uint64_t answers, bytes;
};
struct met_own met_own_read(size_t api_key);	/* one past the last key: those of keys beyond */

/* An issuer of tokens, and how it goes with its keys. The whole list each time; any thread. */
struct met_issuer {
	char	 name[64];
	uint64_t fetched, failed;	/* so often */
	uint64_t keys;
	uint64_t good_s;		/* when they were last known to be current, seconds since 1970; 0: never */
};
void met_issuers(const struct met_issuer *all, size_t n);
void met_issuers_each(void (*fn)(void *arg, const struct met_issuer *i), void *arg);

/* A certificate in use, for the gauge of their ends. */
struct met_certificate {
	char	where[80];	/* "listener main", "admin", "upstream" */
	char	file[256];	/* cut where it is longer */
	int64_t end_s;		/* notAfter, seconds since 1970 */
};
/* These are in use from now on, instead of those before; copies. Without memory the old ones stay. Any thread. */
void met_certificates(const struct met_certificate *all, size_t n);
void met_certificates_each(void (*fn)(void *arg, const struct met_certificate *c), void *arg);

/* One row of the ledger, with what was counted in each direction. Views into the row: valid while the worker is. The
 * row of a tenant whose details no longer fit has MET_REST as principal, client id and topic; bytes of tenants past
 * max_tenants are under the tenant MET_REST, which is no legal tenant id. Empty where a part was null. */
#define MET_REST "_other"
struct met_row {
	struct alv_str tenant, principal, client_id, topic;
	uint64_t       bytes[MET_DIRECTIONS], charges[MET_DIRECTIONS];
};
/* Every row there is, in no order. Any thread, while the worker counts on; rows never go away. */
void met_ledger_each(const struct met_worker *w, void (*fn)(void *arg, const struct met_row *r), void *arg);

/* Prometheus text of all workers together (metric.def; names begin with alcove_), in the same order each time. Any
 * thread. Without memory, or past the ceiling of `out`, out->err says so. */
struct alv_buf;
void met_render(struct met_worker *const *w, size_t n, struct alv_buf *out);

#endif
