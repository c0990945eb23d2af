/* Calls while a thread ends, and while the process does: when destructors run. */
#include "children.h"

#include <pthread.h>

static nexus_fs *shared;
static pthread_key_t key;

static void write_at_the_end(void *path)
{
    OK(nexus_write(shared, (const char *)path, BYTES("x"), ERR));
    EXPECT_HAS(children(shared, "/at"), "/at/work");
}

static void *call_and_end(void *path)
{
    OK(nexus_write(shared, "/at/work", BYTES("x"), ERR));
    EXPECT_INT(pthread_setspecific(key, path), 0);
    return NULL;
}

static void a_thread_calls_while_it_ends(void)
{
    static char path[] = "/at/the/end";
    pthread_t thread;
    shared = open_store("");
    EXPECT_INT(pthread_key_create(&key, write_at_the_end), 0);
    EXPECT_INT(pthread_create(&thread, NULL, call_and_end, path), 0);
    EXPECT_INT(pthread_join(thread, NULL), 0);
    EXPECT_STR(get(shared, path), "x");
    put(shared, "/afterwards", "x");
    EXPECT_INT(pthread_key_delete(key), 0);
    close_store(shared);
}

static int32_t go_on(void *user, uint64_t done, uint64_t total, const char *what)
{
    (void)user;
    (void)done;
    (void)total;
    (void)what;
    return 0;
}

static void use_and_close(void)
{
    put(shared, "/at/exit", "x");
    OK(nexus_gc(shared, go_on, NULL, NULL, ERR));
    EXPECT_STR(get(shared, "/at/exit"), "x");
    close_store(shared);
    EXPECT_INT(nexus_live_objects(), 0);
}

static void exit_with_an_open_store(void *user)
{
    (void)user;
    shared = open_store("");
    EXPECT_INT(atexit(use_and_close), 0);
    put(shared, "/before", "x");
    OK(nexus_gc(shared, go_on, NULL, NULL, ERR));
    exit(0);
}

static void a_process_calls_while_it_ends(void)
{
    pid_t child = spawn(exit_with_an_open_store, NULL);
    nexus_fs *fs;
    join_all(&child, 1);
    fs = open_store("");
    EXPECT_STR(get(fs, "/at/exit"), "x");
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_thread_calls_while_it_ends);
    RUN(a_process_calls_while_it_ends);
    return finish();
}
