/*
 * Preloaded into a node: its wall clock is off by the nanoseconds in the file that CHAOS_CLOCK names, which may change while it runs. Other
 * clocks are left alone. kvd looks clock_gettime up by name, so dlsym is replaced as well.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t no_offset;
static volatile int64_t *offset_ns = &no_offset;

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("CHAOS_CLOCK");
    int descriptor = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (descriptor < 0) return;
    void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, descriptor, 0);
    if (mapped != MAP_FAILED) offset_ns = mapped;
    close(descriptor);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME)
    {
        int64_t ns = time->tv_sec * INT64_C(1000000000) + time->tv_nsec + *offset_ns;
        time->tv_sec = ns / 1000000000;
        time->tv_nsec = ns % 1000000000;
    }

    return result;
}

void *dlsym(void *handle, const char *name)
{
    static void *(*original)(void *, const char *);
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5"};
    for (int i = 0; original == NULL && i < 3; i++) original = dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    return strcmp(name, "clock_gettime") == 0 ? (void *)clock_gettime : original(handle, name);
}
