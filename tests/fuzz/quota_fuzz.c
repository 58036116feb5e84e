/* Any bytes as quotas of a tenant, questions and alterations. What must hold: the entry that decides is the one that a walk over all
 * of them, level by level in Kafka's order, finds; orders are orders; what is said to be good can be read back; a filter fits what its
 * words say; an alteration leaves what it does not name. */
#include <alcove/policy.h>
#include <alcove/quota_list.h>
#include <alcove/str.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

enum { QUOTAS = 24 };

struct in {
	const uint8_t *p, *end;
};

static uint8_t
u8(struct in *in)
{
	return in->p == in->end ? 0 : *in->p++;
}

/* From a short list, so that entries and questions meet; or any bytes. */
static struct alv_str
name(struct in *in)
{
	static const struct alv_str some[] = { ALV_STR("a"), ALV_STR("b"), ALV_STR("a,b"), ALV_STR(""), ALV_STR("10.0.0.7"), ALV_STR("::1"),
		ALV_STR("<default>"), ALV_STR("User:a") };
	uint8_t	       x = u8(in);
	size_t	       n = x & 0x1f, left = (size_t)(in->end - in->p);
	struct alv_str s;

	if (x < 0xe0)
		return some[x % ALV_COUNT(some)];
	s = alv_str_make(left == 0 ? (const uint8_t *)"" : in->p, n < left ? n : left);
	in->p += s.n;
	return s;
}

static struct pol_quota_part
part(struct in *in)
{
	enum pol_quota_match m = (enum pol_quota_match)(u8(in) % 4);

	return (struct pol_quota_part){ m, m == POL_QUOTA_NAMED ? name(in) : ALV_STR_NULL };
}

static struct pol_quota_entity
entity(struct in *in)
{
	struct pol_quota_entity e = { .kind = (enum pol_quota_kind)(u8(in) % POL_QUOTA_KINDS) };

	e.part[0] = part(in);
	e.part[1] = part(in);
	return e;
}

static struct pol_quota
quota(struct in *in)
{
	struct pol_quota q = { .entity = entity(in), .set = (uint32_t)(u8(in) | u8(in) << 8) };

	for (int k = 0; k < POL_QUOTA_KEYS; k++)
		if ((q.set & 1u << k) != 0)
			q.value[k] = 1 + u8(in);
	return q;
}

static bool
same(const struct pol_quota_part *p, enum pol_quota_match m, struct alv_str s)
{
	return p->match == m && (m != POL_QUOTA_NAMED || alv_str_eq(p->name, s));
}

/* Kafka's eight levels, written out: the first that has the key. */
static const struct pol_quota *
naive(const struct pol_quota *all, size_t n, enum pol_quota_key key, struct alv_str user, struct alv_str client)
{
	static const enum pol_quota_match levels[8][2] = {
		{ POL_QUOTA_NAMED, POL_QUOTA_NAMED }, { POL_QUOTA_NAMED, POL_QUOTA_DEFAULT }, { POL_QUOTA_NAMED, POL_QUOTA_NO_PART },
		{ POL_QUOTA_DEFAULT, POL_QUOTA_NAMED }, { POL_QUOTA_DEFAULT, POL_QUOTA_DEFAULT }, { POL_QUOTA_DEFAULT, POL_QUOTA_NO_PART },
		{ POL_QUOTA_NO_PART, POL_QUOTA_NAMED }, { POL_QUOTA_NO_PART, POL_QUOTA_DEFAULT } };

	for (int l = 0; l < 8; l++)
		for (size_t i = 0; i < n; i++)
			if (all[i].entity.kind == POL_QUOTA_OF_CLIENT && (all[i].set & 1u << key) != 0 && same(&all[i].entity.part[0], levels[l][0], user) &&
			    same(&all[i].entity.part[1], levels[l][1], client))
				return &all[i];
	return NULL;
}

static void
ask(const struct pol_tenant *t, const struct pol_quota *all, size_t n, struct in *in)
{
	struct alv_str	      user = name(in), client = name(in);
	enum pol_quota_key    key = (enum pol_quota_key)(u8(in) % POL_QUOTA_KEYS);
	char		      principal[64] = "User:";
	struct pol_quota_cell c;
	const struct pol_quota *want = naive(all, n, key, user, client);

	MUST(user.n < sizeof(principal) - 5);
	memcpy(principal + 5, user.p, user.n);
	MUST(pol_quota_client(t, key, alv_str_make(principal, 5 + user.n), client, &c) == (want != NULL));
	MUST((c.quota != NULL) == (want != NULL));
	if (want != NULL) {
		MUST(pol_quota_entity_cmp(&c.quota->entity, &want->entity) == 0 && c.limit == want->value[key]);
		MUST((c.part[0].p != NULL) == (want->entity.part[0].match != POL_QUOTA_NO_PART));
		MUST((c.part[1].p != NULL) == (want->entity.part[1].match != POL_QUOTA_NO_PART));
	}
	if (pol_quota_group(t, key, user, &c))
		MUST(same(&c.quota->entity.part[0], POL_QUOTA_NAMED, user) || c.quota->entity.part[0].match == POL_QUOTA_DEFAULT);
	if (pol_quota_address(t, key, user, &c))
		MUST(c.quota->entity.kind == POL_QUOTA_OF_ADDRESS);
	if (pol_quota_tenant(t, key, &c))
		MUST(c.quota == NULL ? c.limit == pol_quota_info(key)->standard : c.quota->entity.kind == POL_QUOTA_OF_TENANT);
}

