/* What the files of the follower share. Nobody else's.
 *   follower.c rounds   broker.c brokers and their apis   learn.c topics that passed through us   publish.c views
 *   create.c topics that are asked for   resolve.c, wants.c ids       scan.c, purge.c prefixes       groups.c lists of groups
 *   census.c what there is of all of it */
#ifndef UPS_FOLLOWER_STATE_H
#define UPS_FOLLOWER_STATE_H

#include "upstream/ask.h"
#include "upstream/follower.h"
#include "upstream/meta.h"

enum { UPS_SMALL_ARENA_MAX = 4 * 1024 * 1024 };

/* One live broker. */
struct ups_broker {
	struct ups_follower *follower;
	int32_t		     id;
	struct ups_asker    *asker;
	struct ups_question  question;	/* ApiVersions */
	bool		     asking;
	bool		     gone;	/* not in Metadata any more: freed when not asking */
	bool		     listed;	/* mark of ups_brokers_sync */
	bool		     known;	/* what follows was told at least once */
	struct clu_range     apis[CLU_API_KEYS];
	size_t		     nfeatures;
	struct clu_feature   features[CLU_FEATURES_MAX];
	int64_t		     features_epoch;
};

struct ups_learned;
struct ups_ids_call;
struct ups_id_party;
struct ups_id_want;
struct ups_id_batch;
struct ups_scan;
struct ups_purge;
struct ups_lister;
struct ups_census;
/* A topic to be made. */
struct ups_creation {
	struct ups_creation *next;
	uint64_t	     who;
	bool		     asked;
	int32_t		     partitions, replication_factor;
	size_t		     n;
	char		     name[];
};

struct ups_follower {
	struct net_loop	 *loop;
	struct ups_ctx	 *ctx;
	struct clu_board *board;
	void (*on_change)(void *arg);
	void	 *arg;
	uint64_t  random;
	size_t	  alive;	/* askers */

	enum { UPS_WAITING, UPS_ASKING_META, UPS_ASKING_APIS } phase;
	bool	  again;	/* a round was asked for during one */
	bool	  all_topics;	/* this round asks for them */
	uint64_t  topics_due_us;	/* when the next one does */
	size_t	  meta_bytes;	/* of the answer to it */
	bool	  ending;
	bool	  reachable;
	int	  warned;	/* the log tells once of each loss: 1, of another cluster: 2 */
	size_t	  failed;	/* candidates in a row */
	uint32_t  backoff_ms;
	size_t	  turn;		/* which candidate is next, after a failure */
	int32_t	  main;		/* the broker that answers our questions; -1: none chosen */
	size_t	  server;	/* which of the configured servers `bootstrap` is */
	struct ups_asker   *bootstrap;
	struct ups_question question;	/* Metadata */
	struct ups_meta	    meta;
	struct net_timer    timer;
	char		    cluster_id[129];	/* the configured one, or the first one seen */
	char		    foreign[129];	/* another one that answered since the right one did */
	char		    words[512];		/* why the last round failed */

	size_t		    nbrokers;
	struct ups_broker **brokers;
	struct ups_learned *learned;
	size_t		    nlearned;

	/* ids */
	struct ups_ids_call *calls;
	struct ups_id_want  *wants;
	struct ups_id_party *parties;	/* tenants that asked lately, who was served longest ago first */
	struct ups_id_batch *batches;
	size_t		     ncalls, nwants, nparties, nbatches;
	uint64_t	     ids_full_us;	/* when the bucket of all together would be full */
	struct net_timer     ids_timer;		/* it has enough again */
	struct net_later     ids_later;
	/* prefixes */
	struct ups_scan	 *scans;
	struct ups_purge *purges;
	uint32_t	  purge_ms;	/* without progress for so long a purge gives up */
	struct ups_creation *creations;		/* topics to be made, first the ones that are being asked for */
	struct ups_question  creating;
	bool		     is_creating;
	struct ups_census *census;	/* under way; NULL: none is */
	struct ups_lister *listers;	/* of the brokers whose groups were asked for lately */
};

uint64_t ups_random(struct ups_follower *f);
/* Who answers a question that any broker can answer; NULL: the cluster is not reached. */
struct ups_asker *ups_any_asker(struct ups_follower *f);
/* request.timeout.ms, but no longer than that where another broker can answer as well. */
uint32_t ups_patience_ms(const struct ups_follower *f, uint32_t most);
/* Another one than that; NULL: no other broker is known to live. */
struct ups_asker *ups_other_asker(struct ups_follower *f, const struct ups_asker *a);

/* broker.c: makes f->brokers those of m. */
enum alv_err ups_brokers_sync(struct ups_follower *f, const struct ups_meta *m) ALV_MUST;
void	     ups_brokers_free(struct ups_follower *f);
struct ups_broker *ups_broker_find(struct ups_follower *f, int32_t id);
void ups_broker_ask_apis(struct ups_broker *b);
/* Called by broker.c: b answered or failed (words), changed: what it offers is not what it was. */
void ups_broker_told(struct ups_follower *f, struct ups_broker *b, const char *words, bool changed);
/* What all offer; false: none has told yet. */
bool ups_brokers_merge(const struct ups_follower *f, struct clu_view *parts);

/* learn.c: a view with what was learnt on top; takes v, NULL without memory. fresh: v is what a broker just said. */
struct clu_view *ups_learned_apply(struct ups_follower *f, struct clu_view *v, bool fresh) ALV_MUST;
void		 ups_learned_free(struct ups_follower *f);

/* publish.c: hangs up a view of these parts if it differs from the one there. */
enum alv_err ups_view_publish(struct ups_follower *f, const struct clu_view *parts, bool fresh) ALV_MUST;

void ups_ids_init(struct ups_follower *f);
void ups_ids_end(struct ups_follower *f);

/* scan.c: as ups_scan_prefix; without txns transactional ids are not asked for. */
void ups_scan_start(struct ups_follower *f, struct alv_str prefix, bool txns, ups_scan_fn done, void *arg);
void ups_scans_end(struct ups_follower *f);
void ups_purges_end(struct ups_follower *f);
void ups_creations_end(struct ups_follower *f);	/* nothing is being asked any more */

#endif
