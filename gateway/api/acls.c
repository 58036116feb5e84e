/* DescribeAcls, CreateAcls, DeleteAcls: the tenant's own ACLs, in virtual names, as Kafka's authorizer has them.
 * Invariants: nothing goes upstream; of what is there only the snapshot of this tenant is looked at; what is changed, the
 * control thread changes, by the same rules as by REST (pol_rule_check). A number that stands for "unknown" (0) ends the connection, as
 * with a broker, which cannot read such a request. A request has POL_RULES_ALTER_MAX creations or filters at most, and long answers
 * are made in parts, so that one tenant's hold up nobody. */
#include "api/kit.h"

#include <alcove/acl.h>

/* What a turn tells of an answer: so many ACLs, or so many comparisons without one. */
enum { PART = 500, PART_COMPARISONS = 50000 };

static const struct alv_str no_authorizer = ALV_STR("No Authorizer is configured.");

/* 0: go on. 54: nobody decides here, so there is nothing that could be in force. */
static int16_t
judge(struct api_call *c, enum pol_op op, struct alv_str *text)
{
	*text = ALV_STR_NULL;
	if (!api_enforce_cluster(c, op)) {
		*text = alv_str_of(kfk_code_text(KFK_CLUSTER_AUTHORIZATION_FAILED));
		return KFK_CLUSTER_AUTHORIZATION_FAILED;
	}
	if (c->tenant->authorizer != POL_AUTHORIZER_NONE)
		return 0;
	*text = no_authorizer;
	return KFK_SECURITY_DISABLED;
}

/* ---- filters ------------------------------------------------------------------------------------------------ */

/* Where a filter is in a request. */
struct filter_fields {
	uint16_t resource, name, pattern, principal, host, op, permission;
};

static struct pol_filter
read_filter(const struct kfk_tree *q, const struct kfk_node *e, const struct filter_fields *f)
{
	return (struct pol_filter){ .resource = (int)kfk_get_int(q, e, f->resource), .pattern = (int)kfk_get_int(q, e, f->pattern),
		.op = (int)kfk_get_int(q, e, f->op), .permission = (int)kfk_get_int(q, e, f->permission),
		.name = kfk_get_str(q, e, f->name), .principal = kfk_get_str(q, e, f->principal), .host = kfk_get_str(q, e, f->host) };
}

static bool
is_zero(const struct pol_filter *f)
{
	return f->resource == 0 || f->pattern == 0 || f->op == 0 || f->permission == 0;
}

static bool
known_pattern(const struct pol_filter *f)
{
	return pol_word(POL_WORD_RESOURCE, f->resource) != NULL && pol_word(POL_WORD_PATTERN, f->pattern) != NULL;
}

static bool
known_entry(const struct pol_filter *f)
{
	return pol_word(POL_WORD_OPERATION, f->op) != NULL && pol_word(POL_WORD_PERMISSION, f->permission) != NULL;
}

/* ---- DescribeAcls --------------------------------------------------------------------------------------------- */

#define Q(f) KFK_DESCRIBE_ACLS_REQUEST_##f
#define R(f) KFK_DESCRIBE_ACLS_RESPONSE_##f

static const struct filter_fields describe_fields = { Q(RESOURCE_TYPE_FILTER), Q(RESOURCE_NAME_FILTER), Q(PATTERN_TYPE_FILTER),
	Q(PRINCIPAL_FILTER), Q(HOST_FILTER), Q(OPERATION), Q(PERMISSION_TYPE) };

/* One element for all on the same pattern: they lie side by side in the snapshot. */
static struct kfk_node *
pattern_of(struct kfk_tree *r, struct kfk_node *list, const struct pol_rule *last, const struct pol_rule *a, struct kfk_node *acls)
{
	struct kfk_node *e;

	if (last != NULL && last->resource == a->resource && last->pattern == a->pattern && alv_str_eq(last->name, a->name))
		return acls;
	e = kfk_add(r, list);
	kfk_set_int(r, e, R(RESOURCES_RESOURCE_TYPE), a->resource);
	kfk_set_str(r, e, R(RESOURCES_RESOURCE_NAME), a->name);
	kfk_set_int(r, e, R(RESOURCES_PATTERN_TYPE), a->pattern);
	return kfk_set_empty(r, e, R(RESOURCES_ACLS));
}

