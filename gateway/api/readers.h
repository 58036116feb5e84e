/* Which group a fetch is for. A Fetch does not say; what its client was given to read does: the members of groups that log in as the
 * same principal, under the same client id, from the same address, and what each of them was given by SyncGroup,
 * ConsumerGroupHeartbeat or StreamsGroupHeartbeat. A fetch is for the one group whose members have all the partitions that it asks for;
 * where there is none, or more than one, it is nobody's (unattributed), so nothing is gained by being hard to tell. Share fetches say their
 * group.
 *
 * Who assigns partitions itself joins nothing, but commits offsets for a group: a claim to what it commits. A claim is what a client says
 * of itself, so it is believed only where no member was given any of the partitions that are asked for, so that no claim ever takes a fetch away from
 * the group that it was given for; where a broker took the commit, which it does of groups without members alone; and where it is the
 * only one. It costs what joining costs (rights, a place among the tenant's groups), so it gets nobody anything that joining would not.
 *
 * A bounded table for all workers, under locks that heartbeats take, and fetches only when something has changed. Who was not heard of
 * for READERS_STALE_S is forgotten; so is what a member was given by way of another gateway: it was never known. Any thread. */
#ifndef API_READERS_H
#define API_READERS_H

#include "api/kit.h"

/* A claim holds for READERS_CLAIM_S after the commit, and for twice that at most. */
enum { API_READERS_STALE_S = 60, API_READERS_CLAIM_S = 150, API_READER_PARTS_MAX = 4096, API_READER_TOPICS_MAX = 1024 };

/* Members that cannot be told apart by anything that a fetch shows. Keyed by secrets of the process. */
struct api_reader_key {
	uint64_t a, b;
	uint32_t share;		/* whose part of the table it takes: the tenant's */
};

/* api_readers_new (call.h): max_bytes of all, a quarter of it for one tenant. */
struct api_reader_key api_readers_key(const struct api_readers *r, struct alv_str tenant, struct alv_str principal, struct alv_str client_id,
    struct alv_str host);
/* A topic, by the tenant's name; one partition of it; both at once. */
uint64_t api_readers_topic(const struct api_readers *r, struct alv_str topic);
uint64_t api_readers_part_of(uint64_t topic, int32_t partition);
uint64_t api_readers_part(const struct api_readers *r, struct alv_str topic, int32_t partition);

/* The member was given these, instead of what it had; parts are sorted. now_s: seconds of a clock that does not go back. Where there is
 * no room it has nothing. */
void api_readers_set(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, uint64_t *parts, size_t n,
    uint32_t now_s);
void api_readers_seen(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, uint32_t now_s);
void api_readers_gone(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member);

/* A topic that the tasks of a subtopology read: each its own partition of it. */
struct api_reader_read {
	uint64_t subtopology, topic;	/* api_readers_topic of either */
	bool	 changelog;		/* read to restore a store, not to process */
};
/* The member's topology, of which its broker took it for a member; n 0, or no room: it has none. */
void api_readers_topology(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member,
    const struct api_reader_read *reads, size_t n, uint32_t now_s);
/* A copy in the arena; 0: it has none. */
size_t api_readers_reads(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, struct alv_arena *a,
    struct api_reader_read **reads);

/* A client that is no member committed offsets of these for the group, or of more than these. Where there is no room for it nobody's claims are believed that cannot be
 * told apart from this one's, for as long as it would have held. */
void api_readers_claim(struct api_readers *r, struct api_reader_key k, struct alv_str group, const uint64_t *parts, size_t n, bool more,
    uint32_t now_s);

/* The one group that all of these belong to, in the arena; null: none, or nobody can tell. */
struct alv_str api_readers_find(struct api_readers *r, struct api_reader_key k, const uint64_t *parts, size_t n, uint32_t now_s, struct alv_arena *a);
/* Another number when what was found for this key may be different by now. */
uint64_t api_readers_version(struct api_readers *r, struct api_reader_key k);

/* ---- in handlers (reader_group.c) -------------------------------------------------------------------------- */

/* One more; false: it would be more than are kept, or than the arena has room for. */
bool api_reader_parts_grow(struct api_call *c, struct api_reader_parts *s) ALV_MUST;
static inline bool
api_reader_parts_add(struct api_call *c, struct api_reader_parts *s, uint64_t part)
{
	if (s->n == s->max && !api_reader_parts_grow(c, s))
		return false;
	s->part[s->n++] = part;
	return true;
}
struct api_reader_key api_reader_key(const struct api_call *c, struct alv_str client_id);
uint32_t	      api_reader_now_s(const struct api_call *c);
/* The member that asks (hosts.c), then what the broker said to it, un-mapped. */
void api_reader_asks(struct api_call *c, struct alv_str group, struct alv_str member);
void api_reader_answered(struct api_call *c, const struct kfk_tree *r, int64_t code);
void api_reader_leaves(struct api_call *c, struct alv_str group, struct alv_str member);
/* reader_streams.c: what a member of a streams group says of what its tasks read, what tasks it was given, and that it is none any more. */
void api_reader_topology(struct api_call *c, const struct kfk_tree *q);
void api_reader_tasks(struct api_call *c, const struct kfk_tree *r);
void api_reader_tasks_gone(struct api_call *c, struct alv_str group, struct alv_str member);
/* reader_commits.c: nobody's member commits for the group, and what the broker said to it, not un-mapped yet. */
void api_reader_commits(struct api_call *c, struct alv_str group);
void api_reader_committed(struct api_call *c, const struct kfk_tree *r);
/* Is it of interest whose a fetch is? */
bool api_reader_wanted(const struct api_call *c);
/* A fetch asks for this partition. */
void api_reader_anew(struct api_call *c);	/* nothing was said yet */
void api_reader_fetches(struct api_call *c, struct alv_str topic, int32_t partition);
/* Whose it is, all of it said: null where nobody can tell. False: the same as the last fetch of the connection. */
bool api_reader_group(struct api_call *c, struct alv_str *group) ALV_MUST;

#endif
