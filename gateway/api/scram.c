/* DescribeUserScramCredentials, AlterUserScramCredentials: the tenant's own users, by their own names.
 * Invariants: nothing goes upstream, where a SCRAM user would be a login at the physical cluster; what is changed, the control thread
 * changes, by the same rules as by REST. Each user of a request has one outcome, as Kafka's controller gives: whoever is named twice
 * has none of it done, whatever the mechanisms. Over a connection without TLS it works, as with Kafka. */
#include "api/kit.h"

#include <alcove/authn.h>
#include <alcove/credential.h>
#include <alcove/str.h>

#include <stdlib.h>

/* As Kafka numbers them (ScramMechanism). */
enum { KAFKA_SHA_256 = 1, KAFKA_SHA_512 = 2, KAFKA_ITERATIONS_MAX = 16384 };

enum { NAMES_MAX = POL_USERS_ALTER_MAX, PART = 500 };	/* PART: users that a turn tells of an answer */
static const struct alv_str too_many = ALV_STR("One request may name 1000 users at most");

static int64_t
number_of(enum pol_mechanism m)
{
	return m == POL_SCRAM_SHA_256 ? KAFKA_SHA_256 : KAFKA_SHA_512;
}

/* Names of a request, sorted: who is there twice? Null: out of memory. */
struct names {
	size_t		n;
	struct alv_str *name;
};

static int
order(const void *a, const void *b)
{
	return alv_str_cmp(*(const struct alv_str *)a, *(const struct alv_str *)b);
}