struct description {
	struct pol_filter filter;
	struct pol_rule	 *last;		/* the one that was told last, a copy; NULL: none was */
};

static int
order(const void *a, const void *b)
{
	return pol_rule_cmp(a, b);
}

static struct pol_rule *
copy_rule(struct api_call *c, const struct pol_rule *from)
{
	struct pol_rule *to = alv_arena_alloc(&c->arena, sizeof(*to));

	if (to == NULL)
		return NULL;
	*to = *from;
	to->name = alv_arena_str(&c->arena, from->name);
	to->principal = alv_arena_str(&c->arena, from->principal);
	to->host = alv_arena_str(&c->arena, from->host);
	return to;
}

/* A pattern with more than a part's ACLs is told several times, each time with others of them. */
static bool
describe(struct api_call *c, struct kfk_tree *r)
{
	struct description    *d = api_memo(c)->own;
	const struct pol_tenant *t = c->tenant;
	const struct pol_rule *told = NULL;
	struct kfk_node	      *acls = NULL, *e;
	struct api_part	       p;
	size_t		       n = 0, i = api_part_after(d->last, t->rules, t->nrules, sizeof(*t->rules), order);

	api_part_begin(c, &p, kfk_get(&r->root, R(RESOURCES)));
	for (; i < t->nrules && n < PART; i++) {
		const struct pol_rule *a = &t->rules[i];

		if (!pol_filter_fits(&d->filter, a))
			continue;
		acls = pattern_of(&p.tree, p.list, told, a, acls);
		e = kfk_add(&p.tree, acls);
		kfk_set_str(&p.tree, e, R(RESOURCES_ACLS_PRINCIPAL), a->principal);
		kfk_set_str(&p.tree, e, R(RESOURCES_ACLS_HOST), a->host);
		kfk_set_int(&p.tree, e, R(RESOURCES_ACLS_OPERATION), a->op);
		kfk_set_int(&p.tree, e, R(RESOURCES_ACLS_PERMISSION_TYPE), a->permission);
		told = a;
		n++;
	}
	api_part_end(c, &p);
	if (n < PART)
		return true;
	d->last = copy_rule(c, told);
	return d->last == NULL;		/* the answer fails by the arena */
}

enum api_result
api_describe_acls_request(struct api_call *c, struct kfk_tree *q)
{
	struct pol_filter   f = read_filter(q, &q->root, &describe_fields);
	struct description *d;
	struct alv_str	    text;
	struct kfk_tree	    r;
	int16_t		    code;

	if (is_zero(&f))
		return api_close(c, MET_CLOSE_FRAME_MALFORMED);
	code = judge(c, POL_OP_DESCRIBE, &text);
	api_answer_begin(c, &r);
	if (code != 0) {
		kfk_set_int(&r, &r.root, R(ERROR_CODE), code);
		kfk_set_str(&r, &r.root, R(ERROR_MESSAGE), text);
		api_note(c, code);
	}
	if (code != 0 || !known_pattern(&f) || !known_entry(&f))	/* nothing is of a kind that nobody knows */
		return api_answer(c, &r);
	kfk_set_empty(&r, &r.root, R(RESOURCES));
	api_memo(c)->own = d = alv_arena_alloc(&c->arena, sizeof(*d));
	if (d == NULL)
		return api_fail(c, ALV_E_LIMIT);
	d->filter = f;
	return api_answer_long(c, &r, describe);
}
#undef Q
#undef R

/* ---- CreateAcls: what is good is made, all of it or nothing; what is not has its error --------------------------- */
/* A broker cannot make an ACL of ANY or MATCH, and then makes none of the request's; nor do we. */

