/* The oracle of talk.h. Nothing unmapped goes upstream:
 *  - every name is the tenant's own by ten_owns, inside embedded bytes too; no id is another's; no session is made up;
 *  - a pattern that a broker is going to match matches none of the names that are not the tenant's, and is bracketed so that
 *    nothing can be written around it.
 * Nothing foreign comes down:
 *  - where the broker's answer was made of decisions, all that is others' holds the needle, and nothing of it is in the answer;
 *  - always, every name in the answer is one that the client said itself, that the tenant has, or whose physical form came
 *    from the broker; an id is none of others' unless the client said it; no address, rack, cluster id or pattern holds
 *    the needle, no text another's name. */
#include "tests/fuzz/talk.h"

#include <alcove/regex.h>

#include "regex/re2.h"

#include <stdlib.h>

typedef void (*look_fn)(struct talk *k, const struct kfk_tree *t, const struct kfk_node *n);

static void
each(struct talk *k, const struct kfk_tree *t, const struct kfk_node *parent, bool list, look_fn fn)
{
	for (const struct kfk_node *n = parent->kids; n != NULL; n = n->next) {
		if (n->f->array && !list)
			each(k, t, n, true, fn);
		else if (n->f->type == KFK_STRUCT)
			each(k, t, n, false, fn);
		else
			fn(k, t, n);
	}
}

static const struct ten_names *
names(const struct talk *k)
{
	return &pol_slot_load(k->conn.slot)->names;
}

static bool
is_foreign(struct alv_uuid id)
{
	for (const char *list = foreign_ids; *list != '\0'; list++)
		if (alv_uuid_eq(id, make_id(*list)))
			return true;
	return false;
}

/* Whose 'v' is, brokers alone say: one that lies in bytes, before anybody said otherwise, makes it the tenant's own. */
static bool
is_anothers(const struct talk *k, struct alv_uuid id)
{
	struct alv_str name;

	if (!is_foreign(id) || !alv_uuid_eq(id, make_id('v')))
		return is_foreign(id);
	return clu_ids_find(k->conn.w->ids, k->call.view, id, k->conn.w->now_us, &name) != ALV_OK || !ten_owns(names(k), TEN_TOPIC, name, NULL);
}

static bool
is_brokers(int64_t session)
{
	for (size_t i = 0; i < ALV_COUNT(make_sessions); i++)
		if (session == make_sessions[i])
			return true;
	return false;
}

static bool
holds(struct alv_str where, const void *what, size_t n)
{
	return n == 0 || (where.n >= n && memmem(where.p, where.n, what, n) != NULL);
}

static struct alv_str
all_of(const struct alv_buf *b)
{
	return alv_str_make(b->p, b->n);
}

/* A look at one message of any body; framed ones have lost their header. */
static void
look(struct talk *k, int16_t key, enum kfk_dir dir, int16_t version, const struct alv_chain *body, look_fn fn)
{
	struct kfk_tree t;

	MUST(!body->err);
	MUST(kfk_tree_decode(&t, kfk_schema_find(key, dir), version, body, &k->arena) == ALV_OK);
	MUST(t.dropped_tags == 0 || dir == KFK_RESPONSE);
	each(k, &t, &t.root, false, fn);
	kfk_tree_fini(&t);
}

static bool
is_consumer(const struct talk *k)
{
	return k->call.memo != NULL && ((const struct api_memo *)k->call.memo)->consumer;
}

static const struct kfk_schema *
embedded_schema(const struct kfk_node *n)
{
	return n->f->kind == KFK_KIND_SUBSCRIPTION ? &kfk_consumer_subscription : &kfk_consumer_assignment;
}

/* ---- upstream ------------------------------------------------------------------------------------------------------ */

static enum alv_err
own_topic(void *arg, enum kfk_kind kind, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	(void)a;
	MUST(kind == KFK_KIND_TOPIC_NAME && ten_owns(arg, TEN_TOPIC, in, NULL));
	*out = in;
	return ALV_OK;
}

static void
upstream_embedded(struct talk *k, const struct kfk_tree *t, const struct kfk_node *n)
{
	struct alv_str in = kfk_node_bytes(t, n), out;

	if (is_consumer(k) && in.n > 0)
		MUST(kfk_embedded_map(embedded_schema(n), in, own_topic, (void *)(uintptr_t)names(k), &k->arena, &out) == ALV_OK);
}

