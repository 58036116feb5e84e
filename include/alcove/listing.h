/* What brokers list, shared by all tenants: the groups of one broker, asked for once for everybody; and since when what was
 * asked before is too old for a tenant that changed something itself. Hangs on the board beside the view. */
#ifndef ALCOVE_LISTING_H
#define ALCOVE_LISTING_H

#include <alcove/cluster.h>

struct clu_group {
	struct alv_str id;			/* physical */
	struct alv_str protocol, state, type;	/* as the broker says them; null: it did not */
};

/* The groups that one broker coordinates, of all tenants. Immutable; sorted by id, each once. */
struct clu_groups {
	int32_t			node;
	uint64_t		asked_us;	/* monotonic: nothing that happened before is missing */
	size_t			n;
	const struct clu_group *groups;
};

/* From loose parts; copies and sorts everything. NULL: out of memory. */
struct clu_groups *clu_groups_build(const struct clu_groups *parts) ALV_MUST;
void		   clu_groups_free(struct clu_groups *g);
/* The groups whose ids begin with prefix: a contiguous range. */
size_t clu_groups_range(const struct clu_groups *g, struct alv_str prefix, const struct clu_group **first);
/* NULL: it is not among them. */
const struct clu_group *clu_groups_find(const struct clu_groups *g, struct alv_str id);

/* The newest list of that broker; NULL: there is none. Valid until the reader's next quiet point. */
const struct clu_groups *clu_board_groups(const struct clu_board *b, int32_t node);
/* Takes g in the place of what the board has for g->node. Control thread only. NOMEM: the caller keeps g. */
enum alv_err clu_board_put_groups(struct clu_board *b, struct clu_groups *g) ALV_MUST;
/* The board has no list of that broker any more. Control thread only. */
void clu_board_drop_groups(struct clu_board *b, int32_t node);

/* ---- what a tenant did itself ------------------------------------------------------------------------
 * A client sees its own changes at once: nothing that was asked for before counts for its tenant any more. Any thread. */
enum clu_news { CLU_NEWS_GROUPS, CLU_NEWS_TOPICS, CLU_NEWS };
/* Something of the tenant's may have changed by now, which is alv_mono_us() read after the answer came that said so. */
void clu_board_note(struct clu_board *b, enum clu_news what, struct alv_str tenant, uint64_t now_us);
/* When that was for the last time; 0: never. Two tenants may share a place: then it is the later of both. */
uint64_t clu_board_noted(const struct clu_board *b, enum clu_news what, struct alv_str tenant);

#endif
