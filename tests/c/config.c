/* Opening: where each setting comes from, and that none is accepted and then ignored. */
#include "expect.h"

static void forget_environment(void)
{
    static const char *const names[] = {"NEXUS_MODE", "NEXUS_DATA_DIR", "NEXUS_DB_PATH", "NEXUS_TENANT_ID", "NEXUS_AGENT_ID",
                                        "NEXUS_IS_ADMIN", "NEXUS_STRICT_NAMESPACES", "NEXUS_CONFIG_FILE", "NEXUS_DURABILITY",
                                        "NEXUS_CACHE_SIZE_MB", "NEXUS_INLINE_MAX_BYTES", "NEXUS_BUSY_TIMEOUT_MS",
                                        "NEXUS_HOUSEKEEPING", "NEXUS_URL", "NEXUS_API_KEY", "NEXUS_TIMEOUT"};
    size_t i;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
    setenv("HOME", disk("home"), 1);
    if (chdir(expect_directory) != 0) {
        FAIL("chdir %s: %s", expect_directory, strerror(errno));
    }
}

static char *effective(nexus_fs *fs)
{
    char *config = NULL;
    OK(nexus_config(fs, &config, ERR));
    return keep(config);
}

/* `value (source)` of one key of a handle, which is closed. */
static char *setting_of(nexus_fs *fs, const char *key)
{
    const char *config = effective(fs);
    char *value = json(config, text("%s.value", key)), *source = json(config, text("%s.source", key));
    if (value == NULL || source == NULL) {
        FAIL("the effective configuration does not show %s: %s", key, config);
    }
    close_store(fs);
    return text("%s (%s)", value, source);
}

static nexus_fs *connect_to(const char *config)
{
    nexus_fs *fs = NULL;
    expect_status(__FILE__, __LINE__, config ? config : "nexus_connect(NULL)", nexus_connect(config, &fs, ERR), NEXUS_STATUS_OK);
    return fs;
}

static nexus_fs *connect_to_file(const char *yaml)
{
    nexus_fs *fs = NULL;
    write_disk(disk("explicit.yaml"), yaml);
    expect_status(__FILE__, __LINE__, yaml, nexus_connect_file(disk("explicit.yaml"), &fs, ERR), NEXUS_STATUS_OK);
    return fs;
}

static void an_unknown_key_names_the_nearest_one(void)
{
    forget_environment();
    FAILS(INVALID_CONFIG, try_open("\"tenant_ids\": \"acme\""));
    EXPECT_HAS(message(), "tenant_ids");
    EXPECT_HAS(message(), "'tenant_id'");
    FAILS(INVALID_CONFIG, try_open("\"tenantid\": \"acme\""));
    EXPECT_HAS(message(), "tenant_id");
    FAILS(INVALID_CONFIG, try_open("\"isadmin\": true"));
    EXPECT_HAS(message(), "is_admin");
    FAILS(INVALID_CONFIG, try_open("\"namespaces\": [{\"name\": \"x\", \"read_only\": true}]"));
    EXPECT_HAS(message(), "readonly");
    EXPECT(access(disk("store"), F_OK) != 0);
}

static void wrong_types_and_ranges_are_refused(void)
{
    static const char *const bad[][2] = {
        {"tenant_id", "5"}, {"tenant_id", "[\"acme\"]"}, {"tenant_id", "\"\""}, {"tenant_id", "\".\""}, {"tenant_id", "\"..\""},
        {"tenant_id", "\"a/b\""}, {"agent_id", "\"\""}, {"agent_id", "true"}, {"is_admin", "\"yes\""}, {"is_admin", "1"},
        {"strict_namespaces", "\"true\""}, {"cache_size_mb", "-1"}, {"cache_size_mb", "65537"}, {"cache_size_mb", "1.5"},
        {"cache_size_mb", "\"100\""}, {"inline_max_bytes", "1048577"}, {"inline_max_bytes", "-1"}, {"busy_timeout_ms", "-1"},
        {"durability", "\"fast\""}, {"durability", "1"}, {"housekeeping", "\"on\""}, {"mode", "\"cluster\""}, {"mode", "null"},
        {"namespaces", "{}"}, {"namespaces", "[1]"}, {"namespaces", "[{\"readonly\": true}]"}, {"db_path", "5"}, {"data_dir", "5"},
        {"timeout", "\"soon\""}, {"url", "5"}, {"enable_llm_cache", "1"},
    };
    size_t i;
    forget_environment();
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nexus_fs *fs = NULL;
        const char *config = text("{\"%s\": %s}", bad[i][0], bad[i][1]);
        if (nexus_connect(config, &fs, ERR) != NEXUS_STATUS_INVALID_CONFIG) {
            FAIL("%s was not refused as INVALID_CONFIG; message: %s", config, message());
        }
        EXPECT_HAS(message(), bad[i][0]);
    }
    FAILS(INVALID_CONFIG, try_open("\"tenant_id\": 5"));
    EXPECT_HAS(message(), "integer");
    EXPECT(access(disk("nexus-data"), F_OK) != 0);
}

