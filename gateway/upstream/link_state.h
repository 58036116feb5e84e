/* What link.c, login.c and salted.c share of a link and of a context. */
#ifndef UPS_LINK_STATE_H
#define UPS_LINK_STATE_H

#include "upstream/gate.h"
#include "upstream/link.h"
#include "upstream/names.h"
#include "upstream/salted.h"

enum { UPS_LOGIN_FRAME_MAX = 64 * 1024 };

struct ups_ctx_own {
	struct ups_salted *salted;
	struct ups_names  *names;
	struct net_sources sources;
	struct ups_gates  *gates;	/* NULL: none wait */
	size_t		   jobs;	/* with the pools now; their answers come to this loop */
};

/* The order of a link's life; only link.c's `enter` moves it. */
enum ups_step { UPS_GATE, UPS_RESOLVING, UPS_CONNECTING, UPS_HANDSHAKE, UPS_TOKENS, UPS_READY, UPS_CLOSING, UPS_CLOSED };

/* What a link needs until it is connected, and not after that. */
struct ups_reach {
	struct ups_link	    *link;
	struct ups_gate_pass pass;
	struct ups_name_wait name;
	size_t		     next;	/* of the addresses */
	struct ups_addresses all;
	uint64_t	     deadline_us;
	bool		     ours;	/* it failed for want of memory, descriptors or ports here */
};

struct ups_link_state {
	struct ups_link	   *link;
	enum ups_step	    step;
	char		    host[256];
	uint16_t	    port;
	struct ups_reach   *reach;	/* NULL once it was ready */
	bool		    streaming;	/* the stream was opened and has not ended */
	bool		    have_stream;	/* it is to be freed */
	struct net_timer    timer;	/* of the way to READY, and of a later login */
	struct net_later    later;	/* the next address, or the end */
	/* SASL */
	bool		    logging_in;	/* client is alive */
	struct aut_client   client;
	struct ups_salt_wait salt;
	int32_t		    correlation_id;
	bool		    proven;	/* our side of the exchange is complete */
	/* why it ends */
	enum ups_end	    end;
	char		    words[512];
};

/* Ends the link for a reason of ours; on_closed comes later. Only the first reason counts. */
void ups_link_fail(struct ups_link *l, enum ups_end end, const char *fmt, ...) ALV_PRINTF(3, 4);
/* Login is complete, or there is none. */
void ups_link_enter_ready(struct ups_link *l);

/* reach.c: the way from opened to connected. Begins it; on failure the link ends as always. */
void ups_reach_start(struct ups_link *l);
/* The next address, in a later step. False: there is none, or trying on makes no sense. */
bool ups_reach_again(struct ups_link *l, enum net_end why);
void ups_reach_next(struct ups_link *l);
void ups_reach_stop(struct ups_link *l);	/* nothing of it calls any more */
/* It is over; the gate is told how it went. */
void ups_reach_end(struct ups_link *l, bool reached);
extern const struct net_stream_ops ups_stream_ops;

/* SASL on an open stream. */
void ups_login_start(struct ups_link *l);
void ups_login_data(struct ups_link *l);
void ups_login_fini(struct ups_link *l);

#endif
