/* Makes the n-th call of a kind fail, in a process that was started with this library preloaded. A test says which by a
 * page of memory that both have mapped (the file that FAULT_PAGE names), so one process is driven through all n:
 *
 *   write call, err, at, many, own, thread; then armed = 1	what follows is counted, and fails from the at-th on
 *   armed = 0; read seen, failed
 *
 * err > 0: fails with that errno. err < 0: no failure, but a read or write of one byte at most.
 * own: only calls from the program itself, not from libraries. thread: only in threads whose names begin so.
 * Nothing here allocates, and allocation goes to libc or a sanitizer by name: the dynamic linker allocates before us. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { MALLOC, ACCEPT4, SOCKET, CONNECT, EPOLL_ADD, EPOLL_WAIT, RECV, SEND, OPEN, READ, WRITE, SYNC, PWRITE, PREAD, EVENTFD, GETRANDOM, THREAD };

/* As tests/fault/calls.py packs it. */
struct page {
	_Atomic int32_t armed;
	int32_t		call, err, own;
	int64_t		at, many;
	char		thread[16];
	_Atomic int64_t seen, failed;
};

static struct page *page;
static uintptr_t    own_begin, own_end;

static int
find_program(struct dl_phdr_info *i, size_t n, void *arg)
{
	(void)n;
	(void)arg;
	for (int k = 0; k < i->dlpi_phnum; k++) {
		const ElfW(Phdr) *p = &i->dlpi_phdr[k];

		if (p->p_type == PT_LOAD && p->p_flags & PF_X) {
			own_begin = i->dlpi_addr + p->p_vaddr;
			own_end = own_begin + p->p_memsz;
		}
	}
	return 1;	/* the program is the first */
}

__attribute__((constructor)) static void
map_page(void)
{
	const char *file = getenv("FAULT_PAGE");
	int	    fd = file == NULL ? -1 : open(file, O_RDWR | O_CLOEXEC);
	void	   *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	dl_iterate_phdr(find_program, NULL);
	if (p != MAP_FAILED)
		page = p;
}

static bool
is_thread(void)
{
	char name[16] = "";

	return page->thread[0] == '\0' ||
	    (prctl(PR_GET_NAME, name) == 0 && strncmp(name, page->thread, strnlen(page->thread, sizeof(page->thread))) == 0);
}

/* True: this call is one of those that fail; errno is set. */
static bool
fails(enum call c, const void *from)
{
	int64_t n;

	if (page == NULL || !atomic_load_explicit(&page->armed, memory_order_acquire) || page->call != (int32_t)c)
		return false;
	if (page->own && ((uintptr_t)from < own_begin || (uintptr_t)from >= own_end))
		return false;
	if (!is_thread())
		return false;
	n = atomic_fetch_add(&page->seen, 1) + 1;
	if (n < page->at || n >= page->at + page->many)
		return false;
	atomic_fetch_add(&page->failed, 1);
	if (page->err > 0)
		errno = page->err;
	return true;
}

#define FROM __builtin_return_address(0)
/* True: it is to be short, not to fail. */
#define SHORT (page->err < 0)

/* The function of that name behind this library. */
#define NEXT(name)                                                                                                             \
	static __typeof__(name) *next;                                                                                         \
	if (next == NULL)                                                                                                      \
		next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* ---- memory ----------------------------------------------------------------------------------------------------- */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t each);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);
void *__interceptor_malloc(size_t n) __attribute__((weak));
void *__interceptor_calloc(size_t n, size_t each) __attribute__((weak));
void *__interceptor_realloc(void *p, size_t n) __attribute__((weak));
void *__interceptor_aligned_alloc(size_t align, size_t n) __attribute__((weak));

static void *
get(size_t n)
{
	return __interceptor_malloc != NULL ? __interceptor_malloc(n) : __libc_malloc(n);
}

static void *
resize(void *p, size_t n)
{
	return __interceptor_realloc != NULL ? __interceptor_realloc(p, n) : __libc_realloc(p, n);
}

void *
malloc(size_t n)
{
	return fails(MALLOC, FROM) ? NULL : get(n);
}

void *
calloc(size_t n, size_t each)
{
	if (fails(MALLOC, FROM))
		return NULL;
	return __interceptor_calloc != NULL ? __interceptor_calloc(n, each) : __libc_calloc(n, each);
}

void *
realloc(void *p, size_t n)
{
	return fails(MALLOC, FROM) ? NULL : resize(p, n);
}

