/* DescribeClientQuotas, AlterClientQuotas: the tenant's own quotas of users, client ids and addresses, as Kafka's tools set them.
 * Invariants: nothing goes upstream; of what is there only the snapshot of this tenant is looked at, and of that never what is the
 * platform's: the tenant's own limits, groups'. What is altered, the control thread alters, by the same rules as by REST; what
 * nothing enforces has its error, and is not stored.
 *
 * A number is one for the whole virtual cluster, in Kafka one for each broker: with quota.native.scale per-broker the numbers
 * here are for each broker, and multiplied or divided by how many there are. */
#include "api/kit.h"

#include <alcove/check.h>
#include <alcove/quota_list.h>

#include <stdlib.h>

enum { USER, CLIENT_ID, IP, TYPES };
static const char *const type_names[TYPES] = { "user", "client-id", "ip" };

/* TYPES: there is no such type. */
static int
type_of(struct alv_str name)
{
	int t = 0;

	while (t < TYPES && !alv_str_eqz(name, type_names[t]))
		t++;
	return t;
}

/* Limits that brokers keep each for itself. */
static bool
of_each_broker(int key)
{
	return key == POL_QUOTA_PRODUCER_BYTE_RATE || key == POL_QUOTA_CONSUMER_BYTE_RATE || key == POL_QUOTA_REQUEST_PERCENTAGE ||
	    key == POL_QUOTA_CONNECTION_CREATION_RATE;
}

/* What one of the client's numbers is here; 0: how many brokers there are is not known. */
static double
scale_of(const struct api_call *c)
{
	const struct clu_view *v = clu_board_load(c->conn->w->shared->board);

	if (c->conn->w->shared->conf->quota.native_scale == POL_SCALE_CLUSTER)
		return 1;
	return v == NULL ? 0 : (double)v->nbrokers;
}

/* Why nobody's request is looked at: who asks may not, or numbers cannot be read. */
static int16_t
judge(struct api_call *c, enum pol_op op, double scale, struct alv_str *text)
{
	if (!api_enforce_cluster(c, op)) {
		*text = alv_str_of(kfk_code_text(KFK_CLUSTER_AUTHORIZATION_FAILED));
		return KFK_CLUSTER_AUTHORIZATION_FAILED;
	}
	*text = ALV_STR("How many brokers there are is not known yet, and numbers are for each (quota.native.scale)");
	return scale == 0 ? KFK_REQUEST_TIMED_OUT : 0;
}

/* ---- DescribeClientQuotas ------------------------------------------------------------------------------------- */

#define Q(f) KFK_DESCRIBE_CLIENT_QUOTAS_REQUEST_##f
#define R(f) KFK_DESCRIBE_CLIENT_QUOTAS_RESPONSE_##f

enum { MATCH_EXACT, MATCH_DEFAULT, MATCH_SPECIFIED };
enum { PART = 300 };	/* entities that a turn looks at */

struct asked {
	struct pol_quota_filter filter;
	bool			seen[TYPES];
	int16_t			code;
	struct alv_str		text;
	double			scale;
	struct pol_quota	last;	/* that was told, a copy; set 0: none was */
};

static void
wrong(struct asked *a, int16_t code, struct alv_str text)
{
	if (a->code != 0)
		return;
	a->code = code;
	a->text = text;
}

static void
read_match(struct asked *a, struct alv_arena *arena, int type, int64_t how, struct alv_str match)
{
	static const enum pol_quota_fit fits[] = { POL_QUOTA_FIT_NAME, POL_QUOTA_FIT_DEFAULT, POL_QUOTA_FIT_SOME };
	int part = type == CLIENT_ID;

	if (how == MATCH_EXACT && match.p == NULL)
		wrong(a, KFK_INVALID_REQUEST, ALV_STR("Request specified MATCH_TYPE_EXACT, but set match string to null."));
	else if (how == MATCH_DEFAULT && match.p != NULL)
		wrong(a, KFK_INVALID_REQUEST, ALV_STR("Request specified MATCH_TYPE_DEFAULT, but also specified a match string."));
	else if (how == MATCH_SPECIFIED && match.p != NULL)
		wrong(a, KFK_INVALID_REQUEST, ALV_STR("Request specified MATCH_TYPE_SPECIFIED, but also specified a match string."));
	else if (how < MATCH_EXACT || how > MATCH_SPECIFIED)
		wrong(a, KFK_INVALID_REQUEST, alv_arena_printf(arena, "Unknown match type %d", (int)how));
	else {
		a->filter.part[part].fit = fits[how];
		a->filter.part[part].name = match;
	}
}

