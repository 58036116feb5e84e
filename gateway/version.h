/* What this build calls itself. */
#ifndef ALCOVE_VERSION
#define ALCOVE_VERSION "0.1.0"
#endif
