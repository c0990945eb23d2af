/* Clones: further handles with the same identity, each with interrupts and an end of its own. */
#include "queue.h"

#include <pthread.h>
#include <sched.h>

static nexus_fs *clone_of(nexus_fs *fs)
{
    nexus_fs *clone = NULL;
    OK(nexus_clone(fs, &clone, ERR));
    return clone;
}

static char *config_of(nexus_fs *fs)
{
    char *json = NULL;
    OK(nexus_config(fs, &json, ERR));
    return keep(json);
}

/* An admin's store with three mounts. */
static nexus_fs *open_with_mounts(void)
{
    char *mounts[3];
    const char *names[] = {"models", "data", "logs"};
    int i;
    for (i = 0; i < 3; i++) {
        mounts[i] = text("{\"name\": \"%s\", \"path\": \"/%s\", \"backend\": \"local\", \"root\": \"%s\"}", names[i], names[i],
                         disk(names[i]));
    }
    return open_store(text("\"is_admin\": true, \"mounts\": [%s, %s, %s]", mounts[0], mounts[1], mounts[2]));
}

/* ---- Identity ---------------------------------------------------------------------------------- */

static void a_clone_may_do_what_its_original_may(void)
{
    nexus_fs *admin = open_store("\"is_admin\": true, \"allow_readonly_writes\": true, \"tenant_id\": \"acme\""),
             *clone = clone_of(admin), *bot, *clone_of_bot, *plain;
    put(clone, "/system/motd", "hello");
    put(clone, "/archives/rival/f", "an admin's tenant is no limit");
    OK(nexus_gc(clone, NULL, NULL, NULL, ERR));
    EXPECT_STR(config_of(clone), config_of(admin));

    OK(nexus_with_identity(admin, "acme", "bot", &bot, ERR));
    clone_of_bot = clone_of(bot);
    put(clone_of_bot, "/workspace/acme/bot/f", "mine");
    FAILS(ACCESS_DENIED, nexus_write(clone_of_bot, "/workspace/acme/eve/f", BYTES("x"), ERR));
    FAILS(ACCESS_DENIED, nexus_write(clone_of_bot, "/system/motd", BYTES("x"), ERR));
    EXPECT_STR(config_of(clone_of_bot), config_of(bot));
    OK(nexus_with_identity(clone, NULL, NULL, &plain, ERR));
    FAILS(ACCESS_DENIED, nexus_gc(plain, NULL, NULL, NULL, ERR));

    close_store(plain);
    close_store(clone_of_bot);
    close_store(bot);
    close_store(clone);
    close_store(admin);
}

static void a_clone_has_the_mounts_of_its_original(void)
{
    nexus_fs *admin = open_with_mounts(), *clone = clone_of(admin), *without = open_store("");
    nexus_buffer *buffer = NULL;
    OK(nexus_write(clone, "/models/a", noise(LARGE, 1), LARGE, ERR));
    EXPECT_STR(look(clone, "/models/a").backend_name, "models");
    EXPECT_CONTENT(admin, "/models/a", noise(LARGE, 1), LARGE);
    FAILS(NOT_MOUNTED, nexus_read(without, "/models/a", &buffer, ERR));
    close_store(admin);
    EXPECT_CONTENT(clone, "/models/a", noise(LARGE, 1), LARGE);
    close_store(without);
    close_store(clone);
}

static void a_clone_follows_rules_that_change_later(void)
{
    nexus_fs *fs = open_store("\"tenant_id\": \"acme\""), *clone = clone_of(fs), *admin;
    put(clone, "/later/open", "x");
    OK(nexus_delete(clone, "/later/open", ERR));
    admin = open_store("\"is_admin\": true, \"namespaces\": [{\"name\": \"later\", \"admin_only\": true, \"requires_tenant\": false}]");
    FAILS(ACCESS_DENIED, nexus_write(clone, "/later/open", BYTES("x"), ERR));
    FAILS(ACCESS_DENIED, nexus_write(fs, "/later/open", BYTES("x"), ERR));
    close_store(admin);
    close_store(clone);
    close_store(fs);
}

/* ---- Interrupts and ends ------------------------------------------------------------------------ */

static void put_many(nexus_fs *fs)
{
    nexus_batch *batch = NULL;
    int i;
    OK(nexus_batch_new(fs, &batch, ERR));
    for (i = 0; i < 3000; i++) {
        OK(nexus_batch_write(batch, text("/many/%04d", i), BYTES("x"), NULL, ERR));
    }
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
}

/* What a call meets while it is in flight. */
struct disturbance {
    nexus_status (*call)(nexus_fs *fs, nexus_error **error);
    nexus_fs *victim;
    nexus_status status;
    int done;
};

static int32_t disturb(void *user, uint64_t done, uint64_t total, const char *what)
{
    struct disturbance *disturbance = (struct disturbance *)user;
    (void)done;
    (void)total;
    (void)what;
    if (!disturbance->done) {
        disturbance->done = 1;
        disturbance->status = disturbance->call(disturbance->victim, NULL);
    }
    return 0;
}

/* Exports by `fs` while `call` is made on `victim`. */
static nexus_status export_during(nexus_fs *fs, nexus_status (*call)(nexus_fs *fs, nexus_error **error), nexus_fs *victim)
{
    struct disturbance disturbance;
    nexus_status status;
    memset(&disturbance, 0, sizeof disturbance);
    disturbance.call = call;
    disturbance.victim = victim;
    status = nexus_export_metadata(fs, disk("out"), NULL, disturb, &disturbance, NULL, ERR);
    EXPECT(disturbance.done);
    EXPECT_INT(disturbance.status, NEXUS_STATUS_OK);
    return status;
}

