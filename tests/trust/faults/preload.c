/* Calls that change files below one folder are counted; one of them fails or ends the run.

   Preloaded into a process and all that it starts. The control file is shared by all of them:
   FAULTS names it, and tests/trust/faults/device.py writes it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CALLS = 4096, NAME = 240, KILL = -1 };

struct control {
    int64_t count, at; /* calls so far; the number of the one that fails, 0 for none */
    int32_t error, lasts; /* errno or KILL; whether later calls that take space fail too */
    char root[496];
    char calls[CALLS][NAME];
};

static struct control *shared(void) {
    static struct control *control;
    if (!control && getenv("FAULTS")) {
        int (*opened)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
        int file = opened(getenv("FAULTS"), O_RDWR | O_CLOEXEC);
        if (file < 0) return NULL;
        control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        close(file);
        if (control == MAP_FAILED) abort();
    }
    return control;
}

static int faulty(const char *call, const char *path, int takes_space) {
    struct control *control = shared();
    size_t length = control ? strlen(control->root) : 0;
    if (!length || strncmp(path, control->root, length)) return 0;
    int64_t number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
    if (number <= CALLS) snprintf(control->calls[number - 1], NAME, "%s %s", call, path + length);
    int now = number == control->at;
    if (control->lasts && control->at && number > control->at) now = takes_space;
    if (!now) return 0;
    if (control->error == KILL) {
        kill(0, SIGKILL);
        for (;;) pause();
    }
    errno = control->error;
    return 1;
}

static int faulty_file(const char *call, int file, int takes_space) {
    char link[64], path[4096];
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = kept;
    if (length <= 0) return 0;
    path[length] = 0;
    return faulty(call, path, takes_space);
}

#define REAL(name, ...) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
    return real(__VA_ARGS__)

#define OPEN(name, path, ...) \
    { \
        mode_t mode = 0; \
        if (flags & (O_CREAT | __O_TMPFILE)) { \
            va_list rest; \
            va_start(rest, flags); \
            mode = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && faulty("open", path, flags & O_CREAT)) \
            return -1; \
        REAL(name, __VA_ARGS__, flags, mode); \
    }

int open(const char *path, int flags, ...) OPEN(open, path, path)
int open64(const char *path, int flags, ...) OPEN(open64, path, path)
int openat(int at, const char *path, int flags, ...) OPEN(openat, path, at, path)
int openat64(int at, const char *path, int flags, ...) OPEN(openat64, path, at, path)

ssize_t write(int file, const void *bytes, size_t size) {
    if (faulty_file("write", file, 1)) return -1;
    REAL(write, file, bytes, size);
}
ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
    if (faulty_file("write", file, 1)) return -1;
    REAL(pwrite, file, bytes, size, offset);
}
ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset) {
    if (faulty_file("write", file, 1)) return -1;
    REAL(pwrite64, file, bytes, size, offset);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
    if (faulty_file("write", file, 1)) return -1;
    REAL(writev, file, parts, count);
}
int fsync(int file) {
    if (faulty_file("fsync", file, 0)) return -1;
    REAL(fsync, file);
}
int fdatasync(int file) {
    if (faulty_file("fsync", file, 0)) return -1;
    REAL(fdatasync, file);
}
int ftruncate(int file, off_t size) {
    if (faulty_file("truncate", file, 1)) return -1;
    REAL(ftruncate, file, size);
}
int ftruncate64(int file, off64_t size) {
    if (faulty_file("truncate", file, 1)) return -1;
    REAL(ftruncate64, file, size);
}
int rename(const char *from, const char *to) {
    if (faulty("rename", to, 0)) return -1;
    REAL(rename, from, to);
}
int renameat(int from_at, const char *from, int to_at, const char *to) {
    if (faulty("rename", to, 0)) return -1;
    REAL(renameat, from_at, from, to_at, to);
}
int mkdir(const char *path, mode_t mode) {
    if (faulty("mkdir", path, 1)) return -1;
    REAL(mkdir, path, mode);
}
int unlink(const char *path) {
    if (faulty("unlink", path, 0)) return -1;
    REAL(unlink, path);
}
int rmdir(const char *path) {
    if (faulty("rmdir", path, 0)) return -1;
    REAL(rmdir, path);
}
