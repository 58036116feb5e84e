/* See counts.h. Where a tenant has no limit of a kind nothing is counted, and nothing is locked.
 * Invariant: a limit without a book to count in refuses. */
#include "api/counts.h"

#include "quota/table.h"
#include "tally/keys.h"

#define MINUTE_US UINT64_C(60000000)

enum {
	FORWARDED_S = 120,		/* within that a broker's topics are in the catalogue, whether its answer comes or not */
	PRODUCER_IDS_CELL = UINT8_MAX	/* a number beside those of quota.c */
};

static struct tal_book *
book(const struct api_conn *conn)
{
	return conn->w->shared->tally;
}

static uint32_t
now_s(const struct api_conn *conn)
{
	return (uint32_t)(conn->w->now_us / 1000000);
}

static struct alv_str
id_of(const struct api_call *c)
{
	return c->tenant->names.id;
}

static bool
limit_of(const struct pol_tenant *t, enum pol_quota_key key, uint64_t *limit)
{
	struct pol_quota_cell cell;

	if (!pol_quota_tenant(t, key, &cell))
		return false;
	*limit = cell.limit >= 0x1p63 ? UINT64_MAX : (uint64_t)cell.limit;
	return true;
}

static void
say(struct api_call *c, enum pol_quota_key key, uint64_t limit, struct alv_str *text)
{
	const struct pol_quota_key_info *k = pol_quota_info(key);

	*text = alv_arena_printf(&c->arena, "Quota: this cluster may have at most %llu %s (%s); a platform administrator can raise it.",
	    (unsigned long long)limit, k->unit, k->name);
}

static int16_t
admit(struct api_call *c, enum tal_kind k, struct tal_name x, int16_t code, struct alv_str *text, bool *fresh)
{
	enum tal_answer answer = TAL_FULL;
	uint64_t	limit;

	*fresh = false;
	if (!limit_of(c->tenant, tal_key(k), &limit))
		return 0;
	if (book(c->conn) != NULL)
		answer = tal_admit(book(c->conn), id_of(c), k, x, limit, now_s(c->conn));
	*fresh = answer == TAL_NEW;
	if (answer != TAL_FULL)
		return 0;
	say(c, tal_key(k), limit, text);
	return code;
}

static bool
counted(const struct api_call *c, enum tal_kind k)
{
	uint64_t limit;

	return limit_of(c->tenant, tal_key(k), &limit) && book(c->conn) != NULL;
}

/* ---- groups and their members ------------------------------------------------------------------------------ */

static enum tal_kind
groups_of(enum api_group_type type)
{
	return (enum tal_kind)(TAL_GROUPS_CLASSIC + (int)type);
}

static enum tal_kind
members_of(enum api_group_type type)
{
	return (enum tal_kind)(TAL_MEMBERS_CLASSIC + (int)type);
}

/* A group of whatever type: it may be on its way from one to another. */
static bool
known_group(struct api_call *c, struct alv_str group)
{
	bool known = false;

	for (int t = API_CLASSIC; t <= API_STREAMS && book(c->conn) != NULL; t++)
		known |= tal_has(book(c->conn), id_of(c), groups_of((enum api_group_type)t), (struct tal_name){ ALV_STR_NULL, group });
	return known;
}

static int16_t
count_group(struct api_call *c, enum api_group_type type, struct alv_str group, struct alv_str *text)
{
	bool	 fresh;
	uint64_t limit;

	if (!limit_of(c->tenant, tal_key(groups_of(type)), &limit) || known_group(c, group))
		return 0;
	return admit(c, groups_of(type), (struct tal_name){ ALV_STR_NULL, group }, KFK_POLICY_VIOLATION, text, &fresh);
}

/* What a member's request leaves for its answer. */
struct api_counting {
	struct api_counting *next;
	enum { JOINS, STAYS, LEAVES } what;
	enum tal_kind	     kind;
	struct tal_name	     as, place;	/* place: of an instance that is away; null: none */
	uint32_t	     silent_s;	/* so much longer than others a member may say nothing */
	bool		     fresh, nameless;
};