/* A name that the pattern matches is the tenant's, and the member's own text matches what the tenant calls it. */
static void
matches_rightly(struct talk *k, const struct reg *phys, const struct reg *text, struct alv_str name)
{
	struct alv_str virt;

	if (!reg_re2_full(phys, name.p, name.n))
		return;
	if (ten_unmap(names(k), TEN_TOPIC, name, &virt) != ALV_OK) {
		/* "acme..", whose own part is no topic's name: nobody has it, and it would be the tenant's. */
		MUST(alv_str_starts(name, names(k)->prefix));
		return;
	}
	MUST(reg_matches(text, virt));
}

/* What the catalogue has; and own and others' names, by themselves and behind what is like the prefix. */
static void
matches_own_alone(struct talk *k, const struct reg *phys, const struct reg *text)
{
	static const struct alv_str before[] = { ALV_STR(""), ALV_STR("globex."), ALV_STR("acme"), ALV_STR("acme."), ALV_STR("xacme."),
		ALV_STR("Acme."), ALV_STR("\n"), ALV_STR("acme-2."), ALV_STR("_"), ALV_STR("legacy.") };
	const struct clu_view *v = clu_board_load(talk_world.board);

	for (size_t i = 0; i < v->ntopics; i++)
		matches_rightly(k, phys, text, v->topics[i].name);
	for (size_t i = 0; i < ALV_COUNT(before); i++) {
		for (size_t j = 0; j < ALV_COUNT(said); j++)
			matches_rightly(k, phys, text, alv_arena_cat(&k->arena, before[i], said[j]));
		for (size_t j = 0; j < ALV_COUNT(foreign_names); j++)
			matches_rightly(k, phys, text, alv_arena_cat(&k->arena, before[i], foreign_names[j]));
	}
}

/* Does the bracket that is open at `at` close with the last byte and not before? What the gateway spells has brackets of no
 * other meaning (alcove/regex.h), escapes are of one character, and a class has no round ones. */
static bool
one_bracket(struct alv_str s, size_t at)
{
	size_t deep = 0;

	for (; at < s.n; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '(')
			deep++;
		else if (s.p[at] == ')' && --deep == 0)
			return at + 1 == s.n;
	}
	return false;
}

static void
upstream_pattern(struct talk *k, struct alv_str s)
{
	static const struct alv_str none = ALV_STR("[^\\x00-\\x{10FFFF}]");
	struct alv_str		    text, rest, words;
	const char		   *head_end = memmem(s.p, s.n, ">)", 2);
	char			    why[100];
	struct reg		   *own, *r = reg_re2_new(s.p, s.n, 8 << 20, why, sizeof(why));

	MUST(r != NULL && head_end != NULL);
	MUST(reg_original(s, &k->arena, &text) && reg_compile(text, &k->arena, &own, &words) == ALV_OK);
	matches_own_alone(k, r, own);
	reg_free(own);
	reg_re2_free(r);
	rest = alv_str_make(head_end + 2, s.n - (size_t)(head_end + 2 - s.p));
	if (alv_str_starts(rest, ALV_STR("\\Qacme.\\E(?:")))
		MUST(one_bracket(rest, strlen("\\Qacme.\\E")));
	else
		MUST(alv_str_eq(rest, none) || (alv_str_starts(rest, ALV_STR("(?:")) && one_bracket(rest, 0)));
}

static void
upstream_field(struct talk *k, const struct kfk_tree *t, const struct kfk_node *n)
{
	switch (n->f->kind) {
	case KFK_KIND_TOPIC_NAME:
	case KFK_KIND_RESOURCE_NAME:
		MUST(n->v.is_null || ten_owns(names(k), TEN_TOPIC, n->v.s, NULL) || (n->v.s.n == 0 && t->schema->key == KFK_API_FETCH) ||
		    (n->f->kind == KFK_KIND_RESOURCE_NAME && ten_owns(names(k), TEN_GROUP, n->v.s, NULL)));
		break;
	case KFK_KIND_GROUP_ID:
		MUST(n->v.is_null || ten_owns(names(k), TEN_GROUP, n->v.s, NULL));
		break;
	case KFK_KIND_TXN_ID:
		MUST(n->v.is_null || ten_owns(names(k), TEN_TXN, n->v.s, NULL));
		break;
	case KFK_KIND_COORDINATOR_KEY:
		MUST(ten_owns(names(k), ((const struct api_memo *)k->call.memo)->key_kind, n->v.s, NULL));
		break;
	case KFK_KIND_TOPIC_ID:
		MUST(!is_anothers(k, n->v.id));
		break;
	case KFK_KIND_SESSION_ID:	/* only what a broker gave */
		MUST(n->v.i == 0 || (k->session != 0 && n->v.i != k->session && (is_brokers(n->v.i) || !k->all_made)));
		break;
	case KFK_KIND_TOPIC_REGEX:
		if (!n->v.is_null && n->v.s.n > 0)
			upstream_pattern(k, n->v.s);
		break;
	case KFK_KIND_TXN_REGEX:
		MUST(n->v.is_null || n->v.s.n == 0);
		break;
	case KFK_KIND_SUBSCRIPTION:
	case KFK_KIND_ASSIGNMENT:
		upstream_embedded(k, t, n);
		break;
	case KFK_KIND_INTERNAL:
	case KFK_KIND_PRINCIPAL:
	case KFK_KIND_SECRET:
		MUST(false);
	}
}