static void what_is_no_object_is_refused(void)
{
    static const char *const bad[] = {"", "[]", "null", "{", "\"./nexus-data\"", "{\"data_dir\": \"x\"} trailing"};
    size_t i;
    forget_environment();
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nexus_fs *fs = NULL;
        if (nexus_connect(bad[i], &fs, ERR) != NEXUS_STATUS_INVALID_CONFIG) {
            FAIL("\"%s\" was not refused as INVALID_CONFIG; message: %s", bad[i], message());
        }
        EXPECT(fs == NULL);
    }
}

static void the_server_modes_are_not_supported_yet(void)
{
    forget_environment();
    FAILS(UNSUPPORTED, try_open("\"mode\": \"monolithic\""));
    FAILS(UNSUPPORTED, try_open("\"mode\": \"distributed\", \"url\": \"https://nexus.example\", \"api_key\": \"secret\""));
    EXPECT_LACKS(message(), "secret");
    OK(try_open("\"mode\": \"embedded\""));
}

static void explicit_beats_environment_beats_file_beats_default(void)
{
    nexus_fs *fs;
    const char *base = text("\"data_dir\": \"%s/store\"", expect_directory);
    const char *automatic = text("{%s, \"config_file\": \"auto\"}", base);
    forget_environment();
    EXPECT_STR(setting_of(connect_to(text("{%s}", base)), "busy_timeout_ms"), "30000 (\"default\")");
    write_disk(disk("nexus.yaml"), "busy_timeout_ms: 1111\ninline_max_bytes: 2222\ndurability: normal\n");
    EXPECT_STR(setting_of(connect_to(automatic), "busy_timeout_ms"), "1111 (\"file\")");
    setenv("NEXUS_BUSY_TIMEOUT_MS", "3333", 1);
    EXPECT_STR(setting_of(connect_to(automatic), "busy_timeout_ms"), "3333 (\"environment\")");
    EXPECT_STR(setting_of(connect_to(automatic), "inline_max_bytes"), "2222 (\"file\")");
    EXPECT_STR(setting_of(connect_to(text("{%s, \"config_file\": \"auto\", \"busy_timeout_ms\": 4444}", base)), "busy_timeout_ms"), "4444 (\"explicit\")");
    EXPECT_STR(setting_of(connect_to(automatic), "durability"), "\"normal\" (\"file\")");
    setenv("NEXUS_DURABILITY", "full", 1);
    EXPECT_STR(setting_of(connect_to(automatic), "durability"), "\"full\" (\"environment\")");
    /* An explicit config is never surprised by a file in the working directory. */
    EXPECT_STR(setting_of(connect_to(text("{%s}", base)), "inline_max_bytes"), "65536 (\"default\")");
    fs = connect_to_file(text("data_dir: %s/store\nbusy_timeout_ms: 5555\n", expect_directory));
    EXPECT_STR(setting_of(fs, "busy_timeout_ms"), "5555 (\"explicit\")");
    setenv("NEXUS_BUSY_TIMEOUT_MS", "soon", 1);
    FAILS(INVALID_CONFIG, nexus_connect(automatic, &fs, ERR));
    EXPECT_HAS(message(), "NEXUS_BUSY_TIMEOUT_MS");
}

