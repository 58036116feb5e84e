/* Topic ids that somebody wants to know, by whom. What resolve.c asks for next is decided here. */
#ifndef UPS_WANTS_H
#define UPS_WANTS_H

#include "upstream/follower_state.h"

struct ups_id_want {
	struct ups_id_want  *next;		/* of all */
	struct ups_id_party *party;		/* while QUEUED: whose queue it stands in */
	struct ups_id_want  *before, *behind;	/* there */
	struct alv_uuid	     id;
	enum { UPS_QUEUED, UPS_ASKED, UPS_DONE } state;
	unsigned	     refs;		/* calls that wait for it */
	enum alv_err	     err;
	char		    *name;		/* DONE: malloc'ed; NULL: there is no such topic */
};

/* The one who asks; who: whatever tells tenants apart. NULL: out of memory, or it has too much under way. */
struct ups_id_party *ups_party_begin(struct ups_follower *f, uint64_t who) ALV_MUST;
void		     ups_party_end(struct ups_id_party *p);

/* AGAIN: more ids than p may ask for. The want is the caller's until ups_unwant. */
enum alv_err ups_want(struct ups_follower *f, struct ups_id_party *p, struct alv_uuid id, struct ups_id_want **out) ALV_MUST;
void	     ups_unwant(struct ups_follower *f, struct ups_id_want *w);
/* It is known: a name, null for none, or an error. */
void	     ups_want_settle(struct ups_follower *f, struct ups_id_want *w, enum alv_err err, struct alv_str name);
/* The next one to ask for, ASKED from now on: one of each party in turn. NULL: none, or not before *wait_us from now. */
struct ups_id_want *ups_want_next(struct ups_follower *f, uint64_t *wait_us) ALV_MUST;
void		    ups_wants_end(struct ups_follower *f);

#endif
