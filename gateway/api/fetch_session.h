/* Fetch sessions (KIP-227), per client connection: what a client opened here, and the session of this connection's own
 * upstream connection that stands behind it. Internal to this folder.
 *
 *   fetch_set.c	the topics and partitions of one
 *   fetch_session.c	the table of a connection: ids, epochs, opening, ending
 *   fetch_more.c	requests that go on with one, and are not the usual case of fetch_quick.c
 *
 *            api_session_begin           a broker's id came
 *   (full) ────────────────────▶ OPENING ─────────────────▶ LIVE ──▶ freed, as soon as no request of it is under way
 *                                   └── none came ──────────────────────▲
 *
 * A session's requests and the broker's are one to one, so both sides count the same epoch. One that is answered without the
 * broker ends the session.
 *
 * Invariants: ids that brokers give never reach a client, and a client's never reach a broker: what a client names is looked
 * up among its own connection's. A session holds only what its principal may read by the tenant's snapshot that it was judged
 * by; what is not so any more ends it, with the answer that says which partitions. At most one request of a session is under
 * way, so the set that an answer is held against is the one that was asked with. */
#ifndef API_FETCH_SESSION_H
#define API_FETCH_SESSION_H

#include "api/quick.h"

/* ---- the set (fetch_set.c) ------------------------------------------------------------------------- */

struct api_set_topic {
	struct api_wanted w;		/* first; by id or by physical name, as the set is */
	uint32_t	  slot, next;	/* where it is, and what follows on its chain */
	uint32_t	  nparts;
	char		  text[];	/* of both names */
};

struct api_set_part {
	const struct api_set_topic *topic;
	int32_t			    index;
	uint32_t		    next;
};

struct api_set {
	bool		       by_id;
	uint64_t	       seed;
	struct api_set_topic **topic;
	struct api_set_part   *part;
	uint32_t	      *topics, *parts;	/* chains by hash */
	uint32_t	       ntopics, topic_slots, nparts, part_slots;
	size_t		       bytes;	/* of memory */
};

void api_set_init(struct api_set *s, bool by_id, uint64_t seed);
void api_set_fini(struct api_set *s);
/* NULL: it is not there. id is looked at where the set is by id. */
struct api_set_topic *api_set_find(const struct api_set *s, struct alv_uuid id, struct alv_str phys);
bool api_set_has(const struct api_set *s, const struct api_set_topic *t, int32_t index);
/* Copies the strings. What is there already stays. False: no memory, and nothing was added. */
bool api_set_add(struct api_set *s, const struct api_wanted *w, int32_t index) ALV_MUST;
/* Its last partition takes a topic along. What is not there need not be removed. */
void api_set_remove(struct api_set *s, struct api_set_topic *t, int32_t index);

/* ---- the table (fetch_session.c) ---------------------------------------------------------------------- */

struct api_session {
	struct api_session *next;	/* used before */
	int32_t		    id, up_id;	/* 0: it is being opened */
	int32_t		    epoch;	/* of the next request */
	bool		    busy;	/* a request of it is under way */
	bool		    over;	/* freed when that is answered */
	uint64_t	    revision;	/* of the snapshot that allows all of it */
	struct api_set	    set;
};

/* One partition that a request brings into the set, or takes out of it. */
struct api_change {
	struct api_change *next;
	struct api_wanted  w;
	int32_t		   index;
	bool		   forgotten;
};

/* What a request is to its session, for its response: memo's `own`, in the arena. NULL there: it has none. */
struct api_turn {
	struct api_session *session;
	int16_t		    code;	/* of the response's top */
	uint32_t	    nadded;
	struct api_change  *first, **tail;
};
/* NULL: no memory. */
struct api_turn *api_turn_new(struct api_call *c, struct api_session *s) ALV_MUST;
/* One change that it brings; w's strings live as long as the call. False: no memory, or the set would be larger than it
 * may be. */
bool api_turn_change(struct api_call *c, struct api_turn *t, const struct api_wanted *w, int32_t index, bool forgotten) ALV_MUST;
/* It is forwarded: its changes are made, and the session is busy until api_session_done. False: no memory; the session
 * ends. */
bool api_turn_goes(struct api_call *c, struct api_turn *t) ALV_MUST;

/* May a full fetch with epoch 0 open one now? */
bool api_session_may_open(const struct api_call *c);
/* One to fill; another one may have to go for it. NULL: none can be had. */
struct api_session *api_session_begin(struct api_call *c, bool by_id);
/* The client's id. NULL: this connection has no such session. */
struct api_session *api_session_find(const struct api_conn *c, int64_t id);
/* Whether a request may go on with s (NULL: there is none): 0, 70, 71, 106. */
int16_t api_session_check(const struct api_session *s, int64_t epoch, bool by_id);
/* The response says that the session is the broker's `up`: what the client is told. FOREIGN: an honest broker says that of
 * no request of this session. */
enum alv_err api_session_came(struct api_call *c, struct api_turn *t, int64_t up, int64_t *told) ALV_MUST;
/* The response was fed to its end, or never will be. */
void api_session_done(struct api_conn *c, struct api_session *s);
/* It ends; the broker's is closed by the next full fetch, unless the broker knows already (MET_SESSION_BROKER). */
void api_session_end(struct api_conn *c, struct api_session *s, enum met_session why);
/* Bytes that all of the connection's have; they end, where memory is wanted; they end with it. */
size_t api_sessions_weight(const struct api_conn *c);
void api_sessions_release(struct api_conn *c);
/* Each is judged anew before it goes on: its principal may do something else than before. */
void api_sessions_doubt(struct api_conn *c);
void api_sessions_fini(struct api_conn *c);
/* A session of the broker's that nobody needs any more, to be named in a full fetch; 0: there is none. Taken: it was. */
int32_t api_session_unneeded(const struct api_conn *c);
void	api_session_unneeded_taken(struct api_conn *c);

/* ---- requests (fetch_more.c, fetch.c) --------------------------------------------------------------- */

/* One that says to go on with a session. */
enum api_result api_fetch_more(struct api_call *c, struct kfk_tree *q) ALV_MUST;
/* Every topic of it is refused, where a client says that it is a broker. */
bool api_fetch_is_follower(const struct kfk_tree *q);

#endif