/* Where the first of this name is; it is there. All may have one name, so nobody walks back to it. */
static size_t
place_of(const struct names *all, struct alv_str name)
{
	size_t lo = 0, hi = all->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (alv_str_cmp(all->name[mid], name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool
twice(const struct names *all, struct alv_str name)
{
	size_t at = place_of(all, name);

	return at + 1 < all->n && alv_str_eq(all->name[at + 1], name);
}

static void
add_names(const struct kfk_tree *q, const struct kfk_node *list, uint16_t field, struct names *all)
{
	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next)
		all->name[all->n++] = kfk_get_str(q, e, field);
}

/* ---- DescribeUserScramCredentials ------------------------------------------------------------------------------ */

#define Q(f) KFK_DESCRIBE_USER_SCRAM_CREDENTIALS_REQUEST_##f
#define R(f) KFK_DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_##f

static bool
has_any(const struct pol_user *u)
{
	bool any = false;

	for (int m = 0; u != NULL && m < POL_MECHANISMS; m++)
		any |= u->scram[m].present;
	return any;
}

static struct kfk_node *
tell_user(struct kfk_tree *r, struct kfk_node *list, struct alv_str name)
{
	struct kfk_node *e = kfk_add(r, list);

	kfk_set_str(r, e, R(RESULTS_USER), name);
	return e;
}

static void
tell_credentials(struct kfk_tree *r, struct kfk_node *list, const struct pol_user *u)
{
	struct kfk_node *infos = kfk_set_empty(r, tell_user(r, list, u->name), R(RESULTS_CREDENTIAL_INFOS)), *e;

	for (int m = 0; m < POL_MECHANISMS; m++) {
		if (!u->scram[m].present)
			continue;
		e = kfk_add(r, infos);
		kfk_set_int(r, e, R(RESULTS_CREDENTIAL_INFOS_MECHANISM), number_of((enum pol_mechanism)m));
		kfk_set_int(r, e, R(RESULTS_CREDENTIAL_INFOS_ITERATIONS), (int64_t)u->scram[m].iterations);
	}
}

static void
refuse_user(struct api_call *c, struct kfk_tree *r, struct kfk_node *list, struct alv_str name, int16_t code, const char *words)
{
	struct kfk_node *e = tell_user(r, list, name);

	kfk_set_int(r, e, R(RESULTS_ERROR_CODE), code);
	kfk_set_str(r, e, R(RESULTS_ERROR_MESSAGE), alv_arena_printf(&c->arena, "%s%.*s", words, ALV_STR_ARG(name)));
	api_note(c, code);
}

/* Whom the request names, each once. */
static void
describe_named(struct api_call *c, struct kfk_tree *r, struct kfk_node *list, const struct names *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct alv_str		name = all->name[i];
		const struct pol_user  *u = pol_user_find(c->tenant, name);

		if (i > 0 && alv_str_eq(all->name[i - 1], name))
			continue;
		if (twice(all, name))
			refuse_user(c, r, list, name, KFK_DUPLICATE_RESOURCE,
			    "Cannot describe SCRAM credentials for the same user twice in a single request: ");
		else if (!has_any(u))
			refuse_user(c, r, list, name, KFK_RESOURCE_NOT_FOUND, "Attempt to describe a user credential that does not exist: ");
		else
			tell_credentials(r, list, u);
	}
}

static int
order_users(const void *a, const void *b)
{
	return alv_str_cmp(((const struct pol_user *)a)->name, ((const struct pol_user *)b)->name);
}

/* Everybody, from the one on who is behind the last one told. */
static bool
describe_all(struct api_call *c, struct kfk_tree *r)
{
	struct pol_user		*last = api_memo(c)->own;
	const struct pol_tenant *t = c->tenant;
	struct api_part		 p;
	size_t			 i = api_part_after(last, t->users, t->nusers, sizeof(*t->users), order_users), end = i + PART;

	api_part_begin(c, &p, kfk_get(&r->root, R(RESULTS)));
	for (; i < t->nusers && i < end; i++)
		if (has_any(&t->users[i]))
			tell_credentials(&p.tree, p.list, &t->users[i]);
	api_part_end(c, &p);
	if (i < end)
		return true;
	api_memo(c)->own = last = alv_arena_alloc(&c->arena, sizeof(*last));
	if (last != NULL)
		last->name = alv_arena_str(&c->arena, t->users[i - 1].name);
	return last == NULL;	/* the answer fails by the arena */
}

static enum api_result
refuse_request(struct api_call *c, struct kfk_tree *r, int16_t code, struct alv_str text)
{
	kfk_set_int(r, &r->root, R(ERROR_CODE), code);
	kfk_set_str(r, &r->root, R(ERROR_MESSAGE), text);
	api_note(c, code);
	return api_answer(c, r);
}

/* As a broker: once more for each name that was asked for, without saying which. */
static void
deny_each(struct kfk_tree *r, struct kfk_node *list, const struct kfk_node *users)
{
	uint32_t n = users == NULL ? 0 : users->n;

	for (uint32_t i = 0; i < n && i < NAMES_MAX; i++) {
		struct kfk_node *e = kfk_add(r, list);

		kfk_set_int(r, e, R(RESULTS_ERROR_CODE), KFK_CLUSTER_AUTHORIZATION_FAILED);
		kfk_set_str(r, e, R(RESULTS_ERROR_MESSAGE), alv_str_of(kfk_code_text(KFK_CLUSTER_AUTHORIZATION_FAILED)));
	}
}

enum api_result
api_describe_scram_request(struct api_call *c, struct kfk_tree *q)
{
	const struct kfk_node *users = kfk_get(&q->root, Q(USERS));
	struct names	       all = { .name = alv_arena_alloc(&c->arena, ((users == NULL ? 0 : users->n) + 1) * sizeof(*all.name)) };
	struct kfk_node	      *list;
	struct kfk_tree	       r;

	if (all.name == NULL)
		return api_fail(c, ALV_E_LIMIT);
	api_answer_begin(c, &r);
	list = kfk_set_empty(&r, &r.root, R(RESULTS));
	if (!api_enforce_cluster(c, POL_OP_DESCRIBE)) {
		deny_each(&r, list, users);
		return refuse_request(c, &r, KFK_CLUSTER_AUTHORIZATION_FAILED, alv_str_of(kfk_code_text(KFK_CLUSTER_AUTHORIZATION_FAILED)));
	}
	if (users != NULL && users->n > NAMES_MAX)
		return refuse_request(c, &r, KFK_POLICY_VIOLATION, too_many);
	add_names(q, users, Q(USERS_NAME), &all);
	if (all.n == 0)		/* null or none: everybody */
		return api_answer_long(c, &r, describe_all);
	qsort(all.name, all.n, sizeof(*all.name), order);
	describe_named(c, &r, list, &all);
	return api_answer(c, &r);
}
#undef Q
#undef R

/* ---- AlterUserScramCredentials ----------------------------------------------------------------------------------- */

#define Q(f) KFK_ALTER_USER_SCRAM_CREDENTIALS_REQUEST_##f
#define R(f) KFK_ALTER_USER_SCRAM_CREDENTIALS_RESPONSE_##f

/* What is asked for one user; texts in the arena. */
struct wish {
	struct alv_str	   name, salt, salted;
	enum pol_mechanism mechanism;
	int64_t		   number, iterations;	/* number: the mechanism, as it was said */
	bool		   remove, again;	/* again: told with the first of this name */
	int16_t		   code;
	struct alv_str	   text;
};

struct wishes {
	size_t	    n, good;
	struct wish wish[];
};

static const struct alv_str no_credential = ALV_STR("Attempt to delete a user credential that does not exist");

static void
refuse(struct wish *w, int16_t code, struct alv_str text)
{
	w->code = code;
	w->text = text;
}

static void
judge_keys(struct wish *w)
{
	if (w->iterations < AUT_ITERATIONS_MIN)
		refuse(w, KFK_UNACCEPTABLE_CREDENTIAL, ALV_STR("Too few iterations"));
	else if (w->iterations > KAFKA_ITERATIONS_MAX)
		refuse(w, KFK_UNACCEPTABLE_CREDENTIAL, ALV_STR("Too many iterations"));
	else if (w->salt.n == 0 || w->salt.n > sizeof(((struct pol_scram *)NULL)->salt))
		refuse(w, KFK_UNACCEPTABLE_CREDENTIAL, ALV_STR("A salt has 1 to 64 bytes"));
	else if (w->salted.n != pol_mechanism_bytes(w->mechanism))
		refuse(w, KFK_UNACCEPTABLE_CREDENTIAL, ALV_STR("A salted password has as many bytes as the mechanism's hash"));
}

static bool
has(const struct api_call *c, const struct wish *w)
{
	const struct pol_user *u = pol_user_find(c->tenant, w->name);

	return u != NULL && u->scram[w->mechanism].present;
}

static void
judge_wish(const struct api_call *c, struct wish *w)
{
	bool sha_256 = w->number == KAFKA_SHA_256;

	w->mechanism = sha_256 ? POL_SCRAM_SHA_256 : POL_SCRAM_SHA_512;
	if (w->name.n == 0)
		refuse(w, KFK_UNACCEPTABLE_CREDENTIAL, ALV_STR("Username must not be empty"));
	else if (!sha_256 && w->number != KAFKA_SHA_512)
		refuse(w, KFK_UNSUPPORTED_SASL_MECHANISM, ALV_STR("Unknown SCRAM mechanism"));
	else if (w->name.n > POL_USER_NAME_MAX)
		refuse(w, KFK_UNACCEPTABLE_CREDENTIAL, ALV_STR("A user's name has 255 bytes at most"));
	else if (!w->remove)
		judge_keys(w);
	else if (!has(c, w))
		refuse(w, KFK_RESOURCE_NOT_FOUND, no_credential);
}

static void
read_deletions(struct api_call *c, const struct kfk_tree *q, struct wishes *x)
{
	const struct kfk_node *list = kfk_get(&q->root, Q(DELETIONS));

	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next) {
		struct wish *w = &x->wish[x->n++];

		*w = (struct wish){ .name = alv_arena_str(&c->arena, kfk_get_str(q, e, Q(DELETIONS_NAME))), .remove = true,
			.number = kfk_get_int(q, e, Q(DELETIONS_MECHANISM)) };
	}
}

