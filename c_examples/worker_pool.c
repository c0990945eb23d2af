/* A pool of worker processes that drains a graph of work items, and loses one of its workers on the way.
 *
 *     worker_pool [WORKERS]
 *
 * The work: to count the primes below 10,000,000. Fifty items count a piece each, five add up ten of those, and one
 * adds up the five. The content of an item says what to do; `depends_on` says what has to be completed before. A worker
 * stores its output in the transaction that completes its item, so that an output is there exactly if its item is
 * completed.
 *
 * One worker is killed with kill -9 while it holds an item. Its lease ends, another worker is given the item, and the
 * result is right. However slow or busy the machine is: the piece that it holds waits for a file that is written when
 * the worker is dead.
 */
#include "scratch.h"

#include "errors.h"
#include "json_text.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define JOBS "/primes/jobs/"
#define OUTPUT "/primes/output/"
#define TOTAL JOBS "total"
/* The piece that waits, and for what. */
#define WAITING JOBS "count-00"
#define GO "/primes/go"
#define PIECES 50
#define PIECES_IN_A_SUM 10
#define NUMBERS_IN_A_PIECE 200000
#define PRIMES_BELOW_TEN_MILLION 664579

/* So long after its last sign of life a worker is taken for dead. */
#define LEASE_MS 1000
/* Between two looks at something that others do. */
#define LOOK_AGAIN_MS 10
#define MOST_WORKERS 32

static nexus_fs *open_store(const char *data_dir)
{
    char config[6 * SCRATCH_PATH_MAX + 64];
    char *data_dir_json = json_quote(data_dir);
    nexus_fs *fs = NULL;
    snprintf(config, sizeof config, "{\"data_dir\": %s}", data_dir_json);
    free(data_dir_json);
    must(nexus_connect(config, &fs, &error));
    return fs;
}

/* Returns a metadata value as JSON, to be freed with nexus_string_free; NULL where there is none. */
static char *metadata(nexus_fs *fs, const char *path, const char *key)
{
    char *json = NULL;
    nexus_status status = nexus_get_meta(fs, path, key, &json, &error);
    if (status == NEXUS_STATUS_NOT_FOUND) {
        nexus_error_free(error);
        error = NULL;
    } else if (status != NEXUS_STATUS_OK)
        stop_because(__FILE__, __LINE__, "nexus_get_meta", status);
    return json;
}

/* Returns the number that the file at `path` holds. */
static long read_number(nexus_fs *fs, const char *path)
{
    nexus_buffer *content = NULL;
    char text[32];
    size_t length;
    must(nexus_read(fs, path, &content, &error));
    length = nexus_buffer_len(content);
    must_hold(length < sizeof text);
    memcpy(text, nexus_buffer_data(content), length);
    text[length] = '\0';
    nexus_buffer_free(content);
    return strtol(text, NULL, 10);
}

static void pause_for(long milliseconds)
{
    struct timespec pause;
    pause.tv_sec = milliseconds / 1000;
    pause.tv_nsec = milliseconds % 1000 * 1000000;
    nanosleep(&pause, NULL);
}

/* ---- A worker ----------------------------------------------------------------------------------- */

