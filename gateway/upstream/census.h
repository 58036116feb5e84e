/* What the cluster holds, broker by broker: groups, transactional ids, bytes on disk. Control loop only. */
#ifndef UPS_CENSUS_H
#define UPS_CENSUS_H

#include <alcove/cluster.h>

struct ups_follower;

enum { UPS_CENSUS_GROUPS = 1, UPS_CENSUS_TXNS = 2, UPS_CENSUS_BYTES = 4, UPS_CENSUS_ALL = 7 };

/* Who hears of it. Names are physical, views for the call only; any tenant's, and nobody's. */
struct ups_census_fns {
	void (*group)(void *arg, struct alv_str id, struct alv_str type);	/* type: "Classic"..; null: the broker did not say */
	void (*txn)(void *arg, struct alv_str id, struct alv_str state);	/* "Ongoing".. */
	void (*bytes)(void *arg, struct alv_str topic, uint64_t bytes);	/* of one replica of one partition */
	/* The end, always, perhaps at once. `what` was told whole: every live broker answered. */
	void (*done)(void *arg, unsigned what, const char *words);	/* words: what failed, where `what` is not all that was asked for */
};

/* Asks every broker that is known now, one question at a time. At most one under way. */
void ups_census(struct ups_follower *f, unsigned what, const struct ups_census_fns *fns, void *arg);
/* It is told that nothing was had; ups_follower_free's. */
void ups_census_end(struct ups_follower *f);

#endif
