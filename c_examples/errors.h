/* What the examples do about errors: stop at the first one that is not expected, and print those that are.
 *
 *     must(nexus_write(fs, "/notes.txt", "hello", 5, &error));
 *     must_refuse(NEXUS_STATUS_NOT_FOUND, nexus_delete(fs, "/no-such-file", &error));
 *
 * A program with threads gives each of them its own `error`: the library keeps none behind your back.
 */
#ifndef NEXUS_EXAMPLES_ERRORS_H
#define NEXUS_EXAMPLES_ERRORS_H

#include <nexus.h>

#include <stdio.h>
#include <stdlib.h>

/* Where every call of an example puts its error. */
static nexus_error *error = NULL;

static inline void stop_because(const char *file, int line, const char *call, nexus_status status)
{
    const char *message = error != NULL ? nexus_error_message(error) : "no message";
    fflush(stdout);
    fprintf(stderr, "%s:%d: %s\n  gave %s: %s\n", file, line, call, nexus_status_name(status), message);
    exit(EXIT_FAILURE);
}

/* The call has to succeed. */
#define must(call)                                                                                                     \
    do {                                                                                                               \
        nexus_status status_ = (call);                                                                                 \
        if (status_ != NEXUS_STATUS_OK)                                                                                \
            stop_because(__FILE__, __LINE__, #call, status_);                                                          \
    } while (0)

/* The call has to fail with `expected`; prints the message, which is the point of such a call here. */
#define must_refuse(expected, call)                                                                                    \
    do {                                                                                                               \
        nexus_status status_ = (call);                                                                                 \
        if (status_ != (expected))                                                                                     \
            stop_because(__FILE__, __LINE__, #call " was to be refused", status_);                                     \
        printf("  refused: %s\n", nexus_error_message(error));                                                         \
        nexus_error_free(error);                                                                                       \
        error = NULL;                                                                                                  \
    } while (0)

/* Something that has to be true of what the library answered. */
#define must_hold(condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fflush(stdout);                                                                                            \
            fprintf(stderr, "%s:%d: this has to hold: %s\n", __FILE__, __LINE__, #condition);                          \
            exit(EXIT_FAILURE);                                                                                        \
        }                                                                                                              \
    } while (0)

#endif
