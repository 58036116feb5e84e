/* Virtual names and physical names of one tenant.
 * Invariant: ten_map and ten_unmap are inverse of each other, aliases included: a name that both an alias and the
 * prefix could give belongs to the alias, and the other way to it is closed. */
#include <alcove/str.h>
#include <alcove/tenant.h>

enum { WIRE_STRING_MAX = 32767, DIGITS_MIN = 1 };

/* Kafka's __cluster_metadata has this fixed id; real ids are random. */
static const struct alv_uuid metadata_topic_id = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } };

static bool
lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* b<digits> or b<digits>-...: reads as the host of a broker. */
static bool
looks_like_broker(struct alv_str id)
{
	size_t i = 1;

	if (id.p[0] != 'b')
		return false;
	while (i < id.n && id.p[i] >= '0' && id.p[i] <= '9')
		i++;
	return i > DIGITS_MIN && (i == id.n || id.p[i] == '-');
}

static bool
reserved(struct alv_str id)
{
	static const char *const words[] = { "admin", "alcove", "localhost" };

	for (size_t i = 0; i < ALV_COUNT(words); i++)
		if (alv_str_eqz(id, words[i]))
			return true;
	/* Resolvers take xn--... for an encoded Unicode name. */
	return looks_like_broker(id) || alv_str_starts(id, ALV_STR("xn--"));
}

enum alv_err
ten_id_check(struct alv_str id)
{
	if (id.p == NULL || id.n == 0 || id.n > TEN_ID_MAX)
		return ALV_E_NAME;
	for (size_t i = 0; i < id.n; i++)
		if (!lower_or_digit(id.p[i]) && id.p[i] != '-')
			return ALV_E_NAME;
	if (id.p[0] == '-' || id.p[id.n - 1] == '-')
		return ALV_E_NAME;
	return reserved(id) ? ALV_E_EXISTS : ALV_OK;
}

static bool
topic_legal(struct alv_str name)
{
	if (name.p == NULL || name.n == 0 || name.n > TEN_TOPIC_MAX)
		return false;
	if (alv_str_eqz(name, ".") || alv_str_eqz(name, ".."))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!lower_or_digit(c) && !(c >= 'A' && c <= 'Z') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

enum alv_err
ten_topic_check(const struct ten_names *t, struct alv_str virt)
{
	return topic_legal(virt) && virt.n <= TEN_TOPIC_MAX - t->prefix.n ? ALV_OK : ALV_E_NAME;
}

/* Groups and transactional ids: Kafka takes any text. What is not UTF-8 a broker would change while decoding it. */
static bool
text_legal(struct alv_str name, size_t max)
{
	return name.p != NULL && name.n > 0 && name.n <= max && alv_str_utf8(name);
}

/* May `virt` have a physical form by the prefix, as far as its spelling goes? */
static bool
virt_legal(const struct ten_names *t, enum ten_kind kind, struct alv_str virt)
{
	if (kind == TEN_TOPIC)
		return ten_topic_check(t, virt) == ALV_OK;
	return text_legal(virt, WIRE_STRING_MAX - t->prefix.n);
}

enum alv_err
ten_map(const struct ten_names *t, enum ten_kind kind, struct alv_str virt, struct alv_arena *a, struct alv_str *phys)
{
	const struct ten_alias *alias = ten_alias_of_virt(t, kind, virt);

	*phys = ALV_STR_NULL;
	if (alias != NULL) {
		*phys = alv_arena_str(a, alias->phys);
	} else {
		if (!virt_legal(t, kind, virt))
			return ALV_E_NAME;
		*phys = alv_arena_cat(a, t->prefix, virt);
		if (phys->p != NULL && ten_alias_of_phys(t, kind, *phys) != NULL) {
			*phys = ALV_STR_NULL;
			return ALV_E_NAME;
		}
	}
	return phys->p == NULL ? ALV_E_NOMEM : ALV_OK;
}

bool
ten_owned(const struct ten_names *t, enum ten_kind kind, struct alv_str phys, struct alv_str *virt, bool *writable)
{
	const struct ten_alias *alias = ten_alias_of_phys(t, kind, phys);
	struct alv_str		rest;

	*virt = ALV_STR_NULL;
	*writable = false;
	if (alias != NULL) {
		*virt = alias->virt;
		*writable = alias->writable;
		return true;
	}
	if (!alv_str_starts(phys, t->prefix))
		return false;
	rest = alv_str_make(phys.p + t->prefix.n, phys.n - t->prefix.n);
	if (!virt_legal(t, kind, rest) || ten_alias_of_virt(t, kind, rest) != NULL)
		return false;
	*virt = rest;
	*writable = true;
	return true;
}

enum alv_err
ten_unmap(const struct ten_names *t, enum ten_kind kind, struct alv_str phys, struct alv_str *virt)
{
	bool writable;

	return ten_owned(t, kind, phys, virt, &writable) ? ALV_OK : ALV_E_FOREIGN;
}

bool
ten_owns(const struct ten_names *t, enum ten_kind kind, struct alv_str phys, bool *writable)
{
	struct alv_str virt;
	bool	       w, owned = ten_owned(t, kind, phys, &virt, &w);

	if (writable != NULL)
		*writable = w;
	return owned;
}

bool
ten_owned_id(const struct ten_names *t, struct alv_uuid id, struct alv_str phys, struct alv_str *virt, bool *writable)
{
	*virt = ALV_STR_NULL;
	*writable = false;
	if (alv_uuid_zero(id) || alv_uuid_eq(id, metadata_topic_id) || phys.p == NULL)
		return false;
	return ten_owned(t, TEN_TOPIC, phys, virt, writable);
}

bool
ten_owns_id(const struct ten_names *t, struct alv_uuid id, struct alv_str phys)
{
	struct alv_str virt;
	bool	       writable;

	return ten_owned_id(t, id, phys, &virt, &writable);
}
