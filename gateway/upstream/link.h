/* A connection to one broker, made ready: let through by its gate, name resolved off the loop, connected, TLS, SASL (SCRAM's PBKDF2 in the
 * crypto pool, once per salt). After on_ready the owner speaks Kafka through `stream`; it gets every frame. Used by the
 * follower and, one for each client connection, by the proxy. */
#ifndef UPS_LINK_H
#define UPS_LINK_H

#include <alcove/authn.h>
#include <alcove/config.h>
#include <alcove/err.h>

#include "net/job.h"
#include "net/stream.h"
#include "net/tls.h"

/* What all links of one loop share. */
struct ups_ctx {
	const struct pol_upstream *_Atomic conf;	/* the current one: look anew in each step */
	struct net_stream_ctx	  *net;
	const struct net_tls_client *tls;	/* NULL: plaintext */
	struct net_jobs		  *crypto, *resolver;
	net_lookup_fn		  *lookup;	/* NULL: getaddrinfo */
	struct ups_ctx_own	  *own;		/* salted passwords, names, gates; jobs under way */
};
enum alv_err ups_ctx_init(struct ups_ctx *c, const struct pol_upstream *conf, struct net_stream_ctx *net,
    const struct net_tls_client *tls, struct net_jobs *crypto, struct net_jobs *resolver) ALV_MUST;
/* Links that are opened, and logins that are begun, from here on go by conf. The one before must live until the last login
 * that was begun under it is over. Any thread. */
void ups_ctx_configure(struct ups_ctx *c, const struct pol_upstream *conf);
/* From now on links wait at a gate for each broker (gate.h): for clients' connections, which come in thousands. One of
 * `shares` loops has this part of conf's connect rate; on_waiting (may be NULL) counts who waits. */
enum alv_err ups_ctx_gates(struct ups_ctx *c, uint32_t shares, void (*on_waiting)(void *arg, int delta), void *arg) ALV_MUST;
/* No link may be left. Turns the loop until the pools have given back what closed links left with them, so: before the
 * loop is freed, and not from inside it. */
void ups_ctx_fini(struct ups_ctx *c);

enum ups_end { UPS_END_CONNECT, UPS_END_TLS, UPS_END_AUTH, UPS_END_EOF, UPS_END_MALFORMED, UPS_END_TIMEOUT, UPS_END_OURS };

struct ups_link;
struct ups_link_ops {
	void (*on_ready)(struct ups_link *l);	/* frames may be sent from here on */
	void (*on_data)(struct ups_link *l);	/* l->stream.in grew */
	void (*on_drained)(struct ups_link *l);
	/* Once; then, or in it, ups_link_fini. words: what failed at which address, for the log; valid for the call. */
	void (*on_closed)(struct ups_link *l, enum ups_end why, const char *words);
	void (*on_wrote)(struct ups_link *l);	/* NULL: nobody asks. Of a ready link: the stream's on_wrote */
};

struct ups_link {
	struct net_stream	   stream;
	const struct ups_link_ops *ops;
	void			  *owner;
	struct ups_ctx		  *ctx;
	bool			   ready;
	uint64_t		   who;		/* of ups_link_open_for */
	bool			   turned_away;	/* it ended at the gate: nothing was tried, nothing new is known */
	uint64_t		   reauth_at_us;	/* monotonic: when the SASL session wants to be renewed; 0: never */
	struct ups_link_state	  *state;	/* the link's own */
};

/* host: the broker's address as the cluster advertises it. VALUE: no host (empty, over 255 bytes) or port. In on_ready
 * the stream's in_max is 64 KiB: the owner raises it for longer frames. When the broker ends the stream, the link closes
 * itself after the last on_data. on_closed tells of every failure, also immediate ones, never
 * from inside this call. */
enum alv_err ups_link_open(struct ups_link *l, struct ups_ctx *c, const char *host, uint16_t port,
    const struct ups_link_ops *ops, void *owner) ALV_MUST;
/* For one of many who share the gate of a broker fairly: who tells them apart. */
enum alv_err ups_link_open_for(struct ups_link *l, struct ups_ctx *c, const char *host, uint16_t port, uint64_t who,
    const struct ups_link_ops *ops, void *owner) ALV_MUST;
/* Logs in anew on a ready link, in place: when reauth_at_us has come and the broker owes no answer. The owner sends
 * nothing and sees no byte until on_ready comes once more; a refusal ends the link. */
void ups_link_renew(struct ups_link *l);
/* To another loop, as net_stream_leave and net_stream_enter do it with the stream. */
bool ups_link_quiet(const struct ups_link *l);
bool ups_link_leave(struct ups_link *l) ALV_MUST;
void ups_link_enter(struct ups_link *l, struct ups_ctx *c);
void ups_link_close(struct ups_link *l);
/* The same, but what was sent on a ready link leaves first, for NET_CLOSE_MS at most. */
void ups_link_finish(struct ups_link *l);
void ups_link_fini(struct ups_link *l);

#endif