static void a_config_file_is_discovered_for_null(void)
{
    nexus_fs *fs = NULL;
    forget_environment();
    EXPECT_INT(mkdir(disk("home"), 0700), 0);
    EXPECT_INT(mkdir(disk("home/.nexus"), 0700), 0);
    write_disk(disk("home/.nexus/config.yaml"), "tenant_id: from-home\n");
    EXPECT_STR(setting_of(connect_to(NULL), "tenant_id"), "\"from-home\" (\"file\")");
    write_disk(disk("nexus.yml"), "tenant_id: from-yml\n");
    EXPECT_STR(setting_of(connect_to(NULL), "tenant_id"), "\"from-yml\" (\"file\")");
    write_disk(disk("nexus.yaml"), "tenant_id: from-yaml\n");
    EXPECT_STR(setting_of(connect_to(NULL), "tenant_id"), "\"from-yaml\" (\"file\")");
    write_disk(disk("named.yaml"), "tenant_id: named\n");
    EXPECT_STR(setting_of(connect_to("{\"config_file\": \"named.yaml\"}"), "tenant_id"), "\"named\" (\"file\")");
    setenv("NEXUS_CONFIG_FILE", "named.yaml", 1);
    EXPECT_STR(setting_of(connect_to(NULL), "tenant_id"), "\"named\" (\"file\")");
    EXPECT_STR(setting_of(connect_to("{}"), "tenant_id"), "null (\"default\")");
    FAILS(INVALID_CONFIG, nexus_connect("{\"config_file\": \"missing.yaml\"}", &fs, ERR));
    /* The data directory of all of these. */
    EXPECT_INT(access(disk("nexus-data/metadata.db"), F_OK), 0);
}

static void identity_is_taken_as_a_unit(void)
{
    const char *base = text("\"data_dir\": \"%s/store\"", expect_directory);
    forget_environment();
    setenv("NEXUS_TENANT_ID", "acme", 1);
    setenv("NEXUS_AGENT_ID", "bot", 1);
    EXPECT_STR(setting_of(connect_to(text("{%s}", base)), "tenant_id"), "\"acme\" (\"environment\")");
    EXPECT_STR(setting_of(connect_to(text("{%s}", base)), "agent_id"), "\"bot\" (\"environment\")");
    /* Naming any of the three takes all three from there. */
    EXPECT_HAS(setting_of(connect_to(text("{%s, \"tenant_id\": \"other\"}", base)), "agent_id"), "null");
    EXPECT_HAS(setting_of(connect_to(text("{%s, \"agent_id\": \"solo\"}", base)), "tenant_id"), "null");
    EXPECT_HAS(setting_of(connect_to(text("{%s, \"is_admin\": true}", base)), "tenant_id"), "null");
    write_disk(disk("nexus.yaml"), "tenant_id: filed\nis_admin: true\n");
    unsetenv("NEXUS_TENANT_ID");
    EXPECT_HAS(setting_of(connect_to(text("{%s, \"config_file\": \"auto\"}", base)), "is_admin"), "false");
    EXPECT_HAS(setting_of(connect_to(text("{%s, \"config_file\": \"auto\"}", base)), "tenant_id"), "null");
}

static void an_environment_makes_no_admin_of_an_explicit_config(void)
{
    const char *base = text("\"data_dir\": \"%s/store\"", expect_directory);
    forget_environment();
    setenv("NEXUS_IS_ADMIN", "true", 1);
    EXPECT_HAS(setting_of(connect_to(text("{%s}", base)), "is_admin"), "false");
    EXPECT_HAS(setting_of(connect_to(text("{%s, \"config_file\": \"auto\"}", base)), "is_admin"), "true");
    EXPECT_HAS(setting_of(connect_to(NULL), "is_admin"), "true");
}

static void the_documented_variables_bind_a_handle(void)
{
    nexus_buffer *buffer = NULL;
    nexus_fs *fs = open_store("");
    put(fs, "/workspace/other/bot/secret", "x");
    close_store(fs);
    forget_environment();
    setenv("NEXUS_TENANT_ID", "acme", 1);
    setenv("NEXUS_DATA_DIR", disk("store"), 1);
    fs = connect_to(NULL);
    FAILS(ACCESS_DENIED, nexus_read(fs, "/workspace/other/bot/secret", &buffer, ERR));
    close_store(fs);
    setenv("NEXUS_TENANT_ID", "", 1);
    FAILS(INVALID_CONFIG, nexus_connect(NULL, &fs, ERR));
    EXPECT_HAS(message(), "NEXUS_TENANT_ID");
}

