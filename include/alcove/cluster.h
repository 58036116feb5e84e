/* What is known of the physical cluster: an immutable view, made by the follower on the control thread and read by
 * everybody between quiet points; and the worker's own cache of topic ids. No socket here. */
#ifndef ALCOVE_CLUSTER_H
#define ALCOVE_CLUSTER_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/err.h>
#include <alcove/qsbr.h>

struct clu_broker {
	int32_t	       id;
	struct alv_str host;
	uint16_t       port;
	struct alv_str rack;	/* null: none */
};

struct clu_topic {
	struct alv_str	name;	/* physical */
	struct alv_uuid id;
	int32_t		partitions;
	bool		internal;
};

struct clu_range {
	int16_t lo, hi;		/* lo > hi: not offered */
};

enum { CLU_API_KEYS = 128, CLU_FEATURES_MAX = 16 };

struct clu_feature {	/* a finalized feature of the cluster */
	char	name[48];
	int16_t lo, hi;
};

struct clu_view {
	uint64_t		 generation;
	struct alv_str		 cluster_id;
	int32_t			 controller_id;	/* -1: unknown */
	size_t			 nbrokers;
	const struct clu_broker *brokers;	/* live ones, sorted by id */
	size_t			 ntopics;
	const struct clu_topic	*topics;	/* sorted by name */
	const struct clu_topic *const *by_id;	/* the same, sorted by id */
	struct clu_range	 apis[CLU_API_KEYS];	/* what every live broker offers */
	size_t			 nfeatures;
	struct clu_feature	 features[CLU_FEATURES_MAX];
	int64_t			 features_epoch;
};

const struct clu_broker *clu_broker_find(const struct clu_view *v, int32_t id);
const struct clu_topic	*clu_topic_find(const struct clu_view *v, struct alv_str name);
const struct clu_topic	*clu_topic_by_id(const struct clu_view *v, struct alv_uuid id);
/* The topics whose names begin with prefix: a contiguous range. */
size_t clu_topic_range(const struct clu_view *v, struct alv_str prefix, const struct clu_topic **first);

/* A view from loose parts; copies and sorts everything. NULL: out of memory. `base` gives nothing but memory to free. */
struct clu_view *clu_view_build(const struct clu_view *parts) ALV_MUST;
void		 clu_view_free(struct clu_view *v);

/* Where the current view hangs. Published by the control thread only. */
struct clu_board;
struct clu_board *clu_board_new(struct alv_qsbr *q) ALV_MUST;
void		  clu_board_free(struct clu_board *b);
/* NULL until the cluster was reached for the first time. Valid until the reader's next quiet point. */
const struct clu_view *clu_board_load(const struct clu_board *b);
void		       clu_board_publish(struct clu_board *b, struct clu_view *v);

/* ---- topic ids: one cache per worker, no sharing ----------------------------------------------
 * id -> physical name never changes for a living topic, so entries are evicted for space only. Negative entries are
 * brief (CLU_ID_NEGATIVE_MS). Lookups ask the cache, then the view. */
struct clu_ids;
enum { CLU_ID_NEGATIVE_MS = 1000 };
struct clu_ids *clu_ids_new(size_t max_entries) ALV_MUST;
void		clu_ids_free(struct clu_ids *c);
/* OK: *name (valid until the next call that adds). NOT_FOUND: known not to exist. AGAIN: nobody knows yet: resolve. */
enum alv_err clu_ids_find(struct clu_ids *c, const struct clu_view *v, struct alv_uuid id, uint64_t now_us,
    struct alv_str *name) ALV_MUST;
/* name null: known not to exist, for a while. */
void clu_ids_learn(struct clu_ids *c, struct alv_uuid id, struct alv_str name, uint64_t now_us);
void clu_ids_forget(struct clu_ids *c, struct alv_uuid id);

#endif
