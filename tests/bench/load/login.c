/* From a descriptor to a connection that may produce: TLS, SCRAM-SHA-256, the topic's id. */
#include <alcove/authn.h>

#include "tests/bench/load/load.h"

enum { SASL_HANDSHAKE = 17, SASL_AUTHENTICATE = 36, RX_CAP = 2 * 1024 * 1024, ARENA_MAX = 64 * 1024 };

/* PBKDF2 once, not for each of thousands of connections; the users of one run have one password but salts of their own. */
static struct {
	const char *user;
	uint8_t	    salt[64], salted[64], salt_n;
	uint32_t    iterations;
} known[LOAD_TARGETS_MAX];

void
load_tls(const struct load *l, struct bench_conn *c, const char *host)
{
	if (l->tls == NULL)
		return;
	c->ssl = SSL_new(l->tls);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_set1_host(c->ssl, host) != 1 || SSL_connect(c->ssl) != 1)
		bench_die("no TLS with %s", host);
}

/* Sends what c->request holds and returns the body of the answer. */
static struct bench_in
ask(struct load_client *c)
{
	struct bench_in in;

	bench_put_end(&c->request);
	bench_send(&c->c, c->request.p, c->request.n);
	in = bench_receive(&c->c, &c->rx);
	if ((int32_t)bench_get(&in, 4) != c->c.correlation_id - 1)
		bench_die("an answer with another correlation id");
	return in;
}

static void
begin(struct load_client *c, int16_t key, int16_t version)
{
	struct bench_head h = { .key = key, .version = version, .correlation_id = c->c.correlation_id++,
		.client_id = ALV_STR("bench") };

	c->request.n = 0;
	bench_put_request(&c->request, &h);
}

/* One SaslAuthenticate v0. */
static struct alv_str
exchange(struct load_client *c, struct alv_str token)
{
	struct bench_in in, bytes;

	begin(c, SASL_AUTHENTICATE, 0);
	bench_put_blob(&c->request, false, token.n);
	alv_buf_str(&c->request, token);
	in = ask(c);
	if (bench_get(&in, 2) != 0)
		bench_die("the login of %s was refused", c->target->user);
	(void)bench_get_str(&in, false);
	bytes = bench_get_blob(&in, false);
	return (struct alv_str){ (const char *)bytes.p, bytes.n };
}

static enum aut_step
step(struct aut_client *a, struct alv_str in, struct alv_arena *arena, struct alv_str *out)
{
	enum aut_step s = aut_client_token(a, in, arena, out);

	if (s != AUT_WORK)
		return s;
	aut_client_work(a);
	return aut_client_resume(a, arena, out);
}

static void
authenticate(const struct load *l, struct load_client *c)
{
	struct aut_client a;
	struct alv_arena  arena;
	struct alv_str	  out, in = ALV_STR_NULL;
	size_t		  i = (size_t)(c->target - l->target);
	enum aut_step	  s;

	alv_arena_init(&arena, ARENA_MAX);
	aut_client_init(&a, AUT_SCRAM_SHA_256, (struct alv_str){ c->target->user, strlen(c->target->user) },
	    (struct alv_str){ l->password, strlen(l->password) });
	if (known[i].user != NULL) {
		memcpy(a.salt, known[i].salt, sizeof(a.salt));
		memcpy(a.salted, known[i].salted, sizeof(a.salted));
		a.salt_n = known[i].salt_n;
		a.iterations = known[i].iterations;
	}
	while ((s = step(&a, in, &arena, &out)) == AUT_CONTINUE)
		in = exchange(c, out);
	if (s != AUT_OK)
		bench_die("login: %s", a.reason);
	known[i].user = c->target->user;
	memcpy(known[i].salt, a.salt, sizeof(a.salt));
	memcpy(known[i].salted, a.salted, sizeof(a.salted));
	known[i].salt_n = a.salt_n;
	known[i].iterations = a.iterations;
	aut_client_fini(&a);
	alv_arena_fini(&arena);
}

static void
login(const struct load *l, struct load_client *c)
{
	struct bench_in in;

	if (l->password == NULL)
		bench_die("BENCH_PASSWORD is not set");
	begin(c, SASL_HANDSHAKE, 1);
	bench_put_str(&c->request, false, ALV_STR("SCRAM-SHA-256"));
	in = ask(c);
	if (bench_get(&in, 2) != 0)
		bench_die("no SCRAM-SHA-256");
	authenticate(l, c);
}

/* Metadata v12 for the one topic. */
static void
learn(struct load_client *c)
{
	struct bench_in in;
	uint16_t	error;
	const uint8_t  *id;

	begin(c, BENCH_METADATA, 12);
	bench_put_count(&c->request, true, 1);
	alv_buf_add(&c->request, c->topic.id.b, sizeof(c->topic.id.b));
	bench_put_str(&c->request, true, c->topic.name);
	for (int i = 0; i < 4; i++)	/* tags, no creation, no operations, tags */
		alv_buf_byte(&c->request, 0);
	in = ask(c);
	bench_get_tags(&in, true);
	(void)bench_get(&in, 4);
	for (uint32_t n = bench_get_count(&in, true); n > 0 && !in.bad; n--) {
		(void)bench_get(&in, 4);
		(void)bench_get_str(&in, true);
		(void)bench_get(&in, 4);
		(void)bench_get_str(&in, true);
		bench_get_tags(&in, true);
	}
	(void)bench_get_str(&in, true);
	(void)bench_get(&in, 4);
	if (bench_get_count(&in, true) != 1)
		bench_die("Metadata without the topic");
	error = (uint16_t)bench_get(&in, 2);
	(void)bench_get_str(&in, true);
	id = bench_get_bytes(&in, sizeof(c->topic.id.b));
	if (id == NULL || error != 0)
		bench_die("Metadata answers error %u for %s", error, c->target->topic);
	memcpy(c->topic.id.b, id, sizeof(c->topic.id.b));
}

void
load_open(const struct load *l, size_t i, struct load_client *c)
{
	const struct load_target *t = &l->target[i % l->ntargets];

	c->target = t;
	c->topic = (struct bench_topic){ .name = { t->topic, strlen(t->topic) } };
	c->c = (struct bench_conn){ .fd = bench_connect(t->host, t->port), .correlation_id = 1 };
	if (c->c.fd < 0)
		bench_die("%s:%u refuses connections", t->host, t->port);
	if (c->rx.p == NULL)
		bench_rx_init(&c->rx, RX_CAP);
	if (c->request.limit == 0)
		alv_buf_init(&c->request, 4 * 1024 * 1024);
	load_tls(l, &c->c, t->host);
	if (t->user != NULL)
		login(l, c);
	learn(c);
}
