/* SCRAM credentials in JSON bodies: of one user ("scram"), or of many ("credentials", each with its user). Names of fields are those of
 * Kafka's UserScramCredentialRecord. Values are never repeated in errors, and wiped. See body.h. */
#include "admin-api/body.h"
#include "admin-api/change.h"

#include <alcove/authn.h>
#include <alcove/base64.h>
#include <alcove/credential.h>

#include <stdio.h>

enum part { PART_USER, PART_MECHANISM, PART_ITERATIONS, PART_SALT, PART_STORED, PART_SERVER, PARTS };
static const char *const parts[PARTS] = { "user", "mechanism", "iterations", "salt", "storedKey", "serverKey" };

/* Where we are: list[i].part. */
struct place {
	struct adm_req *r;
	const char     *list;
	size_t		i;
	enum part	first;	/* of those that there may be */
};

static bool
bad(const struct place *at, const char *part, const char *expected)
{
	char pointer[96];

	snprintf(pointer, sizeof(pointer), "/%s/%zu/%.30s", at->list, at->i, part);
	adm_problem(at->r, ADM_P_INVALID, pointer, "%s[%zu].%.60s: expected %s", at->list, at->i, part, expected);
	return false;
}

static bool
known_parts(const struct place *at, json_t *o)
{
	const char *name;
	json_t	   *v;

	json_object_foreach(o, name, v) {
		int p = at->first;

		while (p < PARTS && strcmp(parts[p], name) != 0)
			p++;
		if (p == PARTS)
			return bad(at, name, at->first == PART_USER ? "only user, mechanism, iterations, salt, storedKey and serverKey" :
			    "only mechanism, iterations, salt, storedKey and serverKey");
	}
	return true;
}

static bool
take_bytes(const struct place *at, enum part p, json_t *o, uint8_t *out, size_t cap, size_t *n, const char *expected)
{
	json_t	   *v = json_object_get(o, parts[p]);
	const char *text = json_string_value(v);
	bool	    good = text != NULL && alv_base64_decode(alv_str_make(text, json_string_length(v)), out, cap, n) == ALV_OK && *n > 0;

	if (text != NULL)
		explicit_bzero((char *)(uintptr_t)text, json_string_length(v));
	return good || bad(at, parts[p], expected);
}

static bool
take_keys(const struct place *at, json_t *o, enum pol_mechanism m, struct pol_scram *k)
{
	const char *key = m == POL_SCRAM_SHA_256 ? "32 bytes in base64" : "64 bytes in base64";
	size_t	    bytes = pol_mechanism_bytes(m), n;

	if (!take_bytes(at, PART_SALT, o, k->salt, sizeof(k->salt), &n, "1 to 64 bytes in base64"))
		return false;
	k->salt_n = (uint8_t)n;
	if (!take_bytes(at, PART_STORED, o, k->stored_key, bytes, &n, key) || (n != bytes && !bad(at, parts[PART_STORED], key)))
		return false;
	return take_bytes(at, PART_SERVER, o, k->server_key, bytes, &n, key) && (n == bytes || bad(at, parts[PART_SERVER], key));
}

static bool
take_one(const struct place *at, json_t *o, struct pol_credential *x)
{
	json_t *user = json_object_get(o, parts[PART_USER]), *mechanism = json_object_get(o, parts[PART_MECHANISM]);
	json_t *iterations = json_object_get(o, parts[PART_ITERATIONS]);

	if (!json_is_object(o)) {
		adm_problem(at->r, ADM_P_INVALID, NULL, "%s[%zu]: found %s, expected an object", at->list, at->i, adm_json_type(o));
		return false;
	}
	if (!known_parts(at, o))
		return false;
	if (at->first == PART_USER) {
		if (!json_is_string(user) || json_string_length(user) == 0 || json_string_length(user) > POL_USER_NAME_MAX)
			return bad(at, parts[PART_USER], "a string of 1 to 255 bytes");
		memcpy(x->user, json_string_value(user), json_string_length(user) + 1);
	}
	if (!json_is_string(mechanism) ||
	    !pol_mechanism_find(alv_str_make(json_string_value(mechanism), json_string_length(mechanism)), &x->mechanism))
		return bad(at, parts[PART_MECHANISM], "SCRAM-SHA-256 or SCRAM-SHA-512");
	if (!json_is_integer(iterations) || json_integer_value(iterations) < AUT_ITERATIONS_MIN ||
	    json_integer_value(iterations) > AUT_ITERATIONS_MAX)
		return bad(at, parts[PART_ITERATIONS], "a number of 4096 to 1000000");
	x->keys.iterations = (uint32_t)json_integer_value(iterations);
	return take_keys(at, o, x->mechanism, &x->keys);
}

bool
adm_take_credentials(struct adm_req *r, struct pol_credentials **out, const char *list, json_t *items, bool of_many)
{
	struct place at = { r, list, 0, of_many ? PART_USER : PART_MECHANISM };

	*out = pol_credentials_new();
	for (; *out != NULL && at.i < json_array_size(items); at.i++) {
		struct pol_credential *x = pol_credentials_add(*out);

		if (x == NULL)
			break;
		if (!take_one(&at, json_array_get(items, at.i), x))
			return false;
	}
	if (*out != NULL && at.i == json_array_size(items))
		return true;
	adm_problem(r, at.i == POL_CREDENTIALS_MAX ? ADM_P_INVALID : ADM_P_INTERNAL, NULL, "found too many credentials, expected at most %d",
	    POL_CREDENTIALS_MAX);
	return false;
}
