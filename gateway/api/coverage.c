/* docs/api-coverage.md and `alcove apis`: every api key there is, and what was decided on it. From api.def, Kafka's list of
 * keys and the kinds of the fields of its messages, so that it cannot say what is not so. */
#include "api/kit.h"

static const struct {
	int16_t	    key;
	const char *name;
} keys[] = {
#define KAPI(key, name, text, who) { key, text },
#include <alcove/tbl/kafka_api.def>
#undef KAPI
};

static const char *const decisions[] = {
	[API_REWRITE] = "through", [API_LOCAL] = "here", [API_DENY_E] = "refused", [API_DENY_X] = "never", [API_PENDING] = "not yet",
};

static const char head[] =
	"# Coverage of Kafka's apis\n"
	"\n"
	"<!-- Made by `make docs` from gateway/api/api.def and the tables of messages. -->\n"
	"\n"
	"What a virtual cluster offers its clients. The versions are the most there can be: ApiVersions answers with what this table,\n"
	"the tables of messages and all live brokers have in common. What is not offered is not in ApiVersions, and a client that\n"
	"asks all the same is disconnected, as a broker does with an api it does not have.\n"
	"\n"
	"- **through**: rewritten on its way to a broker and back. *Mapped* says what is looked at in its messages: each such field\n"
	"  is translated, replaced or left out.\n"
	"- **here**: answered by the gateway; nothing goes upstream.\n"
	"- **refused**: offered, since brokers have it and tools ask for it, and always answered with CLUSTER_AUTHORIZATION_FAILED: it is\n"
	"  the platform's.\n"
	"- **never**: between brokers and controllers, removed from Kafka, or telemetry of clients, which a broker's plugin would take for the\n"
	"  gateway's own: clients that do not find it push nothing.\n"
	"- **not yet**: not offered until it is made.\n"
	"\n"
	"*Permission* is what the tenant's principal needs, by the rules of the tenant. *Tested by* names unit tests\n"
	"(`tests/unit/gateway/api`) and end-to-end tests (`tests/broker`); what is offered is also in the sweeps of `tests/isolation`\n"
	"in each version.\n"
	"\n"
	"| key | api | versions | decision | mapped | permission | tested by |\n"
	"|---:|---|---|---|---|---|---|\n";

/* What readers want to know of; other kinds pass, or need no word. */
static const struct {
	const char *word;
	uint64_t    kinds;
} words[] = {
#define K(kind) (UINT64_C(1) << KFK_KIND_##kind)
	{ "topics", K(TOPIC_NAME) },
	{ "topic ids", K(TOPIC_ID) },
	{ "groups", K(GROUP_ID) },
	{ "transactional ids", K(TXN_ID) },
	{ "coordinator keys", K(COORDINATOR_KEY) },
	{ "resources", K(RESOURCE_NAME) },
	{ "patterns", K(TOPIC_REGEX) | K(TXN_REGEX) },
	{ "embedded names", K(SUBSCRIPTION) | K(ASSIGNMENT) },
	{ "brokers", K(BROKER_ID) | K(HOST) | K(PORT) },
	{ "racks", K(RACK) },
	{ "cluster id", K(CLUSTER_ID) },
	{ "sessions", K(SESSION_ID) | K(SESSION_EPOCH) },
	{ "clients' hosts", K(CLIENT_HOST) },
	{ "directories", K(LOG_DIR) },
	{ "configs", K(CONFIG_NAME) | K(CONFIG_VALUE) },
	{ "texts", K(ERROR_TEXT) },
	{ "authorized operations", K(AUTH_OPS) },
	{ "what followers send", K(REPLICA_ID) | K(FOLLOWER) },
#undef K
};

static uint64_t
kinds_of(const struct api_def *d)
{
	uint64_t kinds = 0;

	for (int dir = KFK_REQUEST; dir <= KFK_RESPONSE; dir++) {
		const struct kfk_schema *s = kfk_schema_find(d->key, (enum kfk_dir)dir);

		for (uint16_t i = 0; s != NULL && i < s->nfields; i++)
			if (s->fields[i].in.lo <= d->hi && s->fields[i].in.hi >= d->lo)
				kinds |= UINT64_C(1) << s->fields[i].kind;
	}
	return kinds;
}

static void
mapped(struct alv_buf *out, const struct api_def *d)
{
	uint64_t    kinds = kinds_of(d);
	const char *comma = "";

	for (size_t i = 0; i < ALV_COUNT(words); i++) {
		if (!(kinds & words[i].kinds))
			continue;
		alv_buf_printf(out, "%s%s", comma, words[i].word);
		comma = ", ";
	}
}

static void
row(struct alv_buf *out, const char *name, const struct api_def *d)
{
	if (d->request == NULL) {
		alv_buf_printf(out, "| %d | %s | | %s | | | |\n", d->key, name, decisions[d->decision]);
		return;
	}
	alv_buf_printf(out, "| %d | **%s** | %d–%d | %s | ", d->key, name, d->lo, d->hi, decisions[d->decision]);
	if (d->decision == API_REWRITE)
		mapped(out, d);
	alv_buf_printf(out, " | %s | %s |\n", d->permission, d->tested);
}

void
api_coverage(struct alv_buf *out)
{
	alv_buf_z(out, head);
	for (size_t i = 0; i < ALV_COUNT(keys); i++)
		row(out, keys[i].name, api_def_row(keys[i].key));
}