void *
reallocarray(void *p, size_t n, size_t each)
{
	size_t all;

	if (__builtin_mul_overflow(n, each, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return fails(MALLOC, FROM) ? NULL : resize(p, all);
}

void *
aligned_alloc(size_t align, size_t n)
{
	if (fails(MALLOC, FROM))
		return NULL;
	return __interceptor_aligned_alloc != NULL ? __interceptor_aligned_alloc(align, n) : __libc_memalign(align, n);
}

char *
strndup(const char *s, size_t most)
{
	size_t n = strnlen(s, most);
	char  *p = fails(MALLOC, FROM) ? NULL : get(n + 1);

	if (p != NULL) {
		memcpy(p, s, n);
		p[n] = '\0';
	}
	return p;
}

char *
strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char  *p = fails(MALLOC, FROM) ? NULL : get(n);

	return p == NULL ? NULL : memcpy(p, s, n);
}

/* ---- sockets ------------------------------------------------------------------------------------------------------ */

int
accept4(int fd, __SOCKADDR_ARG a, socklen_t *n, int flags)
{
	NEXT(accept4);
	return fails(ACCEPT4, FROM) ? -1 : next(fd, a, n, flags);
}

int
socket(int domain, int type, int protocol)
{
	NEXT(socket);
	return fails(SOCKET, FROM) ? -1 : next(domain, type, protocol);
}

int
connect(int fd, __CONST_SOCKADDR_ARG a, socklen_t n)
{
	NEXT(connect);
	return fails(CONNECT, FROM) ? -1 : next(fd, a, n);
}

/* Adding needs memory in the kernel; changing and taking out cannot fail. */
int
epoll_ctl(int ep, int op, int fd, struct epoll_event *e)
{
	NEXT(epoll_ctl);
	return op == EPOLL_CTL_ADD && fails(EPOLL_ADD, FROM) ? -1 : next(ep, op, fd, e);
}

int
epoll_wait(int ep, struct epoll_event *e, int n, int ms)
{
	NEXT(epoll_wait);
	return fails(EPOLL_WAIT, FROM) ? -1 : next(ep, e, n, ms);
}

ssize_t
recv(int fd, void *p, size_t n, int flags)
{
	NEXT(recv);
	if (!fails(RECV, FROM))
		return next(fd, p, n, flags);
	return SHORT ? next(fd, p, n > 0, flags) : -1;
}

ssize_t
readv(int fd, const struct iovec *v, int n)
{
	NEXT(readv);
	if (!fails(RECV, FROM))
		return next(fd, v, n);
	return SHORT ? next(fd, &(struct iovec){ .iov_base = v->iov_base, .iov_len = v->iov_len > 0 }, 1) : -1;
}

ssize_t
send(int fd, const void *p, size_t n, int flags)
{
	NEXT(send);
	if (!fails(SEND, FROM))
		return next(fd, p, n, flags);
	return SHORT ? next(fd, p, n > 0, flags) : -1;
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	NEXT(sendmsg);
	struct iovec  one;
	struct msghdr few = *m;

	if (!fails(SEND, FROM))
		return next(fd, m, flags);
	if (!SHORT || m->msg_iovlen == 0)
		return -1;
	one = (struct iovec){ .iov_base = m->msg_iov->iov_base, .iov_len = m->msg_iov->iov_len > 0 };
	few.msg_iov = &one;
	few.msg_iovlen = 1;
	return next(fd, &few, flags);
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

static mode_t
mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

int
open(const char *path, int flags, ...)
{
	NEXT(open);
	va_list ap;
	mode_t	mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return fails(OPEN, FROM) ? -1 : next(path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	NEXT(open64);
	va_list ap;
	mode_t	mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return fails(OPEN, FROM) ? -1 : next(path, flags, mode);
}

ssize_t
read(int fd, void *p, size_t n)
{
	NEXT(read);
	return fails(READ, FROM) ? -1 : next(fd, p, n);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	NEXT(write);
	return fails(WRITE, FROM) ? -1 : next(fd, p, n);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	NEXT(pwrite64);
	return fails(PWRITE, FROM) ? -1 : next(fd, p, n, at);
}

ssize_t
pread64(int fd, void *p, size_t n, off64_t at)
{
	NEXT(pread64);
	return fails(PREAD, FROM) ? -1 : next(fd, p, n, at);
}

int
fdatasync(int fd)
{
	NEXT(fdatasync);
	return fails(SYNC, FROM) ? -1 : next(fd);
}

int
fsync(int fd)
{
	NEXT(fsync);
	return fails(SYNC, FROM) ? -1 : next(fd);
}

/* ---- the rest --------------------------------------------------------------------------------------------------------- */

int
eventfd(unsigned n, int flags)
{
	NEXT(eventfd);
	return fails(EVENTFD, FROM) ? -1 : next(n, flags);
}

ssize_t
getrandom(void *p, size_t n, unsigned flags)
{
	NEXT(getrandom);
	return fails(GETRANDOM, FROM) ? -1 : next(p, n, flags);
}

int
pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
	NEXT(pthread_create);
	return fails(THREAD, FROM) ? EAGAIN : next(t, a, fn, arg);
}
