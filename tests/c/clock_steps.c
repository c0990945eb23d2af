/*
 * Steps of the wall's clock while leases run: none is revived, none is killed.
 *
 * Runs with wall_clock_shift.c preloaded, and first makes sure that this is in effect.
 */
#include "children.h"
#include "queue.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

#define DAY ((int64_t)86400)
#define MICROSECONDS 1000000

static void (*shift_wall_clock)(int64_t seconds);
static uint64_t (*wall_clock_reads)(void);

/* The kernel's own time, which no library shifts. */
static int64_t true_wall(void)
{
    struct timespec now;
    EXPECT(syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * MICROSECONDS + now.tv_nsec / 1000;
}

static int64_t true_boot(void)
{
    struct timespec now;
    EXPECT(syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now) == 0);
    return (int64_t)now.tv_sec * MICROSECONDS + now.tv_nsec / 1000;
}

static void expect_near(const char *what, int64_t got, int64_t wanted)
{
    int64_t off = got > wanted ? got - wanted : wanted - got;
    if (off > 60 * (int64_t)MICROSECONDS) {
        FAIL("%s is %" PRId64 " s away from what it should be", what, off / MICROSECONDS);
    }
}

static void the_library_sees_the_shifted_wall_clock(void)
{
    static const int64_t shifts[] = {0, DAY, -DAY, 365 * DAY};
    size_t i;
    nexus_fs *fs = open_store("");
    for (i = 0; i < sizeof shifts / sizeof shifts[0]; i++) {
        uint64_t reads = wall_clock_reads();
        struct timespec boot;
        shift_wall_clock(shifts[i]);
        put(fs, text("/file%d", (int)i), "x");
        EXPECT(wall_clock_reads() > reads);
        /* Times of changes only grow within a process, so a step back shows in a lease's display alone. */
        item(fs, text("/item%d", (int)i), READY);
        (void)claim(fs, text("/item%d", (int)i), 1000);
        if (shifts[i] >= 0) {
            expect_near("the time of a file", look(fs, text("/file%d", (int)i)).created_at, true_wall() + shifts[i] * MICROSECONDS);
        }
        EXPECT(clock_gettime(CLOCK_BOOTTIME, &boot) == 0);
        expect_near("the boot clock", (int64_t)boot.tv_sec * MICROSECONDS, true_boot());
    }
    close_store(fs);
}

static void a_step_forward_kills_no_lease(void)
{
    lease mine;
    nexus_fs *fs = open_store("");
    item(fs, "/job", READY);
    mine = claim(fs, NULL, 600000);
    shift_wall_clock(DAY);
    EXPECT_STR(claimed(fs, NULL, 9), "");
    EXPECT_INT(work_wait(fs, NULL, 0), 0);
    EXPECT_STR(json(explain(fs, "/job"), "lease_expired"), "false");
    FAILS(CONFLICT, nexus_set_meta(fs, "/job", "worker_id", "\"thief\"", ERR));
    OK(nexus_work_heartbeat(fs, mine.path, mine.token, 600000, ERR));
    shift_wall_clock(2 * DAY);
    OK(nexus_work_complete(fs, mine.path, mine.token, NULL, ERR));
    close_store(fs);
}

static void a_step_back_kills_no_lease(void)
{
    lease mine;
    nexus_fs *fs = open_store("");
    item(fs, "/job", READY);
    mine = claim(fs, NULL, 600000);
    shift_wall_clock(-DAY);
    EXPECT_STR(claimed(fs, NULL, 9), "");
    OK(nexus_work_heartbeat(fs, mine.path, mine.token, 600000, ERR));
    OK(nexus_work_complete(fs, mine.path, mine.token, NULL, ERR));
    close_store(fs);
}

/* Lets a lease of 40 ms run out while the wall's clock says that it has another day, or that it never began. */
static void expire_across(int64_t step)
{
    int64_t began;
    lease lost, mine;
    nexus_fs *fs = open_store("");
    item(fs, "/job", READY);
    began = true_boot();
    lost = claim(fs, NULL, 40);
    shift_wall_clock(step);
    EXPECT_INT(work_wait(fs, NULL, 60000), 1);
    EXPECT(true_boot() - began >= 40000);
    EXPECT_STR(json(explain(fs, "/job"), "lease_expired"), "true");
    FAILS(LEASE_LOST, nexus_work_heartbeat(fs, lost.path, lost.token, 600000, ERR));
    shift_wall_clock(-step);
    FAILS(LEASE_LOST, nexus_work_complete(fs, lost.path, lost.token, NULL, ERR));
    mine = claim(fs, NULL, 600000);
    EXPECT(mine.token > lost.token);
    close_store(fs);
}

