/* Lists of SCRAM credentials. */
#include <alcove/check.h>
#include <alcove/credential.h>
#include <alcove/err.h>
#include <alcove/str.h>

#include <openssl/crypto.h>
#include <stdlib.h>

static const struct {
	const char *name, *number;
	size_t	    bytes;
} mechanisms[POL_MECHANISMS] = {
	[POL_SCRAM_SHA_256] = { "SCRAM-SHA-256", "1", 32 },
	[POL_SCRAM_SHA_512] = { "SCRAM-SHA-512", "2", 64 },
};

struct pol_credentials *
pol_credentials_new(void)
{
	return calloc(1, sizeof(struct pol_credentials));
}

static void
free_items(struct pol_credential *item, size_t n)
{
	if (item != NULL)
		OPENSSL_cleanse(item, n * sizeof(*item));
	free(item);
}

void
pol_credentials_free(struct pol_credentials *c)
{
	if (c == NULL)
		return;
	free_items(c->item, c->n);
	free(c);
}

/* No realloc: what it leaves behind cannot be wiped. */
static bool
grow(struct pol_credentials *c)
{
	size_t		       room = c->room == 0 ? 4 : c->room * 2;
	struct pol_credential *item = calloc(room, sizeof(*item));

	if (item == NULL)
		return false;
	if (c->n > 0)
		memcpy(item, c->item, c->n * sizeof(*item));
	free_items(c->item, c->n);
	c->item = item;
	c->room = room;
	return true;
}

struct pol_credential *
pol_credentials_add(struct pol_credentials *c)
{
	if (c->n == POL_CREDENTIALS_MAX || (c->n == c->room && !grow(c)))
		return NULL;
	return &c->item[c->n++];
}

bool
pol_mechanism_find(struct alv_str name, enum pol_mechanism *m)
{
	for (size_t i = 0; i < POL_MECHANISMS; i++) {
		if (!alv_str_eqz(name, mechanisms[i].name) && !alv_str_eqz(name, mechanisms[i].number))
			continue;
		*m = (enum pol_mechanism)i;
		return true;
	}
	return false;
}

const char *
pol_mechanism_name(enum pol_mechanism m)
{
	ALV_CHECK((unsigned)m < POL_MECHANISMS);
	return mechanisms[m].name;
}

size_t
pol_mechanism_bytes(enum pol_mechanism m)
{
	ALV_CHECK((unsigned)m < POL_MECHANISMS);
	return mechanisms[m].bytes;
}
