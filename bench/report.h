/* What is printed and what is written to the result file. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "cases.h"

#define RUNS_MAX 100

typedef struct machine {
    char processor[128];
    char kernel[128];
    char filesystem[64];
    long cores;
    double load; /* average of the last minute, before the first case */
} machine;

typedef struct result {
    const bench_case *of;
    size_t count; /* of files or entries */
    int measured[2];
    double samples[2][RUNS_MAX];
    size_t runs;
    double figures[2]; /* medians */
    double ratio;      /* first to second, above 1 if the first is faster; 0 if unknown */
    int missed;
} result;

/* Describes this machine and the filesystem of `dir`. */
machine describe_machine(const char *dir);

/* Works out figures, ratio and whether the target is missed. */
void conclude(result *finished);

void print_machine(const machine *here);
void print_header(void);
void print_result(const result *finished);

/* Writes everything, samples too, as JSON. */
void write_json(const char *path, const machine *here, const result *results, size_t count);

#endif