static struct api_counting *
expect(struct api_call *c, int what, enum api_group_type type, struct alv_str group, struct alv_str member)
{
	struct api_counting *x;
	uint64_t	     limit;

	if (!limit_of(c->tenant, tal_key(members_of(type)), &limit))
		return NULL;
	x = alv_arena_alloc(&c->arena, sizeof(*x));
	if (x == NULL)
		return NULL;	/* the arena says so before anything goes upstream */
	x->what = what;
	x->kind = members_of(type);
	x->as = (struct tal_name){ group, member };
	x->next = api_memo(c)->counting;
	api_memo(c)->counting = x;
	return x;
}

/* Who has no id yet is counted under one that nobody else can have: a correlation id would be the client's to choose. */
static struct alv_str
number_of(struct api_call *c)
{
	return alv_arena_printf(&c->arena, "\t%p %llu", (void *)c, (unsigned long long)c->conn->w->now_us);
}

int16_t
api_count_join(struct api_call *c, enum api_group_type type, struct alv_str group, struct alv_str member, struct alv_str *text)
{
	int16_t		     code = count_group(c, type, group, text);
	struct api_counting *x = code != 0 ? NULL : expect(c, JOINS, type, group, member);

	if (x == NULL)
		return code;
	x->nameless = member.n == 0;
	if (x->nameless)
		x->as.name = number_of(c);
	return admit(c, x->kind, x->as, KFK_GROUP_MAX_SIZE_REACHED, text, &x->fresh);
}

void
api_count_stays(struct api_call *c, enum api_group_type type, struct alv_str group, struct alv_str member)
{
	(void)expect(c, STAYS, type, group, member);
}

void
api_count_leaves(struct api_call *c, enum api_group_type type, struct alv_str group, struct alv_str member)
{
	(void)expect(c, LEAVES, type, group, member);
}

static void
settle(struct api_call *c, const struct api_counting *x, bool ok, struct alv_str member)
{
	struct tal_name as = x->as;

	if (ok ? x->nameless || x->what == LEAVES : x->fresh)
		tal_gone(book(c->conn), id_of(c), x->kind, as);
	if (x->nameless)
		as.name = member;
	if (ok && x->what != LEAVES && as.name.n > 0)
		tal_note(book(c->conn), id_of(c), x->kind, as, now_s(c->conn));
	if (x->place.name.p != NULL && ok == (x->what == LEAVES))
		tal_note(book(c->conn), id_of(c), x->kind, x->place, now_s(c->conn));
	if (ok && x->silent_s > 0)
		tal_lasts(book(c->conn), id_of(c), x->kind, as, x->silent_s);
}

void
api_count_silent(struct api_call *c, int64_t session_ms)
{
	if (api_memo(c)->counting != NULL && session_ms / 1000 > TAL_MEMBER_S)
		api_memo(c)->counting->silent_s = (uint32_t)(session_ms / 1000 - TAL_MEMBER_S);
}

void
api_count_answer(struct api_call *c, bool ok, struct alv_str member)
{
	for (const struct api_counting *x = api_memo(c)->counting; x != NULL && book(c->conn) != NULL; x = x->next)
		settle(c, x, ok, member);
}

#define SAYS(api) { KFK_API_##api, API_CLASSIC, KFK_##api##_REQUEST_GROUP_ID, KFK_##api##_REQUEST_MEMBER_ID, API_NO_FIELD, API_NO_FIELD, \
	KFK_##api##_RESPONSE_ERROR_CODE, API_NO_FIELD }
#define BEATS(type, api, instance) { KFK_API_##api, type, KFK_##api##_REQUEST_GROUP_ID, KFK_##api##_REQUEST_MEMBER_ID, \
	KFK_##api##_REQUEST_MEMBER_EPOCH, instance, KFK_##api##_RESPONSE_ERROR_CODE, KFK_##api##_RESPONSE_MEMBER_ID }

