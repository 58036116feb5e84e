/* Produce, Fetch and ShareFetch, both directions, in the versions that the bench speaks: an old one with names and a new one with
 * topic ids. */
#ifndef BENCH_HOT_H
#define BENCH_HOT_H

#include "bench.h"

enum {
	BENCH_PRODUCE = 0, BENCH_FETCH = 1, BENCH_METADATA = 3, BENCH_SHARE = 78, BENCH_SHARE_VERSION = 1,
	BENCH_PRODUCE_OLD = 7, BENCH_PRODUCE_NEW = 13, BENCH_FETCH_OLD = 11, BENCH_FETCH_NEW = 17,
	BENCH_PARTITIONS_MAX = 16
};

/* A topic as a request names it: by its id where that version does. */
struct bench_topic {
	struct alv_str	name;
	struct alv_uuid id;
};

/* One Produce or Fetch of one topic, as the broker reads it. */
struct bench_ask {
	struct bench_topic topic;
	int16_t		   acks;
	uint32_t	   n;
	int32_t		   partition[BENCH_PARTITIONS_MAX];
	struct bench_in	   records[BENCH_PARTITIONS_MAX];	/* Produce */
	uint32_t	   most[BENCH_PARTITIONS_MAX];		/* Fetch: bytes of each */
};

void bench_put_produce(struct alv_buf *b, const struct bench_head *h, const struct bench_topic *t, int32_t partition,
    const struct bench_batch *batch);
void bench_put_fetch(struct alv_buf *b, const struct bench_head *h, const struct bench_topic *t, uint32_t partitions,
    uint32_t partition_max);
/* Bodies of requests, behind the header. They die of what they do not expect. */
struct bench_ask bench_get_produce(struct bench_in *r, int version);
struct bench_ask bench_get_fetch(struct bench_in *r, int version);

/* received_ns and sending_ns travel in two fields that no relay looks at: append time and log start. */
struct bench_ack {
	int16_t	 error;
	uint64_t received_ns, sending_ns;
};
void		 bench_put_produced(struct alv_buf *b, const struct bench_head *h, const struct bench_ask *a,
    const struct bench_ack *ack);
struct bench_ack bench_get_produced(struct bench_in *r, int version);

/* Every partition gets as many whole batches as it may have, at least one. */
void bench_put_fetched(struct alv_buf *b, const struct bench_head *h, const struct bench_ask *a,
    const struct bench_batch *batch);
/* Checks every partition; returns bytes of records. */
uint64_t bench_get_fetched(struct bench_in *r, int version, uint32_t partitions, const struct bench_batch *batch);

/* share.c: ShareFetch. Epoch 0 opens a session with all partitions, others go on with it; a request that was written with another
 * one than 0 is good for every one of these. What is asked has n 0 where it goes on. */
void		 bench_put_share(struct alv_buf *b, const struct bench_head *h, const struct bench_topic *t, uint32_t partitions,
    uint32_t bytes, int32_t epoch);
void		 bench_share_epoch(struct alv_buf *b, int32_t epoch);
struct bench_ask bench_get_share(struct bench_in *r);
void		 bench_put_shared(struct alv_buf *b, const struct bench_head *h, const struct bench_ask *a,
    const struct bench_batch *batch);
uint64_t	 bench_get_shared(struct bench_in *r, uint32_t partitions, const struct bench_batch *batch);

#endif