/* A view of `out` without the header that it has where it is a whole frame. */
static void
body_of(struct talk *k, enum kfk_dir dir, struct alv_chain *body)
{
	struct kfk_req_header h = { .size = 0 };
	int32_t		      id;

	alv_chain_init(body, talk_world.worker.pool);
	for (const struct alv_piece *x = k->call.out.head; x != NULL; x = x->next)
		alv_chain_ref(body, x->block, x->p, x->n);
	if (!k->call.framed)
		return;
	alv_chain_drop(body, 4);
	if (dir == KFK_REQUEST)
		MUST(kfk_req_header_read(body, &k->arena, &h) == ALV_OK);
	else
		MUST(kfk_rsp_header_read(body, k->call.hdr.key, k->call.hdr.version, &id, &h.size) == ALV_OK);
	alv_chain_drop(body, h.size);
}

void
talk_look_upstream(struct talk *k)
{
	struct alv_chain body;

	body_of(k, KFK_REQUEST, &body);
	look(k, k->call.up_key, KFK_REQUEST, k->call.up_version, &body, upstream_field);	/* not always the client's api */
	alv_chain_clear(&body);
}

/* ---- downstream ---------------------------------------------------------------------------------------------------- */

/* Where a virtual name may have come from. */
static bool
known(struct talk *k, enum ten_kind kind, struct alv_str virt)
{
	struct alv_str phys;

	if (holds(all_of(&k->said), virt.p, virt.n))
		return true;
	if (k->conn.slot == NULL || ten_map(names(k), kind, virt, &k->arena, &phys))
		return false;
	return holds(all_of(&k->told), phys.p, phys.n) || alv_str_eq(phys, ALV_STR("acme.late")) ||
	    (kind == TEN_TOPIC && clu_topic_find(clu_board_load(talk_world.board), phys) != NULL) ||
	    (kind == TEN_GROUP && (alv_str_eq(phys, ALV_STR("acme.g")) || alv_str_eq(phys, ALV_STR("acme.taken")) ||
	    alv_str_eq(phys, ALV_STR("legacy.watched"))));
}

static enum alv_err
known_topic(void *arg, enum kfk_kind kind, struct alv_str in, struct alv_arena *a, struct alv_str *out)
{
	(void)a;
	MUST(kind == KFK_KIND_TOPIC_NAME && known(arg, TEN_TOPIC, in));
	*out = in;
	return ALV_OK;
}