static void
alter(const struct pol_quota *now, struct in *in)
{
	struct pol_quota_alter a = { .quota = quota(in), .unset = u8(in), .only = u8(in) & 1 };
	struct pol_quota       out, again;
	bool		       other = pol_quota_altered(now, &a, &out), differs = false;

	for (int k = 0; k < POL_QUOTA_KEYS; k++) {
		uint32_t bit = 1u << k;
		bool	 had = now != NULL && (now->set & bit) != 0, has = (out.set & bit) != 0;

		if ((a.quota.set & bit) != 0)
			MUST(has && out.value[k] == a.quota.value[k]);
		else
			MUST(has == (had && !a.only && (a.unset & bit) == 0) && (!has || out.value[k] == now->value[k]));
		differs |= had != has || (had && now->value[k] != out.value[k]);
	}
	MUST(other == differs);
	MUST(!pol_quota_altered(&out, &a, &again));	/* again is nothing new */
}

static void
filter(const struct pol_quota *q, struct in *in)
{
	struct pol_quota_filter f = { .kinds = u8(in), .part = { { (enum pol_quota_fit)(u8(in) % 5), name(in) },
		{ (enum pol_quota_fit)(u8(in) % 5), name(in) } }, .unattributed = u8(in) & 1, .keys = u8(in) };
	bool fits = pol_quota_filter_fits(&f, q);

	for (int i = 0; fits && i < 2; i++) {
		const struct pol_quota_part *p = &q->entity.part[i];

		MUST(f.part[i].fit != POL_QUOTA_FIT_NAME || same(p, POL_QUOTA_NAMED, f.part[i].name));
		MUST(f.part[i].fit != POL_QUOTA_FIT_DEFAULT || p->match == POL_QUOTA_DEFAULT);
		MUST(f.part[i].fit != POL_QUOTA_FIT_NONE || p->match == POL_QUOTA_NO_PART);
	}
	MUST(!fits || ((f.kinds & 1u << q->entity.kind) != 0 && (f.keys == 0 || (q->set & f.keys) != 0)));
	f = (struct pol_quota_filter){ .kinds = (1u << POL_QUOTA_KINDS) - 1 };
	MUST(pol_quota_filter_fits(&f, q));
}

static void
check(const struct pol_quota_entity *e, struct in *in)
{
	const char    *expected;
	struct alv_buf b;
	bool	       good = pol_quota_entity_check(e, &expected) == ALV_OK;

	MUST(good == (expected == NULL));
	for (int i = 0; good && i < 2; i++)
		MUST(e->part[i].match != POL_QUOTA_NAMED || (alv_str_utf8(e->part[i].name) && !alv_str_eqz(e->part[i].name, POL_QUOTA_DEFAULT_WORD)));
	if (good) {
		alv_buf_init(&b, 4096);
		pol_quota_entity_text(e, &b);
		MUST(b.err == ALV_OK && b.n > 0);
		alv_buf_fini(&b);
	}
	for (int k = 0; k < 4; k++) {
		enum pol_quota_key key = (enum pol_quota_key)(u8(in) % POL_QUOTA_KEYS);
		double		   v;
		uint8_t		   bytes[sizeof(v)];

		for (size_t i = 0; i < sizeof(v); i++)
			bytes[i] = u8(in);
		memcpy(&v, bytes, sizeof(v));
		if (pol_quota_value_check(e->kind, key, v, NULL, &expected) == ALV_OK)
			MUST(v >= pol_quota_info(key)->min && v <= pol_quota_info(key)->max && (pol_quota_info(key)->enforced & 1u << e->kind) != 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct in	   in = { data, data + n };
	struct pol_quota   all[QUOTAS];
	struct pol_parts   p = { .id = ALV_STR("acme"), .display_name = ALV_STR("acme"), .quotas = all };
	struct pol_tenant *t;

	for (unsigned left = u8(&in) % (QUOTAS + 1); left > 0; left--) {
		struct pol_quota q = quota(&in);
		size_t		 i = 0;

		check(&q.entity, &in);
		for (; i < p.nquotas; i++) {
			int c = pol_quota_entity_cmp(&all[i].entity, &q.entity);

			MUST(c == -pol_quota_entity_cmp(&q.entity, &all[i].entity));
			if (c == 0)
				break;
		}
		if (i == p.nquotas)
			all[p.nquotas++] = q;
	}
	t = pol_build(&p);
	MUST(t != NULL && t->nquotas == p.nquotas);
	for (size_t i = 1; i < t->nquotas; i++)
		MUST(pol_quota_entity_cmp(&t->quotas[i - 1].entity, &t->quotas[i].entity) < 0);
	for (size_t i = 0; i < p.nquotas; i++) {
		const struct pol_quota *found = pol_quota_find(t, &all[i].entity);

		MUST(found != NULL && found->set == all[i].set);
		filter(found, &in);
		alter(found, &in);
	}
	alter(NULL, &in);
	for (int i = 0; i < 8; i++)
		ask(t, all, p.nquotas, &in);
	pol_tenant_free(t);
	return 0;
}