static void
read_component(struct asked *a, struct alv_arena *arena, const struct kfk_tree *q, const struct kfk_node *e)
{
	struct alv_str name = kfk_get_str(q, e, Q(COMPONENTS_ENTITY_TYPE));
	int	       type = type_of(name);

	if (name.n == 0)
		wrong(a, KFK_INVALID_REQUEST, ALV_STR("Invalid empty entity type."));
	else if (type == TYPES)
		wrong(a, KFK_UNSUPPORTED_VERSION, alv_arena_printf(arena, "Unsupported entity type %.*s", name.n < 100 ? (int)name.n : 100, name.p));
	else if (a->seen[type])
		wrong(a, KFK_INVALID_REQUEST, alv_arena_printf(arena, "Entity type %s cannot appear more than once in the filter.", type_names[type]));
	if (a->code != 0)
		return;
	a->seen[type] = true;
	read_match(a, arena, type, kfk_get_int(q, e, Q(COMPONENTS_MATCH_TYPE)), kfk_get_str(q, e, Q(COMPONENTS_MATCH)));
}

/* What no component names may be anything, or with `strict` must not be there. */
static void
read_filter(struct asked *a, struct alv_arena *arena, const struct kfk_tree *q)
{
	const struct kfk_node *list = kfk_get(&q->root, Q(COMPONENTS));
	bool		       strict = kfk_get_int(q, &q->root, Q(STRICT)) != 0, client;

	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL && a->code == 0; e = e->next)
		read_component(a, arena, q, e);
	client = a->seen[USER] || a->seen[CLIENT_ID];
	if (a->seen[IP] && client)
		wrong(a, KFK_INVALID_REQUEST, ALV_STR("Invalid entity filter component combination. IP filter component should not be used with "
		    "user or clientId filter component."));
	a->filter.kinds = a->seen[IP] ? 1u << POL_QUOTA_OF_ADDRESS : client ? 1u << POL_QUOTA_OF_CLIENT : strict ? 0 :
	    1u << POL_QUOTA_OF_CLIENT | 1u << POL_QUOTA_OF_ADDRESS;
	for (int part = 0; strict && client && part < 2; part++)
		if (!a->seen[part])
			a->filter.part[part].fit = POL_QUOTA_FIT_NONE;
}

static void
put_entity(struct kfk_tree *r, struct kfk_node *entry, const struct pol_quota_entity *e)
{
	struct kfk_node *list = kfk_set_empty(r, entry, R(ENTRIES_ENTITY));

	for (int i = 0; i < 2; i++) {
		struct kfk_node *part;

		if (e->part[i].match == POL_QUOTA_NO_PART)
			continue;
		part = kfk_add(r, list);
		kfk_set_str(r, part, R(ENTRIES_ENTITY_ENTITY_TYPE), alv_str_of(type_names[e->kind == POL_QUOTA_OF_ADDRESS ? IP : i]));
		if (e->part[i].match == POL_QUOTA_NAMED)
			kfk_set_str(r, part, R(ENTRIES_ENTITY_ENTITY_NAME), e->part[i].name);
		else
			kfk_set_null(r, part, R(ENTRIES_ENTITY_ENTITY_NAME));
	}
}

static void
put_quota(struct kfk_tree *r, struct kfk_node *entry, const struct pol_quota *q, double scale)
{
	struct kfk_node *list;

	put_entity(r, entry, &q->entity);
	list = kfk_set_empty(r, entry, R(ENTRIES_VALUES));
	for (int k = 0; k < POL_QUOTA_KEYS; k++) {
		struct kfk_node *e;

		if ((q->set & 1u << k) == 0)
			continue;
		e = kfk_add(r, list);
		kfk_set_str(r, e, R(ENTRIES_VALUES_KEY), alv_str_of(pol_quota_info((enum pol_quota_key)k)->name));
		kfk_set_float(r, e, R(ENTRIES_VALUES_VALUE), of_each_broker(k) ? q->value[k] / scale : q->value[k]);
	}
}

static int
order_quotas(const void *a, const void *b)
{
	return pol_quota_entity_cmp(&((const struct pol_quota *)a)->entity, &((const struct pol_quota *)b)->entity);
}

