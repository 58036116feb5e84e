/* One datagram per state. Nothing waits for it and nothing depends on it. */
#include "life/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or with a leading @ a name in the abstract namespace. */
static socklen_t
address_of(const char *where, struct sockaddr_un *a)
{
	size_t n = strlen(where);

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n < 2 || n >= sizeof(a->sun_path) || (where[0] != '/' && where[0] != '@'))
		return 0;
	memcpy(a->sun_path, where, n);
	if (where[0] == '@')
		a->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

bool
lif_notify(const char *state)
{
	const char	  *where = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a;
	socklen_t	   n = where == NULL ? 0 : address_of(where, &a);
	ssize_t		   sent;
	int		   fd;

	if (n == 0)
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&a, n);
	close(fd);
	return sent == (ssize_t)strlen(state);
}

static uint64_t
number(const char *name)
{
	const char	  *text = getenv(name);
	char		  *end;
	unsigned long long v;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	v = strtoull(text, &end, 10);
	return errno != 0 || *end != '\0' ? 0 : v;
}

uint64_t
lif_notify_watchdog_us(void)
{
	uint64_t pid = number("WATCHDOG_PID");

	return pid != 0 && pid != (uint64_t)getpid() ? 0 : number("WATCHDOG_USEC");
}
