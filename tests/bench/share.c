/* ShareFetch v1 (KIP-932) of one topic: a session that is opened with all partitions, and goes on with none named. */
#include "hot.h"

enum { SESSION_AT = 20 };	/* behind the frame's size, the header with the client id "bench", and its tags: group, member, epoch */

static const struct alv_str group = ALV_STR("bench"), member = ALV_STR("AAAAAAAAAAAAAAAAAAAAAA");

void
bench_put_share(struct alv_buf *b, const struct bench_head *h, const struct bench_topic *t, uint32_t partitions, uint32_t bytes,
    int32_t epoch)
{
	b->n = 0;
	bench_put_request(b, h);
	bench_put_str(b, true, group);
	bench_put_str(b, true, member);
	alv_buf_be32(b, (uint32_t)epoch);
	alv_buf_be32(b, 500);		/* max wait */
	alv_buf_be32(b, 1);		/* min bytes */
	alv_buf_be32(b, bytes);
	alv_buf_be32(b, 10000000);	/* records */
	alv_buf_be32(b, 1000);		/* of a batch */
	bench_put_count(b, true, epoch == 0);
	if (epoch == 0) {
		alv_buf_add(b, t->id.b, sizeof(t->id.b));
		bench_put_count(b, true, partitions);
		for (uint32_t i = 0; i < partitions; i++) {
			alv_buf_be32(b, i);
			bench_put_count(b, true, 0);	/* nothing to acknowledge */
			bench_put_tags(b, true);
		}
		bench_put_tags(b, true);
	}
	bench_put_count(b, true, 0);	/* forgotten topics */
	bench_put_tags(b, true);
	bench_put_end(b);
}

void
bench_share_epoch(struct alv_buf *b, int32_t epoch)
{
	alv_put_be32(b->p + SESSION_AT + 1 + group.n + 1 + member.n, (uint32_t)epoch);
}

struct bench_ask
bench_get_share(struct bench_in *r)
{
	struct bench_ask a = { .n = 0 };
	const uint8_t	*id;
	uint32_t	 most;

	bench_get_tags(r, true);
	(void)bench_get_str(r, true);
	(void)bench_get_str(r, true);
	(void)bench_get_bytes(r, 12);
	most = (uint32_t)bench_get(r, 4);
	(void)bench_get_bytes(r, 8);
	if (bench_get_count(r, true) == 0)
		return a;	/* it goes on */
	id = bench_get_bytes(r, sizeof(a.topic.id.b));
	if (id != NULL)
		memcpy(a.topic.id.b, id, sizeof(a.topic.id.b));
	a.n = bench_get_count(r, true);
	if (r->bad || a.n == 0 || a.n > BENCH_PARTITIONS_MAX)
		bench_die("a ShareFetch with %u partitions", a.n);
	for (uint32_t i = 0; i < a.n; i++) {
		a.partition[i] = (int32_t)bench_get(r, 4);
		(void)bench_get_count(r, true);
		bench_get_tags(r, true);
		a.most[i] = most / a.n;
	}
	if (r->bad)
		bench_die("a malformed ShareFetch");
	return a;
}

static void
put_partition(struct alv_buf *b, int32_t index, size_t batches, const struct bench_batch *batch)
{
	alv_buf_be32(b, (uint32_t)index);
	alv_buf_be16(b, 0);
	bench_put_str(b, true, ALV_STR_NULL);
	alv_buf_be16(b, 0);	/* of acknowledgements */
	bench_put_str(b, true, ALV_STR_NULL);
	alv_buf_be32(b, UINT32_MAX);	/* another leader: none */
	alv_buf_be32(b, UINT32_MAX);
	bench_put_tags(b, true);
	bench_put_blob(b, true, batches * batch->n);
	for (size_t i = 0; i < batches; i++)
		alv_buf_add(b, batch->p, batch->n);
	bench_put_count(b, true, 1);	/* acquired */
	bench_put_be64(b, 0);
	bench_put_be64(b, batches * batch->records - 1);
	alv_buf_be16(b, 1);
	bench_put_tags(b, true);
	bench_put_tags(b, true);
}

void
bench_put_shared(struct alv_buf *b, const struct bench_head *h, const struct bench_ask *a, const struct bench_batch *batch)
{
	b->n = 0;
	bench_put_response(b, h);
	alv_buf_be32(b, 0);	/* throttle */
	alv_buf_be16(b, 0);
	bench_put_str(b, true, ALV_STR_NULL);
	alv_buf_be32(b, 30000);	/* the locks' time */
	bench_put_count(b, true, 1);
	alv_buf_add(b, a->topic.id.b, sizeof(a->topic.id.b));
	bench_put_count(b, true, a->n);
	for (uint32_t i = 0; i < a->n; i++)
		put_partition(b, a->partition[i], a->most[i] / batch->n > 0 ? a->most[i] / batch->n : 1, batch);
	bench_put_tags(b, true);
	bench_put_count(b, true, 0);	/* endpoints */
	bench_put_tags(b, true);
	bench_put_end(b);
}

static uint64_t
get_partition(struct bench_in *r, const struct bench_batch *batch)
{
	struct bench_in records;
	uint16_t	error;

	(void)bench_get(r, 4);
	error = (uint16_t)bench_get(r, 2);
	(void)bench_get_str(r, true);
	(void)bench_get(r, 2);
	(void)bench_get_str(r, true);
	(void)bench_get(r, 8);
	bench_get_tags(r, true);
	records = bench_get_blob(r, true);
	if (error != 0 || bench_get_count(r, true) != 1)
		bench_die("a partition was answered with error %u, or without what was acquired", error);
	(void)bench_get_bytes(r, 18);
	bench_get_tags(r, true);
	bench_get_tags(r, true);
	if (r->bad || bench_batch_check(batch, records.p, records.n, true) == 0)
		bench_die("a ShareFetch response whose %zu bytes of records are not the expected ones", records.n);
	return records.n;
}

uint64_t
bench_get_shared(struct bench_in *r, uint32_t partitions, const struct bench_batch *batch)
{
	uint64_t bytes = 0;
	uint16_t error;

	bench_get_tags(r, true);
	(void)bench_get(r, 4);
	error = (uint16_t)bench_get(r, 2);
	(void)bench_get_str(r, true);
	(void)bench_get(r, 4);
	if (error != 0 || bench_get_count(r, true) != 1)
		bench_die("a ShareFetch was answered with error %u or without its topic", error);
	(void)bench_get_bytes(r, 16);
	if (bench_get_count(r, true) != partitions)
		bench_die("a ShareFetch response without its %u partitions", partitions);
	for (uint32_t i = 0; i < partitions; i++)
		bytes += get_partition(r, batch);
	return bytes;
}