static void a_step_back_revives_no_lease(void)
{
    expire_across(-DAY);
}

static void a_step_forward_revives_no_lease(void)
{
    expire_across(DAY);
}

/* ---- Processes that disagree about the day ------------------------------------------------------- */

static void hold_a_day_ahead(void *user)
{
    int *words = (int *)user;
    lease mine;
    nexus_fs *fs = open_store("");
    shift_wall_clock(DAY);
    mine = claim(fs, "/long", 600000);
    (void)claim(fs, "/short", 1);
    give_word(words[1]);
    EXPECT(wait_for_word(words[2]));
    OK(nexus_work_heartbeat(fs, mine.path, mine.token, 600000, ERR));
    OK(nexus_work_complete(fs, mine.path, mine.token, NULL, ERR));
    close_store(fs);
}

static void look_a_day_behind(void *user)
{
    int *words = (int *)user;
    nexus_fs *fs = open_store("");
    shift_wall_clock(-DAY);
    EXPECT(wait_for_word(words[0]));
    EXPECT_INT(work_wait(fs, NULL, 60000), 1);
    EXPECT_STR(claimed(fs, NULL, 9), "/short");
    give_word(words[3]);
    close_store(fs);
}

static void processes_that_disagree_about_the_day_agree_about_leases(void)
{
    int words[4];
    pid_t crew[2];
    nexus_fs *fs = open_store("");
    item(fs, "/long", READY);
    item(fs, "/short", READY);
    close_store(fs);
    open_pipe(words);
    open_pipe(words + 2);
    crew[0] = spawn(hold_a_day_ahead, words);
    crew[1] = spawn(look_a_day_behind, words);
    close(words[0]), close(words[1]), close(words[2]), close(words[3]);
    join_all(crew, 2);
}

/* ---- What the wall's clock does decide ----------------------------------------------------------- */

struct waiter {
    nexus_fs *fs;
    nexus_status status;
    int32_t available;
};

static void *wait_in_a_thread(void *user)
{
    struct waiter *waiter = (struct waiter *)user;
    waiter->status = nexus_work_wait(waiter->fs, NULL, 60000, &waiter->available, NULL);
    return NULL;
}

static void not_before_goes_by_the_wall_clock_also_for_those_who_wait(void)
{
    struct waiter waiter;
    pthread_t thread;
    uint64_t reads;
    int64_t began;
    lease mine;
    nexus_fs *fs = open_store("");
    item(fs, "/job", READY);
    mine = claim(fs, NULL, 600000);
    OK(nexus_work_fail(fs, mine.path, mine.token, "later", 3600000, ERR));
    EXPECT_STR(claimed(fs, NULL, 9), "");
    memset(&waiter, 0, sizeof waiter);
    waiter.fs = fs;
    reads = wall_clock_reads();
    EXPECT_INT(pthread_create(&thread, NULL, wait_in_a_thread, &waiter), 0);
    /* It has looked at the clock, and knows how long the item has to wait. */
    while (wall_clock_reads() == reads) {
        sched_yield();
    }
    began = true_boot();
    shift_wall_clock(DAY);
    EXPECT_INT(pthread_join(thread, NULL), 0);
    EXPECT_INT(waiter.status, NEXUS_STATUS_OK);
    EXPECT_INT(waiter.available, 1);
    EXPECT(true_boot() - began < 30 * (int64_t)MICROSECONDS);
    EXPECT_STR(claimed(fs, NULL, 9), "/job");
    close_store(fs);
}

#define RUN_AT_TRUE_TIME(test) (shift_wall_clock(0), RUN(test))

static void find_shim(void)
{
    *(void **)&shift_wall_clock = dlsym(RTLD_DEFAULT, "wall_clock_shift");
    *(void **)&wall_clock_reads = dlsym(RTLD_DEFAULT, "wall_clock_reads");
    if (shift_wall_clock == NULL || wall_clock_reads == NULL) {
        fprintf(stderr, "clock_steps: run me with LD_PRELOAD=.../libwall_clock_shift.so\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    find_shim();
    RUN_AT_TRUE_TIME(the_library_sees_the_shifted_wall_clock);
    RUN_AT_TRUE_TIME(a_step_forward_kills_no_lease);
    RUN_AT_TRUE_TIME(a_step_back_kills_no_lease);
    RUN_AT_TRUE_TIME(a_step_back_revives_no_lease);
    RUN_AT_TRUE_TIME(a_step_forward_revives_no_lease);
    RUN_AT_TRUE_TIME(processes_that_disagree_about_the_day_agree_about_leases);
    RUN_AT_TRUE_TIME(not_before_goes_by_the_wall_clock_also_for_those_who_wait);
    return finish();
}
