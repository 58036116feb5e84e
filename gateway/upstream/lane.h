/* Who waits at a gate: a queue for each tenant, served in turn. */
#ifndef UPS_LANE_H
#define UPS_LANE_H

#include "upstream/gate.h"

struct ups_lanes {
	struct ups_gate_lane *first;	/* the next to be served; a lane is there while somebody is in it */
	size_t		      n;	/* passes in all lanes */
};

bool ups_lanes_add(struct ups_lanes *s, struct ups_gate_pass *p) ALV_MUST;	/* false: out of memory */
void ups_lanes_remove(struct ups_lanes *s, struct ups_gate_pass *p);
/* Whose turn it is; its lane goes to the end. There must be one. It stays until it is removed. */
struct ups_gate_pass *ups_lanes_next(struct ups_lanes *s) ALV_MUST;
/* Who has to go so that one more of `who` fits: the newest of the longest lane, if that is longer than its own would be;
 * NULL: nobody has. */
struct ups_gate_pass *ups_lanes_victim(const struct ups_lanes *s, uint64_t who) ALV_MUST;

#endif
