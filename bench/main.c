/* Measures Nexus, called through its C functions, beside plain SQLite: the same cases, in the same
 * process, in turn. See docs/benchmarks.md. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"
#include "measure.h"
#include "options.h"
#include "report.h"

settings bench_settings = {.runs = 5, .housekeeping = 1, .cache_mb = 100};

static const char USAGE[] =
    "usage: nexus_bench --dir DIR [--case NAME]... [--quick] [--runs N] [--json FILE]\n"
    "                   [--strict] [--side nexus|raw] [--housekeeping on|off]\n"
    "                   [--count N] [--cache-mb N]\n"
    "                   [--instructions|--pages] [--keep-stores [--prepare]] [--list]\n";

static void list_cases(void)
{
    for (size_t i = 0; i < BENCH_CASE_COUNT; i++) {
        printf("%-17s %s\n", BENCH_CASES[i].name, BENCH_CASES[i].title);
    }
    exit(0);
}

static const char *value_of(int argc, char **argv, int *i)
{
    if (*i + 1 >= argc) {
        fail("%s needs a value\n%s", argv[*i], USAGE);
    }
    return argv[++*i];
}

static void add_case(const char *name)
{
    for (size_t i = 0; i < BENCH_CASE_COUNT; i++) {
        if (strcmp(BENCH_CASES[i].name, name) == 0) {
            if (bench_settings.case_count ==
                sizeof bench_settings.cases / sizeof bench_settings.cases[0]) {
                fail("too many cases");
            }
            bench_settings.cases[bench_settings.case_count++] = name;
            return;
        }
    }
    fail("no case '%s'; --list names them", name);
}

static void read_arguments(int argc, char **argv)
{
    settings *chosen = &bench_settings;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i];
        if (strcmp(option, "--dir") == 0) {
            chosen->dir = value_of(argc, argv, &i);
        } else if (strcmp(option, "--case") == 0) {
            add_case(value_of(argc, argv, &i));
        } else if (strcmp(option, "--json") == 0) {
            chosen->json = value_of(argc, argv, &i);
        } else if (strcmp(option, "--runs") == 0) {
            chosen->runs = (unsigned)strtoul(value_of(argc, argv, &i), NULL, 10);
        } else if (strcmp(option, "--side") == 0) {
            const char *side = value_of(argc, argv, &i);
            if (strcmp(side, "nexus") != 0 && strcmp(side, "raw") != 0) {
                fail("no side '%s'\n%s", side, USAGE);
            }
            chosen->sides = strcmp(side, "nexus") == 0 ? SIDE_NEXUS : SIDE_RAW;
        } else if (strcmp(option, "--housekeeping") == 0) {
            chosen->housekeeping = strcmp(value_of(argc, argv, &i), "off") != 0;
        } else if (strcmp(option, "--quick") == 0) {
            chosen->quick = 1;
        } else if (strcmp(option, "--strict") == 0) {
            chosen->strict = 1;
        } else if (strcmp(option, "--instructions") == 0) {
            chosen->instructions = 1;
        } else if (strcmp(option, "--count") == 0) {
            chosen->count = (size_t)strtoull(value_of(argc, argv, &i), NULL, 10);
        } else if (strcmp(option, "--pages") == 0) {
            chosen->pages = 1;
            chosen->instructions = 1;
        } else if (strcmp(option, "--cache-mb") == 0) {
            chosen->cache_mb = (unsigned)strtoul(value_of(argc, argv, &i), NULL, 10);
        } else if (strcmp(option, "--keep-stores") == 0) {
            chosen->keep_stores = 1;
        } else if (strcmp(option, "--prepare") == 0) {
            chosen->prepare_only = 1;
        } else if (strcmp(option, "--list") == 0) {
            list_cases();
        } else {
            fail("unknown option %s\n%s", option, USAGE);
        }
    }
    if (chosen->dir == NULL || strpbrk(chosen->dir, "\"\\\n") != NULL) {
        fail("--dir is missing or not a plain name\n%s", USAGE);
    }
    if (chosen->runs < 1 || chosen->runs > RUNS_MAX) {
        fail("--runs takes 1 to %d", RUNS_MAX);
    }
    if (chosen->instructions && (chosen->case_count != 1 || chosen->sides == SIDE_BOTH)) {
        fail("--instructions takes one --case and one --side");
    }
}

/* Lets no earlier run's writes be paid for by the next. */
static void settle(void)
{
    int dir = open(bench_settings.dir, O_RDONLY | O_DIRECTORY);
    if (dir < 0 || syncfs(dir) != 0) {
        fail("cannot sync %s", bench_settings.dir);
    }
    close(dir);
}

