/* Is this request head one that every HTTP implementation reads the same way? */
#ifndef ADMIN_API_RAW_H
#define ADMIN_API_RAW_H

#include <alcove/str.h>

/* head: from the request line on, at least to the empty line. NULL when it is fine, else what is wrong with it, for a
 * person: static text that needs no escaping in JSON. */
const char *adm_raw_check(struct alv_str head) ALV_MUST;

#endif
