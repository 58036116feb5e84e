/* The load client: modes share how they connect, and how they talk with the runner, which reads CPU time and memory of
 * others in between:
 *
 *   client: connects, logs in, warms up    -> "ready"
 *   runner: a line                         -> the client does its work, and prints one JSON object
 *   runner: a line, or end of file         -> the client closes its connections and ends with 0 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "tests/bench/hot.h"

enum { LOAD_TARGETS_MAX = 8, LOAD_CONNECTIONS_MAX = 20000 };

struct load_target {	/* connection i goes to target i mod n */
	char	    host[64];
	uint16_t    port;
	const char *topic;
	const char *user;	/* NULL: no login */
};

struct load {
	struct load_target target[LOAD_TARGETS_MAX];
	size_t		   ntargets;
	const char	  *ca;		/* NULL: plain */
	const char	  *password;
	long		   connections, inflight, bytes, count, rate, partitions, partition_max;
	bool		   old;		/* versions with names instead of ids */
	enum bench_kind	   kind;
	SSL_CTX		  *tls;
};

struct load_client {
	struct bench_conn	  c;
	struct bench_rx		  rx;
	struct bench_topic	  topic;
	const struct load_target *target;
	struct alv_buf		  request;
	int32_t			  epoch;	/* of its share session */
};

/* login.c. Dies where the server refuses. */
void load_tls(const struct load *l, struct bench_conn *c, const char *host);
void load_open(const struct load *l, size_t i, struct load_client *c);
void load_close(struct load_client *c);

/* flow.c: one request and its checked answer. Bytes of records. */
struct bench_head load_head(const struct load_client *c, const struct load *l, int key);
uint64_t load_produce(const struct load *l, struct load_client *c);
uint64_t load_fetch(const struct load *l, struct load_client *c);

/* main.c: the talk with the runner. */
void load_ready(void);
void load_done(const char *fmt, ...) ALV_PRINTF(1, 2);

void load_run_produce(struct load *l);
void load_run_fetch(struct load *l);
void load_run_share(struct load *l);
void load_run_latency(struct load *l);
void load_run_stamp(struct load *l);
void load_run_handshake(struct load *l);
void load_run_idle(struct load *l);
void load_run_slow(struct load *l);
void load_run_first(struct load *l);

#endif
