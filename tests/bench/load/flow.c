/* As fast as the other side goes: a fixed volume over some connections, each with a thread and so many requests in
 * flight. Every answer is checked. */
#include "tests/bench/load/load.h"

#include <pthread.h>

struct flow {
	pthread_t	   thread;
	const struct load *load;
	struct load_client client;
	int		   key;
	uint64_t	   requests, bytes;
};

struct bench_head
load_head(const struct load_client *c, const struct load *l, int key)
{
	static const int16_t versions[2][2] = { { BENCH_PRODUCE_NEW, BENCH_PRODUCE_OLD }, { BENCH_FETCH_NEW, BENCH_FETCH_OLD } };

	return (struct bench_head){ .key = (int16_t)key, .version = key == BENCH_SHARE ? BENCH_SHARE_VERSION : versions[key][l->old],
		.correlation_id = c->c.correlation_id, .client_id = ALV_STR("bench") };
}

static void
encode(const struct load *l, struct load_client *c, int key)
{
	struct bench_head h = load_head(c, l, key);

	/* Partition 0 holds bulk only: on a broker that keeps things, it is what is fetched. */
	if (key == BENCH_PRODUCE)
		bench_put_produce(&c->request, &h, &c->topic, l->kind == BENCH_BULK ? 0 : 3, bench_batch(l->kind));
	else if (key == BENCH_SHARE)
		bench_put_share(&c->request, &h, &c->topic, (uint32_t)l->partitions, (uint32_t)(l->partitions * l->partition_max), c->epoch);
	else
		bench_put_fetch(&c->request, &h, &c->topic, (uint32_t)l->partitions, (uint32_t)l->partition_max);
}

/* The same request again and again; only its number changes, and the epoch of a session. */
static void
send_next(struct load_client *c, int key)
{
	alv_put_be32(c->request.p + 8, (uint32_t)c->c.correlation_id++);
	if (key == BENCH_SHARE)
		bench_share_epoch(&c->request, c->epoch++);
	bench_send(&c->c, c->request.p, c->request.n);
}

static uint64_t
receive(const struct load *l, struct load_client *c, int key, int32_t expected)
{
	struct bench_head h = load_head(c, l, key);
	struct bench_in	  in = bench_receive(&c->c, &c->rx);

	if ((int32_t)bench_get(&in, 4) != expected)
		bench_die("an answer out of order");
	if (key == BENCH_SHARE)
		return bench_get_shared(&in, (uint32_t)l->partitions, bench_batch(BENCH_BULK));
	if (key == BENCH_FETCH)
		return bench_get_fetched(&in, h.version, (uint32_t)l->partitions, bench_batch(BENCH_BULK));
	(void)bench_get_produced(&in, h.version);
	return bench_batch(l->kind)->n;
}

static uint64_t
once(const struct load *l, struct load_client *c, int key)
{
	encode(l, c, key);
	send_next(c, key);
	return receive(l, c, key, c->c.correlation_id - 1);
}

uint64_t
load_produce(const struct load *l, struct load_client *c)
{
	return once(l, c, BENCH_PRODUCE);
}

uint64_t
load_fetch(const struct load *l, struct load_client *c)
{
	return once(l, c, BENCH_FETCH);
}

static void *
run(void *arg)
{
	struct flow	   *f = arg;
	struct load_client *c = &f->client;
	uint64_t	    sent = 0, answered = 0;

	encode(f->load, c, f->key);
	while (answered < f->requests) {
		for (; sent < f->requests && sent - answered < (uint64_t)f->load->inflight; sent++)
			send_next(c, f->key);
		f->bytes += receive(f->load, c, f->key, c->c.correlation_id - (int32_t)(sent - answered));
		answered++;
	}
	return NULL;
}

static void
run_all(struct load *l, int key)
{
	struct flow *flows = bench_alloc((size_t)l->connections * sizeof(*flows));
	uint64_t     each = 1, begun, took, bytes = 0, requests = 0;

	for (long i = 0; i < l->connections; i++) {
		flows[i].load = l;
		flows[i].key = key;
		load_open(l, (size_t)i, &flows[i].client);
		for (int warm = 0; warm < 4; warm++)
			each = once(l, &flows[i].client, key);
	}
	load_ready();
	begun = bench_mono_ns();
	for (long i = 0; i < l->connections; i++) {
		uint64_t all = l->count > 0 ? (uint64_t)l->count : ((uint64_t)l->bytes + each - 1) / each;

		flows[i].requests = (all + (uint64_t)l->connections - 1) / (uint64_t)l->connections;
		if (pthread_create(&flows[i].thread, NULL, run, &flows[i]) != 0)
			bench_die("no thread");
	}
	for (long i = 0; i < l->connections; i++) {
		pthread_join(flows[i].thread, NULL);
		bytes += flows[i].bytes;
		requests += flows[i].requests;
	}
	took = bench_mono_ns() - begun;
	load_done("{\"bytes\": %lu, \"requests\": %lu, \"seconds\": %.6f}\n", bytes, requests, (double)took / 1e9);
}

void
load_run_produce(struct load *l)
{
	run_all(l, BENCH_PRODUCE);
}

void
load_run_fetch(struct load *l)
{
	run_all(l, BENCH_FETCH);
}

void
load_run_share(struct load *l)
{
	run_all(l, BENCH_SHARE);
}