#define Q(f) KFK_CREATE_ACLS_REQUEST_##f
#define R(f) KFK_CREATE_ACLS_RESPONSE_##f

/* One creation, or one filter: where it stands. */
struct part {
	int16_t	       code;
	struct alv_str text;
	union {
		struct pol_rule	  rule;
		struct pol_filter filter;
	};
	struct kfk_node *gone;	/* of an answer: the list of what the filter deleted */
};

struct parts {
	size_t	    n, good;
	size_t	    at, next;	/* of an answer that tells what was deleted: the filter, and the ACL to be looked at next */
	struct part part[];
};

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

/* The same as judge, and whether there are too many of them. */
static int16_t
judge_parts(struct api_call *c, const struct parts *x, struct alv_str *text)
{
	int16_t code = judge(c, POL_OP_ALTER, text);

	if (code != 0 || x == NULL || x->n <= POL_RULES_ALTER_MAX)
		return code;
	*text = alv_arena_printf(&c->arena, "found %zu of them, expected %d at most in one request", x->n, POL_RULES_ALTER_MAX);
	return KFK_POLICY_VIOLATION;
}

/* The same for all that were good until now. */
static void
parts_end(struct api_call *c, size_t i, const struct con_change *ch)
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

static struct pol_rule
read_rule(const struct kfk_tree *q, const struct kfk_node *e)
{
	return (struct pol_rule){ .resource = (enum pol_resource)kfk_get_int(q, e, Q(CREATIONS_RESOURCE_TYPE)),
		.pattern = (enum pol_pattern)kfk_get_int(q, e, Q(CREATIONS_RESOURCE_PATTERN_TYPE)),
		.op = (enum pol_op)kfk_get_int(q, e, Q(CREATIONS_OPERATION)),
		.permission = (enum pol_permission)kfk_get_int(q, e, Q(CREATIONS_PERMISSION_TYPE)),
		.name = kfk_get_str(q, e, Q(CREATIONS_RESOURCE_NAME)), .principal = kfk_get_str(q, e, Q(CREATIONS_PRINCIPAL)),
		.host = kfk_get_str(q, e, Q(CREATIONS_HOST)) };
}

static bool
for_filters(const struct pol_rule *r)
{
	return (int)r->resource == POL_ANY || (int)r->pattern == POL_ANY || (int)r->pattern == POL_PATTERN_MATCH || (int)r->op == POL_ANY ||
	    (int)r->permission == POL_ANY;
}

static void
refuse_all(struct parts *x)
{
	for (size_t i = 0; i < x->n; i++) {
		x->part[i].code = KFK_INVALID_REQUEST;
		x->part[i].text = ALV_STR("ANY and MATCH are for filters: no ACL of this request was made");
	}
	x->good = 0;
}

static void
judge_creation(struct api_call *c, struct part *p)
{
	const char *field, *expected;

	if (pol_rule_check(&p->rule, &field, &expected) == ALV_OK)
		return;
	p->code = KFK_INVALID_REQUEST;
	p->text = p->rule.resource == POL_CLUSTER && !alv_str_eqz(p->rule.name, "kafka-cluster") ?
	    ALV_STR("The only valid name for the CLUSTER resource is kafka-cluster") :
	    alv_arena_printf(&c->arena, "Invalid %s: expected %s", field, expected);
}

static bool
begin_create(struct api_call *c, size_t i, struct con_change *ch)
{
	struct parts *x = api_memo(c)->own;

	(void)i;
	if (x->good == 0)
		return false;
	ch->op = CON_ACL_CREATE;
	ch->rules = pol_rules_new();
	if (ch->rules == NULL)
		c->arena.failed = true;
	for (size_t k = 0; !c->arena.failed && k < x->n; k++)
		if (x->part[k].code == 0 && pol_rules_add(ch->rules, &x->part[k].rule))
			c->arena.failed = true;
	return true;
}

