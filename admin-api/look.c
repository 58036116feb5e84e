/* Looking at snapshots for a request, and HTTP's conditions on what was seen. */
#include "admin-api/admin.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 500 };

const struct pol_tenant *
adm_tenant_peek(const struct adm_req *r, struct alv_str id)
{
	const struct pol_slot *slot = pol_dir_find(r->server->conf.dir, id);

	return slot == NULL ? NULL : pol_slot_load(slot);
}

const struct pol_tenant *
adm_tenant(struct adm_req *r)
{
	const struct pol_tenant *t = adm_tenant_peek(r, r->param[0]);

	if (t == NULL)
		adm_problem(r, ADM_P_NOT_FOUND, NULL, "there is no tenant \"%.*s\"", ALV_STR_ARG(r->param[0]));
	return t;
}

size_t
adm_limit(struct adm_req *r)
{
	struct alv_str s = r->query[ADM_Q_LIMIT];
	uint64_t       v = LIMIT_DEFAULT;

	if (s.p == NULL || (alv_str_u64(s, LIMIT_MAX, &v) == ALV_OK && v > 0))
		return (size_t)v;
	adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "limit: found \"%.*s\", expected a number from 1 to %d", ALV_STR_ARG(s), LIMIT_MAX);
	return 0;
}

/* One entity tag from the front of a list; false at the end or where it is malformed (*bad). Weak ones are tags too,
 * but fit nothing that must be equal byte by byte. */
static bool
next_tag(struct alv_str *rest, struct alv_str *tag, bool *weak, bool *bad)
{
	const char *end;

	while (rest->n > 0 && strchr(" \t,", rest->p[0]) != NULL) {
		rest->p++;
		rest->n--;
	}
	if (rest->n == 0)
		return false;
	*weak = alv_str_starts(*rest, ALV_STR("W/"));
	if (*weak) {
		rest->p += 2;
		rest->n -= 2;
	}
	end = rest->n > 1 && rest->p[0] == '"' ? memchr(rest->p + 1, '"', rest->n - 1) : NULL;
	if (end == NULL) {
		*bad = true;
		return false;
	}
	*tag = alv_str_make(rest->p + 1, (size_t)(end - rest->p - 1));
	rest->n -= (size_t)(end + 1 - rest->p);
	rest->p = end + 1;
	return true;
}

static bool
lists(struct alv_str header, uint64_t revision, bool weak_counts, bool *bad)
{
	struct alv_str tag;
	uint64_t       v;
	bool	       weak, found = false;

	while (next_tag(&header, &tag, &weak, bad))
		if ((!weak || weak_counts) && alv_str_u64(tag, UINT64_MAX, &v) == ALV_OK && v == revision)
			found = true;
	return found && !*bad;
}

bool
adm_not_modified(struct adm_req *r, uint64_t revision)
{
	struct alv_str h = adm_header(r, "if-none-match");
	bool	       bad = false;

	if (h.p == NULL || (!alv_str_eqz(h, "*") && !lists(h, revision, true, &bad)))
		return false;
	adm_set_etag(r, revision);
	adm_answer_empty(r, 304);
	return true;
}

bool
adm_if_match_given(const struct adm_req *r)
{
	return adm_header(r, "if-match").p != NULL;
}

bool
adm_if_match(struct adm_req *r, bool exists, uint64_t revision)
{
	struct alv_str h = adm_header(r, "if-match");
	bool	       bad = false;

	if (h.p == NULL)
		return true;
	if (exists && (alv_str_eqz(h, "*") || lists(h, revision, false, &bad)))
		return true;
	if (bad)
		adm_problem(r, ADM_P_MALFORMED_REQUEST, NULL, "If-Match: found \"%.*s\", expected an ETag in quotes, or *", ALV_STR_ARG(h));
	else if (!exists)
		adm_problem(r, ADM_P_PRECONDITION, NULL, "it does not exist, but If-Match was given");
	else
		adm_problem(r, ADM_P_PRECONDITION, NULL, "it was changed meanwhile: its ETag is \"%llu\" now", (unsigned long long)revision);
	return false;
}

bool
adm_only_create(const struct adm_req *r)
{
	return alv_str_eqz(adm_header(r, "if-none-match"), "*");
}
