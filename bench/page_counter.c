/* Preloaded into the benchmark, counts what SQLite reads and writes: one call for each page that is not
 * in its cache, and the pages that it appends to the log. Nexus appends several at once, each behind the 24 bytes of its
 * frame's header. Smaller sizes (headers of the log's frames and of the files) are left out. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE 4096

typedef ssize_t (*read_call)(int, void *, size_t, off64_t);
typedef ssize_t (*write_call)(int, const void *, size_t, off64_t);

static atomic_uint_fast64_t pages_read;
static atomic_uint_fast64_t pages_written;

ssize_t pread64(int file, void *buffer, size_t size, off64_t offset)
{
    static read_call next;
    if (next == NULL) {
        *(void **)&next = dlsym(RTLD_NEXT, "pread64");
    }
    atomic_fetch_add(&pages_read, size == PAGE);
    return next(file, buffer, size, offset);
}

ssize_t pwrite64(int file, const void *buffer, size_t size, off64_t offset)
{
    static write_call next;
    if (next == NULL) {
        *(void **)&next = dlsym(RTLD_NEXT, "pwrite64");
    }
    atomic_fetch_add(&pages_written, size / PAGE);
    return next(file, buffer, size, offset);
}

ssize_t pread(int file, void *buffer, size_t size, off_t offset)
{
    return pread64(file, buffer, size, offset);
}

ssize_t pwrite(int file, const void *buffer, size_t size, off_t offset)
{
    return pwrite64(file, buffer, size, offset);
}

void bench_pages(uint64_t *reads, uint64_t *writes)
{
    *reads = atomic_load(&pages_read);
    *writes = atomic_load(&pages_written);
}
