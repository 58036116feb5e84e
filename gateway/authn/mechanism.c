/* The mechanisms. */
#include <alcove/check.h>
#include <alcove/str.h>

#include "authn/mechanism.h"

static const struct aut_mechanism_row rows[AUT_MECHANISMS] = {
	[AUT_SCRAM_SHA_256] = { .name = "SCRAM-SHA-256", .keys = POL_SCRAM_SHA_256, .server_token = aut_scram_server_token,
	    .client_token = aut_scram_client_token, .client_work = aut_scram_client_work, .client_resume = aut_scram_client_resume },
	[AUT_SCRAM_SHA_512] = { .name = "SCRAM-SHA-512", .keys = POL_SCRAM_SHA_512, .server_token = aut_scram_server_token,
	    .client_token = aut_scram_client_token, .client_work = aut_scram_client_work, .client_resume = aut_scram_client_resume },
	[AUT_PLAIN] = { .name = "PLAIN", .keys = POL_SCRAM_SHA_512, .server_token = aut_plain_server_token,
	    .server_work = aut_plain_server_work, .client_token = aut_plain_client_token },
	[AUT_OAUTHBEARER] = { .name = "OAUTHBEARER", .server_token = aut_bearer_server_token, .server_work = aut_bearer_server_work,
	    .server_resume = aut_bearer_server_resume, .token_max = AUT_BEARER_MAX },
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
