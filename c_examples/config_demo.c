/* Four ways to configure a store: JSON, YAML files, several tenants, an admin.
 *
 *     config_demo [DIRECTORY]
 *
 * DIRECTORY holds config-basic.yaml and config-multi-tenant.yaml; without it they are looked for in c_examples/ and in
 * the working directory. The store lives in a temporary directory and goes at the end.
 */
#include "scratch.h"

#include "errors.h"
#include "json_text.h"

#include <string.h>

static char store_directory[SCRATCH_PATH_MAX + 16];

static void set_variable(const char *name, const char *value)
{
    if (setenv(name, value, 1) != 0) {
        perror(name);
        exit(EXIT_FAILURE);
    }
}

static nexus_fs *connect_json(const char *more)
{
    char config[6 * SCRATCH_PATH_MAX + 1024];
    char *quoted = json_quote(store_directory);
    nexus_fs *fs = NULL;
    snprintf(config, sizeof config, "{\"data_dir\": %s%s}", quoted, more);
    free(quoted);
    must(nexus_connect(config, &fs, &error));
    return fs;
}

static void write_text(nexus_fs *fs, const char *path, const char *text)
{
    must(nexus_write(fs, path, text, strlen(text), &error));
    printf("  wrote %s\n", path);
}

/* Prints `"key":{"value":...,"source":...}` from the effective configuration. */
static void print_setting(nexus_fs *fs, const char *key)
{
    char *json = NULL;
    char *quoted = json_quote(key);
    const char *found;
    must(nexus_config(fs, &json, &error));
    found = strstr(json, quoted);
    must_hold(found != NULL);
    printf("  %.*s}\n", (int)strcspn(found, "}"), found);
    free(quoted);
    nexus_string_free(json);
}

static void demo_1_json(void)
{
    nexus_fs *fs = connect_json(", \"durability\": \"normal\", \"cache_size_mb\": 32");

    printf("\n1. JSON, in the program\n");
    write_text(fs, "/documents/hello.txt", "hello");
    /* What holds in the end, and where it comes from. */
    print_setting(fs, "durability");
    print_setting(fs, "cache_size_mb");
    print_setting(fs, "inline_max_bytes");
    must(nexus_close(fs, &error));

    /* No key is accepted and then ignored. */
    fs = NULL;
    must_refuse(NEXUS_STATUS_INVALID_CONFIG, nexus_connect("{\"tenant\": \"acme\"}", &fs, &error));
    must_refuse(NEXUS_STATUS_INVALID_CONFIG, nexus_connect("{\"cache_size_mb\": \"big\"}", &fs, &error));
}

static void demo_2_yaml(const char *basic)
{
    nexus_fs *fs = NULL;

    printf("\n2. YAML: config-basic.yaml\n");
    must(nexus_connect_file(basic, &fs, &error));
    print_setting(fs, "durability");
    write_text(fs, "/documents/from-yaml.txt", "hello");
    must(nexus_close(fs, &error));
}

static void demo_3_multi_tenant(const char *multi_tenant)
{
    nexus_fs *acme = NULL;
    nexus_fs *techinc = NULL;
    nexus_buffer *content = NULL;

    printf("\n3. Several tenants: config-multi-tenant.yaml\n");
    /* The file takes its identity from ${TENANT_ID}; without the variable nothing opens. */
    unsetenv("TENANT_ID");
    must_refuse(NEXUS_STATUS_INVALID_CONFIG, nexus_connect_file(multi_tenant, &acme, &error));

    set_variable("TENANT_ID", "acme");
    must(nexus_connect_file(multi_tenant, &acme, &error));
    set_variable("TENANT_ID", "techinc");
    must(nexus_connect_file(multi_tenant, &techinc, &error));
    print_setting(techinc, "tenant_id");

    write_text(acme, "/ml_models/acme/classifier.bin", "weights");
    write_text(techinc, "/ml_models/techinc/classifier.bin", "other weights");
    must_refuse(NEXUS_STATUS_ACCESS_DENIED, nexus_read(techinc, "/ml_models/acme/classifier.bin", &content, &error));
    must_refuse(NEXUS_STATUS_ACCESS_DENIED, nexus_write(acme, "/catalogue/offers.json", "x", 1, &error));
    must_refuse(NEXUS_STATUS_ACCESS_DENIED, nexus_write(acme, "/documents/hello.txt", "x", 1, &error));

    must(nexus_close(techinc, &error));
    must(nexus_close(acme, &error));
}

static void demo_4_admin(void)
{
    nexus_entries *files = NULL;
    nexus_fs *admin = connect_json(", \"is_admin\": true");
    size_t i;

    printf("\n4. An admin\n");
    write_text(admin, "/catalogue/offers.json", "[]");
    must(nexus_glob(admin, "/ml_models/**", NULL, &files, &error));
    for (i = 0; i < nexus_entries_len(files); i++)
        printf("  sees %s\n", nexus_entries_at(files, i)->path);
    nexus_entries_free(files);
    /* /system and /archives are read-only for admins too, unless the config allows it. */
    must_refuse(NEXUS_STATUS_READ_ONLY, nexus_write(admin, "/system/motd", "x", 1, &error));
    must(nexus_close(admin, &error));

    admin = connect_json(", \"is_admin\": true, \"allow_readonly_writes\": true");
    write_text(admin, "/system/motd", "welcome");
    must(nexus_close(admin, &error));
}

int main(int argc, char **argv)
{
    char basic[SCRATCH_PATH_MAX];
    char multi_tenant[SCRATCH_PATH_MAX];
    const char *directory = argc == 2 ? argv[1] : access("c_examples/config-basic.yaml", R_OK) == 0 ? "c_examples" : ".";

    if (argc > 2 || directory[0] == '-') {
        fprintf(stderr, "usage: %s [DIRECTORY]\n", argv[0]);
        return 2;
    }
    snprintf(basic, sizeof basic, "%s/config-basic.yaml", directory);
    snprintf(multi_tenant, sizeof multi_tenant, "%s/config-multi-tenant.yaml", directory);
    snprintf(store_directory, sizeof store_directory, "%s/store", scratch_create());
    set_variable("NEXUS_DATA_DIR", store_directory); /* both files say data_dir: ${NEXUS_DATA_DIR:-./nexus-data} */

    demo_1_json();
    demo_2_yaml(basic);
    demo_3_multi_tenant(multi_tenant);
    demo_4_admin();

    must_hold(nexus_live_objects() == 0);
    printf("\nThe two YAML files are yours to copy.\n");
    return EXIT_SUCCESS;
}