/* A broker, as resources name it. */
static bool
is_number(struct alv_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static void
client_name(struct talk *k, const struct kfk_node *n)
{
	static const enum ten_kind kinds[] = { TEN_TOPIC, TEN_GROUP, TEN_TXN };
	unsigned		   may = n->f->kind == KFK_KIND_TOPIC_NAME ? 1 : n->f->kind == KFK_KIND_GROUP_ID ? 2 :
			  n->f->kind == KFK_KIND_TXN_ID ? 4 : 7;
	bool			   ok = n->v.is_null || (n->f->kind == KFK_KIND_RESOURCE_NAME && is_number(n->v.s));

	for (size_t i = 0; i < ALV_COUNT(kinds) && !ok; i++)
		ok = (may >> i & 1) != 0 && known(k, kinds[i], n->v.s);
	MUST(ok);
	/* No client says a name with the tenant's prefix, so none comes back. */
	if (k->made && !n->v.is_null)
		MUST(!alv_str_starts(n->v.s, ALV_STR("acme.")));
}

static void
client_embedded(struct talk *k, const struct kfk_tree *t, const struct kfk_node *n)
{
	struct alv_str in = kfk_node_bytes(t, n), out;
	bool	       theirs = t->schema->key == KFK_API_DESCRIBE_GROUPS && !k->consumer_group;	/* each group says its own */

	if (is_consumer(k) && !theirs && in.n > 0)
		MUST(kfk_embedded_map(embedded_schema(n), in, known_topic, k, &k->arena, &out) == ALV_OK);
}

/* Words without a dot pass: no name of others has none. */
static void
client_text(struct talk *k, struct alv_str text)
{
	static const struct alv_str others_own[] = { ALV_STR("globex." NEEDLE), ALV_STR("legacy." NEEDLE), ALV_STR("__" NEEDLE),
		ALV_STR("acme-2." NEEDLE), ALV_STR("real1." NEEDLE), ALV_STR("real2." NEEDLE) };

	for (size_t i = 0; i < ALV_COUNT(others_own); i++)
		MUST(!holds(text, others_own[i].p, others_own[i].n) || known(k, TEN_TOPIC, others_own[i]));
}

/* The tenant's own, or what the client said itself. */
static void
client_principal(struct talk *k, const struct kfk_node *n)
{
	if (n->f->type != KFK_STRING || n->v.is_null || n->v.s.n == 0)
		return;
	MUST(!holds(n->v.s, NEEDLE, strlen(NEEDLE)) || holds(all_of(&k->said), n->v.s.p, n->v.s.n));
}

static void
client_field(struct talk *k, const struct kfk_tree *t, const struct kfk_node *n)
{
	switch (n->f->kind) {
	case KFK_KIND_PROTOCOL:
		if (strcmp(n->f->name, "ProtocolType") == 0)
			k->consumer_group = alv_str_eqz(n->v.s, "consumer");
		break;
	case KFK_KIND_TOPIC_NAME:
	case KFK_KIND_GROUP_ID:
	case KFK_KIND_TXN_ID:
	case KFK_KIND_COORDINATOR_KEY:
	case KFK_KIND_RESOURCE_NAME:
		client_name(k, n);
		break;
	case KFK_KIND_TOPIC_ID:
		MUST(!is_anothers(k, n->v.id) || holds(all_of(&k->said), n->v.id.b, sizeof(n->v.id.b)));
		break;
	case KFK_KIND_SUBSCRIPTION:
	case KFK_KIND_ASSIGNMENT:
		client_embedded(k, t, n);
		break;
	case KFK_KIND_SESSION_ID:
		if (n->v.i != 0) {
			MUST(!is_brokers(n->v.i));
			k->session = (int32_t)n->v.i;
		}
		break;
	case KFK_KIND_CLUSTER_ID:
		MUST(n->v.s.n == 0 || alv_str_eqz(n->v.s, k->call.tenant->cluster_id));
		break;
	case KFK_KIND_HOST:
	case KFK_KIND_RACK:
	case KFK_KIND_CLIENT_HOST:
	case KFK_KIND_LOG_DIR:
	case KFK_KIND_TOPIC_REGEX:
		MUST(n->f->type != KFK_STRING || n->v.is_null || !holds(n->v.s, NEEDLE, strlen(NEEDLE)));
		break;
	case KFK_KIND_ERROR_TEXT:
		client_text(k, n->v.s);
		break;
	case KFK_KIND_PRINCIPAL:
		client_principal(k, n);
		break;
	case KFK_KIND_INTERNAL:
	case KFK_KIND_SECRET:
		MUST(n->f->type != KFK_STRING || n->v.is_null || n->v.s.n == 0);
		break;
	default:
		break;
	}
}

void
talk_look_gone(const struct alv_chain *c)
{
	uint8_t *flat = malloc(c->n + 1);

	MUST(flat != NULL && alv_chain_peek(c, 0, flat, c->n));
	MUST(memmem(flat, c->n, NEEDLE, strlen(NEEDLE)) == NULL);
	free(flat);
}

void
talk_look_answer(struct talk *k)
{
	struct alv_chain body;

	for (size_t i = 0; i < k->call.ncreate; i++)	/* what the gateway makes by itself, in this tenant's name */
		MUST(alv_str_starts(k->call.create[i].name, ALV_STR("acme.")));
	if (!k->raw_answer)
		talk_look_gone(&k->call.out);
	if (k->call.raw)
		return;
	if (k->call.hdr.key == KFK_API_API_VERSIONS && k->call.hdr.version > 5)
		return;	/* answered in version 0 */
	body_of(k, KFK_RESPONSE, &body);
	look(k, k->call.hdr.key, KFK_RESPONSE, k->call.hdr.version, &body, client_field);
	alv_chain_clear(&body);
}