/* The item that a worker has, and when it last gave a sign of life. */
struct held {
    nexus_fs *fs;
    const char *path;
    uint64_t lease;
    double renewed;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Returns 0 where a call says that the lease was lost, which is no error of the program: another has the item. */
static int is_mine(const char *call, nexus_status status)
{
    if (status == NEXUS_STATUS_LEASE_LOST) {
        nexus_error_free(error);
        error = NULL;
        return 0;
    }
    if (status != NEXUS_STATUS_OK)
        stop_because(__FILE__, __LINE__, call, status);
    return 1;
}

/* Returns whether the item still is this worker's. Work that takes long calls it every now and then. */
static int keep(struct held *held)
{
    int mine;
    if (seconds() - held->renewed < LEASE_MS / 1000.0 / 3)
        return 1;
    mine = is_mine("nexus_work_heartbeat",
                   nexus_work_heartbeat(held->fs, held->path, held->lease, LEASE_MS, &error));
    held->renewed = seconds();
    return mine;
}

/* Waits until there is a file at `path`; returns 0 where the lease was lost meanwhile. */
static int wait_for_file(struct held *held, const char *path)
{
    int32_t there = 0;
    for (;;) {
        must(nexus_exists(held->fs, path, &there, &error));
        if (there)
            return 1;
        if (!keep(held))
            return 0;
        pause_for(LOOK_AGAIN_MS);
    }
}

static int is_prime(long number)
{
    long divisor;
    if (number < 4)
        return number > 1;
    if (number % 2 == 0)
        return 0;
    for (divisor = 3; divisor * divisor <= number; divisor += 2)
        if (number % divisor == 0)
            return 0;
    return 1;
}

/* Counts the primes from `from` to before `to`; returns -1 where the lease was lost meanwhile. */
static long count_primes(struct held *held, long from, long to)
{
    long number, count = 0;
    for (number = from; number < to; number++) {
        if (number % 1000 == 0 && !keep(held))
            return -1;
        count += is_prime(number);
    }
    return count;
}

/* Adds up the outputs of the items that are named in `names`, one in a line. */
static long add_up(nexus_fs *fs, char *names)
{
    char *name;
    long sum = 0;
    for (name = strtok(names, "\n"); name != NULL; name = strtok(NULL, "\n")) {
        char path[256];
        snprintf(path, sizeof path, OUTPUT "%s", name);
        sum += read_number(fs, path);
    }
    return sum;
}

/* Does what the content of the item says. Returns 0 where it cannot be understood. */
static int compute(struct held *held, long *result)
{
    nexus_buffer *content = NULL;
    char *task, awaited[64];
    size_t length;
    long from, to;
    int fields, understood = 1;
    must(nexus_read(held->fs, held->path, &content, &error));
    length = nexus_buffer_len(content);
    task = (char *)malloc(length + 1);
    must_hold(task != NULL);
    memcpy(task, nexus_buffer_data(content), length);
    task[length] = '\0';
    nexus_buffer_free(content);

    fields = sscanf(task, "count %ld %ld after %63s", &from, &to, awaited);
    if (fields >= 2)
        *result = fields == 2 || wait_for_file(held, awaited) ? count_primes(held, from, to) : -1;
    else if (strncmp(task, "add\n", 4) == 0)
        *result = add_up(held->fs, task + 4);
    else
        understood = 0;
    free(task);
    return understood;
}

/* Works on one item. Where the lease is lost meanwhile, nothing is stored. */
static void work_on(struct held *held)
{
    char output[256], number[32];
    nexus_batch *batch = NULL;
    long result = -1;
    if (!compute(held, &result)) {
        is_mine("nexus_work_fail", nexus_work_fail(held->fs, held->path, held->lease,
                                                   "the task cannot be understood", 0, &error));
        return;
    }
    if (result < 0)
        return;
    snprintf(output, sizeof output, OUTPUT "%s", held->path + strlen(JOBS));
    snprintf(number, sizeof number, "%ld", result);
    must(nexus_batch_new(held->fs, &batch, &error));
    must(nexus_batch_write(batch, output, number, strlen(number), NULL, &error));
    must(nexus_batch_complete_work(batch, held->path, held->lease, NULL, &error));
    is_mine("nexus_batch_commit", nexus_batch_commit(batch, NULL, &error));
    nexus_batch_free(batch);
}

static int all_is_done(nexus_fs *fs)
{
    char *status = metadata(fs, TOTAL, "status");
    int done = status != NULL && strcmp(status, "\"completed\"") == 0;
    nexus_string_free(status);
    return done;
}

/* What a worker process does: claim, work, and wait where there is nothing to claim. */
static int be_a_worker(const char *name, const char *data_dir)
{
    nexus_claim_options options = NEXUS_CLAIM_OPTIONS_INIT;
    nexus_fs *fs = open_store(data_dir);
    options.prefix = JOBS;
    options.lease_ms = LEASE_MS;
    while (!all_is_done(fs)) {
        nexus_work_list *items = NULL;
        must(nexus_work_claim(fs, name, &options, &items, &error));
        if (nexus_work_list_len(items) > 0) {
            const nexus_work_item *item = nexus_work_list_at(items, 0);
            struct held held;
            held.fs = fs;
            held.path = item->virtual_path;
            held.lease = item->lease;
            held.renewed = seconds();
            work_on(&held);
        } else {
            int32_t available = 0;
            must(nexus_work_wait(fs, options.prefix, 200, &available, &error));
        }
        nexus_work_list_free(items);
    }
    must(nexus_close(fs, &error));
    return nexus_live_objects() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- The pool ----------------------------------------------------------------------------------- */

static void add_item(nexus_batch *batch, const char *name, const char *task, const char *keys)
{
    char path[256];
    snprintf(path, sizeof path, JOBS "%s", name);
    must(nexus_batch_write(batch, path, task, strlen(task), NULL, &error));
    must(nexus_batch_set_meta_many(batch, path, keys, &error));
}

/* Adds the item `name`, which adds up `count` others that are called by `others` and a number from `first` on. */
static void add_sum(nexus_batch *batch, const char *name, const char *others, int first, int count)
{
    char task[1024] = "add\n";
    char keys[1024] = "{\"status\": \"blocked\", \"depends_on\": [";
    int i;
    for (i = first; i < first + count; i++) {
        snprintf(task + strlen(task), sizeof task - strlen(task), "%s-%02d\n", others, i);
        snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "%s\"" JOBS "%s-%02d\"", i > first ? ", " : "",
                 others, i);
    }
    snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "]}");
    add_item(batch, name, task, keys);
}