static void yaml_expands_variables(void)
{
    nexus_fs *fs = NULL;
    forget_environment();
    setenv("WHO", "acme", 1);
    unsetenv("NOBODY");
    EXPECT_HAS(setting_of(connect_to_file(text("data_dir: %s/store\ntenant_id: ${WHO}\n", expect_directory)), "tenant_id"), "\"acme\"");
    EXPECT_HAS(setting_of(connect_to_file(text("data_dir: %s/store\ntenant_id: x-${WHO}-y\n", expect_directory)), "tenant_id"), "\"x-acme-y\"");
    EXPECT_HAS(setting_of(connect_to_file(text("data_dir: %s/store\ntenant_id: ${NOBODY:-fallback}\n", expect_directory)), "tenant_id"), "\"fallback\"");
    EXPECT_HAS(setting_of(connect_to_file(text("data_dir: %s/store\ntenant_id: ${WHO:-fallback}\n", expect_directory)), "tenant_id"), "\"acme\"");
    write_disk(disk("bad.yaml"), "tenant_id: ${NOBODY}\n");
    FAILS(INVALID_CONFIG, nexus_connect_file(disk("bad.yaml"), &fs, ERR));
    EXPECT_HAS(message(), "NOBODY");
}

static void yaml_is_checked_like_json(void)
{
    nexus_fs *fs = NULL;
    forget_environment();
    close_store(connect_to_file(""));
    close_store(connect_to_file("# nothing but a comment\n"));
    write_disk(disk("bad.yaml"), "tennant_id: acme\n");
    FAILS(INVALID_CONFIG, nexus_connect_file(disk("bad.yaml"), &fs, ERR));
    EXPECT_HAS(message(), "tenant_id");
    write_disk(disk("bad.yaml"), "tenant_id: 5\n");
    FAILS(INVALID_CONFIG, nexus_connect_file(disk("bad.yaml"), &fs, ERR));
    write_disk(disk("bad.yaml"), "- a\n- list\n");
    FAILS(INVALID_CONFIG, nexus_connect_file(disk("bad.yaml"), &fs, ERR));
    write_disk(disk("bad.yaml"), "tenant_id: [unclosed\n");
    FAILS(INVALID_CONFIG, nexus_connect_file(disk("bad.yaml"), &fs, ERR));
    FAILS(INVALID_CONFIG, nexus_connect_file(disk("missing.yaml"), &fs, ERR));
    EXPECT(fs == NULL);
    fs = connect_to_file(text("data_dir: %s/store\ntenant_id: acme\nnamespaces:\n  - name: analytics\n    readonly: false\n"
                              "mounts:\n  - {name: m, path: /m, backend: local, root: %s/m}\n",
                              expect_directory, expect_directory));
    put(fs, "/analytics/acme/a", "x");
    OK(nexus_write(fs, "/m/large", noise(LARGE, 1), LARGE, ERR));
    EXPECT_STR(look(fs, "/m/large").backend_name, "m");
    close_store(fs);
}

static void a_yaml_identity_without_a_value_opens_nothing(void)
{
    static const char *const keys[] = {"tenant_id", "agent_id", "is_admin"};
    nexus_fs *fs = NULL;
    size_t i;
    forget_environment();
    setenv("EMPTY", "", 1);
    for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        write_disk(disk("bad.yaml"), text("data_dir: %s/store\n%s:\n", expect_directory, keys[i]));
        FAILS(INVALID_CONFIG, nexus_connect_file(disk("bad.yaml"), &fs, ERR));
        EXPECT_HAS(message(), keys[i]);
        EXPECT_HAS(message(), "no value");
        write_disk(disk("nexus.yaml"), text("data_dir: %s/store\n%s: # rendered from nothing\n", expect_directory, keys[i]));
        FAILS(INVALID_CONFIG, nexus_connect(NULL, &fs, ERR));
        EXPECT_HAS(message(), keys[i]);
        write_disk(disk("bad.yaml"), text("data_dir: %s/store\n%s: ${EMPTY}\n", expect_directory, keys[i]));
        FAILS(INVALID_CONFIG, nexus_connect_file(disk("bad.yaml"), &fs, ERR));
        EXPECT_HAS(message(), keys[i]);
    }
    EXPECT(access(disk("store"), F_OK) != 0);
    EXPECT_STR(setting_of(connect_to_file(text("data_dir: %s/store\ntenant_id: null\n", expect_directory)), "tenant_id"), "null (\"explicit\")");
    EXPECT_STR(setting_of(connect_to_file(text("data_dir: %s/store\ntenant_id: ~\n", expect_directory)), "tenant_id"), "null (\"explicit\")");
}