static const struct beats {
	int16_t		    key;
	enum api_group_type type;
	uint16_t	    group, member, epoch, instance, r_error, r_member;
} beats[] = {
	SAYS(HEARTBEAT),
	SAYS(LEAVE_GROUP),
	BEATS(API_CONSUMER, CONSUMER_GROUP_HEARTBEAT, KFK_CONSUMER_GROUP_HEARTBEAT_REQUEST_INSTANCE_ID),
	BEATS(API_SHARE, SHARE_GROUP_HEARTBEAT, API_NO_FIELD),
	BEATS(API_STREAMS, STREAMS_GROUP_HEARTBEAT, KFK_STREAMS_GROUP_HEARTBEAT_REQUEST_INSTANCE_ID),
};

static const struct beats *
beats_of(const struct api_call *c)
{
	for (size_t i = 0; i < ALV_COUNT(beats); i++)
		if (beats[i].key == c->hdr.key)
			return &beats[i];
	return NULL;
}

/* An instance that goes for a moment stays a member of its group, by another id when it comes back: meanwhile its place is its own. */
enum { EPOCH_AWAY = -2 };

static struct tal_name
place_of(struct api_call *c, struct alv_str group, struct alv_str instance)
{
	return (struct tal_name){ group, alv_arena_cat(&c->arena, ALV_STR("\n"), instance) };
}

static void
count_away(struct api_call *c, const struct beats *b, struct alv_str group, struct alv_str member, struct alv_str instance)
{
	api_count_leaves(c, b->type, group, member);
	if (instance.p != NULL && api_memo(c)->counting != NULL)
		api_memo(c)->counting->place = place_of(c, group, instance);
}

static int16_t
count_instance(struct api_call *c, const struct beats *b, struct alv_str group, struct alv_str member, struct alv_str instance,
    struct alv_str *text)
{
	enum tal_kind	k = members_of(b->type);
	struct tal_name place = place_of(c, group, instance);
	bool		away = counted(c, k) && tal_has(book(c->conn), id_of(c), k, place);
	int16_t		code;

	if (away)
		tal_gone(book(c->conn), id_of(c), k, place);
	code = api_count_join(c, b->type, group, member, text);
	if (away && (code != 0 || api_memo(c)->counting == NULL))
		tal_note(book(c->conn), id_of(c), k, place, now_s(c->conn));
	else if (away)
		api_memo(c)->counting->place = place;
	return code;
}

int16_t
api_count_heartbeat(struct api_call *c, const struct kfk_tree *q, struct alv_str *text)
{
	const struct beats *b = beats_of(c);
	struct alv_str	    group, member, instance = ALV_STR_NULL;
	int64_t		    epoch;

	if (b == NULL || b->epoch == API_NO_FIELD)
		return 0;
	group = kfk_get_str(q, &q->root, b->group);
	member = kfk_get_str(q, &q->root, b->member);
	epoch = kfk_get_int(q, &q->root, b->epoch);
	if (b->instance != API_NO_FIELD)
		instance = kfk_get_str(q, &q->root, b->instance);
	if (epoch == 0)
		return instance.p == NULL ? api_count_join(c, b->type, group, member, text) : count_instance(c, b, group, member, instance, text);
	if (epoch > 0)
		api_count_stays(c, b->type, group, member);
	else if (epoch == EPOCH_AWAY)
		count_away(c, b, group, member, instance);
	else
		api_count_leaves(c, b->type, group, member);
	return 0;
}