static void
read_upsertions(struct api_call *c, const struct kfk_tree *q, struct wishes *x)
{
	const struct kfk_node *list = kfk_get(&q->root, Q(UPSERTIONS));

	for (const struct kfk_node *e = list == NULL ? NULL : list->kids; e != NULL; e = e->next) {
		struct wish *w = &x->wish[x->n++];

		*w = (struct wish){ .name = alv_arena_str(&c->arena, kfk_get_str(q, e, Q(UPSERTIONS_NAME))),
			.salt = alv_arena_str(&c->arena, kfk_get_bytes(q, e, Q(UPSERTIONS_SALT))),
			.salted = alv_arena_str(&c->arena, kfk_get_bytes(q, e, Q(UPSERTIONS_SALTED_PASSWORD))),
			.number = kfk_get_int(q, e, Q(UPSERTIONS_MECHANISM)), .iterations = kfk_get_int(q, e, Q(UPSERTIONS_ITERATIONS)) };
	}
}

static bool
asks(const struct wish *w)
{
	return w->code == 0 && !w->again;
}

/* Into the list that goes to the control thread. */
static bool
give(struct pol_credentials *list, const struct wish *w)
{
	struct pol_credential *x = pol_credentials_add(list);

	if (x == NULL)
		return false;
	memcpy(x->user, w->name.p, w->name.n);
	x->mechanism = w->mechanism;
	x->remove = w->remove;
	if (w->remove)
		return true;
	x->keys.iterations = (uint32_t)w->iterations;
	x->keys.salt_n = (uint8_t)w->salt.n;
	memcpy(x->keys.salt, w->salt.p, w->salt.n);
	memcpy(x->salted, w->salted.p, w->salted.n);
	x->salted_set = true;
	return true;
}

static bool
begin_alter(struct api_call *c, size_t i, struct con_change *ch)
{
	struct wishes *x = api_memo(c)->own;

	(void)i;
	if (x->good == 0)
		return false;
	ch->op = CON_USER_CREDENTIALS;
	ch->some_may_fail = true;
	ch->credentials = pol_credentials_new();
	for (size_t k = 0; ch->credentials != NULL && k < x->n; k++) {
		struct wish *w = &x->wish[k];

		if (asks(w) && !give(ch->credentials, w))
			c->arena.failed = true;
		if (w->salted.n > 0)
			explicit_bzero((char *)(uintptr_t)w->salted.p, w->salted.n);
	}
	if (ch->credentials == NULL)
		c->arena.failed = true;
	return true;
}