static void a_url_is_no_path_and_its_credentials_are_not_shown(void)
{
    static const char *const urls[][2] = {
        {"postgresql://user:secret@db/nexus", "'database_url'"}, {"postgres://user:secret@db/nexus", "'database_url'"},
        {"s3://user:secret@bucket/x", "'content_url'"}, {"gs://user:secret@bucket", "'content_url'"},
        {"az://user:secret@container", "'content_url'"}, {"https://user:secret@host/", "'url'"},
        {"file:///srv/user:secret@x", "'content_url'"}, {"mysql://user:secret@db", "'database_url'"},
    };
    static const char *const keys[][2] = {
        {"data_dir", "NEXUS_DATA_DIR"}, {"db_path", "NEXUS_DB_PATH"}, {"config_file", "NEXUS_CONFIG_FILE"}};
    nexus_fs *fs = NULL;
    size_t i, j;
    for (i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        for (j = 0; j < sizeof keys / sizeof keys[0]; j++) {
            forget_environment();
            FAILS(INVALID_CONFIG, nexus_connect(text("{\"%s\": \"%s\"}", keys[j][0], urls[i][0]), &fs, ERR));
            EXPECT_HAS(message(), keys[j][0]);
            EXPECT_HAS(message(), urls[i][1]);
            EXPECT_LACKS(message(), "secret");
            setenv(keys[j][1], urls[i][0], 1);
            FAILS(INVALID_CONFIG, nexus_connect(NULL, &fs, ERR));
            EXPECT_HAS(message(), keys[j][1]);
            EXPECT_HAS(message(), urls[i][1]);
            EXPECT_LACKS(message(), "secret");
        }
        forget_environment();
        FAILS(INVALID_CONFIG, try_open(text("\"mounts\": [{\"name\": \"m\", \"path\": \"/m\", \"root\": \"%s\"}]", urls[i][0])));
        EXPECT_HAS(message(), "mounts[0].root");
        EXPECT_LACKS(message(), "secret");
        FAILS(INVALID_CONFIG, nexus_connect_file(urls[i][0], &fs, ERR));
        EXPECT_LACKS(message(), "secret");
        FAILS(INVALID_CONFIG, nexus_connect(text("{\"mode\": \"%s\"}", urls[i][0]), &fs, ERR));
        EXPECT_LACKS(message(), "secret");
        FAILS(INVALID_CONFIG, nexus_connect(text("{\"tenant_id\": \"%s\"}", urls[i][0]), &fs, ERR));
        EXPECT_LACKS(message(), "secret");
        FAILS(INVALID_CONFIG, nexus_connect(text("{\"%s\": 1}", urls[i][0]), &fs, ERR));
        EXPECT_LACKS(message(), "secret");
    }
    EXPECT(access("postgresql:", F_OK) != 0);
    EXPECT(access("s3:", F_OK) != 0);
    EXPECT(access("file:", F_OK) != 0);
}

static void a_url_names_no_file_of_the_host(void)
{
    static const char *const url = "s3://user:secret@bucket/x";
    nexus_fs *fs;
    forget_environment();
    fs = open_store("");
    put(fs, "/a", "x");
    FAILS(INVALID_ARGUMENT, nexus_backup(fs, url, NULL, NULL, NULL, ERR));
    EXPECT_LACKS(message(), "secret");
    FAILS(INVALID_ARGUMENT, nexus_export_metadata(fs, url, NULL, NULL, NULL, NULL, ERR));
    EXPECT_LACKS(message(), "secret");
    FAILS(INVALID_ARGUMENT, nexus_import_metadata(fs, url, NULL, NULL, NULL, NULL, ERR));
    EXPECT_LACKS(message(), "secret");
    FAILS(INVALID_ARGUMENT, nexus_bundle_export(fs, "postgresql://user:secret@db", NULL, NULL, NULL, NULL, ERR));
    EXPECT_LACKS(message(), "secret");
    FAILS(INVALID_ARGUMENT, nexus_bundle_import(fs, "postgresql://user:secret@db", NULL, NULL, NULL, NULL, ERR));
    EXPECT_LACKS(message(), "secret");
    EXPECT(access("s3:", F_OK) != 0);
    close_store(fs);
}