static enum api_result
answer_create(struct api_call *c)
{
	const struct parts *x = api_memo(c)->own;
	struct kfk_tree	    r;
	struct kfk_node	   *list;

	api_answer_begin(c, &r);
	list = kfk_set_empty(&r, &r.root, R(RESULTS));
	for (size_t i = 0; i < x->n; i++) {
		struct kfk_node *e = kfk_add(&r, list);

		if (x->part[i].code == 0)
			continue;
		kfk_set_int(&r, e, R(RESULTS_ERROR_CODE), x->part[i].code);
		kfk_set_str(&r, e, R(RESULTS_ERROR_MESSAGE), x->part[i].text);
		api_note(c, x->part[i].code);
	}
	return api_answer(c, &r);
}

enum api_result
api_create_acls_request(struct api_call *c, struct kfk_tree *q)
{
	static const struct api_changes changes = { .n = 1, .begin = begin_create, .end = parts_end, .answer = answer_create };
	const struct kfk_node *list = kfk_get(&q->root, Q(CREATIONS));
	struct parts	      *x = parts_new(c, list);
	struct alv_str	       text;
	int16_t		       code = judge_parts(c, x, &text);
	bool		       impossible = false;
	size_t		       i = 0;

	if (x == NULL)
		return api_fail(c, ALV_E_LIMIT);
	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next, i++) {
		struct part *p = &x->part[i];

		*p = (struct part){ .code = code, .text = text, .rule = read_rule(q, e) };
		impossible = impossible || for_filters(&p->rule);
		if (p->rule.resource == 0 || p->rule.pattern == 0 || p->rule.op == 0 || p->rule.permission == 0)
			return api_close(c, MET_CLOSE_FRAME_MALFORMED);
		if (code == 0)
			judge_creation(c, p);
		x->good += p->code == 0;
	}
	if (code == 0 && impossible)
		refuse_all(x);
	return c->arena.failed ? api_fail(c, ALV_E_LIMIT) : api_change(c, &changes);
}
#undef Q
#undef R

/* ---- DeleteAcls: what any filter fits is deleted at once, and each filter is told what it fitted -------------------- */

#define Q(f) KFK_DELETE_ACLS_REQUEST_##f
#define R(f) KFK_DELETE_ACLS_RESPONSE_##f

static const struct filter_fields delete_fields = { Q(FILTERS_RESOURCE_TYPE_FILTER), Q(FILTERS_RESOURCE_NAME_FILTER),
	Q(FILTERS_PATTERN_TYPE_FILTER), Q(FILTERS_PRINCIPAL_FILTER), Q(FILTERS_HOST_FILTER), Q(FILTERS_OPERATION),
	Q(FILTERS_PERMISSION_TYPE) };

static void
judge_filter(struct part *p)
{
	if (!known_pattern(&p->filter))
		p->text = ALV_STR("Unknown patternFilter.");
	else if (!known_entry(&p->filter))
		p->text = ALV_STR("Unknown entryFilter.");
	else
		return;
	p->code = KFK_INVALID_REQUEST;
}

static bool
begin_delete(struct api_call *c, size_t i, struct con_change *ch)
{
	struct parts	  *x = api_memo(c)->own;
	struct pol_filter *f;

	(void)i;
	if (x->good == 0)
		return false;
	f = alv_arena_alloc(&c->arena, x->good * sizeof(*f));
	ch->op = CON_ACL_DELETE;
	ch->rules = pol_rules_new();
	if (ch->rules == NULL || f == NULL) {
		c->arena.failed = true;
		return true;
	}
	for (size_t k = 0; k < x->n; k++)
		if (x->part[k].code == 0)
			f[ch->nfilters++] = x->part[k].filter;
	ch->filters = f;
	return true;
}