/* Makes the whole graph in one transaction; returns how many items it has. */
static int make_graph(nexus_fs *fs)
{
    nexus_batch *batch = NULL;
    char name[32], task[64];
    int i, sums = PIECES / PIECES_IN_A_SUM;
    must(nexus_batch_new(fs, &batch, &error));
    for (i = 0; i < PIECES; i++) {
        snprintf(name, sizeof name, "count-%02d", i);
        snprintf(task, sizeof task, "count %d %d%s", i * NUMBERS_IN_A_PIECE, (i + 1) * NUMBERS_IN_A_PIECE,
                 i == 0 ? " after " GO : "");
        add_item(batch, name, task, "{\"status\": \"ready\"}");
    }
    for (i = 0; i < sums; i++) {
        snprintf(name, sizeof name, "sum-%02d", i);
        add_sum(batch, name, "count", i * PIECES_IN_A_SUM, PIECES_IN_A_SUM);
    }
    add_sum(batch, "total", "sum", 0, sums);
    must(nexus_batch_commit(batch, NULL, &error));
    nexus_batch_free(batch);
    return PIECES + sums + 1;
}

static unsigned long long completed(nexus_fs *fs)
{
    char *stats = NULL;
    unsigned long long number;
    must(nexus_work_stats(fs, JOBS, &stats, &error));
    number = json_number(stats, "completed");
    nexus_string_free(stats);
    return number;
}

/* A worker process; pid 0 where it has ended. */
struct worker {
    char name[24];
    pid_t pid;
};

static struct worker workers[MOST_WORKERS];
static int started = 0;

/* Whatever ends this program, no worker stays behind. */
static void end_workers(void)
{
    int i;
    for (i = 0; i < MOST_WORKERS; i++)
        if (workers[i].pid != 0) {
            kill(workers[i].pid, SIGKILL);
            waitpid(workers[i].pid, NULL, 0);
        }
}

/* Starts this program once more, as a worker with a name of its own. The store is open here, so the child has to call
 * exec before it may use Nexus. */
