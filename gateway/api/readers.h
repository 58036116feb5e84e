/* Which group a fetch is for. A Fetch does not say; what its client was given to read does: the members of groups that log in as the
 * same principal, under the same client id, from the same address, and what each of them was given by SyncGroup or
 * ConsumerGroupHeartbeat. A fetch is for the one group whose members have all the partitions that it asks for; where there is none, or
 * more than one, it is nobody's (unattributed), so nothing is gained by being hard to tell. Share fetches say their group.
 *
 * A bounded table for all workers, under locks that heartbeats take, and fetches only when something has changed. Who was not heard of
 * for READERS_STALE_S is forgotten; so is what a member was given by way of another gateway: it was never known. Any thread. */
#ifndef API_READERS_H
#define API_READERS_H

#include "api/kit.h"

enum { API_READERS_STALE_S = 60, API_READER_PARTS_MAX = 4096 };

/* Members that cannot be told apart by anything that a fetch shows. Keyed by secrets of the process. */
struct api_reader_key {
	uint64_t a, b;
	uint32_t share;		/* whose part of the table it takes: the tenant's */
};

/* api_readers_new (call.h): max_bytes of all, a quarter of it for one tenant. */
struct api_reader_key api_readers_key(const struct api_readers *r, struct alv_str tenant, struct alv_str principal, struct alv_str client_id,
    struct alv_str host);
/* One partition of a topic, by the tenant's name. */
uint64_t api_readers_part(const struct api_readers *r, struct alv_str topic, int32_t partition);

/* The member was given these, instead of what it had; parts are sorted. now_s: seconds of a clock that does not go back. Where there is
 * no room it has nothing. */
void api_readers_set(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, uint64_t *parts, size_t n,
    uint32_t now_s);
void api_readers_seen(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member, uint32_t now_s);
void api_readers_gone(struct api_readers *r, struct api_reader_key k, struct alv_str group, struct alv_str member);

/* The one group that all of these belong to, in the arena; null: none, or nobody can tell. */
struct alv_str api_readers_find(struct api_readers *r, struct api_reader_key k, const uint64_t *parts, size_t n, uint32_t now_s, struct alv_arena *a);
/* Another number when what was found for this key may be different by now. */
uint64_t api_readers_version(struct api_readers *r, struct api_reader_key k);

/* ---- in handlers (reader_group.c) -------------------------------------------------------------------------- */

/* The member that asks (hosts.c), then what the broker said to it, un-mapped. */
void api_reader_asks(struct api_call *c, struct alv_str group, struct alv_str member);
void api_reader_answered(struct api_call *c, const struct kfk_tree *r, int64_t code);
void api_reader_leaves(struct api_call *c, struct alv_str group, struct alv_str member);
/* Is it of interest whose a fetch is? */
bool api_reader_wanted(const struct api_call *c);
/* A fetch asks for this partition. */
void api_reader_anew(struct api_call *c);	/* nothing was said yet */
void api_reader_fetches(struct api_call *c, struct alv_str topic, int32_t partition);
/* Whose it is, all of it said: null where nobody can tell. False: the same as the last fetch of the connection. */
bool api_reader_group(struct api_call *c, struct alv_str *group) ALV_MUST;

#endif
