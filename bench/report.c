#include "report.h"

#include <nexus.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "measure.h"
#include "options.h"

/* The type of the mount with the longest mount point above `dir`. */
static void find_filesystem(const char *dir, char *type, size_t size)
{
    char *path = realpath(dir, NULL);
    FILE *mounts = fopen("/proc/self/mountinfo", "r");
    char line[4096];
    size_t longest = 0;
    snprintf(type, size, "unknown");
    while (path != NULL && mounts != NULL && fgets(line, sizeof line, mounts) != NULL) {
        char point[1024];
        char name[64];
        const char *tail = strstr(line, " - ");
        if (sscanf(line, "%*s %*s %*s %*s %1023s", point) != 1 || tail == NULL ||
            sscanf(tail, " - %63s", name) != 1) {
            continue;
        }
        size_t length = strcmp(point, "/") == 0 ? 0 : strlen(point);
        if (length >= longest && strncmp(path, point, length) == 0 &&
            (path[length] == '/' || path[length] == '\0')) {
            longest = length;
            snprintf(type, size, "%s", name);
        }
    }
    if (mounts != NULL) {
        fclose(mounts);
    }
    free(path);
}

static void find_processor(char *name, size_t size)
{
    char line[512];
    FILE *info = fopen("/proc/cpuinfo", "r");
    snprintf(name, size, "unknown");
    while (info != NULL && fgets(line, sizeof line, info) != NULL) {
        const char *value = strstr(line, ": ");
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            snprintf(name, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
            break;
        }
    }
    if (info != NULL) {
        fclose(info);
    }
}

machine describe_machine(const char *dir)
{
    machine here = {.cores = sysconf(_SC_NPROCESSORS_ONLN)};
    struct utsname kernel;
    find_processor(here.processor, sizeof here.processor);
    find_filesystem(dir, here.filesystem, sizeof here.filesystem);
    if (uname(&kernel) == 0) {
        snprintf(here.kernel, sizeof here.kernel, "%.40s %.60s %.20s", kernel.sysname,
                 kernel.release, kernel.machine);
    }
    if (getloadavg(&here.load, 1) != 1) {
        here.load = -1;
    }
    return here;
}

/* Whether the target can be held against what was measured. */
static int is_judged(const result *finished)
{
    switch (finished->of->target_kind) {
    case RATIO_AT_LEAST:
        return finished->measured[0] && finished->measured[1];
    case SECONDS_BELOW:
        return finished->measured[0];
    case NO_TARGET:
        break;
    }
    return 0;
}

void conclude(result *finished)
{
    for (int side = 0; side < 2; side++) {
        if (finished->measured[side]) {
            finished->figures[side] = median(finished->samples[side], finished->runs);
        }
    }
    const double *figures = finished->figures;
    if (finished->measured[0] && finished->measured[1]) {
        finished->ratio = finished->of->unit == SECONDS ? figures[1] / figures[0]
                                                        : figures[0] / figures[1];
    }
    double target = finished->of->target;
    finished->missed = is_judged(finished) && (finished->of->target_kind == SECONDS_BELOW
                                                   ? figures[0] >= target
                                                   : finished->ratio < target);
}

void print_machine(const machine *here)
{
    printf("%s, %ld cores, %s, %s, load %.2f\n", here->processor, here->cores, here->filesystem,
           here->kernel, here->load);
    printf("Nexus %s; SQLite %s on both sides; medians of %u runs, both sides in turn; "
           "housekeeping %s%s\n\n",
           nexus_version(), sqlite3_libversion(), bench_settings.runs,
           bench_settings.housekeeping ? "on" : "off", bench_settings.quick ? "; quick" : "");
}

void print_header(void)
{
    printf("%-17s %8s %14s %14s %7s %9s %s\n", "case", "count", "nexus", "raw", "ratio", "target",
           "result");
}

static void format_figure(const result *finished, int side, char *text, size_t size)
{
    static const char *const suffixes[] = {
        [FILES_PER_SECOND] = "files/s", [ITEMS_PER_SECOND] = "items/s",
        [CALLS_PER_SECOND] = "calls/s",
        [ROWS_PER_SECOND] = "rows/s",   [MIB_PER_SECOND] = "MiB/s",
    };
    double figure = finished->figures[side];
    if (!finished->measured[side]) {
        snprintf(text, size, "-");
    } else if (finished->of->unit == SECONDS) {
        snprintf(text, size, figure < 1e-4 ? "%.4f ms" : "%.3f ms", figure * 1e3);
    } else {
        snprintf(text, size, "%.0f %s", figure, suffixes[finished->of->unit]);
    }
}