/* From the one on that is behind the last one told. */
static bool
describe(struct api_call *c, struct kfk_tree *r)
{
	struct asked		*a = api_memo(c)->own;
	const struct pol_tenant *t = c->tenant;
	const struct pol_quota	*last = a->last.set == 0 ? NULL : &a->last;
	struct api_part		 p;
	size_t			 i = api_part_after(last, t->quotas, t->nquotas, sizeof(*t->quotas), order_quotas), end = i + PART;

	api_part_begin(c, &p, kfk_get(&r->root, R(ENTRIES)));
	for (; i < t->nquotas && i < end; i++)
		if (pol_quota_filter_fits(&a->filter, &t->quotas[i]))
			put_quota(&p.tree, kfk_add(&p.tree, p.list), &t->quotas[i], a->scale);
	api_part_end(c, &p);
	if (i < end)
		return true;
	a->last = t->quotas[i - 1];
	for (int k = 0; k < 2; k++)
		a->last.entity.part[k].name = alv_arena_str(&c->arena, a->last.entity.part[k].name);
	return c->arena.failed;		/* then the answer fails */
}

enum api_result
api_describe_client_quotas_request(struct api_call *c, struct kfk_tree *q)
{
	struct asked   *a = alv_arena_alloc(&c->arena, sizeof(*a));
	struct kfk_tree r;

	if (a == NULL)
		return api_fail(c, ALV_E_LIMIT);
	api_memo(c)->own = a;
	a->scale = scale_of(c);
	a->code = judge(c, POL_OP_DESCRIBE_CONFIGS, a->scale, &a->text);
	if (a->code == 0)
		read_filter(a, &c->arena, q);
	api_answer_begin(c, &r);
	if (a->code != 0) {
		kfk_set_int(&r, &r.root, R(ERROR_CODE), a->code);
		kfk_set_str(&r, &r.root, R(ERROR_MESSAGE), a->text);
		kfk_set_null(&r, &r.root, R(ENTRIES));
		api_note(c, a->code);
		return api_answer(c, &r);
	}
	kfk_set_null(&r, &r.root, R(ERROR_MESSAGE));
	kfk_set_empty(&r, &r.root, R(ENTRIES));
	return api_answer_long(c, &r, describe);
}
#undef Q
#undef R

/* ---- AlterClientQuotas: what is good is altered, all of it or nothing; what is not has its error ------------------ */

#define Q(f) KFK_ALTER_CLIENT_QUOTAS_REQUEST_##f
#define R(f) KFK_ALTER_CLIENT_QUOTAS_RESPONSE_##f

struct component {
	struct alv_str type, name;
};

struct part {
	struct component      *entity;	/* as it was asked for */
	size_t		       nentity;
	bool		       read, again;	/* it is an entity; one that came before */
	int16_t		       code;
	struct alv_str	       text;
	struct pol_quota_alter alter;
};

struct parts {
	size_t	    n, good;	/* good: to be altered */
	struct part part[];
};

static void
refuse(struct part *p, struct alv_str text)
{
	if (p->code != 0)
		return;
	p->code = KFK_INVALID_REQUEST;
	p->text = text;
}

static void
copy_entity(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *list, struct part *p)
{
	size_t i = 0;

	p->nentity = list == NULL ? 0 : list->n;
	p->entity = alv_arena_alloc(&c->arena, (p->nentity + 1) * sizeof(*p->entity));
	if (p->entity == NULL) {
		p->nentity = 0;
		return;
	}
	for (const struct kfk_node *n = list == NULL ? NULL : list->kids; n != NULL; n = n->next)
		p->entity[i++] = (struct component){ kfk_get_str(q, n, Q(ENTRIES_ENTITY_ENTITY_TYPE)), kfk_get_str(q, n, Q(ENTRIES_ENTITY_ENTITY_NAME)) };
}

/* A type that is there twice is, as in Kafka, the later one. */
static void
read_entity(struct api_call *c, struct part *p)
{
	struct pol_quota_entity *e = &p->alter.quota.entity;
	bool			 seen[TYPES] = { false };

	for (size_t i = 0; i < p->nentity; i++) {
		struct alv_str type = p->entity[i].type, name = p->entity[i].name;
		int	       t = type_of(type);

		if (t == TYPES) {
			refuse(p, alv_arena_printf(&c->arena, "Unhandled client quota entity type: %.*s", type.n < 100 ? (int)type.n : 100, type.p));
			return;
		}
		if (name.p != NULL && name.n == 0)
			refuse(p, alv_arena_printf(&c->arena, "Empty %s not supported", type_names[t]));
		seen[t] = true;
		e->part[t == CLIENT_ID] = (struct pol_quota_part){ name.p == NULL ? POL_QUOTA_DEFAULT : POL_QUOTA_NAMED, name };
	}
	if (seen[IP] && (seen[USER] || seen[CLIENT_ID]))
		refuse(p, ALV_STR("Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId"));
	else if (p->nentity == 0)
		refuse(p, ALV_STR("Invalid empty client quota entity"));
	e->kind = seen[IP] ? POL_QUOTA_OF_ADDRESS : POL_QUOTA_OF_CLIENT;
}