static void open_store(contender *side, const bench_case *chosen, int place)
{
    char dir[3000];
    snprintf(dir, sizeof dir, "%s/%s-%d-%u", bench_settings.dir, chosen->name, place,
             (unsigned)side->number);
    side->reused = 0;
    if (mkdir(dir, 0700) != 0) {
        if (errno != EEXIST || !bench_settings.keep_stores) {
            fail("cannot make %s", dir);
        }
        side->reused = 1;
    }
    side->opened = side->api->open(dir, chosen->level);
}

static void close_store(contender *side)
{
    if (side->opened != NULL) {
        side->api->close(side->opened);
        side->opened = NULL;
    }
}

typedef void (*prepare_store)(contender *side);

/* What makes the store of the contender in `place`; NULL: nothing. */
static prepare_store preparation(const bench_case *chosen, int place)
{
    return place == 1 && chosen->prepare_second != NULL ? chosen->prepare_second
                                                        : chosen->prepare;
}

static void open_prepared(const bench_case *chosen, contender *side, int place)
{
    if (side->work != NULL) {
        workload_fill(side->work, side->number + 1);
    }
    open_store(side, chosen, place);
    if (preparation(chosen, place) != NULL) {
        preparation(chosen, place)(side);
    }
}

static double run_once(const bench_case *chosen, contender *side, int place, size_t *operations)
{
    if (side->opened == NULL) {
        open_prepared(chosen, side, place);
    }
    settle();
    double figure = chosen->run(side, operations);
    if (chosen->fresh_store) {
        close_store(side);
    }
    return figure;
}

static size_t count_of(const bench_case *chosen)
{
    size_t count = bench_settings.count > 0      ? bench_settings.count
                   : bench_settings.instructions ? chosen->small_count
                   : bench_settings.quick        ? chosen->quick_count
                                                 : chosen->count;
    size_t runs = bench_settings.instructions ? 1 : bench_settings.runs + 1;
    size_t drained = chosen->drains * runs * items_of_a_run();
    return count > drained ? count : drained;
}

static void set_up(const bench_case *chosen, contender *side, int place, size_t count)
{
    side->api = place == 0 || chosen->second_is_nexus ? &nexus_store : &raw_store;
    side->place = place;
    side->threads = chosen->threads[place] > 0 ? chosen->threads[place] : 1;
    if (chosen->tree) {
        side->entries = count;
    } else {
        side->work = workload_new(count, chosen->size);
    }
}

static void forget_cursors(contender *side)
{
    for (size_t i = 0; i < side->cursor_count; i++) {
        free(side->cursors[i]);
    }
    free(side->cursors);
    side->cursors = NULL;
    side->cursor_count = 0;
}

static void tear_down(contender *side)
{
    close_store(side);
    forget_cursors(side);
    workload_free(side->work);
    *side = (contender){0};
}

/* Whether the contender in `place` takes part. */
static int takes_part(const bench_case *chosen, int place)
{
    int nexus = place == 0 || chosen->second_is_nexus;
    return (nexus || (chosen->run != run_find && !chosen->alone)) &&
           bench_settings.sides != (nexus ? SIDE_RAW : SIDE_NEXUS);
}

/* Makes both contenders ready for `chosen`. Cases on one large tree follow each other on the same
 * store: building it takes longer than measuring it. */