void print_result(const result *finished)
{
    char figures[2][32];
    char ratio[16] = "-";
    char target[32] = "-";
    const char *verdict = is_judged(finished) ? (finished->missed ? " miss" : " ok") : "";
    for (int side = 0; side < 2; side++) {
        format_figure(finished, side, figures[side], sizeof figures[side]);
    }
    if (finished->ratio > 0) {
        snprintf(ratio, sizeof ratio, "%.2f", finished->ratio);
    }
    if (finished->of->target_kind == RATIO_AT_LEAST) {
        snprintf(target, sizeof target, ">= %.1f", finished->of->target);
    } else if (finished->of->target_kind == SECONDS_BELOW) {
        snprintf(target, sizeof target, "< %g ms", finished->of->target * 1e3);
    }
    printf("%-17s %8zu %14s %14s %7s %9s%s%s\n", finished->of->name, finished->count,
           figures[0], figures[1], ratio, target, verdict,
           finished->of->second_is_nexus ? " (second figure: Nexus too)" : "");
    fflush(stdout);
}

static void write_samples(FILE *file, const char *name, const result *finished, int side)
{
    fprintf(file, ", \"%s\": ", name);
    if (!finished->measured[side]) {
        fputs("null", file);
        return;
    }
    fprintf(file, "{\"median\": %.9g, \"samples\": [", finished->figures[side]);
    for (size_t i = 0; i < finished->runs; i++) {
        fprintf(file, "%s%.9g", i > 0 ? ", " : "", finished->samples[side][i]);
    }
    fputs("]}", file);
}

static void write_result(FILE *file, const result *finished)
{
    static const char *const units[] = {
        [FILES_PER_SECOND] = "files/s", [ITEMS_PER_SECOND] = "items/s",
        [CALLS_PER_SECOND] = "calls/s",
        [ROWS_PER_SECOND] = "rows/s",   [MIB_PER_SECOND] = "MiB/s",
        [SECONDS] = "s",
    };
    const bench_case *of = finished->of;
    fprintf(file, "    {\"case\": \"%s\", \"title\": \"%s\", \"count\": %zu, \"unit\": \"%s\"",
            of->name, of->title, finished->count, units[of->unit]);
    write_samples(file, "nexus", finished, 0);
    write_samples(file, of->second_is_nexus ? "nexus_second" : "raw", finished, 1);
    if (finished->ratio > 0) {
        fprintf(file, ", \"ratio\": %.4g", finished->ratio);
    }
    if (of->target_kind != NO_TARGET) {
        const char *verdict = finished->missed ? "false" : "true";
        fprintf(file, ", \"target\": {\"%s\": %g}, \"ok\": %s",
                of->target_kind == RATIO_AT_LEAST ? "ratio_at_least" : "seconds_below", of->target,
                is_judged(finished) ? verdict : "null");
    }
    fputs("}", file);
}

void write_json(const char *path, const machine *here, const result *results, size_t count)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fail("cannot write %s", path);
    }
    fprintf(file,
            "{\n  \"machine\": {\"processor\": \"%s\", \"cores\": %ld, \"kernel\": \"%s\","
            " \"filesystem\": \"%s\", \"load\": %.2f},\n",
            here->processor, here->cores, here->kernel, here->filesystem, here->load);
    fprintf(file,
            "  \"nexus\": \"%s\", \"sqlite\": \"%s\", \"runs\": %u, \"quick\": %s,"
            " \"housekeeping\": %s,\n  \"cases\": [\n",
            nexus_version(), sqlite3_libversion(), bench_settings.runs,
            bench_settings.quick ? "true" : "false",
            bench_settings.housekeeping ? "true" : "false");
    for (size_t i = 0; i < count; i++) {
        write_result(file, &results[i]);
        fputs(i + 1 < count ? ",\n" : "\n", file);
    }
    fputs("  ]\n}\n", file);
    if (fclose(file) != 0) {
        fail("cannot write %s", path);
    }
}
