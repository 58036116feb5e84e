/* What was denied, and why: counted by tenant, operation and resource type, and told in the log, once a minute for each principal and
 * resource. Allowed requests never come here.
 * Invariants: what one request asks for twice is one denial, however often it is judged (it may wait for ids, or begin on the short
 * way); the table and the lines of a minute are bounded, for all and for each tenant, so nobody fills the log. */
#include <alcove/acl.h>
#include <alcove/log.h>

#include <stdlib.h>
#include <sys/random.h>

#include "api/kit.h"

enum { WANTS_MAX = 32, SLOTS = 512, LINES_MAX = 256, SHARES = 64, SHARE_MAX = 32, NAME_SHOWN = 256 };

struct api_want {
	enum pol_op	  op;
	enum pol_resource resource;
	struct alv_str	  name;		/* arena */
};

/* Of this minute. */
struct api_denials {
	uint64_t seed, minute;
	size_t	 lines, left_out;
	uint64_t slot[SLOTS];		/* hashes; 0: empty */
	uint8_t	 share[SHARES];		/* lines by tenant; few may have one together */
};

struct api_denials *
api_denials_new(void)
{
	struct api_denials *d = calloc(1, sizeof(*d));

	if (d != NULL && getrandom(&d->seed, sizeof(d->seed), 0) != sizeof(d->seed)) {
		free(d);
		return NULL;
	}
	return d;
}

void
api_denials_free(struct api_denials *d)
{
	free(d);
}

/* ---- noting ---------------------------------------------------------------------------------------------------- */

void
api_want(struct api_call *c, enum pol_op op, enum pol_resource res, struct alv_str virt)
{
	if (c->wants == NULL) {
		c->wants = alv_arena_alloc(&c->arena, WANTS_MAX * sizeof(*c->wants));
		c->nwants = 0;
	}
	if (c->wants == NULL)
		return;
	for (size_t i = 0; i < c->nwants; i++)
		if (c->wants[i].op == op && c->wants[i].resource == res && alv_str_eq(c->wants[i].name, virt))
			return;
	if (c->nwants < WANTS_MAX)
		c->wants[c->nwants++] = (struct api_want){ op, res, alv_arena_str(&c->arena, virt) };
	else	/* it is counted, though it may be twice, and not logged */
		met_denied(c->conn->w->meter, &c->conn->meter, alv_str_of(c->conn->tenant), (int)op, (int)res);
}

/* ---- telling ---------------------------------------------------------------------------------------------------- */

static void
begin_minute(struct api_denials *d, uint64_t minute)
{
	if (d->left_out > 0)
		alv_log(ALV_LOG_INFO, "more was denied than is logged", ALV_KV_I("left_out", d->left_out));
	*d = (struct api_denials){ .seed = d->seed, .minute = minute };
}

/* Not logged yet in this minute, and there is room for it? Then it is from now on. */
static bool
is_new(struct api_denials *d, uint64_t now_us, const struct api_conn *conn, const struct api_want *w)
{
	uint64_t tenant = alv_hash(conn->tenant, strlen(conn->tenant), d->seed), hash;
	uint8_t *share = &d->share[tenant % SHARES];
	size_t	 at;

	if (d->minute != now_us / 60000000)
		begin_minute(d, now_us / 60000000);
	hash = alv_hash(conn->principal, strlen(conn->principal), tenant + w->resource);
	hash = alv_hash(w->name.p, w->name.n, hash) | 1;
	for (at = hash % SLOTS; d->slot[at] != 0; at = (at + 1) % SLOTS)
		if (d->slot[at] == hash)
			return false;
	if (d->lines == LINES_MAX || *share == SHARE_MAX) {
		d->left_out++;
		return false;
	}
	d->slot[at] = hash;
	d->lines++;
	(*share)++;
	return true;
}

static void
tell(const struct api_call *c, const struct api_want *w)
{
	const struct api_conn *conn = c->conn;
	struct pol_query       q = { .principal = alv_str_of(conn->principal), .host = alv_str_of(conn->host), .op = w->op,
		  .resource = w->resource, .name = w->name, .claimed = conn->claimed };
	struct pol_reason      why;
	struct alv_buf	       rule;

	pol_explain(c->tenant, &q, &why);
	if (why.allowed)
		return;		/* since then */
	alv_buf_init(&rule, 4096);
	if (why.rule != NULL)
		pol_rule_text(&rule, why.rule);
	alv_log(ALV_LOG_INFO, "denied", ALV_KV_Z("tenant", conn->tenant), ALV_KV_Z("principal", conn->principal), ALV_KV_Z("peer", conn->host),
	    ALV_KV_Z("api", api_name(c->hdr.key)), ALV_KV_Z("operation", pol_word(POL_WORD_OPERATION, (int)w->op)),
	    ALV_KV_Z("resource", pol_word(POL_WORD_RESOURCE, (int)w->resource)),
	    ALV_KV_S("name", alv_str_make(w->name.p, w->name.n < NAME_SHOWN ? w->name.n : NAME_SHOWN)), ALV_KV_Z("reason", pol_why_name(why.why)),
	    ALV_KV_S("rule", rule.n == 0 ? ALV_STR_NULL : alv_str_make(rule.p, rule.n)));
	alv_buf_fini(&rule);
}

void
api_wants_settle(struct api_call *c)
{
	struct api_worker *w = c->conn->w;

	for (size_t i = 0; c->wants != NULL && i < c->nwants; i++) {
		const struct api_want *x = &c->wants[i];

		met_denied(w->meter, &c->conn->meter, alv_str_of(c->conn->tenant), (int)x->op, (int)x->resource);
		if (w->denials != NULL && c->tenant != NULL && x->name.p != NULL && is_new(w->denials, w->now_us, c->conn, x))
			tell(c, x);
	}
	c->wants = NULL;
	c->nwants = 0;
}
