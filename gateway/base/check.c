/* Where a contradiction of our own ends. */
#include <alcove/check.h>

#include <stdio.h>
#include <stdlib.h>

void
alv_check_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "alcove: contradiction at %s:%d: %s\n", file, line, what);
	abort();
}
