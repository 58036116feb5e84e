/* How long a login lasts, and how it is renewed on an open connection (KIP-368).
 *
 *   a login ends well --> connections.max.reauth.ms and what is left of the credential: the shorter is the session's life;
 *                         with neither there is no end, and nothing to renew
 *   SaslHandshake     --> the exchange runs; until it ends nothing but SaslAuthenticate is taken
 *   the life is over  --> the next request that does not begin a renewal closes the connection, as at brokers
 *
 * Invariants: a renewal is by the same mechanism and for the same principal; none begins within a second of the one before;
 * nothing that was decided for the login before is used after it: what it may do may have changed with it (groups of a
 * token). All times are the loop's clock. */
#include "api/fetch_session.h"
#include "api/patterns.h"
#include "api/repeat.h"

enum { AGAIN_US = 1000 * 1000 };

/* A hundred years. Clients reckon in nanoseconds of 63 bits: a Java client that is told of more than 292 years never gets in. */
#define LIFE_MAX_MS 3155760000000u

static bool
is_over(const struct api_conn *c)
{
	return c->expires_us != 0 && c->w->now_us >= c->expires_us;
}

bool
api_reauth_lets(const struct api_conn *c, int16_t key, enum met_close *why)
{
	bool exchange = c->sasl != NULL && key == KFK_API_SASL_AUTHENTICATE;

	if (c->auth != API_AUTH_DONE || exchange)
		return true;
	*why = MET_CLOSE_AUTH_REQUIRED;
	if (c->sasl != NULL && key != KFK_API_SASL_HANDSHAKE)
		return false;
	*why = MET_CLOSE_SESSION_EXPIRED;
	return !is_over(c) || key == KFK_API_SASL_HANDSHAKE;
}

enum api_again
api_reauth_begin(struct api_conn *c)
{
	bool soon = c->again_us != 0 && c->w->now_us - c->again_us < AGAIN_US;

	if (c->expires_us != 0 && !soon) {
		c->again_us = c->w->now_us;
		return API_AGAIN_BEGINS;
	}
	return is_over(c) ? API_AGAIN_OVER : API_AGAIN_NOT;
}

/* The shorter of both; 0: neither ends. */
static uint64_t
life_ms(const struct api_conn *c, const struct aut_account *a)
{
	uint64_t most = c->w->shared->conf->reauth_max_ms, rest = a->rest_ms < LIFE_MAX_MS ? a->rest_ms : LIFE_MAX_MS;

	if (!a->ends)
		return most;
	return most == 0 || rest < most ? rest : most;
}

int64_t
api_reauth_done(struct api_conn *c, const struct aut_account *a)
{
	uint64_t ms = life_ms(c, a);

	c->expires_us = ms == 0 && !a->ends ? 0 : c->w->now_us + ms * 1000;
	c->who = (struct pol_who){ .build = 0 };
	api_repeats_forget(c);
	api_sessions_doubt(c);
	api_patterns_doubt(c->patterns);
	return (int64_t)ms;
}
