/* The mechanisms. */
#include <alcove/check.h>
#include <alcove/str.h>

#include "authn/mechanism.h"

static const struct aut_mechanism_row rows[AUT_MECHANISMS] = {
	[AUT_SCRAM_SHA_256] = { "SCRAM-SHA-256", POL_SCRAM_SHA_256, aut_scram_server_token, NULL, aut_scram_client_token,
	    aut_scram_client_work, aut_scram_client_resume },
	[AUT_SCRAM_SHA_512] = { "SCRAM-SHA-512", POL_SCRAM_SHA_512, aut_scram_server_token, NULL, aut_scram_client_token,
	    aut_scram_client_work, aut_scram_client_resume },
	[AUT_PLAIN] = { "PLAIN", POL_SCRAM_SHA_512, aut_plain_server_token, aut_plain_server_work, aut_plain_client_token,
	    NULL, NULL },
};

const struct aut_mechanism_row *
aut_mechanism_row(enum aut_mechanism m)
{
	ALV_CHECK((unsigned)m < AUT_MECHANISMS);
	return &rows[m];
}

const char *
aut_mechanism_name(enum aut_mechanism m)
{
	return aut_mechanism_row(m)->name;
}

bool
aut_mechanism_find(struct alv_str name, enum aut_mechanism *m)
{
	for (size_t i = 0; i < AUT_MECHANISMS; i++) {
		if (alv_str_eqz(name, rows[i].name)) {
			*m = (enum aut_mechanism)i;
			return true;
		}
	}
	return false;
}
