/* docs/api-coverage.md and `alcove apis`: every api key there is, and what was decided on it. From api.def and Kafka's list
 * of keys, so that it cannot say what is not so. */
#include "api/kit.h"

enum { BROKER, CONTROLLER, GONE };

static const struct {
	int16_t	    key;
	const char *name;
	int	    who;
} keys[] = {
#define KAPI(key, name, text, who) { key, text, who },
#include <alcove/tbl/kafka_api.def>
#undef KAPI
};

static const char *const why_not[] = {
	[BROKER] = "not offered yet",
	[CONTROLLER] = "between brokers and controllers: never offered",
	[GONE] = "removed from Kafka",
};

static const char head[] =
	"# Coverage of Kafka's apis\n"
	"\n"
	"<!-- Made by `make docs` from gateway/api/api.def. -->\n"
	"\n"
	"What a virtual cluster offers its clients. The versions are the most there can be: ApiVersions answers with what this table,\n"
	"the tables of messages and all live brokers have in common. What is not offered is not in ApiVersions, and a client that\n"
	"asks all the same is disconnected, as a broker does with an api it does not have.\n"
	"\n"
	"- **through**: rewritten on its way to a broker and back; every name, id, node and address is mapped.\n"
	"- **here**: answered by the gateway; nothing goes upstream.\n"
	"\n"
	"| key | api | versions | |\n"
	"|---:|---|---|---|\n";

static void
row(struct alv_buf *out, size_t i)
{
	const struct api_def *d = api_def_find(keys[i].key);

	if (d == NULL)
		alv_buf_printf(out, "| %d | %s | | %s |\n", keys[i].key, keys[i].name, why_not[keys[i].who]);
	else
		alv_buf_printf(out, "| %d | **%s** | %d–%d | %s |\n", keys[i].key, keys[i].name, d->lo, d->hi,
		    d->flags & API_LOCAL ? "here" : "through");
}

void
api_coverage(struct alv_buf *out)
{
	alv_buf_z(out, head);
	for (size_t i = 0; i < ALV_COUNT(keys); i++)
		row(out, i);
}
