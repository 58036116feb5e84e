/* Groups of the classic protocol: finding the coordinator, joining, synchronising, staying, leaving.
 *
 * The broker reads the bytes inside JoinGroup and SyncGroup when the protocol type is "consumer" (offset expiry, OffsetDelete,
 * upgrades to KIP-848), so the names inside are mapped both ways, whatever the group's type is at the moment. Before v5
 * SyncGroup does not say its protocol type: it is remembered from the JoinGroup of the same connection that succeeded. */
#include "api/counts.h"
#include "api/groups.h"
#include "api/hosts.h"
#include "api/readers.h"

#include <stdlib.h>

int16_t
api_judge_group(struct api_call *c, struct alv_str virt, enum pol_op op)
{
	return api_judge_other(c, TEN_GROUP, virt, op, KFK_INVALID_GROUP_ID, KFK_GROUP_AUTHORIZATION_FAILED);
}

/* ---- lists of groups ---------------------------------------------------------------------------------- */

/* What cannot be named is not there: so brokers say where they would look it up. They know a group without a name. */
static int16_t
judge_listed(struct api_call *c, const struct kfk_tree *q, const struct api_group_list *l, struct alv_str virt)
{
	int16_t illegal = l->op == POL_OP_DELETE ? KFK_GROUP_ID_NOT_FOUND : KFK_INVALID_GROUP_ID;

	if (q->schema->fields[l->q_groups].kind == KFK_KIND_TXN_ID)
		return api_judge_other(c, TEN_TXN, virt, l->op, virt.n == 0 ? KFK_INVALID_REQUEST : KFK_TRANSACTIONAL_ID_NOT_FOUND,
		    KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	return api_judge_other(c, TEN_GROUP, virt, l->op, illegal, KFK_GROUP_AUTHORIZATION_FAILED);
}

void
api_split_groups(struct api_call *c, struct kfk_tree *q, const struct api_group_list *l, struct api_split *s)
{
	struct kfk_node *groups = kfk_get(&q->root, l->q_groups), *prev = NULL, *next;

	for (struct kfk_node *e = groups == NULL ? NULL : groups->kids; e != NULL; e = next) {
		int16_t code = judge_listed(c, q, l, e->v.s);

		next = e->next;
		if (code == 0) {
			s->kept++;
			prev = e;
			continue;
		}
		api_deny(c, s, e->v.s, (struct alv_uuid){ { 0 } }, code);
		kfk_unlink(groups, prev, e);
	}
}

void
api_splice_groups(struct api_call *c, struct kfk_tree *r, const struct api_group_list *l)
{
	struct kfk_node *groups = kfk_get(&r->root, l->r_groups);

	if (groups == NULL)
		groups = kfk_set_empty(r, &r->root, l->r_groups);
	for (const struct api_denied *d = api_memo(c)->split.first; d != NULL; d = d->next) {
		struct kfk_node *e = kfk_add(r, groups);

		kfk_set_str(r, e, l->r_group, d->name);
		kfk_set_int(r, e, l->r_error, d->code);
	}
}

void
api_hide_group(struct kfk_tree *r, struct kfk_node *group, uint16_t id, uint16_t code, uint16_t text, const char *words)
{
	struct alv_str name = kfk_get_str(r, group, id);

	group->kids = group->last = NULL;
	kfk_set_str(r, group, id, name);
	kfk_set_int(r, group, code, KFK_TOPIC_AUTHORIZATION_FAILED);
	kfk_set_str(r, group, text, alv_str_of(words));
}

enum api_result
api_split_groups_forward(struct api_call *c, struct kfk_tree *q, const struct api_group_list *l)
{
	struct api_split *s = &api_memo(c)->split;
	struct kfk_tree	  r;

	api_split_groups(c, q, l, s);
	if (s->kept > 0 || s->first == NULL)
		return api_forward(c, q);
	api_answer_begin(c, &r);
	api_splice_groups(c, &r, l);
	return api_answer(c, &r);
}

enum api_result
api_splice_groups_answer(struct api_call *c, struct kfk_tree *r, const struct api_group_list *l)
{
	enum api_result result;

	if (!api_unmap(c, r, &result))
		return result;
	api_splice_groups(c, r, l);
	return api_answer(c, r);
}

/* ---- FindCoordinator ------------------------------------------------------------------------------------- */

enum { KEY_GROUP = 0, KEY_TXN = 1, KEY_SHARE = 2, MANY_KEYS = 4 };

#define Q(f) KFK_FIND_COORDINATOR_REQUEST_##f
#define R(f) KFK_FIND_COORDINATOR_RESPONSE_##f

static int16_t
judge_key(struct api_call *c, struct alv_str key)
{
	if (api_memo(c)->key_kind == TEN_GROUP)
		return api_judge_group(c, key, POL_OP_DESCRIBE);
	return api_judge_other(c, TEN_TXN, key, POL_OP_DESCRIBE, KFK_INVALID_REQUEST,
	    KFK_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
}

static void
no_coordinator(struct kfk_tree *r, struct alv_str key, int16_t code)
{
	struct kfk_node *e;

	if (r->version < MANY_KEYS) {
		kfk_set_int(r, &r->root, R(ERROR_CODE), code);
		kfk_set_int(r, &r->root, R(NODE_ID), -1);
		kfk_set_int(r, &r->root, R(PORT), -1);
		return;
	}
	e = kfk_get(&r->root, R(COORDINATORS));
	if (e == NULL)
		e = kfk_set_empty(r, &r->root, R(COORDINATORS));
	e = kfk_add(r, e);
	kfk_set_str(r, e, R(COORDINATORS_KEY), key);
	kfk_set_int(r, e, R(COORDINATORS_NODE_ID), -1);
	kfk_set_int(r, e, R(COORDINATORS_PORT), -1);
	kfk_set_int(r, e, R(COORDINATORS_ERROR_CODE), code);
}

static void
splice_keys(struct api_call *c, struct kfk_tree *r)
{
	for (const struct api_denied *d = api_memo(c)->split.first; d != NULL; d = d->next)
		no_coordinator(r, d->name, d->code);
}

static enum api_result
refuse_coordinator(struct api_call *c, const struct kfk_tree *q, int16_t code)
{
	const struct kfk_node *keys = kfk_get(&q->root, Q(COORDINATOR_KEYS));
	struct kfk_tree	       r;

	api_answer_begin(c, &r);
	api_note(c, code);
	if (q->version < MANY_KEYS)
		no_coordinator(&r, ALV_STR_NULL, code);
	for (const struct kfk_node *e = keys == NULL ? NULL : keys->kids; e != NULL; e = e->next)
		no_coordinator(&r, e->v.s, code);
	return api_answer(c, &r);
}

/* Takes refused keys out; true: some are left. */
static bool
split_keys(struct api_call *c, struct kfk_tree *q, struct api_split *s)
{
	struct kfk_node *keys = kfk_get(&q->root, Q(COORDINATOR_KEYS)), *prev = NULL, *next;

	for (struct kfk_node *e = keys == NULL ? NULL : keys->kids; e != NULL; e = next) {
		int16_t code = judge_key(c, e->v.s);

		next = e->next;
		if (code == 0) {
			s->kept++;
			prev = e;
			continue;
		}
		api_deny(c, s, e->v.s, (struct alv_uuid){ { 0 } }, code);
		kfk_unlink(keys, prev, e);
	}
	return s->kept > 0;
}

enum api_result
api_find_coordinator_request(struct api_call *c, struct kfk_tree *q)
{
	struct api_memo *memo = api_memo(c);
	int64_t		 type = kfk_get_int(q, &q->root, Q(KEY_TYPE));
	int16_t		 code;
	struct kfk_tree	 r;

	if (type == KEY_SHARE && q->version >= 6)	/* for brokers only */
		return refuse_coordinator(c, q, KFK_CLUSTER_AUTHORIZATION_FAILED);
	if (type != KEY_GROUP && type != KEY_TXN)
		return refuse_coordinator(c, q, KFK_INVALID_REQUEST);
	memo->key_kind = type == KEY_GROUP ? TEN_GROUP : TEN_TXN;
	if (q->version < MANY_KEYS) {
		code = judge_key(c, kfk_get_str(q, &q->root, Q(KEY)));
		return code == 0 ? api_forward(c, q) : refuse_coordinator(c, q, code);
	}
	if (split_keys(c, q, &memo->split) || memo->split.first == NULL)
		return api_forward(c, q);
	api_answer_begin(c, &r);
	splice_keys(c, &r);
	return api_answer(c, &r);
}

/* A coordinator that clients cannot reach is none yet: they ask again. */
static void
check_reachable(struct api_call *c, struct kfk_tree *r, struct kfk_node *at, uint16_t node, uint16_t error)
{
	int64_t	       id = kfk_get_int(r, at, node);
	struct alv_str host;
	int32_t	       port;

	if (id < 0 || (id <= INT32_MAX && api_advertise(c->conn, &c->arena, (int32_t)id, &host, &port)))
		return;
	kfk_set_int(r, at, node, -1);
	kfk_set_int(r, at, error, KFK_COORDINATOR_NOT_AVAILABLE);
}

enum api_result
api_find_coordinator_response(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node *list = kfk_get(&r->root, R(COORDINATORS));
	enum api_result	 result;

	if (r->version < MANY_KEYS)
		check_reachable(c, r, &r->root, R(NODE_ID), R(ERROR_CODE));
	for (struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		check_reachable(c, r, e, R(COORDINATORS_NODE_ID), R(COORDINATORS_ERROR_CODE));
	if (!api_unmap(c, r, &result))
		return result;
	splice_keys(c, r);
	return api_answer(c, r);
}
#undef Q
#undef R

/* ---- what a connection remembers of its groups: the protocol that the broker agreed to ------------------------ */

enum { GROUPS_REMEMBERED = 16, PROTOCOL_MAX = 63, SYNC_SAYS_PROTOCOL = 5 };

struct protocol {
	uint64_t group;		/* hash of the id */
	char	 type[PROTOCOL_MAX + 1], name[PROTOCOL_MAX + 1];
};

struct api_groups {
	unsigned	n;	/* grows; the place is n % GROUPS_REMEMBERED */
	struct protocol at[GROUPS_REMEMBERED];
};

static uint64_t
group_hash(struct alv_str group)
{
	return alv_hash(group.p, group.n, 0x67726f7570);
}

/* NULL: not remembered. */
static struct protocol *
recall(const struct api_conn *conn, struct alv_str group)
{
	struct api_groups *g = conn->groups;
	uint64_t	   hash = group_hash(group);

	for (unsigned i = 0; g != NULL && i < GROUPS_REMEMBERED && i < g->n; i++)
		if (g->at[i].group == hash)
			return &g->at[i];
	return NULL;
}

/* Names that are no protocol's are not kept: an old client of such a group never gets past its join. */
static bool
remember(struct api_conn *conn, struct alv_str group, struct alv_str type, struct alv_str name)
{
	struct protocol *p = recall(conn, group);

	if (type.n > PROTOCOL_MAX || name.n > PROTOCOL_MAX)
		type = name = ALV_STR("");
	if (conn->groups == NULL)
		conn->groups = calloc(1, sizeof(*conn->groups));
	if (conn->groups == NULL)
		return false;
	if (p == NULL)
		p = &conn->groups->at[conn->groups->n++ % GROUPS_REMEMBERED];
	*p = (struct protocol){ .group = group_hash(group) };
	if (type.n > 0 && name.n > 0) {
		memcpy(p->type, type.p, type.n);
		memcpy(p->name, name.p, name.n);
	}
	return true;
}

/* ---- JoinGroup, SyncGroup ------------------------------------------------------------------------------------- */

/* Names inside the bytes that cannot be read or mapped are a protocol that does not fit. */
static enum api_result
forward_embedded(struct api_call *c, struct kfk_tree *q, enum api_result (*refuse)(struct api_call *c, int16_t code))
{
	enum alv_err err = api_map_in(c, q);

	if (err == ALV_E_NOMEM || err == ALV_E_LIMIT || c->arena.failed)
		return api_fail(c, err);
	return err ? refuse(c, KFK_INCONSISTENT_GROUP_PROTOCOL) : api_send(c, q);
}

/* Who does not join has no protocol: null in versions that can say so, empty before. */
static enum api_result
refuse_join(struct api_call *c, int16_t code)
{
	enum { V_NO_NAME = 7 };
	struct kfk_tree r;

	api_count_answer(c, false, ALV_STR_NULL);
	api_answer_begin(c, &r);
	kfk_set_int(&r, &r.root, KFK_JOIN_GROUP_RESPONSE_ERROR_CODE, code);
	if (r.version >= V_NO_NAME)
		kfk_set_null(&r, &r.root, KFK_JOIN_GROUP_RESPONSE_PROTOCOL_NAME);
	api_note(c, code);
	return api_answer(c, &r);
}

static enum api_result
refuse_sync(struct api_call *c, int16_t code)
{
	return api_answer_code(c, KFK_SYNC_GROUP_RESPONSE_ERROR_CODE, code);
}

struct joining {	/* what a JoinGroup leaves for its response */
	struct alv_str group, type;
};

enum api_result
api_join_group_request(struct api_call *c, struct kfk_tree *q)
{
	struct joining *j = alv_arena_alloc(&c->arena, sizeof(*j));
	struct alv_str	text;	/* there is no room for words in this answer */
	int16_t		code;

	if (j == NULL)
		return api_fail(c, ALV_E_LIMIT);
	j->group = kfk_get_str(q, &q->root, KFK_JOIN_GROUP_REQUEST_GROUP_ID);
	j->type = kfk_get_str(q, &q->root, KFK_JOIN_GROUP_REQUEST_PROTOCOL_TYPE);
	code = api_judge_group(c, j->group, POL_OP_READ);
	if (code == 0)
		code = api_count_join(c, API_CLASSIC, j->group, kfk_get_str(q, &q->root, KFK_JOIN_GROUP_REQUEST_MEMBER_ID), &text);
	if (code != 0)
		return refuse_join(c, code);
	api_count_silent(c, kfk_get_int(q, &q->root, KFK_JOIN_GROUP_REQUEST_SESSION_TIMEOUT_MS));
	api_memo(c)->own = j;
	api_memo(c)->consumer = alv_str_eqz(j->type, "consumer");
	return forward_embedded(c, q, refuse_join);
}

enum api_result
api_join_group_response(struct api_call *c, struct kfk_tree *r)
{
	const struct joining *j = api_memo(c)->own;
	bool		      ok = kfk_get_int(r, &r->root, KFK_JOIN_GROUP_RESPONSE_ERROR_CODE) == 0;

	api_count_answer(c, ok, kfk_get_str(r, &r->root, KFK_JOIN_GROUP_RESPONSE_MEMBER_ID));
	if (ok &&
	    !remember(c->conn, j->group, j->type, kfk_get_str(r, &r->root, KFK_JOIN_GROUP_RESPONSE_PROTOCOL_NAME)))
		return api_fail(c, ALV_E_NOMEM);
	return api_pass(c, r);
}

/* Old versions do not say of which protocol they are: they go upstream as one that does, so that the broker compares
 * what was remembered with what the group has by now. */
static int16_t
say_protocol(struct api_call *c, struct kfk_tree *q, struct alv_str group)
{
	const struct protocol *p = recall(c->conn, group);
	struct alv_str	       type, name;

	/* It joined on another connection: it is told to join again, here. */
	if (p == NULL || p->type[0] == '\0')
		return KFK_REBALANCE_IN_PROGRESS;
	type = alv_arena_str(&c->arena, alv_str_of(p->type));
	name = alv_arena_str(&c->arena, alv_str_of(p->name));
	q->version = SYNC_SAYS_PROTOCOL;
	kfk_set_str(q, &q->root, KFK_SYNC_GROUP_REQUEST_PROTOCOL_TYPE, type);
	kfk_set_str(q, &q->root, KFK_SYNC_GROUP_REQUEST_PROTOCOL_NAME, name);
	return 0;
}

enum api_result
api_sync_group_request(struct api_call *c, struct kfk_tree *q)
{
	struct alv_str group = kfk_get_str(q, &q->root, KFK_SYNC_GROUP_REQUEST_GROUP_ID), type;
	int16_t	       code = api_judge_group(c, group, POL_OP_READ);

	if (code == 0 && q->version < SYNC_SAYS_PROTOCOL)
		code = say_protocol(c, q, group);
	type = kfk_get_str(q, &q->root, KFK_SYNC_GROUP_REQUEST_PROTOCOL_TYPE);
	if (code == 0 && type.p == NULL)
		code = KFK_INCONSISTENT_GROUP_PROTOCOL;
	if (code != 0)
		return refuse_sync(c, code);
	api_memo(c)->consumer = alv_str_eqz(type, "consumer");
	api_host_asks(c, q);
	return forward_embedded(c, q, refuse_sync);
}

/* ---- Heartbeat, LeaveGroup: the group is all there is to judge -------------------------------------------------- */

static enum api_result
one_group(struct api_call *c, struct kfk_tree *q, uint16_t group, uint16_t error)
{
	int16_t code = api_judge_group(c, kfk_get_str(q, &q->root, group), POL_OP_READ);

	if (code != 0)
		return api_answer_code(c, error, code);
	api_host_asks(c, q);
	return api_forward(c, q);
}

enum api_result
api_heartbeat_request(struct api_call *c, struct kfk_tree *q)
{
	api_count_stays(c, API_CLASSIC, kfk_get_str(q, &q->root, KFK_HEARTBEAT_REQUEST_GROUP_ID),
	    kfk_get_str(q, &q->root, KFK_HEARTBEAT_REQUEST_MEMBER_ID));
	return one_group(c, q, KFK_HEARTBEAT_REQUEST_GROUP_ID, KFK_HEARTBEAT_RESPONSE_ERROR_CODE);
}

#define Q(f) KFK_LEAVE_GROUP_REQUEST_##f

enum api_result
api_leave_group_request(struct api_call *c, struct kfk_tree *q)
{
	const struct kfk_node *members = kfk_get(&q->root, Q(MEMBERS));
	struct alv_str	       group = kfk_get_str(q, &q->root, Q(GROUP_ID)), one = kfk_get_str(q, &q->root, Q(MEMBER_ID));

	/* Should it be refused, the next heartbeat says that it is still there, but not what it has: so it is nobody's until then. */
	api_count_leaves(c, API_CLASSIC, group, one);
	api_reader_leaves(c, group, one);
	for (const struct kfk_node *e = members == NULL ? NULL : members->kids; e != NULL; e = e->next)
		api_reader_leaves(c, group, kfk_get_str(q, e, Q(MEMBERS_MEMBER_ID)));
	return one_group(c, q, KFK_LEAVE_GROUP_REQUEST_GROUP_ID, KFK_LEAVE_GROUP_RESPONSE_ERROR_CODE);
}
