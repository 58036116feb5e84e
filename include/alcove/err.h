/* One enum for every failure of our own calls. 0 is success, so a result reads as a question:
 * `if (err) return err;`. */
#ifndef ALCOVE_ERR_H
#define ALCOVE_ERR_H

#include <alcove/base.h>

enum alv_err {
	ALV_OK = 0,
#define ERR(name, text) ALV_E_##name,
#include <alcove/tbl/err.def>
#undef ERR
	ALV_E_COUNT
};

/* Static text, never NULL, for any value. */
const char *alv_err_text(enum alv_err e);
/* The name in lower case ("unknown_key"), for labels. Static, never NULL. */
const char *alv_err_name(enum alv_err e);

#endif
