/* Kafka's error codes by number. One row each in kafka_err.def; the table begins at -1 and has no gap. */
#include <alcove/kafka.h>

enum { FIRST = -1 };

struct row {
	int16_t	    code;
	const char *name, *text;
};

static const struct row rows[] = {
#define KCODE(code, name, text) { code, #name, text },
#include <alcove/tbl/kafka_err.def>
#undef KCODE
};

static const struct row *
find(int16_t code)
{
	if (code < FIRST || code - FIRST >= (int)ALV_COUNT(rows))
		return NULL;
	return &rows[code - FIRST];
}

const char *
kfk_code_name(int16_t code)
{
	const struct row *r = find(code);

	return r == NULL ? "UNKNOWN" : r->name;
}

const char *
kfk_code_text(int16_t code)
{
	const struct row *r = find(code);

	return r == NULL ? "An error code that is not known here." : r->text;
}
