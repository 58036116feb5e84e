/* A gateway's worker on the test's own loop, without threads: a real client socket on one side, a scripted broker on the
 * other. The control thread is played by the test: its questions wait until the test answers them. */
#ifndef PROXY_BENCH_H
#define PROXY_BENCH_H

#include "tests/unit/gateway/upstream/fake_broker.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "proxy/client.h"
#include "proxy/endpoint.h"
#include "proxy/worker.h"

struct proxy {
	struct bench	    b;		/* the broker's side: a loop of its own */
	struct fake	    broker;
	struct alv_qsbr	   *qsbr;
	struct pol_config   conf;
	struct pol_listener listener;
	struct pol_bind	    bootstrap;
	struct px_gateway   gateway;
	struct px_port	    port;
	struct px_worker   *worker;
	struct con_ids	   *question;	/* the last one that was asked */
	struct con_learning *lesson;
	struct con_groups   *listing;
	struct con_creation *wanted;	/* the last topics that were to be made; free it */
	struct con_change   *change;	/* the last one that was asked for */
	enum alv_err	    no_change;	/* why none is taken */
	enum alv_err	    soon;	/* how each ends before con_submit returns; OK: it waits in `change` */
	int		    client;	/* the client's end */
	bool		    mute;	/* the broker does not answer */
	void (*answer)(struct proxy *p, struct kfk_tree *r);	/* what the broker says; NULL: nothing but defaults */
};

static struct proxy *the_proxy;

/* ---- the control thread, as the proxy sees it ----------------------------------------------------- */

enum alv_err
con_resolve_ids(struct con_control *c, struct con_ids *q)
{
	(void)c;
	assert_null(the_proxy->question);
	the_proxy->question = q;
	return ALV_OK;
}

enum alv_err
con_learn(struct con_control *c, struct con_learning *q)
{
	(void)c;
	assert_null(the_proxy->lesson);
	the_proxy->lesson = q;
	return ALV_OK;
}

enum alv_err
con_list_groups(struct con_control *c, struct con_groups *q)
{
	(void)c;
	assert_null(the_proxy->listing);
	the_proxy->listing = q;
	return ALV_OK;
}

enum alv_err
con_create_topics(struct con_control *c, struct con_creation *q)
{
	(void)c;
	assert_null(the_proxy->wanted);
	the_proxy->wanted = q;
	return ALV_OK;
}

enum alv_err
con_submit(struct con_control *c, struct con_change *change)
{
	(void)c;
	if (the_proxy->no_change != ALV_OK)
		return the_proxy->no_change;
	if (the_proxy->soon != ALV_OK) {
		change->err = the_proxy->soon;
		change->done(change);
		return ALV_OK;
	}
	assert_null(the_proxy->change);
	the_proxy->change = change;
	return ALV_OK;
}

/* ---- life -------------------------------------------------------------------------------------------- */

static inline void
proxy_broker(struct fake_conn *c, const struct kfk_req_header *h, const struct kfk_tree *t, struct alv_arena *a)
{
	struct proxy   *p = c->fake->arg;
	struct kfk_tree r = fake_answer(h, a);

	(void)t;
	if (p->mute)
		return;
	if (p->answer != NULL)
		p->answer(p, &r);
	fake_reply(c, h, &r);
}

static inline struct alv_uuid
proxy_id(char c)
{
	struct alv_uuid id;

	memset(id.b, c, sizeof(id.b));
	return id;
}