static void booleans_of_variables_are_those_of_shells(void)
{
    static const char *const yes[] = {"true", "yes", "on", "1", "YES", "On"}, *const no[] = {"false", "no", "off", "0", "NO", "Off"};
    const char *config = text("{\"data_dir\": \"%s/store\"}", expect_directory);
    nexus_fs *fs = NULL;
    size_t i;
    for (i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        forget_environment();
        setenv("NEXUS_STRICT_NAMESPACES", yes[i], 1);
        setenv("NEXUS_HOUSEKEEPING", no[i], 1);
        EXPECT_STR(setting_of(connect_to(config), "strict_namespaces"), "true (\"environment\")");
        EXPECT_STR(setting_of(connect_to(config), "housekeeping"), "false (\"environment\")");
        setenv("NEXUS_DATA_DIR", disk("store"), 1);
        setenv("NEXUS_IS_ADMIN", yes[i], 1);
        EXPECT_STR(setting_of(connect_to(NULL), "is_admin"), "true (\"environment\")");
        EXPECT_STR(setting_of(connect_to_file(text("data_dir: %s/store\nis_admin: ${NEXUS_IS_ADMIN}\n", expect_directory)), "is_admin"),
                   "true (\"explicit\")");
    }
    setenv("NEXUS_STRICT_NAMESPACES", "maybe", 1);
    FAILS(INVALID_CONFIG, nexus_connect(config, &fs, ERR));
    EXPECT_HAS(message(), "NEXUS_STRICT_NAMESPACES");
    EXPECT_LACKS(message(), "maybe");
}

static char heard_lines[4096];

static void hear(void *user, int32_t level, const char *line)
{
    (void)user;
    if (level == NEXUS_LOG_WARN) {
        strncat(heard_lines, line, sizeof heard_lines - strlen(heard_lines) - 1);
    }
}

static void a_malformed_variable_that_nothing_needs_is_reported_in_the_log(void)
{
    forget_environment();
    setenv("NEXUS_STRICT_NAMESPACES", "maybe", 1);
    setenv("NEXUS_CACHE_SIZE_MB", "plenty", 1);
    setenv("NEXUS_IS_ADMIN", "perhaps", 1);
    setenv("NEXUS_DB_PATH", "postgresql://user:secret@db/nexus", 1);
    heard_lines[0] = '\0';
    OK(nexus_set_log_callback(hear, NULL, NEXUS_LOG_WARN, ERR));
    close_store(connect_to(text("{\"data_dir\": \"%s/store\", \"db_path\": \"%s/store/metadata.db\", \"strict_namespaces\": false, "
                                "\"cache_size_mb\": 10}",
                                expect_directory, expect_directory)));
    OK(nexus_set_log_callback(NULL, NULL, 0, ERR));
    EXPECT_HAS(heard_lines, "NEXUS_STRICT_NAMESPACES");
    EXPECT_HAS(heard_lines, "NEXUS_CACHE_SIZE_MB");
    EXPECT_HAS(heard_lines, "NEXUS_IS_ADMIN");
    EXPECT_HAS(heard_lines, "NEXUS_DB_PATH");
    EXPECT_LACKS(heard_lines, "maybe");
    EXPECT_LACKS(heard_lines, "plenty");
    EXPECT_LACKS(heard_lines, "secret");
}

static void a_pipe_is_no_config_file(void)
{
    nexus_fs *fs = NULL;
    forget_environment();
    EXPECT_INT(mkfifo(disk("pipe.yaml"), 0600), 0);
    alarm(60);
    FAILS(INVALID_CONFIG, nexus_connect_file(disk("pipe.yaml"), &fs, ERR));
    FAILS(INVALID_CONFIG, nexus_connect("{\"config_file\": \"pipe.yaml\"}", &fs, ERR));
    alarm(0);
    EXPECT_HAS(message(), "pipe.yaml");
}

static void the_effective_configuration_hides_the_key(void)
{
    const char *config;
    nexus_fs *fs;
    forget_environment();
    fs = open_store("\"api_key\": \"very-secret\", \"url\": \"https://nexus.example\", \"timeout\": 5");
    config = effective(fs);
    EXPECT_LACKS(config, "very-secret");
    EXPECT_STR(json(config, "mode.value"), "\"embedded\"");
    EXPECT_STR(json(config, "api_key.source"), "\"explicit\"");
    EXPECT_STR(json(config, "data_dir.value"), text("\"%s\"", disk("store")));
    close_store(fs);
}