/* What is none of these entities' limits is no key of theirs, as with a broker. */
static bool
is_key_of(const struct part *p, enum pol_quota_key key)
{
	return key != POL_QUOTA_KEYS && (pol_quota_info(key)->on & 1u << p->alter.quota.entity.kind) != 0;
}

static void
read_op(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *n, double scale, struct part *p)
{
	struct alv_str	   name = kfk_get_str(q, n, Q(ENTRIES_OPS_KEY));
	double		   value = kfk_get_float(q, n, Q(ENTRIES_OPS_VALUE));
	enum pol_quota_key key = pol_quota_key_of(name);
	bool		   remove = kfk_get_int(q, n, Q(ENTRIES_OPS_REMOVE)) != 0;
	const char	  *expected;

	if (!is_key_of(p, key)) {
		if (!remove)
			refuse(p, alv_arena_printf(&c->arena, "Invalid configuration key %.*s", name.n < 100 ? (int)name.n : 100, name.p));
		return;
	}
	if (((p->alter.quota.set | p->alter.unset) & 1u << key) != 0)
		refuse(p, alv_arena_printf(&c->arena, "Duplicate quota key %s", pol_quota_info(key)->name));
	if (remove) {
		p->alter.unset |= 1u << key;
		return;
	}
	value = of_each_broker(key) ? value * scale : value;
	if (!(value > 0))
		refuse(p, alv_arena_printf(&c->arena, "Quota %s must be greater than 0", pol_quota_info(key)->name));
	else if (pol_quota_value_check(p->alter.quota.entity.kind, key, value, NULL, &expected))
		refuse(p, alv_arena_printf(&c->arena, "%s: expected %s", pol_quota_info(key)->name, expected));
	p->alter.quota.set |= 1u << key;
	p->alter.quota.value[key] = value;
}

static void
read_part(struct api_call *c, const struct kfk_tree *q, const struct kfk_node *n, double scale, struct part *p)
{
	const struct kfk_node *ops = kfk_get(n, Q(ENTRIES_OPS));
	const char	      *expected;

	copy_entity(c, q, kfk_get(n, Q(ENTRIES_ENTITY)), p);
	if (p->code != 0)
		return;
	read_entity(c, p);
	p->read = p->code == 0;
	if (p->code == 0 && pol_quota_entity_check(&p->alter.quota.entity, &expected))
		refuse(p, alv_arena_printf(&c->arena, "Invalid client quota entity: expected %s", expected));
	for (n = ops == NULL ? NULL : ops->kids; n != NULL && p->code == 0; n = n->next)
		read_op(c, q, n, scale, p);
}

static int
order(const void *a, const void *b)
{
	const struct part *x = *(const struct part *const *)a, *y = *(const struct part *const *)b;
	int		   r = pol_quota_entity_cmp(&x->alter.quota.entity, &y->alter.quota.entity);

	return r != 0 ? r : (x > y) - (x < y);
}

/* An entity that is there again: none of it is altered, and it is told once. */
static void
refuse_twins(struct api_call *c, struct parts *x)
{
	struct part **all = alv_arena_alloc(&c->arena, (x->n + 1) * sizeof(struct part *));
	size_t	      n = 0;

	for (size_t i = 0; all != NULL && i < x->n; i++)
		if (x->part[i].read)
			all[n++] = &x->part[i];
	if (n > 0)
		qsort(all, n, sizeof(struct part *), order);
	for (size_t first = 0, i = 1; i < n; i++) {
		if (pol_quota_entity_cmp(&all[first]->alter.quota.entity, &all[i]->alter.quota.entity) != 0) {
			first = i;
			continue;
		}
		refuse(all[first], ALV_STR("Duplicate client quota entity in the request"));
		refuse(all[i], ALV_STR_NULL);
		all[i]->again = true;
	}
}