static inline void
proxy_world(struct proxy *p)
{
	struct clu_broker broker = { .id = 1, .host = ALV_STR("127.0.0.1"), .port = p->broker.port };
	struct clu_topic  topic = { .name = ALV_STR("acme.orders"), .id = proxy_id('o'), .partitions = 1 };
	struct clu_view	  v = { .generation = 1, .cluster_id = ALV_STR("c"), .controller_id = 1, .nbrokers = 1,
		   .brokers = &broker, .ntopics = 1, .topics = &topic };
	struct pol_user	  user = { .name = ALV_STR("alice"), .revision = 7, .enabled = true };
	struct pol_parts  parts = { .id = ALV_STR("acme"), .display_name = ALV_STR("acme"), .state = POL_ACTIVE,
		 .revision = 1, .cluster_id = "acme-cluster-id-22char", .users = &user, .nusers = 1, .auto_create = { .on = true, .partitions = 4, .replication_factor = -1 } };

	parts.rules = pol_rules_all(&parts.nrules);
	for (size_t i = 0; i < CLU_API_KEYS; i++)
		v.apis[i] = (struct clu_range){ 0, 100 };
	clu_board_publish(p->gateway.shared.board, clu_view_build(&v));
	assert_int_equal(pol_dir_publish(p->gateway.shared.dir, ALV_STR("acme"), pol_build(&parts)), ALV_OK);
}

static inline void
proxy_limits(struct pol_limits *l)
{
	*l = (struct pol_limits){ .connections_max = 10, .connections_max_idle_ms = 600000, .handshake_timeout_ms = 5000,
		.authentication_timeout_ms = 30000, .frame_max_bytes = 1 << 20, .frame_max_bytes_unauthenticated = 1 << 14,
		.frame_timeout_ms = 60000, .response_max_bytes = 1 << 22, .fetch_max_bytes = 1 << 20, .in_flight_max = 100,
		.out_max_bytes = 1 << 20, .arena_max_bytes = 1 << 20, .topic_ids_max = 1000, .memory_max_bytes = 64 << 20, .request_min_rate = 16384, .response_min_rate = 16384 };
}

static inline void
proxy_open(struct proxy *p)
{
	memset(p, 0, sizeof(*p));
	the_proxy = p;
	p->client = -1;
	bench_init(&p->b);
	fake_open(&p->broker, &p->b, proxy_broker, p);
	p->qsbr = alv_qsbr_new();
	proxy_limits(&p->conf.limits);
	p->conf.upstream = p->b.conf;
	p->listener.endpoint = POL_ENDPOINT_PORT;
	snprintf(p->listener.advertised_host, sizeof(p->listener.advertised_host), "gateway.test");
	p->gateway = (struct px_gateway){ .conf = &p->conf, .qsbr = p->qsbr, .crypto = p->b.crypto, .resolver = p->b.resolver };
	p->gateway.shared = (struct api_shared){ .conf = &p->conf, .dir = pol_dir_new(p->qsbr), .board = clu_board_new(p->qsbr) };
	p->gateway.budget = px_budget_new(&p->conf.limits);
	assert_non_null(p->gateway.budget);
	p->port = (struct px_port){ .gateway = &p->gateway, .conf = &p->listener, .node = -1, .bound = 9093 };
	proxy_world(p);
	p->worker = px_worker_new(&p->gateway, 0);
	assert_non_null(p->worker);
}

/* Both loops, until the condition holds or patience ends: no waiting on wall time where nothing happens. */
#define PROXY_UNTIL(p, condition) \
	do { \
		for (int turns_ = 0; turns_ < 2000 && !(condition); turns_++) { \
			net_loop_turn((p)->worker->loop, 1); \
			net_loop_turn((p)->b.loop, 1); \
		} \
		assert_true(condition); \
	} while (0)

static inline void
proxy_turns(struct proxy *p, int n)
{
	for (int i = 0; i < n; i++) {
		net_loop_turn(p->worker->loop, 1);
		net_loop_turn(p->b.loop, 1);
	}
}

/* A client that has just come; *fd: its own end. */
static inline struct px_client *
proxy_accept(struct proxy *p, int *fd)
{
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	int			fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	*fd = fds[0];
	atomic_fetch_add(&p->gateway.connections, 1);
	atomic_fetch_add(&p->worker->connections, 1);
	px_client_accept(p->worker, &p->port, fds[1], &peer);
	assert_non_null(p->worker->clients);
	return p->worker->clients;
}

