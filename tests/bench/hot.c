/* See hot.h. Fields in the order of Kafka's schemas; `flex` stands for the compact encoding with tags. */
#include "hot.h"

static void
put_topic(struct alv_buf *b, bool by_id, bool flex, const struct bench_topic *t)
{
	if (by_id)
		alv_buf_add(b, t->id.b, sizeof(t->id.b));
	else
		bench_put_str(b, flex, t->name);
}

static struct bench_topic
get_topic(struct bench_in *r, bool by_id, bool flex)
{
	struct bench_topic t = { .name = ALV_STR_NULL };
	const uint8_t	  *p;

	if (!by_id)
		t.name = bench_get_str(r, flex);
	else if ((p = bench_get_bytes(r, sizeof(t.id.b))) != NULL)
		memcpy(t.id.b, p, sizeof(t.id.b));
	return t;
}

/* ---- Produce ------------------------------------------------------------------------------------ */

void
bench_put_produce(struct alv_buf *b, const struct bench_head *h, const struct bench_topic *t, int32_t partition,
    const struct bench_batch *batch)
{
	bool flex = bench_flexible(h->key, h->version);

	b->n = 0;
	bench_put_request(b, h);
	bench_put_str(b, flex, ALV_STR_NULL);	/* transactional id */
	alv_buf_be16(b, (uint16_t)-1);		/* acks: all */
	alv_buf_be32(b, 30000);
	bench_put_count(b, flex, 1);
	put_topic(b, h->version >= 13, flex, t);
	bench_put_count(b, flex, 1);
	alv_buf_be32(b, (uint32_t)partition);
	bench_put_blob(b, flex, batch->n);
	alv_buf_add(b, batch->p, batch->n);
	for (int level = 0; level < 3; level++)
		bench_put_tags(b, flex);
	bench_put_end(b);
}

struct bench_ask
bench_get_produce(struct bench_in *r, int version)
{
	bool		 flex = bench_flexible(BENCH_PRODUCE, version);
	struct bench_ask a;

	bench_get_tags(r, flex);
	(void)bench_get_str(r, flex);
	a.acks = (int16_t)bench_get(r, 2);
	(void)bench_get(r, 4);
	if (bench_get_count(r, flex) != 1)
		bench_die("a Produce that has not one topic");
	a.topic = get_topic(r, version >= 13, flex);
	a.n = bench_get_count(r, flex);
	if (a.n == 0 || a.n > BENCH_PARTITIONS_MAX)
		bench_die("a Produce with %u partitions", a.n);
	for (uint32_t i = 0; i < a.n; i++) {
		a.partition[i] = (int32_t)bench_get(r, 4);
		a.records[i] = bench_get_blob(r, flex);
		bench_get_tags(r, flex);
	}
	bench_get_tags(r, flex);
	bench_get_tags(r, flex);
	if (r->bad || r->n != 0)
		bench_die("a malformed Produce v%d", version);
	return a;
}

void
bench_put_produced(struct alv_buf *b, const struct bench_head *h, const struct bench_ask *a, const struct bench_ack *ack)
{
	bool flex = bench_flexible(h->key, h->version);

	b->n = 0;
	bench_put_response(b, h);
	bench_put_count(b, flex, 1);
	put_topic(b, h->version >= 13, flex, &a->topic);
	bench_put_count(b, flex, a->n);
	for (uint32_t i = 0; i < a->n; i++) {
		alv_buf_be32(b, (uint32_t)a->partition[i]);
		alv_buf_be16(b, (uint16_t)ack->error);
		bench_put_be64(b, 0);			/* base offset */
		bench_put_be64(b, ack->received_ns);	/* append time */
		bench_put_be64(b, ack->sending_ns);	/* log start */
		if (h->version >= 8) {
			bench_put_count(b, flex, 0);
			bench_put_str(b, flex, ALV_STR_NULL);
		}
		bench_put_tags(b, flex);
	}
	bench_put_tags(b, flex);
	alv_buf_be32(b, 0);	/* throttle */
	bench_put_tags(b, flex);
	bench_put_end(b);
}

struct bench_ack
bench_get_produced(struct bench_in *r, int version)
{
	bool		 flex = bench_flexible(BENCH_PRODUCE, version);
	struct bench_ack ack;

	bench_get_tags(r, flex);
	if (bench_get_count(r, flex) != 1)
		bench_die("a Produce response that has not one topic");
	(void)get_topic(r, version >= 13, flex);
	if (bench_get_count(r, flex) != 1)
		bench_die("a Produce response that has not one partition");
	(void)bench_get(r, 4);
	ack.error = (int16_t)bench_get(r, 2);
	(void)bench_get(r, 8);
	ack.received_ns = bench_get(r, 8);
	ack.sending_ns = bench_get(r, 8);
	if (r->bad || ack.error != 0)
		bench_die("a Produce v%d was answered with error %d", version, ack.error);
	return ack;
}

/* ---- Fetch --------------------------------------------------------------------------------------- */