static bool
begin_alter(struct api_call *c, size_t i, struct con_change *ch)
{
	const struct parts *x = api_memo(c)->own;

	(void)i;
	if (x->good == 0)
		return false;
	ch->op = CON_QUOTA_ALTER;
	ch->quotas = pol_quota_list_new();
	if (ch->quotas == NULL)
		c->arena.failed = true;
	for (size_t k = 0; !c->arena.failed && k < x->n; k++)
		if (x->part[k].code == 0 && pol_quota_list_add(ch->quotas, &x->part[k].alter))
			c->arena.failed = true;
	return true;
}

static void
end_alter(struct api_call *c, size_t i, const struct con_change *ch)
{
	struct parts  *x = api_memo(c)->own;
	int16_t	       code = api_change_code(ch);
	struct alv_str text = api_change_text(c, ch);

	(void)i;
	for (size_t k = 0; code != 0 && k < x->n; k++)
		if (x->part[k].code == 0) {
			x->part[k].code = code;
			x->part[k].text = text;
		}
}

static void
put_part(struct kfk_tree *r, struct kfk_node *e, const struct part *p)
{
	struct kfk_node *list = kfk_set_empty(r, e, R(ENTRIES_ENTITY));

	kfk_set_int(r, e, R(ENTRIES_ERROR_CODE), p->code);
	if (p->code != 0)
		kfk_set_str(r, e, R(ENTRIES_ERROR_MESSAGE), p->text);
	else
		kfk_set_null(r, e, R(ENTRIES_ERROR_MESSAGE));
	for (size_t i = 0; i < p->nentity; i++) {
		struct kfk_node *n = kfk_add(r, list);

		kfk_set_str(r, n, R(ENTRIES_ENTITY_ENTITY_TYPE), p->entity[i].type);
		kfk_set_str(r, n, R(ENTRIES_ENTITY_ENTITY_NAME), p->entity[i].name);
	}
}

static enum api_result
answer_alter(struct api_call *c)
{
	const struct parts *x = api_memo(c)->own;
	struct kfk_tree	    r;
	struct kfk_node	   *list;

	api_answer_begin(c, &r);
	list = kfk_set_empty(&r, &r.root, R(ENTRIES));
	for (size_t i = 0; i < x->n; i++) {
		if (x->part[i].again)
			continue;
		put_part(&r, kfk_add(&r, list), &x->part[i]);
		api_note(c, x->part[i].code);
	}
	return api_answer(c, &r);
}

static struct parts *
parts_new(struct api_call *c, const struct kfk_node *list)
{
	size_t	      n = list == NULL ? 0 : list->n;
	struct parts *x = alv_arena_alloc(&c->arena, sizeof(*x) + n * sizeof(x->part[0]));

	if (x != NULL)
		*x = (struct parts){ .n = n };
	api_memo(c)->own = x;
	return x;
}

enum api_result
api_alter_client_quotas_request(struct api_call *c, struct kfk_tree *q)
{
	static const struct api_changes changes = { .n = 1, .begin = begin_alter, .end = end_alter, .answer = answer_alter };
	const struct kfk_node *list = kfk_get(&q->root, Q(ENTRIES));
	struct parts	      *x = parts_new(c, list);
	double		       scale = scale_of(c);
	struct alv_str	       text;
	int16_t		       code = judge(c, POL_OP_ALTER_CONFIGS, scale, &text);
	size_t		       i = 0;

	if (x == NULL)
		return api_fail(c, ALV_E_LIMIT);
	if (code == 0 && x->n > POL_QUOTA_ALTER_MAX) {
		code = KFK_INVALID_REQUEST;
		text = alv_arena_printf(&c->arena, "found %zu entities, expected %d at most at once", x->n, POL_QUOTA_ALTER_MAX);
	}
	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL && !c->arena.failed; e = e->next, i++) {
		x->part[i] = (struct part){ .code = code, .text = text };
		read_part(c, q, e, scale, &x->part[i]);
	}
	if (c->arena.failed)
		return api_fail(c, ALV_E_LIMIT);
	refuse_twins(c, x);
	for (i = 0; i < x->n; i++)
		x->good += x->part[i].code == 0;
	if (kfk_get_int(q, &q->root, Q(VALIDATE_ONLY)) != 0)
		x->good = 0;
	return c->arena.failed ? api_fail(c, ALV_E_LIMIT) : api_change(c, &changes);
}
#undef Q
#undef R
