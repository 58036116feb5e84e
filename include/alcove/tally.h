/* How many of each kind a tenant has: groups, members, transactional ids, what is open. One book for the process, made up from
 * what passes through this gateway and, where brokers can be asked, from what they list.
 *
 * A thing is in the book from the moment it is admitted, before a broker has heard of it, so that many at once cannot pass a
 * limit together. It leaves when it is known to be gone, or when a sweep finds that nobody saw it since.
 *
 * Only what a limit asks for is counted: a tenant without one costs nothing. Any thread; one short lock for each tenant, taken
 * by requests that begin or end something and by members' heartbeats, never by those that carry records. */
#ifndef ALCOVE_TALLY_H
#define ALCOVE_TALLY_H

#include <alcove/base.h>

enum tal_kind {
	TAL_GROUPS_CLASSIC, TAL_GROUPS_CONSUMER, TAL_GROUPS_SHARE, TAL_GROUPS_STREAMS,
	TAL_MEMBERS_CLASSIC, TAL_MEMBERS_CONSUMER, TAL_MEMBERS_SHARE, TAL_MEMBERS_STREAMS,
	TAL_TRANSACTIONAL_IDS, TAL_OPEN_TRANSACTIONS, TAL_SHARE_SESSIONS,
	TAL_KINDS
};

/* MEMBER_S: a member that was not seen for so long is gone, but for those that may be silent for longer (tal_lasts). */
enum { TAL_LIMIT_MAX = 1000000, TAL_MEMBER_S = 120 };

struct tal_book;
struct tal_book *tal_book_new(void) ALV_MUST;	/* NULL: out of memory */
void		 tal_book_free(struct tal_book *b);	/* NULL is allowed */

/* A thing by its name, within what it belongs to (a member's group) or a null view. */
struct tal_name {
	struct alv_str within, name;
};

/* Is it there already, or is there room for one more? Then it is there from now on. now_s: seconds of any clock that does not
 * go back, the same for all calls. Without memory there is no room. */
enum tal_answer { TAL_FULL, TAL_KNOWN, TAL_NEW };
enum tal_answer tal_admit(struct tal_book *b, struct alv_str tenant, enum tal_kind k, struct tal_name x, uint64_t limit, uint32_t now_s) ALV_MUST;
bool tal_has(struct tal_book *b, struct alv_str tenant, enum tal_kind k, struct tal_name x);
/* It was seen, whatever the limit says: a broker has it. */
void	 tal_note(struct tal_book *b, struct alv_str tenant, enum tal_kind k, struct tal_name x, uint32_t now_s);
void	 tal_gone(struct tal_book *b, struct alv_str tenant, enum tal_kind k, struct tal_name x);
/* What is in the book may be there so much longer without being seen than others of its kind, until it is gone: 18 hours at most. */
void	 tal_lasts(struct tal_book *b, struct alv_str tenant, enum tal_kind k, struct tal_name x, uint32_t more_s);
/* Whatever was seen last before that moment is gone, for all tenants. */
void	 tal_sweep(struct tal_book *b, enum tal_kind k, uint32_t before_s);
uint64_t tal_count(struct tal_book *b, struct alv_str tenant, enum tal_kind k);

/* ---- topics: counted by the catalogue, but for those on their way ----------------------------------------
 * Who creates takes room for it before a broker is asked and gives it back once the catalogue knows what came of it; between
 * the two it may count twice, never not at all. What is not given back is after life_s. */
struct tal_room {
	uint64_t topics, partitions;
};
/* Is what there is, what others have taken and this together within the limits? (UINT64_MAX: none.) Then *ticket is for
 * tal_room_give. What has a name and is on its way by that name already needs no more room. Else which limit it is; too many on their way count as too many topics, and so does having no memory. */
enum tal_full { TAL_ROOM_OK, TAL_ROOM_TOPICS, TAL_ROOM_PARTITIONS };
enum tal_full tal_room_take(struct tal_book *b, struct alv_str tenant, struct alv_str name, struct tal_room want, struct tal_room have,
    struct tal_room limit, uint32_t now_s, uint32_t life_s, uint64_t *ticket) ALV_MUST;
void tal_room_give(struct tal_book *b, struct alv_str tenant, uint64_t ticket);

/* ---- bytes --------------------------------------------------------------------------------------------------
 * Bytes on the brokers, as they were counted last; nobody counts them but brokers. Added up between two ends; whole: it was all
 * there is, and counts from now on. One thread at a time adds and ends. */
void	 tal_bytes_add(struct tal_book *b, struct alv_str tenant, uint64_t bytes);
void	 tal_bytes_end(struct tal_book *b, bool whole);
uint64_t tal_bytes(struct tal_book *b, struct alv_str tenant);

#endif
