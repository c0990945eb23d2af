/* The little JSON that a C program needs here: quoting a string, and picking a number out of a report. A larger
 * program has a JSON library for this. */
#ifndef NEXUS_EXAMPLES_JSON_TEXT_H
#define NEXUS_EXAMPLES_JSON_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns `text` (UTF-8) as a JSON string with its quotes, to be freed; stops the program without memory. */
static inline char *json_quote(const char *text)
{
    char *quoted = (char *)malloc(6 * strlen(text) + 3);
    char *out = quoted;
    if (quoted == NULL) {
        fputs("out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    *out++ = '"';
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20)
            out += sprintf(out, "\\u%04x", byte);
        else {
            if (byte == '"' || byte == '\\')
                *out++ = '\\';
            *out++ = (char)byte;
        }
    }
    *out++ = '"';
    *out = '\0';
    return quoted;
}

/* Returns the number under the first `key` in `json`, or 0 where it does not occur. */
static inline unsigned long long json_number(const char *json, const char *key)
{
    char *quoted = json_quote(key);
    const char *found = strstr(json, quoted);
    unsigned long long number = 0;
    if (found != NULL) {
        found += strlen(quoted);
        found += strspn(found, " \t\r\n:");
        number = strtoull(found, NULL, 10);
    }
    free(quoted);
    return number;
}

#endif
