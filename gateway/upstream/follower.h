/* Follows the physical cluster from the control thread: brokers, topics with ids, api ranges, features; and asks it
 * what the control thread needs to know. All calls on the control loop; answers come later, once, on the same loop. */
#ifndef UPS_FOLLOWER_H
#define UPS_FOLLOWER_H

#include <alcove/cluster.h>
#include <alcove/tenant.h>

#include "upstream/link.h"

struct ups_follower;

/* Connects to a bootstrap server or a known broker, asks Metadata and ApiVersions of every broker,
 * publishes a view on the board whenever something changed, again every metadata_refresh_ms (all topics: as often as their
 * size allows) and soon after a failure. on_change: a new view hangs on the board (also from inside ups_publish), or the cluster was reached or lost
 * (ups_reachable tells). The board's last view stays when the cluster is lost. */
struct ups_follower *ups_follower_new(struct net_loop *l, struct ups_ctx *c, struct clu_board *board,
    void (*on_change)(void *arg), void *arg) ALV_MUST;
/* After net_loop_run returned: turns the loop until its connections are gone. What is unanswered fails with CLOSED. */
void ups_follower_free(struct ups_follower *f);
/* Asks anew soon, for all topics as well, without waiting for metadata_refresh_ms; while the cluster is lost the backoff stays. */
void ups_refresh(struct ups_follower *f);
/* Was the cluster reached by the last attempt? */
bool ups_reachable(const struct ups_follower *f);
/* What the last attempt failed with, "" while the cluster is reached or was not asked yet; until the loop's next turn. */
const char *ups_words(const struct ups_follower *f);

/* Asks Metadata (v12) for ids that the view does not have; names[i] malloc'ed, done's to free, or NULL for unknown ones.
 * An id that is being asked for already is not asked for again. who: the tenant; each has a bucket of its own (AGAIN when
 * it is empty: 200 ids a second, 2000 at once) and its turn, whatever others ask for. At most UPS_IDS_MAX per call (LIMIT).
 * UNAVAILABLE: the cluster did not answer. Only where there is no memory for the call itself, done runs at once. */
enum { UPS_IDS_MAX = 64 };
typedef void (*ups_ids_fn)(void *arg, enum alv_err err, size_t n, const struct alv_uuid *id, char **names);
void ups_resolve_ids(struct ups_follower *f, uint64_t who, size_t n, const struct alv_uuid *id, ups_ids_fn done, void *arg);

/* Merges topics that were created (or deleted) through us into the view and publishes it at once. */
void ups_learn(struct ups_follower *f, struct alv_str name, struct alv_uuid id, int32_t partitions, bool deleted);
void ups_publish(struct ups_follower *f);	/* after one or more ups_learn */

/* Creates a topic in the background and learns it; -1: the cluster's default. Who asks for one that is being made waits for the
 * same. At most UPS_CREATE_MAX wait, and UPS_CREATE_WHO_MAX of one `who`: what is beyond is forgotten, and so is what fails. */
enum { UPS_CREATE_MAX = 1024, UPS_CREATE_WHO_MAX = 128 };
void ups_create_topic(struct ups_follower *f, uint64_t who, struct alv_str name, int32_t partitions, int32_t replication_factor);

/* Everything on the cluster that begins with prefix: topics (asked anew), groups (ListGroups of every broker),
 * transactional ids (ListTransactions of every broker). names[i] malloc'ed, freed by the follower after done. */
struct ups_found {
	size_t	      n;
	enum ten_kind kind[1024];
	char	     *name[1024];
	bool	      more;	/* there were more than fit */
};
typedef void (*ups_scan_fn)(void *arg, enum alv_err err, const struct ups_found *found);
void ups_scan_prefix(struct ups_follower *f, struct alv_str prefix, ups_scan_fn done, void *arg);
/* Deletes them: topics, groups; aborts nothing (transactional ids expire by the broker's setting, their names are
 * reported by a later scan). done: what is left to do failed with err, or nothing is left. */
typedef void (*ups_purge_fn)(void *arg, enum alv_err err, const char *words);
void ups_purge_prefix(struct ups_follower *f, struct alv_str prefix, ups_purge_fn done, void *arg);

#endif
