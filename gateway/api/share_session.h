/* Share sessions (KIP-932), per client connection: what each holds on the client's side, and which part of that the broker has as
 * well. A request may name no topic at all, the broker's session then says which records come: so what a principal may read is
 * asked anew for all of a session with each request, and what it may not read any more is taken out of the broker's.
 *
 * A session is a group's member's. Brokers know it by these two whoever asks; here it is its connection's alone, since what is
 * in it was judged for that connection's principal.
 * Invariants: its partitions are in order, each once; what is `up` the principal could read at the last request. */
#ifndef API_SHARE_SESSION_H
#define API_SHARE_SESSION_H

#include "api/kit.h"

struct api_share_part {
	struct alv_uuid id;
	int32_t		index;
	bool		up;		/* it is in the broker's session */
	bool		named, gone;	/* by the request under way: it is in Topics; it is forgotten */
};

struct api_share {
	struct api_share      *next;
	uint64_t	       serial;	/* of the connection; never used again */
	uint32_t	       n, room, sorted;	/* of part: there are, may be, are in order */
	struct api_share_part *part;
	size_t		       group_n, member_n;
	char		       key[];	/* the virtual group, the member */
};

enum { API_SHARES_MAX = 8, API_SHARE_PARTS_MAX = 10000 };	/* of one connection, of one session */

/* NULL: this connection has no such session. */
struct api_share *api_share_find(const struct api_conn *c, struct alv_str group, struct alv_str member);
/* An empty one, in the place of the one that there may be. NULL: no memory, or there are too many. */
struct api_share *api_share_open(struct api_conn *c, struct alv_str group, struct alv_str member);
void		  api_share_close(struct api_conn *c, uint64_t serial);
/* Bytes that all of the connection's have. They end with it, or where memory is wanted: clients open others. */
size_t		  api_shares_weight(const struct api_conn *c);
void		  api_shares_fini(struct api_conn *c);

/* The request under way names a partition; after the last one api_share_sort. False: no memory, or the session would be larger than it may be. */
bool api_share_name(struct api_share *s, struct alv_uuid id, int32_t index) ALV_MUST;
void api_share_sort(struct api_share *s);
/* NULL: it is not there, or not in order yet. */
struct api_share_part *api_share_part(const struct api_share *s, struct alv_uuid id, int32_t index);
/* The request under way goes: what is gone is taken out, the marks are cleared. */
void api_share_settle(struct api_conn *c, struct api_share *s);

#endif
