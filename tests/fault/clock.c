/* Shifts the wall clock of a process that was started with this library preloaded, by the milliseconds that stand in the
 * page of memory of the file that FAULT_CLOCK names. The monotonic clock goes on as it is, as when somebody sets the time. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift_ms;

__attribute__((constructor)) static void
map_page(void)
{
	const char *file = getenv("FAULT_CLOCK");
	int	    fd = file == NULL ? -1 : open(file, O_RDONLY | O_CLOEXEC);
	void	   *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*shift_ms), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		shift_ms = p;
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	static int (*next)(clockid_t, struct timespec *);
	int	   r;

	if (next == NULL)
		next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	r = next(id, t);
	if (r == 0 && shift_ms != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += *shift_ms / 1000;
	return r;
}

int
gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	*t = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec now = { 0 };
	time_t		t;

	clock_gettime(CLOCK_REALTIME, &now);
	t = now.tv_sec;
	if (out != NULL)
		*out = t;
	return t;
}