/* Where each member has an answer of its own, it alone says who left: a member that is named with another's instance stays. */
static void
count_left(struct api_call *c, const struct kfk_tree *r)
{
	const struct api_counting *x = api_memo(c)->counting;
	const struct kfk_node	  *list = kfk_get(&r->root, KFK_LEAVE_GROUP_RESPONSE_MEMBERS);

	if (x == NULL || book(c->conn) == NULL)
		return;
	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		if (kfk_get_int(r, e, KFK_LEAVE_GROUP_RESPONSE_MEMBERS_ERROR_CODE) == 0)
			tal_gone(book(c->conn), id_of(c), x->kind,
			    (struct tal_name){ x->as.within, kfk_get_str(r, e, KFK_LEAVE_GROUP_RESPONSE_MEMBERS_MEMBER_ID) });
}

void
api_count_heartbeat_answer(struct api_call *c, const struct kfk_tree *r)
{
	const struct beats *b = beats_of(c);

	if (c->hdr.key == KFK_API_LEAVE_GROUP)
		count_left(c, r);
	if (b != NULL)
		api_count_answer(c, kfk_get_int(r, &r->root, b->r_error) == 0,
		    b->r_member == API_NO_FIELD ? ALV_STR_NULL : kfk_get_str(r, &r->root, b->r_member));
}

int16_t
api_count_offsets(struct api_call *c, enum api_group_type type, struct alv_str group, struct alv_str *text)
{
	return count_group(c, type, group, text);
}

/* ---- transactions ---------------------------------------------------------------------------------------------- */

int16_t
api_count_txn_id(struct api_call *c, struct alv_str txn, int64_t timeout_ms)
{
	struct alv_str text;
	uint64_t       longest;
	bool	       fresh;

	if (limit_of(c->tenant, POL_QUOTA_TRANSACTION_MAX_TIMEOUT_MS, &longest) && timeout_ms > 0 && (uint64_t)timeout_ms > longest)
		return KFK_INVALID_TRANSACTION_TIMEOUT;
	return admit(c, TAL_TRANSACTIONAL_IDS, (struct tal_name){ ALV_STR_NULL, txn }, KFK_POLICY_VIOLATION, &text, &fresh);
}

/* So many within a minute, at once or one after the other: then one whenever the next is due. Who is refused pays nothing. Whether the
 * broker has an id for a transactional id already is not known here: a producer that begins counts. */
int16_t
api_count_producer_id(struct api_call *c)
{
	struct quo_table *table = c->conn->w->shared->quotas;
	struct quo_key	  k = { .tenant = id_of(c), .kind = PRODUCER_IDS_CELL };
	struct quo_limit  l = { .build = c->tenant->build };
	struct quo_cell	 *cell;
	uint64_t	  n;
	bool		  full;

	if (!limit_of(c->tenant, POL_QUOTA_PRODUCER_IDS_PER_MINUTE, &n))
		return 0;
	l.per_s = (double)n / 60;
	l.burst_us = MINUTE_US;
	cell = table == NULL || n == 0 ? NULL : quo_get(table, &k, &l, c->conn->w->now_us, true);
	if (cell == NULL)
		return KFK_COORDINATOR_LOAD_IN_PROGRESS;
	full = quo_affords(cell, 1, 0, 0, c->conn->w->now_us) == 0;
	if (!full)
		(void)quo_charge(cell, 1, c->conn->w->now_us);
	quo_put(table, cell, c->conn->w->now_us);
	return full ? KFK_COORDINATOR_LOAD_IN_PROGRESS : 0;
}

int16_t
api_count_open_txn(struct api_call *c, struct alv_str txn)
{
	struct alv_str text;
	bool	       fresh;

	return admit(c, TAL_OPEN_TRANSACTIONS, (struct tal_name){ ALV_STR_NULL, txn }, KFK_CONCURRENT_TRANSACTIONS, &text, &fresh);
}

void
api_count_ended_txn(struct api_call *c, struct alv_str txn)
{
	if (counted(c, TAL_OPEN_TRANSACTIONS))
		tal_gone(book(c->conn), id_of(c), TAL_OPEN_TRANSACTIONS, (struct tal_name){ ALV_STR_NULL, txn });
}