static void an_interrupt_ends_no_call_of_another_clone(void)
{
    nexus_fs *fs = open_store("\"is_admin\": true"), *clone = clone_of(fs), *second = clone_of(clone);
    put_many(fs);
    OK(export_during(fs, nexus_interrupt, clone));
    OK(export_during(clone, nexus_interrupt, fs));
    OK(export_during(second, nexus_interrupt, clone));
    FAILS(CANCELLED, export_during(clone, nexus_interrupt, clone));
    FAILS(CANCELLED, export_during(fs, nexus_interrupt, fs));
    OK(export_during(clone, nexus_interrupt, fs));
    close_store(second);
    close_store(clone);
    close_store(fs);
}

static void an_interrupt_ends_no_stream_of_another_clone(void)
{
    nexus_fs *fs = open_store(""), *clone = clone_of(fs);
    nexus_writer *writer = NULL;
    OK(nexus_writer_open(clone, "/streamed", NULL, &writer, ERR));
    OK(nexus_interrupt(fs, ERR));
    close_store(fs);
    OK(nexus_writer_write(writer, BYTES("whole"), ERR));
    OK(nexus_writer_commit(writer, NULL, ERR));
    EXPECT_STR(get(clone, "/streamed"), "whole");
    close_store(clone);
}

static void a_close_ends_no_call_of_another_clone(void)
{
    nexus_fs *fs = open_store("\"is_admin\": true"), *clone = clone_of(fs), *second = clone_of(fs);
    put_many(fs);
    OK(export_during(fs, nexus_close, second));
    OK(export_during(clone, nexus_close, fs));
    FAILS(MISUSE, nexus_interrupt(fs, ERR));
    put(clone, "/system-wide", "x");
    second = clone_of(clone);
    close_store(clone);
    EXPECT_STR(get(second, "/system-wide"), "x");
    close_store(second);
}

/* ---- A store that was moved ---------------------------------------------------------------------- */

static void a_clone_is_of_the_open_store_wherever_its_directory_is(void)
{
    nexus_fs *admin = open_with_mounts(), *clone, *other;
    put(admin, "/before", "1");
    item(admin, "/queue/a", READY);
    item(admin, "/queue/b", READY);
    EXPECT_INT(rename(disk("store"), disk("moved")), 0);

    clone = clone_of(admin);
    EXPECT(access(disk("store"), F_OK) != 0);
    EXPECT_STR(get(clone, "/before"), "1");
    put(clone, "/after", "2");
    EXPECT_STR(get(admin, "/after"), "2");
    EXPECT_STR(claim(clone, "/queue", 60000).path, "/queue/a");
    EXPECT_STR(claim(admin, "/queue", 60000).path, "/queue/b");
    close_store(clone);

    /* Another store where the first one was is another store. */
    other = open_store("");
    clone = clone_of(admin);
    put(clone, "/still", "3");
    EXPECT_INT(exists(other, "/still"), 0);
    EXPECT_STR(get(admin, "/still"), "3");
    close_store(other);
    close_store(admin);
    EXPECT_STR(get(clone, "/still"), "3");
    close_store(clone);
}

/* ---- Threads ------------------------------------------------------------------------------------- */

#define CLONERS 4

struct cloner {
    nexus_fs *fs;
    pthread_t thread;
    int made;
};

/* Clones a handle until it is closed: every clone is whole. */
static void *clone_until_closed(void *user)
{
    struct cloner *cloner = (struct cloner *)user;
    for (;;) {
        nexus_fs *clone = NULL;
        nexus_status status = nexus_clone(cloner->fs, &clone, NULL);
        if (status != NEXUS_STATUS_OK) {
            EXPECT_INT(status, NEXUS_STATUS_MISUSE);
            EXPECT(clone == NULL);
            return NULL;
        }
        EXPECT(exists(clone, "/f"));
        OK(nexus_close(clone, ERR));
        __atomic_add_fetch(&cloner->made, 1, __ATOMIC_RELEASE);
    }
}

static void a_clone_is_made_or_refused_while_its_original_is_closed(void)
{
    struct cloner cloners[CLONERS];
    nexus_fs *fs = open_store(""), *shared = clone_of(fs);
    int i;
    put(fs, "/f", "x");
    memset(cloners, 0, sizeof cloners);
    for (i = 0; i < CLONERS; i++) {
        cloners[i].fs = shared;
        EXPECT_INT(pthread_create(&cloners[i].thread, NULL, clone_until_closed, &cloners[i]), 0);
    }
    for (i = 0; i < CLONERS; i++) {
        while (__atomic_load_n(&cloners[i].made, __ATOMIC_ACQUIRE) < 10) {
            sched_yield();
        }
    }
    close_store(shared);
    for (i = 0; i < CLONERS; i++) {
        EXPECT_INT(pthread_join(cloners[i].thread, NULL), 0);
    }
    EXPECT_INT(nexus_live_objects(), 1);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(a_clone_may_do_what_its_original_may);
    RUN(a_clone_has_the_mounts_of_its_original);
    RUN(a_clone_follows_rules_that_change_later);
    RUN(an_interrupt_ends_no_call_of_another_clone);
    RUN(an_interrupt_ends_no_stream_of_another_clone);
    RUN(a_close_ends_no_call_of_another_clone);
    RUN(a_clone_is_of_the_open_store_wherever_its_directory_is);
    RUN(a_clone_is_made_or_refused_while_its_original_is_closed);
    return finish();
}
