/* Tokens and passwords: from files, standard input or the environment, never from arguments; wiped after use. */
#include "admin-api/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

enum { SECRET_MAX = 1024 };

static bool
read_line(int fd, char *out, size_t *n)
{
	char c;

	for (*n = 0; *n < SECRET_MAX;) {
		ssize_t got = read(fd, &c, 1);

		if (got < 0)
			return false;
		if (got == 0 || c == '\n')
			break;
		out[(*n)++] = c;
	}
	if (*n > 0 && out[*n - 1] == '\r')
		(*n)--;
	out[*n] = '\0';
	return true;
}

/* On a terminal: asks, and does not show what is typed. */
static bool
read_input(const char *what, char *out, size_t *n)
{
	struct termios was, quiet;
	bool	       terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &was) == 0, good;

	if (!terminal)
		return read_line(STDIN_FILENO, out, n);
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	fprintf(stderr, "%s: ", what);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	good = read_line(STDIN_FILENO, out, n);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	fprintf(stderr, "\n");
	return good;
}

char *
ctl_secret_read(const char *file, const char *what)
{
	bool   input = strcmp(file, "-") == 0, good = false;
	char  *out = calloc(1, SECRET_MAX + 1);
	int    fd = input ? -1 : open(file, O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	errno = input ? 0 : errno;
	if (out != NULL && (input || fd >= 0))
		good = input ? read_input(what, out, &n) : read_line(fd, out, &n);
	if (!good)
		fprintf(stderr, "alcovectl: the %s cannot be read from %s: %s\n", what, input ? "standard input" : file, strerror(errno));
	else if (n == 0 || n == SECRET_MAX || strlen(out) != n)
		fprintf(stderr, "alcovectl: the %s from %s: found %s, expected one line of 1 to %d bytes\n", what, input ? "standard input" : file,
		    n == 0 ? "nothing" : n == SECRET_MAX ? "too much" : "a NUL", SECRET_MAX - 1);
	if (fd >= 0)
		close(fd);
	if (good && n > 0 && n < SECRET_MAX && strlen(out) == n)
		return out;
	ctl_secret_free(out);
	return NULL;
}

void
ctl_secret_free(char *s)
{
	if (s == NULL)
		return;
	explicit_bzero(s, SECRET_MAX);
	free(s);
}

char *
ctl_secret_token(const struct ctl_options *o)
{
	const char *file = o->token_file != NULL ? o->token_file : getenv("ALCOVE_TOKEN_FILE"), *token = getenv("ALCOVE_TOKEN");
	char	   *out;

	if (file != NULL && *file != '\0')
		return ctl_secret_read(file, "token");
	if (token == NULL || *token == '\0' || strlen(token) >= SECRET_MAX) {
		fprintf(stderr, "alcovectl: found no token, expected --token-file, ALCOVE_TOKEN_FILE or ALCOVE_TOKEN\n");
		return NULL;
	}
	out = calloc(1, SECRET_MAX + 1);
	if (out != NULL)
		memcpy(out, token, strlen(token));
	return out;
}
