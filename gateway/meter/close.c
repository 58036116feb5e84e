/* The names and texts of close.def. */
#include <alcove/meter.h>

#include <ctype.h>

static const struct {
	const char *text;
	int	    fault;
} rows[MET_CLOSES] = {
#define CLOSE(name, text, fault) [MET_CLOSE_##name] = { text, fault },
#include <alcove/tbl/close.def>
#undef CLOSE
};

/* Lower-case spellings, so that labels need no conversion at run time. */
#define NAME_MAX_BYTES 24
static char names[MET_CLOSES][NAME_MAX_BYTES] = {
#define CLOSE(name, text, fault) [MET_CLOSE_##name] = #name,
#include <alcove/tbl/close.def>
#undef CLOSE
};

__attribute__((constructor)) static void
lower_names(void)
{
	for (size_t i = 0; i < MET_CLOSES; i++)
		for (char *p = names[i]; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
}

const char *
met_close_name(enum met_close c)
{
	return (unsigned)c < MET_CLOSES ? names[c] : "unknown";
}

const char *
met_close_text(enum met_close c)
{
	return (unsigned)c < MET_CLOSES ? rows[c].text : "an unknown reason";
}

int
met_close_fault(enum met_close c)
{
	return (unsigned)c < MET_CLOSES ? rows[c].fault : 3;
}
