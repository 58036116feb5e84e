/* Subscriptions by pattern (KIP-848): a broker matches them against the names of all tenants, with the gateway's rights.
 *
 * Where a principal may describe every topic there is or will be, and all of them begin with the tenant's prefix, the pattern
 * goes upstream behind that prefix (reg_confine), and the broker finds new topics by itself. Elsewhere names go upstream: those that
 * the pattern matches and the principal may describe (reg_exact). That list gets old: members say their pattern once and are
 * silent about it in the heartbeats that follow, so each connection remembers what its members said, and what of it went upstream.
 * When the catalogue or the tenant has changed, the next heartbeat gets a new list.
 *
 * A member that comes on another connection is silent as well. Where lists are needed it is told once that it is at the wrong
 * broker (NOT_COORDINATOR): it finds the right one, which is the same, and there says all it has, without joining anew. Of an
 * error that only asks for patience librdkafka would say the same as before.
 *
 * Invariants: no text of a tenant's reaches a broker but through gateway/regex; what is remembered is what a broker has accepted. */
#include "api/patterns.h"

#include <alcove/regex.h>

#include <stdlib.h>

#define Q(f) KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_##f
#define R(f) KFK_CONSUMER_GROUP_HEARTBEAT_RESPONSE_##f

enum { MEMBERS_REMEMBERED = 8 };	/* of one connection: with their texts it stays well below 64 KiB */

/* What a member subscribes to, and for what it was made. */
struct member {
	uint64_t       key;		/* hash of group and member */
	struct alv_str text;		/* null: no pattern, or not known */
	uint64_t       sent;		/* hash of what went upstream for it */
	uint64_t       view, revision;	/* of the catalogue, of the tenant */
};

struct api_patterns {
	unsigned      n;	/* grows; the place is n % MEMBERS_REMEMBERED */
	struct member at[MEMBERS_REMEMBERED];	/* texts by malloc */
};

/* ---- what a connection remembers --------------------------------------------------------------------------- */

void
api_patterns_free(struct api_patterns *p)
{
	for (size_t i = 0; p != NULL && i < MEMBERS_REMEMBERED; i++)
		free((char *)p->at[i].text.p);
	free(p);
}

void
api_patterns_doubt(struct api_patterns *p)
{
	for (size_t i = 0; p != NULL && i < MEMBERS_REMEMBERED; i++)
		p->at[i].revision = UINT64_MAX;	/* as no snapshot's */
}

static struct member *
recall(const struct api_conn *conn, uint64_t key)
{
	struct api_patterns *p = conn->patterns;

	for (unsigned i = 0; p != NULL && i < MEMBERS_REMEMBERED && i < p->n; i++)
		if (p->at[i].key == key)
			return &p->at[i];
	return NULL;
}

static bool
remember(struct api_conn *conn, const struct member *m)
{
	struct member *old = recall(conn, m->key);
	char	      *text = NULL;

	if (m->text.p != NULL) {
		text = malloc(m->text.n + 1);
		if (text == NULL)
			return false;
		memcpy(text, m->text.p, m->text.n);
	}
	if (conn->patterns == NULL)
		conn->patterns = calloc(1, sizeof(*conn->patterns));
	if (conn->patterns == NULL) {
		free(text);
		return false;
	}
	if (old == NULL)
		old = &conn->patterns->at[conn->patterns->n++ % MEMBERS_REMEMBERED];
	free((char *)old->text.p);
	*old = *m;
	old->text.p = text;
	return true;
}

static void
remember_none(struct api_call *c, uint64_t key)
{
	struct member none = { .key = key };

	if (!remember(c->conn, &none))
		c->arena.failed = true;		/* the end of the handler says so */
}

/* ---- making what goes upstream ------------------------------------------------------------------------------- */

/* Must the names be given one by one? */
static bool
needs_names(const struct api_call *c)
{
	const struct ten_names *names = &c->tenant->names;

	for (size_t i = 0; i < names->naliases; i++)
		if (names->by_virt[i].kind == TEN_TOPIC)
			return true;
	return !api_may_all(c, POL_OP_DESCRIBE, POL_TOPIC);
}

struct matching {
	const struct reg *pattern;
	struct alv_arena *arena;
	struct alv_str	 *names;	/* physical */
	size_t		  n, max;
};

static bool
match_topic(void *arg, struct alv_str phys, struct alv_str virt)
{
	struct matching *m = arg;

	if (!reg_matches(m->pattern, virt))
		return true;
	if (m->n == m->max) {
		size_t		max = m->max == 0 ? 64 : m->max * 2;
		struct alv_str *names = alv_arena_alloc(m->arena, max * sizeof(*names));

		if (names == NULL)
			return false;
		if (m->n > 0)
			memcpy(names, m->names, m->n * sizeof(*names));
		m->names = names;
		m->max = max;
	}
	m->names[m->n++] = phys;
	return true;
}

static enum alv_err
list_names(struct api_call *c, struct alv_str text, const struct reg *pattern, struct alv_str *phys)
{
	struct matching m = { .pattern = pattern, .arena = &c->arena };

	api_each_topic(c, match_topic, &m);
	return c->arena.failed ? ALV_E_NOMEM : reg_exact(text, c->tenant->names.prefix, m.names, m.n, &c->arena, phys);
}