void
bench_put_fetch(struct alv_buf *b, const struct bench_head *h, const struct bench_topic *t, uint32_t partitions,
    uint32_t partition_max)
{
	bool flex = bench_flexible(h->key, h->version);

	b->n = 0;
	bench_put_request(b, h);
	if (h->version < 15)
		alv_buf_be32(b, UINT32_MAX);	/* no replica */
	alv_buf_be32(b, 500);			/* max wait */
	alv_buf_be32(b, 1);			/* min bytes */
	alv_buf_be32(b, partitions * partition_max);
	alv_buf_byte(b, 0);			/* read uncommitted */
	alv_buf_be32(b, 0);			/* no session: */
	alv_buf_be32(b, UINT32_MAX);		/* a full fetch */
	bench_put_count(b, flex, 1);
	put_topic(b, h->version >= 13, flex, t);
	bench_put_count(b, flex, partitions);
	for (uint32_t i = 0; i < partitions; i++) {
		alv_buf_be32(b, i);
		alv_buf_be32(b, UINT32_MAX);	/* leader epoch */
		bench_put_be64(b, 0);		/* offset */
		if (h->version >= 12)
			alv_buf_be32(b, UINT32_MAX);
		bench_put_be64(b, UINT64_MAX);	/* log start */
		alv_buf_be32(b, partition_max);
		bench_put_tags(b, flex);
	}
	bench_put_tags(b, flex);
	bench_put_count(b, flex, 0);		/* forgotten topics */
	bench_put_str(b, flex, ALV_STR(""));	/* rack */
	bench_put_tags(b, flex);
	bench_put_end(b);
}

struct bench_ask
bench_get_fetch(struct bench_in *r, int version)
{
	bool		 flex = bench_flexible(BENCH_FETCH, version);
	struct bench_ask a;

	bench_get_tags(r, flex);
	(void)bench_get_bytes(r, version < 15 ? 25 : 21);
	if (bench_get_count(r, flex) != 1)
		bench_die("a Fetch that has not one topic");
	a.topic = get_topic(r, version >= 13, flex);
	a.n = bench_get_count(r, flex);
	if (a.n == 0 || a.n > BENCH_PARTITIONS_MAX)
		bench_die("a Fetch with %u partitions", a.n);
	for (uint32_t i = 0; i < a.n; i++) {
		a.partition[i] = (int32_t)bench_get(r, 4);
		(void)bench_get_bytes(r, version >= 12 ? 24 : 20);
		a.most[i] = (uint32_t)bench_get(r, 4);
		bench_get_tags(r, flex);
	}
	bench_get_tags(r, flex);
	if (r->bad)
		bench_die("a malformed Fetch v%d", version);
	return a;
}

void
bench_put_fetched(struct alv_buf *b, const struct bench_head *h, const struct bench_ask *a, const struct bench_batch *batch)
{
	bool flex = bench_flexible(h->key, h->version);

	b->n = 0;
	bench_put_response(b, h);
	alv_buf_be32(b, 0);	/* throttle */
	alv_buf_be16(b, 0);
	alv_buf_be32(b, 0);	/* session */
	bench_put_count(b, flex, 1);
	put_topic(b, h->version >= 13, flex, &a->topic);
	bench_put_count(b, flex, a->n);
	for (uint32_t i = 0; i < a->n; i++) {
		size_t n = a->most[i] / batch->n > 0 ? a->most[i] / batch->n : 1;

		alv_buf_be32(b, (uint32_t)a->partition[i]);
		alv_buf_be16(b, 0);
		bench_put_be64(b, n * batch->records);	/* high watermark */
		bench_put_be64(b, n * batch->records);	/* last stable */
		bench_put_be64(b, 0);			/* log start */
		bench_put_count(b, flex, 0);		/* aborted transactions */
		alv_buf_be32(b, UINT32_MAX);		/* preferred replica */
		bench_put_blob(b, flex, n * batch->n);
		while (n-- > 0)
			alv_buf_add(b, batch->p, batch->n);
		bench_put_tags(b, flex);
	}
	bench_put_tags(b, flex);
	bench_put_tags(b, flex);
	bench_put_end(b);
}

uint64_t
bench_get_fetched(struct bench_in *r, int version, uint32_t partitions, const struct bench_batch *batch)
{
	bool	 flex = bench_flexible(BENCH_FETCH, version);
	uint64_t bytes = 0;
	uint16_t error;

	bench_get_tags(r, flex);
	(void)bench_get(r, 4);
	error = (uint16_t)bench_get(r, 2);
	(void)bench_get(r, 4);
	if (error != 0 || bench_get_count(r, flex) != 1)
		bench_die("a Fetch v%d was answered with error %u or without its topic", version, error);
	(void)get_topic(r, version >= 13, flex);
	if (bench_get_count(r, flex) != partitions)
		bench_die("a Fetch response without its %u partitions", partitions);
	for (uint32_t i = 0; i < partitions; i++) {
		struct bench_in records;

		(void)bench_get(r, 4);
		error = (uint16_t)bench_get(r, 2);
		(void)bench_get_bytes(r, 24);
		if (bench_get_count(r, flex) != 0 || error != 0)
			bench_die("a partition was answered with error %u", error);
		(void)bench_get(r, 4);
		records = bench_get_blob(r, flex);
		bench_get_tags(r, flex);
		if (r->bad || bench_batch_check(batch, records.p, records.n, true) == 0)
			bench_die("a Fetch response whose %zu bytes of records are not the expected ones", records.n);
		bytes += records.n;
	}
	return bytes;
}
