/* Checks of our own contradictions. Never for what a peer or an operator sent:
 * that is a refused request, a closed connection with a reason, or an error text. */
#ifndef ALCOVE_CHECK_H
#define ALCOVE_CHECK_H

#include <stdint.h>

/* Prints file, line and expression to standard error and aborts. Any thread. */
_Noreturn void alv_check_failed(const char *file, int line, const char *what);

/* Must hold in every build. */
#define ALV_CHECK(e) \
	do { \
		if (__builtin_expect(!(e), 0)) \
			alv_check_failed(__FILE__, __LINE__, #e); \
	} while (0)

/* Too costly for every build: sanitizer builds only. */
#ifdef ALV_PARANOID
#define ALV_CHECK_SLOW(e) ALV_CHECK(e)
#else
#define ALV_CHECK_SLOW(e) ((void)0)
#endif

/* Objects that travel through void pointers begin with `uint32_t magic` and are
 * checked at every door. */
#define ALV_CHECK_OBJ(p, m) \
	do { \
		ALV_CHECK((p) != NULL); \
		ALV_CHECK((p)->magic == (m)); \
	} while (0)

#endif