static void
put_gone(struct kfk_tree *r, struct kfk_node *list, const struct pol_rule *a)
{
	struct kfk_node *e = kfk_add(r, list);

	kfk_set_null(r, e, R(FILTER_RESULTS_MATCHING_ACLS_ERROR_MESSAGE));
	kfk_set_int(r, e, R(FILTER_RESULTS_MATCHING_ACLS_RESOURCE_TYPE), a->resource);
	kfk_set_str(r, e, R(FILTER_RESULTS_MATCHING_ACLS_RESOURCE_NAME), a->name);
	kfk_set_int(r, e, R(FILTER_RESULTS_MATCHING_ACLS_PATTERN_TYPE), a->pattern);
	kfk_set_str(r, e, R(FILTER_RESULTS_MATCHING_ACLS_PRINCIPAL), a->principal);
	kfk_set_str(r, e, R(FILTER_RESULTS_MATCHING_ACLS_HOST), a->host);
	kfk_set_int(r, e, R(FILTER_RESULTS_MATCHING_ACLS_OPERATION), a->op);
	kfk_set_int(r, e, R(FILTER_RESULTS_MATCHING_ACLS_PERMISSION_TYPE), a->permission);
}

/* What one filter deleted, as long as `left` lasts: an ACL that is told takes as much of it as many that are not. */
static void
tell_gone(struct api_call *c, struct parts *x, const struct pol_rules *gone, size_t *left)
{
	const struct part *f = &x->part[x->at];
	struct api_part	   p;

	api_part_begin(c, &p, f->gone);
	for (; x->next < gone->n && *left > 0; x->next++) {
		bool   fits = pol_filter_fits(&f->filter, &gone->rule[x->next]);
		size_t cost = fits ? PART_COMPARISONS / PART : 1;

		if (fits)
			put_gone(&p.tree, p.list, &gone->rule[x->next]);
		*left -= *left < cost ? *left : cost;
	}
	api_part_end(c, &p);
}

static bool
tell_all_gone(struct api_call *c, struct kfk_tree *r)
{
	struct parts	       *x = api_memo(c)->own;
	const struct pol_rules *gone = c->change == NULL ? NULL : c->change->rules;
	size_t			left = PART_COMPARISONS;

	(void)r;
	for (; gone != NULL && x->at < x->n; x->at++, x->next = 0) {
		if (x->part[x->at].code != 0)
			continue;
		tell_gone(c, x, gone, &left);
		if (x->next < gone->n)
			return false;
	}
	return true;
}

static enum api_result
answer_delete(struct api_call *c)
{
	struct parts	*x = api_memo(c)->own;
	struct kfk_tree	 r;
	struct kfk_node *list;

	api_answer_begin(c, &r);
	list = kfk_set_empty(&r, &r.root, R(FILTER_RESULTS));
	for (size_t i = 0; i < x->n; i++) {
		struct part	*p = &x->part[i];
		struct kfk_node *e = kfk_add(&r, list);

		p->gone = kfk_set_empty(&r, e, R(FILTER_RESULTS_MATCHING_ACLS));
		kfk_set_int(&r, e, R(FILTER_RESULTS_ERROR_CODE), p->code);
		kfk_set_str(&r, e, R(FILTER_RESULTS_ERROR_MESSAGE), p->text);
		api_note(c, p->code);
	}
	return api_answer_long(c, &r, tell_all_gone);
}

enum api_result
api_delete_acls_request(struct api_call *c, struct kfk_tree *q)
{
	static const struct api_changes changes = { .n = 1, .begin = begin_delete, .end = parts_end, .answer = answer_delete };
	const struct kfk_node *list = kfk_get(&q->root, Q(FILTERS));
	struct parts	      *x = parts_new(c, list);
	struct alv_str	       text;
	int16_t		       code = judge_parts(c, x, &text);
	size_t		       i = 0;

	if (x == NULL)
		return api_fail(c, ALV_E_LIMIT);
	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next, i++) {
		struct part *p = &x->part[i];

		*p = (struct part){ .code = code, .text = text, .filter = read_filter(q, e, &delete_fields) };
		if (is_zero(&p->filter))
			return api_close(c, MET_CLOSE_FRAME_MALFORMED);
		if (code == 0)
			judge_filter(p);
		x->good += p->code == 0;
	}
	return c->arena.failed ? api_fail(c, ALV_E_LIMIT) : api_change(c, &changes);
}
