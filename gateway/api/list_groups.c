/* ListGroups. A broker lists the groups of all tenants: it is asked once for everybody (upstream/groups.c), and a tenant's
 * own part of that is answered here. Where there is no such list the request goes to the broker, and what it says is
 * filtered as it comes. Either way what is not this tenant's disappears, and what the principal may not describe as well.
 * Invariant: a list is only used that was asked for after everything that this tenant changed through this gateway. */
#include <alcove/listing.h>
#include <alcove/regex.h>

#include <strings.h>

#include "api/groups.h"

enum { OWN_MAX = 4096 };	/* more groups than that are better filtered than gathered */

#define Q(f) KFK_LIST_GROUPS_REQUEST_##f
#define R(f) KFK_LIST_GROUPS_RESPONSE_##f

/* ---- from the shared list ----------------------------------------------------------------------------------- */

struct picking {
	struct api_call	      *c;
	const struct kfk_node *states, *types;	/* NULL: not asked for */
	struct kfk_tree	       r;
	struct kfk_node	      *list;
	bool		       all;	/* who may describe the cluster sees every group of it */
};

static struct alv_str
trimmed(struct alv_str s)
{
	while (s.n > 0 && (unsigned char)s.p[0] <= ' ')
		s = alv_str_make(s.p + 1, s.n - 1);
	while (s.n > 0 && (unsigned char)s.p[s.n - 1] <= ' ')
		s.n--;
	return s;
}

/* As brokers compare: whatever the case, an empty list is none. */
static bool
passes(const struct kfk_node *filter, struct alv_str found, bool trim)
{
	if (filter == NULL || filter->n == 0)
		return true;
	for (const struct kfk_node *e = filter->kids; e != NULL; e = e->next) {
		struct alv_str want = trim ? trimmed(e->v.s) : e->v.s;

		if (found.p != NULL && want.n == found.n && strncasecmp(want.p, found.p, found.n) == 0)
			return true;
	}
	return false;
}

static void
pick(struct picking *p, const struct clu_group *g)
{
	struct kfk_node *e;
	struct alv_str	 virt;

	if (!passes(p->states, g->state, true) || !passes(p->types, g->type, false))
		return;
	if (ten_unmap(&p->c->tenant->names, TEN_GROUP, g->id, &virt))
		return;
	if (!p->all && !api_may(p->c, POL_OP_DESCRIBE, POL_GROUP, virt))
		return;
	e = kfk_add(&p->r, p->list);
	kfk_set_str(&p->r, e, R(GROUPS_GROUP_ID), virt);
	kfk_set_str(&p->r, e, R(GROUPS_PROTOCOL_TYPE), g->protocol.p == NULL ? ALV_STR("") : g->protocol);
	if (p->c->hdr.version >= 4)
		kfk_set_str(&p->r, e, R(GROUPS_GROUP_STATE), g->state.p == NULL ? ALV_STR("") : g->state);
	if (p->c->hdr.version >= 5)
		kfk_set_str(&p->r, e, R(GROUPS_GROUP_TYPE), g->type.p == NULL ? ALV_STR("") : g->type);
}

static enum api_result
answer_from(struct api_call *c, struct kfk_tree *q, const struct clu_groups *all)
{
	const struct ten_names *names = &c->tenant->names;
	struct picking		p = { .c = c, .states = kfk_get(&q->root, Q(STATES_FILTER)), .types = kfk_get(&q->root, Q(TYPES_FILTER)),
		.all = api_may_cluster(c, POL_OP_DESCRIBE) };
	const struct clu_group *g;
	size_t			n = clu_groups_range(all, names->prefix, &g);

	if (n > OWN_MAX)
		return api_forward(c, q);
	api_answer_begin(c, &p.r);
	p.list = kfk_set_empty(&p.r, &p.r.root, R(GROUPS));
	for (size_t i = 0; i < n; i++)
		pick(&p, &g[i]);
	met_shared(c->conn->w->meter, c->hdr.key);
	for (size_t i = 0; i < names->naliases; i++) {
		if (names->by_virt[i].kind != TEN_GROUP)
			continue;
		g = clu_groups_find(all, names->by_virt[i].phys);
		if (g != NULL)
			pick(&p, g);
	}
	return api_answer(c, &p.r);
}

enum api_result
api_list_groups_request(struct api_call *c, struct kfk_tree *q)
{
	const struct api_shared *s = c->conn->w->shared;
	int32_t			 node = c->conn->node >= 0 ? c->conn->node : c->conn->broker;
	uint32_t		 max_age_ms = s->conf->upstream.listing_max_age_ms;
	const struct clu_groups *all = node < 0 ? NULL : clu_board_groups(s->board, node);

	if (max_age_ms == 0)
		return api_forward(c, q);
	if (!c->groups_asked)
		c->groups_since_us = api_good_since(c, CLU_NEWS_GROUPS, max_age_ms);
	if (all != NULL && all->asked_us >= c->groups_since_us)
		return answer_from(c, q, all);
	if (c->groups_asked)
		return api_forward(c, q);
	c->wait = API_WAIT_GROUPS;
	return API_WAIT;
}

/* ---- from the broker ------------------------------------------------------------------------------------------- */

struct listing {
	struct api_stream s;	/* first */
	struct api_call *c;
	enum ten_kind	 kind;
	bool		 all;
	struct reg	*pattern;	/* NULL: none */
};

/* A broker lists those of all tenants. */
static enum kfk_do
see_listed(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct listing *l = arg;
	struct alv_str	virt;

	(void)id;
	if (f->kind == KFK_KIND_ERROR_CODE) {
		api_note(l->c, v->i);
		return KFK_KEEP;
	}
	if (v->is_null || ten_unmap(&l->c->tenant->names, l->kind, v->s, &virt))
		return KFK_DROP;
	if (!l->all && !api_may(l->c, POL_OP_DESCRIBE, l->kind == TEN_GROUP ? POL_GROUP : POL_TXN, virt))
		return KFK_DROP;
	if (l->pattern != NULL && !reg_matches(l->pattern, virt))
		return KFK_DROP;
	v->s = alv_arena_str(&l->c->arena, virt);
	v->i = ALV_E_LIMIT;
	return v->s.p == NULL ? KFK_STOP : KFK_REPLACE;
}

static void
end_listing(struct api_stream *s)
{
	reg_free(((struct listing *)s)->pattern);
}

struct api_stream *
api_listing(struct api_call *c, enum ten_kind kind, bool all, struct alv_str pattern)
{
	static const struct kfk_visitor visitor = { .field = see_listed };
	struct listing		       *l = alv_arena_alloc(&c->arena, sizeof(*l));
	struct alv_str			why;

	if (l == NULL || (pattern.p != NULL && reg_compile(pattern, &c->arena, &l->pattern, &why)))
		return NULL;
	l->s.fini = end_listing;
	l->c = c;
	l->kind = kind;
	l->all = all;
	l->s.visitor = &visitor;
	l->s.kinds = UINT64_C(1) << (kind == TEN_GROUP ? KFK_KIND_GROUP_ID : KFK_KIND_TXN_ID) |
	    UINT64_C(1) << KFK_KIND_ERROR_CODE;
	return &l->s;
}

struct api_stream *
api_list_groups_stream(struct api_call *c, bool leaves)
{
	(void)leaves;	/* never: elements disappear */
	return api_listing(c, TEN_GROUP, api_may_cluster(c, POL_OP_DESCRIBE), ALV_STR_NULL);
}