static void start_worker(struct worker *worker, char *program, char *data_dir)
{
    char option[] = "--worker";
    char *arguments[] = {program, option, NULL, data_dir, NULL};
    pid_t pool = getpid();
    snprintf(worker->name, sizeof worker->name, "worker-%d", ++started);
    arguments[2] = worker->name;
    fflush(stdout);
    worker->pid = fork();
    if (worker->pid == 0) {
        /* If the pool is killed itself, it cannot end its workers. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == pool)
            execvp(program, arguments);
        _exit(127);
    }
    must_hold(worker->pid > 0);
}

/* Stops, as a worker has ended in another way than it should have. */
static void stop_because_of(const struct worker *worker, int state)
{
    fflush(stdout);
    if (WIFSIGNALED(state))
        fprintf(stderr, "%s was ended by signal %d\n", worker->name, WTERMSIG(state));
    else
        fprintf(stderr, "%s ended with status %d\n", worker->name, WEXITSTATUS(state));
    exit(EXIT_FAILURE);
}

/* Waits for a worker that ends by itself. */
static void wait_for(struct worker *worker)
{
    int state = 0;
    must_hold(waitpid(worker->pid, &state, 0) == worker->pid);
    worker->pid = 0;
    if (!WIFEXITED(state) || WEXITSTATUS(state) != EXIT_SUCCESS)
        stop_because_of(worker, state);
}

static void kill_worker(struct worker *worker)
{
    int state = 0;
    must_hold(kill(worker->pid, SIGKILL) == 0);
    must_hold(waitpid(worker->pid, &state, 0) == worker->pid);
    worker->pid = 0;
    if (!WIFSIGNALED(state))
        stop_because_of(worker, state);
}

/* No worker may end before all is done. */
static void expect_all_running(void)
{
    int i, state = 0;
    for (i = 0; i < MOST_WORKERS; i++)
        if (workers[i].pid != 0 && waitpid(workers[i].pid, &state, WNOHANG) != 0) {
            workers[i].pid = 0;
            stop_because_of(&workers[i], state);
        }
}

/* Returns the worker that has the item at `path` in its hands, NULL where none has. */
static struct worker *find_holder(nexus_fs *fs, const char *path)
{
    struct worker *holder = NULL;
    char *status = metadata(fs, path, "status");
    char *by = metadata(fs, path, "worker_id");
    int i;
    for (i = 0; i < MOST_WORKERS && status != NULL && by != NULL && strcmp(status, "\"in_progress\"") == 0; i++) {
        char *name = json_quote(workers[i].name);
        if (strcmp(name, by) == 0)
            holder = &workers[i];
        free(name);
    }
    nexus_string_free(by);
    nexus_string_free(status);
    return holder;
}

/* Kills a worker with an item in its hands, once some are completed, and returns which. One that turns out to have lost
 * its item just before is replaced, and the next one killed. */
static struct worker *kill_one_with_an_item(nexus_fs *fs, char *program, char *data_dir)
{
    for (;;) {
        struct worker *victim = completed(fs) >= PIECES / 5 ? find_holder(fs, WAITING) : NULL;
        if (victim == NULL) {
            expect_all_running();
            pause_for(LOOK_AGAIN_MS);
            continue;
        }
        kill_worker(victim);
        if (find_holder(fs, WAITING) == victim)
            return victim;
        start_worker(victim, program, data_dir);
    }
}

/* Checks that another worker than `worker` has completed the item at `path`, in a later attempt. */
static void check_that_it_was_taken_over(nexus_fs *fs, const char *path, const char *worker)
{
    char *status = metadata(fs, path, "status");
    char *by = metadata(fs, path, "worker_id");
    char *attempts = metadata(fs, path, "attempts");
    char *dead = json_quote(worker);
    must_hold(status != NULL && strcmp(status, "\"completed\"") == 0);
    must_hold(by != NULL && strcmp(by, dead) != 0);
    must_hold(attempts != NULL && strtol(attempts, NULL, 10) > 1);
    free(dead);
    nexus_string_free(attempts);
    nexus_string_free(by);
    nexus_string_free(status);
}

int main(int argc, char **argv)
{
    char data_dir[SCRATCH_PATH_MAX + 16];
    int count = 4, i, items;
    struct worker *lost;
    nexus_fs *fs;

    if (argc == 4 && strcmp(argv[1], "--worker") == 0)
        return be_a_worker(argv[2], argv[3]);
    if (argc == 2)
        count = atoi(argv[1]);
    if (argc > 2 || count < 2 || count > MOST_WORKERS) {
        fprintf(stderr, "usage: %s [WORKERS], 2 to %d\n", argv[0], MOST_WORKERS);
        return 2;
    }
    snprintf(data_dir, sizeof data_dir, "%s/store", scratch_create());
    atexit(end_workers);
    fs = open_store(data_dir);
    items = make_graph(fs);
    printf("%d work items, %d workers\n", items, count);
    for (i = 0; i < count; i++)
        start_worker(&workers[i], argv[0], data_dir);

    lost = kill_one_with_an_item(fs, argv[0], data_dir);
    printf("a worker was killed with an item in its hands\n");
    must(nexus_write(fs, GO, NULL, 0, &error));
    for (i = 0; i < count; i++)
        if (&workers[i] != lost)
            wait_for(&workers[i]);
    check_that_it_was_taken_over(fs, WAITING, lost->name);
    printf("another was given it when the lease had ended, and completed it\n");
    must_hold(completed(fs) == (unsigned long long)items);
    printf("all %d items are completed\n", items);
    must_hold(read_number(fs, OUTPUT "total") == PRIMES_BELOW_TEN_MILLION);
    printf("there are %ld primes below %d\n", read_number(fs, OUTPUT "total"), PIECES * NUMBERS_IN_A_PIECE);

    must(nexus_close(fs, &error));
    must_hold(nexus_live_objects() == 0);
    return EXIT_SUCCESS;
}
