/* The groups of one broker for whoever asks: one question at a time, its answer on the board for all. Control loop only. */
#ifndef UPS_GROUPS_H
#define UPS_GROUPS_H

#include <alcove/cluster.h>

struct ups_follower;

/* Embedded in who asks; stays where it is until done, which comes once, perhaps at once. */
struct ups_groups_call {
	struct ups_groups_call *next;
	uint64_t		since_us;	/* what was asked for later than this will do */
	void (*done)(struct ups_groups_call *c, bool listed);	/* listed: the board has it. False: it could not be had */
};

/* Sets next only: since_us and done are the caller's. */
void ups_list_groups(struct ups_follower *f, int32_t node, struct ups_groups_call *c);
/* Whoever waits is told that it could not be had; lists stay on the board. */
void ups_groups_end(struct ups_follower *f);

#endif