/* A client that is logged in as alice of acme. */
static inline struct px_client *
proxy_client(struct proxy *p)
{
	struct px_client *c = proxy_accept(p, &p->client);

	PROXY_UNTIL(p, c->state == PX_SERVING);
	snprintf(c->conn.tenant, sizeof(c->conn.tenant), "acme");
	snprintf(c->conn.user, sizeof(c->conn.user), "alice");
	snprintf(c->conn.principal, sizeof(c->conn.principal), "User:alice");
	c->conn.slot = pol_dir_find(p->gateway.shared.dir, ALV_STR("acme"));
	c->conn.user_revision = 7;
	c->conn.auth = API_AUTH_DONE;
	px_client_flush(c);	/* as with the answer to its login */
	return c;
}

static inline void
proxy_close(struct proxy *p)
{
	if (p->client >= 0)
		close(p->client);
	for (struct px_client *c = p->worker->clients; c != NULL; c = c->next)
		px_client_close(c, MET_CLOSE_DRAIN, false);
	PROXY_UNTIL(p, p->worker->clients == NULL);
	fake_fini(&p->broker);
	px_worker_free(p->worker);
	px_budget_free(p->gateway.budget);
	pol_dir_free(p->gateway.shared.dir);
	clu_board_free(p->gateway.shared.board);
	alv_qsbr_free(p->qsbr);
	bench_fini(&p->b);
}

/* ---- the client's side ------------------------------------------------------------------------------------ */

/* A request, of all defaults but what `fill` sets. */
static inline void
proxy_send(struct proxy *p, int16_t key, int16_t version, int32_t correlation, void (*fill)(struct kfk_tree *q))
{
	struct alv_pool	     *pool = alv_pool_new(1 << 20);
	struct kfk_req_header h = { .key = key, .version = version, .correlation_id = correlation, .client_id = ALV_STR("t") };
	struct alv_arena      a;
	struct kfk_tree	      q;
	struct alv_chain      body, frame;
	char		     *bytes;

	alv_arena_init(&a, 16 << 20);
	alv_chain_init(&body, pool);
	alv_chain_init(&frame, pool);
	kfk_tree_init(&q, kfk_schema_find(key, KFK_REQUEST), version, &a);
	if (fill != NULL)
		fill(&q);
	assert_int_equal(kfk_tree_encode(&q, &body), ALV_OK);
	kfk_req_header_write(&frame, &h, body.n);
	alv_chain_move(&frame, &body);
	bytes = malloc(frame.n);
	assert_true(alv_chain_peek(&frame, 0, bytes, frame.n));
	for (size_t at = 0; at < frame.n;) {
		ssize_t n = write(p->client, bytes + at, frame.n - at);

		if (n > 0)
			at += (size_t)n;
		else
			proxy_turns(p, 1);
	}
	free(bytes);
	alv_chain_clear(&frame);
	alv_arena_fini(&a);
	alv_pool_free(pool);
}

/* The next response's correlation id; -1: nothing is there, -2: the connection ended. Its body is thrown away. */
static inline int32_t
proxy_receive(struct proxy *p)
{
	uint8_t head[8], rest[4096];
	ssize_t n = recv(p->client, head, sizeof(head), MSG_PEEK);
	size_t	left;

	if (n == 0)
		return -2;
	if (n < (ssize_t)sizeof(head))
		return -1;
	assert_int_equal(read(p->client, head, sizeof(head)), sizeof(head));
	for (left = alv_be32(head) - 4; left > 0;) {
		n = read(p->client, rest, left < sizeof(rest) ? left : sizeof(rest));
		if (n > 0)
			left -= (size_t)n;
		else
			proxy_turns(p, 1);
	}
	return (int32_t)alv_be32(head + 4);
}

static inline int32_t
proxy_await(struct proxy *p)
{
	int32_t got = -1;

	for (int i = 0; i < 2000 && got == -1; i++) {
		proxy_turns(p, 1);
		got = proxy_receive(p);
	}
	return got;
}

#endif