/* OK: *phys. VALUE: *why, for the member's eyes. */
static enum alv_err
make(struct api_call *c, struct alv_str text, struct alv_str *phys, struct alv_str *why)
{
	struct reg  *pattern;
	enum alv_err err = reg_compile(text, &c->arena, &pattern, why);

	if (err)
		return err;
	err = needs_names(c) ? ALV_E_UNSUPPORTED : reg_confine(text, c->tenant->names.prefix, &c->arena, phys);
	if (err == ALV_E_UNSUPPORTED || err == ALV_E_LIMIT)
		err = list_names(c, text, pattern, phys);
	reg_free(pattern);
	if (err != ALV_E_LIMIT)
		return err;
	*why = ALV_STR("it matches more topics than can be named one by one");
	return ALV_E_VALUE;
}

/* ---- requests ----------------------------------------------------------------------------------------------------- */

static uint64_t
key_of(struct kfk_tree *q)
{
	struct alv_str group = kfk_get_str(q, &q->root, Q(GROUP_ID)), member = kfk_get_str(q, &q->root, Q(MEMBER_ID));

	return alv_hash(member.p, member.n, alv_hash(group.p, group.n, 0x7061747465726e));
}

static struct alv_str
explain(struct api_call *c, struct alv_str text, struct alv_str why)
{
	return alv_arena_printf(&c->arena, "SubscribedTopicRegex `%.*s` is not a valid regular expression: %.*s.", ALV_STR_ARG(text),
	    ALV_STR_ARG(why));
}

/* Makes it, sets it where it is another than before, and leaves for the response what is then to be remembered. */
static int16_t
subscribe(struct api_call *c, struct kfk_tree *q, uint64_t key, struct alv_str regex, const struct member *before, struct alv_str *text)
{
	struct member *m = alv_arena_alloc(&c->arena, sizeof(*m));
	struct alv_str phys, why;
	enum alv_err   err = m == NULL ? ALV_E_NOMEM : make(c, regex, &phys, &why);

	if (err == ALV_E_VALUE) {
		*text = explain(c, regex, why);
		return KFK_INVALID_REGULAR_EXPRESSION;
	}
	if (err) {
		c->arena.failed = true;
		return 0;
	}
	*m = (struct member){ key, alv_arena_str(&c->arena, regex), alv_hash(phys.p, phys.n, 0), c->view->generation, c->tenant->revision };
	api_memo(c)->own = m;
	if (before != NULL && before->sent == m->sent)
		return 0;
	api_memo(c)->pattern = phys;
	kfk_set_str(q, &q->root, Q(SUBSCRIBED_TOPIC_REGEX), phys);
	return 0;
}

/* A heartbeat of a member that has joined, and says nothing of patterns. */
static int16_t
go_on(struct api_call *c, struct kfk_tree *q, uint64_t key, struct alv_str *text)
{
	const struct kfk_node *names = kfk_get(&q->root, Q(SUBSCRIBED_TOPIC_NAMES));
	bool		       full = names != NULL && !names->v.is_null;
	const struct member   *m = recall(c->conn, key);

	if (m == NULL && (full || needs_names(c))) {
		remember_none(c, key);
		return full ? 0 : KFK_NOT_COORDINATOR;
	}
	if (m == NULL || m->text.p == NULL || (m->view == c->view->generation && m->revision == c->tenant->revision))
		return 0;
	return subscribe(c, q, key, m->text, m, text);
}

int16_t
api_pattern_request(struct api_call *c, struct kfk_tree *q, struct alv_str *text)
{
	struct alv_str regex = kfk_get_str(q, &q->root, Q(SUBSCRIBED_TOPIC_REGEX));
	uint64_t       key = key_of(q);

	*text = ALV_STR_NULL;
	api_memo(c)->own = NULL;
	if (!kfk_versions_has(q->schema->fields[Q(SUBSCRIBED_TOPIC_REGEX)].in, q->version))
		return 0;	/* these members have none */
	if (regex.n > 0)
		return subscribe(c, q, key, regex, NULL, text);
	if (regex.p == NULL && kfk_get_int(q, &q->root, Q(MEMBER_EPOCH)) > 0)
		return go_on(c, q, key, text);
	remember_none(c, key);		/* it joins without one, unsubscribes, or leaves */
	return 0;
}

/* ---- responses ---------------------------------------------------------------------------------------------------- */

bool
api_pattern_response(struct api_call *c, struct kfk_tree *r)
{
	const struct member *m = api_memo(c)->own;
	int64_t		     code = kfk_get_int(r, &r->root, R(ERROR_CODE));

	if (m == NULL)
		return true;
	if (code == 0)
		return remember(c->conn, m);
	/* A broker's words quote what it was given. */
	if (code == KFK_INVALID_REGULAR_EXPRESSION)
		kfk_set_str(r, &r->root, R(ERROR_MESSAGE), explain(c, m->text, ALV_STR("the broker does not take it")));
	return true;
}