static void take_over(const bench_case *before, const bench_case *chosen, contender sides[2])
{
    for (int place = 0; place < 2; place++) {
        if (before != NULL && chosen != NULL && chosen->tree && before->tree &&
            preparation(before, place) == preparation(chosen, place) &&
            (place == 0 || before->second_is_nexus == chosen->second_is_nexus)) {
            forget_cursors(&sides[place]);
        } else {
            tear_down(&sides[place]);
        }
    }
}

/* The first run of each side warms up and does not count. The sides take turns, and take turns in
 * going first. */
static void measure_case(const bench_case *chosen, contender sides[2], result *into)
{
    into->of = chosen;
    into->count = count_of(chosen);
    into->runs = bench_settings.runs;
    for (int place = 0; place < 2; place++) {
        into->measured[place] = takes_part(chosen, place);
        if (into->measured[place] && sides[place].opened == NULL) {
            set_up(chosen, &sides[place], place, into->count);
        }
    }
    for (unsigned run = 0; run <= bench_settings.runs; run++) {
        for (unsigned turn = 0; turn < 2; turn++) {
            int place = (int)((turn + run) % 2);
            size_t operations = 0;
            if (!into->measured[place]) {
                continue;
            }
            sides[place].number = run;
            double figure = run_once(chosen, &sides[place], place, &operations);
            if (run > 0) {
                into->samples[place][run - 1] = figure;
            }
        }
    }
    conclude(into);
}

/* One run, of which valgrind counts the instructions; prints the number of operations. */
static void count_instructions(const bench_case *chosen)
{
    int place = bench_settings.sides == SIDE_NEXUS ? 0 : 1;
    if (!takes_part(chosen, place) || (place == 1 && chosen->second_is_nexus)) {
        fail("%s has no such side", chosen->name);
    }
    contender side = {0};
    size_t operations = 0;
    set_up(chosen, &side, place, count_of(chosen));
    if (bench_settings.prepare_only) {
        open_prepared(chosen, &side, place);
    } else {
        run_once(chosen, &side, place, &operations);
        if (!bench_settings.pages) {
            printf("operations %zu\n", operations);
        }
    }
    tear_down(&side);
}

static int is_chosen(const bench_case *candidate)
{
    if (bench_settings.case_count == 0) {
        return 1;
    }
    for (size_t i = 0; i < bench_settings.case_count; i++) {
        if (strcmp(bench_settings.cases[i], candidate->name) == 0) {
            return 1;
        }
    }
    return 0;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

int main(int argc, char **argv)
{
    read_arguments(argc, argv);
    /* A directory of its own inside, so that no file of the caller's is ever deleted. */
    char dir[2048];
    snprintf(dir, sizeof dir, "%s/run-%ld", bench_settings.dir, (long)getpid());
    if (!bench_settings.keep_stores) {
        if (mkdir(dir, 0700) != 0) {
            fail("cannot make %s", dir);
        }
        bench_settings.dir = dir;
    }

    static result results[64];
    contender sides[2] = {{0}};
    const bench_case *before = NULL;
    size_t count = 0;
    int missed = 0;
    machine here = describe_machine(bench_settings.dir);
    if (!bench_settings.instructions) {
        print_machine(&here);
        print_header();
    }
    for (size_t i = 0; i < BENCH_CASE_COUNT; i++) {
        if (!is_chosen(&BENCH_CASES[i])) {
            continue;
        }
        if (bench_settings.instructions) {
            count_instructions(&BENCH_CASES[i]);
            continue;
        }
        take_over(before, &BENCH_CASES[i], sides);
        before = &BENCH_CASES[i];
        measure_case(before, sides, &results[count]);
        print_result(&results[count]);
        missed |= results[count].missed;
        count++;
    }
    take_over(before, NULL, sides);
    if (bench_settings.json != NULL) {
        write_json(bench_settings.json, &here, results, count);
    }
    /* Only now: some filesystems create files slowly for a while after many were deleted. */
    if (!bench_settings.keep_stores) {
        nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    return missed && bench_settings.strict ? 1 : 0;
}
