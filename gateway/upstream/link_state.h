/* What link.c, login.c and salted.c share of a link and of a context. */
#ifndef UPS_LINK_STATE_H
#define UPS_LINK_STATE_H

#include "upstream/link.h"
#include "upstream/salted.h"

enum { UPS_ADDRESSES = 8, UPS_LOGIN_FRAME_MAX = 64 * 1024 };

struct ups_ctx_own {
	struct ups_salted *salted;
	size_t		   jobs;	/* with the pools now; their answers come to this loop */
};

/* The order of a link's life; only link.c's `enter` moves it. */
enum ups_step { UPS_RESOLVING, UPS_CONNECTING, UPS_HANDSHAKE, UPS_TOKENS, UPS_READY, UPS_CLOSING, UPS_CLOSED };

struct ups_link_state {
	struct ups_link	   *link;
	enum ups_step	    step;
	char		    host[256];
	uint16_t	    port;
	struct net_resolve *resolve;	/* under way; left as an orphan when the link closes first */
	size_t		    naddr, next_addr;
	struct sockaddr_storage addr[UPS_ADDRESSES];
	socklen_t	    addr_n[UPS_ADDRESSES];
	bool		    streaming;	/* the stream was opened and has not ended */
	bool		    have_stream;	/* it is to be freed */
	struct net_timer    timer;	/* of resolving, and of the login */
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

/* SASL on an open stream. */
void ups_login_start(struct ups_link *l);
void ups_login_data(struct ups_link *l);
void ups_login_fini(struct ups_link *l);

#endif