static void the_engine_keeps_its_first_openers_settings(void)
{
    nexus_fs *first, *second;
    forget_environment();
    first = open_store("\"cache_size_mb\": 10, \"housekeeping\": false");
    second = open_store("\"cache_size_mb\": 20, \"busy_timeout_ms\": 7");
    EXPECT_STR(json(effective(first), "cache_size_mb.value"), "10");
    EXPECT_STR(json(effective(first), "cache_size_mb.source"), "\"explicit\"");
    EXPECT_STR(json(effective(second), "cache_size_mb.value"), "10");
    EXPECT_STR(json(effective(second), "cache_size_mb.source"), "\"engine\"");
    EXPECT_STR(json(effective(second), "housekeeping.value"), "false");
    EXPECT_STR(json(effective(second), "busy_timeout_ms.value"), "7");
    close_store(first);
    close_store(second);
}

static void readonly_writes_take_an_admin(void)
{
    nexus_fs *fs;
    forget_environment();
    FAILS(INVALID_CONFIG, try_open("\"allow_readonly_writes\": true"));
    EXPECT_HAS(message(), "is_admin");
    fs = open_store("\"allow_readonly_writes\": true, \"is_admin\": true");
    put(fs, "/archives/acme/a", "x");
    put(fs, "/system/a", "x");
    close_store(fs);
    fs = open_store("\"is_admin\": true");
    FAILS(READ_ONLY, nexus_write(fs, "/archives/acme/a", BYTES("y"), ERR));
    FAILS(READ_ONLY, nexus_delete(fs, "/system/a", ERR));
    EXPECT_STR(get(fs, "/system/a"), "x");
    close_store(fs);
}

static void the_data_directory_is_private(void)
{
    struct stat info;
    nexus_fs *fs;
    forget_environment();
    umask(0);
    fs = open_store("");
    put(fs, "/a", "x");
    umask(022);
    EXPECT_INT(stat(disk("store"), &info), 0);
    EXPECT_INT(info.st_mode & 0777, 0700);
    EXPECT_INT(access(disk("store/nexus-store"), F_OK), 0);
    close_store(fs);
}

static void the_database_can_live_elsewhere(void)
{
    nexus_fs *fs = NULL;
    forget_environment();
    fs = open_store(text("\"db_path\": \"%s/elsewhere.db\"", expect_directory));
    OK(nexus_write(fs, "/a", noise(LARGE, 1), LARGE, ERR));
    close_store(fs);
    EXPECT_INT(access(disk("elsewhere.db"), F_OK), 0);
    EXPECT(access(disk("store/metadata.db"), F_OK) != 0);
    /* Neither half may be paired with another store's. */
    FAILS(INVALID_CONFIG, try_open(""));
    EXPECT(access(disk("store/metadata.db"), F_OK) != 0);
    FAILS(INVALID_CONFIG, nexus_connect(text("{\"data_dir\": \"%s/other\", \"db_path\": \"%s/elsewhere.db\"}", expect_directory, expect_directory), &fs, ERR));
    fs = open_store(text("\"db_path\": \"%s/elsewhere.db\"", expect_directory));
    EXPECT_CONTENT(fs, "/a", noise(LARGE, 1), LARGE);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(an_unknown_key_names_the_nearest_one);
    RUN(wrong_types_and_ranges_are_refused);
    RUN(what_is_no_object_is_refused);
    RUN(the_server_modes_are_not_supported_yet);
    RUN(explicit_beats_environment_beats_file_beats_default);
    RUN(a_config_file_is_discovered_for_null);
    RUN(identity_is_taken_as_a_unit);
    RUN(an_environment_makes_no_admin_of_an_explicit_config);
    RUN(the_documented_variables_bind_a_handle);
    RUN(yaml_expands_variables);
    RUN(yaml_is_checked_like_json);
    RUN(a_yaml_identity_without_a_value_opens_nothing);
    RUN(a_url_is_no_path_and_its_credentials_are_not_shown);
    RUN(a_url_names_no_file_of_the_host);
    RUN(booleans_of_variables_are_those_of_shells);
    RUN(a_malformed_variable_that_nothing_needs_is_reported_in_the_log);
    RUN(a_pipe_is_no_config_file);
    RUN(the_effective_configuration_hides_the_key);
    RUN(the_engine_keeps_its_first_openers_settings);
    RUN(readonly_writes_take_an_admin);
    RUN(the_data_directory_is_private);
    RUN(the_database_can_live_elsewhere);
    return finish();
}