/* ---- share sessions ------------------------------------------------------------------------------------------------ */

struct session_name {
	const struct api_conn *conn;
	uint64_t	       serial;
};

static struct tal_name
name_of(const struct session_name *s)
{
	return (struct tal_name){ ALV_STR_NULL, alv_str_make(s, sizeof(*s)) };
}

bool
api_count_share(const struct api_conn *conn, uint64_t serial)
{
	const struct session_name s = { conn, serial };
	const struct pol_tenant	 *t = conn->slot == NULL ? NULL : pol_slot_load(conn->slot);
	uint64_t		  limit;

	if (t == NULL || !limit_of(t, POL_QUOTA_SHARE_SESSIONS, &limit))
		return true;
	return book(conn) != NULL && tal_admit(book(conn), t->names.id, TAL_SHARE_SESSIONS, name_of(&s), limit, now_s(conn)) != TAL_FULL;
}

void
api_count_share_ends(const struct api_conn *conn, uint64_t serial)
{
	const struct session_name s = { conn, serial };

	if (conn->slot != NULL && book(conn) != NULL)
		tal_gone(book(conn), pol_slot_id(conn->slot), TAL_SHARE_SESSIONS, name_of(&s));
}

/* ---- topics, bytes ----------------------------------------------------------------------------------------------------- */

static struct tal_room
there_is(const struct api_call *c)
{
	const struct clu_topic *first;
	struct tal_room		have = { .topics = clu_topic_range(c->view, c->tenant->names.prefix, &first) };

	for (size_t i = 0; i < have.topics; i++)
		have.partitions += (uint64_t)(first[i].partitions > 0 ? first[i].partitions : 0);
	return have;
}

static int16_t
take_room(struct api_call *c, struct alv_str name, struct tal_room want, uint32_t life_s, uint64_t *ticket, struct alv_str *text)
{
	struct tal_room limit = { UINT64_MAX, UINT64_MAX };
	enum tal_full	full = TAL_ROOM_TOPICS;
	bool		topics = limit_of(c->tenant, POL_QUOTA_TOPICS, &limit.topics);

	if (!limit_of(c->tenant, POL_QUOTA_PARTITIONS, &limit.partitions) && !topics)
		return 0;
	if (book(c->conn) != NULL)
		full = tal_room_take(book(c->conn), id_of(c), name, want, there_is(c), limit, now_s(c->conn), life_s, ticket);
	if (full == TAL_ROOM_OK)
		return 0;
	if (full == TAL_ROOM_TOPICS && topics)
		say(c, POL_QUOTA_TOPICS, limit.topics, text);
	else
		say(c, POL_QUOTA_PARTITIONS, limit.partitions, text);
	return KFK_POLICY_VIOLATION;
}

int16_t
api_count_topics(struct api_call *c, uint64_t topics, uint64_t partitions, struct alv_str *text)
{
	return take_room(c, ALV_STR_NULL, (struct tal_room){ topics, partitions }, FORWARDED_S, &c->room, text);
}

void
api_count_made(struct api_call *c)
{
	if (c->room != 0)
		tal_room_give(book(c->conn), alv_str_of(c->conn->tenant), c->room);
	c->room = 0;
}

int16_t
api_count_topics_soon(struct api_call *c, struct alv_str name, uint64_t topics, uint64_t partitions, uint32_t life_s,
    struct alv_str *text)
{
	uint64_t ticket;

	return take_room(c, name, (struct tal_room){ topics, partitions }, life_s, &ticket, text);
}

int16_t
api_count_stored(struct api_call *c, struct alv_str *text)
{
	uint64_t limit;

	if (!pol_slot_full(c->conn->slot))
		return 0;
	if (limit_of(c->tenant, POL_QUOTA_STORED_BYTES, &limit))
		say(c, POL_QUOTA_STORED_BYTES, limit, text);
	return KFK_POLICY_VIOLATION;
}