static void
end_one(struct wish *w, const struct pol_credential *x)
{
	if (x->err == ALV_E_NOT_FOUND)
		refuse(w, KFK_RESOURCE_NOT_FOUND, no_credential);
	else if (x->err)
		refuse(w, KFK_UNACCEPTABLE_CREDENTIAL, ALV_STR("A user's name is printable text in UTF-8, without '/', and not \"*\""));
}

static void
end_alter(struct api_call *c, size_t i, const struct con_change *ch)
{
	struct wishes *x = api_memo(c)->own;
	size_t	       k = 0;

	(void)i;
	for (size_t n = 0; n < x->n; n++) {
		struct wish *w = &x->wish[n];

		if (!asks(w))
			continue;
		if (ch->err)
			refuse(w, api_change_code(ch), api_change_text(c, ch));
		else if (k < ch->credentials->n)
			end_one(w, &ch->credentials->item[k++]);
	}
}

static enum api_result
answer_alter(struct api_call *c)
{
	const struct wishes *x = api_memo(c)->own;
	struct kfk_tree	     r;
	struct kfk_node	    *list, *e;

	api_answer_begin(c, &r);
	list = kfk_set_empty(&r, &r.root, R(RESULTS));
	for (size_t i = 0; i < x->n; i++) {
		if (x->wish[i].again)
			continue;
		e = kfk_add(&r, list);
		kfk_set_str(&r, e, R(RESULTS_USER), x->wish[i].name);
		kfk_set_int(&r, e, R(RESULTS_ERROR_CODE), x->wish[i].code);
		kfk_set_str(&r, e, R(RESULTS_ERROR_MESSAGE), x->wish[i].text);
		api_note(c, x->wish[i].code);
	}
	return api_answer(c, &r);
}

static void
refuse_all(struct wishes *x, int16_t code, struct alv_str text)
{
	for (size_t i = 0; i < x->n; i++)
		refuse(&x->wish[i], code, text);
}

/* In their order, as Kafka's controller does it: a user who has an error keeps that one; who was to be altered already has none of it
 * done. Each has one result. */
static bool
judge_wishes(struct api_call *c, struct wishes *x, const struct names *all)
{
	struct wish **of = alv_arena_alloc(&c->arena, (all->n + 1) * sizeof(struct wish *));

	if (of == NULL)
		return false;
	memset(of, 0, (all->n + 1) * sizeof(struct wish *));
	for (size_t i = 0; i < x->n; i++) {
		struct wish   *w = &x->wish[i];
		struct wish  **first = &of[place_of(all, w->name)];

		w->again = *first != NULL;
		if (!w->again)
			judge_wish(c, *first = w);
		else if ((*first)->code == 0)
			refuse(*first, KFK_DUPLICATE_RESOURCE, ALV_STR("A user credential cannot be altered twice in the same request"));
	}
	return true;
}

enum api_result
api_alter_scram_request(struct api_call *c, struct kfk_tree *q)
{
	static const struct api_changes changes = { .n = 1, .begin = begin_alter, .end = end_alter, .answer = answer_alter };
	const struct kfk_node *gone = kfk_get(&q->root, Q(DELETIONS)), *set = kfk_get(&q->root, Q(UPSERTIONS));
	size_t		       n = (gone == NULL ? 0 : gone->n) + (set == NULL ? 0 : set->n);
	struct names	       all = { .name = alv_arena_alloc(&c->arena, (n + 1) * sizeof(*all.name)) };
	struct wishes	      *x = alv_arena_alloc(&c->arena, sizeof(*x) + n * sizeof(x->wish[0]));

	if (all.name == NULL || x == NULL)
		return api_fail(c, ALV_E_LIMIT);
	api_memo(c)->own = x;
	*x = (struct wishes){ .n = 0 };
	read_deletions(c, q, x);
	read_upsertions(c, q, x);
	if (n <= NAMES_MAX) {
		add_names(q, gone, Q(DELETIONS_NAME), &all);
		add_names(q, set, Q(UPSERTIONS_NAME), &all);
		qsort(all.name, all.n, sizeof(*all.name), order);
		if (!judge_wishes(c, x, &all))
			return api_fail(c, ALV_E_LIMIT);
	}
	if (!api_enforce_cluster(c, POL_OP_ALTER))
		refuse_all(x, KFK_CLUSTER_AUTHORIZATION_FAILED, alv_str_of(kfk_code_text(KFK_CLUSTER_AUTHORIZATION_FAILED)));
	else if (n > NAMES_MAX)
		refuse_all(x, KFK_POLICY_VIOLATION, too_many);
	for (size_t i = 0; i < x->n; i++)
		x->good += asks(&x->wish[i]);
	return c->arena.failed ? api_fail(c, ALV_E_LIMIT) : api_change(c, &changes);
}
