// C11 threads over POSIX ones. The thread sanitizer knows pthread_* only, and librdkafka, which is
// not built with it, uses thrd_*, mtx_* and cnd_*: the executable's definitions come first, so that
// the sanitizer sees the library's threads and locks. glibc gives both families the same layouts.
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "mutexes have one layout");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "conditions have one layout");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "threads have one layout");

struct start {
	thrd_start_t function;
	void *arg;
};

static int
outcome(int error)
{
	switch (error) {
	case 0:
		return thrd_success;
	case EBUSY:
		return thrd_busy;
	case ETIMEDOUT:
		return thrd_timedout;
	case ENOMEM:
		return thrd_nomem;
	default:
		return thrd_error;
	}
}

static void *
run(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	start.function(start.arg);
	return NULL;
}

int
thrd_create(thrd_t *thread, thrd_start_t function, void *arg)
{
	struct start *start = malloc(sizeof(*start));

	*start = (struct start){function, arg};
	return outcome(pthread_create(thread, NULL, run, start));
}

int
thrd_join(thrd_t thread, int *result)
{
	if (result)
		*result = 0;
	return outcome(pthread_join(thread, NULL));
}

int
thrd_detach(thrd_t thread)
{
	return outcome(pthread_detach(thread));
}

int
mtx_init(mtx_t *m, int type)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
	return outcome(pthread_mutex_init((pthread_mutex_t *)m, &attr));
}

void
mtx_destroy(mtx_t *m)
{
	pthread_mutex_destroy((pthread_mutex_t *)m);
}

int
mtx_lock(mtx_t *m)
{
	return outcome(pthread_mutex_lock((pthread_mutex_t *)m));
}

int
mtx_trylock(mtx_t *m)
{
	return outcome(pthread_mutex_trylock((pthread_mutex_t *)m));
}

int
mtx_unlock(mtx_t *m)
{
	return outcome(pthread_mutex_unlock((pthread_mutex_t *)m));
}

int
cnd_init(cnd_t *c)
{
	return outcome(pthread_cond_init((pthread_cond_t *)c, NULL));
}

void
cnd_destroy(cnd_t *c)
{
	pthread_cond_destroy((pthread_cond_t *)c);
}

int
cnd_signal(cnd_t *c)
{
	return outcome(pthread_cond_signal((pthread_cond_t *)c));
}

int
cnd_broadcast(cnd_t *c)
{
	return outcome(pthread_cond_broadcast((pthread_cond_t *)c));
}

int
cnd_wait(cnd_t *c, mtx_t *m)
{
	return outcome(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

int
cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
	return outcome(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}
