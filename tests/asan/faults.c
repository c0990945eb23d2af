/* Faults of a host that AddressSanitizer and UBSan have to find: one of them for each name. Without them it ends well. */
#define _GNU_SOURCE
#include <nexus.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int overflow_of_own_memory(void)
{
    char *text = (char *)calloc(8, 1);
    volatile size_t behind = 8;
    int seen = text == NULL ? 0 : text[behind];
    free(text);
    return seen;
}

/* The library's memory is the process's: a host that reads behind it is found too. */
static int overflow_of_a_buffer_of_the_library(nexus_fs *fs)
{
    nexus_buffer *buffer = NULL;
    char content[16] = "sixteen bytes...";
    volatile size_t behind = sizeof content;
    int seen = 0;
    if (nexus_write(fs, "/a", content, sizeof content, NULL) == NEXUS_STATUS_OK
        && nexus_read(fs, "/a", &buffer, NULL) == NEXUS_STATUS_OK)
        seen = ((const char *)nexus_buffer_data(buffer))[behind];
    nexus_buffer_free(buffer);
    return seen;
}

static int use_of_a_freed_entry(nexus_fs *fs)
{
    nexus_entry *entry = NULL;
    if (nexus_write_with(fs, "/a", "x", 1, NULL, &entry, NULL) != NEXUS_STATUS_OK)
        return 0;
    nexus_entry_free(entry);
    return entry->kind;
}

static int a_leaked_entry(nexus_fs *fs)
{
    nexus_entry *entry = NULL;
    return nexus_write_with(fs, "/a", "x", 1, NULL, &entry, NULL) != NEXUS_STATUS_OK;
}

static int undefined_behaviour(void)
{
    volatile int large = 0x7fffffff;
    return large + 1;
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/nexus-asan-XXXXXX";
    char command[64], config[128];
    const char *fault = argc == 2 ? argv[1] : "";
    nexus_fs *fs = NULL;
    int seen = 0;

    if (strcmp(fault, "overflow_of_own_memory") == 0)
        return overflow_of_own_memory();
    if (strcmp(fault, "undefined_behaviour") == 0)
        return undefined_behaviour();
    if (mkdtemp(directory) == NULL)
        return 2;
    snprintf(config, sizeof config, "{\"data_dir\": \"%s/store\"}", directory);
    if (nexus_connect(config, &fs, NULL) != NEXUS_STATUS_OK)
        return 2;
    if (strcmp(fault, "overflow_of_a_buffer_of_the_library") == 0)
        seen = overflow_of_a_buffer_of_the_library(fs);
    else if (strcmp(fault, "use_of_a_freed_entry") == 0)
        seen = use_of_a_freed_entry(fs);
    else if (strcmp(fault, "a_leaked_entry") == 0)
        seen = a_leaked_entry(fs);
    nexus_close(fs, NULL);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command) != 0 ? 2 : seen;
}
