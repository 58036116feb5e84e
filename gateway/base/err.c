/* The texts of err.def. */
#include <alcove/err.h>

#include <ctype.h>

static const char *const texts[ALV_E_COUNT] = {
	[ALV_OK] = "no error",
#define ERR(name, text) [ALV_E_##name] = text,
#include <alcove/tbl/err.def>
#undef ERR
};

/* Lower-case spellings, so that labels need no conversion at run time. */
#define ALV_NAME_MAX 24
static char names[ALV_E_COUNT][ALV_NAME_MAX] = {
	[ALV_OK] = "ok",
#define ERR(name, text) [ALV_E_##name] = #name,
#include <alcove/tbl/err.def>
#undef ERR
};

__attribute__((constructor)) static void
lower_names(void)
{
	for (size_t i = 0; i < ALV_E_COUNT; i++)
		for (char *p = names[i]; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
}

static bool
known(enum alv_err e)
{
	return (unsigned)e < ALV_E_COUNT;
}

const char *
alv_err_text(enum alv_err e)
{
	return known(e) ? texts[e] : "an unknown error";
}

const char *
alv_err_name(enum alv_err e)
{
	return known(e) ? names[e] : "unknown";
}
